"""Contours of a signed field: closed rings with the inside on their left, and the area each ring belongs to.

A crossing on the raster between an inside and an outside value is one vertex; in each raster square the crossings are
joined in pairs, so following them closes every ring. Where two opposite corners are inside, the mean of the four tells
whether they are joined. Which outline a hole belongs to needs no search: inside values that touch form one area, kept
as runs of a row, and every ring borders one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from geo.arrays import Float, Int, Int32, UInt8
from geo.kernels.field import TILE

Raster = npt.NDArray[np.float32]
# Keeps crossings off the raster's own points, so that rings never touch; far below what a raster resolves.
_LEAST = 1e-3


@njit(nogil=True, cache=True)
def _share(a: float, b: float) -> float:
    """Return where a line from one value to another crosses zero."""
    low, high = max(abs(a), _LEAST), max(abs(b), _LEAST)
    return low / (low + high)


@njit(nogil=True, cache=True)
def _root(parent: Int32, i: int) -> int:
    """Return the representative of a run, halving the path to it."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(nogil=True, cache=True)
def _join(parent: Int32, a: int, b: int) -> None:
    """Put two runs into one area."""
    a, b = _root(parent, a), _root(parent, b)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


@njit(nogil=True, cache=True)
def _count(field: Raster, tiles: UInt8) -> tuple[int, int]:
    """Return how many crossings and how many runs of inside values there are."""
    n_y, n_x = field.shape
    n_crossings, n_runs = 0, 0
    for row in range(n_y - 1):
        n_within, n_between = 0, 0
        painted, above_painted = tiles[row // TILE], tiles[(row + 1) // TILE]
        line, above = field[row], field[row + 1]
        for tile in range(painted.size):
            if painted[tile] == 0:
                continue
            first, last = tile * TILE, min((tile + 1) * TILE, n_x)
            # What borders an unpainted tile is outside, as the tile itself is.
            end = last if tile + 1 < painted.size and painted[tile + 1] else last - 1
            for col in range(first, end):
                n_within += (line[col] < 0.0) != (line[col + 1] < 0.0)
            if above_painted[tile]:
                for col in range(first, last):
                    n_between += (line[col] < 0.0) != (above[col] < 0.0)
        n_crossings += n_within + n_between
        n_runs += n_within // 2
    return n_crossings, n_runs


@njit(nogil=True, cache=True)
def contour_rings(field: Raster, tiles: UInt8) -> tuple[Float, Float, Int, Int32]:
    """Contour a field at zero; negative values are inside, and all values on the border must be outside.

    Parameters
    ----------
    field : Raster
        The field, shape (n_y, n_x).
    tiles : UInt8
        Tiles that hold values, as `geo.kernels.field.paint_parts` leaves them; the others are outside whatever they
        hold, and no negative value touches them.

    Returns
    -------
    tuple of Float, Float, Int, Int32
        Column and row of each vertex, ring after ring and not closed, shape (n_vertices,); where each ring begins,
        shape (n_rings + 1,); area of each ring. Outlines turn anticlockwise (columns to the right, rows upwards),
        holes clockwise; every area has exactly one outline.
    """
    n_y, n_x = field.shape
    n, n_runs = _count(field, tiles)
    x, y = np.empty(n), np.empty(n)
    after = np.empty(n, np.int32)
    run_of = np.full(n, np.int32(-1))
    parent = np.arange(n_runs).astype(np.int32)
    # Crossings of the row below, of the row above, and between the two; runs of the two rows.
    below, above = np.full(n_x, np.int32(-1)), np.full(n_x, np.int32(-1))
    between = np.full(n_x, np.int32(-1))
    run_below, run_above = np.full(n_x, np.int32(-1)), np.full(n_x, np.int32(-1))
    k, run = 0, -1
    # The lowest row is outside throughout and has no crossing.
    for row in range(1, n_y):
        painted, painted_below = tiles[row // TILE], tiles[(row - 1) // TILE]
        for tile in range(painted.size):
            first, last = tile * TILE, min((tile + 1) * TILE, n_x)
            if painted[tile] == 0:
                run_above[first:last] = -1
                continue
            end = last if tile + 1 < painted.size and painted[tile + 1] else last - 1
            for col in range(first, last):
                value = field[row, col]
                inside = value < 0.0
                if inside and (col == 0 or run_above[col - 1] < 0):
                    run += 1
                run_above[col] = run if inside else -1
                if col < end and inside != (field[row, col + 1] < 0.0):
                    x[k], y[k] = col + _share(value, field[row, col + 1]), row
                    run_of[k] = run if inside else run + 1
                    above[col] = k
                    k += 1
                if inside != (run_below[col] >= 0):
                    x[k], y[k] = col, row - 1 + _share(field[row - 1, col], value)
                    between[col] = k
                    k += 1
                elif inside:
                    _join(parent, run_above[col], run_below[col])
        for tile in range(painted.size):
            if painted[tile] == 0 and painted_below[tile] == 0:
                continue
            _join_crossings(
                field, row, tile * TILE, min((tile + 1) * TILE, n_x - 1),
                run_below, run_above, below, above, between, after, parent,
            )  # fmt: skip
        below, above = above, below
        run_below, run_above = run_above, run_below
    return _follow(x, y, after, run_of, parent)


@njit(nogil=True, cache=True)
def _join_crossings(
    field: Raster,
    row: int,
    col_first: int,
    col_last: int,
    run_below: Int32,
    run_above: Int32,
    below: Int32,
    above: Int32,
    between: Int32,
    after: Int32,
    parent: Int32,
) -> None:
    """Join the crossings on the sides of some raster squares between a row and the one below it."""
    for col in range(col_first, col_last):
        corners = 1 if run_below[col] >= 0 else 0
        corners += 2 if run_below[col + 1] >= 0 else 0
        corners += 4 if run_above[col + 1] >= 0 else 0
        corners += 8 if run_above[col] >= 0 else 0
        if corners == 0 or corners == 15:
            continue
        bottom, top, left, right = below[col], above[col], between[col], between[col + 1]
        if corners == 5 or corners == 10:
            middle = field[row - 1, col] + field[row - 1, col + 1] + field[row, col] + field[row, col + 1]
            if corners == 5 and middle < 0.0:
                after[bottom], after[top] = right, left
                _join(parent, run_below[col], run_above[col + 1])
            elif corners == 5:
                after[bottom], after[top] = left, right
            elif middle < 0.0:
                after[left], after[right] = bottom, top
                _join(parent, run_below[col + 1], run_above[col])
            else:
                after[right], after[left] = bottom, top
        elif corners == 1:
            after[bottom] = left
        elif corners == 2:
            after[right] = bottom
        elif corners == 3:
            after[right] = left
        elif corners == 4:
            after[top] = right
        elif corners == 6:
            after[top] = bottom
        elif corners == 7:
            after[top] = left
        elif corners == 8:
            after[left] = top
        elif corners == 9:
            after[bottom] = top
        elif corners == 11:
            after[right] = top
        elif corners == 12:
            after[left] = right
        elif corners == 13:
            after[bottom] = right
        else:
            after[left] = bottom


@njit(nogil=True, cache=True)
def _follow(x: Float, y: Float, after: Int32, run_of: Int32, parent: Int32) -> tuple[Float, Float, Int, Int32]:
    """Follow the crossings ring by ring."""
    n = x.size
    out_x, out_y = np.empty(n), np.empty(n)
    start = np.zeros(n // 4 + 1, np.int64)
    area = np.empty(n // 4, np.int32)
    seen = np.zeros(n, np.bool_)
    n_rings, filled = 0, 0
    for first in range(n):
        if seen[first]:
            continue
        k, owner = first, -1
        while not seen[k]:
            seen[k] = True
            out_x[filled], out_y[filled] = x[k], y[k]
            filled += 1
            # Crossings between rows know no run, but every ring also crosses within a row.
            if owner < 0 and run_of[k] >= 0:
                owner = _root(parent, run_of[k])
            k = after[k]
        area[n_rings] = owner
        n_rings += 1
        start[n_rings] = filled
    return out_x, out_y, start[: n_rings + 1].copy(), area[:n_rings].copy()
