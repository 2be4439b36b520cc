"""What-if scenarios on a store: opening their base, answering their steps, and carrying them to a changed base."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from weakref import WeakKeyDictionary

import geopandas as gpd
import numpy as np
import shapely

from geo.arrays import Bool, Float, Int
from geo.errors import ConflictError
from geo.network.model import StreetNetwork
from geo.network.profile import walking_profile
from geo.scenario import (
    AddFacility,
    Base,
    BaseSupply,
    Conflict,
    Edit,
    Question,
    Scenario,
    SetGate,
    edit_to_json,
    edits_from_json,
    gather_people,
    open_base,
    replay,
)
from geo.scenario.edit import FacilityEdit
from geo.scenario.people import People
from geo.services.coverage import READ_LAYERS
from geo.services.coverage_model import CoverageRequest
from geo.services.demand import Demand, is_open, positions, read_demand, tie_order
from geo.services.network import NETWORK_LAYERS, NetworkShelf
from geo.store import Session, features, layers, scenarios, state
from geo.store.scenarios import ScenarioRecord

KEPT_BASES: Final = 3
KEPT_CROWDS: Final = 2
CROWD_LAYERS: Final = ("demand_points", "admin_divisions", *NETWORK_LAYERS)
"""Layers that the links of people depend on."""
MOST_EDITS: Final = 500
"""Edits a scenario may hold."""
_MOVED_M: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Ground:
    """A base together with what the store knows of its points and facilities.

    Parameters
    ----------
    base : Base
        The base.
    fids : Int
        Key of each demand point, as tiles carry it.
    lon, lat : Float
        Their positions in EPSG:4490 degrees.
    names : Mapping of str to Mapping of str to str
        Facility names by type and id.
    token : str
        State of the layers it was read from.
    """

    base: Base
    fids: Int
    lon: Float
    lat: Float
    names: Mapping[str, Mapping[str, str]]
    token: str


class ScenarioDesk:
    """The bases that are open; threads may share it.

    Parameters
    ----------
    networks : NetworkShelf
        Open networks.
    kept : int
        Bases kept.
    """

    def __init__(self, networks: NetworkShelf, kept: int = KEPT_BASES) -> None:
        self._networks, self._kept = networks, kept
        self._open: OrderedDict[tuple[str, str], Ground] = OrderedDict()
        self._crowds: OrderedDict[tuple[str, str], _Crowd] = OrderedDict()
        self._seen: WeakKeyDictionary[Ground, dict[str, Bool]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def ground(self, session: Session, request: CoverageRequest) -> Ground:
        """Return the base of a question in the state of the store that a session sees.

        Parameters
        ----------
        session : Session
            Any session.
        request : CoverageRequest
            The question.

        Returns
        -------
        Ground
            The base, opened once for each state and question.

        Raises
        ------
        ConflictError
            The store has no streets or no demand points.
        NotFoundError
            A facility type is not in the catalogue.
        """
        question = Question(
            request.limit, request.at, by_band=request.by_band, speed_mps=request.speed_mps,
            cutoff_min=request.cutoff_min,
        )  # fmt: skip
        asked = json.dumps(
            [list(request.types), request.on.isoformat(), question.to_json(walking_profile())], sort_keys=True
        )
        key = (state.token(session, READ_LAYERS), asked)
        # One thread opens a base; the others wait for it instead of opening it as well.
        with self._lock:
            found = self._open.get(key)
            if found is None:
                found = self._open[key] = self._read(session, request, question, key[0])
            self._open.move_to_end(key)
            while len(self._open) > self._kept:
                self._open.popitem(last=False)
            return found


    def points_in(self, session: Session, ground: Ground, district: str | None) -> Bool | None:
        """Tell which demand points lie in a district.

        Parameters
        ----------
        session : Session
            A session that sees the base's state of the store.
        ground : Ground
            The base.
        district : str or None
            Division code; None for everywhere.

        Returns
        -------
        array of bool, shape (n_points,), or None
            None where all count.
        """
        if district is None:
            return None
        with self._lock:
            known = self._seen.setdefault(ground, {})
            if district not in known:
                shape = features.division_shape(session, district)
                known[district] = (
                    np.zeros(ground.lon.size, np.bool_)
                    if shape is None
                    else np.asarray(shapely.intersects_xy(shape, ground.lon, ground.lat), np.bool_)
                )
            return known[district]

    def _read(self, session: Session, request: CoverageRequest, question: Question, token: str) -> Ground:
        """Read facilities, and people unless another question was asked of them, and open the base."""
        network = self._networks.get(session)
        crowd = self._crowd(session, network, request.on)
        supplies, names = [], {}
        for slug in request.types:
            supply, titles = _recorded(session, slug, request)
            supplies.append(supply)
            names[slug] = titles
        revisions = {name: layers.revision(session, name) for name in READ_LAYERS}
        demand = crowd.demand
        base = open_base(
            network,
            lon=demand.lon,
            lat=demand.lat,
            population=demand.population,
            divisions=crowd.divisions,
            supplies=supplies,
            question=question,
            profile=walking_profile(),
            revisions={**revisions, "date": request.on.isoformat()},
            people=crowd.people,
        )
        return Ground(base, demand.fids, demand.lon, demand.lat, names, token)

    def _crowd(self, session: Session, network: StreetNetwork, on: date) -> _Crowd:
        """Return the people of a state of the store, linked once for all questions and facilities."""
        key = (state.token(session, CROWD_LAYERS), on.isoformat())
        found = self._crowds.get(key)
        if found is None:
            demand = read_demand(session)
            columns = ("code", "name", "level", "parent_code")
            divisions = layers.read_layer(session, "admin_divisions", columns=columns, on=on)
            people = gather_people(
                network, lon=demand.lon, lat=demand.lat, population=demand.population, divisions=divisions
            )
            found = self._crowds[key] = _Crowd(demand, divisions, people)
        self._crowds.move_to_end(key)
        while len(self._crowds) > KEPT_CROWDS:
            self._crowds.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Crowd:
    """The people of one state of the store, with their links."""

    demand: Demand
    divisions: gpd.GeoDataFrame
    people: People


def _recorded(session: Session, slug: str, request: CoverageRequest) -> tuple[BaseSupply, dict[str, str]]:
    """Read the recorded facilities of one type, open or not, in the order of ties."""
    frame = layers.read_layer(
        session,
        "facilities",
        columns=("id", "source", "name", "status", "open_date", "close_date", "capacity"),
        on=request.on,
        where={"type": slug},
    )
    frame = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
    frame = frame.iloc[tie_order(frame["id"].tolist())]
    ids = frame["id"].astype(str).to_numpy(dtype=object)
    # Two sources may use one id for two facilities.
    twice = frame["id"].duplicated(keep=False).to_numpy()
    ids[twice] = [f"{source}/{id}" for source, id in zip(frame["source"][twice], ids[twice], strict=True)]
    lon, lat = positions(frame)
    known = frame["capacity"].notna().to_numpy()
    places = {str(id): round(float(size)) for id, size in zip(ids[known], frame["capacity"][known], strict=True)}
    supply = BaseSupply(slug, ids, lon, lat, is_open(frame, request.on), places)
    return supply, {str(id): str(name or id) for id, name in zip(ids, frame["name"], strict=True)}


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A kept scenario on its base.

    Parameters
    ----------
    record : ScenarioRecord
        As it is kept.
    ground : Ground
        The present base of its question.
    scenario : Scenario
        Its edits on that base; those that cannot be applied to it are left out.
    conflicts : tuple of Conflict
        What stands between the edits and the base, where that has changed.
    """

    record: ScenarioRecord
    ground: Ground
    scenario: Scenario
    conflicts: tuple[Conflict, ...]

    @property
    def is_current(self) -> bool:
        """Whether its answers are counted on the present base.

        Returns
        -------
        bool
            False once a layer it reads has changed; replaying brings it up to date.
        """
        return self.record.revisions.get("token") == self.ground.token


