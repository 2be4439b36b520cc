"""What some sites reach within a cutoff, over workspaces that are cleaned, not remade: costs only, no labels.

Small isochrones touch a few hundred nodes; allocating and scanning arrays of a whole city would take longer than the
search itself.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Float, Int32, UInt8
from geo.kernels.graph import PUBLIC
from geo.kernels.search import put


@njit(nogil=True, cache=True)
def _lower(
    v: int,
    cost: float,
    limit: float,
    inverse: float,
    best: Float,
    head: Int32,
    after: Int32,
    before: Int32,
    bucket: Int32,
    touched: Int32,
    n_touched: int,
) -> int:
    """Put a node on the queue when the cost is less than its own; return how many nodes are touched now."""
    if cost > limit or cost >= best[v]:
        return n_touched
    if best[v] == np.inf:
        touched[n_touched] = v
        n_touched += 1
    best[v] = cost
    target = int(cost * inverse)
    if bucket[v] != target:
        put(v, target, head, after, before, bucket)
    return n_touched


@njit(nogil=True, cache=True)
def _spread(
    start: Int32,
    node: Int32,
    primary: Float,
    limit: float,
    inverse: float,
    best: Float,
    head: Int32,
    after: Int32,
    before: Int32,
    bucket: Int32,
    touched: Int32,
    n_touched: int,
) -> int:
    """Empty the queue; return how many nodes are touched now."""
    for b in range(head.size):
        while head[b] >= 0:
            u = head[b]
            right = after[u]
            head[b] = right
            if right >= 0:
                before[right] = -1
            bucket[u] = -1
            cost_u = best[u]
            for k in range(start[u], start[u + 1]):
                n_touched = _lower(
                    node[k], cost_u + primary[k], limit, inverse, best, head, after, before, bucket, touched, n_touched
                )
    return n_touched


@njit(nogil=True, cache=True)
def reach_nodes(
    limit: float,
    width: float,
    towards: bool,
    site_edge: Int32,
    site_fraction: Float,
    site_primary: Float,
    edge_u: Int32,
    edge_v: Int32,
    edge_primary: Float,
    edge_oneway: UInt8,
    edge_kind: UInt8,
    stop_edge: Int32,
    stop_fraction: Float,
    stop_node: Int32,
    start: Int32,
    node: Int32,
    primary: Float,
    private_start: Int32,
    private_arc_node: Int32,
    private_primary: Float,
    private_node: Int32,
    private_index: Int32,
    best: Float,
    private_best: Float,
    after: Int32,
    before: Int32,
    bucket: Int32,
    touched: Int32,
    private_touched: Int32,
) -> tuple[int, int]:
    """Search from sites over private, public and private arcs in turn, as the nearest-facility search does.

    Parameters
    ----------
    limit, width : float
        Greatest cost, and the width of a bucket.
    towards : bool
        Trips end at the sites (with reverse costs), or begin there (with forward costs).
    site_edge, site_fraction, site_primary : Int32, Float, Float
        Position of each site and the cost of its access leg.
    edge_u, edge_v, edge_primary, edge_oneway, edge_kind : Int32, Int32, Float, UInt8, UInt8
        Edges.
    stop_edge, stop_fraction, stop_node : Int32, Float, Int32
        Nodes inside edges, sorted by edge.
    start, node, primary : Int32, Int32, Float
        Public arcs.
    private_start, private_arc_node, private_primary : Int32, Int32, Float
        Private arcs, by private row.
    private_node, private_index : Int32
        Node of each private row, and private row of each node (empty when there are none).
    best, private_best : Float
        Costs of nodes and of private rows, inf everywhere before; filled.
    after, before, bucket : Int32
        Links of the queue, one for each node; `bucket` is -1 everywhere, before and afterwards.
    touched, private_touched : Int32
        Filled with the nodes and private rows that are reached.

    Returns
    -------
    tuple of int, int
        How many nodes and private rows are reached.
    """
    inverse = 1.0 / width
    head = np.full(int(limit * inverse) + 1, np.int32(-1))
    n, n_private = 0, 0
    # Sites on private ways first: what they reach there is where their public part begins.
    for turn in range(2):
        if turn == 0 and private_node.size == 0:
            continue
        for s in range(site_edge.size):
            e = site_edge[s]
            if e < 0 or (private_node.size > 0 and (edge_kind[e] != PUBLIC) != (turn == 0)):
                continue
            first = np.searchsorted(stop_edge, e)
            for i in range(-2, stop_edge.size - first):
                if i == -2:
                    v, share = edge_u[e], -site_fraction[s]
                elif i == -1:
                    v, share = edge_v[e], 1.0 - site_fraction[s]
                elif stop_edge[first + i] != e:
                    break
                else:
                    v, share = stop_node[first + i], stop_fraction[first + i] - site_fraction[s]
                # A trip that ends at the site arrives from there, so it walks the edge the other way round.
                forward = share < 0.0 if towards else share > 0.0
                if share != 0.0 and edge_oneway[e] == (2 if forward else 1):
                    continue
                cost = site_primary[s] + abs(share) * edge_primary[e]
                if turn == 0:
                    n_private = _lower(
                        private_index[v], cost, limit, inverse, private_best, head, after, before, bucket,
                        private_touched, n_private,
                    )  # fmt: skip
                else:
                    n = _lower(v, cost, limit, inverse, best, head, after, before, bucket, touched, n)
        if turn == 0:
            n_private = _spread(
                private_start, private_arc_node, private_primary, limit, inverse, private_best, head, after, before,
                bucket, private_touched, n_private,
            )  # fmt: skip
    for i in range(n_private):
        row = private_touched[i]
        n = _lower(private_node[row], private_best[row], limit, inverse, best, head, after, before, bucket, touched, n)
    n = _spread(start, node, primary, limit, inverse, best, head, after, before, bucket, touched, n)
    if private_node.size > 0:
        for i in range(n):
            v = touched[i]
            if private_index[v] >= 0:
                n_private = _lower(
                    private_index[v], best[v], limit, inverse, private_best, head, after, before, bucket,
                    private_touched, n_private,
                )  # fmt: skip
        n_private = _spread(
            private_start, private_arc_node, private_primary, limit, inverse, private_best, head, after, before,
            bucket, private_touched, n_private,
        )  # fmt: skip
    return n, n_private


@njit(nogil=True, cache=True)
def reached_box(
    limit: float,
    cost_of_metre: float,
    touched: Int32,
    best: Float,
    start: Int32,
    arc_edge: Int32,
    row_node: Int32,
    node_x: Float,
    node_y: Float,
    edge_length_m: Float,
    box: Float,
) -> None:
    """Widen a box to hold all streets reached from some nodes; roughly, on the safe side.

    Parameters
    ----------
    limit : float
        Greatest cost.
    cost_of_metre : float
        Cost of a metre on the level.
    touched : Int32
        Rows to look at.
    best : Float
        Cost of each row.
    start, arc_edge : Int32
        Compressed arcs by row.
    row_node : Int32
        Node of each row; empty when rows are nodes.
    node_x, node_y : Float
        Nodes in plane metres.
    edge_length_m : Float
        Lengths of the edges.
    box : Float
        Left, bottom, right, top; widened in place.
    """
    for i in range(touched.size):
        row = touched[i]
        if best[row] > limit:
            continue
        longest = 0.0
        for k in range(start[row], start[row + 1]):
            longest = max(longest, edge_length_m[arc_edge[k]])
        reach = min((limit - best[row]) / cost_of_metre, longest)
        v = row_node[row] if row_node.size else row
        box[0], box[1] = min(box[0], node_x[v] - reach), min(box[1], node_y[v] - reach)
        box[2], box[3] = max(box[2], node_x[v] + reach), max(box[3], node_y[v] + reach)
