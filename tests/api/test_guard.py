"""Deny by default: no route without a policy, no role without proof, no change for another site's page."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from api.app import create_app
from api.auth.identity import COOKIE, demo_cookie
from api.auth.policy import POLICIES
from api.auth.principal import SIGNED_IN, Principal
from api.guard import all_routes, check_guarded, policies_of
from api.middleware import Gate
from api.settings import settings_for
from geo.catalog.map_layer import ROLES
from geo.errors import ConflictError, DataSourceError


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return create_app(settings_for(str(tmp_path / "new.gpkg"), tmp_path / "cache", demo=True))


def test_every_route_is_under_exactly_one_policy(app: FastAPI) -> None:
    found = {getattr(route, "path", ""): policies_of(route) for route in all_routes(app.routes)}
    assert {path: names for path, names in found.items() if len(names) != 1} == {}
    assert {names[0] for names in found.values()} <= set(POLICIES)


def test_an_application_with_a_bare_route_does_not_start(app: FastAPI) -> None:
    app.get("/open")(lambda: "everything")
    with pytest.raises(RuntimeError, match="/open"):
        check_guarded(app)


def test_policies_name_roles_that_exist() -> None:
    for policy in POLICIES.values():
        assert policy.roles
        assert policy.roles <= {*ROLES, SIGNED_IN}


def test_roles_nobody_defined_are_refused() -> None:
    with pytest.raises(ValueError, match="king"):
        Principal("somebody", frozenset({"king"}))


def test_demo_mode_is_refused_where_others_can_reach_it(tmp_path: Path) -> None:
    with pytest.raises(ConflictError) as caught:
        create_app(settings_for(str(tmp_path / "new.gpkg"), tmp_path, is_loopback=False, demo=True))
    assert "127.0.0.1" in caught.value.message_zh


def test_a_role_is_taken_and_left_with_one_click(app: FastAPI) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.get("/api/session").json()["roles"] == []
        assert client.get("/api/runs").status_code == 401
        assert client.post("/api/session/demo", json={"role": "planner"}).status_code == 200
        assert client.get("/api/session").json()["roles"] == ["planner"]
        assert client.get("/api/runs").status_code == 200
        client.post("/api/session/demo", json={"role": "boundary_inspector"})
        denied = client.get("/api/runs")
        assert denied.status_code == 403
        assert "planner" in denied.json()["facts"]["roles"]
        client.post("/api/session/demo", json={"role": "public"})
        assert client.get("/api/runs").status_code == 401


def test_demo_mode_makes_no_accounts(app: FastAPI) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.post("/api/session/demo", json={"role": "system_administrator"}).status_code == 200
        answer = client.post("/api/accounts", json={"login": "wang", "name": "王"})
        assert answer.status_code == 409
        assert client.get("/api/session").json()["has_accounts"] is False


def test_demo_administrators_have_no_district(app: FastAPI) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for role in ("system_administrator", "security_administrator", "audit_administrator"):
            refused = client.post("/api/session/demo", json={"role": role, "district": "990101001"})
            assert refused.status_code == 400
            assert "整个系统" in refused.json()["message_zh"]
            assert client.post("/api/session/demo", json={"role": role}).status_code == 200


def test_a_forged_role_is_nobodys(app: FastAPI) -> None:
    good = demo_cookie("planner")
    role, _, signature = good.partition(".")
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for forged in (role, f"{role}.", f"administrator.{signature}", good[:-1], good + "0", "planner.é", "."):
            answer = client.get("/api/runs", headers={"cookie": f"{COOKIE}={forged}".encode()})
            assert answer.status_code == 401, forged
        assert client.get("/api/runs", headers={"cookie": f"{COOKIE}={good}"}).status_code == 200


def test_without_demo_mode_its_cookie_means_nothing(tmp_path: Path) -> None:
    plain = create_app(settings_for(str(tmp_path / "new.gpkg"), tmp_path / "cache"))
    with TestClient(plain, base_url="http://127.0.0.1") as client:
        cookie = f"{COOKIE}={demo_cookie('planner')}"
        assert client.get("/api/runs", headers={"cookie": cookie}).status_code == 401
        assert client.post("/api/session/demo", json={"role": "planner"}).status_code == 404


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "http://127.0.0.1"}, True),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://evil.example", "sec-fetch-site": "same-origin"}, True),
    ],
)
def test_pages_of_other_sites_change_nothing(app: FastAPI, headers: dict[str, str], allowed: bool) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answer = client.post("/api/session/demo", json={"role": "planner"}, headers=headers)
        assert (answer.status_code == 200) is allowed


def test_what_does_not_fit_is_a_problem_in_both_languages(app: FastAPI) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for answer, status in (
            (client.post("/api/session/demo", json={"role": "king"}), 400),
            (client.post("/api/session/demo", json={"roles": 1}), 400),
            (client.get("/nowhere"), 404),
            (client.delete("/health"), 405),
        ):
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert {"code", "message_zh", "message_en", "detail", "status"} <= set(answer.json())
        english = client.get("/api/runs", headers={"accept-language": "en-GB,zh;q=0.5"}).json()
        assert english["detail"] == english["message_en"] != english["message_zh"]


@pytest.mark.parametrize(
    ("asked", "lang"),
    [
        ("", "zh-CN"),
        ("en", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en;q=0.1, zh;q=0.9", "zh-CN"),
        ("fr, en;q=0.5", "en"),
        ("zh;q=0, en;q=0.001", "en"),
        ("*", "zh-CN"),
        ("en;q=high", "en"),
    ],
)
def test_the_language_that_is_preferred_is_spoken(app: FastAPI, asked: str, lang: str) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answer = client.get("/nowhere", headers={"accept-language": asked})
        assert answer.headers["content-language"] == lang
        assert answer.headers["vary"] == "Accept-Language"


def test_parameters_that_a_route_does_not_know_are_refused(app: FastAPI) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for path in ("/health", "/docs", "/api/definitions", "/api/session", "/api/isochrones?lon=1&lat=1&minutes=5"):
            answer = client.get(f"{path}{'&' if '?' in path else '?'}colour=red")
            assert answer.status_code == 400, path
            assert "colour" in answer.json()["message_zh"]
        told = client.get("/api/isochrones?lon=1&lat=1&minute=5").json()
        assert "minutes" in told["message_zh"], told


def test_head_answers_as_get_does_without_a_body(app: FastAPI) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for path in ("/health", "/docs", "/ogc/collections/divisions/items", "/ogc/collections/divisions/export?f=csv"):
            got, head = client.get(path), client.head(path)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            assert head.headers["content-type"] == got.headers["content-type"]
            assert head.headers.get("etag") == got.headers.get("etag")
        assert client.head("/api/runs").status_code == 401


def test_a_mistake_of_ours_shows_nothing_of_its_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(session: object) -> None:
        raise ZeroDivisionError("/secret/path")

    monkeypatch.setattr("api.routes.report.published_run", fail)
    app = create_app(settings_for(str(tmp_path / "new.gpkg"), tmp_path / "cache"))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        answer = client.get("/api/reports")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["code"] == "internal"


def test_a_failing_store_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(session: object) -> None:
        raise DataSourceError("存储 /secret/path", "the store /secret/path")

    monkeypatch.setattr("api.routes.report.published_run", fail)
    app = create_app(settings_for(str(tmp_path / "new.gpkg"), tmp_path / "cache"))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answer = client.get("/api/reports")
    assert answer.status_code == 503
    assert "secret" not in answer.text


def test_a_full_house_asks_to_come_again() -> None:
    async def main() -> list[httpx2.Response]:
        open_door = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await open_door.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        gate = Gate(slow, concurrent=2, waiting=1)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(gate), base_url="http://x") as client:
            tasks = [asyncio.create_task(client.get("/")) for _ in range(5)]
            await asyncio.sleep(0.05)
            open_door.set()
            return await asyncio.gather(*tasks)

    answers = asyncio.run(main())
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 503, 503]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)


def test_a_layer_one_may_not_read_is_as_one_that_is_not_there(app: FastAPI) -> None:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for path in ("", "/items", "/export?f=csv", "/tiles", "/tiles/WebMercatorQuad/0/0/0", "/queryables"):
            hidden = client.get(f"/ogc/collections/demand{path}").text
            assert hidden.replace("demand", "teahouse") == client.get(f"/ogc/collections/teahouse{path}").text, path
            assert "divisions" in hidden
            assert "gates" not in hidden
