"""Every writing route of the interface with a request that it carries out, for tests that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from api.app import create_app
from api.guard import all_routes
from api.jobs.runner import JobRunner
from api.once import SAFE_METHODS
from api.settings import settings_for
from geo.services.workflow import Subject, open_case
from geo.store import Store, open_store
from tests.accounts import GOOD, add_person, log_in
from tests.cli import town
from tests.cli.conftest import Run
from tests.store.outsider import execute

Route = tuple[str, str]
PEOPLE = {
    "wang": ("planner",),
    "li": ("data_steward",),
    "zhao": ("data_steward",),
    "sys": ("system_administrator",),
    "sec": ("security_administrator",),
}
DIVISION = "990101001"
LON, LAT = town.position(500.0, 20.0)
FACILITY = {
    "type": "senior_canteen",
    "name": "幸福路长者食堂",
    "lon": LON,
    "lat": LAT,
    "attributes": {"seats": 40, "address": "幸福路 5 号"},
}


@dataclass
class Call:
    """One request that a route carries out, and what answers it."""

    client: TestClient
    method: str
    url: str
    json: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, *, client: TestClient | None = None, json: object = None, **headers: str) -> Any:
        """Send it, with more headers or another body."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        body = self.json if json is None else json
        return (client or self.client).request(self.method, self.url, json=body, headers={**self.headers, **more})


@dataclass
class World:
    """A served store with people, a run and an import, and what has been made in it so far."""

    app: FastAPI
    store: Store
    run_id: str
    clients: dict[str, TestClient] = field(default_factory=dict)
    made: int = 0

    def as_(self, login: str) -> TestClient:
        """Return somebody's client, logged in once."""
        if login not in self.clients:
            self.clients[login] = self.another(login)
        return self.clients[login]

    def another(self, login: str) -> TestClient:
        """Return one more client of somebody's."""
        client = TestClient(self.app, base_url="http://127.0.0.1")
        assert log_in(client, login).status_code == 200
        return client

    def facility(self, **more: object) -> tuple[str, str]:
        """Enter a facility; return its address and ETag."""
        self.made += 1
        answer = self.as_("li").post("/api/facilities", json={**FACILITY, "name": f"食堂{self.made}", **more})
        assert answer.status_code == 201, answer.text
        return answer.json()["href"], answer.headers["etag"]

    def scenario(self, *east: float) -> tuple[str, str]:
        """Begin a scenario with canteens; return its address and ETag."""
        planner = self.as_("wang")
        answer = planner.post("/api/scenarios", json={"name": "试点", "types": ["senior_canteen"], "minutes": 15})
        assert answer.status_code == 201, answer.text
        href, tag = answer.json()["href"], answer.headers["etag"]
        for number, metres in enumerate(east):
            body = {"edits": [canteen(metres, f"N{number}")]}
            answer = planner.post(f"{href}/edits", json=body, headers={"If-Match": tag})
            assert answer.status_code == 200, answer.text
            tag = answer.headers["etag"]
        return href, tag

    def person(self, *roles: str) -> tuple[str, str]:
        """Add an account; return its address and ETag."""
        self.made += 1
        login = f"person{self.made}"
        add_person(self.store, login, *roles)
        answer = self.as_("sec").get(f"/api/accounts/{login}")
        return f"/api/accounts/{login}", answer.headers["etag"]

    def upload(self) -> str:
        """Send a file of one canteen; return its id."""
        self.made += 1
        lon, lat = town.position(900.0)
        content = f"id,name,lon,lat,seats\nU{self.made},食堂,{lon:.9f},{lat:.9f},30\n".encode()
        answer = self.as_("li").post("/api/imports/uploads", params={"name": f"u{self.made}.csv"}, content=content)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["upload_id"])

    def held(self, name: str = "外面改的") -> tuple[str, str]:
        """Edit a division past Fangyu; return the address and ETag of what is held of it."""
        self.made += 1
        execute(self.store.url, f"UPDATE admin_divisions SET name = '{name}{self.made}' WHERE code = '{DIVISION}'")
        with self.store.session():
            pass
        (found, *_) = self.as_("li").get("/api/outside-edits").json()["outside_edits"]
        assert found["changed"]["name"]["after"] == f"{name}{self.made}"
        return found["href"], found["etag"]


def canteen(east: float, id: str = "N1") -> dict[str, object]:
    """Return an edit that adds a canteen."""
    lon, lat = town.position(east)
    return {"kind": "add_facility", "type": "senior_canteen", "id": id, "lon": lon, "lat": lat}


