"""Accounts over HTTP: getting in, what a session and a key may do, and who administers whom."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from api.auth.keeper import PLAIN_COOKIE, SECURE_COOKIE
from api.server import read_tls, refuse_accounts
from api.settings import settings_for
from geo.errors import ConflictError, InputError
from geo.store import Store, audit, logins, open_store
from tests.accounts import GOOD, OTHER, add_person, fast_hashes, log_in
from tests.api.test_jobs import wait_for
from tests.cli.conftest import Run

__all__ = ["fast_hashes"]
pytestmark = pytest.mark.usefixtures("fast_hashes")
PEOPLE = {
    "wang": ("planner",),
    "li": ("data_steward",),
    "sys": ("system_administrator",),
    "sec": ("security_administrator",),
    "aud": ("audit_administrator",),
}


@pytest.fixture
def store(small_town: Run, store_url: str) -> Iterator[Store]:
    with open_store(store_url) as opened:
        for login, roles in PEOPLE.items():
            add_person(opened, login, *roles)
        yield opened


@pytest.fixture
def app(store: Store, store_url: str, tmp_path: Path) -> FastAPI:
    return create_app(settings_for(store_url, tmp_path / "cache"))


Enter = Callable[..., TestClient]


@pytest.fixture
def enter(app: FastAPI) -> Iterator[Enter]:
    with TestClient(app, base_url="http://127.0.0.1"):

        def make(login: str | None = None, password: str = GOOD, **more: str) -> TestClient:
            client = TestClient(app, base_url="http://127.0.0.1")
            if login is not None:
                answer = log_in(client, login, password, **more)
                assert answer.status_code == 200, answer.text
            return client

        yield make


def with_cookies(app: FastAPI, cookies: dict[str, str]) -> TestClient:
    """Return somebody who has got hold of somebody else's cookies."""
    return TestClient(app, base_url="http://127.0.0.1", cookies=cookies)


def actions(store: Store) -> list[str]:
    with store.session(write=False) as session:
        assert audit.first_broken(session) is None
        return [entry.action for entry in reversed(audit.entries(session))]


def test_a_session_opens_what_its_roles_do_until_it_is_left(app: FastAPI, enter: Enter, store: Store) -> None:
    nobody = enter()
    assert nobody.get("/api/runs").status_code == 401
    assert nobody.get("/api/session").json()["has_accounts"] is True
    for path in ("keys", "sessions"):
        assert nobody.get(f"/api/session/{path}").status_code == 401
    assert nobody.get("/api/delegations").status_code == 401
    planner = enter("wang")
    me = planner.get("/api/session").json()
    assert (me["name"], me["person"], me["roles"], me["must_change"]) == ("wang", "wang女士", ["planner"], False)
    assert planner.get("/api/runs").status_code == 200
    assert planner.get("/ogc/collections/demand/items").status_code == 200
    assert planner.get("/api/accounts").status_code == 403
    stolen = dict(planner.cookies)
    assert planner.delete("/api/session").status_code == 204
    assert planner.cookies.get(PLAIN_COOKIE) is None
    thief = with_cookies(app, stolen)
    assert thief.get("/api/runs").status_code == 401, "the secret of an ended session is worth nothing"
    assert enter().delete("/api/session").status_code == 204
    # Refusals reach the record through a queue, whenever that is.
    assert [one for one in actions(store) if not one.endswith("refused")][-2:] == ["login", "session ended"]


def test_over_tls_the_cookie_is_bound_to_the_host(app: FastAPI, store: Store) -> None:
    with TestClient(app, base_url="https://127.0.0.1") as client:
        answer = log_in(client, "wang")
        said = answer.headers["set-cookie"]
        assert said.startswith(f"{SECURE_COOKIE}=")
        for word in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
            assert word in said
        assert "Domain" not in said
        assert "max-age" in answer.headers["strict-transport-security"]
        assert client.get("/api/runs").status_code == 200
        value = client.cookies.get(SECURE_COOKIE)
        plain = TestClient(app, base_url="http://127.0.0.1", cookies={SECURE_COOKIE: value or ""})
        assert plain.get("/api/runs").status_code == 401


