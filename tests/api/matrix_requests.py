"""For every route a request that succeeds for whom it is meant: what is asked for is there, and in the right state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from geo.store import jobs
from tests.accounts import GOOD
from tests.api.matrix_city import EAST, TYPE, WEST, City, Person, login_of
from tests.cli import town
from tests.store.frames import bring_in, every_layer

__all__ = ["LAYER_ROUTES", "Asked", "Cell", "asked_of", "known_routes"]
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix."""

    city: City
    person: Person
    scope: str

    @property
    def is_foreign(self) -> bool:
        """Whether what is asked for is another district's, or another person's."""
        return self.scope == "foreign"

    @property
    def side(self) -> str:
        """The district of what is asked for."""
        return EAST if self.is_foreign else WEST

    @property
    def owner(self) -> Person:
        """Whose the thing is that is asked for."""
        if self.is_foreign or not self.person.has_session:
            return self.city.person("planner", EAST)
        return self.person


@dataclass
class Asked:
    """A request."""

    path: str
    query: dict[str, object] = field(default_factory=dict)
    json: object = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    is_last: bool = False
    """Whether it ends the session it is asked in."""


Builder = Callable[[Cell], Asked]
_BUILDERS: dict[str, Builder] = {}
LAYER_ROUTES: Final = {
    "GET /ogc/collections/{name}": {},
    "GET /ogc/collections/{name}/queryables": {},
    "GET /ogc/collections/{name}/items": {"limit": 1},
    "GET /ogc/collections/{name}/export": {"f": "csv"},
    "GET /ogc/collections/{name}/tiles": {},
    "GET /ogc/collections/{name}/tiles/{matrix}": {},
    "GET /ogc/collections/{name}/tiles/{matrix}/{zoom}/{row}/{column}": {},
    "GET /ogc/collections/{name}/style": {},
}
"""Routes of one layer, whichever it is."""


def known_routes() -> frozenset[str]:
    """Return the routes with a request of their own."""
    return frozenset(_BUILDERS)


def asked_of(route: str, cell: Cell) -> Asked:
    """Return the request of a route for a cell; one without parameters that only reads needs no builder."""
    if route in _BUILDERS:
        return _BUILDERS[route](cell)
    method, path = route.split(" ")
    is_plain = method == "GET" and "{" not in path
    assert is_plain, f"no request is written for {route}: add it to {__name__}"
    return Asked(path)


def layer_request(route: str, layer: str) -> Asked:
    """Return the request of one of `LAYER_ROUTES` for a layer."""
    path = route.split(" ")[1].replace("{name}", layer).replace("{matrix}", "WebMercatorQuad")
    return Asked(path.replace("{zoom}/{row}/{column}", "0/0/0"), dict(LAYER_ROUTES[route]))


def of(*routes: str) -> Callable[[Builder], Builder]:
    """Say of which routes a builder makes requests."""

    def keep(builder: Builder) -> Builder:
        for route in routes:
            assert route not in _BUILDERS, route
            _BUILDERS[route] = builder
        return builder

    return keep


def _at(route: str, **values: object) -> Builder:
    """Keep a request that is the same for everybody."""
    path = route.split(" ")[1]
    query = {name.removeprefix("q_"): value for name, value in values.items() if name.startswith("q_")}
    for name, value in values.items():
        path = path.replace("{" + name + "}", str(value))

    def build(cell: Cell) -> Asked:
        return Asked(path, dict(query))

    _BUILDERS[route] = build
    return build


_LON, _LAT = town.position(100.0)
_at("GET /api/definitions/facility-types/{slug}", slug=TYPE)
_BUILDERS["GET /map/{path:path}"] = lambda cell: Asked("/map/")
_at("GET /ogc/tileMatrixSets/{name}", name="WebMercatorQuad")
_at("GET /api/isochrones", q_lon=_LON, q_lat=_LAT, q_minutes=5)
_at("GET /api/nearest-services", q_lon=_LON, q_lat=_LAT, q_minutes=5)
for _route in LAYER_ROUTES:
    _BUILDERS[_route] = partial(lambda cell, route: layer_request(route, "demand"), route=_route)


