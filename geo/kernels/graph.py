"""Graph assembly: compressed arcs, connected components, arc costs."""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Bool, Float, Int32, UInt8

PUBLIC, PRIVATE, ENCLOSED, GATE = 0, 1, 2, 3
# Streets of a compound whose gate was opened in a scenario: everybody may pass, and residents keep their private ways.
OPENED = 4


@njit(nogil=True, cache=True)
def compress_arcs(n_nodes: int, edge_u: Int32, edge_v: Int32, edge_id: Int32) -> tuple[Int32, Int32, Int32, UInt8]:
    """Build the arcs of an undirected graph as compressed rows, in the order of the edges.

    Parameters
    ----------
    n_nodes : int
        Number of nodes.
    edge_u, edge_v : Int32
        End nodes, shape (n,).
    edge_id : Int32
        What to store as the arc's edge, shape (n,).

    Returns
    -------
    tuple of Int32, Int32, Int32, UInt8
        Row starts (n_nodes + 1), and per arc (2 n): neighbour, edge, 1 when the row's node is the edge's
        ``u``.
    """
    start = np.zeros(n_nodes + 1, np.int32)
    n = edge_u.size
    for e in range(n):
        start[edge_u[e] + 1] += 1
        start[edge_v[e] + 1] += 1
    for i in range(n_nodes):
        start[i + 1] += start[i]
    fill = start[:-1].copy()
    node = np.empty(2 * n, np.int32)
    edge = np.empty(2 * n, np.int32)
    along = np.empty(2 * n, np.uint8)
    for e in range(n):
        u, v = edge_u[e], edge_v[e]
        k = fill[u]
        node[k], edge[k], along[k] = v, edge_id[e], 1
        fill[u] = k + 1
        k = fill[v]
        node[k], edge[k], along[k] = u, edge_id[e], 0
        fill[v] = k + 1
    return start, node, edge, along


@njit(nogil=True, cache=True)
def order_rows(n_rows: int, row: Int32) -> tuple[Int32, Int32]:
    """Sort entries by row, entries of one row in their old order; faster than a general stable sort.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    row : Int32
        Row of each entry, from 0 to ``n_rows - 1``, shape (n,).

    Returns
    -------
    tuple of Int32, Int32
        Where each row begins, shape (n_rows + 1,), and the entries in the order of their rows, shape (n,).
    """
    start = np.zeros(n_rows + 1, np.int32)
    for i in range(row.size):
        start[row[i] + 1] += 1
    for r in range(n_rows):
        start[r + 1] += start[r]
    fill = start[:-1].copy()
    order = np.empty(row.size, np.int32)
    for i in range(row.size):
        k = fill[row[i]]
        order[k] = i
        fill[row[i]] = k + 1
    return start, order


@njit(nogil=True, cache=True)
def component_labels(n_nodes: int, edge_u: Int32, edge_v: Int32, used: Bool) -> Int32:
    """Label connected components, directions ignored, in the order of their first node.

    Parameters
    ----------
    n_nodes : int
        Number of nodes.
    edge_u, edge_v : Int32
        End nodes, shape (n,).
    used : Bool
        Which edges join, shape (n,).

    Returns
    -------
    Int32
        Component of each node, counted from 0.
    """
    parent = np.arange(n_nodes, dtype=np.int32)
    for e in range(edge_u.size):
        if not used[e]:
            continue
        a, b = edge_u[e], edge_v[e]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    label = np.empty(n_nodes, np.int32)
    n_labels = 0
    # Roots are the lowest node of their tree, so a root's label is known before its members ask for it.
    for i in range(n_nodes):
        root = np.int32(i)
        while parent[root] != root:
            root = parent[root]
        parent[i] = root
        if root == i:
            label[i] = n_labels
            n_labels += 1
        else:
            label[i] = label[root]
    return label


