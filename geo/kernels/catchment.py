"""Searches around one site each, over workspaces that are cleaned, not remade: site-to-point pairs and sums.

Nodes stand in Hilbert order, so the ball a site reaches fits the cache and a settled node costs some 40 ns.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Bool, Float, Int, Int32
from geo.kernels.search import put


@njit(nogil=True, cache=True)
def _spread(
    start: Int32,
    node: Int32,
    primary: Float,
    carried: Float,
    from_node: Int32,
    from_primary: Float,
    from_carried: Float,
    n_from: int,
    limit: float,
    inverse: float,
    best: Float,
    second: Float,
    head: Int32,
    after: Int32,
    before: Int32,
    bucket: Int32,
    touched: Int32,
    n_touched: int,
) -> int:
    """Search from some starts, over values that may hold an earlier search; return how many nodes are touched now."""
    # Bucket -1 stands for the starts, so that they are lowered by the same lines as every other node.
    for b in range(-1, head.size):
        while b < 0 or head[b] >= 0:
            cost_u, extra_u, first, last = 0.0, 0.0, 0, n_from
            if b >= 0:
                u = head[b]
                right = after[u]
                head[b] = right
                if right >= 0:
                    before[right] = -1
                bucket[u] = -1
                cost_u, extra_u, first, last = best[u], second[u], start[u], start[u + 1]
            for k in range(first, last):
                cost = cost_u + (primary[k] if b >= 0 else from_primary[k])
                v = node[k] if b >= 0 else from_node[k]
                if cost > limit or cost > best[v]:
                    continue
                extra = extra_u + (carried[k] if b >= 0 else from_carried[k])
                if cost == best[v] and extra >= second[v]:
                    continue
                if best[v] == np.inf:
                    touched[n_touched] = v
                    n_touched += 1
                best[v], second[v] = cost, extra
                target = int(cost * inverse)
                if bucket[v] != target:
                    put(v, target, head, after, before, bucket)
            if b < 0:
                break
    return n_touched


@njit(nogil=True, cache=True)
def collect_pairs(
    site_first: int,
    site_last: int,
    limit: float,
    width: float,
    start: Int32,
    node: Int32,
    primary: Float,
    carried: Float,
    private_start: Int32,
    private_arc_node: Int32,
    private_primary: Float,
    private_carried: Float,
    private_node: Int32,
    private_index: Int32,
    seed_start: Int32,
    seed_node: Int32,
    seed_primary: Float,
    seed_carried: Float,
    seed_is_private: Bool,
    stub_start: Int32,
    stub_point: Int32,
    stub_primary: Float,
    stub_carried: Float,
    inner_start: Int32,
    inner_point: Int32,
    inner_primary: Float,
    inner_carried: Float,
    direct_start: Int32,
    direct_point: Int32,
    direct_primary: Float,
    direct_carried: Float,
    n_points: int,
) -> tuple[Int, Int32, Float, Float]:
    """List the points within the limit of each site of a range; trips from point to site are searched backwards.

    Parameters
    ----------
    site_first, site_last : int
        Range of sites, the last one excluded.
    limit, width : float
        Greatest primary cost and the width of a bucket.
    start, node, primary, carried : Int32, Int32, Float, Float
        Public arcs with reverse costs.
    private_start, private_arc_node, private_primary, private_carried : Int32, Int32, Float, Float
        Private arcs with reverse costs, by private row.
    private_node, private_index : Int32
        Node of each private row, and private row of each node (empty when there are none).
    seed_start, seed_node, seed_primary, seed_carried : Int32, Int32, Float, Float
        Where each site enters the network, and at which cost.
    seed_is_private : Bool
        Whether the seed lies on a private or enclosed edge.
    stub_start, stub_point, stub_primary, stub_carried : Int32, Int32, Float, Float
        Points on public edges by node.
    inner_start, inner_point, inner_primary, inner_carried : Int32, Int32, Float, Float
        Points on private and enclosed edges by private row.
    direct_start, direct_point, direct_primary, direct_carried : Int32, Int32, Float, Float
        Points on the site's own edge, by site.
    n_points : int
        Number of points.

    Returns
    -------
    tuple of Int, Int32, Float, Float
        Pairs per site of the range, then point, primary and carried cost of each pair.
    """
    n = start.size - 1
    n_private = private_node.size
    inverse = 1.0 / width
    head = np.full(int(limit * inverse) + 1, np.int32(-1))
    public_best, public_second = np.full(n, np.inf), np.full(n, np.inf)
    inner_best, inner_second = np.full(n_private, np.inf), np.full(n_private, np.inf)
    after, before = np.empty(n, np.int32), np.empty(n, np.int32)
    bucket = np.full(n, np.int32(-1))
    public_touched, inner_touched = np.empty(n, np.int32), np.empty(n_private, np.int32)
    # What the next search starts from; a site has a few seeds, a search at most one start a node.
    n_seeds = 0
    for site in range(site_first, site_last):
        n_seeds = max(n_seeds, seed_start[site + 1] - seed_start[site])
    from_node = np.empty(n + n_seeds, np.int32)
    from_primary, from_carried = np.empty(n + n_seeds), np.empty(n + n_seeds)
    point_best, point_second = np.full(n_points, np.inf), np.full(n_points, np.inf)
    found = np.empty(n_points, np.int32)
    counts = np.zeros(site_last - site_first, np.int64)
    size = 1024
    out_point, out_primary, out_carried = np.empty(size, np.int32), np.empty(size), np.empty(size)
    n_out = 0
    for site in range(site_first, site_last):
        n_public, n_inner, n_found = 0, 0, 0
        # Three searches backwards from the site: the trips' private ends, the public middle, the private starts. They
        # share one piece of code: compiled three times over it would take the compiler half a minute.
        for phase in range(3):
            is_middle = phase == 1
            if n_private == 0 and not is_middle:
                continue
            n_from = 0
            if phase < 2:
                for k in range(seed_start[site], seed_start[site + 1]):
                    if seed_is_private[k] != is_middle:
                        v = seed_node[k]
                        from_node[n_from] = v if is_middle else private_index[v]
                        from_primary[n_from], from_carried[n_from] = seed_primary[k], seed_carried[k]
                        n_from += 1
            if is_middle:
                for t in range(n_inner):
                    row = inner_touched[t]
                    from_node[n_from] = private_node[row]
                    from_primary[n_from], from_carried[n_from] = inner_best[row], inner_second[row]
                    n_from += 1
                arc_start, arc_node, arc_primary, arc_carried = start, node, primary, carried
                best, second, touched, n_touched = public_best, public_second, public_touched, n_public
            else:
                for t in range(n_public):
                    v = public_touched[t]
                    if private_index[v] >= 0:
                        from_node[n_from] = private_index[v]
                        from_primary[n_from], from_carried[n_from] = public_best[v], public_second[v]
                        n_from += 1
                arc_start, arc_node = private_start, private_arc_node
                arc_primary, arc_carried = private_primary, private_carried
                best, second, touched, n_touched = inner_best, inner_second, inner_touched, n_inner
            n_touched = _spread(
                arc_start, arc_node, arc_primary, arc_carried,
                from_node, from_primary, from_carried, n_from, limit, inverse,
                best, second, head, after, before, bucket, touched, n_touched,
            )  # fmt: skip
            if is_middle:
                n_public = n_touched
            else:
                n_inner = n_touched
        for side in range(2):
            if side == 0:
                n_touched, touched, best, second = n_public, public_touched, public_best, public_second
                row_start, row_point, row_primary, row_carried = stub_start, stub_point, stub_primary, stub_carried
            else:
                n_touched, touched, best, second = n_inner, inner_touched, inner_best, inner_second
                row_start, row_point = inner_start, inner_point
                row_primary, row_carried = inner_primary, inner_carried
            for t in range(n_touched):
                u = touched[t]
                for k in range(row_start[u], row_start[u + 1]):
                    cost = best[u] + row_primary[k]
                    p = row_point[k]
                    extra = second[u] + row_carried[k]
                    if cost <= limit and (cost < point_best[p] or (cost == point_best[p] and extra < point_second[p])):
                        if point_best[p] == np.inf:
                            found[n_found] = p
                            n_found += 1
                        point_best[p], point_second[p] = cost, extra
                best[u], second[u] = np.inf, np.inf
        for k in range(direct_start[site], direct_start[site + 1]):
            p = direct_point[k]
            cost, extra = direct_primary[k], direct_carried[k]
            if cost <= limit and (cost < point_best[p] or (cost == point_best[p] and extra < point_second[p])):
                if point_best[p] == np.inf:
                    found[n_found] = p
                    n_found += 1
                point_best[p], point_second[p] = cost, extra
        if n_out + n_found > size:
            size = 2 * (n_out + n_found)
            more_point, more_primary, more_carried = np.empty(size, np.int32), np.empty(size), np.empty(size)
            more_point[:n_out] = out_point[:n_out]
            more_primary[:n_out] = out_primary[:n_out]
            more_carried[:n_out] = out_carried[:n_out]
            out_point, out_primary, out_carried = more_point, more_primary, more_carried
        counts[site - site_first] = n_found
        for t in range(n_found):
            p = found[t]
            out_point[n_out], out_primary[n_out], out_carried[n_out] = p, point_best[p], point_second[p]
            point_best[p], point_second[p] = np.inf, np.inf
            n_out += 1
    return counts, out_point[:n_out].copy(), out_primary[:n_out].copy(), out_carried[:n_out].copy()


@njit(nogil=True, cache=True)
def transpose_pairs(
    n_columns: int, start: Int, column: Int32, primary: Float, carried: Float
) -> tuple[Int, Int32, Float, Float]:
    """Turn compressed rows into compressed columns; inside a column the rows stand in their order.

    Parameters
    ----------
    n_columns : int
        Number of columns.
    start : Int
        Row starts, shape (n_rows + 1,).
    column : Int32
        Column of each entry.
    primary, carried : Float
        Values of each entry.

    Returns
    -------
    tuple of Int, Int32, Float, Float
        Column starts, and row and values of each entry.
    """
    out_start = np.zeros(n_columns + 1, np.int64)
    for k in range(column.size):
        out_start[column[k] + 1] += 1
    for c in range(n_columns):
        out_start[c + 1] += out_start[c]
    fill = out_start[:-1].copy()
    row = np.empty(column.size, np.int32)
    first, other = np.empty(column.size), np.empty(column.size)
    for r in range(start.size - 1):
        for k in range(start[r], start[r + 1]):
            at = fill[column[k]]
            row[at], first[at], other[at] = r, primary[k], carried[k]
            fill[column[k]] = at + 1
    return out_start, row, first, other


@njit(nogil=True, cache=True)
def sums_around(
    node_first: int,
    node_last: int,
    limit: float,
    width: float,
    start: Int32,
    node: Int32,
    primary: Float,
    weight: Float,
    total: Float,
) -> None:
    """Add up, for each node of a range, the weights of all nodes within the limit.

    Parameters
    ----------
    node_first, node_last : int
        Range of nodes, the last one excluded.
    limit, width : float
        Greatest cost, inclusive, and the width of a bucket.
    start, node, primary : Int32, Int32, Float
        Arcs and their costs.
    weight : Float
        Weight of each node.
    total : Float
        Results, written in place, shape (n_nodes,).
    """
    n = start.size - 1
    inverse = 1.0 / width
    head = np.full(int(limit * inverse) + 1, np.int32(-1))
    best = np.full(n, np.inf)
    after, before = np.empty(n, np.int32), np.empty(n, np.int32)
    bucket = np.full(n, np.int32(-1))
    touched = np.empty(n, np.int32)
    for source in range(node_first, node_last):
        best[source] = 0.0
        touched[0] = source
        n_touched = 1
        put(source, 0, head, after, before, bucket)
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
                    cost = cost_u + primary[k]
                    v = node[k]
                    if cost > limit or cost >= best[v]:
                        continue
                    if best[v] == np.inf:
                        touched[n_touched] = v
                        n_touched += 1
                    best[v] = cost
                    target = int(cost * inverse)
                    if bucket[v] != target:
                        put(v, target, head, after, before, bucket)
        people = 0.0
        for t in range(n_touched):
            people += weight[touched[t]]
            best[touched[t]] = np.inf
        total[source] = people