def test_logging_in_again_changes_the_secret_and_ends_the_session_before(app: FastAPI, enter: Enter) -> None:
    client = enter("wang")
    before = dict(client.cookies)
    assert log_in(client, "wang").status_code == 200
    assert client.cookies.get(PLAIN_COOKIE) != before[PLAIN_COOKIE]
    assert with_cookies(app, before).get("/api/runs").status_code == 401
    planted = TestClient(client.app, base_url="http://127.0.0.1", cookies={PLAIN_COOKIE: "planted"})
    given = log_in(planted, "wang").headers["set-cookie"]
    assert given.startswith(f"{PLAIN_COOKIE}=")
    assert "planted" not in given, "a secret that somebody planted is never taken over"


def test_what_is_wrong_is_said_alike_and_too_much_of_it_is_not_looked_at(enter: Enter) -> None:
    client = enter()
    wrong, nobody = log_in(client, "wang", "x"), log_in(client, "nobody", "x")
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json() == nobody.json()
    for _ in range(4):
        log_in(client, "wang", "x")
    locked = log_in(client, "wang")
    assert locked.status_code == 429
    assert 0 < int(locked.headers["retry-after"]) <= 900
    assert locked.json()["code"] == "locked_out"
    keeper = enter("sec")
    assert keeper.post("/api/accounts/wang/unlock").json()["addresses"] == 1
    assert log_in(client, "wang").status_code == 200


def test_pages_of_other_sites_neither_log_in_nor_change_anything(enter: Enter) -> None:
    client = enter("wang")
    client.headers.pop("sec-fetch-site")
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}):
        asked = {"login": "wang", "password": GOOD}
        assert client.post("/api/session", json=asked, headers=headers).status_code == 403
        assert client.delete("/api/session", headers=headers).status_code == 403
    assert client.get("/api/runs").status_code == 200


def test_a_first_password_serves_for_setting_another_one_and_nothing_else(enter: Enter) -> None:
    keeper = enter("sys")
    made = keeper.post("/api/accounts", json={"login": "zhao", "name": "赵"})
    assert made.status_code == 201, made.text
    first = made.json()["password"]
    granted = enter("sec").put(
        "/api/accounts/zhao/grant", json={"roles": ["planner"], "district": None},
        headers={"If-Match": made.headers["etag"]},
    )  # fmt: skip
    assert granted.status_code == 200, granted.text
    client = enter("zhao", first)
    assert client.get("/api/session").json()["must_change"] is True
    assert client.get("/api/runs").status_code == 403
    weak = client.post("/api/session/password", json={"old": first, "new": "short"})
    assert weak.status_code == 400
    assert {one["field"] for one in weak.json()["problems"]} == {"password"}
    assert client.post("/api/session/password", json={"old": "x", "new": OTHER}).status_code == 403
    assert client.post("/api/session/password", json={"old": first, "new": OTHER}).status_code == 204
    assert client.get("/api/runs").status_code == 200
    assert log_in(enter(), "zhao", first).status_code == 401
    assert log_in(enter(), "zhao", OTHER).status_code == 200


