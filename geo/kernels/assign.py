"""From node values to points: a point takes the best of its edge's ends, stops and facilities."""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Bool, Float, Int32, UInt8
from geo.kernels.graph import PUBLIC


@njit(nogil=True, cache=True)
def evaluate_points(
    point_edge: Int32,
    point_fraction: Float,
    leg_primary: Float,
    leg_carried: Float,
    edge_u: Int32,
    edge_v: Int32,
    edge_primary: Float,
    edge_carried: Float,
    edge_oneway: UInt8,
    edge_kind: UInt8,
    public_best: Float,
    public_second: Float,
    public_label: Int32,
    private_index: Int32,
    private_best: Float,
    private_second: Float,
    private_label: Int32,
    stop_first: Int32,
    stop_edge: Int32,
    stop_fraction: Float,
    stop_node: Int32,
    site_first: Int32,
    site_edge: Int32,
    site_fraction: Float,
    site_primary: Float,
    site_carried: Float,
    site_label: Int32,
    best: Float,
    second: Float,
    label: Int32,
) -> None:
    """Write each point's least cost to a facility, over its edge's ends or stops, or directly along the edge.

    Parameters
    ----------
    point_edge, point_fraction : Int32, Float
        Position of each point, shape (n,); edge -1 is left alone.
    leg_primary, leg_carried : Float
        Cost of each point's access leg, shape (n,).
    edge_u, edge_v : Int32
        End nodes per edge.
    edge_primary, edge_carried : Float
        Costs per edge.
    edge_oneway, edge_kind : UInt8
        Direction (0 both, 1 only u to v, 2 only v to u) and kind.
    public_best, public_second, public_label : Float, Float, Int32
        Node values for trips that start on a public edge.
    private_index : Int32
        Row of each node among the private nodes, -1 for none; empty when there are none.
    private_best, private_second, private_label : Float, Float, Int32
        Values of the private nodes for trips that start on a private edge.
    stop_first : Int32
        First stop of each edge, -1 for none; empty when there are none.
    stop_edge, stop_fraction, stop_node : Int32, Float, Int32
        Positions inside edges where a street was added later, sorted by edge, with the node there.
    site_first : Int32
        First facility of each edge, -1 for none.
    site_edge, site_fraction, site_primary, site_carried, site_label : Int32, Float, Float, Float, Int32
        Facilities sorted by edge, with the cost of their access leg and their label.
    best, second, label : Float, Float, Int32
        Results, improved in place, shape (n,).
    """
    for i in range(point_edge.size):
        e = point_edge[i]
        if e < 0:
            continue
        f = point_fraction[i]
        whole, extra = edge_primary[e], edge_carried[e]
        may_forward, may_back = edge_oneway[e] != 2, edge_oneway[e] != 1
        cost, carry, mark = np.inf, np.inf, np.int32(-1)
        n_stops = 2
        first = np.int32(-1)
        if stop_first.size > 0:
            first = stop_first[e]
            while first >= 0 and first + n_stops - 2 < stop_edge.size and stop_edge[first + n_stops - 2] == e:
                n_stops += 1
        for s in range(n_stops):
            if s == 0:
                v, share, allowed = edge_u[e], f, may_back or f == 0.0
            elif s == 1:
                v, share, allowed = edge_v[e], 1.0 - f, may_forward or f == 1.0
            else:
                at = stop_fraction[first + s - 2]
                v = stop_node[first + s - 2]
                share = abs(at - f)
                allowed = may_forward if at > f else (may_back or share == 0.0)
            if not allowed:
                continue
            if edge_kind[e] == PUBLIC:
                d, c, m = public_best[v], public_second[v], public_label[v]
            else:
                p = private_index[v]
                d, c, m = private_best[p], private_second[p], private_label[p]
            d += share * whole
            if d > cost or m < 0:
                continue
            c += share * extra
            if d == cost and (m > mark or (m == mark and c >= carry)):
                continue
            cost, carry, mark = d, c, m
        k = site_first[e]
        while 0 <= k < site_edge.size and site_edge[k] == e:
            share = abs(site_fraction[k] - f)
            if share == 0.0 or (may_forward if site_fraction[k] > f else may_back):
                d = site_primary[k] + share * whole
                c = site_carried[k] + share * extra
                m = site_label[k]
                if d < cost or (d == cost and (m < mark or (m == mark and c < carry))):
                    cost, carry, mark = d, c, m
            k += 1
        if mark < 0:
            continue
        cost += leg_primary[i]
        carry += leg_carried[i]
        if cost < best[i] or (cost == best[i] and (mark < label[i] or (mark == label[i] and carry < second[i]))):
            best[i], second[i], label[i] = cost, carry, mark


@njit(nogil=True, cache=True)
def first_of_edge(n_edges: int, sorted_edge: Int32) -> Int32:
    """Return where each edge's rows begin in a list sorted by edge.

    Parameters
    ----------
    n_edges : int
        Number of edges.
    sorted_edge : Int32
        Edge of each row, ascending.

    Returns
    -------
    Int32
        First row of each edge, -1 for none, shape (n_edges,).
    """
    first = np.full(n_edges, np.int32(-1))
    for k in range(sorted_edge.size - 1, -1, -1):
        first[sorted_edge[k]] = k
    return first


@njit(nogil=True, cache=True)
def components_with(n_components: int, edge_component: Int32, edges: Int32) -> Bool:
    """Mark the components that hold at least one of the given edges.

    Parameters
    ----------
    n_components : int
        Number of components.
    edge_component : Int32
        Component of each edge.
    edges : Int32
        Edges; -1 is skipped.

    Returns
    -------
    Bool
        One flag per component.
    """
    has = np.zeros(n_components, np.bool_)
    for e in edges:
        if e >= 0:
            has[edge_component[e]] = True
    return has
