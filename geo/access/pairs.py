"""Site-to-point pairs within a limit, both ways round: the one table behind counts, catchments and siting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import numpy as np

from geo.access.coverage import Limit
from geo.access.nearest import Entries, entries_of
from geo.arrays import Bool, Float, Int, Int32
from geo.errors import InputError
from geo.kernels.catchment import collect_pairs, sums_around, transpose_pairs
from geo.kernels.graph import PUBLIC, order_rows
from geo.network.cost import WalkCosts, walk_costs
from geo.network.gates import gate_state
from geo.network.link import PointLinks
from geo.network.model import StreetNetwork
from geo.network.profile import WalkingProfile

# A task clears workspaces as large as the network once, so tasks are few: two a thread.
_TASKS_A_THREAD = 2
_SITES_A_TASK_MIN = 64


@dataclass(frozen=True, slots=True)
class SitePairs:
    """All pairs of a site and a demand point within a limit, as compressed rows both ways.

    Parameters
    ----------
    site_start : Int
        First pair of each site, shape (n_sites + 1,).
    point : Int32
        Demand point of each pair, ascending within a site.
    walk_s, walk_m : Float
        Time and length of the walk of each pair, both access legs included.
    point_start : Int
        First pair of each demand point in the other order, shape (n_demand + 1,).
    site : Int32
        Site of each pair in that order, ascending within a point.
    site_walk_s, site_walk_m : Float
        Time and length in that order.
    """

    site_start: Int
    point: Int32
    walk_s: Float
    walk_m: Float
    point_start: Int
    site: Int32
    site_walk_s: Float
    site_walk_m: Float

    @property
    def sites_per_point(self) -> Int:
        """Return how many sites each demand point has within the limit (choice, M09; overlap, M10).

        Returns
        -------
        Int
            Shape (n_demand,).
        """
        return np.diff(self.point_start)

    @property
    def points_per_site(self) -> Int:
        """Return how many demand points each site has within the limit.

        Returns
        -------
        Int
            Shape (n_sites,).
        """
        return np.diff(self.site_start)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Entries in compressed rows."""

    start: Int32
    item: Int32
    primary: Float
    carried: Float


@dataclass(frozen=True, slots=True)
class HungPoints:
    """Demand points hung on the nodes, whatever the walks cost: once for all speeds.

    Parameters
    ----------
    public : Entries
        Entries on public edges in the order of their nodes.
    public_start : Int32
        First entry of each node.
    inner : Entries
        Entries on other edges in the order of their private rows.
    inner_start : Int32
        First entry of each private row.
    """

    public: Entries
    public_start: Int32
    inner: Entries
    inner_start: Int32


def hang_points(network: StreetNetwork, demand: PointLinks) -> HungPoints:
    """Hang demand points on nodes: on public edges by node, on others by private row.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    demand : PointLinks
        Links of the demand points.

    Returns
    -------
    HungPoints
        For `count_sites` of the same network and points.
    """
    every = [entries_of(network, links, to_network=False) for links in (demand, *demand.also)]
    edge = np.concatenate([entries.edge for entries in every])
    is_public = network.edge_kind[edge] == PUBLIC
    node = np.concatenate([entries.node for entries in every])
    row = network.private_index[node[~is_public]] if network.private_node.size else np.empty(0, np.int32)

    def sorted_by(n_rows: int, keep: Bool, row: Int32) -> tuple[Entries, Int32]:
        start, order = order_rows(n_rows, np.ascontiguousarray(row, np.int32))
        kept = np.flatnonzero(keep)[order]
        columns = ([getattr(entries, name) for entries in every] for name in Entries.__slots__)
        return Entries(*(np.concatenate(column)[kept] for column in columns)), start

    public, public_start = sorted_by(network.n_nodes, is_public, node[is_public])
    inner, inner_start = sorted_by(network.private_node.size, ~is_public, row)
    return HungPoints(public, public_start, inner, inner_start)


def _compress(n_rows: int, row: Int32, item: Int32, primary: Float, carried: Float) -> _Rows:
    """Sort entries into compressed rows."""
    start, order = order_rows(n_rows, np.ascontiguousarray(row, np.int32))
    return _Rows(start, item[order].astype(np.int32, copy=False), primary[order], carried[order])