def create_scenario(
    session: Session, ground: Ground, *, name: str, actor: str, parameters: Mapping[str, Any]
) -> Opened:
    """Keep a new scenario without edits.

    Parameters
    ----------
    session : Session
        A writing session.
    ground : Ground
        The base of its question.
    name : str
        Its name.
    actor : str
        Whose it is.
    parameters : Mapping
        The question, as JSON values.

    Returns
    -------
    Opened
        The scenario.
    """
    scenario = Scenario(ground.base, name)
    record = scenarios.add(
        session,
        name=name,
        actor=actor,
        parameters=parameters,
        revisions=_revisions(ground),
        content_hash=scenario.content_hash,
    )
    return Opened(record, ground, scenario, ())


def open_scenario(record: ScenarioRecord, ground: Ground) -> Opened:
    """Put a kept scenario on the present base of its question.

    Parameters
    ----------
    record : ScenarioRecord
        As it is kept.
    ground : Ground
        The base.

    Returns
    -------
    Opened
        The scenario; where the base has changed, with what stands in the way of each edit.
    """
    edits = _edits(record.edits)
    if record.revisions.get("token") == ground.token:
        counting, undone = edits[: record.position], tuple(reversed(edits[record.position :]))
        return Opened(record, ground, Scenario(ground.base, record.name, counting, undone, counting), ())
    found = replay(Scenario(ground.base, record.name, edits[: record.position]), ground.base)
    seen = [entry.get("seen") for entry in record.edits[: record.position]]
    conflicts = sorted((*found.conflicts, *_moved(ground.base, edits, seen)), key=lambda one: one.index)
    counting = found.scenario.edits
    return Opened(record, ground, replace(found.scenario, previous=counting), tuple(conflicts))


