"""Uniform grid over line pieces: nearest edge of a point, and whether an access leg crosses a barrier.

A piece is the straight part between vertex ``j`` and ``j + 1``; ``piece_edge[j]`` is its edge, or -1 where
vertex ``j`` is the last of its line.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Float, Int32, UInt8

# An access leg that only touches a barrier (a street through a gate in the wall, a house on it) does not
# cross it.
TOUCH_M = 0.01
_MAX_REJECTED = 512


@njit(nogil=True, cache=True)
def _row_span(x1: float, y1: float, x2: float, y2: float, low_y: float, high_y: float) -> tuple[float, float]:
    """Return the x range of the part of a piece between two heights (the whole range when it is level)."""
    if y1 > y2:
        x1, y1, x2, y2 = x2, y2, x1, y1
    a, b = x1, x2
    if y2 > y1:
        slope = (x2 - x1) / (y2 - y1)
        if low_y > y1:
            a = x1 + slope * (low_y - y1)
        if high_y < y2:
            b = x1 + slope * (high_y - y1)
    return (a, b) if a <= b else (b, a)


@njit(nogil=True, cache=True)
def index_pieces(
    x: Float, y: Float, piece_edge: Int32, origin_x: float, origin_y: float, cell_m: float, n_x: int, n_y: int
) -> tuple[Int32, Int32]:
    """Put every piece into the cells it passes through.

    Parameters
    ----------
    x, y : Float
        Vertices in plane metres, shape (n_vertices,).
    piece_edge : Int32
        Edge of the piece that starts at each vertex, -1 for none, shape (n_vertices,).
    origin_x, origin_y, cell_m : float
        Lower left corner and cell size.
    n_x, n_y : int
        Cells per axis; every vertex lies inside.

    Returns
    -------
    tuple of Int32, Int32
        Row starts per cell (n_x n_y + 1, row-major) and the pieces.
    """
    start = np.zeros(n_x * n_y + 1, np.int32)
    pieces = np.empty(0, np.int32)
    # A hair of slack keeps a piece that runs along a cell border in the cells of both sides.
    slack = 1e-6
    for phase in range(2):
        for j in range(x.size - 1):
            if piece_edge[j] < 0:
                continue
            x1, y1, x2, y2 = x[j], y[j], x[j + 1], y[j + 1]
            low, high = min(y1, y2), max(y1, y2)
            row_a = max(int((low - slack - origin_y) / cell_m), 0)
            row_b = min(int((high + slack - origin_y) / cell_m), n_y - 1)
            for row in range(row_a, row_b + 1):
                bottom = origin_y + row * cell_m
                a, b = _row_span(x1, y1, x2, y2, bottom - slack, bottom + cell_m + slack)
                col_a = max(int((a - slack - origin_x) / cell_m), 0)
                col_b = min(int((b + slack - origin_x) / cell_m), n_x - 1)
                for col in range(col_a, col_b + 1):
                    cell = row * n_x + col
                    if phase == 0:
                        start[cell + 1] += 1
                    else:
                        pieces[start[cell]] = j
                        start[cell] += 1
        if phase == 0:
            for c in range(n_x * n_y):
                start[c + 1] += start[c]
            pieces = np.empty(start[n_x * n_y], np.int32)
        else:
            for c in range(n_x * n_y, 0, -1):
                start[c] = start[c - 1]
            start[0] = 0
    return start, pieces


@njit(nogil=True, cache=True)
def _side(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> float:
    """Return the signed distance of a point from the line through a and b, 0 when a equals b."""
    dx, dy = bx - ax, by - ay
    length = np.sqrt(dx * dx + dy * dy)
    if length == 0.0:
        return 0.0
    distance: float = (dx * (py - ay) - dy * (px - ax)) / length
    return distance


@njit(nogil=True, cache=True)
def crosses_barrier(
    ax: float,
    ay: float,
    bx: float,
    by: float,
    x: Float,
    y: Float,
    start: Int32,
    pieces: Int32,
    origin_x: float,
    origin_y: float,
    cell_m: float,
    n_x: int,
    n_y: int,
) -> bool:
    """Tell whether the leg from a to b crosses an indexed line; touching with an end is no crossing.

    Parameters
    ----------
    ax, ay, bx, by : float
        The leg in plane metres.
    x, y : Float
        Barrier vertices.
    start, pieces : Int32
        Grid over the barrier pieces.
    origin_x, origin_y, cell_m : float
        Lower left corner and cell size of that grid.
    n_x, n_y : int
        Cells per axis.

    Returns
    -------
    bool
        True when it crosses.
    """
    col_a = max(int(np.floor((min(ax, bx) - origin_x) / cell_m)), 0)
    col_b = min(int(np.floor((max(ax, bx) - origin_x) / cell_m)), n_x - 1)
    row_a = max(int(np.floor((min(ay, by) - origin_y) / cell_m)), 0)
    row_b = min(int(np.floor((max(ay, by) - origin_y) / cell_m)), n_y - 1)
    for row in range(row_a, row_b + 1):
        for col in range(col_a, col_b + 1):
            cell = row * n_x + col
            for k in range(start[cell], start[cell + 1]):
                j = pieces[k]
                wall_a = _side(x[j], y[j], x[j + 1], y[j + 1], ax, ay)
                wall_b = _side(x[j], y[j], x[j + 1], y[j + 1], bx, by)
                if not ((wall_a > TOUCH_M and wall_b < -TOUCH_M) or (wall_a < -TOUCH_M and wall_b > TOUCH_M)):
                    continue
                # Half-open on the barrier's own vertices: a leg through the joint of two pieces crosses once.
                leg_a = _side(ax, ay, bx, by, x[j], y[j])
                leg_b = _side(ax, ay, bx, by, x[j + 1], y[j + 1])
                if (leg_a >= 0.0) != (leg_b >= 0.0):
                    return True
    return False


@njit(nogil=True, cache=True)
def link_nearest(
    px: Float,
    py: Float,
    cap_m: float,
    x: Float,
    y: Float,
    part: Float,
    piece_edge: Int32,
    edge_kind: UInt8,
    start: Int32,
    pieces: Int32,
    origin_x: float,
    origin_y: float,
    cell_m: float,
    n_x: int,
    n_y: int,
    wall_x: Float,
    wall_y: Float,
    wall_start: Int32,
    wall_pieces: Int32,
    wall_origin_x: float,
    wall_origin_y: float,
    wall_cell_m: float,
    wall_n_x: int,
    wall_n_y: int,
    edge: Int32,
    fraction: Float,
    distance_m: Float,
) -> None:
    """Link points to the nearest edge whose leg crosses no barrier.

    Of equally near edges, such as those of a corner, a public one comes first, then the lower one: which way a
    corner's home belongs to must not hang on how the streets happen to be numbered.

    Parameters
    ----------
    px, py : Float
        Points in plane metres, shape (n,).
    cap_m : float
        Longest access leg in plane metres, inclusive.
    x, y, part : Float
        Street vertices and the share of the edge's length before each, shape (n_vertices,).
    piece_edge : Int32
        Edge of the piece that starts at each vertex, -1 for none.
    edge_kind : UInt8
        Kind of each edge; lower ones come first.
    start, pieces : Int32
        Grid over the street pieces.
    origin_x, origin_y, cell_m : float
        Its lower left corner and cell size.
    n_x, n_y : int
        Its cells per axis.
    wall_x, wall_y : Float
        Barrier vertices.
    wall_start, wall_pieces : Int32
        Grid over the barrier pieces.
    wall_origin_x, wall_origin_y, wall_cell_m : float
        Its lower left corner and cell size.
    wall_n_x, wall_n_y : int
        Its cells per axis, 0 when there are no barriers.
    edge, fraction, distance_m : Int32, Float, Float
        Results, shape (n,): edge (-1 for none), share of its length before the foot, plane length of the leg.
    """
    rejected = np.empty(_MAX_REJECTED, np.int32)
    for i in range(px.size):
        qx, qy = px[i], py[i]
        edge[i] = -1
        fraction[i] = np.nan
        distance_m[i] = np.nan
        if not (np.isfinite(qx) and np.isfinite(qy)) or n_x == 0:
            continue
        n_rejected = 0
        col = int(np.floor((qx - origin_x) / cell_m))
        row = int(np.floor((qy - origin_y) / cell_m))
        # Distance from the point to the border of its own cell; each further ring of cells adds one cell
        # size.
        inner = min(
            qx - (origin_x + col * cell_m),
            origin_x + (col + 1) * cell_m - qx,
            qy - (origin_y + row * cell_m),
            origin_y + (row + 1) * cell_m - qy,
        )
        while n_rejected < _MAX_REJECTED:
            best2 = cap_m * cap_m
            best_edge = np.int32(-1)
            best_part = 0.0
            foot_x, foot_y = 0.0, 0.0
            ring = 0
            while ring == 0 or inner + (ring - 1) * cell_m <= np.sqrt(best2):
                for r in range(max(row - ring, 0), min(row + ring, n_y - 1) + 1):
                    step = 1 if r == row - ring or r == row + ring else max(2 * ring, 1)
                    for c in range(col - ring, col + ring + 1, step):
                        if c < 0 or c >= n_x:
                            continue
                        cell = r * n_x + c
                        for k in range(start[cell], start[cell + 1]):
                            j = pieces[k]
                            x1, y1 = x[j], y[j]
                            dx, dy = x[j + 1] - x1, y[j + 1] - y1
                            length2 = dx * dx + dy * dy
                            t = 0.0
                            if length2 > 0.0:
                                t = min(max(((qx - x1) * dx + (qy - y1) * dy) / length2, 0.0), 1.0)
                            # The far end is taken as it is: computed, a shared corner would differ by an ulp.
                            fx = x[j + 1] if t == 1.0 else x1 + t * dx
                            fy = y[j + 1] if t == 1.0 else y1 + t * dy
                            d2 = (fx - qx) * (fx - qx) + (fy - qy) * (fy - qy)
                            if d2 > best2:
                                continue
                            e = piece_edge[j]
                            if d2 == best2 and best_edge >= 0:
                                kind, best_kind = edge_kind[e], edge_kind[best_edge]
                                if kind > best_kind or (kind == best_kind and e >= best_edge):
                                    continue
                            is_rejected = False
                            for m in range(n_rejected):
                                if rejected[m] == e:
                                    is_rejected = True
                                    break
                            if is_rejected:
                                continue
                            best2, best_edge = d2, e
                            foot_x, foot_y = fx, fy
                            best_part = part[j] + t * (part[j + 1] - part[j])
                ring += 1
            if best_edge < 0:
                break
            if wall_n_x > 0 and crosses_barrier(
                qx,
                qy,
                foot_x,
                foot_y,
                wall_x,
                wall_y,
                wall_start,
                wall_pieces,
                wall_origin_x,
                wall_origin_y,
                wall_cell_m,
                wall_n_x,
                wall_n_y,
            ):
                rejected[n_rejected] = best_edge
                n_rejected += 1
                continue
            edge[i] = best_edge
            fraction[i] = best_part
            distance_m[i] = np.sqrt(best2)
            break
