"""The audit over HTTP: for audit administrators alone, page by page, checked and whole, and each look on record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from geo.services.audit import export_audit
from geo.store import Store, audit, open_store
from tests.accounts import add_person, fast_hashes, log_in
from tests.cli.conftest import Run
from tests.store.test_audit import take_triggers_off

__all__ = ["fast_hashes"]
pytestmark = pytest.mark.usefixtures("fast_hashes")
PEOPLE = {
    "aud": "audit_administrator", "sys": "system_administrator", "wang": "planner", "li": "data_steward",
}  # fmt: skip

Enter = Callable[[str], TestClient]


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with open_store(store_url) as opened:
        for login, role in PEOPLE.items():
            add_person(opened, login, role)
        yield opened


@pytest.fixture
def enter(store: Store, store_url: str, tmp_path: Path) -> Iterator[Enter]:
    app = create_app(settings_for(store_url, tmp_path / "cache"))
    with TestClient(app, base_url="http://127.0.0.1"):

        def make(login: str) -> TestClient:
            client = TestClient(app, base_url="http://127.0.0.1", headers={"sec-fetch-site": "same-origin"})
            assert log_in(client, login).status_code == 200
            return client

        yield make


def fill(store: Store, number: int) -> None:
    with store.session() as session:
        for one in range(number):
            audit.append(session, "甲" if one % 2 else "乙", f"did {one % 3}", f"thing/{one}", "{}", kind="edit")


def pages(client: TestClient, path: str) -> list[list[Any]]:
    found = []
    while path:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["entries"])
        path = answer.json()["next"]
    return found


def recorded(store: Store, action: str) -> list[tuple[str, str, Any]]:
    with store.session(write=False) as session:
        assert audit.first_broken(session) is None
        found = audit.entries(session, action=action)[::-1]
        return [(one.actor, one.subject, json.loads(one.detail)) for one in found]


def test_entries_are_read_page_by_page_newest_first_each_once(enter: Enter, store: Store) -> None:
    fill(store, 25)
    found = pages(enter("aud"), "/api/audit?limit=10&kind=edit")
    assert [len(one) for one in found] == [10, 10, 5]
    subjects = [one["subject"] for page in found for one in page]
    assert subjects == [f"thing/{number}" for number in reversed(range(25))]
    everything = [one["seq"] for page in pages(enter("aud"), "/api/audit?limit=7") for one in page]
    assert everything == sorted(set(everything), reverse=True)
    assert min(everything) == 1
    exact = pages(enter("aud"), "/api/audit?limit=5&kind=edit&actor=甲")
    assert [len(one) for one in exact] == [5, 5, 2]


def test_filters_narrow_what_is_listed(enter: Enter, store: Store) -> None:
    fill(store, 6)
    client = enter("aud")

    def subjects(query: str) -> list[str]:
        return [one["subject"] for page in pages(client, f"/api/audit?kind=edit&{query}") for one in page]

    assert subjects("actor=甲") == ["thing/5", "thing/3", "thing/1"]
    assert subjects("action=did 1") == ["thing/4", "thing/1"]
    assert subjects("actor=甲&action=did 1") == ["thing/1"]
    today = date.today()
    tomorrow = today + timedelta(days=1)
    assert len(subjects(f"from={today}&to={today}")) == 6
    assert subjects(f"from={tomorrow}") == []
    assert subjects(f"to={today - timedelta(days=1)}") == []
    at = pages(client, "/api/audit?kind=edit")[0][0]["at"]
    before, after = subjects(f"to={at}"), subjects(f"from={at}")
    assert "thing/5" in after
    assert after + before == [f"thing/{number}" for number in reversed(range(6))], "the moment itself is not before it"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("to=2026-02-30", "to"),
        ("from=2026-03-01T08:00:00", "from"),
        ("to=9999-12-31", "to"),
        ("kind=gossip", "kind"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("colour=red", "colour"),
        ("token=x", "token"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_is_allowed(enter: Enter, query: str, field: str) -> None:
    answer = enter("aud").get(f"/api/audit?{query}")
    assert answer.status_code == 400, answer.text
    assert field in answer.text


def test_a_page_token_fits_its_question_alone(enter: Enter, store: Store) -> None:
    fill(store, 5)
    client = enter("aud")
    following = client.get("/api/audit?limit=2&kind=edit").json()["next"]
    assert client.get(following).status_code == 200
    assert client.get(following.replace("kind=edit", "kind=login")).status_code == 400


def test_the_chain_is_checked_and_what_is_wrong_is_named(enter: Enter, store: Store) -> None:
    fill(store, 5)
    client = enter("aud")
    whole = client.get("/api/audit/verify").json()
    assert whole["is_whole"] is True
    assert whole["findings"] == []
    assert whole["entries"] == whole["count"] >= 6
    with store.session() as session:
        take_triggers_off(session, store.kind)
        session.execute(text("UPDATE audit_log SET actor = 'nobody' WHERE subject = 'thing/2'"))
    found = client.get("/api/audit/verify").json()
    assert found["is_whole"] is False
    assert "edited" in {one["problem"] for one in found["findings"]}
    assert all(one["message_zh"] and one["message_en"] for one in found["findings"])


def test_the_export_is_what_the_command_writes(enter: Enter, store: Store, tmp_path: Path) -> None:
    fill(store, 2_500)
    answer = enter("aud").get("/api/audit/export")
    assert answer.headers["content-type"] == "application/jsonl"
    assert f"audit-{date.today()}.jsonl" in answer.headers["content-disposition"]
    export_audit(store, tmp_path / "a.jsonl", form="jsonl")
    sent, written = answer.text.splitlines(), (tmp_path / "a.jsonl").read_text("utf-8").splitlines()
    # The command was on record itself before it wrote.
    assert sent[:-1] == written[:-2]
    end = json.loads(sent[-1])
    assert end["entries"] == len(sent) - 1 == end["head_count"]
    assert end["chain"] == json.loads(sent[-2])["chain"]
    assert (end["store_id"], json.loads(sent[-2])["action"]) == (store.store_id, "audit exported")
    tomorrow = date.today() + timedelta(days=1)
    nothing = enter("aud").get(f"/api/audit/export?from={tomorrow}").text.splitlines()
    assert [json.loads(line)["entries"] for line in nothing] == [0]
    assert enter("aud").get("/api/audit/export?actor=x").status_code == 400


def test_each_look_is_on_record_once_and_before_it_is_answered(enter: Enter, store: Store) -> None:
    client = enter("aud")
    listed = client.get("/api/audit?limit=1&kind=export").json()["entries"]
    assert [one["action"] for one in listed] == ["audit read"], "it lists itself"
    client.get(f"/api/audit?from={date.today()}&actor=wang")
    client.get("/api/audit/verify")
    client.get(f"/api/audit/export?to={date.today()}")
    assert recorded(store, "audit read") == [
        ("aud", "audit_log", {"limit": 1, "kind": "export"}),
        ("aud", "audit_log", {"from": date.today().isoformat(), "actor": "wang", "limit": 100}),
    ]
    assert recorded(store, "audit verified") == [("aud", "audit_log", {})]
    told = {"form": "jsonl", "to": date.today().isoformat()}
    assert recorded(store, "audit exported") == [("aud", "audit_log", told)]


def test_nobody_else_reads_it_and_their_trying_is_on_record(enter: Enter, store: Store) -> None:
    for login in ("sys", "wang"):
        client = enter(login)
        for path in ("", "/verify", "/export"):
            assert client.get(f"/api/audit{path}").status_code == 403
    assert recorded(store, "audit read") == recorded(store, "audit exported") == []
    aud = enter("aud")
    aud.app.state.refusals.flush()  # type: ignore[attr-defined]
    refused = pages(aud, "/api/audit?kind=refusal&actor=wang")[0]
    assert {one["subject"] for one in refused} == {"/api/audit", "/api/audit/verify", "/api/audit/export"}
    assert aud.post("/api/audit", json={}).status_code == 405


def test_results_workbooks_and_pages_of_trials_are_on_record_when_they_leave(
    small_town: Run, enter: Enter, store: Store
) -> None:
    ask = ("coverage", "run", "--type", "senior_canteen", "--json", "--minutes")
    published, trial = small_town(*ask, 15).json()["run_id"], small_town(*ask, 10, "--trial").json()["run_id"]
    today = date.today()
    asked = {
        "from_login": "wang", "to_login": "li", "roles": ["planner"], "valid_from": today.isoformat(),
        "valid_to": (today + timedelta(days=1)).isoformat(), "reason": "年假",
    }  # fmt: skip
    wang, steward = enter("wang"), enter("li")
    assert wang.post("/api/delegations", json=asked).status_code == 201
    assert steward.post("/api/session/acting", json={"login": "wang"}).status_code == 204
    for path in (
        "/", "/reports/coverage.html", f"/reports/{published}.html", f"/reports/{trial}.html",
        f"/api/reports/{published}.xlsx", "/reports/coverage.xlsx", f"/api/runs/{trial}", "/api/runs/latest",
    ):  # fmt: skip
        assert steward.get(path).status_code == 200, path
    assert wang.get("/reports/nothing.xlsx").status_code == 404
    assert recorded(store, "exported") == [
        ("li", f"reports/{trial}", {"format": "html"}),
        ("li", f"reports/{published}", {"format": "xlsx"}),
        ("li", f"reports/{published}", {"format": "xlsx"}),
        ("li", f"runs/{trial}", {"format": "json"}),
        ("li", f"runs/{trial}", {"format": "json"}),
    ]
    with store.session(write=False) as session:
        told = audit.entries(session, action="exported")
    assert {one.on_behalf_of for one in told} == {"wang"}
    assert {one.address for one in told} == {"testclient"}


def test_files_that_the_command_line_writes_are_on_record(small_town: Run, store_url: str, tmp_path: Path) -> None:
    points, page, book = (tmp_path / name for name in ("points.csv", "page.html", "book.xlsx"))
    done = small_town("coverage", "run", "--type", "senior_canteen", "--minutes", 15, "--json", "--points", points)
    run_id = done.json()["run_id"]
    for out in (page, book):
        assert small_town("report", "coverage", "--out", out).code == 0
    with open_store(store_url) as store:
        assert [(subject, told) for _, subject, told in recorded(store, "exported")] == [
            (f"runs/{run_id}/points", {"file": "points.csv", "format": "csv"}),
            (f"reports/{run_id}", {"file": "page.html", "format": "html"}),
            (f"reports/{run_id}", {"file": "book.xlsx", "format": "xlsx"}),
        ]
