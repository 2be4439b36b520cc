"""What-if goals: how soon a scenario answers an edit, the whole answer included."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime

import geopandas as gpd
import numpy as np
import towns
from clock import Timing, span
from goals_product import TYPES, prepared_people, supplies
from results import Row

from geo.access.coverage import minutes
from geo.network.model import StreetNetwork
from geo.network.profile import walking_profile
from geo.scenario import (
    AddFacility,
    AddStreet,
    Base,
    BaseSupply,
    CloseFacility,
    Edit,
    MoveFacility,
    Question,
    Scenario,
    SetGate,
    open_base,
)

# About five older people a point.
N_DEMAND = 100_000
N_EDITS = 100
N_WARM = 3
AT = datetime(2025, 1, 7, 10, 0)
ONE_TYPE = {"senior_canteen": 500}


def open_town(
    network: StreetNetwork, divisions: gpd.GeoDataFrame, numbers: dict[str, int], *, by_band: bool
) -> Base:
    """Open a base of seeded people and facilities."""
    people = prepared_people(network, divisions, (), N_DEMAND).demand
    offered = [
        BaseSupply(one.slug, one.ids, one.lon, one.lat, np.ones(one.n_open, np.bool_), {})
        for one in supplies(network, numbers)
    ]
    return open_base(
        network, lon=people.lon, lat=people.lat, population=people.population, divisions=divisions, supplies=offered,
        question=Question(minutes(15), AT, by_band=by_band), profile=walking_profile(), revisions={"facilities": 1},
    )  # fmt: skip


def places(network: StreetNetwork, seed: int) -> Iterator[tuple[float, float]]:
    """Return seeded places beside the streets."""
    lon, lat = towns.positions_of(network, towns.random_links(network, N_EDITS + N_WARM, seed))
    return zip(lon.tolist(), lat.tolist(), strict=True)


def links(network: StreetNetwork, seed: int) -> list[Edit]:
    """Return seeded streets between corners 100 to 300 m apart."""
    random = np.random.default_rng(seed)
    edits: list[Edit] = []
    while len(edits) < N_EDITS + N_WARM:
        a = int(random.integers(network.n_nodes))
        away = np.hypot(network.node_x - network.node_x[a], network.node_y - network.node_y[a])
        near = np.flatnonzero((away >= 100.0) & (away <= 300.0))
        if near.size:
            b = int(random.choice(near))
            ends = ((float(network.node_lon[i]), float(network.node_lat[i])) for i in (a, b))
            edits.append(AddStreet(tuple(ends), is_bridge=bool(random.random() < 0.5)))
    return edits


def gates(network: StreetNetwork, seed: int, opens: bool) -> list[Edit]:
    """Return seeded changes of gates that let more people through, or fewer."""
    random = np.random.default_rng(seed)
    shut = np.array([access in ("residents", "closed") for access in network.gates.access])
    chosen = random.choice(np.flatnonzero(shut == opens), N_EDITS + N_WARM, replace=False)
    return [SetGate(network.gates.ids[i], "open" if opens else "residents") for i in chosen.tolist()]


def edits_of(base: Base, network: StreetNetwork) -> dict[str, tuple[str, Callable[[], list[Edit]]]]:
    """Return the kinds of edits with the goal they belong to."""
    slug = base.state.sides[0].stock.slug
    known = np.array(base.state.sides[0].stock.ids)
    ids = np.random.default_rng(71).choice(known, N_EDITS + N_WARM, replace=False).tolist()
    return {
        "a facility added": ("P7", lambda: [
            AddFacility(slug, f"new-{i}", *at) for i, at in enumerate(places(network, 72))]),
        "a facility moved": ("P7", lambda: [
            MoveFacility(slug, name, *at) for name, at in zip(ids, places(network, 73), strict=True)]),
        "a facility closed": ("P7", lambda: [CloseFacility(slug, name) for name in ids]),
        "a gate opened": ("P8", lambda: gates(network, 74, True)),
        "a gate closed to strangers": ("P8", lambda: gates(network, 75, False)),
        "a street or bridge added": ("P8", lambda: links(network, 76)),
    }  # fmt: skip


def time_edits(base: Base, edits: list[Edit]) -> tuple[Timing, Timing, int]:
    """Time each edit on the untouched base by the clock and by the processor; also count changed walks (median)."""
    seconds, busy, changed = [], [], []
    empty = Scenario(base)
    for edit in edits:
        begun, used = time.perf_counter(), time.thread_time()
        answer = empty.apply(edit).answer
        seconds.append(time.perf_counter() - begun)
        busy.append(time.thread_time() - used)
        changed.append(sum(delta.points.size for change in answer.comparison.changes for delta in change.deltas))
    return Timing(tuple(seconds)), Timing(tuple(busy)), int(np.median(changed))


def rows(network: StreetNetwork, divisions: gpd.GeoDataFrame, only: set[str]) -> list[Row]:
    """Measure every kind of edit, for one type at one speed and for all types at every band's speed."""
    limits = {"P7": 0.05, "P8": 0.1}
    result = []
    for numbers, by_band in ((ONE_TYPE, False), (TYPES, True)):
        base = open_town(network, divisions, numbers, by_band=by_band)
        persons = base.state.people.population.total // base.state.people.population.unit
        size = (
            f"{len(numbers)} type{'s' * (len(numbers) > 1)} × {len(base.state.bands)} speed"
            f"{'s' * (len(base.state.bands) > 1)}, {sum(numbers.values()):,} facilities, "
            f"{persons:,} people at {N_DEMAND:,} points, {network.n_nodes:,} nodes, {len(divisions):,} divisions"
        )
        for name, (goal, make) in edits_of(base, network).items():
            if goal not in only:
                continue
            edits = make()
            time_edits(base, edits[:N_WARM])
            edits = edits[N_WARM:]
            timing, busy, changed = time_edits(base, edits)
            result.append(Row(
                goal, f"{name}, {len(edits)} random edits, {changed:,} walks changed in the median; {size}",
                f"p50 {span(timing.median)}, p95 {span(timing.p95)} (processor time p95 {span(busy.p95)})",
                target=f"p95 ≤ {limits[goal] * 1e3:.0f} ms",
                is_met=timing.p95 <= limits[goal],
            ))  # fmt: skip
    return result