@njit(nogil=True, cache=True)
def arc_costs(
    arc_edge: Int32,
    arc_along: UInt8,
    edge_primary: Float,
    edge_carried: Float,
    edge_oneway: UInt8,
    edge_kind: UInt8,
    edge_gate: Int32,
    gate_open: Bool,
    enclosed_open: bool,
    reverse: bool,
) -> tuple[Float, Float]:
    """Return primary and carried cost of every arc; infinite where the arc may not be walked.

    Parameters
    ----------
    arc_edge, arc_along : Int32, UInt8
        Edge of each arc and whether the row's node is its ``u``, shape (n_arcs,).
    edge_primary, edge_carried : Float
        Costs per edge, shape (n_edges,).
    edge_oneway : UInt8
        0 both directions, 1 only u to v, 2 only v to u.
    edge_kind, edge_gate : UInt8, Int32
        Kind of the edge and the gate it belongs to, or -1.
    gate_open : Bool
        Whether a gate lets through in this graph, shape (n_gates,).
    enclosed_open : bool
        Whether enclosed edges may be walked in this graph.
    reverse : bool
        Costs of walking *to* the row's node instead of from it.

    Returns
    -------
    tuple of Float, Float
        Primary and carried cost, shape (n_arcs,).
    """
    n = arc_edge.size
    primary = np.empty(n, np.float64)
    carried = np.empty(n, np.float64)
    for k in range(n):
        e = arc_edge[k]
        kind = edge_kind[e]
        oneway = edge_oneway[e]
        forward = (arc_along[k] == 1) != reverse
        closed = (
            (oneway == 1 and not forward)
            or (oneway == 2 and forward)
            or (kind == GATE and not gate_open[edge_gate[e]])
            or (kind == ENCLOSED and not enclosed_open)
        )
        primary[k] = np.inf if closed else edge_primary[e]
        carried[k] = edge_carried[e]
    return primary, carried


@njit(nogil=True, cache=True)
def compound_edges(
    part: Int32,
    component: Int32,
    n_parts: int,
    edge_u: Int32,
    edge_v: Int32,
    edge_length_m: Float,
    is_public: Bool,
    attaches: Bool,
    longest_m: float,
) -> Bool:
    """Mark public edges of parts that hang on the rest by other edges, are not the longest part, and are short.

    Parameters
    ----------
    part, component : Int32
        Part of each node, and the connected component that the part lies in, shape (n_nodes,).
    n_parts : int
        Number of parts.
    edge_u, edge_v : Int32
        End nodes, shape (n_edges,).
    edge_length_m : Float
        Lengths.
    is_public, attaches : Bool
        Public edges, and edges that make a part a compound where they touch it.
    longest_m : float
        Longest compound, inclusive.

    Returns
    -------
    Bool
        One flag per edge.
    """
    length_m = np.zeros(n_parts)
    has_street = np.zeros(n_parts, np.bool_)
    touches = np.zeros(n_parts, np.bool_)
    whole = np.empty(n_parts, np.int32)
    n_components = 0
    for i in range(part.size):
        whole[part[i]] = component[i]
        n_components = max(n_components, component[i] + 1)
    for e in range(edge_u.size):
        if is_public[e]:
            length_m[part[edge_u[e]]] += edge_length_m[e]
            has_street[part[edge_u[e]]] = True
        if attaches[e]:
            touches[part[edge_u[e]]] = True
            touches[part[edge_v[e]]] = True
    # Of equally long parts the first is the city.
    city = np.full(n_components, -1)
    for p in range(n_parts):
        c = whole[p]
        if city[c] < 0 or length_m[p] > length_m[city[c]]:
            city[c] = p
    result = np.zeros(edge_u.size, np.bool_)
    for e in range(edge_u.size):
        p = part[edge_u[e]]
        result[e] = (
            is_public[e] and has_street[p] and touches[p] and city[whole[p]] != p and length_m[p] <= longest_m
        )
    return result