def _on_one_edge(
    network: StreetNetwork, costs: WalkCosts, sites: PointLinks, points: PointLinks
) -> tuple[Int32, Int32, Float, Float]:
    """Return site, point and costs of the walks straight along an edge that holds both."""
    # Row 0 takes the points without a link.
    start, order = order_rows(network.n_edges + 1, points.edge + np.int32(1))
    linked = np.flatnonzero(sites.edge >= 0)
    low = start[sites.edge[linked] + 1]
    count = start[sites.edge[linked] + 2] - low
    site = np.repeat(linked, count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    point = order[np.repeat(low, count) + within]
    edge, ahead = sites.edge[site], sites.fraction[site] - points.fraction[point]
    oneway = network.edge_oneway[edge]
    keep = (ahead == 0.0) | np.where(ahead > 0.0, oneway != 2, oneway != 1)
    site, point, edge, share = site[keep], point[keep], edge[keep], np.abs(ahead[keep])
    legs_m = sites.access_m[site] + points.access_m[point]
    return (
        site.astype(np.int32),
        point.astype(np.int32),
        legs_m * costs.leg_primary + share * costs.edge_primary[edge],
        legs_m * costs.leg_carried + share * costs.edge_carried[edge],
    )


_Result = TypeVar("_Result")


def _run(threads: int, firsts: Iterable[int], work: Callable[[int], _Result]) -> list[_Result]:
    """Run chunks on a few threads and return their results in order."""
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, firsts))
    return [work(first) for first in firsts]


def site_pairs(
    network: StreetNetwork,
    demand: PointLinks,
    sites: PointLinks,
    *,
    limit: Limit,
    speed_mps: float,
    profile: WalkingProfile,
    at: datetime,
    threads: int = 2,
) -> SitePairs:
    """Find all pairs of a site and a demand point whose walk is within a limit.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    demand : PointLinks
        Links of the demand points; trips start there.
    sites : PointLinks
        Links of the sites; trips end there.
    limit : Limit
        The threshold, inclusive, both access legs included.
    speed_mps : float
        Walking speed.
    profile : WalkingProfile
        Stairs factor and crossing delay.
    at : datetime
        The moment at which gates with hours are judged.
    threads : int
        Worker threads; the answer does not depend on it.

    Returns
    -------
    SitePairs
        The pairs.
    """
    costs = _costs(network, limit, speed_mps, profile, at)
    n_sites, n_points = sites.edge.size, demand.edge.size
    count, point, primary, carried = _collect(
        network, costs, sites, demand, _stubs(hang_points(network, demand), costs), limit, threads
    )
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    by_point = transpose_pairs(n_points, start, point, primary, carried)
    # Turned twice, the points of a site stand in ascending order.
    by_site = transpose_pairs(n_sites, *by_point)
    site_start, pair_point, walk_s, walk_m = by_site
    point_start, pair_site, site_walk_s, site_walk_m = by_point
    if limit.measure == "metres":
        walk_s, walk_m = walk_m, walk_s
        site_walk_s, site_walk_m = site_walk_m, site_walk_s
    return SitePairs(site_start, pair_point, walk_s, walk_m, point_start, pair_site, site_walk_s, site_walk_m)


def count_sites(
    network: StreetNetwork,
    demand: PointLinks,
    site_sets: Sequence[PointLinks],
    *,
    limit: Limit,
    speed_mps: float,
    profile: WalkingProfile,
    at: datetime,
    threads: int = 2,
    hung: HungPoints | None = None,
    costs: WalkCosts | None = None,
) -> list[Int32]:
    """Count, for several sets of sites, how many sites each demand point has within a limit (M09, M10).

    The same numbers as `SitePairs.sites_per_point`, without keeping the pairs.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    demand : PointLinks
        Links of the demand points.
    site_sets : sequence of PointLinks
        Links of each set's sites.
    limit : Limit
        The threshold, inclusive.
    speed_mps : float
        Walking speed.
    profile : WalkingProfile
        Stairs factor and crossing delay.
    at : datetime
        The moment at which gates with hours are judged.
    threads : int
        Worker threads; the answer does not depend on it.
    hung : HungPoints, optional
        The same points as `hang_points` hangs them, where several speeds or limits are asked about.
    costs : WalkCosts, optional
        Costs for this speed, profile, moment and measure, where they are known already.

    Returns
    -------
    list of Int32
        One array of shape (n_demand,) for each set, in their order.
    """
    costs = costs or _costs(network, limit, speed_mps, profile, at)
    stubs = _stubs(hung or hang_points(network, demand), costs)
    counts = []
    for sites in site_sets:
        _, point, _, _ = _collect(network, costs, sites, demand, stubs, limit, threads)
        counts.append(np.bincount(point, minlength=demand.edge.size).astype(np.int32))
    return counts


def _costs(
    network: StreetNetwork, limit: Limit, speed_mps: float, profile: WalkingProfile, at: datetime
) -> WalkCosts:
    """Return the costs of walks to sites."""
    gates = gate_state(network.gates, at)
    return walk_costs(network, speed_mps=speed_mps, profile=profile, measure=limit.measure, gates=gates)


