"""Goal P11: walking times against brute force on graphs cut at every point, and cut streets that change nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
import towns
from goals_search import AT, PROFILE, SPEED_MPS
from results import Row
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from geo.access.coverage import certify, minutes
from geo.kernels.graph import ENCLOSED
from geo.network.build import compile_network
from geo.network.gates import gate_state
from geo.network.link import PointLinks
from geo.network.model import StreetNetwork
from geo.network.streets import StreetData

# The plain-Python twins are part of the tests.
sys.path.append(str(Path(__file__).resolve().parents[2]))

TARGET_S = 1e-3


def walk_seconds(network: StreetNetwork, homes: PointLinks, sites: PointLinks) -> np.ndarray:
    """Return our walking time of every home, inf where nothing is reached within two hours."""
    found = certify(
        network, homes, sites, facility_rank=np.arange(sites.edge.size, dtype=np.int32), limit=minutes(15),
        speed_mps=SPEED_MPS, profile=PROFILE, at=AT,
    )  # fmt: skip
    return np.where(np.isnan(found.walk_s), np.inf, found.walk_s)


def _least(u: np.ndarray, v: np.ndarray, cost: np.ndarray, n: int) -> coo_array:
    """Return a matrix of arcs; of parallel arcs the cheapest counts, since a matrix would add them up."""
    order = np.lexsort((cost, v, u))
    u, v, cost = u[order], v[order], cost[order]
    first = np.ones(u.size, np.bool_)
    first[1:] = (np.diff(u) != 0) | (np.diff(v) != 0)
    return coo_array((cost[first], (u[first], v[first])), shape=(n, n)).tocsr()


def cut_graph_seconds(network: StreetNetwork, homes: PointLinks, sites: PointLinks) -> np.ndarray:
    """Return the times of scipy on the graph with a node for every point, each edge cut there (public ways only)."""
    n, n_homes, n_sites = network.n_nodes, homes.edge.size, sites.edge.size
    edge = np.concatenate([homes.edge, sites.edge])
    share = np.concatenate([homes.fraction, sites.fraction])
    leg_m = np.concatenate([homes.access_m, sites.access_m])
    foot = n + np.arange(edge.size)
    door = foot + edge.size
    every = np.arange(network.n_edges)
    owner = np.concatenate([every, every, edge])
    at = np.concatenate([np.zeros(every.size), np.ones(every.size), share])
    node = np.concatenate([network.edge_u, network.edge_v, foot])
    # Ends first at equal shares does not matter: pieces of no length join them.
    order = np.lexsort((at, owner))
    owner, at, node = owner[order], at[order], node[order]
    same = owner[1:] == owner[:-1]
    metres = (at[1:] - at[:-1])[same] * network.edge_length_m[owner[1:][same]]
    u = np.concatenate([node[:-1][same], foot])
    v = np.concatenate([node[1:][same], door])
    seconds = np.concatenate([metres, leg_m]) / SPEED_MPS
    both = _least(np.concatenate([u, v]), np.concatenate([v, u]), np.concatenate([seconds, seconds]), n + 2 * edge.size)
    found = dijkstra(both, indices=door[n_homes:], min_only=True, limit=7200.0)
    assert n_sites == sites.edge.size
    return np.asarray(found[door[:n_homes]])


def twin_seconds(
    data: StreetData, network: StreetNetwork, homes: PointLinks, sites: PointLinks
) -> np.ndarray:
    """Return the times of the tests' plain-Python twin: three states, gates, private ways, steps, crossings."""
    from tests.oracles import START, Place, Street, walk_graph

    table = data.segments
    lines = np.asarray(table.geometry.array)
    enclosed = np.zeros(len(table), np.bool_)
    enclosed[network.edge_segment[network.edge_kind == ENCLOSED]] = True
    foot = table["foot"].to_numpy(object)
    metres = table["length_m"].to_numpy(np.float64)
    seconds = metres / SPEED_MPS * np.where(table["is_steps"].to_numpy(np.bool_), PROFILE.stairs_factor, 1.0)
    seconds = seconds + table["crossing_share"].to_numpy(np.float64) * PROFILE.signal_delay_s
    number_of, streets = np.full(len(table), -1), []
    for k in np.flatnonzero(foot != "no").tolist():
        coordinates = np.round(shapely.get_coordinates(lines[k])[[0, -1]] * 1e7).astype(np.int64)
        u, v = tuple(coordinates[0]), tuple(coordinates[1])
        kind = "private" if foot[k] == "private" or enclosed[k] else "public"
        number_of[k] = len(streets)
        streets.append(Street(u, v, metres[k], seconds[k], kind, int(table["oneway_foot"].iloc[k])))
    state = gate_state(network.gates, AT)
    gates = {
        tuple(np.round(np.array([network.node_lon[node], network.node_lat[node]]) * 1e7).astype(np.int64)):
            "open" if everyone else "residents" if residents else "closed"
        for node, everyone, residents in zip(
            network.gates.node.tolist(), state.everyone.tolist(), state.residents.tolist(), strict=True
        )
    }  # fmt: skip
    places = [
        Place(int(number_of[network.edge_segment[edge]]), fraction, leg)
        for links in (homes, sites)
        for edge, fraction, leg in zip(
            links.edge.tolist(), links.fraction.tolist(), links.access_m.tolist(), strict=True
        )
    ]
    graph = walk_graph(streets, places, gates, by_time=True, speed_mps=SPEED_MPS)
    index: dict[object, int] = {}
    u, v, cost = [], [], []
    for here, arcs in graph.items():
        i = index.setdefault(here, len(index))
        for there, second, _ in arcs:
            u.append(i)
            v.append(index.setdefault(there, len(index)))
            cost.append(second)
    n_homes = homes.edge.size
    source = len(index)
    ends = [
        (index[key], places[n_homes + k].access_m / SPEED_MPS)
        for k in range(sites.edge.size)
        for state_no in (0, 1, 2)
        if (key := (("place", n_homes + k), state_no)) in index
    ]
    # Searched backwards from one source that stands behind all facilities.
    backwards = _least(
        np.array(v + [source] * len(ends)), np.array(u + [end for end, _ in ends]),
        np.array(cost + [leg for _, leg in ends]), source + 1,
    )  # fmt: skip
    found = dijkstra(backwards, indices=source, limit=7200.0)
    begin = np.array([index.get((("place", i), START), source) for i in range(n_homes)])
    result = np.where(begin == source, np.inf, found[begin] + homes.access_m / SPEED_MPS)
    return np.where(result > 7200.0, np.inf, result)


