"""Keeping a finished search true when something changes: one mechanism for gains, one for losses.

Labels of a search are the least values that every arc and seed agrees with. A gain (a facility, a street, a gate that
opens) is offered where it enters and spreads as long as it improves anything. A loss first takes away whatever may have
hung on it: the nodes whose value equals what was lost, and from there every node that an arc makes exactly equal. The
nodes around them and all seeds then offer their values again, and the same spreading fills the hole. Only sums that the
full search makes are ever compared, so the values are those of a search from scratch, to the last bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Float, Int32, UInt8
from geo.kernels.search import put


@njit(nogil=True, cache=True)
def repair(
    first: Int32,
    last: Int32,
    node: Int32,
    primary: Float,
    carried: Float,
    shut: UInt8,
    seed_node: Int32,
    seed_primary: Float,
    seed_carried: Float,
    seed_label: Int32,
    lost_node: Int32,
    lost_primary: Float,
    again: Int32,
    limit: float,
    width: float,
    best: Float,
    second: Float,
    label: Int32,
) -> Int32:
    """Make the values of a search true again, in place; with empty values and all seeds it is the search itself.

    Every arc has its counterpart in the row of its other end, be it shut. Equal costs go to the lower label, equal
    labels to the lower carried value.

    Parameters
    ----------
    first, last : Int32
        Where the arcs of each node begin and end, shape (n_nodes,).
    node : Int32
        Neighbour of each arc, shape (n_arcs,).
    primary, carried : Float
        Costs of each arc; at least 0.
    shut : UInt8
        1 where an arc may not be walked.
    seed_node, seed_primary, seed_carried, seed_label : Int32, Float, Float, Int32
        All seeds as they are now.
    lost_node, lost_primary : Int32, Float
        Nodes that lost a seed or an arc, and the value that it gave them.
    again : Int32
        Nodes that gained an arc out of them.
    limit : float
        Nothing beyond this primary cost is reached.
    width : float
        Width of a bucket; only speed depends on it.
    best, second, label : Float, Float, Int32
        Values of the nodes (inf and -1 where unreached), changed in place.

    Returns
    -------
    Int32
        The nodes whose value is another now.
    """
    n = first.size
    after, before = np.empty(n, np.int32), np.empty(n, np.int32)
    bucket = np.full(n, np.int32(-1))
    inverse = 1.0 / width
    n_buckets = int(limit * inverse) + 1
    head = np.full(n_buckets, np.int32(-1))
    # 1: taken away and not yet filled, 2: noted with the value it had.
    mark = np.zeros(n, np.uint8)
    noted = np.empty(n, np.int32)
    old_best, old_second, old_label = np.empty(n), np.empty(n), np.empty(n, np.int32)
    n_noted = 0
    for i in range(lost_node.size):
        v = lost_node[i]
        if mark[v] == 0 and best[v] == lost_primary[i] and np.isfinite(best[v]):
            mark[v] = 1
            noted[n_noted] = v
            n_noted += 1
    i = 0
    while i < n_noted:
        u = noted[i]
        for k in range(first[u], last[u]):
            v = node[k]
            if mark[v] == 0 and shut[k] == 0 and label[v] >= 0 and best[u] + primary[k] == best[v]:
                mark[v] = 1
                noted[n_noted] = v
                n_noted += 1
        i += 1
    n_lost = n_noted
    for i in range(n_lost):
        v = noted[i]
        old_best[i], old_second[i], old_label[i] = best[v], second[v], label[v]
        best[v], second[v], label[v] = np.inf, np.inf, -1
    for i in range(n_lost):
        v = noted[i]
        for k in range(first[v], last[v]):
            u = node[k]
            if mark[u] == 1 or label[u] < 0:
                continue
            for j in range(first[u], last[u]):
                if node[j] != v or shut[j] == 1:
                    continue
                cost, extra, tag = best[u] + primary[j], second[u] + carried[j], label[u]
                if cost > limit or cost > best[v]:
                    continue
                if cost == best[v] and (tag > label[v] or (tag == label[v] and extra >= second[v])):
                    continue
                best[v], second[v], label[v] = cost, extra, tag
                put(v, int(cost * inverse), head, after, before, bucket)
    for s in range(seed_node.size):
        v, cost, extra, tag = seed_node[s], seed_primary[s], seed_carried[s], seed_label[s]
        if cost > limit or cost > best[v]:
            continue
        if cost == best[v] and (tag > label[v] or (tag == label[v] and extra >= second[v])):
            continue
        if mark[v] == 0:
            mark[v] = 2
            noted[n_noted] = v
            old_best[n_noted], old_second[n_noted], old_label[n_noted] = best[v], second[v], label[v]
            n_noted += 1
        best[v], second[v], label[v] = cost, extra, tag
        put(v, int(cost * inverse), head, after, before, bucket)
    for i in range(again.size):
        v = again[i]
        if label[v] >= 0:
            put(v, int(best[v] * inverse), head, after, before, bucket)
    for b in range(n_buckets):
        while head[b] >= 0:
            u = head[b]
            right = after[u]
            head[b] = right
            if right >= 0:
                before[right] = -1
            bucket[u] = -1
            cost_u, extra_u, tag = best[u], second[u], label[u]
            for k in range(first[u], last[u]):
                cost = cost_u + primary[k]
                v = node[k]
                if cost > best[v] or cost > limit or shut[k] == 1:
                    continue
                extra = extra_u + carried[k]
                if cost == best[v] and (tag > label[v] or (tag == label[v] and extra >= second[v])):
                    continue
                if mark[v] == 0:
                    mark[v] = 2
                    noted[n_noted] = v
                    old_best[n_noted], old_second[n_noted], old_label[n_noted] = best[v], second[v], label[v]
                    n_noted += 1
                best[v], second[v], label[v] = cost, extra, tag
                target = int(cost * inverse)
                if bucket[v] != target:
                    put(v, target, head, after, before, bucket)
    n_changed = 0
    for i in range(n_noted):
        v = noted[i]
        if best[v] != old_best[i] or label[v] != old_label[i] or second[v] != old_second[i]:
            noted[n_changed] = v
            n_changed += 1
    return noted[:n_changed].copy()


@njit(nogil=True, cache=True)
def is_true(
    first: Int32,
    last: Int32,
    node: Int32,
    primary: Float,
    carried: Float,
    shut: UInt8,
    seed_node: Int32,
    seed_primary: Float,
    seed_carried: Float,
    seed_label: Int32,
    lost_node: Int32,
    lost_primary: Float,
    again: Int32,
    limit: float,
    best: Float,
    second: Float,
    label: Int32,
) -> bool:
    """Tell whether the values of a search hold as they are, so that `repair` would change none.

    Most edits matter to few of the searches, and asking first spares the others their copy.

    Parameters
    ----------
    first, last, node, primary, carried, shut : Int32, Int32, Int32, Float, Float, UInt8
        Arcs, as for `repair`.
    seed_node, seed_primary, seed_carried, seed_label : Int32, Float, Float, Int32
        All seeds as they are now.
    lost_node, lost_primary : Int32, Float
        What was lost.
    again : Int32
        Nodes that gained an arc out of them.
    limit : float
        Nothing beyond this primary cost is reached.
    best, second, label : Float, Float, Int32
        Values of the nodes.

    Returns
    -------
    bool
        False where some value may change.
    """
    for i in range(lost_node.size):
        v = lost_node[i]
        if label[v] >= 0 and best[v] == lost_primary[i]:
            return False
    for s in range(seed_node.size):
        v, cost, tag = seed_node[s], seed_primary[s], seed_label[s]
        if cost > limit or cost > best[v]:
            continue
        if cost < best[v] or tag < label[v] or (tag == label[v] and seed_carried[s] < second[v]):
            return False
    for i in range(again.size):
        u = again[i]
        if label[u] < 0:
            continue
        for k in range(first[u], last[u]):
            v, cost = node[k], best[u] + primary[k]
            if shut[k] == 1 or cost > limit or cost > best[v]:
                continue
            if cost < best[v] or label[u] < label[v] or (label[u] == label[v] and second[u] + carried[k] < second[v]):
                return False
    return True


@njit(nogil=True, cache=True)
def points_beside(
    nodes: Int32,
    edges: Int32,
    first: Int32,
    last: Int32,
    arc_edge: Int32,
    stop_edge: Int32,
    stop_node: Int32,
    point_start: Int32,
    point_order: Int32,
    extra_point: Int32,
    extra_edge: Int32,
    n_points: int,
    n_edges: int,
) -> Int32:
    """Return the points that hang on the edges of some nodes, or on some edges, each once.

    Parameters
    ----------
    nodes, edges : Int32
        Nodes whose values are others now, and edges on which something else changed.
    first, last, arc_edge : Int32
        Arcs of each node and the edge of each arc, -1 for none.
    stop_edge, stop_node : Int32
        Stops inside edges.
    point_start, point_order : Int32
        Points by edge, as `order_rows` gives them; edges beyond the last row hold none.
    extra_point, extra_edge : Int32
        Further links of points.
    n_points, n_edges : int
        Number of points and edges.

    Returns
    -------
    Int32
        Points in ascending order.
    """
    is_edge = np.zeros(n_edges, np.bool_)
    is_point = np.zeros(n_points, np.bool_)
    for e in edges:
        is_edge[e] = True
    if stop_edge.size > 0:
        is_node = np.zeros(first.size, np.bool_)
        for v in nodes:
            is_node[v] = True
        for i in range(stop_edge.size):
            if is_node[stop_node[i]]:
                is_edge[stop_edge[i]] = True
    for v in nodes:
        for k in range(first[v], last[v]):
            if arc_edge[k] >= 0:
                is_edge[arc_edge[k]] = True
    for e in range(min(n_edges, point_start.size - 1)):
        if is_edge[e]:
            for i in range(point_start[e], point_start[e + 1]):
                is_point[point_order[i]] = True
    for i in range(extra_edge.size):
        if is_edge[extra_edge[i]]:
            is_point[extra_point[i]] = True
    return np.flatnonzero(is_point).astype(np.int32)


@njit(nogil=True, cache=True)
def take_better(
    row: Int32, cost: Float, extra: Float, tag: Int32, best: Float, second: Float, label: Int32
) -> None:
    """Let further values of points replace what they improve, in place.

    Parameters
    ----------
    row : Int32
        Row of the point that each value belongs to.
    cost, extra, tag : Float, Float, Int32
        The values; a negative label offers nothing.
    best, second, label : Float, Float, Int32
        Values of the points.
    """
    for i in range(row.size):
        p, d, c, m = row[i], cost[i], extra[i], tag[i]
        if m >= 0 and (d < best[p] or (d == best[p] and (m < label[p] or (m == label[p] and c < second[p])))):
            best[p], second[p], label[p] = d, c, m
