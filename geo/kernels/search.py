"""Bounded label-correcting search over compressed arcs: the heart of every access figure.

A queue of buckets, one doubly linked list each with the nodes themselves as links, replaces the heap: a node
is in at most one list, so memory is bounded, nothing is stale, and a step costs no logarithm. Inside a bucket
a node may be expanded again when an arc shorter than the bucket improves it, and any order leads to the same
least values: adding is monotone also in floating point. Measured on 169,353 nodes and 500
facilities it takes 0.6 of the time of a lazy 4-ary heap, with a cutoff of 900 m and without.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Float, Int32


@njit(nogil=True, cache=True, inline="never")
def put(v: int, b: int, head: Int32, after: Int32, before: Int32, bucket: Int32) -> None:
    """Move a node to a bucket, out of the bucket it is in.

    Parameters
    ----------
    v, b : int
        Node and bucket.
    head, after, before, bucket : Int32
        First node of each bucket, links of the lists, bucket of each node; -1 is none.
    """
    if bucket[v] >= 0:
        left, right = before[v], after[v]
        if left >= 0:
            after[left] = right
        else:
            head[bucket[v]] = right
        if right >= 0:
            before[right] = left
    first = head[b]
    after[v] = first
    before[v] = -1
    if first >= 0:
        before[first] = v
    head[b] = v
    bucket[v] = b


@njit(nogil=True, cache=True)
def nearest_labels(
    start: Int32,
    node: Int32,
    primary: Float,
    carried: Float,
    seed_node: Int32,
    seed_primary: Float,
    seed_carried: Float,
    seed_label: Int32,
    limit: float,
    width: float,
) -> tuple[Float, Float, Int32]:
    """Search from many seeds at once; each node gets the least cost, what was carried, and the seed's label.

    Equal costs go to the lower label, equal labels to the lower carried value.

    Parameters
    ----------
    start, node : Int32
        Compressed arcs: row starts (n_nodes + 1) and neighbours (n_arcs).
    primary, carried : Float
        Costs per arc; an infinite primary closes the arc.
    seed_node, seed_primary, seed_carried, seed_label : Int32, Float, Float, Int32
        Seeds with the cost they start from, shape (n_seeds,).
    limit : float
        Nothing beyond this primary cost is reached; finite.
    width : float
        Width of a bucket in the primary's unit; positive; only speed depends on it.

    Returns
    -------
    tuple of Float, Float, Int32
        Primary (inf where unreached), carried, label (-1 where unreached), shape (n_nodes,).
    """
    n = start.size - 1
    best = np.full(n, np.inf)
    second = np.full(n, np.inf)
    label = np.full(n, np.int32(-1))
    after = np.empty(n, np.int32)
    before = np.empty(n, np.int32)
    bucket = np.full(n, np.int32(-1))
    inverse = 1.0 / width
    n_buckets = int(limit * inverse) + 1
    head = np.full(n_buckets, np.int32(-1))
    for s in range(seed_node.size):
        v, cost, extra, mark = seed_node[s], seed_primary[s], seed_carried[s], seed_label[s]
        if cost > limit or cost > best[v]:
            continue
        if cost == best[v] and (mark > label[v] or (mark == label[v] and extra >= second[v])):
            continue
        best[v], second[v], label[v] = cost, extra, mark
        put(v, int(cost * inverse), head, after, before, bucket)
    for b in range(n_buckets):
        while head[b] >= 0:
            u = head[b]
            right = after[u]
            head[b] = right
            if right >= 0:
                before[right] = -1
            bucket[u] = -1
            cost_u, extra_u, mark = best[u], second[u], label[u]
            for k in range(start[u], start[u + 1]):
                cost = cost_u + primary[k]
                v = node[k]
                if cost > best[v] or cost > limit:
                    continue
                extra = extra_u + carried[k]
                if cost == best[v] and (mark > label[v] or (mark == label[v] and extra >= second[v])):
                    continue
                best[v], second[v], label[v] = cost, extra, mark
                target = int(cost * inverse)
                if bucket[v] != target:
                    put(v, target, head, after, before, bucket)
    return best, second, label
