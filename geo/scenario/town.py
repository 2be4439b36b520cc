"""The streets of a scenario: network, trip graph, gates and what walking costs, copied where an edit changes them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np

from geo.access.nearest import NodeValues, Sites, entries_of
from geo.arrays import Float, Int, Int32
from geo.kernels.assign import evaluate_points, first_of_edge
from geo.kernels.graph import PUBLIC
from geo.kernels.repair import repair, take_better
from geo.network.cost import Measure, edge_seconds
from geo.network.extend import with_added_streets
from geo.network.gate_edit import GateChange, with_gate_changes
from geo.network.gates import GateState, gate_state
from geo.network.link import PointLinks, link_points, link_to_lines
from geo.network.model import Lines, StreetNetwork
from geo.network.profile import WalkingProfile
from geo.scenario.question import Question
from geo.scenario.trip_graph import TripGraph, build_graph, grown, tails_of, with_gates

_NO_INDEX = np.empty(0, np.int32)
_BUCKET_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """What walking costs at one speed.

    Parameters
    ----------
    edge_primary, edge_carried : Float
        Costs of whole edges.
    arc_primary, arc_carried : Float
        Costs of the graph's arcs.
    leg_primary, leg_carried : float
        Costs of one metre of access leg.
    bucket : float
        Width of a search's buckets.
    cutoff, limit : float
        Where searches end, and the threshold.
    """

    edge_primary: Float
    edge_carried: Float
    arc_primary: Float
    arc_carried: Float
    leg_primary: float
    leg_carried: float
    bucket: float
    cutoff: float
    limit: float


@dataclass(frozen=True, slots=True, eq=False)
class Town:
    """Streets and gates.

    Parameters
    ----------
    plain : StreetNetwork
        The base's network, to which every point has its first link.
    network : StreetNetwork
        The network with every edit.
    graph : TripGraph
        The same as one graph.
    gates : GateState
        Who may pass the gates.
    added : tuple of Lines
        Streets added by edits onto which one may step, one entry an edit.
    prices : dict of float to Prices
        Costs by speed.
    """

    plain: StreetNetwork
    network: StreetNetwork
    graph: TripGraph
    gates: GateState
    added: tuple[Lines, ...]
    prices: dict[float, Prices]


@dataclass(frozen=True, slots=True, eq=False)
class StreetChange:
    """What an edit did to the streets.

    Parameters
    ----------
    again : Int32
        Nodes of the graph that gained an arc.
    shut : Int32
        Arcs that were shut.
    edges : Int32
        Edges whose points are to be looked at again whatever the search finds.
    compound : Int32
        Public edges among them that a compound took in: who stands there enters the graph elsewhere.
    """

    again: Int32 = field(default_factory=lambda: _NO_INDEX)
    shut: Int32 = field(default_factory=lambda: _NO_INDEX)
    edges: Int32 = field(default_factory=lambda: _NO_INDEX)
    compound: Int32 = field(default_factory=lambda: _NO_INDEX)


def open_town(network: StreetNetwork, question: Question) -> Town:
    """Take a network into a scenario's base.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    question : Question
        What is asked.

    Returns
    -------
    Town
        Without prices.
    """
    gates = gate_state(network.gates, question.at)
    return Town(network, network, build_graph(network, gates), gates, (), {})


def with_speeds(town: Town, speeds: set[float], profile: WalkingProfile, question: Question) -> Town:
    """Return the town with the prices of some more speeds.

    Parameters
    ----------
    town : Town
        The town.
    speeds : set of float
        Speeds that must be there.
    profile : WalkingProfile
        Stairs and crossings.
    question : Question
        What is asked.

    Returns
    -------
    Town
        The same town where nothing was missing.
    """
    missing = speeds - set(town.prices)
    if not missing:
        return town
    more = {speed: _prices(town, speed, profile, question) for speed in sorted(missing)}
    return replace(town, prices={**town.prices, **more})


def _edge_prices(
    network: StreetNetwork, speed: float, profile: WalkingProfile, measure: Measure
) -> tuple[Float, Float]:
    """Return primary and carried costs of edges."""
    seconds = edge_seconds(network, speed_mps=speed, profile=profile)
    metres = np.ascontiguousarray(network.edge_length_m)
    return (seconds, metres) if measure == "seconds" else (metres, seconds)


def _arc_prices(edge: Int32, values: Float) -> Float:
    """Return the costs of arcs; stairs cost nothing."""
    return np.where(edge >= 0, values[edge], 0.0)


def _prices(town: Town, speed: float, profile: WalkingProfile, question: Question) -> Prices:
    """Return the costs at one speed."""
    primary, carried = _edge_prices(town.network, speed, profile, question.limit.measure)
    by_time = question.limit.measure == "seconds"
    limit = question.limit.value
    return Prices(
        edge_primary=primary,
        edge_carried=carried,
        arc_primary=_arc_prices(town.graph.edge, primary),
        arc_carried=_arc_prices(town.graph.edge, carried),
        leg_primary=1.0 / speed if by_time else 1.0,
        leg_carried=1.0 if by_time else 1.0 / speed,
        bucket=_BUCKET_SHARE * town.network.typical_edge_m * (1.0 / speed if by_time else 1.0),
        cutoff=max(question.cutoff_min * 60.0 * (1.0 if by_time else speed), limit),
        limit=limit,
    )


def with_street(
    town: Town, segments: gpd.GeoDataFrame, profile: WalkingProfile, question: Question, *, is_bridge: bool
) -> tuple[Town, StreetChange]:
    """Add streets.

    Parameters
    ----------
    town : Town
        The town.
    segments : GeoDataFrame
        Segments as for `with_added_streets`.
    profile : WalkingProfile
        Stairs and crossings.
    question : Question
        What is asked.
    is_bridge : bool
        Nobody steps onto the streets between their ends.

    Returns
    -------
    tuple of Town, StreetChange
        The town with the streets, and what changed.
    """
    old = town.network
    extended = with_added_streets(old, segments)
    network = extended.network
    graph, origin, has_new = grown(town.graph, old, network, town.gates, _NO_INDEX)
    prices: dict[float, Prices] = {}
    for speed, was in town.prices.items():
        primary, carried = _edge_prices(network, speed, profile, question.limit.measure)
        prices[speed] = replace(was, edge_primary=primary, edge_carried=carried)
    prices = _grown_prices(prices, town.graph, graph, origin, by_time=question.limit.measure == "seconds")
    edges = np.arange(old.n_edges, network.n_edges, dtype=np.int32)
    change = StreetChange(
        again=np.flatnonzero(has_new).astype(np.int32),
        edges=edges,
    )
    lines = () if is_bridge else (extended.added,)
    return Town(town.plain, network, graph, town.gates, (*town.added, *lines), prices), change


def _grown_prices(
    prices: dict[float, Prices], old: TripGraph, graph: TripGraph, origin: Int, *, by_time: bool
) -> dict[float, Prices]:
    """Return prices with those of new arcs; what does not depend on speed is shared by all speeds."""
    kept = origin >= 0
    fresh = graph.edge[old.node.size :]
    shared: Prices | None = None

    def arcs(before: Float, values: Float) -> Float:
        more = _arc_prices(fresh, values)
        more[kept] = before[origin[kept]]
        return np.concatenate([before, more])

    result: dict[float, Prices] = {}
    for speed, was in prices.items():
        if shared is None:
            shared = was = replace(
                was,
                arc_primary=arcs(was.arc_primary, was.edge_primary),
                arc_carried=arcs(was.arc_carried, was.edge_carried),
            )
        elif by_time:
            primary = arcs(was.arc_primary, was.edge_primary)
            was = replace(was, edge_carried=shared.edge_carried, arc_carried=shared.arc_carried, arc_primary=primary)
        else:
            carried = arcs(was.arc_carried, was.edge_carried)
            was = replace(was, edge_primary=shared.edge_primary, arc_primary=shared.arc_primary, arc_carried=carried)
        result[speed] = was
    return result


def with_gate(town: Town, gate: GateChange, question: Question) -> tuple[Town, StreetChange]:
    """Let a gate be passed by others, or at other hours.

    Parameters
    ----------
    town : Town
        The town.
    gate : GateChange
        The gate and its new access.
    question : Question
        What is asked.

    Returns
    -------
    tuple of Town, StreetChange
        The town with the gate as it is now, and what changed.
    """
    edited = with_gate_changes(town.network, (gate,))
    network = edited.network
    gates = gate_state(network.gates, question.at)
    graph, prices, again = town.graph, town.prices, _NO_INDEX
    if edited.compound.size:
        graph, origin, has_new = grown(graph, network, network, gates, edited.compound)
        prices = _grown_prices(prices, town.graph, graph, origin, by_time=question.limit.measure == "seconds")
        again = np.flatnonzero(has_new).astype(np.int32)
    graph, arcs = with_gates(graph, network, gates, edited.edges)
    opened = graph.shut[arcs] == 0
    change = StreetChange(
        again=np.concatenate([again, tails_of(graph, arcs[opened])]),
        shut=arcs[~opened],
        edges=edited.compound,
        compound=edited.compound,
    )
    return replace(town, network=network, graph=graph, gates=gates, prices=prices), change


def link_places(town: Town, lon: Float, lat: Float) -> PointLinks:
    """Link new places: to the base's streets, and beside that to each street that edits added.

    Parameters
    ----------
    town : Town
        The town.
    lon, lat : Float
        Degrees.

    Returns
    -------
    PointLinks
        Their links, the same whether the place or the street came first.
    """
    links = link_points(town.plain, lon, lat, threads=1)
    for lines in town.added:
        links = links.adding(link_to_lines(town.network, lines, lon, lat, threads=1))
    return links


@dataclass(frozen=True, slots=True, eq=False)
class Seeds:
    """Where the walks to the facilities enter the graph.

    Parameters
    ----------
    node : Int32
        Node of each entry.
    primary, carried : Float
        Costs it starts from.
    label, edge : Int32
        Facility, and the edge on which it stands.
    """

    node: Int32
    primary: Float
    carried: Float
    label: Int32
    edge: Int32


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
    return Seeds(node, primary, carried, sites.label[entries.point], entries.edge)


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


def copied(values: NodeValues, n: int) -> NodeValues:
    """Return a copy of values that may be changed, with room for new nodes.

    Parameters
    ----------
    values : NodeValues
        Values of old nodes.
    n : int
        Number of nodes now.

    Returns
    -------
    NodeValues
        The copy; new nodes are unreached.
    """
    more = n - values.best.size
    if more == 0:
        return NodeValues(values.best.copy(), values.second.copy(), values.label.copy())
    pad = empty_values(more)
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
) -> Int32:
    """Make the values of a search true again, in place.

    Parameters
    ----------
    town : Town
        The town as it is now.
    prices : Prices
        Costs.
    values : NodeValues
        Values to mend; empty ones are searched for from the start.
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
    Int32
        Nodes whose value is another now.
    """
    graph = town.graph
    return repair(
        graph.first, graph.last, graph.node, prices.arc_primary, prices.arc_carried,
        graph.shut_if_open if if_open else graph.shut,
        seeds.node, seeds.primary, seeds.carried, seeds.label, loss.node, loss.primary, again,
        prices.limit if if_open else prices.cutoff, prices.bucket,
        values.best, values.second, values.label,
    )  # fmt: skip


def shut_loss(town: Town, prices: Prices, values: NodeValues, arcs: Int32) -> Loss:
    """Return the values that arcs gave before they were shut.

    Parameters
    ----------
    town : Town
        The town as it is now.
    prices : Prices
        Costs.
    values : NodeValues
        Values before.
    arcs : Int32
        The arcs.

    Returns
    -------
    Loss
        The nodes they lead to.
    """
    if arcs.size == 0:
        return NO_LOSS
    return Loss(town.graph.node[arcs], values.best[tails_of(town.graph, arcs)] + prices.arc_primary[arcs])


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
