"""The nearest of a few places as the crow flies, by rings of a grid."""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Float, Int32

# A ring is left out only when it is farther by more than rounding can hide.
_SLACK = 1.0 - 1e-9


@njit(nogil=True, cache=True)
def _cell_of(value: float, low: float, cell: float, n_cells: int) -> int:
    """Return the row of cells of a coordinate, the outermost one for what lies beyond."""
    at = (value - low) / cell
    if not at > 0.0:
        return 0
    return n_cells - 1 if at >= n_cells else int(at)


@njit(nogil=True, cache=True)
def nearest_places(x: Float, y: Float, place_x: Float, place_y: Float) -> tuple[Float, Int32]:
    """Find each point's nearest place.

    Parameters
    ----------
    x, y : Float
        Points in metres, shape (n,).
    place_x, place_y : Float
        Places in the same plane, shape (n_places,), at least one.

    Returns
    -------
    tuple
        Distance to the nearest place, and its position (the lowest of several at the very same distance), shape
        (n,) each.
    """
    n_places = place_x.size
    low_x, low_y = place_x.min(), place_y.min()
    width, height = place_x.max() - low_x, place_y.max() - low_y
    # About one place a cell, and never more cells along a side than places.
    cell = max(np.sqrt(width * height / n_places), max(width, height) / n_places)
    if not cell > 0.0:
        cell = 1.0
    n_x, n_y = int(width / cell) + 1, int(height / cell) + 1
    start = np.zeros(n_x * n_y + 1, np.int64)
    of_place = np.empty(n_places, np.int64)
    for p in range(n_places):
        of_place[p] = _cell_of(place_y[p], low_y, cell, n_y) * n_x + _cell_of(place_x[p], low_x, cell, n_x)
        start[of_place[p] + 1] += 1
    for c in range(n_x * n_y):
        start[c + 1] += start[c]
    slot = start[:-1].copy()
    item = np.empty(n_places, np.int32)
    for p in range(n_places):
        item[slot[of_place[p]]] = p
        slot[of_place[p]] += 1

    distance = np.empty(x.size)
    nearest = np.empty(x.size, np.int32)
    for i in range(x.size):
        column, row = _cell_of(x[i], low_x, cell, n_x), _cell_of(y[i], low_y, cell, n_y)
        best, which = np.inf, np.int32(-1)
        last = max(max(column, n_x - 1 - column), max(row, n_y - 1 - row))
        for ring in range(last + 1):
            # A place of this ring or beyond is at least ring - 1 cells from the point's nearest spot in the grid.
            gap = (ring - 1) * cell * _SLACK
            if gap > 0.0 and gap * gap > best:
                break
            for r in range(max(row - ring, 0), min(row + ring, n_y - 1) + 1):
                # Between the first and the last row of a ring only its two sides count.
                step = 1 if r == row - ring or r == row + ring else max(2 * ring, 1)
                for c in range(column - ring, column + ring + 1, step):
                    if c < 0 or c >= n_x:
                        continue
                    for k in range(start[r * n_x + c], start[r * n_x + c + 1]):
                        p = item[k]
                        dx, dy = x[i] - place_x[p], y[i] - place_y[p]
                        squared = dx * dx + dy * dy
                        if squared < best or (squared == best and p < which):
                            best, which = squared, p
        distance[i] = np.sqrt(best)
        nearest[i] = which
    return distance, nearest
