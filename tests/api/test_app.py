"""The HTTP application: what it serves, to whom, and what it keeps to itself."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.auth.identity import COOKIE, demo_cookie
from api.server import bind, is_loopback
from api.settings import settings_for
from geo.errors import DataSourceError
from geo.store.watch import Revisions
from tests.cli import town
from tests.cli.conftest import Run

COVERAGE = ("coverage", "run", "--type", "senior_canteen", "--minutes", 15, "--json")


def client_of(store_url: str, cache_dir: Path, *, is_loopback: bool = True, demo: bool = False) -> TestClient:
    app = create_app(settings_for(store_url, cache_dir, is_loopback=is_loopback, demo=demo))
    return TestClient(app, base_url="http://127.0.0.1")


def take_role(client: TestClient, role: str) -> None:
    answer = client.post("/api/session/demo", json={"role": role})
    assert answer.status_code == 200, answer.text


def take_gone_district(client: TestClient, role: str, district: str) -> None:
    """Take a role whose district is no division any more; entering with one is refused."""
    client.cookies.clear()
    client.cookies.set(COOKIE, demo_cookie(role, district))


@pytest.fixture
def printed(small_town: Run) -> Any:
    return small_town(*COVERAGE).json()


@pytest.fixture
def local(printed: Any, store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    with client_of(store_url, tmp_path / "served", demo=True) as client:
        take_role(client, "planner")
        yield client


@pytest.fixture
def open_to_all(printed: Any, store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    with client_of(store_url, tmp_path / "served", is_loopback=False) as client:
        yield client


def report_data(page: str) -> Any:
    found = re.search(r'id="report-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_first_page_is_the_report_of_the_newest_run(local: TestClient, printed: Any) -> None:
    answer = local.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert report_data(answer.text)["types"][0]["run"] == printed["run_id"]
    assert local.get(f"/reports/{printed['run_id']}.html").text == answer.text


def test_health_names_the_kind_of_store(local: TestClient) -> None:
    answer = local.get("/health").json()
    assert answer["status"] == "ok"
    assert answer["store"] in ("gpkg", "postgis")


def test_health_is_told_at_once_by_what_watches_the_store(local: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind those who read whole layers a monitor would wait for seconds, and take a busy server for a dead one."""

    async def taken(*_: object, **__: object) -> None:
        raise AssertionError("the store was asked")

    watch = local.app.state.watch  # type: ignore[attr-defined]
    with monkeypatch.context() as during:
        during.setattr("api.routes.report.reading", taken)
        during.setattr(watch, "present", lambda: Revisions([]))
        assert local.get("/health").status_code == 200
        during.setattr(watch, "present", lambda: None)
        with pytest.raises(AssertionError, match="the store was asked"):
            local.get("/health")


def test_a_run_is_answered_as_the_command_line_printed_it(local: TestClient, printed: Any) -> None:
    listed = local.get("/api/runs").json()["runs"]
    assert [row["run_id"] for row in listed] == [printed["run_id"]]
    for name in (printed["run_id"], "latest"):
        answered = local.get(f"/api/runs/{name}").json()
        # Storing the run is timed after it has been stored.
        assert {**answered, "seconds": None} == {**printed, "seconds": None}


def test_an_unknown_run_is_not_found_and_says_so_in_both_languages(local: TestClient) -> None:
    answer = local.get("/api/runs/cov-0")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"code", "message_zh", "message_en"} <= set(answer.json())
    assert local.get("/reports/cov-0.html").status_code == 404


def test_the_workbook_is_a_download(local: TestClient, printed: Any) -> None:
    answer = local.get(f"/reports/{printed['run_id']}.xlsx")
    assert answer.content[:2] == b"PK"
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize("path", ["/", "/health", "/api/runs", "/api/runs/latest"])
def test_a_foreign_host_name_gets_nothing_from_a_local_server(local: TestClient, path: str) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:80"):
        assert local.get(path, headers={"host": host}).status_code == 400
    assert local.get(path, headers={"host": "localhost:8765"}).status_code == 200


def test_beyond_this_machine_only_the_published_page_is_served(open_to_all: TestClient, printed: Any) -> None:
    for path in (
        "/api/runs",
        "/api/runs/latest",
        f"/api/runs/{printed['run_id']}",
        f"/reports/{printed['run_id']}.xlsx",
    ):
        assert open_to_all.get(path).status_code == 401
    assert open_to_all.get("/").status_code == 200
    assert open_to_all.get("/health").status_code == 200


def test_a_page_holds_no_coordinate_of_a_home_and_no_walk_finer_than_a_second(
    open_to_all: TestClient, printed: Any
) -> None:
    page = open_to_all.get("/").text
    for _, east, north, *_ in town.PEOPLE:
        for degrees in town.position(east, north):
            if abs(degrees - round(degrees, 3)) > 1e-9:
                assert f"{degrees:.5f}" not in page
    # To the microsecond the farthest walk would tell where on its street that one person lives.
    assert printed["nearest_s"]["max"] != round(printed["nearest_s"]["max"])
    nearest = report_data(page)["types"][0]["groups"][0]["nearest"]
    assert nearest == [
        round(printed[name][part]) for name in ("nearest_s", "nearest_m") for part in ("p50", "p90", "max")
    ]


def test_a_store_without_runs_answers_that_there_is_none(fangyu: Run, store_url: str, tmp_path: Path) -> None:
    assert fangyu("db", "upgrade").code == 0
    with client_of(store_url, tmp_path / "served") as client:
        assert client.get("/reports/cov-000000000000.html").status_code == 404
        assert client.get("/health").status_code == 200
        assert client.get("/api/runs").status_code == 401


@pytest.mark.parametrize(
    ("host", "local_only"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.0.1", True), ("0.0.0.0", False), ("::", False)],
)
def test_only_loopback_addresses_count_as_this_machine(host: str, local_only: bool) -> None:
    assert is_loopback(host) is local_only
    assert is_loopback("fangyu.example") is False


def test_a_port_that_is_taken_is_refused_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DataSourceError, match=str(port)) as caught:
            bind("127.0.0.1", port)
    assert "--port" in caught.value.message_zh


def test_a_store_without_a_run_says_what_to_do_next(tmp_path: Path) -> None:
    with client_of(str(tmp_path / "new.gpkg"), tmp_path / "served") as client:
        answer = client.get("/")
    assert answer.status_code == 200
    assert "import streets" in answer.text
    assert "<script" not in answer.text


def test_small_answers_do_not_wait_for_an_acknowledgement() -> None:
    with bind("127.0.0.1", 0) as taken:
        # What asyncio looks at before it turns waiting off.
        assert taken.proto == socket.IPPROTO_TCP
