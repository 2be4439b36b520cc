"""Geometries fitted into a vector tile: projected, cut at its buffer, rounded to its units and tidied up.

Positions are rounded after cutting, so that neighbouring polygons, which share their edges, share them in the tile.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from geo.arrays import Bool, Float, Int, Int32, UInt8
from geo.kernels.shapes import HOLE, LINE, OUTLINE, POINT

# Web Mercator has no poles.
_STEEPEST_DEG = 89.9


@njit(nogil=True, cache=True)
def _project(
    x: Float, y: Float, first: int, last: int, is_mercator: bool, frame: Float, out_x: Float, out_y: Float
) -> tuple[float, float, float, float]:
    """Bring the vertices of a part into tile units; return their bounds."""
    left, top, scale_x, scale_y = frame[0], frame[1], frame[2], frame[3]
    low_x, low_y, high_x, high_y = np.inf, np.inf, -np.inf, -np.inf
    for i in range(first, last):
        place_x, place_y = (x[i] - left) * scale_x, y[i]
        if is_mercator:
            lat = min(max(y[i], -_STEEPEST_DEG), _STEEPEST_DEG)
            sine = math.sin(math.radians(lat))
            place_y = 0.5 * math.log((1.0 + sine) / (1.0 - sine))
        place_y = (top - place_y) * scale_y
        out_x[i - first], out_y[i - first] = place_x, place_y
        low_x, low_y = min(low_x, place_x), min(low_y, place_y)
        high_x, high_y = max(high_x, place_x), max(high_y, place_y)
    return low_x, low_y, high_x, high_y


@njit(nogil=True, cache=True)
def _cut_ring(along: Float, across: Float, n: int, edge: float, sign: float, to_along: Float, to_across: Float) -> int:
    """Keep of a ring what lies on one side of an edge (sign × place ≤ sign × edge); return the number of vertices."""
    kept = 0
    if n == 0:
        return 0
    last = n - 1
    was_in = sign * along[last] <= sign * edge
    for i in range(n):
        is_in = sign * along[i] <= sign * edge
        if is_in != was_in:
            # From the inner to the outer vertex, whichever way the ring turns: both owners of a shared edge then
            # cut it in the same place.
            inner, outer = (i, last) if is_in else (last, i)
            share = (edge - along[inner]) / (along[outer] - along[inner])
            to_along[kept] = edge
            to_across[kept] = across[inner] + share * (across[outer] - across[inner])
            kept += 1
        if is_in:
            to_along[kept], to_across[kept] = along[i], across[i]
            kept += 1
        was_in, last = is_in, i
    return kept


@njit(nogil=True, cache=True)
def _tidy(x: Float, y: Float, n: int, is_ring: bool, out_x: Int32, out_y: Int32, at: int) -> int:
    """Round vertices and leave out repeated ones and those on straight lines; return how many are written.

    A ring also loses its spikes, which have no area; a line that turns back on itself keeps them.
    """
    kept = 0
    for i in range(n):
        px, py = np.int64(np.rint(x[i])), np.int64(np.rint(y[i]))
        while kept > 0:
            bx, by = px - out_x[at + kept - 1], py - out_y[at + kept - 1]
            if bx == 0 and by == 0:
                break
            if kept == 1:
                break
            ax = np.int64(out_x[at + kept - 1]) - out_x[at + kept - 2]
            ay = np.int64(out_y[at + kept - 1]) - out_y[at + kept - 2]
            if ax * by != ay * bx or (not is_ring and ax * bx + ay * by < 0):
                break
            kept -= 1
        if kept == 0 or px != out_x[at + kept - 1] or py != out_y[at + kept - 1]:
            out_x[at + kept], out_y[at + kept] = px, py
            kept += 1
    if not is_ring:
        return kept
    # The same where the ring closes: at its last vertex and at its first.
    begin, is_done = at, False
    while not is_done and kept > 2:
        is_done = True
        last = begin + kept - 1
        for turn in range(2):
            before, middle, after = (last - 1, last, begin) if turn == 0 else (last, begin, begin + 1)
            ax, ay = np.int64(out_x[middle]) - out_x[before], np.int64(out_y[middle]) - out_y[before]
            bx, by = np.int64(out_x[after]) - out_x[middle], np.int64(out_y[after]) - out_y[middle]
            if ax * by == ay * bx:
                begin += turn
                kept -= 1
                is_done = False
                break
    for i in range(kept if begin > at else 0):
        out_x[at + i], out_y[at + i] = out_x[begin + i], out_y[begin + i]
    return kept


@njit(nogil=True, cache=True)
def _orient(x: Int32, y: Int32, at: int, n: int, is_hole: bool) -> bool:
    """Turn a ring the way its role asks for; return whether it has an area at all."""
    twice, k = np.int64(0), at + n - 1
    for i in range(at, at + n):
        twice += np.int64(x[k]) * y[i] - np.int64(x[i]) * y[k]
        k = i
    if (twice > 0) == is_hole:
        for i in range(n // 2):
            j, k = at + i, at + n - 1 - i
            x[j], x[k] = x[k], x[j]
            y[j], y[k] = y[k], y[j]
    return bool(twice != 0)


@njit(nogil=True, cache=True)
def _entry_exit(ax: float, ay: float, bx: float, by: float, low: float, high: float) -> tuple[float, float]:
    """Return the shares of a line where it enters and leaves a square; the first is larger where it never does."""
    begin, end = 0.0, 1.0
    for axis in range(2):
        place, step = (ax, bx - ax) if axis == 0 else (ay, by - ay)
        if step == 0.0:
            if place < low or place > high:
                return 1.0, 0.0
            continue
        one, two = (low - place) / step, (high - place) / step
        begin, end = max(begin, min(one, two)), min(end, max(one, two))
    return begin, end


@njit(nogil=True, cache=True)
def fit_shapes(
    x: Float, y: Float, part_start: Int, part_kind: UInt8, part_owner: Int32, n_shapes: int,
    is_mercator: bool, frame: Float, is_collapsed_kept: bool,
) -> tuple[Int32, Int32, Int, UInt8, Int32]:  # fmt: skip
    """Fit geometries into a tile.

    Parameters
    ----------
    x, y, part_start, part_kind, part_owner : Float, Float, Int, UInt8, Int32
        Geometries as `read_shapes` takes them apart.
    n_shapes : int
        How many geometries there are.
    is_mercator : bool
        Whether latitudes are stretched as web Mercator does.
    frame : Float
        Left and upper edge (degrees; the upper one stretched, in radians, with Mercator), units per degree eastwards
        and per degree or radian northwards, then lowest and highest unit that is kept, shape (6,).
    is_collapsed_kept : bool
        Whether a geometry whose parts all collapse to nothing is written as a line of one unit or a square of one unit.

    Returns
    -------
    x, y : Int32
        Vertices in tile units, y downwards; rings without their closing vertex.
    part_start : Int
        First vertex of each part, shape (n_parts + 1,).
    part_kind : UInt8
        Kinds; of a geometry with parts of several dimensions only those of the highest are written.
    part_owner : Int32
        Geometry of each part, ascending.
    """
    n_parts = part_kind.size
    dimension = np.zeros(n_shapes, np.uint8)
    longest = 0
    for p in range(n_parts):
        longest = max(longest, part_start[p + 1] - part_start[p])
        dimension[part_owner[p]] = max(dimension[part_owner[p]], min(part_kind[p], OUTLINE))
    low, high = frame[4], frame[5]
    # Every side can make one vertex and a half of each; a line can be cut between any two vertices.
    roomy = 6 * longest + 16
    ax, ay, bx, by = np.empty(roomy), np.empty(roomy), np.empty(roomy), np.empty(roomy)
    size, most = 2 * x.size + 4 * n_shapes + roomy, x.size + n_parts + n_shapes + 1
    out_x, out_y = np.empty(size, np.int32), np.empty(size, np.int32)
    out_start, out_kind, out_owner = np.empty(most + 1, np.int64), np.empty(most, np.uint8), np.empty(most, np.int32)
    n, parts, p = 0, 0, 0
    out_start[0] = 0
    while p < n_parts:
        owner = part_owner[p]
        parts_before, has_spot, has_outline = parts, False, False
        spot_x, spot_y = np.int32(0), np.int32(0)
        while p < n_parts and part_owner[p] == owner:
            kind, first, last = part_kind[p], part_start[p], part_start[p + 1]
            p += 1
            if min(kind, OUTLINE) != dimension[owner] or (kind == HOLE and not has_outline):
                continue
            if kind == OUTLINE:
                has_outline = False
            low_x, low_y, high_x, high_y = _project(x, y, first, last, is_mercator, frame, ax, ay)
            # Rounded, so that a point on a seam belongs to both sides whatever the last digit says.
            if np.rint(low_x) > high or np.rint(high_x) < low or np.rint(low_y) > high or np.rint(high_y) < low:
                continue
            count = last - first
            is_inside = low_x >= low and high_x <= high and low_y >= low and high_y <= high
            # Of something long the tile may hold a sliver that has no area; that is not a collapse.
            is_whole = is_inside or (high_x - low_x < 2.0 and high_y - low_y < 2.0)
            if not has_spot:
                spot_x = np.int32(min(max(np.rint(ax[0]), low), high))
                spot_y = np.int32(min(max(np.rint(ay[0]), low), high))
            # Points and lines can need more room than they bring: cut lines repeat vertices.
            if n + 2 * count + 8 + roomy > out_x.size:
                wider = np.empty(2 * out_x.size + 2 * count + 8 + roomy, np.int32)
                wider[:n] = out_x[:n]
                out_x = wider
                wider = np.empty(out_x.size, np.int32)
                wider[:n] = out_y[:n]
                out_y = wider
            if kind == POINT:
                before = n
                for i in range(count):
                    px, py = np.rint(ax[i]), np.rint(ay[i])
                    if low <= px <= high and low <= py <= high:
                        out_x[n], out_y[n] = np.int32(px), np.int32(py)
                        n += 1
                if n > before:
                    # Points of a collection may lie apart in it and are still one part.
                    if parts == parts_before:
                        out_kind[parts], out_owner[parts] = POINT, owner
                        parts += 1
                    out_start[parts] = n
                continue
            if kind == LINE:
                run = 0
                for i in range(count - 1):
                    begin, end = (0.0, 1.0) if is_inside else _entry_exit(ax[i], ay[i], ax[i + 1], ay[i + 1], low, high)
                    if begin <= end:
                        step_x, step_y = ax[i + 1] - ax[i], ay[i + 1] - ay[i]
                        if run == 0:
                            bx[0] = min(max(ax[i] + begin * step_x, low), high)
                            by[0] = min(max(ay[i] + begin * step_y, low), high)
                            run = 1
                        bx[run] = min(max(ax[i] + end * step_x, low), high)
                        by[run] = min(max(ay[i] + end * step_y, low), high)
                        run += 1
                    if run > 0 and (begin > end or end < 1.0 or i + 2 == count):
                        kept = _tidy(bx, by, run, False, out_x, out_y, n)
                        if kept > 1:
                            out_kind[parts], out_owner[parts] = LINE, owner
                            parts += 1
                            n += kept
                            out_start[parts] = n
                        else:
                            has_spot = has_spot or is_whole
                        run = 0
                continue
            if low_x < low:
                count = _cut_ring(ax, ay, count, low, -1.0, bx, by)
                ax, ay, bx, by = bx, by, ax, ay
            if high_x > high:
                count = _cut_ring(ax, ay, count, high, 1.0, bx, by)
                ax, ay, bx, by = bx, by, ax, ay
            if low_y < low:
                count = _cut_ring(ay, ax, count, low, -1.0, by, bx)
                ax, ay, bx, by = bx, by, ax, ay
            if high_y > high:
                count = _cut_ring(ay, ax, count, high, 1.0, by, bx)
                ax, ay, bx, by = bx, by, ax, ay
            kept = _tidy(ax, ay, count, True, out_x, out_y, n)
            if kept > 2 and _orient(out_x, out_y, n, kept, kind == HOLE):
                has_outline = True
                out_kind[parts], out_owner[parts] = kind, owner
                parts += 1
                n += kept
                out_start[parts] = n
            elif kind == OUTLINE:
                has_spot = has_spot or is_whole
        if parts == parts_before and has_spot and is_collapsed_kept:
            # One unit towards the middle, to stay within what is kept.
            side_x, side_y = np.int32(1 if spot_x < high else -1), np.int32(1 if spot_y < high else -1)
            out_x[n], out_y[n], out_x[n + 1], out_y[n + 1] = spot_x, spot_y, spot_x + side_x, spot_y
            n += 2
            if dimension[owner] == OUTLINE:
                out_x[n], out_y[n] = spot_x + side_x, spot_y + side_y
                out_x[n + 1], out_y[n + 1] = spot_x, spot_y + side_y
                n += 2
                _orient(out_x, out_y, n - 4, 4, False)
            out_kind[parts], out_owner[parts] = dimension[owner], owner
            parts += 1
            out_start[parts] = n
    return out_x[:n], out_y[:n], out_start[: parts + 1], out_kind[:parts], out_owner[:parts]


@njit(nogil=True, cache=True)
def _side(
    ax: np.int64, ay: np.int64, bx: np.int64, by: np.int64, cx: np.int64, cy: np.int64
) -> int:
    """Return on which side of a line through two positions a third lies."""
    turn = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    return 1 if turn > 0 else (-1 if turn < 0 else 0)


@njit(nogil=True, cache=True)
def _meet(x: Int32, y: Int32, a: int, b: int, c: int, d: int) -> bool:
    """Whether two edges have anything in common."""
    ax, ay, bx, by = np.int64(x[a]), np.int64(y[a]), np.int64(x[b]), np.int64(y[b])
    cx, cy, dx, dy = np.int64(x[c]), np.int64(y[c]), np.int64(x[d]), np.int64(y[d])
    if max(ax, bx) < min(cx, dx) or max(cx, dx) < min(ax, bx) or max(ay, by) < min(cy, dy) or max(cy, dy) < min(ay, by):
        return False
    if _side(ax, ay, bx, by, cx, cy) * _side(ax, ay, bx, by, dx, dy) > 0:
        return False
    return _side(cx, cy, dx, dy, ax, ay) * _side(cx, cy, dx, dy, bx, by) <= 0


@njit(nogil=True, cache=True)
def _encloses(x: Int32, y: Int32, first: int, last: int, at: int) -> bool:
    """Whether a ring goes around a vertex that does not lie on it."""
    is_in, px, py, j = False, np.int64(x[at]), np.int64(y[at]), last - 1
    for i in range(first, last):
        if (y[i] > py) != (y[j] > py):
            ix, iy, jx, jy = np.int64(x[i]), np.int64(y[i]), np.int64(x[j]), np.int64(y[j])
            turn = (jx - ix) * (py - iy) - (jy - iy) * (px - ix)
            if (turn > 0) == (jy > iy):
                is_in = not is_in
        j = i
    return is_in


@njit(nogil=True, cache=True)
def _is_tangled(x: Int32, y: Int32, part_start: Int, part_kind: UInt8, first: int, last: int) -> bool:
    """Whether rings of one geometry cross or touch each other or themselves, or lie where they should not."""
    begin, n = part_start[first], part_start[last] - part_start[first]
    after, low, high = np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.int32)
    for p in range(first, last):
        for i in range(part_start[p], part_start[p + 1]):
            j = i + 1 if i + 1 < part_start[p + 1] else part_start[p]
            after[i - begin] = j
            low[i - begin], high[i - begin] = min(x[i], x[j]), max(x[i], x[j])
    order = np.argsort(low) if n > 8 else np.arange(n)
    for k in range(n):
        one = order[k]
        for m in range(k + 1, n):
            two = order[m]
            if n > 8 and low[two] > high[one]:
                break
            a, c = begin + one, begin + two
            if after[one] != c and after[two] != a and _meet(x, y, a, after[one], c, after[two]):
                return True
    # Rings that never meet lie one in another like dolls: an outline in an even number of rings, a hole in an odd
    # number of its own polygon's.
    outline = first
    for p in range(first, last if last - first > 1 else first):
        outline = p if part_kind[p] == OUTLINE else outline
        is_in, q = False, first if p == outline else outline
        while q < last and (p == outline or q == outline or part_kind[q] == HOLE):
            if q != p:
                is_in ^= _encloses(x, y, part_start[q], part_start[q + 1], part_start[p])
            q += 1
        if is_in != (part_kind[p] == HOLE):
            return True
    return False


@njit(nogil=True, cache=True)
def find_tangled(x: Int32, y: Int32, part_start: Int, part_kind: UInt8, part_first: Int) -> Bool:
    """Find polygons that rounding may have made invalid.

    Parameters
    ----------
    x, y, part_start, part_kind : Int32, Int32, Int, UInt8
        Geometries as `fit_shapes` returns them.
    part_first : Int
        First part of each geometry, shape (n_shapes + 1,).

    Returns
    -------
    Bool
        Whether rings meet or lie wrongly in one another, shape (n_shapes,). Rings that merely touch in a vertex count
        too, although some of them are valid.
    """
    n_shapes = part_first.size - 1
    result = np.zeros(n_shapes, np.bool_)
    for s in range(n_shapes):
        first, last = part_first[s], part_first[s + 1]
        if last > first and part_kind[first] == OUTLINE:
            # Three vertices with an area cannot meet.
            if last - first == 1 and part_start[last] - part_start[first] == 3:
                continue
            result[s] = _is_tangled(x, y, part_start, part_kind, first, last)
    return result
