"""Searching a scenario's trip graph: seeds, what was lost, mended values, and what points get from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.access.nearest import NodeValues, Sites, entries_of
from geo.arrays import Float, Int32
from geo.kernels.assign import evaluate_points, first_of_edge
from geo.kernels.graph import PUBLIC
from geo.kernels.repair import is_true, repair, take_better
from geo.network.link import PointLinks
from geo.scenario.town import Prices, StreetChange, Town

_NO_INDEX = np.empty(0, np.int32)
_ROOM_NODES = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Seeds:
    """Where the walks to the facilities enter the graph.

    Parameters
    ----------
    node : Int32
        Node of each entry.
    primary, carried : Float
        Costs it starts from.
    label : Int32
        Facility.
    """

    node: Int32
    primary: Float
    carried: Float
    label: Int32


def find_seeds(town: Town, prices: Prices, sites: Sites) -> Seeds:
    """Return where the walks to facilities enter the graph.

    Parameters
    ----------
    town : Town
        The town.
    prices : Prices
        Costs.
    sites : Sites
        The facilities.

    Returns
    -------
    Seeds
        A few a facility.
    """
    entries = entries_of(town.network, PointLinks(sites.edge, sites.fraction, sites.access_m), to_network=True)
    primary = entries.leg_m * prices.leg_primary + entries.share * prices.edge_primary[entries.edge]
    carried = entries.leg_m * prices.leg_carried + entries.share * prices.edge_carried[entries.edge]
    node = town.graph.floor[entries.node]
    inside = town.network.edge_kind[entries.edge] != PUBLIC
    node = np.where(inside, town.graph.end_row[node], node).astype(np.int32)
    return Seeds(node, primary, carried, sites.label[entries.point])


def empty_values(n: int) -> NodeValues:
    """Return values of nodes that nothing reached yet.

    Parameters
    ----------
    n : int
        Number of nodes.

    Returns
    -------
    NodeValues
        Infinite costs.
    """
    return NodeValues(np.full(n, np.inf), np.full(n, np.inf), np.full(n, np.int32(-1)))


def roomy(n: int) -> NodeValues:
    """Return values of the graph's nodes with some room, so that a few new nodes need no other arrays.

    Parameters
    ----------
    n : int
        Number of nodes.

    Returns
    -------
    NodeValues
        Infinite costs, some more than nodes.
    """
    return empty_values(n + _ROOM_NODES)


def with_room(values: NodeValues, n: int) -> NodeValues:
    """Return values with room for so many nodes.

    Parameters
    ----------
    values : NodeValues
        Values of old nodes.
    n : int
        Number of nodes now.

    Returns
    -------
    NodeValues
        The same where there is room; new nodes are unreached.
    """
    missing = n - values.best.size
    if missing <= 0:
        return values
    pad = roomy(missing)
    return NodeValues(
        np.concatenate([values.best, pad.best]),
        np.concatenate([values.second, pad.second]),
        np.concatenate([values.label, pad.label]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """What was lost.

    Parameters
    ----------
    node : Int32
        Nodes that lost a seed or an arc.
    primary : Float
        The value that it gave them.
    """

    node: Int32
    primary: Float


NO_LOSS = Loss(_NO_INDEX, np.empty(0))


def mend(
    town: Town, prices: Prices, values: NodeValues, seeds: Seeds, loss: Loss, again: Int32, *, if_open: bool
) -> tuple[NodeValues, Int32]:
    """Make the values of a search true again.

    Parameters
    ----------
    town : Town
        The town as it is now.
    prices : Prices
        Costs.
    values : NodeValues
        Values to mend, which are left as they are; empty ones are searched for from the start.
    seeds : Seeds
        All seeds as they are now.
    loss : Loss
        What was lost.
    again : Int32
        Nodes that gained an arc.
    if_open : bool
        Suppose that every gate is open to everybody; the search then ends at the threshold.

    Returns
    -------
    tuple of NodeValues, Int32
        True values (the same where they were true already), and the nodes whose value is another now.
    """
    graph = town.graph
    shut, limit = (graph.shut_if_open, prices.limit) if if_open else (graph.shut, prices.cutoff)
    values = with_room(values, graph.n_nodes)
    if is_true(
        graph.first, graph.last, graph.node, prices.arc_primary, prices.arc_carried, shut,
        seeds.node, seeds.primary, seeds.carried, seeds.label, loss.node, loss.primary, again, limit,
        values.best, values.second, values.label,
    ):  # fmt: skip
        return values, _NO_INDEX
    values = NodeValues(values.best.copy(), values.second.copy(), values.label.copy())
    touched = repair(
        graph.first, graph.last, graph.node, prices.arc_primary, prices.arc_carried, shut,
        seeds.node, seeds.primary, seeds.carried, seeds.label, loss.node, loss.primary, again, limit, prices.bucket,
        values.best, values.second, values.label,
    )  # fmt: skip
    return values, touched


def shut_loss(town: Town, prices: Prices, values: NodeValues, change: StreetChange) -> Loss:
    """Return the values that arcs gave before they were shut.

    Parameters
    ----------
    town : Town
        The town as it is now.
    prices : Prices
        Costs.
    values : NodeValues
        Values before; of nodes that are new since then there are none.
    change : StreetChange
        The arcs that were shut.

    Returns
    -------
    Loss
        The nodes they lead to.
    """
    if change.shut.size == 0:
        return NO_LOSS
    return Loss(town.graph.node[change.shut], values.best[change.shut_tail] + prices.arc_primary[change.shut])


@dataclass(frozen=True, slots=True, eq=False)
class FurtherLinks:
    """Links of points to added streets, beside their first link.

    Parameters
    ----------
    point, edge : Int32
        Point and edge of each.
    fraction, access_m : Float
        Position, and access leg in metres.
    """

    point: Int32
    edge: Int32
    fraction: Float
    access_m: Float


def evaluate_rows(
    town: Town,
    prices: Prices,
    sites: Sites,
    values: NodeValues,
    links: PointLinks,
    further: FurtherLinks,
    rows: Int32,
) -> NodeValues:
    """Return the least cost of some points.

    Parameters
    ----------
    town : Town
        The town.
    prices : Prices
        Costs.
    sites : Sites
        The facilities.
    values : NodeValues
        Values of the nodes.
    links : PointLinks
        First links of all points.
    further : FurtherLinks
        Their further links.
    rows : Int32
        The points asked about, ascending.

    Returns
    -------
    NodeValues
        One a row.
    """
    result = empty_values(rows.size)
    _evaluate(town, prices, sites, values, links.edge[rows], links.fraction[rows], links.access_m[rows], result)
    if further.point.size:
        row = np.full(links.edge.size, -1, np.int32)
        row[rows] = np.arange(rows.size, dtype=np.int32)
        of = row[further.point]
        asked = np.flatnonzero(of >= 0)
        more = empty_values(asked.size)
        at = (further.edge[asked], further.fraction[asked], further.access_m[asked])
        _evaluate(town, prices, sites, values, *at, more)
        take_better(of[asked], more.best, more.second, more.label, result.best, result.second, result.label)
    return result


def _evaluate(
    town: Town,
    prices: Prices,
    sites: Sites,
    values: NodeValues,
    edge: Int32,
    fraction: Float,
    access_m: Float,
    result: NodeValues,
) -> None:
    """Write the least cost of links; the ground and the private starts are rows of the same values."""
    graph, stops = town.graph, town.network.stops
    stop_first = first_of_edge(town.network.n_edges, stops.edge) if stops.edge.size else _NO_INDEX
    evaluate_points(
        edge, fraction, access_m * prices.leg_primary, access_m * prices.leg_carried,
        graph.u, graph.v, prices.edge_primary, prices.edge_carried,
        town.network.edge_oneway, town.network.edge_kind,
        values.best, values.second, values.label,
        graph.start_row, values.best, values.second, values.label,
        stop_first, stops.edge, stops.fraction, graph.stop_node,
        sites.first, sites.edge, sites.fraction,
        sites.access_m * prices.leg_primary, sites.access_m * prices.leg_carried, sites.label,
        result.best, result.second, result.label,
    )  # fmt: skip
