"""Goals P9 and P10: isochrones, their speed against Valhalla and their fidelity on every street."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import peers
import shapely
import towns
from clock import Timing, each, span, timed
from goals_search import AT, PROFILE, SPEED_MPS, ratio
from results import Row

from geo.access.coverage import certify, minutes
from geo.access.isochrone import Isochrone, geometry_text, isochrones
from geo.access.status import COVERED
from geo.network.cost import WalkCosts, walk_costs
from geo.network.gates import gate_state
from geo.network.link import PointLinks
from geo.network.model import StreetNetwork

MINUTES = 15.0
N_SINGLE, N_UNION = 60, 500


@dataclass(frozen=True, slots=True)
class Town:
    """A network with the extract it was made of.

    Parameters
    ----------
    name : str
        Name for the table.
    network : StreetNetwork
        The network.
    extract : Path or None
        The extract, for Valhalla; None for the grid.
    """

    name: str
    network: StreetNetwork
    extract: Path | None

    def title(self) -> str:
        """Return name and size."""
        return f"{self.name}, {self.network.n_nodes:,} nodes"


def _costs(network: StreetNetwork) -> WalkCosts:
    """Return costs that minimise seconds."""
    gates = gate_state(network.gates, AT)
    return walk_costs(network, speed_mps=SPEED_MPS, profile=PROFILE, measure="seconds", gates=gates)


def _sites(network: StreetNetwork, n: int) -> PointLinks:
    """Return random places on public streets of the largest component, without access legs."""
    random = np.random.default_rng(21)
    largest = np.bincount(network.node_component).argmax()
    inside = network.node_component[network.edge_u] == largest
    streets = np.flatnonzero((network.edge_kind == 0) & inside)
    return PointLinks(random.choice(streets, n).astype(np.int32), random.random(n), np.zeros(n))


def _draw(network: StreetNetwork, sites: PointLinks, costs: WalkCosts | None) -> Isochrone:
    """Draw the area around some sites."""
    return isochrones(
        network, sites, [minutes(MINUTES)], speed_mps=SPEED_MPS, profile=PROFILE, at=AT, costs=costs
    )[0]  # fmt: skip


def _each_site(sites: PointLinks) -> list[PointLinks]:
    """Return the sites one by one."""
    return [sites.take(np.array([i], np.int32)) for i in range(sites.edge.size)]


def speed(town: Town, folder: Path, python: Path | None, notes: list[str], *, n_union: int = N_UNION) -> list[Row]:
    """P9: one isochrone, and the union of many."""
    network = town.network
    sites, costs = _sites(network, max(N_SINGLE, n_union)), _costs(network)
    one_by_one = _each_site(sites.take(np.arange(N_SINGLE, dtype=np.int32)))
    as_text = each(lambda i: geometry_text(_draw(network, one_by_one[i], costs).polygon), N_SINGLE)
    ours = each(lambda i: _draw(network, one_by_one[i], costs), N_SINGLE)
    alone = each(lambda i: _draw(network, one_by_one[i], None), N_SINGLE)
    shapes = [_draw(network, one, costs) for one in one_by_one]
    union, area = timed(lambda: _draw(network, sites, costs))
    peer = _valhalla(town, sites, folder, python, notes)
    theirs = Timing(tuple(peer["singles"])) if peer and peer["singles"] else None
    what = f"one {MINUTES:.0f} min isochrone as GeoJSON text, median of {N_SINGLE} places (best of 5 each)"
    what += f"; {town.title()}"
    shown = f"{span(as_text.median)}, p95 {span(as_text.p95)}"
    target, met = "≤ 8 ms", as_text.median <= 0.008
    if theirs is not None:
        target, met = "≤ 8 ms, ahead of the peer", met and as_text.median < theirs.median
    rows = [
        Row("P9", what, shown, "–" if theirs is None else f"Valhalla {span(theirs.median)}, p95 {span(theirs.p95)}",
            "–" if theirs is None else ratio(theirs.median, as_text.median), target, met),
        Row("P9", "the same as a polygon; arc costs made before", f"{span(ours.median)}, p95 {span(ours.p95)}"),
        Row("P9", "the same as a polygon; arc costs made each time", f"{span(alone.median)}, p95 {span(alone.p95)}"),
        Row(
            "P9", f"union of {sites.edge.size} isochrones, {_holes(area)} holes; {town.title()}", span(union.best),
            f"Valhalla one by one, then shapely {span(peer['union'])}" if peer and peer["union"] else "–",
            ratio(peer["union"], union.best) if peer and peer["union"] else "–", "≤ 1.5 s", union.best <= 1.5,
        ),
    ]  # fmt: skip
    if peer:
        notes.append(
            f"P9: Valhalla built its tiles of {town.name} in {span(peer['tiles'])}; it walks at the same speed, starts "
            f"at the same places (all but {peer['failed']} answered), and is asked for holes (denoise 0) and "
            f"plain lines (generalize 0). Its polygons have {peer['vertices']:.0f} vertices and {peer['holes']:.1f} "
            f"holes on average, ours {_mean(shapes, shapely.get_num_coordinates):.0f} and {_mean_holes(shapes):.1f}."
        )
    return rows


def _mean(areas: list[Isochrone], number: Callable[[Any], Any]) -> float:
    """Return the mean of a figure of the polygons."""
    return float(np.mean([number(area.polygon) for area in areas]))


def _mean_holes(areas: list[Isochrone]) -> float:
    """Return the mean number of holes."""
    return float(np.mean([_holes(area) for area in areas]))


def _holes(area: Isochrone) -> int:
    """Count the holes."""
    return int(shapely.get_num_interior_rings(shapely.get_parts(area.polygon)).sum())


def _valhalla(
    town: Town, sites: PointLinks, folder: Path, python: Path | None, notes: list[str]
) -> dict[str, Any]:
    """Ask Valhalla for the same isochrones; an empty answer when it is not there."""
    if town.extract is None or python is None or not (python.parent / "valhalla_build_tiles").exists():
        return {}
    places = folder / "places.npz"
    lon, lat = towns.positions_of(town.network, sites)
    np.savez(places, lon=lon, lat=lat, n_single=N_SINGLE, speed_mps=SPEED_MPS, minutes=MINUTES)
    try:
        return peers.ask(python, "peer_valhalla.py", town.extract.resolve(), places)
    except RuntimeError as error:
        notes.append(f"SKIPPED Valhalla on {town.name}: {error}")
        return {}


def fidelity(town: Town, *, n_single: int = 20, n_union: int = N_UNION) -> list[Row]:
    """P10: places every 5 m on the streets, inside exactly when they are reached in time."""
    network = town.network
    sites, places = _sites(network, max(n_single, n_union)), towns.samples(network)
    lon, lat = towns.positions_of(network, places)
    right = np.zeros((2, 2), np.int64)
    for one in _each_site(sites.take(np.arange(n_single, dtype=np.int32))):
        right += _agreement(network, one, places, lon, lat)
    union = _agreement(network, sites, places, lon, lat)
    rows = []
    for text, counts in ((f"{n_single} single isochrones", right), (f"union of {sites.edge.size}", union)):
        inside, outside = counts[1, 1] / max(counts[1].sum(), 1), counts[0, 0] / max(counts[0].sum(), 1)
        what = (
            f"{text}: {counts[1].sum():,} reached and {counts[0].sum():,} unreached street places 5 m apart, "
            f"the latter within 200 m of the area's extent; {town.title()}"
        )
        shown = f"{inside:.3%} of reached inside, {outside:.3%} of unreached outside"
        rows.append(Row("P10", what, shown, target="≥ 99.5 % both ways", is_met=bool(min(inside, outside) >= 0.995)))
    return rows


def _agreement(
    network: StreetNetwork, sites: PointLinks, places: PointLinks, lon: np.ndarray, lat: np.ndarray
) -> np.ndarray:
    """Count places by reached (row) and inside the polygon (column)."""
    area = _draw(network, sites, None).polygon
    west, south, east, north = area.bounds
    margin_lat = 200.0 / 111_195.0
    margin_lon = margin_lat / np.cos(np.radians((south + north) / 2.0))
    near = (lon >= west - margin_lon) & (lon <= east + margin_lon)
    near &= (lat >= south - margin_lat) & (lat <= north + margin_lat)
    rows = np.flatnonzero(near).astype(np.int32)
    found = certify(
        network, places.take(rows), sites, facility_rank=np.arange(sites.edge.size, dtype=np.int32),
        limit=minutes(MINUTES), speed_mps=SPEED_MPS, profile=PROFILE, at=AT, cutoff_min=MINUTES,
    )  # fmt: skip
    reached = (found.status == COVERED).astype(np.int64)
    shapely.prepare(area)
    inside = shapely.contains_xy(area, lon[rows], lat[rows]).astype(np.int64)
    return np.bincount(reached * 2 + inside, minlength=4).reshape(2, 2)