def test_a_second_factor_is_set_with_a_code_and_asked_for_from_then_on(enter: Enter, tmp_path: Path) -> None:
    client = enter("wang")
    assert client.post("/api/session/second-factor", json={"password": "x"}).status_code == 403
    begun = client.post("/api/session/second-factor", json={"password": GOOD}).json()
    assert begun["address"].startswith("otpauth://totp/")
    assert begun["svg"].startswith("<svg")
    wrong = {"secret": begun["secret"], "code": "000000", "password": GOOD}
    assert client.put("/api/session/second-factor", json=wrong).status_code == 400
    assert client.put("/api/session/second-factor", json={**wrong, "secret": "no base 32 at all!"}).status_code == 400
    totp = pyotp.TOTP(begun["secret"])
    proof = {**wrong, "code": totp.at(time.time() - 30)}
    assert client.put("/api/session/second-factor", json=proof).status_code == 204
    asked = log_in(enter(), "wang")
    assert asked.status_code == 401
    assert asked.json()["facts"]["second_factor"] is True
    code = totp.now()
    assert log_in(enter(), "wang", code=code).status_code == 200
    assert log_in(enter(), "wang", code=code).status_code == 401
    assert client.request("DELETE", "/api/session/second-factor", json={"password": GOOD}).status_code == 204
    assert log_in(enter(), "wang").status_code == 200


def test_guessing_the_password_in_a_stolen_session_is_counted(enter: Enter) -> None:
    client = enter("wang")
    for _ in range(5):
        assert client.post("/api/session/password", json={"old": "x", "new": OTHER}).status_code == 403
    assert client.post("/api/session/password", json={"old": GOOD, "new": OTHER}).status_code == 429


def test_a_key_reads_what_it_says_in_both_forms_programs_know(enter: Enter) -> None:
    client = enter("wang")
    asked = {"title": "QGIS", "scopes": ["layers.read"], "days": 30, "password": GOOD}
    made = client.post("/api/session/keys", json=asked)
    assert made.status_code == 201, made.text
    key = made.json()["key"]
    bearer = {"Authorization": f"Bearer {key}"}
    basic = {"Authorization": "Basic " + base64.b64encode(f"wang:{key}".encode()).decode()}
    for headers in (bearer, basic):
        answer = enter().get("/ogc/collections/demand/items", headers=headers)
        assert answer.status_code == 200
        assert answer.json()["numberMatched"] > 0
        assert enter().get("/health", headers=headers).status_code == 200
        assert enter().get("/api/runs", headers=headers).status_code == 403, "not in its scope"
        assert enter().get("/api/session/keys", headers=headers).status_code == 403, "no person in a session"
        refused = enter().post("/api/runs", json={"types": ["senior_canteen"]}, headers=headers)
        assert refused.status_code == 401, "keys are for reading"
    for wrong in ("Bearer x", f"Bearer {key}x", "Basic !!", "Basic " + base64.b64encode(b"wang:x").decode()):
        assert enter().get("/ogc/collections/streets/items", headers={"Authorization": wrong}).status_code == 401
    (listed,) = client.get("/api/session/keys").json()["keys"]
    assert key not in str(listed)
    assert enter("li").delete(f"/api/session/keys/{listed['key_id']}").status_code == 404
    assert client.delete(f"/api/session/keys/{listed['key_id']}").status_code == 204
    assert enter().get("/ogc/collections/demand/items", headers=bearer).status_code == 401


def test_a_key_is_worth_no_more_than_the_roles_of_its_holder(enter: Enter) -> None:
    steward = enter("li")
    asked = {"title": "QGIS", "scopes": ["layers.read", "runs.read"], "password": GOOD}
    key = steward.post("/api/session/keys", json=asked).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert enter().get("/ogc/collections/demand/items", headers=headers).status_code == 404
    tag = enter("sys").get("/api/accounts/li").headers["etag"]
    closed = enter("sys").patch("/api/accounts/li", json={"is_active": False}, headers={"If-Match": tag})
    assert closed.status_code == 200, closed.text
    assert enter().get("/ogc/collections/streets/items", headers=headers).status_code == 401
    assert steward.get("/api/session").json()["name"] == "anonymous"


