"""Cells of a square grid gathered into contiguous areas, and those areas as polygons.

A cell is one sortable integer: its row in the high half and its column in the low half, both counted from the
plane's centre, so that the next cell to the east is the key plus one and the next to the north the key plus
`STRIDE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.access.cell_outline import HALF, STRIDE, build_polygons, trace
from geo.arrays import Float, Int
from geo.network.plane import Plane

_DENSE_MOST: Final = 4_000_000
_EXACT_IN_FLOAT: Final = 2**53


@dataclass(frozen=True, slots=True)
class CellIndex:
    """Which cell each point lies in.

    Parameters
    ----------
    cell_m : float
        Cell width in metres.
    cells : array of int64, shape (n_cells,)
        Cells that hold points, ascending.
    of_point : array of int64, shape (n,)
        Position in `cells` of each point's cell.
    """

    cell_m: float
    cells: Int
    of_point: Int


def index_cells(x: Float, y: Float, cell_m: float) -> CellIndex:
    """Find the cell of each point, once for all facility types.

    Parameters
    ----------
    x, y : array of float64, shape (n,)
        Metres in the local plane.
    cell_m : float
        Cell width in metres.

    Returns
    -------
    CellIndex
        The cells that hold points, and each point's.
    """
    cells, of_point = np.unique(cell_keys(x, y, cell_m), return_inverse=True)
    return CellIndex(cell_m, cells, of_point)


def cell_keys(x: Float, y: Float, cell_m: float) -> Int:
    """Return the cell of each point.

    Parameters
    ----------
    x, y : array of float64, shape (n,)
        Metres in the local plane.
    cell_m : float
        Cell width in metres.

    Returns
    -------
    array of int64, shape (n,)
        Cell keys.
    """
    column = np.floor(x / cell_m).astype(np.int64) + HALF
    row = np.floor(y / cell_m).astype(np.int64) + HALF
    return row * STRIDE + column


def spread(keys: Int, zone: Int, blocked: Int, margin_cells: int) -> tuple[Int, Int]:
    """Return the cells and the free ground around them.

    Parameters
    ----------
    keys : array of int64, shape (n,)
        Cells, ascending.
    zone : array of int64, shape (n,)
        Zone of each cell; ground takes the zone of the nearest cell (ties to the lowest key).
    blocked : array of int64
        Cells that never become ground.
    margin_cells : int
        Width of the ground in cells, in all eight directions.

    Returns
    -------
    tuple of two arrays of int64, shape (n_area,)
        Cells and ground ascending, and their zones.
    """
    reach = range(-margin_cells, margin_cells + 1)
    offsets = sorted((dx * dx + dy * dy, dy * STRIDE + dx) for dx in reach for dy in reach)
    # np.unique returns the first occurrence, and the nearest offset comes first.
    candidates = (np.array([step for _, step in offsets], dtype=np.int64)[:, None] + keys[None, :]).ravel()
    area, first = np.unique(candidates, return_index=True)
    free = ~np.isin(area, blocked, assume_unique=True)
    return area[free], zone[first[free] % max(keys.size, 1)]


def components(keys: Int, zone: Int) -> Int:
    """Number the contiguous areas; cells of one zone that share a side belong together.

    Parameters
    ----------
    keys, zone : array of int64, shape (n_area,)
        Cells ascending, and their zones.

    Returns
    -------
    array of int64, shape (n_area,)
        Area of each cell, numbered from 0 in the order of the areas' lowest keys.
    """
    if keys.size == 0:
        return np.zeros(0, dtype=np.int64)
    starts, ends = [], []
    for step in (1, STRIDE):
        at = np.minimum(np.searchsorted(keys, keys + step), keys.size - 1)
        linked = np.flatnonzero((keys[at] == keys + step) & (zone[at] == zone))
        starts.append(linked)
        ends.append(at[linked])
    start, end = np.concatenate(starts), np.concatenate(ends)
    graph = coo_array((np.ones(start.size, dtype=np.int8), (start, end)), shape=(keys.size, keys.size))
    label = connected_components(graph.tocsr(), directed=False)[1]
    # Renumbered by first cell: the library's order is its own.
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[inverse]


def outline(keys: Int, label: Int, shown: Int, cell_m: float, plane: Plane) -> NDArray[np.object_]:
    """Return the polygons of some areas.

    Parameters
    ----------
    keys, label : array of int64, shape (n_area,)
        Cells ascending, and their areas.
    shown : array of int64, shape (n_shown,)
        Areas wanted, each once.
    cell_m : float
        Cell width in metres.
    plane : Plane
        The plane of the cells.

    Returns
    -------
    array of Polygon, shape (n_shown,)
        Polygons in EPSG:4490 degrees, with holes, in the order wanted.
    """
    if shown.size == 0:
        return np.zeros(0, dtype=object)
    position = np.full(int(label.max()) + 1, -1, dtype=np.int64)
    position[shown] = np.arange(shown.size)
    area = position[label]
    kept = area >= 0
    vertices, ring, is_hole, ring_area = trace(keys[kept], area[kept], shown.size)
    lon, lat = plane.inverse(vertices[:, 0] * cell_m, vertices[:, 1] * cell_m)
    return build_polygons(np.column_stack([lon, lat]), ring, is_hole, ring_area)


def majority(row: Int, column: Int, weights: Int, n_rows: int) -> Int:
    """Return the column that holds most of each row's weight.

    Parameters
    ----------
    row, column : array of int64, shape (n,)
        Where each weight stands; columns are at least 0.
    weights : array of int64, shape (n,)
        Weights, at least 0; zeros are ignored.
    n_rows : int
        Number of rows.

    Returns
    -------
    array of int64, shape (n_rows,)
        The column, ties to the lowest; -1 for rows without weight.
    """
    result = np.full(n_rows, -1, dtype=np.int64)
    keep = np.flatnonzero(weights > 0)
    if keep.size == 0:
        return result
    width = int(column[keep].max()) + 1
    if n_rows * width <= _DENSE_MOST:
        # argmax takes the first of equals, which is the lowest column.
        dense = np.bincount(row[keep] * width + column[keep], weights=weights[keep], minlength=n_rows * width)
        if dense.max() < _EXACT_IN_FLOAT:
            table = dense.reshape(n_rows, width)
            best = table.argmax(axis=1)
            return np.where(table[np.arange(n_rows), best] > 0, best, -1)
    pair, inverse = np.unique(row[keep] * width + column[keep], return_inverse=True)
    sums = np.zeros(pair.size, dtype=np.int64)
    np.add.at(sums, inverse, weights[keep])
    # The last write wins: ascending weight, then descending column.
    order = np.lexsort((-(pair % width), sums))
    result[pair[order] // width] = pair[order] % width
    return result