def split_network(segments: gpd.GeoDataFrame, data: StreetData | None, seed: int) -> tuple[StreetNetwork, np.ndarray]:
    """Return a network with a third of its segments cut in two, and the share where each is cut (NaN: not)."""
    random = np.random.default_rng(seed)
    n = len(segments)
    cut = np.where(random.random(n) < 1 / 3, random.uniform(0.05, 0.95, n), np.nan)
    rows = np.flatnonzero(~np.isnan(cut))
    lines = np.asarray(segments.geometry.array).copy()
    first, second = lines.copy(), lines[rows].copy()
    for position, row in enumerate(rows.tolist()):
        place = lines[row].interpolate(cut[row], normalized=True)
        middle = np.round(np.array([place.x, place.y]), 7)
        along = shapely.get_coordinates(lines[row])
        # Where the cut lies between the vertices does not matter: the lengths are given.
        keep = max(1, min(len(along) - 1, round(cut[row] * len(along))))
        first[row] = shapely.LineString(np.vstack([along[:keep], middle]))
        second[position] = shapely.LineString(np.vstack([middle, along[keep:]]))
    head, tail = segments.copy(), segments.iloc[rows].copy()
    head["fid"], tail["fid"] = np.arange(n), n + np.arange(rows.size)
    for column in ("length_m", "crossing_share"):
        if column in segments:
            whole = segments[column].to_numpy(np.float64)
            head[column] = np.where(np.isnan(cut), whole, whole * cut)
            tail[column] = whole[rows] * (1.0 - cut[rows])
    head, tail = head.set_geometry(first, crs=segments.crs), tail.set_geometry(second, crs=segments.crs)
    import pandas as pd

    both = gpd.GeoDataFrame(pd.concat([head, tail], ignore_index=True), crs=segments.crs)
    gates, barriers = (None, None) if data is None else (data.gates, data.barriers)
    return compile_network(both, gates, barriers), cut