def _on(made: tuple[str, str], client: TestClient, method: str, tail: str = "", **json: object) -> Call:
    """Return a change of something, meant for the state it is in."""
    href, tag = made
    return Call(client, method, href + tail, json or None, {"If-Match": tag})


def _closed(world: World) -> tuple[str, str]:
    """Return a facility that is closed."""
    href, tag = world.facility()
    answer = world.as_("li").post(f"{href}/close", json={}, headers={"If-Match": tag})
    return answer.json()["href"], answer.headers["etag"]


def _undone(world: World) -> tuple[str, str]:
    """Return a scenario with an edit that was taken back."""
    href, tag = world.scenario(1500.0)
    answer = world.as_("wang").post(f"{href}/undo", headers={"If-Match": tag})
    return href, answer.headers["etag"]


def _delegation(world: World) -> dict[str, object]:
    """Return what lets somebody stand in for a planner."""
    today = date.today()
    return {
        "from_login": "wang", "to_login": "zhao", "roles": ["planner"], "reason": "休假",
        "valid_from": today.isoformat(), "valid_to": (today + timedelta(days=7)).isoformat(),
    }  # fmt: skip


def _ending(world: World) -> Call:
    """End a delegation."""
    made = world.as_("sec").post("/api/delegations", json=_delegation(world)).json()["delegation_id"]
    return Call(world.as_("sec"), "POST", f"/api/delegations/{made}/end")


def _session(world: World) -> Call:
    """End another session of one's own."""
    client = world.as_("li")
    other = world.another("li")
    (found,) = (one for one in other.get("/api/session/sessions").json()["sessions"] if one["is_this"])
    return Call(client, "DELETE", f"/api/session/sessions/{found['session_id']}")


def _key(world: World) -> Call:
    """Revoke a key of one's own."""
    client = world.as_("li")
    asked = {"title": "QGIS", "scopes": ["layers.read"], "days": 30, "password": GOOD}
    made = client.post("/api/session/keys", json=asked)
    assert made.status_code == 201, made.text
    return Call(client, "DELETE", f"/api/session/keys/{made.json()['key_id']}")


def _cancel(world: World) -> Call:
    """End a job early."""
    client = world.as_("wang")
    job = client.post("/api/runs", json={"types": ["senior_canteen"]})
    assert job.status_code == 202, job.text
    return Call(client, "POST", f"{job.json()['href']}/cancel")


def _sent(world: World, tail: str) -> Call:
    """Import a file that was sent."""
    asked = {"upload_id": world.upload(), "layer": "facilities", "type": "senior_canteen", "datum": "cgcs2000"}
    return Call(world.as_("li"), "POST", f"/api/imports{tail}", asked)


def _import_undo(world: World) -> Call:
    """Take the newest import of the town back."""
    imports = world.as_("li").get("/api/imports").json()["imports"]
    newest = next(one for one in imports if one["layer"] == "facilities" and one["undone_at"] is None)
    return Call(world.as_("li"), "POST", f"/api/imports/{newest['import_id']}/undo")


def _case(world: World) -> tuple[str, str]:
    """Open a case of an edit made outside; return its address and ETag."""
    world.made += 1
    with world.store.session() as session:
        case = open_case(session, workflow="outside_edit", subject=Subject("facilities", f"f{world.made}"))
    href = f"/api/cases/{case.uid}"
    return href, world.as_("li").get(href).headers["etag"]


def _notice(world: World) -> Call:
    """Mark a notice as read."""
    _case(world)
    return Call(world.as_("li"), "POST", "/api/notifications/read", {"ids": None})


