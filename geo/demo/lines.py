"""Lines: street centre lines before they are noded, cut to areas and at corridors that are hard to cross."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, Polygon

from geo.arrays import Bool, Int
from geo.demo.plane import Geometries

# Widths kept free on each side of a street's centre line, metres.
HALF_WIDTH_M = {"trunk": 24.0, "primary": 24.0, "secondary": 15.0, "tertiary": 11.0, "residential": 8.0}
SIDEWALK_M = 16.0
# Distance of the streets along the water and the tracks from bank and line.
BANK_M = 95.0
TRACK_M = 70.0


@dataclass(frozen=True, slots=True)
class Lines:
    """Street centre lines before they are noded; one row a line.

    Parameters
    ----------
    geometry : array of LineString, shape (n_lines,)
        In the even plane.
    kind : array of str, shape (n_lines,)
        OSM highway value.
    role : array of str, shape (n_lines,)
        ``city``, ``town``, ``road`` (between settlements), ``sidewalk``, ``zebra`` or ``link``.
    crossing : array of str, shape (n_lines,)
        ``""``, ``bridge`` or ``underpass``.
    """

    geometry: Geometries
    kind: np.ndarray
    role: np.ndarray
    crossing: np.ndarray

    def __add__(self, other: Lines) -> Lines:
        """Append the lines of another set."""
        return Lines(
            np.concatenate([self.geometry, other.geometry]),
            np.concatenate([self.kind, other.kind]),
            np.concatenate([self.role, other.role]),
            np.concatenate([self.crossing, other.crossing]),
        )

    def take(self, mask: Bool | Int) -> Lines:
        """Return some of the lines.

        Parameters
        ----------
        mask : array
            Mask or indices.

        Returns
        -------
        Lines
            The chosen lines.
        """
        return Lines(self.geometry[mask], self.kind[mask], self.role[mask], self.crossing[mask])


def lines_of(geometry: Geometries | list[LineString], kind: object, role: str) -> Lines:
    """Make a set of lines of one role.

    Parameters
    ----------
    geometry : array of LineString
        The lines.
    kind : str or array of str
        OSM highway value, one for all or one each.
    role : str
        Role of all of them.

    Returns
    -------
    Lines
        The set.
    """
    array = np.asarray(geometry, dtype=object)
    kinds = np.broadcast_to(np.asarray(kind, dtype=object), array.shape).copy()
    blank = np.full(array.shape, "", dtype=object)
    return Lines(array, kinds, np.full(array.shape, role, dtype=object), blank)


def clip(lines: Lines, area: shapely.Geometry, *, outside: bool = False, shortest_m: float = 60.0) -> Lines:
    """Keep the parts of lines inside (or outside) an area.

    Parameters
    ----------
    lines : Lines
        Lines to cut.
    area : geometry
        Polygon to cut by.
    outside : bool
        Keep what lies outside instead.
    shortest_m : float
        Shorter remains are dropped.

    Returns
    -------
    Lines
        One row for each remaining part.
    """
    shapely.prepare(area)
    cut = shapely.difference(lines.geometry, area) if outside else shapely.intersection(lines.geometry, area)
    merged = shapely.line_merge(cut)
    parts, row = shapely.get_parts(merged, return_index=True)
    good = (shapely.get_type_id(parts) == 1) & (shapely.length(parts) > shortest_m)
    kept = lines.take(row[good])
    return Lines(parts[good], kept.kind, kept.role, kept.crossing)


def cross(
    lines: Lines,
    corridor: shapely.Geometry,
    label: str,
    gap_m: tuple[float, float],
    city: Polygon,
    *,
    none: bool = False,
) -> Lines:
    """Let only few lines cross a corridor; the others end at its edge.

    Parameters
    ----------
    lines : Lines
        All lines.
    corridor : geometry
        Polygon that is hard to cross.
    label : str
        What a crossing is marked as.
    gap_m : tuple of float
        Least distance between two crossings in the city and outside.
    city : Polygon
        Where the first gap counts.
    none : bool
        Let no line cross.

    Returns
    -------
    Lines
        Lines cut at the corridor's edge, with the crossings chosen by class.
    """
    shapely.prepare(corridor)
    hit = shapely.intersects(lines.geometry, corridor)
    rest = lines.take(~hit)
    outer = clip(lines.take(hit), corridor, outside=True, shortest_m=15.0)
    if none:
        return rest + outer
    inner = clip(lines.take(hit), corridor, shortest_m=1.0)
    # A crossing goes through: both ends lie on the corridor's edge, far enough apart.
    ends = shapely.get_coordinates(shapely.boundary(inner.geometry)).reshape(-1, 2, 2)
    rank = {"trunk": 0, "primary": 1, "secondary": 2, "tertiary": 3}
    middle = ends.mean(axis=1)
    order = sorted(range(len(middle)), key=lambda i: (rank.get(str(inner.kind[i]), 4), i))
    chosen: list[int] = []
    # Width of the corridor, near enough for a long strip: twice its area by its perimeter.
    width_m = float(2 * shapely.area(corridor) / shapely.length(corridor))
    for i in order:
        gap = gap_m[0] if city.contains(shapely.Point(middle[i])) else gap_m[1]
        span = float(np.hypot(*(ends[i, 0] - ends[i, 1])))
        limit = 7.0 if rank.get(str(inner.kind[i]), 4) < 2 else 3.2
        length = float(shapely.length(inner.geometry[i]))
        straight = span > 20 and length < min(1.35 * span, limit * width_m)
        if straight and all(np.hypot(*(middle[i] - middle[j])) > gap for j in chosen):
            chosen.append(i)
    kept = inner.take(np.array(sorted(chosen), dtype=np.int64))
    kept.crossing[:] = label
    return rest + outer + kept