@of("GET /ogc/collections/{name}/items/{feature_id}")
def _one_feature(cell: Cell) -> Asked:
    """Ask for a demand point of the district, by its number."""
    asked = {"filter": f"id = '{'东' if cell.is_foreign else '西'}密户2'"}
    found = cell.city.person("planner", None).client.get("/ogc/collections/demand/items", params=asked).json()
    return Asked(f"/ogc/collections/demand/items/{found['features'][0]['id']}")


def _of_run(route: str) -> Builder:
    """Ask for the published run; the foreign one is a trial, which the public has not been shown."""
    return lambda cell: Asked(route.split(" ")[1].replace("{run_id}", _run(cell)))


for _route in (
    "GET /api/reports/{run_id}.html", "GET /reports/{run_id}.html", "GET /api/reports/{run_id}.xlsx",
    "GET /reports/{run_id}.xlsx", "GET /api/runs/{run_id}",
):  # fmt: skip
    _BUILDERS[_route] = _of_run(_route)


def _run(cell: Cell) -> str:
    """Name the published run, or the trial."""
    return cell.city.runs["trial" if cell.is_foreign else "published"]


@of("POST /api/runs/{run_id}/publish")
def _publish(cell: Cell) -> Asked:
    """Publish what is published: everybody goes on seeing the same."""
    return Asked(f"/api/runs/{cell.city.runs['published']}/publish")


@of("POST /api/runs")
def _start(cell: Cell) -> Asked:
    return Asked("/api/runs", json={"types": [TYPE], "minutes": 7})


@of("POST /api/session")
def _log_in(cell: Cell) -> Asked:
    """Log in as who one is; anybody may."""
    login = cell.person.login if cell.person.has_session else login_of("planner", district=None)
    return Asked("/api/session", json={"login": login, "password": GOOD}, is_last=True)


@of("DELETE /api/session")
def _log_out(cell: Cell) -> Asked:
    return Asked("/api/session", is_last=True)


@of("POST /api/session/demo")
def _demo(cell: Cell) -> Asked:
    return Asked("/api/session/demo", json={"role": "planner"})


@of("POST /api/session/password")
def _password(cell: Cell) -> Asked:
    """Ask for a password that is too short: only who may change it is told so."""
    return Asked("/api/session/password", json={"old": GOOD, "new": "short"})


@of("POST /api/session/second-factor", "DELETE /api/session/second-factor")
def _factor(cell: Cell) -> Asked:
    return Asked("/api/session/second-factor", json={"password": GOOD})