def test_administrators_are_kept_apart(enter: Enter) -> None:
    sys, sec, aud = enter("sys"), enter("sec"), enter("aud")
    tag = {"If-Match": sys.get("/api/accounts/wang").headers["etag"]}
    grant = {"roles": ["planner", "reviewer"], "district": "990101001"}
    for client, statuses in ((sys, (201, 403, 200)), (sec, (403, 200, 403)), (aud, (403, 403, 403))):
        made = client.post("/api/accounts", json={"login": "neu", "name": "新"})
        given = client.put("/api/accounts/wang/grant", json=grant, headers=tag)
        reset = client.post("/api/accounts/wang/password")
        assert (made.status_code, given.status_code, reset.status_code) == statuses
        assert client.get("/api/accounts").status_code == 200
    assert enter("li").get("/api/accounts").status_code == 403
    tag = {"If-Match": sec.get("/api/accounts/sec").headers["etag"]}
    assert sec.put("/api/accounts/sec/grant", json=grant, headers=tag).status_code == 403, "nobody raises themselves"
    assert sys.post("/api/accounts/sys/password").status_code == 403


def test_a_change_needs_the_state_it_is_meant_for(enter: Enter) -> None:
    sec = enter("sec")
    grant = {"roles": ["planner"], "district": "990101001"}
    assert sec.put("/api/accounts/wang/grant", json=grant).status_code == 428
    tag = {"If-Match": sec.get("/api/accounts/wang").headers["etag"]}
    assert sec.put("/api/accounts/wang/grant", json=grant, headers=tag).status_code == 200
    assert sec.put("/api/accounts/wang/grant", json=grant, headers=tag).status_code == 412
    assert sec.put("/api/accounts/nobody/grant", json=grant, headers=tag).status_code == 404
    bad = {"roles": ["king", "audit_administrator"], "district": "north"}
    tag = {"If-Match": sec.get("/api/accounts/wang").headers["etag"]}
    refused = sec.put("/api/accounts/wang/grant", json=bad, headers=tag)
    assert refused.status_code == 400
    assert [one["field"] for one in refused.json()["problems"]] == ["roles", "roles", "district", "district"]


def test_a_district_taken_away_or_a_session_ended_counts_at_once(enter: Enter) -> None:
    planner, sec = enter("wang"), enter("sec")
    whole = planner.get("/ogc/collections/demand/items").json()["numberMatched"]
    tag = {"If-Match": sec.get("/api/accounts/wang").headers["etag"]}
    sec.put("/api/accounts/wang/grant", json={"roles": ["planner"], "district": "990101001"}, headers=tag)
    assert planner.get("/ogc/collections/demand/items").status_code == 404
    again = enter("wang")
    assert 0 < again.get("/ogc/collections/demand/items").json()["numberMatched"] < whole
    (mine,) = again.get("/api/session/sessions").json()["sessions"]
    assert mine["is_this"] is True
    assert enter("li").delete(f"/api/session/sessions/{mine['session_id']}").status_code == 404
    assert sec.delete("/api/accounts/wang/sessions").status_code == 204
    assert again.get("/api/runs").status_code == 401


def test_a_session_ended_by_another_program_is_refused_within_a_second(enter: Enter, store: Store) -> None:
    planner = enter("wang")
    assert planner.get("/api/runs").status_code == 200
    with store.session() as session:
        logins.end(session, [one.session_id for one in logins.open_sessions(session)], by="test")
    time.sleep(1.0)
    assert planner.get("/api/runs").status_code == 401


