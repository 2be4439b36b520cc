"""Finding where centrelines meet: common vertices, touching ends, crossings.

Lines are never moved, but for ends that lie within the tolerance of each other (they take one place). Where
an end touches the inside of another line, or two lines cross, that line gets a new vertex there, which is
then shared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.arrays import Bool, Float, Int
from geo.network.plane import Plane
from geo.network.split import Polylines, number_nodes
from geo.network.streets import COORDINATE_UNITS_PER_DEG, grid_deg


@dataclass(frozen=True, slots=True)
class Connections:
    """Lines with common vertices wherever they meet.

    Parameters
    ----------
    lines : Polylines
        The lines; equal node numbers mean the same place.
    n_touches : int
        Ends connected to another line or end within the tolerance.
    n_crossings : int
        Crossings that got a common vertex.
    """

    lines: Polylines
    n_touches: int
    n_crossings: int


def connect(geometry: np.ndarray, layer: Int, *, tolerance_m: float, crossings: bool) -> Connections:
    """Give lines common vertices where they meet.

    Parameters
    ----------
    geometry : ndarray of shapely.LineString
        Lines in degrees, on the 1e-7 grid.
    layer : ndarray of int, shape (n_lines, n_properties)
        What keeps lines apart (bridge, tunnel, level, ban on walking): lines that differ pass over each other.
    tolerance_m : float
        How far apart two ends, or an end and a line, may be to be connected, m.
    crossings : bool
        Whether lines that cross on the same layer are connected.

    Returns
    -------
    Connections
        The lines as node sequences.
    """
    coordinates, owner = shapely.get_coordinates(geometry, return_index=True)
    lon, lat = (coordinates.min(axis=0) + coordinates.max(axis=0)) / 2.0
    plane = Plane(float(lon), float(lat))
    coordinates, n_joined = _join_ends(coordinates, owner, plane, tolerance_m)
    planar = np.asarray(shapely.linestrings(_forward(plane, coordinates), indices=owner), dtype=object)
    touch_line, touch_at = _touches(planar, coordinates, owner, layer, plane, tolerance_m)
    cross_line, cross_at, n_crossings = np.empty(0, dtype=np.int64), np.empty((0, 2)), 0
    if crossings:
        cross_line, cross_at, n_crossings = _crossings(planar, coordinates, owner, layer, plane, tolerance_m)
    new_line = np.concatenate([touch_line, cross_line])
    new_at = np.concatenate([touch_at, cross_at])
    lines = _with_vertices(planar, coordinates, owner, new_line, new_at, plane)
    return Connections(lines, n_joined + len(touch_line), n_crossings)


def _forward(plane: Plane, degrees: Float) -> Float:
    """Metres of coordinates in degrees, as rows."""
    return np.column_stack(plane.forward(degrees[:, 0], degrees[:, 1]))


def _backward(plane: Plane, metres: Float) -> Float:
    """Degrees, on the grid, of coordinates in metres, as rows."""
    return grid_deg(np.column_stack(plane.inverse(metres[:, 0], metres[:, 1])))


def _join_ends(coordinates: Float, owner: Int, plane: Plane, tolerance_m: float) -> tuple[Float, int]:
    """Give ends within the tolerance of each other one place, that of the first of them in the file."""
    is_end = _is_end(owner)
    place, first, number = np.unique(coordinates[is_end], axis=0, return_index=True, return_inverse=True)
    if tolerance_m <= 0.0 or len(place) < 2:
        return coordinates, 0
    points = np.asarray(shapely.points(_forward(plane, place)), dtype=object)
    one, other = shapely.STRtree(points).query(points, predicate="dwithin", distance=tolerance_m)
    near = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(len(place), len(place)))
    n_groups, group = connected_components(near, directed=False)
    leader = np.full(n_groups, len(coordinates))
    np.minimum.at(leader, group, first)
    joined = coordinates.copy()
    joined[is_end] = coordinates[is_end][leader[group[number.reshape(-1)]]]
    return joined, len(place) - n_groups


def _touches(
    planar: np.ndarray, coordinates: Float, owner: Int, layer: Int, plane: Plane, tolerance_m: float
) -> tuple[Int, Float]:
    """Lines, and the ends of others on the same layer that lie on or near their inside without being a vertex."""
    nothing = np.empty(0, dtype=np.int64), np.empty((0, 2))
    if tolerance_m <= 0.0:
        return nothing
    end = np.flatnonzero(_is_end(owner))
    points = np.asarray(shapely.points(_forward(plane, coordinates[end])), dtype=object)
    near, line = shapely.STRtree(planar).query(points, predicate="dwithin", distance=tolerance_m)
    same_layer = (layer[owner[end[near]]] == layer[line]).all(axis=1)
    other = (owner[end[near]] != line) & same_layer
    near, line = near[other], line[other]
    at = coordinates[end[near]]
    fresh = ~_is_vertex(line, at, coordinates, owner)
    pairs = np.unique(np.column_stack([line[fresh], *at[fresh].T]), axis=0)
    return pairs[:, 0].astype(np.int64), pairs[:, 1:]


def _crossings(
    planar: np.ndarray, coordinates: Float, owner: Int, layer: Int, plane: Plane, tolerance_m: float
) -> tuple[Int, Float, int]:
    """Lines and the places where lines on the same layer cross them; a place is listed once for each of the two."""
    one, other = shapely.STRtree(planar).query(planar, predicate="intersects")
    keep = (one < other) & (layer[one] == layer[other]).all(axis=1)
    one, other = one[keep], other[keep]
    parts, pair = shapely.get_parts(shapely.intersection(planar[one], planar[other]), return_index=True)
    is_point = shapely.get_type_id(parts) == shapely.GeometryType.POINT
    parts, pair = parts[is_point], pair[is_point]
    at_m = shapely.get_coordinates(parts)
    # A crossing at a vertex of a line, or within the tolerance of its end, has been connected already.
    slack = max(tolerance_m, 0.02)
    near_end = np.zeros(len(pair), dtype=bool)
    for side in (one, other):
        lines = planar[side[pair]]
        for end in (0, -1):
            near_end |= shapely.distance(shapely.get_point(lines, end), parts) <= slack
    at = _backward(plane, at_m)
    shared = _is_vertex(one[pair], at, coordinates, owner) & _is_vertex(other[pair], at, coordinates, owner)
    new = ~near_end & ~shared
    lines = np.concatenate([one[pair][new], other[pair][new]])
    return lines, np.concatenate([at[new], at[new]]), int(np.count_nonzero(new))


def _with_vertices(
    planar: np.ndarray, coordinates: Float, owner: Int, new_line: Int, new_at: Float, plane: Plane
) -> Polylines:
    """Insert vertices where they lie along their lines and number the places."""
    place = _along(_forward(plane, coordinates), owner)
    at_m = _forward(plane, new_at)
    new_place = shapely.line_locate_point(planar[new_line], shapely.points(at_m))
    all_owner = np.concatenate([owner, new_line])
    all_place = np.concatenate([place, new_place])
    all_at = np.concatenate([coordinates, new_at])
    # A new vertex at the place of an old one follows it, but never the last one: ends stay ends.
    rank = np.concatenate([np.where(_is_last(owner), 2, 0), np.ones(len(new_line), dtype=np.int64)])
    order = np.lexsort((rank, all_place, all_owner))
    all_owner, all_at = all_owner[order], all_at[order]
    offsets = np.concatenate(([0], np.cumsum(np.bincount(all_owner, minlength=len(planar)))))
    lines, _ = number_nodes(offsets, _keys(all_at), all_at[:, 0], all_at[:, 1])
    return lines


def _keys(degrees: Float) -> Int:
    """One integer per grid place."""
    steps = np.rint(degrees * COORDINATE_UNITS_PER_DEG).astype(np.int64)
    return (steps[:, 0] << 32) + steps[:, 1]


def _is_vertex(line: Int, at: Float, coordinates: Float, owner: Int) -> Bool:
    """Whether places are vertices of lines already."""
    keys, number = np.unique(_keys(coordinates), return_inverse=True)
    asked = _keys(at)
    place = np.searchsorted(keys, asked).clip(max=len(keys) - 1)
    known = keys[place] == asked
    found: Bool = known & np.isin(line * len(keys) + place, owner * len(keys) + number.reshape(-1))
    return found


def _along(planar: Float, owner: Int) -> Float:
    """Distance of each vertex along its line, m."""
    step = np.zeros(len(planar))
    step[1:] = np.where(owner[1:] == owner[:-1], np.hypot(*(planar[1:] - planar[:-1]).T), 0.0)
    total = np.cumsum(step)
    begins = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
    along: Float = total - np.repeat(total[begins], np.diff(np.append(begins, len(owner))))
    return along


def _is_end(owner: Int) -> Bool:
    """First and last vertices of lines."""
    change = owner[1:] != owner[:-1]
    return np.concatenate(([True], change)) | np.concatenate((change, [True]))


def _is_last(owner: Int) -> Bool:
    """Last vertices of lines."""
    return np.concatenate((owner[1:] != owner[:-1], [True]))