CALLS: dict[Route, Callable[[World], Call]] = {
    ("POST", "/api/facilities"): lambda w: Call(w.as_("li"), "POST", "/api/facilities", FACILITY),
    ("PATCH", "/api/facilities/{uid}"): lambda w: _on(w.facility(), w.as_("li"), "PATCH", name="新名"),
    ("POST", "/api/facilities/{uid}/close"): lambda w: _on(
        w.facility(), w.as_("li"), "POST", "/close", on=date.today().isoformat()
    ),
    ("POST", "/api/facilities/{uid}/reopen"): lambda w: _on(_closed(w), w.as_("li"), "POST", "/reopen"),
    ("POST", "/api/imports"): lambda w: _sent(w, ""),
    ("POST", "/api/imports/preview"): lambda w: _sent(w, "/preview"),
    ("POST", "/api/imports/{import_id}/undo"): _import_undo,
    ("POST", "/api/outside-edits/{hold_id}/accept"): lambda w: _on(
        w.held(), w.as_("li"), "POST", "/accept", reason="核对无误"
    ),
    ("POST", "/api/outside-edits/{hold_id}/restore"): lambda w: _on(
        w.held(), w.as_("li"), "POST", "/restore", reason="误操作"
    ),
    ("POST", "/api/runs"): lambda w: Call(w.as_("wang"), "POST", "/api/runs", {"types": ["senior_canteen"]}),
    ("POST", "/api/runs/{run_id}/publish"): lambda w: Call(w.as_("wang"), "POST", f"/api/runs/{w.run_id}/publish"),
    ("POST", "/api/jobs/{job_id}/cancel"): _cancel,
    ("POST", "/api/scenarios"): lambda w: Call(
        w.as_("wang"), "POST", "/api/scenarios", {"name": "二", "types": ["senior_canteen"], "minutes": 10}
    ),
    ("PATCH", "/api/scenarios/{scenario_id}"): lambda w: _on(w.scenario(), w.as_("wang"), "PATCH", name="改名"),
    ("DELETE", "/api/scenarios/{scenario_id}"): lambda w: _on(w.scenario(), w.as_("wang"), "DELETE"),
    ("POST", "/api/scenarios/{scenario_id}/edits"): lambda w: _on(
        w.scenario(), w.as_("wang"), "POST", "/edits", edits=[canteen(1500.0)]
    ),
    ("POST", "/api/scenarios/{scenario_id}/undo"): lambda w: _on(w.scenario(1500.0), w.as_("wang"), "POST", "/undo"),
    ("POST", "/api/scenarios/{scenario_id}/redo"): lambda w: _on(_undone(w), w.as_("wang"), "POST", "/redo"),
    ("POST", "/api/scenarios/{scenario_id}/branch"): lambda w: Call(
        w.as_("wang"), "POST", f"{w.scenario()[0]}/branch", {"name": "分支"}
    ),
    ("POST", "/api/scenarios/{scenario_id}/replay"): lambda w: _on(
        w.scenario(1500.0), w.as_("wang"), "POST", "/replay"
    ),
    ("PATCH", "/api/accounts/{name}"): lambda w: _on(w.person(), w.as_("sys"), "PATCH", name="王五"),
    ("PUT", "/api/accounts/{name}/grant"): lambda w: _on(
        w.person(), w.as_("sec"), "PUT", "/grant", roles=["planner"], district=None
    ),
    ("POST", "/api/accounts/{name}/unlock"): lambda w: Call(w.as_("sec"), "POST", f"{w.person()[0]}/unlock"),
    ("DELETE", "/api/accounts/{name}/sessions"): lambda w: Call(w.as_("sec"), "DELETE", f"{w.person()[0]}/sessions"),
    ("POST", "/api/delegations"): lambda w: Call(w.as_("sec"), "POST", "/api/delegations", _delegation(w)),
    ("POST", "/api/delegations/{delegation_id}/end"): _ending,
    ("DELETE", "/api/session/sessions/{session_id}"): _session,
    ("POST", "/api/cases/{case_id}/steps"): lambda w: _on(
        _case(w), w.as_("li"), "POST", "/steps", action="accept", reason="属实"
    ),
    ("PUT", "/api/cases/{case_id}/assignee"): lambda w: _on(_case(w), w.as_("li"), "PUT", "/assignee", assignee="zhao"),
    ("POST", "/api/cases/{case_id}/comments"): lambda w: Call(
        w.as_("li"), "POST", f"{_case(w)[0]}/comments", {"words": "已核对"}
    ),
    ("POST", "/api/notifications/read"): _notice,
    ("DELETE", "/api/session/keys/{key_id}"): _key,
}
"""A request for every writing route that takes a key."""


def writing_routes(app: FastAPI) -> set[Route]:
    """Return every writing route of an application."""
    return {
        (method, route.path)
        for route in all_routes(app.routes)
        if isinstance(route, APIRoute)
        for method in route.methods - SAFE_METHODS
    }


@pytest.fixture
def world(
    small_town: Run, store_url: str, tmp_path: Path, fast_hashes: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Serve the small town, with people, a run and nobody who does the jobs."""
    ran = small_town("coverage", "run", "--type", "senior_canteen", "--minutes", 15, "--json", "--trial")
    assert ran.code == 0, ran.err
    monkeypatch.setattr(JobRunner, "start", lambda self: None)
    monkeypatch.setattr(JobRunner, "stop", lambda self: None)
    with open_store(store_url) as store:
        for login, roles in PEOPLE.items():
            add_person(store, login, *roles)
        app = create_app(settings_for(store_url, tmp_path / "cache"))
        with TestClient(app, base_url="http://127.0.0.1"):
            yield World(app, store, ran.json()["run_id"])