def test_who_stands_in_works_with_the_other_s_roles_and_hands_nothing_on(app: FastAPI, enter: Enter) -> None:
    today = date.today()
    asked: dict[str, Any] = {
        "from_login": "wang", "to_login": "li", "roles": ["planner"], "valid_from": today.isoformat(),
        "valid_to": (today + timedelta(days=7)).isoformat(), "reason": "年假",
    }  # fmt: skip
    steward = enter("li")
    assert steward.post("/api/delegations", json=asked).status_code == 403, "nobody takes it themselves"
    made = enter("wang").post("/api/delegations", json=asked)
    assert made.status_code == 201, made.text
    assert steward.get("/api/session").json()["stands_in_for"] == ["wang"]
    assert steward.get("/api/scenarios").status_code == 403
    before = dict(steward.cookies)
    assert steward.post("/api/session/acting", json={"login": "wang"}).status_code == 204
    me = steward.get("/api/session").json()
    assert (me["name"], me["on_behalf_of"], me["roles"]) == ("li", "wang", ["planner"])
    assert steward.get("/api/scenarios").status_code == 200
    assert with_cookies(app, before).get("/api/scenarios").status_code == 401
    run = wait_for(steward, steward.post("/api/runs", json={"types": ["senior_canteen"]}).json()["job_id"])
    run_id = run["result"]["run_id"]
    assert steward.post(f"/api/runs/{run_id}/publish").status_code == 200
    with app.state.store.session(write=False) as session:
        said = [(one.actor, one.on_behalf_of) for one in audit.entries(session) if run_id in one.subject + one.detail]
    assert len(said) >= 2, "the run, which a worker carried out, and its publication"
    assert set(said) == {("li", "wang")}
    further = {**asked, "from_login": "wang", "to_login": "sys"}
    assert steward.post("/api/delegations", json=further).status_code == 403
    assert steward.post("/api/session/acting", json={"login": None}).status_code == 204
    assert steward.get("/api/scenarios").status_code == 403
    ended = enter("wang").post(f"/api/delegations/{made.json()['delegation_id']}/end")
    assert ended.status_code == 204
    assert steward.post("/api/session/acting", json={"login": "wang"}).status_code == 401
    assert len(enter("aud").get("/api/delegations").json()["delegations"]) == 1
    assert enter("sys").get("/api/delegations").json()["delegations"] == []


def test_with_accounts_there_is_no_demo_mode(store: Store, store_url: str, tmp_path: Path) -> None:
    app = create_app(settings_for(store_url, tmp_path / "cache", demo=True))
    with pytest.raises(ConflictError, match="--demo"), TestClient(app):
        pass


def test_behind_a_tls_proxy_nothing_else_is_answered(store: Store, store_url: str, tmp_path: Path) -> None:
    """Straight to the port, past the proxy, a password would cross the network openly."""
    app = create_app(settings_for(store_url, tmp_path / "cache", is_loopback=False, is_proxied=True))
    with TestClient(app, base_url="http://192.0.2.2:8000") as straight:
        refused = log_in(straight, "wang")
        assert refused.status_code == 403
        assert "TLS 代理" in refused.json()["message_zh"]
        assert "set-cookie" not in refused.headers
        assert straight.get("/ogc/collections/streets/items").status_code == 403
        assert straight.get("/health").status_code == 200, "a monitor beside the proxy asks"
        passed_on = TestClient(app, base_url="https://maps.example.gov.cn")
        answer = log_in(passed_on, "wang")
        assert answer.status_code == 200
        assert answer.headers["set-cookie"].startswith(f"{SECURE_COOKIE}=")


def test_accounts_without_tls_are_served_on_this_machine_only() -> None:
    refuse_accounts(has_accounts=False, demo=True, is_private=False)
    refuse_accounts(has_accounts=True, demo=False, is_private=True)
    with pytest.raises(ConflictError, match="--tls-cert"):
        refuse_accounts(has_accounts=True, demo=False, is_private=False)


def test_tls_is_checked_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("no certificate")
    with pytest.raises(InputError, match="go together"):
        read_tls(tmp_path / "a.pem", None, None)
    with pytest.raises(InputError, match="cannot be used"):
        read_tls(tmp_path / "a.pem", tmp_path / "a.pem", None)
    with pytest.raises(InputError, match="cannot be used"):
        read_tls(tmp_path / "b.pem", tmp_path / "b.pem", None)
    with pytest.raises(InputError, match="IP address"):
        read_tls(None, None, "proxy.example")
    assert read_tls(None, None, "10.0.0.1").is_used
    assert not read_tls(None, None, None).is_used