def _moved(links: PointLinks, old: StreetNetwork, new: StreetNetwork, cut: np.ndarray) -> PointLinks:
    """Return links to the same places after the cut."""
    row = old.edge_segment[links.edge]
    rank = np.full(cut.size, -1)
    rank[~np.isnan(cut)] = cut.size + np.arange(int((~np.isnan(cut)).sum()))
    share, at = links.fraction, cut[row]
    behind = share > at
    segment = np.where(behind, rank[row], row)
    with np.errstate(invalid="ignore"):
        fraction = np.where(np.isnan(at), share, np.where(behind, (share - at) / (1.0 - at), share / at))
    edge_of = np.full(int(new.edge_segment.max()) + 1, -1, np.int32)
    streets = np.flatnonzero(new.edge_segment >= 0)
    edge_of[new.edge_segment[streets]] = streets
    return PointLinks(edge_of[segment], fraction, links.access_m)


def _row(what: str, ours: np.ndarray, truth: np.ndarray, *, within_s: float = 7200.0) -> Row:
    """Judge one comparison."""
    reached = np.isfinite(ours) & np.isfinite(truth)
    alone = int((np.isfinite(ours) != np.isfinite(truth)).sum())
    worst = float(np.abs(ours[reached] - truth[reached]).max(initial=0.0))
    shown = f"{worst:.1e} s over {int(reached.sum()):,} trips, {alone} reached by one side only"
    return Row("P11", what, shown, target="≤ 1 ms", is_met=worst <= TARGET_S and alone == 0)


def grid_rows(*, side: int = towns.SIDE_169K, n_homes: int = 20_000, n_sites: int = 500) -> list[Row]:
    """Compare on the reference grid: against the cut graph of scipy, and against the grid with cut streets."""
    segments = towns.grid_segments(side)
    network = compile_network(segments)
    homes, sites = towns.random_links(network, n_homes, 31), towns.random_links(network, n_sites, 32)
    ours = walk_seconds(network, homes, sites)
    truth = cut_graph_seconds(network, homes, sites)
    split, cut = split_network(segments, None, 33)
    again = walk_seconds(split, _moved(homes, network, split, cut), _moved(sites, network, split, cut))
    what = f"{n_homes:,} trips to the nearest of {n_sites} facilities, reference grid of {network.n_nodes:,} nodes"
    return [
        _row(f"largest error of {what}, against scipy on the graph cut at every point", ours, truth),
        _row(f"largest change of {what}, when a third of its streets is cut in two", ours, again),
    ]


def extract_rows(
    name: str, data: StreetData, network: StreetNetwork, *, n_homes: int = 3000, n_sites: int = 40
) -> list[Row]:
    """Compare on an extract with private ways, gates, steps and crossings: twin, and cut streets."""
    homes, sites = towns.random_links(network, n_homes, 41), towns.random_links(network, n_sites, 42)
    ours = walk_seconds(network, homes, sites)
    truth = twin_seconds(data, network, homes, sites)
    split, cut = split_network(data.segments, data, 43)
    again = walk_seconds(split, _moved(homes, network, split, cut), _moved(sites, network, split, cut))
    gates, private = len(network.gates.ids), int((network.edge_kind == 1).sum())
    what = (
        f"{n_homes:,} trips to the nearest of {n_sites} facilities, {name}, {network.n_nodes:,} nodes, "
        f"{gates:,} gates, {private:,} private edges"
    )
    return [
        _row(f"largest error of {what}, against the plain-Python three-state twin", ours, truth),
        _row(f"largest change of {what}, when a third of its streets is cut in two", ours, again),
    ]
