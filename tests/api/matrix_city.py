"""A city of two districts with something of everything in both, served to an account of every role.

What is internal to a district carries its mark (`MARKS`), so that any answer can be searched for what should not be in
it. The city is made once for all cells of the matrix on an engine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from api.cli import main
from api.settings import AccountSettings, settings_for
from geo.account import password as passwords
from geo.catalog.map_layer import PUBLIC, ROLES
from geo.catalog.role import KEEPERS
from geo.services.basemap import basemap_path, build_basemap
from geo.services.reporting import list_runs
from geo.store import Store, open_store
from tests.accounts import GOOD, add_person, log_in
from tests.api.builds import fake_web
from tests.cli import town

WEST, EAST = "990101001", "990101002"
TYPE = "senior_canteen"
MARKS = {WEST: "西密", EAST: "东密"}
"""Every internal thing of a district has its mark in a name or an id."""

COLUMNS = (
    PUBLIC, "no_role", *(role for role in ROLES if role != PUBLIC), "stand_in",
    "key:layers.read", "key:facilities.read", "key:services.read", "key:runs.read", "key:reports.workbook",
)  # fmt: skip
"""Who asks: nobody, somebody without a role, every role, a clerk who stands in for a planner, and a planner's keys."""
SCOPES = ("whole", "own", "foreign")
"""Somebody of the whole city; of the west, asking for what is the west's or their own; for what is the east's."""
UNLIMITED = (PUBLIC, "no_role", *KEEPERS)
"""Who has no district, whatever is asked for."""
SAME_SITE = {"sec-fetch-site": "same-origin"}
_KEY_HOLDER = "planner"
_STAND_IN = "place_name_clerk"


def login_of(column: str, *, district: str | None) -> str:
    """Return the login behind a column."""
    role = _STAND_IN if column == "stand_in" else _KEY_HOLDER if column.startswith("key:") else column
    side = {None: "whole", WEST: "west", EAST: "east"}[None if column in UNLIMITED else district]
    return f"{role}.{side}" if column != "stand_in" else f"stand-in.{side}"


@dataclass
class Person:
    """Somebody who asks, in a session or with a key."""

    column: str
    login: str
    district: str | None
    client: TestClient
    is_planner: bool = False

    @property
    def has_session(self) -> bool:
        """Whether they are logged in."""
        return self.column != PUBLIC and not self.column.startswith("key:")


@dataclass
class City:
    """The served city."""

    app: FastAPI
    runs: dict[str, str]
    facilities: dict[str, str] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    people: dict[tuple[str, str | None], Person] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    kept: dict[tuple[str, str], Any] = field(default_factory=dict)
    """Things that are asked for by those who are to be refused, by kind and scope: nobody uses them up."""

    @property
    def store(self) -> Store:
        """The open store."""
        found: Store = self.app.state.store
        return found

    def client(self, **headers: str) -> TestClient:
        """Return a browser that nobody has used."""
        return TestClient(self.app, base_url="http://127.0.0.1", headers={**SAME_SITE, **headers})

    def person(self, column: str, district: str | None) -> Person:
        """Return who is behind a column, logged in once for all cells."""
        key = (column, None if column in UNLIMITED else district)
        if key not in self.people:
            self.people[key] = self.enter(column, district)
        return self.people[key]

    def enter(self, column: str, district: str | None) -> Person:
        """Return who is behind a column, in a session of its own."""
        district = None if column in UNLIMITED else district
        login = login_of(column, district=district)
        client = self.client()
        if column.startswith("key:"):
            client = TestClient(self.app, base_url="http://127.0.0.1")
            client.headers["Authorization"] = f"Bearer {self.key(column.removeprefix('key:'), district)}"
        elif column != PUBLIC:
            answer = log_in(client, login)
            assert answer.status_code == 200, answer.text
        if column == "stand_in":
            away = login_of("planner", district=district)
            assert client.post("/api/session/acting", json={"login": away}).status_code == 204
        return Person(column, login, district, client, column in ("planner", "stand_in"))

    def key(self, scope: str, district: str | None) -> str:
        """Return a planner's key for one scope."""
        holder = self.person(_KEY_HOLDER, district)
        name = f"{scope}@{holder.login}"
        if name not in self.keys:
            asked = {"title": name, "scopes": [scope], "password": GOOD}
            made = holder.client.post("/api/session/keys", json=asked)
            assert made.status_code == 201, made.text
            self.keys[name] = made.json()["key"]
        return self.keys[name]

    @cached_property
    def administrator(self) -> TestClient:
        """A system administrator, who sets things up and is none of those who are tried."""
        client = self.client()
        assert log_in(client, "setup").status_code == 200
        return client

    def etag(self, path: str) -> dict[str, str]:
        """Return the header a change of something needs."""
        answer = self.administrator.get(path)
        assert answer.status_code == 200, answer.text
        return {"If-Match": answer.headers["etag"]}


