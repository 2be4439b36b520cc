"""Certificates: for every demand point whether it is covered, by which facility, how far, or why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from geo.access.nearest import NodeValues, Sites, evaluate, search_nearest, sites_of
from geo.access.status import (
    COVERED,
    DISCONNECTED,
    GATE_CLOSED,
    NO_FACILITY,
    NOT_LINKED,
    TOO_FAR,
    Certificates,
)
from geo.arrays import Bool, Float, Int32, UInt8
from geo.errors import InputError
from geo.network.cost import CostBook, Measure
from geo.network.link import PointLinks
from geo.network.model import StreetNetwork
from geo.network.profile import WalkingProfile

DEFAULT_CUTOFF_MIN: Final = 120.0


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold on the walk from door to door, both access legs included; the limit itself is covered.

    Parameters
    ----------
    measure : {"seconds", "metres"}
        What is compared, and therefore what the search minimises.
    value : float
        The threshold in that unit, above 0.
    """

    measure: Measure
    value: float

    def __post_init__(self) -> None:
        """Refuse thresholds that are no positive finite number; kernels are compiled for floats only."""
        object.__setattr__(self, "value", float(self.value))
        if not (np.isfinite(self.value) and self.value > 0.0):
            raise InputError(
                f"阈值 {self.value} 无效，必须大于 0",
                f"threshold {self.value} is not allowed; it must be above 0",
            )


def minutes(value: float) -> Limit:
    """Return a threshold in minutes of walking.

    Parameters
    ----------
    value : float
        Minutes, above 0.

    Returns
    -------
    Limit
        The threshold in seconds.
    """
    return Limit("seconds", value * 60.0)


def metres(value: float) -> Limit:
    """Return a threshold in metres of walking.

    Parameters
    ----------
    value : float
        Metres, above 0.

    Returns
    -------
    Limit
        The threshold in metres.
    """
    return Limit("metres", value)


@dataclass(frozen=True, slots=True)
class CoverageTask:
    """One search of a coverage run: the facilities of one type at one speed.

    Parameters
    ----------
    facilities : PointLinks
        Links of the open facilities.
    facility_rank : Int32
        Place of each facility in the order of ties (a permutation of 0 … n-1), lowest first.
    limit : Limit
        The threshold.
    speed_mps : float
        Walking speed.
    """

    facilities: PointLinks
    facility_rank: Int32
    limit: Limit
    speed_mps: float


def certify(
    network: StreetNetwork,
    demand: PointLinks,
    facilities: PointLinks,
    *,
    facility_rank: Int32,
    limit: Limit,
    speed_mps: float,
    profile: WalkingProfile,
    at: datetime,
    cutoff_min: float = DEFAULT_CUTOFF_MIN,
    book: CostBook | None = None,
) -> Certificates:
    """Give each demand point its certificate.

    The precedence is ``not_linked``, ``disconnected`` (its part of the whole street network, all gates open
    and private ways included, holds no linked facility), ``covered``, ``gate_closed`` (covered only if every
    gate were open to everybody), ``too_far``. Times run from home to facility.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    demand : PointLinks
        Links of the demand points.
    facilities : PointLinks
        Links of the open facilities.
    facility_rank : Int32
        Place of each facility in the order of ties (a permutation of 0 … n-1), lowest first.
    limit : Limit
        The threshold; with seconds the fastest path counts, with metres the shortest.
    speed_mps : float
        Walking speed, access legs included.
    profile : WalkingProfile
        Stairs factor and crossing delay.
    at : datetime
        The moment at which gates with hours are judged.
    cutoff_min : float
        The search ends after this many minutes (with metres: after what level walking covers in them), but
        never before the threshold; farther facilities are reported as unreachable.
    book : CostBook, optional
        Costs of the same network, profile and moment, where several searches share them.

    Returns
    -------
    Certificates
        One a demand point, in demand order.

    Raises
    ------
    InputError
        Ranks do not fit the facilities, or the speed or the cutoff is not positive.
    """
    task = CoverageTask(facilities, facility_rank, limit, speed_mps)
    _check_cutoff(cutoff_min)
    _check_rank(task)
    return _certify_task(network, demand, task, book or CostBook(network, profile, at), cutoff_min)


def certify_many(
    network: StreetNetwork,
    demand: PointLinks,
    tasks: Sequence[CoverageTask],
    *,
    profile: WalkingProfile,
    at: datetime,
    cutoff_min: float = DEFAULT_CUTOFF_MIN,
    threads: int = 2,
) -> list[Certificates]:
    """Run several searches over the same demand points, such as all types and all speed bands.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    demand : PointLinks
        Links of the demand points.
    tasks : sequence of CoverageTask
        The searches.
    profile : WalkingProfile
        Stairs factor and crossing delay.
    at : datetime
        The moment at which gates with hours are judged.
    cutoff_min : float
        See `certify`.
    threads : int
        Worker threads; the answers do not depend on it.

    Returns
    -------
    list of Certificates
        One for each task, in their order.

    Raises
    ------
    InputError
        Ranks do not fit the facilities, or a speed or the cutoff is not positive.
    """
    _check_cutoff(cutoff_min)
    for task in tasks:
        _check_rank(task)
    book = CostBook(network, profile, at)

    def run(task: CoverageTask) -> Certificates:
        return _certify_task(network, demand, task, book, cutoff_min)

    if threads > 1 and len(tasks) > 1:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(run, tasks))
    return [run(task) for task in tasks]


