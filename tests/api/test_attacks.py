"""Attacks on sessions, codes and keys: what was stolen, replayed, planted, has expired or comes from elsewhere."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pyotp
import pytest
from fastapi import FastAPI
from sqlalchemy import inspect
from sqlalchemy import text as sql
from starlette.testclient import TestClient

from api.app import create_app
from api.auth.keeper import PLAIN_COOKIE, SECURE_COOKIE
from api.guard import all_routes
from api.settings import settings_for
from geo.store import Store, columns, open_store
from tests.accounts import GOOD, OTHER, add_person, fast_hashes, log_in

__all__ = ["fast_hashes"]
pytestmark = pytest.mark.usefixtures("fast_hashes")
HOST: Final = "http://127.0.0.1"
PEOPLE: Final = {
    "wang": "planner", "li": "data_steward", "sys": "system_administrator", "sec": "security_administrator",
}  # fmt: skip
WATCHED: Final = ("/api/jobs", "/api/session/keys")
"""Read by whoever is in a session, and by nobody else."""

Enter = Callable[..., TestClient]


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with open_store(store_url) as opened:
        for login, role in PEOPLE.items():
            add_person(opened, login, role)
        yield opened


@pytest.fixture
def app(store: Store, store_url: str, tmp_path: Path) -> Iterator[FastAPI]:
    made = create_app(settings_for(store_url, tmp_path / "cache"))
    with TestClient(made, base_url=HOST):
        yield made


@pytest.fixture
def enter(app: FastAPI) -> Enter:
    def make(login: str | None = None, **more: str) -> TestClient:
        client = TestClient(app, base_url=HOST)
        if login is not None:
            answer = log_in(client, login, **more)
            assert answer.status_code == 200, answer.text
        return client

    return make


def thief_of(client: TestClient) -> TestClient:
    """Return somebody with a copy of a browser's cookies."""
    thief = TestClient(client.app, base_url=HOST, cookies=dict(client.cookies))
    assert thief.get(WATCHED[1]).status_code == 200, "the copy is as good as the cookie"
    return thief


def is_out(client: TestClient) -> bool:
    """Tell whether a cookie is worth nothing, whatever is asked."""
    return {client.get(path).status_code for path in WATCHED} == {401} and client.get("/api/session").json()[
        "name"
    ] == "anonymous"


def later(monkeypatch: pytest.MonkeyPatch, minutes: float) -> None:
    """Let time pass for everything that asks what it is."""
    real = columns.utc_now
    for module in ("api.auth.keeper", "geo.services.login", "geo.store.logins"):
        monkeypatch.setattr(f"{module}.utc_now", lambda: real() + timedelta(minutes=minutes), raising=True)


def made_key(client: TestClient, *scopes: str, days: int = 30) -> str:
    asked = {"title": "QGIS", "scopes": list(scopes or ("layers.read",)), "days": days, "password": GOOD}
    answer = client.post("/api/session/keys", json=asked)
    assert answer.status_code == 201, answer.text
    key: str = answer.json()["key"]
    return key


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_stolen_cookie_ends_with_every_change_of_what_it_stands_for(enter: Enter) -> None:
    mine = enter("wang")
    thief = thief_of(mine)
    assert mine.post("/api/session/password", json={"old": GOOD, "new": OTHER}).status_code == 204
    assert is_out(thief), "a change of password"
    assert mine.get("/api/jobs").status_code == 200, "and oneself stays in"
    thief = thief_of(mine)
    begun = mine.post("/api/session/second-factor", json={"password": OTHER}).json()
    proof = {"secret": begun["secret"], "code": pyotp.TOTP(begun["secret"]).now(), "password": OTHER}
    assert mine.put("/api/session/second-factor", json=proof).status_code == 204
    assert is_out(thief), "a second factor is set"
    thief = thief_of(mine)
    assert mine.request("DELETE", "/api/session/second-factor", json={"password": OTHER}).status_code == 204
    assert is_out(thief), "a second factor is taken off"
    assert mine.get("/api/jobs").status_code == 200


def test_other_sessions_end_with_the_password_and_the_second_factor(enter: Enter) -> None:
    mine, elsewhere = enter("wang"), enter("wang")
    begun = mine.post("/api/session/second-factor", json={"password": GOOD}).json()
    proof = {"secret": begun["secret"], "code": pyotp.TOTP(begun["secret"]).now(), "password": GOOD}
    assert mine.put("/api/session/second-factor", json=proof).status_code == 204
    assert is_out(elsewhere)
    assert mine.request("DELETE", "/api/session/second-factor", json={"password": GOOD}).status_code == 204
    elsewhere = enter("wang")
    assert mine.post("/api/session/password", json={"old": GOOD, "new": OTHER}).status_code == 204
    assert is_out(elsewhere)