@of("PUT /api/session/second-factor")
def _confirm(cell: Cell) -> Asked:
    """Confirm with a code that is not right: only who may is told so."""
    asked = {"secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "code": "000000", "password": GOOD}
    return Asked("/api/session/second-factor", json=asked)


@of("POST /api/session/acting")
def _acting(cell: Cell) -> Asked:
    """Go back to oneself, or stand in for somebody who has not asked for it."""
    return Asked("/api/session/acting", json={"login": "target" if cell.is_foreign else None}, is_last=True)


@of("DELETE /api/session/sessions/{session_id}")
def _end_session(cell: Cell) -> Asked:
    """End another session of one's own, or somebody else's."""
    owner = cell.owner
    fresh = cell.city.enter(owner.column, owner.district).client
    found = fresh.get("/api/session/sessions").json()["sessions"]
    ending = next(one["session_id"] for one in found if one["is_this"])
    return Asked(f"/api/session/sessions/{ending}")


@of("POST /api/session/keys")
def _make_key(cell: Cell) -> Asked:
    return Asked("/api/session/keys", json={"title": "QGIS", "scopes": ["layers.read"], "days": 1, "password": GOOD})


@of("DELETE /api/session/keys/{key_id}")
def _revoke(cell: Cell) -> Asked:
    asked = {"title": "QGIS", "scopes": ["layers.read"], "days": 1, "password": GOOD}
    made = cell.owner.client.post("/api/session/keys", json=asked)
    assert made.status_code == 201, made.text
    return Asked(f"/api/session/keys/{made.json()['key_id']}")


def _account_at(route: str, **body: object) -> None:
    """Keep a request on the account that nobody logs in with, in its present state."""
    method, path = route.split(" ")

    def build(cell: Cell) -> Asked:
        at = path.replace("{name}", "target")
        headers = cell.city.etag("/api/accounts/target") if method in ("PATCH", "PUT") else {}
        return Asked(at, json=body or None, headers=headers)

    _BUILDERS[route] = build


_account_at("GET /api/accounts/{name}")
_account_at("GET /api/accounts/{name}/sessions")
_account_at("PATCH /api/accounts/{name}", name="某人")
_account_at("PUT /api/accounts/{name}/grant", roles=["planner"], district=EAST)
_account_at("POST /api/accounts/{name}/password")
_account_at("POST /api/accounts/{name}/unlock")
_account_at("DELETE /api/accounts/{name}/sessions")


@of("POST /api/accounts")
def _add_account(cell: Cell) -> Asked:
    login = f"new-{cell.scope}-{cell.person.column.replace(':', '-').replace('_', '-')}"[:32]
    return Asked("/api/accounts", json={"login": login, "name": "新人"})


def _delegation(cell: Cell, *, from_login: str, role: str) -> dict[str, object]:
    """Write who stands in for whom."""
    today = date.today()
    return {
        "from_login": from_login, "to_login": "substitute", "roles": [role], "valid_from": today.isoformat(),
        "valid_to": (today + timedelta(days=1)).isoformat(), "reason": "出差",
    }  # fmt: skip


@of("POST /api/delegations")
def _stand_in(cell: Cell) -> Asked:
    """Let somebody stand in for oneself, or for somebody of the east."""
    if cell.is_foreign:
        return Asked("/api/delegations", json=_delegation(cell, from_login="target", role="planner"))
    role = cell.person.column if cell.person.column != "stand_in" else "place_name_clerk"
    return Asked("/api/delegations", json=_delegation(cell, from_login=cell.person.login, role=role))


@of("POST /api/delegations/{delegation_id}/end")
def _end_stand_in(cell: Cell) -> Asked:
    """End a delegation of one's own, or of a planner of the east."""
    owner = cell.owner
    can_delegate = owner.column not in ("no_role", "stand_in") and not owner.column.endswith("_administrator")
    away = owner if can_delegate else cell.city.person("planner", EAST)
    made = away.client.post("/api/delegations", json=_delegation(cell, from_login=away.login, role=away.column))
    assert made.status_code == 201, made.text
    return Asked(f"/api/delegations/{made.json()['delegation_id']}/end")


def _job(cell: Cell, *, is_over: bool = False) -> str:
    """Queue a job of one's own, or of a planner of the east."""
    with cell.city.store.session() as session:
        made = jobs.add(session, kind="coverage", parameters={"types": [TYPE]}, actor=cell.owner.login)
        if is_over:
            jobs.ask_cancel(session, made.job_id)
    return made.job_id


@of("GET /api/jobs/{job_id}")
def _one_job(cell: Cell) -> Asked:
    return Asked(f"/api/jobs/{_job(cell)}")


@of("POST /api/jobs/{job_id}/cancel")
def _cancel(cell: Cell) -> Asked:
    return Asked(f"/api/jobs/{_job(cell)}/cancel")


@of("GET /api/jobs/{job_id}/events")
def _events(cell: Cell) -> Asked:
    return Asked(f"/api/jobs/{_job(cell, is_over=True)}/events")


@of("POST /api/facilities")
def _new_facility(cell: Cell) -> Asked:
    lon, lat = town.position(1850.0 if cell.is_foreign else 150.0, 30.0)
    return Asked("/api/facilities", json={"type": TYPE, "name": "新食堂", "lon": lon, "lat": lat})


def _closed_at(suffix: str) -> Builder:
    """Ask for the closed canteen of a district."""
    return lambda cell: Asked(f"/api/facilities/{cell.city.closed[cell.side]}{suffix}")


_BUILDERS["GET /api/facilities/{uid}"] = _closed_at("")
_BUILDERS["GET /api/facilities/{uid}/versions"] = _closed_at("/versions")


def _facility(cell: Cell, *, is_open: bool) -> str:
    """Return the address of a district's canteen for changes, open or closed for those who may change it."""
    city, path = cell.city, f"/api/facilities/{cell.city.facilities[cell.side]}"
    now = city.administrator.get(path).json()
    if (now["status"] != "closed") is not is_open:
        what = "reopen" if is_open else "close"
        done = city.administrator.post(f"{path}/{what}", json={} if what == "close" else None, headers=city.etag(path))
        assert done.status_code == 200, done.text
    return path


@of("PATCH /api/facilities/{uid}")
def _edit(cell: Cell) -> Asked:
    path = _facility(cell, is_open=True)
    return Asked(path, json={"attributes": {"seats": 42}}, headers=cell.city.etag(path))


@of("POST /api/facilities/{uid}/close")
def _close(cell: Cell) -> Asked:
    path = _facility(cell, is_open=True)
    return Asked(f"{path}/close", json={}, headers=cell.city.etag(path))


@of("POST /api/facilities/{uid}/reopen")
def _reopen(cell: Cell) -> Asked:
    path = _facility(cell, is_open=False)
    return Asked(f"{path}/reopen", headers=cell.city.etag(path))


@of("POST /api/imports/uploads")
def _upload(cell: Cell) -> Asked:
    return Asked("/api/imports/uploads", {"name": "people.csv"}, content=b"id,lon,lat,persons\nx,103,41,12\n")


def _sent(cell: Cell) -> str:
    """Return a file that was sent, by oneself where one may, or by a data steward of the east."""
    return kept(cell, "upload", ("data_steward", "system_administrator"), lambda: _send(cell))


def _send(cell: Cell) -> str:
    """Send a file."""
    owner = cell.person if cell.person.column in ("data_steward", "system_administrator") else None
    client = (owner or cell.city.person("data_steward", WEST)).client
    if cell.is_foreign or owner is None:
        client = cell.city.person("data_steward", EAST).client
    made = client.post(
        "/api/imports/uploads", params={"name": "people.csv"}, content=b"id,lon,lat,persons\nx,103,41,9\n"
    )
    assert made.status_code == 201, made.text
    upload_id: str = made.json()["upload_id"]
    return upload_id


@of("GET /api/imports/uploads/{upload_id}", "DELETE /api/imports/uploads/{upload_id}")
def _one_upload(cell: Cell) -> Asked:
    return Asked(f"/api/imports/uploads/{_sent(cell)}")


@of("POST /api/imports/uploads/{upload_id}/columns")
def _columns(cell: Cell) -> Asked:
    return Asked(f"/api/imports/uploads/{_sent(cell)}/columns", json={"layer": "demand"})


for _path in ("/api/imports", "/api/imports/preview"):
    _BUILDERS[f"POST {_path}"] = partial(
        lambda cell, path: Asked(path, json={"upload_id": _sent(cell), "layer": "demand", "datum": "cgcs2000"}),
        path=_path,
    )


@of("POST /api/imports/{import_id}/undo")
def _undo_import(cell: Cell) -> Asked:
    """Take back an import that nothing else stands on."""

    def make() -> str:
        source = f"{cell.scope}-{cell.person.column}"
        return str(bring_in(cell.city.store, "barriers", every_layer()["barriers"], source=source)[0])

    number = kept(cell, "import", ("data_steward", "system_administrator"), make)
    return Asked(f"/api/imports/{number}/undo")


def kept(cell: Cell, kind: str, users: tuple[str, ...], make: Callable[[], _Made]) -> _Made:
    """Make a thing for whoever uses it up; for everybody else, who is to be refused, keep one."""
    key = (kind, cell.scope)
    if cell.person.column in users:
        return make()
    if key not in cell.city.kept:
        cell.city.kept[key] = make()
    made: _Made = cell.city.kept[key]
    return made


def _scenario(cell: Cell, *, undone: bool = False) -> tuple[str, dict[str, str]]:
    """Return address and state of a scenario with one edit, of one's own where one may, or a planner's of the east."""
    kind = "undone scenario" if undone else "scenario"
    return kept(cell, kind, ("planner", "stand_in"), lambda: _begun(cell, undone=undone))


def _begun(cell: Cell, *, undone: bool) -> tuple[str, dict[str, str]]:
    """Begin a scenario."""
    owner = cell.person if cell.person.is_planner and not cell.is_foreign else cell.city.person("planner", EAST)
    asked = {"name": "试点", "types": [TYPE], "minutes": 5}
    made = owner.client.post("/api/scenarios", json=asked)
    assert made.status_code == 201, made.text
    path: str = made.json()["href"]
    edits = _edits("N1", 1950.0 if owner.district == EAST else 750.0)
    done = owner.client.post(f"{path}/edits", json=edits, headers=_meant(made))
    assert done.status_code == 200, done.text
    if undone:
        done = owner.client.post(f"{path}/undo", headers=_meant(done))
        assert done.status_code == 200, done.text
    return path, _meant(done)


def _meant(answer: Any) -> dict[str, str]:
    """Return the header of a change that is meant for the state of an answer."""
    return {"If-Match": answer.headers["ETag"]}


def _edits(name: str, east: float) -> dict[str, Any]:
    """Write one more canteen."""
    lon, lat = town.position(east)
    return {"edits": [{"kind": "add_facility", "type": TYPE, "id": name, "lon": lon, "lat": lat}]}


@of("POST /api/scenarios")
def _new_scenario(cell: Cell) -> Asked:
    return Asked("/api/scenarios", json={"name": "试点", "types": [TYPE], "minutes": 5})


@of("GET /api/scenarios/{scenario_id}", "DELETE /api/scenarios/{scenario_id}")
def _one_scenario(cell: Cell) -> Asked:
    path, meant = _scenario(cell)
    return Asked(path, headers=meant)


@of("PATCH /api/scenarios/{scenario_id}")
def _rename(cell: Cell) -> Asked:
    path, meant = _scenario(cell)
    return Asked(path, json={"name": "改名"}, headers=meant)


@of("POST /api/scenarios/{scenario_id}/edits")
def _edit_scenario(cell: Cell) -> Asked:
    path, meant = _scenario(cell)
    return Asked(f"{path}/edits", json=_edits("N2", 650.0), headers=meant)


@of("POST /api/scenarios/{scenario_id}/undo")
def _undo(cell: Cell) -> Asked:
    path, meant = _scenario(cell)
    return Asked(f"{path}/undo", headers=meant)


@of("POST /api/scenarios/{scenario_id}/redo")
def _redo(cell: Cell) -> Asked:
    path, meant = _scenario(cell, undone=True)
    return Asked(f"{path}/redo", headers=meant)


@of("POST /api/scenarios/{scenario_id}/branch")
def _branch(cell: Cell) -> Asked:
    path, meant = _scenario(cell)
    return Asked(f"{path}/branch", json={"name": "分支"}, headers=meant)


@of("POST /api/scenarios/{scenario_id}/replay")
def _replay(cell: Cell) -> Asked:
    path, meant = _scenario(cell)
    return Asked(f"{path}/replay", headers=meant)


@of("GET /api/scenarios/{scenario_id}/changes")
def _changes(cell: Cell) -> Asked:
    return Asked(f"{_scenario(cell)[0]}/changes")


@of("GET /api/scenarios/{scenario_id}/compare/{other_id}")
def _compare(cell: Cell) -> Asked:
    """Compare one's own scenario with another of one's own, or with a planner's of the east."""
    own = Cell(cell.city, cell.person, "own")
    other = _scenario(cell)[0].rpartition("/")[2]
    return Asked(f"{_scenario(own)[0]}/compare/{other}")
