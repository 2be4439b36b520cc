"""Random towns, random edits, and the slow twin: everything computed from nothing by the ordinary coverage code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import geopandas as gpd
import numpy as np
import shapely

from geo.access.coverage import Limit, certify, metres, minutes
from geo.access.membership import assign_divisions
from geo.access.population import BANDS, Population
from geo.access.status import Certificates
from geo.network.build import compile_network
from geo.network.extend import with_added_streets
from geo.network.gate_edit import GateChange, with_gate_changes
from geo.network.hours import is_open
from geo.network.link import PointLinks, link_points, link_to_lines
from geo.network.model import StreetNetwork
from geo.network.profile import walking_profile
from geo.scenario import (
    AddFacility,
    AddPopulation,
    AddStreet,
    Base,
    BaseSupply,
    ChangeFacility,
    CloseFacility,
    Edit,
    MoveFacility,
    Question,
    ReopenFacility,
    Scenario,
    SetGate,
    open_base,
)
from geo.scenario.street import street_frame
from tests.builders import barrier_frame, gate_frame, grid_lines, lonlat, lonlats, streets

PROFILE = walking_profile()
AT = datetime(2024, 5, 14, 10, 0)
TYPES = ("senior_canteen", "care_home")
SIDE, STEP_M = 6, 100.0


@dataclass(frozen=True)
class Inputs:
    """What a base is opened from."""

    network: StreetNetwork
    lon: np.ndarray
    lat: np.ndarray
    population: Population
    divisions: gpd.GeoDataFrame
    supplies: tuple[BaseSupply, ...]
    question: Question


def make_inputs(
    seed: int, *, by_band: bool = False, limit: Limit | None = None, plain: bool = False, side: int = SIDE
) -> Inputs:
    """Return a random town; a plain one has neither private ways, gates nor one-way footways."""
    random = np.random.default_rng(seed)
    extent_m, scale = (side - 1) * STEP_M, (side / SIDE) ** 2
    lines = grid_lines(side, side, STEP_M)
    lines = [line for line in lines if random.random() < 0.85]
    # A hamlet of its own, which only a new street can join to the town.
    away = extent_m + 400.0
    lines += [[(away, 0.0), (away + 100.0, 0.0)], [(away + 100.0, 0.0), (away + 100.0, 100.0)]]
    n = len(lines)
    frame = streets(
        lines,
        foot=["public"] * n if plain else list(random.choice(["public", "public", "public", "private"], n)),
        is_steps=list(random.random(n) < 0.15),
        oneway_foot=[0] * n if plain else [int(value) for value in random.choice([0, 0, 0, 0, 1, -1], n)],
        crossing_share=list(random.choice([0.0, 0.0, 0.5], n)),
        length_m=list(STEP_M * random.uniform(1.0, 1.6, n)),
        fid=list(range(n)),
    )
    corners = [(i * STEP_M, j * STEP_M) for i in range(side) for j in range(side)]
    chosen = [corners[i] for i in random.choice(len(corners), int(6 * scale), replace=False)]
    access = random.choice(["open", "residents", "residents", "closed", "hours"], len(chosen))
    gates = None if plain else gate_frame(
        [
            {"at": at, "access": str(one), "id": f"g{i}", "opening_hours": "06:00-09:00" if one == "hours" else None}
            for i, (at, one) in enumerate(zip(chosen, access, strict=True))
        ]
    )
    wall = [[(130.0, -50.0), (130.0, 140.0)]]
    network = compile_network(frame, gates, barrier_frame(wall))
    n_points = int(70 * scale)
    xy = random.uniform(-60.0, extent_m + 60.0, (n_points, 2))
    xy[:6] = random.uniform([away - 20.0, -60.0], [away + 120.0, 160.0], (6, 2))
    xy[6] = (-2000.0, 2000.0)
    lon, lat = lonlats([tuple(point) for point in xy])
    counts = random.integers(0, 9, (n_points, len(BANDS)))
    counts[:, 3:] = 0
    halves = [shapely.box(*lonlat(-500, -500), *lonlat(240, 800)), shapely.box(*lonlat(240, -500), *lonlat(700, 800))]
    divisions = gpd.GeoDataFrame(
        {
            "code": ["370300", "370301", "370302"],
            "name": ["县", "甲", "乙"],
            "level": ["county", "township", "township"],
            "parent_code": [None, "370300", "370300"],
        },
        geometry=[shapely.union_all(halves), *halves],
        crs="EPSG:4490",
    )
    supplies = []
    for slug, size in zip(TYPES, (4, 2), strict=True):
        place = lonlats([tuple(point) for point in random.uniform(-20.0, extent_m + 20.0, (int(size * scale), 2))])
        ids = np.array([f"{slug}-{i}" for i in range(len(place[0]))], object)
        supplies.append(BaseSupply(slug, ids, *place, np.arange(ids.size) != 1, {}))
    question = Question(limit or minutes(6), AT, by_band=by_band)
    return Inputs(network, lon, lat, Population(counts.astype(np.int64), 1), divisions, tuple(supplies), question)


def open_inputs(inputs: Inputs, kept_states: int = 12) -> Base:
    """Open a base."""
    return open_base(
        inputs.network,
        lon=inputs.lon,
        lat=inputs.lat,
        population=inputs.population,
        divisions=inputs.divisions,
        supplies=inputs.supplies,
        question=inputs.question,
        profile=PROFILE,
        revisions={"facilities": 3, "street_segments": 1},
        kept_states=kept_states,
    )


def draw_edit(random: np.random.Generator, scenario: Scenario, kinds: Sequence[str], side: int = SIDE) -> Edit:
    """Draw an edit that can be applied."""
    kind = str(random.choice(list(kinds)))
    place = lonlat(*random.uniform(-60.0, (side - 1) * STEP_M + 60.0, 2))
    number = len(scenario.edits)
    sides = {side.stock.slug: side.stock for side in scenario.state.sides}
    slug = str(random.choice(TYPES))
    stock = sides[slug]
    if kind == "move" and stock.ids:
        return MoveFacility(slug, str(random.choice(stock.ids)), *place)
    if kind == "close" and stock.is_kept.any():
        return CloseFacility(slug, stock.ids[int(random.choice(np.flatnonzero(stock.is_kept)))])
    if kind == "reopen" and not stock.is_kept.all():
        return ReopenFacility(slug, stock.ids[int(random.choice(np.flatnonzero(~stock.is_kept)))])
    if kind == "change":
        hours = random.choice(["06:00-09:00", "08:00-18:00"])
        places = int(random.integers(0, 90))
        return ChangeFacility(slug, str(random.choice(stock.ids)), capacity=places, hours=str(hours))
    if kind == "street":
        return _street(random, place, side)
    gates = scenario.base.state.town.network.gates.ids
    if kind in ("gate", "open_gate", "close_gate") and gates:
        access = {"open_gate": ["open"], "close_gate": ["closed", "residents"]}.get(
            kind, ["open", "residents", "closed", "hours"]
        )
        chosen = str(random.choice(access))
        hours = str(random.choice(["06:00-09:00", "08:00-18:00"])) if chosen == "hours" else None
        return SetGate(str(random.choice(gates)), chosen, hours)  # type: ignore[arg-type]
    if kind == "population":
        bands = [str(band) for band in random.choice(BANDS, 2, replace=False)]
        return AddPopulation(f"c{number}", *place, tuple((band, int(random.integers(0, 40))) for band in sorted(bands)))
    return AddFacility(slug, f"new-{number}", *place)


def _street(random: np.random.Generator, place: tuple[float, float], side: int) -> AddStreet:
    """Draw a street: between corners, from a corner into a block or into the middle of a side, or to the hamlet."""
    corner = random.integers(0, side, 2) * STEP_M
    other = random.integers(0, side, 2) * STEP_M
    middle = random.integers(0, side, 2) * STEP_M + np.array([random.uniform(10.0, 90.0), 0.0])
    away = (side - 1) * STEP_M + 400.0
    hamlet = [lonlat(away + 100.0, 100.0), lonlat(away, 0.0)]
    ends = [lonlat(*corner), lonlat(*other), lonlat(*middle), place, *hamlet]
    a, b = (ends[i] for i in random.choice(len(ends), 2, replace=False))
    return AddStreet(
        (a, b),
        is_bridge=bool(random.random() < 0.3),
        is_steps=bool(random.random() < 0.2),
        foot=str(random.choice(["public", "public", "private"])),
        oneway=int(random.choice([0, 0, 0, 1, -1])),
    )


@dataclass(frozen=True)
class Twin:
    """What the ordinary coverage code says about the edited inputs."""

    certificates: dict[tuple[str, str], Certificates]
    ids: dict[str, list[str]]
    counts: np.ndarray
    totals: dict[str, np.ndarray]


def compute_twin(inputs: Inputs, edits: Sequence[Edit]) -> Twin:
    """Apply edits to the inputs one by one and compute everything from nothing."""
    network, added = inputs.network, []
    lon, lat, counts = list(inputs.lon), list(inputs.lat), [list(row) for row in inputs.population.counts]
    facilities = {
        one.slug: {
            str(name): {"at": (x, y), "kept": bool(is_kept), "hours": None}
            for name, x, y, is_kept in zip(one.ids, one.lon, one.lat, one.is_open, strict=True)
        }
        for one in inputs.supplies
    }
    for edit in edits:
        match edit:
            case AddStreet():
                extended = with_added_streets(network, street_frame(edit))
                network = extended.network
                if not edit.is_bridge:
                    added.append(extended.added)
            case SetGate():
                network = with_gate_changes(network, [GateChange(edit.id, edit.access, edit.hours or "")]).network
            case AddPopulation():
                lon.append(edit.lon)
                lat.append(edit.lat)
                counts.append([dict(edit.persons).get(band, 0) for band in BANDS])
            case AddFacility():
                facilities[edit.type][edit.id] = {"at": (edit.lon, edit.lat), "kept": True, "hours": edit.hours}
            case MoveFacility():
                facilities[edit.type][edit.id]["at"] = (edit.lon, edit.lat)
            case CloseFacility() | ReopenFacility():
                facilities[edit.type][edit.id]["kept"] = isinstance(edit, ReopenFacility)
            case ChangeFacility():
                facilities[edit.type][edit.id]["hours"] = edit.hours or facilities[edit.type][edit.id]["hours"]

    def link(x: np.ndarray, y: np.ndarray) -> PointLinks:
        links = link_points(inputs.network, x, y)
        for lines in added:
            links = links.adding(link_to_lines(network, lines, x, y))
        return links

    at = inputs.question.at
    table = np.array(counts, np.int64)
    population = Population(table, 1)
    x, y = np.array(lon), np.array(lat)
    membership = assign_divisions(x, y, inputs.divisions)
    homes = link(x, y)
    certificates, ids, totals = {}, {}, {}
    for slug, rows in facilities.items():
        is_served = {name: one["kept"] and (one["hours"] is None or is_open(one["hours"], at) is not False)
                     for name, one in rows.items()}  # fmt: skip
        names = [name for name, served in is_served.items() if served]
        ids[slug] = names
        place = np.array([rows[name]["at"] for name in names], float).reshape(-1, 2)
        sites = link(place[:, 0].copy(), place[:, 1].copy())
        sums = np.zeros((1 + sum(level.n_divisions + 2 for level in membership.levels), 5), np.int64)
        for band, speed in inputs.question.bands(PROFILE, population.present_bands):
            found = certify(
                network, homes, sites, facility_rank=np.arange(len(names), dtype=np.int32),
                limit=inputs.question.limit, speed_mps=speed, profile=PROFILE, at=at,
                cutoff_min=inputs.question.cutoff_min,
            )  # fmt: skip
            certificates[slug, band] = found
            for point, people in enumerate(population.of_band(band)):
                sums[0, found.status[point]] += people
                offset = 1
                for level in membership.levels:
                    sums[offset + level.index[point], found.status[point]] += people
                    offset += level.n_divisions + 2
        totals[slug] = sums
    return Twin(certificates, ids, table, totals)


def assert_equals_twin(scenario: Scenario, inputs: Inputs) -> None:
    """Compare everything a scenario says with its twin."""
    twin = compute_twin(inputs, scenario.edits)
    state = scenario.state
    assert np.array_equal(state.people.population.counts, twin.counts)
    by_time = inputs.question.limit.measure == "seconds"
    for side in state.sides:
        slug = side.stock.slug
        for run in side.runs:
            expected = twin.certificates[slug, run.band]
            assert np.array_equal(run.status, expected.status), (slug, run.band, scenario.edits)
            primary, carried = (
                (expected.walk_s, expected.walk_m) if by_time else (expected.walk_m, expected.walk_s)
            )
            assert np.array_equal(run.best, np.nan_to_num(primary, nan=np.inf)), (slug, run.band, scenario.edits)
            np.testing.assert_allclose(run.second, np.nan_to_num(carried, nan=np.inf), rtol=0, atol=1e-9)
            mine = [side.stock.ids[row] if row >= 0 else None for row in run.label.tolist()]
            theirs = [twin.ids[slug][row] if row >= 0 else None for row in expected.facility.tolist()]
            assert mine == theirs
        assert np.array_equal(np.concatenate(side.totals), twin.totals[slug])


def limits() -> dict[str, Limit]:
    """Return the limits that towns are tried with."""
    return {"minutes": minutes(6), "metres": metres(300.0)}
