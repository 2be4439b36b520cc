"""Roads between settlements: relative neighbours joined by gently winding lines."""

from __future__ import annotations

import numpy as np
import shapely
from scipy.spatial import Delaunay
from shapely import LineString

from geo.arrays import Float, Int
from geo.demo.districts import Divisions
from geo.demo.lines import Lines, lines_of
from geo.demo.plane import Geometries
from geo.demo.streets import Towns, outer_ring
from geo.demo.terrain import Terrain


def roads(terrain: Terrain, divisions: Divisions, towns: Towns, rng: np.random.Generator) -> Lines:
    """Draw the roads between towns and between villages.

    Parameters
    ----------
    terrain : Terrain
        City outline.
    divisions : Divisions
        Settlements.
    towns : Towns
        Built-up areas.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Lines
        Relative-neighbour roads with gentle bends.
    """
    ring = shapely.get_coordinates(outer_ring())[::15]
    ring_count = len(ring)
    seats = divisions.xy[towns.unit[1:]]
    main = np.concatenate([ring, seats])
    u, v = relative_neighbours(main)
    keep = ~((u < ring_count) & (v < ring_count))
    u, v = u[keep], v[keep]
    big = (u >= ring_count) & (u < ring_count + len(terrain.county_towns))
    kind = np.where(big | ((v >= ring_count) & (v < ring_count + len(terrain.county_towns))), "primary", "secondary")
    found = lines_of(_bend(main[u], main[v], rng, 0.07), kind, "road")
    capitals = seats[: len(terrain.county_towns)]
    hubs = np.array([ring[np.argmin(np.hypot(*(ring - seat).T))] for seat in capitals]).reshape(-1, 2)
    found = found + lines_of(_bend(hubs, capitals, rng, 0.05), "trunk", "road")
    outside = ~shapely.contains_xy(terrain.city, *divisions.xy.T)
    rural = np.flatnonzero(outside)
    rural = rural[~shapely.contains_xy(shapely.union_all(list(terrain.county_towns)), *divisions.xy[rural].T)]
    spots = np.concatenate([ring, divisions.xy[rural], seats[: len(terrain.county_towns)]])
    a, b = relative_neighbours(spots)
    keep = ~((a < ring_count) & (b < ring_count))
    length = np.hypot(*(spots[a] - spots[b]).T)
    kind = np.where(length < 900, "unclassified", rng.choice(["tertiary", "unclassified"], len(a), p=[0.35, 0.65]))
    return found + lines_of(_bend(spots[a[keep]], spots[b[keep]], rng, 0.09), kind[keep], "road")


def relative_neighbours(xy: Float) -> tuple[Int, Int]:
    """Join positions that have no third one nearer to both.

    Parameters
    ----------
    xy : array, shape (n, 2)
        Positions.

    Returns
    -------
    u, v : array of int
        Ends of each edge.
    """
    mesh = Delaunay(xy).simplices
    edges = np.unique(np.sort(np.concatenate([mesh[:, [0, 1]], mesh[:, [1, 2]], mesh[:, [0, 2]]]), axis=1), axis=0)
    u, v = edges[:, 0].astype(np.int64), edges[:, 1].astype(np.int64)
    length = np.hypot(*(xy[u] - xy[v]).T)
    good = np.ones(len(u), dtype=bool)
    for start in range(0, len(u), 400):
        part = slice(start, start + 400)
        to_u = np.hypot(xy[:, 0] - xy[u[part], None, 0], xy[:, 1] - xy[u[part], None, 1])
        to_v = np.hypot(xy[:, 0] - xy[v[part], None, 0], xy[:, 1] - xy[v[part], None, 1])
        nearer = np.maximum(to_u, to_v) < length[part, None] * 0.985
        good[part] = nearer.sum(axis=1) == 0
    return u[good], v[good]


def _bend(start: Float, end: Float, rng: np.random.Generator, size: float) -> Geometries:
    """Join pairs of positions by gently winding lines with a vertex about every 220 m."""
    out = []
    for a, b in zip(start, end, strict=True):
        length = float(np.hypot(*(b - a)))
        t = np.linspace(0, 1, max(int(length / 220), 2) + 1)
        one, two = rng.normal(0, size * length, 2)
        sway = np.sin(np.pi * t) * one + np.sin(2 * np.pi * t) * two * 0.5
        along = (b - a) / max(length, 1.0)
        out.append(LineString(a + np.outer(t, b - a) + np.outer(sway, [-along[1], along[0]])))
    return np.array(out, dtype=object)