def _check_cutoff(cutoff_min: float) -> None:
    """Refuse a cutoff that is no positive number."""
    if not (np.isfinite(cutoff_min) and cutoff_min > 0.0):
        raise InputError(
            f"搜索上限 {cutoff_min} 分钟无效，必须大于 0",
            f"cutoff {cutoff_min} min is not allowed; it must be above 0",
        )


def _check_rank(task: CoverageTask) -> None:
    """Refuse ranks that are no permutation."""
    n = task.facilities.edge.size
    rank = task.facility_rank
    if rank.shape != (n,) or not np.array_equal(np.sort(rank), np.arange(n)):
        raise InputError(f"设施次序必须是 0 到 {n - 1} 的排列", f"facility ranks must be a permutation of 0 to {n - 1}")


def _certify_task(
    network: StreetNetwork,
    demand: PointLinks,
    task: CoverageTask,
    book: CostBook,
    cutoff_min: float,
) -> Certificates:
    """Run one task."""
    costs = book.walk(task.speed_mps, task.limit.measure)
    sites = sites_of(network, task.facilities, task.facility_rank)
    cutoff = cutoff_min * 60.0 * (1.0 if costs.measure == "seconds" else task.speed_mps)
    field = search_nearest(network, costs, sites, cutoff=max(cutoff, task.limit.value))
    values = _within(evaluate(network, costs, sites, field, demand), max(cutoff, task.limit.value))
    linked = demand.is_linked
    connected = linked & _is_connected(network, demand, sites)
    status = judge(
        linked,
        connected,
        values.best <= task.limit.value,
        (lambda rows: _covered_with_open_gates(network, demand.take(rows), sites, task, book))
        if book.gates.is_any_shut
        else None,
    )
    order = np.argsort(task.facility_rank).astype(np.int32)
    found = values.label >= 0
    facility = np.full(demand.edge.size, NO_FACILITY, np.int32)
    facility[found] = order[values.label[found]]
    primary, carried = np.where(found, values.best, np.nan), np.where(found, values.second, np.nan)
    walk_s, walk_m = (primary, carried) if costs.measure == "seconds" else (carried, primary)
    return Certificates(status, facility, walk_m, walk_s, _access_leg(demand))


def judge(linked: Bool, connected: Bool, within: Bool, if_open: Callable[[Int32], Bool] | None) -> UInt8:
    """Give points their status.

    Parameters
    ----------
    linked, connected, within : Bool
        Which points have a link, share a part of the network with a facility, reach one within the threshold; shape
        (n_points,).
    if_open : callable or None
        Tells which of some points would be covered if every gate were open to everybody; None where every gate is.

    Returns
    -------
    UInt8
        Status codes, shape (n_points,).
    """
    covered = connected & within
    status = np.full(linked.size, TOO_FAR, np.uint8)
    uncovered = np.flatnonzero(connected & ~covered).astype(np.int32)
    if if_open is not None and uncovered.size:
        status[uncovered[if_open(uncovered)]] = GATE_CLOSED
    status[covered] = COVERED
    status[linked & ~connected] = DISCONNECTED
    status[~linked] = NOT_LINKED
    return status


def _within(values: NodeValues, cutoff: float) -> NodeValues:
    """Drop values that only the access leg carried beyond the cutoff."""
    beyond = values.best > cutoff
    values.best[beyond] = np.inf
    values.label[beyond] = -1
    return values


def _access_leg(demand: PointLinks) -> Float:
    """Return the first link's access leg, or that of a later link where the first is missing."""
    access_m = demand.access_m.copy()
    for links in demand.also:
        missing = np.isnan(access_m)
        access_m[missing] = links.access_m[missing]
    return access_m


def _is_connected(network: StreetNetwork, demand: PointLinks, sites: Sites) -> Bool:
    """Tell which points share a component of the whole network with a facility."""
    has_site = np.zeros(network.n_components, np.bool_)
    has_site[network.node_component[network.edge_u[sites.edge]]] = True
    connected = np.zeros(demand.edge.size, np.bool_)
    for links in (demand, *demand.also):
        rows = np.flatnonzero(links.edge >= 0)
        connected[rows] |= has_site[network.node_component[network.edge_u[links.edge[rows]]]]
    return connected


def _covered_with_open_gates(
    network: StreetNetwork, points: PointLinks, sites: Sites, task: CoverageTask, book: CostBook
) -> Bool:
    """Tell which points would be covered if every gate were open to everybody; private ways stay private."""
    costs = book.walk_if_open(task.speed_mps, task.limit.measure)
    field = search_nearest(network, costs, sites, cutoff=task.limit.value)
    return np.asarray(evaluate(network, costs, sites, field, points).best <= task.limit.value, np.bool_)
