"""Walking across an area: straight links between the places where people enter it.

The outline of a square or platform is walked on like any street. Across it, links join its entries wherever
the straight line stays inside; around an obstacle (a hole, a concave corner) they join the corners, so that
the shortest way through a polygon is found. A link is kept only if it saves at least `MIN_SAVING` over what
outline and shorter links already allow: long thin areas and areas with very many entries so stay small, and
no crossing becomes more than that much longer.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely

from geo.arrays import Bool, Float, Int

MAX_ENTRIES: Final = 32
"""Entries linked in one area; of more, as many are taken at even steps along the outline."""

MAX_CORNERS: Final = 16
"""Concave corners taken into account in one area, the sharpest first."""

MIN_SAVING: Final = 0.05
"""Share by which a link must shorten the way."""

_MIN_TURN_RAD: Final = np.radians(10.0)
_INSIDE_TOLERANCE_DEG: Final = 2e-8
_M_PER_DEG: Final = 111_195.0


def area_links(polygon: shapely.Polygon, is_entry: Bool) -> Int:
    """Choose the straight links across one area.

    Parameters
    ----------
    polygon : shapely.Polygon
        Valid polygon in degrees.
    is_entry : ndarray of bool, shape (n_vertices,)
        Which vertices people enter at, in the order of `ring_vertices`.

    Returns
    -------
    ndarray of int, shape (n_links, 2)
        Pairs of vertex numbers; empty if fewer than two entries exist.
    """
    rings = [np.asarray(ring.coords)[:-1] for ring in (polygon.exterior, *polygon.interiors)]
    if np.count_nonzero(is_entry) < 2:
        return np.empty((0, 2), dtype=np.int64)
    scale = np.array([_M_PER_DEG * np.cos(np.radians(rings[0][:, 1].mean())), _M_PER_DEG])
    planar = [ring * scale for ring in rings]
    chosen = _choose(planar, is_entry)
    points_deg = np.concatenate(rings)[chosen]
    points = points_deg * scale
    straight = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    first, second = np.triu_indices(len(chosen), k=1)
    lines = shapely.linestrings(np.stack([points_deg[first], points_deg[second]], axis=1))
    grown = polygon.buffer(_INSIDE_TOLERANCE_DEG, join_style="mitre")
    shapely.prepare(grown)
    inside = shapely.covers(grown, lines)
    first, second = first[inside], second[inside]
    order = np.lexsort((second, first, straight[first, second]))
    best = _along_outline(planar, chosen)
    links = []
    for i, j in zip(first[order].tolist(), second[order].tolist(), strict=True):
        length = straight[i, j]
        if length > 0.0 and length < best[i, j] * (1.0 - MIN_SAVING):
            links.append((chosen[i], chosen[j]))
            through = best[:, i][:, None] + length + best[j, :][None, :]
            best = np.minimum(best, np.minimum(through, through.T))
    return np.asarray(links, dtype=np.int64).reshape(-1, 2)


def ring_vertices(polygon: shapely.Polygon) -> Float:
    """Return the vertices of a polygon, ring by ring, without the repeated closing ones.

    Parameters
    ----------
    polygon : shapely.Polygon
        The polygon.

    Returns
    -------
    ndarray of float, shape (n_vertices, 2)
        Coordinates; the outer ring first.
    """
    return np.concatenate([np.asarray(ring.coords)[:-1] for ring in (polygon.exterior, *polygon.interiors)])


def _choose(rings: list[Float], is_entry: Bool) -> Int:
    """Vertices to link: entries at even steps, and the sharpest concave corners."""
    entries = np.flatnonzero(is_entry)
    if len(entries) > MAX_ENTRIES:
        entries = entries[np.linspace(0, len(entries) - 1, MAX_ENTRIES).round().astype(np.int64)]
    turn = np.concatenate([_concave_turn(ring, hole=number > 0) for number, ring in enumerate(rings)])
    corners = np.flatnonzero(turn > _MIN_TURN_RAD)
    sharpest = corners[np.argsort(-turn[corners], kind="stable")][:MAX_CORNERS]
    return np.union1d(entries, sharpest)


def _concave_turn(ring: Float, *, hole: bool) -> Float:
    """How far the outline turns away from the inside at each vertex, rad; negative where it is convex."""
    after = np.roll(ring, -1, axis=0) - ring
    before = ring - np.roll(ring, 1, axis=0)
    turn = np.arctan2(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0], (before * after).sum(axis=1))
    doubled_area = (ring[:, 0] * np.roll(ring[:, 1], -1) - np.roll(ring[:, 0], -1) * ring[:, 1]).sum()
    counter_clockwise = doubled_area > 0.0
    concave: Float = turn if counter_clockwise == hole else -turn
    return concave


def _along_outline(rings: list[Float], chosen: Int) -> Float:
    """Distances between chosen vertices along the outline; infinite between rings."""
    best = np.full((len(chosen), len(chosen)), np.inf)
    begin = 0
    for ring in rings:
        step = np.hypot(*(np.roll(ring, -1, axis=0) - ring).T)
        place = np.concatenate(([0.0], np.cumsum(step)[:-1]))
        own = np.flatnonzero((chosen >= begin) & (chosen < begin + len(ring)))
        at = place[chosen[own] - begin]
        apart = np.abs(at[:, None] - at[None, :])
        best[np.ix_(own, own)] = np.minimum(apart, step.sum() - apart)
        begin += len(ring)
    return best
