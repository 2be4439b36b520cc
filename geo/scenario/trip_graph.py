"""The network as one graph of trips: private ends, public ways and private starts as three floors of one house.

A trip from home to a facility is private* public* private*. Searched backwards it enters on the floor of private ends,
takes the stairs to the public floor and from there to the floor of private starts. The stairs cost nothing, so one
search over this graph gives what three searches over the network's two arc tables give, and one repair mends it.

Every arc has its counterpart in the row of its other end; what may not be walked is shut, not missing. Nodes are only
ever appended: a node of the network below `n_base` is the same number on the public floor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from geo.arrays import Bool, Int, Int32, UInt8
from geo.kernels.graph import ENCLOSED, GATE, PRIVATE, PUBLIC, order_rows
from geo.network.gates import GateState
from geo.network.model import StreetNetwork

_Scalar = TypeVar("_Scalar", bound=np.generic)
STAIRS, STAIRS_BACK = 2, 3
"""Kinds of arcs beside 0 (public floor) and 1 (private floors)."""


@dataclass(frozen=True, slots=True, eq=False)
class TripGraph:
    """Arcs of the three floors.

    Parameters
    ----------
    first, last : Int32
        Where the arcs of each node begin and end, shape (n_nodes,).
    node, edge : Int32
        Neighbour and edge of each arc; stairs have edge -1.
    along, kind : UInt8
        1 when the row's node is the edge's ``u``; the kind of the arc.
    shut, shut_if_open : UInt8
        1 where an arc may not be walked now, and if every gate were open to everybody.
    floor : Int32
        Public-floor node of each network node, shape (n_network_nodes,).
    end_row, start_row : Int32
        Node on the floors of private ends and starts over each public-floor node, -1 for none, shape (n_nodes,).
    u, v, stop_node : Int32
        The edges' ends and the stops' nodes on the public floor.
    """

    first: Int32
    last: Int32
    node: Int32
    edge: Int32
    along: UInt8
    kind: UInt8
    shut: UInt8
    shut_if_open: UInt8
    floor: Int32
    end_row: Int32
    start_row: Int32
    u: Int32
    v: Int32
    stop_node: Int32

    @property
    def n_nodes(self) -> int:
        """Return the number of nodes on all floors.

        Returns
        -------
        int
            Length of a search's values.
        """
        return int(self.first.size)


@dataclass(frozen=True, slots=True)
class _Arcs:
    """Arcs with the node of their row, in no order."""

    tail: Int32
    head: Int32
    edge: Int32
    along: UInt8
    kind: UInt8


def build_graph(network: StreetNetwork, gates: GateState) -> TripGraph:
    """Build the graph of a network.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    gates : GateState
        Who may pass the gates.

    Returns
    -------
    TripGraph
        The graph.
    """
    n, inner = network.n_nodes, network.private_node
    floor = np.arange(n, dtype=np.int32)
    n_all = n + 2 * inner.size
    end_row, start_row = np.full(n_all, -1, np.int32), np.full(n_all, -1, np.int32)
    end_row[inner] = n + np.arange(inner.size, dtype=np.int32)
    start_row[inner] = n + inner.size + np.arange(inner.size, dtype=np.int32)
    public = _floor_arcs(network.public.start, network.public.node, network.public.edge, network.public.along, 0, 0)
    parts = [public]
    if inner.size:
        rows = network.private
        parts += [_floor_arcs(rows.start, rows.node, rows.edge, rows.along, 1, n + k * inner.size) for k in range(2)]
        parts += _stairs(inner, end_row[inner], start_row[inner])
    arcs = _Arcs(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Arcs.__slots__))
    start, order = order_rows(n_all, arcs.tail)
    kind, edge, along = arcs.kind[order], arcs.edge[order], arcs.along[order]
    return TripGraph(
        first=start[:-1].copy(),
        last=start[1:].copy(),
        node=arcs.head[order],
        edge=edge,
        along=along,
        kind=kind,
        shut=find_shut(network, edge, along, kind, gates, is_open=False),
        shut_if_open=find_shut(network, edge, along, kind, gates, is_open=True),
        floor=floor,
        end_row=end_row,
        start_row=start_row,
        u=network.edge_u,
        v=network.edge_v,
        stop_node=network.stops.node,
    )


def _floor_arcs(start: Int32, node: Int32, edge: Int32, along: UInt8, kind: int, offset: int) -> _Arcs:
    """Return the arcs of one floor."""
    tail = np.repeat(np.arange(start.size - 1, dtype=np.int32), np.diff(start)) + np.int32(offset)
    return _Arcs(tail, node + np.int32(offset), edge, along, np.full(node.size, kind, np.uint8))


def _stairs(public: Int32, end: Int32, start: Int32) -> list[_Arcs]:
    """Return the stairs from private ends to public ways and on to private starts, each with its way back."""
    none, flat = np.full(public.size, -1, np.int32), np.zeros(public.size, np.uint8)
    up, down = np.full(public.size, STAIRS, np.uint8), np.full(public.size, STAIRS_BACK, np.uint8)
    return [
        _Arcs(end, public, none, flat, up),
        _Arcs(public, end, none, flat, down),
        _Arcs(public, start, none, flat, up),
        _Arcs(start, public, none, flat, down),
    ]


def find_shut(
    network: StreetNetwork, edge: Int32, along: UInt8, kind: UInt8, gates: GateState, *, is_open: bool
) -> UInt8:
    """Tell which arcs may not be walked by a search from the trips' ends.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    edge : Int32
        Edge of each arc, -1 for stairs.
    along, kind : UInt8
        Direction and kind of each arc.
    gates : GateState
        Who may pass the gates.
    is_open : bool
        Suppose that every gate is open to everybody.

    Returns
    -------
    UInt8
        1 where shut.
    """
    oneway, street, gate = network.edge_oneway[edge], network.edge_kind[edge], network.edge_gate[edge]
    is_private = kind == 1
    shut = ((oneway == 1) & (along == 1)) | ((oneway == 2) & (along == 0))
    if not is_open:
        shut |= (street == ENCLOSED) & ~is_private
        through = np.flatnonzero((street == GATE) & (edge >= 0))
        at = gate[through]
        shut[through] |= ~np.where(is_private[through], gates.residents[at], gates.everyone[at])
    shut[edge < 0] = False
    shut[kind == STAIRS_BACK] = True
    return np.asarray(shut, np.uint8)


def with_gates(graph: TripGraph, network: StreetNetwork, gates: GateState, edges: Int32) -> tuple[TripGraph, Int32]:
    """Return the graph with other gates, and the arcs that opened or shut.

    Parameters
    ----------
    graph : TripGraph
        The graph.
    network : StreetNetwork
        The network as it is now; its edges are those of the graph.
    gates : GateState
        Who may pass the gates now.
    edges : Int32
        Edges that may have changed.

    Returns
    -------
    tuple of TripGraph, Int32
        The graph and the arcs whose state is another now.
    """
    is_asked = np.zeros(network.n_edges + 1, np.bool_)
    is_asked[edges] = True
    arcs = np.flatnonzero(is_asked[graph.edge])
    now = find_shut(network, graph.edge[arcs], graph.along[arcs], graph.kind[arcs], gates, is_open=False)
    changed = now != graph.shut[arcs]
    shut = graph.shut.copy()
    shut[arcs] = now
    return replace(graph, shut=shut), arcs[changed].astype(np.int32)


def tails_of(graph: TripGraph, arcs: Int32) -> Int32:
    """Return the node in whose row each arc stands.

    Parameters
    ----------
    graph : TripGraph
        The graph.
    arcs : Int32
        Arcs.

    Returns
    -------
    Int32
        Nodes, shape (n_arcs,).
    """
    # An arc's counterpart has the same edge and the other direction, and points back to the row.
    tail = np.empty(arcs.size, np.int32)
    for i, arc in enumerate(arcs.tolist()):
        head = int(graph.node[arc])
        row = np.arange(graph.first[head], graph.last[head])
        back = row[(graph.edge[row] == graph.edge[arc]) & (graph.along[row] != graph.along[arc])]
        tail[i] = graph.node[back[0]]
    return tail


def grown(
    graph: TripGraph, old: StreetNetwork, network: StreetNetwork, gates: GateState, compound: Int32
) -> tuple[TripGraph, Int, Bool]:
    """Return the graph of a network to which streets were added, or in which compounds took in public streets.

    Parameters
    ----------
    graph : TripGraph
        The graph of the old network.
    old, network : StreetNetwork
        The network before and after; edges and nodes of the old one keep their numbers.
    gates : GateState
        Who may pass the gates.
    compound : Int32
        Old edges that have private arcs now.

    Returns
    -------
    tuple of TripGraph, Int, Bool
        The graph, for each of its arcs the arc of the old graph whose row it continues (-1 for a new arc), and
        which nodes have new arcs.
    """
    n_old = graph.n_nodes
    n_new_nodes = network.n_nodes - old.n_nodes
    edges = np.arange(old.n_edges, network.n_edges, dtype=np.int32)
    floor = np.concatenate([graph.floor, n_old + np.arange(n_new_nodes, dtype=np.int32)])
    outside = edges[network.edge_kind[edges] != PRIVATE]
    inside = np.concatenate([edges[network.edge_kind[edges] != PUBLIC], compound])
    u, v = floor[network.edge_u[inside]], floor[network.edge_v[inside]]
    ends = np.unique(np.concatenate([u, v]))
    pad = np.full(n_new_nodes, -1, np.int32)
    end_row, start_row = np.concatenate([graph.end_row, pad]), np.concatenate([graph.start_row, pad])
    fresh = ends[end_row[ends] < 0].astype(np.int32)
    first_row = n_old + n_new_nodes
    row = first_row + np.arange(2 * fresh.size, dtype=np.int32)
    end_row = np.concatenate([end_row, np.full(row.size, -1, np.int32)])
    start_row = np.concatenate([start_row, np.full(row.size, -1, np.int32)])
    end_row[fresh], start_row[fresh] = row[: fresh.size], row[fresh.size :]
    parts = [*_both(floor[network.edge_u[outside]], floor[network.edge_v[outside]], outside, 0)]
    for rows in (end_row, start_row):
        parts += _both(rows[u], rows[v], inside, 1)
    parts += _stairs(fresh, end_row[fresh], start_row[fresh])
    new = _Arcs(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Arcs.__slots__))
    return _append(graph, network, gates, new, floor, end_row, start_row)


def _both(u: Int32, v: Int32, edge: Int32, kind: int) -> list[_Arcs]:
    """Return the two arcs of each edge."""
    kinds = np.full(u.size, kind, np.uint8)
    return [
        _Arcs(u, v, edge, np.ones(u.size, np.uint8), kinds),
        _Arcs(v, u, edge, np.zeros(u.size, np.uint8), kinds),
    ]


def _append(
    graph: TripGraph,
    network: StreetNetwork,
    gates: GateState,
    new: _Arcs,
    floor: Int32,
    end_row: Int32,
    start_row: Int32,
) -> tuple[TripGraph, Int, Bool]:
    """Write the rows that get new arcs once more at the end; the old copies stay behind, unread."""
    n = end_row.size
    pad = np.zeros(n - graph.n_nodes, np.int32)
    first, last = np.concatenate([graph.first, pad]), np.concatenate([graph.last, pad])
    touched = np.unique(new.tail)
    origin: list[Int] = []
    rows: list[Int] = []
    n_arcs = graph.node.size
    for row in touched.tolist():
        kept = np.arange(first[row], last[row])
        rows.append(np.concatenate([kept, n_arcs + np.flatnonzero(new.tail == row)]))
        origin.append(np.concatenate([kept, np.full(rows[-1].size - kept.size, -1)]))
    moved = np.concatenate([*rows, np.empty(0, np.int64)]).astype(np.int64)
    size = np.array([row.size for row in rows], np.int64)
    first[touched] = n_arcs + np.cumsum(size) - size
    last[touched] = n_arcs + np.cumsum(size)
    is_new = moved >= n_arcs

    def taken(old: npt.NDArray[_Scalar], fresh: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        values = np.empty(moved.size, old.dtype)
        values[~is_new], values[is_new] = old[moved[~is_new]], fresh[moved[is_new] - n_arcs]
        return np.concatenate([old, values])

    shut, if_open = (
        find_shut(network, new.edge, new.along, new.kind, gates, is_open=is_open) for is_open in (False, True)
    )
    # Copies left behind get no edge, so that whoever looks for the arcs of an edge finds those in use.
    edge = taken(graph.edge, new.edge)
    left = moved[~is_new]
    edge[left] = -1
    has_new = np.zeros(n, np.bool_)
    has_new[touched] = True
    grown_graph = TripGraph(
        first=first,
        last=last,
        node=taken(graph.node, new.head),
        edge=edge,
        along=taken(graph.along, new.along),
        kind=taken(graph.kind, new.kind),
        shut=taken(graph.shut, shut),
        shut_if_open=taken(graph.shut_if_open, if_open),
        floor=floor,
        end_row=end_row,
        start_row=start_row,
        u=floor[network.edge_u],
        v=floor[network.edge_v],
        stop_node=floor[network.stops.node],
    )
    return grown_graph, np.concatenate([*origin, np.empty(0, np.int64)]).astype(np.int64), has_new
