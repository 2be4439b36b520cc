"""The streets of a scenario: network, trip graph, gates and what walking costs, copied where an edit changes them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np

from geo.arrays import Bool, Float, Int, Int32
from geo.errors import InputError
from geo.network.cost import Measure, edge_seconds
from geo.network.extend import with_added_streets
from geo.network.gate_edit import GateChange, find_enclosed, with_gate_changes
from geo.network.gates import GateState, gate_state
from geo.network.link import PointLinks, link_points, link_to_lines
from geo.network.model import Gates, Lines, StreetNetwork
from geo.network.profile import WalkingProfile
from geo.scenario.question import Question
from geo.scenario.trip_graph import TripGraph, build_graph, grown, tails_of, with_gates

_NO_INDEX = np.empty(0, np.int32)
_BUCKET_SHARE = 0.5
FAR_DEG = 0.2


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
    enclosed : Bool or None
        Streets that form compounds behind gates, where it is known.
    """

    plain: StreetNetwork
    network: StreetNetwork
    graph: TripGraph
    gates: GateState
    added: tuple[Lines, ...]
    prices: dict[float, Prices]
    enclosed: Bool | None


@dataclass(frozen=True, slots=True, eq=False)
class StreetChange:
    """What an edit did to the streets.

    Parameters
    ----------
    again : Int32
        Nodes of the graph that gained an arc.
    shut, shut_tail : Int32
        Arcs that were shut, and the nodes in whose rows they stand.
    edges : Int32
        Edges whose points are to be looked at again whatever the search finds.
    """

    again: Int32 = field(default_factory=lambda: _NO_INDEX)
    shut: Int32 = field(default_factory=lambda: _NO_INDEX)
    shut_tail: Int32 = field(default_factory=lambda: _NO_INDEX)
    edges: Int32 = field(default_factory=lambda: _NO_INDEX)


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
    return Town(network, network, build_graph(network, gates), gates, (), {}, find_enclosed(network))


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

    Raises
    ------
    InputError
        A street lies far away from all others.
    """
    old = town.network
    west, south, east, north = (float(value) for value in segments.total_bounds)
    _refuse_far(town, (west, south, east, north), "新增道路", "street")
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
    return Town(town.plain, network, graph, town.gates, (*town.added, *lines), prices, None), change


def _refuse_far(town: Town, box: tuple[float, float, float, float], what_zh: str, what_en: str) -> None:
    """Refuse what lies far away: it is a slip of the pen, and the grid over all streets would have to reach it."""
    network = town.plain
    west, south = float(network.node_lon.min()) - FAR_DEG, float(network.node_lat.min()) - FAR_DEG
    east, north = float(network.node_lon.max()) + FAR_DEG, float(network.node_lat.max()) + FAR_DEG
    if not (box[0] >= west and box[1] >= south and box[2] <= east and box[3] <= north):
        given = ", ".join(f"{value:.5f}" for value in box)
        allowed = f"{west:.5f}, {south:.5f}, {east:.5f}, {north:.5f}"
        raise InputError(
            f"{what_zh}的范围（{given}）远离路网，允许的范围：{allowed}（西、南、东、北，度）",
            f"the {what_en}'s extent ({given}) is far from the network; allowed: {allowed} "
            "(west, south, east, north, degrees)",
        )


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
    edited = with_gate_changes(town.network, (gate,), enclosed=town.enclosed)
    network = edited.network
    gates = _judged(town.gates, network.gates, network.gates.ids.index(gate.gate_id), question)
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
        shut_tail=tails_of(graph, arcs[~opened]),
        edges=edited.compound,
    )
    after = replace(town, network=network, graph=graph, gates=gates, prices=prices, enclosed=edited.enclosed)
    return after, change


def _judged(state: GateState, gates: Gates, row: int, question: Question) -> GateState:
    """Judge one gate again."""
    one = gate_state(
        Gates((gates.ids[row],), ("",), (gates.access[row],), (gates.opening_hours[row],), gates.node[row : row + 1]),
        question.at,
    )
    everyone, residents = state.everyone.copy(), state.residents.copy()
    everyone[row], residents[row] = one.everyone[0], one.residents[0]
    others = (name for name in state.unparsable_ids if name != gates.ids[row])
    return GateState(everyone, residents, (*others, *one.unparsable_ids))


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

    Raises
    ------
    InputError
        A place lies far away from all streets.
    """
    box = (float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))
    _refuse_far(town, box, "地点", "place")
    links = link_points(town.plain, lon, lat, threads=1)
    for lines in town.added:
        links = links.adding(link_to_lines(town.network, lines, lon, lat, threads=1))
    return links