@pytest.mark.parametrize("how", ["ended by oneself elsewhere", "ended by the keeper", "reset", "closed", "granted"])
def test_a_stolen_cookie_ends_when_somebody_else_ends_it(enter: Enter, how: str) -> None:
    mine, sys, sec = enter("wang"), enter("sys"), enter("sec")
    thief = thief_of(mine)
    tag = {"If-Match": sys.get("/api/accounts/wang").headers["etag"]}
    if how == "ended by oneself elsewhere":
        found = mine.get("/api/session/sessions").json()["sessions"]
        (this,) = [one["session_id"] for one in found if one["is_this"]]
        answer = enter("wang").delete(f"/api/session/sessions/{this}")
    elif how == "ended by the keeper":
        answer = sec.delete("/api/accounts/wang/sessions")
    elif how == "reset":
        answer = sys.post("/api/accounts/wang/password")
    elif how == "closed":
        answer = sys.patch("/api/accounts/wang", json={"is_active": False}, headers=tag)
    else:
        answer = sec.put("/api/accounts/wang/grant", json={"roles": ["reviewer"], "district": None}, headers=tag)
    assert answer.status_code in (200, 204), answer.text
    assert is_out(thief)
    assert is_out(mine)


def test_a_session_ends_when_nobody_uses_it(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = enter("wang")
    later(monkeypatch, 29)
    assert mine.get("/api/jobs").status_code == 200
    later(monkeypatch, 29 + 29)
    assert mine.get("/api/jobs").status_code == 200, "it was used half an hour ago, not longer"
    later(monkeypatch, 29 + 29 + 31)
    assert is_out(mine)
    assert mine.post("/api/session/keys", json={"title": "x", "password": GOOD}).status_code == 401


def test_a_session_ends_after_its_hours_however_busy_it_is(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = enter("wang")
    for minutes in range(20, 600, 20):
        later(monkeypatch, minutes)
        assert mine.get("/api/jobs").status_code == 200, minutes
    later(monkeypatch, 600.1)
    assert is_out(mine)


def test_a_code_is_good_for_one_login_whoever_is_faster(enter: Enter) -> None:
    mine = enter("wang")
    begun = mine.post("/api/session/second-factor", json={"password": GOOD}).json()
    totp = pyotp.TOTP(begun["secret"])
    at = time.time()
    first = totp.at(at)
    proof = {"secret": begun["secret"], "code": first, "password": GOOD}
    assert mine.put("/api/session/second-factor", json=proof).status_code == 204
    assert log_in(enter(), "wang", code=first).status_code == 401, "it was spent on setting the factor"
    assert log_in(enter(), "wang", code=totp.at(at - 30)).status_code == 401, "an older one than that"
    following, statuses = totp.at(at + 30), []

    def attempt() -> None:
        statuses.append(log_in(enter(), "wang", code=following).status_code)

    threads = [threading.Thread(target=attempt) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert sorted(statuses) == [200, 401, 401]


def test_a_secret_that_is_planted_is_never_kept(enter: Enter, app: FastAPI) -> None:
    for name in (PLAIN_COOKIE, SECURE_COOKIE):
        victim = TestClient(app, base_url=HOST, cookies={name: "planted"})
        assert log_in(victim, "wang").status_code == 200
        attacker = TestClient(app, base_url=HOST, cookies={name: "planted"})
        assert is_out(attacker), name
    mine = enter("wang")
    known = TestClient(app, base_url=HOST, cookies=dict(mine.cookies))
    assert log_in(mine, "li").status_code == 200
    assert is_out(known), "who logs in over another person's session does not hand it on"


def test_cookies_count_on_the_kind_of_connection_they_were_given_on(app: FastAPI) -> None:
    with TestClient(app, base_url="https://127.0.0.1") as secure:
        assert log_in(secure, "wang").status_code == 200
        token = secure.cookies[SECURE_COOKIE]
        for scheme, name, status in (
            ("https", SECURE_COOKIE, 200), ("https", PLAIN_COOKIE, 401), ("http", SECURE_COOKIE, 401),
        ):  # fmt: skip
            other = TestClient(app, base_url=f"{scheme}://127.0.0.1", headers={"cookie": f"{name}={token}"})
            assert other.get("/api/jobs").status_code == status, (scheme, name)
        spoofed = {"cookie": f"{SECURE_COOKIE}={token}", "x-forwarded-proto": "https", "forwarded": "proto=https"}
        plain = TestClient(app, base_url=HOST, headers=spoofed)
        assert plain.get("/api/jobs").status_code == 401, "nobody says for the server that it speaks TLS"


def test_a_key_ends_with_its_days(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = enter("wang")
    headers = bearer(made_key(mine, days=1))
    path = "/ogc/collections/demand/items"
    assert enter().get(path, headers=headers).status_code == 200
    later(monkeypatch, 24 * 60 + 1)
    assert enter().get(path, headers=headers).status_code == 401


@pytest.mark.parametrize("how", ["revoked", "closed", "reset", "granted"])
def test_a_key_is_worth_nothing_once_its_holder_is(enter: Enter, how: str) -> None:
    mine, sys, sec = enter("wang"), enter("sys"), enter("sec")
    headers, path = bearer(made_key(mine)), "/ogc/collections/demand/items"
    assert enter().get(path, headers=headers).status_code == 200
    tag = {"If-Match": sys.get("/api/accounts/wang").headers["etag"]}
    if how == "revoked":
        (listed,) = mine.get("/api/session/keys").json()["keys"]
        answer = mine.delete(f"/api/session/keys/{listed['key_id']}")
    elif how == "closed":
        answer = sys.patch("/api/accounts/wang", json={"is_active": False}, headers=tag)
    elif how == "reset":
        answer = sys.post("/api/accounts/wang/password")
    else:
        answer = sec.put("/api/accounts/wang/grant", json={"roles": ["reviewer"], "district": None}, headers=tag)
    assert answer.status_code in (200, 204), answer.text
    # Whose roles are others still reads what those read.
    assert enter().get(path, headers=headers).status_code == (404 if how == "granted" else 401)


def test_a_key_counts_in_its_header_alone(enter: Enter) -> None:
    mine = enter("wang")
    key = made_key(mine)
    path = "/ogc/collections/demand/items"
    for name in ("key", "api_key", "apikey", "token", "access_token", "authorization", "bearer"):
        assert enter().get(path, params={name: key}).status_code in (400, 404), name
        assert enter().get("/api/jobs", params={name: key}).status_code in (400, 401), name
    for headers in (
        {"X-API-Key": key}, {"X-Auth-Token": key}, {"Cookie": f"{PLAIN_COOKIE}={key}"}, {"Proxy-Authorization": key},
        {"Cookie": f"Authorization=Bearer {key}"},
    ):  # fmt: skip
        assert enter().get(path, headers=headers).status_code == 404, headers
    for text in (key, f"{key}:", f"{key}:x"):
        basic = {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}
        assert enter().get(path, headers=basic).status_code == 401, "a key is no name"
    assert enter().get(path, headers={"Authorization": f"Digest {key}"}).status_code == 404
    assert enter().get(path, headers={"Authorization": f"bearer {key}"}).status_code == 200


def test_a_key_that_is_nearly_right_is_wrong(enter: Enter) -> None:
    mine, other = enter("wang"), enter("li")
    key, foreign = made_key(mine), made_key(other)
    head, key_id, secret = key.split("_", 2)
    foreign_id, foreign_secret = foreign.split("_", 2)[1:]
    wrong = (
        f"{head}_{key_id}_{foreign_secret}", f"{head}_{foreign_id}_{secret}", f"{head}_{key_id}_", key[:-1], f"{key}=",
        key.swapcase(), f"{head}_{key_id}_{secret[::-1]}", f"{head}__{secret}", "", "_", "fy_", "é", "\x00",
    )  # fmt: skip
    for text in wrong:
        headers = {"Authorization": f"Bearer {text}".encode()}
        assert enter().get("/ogc/collections/demand/items", headers=headers).status_code == 401, text


def test_a_session_is_not_lent_to_a_key_nor_the_other_way_round(enter: Enter) -> None:
    mine, other = enter("wang"), enter("li")
    key = made_key(other)
    both = mine.get("/api/session", headers=bearer(key)).json()
    assert both["name"] == "wang", "the person in the session, not the key's holder"
    asked = mine.post("/api/session/keys", json={"title": "x", "password": GOOD}, headers=bearer(key))
    assert asked.status_code == 201
    alone = enter().post("/api/session/keys", json={"title": "x", "password": GOOD}, headers=bearer(key))
    assert alone.status_code == 401


FOREIGN: Final[dict[str, dict[str, str]]] = {
    "another site": {"sec-fetch-site": "cross-site"},
    "a sibling": {"sec-fetch-site": "same-site"},
    "something unheard of": {"sec-fetch-site": "unknown"},
    "another site, the origin forged": {"sec-fetch-site": "cross-site", "origin": HOST},
    "another origin": {"origin": "http://evil.example"},
    "another port": {"origin": f"{HOST}:8080"},
    "a name that begins alike": {"origin": f"{HOST}.evil.example"},
    "a name with ours in front": {"origin": "http://127.0.0.1@evil.example"},
    "no origin to speak of": {"origin": "null"},
    "an empty origin": {"origin": ""},
    "neither word": {},
}


@pytest.mark.parametrize("whence", FOREIGN)
def test_nothing_is_changed_for_another_site_with_a_session_s_cookie(enter: Enter, app: FastAPI, whence: str) -> None:
    """Every writing route there is; a new one is tried without being listed here."""
    cookies = dict(enter("sys").cookies)
    victim = TestClient(app, base_url=HOST, cookies=cookies)
    tried = 0
    for route in all_routes(app.routes):
        for method in sorted(set(getattr(route, "methods", ())) - {"GET", "HEAD", "OPTIONS"}):
            path = getattr(route, "path", "").replace("{import_id}", "1").replace("{name}", "wang")
            path = "/".join("x" if part.startswith("{") else part for part in path.split("/"))
            for body in ({"content": b"{}"}, {"json": {}}):
                answer = victim.request(method, path, headers=FOREIGN[whence], **body)  # type: ignore[arg-type]
                assert answer.status_code == 403, (method, path, answer.text)
                assert "其他网站" in answer.json()["message_zh"]
            tried += 1
    assert tried > 30
    assert victim.get("/api/session").json()["name"] == "sys", "and nobody was logged out"


def test_what_the_server_s_own_page_and_programs_without_a_cookie_say_is_heard(enter: Enter, app: FastAPI) -> None:
    cookies = dict(enter("wang").cookies)
    body = {"title": "x", "password": GOOD}
    for headers in ({"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": HOST}):
        own = TestClient(app, base_url=HOST, cookies=cookies)
        assert own.post("/api/session/keys", json=body, headers=headers).status_code == 201, headers
    program = TestClient(app, base_url=HOST)
    assert program.post("/api/session", json={"login": "wang", "password": GOOD}).status_code == 200


def test_reading_changes_nothing_but_the_record_of_it(enter: Enter, store: Store) -> None:
    """A page of another site can make a browser read: every address is read, and all is as before."""

    def state() -> dict[str, int]:
        skipped = ("audit_", "sqlite_", "rtree_", "spatial_ref_sys", "gpkg_")
        with store.session(write=False) as session:
            names = [one for one in inspect(session.connection()).get_table_names() if not one.startswith(skipped)]
            return {name: session.scalar(sql(f'SELECT count(*) FROM "{name}"')) for name in names}

    client = enter("sys")
    before = state()
    for route in all_routes(client.app.routes):  # type: ignore[attr-defined]
        if "GET" in getattr(route, "methods", ()):
            path = "/".join("x" if part.startswith("{") else part for part in getattr(route, "path", "").split("/"))
            assert client.get(path, headers={"sec-fetch-site": "cross-site"}).status_code < 500, path
    assert state() == before


def test_a_stand_in_ends_with_its_days(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    today = date.today()
    asked: dict[str, Any] = {
        "from_login": "wang", "to_login": "li", "roles": ["planner"], "valid_from": today.isoformat(),
        "valid_to": (today + timedelta(days=1)).isoformat(), "reason": "年假",
    }  # fmt: skip
    assert enter("wang").post("/api/delegations", json=asked).status_code == 201
    steward = enter("li")
    assert steward.post("/api/session/acting", json={"login": "wang"}).status_code == 204
    assert steward.get("/api/scenarios").status_code == 200
    tomorrow = today + timedelta(days=1)
    for module in ("api.auth.keeper", "geo.services.login"):
        monkeypatch.setattr(f"{module}.today", lambda: tomorrow)
    assert steward.get("/api/scenarios").status_code == 403, "with one's own roles again"
    assert steward.get("/api/session").json()["on_behalf_of"] is None
