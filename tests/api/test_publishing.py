"""Which run the public sees: the published one, whatever planners try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from geo.services.publishing import PUBLISHED_RUN
from geo.store import open_store, runs, state
from tests.api.test_app import report_data, take_role
from tests.api.test_jobs import wait_for
from tests.cli.conftest import Run

RUN = ("coverage", "run", "--type", "senior_canteen", "--json", "--minutes")
MARK = "试算，未发布"


def shown(client: TestClient, path: str = "/") -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return report_data(answer.text)["types"][0]["run"]


def trial(client: TestClient) -> str:
    queued = client.post("/api/runs", json={"types": ["senior_canteen"], "minutes": 5})
    found: str = wait_for(client, queued.json()["job_id"])["result"]["run_id"]
    return found


@pytest.fixture
def clients(small_town: Run, store_url: str, tmp_path: Path) -> Any:
    app = create_app(settings_for(store_url, tmp_path / "cache", demo=True))
    with TestClient(app, base_url="http://127.0.0.1") as public:
        planner = TestClient(app, base_url="http://127.0.0.1")
        take_role(planner, "planner")
        yield public, planner


def test_a_trial_over_http_leaves_the_public_page_until_it_is_published(
    small_town: Run, clients: tuple[TestClient, TestClient]
) -> None:
    public, planner = clients
    official = small_town(*RUN, 15).json()["run_id"]
    tried = trial(planner)
    assert tried != official
    assert shown(public) == official == shown(public, "/reports/coverage.html")
    assert [(run["run_id"], run["is_published"]) for run in planner.get("/api/runs").json()["runs"]] == [
        (tried, False),
        (official, True),
    ]
    assert [one["run_id"] for one in planner.get("/api/reports").json()["reports"]] == [tried, official]
    (listed,) = public.get("/api/reports").json()["reports"]
    assert (listed["run_id"], listed["workbook"]) == (official, None)
    assert shown(public, listed["page"]) == official
    hidden = public.get(f"/reports/{tried}.html")
    assert hidden.status_code == 404
    assert official not in hidden.text
    absent = public.get("/reports/cov-000000000000.html")
    assert absent.text.replace("cov-000000000000", tried) == hidden.text
    page = planner.get(f"/reports/{tried}.html")
    assert MARK in page.text
    assert MARK not in public.get("/").text

    published = planner.post(f"/api/runs/{tried}/publish")
    assert published.status_code == 200
    assert published.json()["published_before"] == official
    assert shown(public) == tried == shown(public, f"/reports/{tried}.html")
    assert MARK not in public.get("/").text
    assert public.get(f"/reports/{official}.html").status_code == 404
    assert MARK in planner.get(f"/reports/{official}.html").text


def test_who_may_publish(small_town: Run, clients: tuple[TestClient, TestClient]) -> None:
    public, planner = clients
    run_id = small_town(*RUN, 15).json()["run_id"]
    assert public.post(f"/api/runs/{run_id}/publish").status_code == 401
    take_role(public, "data_steward")
    assert public.post(f"/api/runs/{run_id}/publish").status_code == 403
    assert planner.post("/api/runs/cov-0/publish").status_code == 404


def test_the_command_line_publishes_unless_told_not_to_and_both_are_audited(
    small_town: Run, store_url: str
) -> None:
    first = small_town(*RUN, 15).json()["run_id"]
    tried = small_town(*RUN, 5, "--trial").json()["run_id"]
    with open_store(store_url) as store, store.session(write=False) as session:
        assert state.read_fact(session, PUBLISHED_RUN) == first
        assert {run.run_id for run in runs.list_runs(session)} == {first, tried}
        from geo.store.tables import AuditEntry

        entries = session.query(AuditEntry).filter(AuditEntry.action == "run published").all()
        assert [(entry.subject, entry.actor) for entry in entries] == [(first, "cli")]


def test_a_store_in_which_nothing_was_published_shows_its_newest_run(
    small_town: Run, clients: tuple[TestClient, TestClient]
) -> None:
    public, planner = clients
    assert "还没有覆盖分析" in public.get("/").text
    first = small_town(*RUN, 15, "--trial").json()["run_id"]
    assert shown(public) == first
    second = small_town(*RUN, 5, "--trial").json()["run_id"]
    assert shown(public) == second
    assert public.get(f"/reports/{first}.html").status_code == 404
    assert MARK not in planner.get(f"/reports/{first}.html").text