@contextmanager
def fast_hashes() -> Iterator[None]:
    """Hash with the least that Argon2 takes, for as long as a whole module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        passwords._nobody.cache_clear()
        yield
    passwords._nobody.cache_clear()


@contextmanager
def served_city(url: str, folder: Path) -> Iterator[City]:
    """Make the city in a store, and serve it."""
    with ExitStack() as stack:
        stack.enter_context(fast_hashes())
        runs = _fill(url, folder)
        settings = settings_for(url, folder / "cache", web=fake_web(folder / "web"))
        settings = settings.model_copy(update={"accounts": AccountSettings(sessions=50)})
        app = create_app(settings)
        stack.enter_context(TestClient(app, base_url="http://127.0.0.1"))
        # What is queued stays queued: jobs have tests of their own.
        app.state.runner.stop()
        city = City(app, runs)
        _add_people(city)
        _add_facilities(city)
        with city.store.session(write=False) as session:
            build_basemap(session, basemap_path(folder / "cache", city.store.store_id), last_zoom=13)
        yield city


def command(url: str, folder: Path, *words: object) -> None:
    """Run one command on the store."""
    with pytest.MonkeyPatch.context() as patch:
        given = ["fangyu", "--store", url, "--cache", str(folder / "cache"), *map(str, words)]
        patch.setattr(sys, "argv", given)
        code = 0
        try:
            main.run()
        except SystemExit as stop:
            code = int(stop.code or 0)
    assert code == 0, given


def _fill(url: str, folder: Path) -> dict[str, str]:
    """Import streets with gates, divisions, people, land and canteens, and run the coverage twice."""
    command(url, folder, "import", "streets", _write_streets(folder))
    command(url, folder, "import", "divisions", _write_divisions(folder))
    people = [
        ("西密户1", 100.0, 0.0, 40, 10, 10), ("西密户2", 700.0, 0.0, 20, 10, 10), ("西密户3", 800.0, 300.0, 1, 1, 1),
        ("东密户1", 1150.0, 0.0, 30, 10, 10), ("东密户2", 1900.0, 0.0, 10, 10, 10), ("东密户3", 1600.0, 400.0, 1, 1, 2),
    ]  # fmt: skip
    command(url, folder, "import", "demand", town.write_demand(folder, people), "--datum", "cgcs2000")
    command(url, folder, "import", "land", _write_land(folder))
    canteens = town.write_facilities(folder, [("西开", 0.0), ("东开", 1100.0)])
    command(url, folder, "import", "facilities", canteens, "--type", TYPE, "--datum", "cgcs2000")
    command(url, folder, "coverage", "run", "--type", TYPE, "--minutes", 5)
    command(url, folder, "coverage", "run", "--type", TYPE, "--minutes", 6, "--trial")
    with open_store(url) as store, store.session(write=False) as session:
        return {"published" if one["is_published"] else "trial": str(one["run_id"]) for one in list_runs(session)}


def _write_streets(folder: Path) -> Path:
    """Write the main street, and behind a gate a side street in either district."""
    places = [(float(east), 0.0) for east in range(0, 2001, 100)]
    ways = [(list(range(1, len(places) + 1)), "幸福路")]
    gates = {}
    for east, name in ((300.0, "西密门"), (1700.0, "东密门")):
        places += [(east, 50.0), (east, 150.0)]
        gates[len(places) - 1] = name
        ways.append(([int(east // 100) + 1, len(places) - 1, len(places)], "里弄"))
    nodes = []
    for number, place in enumerate(places, start=1):
        lon, lat = town.position(*place)
        tags = (
            f'<tag k="barrier" v="gate"/><tag k="access" v="yes"/><tag k="name" v="{gates[number]}"/>'
            if number in gates
            else ""
        )
        nodes.append(f'<node id="{number}" version="1" lon="{lon:.7f}" lat="{lat:.7f}">{tags}</node>')
    lines = []
    for number, (refs, name) in enumerate(ways, start=1):
        along = "".join(f'<nd ref="{one}"/>' for one in refs)
        tags = f'<tag k="highway" v="residential"/><tag k="name" v="{name}"/>'
        lines.append(f'<way id="{number}" version="1">{along}{tags}</way>')
    path = folder / "streets.osm"
    path.write_text(f'<?xml version="1.0"?><osm version="0.6">{"".join([*nodes, *lines])}</osm>', encoding="utf-8")
    return path


def _box(west: float, east: float, south: float = -500.0, north: float = 500.0) -> dict[str, object]:
    """Return a rectangle as GeoJSON."""
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return {"type": "Polygon", "coordinates": [[town.position(*corner) for corner in ring]]}


def _write_collection(path: Path, rows: list[tuple[dict[str, object], dict[str, object]]]) -> Path:
    """Write GeoJSON in CGCS2000."""
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}
    found = [{"type": "Feature", "properties": values, "geometry": shape} for values, shape in rows]
    document = {"type": "FeatureCollection", "crs": crs, "features": found}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _write_divisions(folder: Path) -> Path:
    """Write two townships, each with two villages."""
    rows: list[tuple[dict[str, object], dict[str, object]]] = []
    for code, name, west, east in ((WEST, "西镇", -500.0, 1000.0), (EAST, "东镇", 1000.0, 2500.0)):
        rows.append(({"code": code, "name": name, "level": "township"}, _box(west, east)))
        middle = (west + east) / 2
        for number, bounds in enumerate(((west, middle), (middle, east)), start=1):
            village = {"code": f"{code}00{number}", "name": f"{name[0]}{number}村", "level": "village"}
            rows.append(({**village, "parent_code": code}, _box(*bounds)))
    return _write_collection(folder / "divisions.geojson", rows)


def _write_land(folder: Path) -> Path:
    """Write a residential area in either district."""
    rows: list[tuple[dict[str, object], dict[str, object]]] = [
        ({"id": "西密地", "name": "西密里"}, _box(600.0, 800.0, 50.0, 200.0)),
        ({"id": "东密地", "name": "东密里"}, _box(1800.0, 2000.0, 50.0, 200.0)),
    ]
    return _write_collection(folder / "land.geojson", rows)


def _add_people(city: City) -> None:
    """Add an account of every role, for the whole city and for either district, and who stands in for planners."""
    for column in COLUMNS[1:]:
        if column.startswith("key:"):
            continue
        roles = {"no_role": (), "stand_in": (_STAND_IN,)}.get(column, (column,))
        for district in (None,) if column in UNLIMITED else (None, WEST, EAST):
            add_person(city.store, login_of(column, district=district), *roles, district=district)
    add_person(city.store, "setup", "system_administrator")
    add_person(city.store, "target", "planner", district=EAST)
    add_person(city.store, "substitute", "reviewer")
    today = date.today()
    for district in (None, WEST, EAST):
        away = city.person("planner", district)
        asked: dict[str, Any] = {
            "from_login": away.login, "to_login": login_of("stand_in", district=district), "roles": ["planner"],
            "valid_from": today.isoformat(), "valid_to": (today + timedelta(days=7)).isoformat(), "reason": "年假",
        }  # fmt: skip
        assert away.client.post("/api/delegations", json=asked).status_code == 201


def _add_facilities(city: City) -> None:
    """Enter an open canteen and a closed one in either district."""
    for district, east in ((WEST, 200.0), (EAST, 1800.0)):
        lon, lat = town.position(east, 20.0)
        for kept, name in ((city.facilities, "露天"), (city.closed, MARKS[district])):
            new = {"type": TYPE, "name": f"{name}食堂", "lon": lon, "lat": lat, "attributes": {"seats": 41}}
            made = city.administrator.post("/api/facilities", json=new)
            assert made.status_code == 201, made.text
            kept[district] = made.json()["uid"]
        path = f"/api/facilities/{city.closed[district]}"
        yesterday = (date.today() - timedelta(days=1)).isoformat()
        ended = city.administrator.post(f"{path}/close", json={"on": yesterday}, headers=city.etag(path))
        assert ended.status_code == 200, ended.text
        city.closed[district] = ended.json()["uid"]
