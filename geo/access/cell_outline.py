"""Outlines of contiguous cell areas, traced along the cells' sides without any polygon union.

Uniting tens of thousands of boxes takes seconds; following the sides takes milliseconds. Every side of a cell
whose other side is not of the same area is a directed edge with the area on its left. Where two areas'
corners pinch, the trace turns right, so that what lies outside splits there and every ring is simple.
"""

from __future__ import annotations

from typing import Final, cast

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.arrays import Float, Int

STRIDE: Final = 2**31
"""Key distance between a cell and the next to the north; the next to the east is one further."""

HALF: Final = 2**30
"""Row and column of the plane's centre."""

# East, north, west, south: the step of an edge, and where it starts seen from its cell's south-west corner.
_STEP: Final = (1, STRIDE, -1, -STRIDE)
_START: Final = (0, 1, STRIDE + 1, STRIDE)
_BESIDE: Final = (-STRIDE, 1, STRIDE, -1)


def trace(keys: Int, area: Int, n_areas: int) -> tuple[Float, Int, NDArray[np.bool_], Int]:
    """Follow the borders of the areas.

    Parameters
    ----------
    keys, area : array of int64, shape (n_cells,)
        Cells ascending, and their areas; the cells of an area hang together by their sides.
    n_areas : int
        Number of areas, each with a cell.

    Returns
    -------
    vertices : array of float64, shape (n_vertices, 2)
        Corners where a ring turns, as column and row counted in cells from the plane's centre.
    ring : array of int64, shape (n_vertices,)
        Ring of each vertex, ascending from 0; the vertices of a ring are in order, not closed.
    is_hole : array of bool, shape (n_rings,)
        Whether the ring is a hole.
    ring_area : array of int64, shape (n_rings,)
        Area of each ring.
    """
    start, direction, of_edge = _edges(keys, area)
    following = _successors(start, direction, of_edge, n_areas)
    leader, rank = _cycle_ranks(following)
    order = np.lexsort((-rank, leader))
    leader, start, direction, of_edge = leader[order], start[order], direction[order], of_edge[order]
    ring = np.unique(leader, return_inverse=True)[1].astype(np.int64)
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    before = np.roll(direction, 1)
    before[first] = direction[np.append(first[1:], ring.size) - 1]
    turns = direction != before
    vertices = np.column_stack([start % STRIDE - HALF, start // STRIDE - HALF])[turns].astype(np.float64)
    ring_of_vertex = ring[turns]
    return vertices, ring_of_vertex, _signed_areas(vertices, ring_of_vertex) < 0, of_edge[first]


def build_polygons(
    coordinates: Float, ring: Int, is_hole: NDArray[np.bool_], ring_area: Int
) -> NDArray[np.object_]:
    """Put traced rings together.

    Parameters
    ----------
    coordinates : array of float64, shape (n_vertices, 2)
        The traced vertices in any coordinates.
    ring, is_hole, ring_area : array
        As `trace` returns them.

    Returns
    -------
    array of Polygon, shape (n_areas,)
        One polygon an area, in the order of the areas.
    """
    rings = cast("NDArray[np.object_]", shapely.linearrings(coordinates, indices=ring))
    order = np.lexsort((is_hole, ring_area))
    return cast("NDArray[np.object_]", shapely.polygons(rings[order], indices=ring_area[order]))


def _edges(keys: Int, area: Int) -> tuple[Int, Int, Int]:
    """Return start corner, direction and area of every border edge."""
    starts, directions, areas = [], [], []
    for direction in range(4):
        at = np.minimum(np.searchsorted(keys, keys + _BESIDE[direction]), keys.size - 1)
        same = (keys[at] == keys + _BESIDE[direction]) & (area[at] == area)
        starts.append(keys[~same] + _START[direction])
        directions.append(np.full(starts[-1].size, direction, dtype=np.int64))
        areas.append(area[~same])
    return np.concatenate(starts), np.concatenate(directions), np.concatenate(areas)


def _successors(start: Int, direction: Int, area: Int, n_areas: int) -> Int:
    """Return the edge that follows each edge around its area."""
    corners, corner = np.unique(start, return_inverse=True)
    place = corner * n_areas + area
    order = np.argsort(place, kind="stable")
    ordered = place[order]
    end = np.searchsorted(corners, start + np.array(_STEP, dtype=np.int64)[direction]) * n_areas + area
    first = np.searchsorted(ordered, end)
    second = np.minimum(first + 1, ordered.size - 1)
    right = (direction + 3) % 4
    pinched = (ordered[second] == end) & (second > first)
    return np.where(pinched & (direction[order[second]] == right), order[second], order[first])


def _cycle_ranks(following: Int) -> tuple[Int, Int]:
    """Return each edge's cycle (its lowest edge) and its number of steps to the cycle's last edge."""
    edges = np.arange(following.size)
    leader, ahead = edges.copy(), following.copy()
    while not np.array_equal(leader, leader[following]):
        leader = np.minimum(leader, leader[ahead])
        ahead = ahead[ahead]
    is_last = following == leader
    ahead = np.where(is_last, edges, following)
    steps = np.where(is_last, 0, 1)
    while not is_last[ahead].all():
        steps = steps + steps[ahead]
        ahead = ahead[ahead]
    return leader, steps


def _signed_areas(vertices: Float, ring: Int) -> Float:
    """Return twice the area of each ring, negative for a clockwise one."""
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    following = np.arange(1, ring.size + 1)
    following[np.append(first[1:], ring.size) - 1] = first
    cross = vertices[:, 0] * vertices[following, 1] - vertices[following, 0] * vertices[:, 1]
    return np.bincount(ring, weights=cross).astype(np.float64, copy=False)