def apply_edits(opened: Opened, values: object) -> Scenario:
    """Apply edits, all or none.

    Parameters
    ----------
    opened : Opened
        The scenario.
    values : object
        A list of edits, as JSON values.

    Returns
    -------
    Scenario
        After them; its answer says what they changed together.

    Raises
    ------
    InputError
        An edit is none; every problem is named.
    ConflictError
        The base has changed, an edit does not fit the state before it, or there are too many.
    NotFoundError
        An edit speaks of a type or facility that is not there.
    """
    _refuse_old(opened)
    edits = edits_from_json(values)
    scenario = opened.scenario
    if len(scenario.edits) + len(edits) > MOST_EDITS:
        raise ConflictError(
            f"一个情景方案最多 {MOST_EDITS} 项修改", f"a scenario holds at most {MOST_EDITS} edits", most=MOST_EDITS
        )
    before = scenario.edits
    for edit in edits:
        scenario = scenario.apply(edit)
    return replace(scenario, previous=before)


def step_back(opened: Opened) -> Scenario:
    """Take the last edit back.

    Parameters
    ----------
    opened : Opened
        The scenario.

    Returns
    -------
    Scenario
        Without it.

    Raises
    ------
    ConflictError
        There is no edit, or the base has changed.
    """
    _refuse_old(opened)
    return opened.scenario.undo()


def step_forward(opened: Opened) -> Scenario:
    """Do the edit again that was taken back last.

    Parameters
    ----------
    opened : Opened
        The scenario.

    Returns
    -------
    Scenario
        With it.

    Raises
    ------
    ConflictError
        None was taken back, or the base has changed.
    """
    _refuse_old(opened)
    return opened.scenario.redo()


def _refuse_old(opened: Opened) -> None:
    """Refuse steps on a base that is no longer the one the answers were counted on."""
    if not opened.is_current:
        raise ConflictError(
            "基础数据已更新，请先重放情景方案（replay），核对逐项冲突",
            "the base has changed; replay the scenario first and look at its conflicts",
            code="base_changed",
            scenario_id=opened.record.scenario_id,
        )


