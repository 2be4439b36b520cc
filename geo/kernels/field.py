"""Distance fields of reached and unreached street parts on a raster, from which isochrone polygons are contoured."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from geo.arrays import Float, Int32, UInt8
from geo.kernels.graph import GATE, PUBLIC

Raster = npt.NDArray[np.float32]
_MAX_SOURCES = 64
# Beyond the end of a reached part at a corner a whole wedge is equally near to both parts; it goes to the reached one.
_TIE_M = 0.1
# Wide enough for corners to stay apart when degrees are rounded to a centimetre.
_CLEAR_M = 0.05
# Vertices this near to a straight line between others are passed over: far below any raster.
_STRAIGHT_M = 0.5
_MAX_MERGED = 24
# Side of the squares of pixels that are painted or left alone as a whole.
TILE = 16


@njit(nogil=True, cache=True)
def _is_straight(x: Float, y: Float, first: int, last: int) -> bool:
    """Tell whether all vertices between two lie near the straight line that joins them."""
    dx, dy = x[last] - x[first], y[last] - y[first]
    square = dx * dx + dy * dy
    inverse = 1.0 / square if square > 0.0 else 0.0
    for k in range(first + 1, last):
        px, py = x[k] - x[first], y[k] - y[first]
        t = min(max((px * dx + py * dy) * inverse, 0.0), 1.0)
        ex, ey = px - t * dx, py - t * dy
        if ex * ex + ey * ey > _STRAIGHT_M * _STRAIGHT_M:
            return False
    return True


@njit(nogil=True, cache=True)
def _open_tiles(
    reached: Raster, unreached: Raster, tiles: UInt8, radius: float, row_a: int, row_b: int, col_a: int, col_b: int
) -> None:
    """Prepare the tiles around some pixels, both ends included, unless that was done before."""
    n_y, n_x = reached.shape
    for tile_row in range(row_a // TILE, row_b // TILE + 1):
        for tile_col in range(col_a // TILE, col_b // TILE + 1):
            if tiles[tile_row, tile_col] == 0:
                tiles[tile_row, tile_col] = 1
                top, right = min((tile_row + 1) * TILE, n_y), min((tile_col + 1) * TILE, n_x)
                reached[tile_row * TILE : top, tile_col * TILE : right] = np.float32(radius * radius)
                unreached[tile_row * TILE : top, tile_col * TILE : right] = np.float32(radius * radius)


@njit(nogil=True, cache=True)
def _splat(
    reached: Raster,
    unreached: Raster,
    tiles: UInt8,
    is_reached: bool,
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    radius: float,
    origin_x: float,
    origin_y: float,
    pixel_m: float,
    row_first: int,
    row_last: int,
) -> None:
    """Lower the squared distances of all pixels near a straight part; long parts are painted in steps."""
    field = reached if is_reached else unreached
    n_x = field.shape[1]
    length = np.sqrt((x2 - x1) * (x2 - x1) + (y2 - y1) * (y2 - y1))
    # The box around a long slanting part is mostly beyond the radius.
    n_steps = max(int(np.ceil(length / (2.0 * radius))), 1)
    for step in range(n_steps):
        ax, ay = x1 + (x2 - x1) * step / n_steps, y1 + (y2 - y1) * step / n_steps
        bx, by = x1 + (x2 - x1) * (step + 1) / n_steps, y1 + (y2 - y1) * (step + 1) / n_steps
        dx, dy = np.float32(bx - ax), np.float32(by - ay)
        square = dx * dx + dy * dy
        inverse = np.float32(1.0) / square if square > 0.0 else np.float32(0.0)
        col_a = max(int(np.ceil((min(ax, bx) - radius - origin_x) / pixel_m)), 0)
        col_b = min(int(np.floor((max(ax, bx) + radius - origin_x) / pixel_m)), n_x - 1)
        row_a = max(int(np.ceil((min(ay, by) - radius - origin_y) / pixel_m)), row_first)
        row_b = min(int(np.floor((max(ay, by) + radius - origin_y) / pixel_m)), row_last - 1)
        if col_a > col_b or row_a > row_b:
            continue
        if is_reached:
            _open_tiles(reached, unreached, tiles, radius, row_a, row_b, col_a, col_b)
        elif not tiles[row_a // TILE : row_b // TILE + 1, col_a // TILE : col_b // TILE + 1].any():
            # Unreached parts far from reached ones decide nothing.
            continue
        left, step_m = np.float32(origin_x + col_a * pixel_m - ax), np.float32(pixel_m)
        for row in range(row_a, row_b + 1):
            py = np.float32(origin_y + row * pixel_m - ay)
            # A slice and a store without a branch: the compiler turns the loop into vector instructions.
            line = field[row, col_a : col_b + 1]
            for c in range(line.size):
                px = left + np.float32(c) * step_m
                t = min(max((px * dx + py * dy) * inverse, np.float32(0.0)), np.float32(1.0))
                ex, ey = px - t * dx, py - t * dy
                line[c] = min(line[c], ex * ex + ey * ey)


@njit(nogil=True, cache=True)
def _append(parts: Float, n: int, x1: float, y1: float, x2: float, y2: float) -> Float:
    """Write a row behind the first n, making room when there is none."""
    if n == parts.shape[0]:
        wider = np.empty((2 * n, 4))
        wider[:n] = parts
        parts = wider
    parts[n, 0], parts[n, 1], parts[n, 2], parts[n, 3] = x1, y1, x2, y2
    return parts


@njit(nogil=True, cache=True)
def cut_pieces(
    limit: float,
    pieces: Int32,
    x: Float,
    y: Float,
    part: Float,
    piece_edge: Int32,
    edge_u: Int32,
    edge_v: Int32,
    edge_primary: Float,
    edge_oneway: UInt8,
    edge_kind: UInt8,
    public_best: Float,
    private_index: Int32,
    private_best: Float,
    source_first: Int32,
    source_edge: Int32,
    source_fraction: Float,
    source_primary: Float,
    towards: bool,
) -> tuple[Float, Float]:
    """Cut street pieces into straight parts that are reached and parts that are not.

    Parameters
    ----------
    limit : float
        A position is reached when its cost is at most this.
    pieces : Int32
        Pieces to cut, ascending.
    x, y, part, piece_edge : Float, Float, Float, Int32
        Street vertices, share of the edge before each, and edge of each piece.
    edge_u, edge_v, edge_primary, edge_oneway, edge_kind : Int32, Int32, Float, UInt8, UInt8
        Edges.
    public_best : Float
        Cost of each node for positions on public edges.
    private_index, private_best : Int32, Float
        Private row of each node, and cost of each private row for positions on other edges.
    source_first, source_edge, source_fraction, source_primary : Int32, Int32, Float, Float
        Sites and stops inside edges, sorted by edge, with their costs.
    towards : bool
        Costs are those of walks from the position to the site, not from the site to it.

    Returns
    -------
    tuple of Float, Float
        Reached and unreached parts, x and y of both ends, shape (n, 4).
    """
    reached, unreached = np.empty((pieces.size + 16, 4)), np.empty((pieces.size + 16, 4))
    n_reached, n_unreached = 0, 0
    low, high = np.empty(_MAX_SOURCES + 2), np.empty(_MAX_SOURCES + 2)
    i = 0
    while i < pieces.size:
        j = pieces[i]
        e = piece_edge[j]
        i += 1
        if e < 0 or edge_kind[e] == GATE:
            continue
        # Winding streets have many short pieces, and each would paint nearly the same pixels.
        to_j = j + 1
        while i < pieces.size and pieces[i] == to_j and piece_edge[to_j] == e and to_j - j < _MAX_MERGED:
            if not _is_straight(x, y, j, to_j + 1):
                break
            to_j += 1
            i += 1
        u, v = edge_u[e], edge_v[e]
        if edge_kind[e] == PUBLIC:
            cost_u, cost_v = public_best[u], public_best[v]
        else:
            cost_u, cost_v = private_best[private_index[u]], private_best[private_index[v]]
        whole = edge_primary[e]
        forward, back = edge_oneway[e] != 2, edge_oneway[e] != 1
        if not towards:
            forward, back = back, forward
        n = 0
        # Walks to u go back along the edge, walks to v forward.
        if cost_u <= limit:
            low[n] = 0.0
            high[n] = 0.0 if not back else (min((limit - cost_u) / whole, 1.0) if whole > 0.0 else 1.0)
            n += 1
        if cost_v <= limit:
            low[n] = 1.0 if not forward else (max(1.0 - (limit - cost_v) / whole, 0.0) if whole > 0.0 else 0.0)
            high[n] = 1.0
            n += 1
        k = source_first[e]
        while 0 <= k < source_edge.size and source_edge[k] == e and n < _MAX_SOURCES + 2:
            if source_primary[k] <= limit:
                share = (limit - source_primary[k]) / whole if whole > 0.0 else 1.0
                low[n] = max(source_fraction[k] - share, 0.0) if forward else source_fraction[k]
                high[n] = min(source_fraction[k] + share, 1.0) if back else source_fraction[k]
                n += 1
            k += 1
        # Walk along the piece: the farthest end of an interval that covers the position, else the next begin.
        here, end = part[j], part[to_j]
        width = end - here
        at = here
        while True:
            covered_to = -1.0
            next_low = end
            for s in range(n):
                if low[s] <= at and high[s] > covered_to:
                    covered_to = high[s]
                elif low[s] > at and low[s] < next_low:
                    next_low = low[s]
            is_reached = covered_to > at or (covered_to >= at and at >= end)
            to = min(covered_to, end) if is_reached else next_low
            a = (at - here) / width if width > 0.0 else 0.0
            b = (to - here) / width if width > 0.0 else 1.0
            if is_reached:
                reached = _append(
                    reached, n_reached, x[j] + a * (x[to_j] - x[j]), y[j] + a * (y[to_j] - y[j]),
                    x[j] + b * (x[to_j] - x[j]), y[j] + b * (y[to_j] - y[j]),
                )  # fmt: skip
                n_reached += 1
            else:
                unreached = _append(
                    unreached, n_unreached, x[j] + a * (x[to_j] - x[j]), y[j] + a * (y[to_j] - y[j]),
                    x[j] + b * (x[to_j] - x[j]), y[j] + b * (y[to_j] - y[j]),
                )  # fmt: skip
                n_unreached += 1
            if to >= end:
                break
            at = to
    return reached[:n_reached], unreached[:n_unreached]


@njit(nogil=True, cache=True)
def paint_parts(
    reached: Raster,
    unreached: Raster,
    tiles: UInt8,
    row_first: int,
    row_last: int,
    origin_x: float,
    origin_y: float,
    pixel_m: float,
    width_m: float,
    reached_parts: Float,
    unreached_parts: Float,
) -> None:
    """Draw a field that is negative inside: near reached street parts, and nearer to them than to others.

    Only tiles near reached parts are painted, so that a city's rasters cost what its streets cost. Every negative
    value lies at least one pixel inside painted tiles; what lies in other tiles is outside and has no value.

    Parameters
    ----------
    reached, unreached : Raster
        Two rasters to work on, shape (n_y, n_x), with any values; the field ends up in `reached`.
    tiles : UInt8
        Painted tiles of `TILE` by `TILE` pixels, zero before and 1 where painted afterwards, shape
        (⌈n_y / TILE⌉, ⌈n_x / TILE⌉).
    row_first, row_last : int
        Rows to paint, the last one excluded, so that threads share a raster; both multiples of `TILE`, or the
        raster's end.
    origin_x, origin_y, pixel_m : float
        Position of the first pixel and pixel size in plane metres.
    width_m : float
        How far from a reached street the inside goes.
    reached_parts, unreached_parts : Float
        Straight street parts, x and y of both ends, shape (n, 4).
    """
    radius = width_m + 1.5 * pixel_m
    n_y, n_x = reached.shape
    bottom, top = origin_y + row_first * pixel_m - radius, origin_y + row_last * pixel_m + radius
    for is_reached in (True, False):
        parts = reached_parts if is_reached else unreached_parts
        for i in range(parts.shape[0]):
            y1, y2 = parts[i, 1], parts[i, 3]
            if max(y1, y2) < bottom or min(y1, y2) > top:
                continue
            _splat(
                reached, unreached, tiles, is_reached, parts[i, 0], y1, parts[i, 2], y2, radius,
                origin_x, origin_y, pixel_m, row_first, row_last,
            )  # fmt: skip
    tie, clear, width = np.float32(_TIE_M), np.float32(_CLEAR_M), np.float32(width_m)
    for row in range(row_first, row_last):
        for tile_col in range(tiles.shape[1]):
            if tiles[row // TILE, tile_col] == 0:
                continue
            line = reached[row, tile_col * TILE : min((tile_col + 1) * TILE, n_x)]
            other = unreached[row, tile_col * TILE : min((tile_col + 1) * TILE, n_x)]
            for col in range(line.size):
                near = np.sqrt(line[col])
                value = max(near - np.sqrt(other[col]) - tie, near - width)
                # No contour runs through a pixel itself: rings that touch there would be invalid polygons.
                pushed = min(value, -clear) if value < np.float32(0.0) else max(value, clear)
                line[col] = pushed
            # The border lies outside, so that every contour closes.
            if row == 0 or row == n_y - 1:
                for col in range(line.size):
                    line[col] = max(line[col], np.float32(1.0))
            if tile_col == 0:
                line[0] = max(line[0], np.float32(1.0))
            if tile_col == tiles.shape[1] - 1:
                line[line.size - 1] = max(line[line.size - 1], np.float32(1.0))