def _collect(
    network: StreetNetwork,
    costs: WalkCosts,
    sites: PointLinks,
    demand: PointLinks,
    stubs: tuple[_Rows, _Rows],
    limit: Limit,
    threads: int,
) -> tuple[Int, Int32, Float, Float]:
    """Return the number of pairs of each site, and point and costs of each pair, site by site."""
    n_sites, n_points = sites.edge.size, demand.edge.size
    public, inner = stubs
    seeds, is_private = _site_seeds(network, costs, sites)
    direct = [_on_one_edge(network, costs, a, b) for a in (sites, *sites.also) for b in (demand, *demand.also)]
    straight = _compress(n_sites, *(np.concatenate(parts) for parts in zip(*direct, strict=True)))
    arcs, private = network.public, network.private

    step = max(_SITES_A_TASK_MIN, -(-n_sites // (_TASKS_A_THREAD * threads)))

    def work(first: int) -> tuple[Int, Int32, Float, Float]:
        return collect_pairs(
            first, min(first + step, n_sites), limit.value, costs.bucket,
            arcs.start, arcs.node, costs.public_primary, costs.public_carried,
            private.start, private.node, costs.private_primary, costs.private_carried,
            network.private_node, network.private_index,
            seeds.start, seeds.item, seeds.primary, seeds.carried, is_private,
            public.start, public.item, public.primary, public.carried,
            inner.start, inner.item, inner.primary, inner.carried,
            straight.start, straight.item, straight.primary, straight.carried, n_points,
        )  # fmt: skip

    parts = _run(threads, range(0, n_sites, step), work)
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0), np.empty(0)
    count, point, primary, carried = (np.concatenate(column) for column in zip(*parts, strict=True))
    return count, point, primary, carried


def _stubs(hung: HungPoints, costs: WalkCosts) -> tuple[_Rows, _Rows]:
    """Return the hung points with what their walks to the nodes cost."""
    return (
        _Rows(hung.public_start, hung.public.point, *hung.public.priced(costs)),
        _Rows(hung.inner_start, hung.inner.point, *hung.inner.priced(costs)),
    )


def _site_seeds(network: StreetNetwork, costs: WalkCosts, sites: PointLinks) -> tuple[_Rows, Bool]:
    """Return each site's seeds and whether they lie on private or enclosed edges."""
    every = [entries_of(network, links, to_network=True) for links in (sites, *sites.also)]
    columns = [(one.node, *one.priced(costs), one.point, one.edge) for one in every]
    node, primary, carried, site, edge = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.argsort(site, kind="stable")
    rows = _compress(sites.edge.size, site, node, primary, carried)
    return rows, np.asarray(network.edge_kind[edge][order] != PUBLIC, np.bool_)


def sum_within(
    network: StreetNetwork,
    node_weight: Float,
    *,
    limit: Limit,
    speed_mps: float,
    profile: WalkingProfile,
    at: datetime,
    threads: int = 2,
) -> Float:
    """Add up, for every node, the weights of all nodes from which public ways lead to it within a limit.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    node_weight : Float
        People at each node, shape (n_nodes,).
    limit : Limit
        The threshold, inclusive.
    speed_mps : float
        Walking speed.
    profile : WalkingProfile
        Stairs factor and crossing delay.
    at : datetime
        The moment at which gates with hours are judged.
    threads : int
        Worker threads; the answer does not depend on it.

    Returns
    -------
    Float
        Sums, shape (n_nodes,).

    Raises
    ------
    InputError
        There is not one weight a node.
    """
    if node_weight.shape != (network.n_nodes,):
        raise InputError(
            f"权重个数 {node_weight.shape} 与节点数 {network.n_nodes} 不同",
            f"weights have shape {node_weight.shape}; one for each of {network.n_nodes} nodes is needed",
        )
    costs = walk_costs(
        network,
        speed_mps=speed_mps,
        profile=profile,
        measure=limit.measure,
        gates=gate_state(network.gates, at),
    )
    total = np.zeros(network.n_nodes)
    weight = np.ascontiguousarray(node_weight, np.float64)
    arcs = network.public

    step = max(_SITES_A_TASK_MIN, -(-network.n_nodes // (4 * _TASKS_A_THREAD * threads)))

    def work(first: int) -> None:
        last = min(first + step, network.n_nodes)
        sums_around(first, last, limit.value, costs.bucket, arcs.start, arcs.node, costs.public_primary, weight, total)

    _run(threads, range(0, network.n_nodes, step), work)
    return total