def keep_steps(session: Session, opened: Opened, scenario: Scenario) -> Opened:
    """Keep a scenario after some steps.

    Parameters
    ----------
    session : Session
        A writing session.
    opened : Opened
        The scenario before them.
    scenario : Scenario
        After them.

    Returns
    -------
    Opened
        The scenario as it is kept now.

    Raises
    ------
    DeniedError
        It is somebody else's.
    StaleError
        It was changed since.
    """
    known = {json.dumps(entry["edit"], sort_keys=True): entry for entry in opened.record.edits}
    rows = []
    for edit in (*scenario.edits, *reversed(scenario.undone)):
        value = edit_to_json(edit)
        kept = known.get(json.dumps(value, sort_keys=True)) if opened.is_current else None
        rows.append(kept or {"edit": value, "seen": _seen(opened.ground.base, edit)})
    record = scenarios.change(
        session,
        opened.record.scenario_id,
        actor=opened.record.actor,
        tag=opened.record.tag,
        edits=rows,
        position=len(scenario.edits),
        revisions=_revisions(opened.ground),
        content_hash=scenario.content_hash,
    )
    return Opened(record, opened.ground, scenario, ())


def branch_scenario(session: Session, opened: Opened, *, name: str, actor: str) -> Opened:
    """Keep a copy under another name, for whoever asks.

    Parameters
    ----------
    session : Session
        A writing session.
    opened : Opened
        The scenario.
    name : str
        The copy's name.
    actor : str
        Whose it will be.

    Returns
    -------
    Opened
        The copy; it and the first one go on independently.
    """
    record = opened.record
    copied = scenarios.add(
        session,
        name=name,
        actor=actor,
        parameters=record.parameters,
        revisions=record.revisions,
        content_hash=record.content_hash,
        edits=record.edits[: record.position],
        position=record.position,
        parent_id=record.scenario_id,
    )
    return Opened(copied, opened.ground, opened.scenario.branch(name), opened.conflicts)


def _revisions(ground: Ground) -> dict[str, object]:
    """Return the state of the layers, as it is kept."""
    return {"token": ground.token, **ground.base.revisions}


def _edits(rows: Sequence[Mapping[str, Any]]) -> tuple[Edit, ...]:
    """Read kept edits."""
    return edits_from_json([row["edit"] for row in rows])


def _seen(base: Base, edit: Edit) -> list[float] | None:
    """Return where the base had the facility that an edit speaks of."""
    if not isinstance(edit, FacilityEdit) or isinstance(edit, AddFacility):
        return None
    for side in base.state.sides:
        if side.stock.slug == edit.type and edit.id in side.stock.ids:
            row = side.stock.ids.index(edit.id)
            return [float(side.stock.lon[row]), float(side.stock.lat[row])]
    return None


def _moved(base: Base, edits: Sequence[Edit], seen: Sequence[object]) -> list[Conflict]:
    """Tell which facilities that edits speak of lie elsewhere in this base than when they were made."""
    found = []
    for index, (edit, before) in enumerate(zip(edits, seen, strict=False)):
        now = _seen(base, edit)
        if now is None or not isinstance(before, list) or isinstance(edit, SetGate):
            continue
        x, y = base.state.town.network.plane.forward(np.array([now[0], before[0]]), np.array([now[1], before[1]]))
        far = float(np.hypot(x[1] - x[0], y[1] - y[0]))
        if far > _MOVED_M:
            id = edit.id  # type: ignore[union-attr]
            found.append(
                Conflict(
                    index,
                    "facility_moved",
                    True,
                    f"设施“{id}”在新的基础中移动了 {far:,.0f} 米，修改仍已执行",
                    f'facility "{id}" lies {far:,.0f} m elsewhere in the new base; the edit was applied',
                )
            )
    return found
