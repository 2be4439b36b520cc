"""Geometry literals of filters: positions in a stated axis order, brought into the order of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.arrays import Float

AxisOrder = Literal["lon_lat", "lat_lon"]
Positions = Callable[[Float], Float]

_AREAL = ("Polygon", "MultiPolygon")
_LINEAR = ("LineString", "MultiLineString")
_PUNCTUAL = ("Point", "MultiPoint")
_KINDS = (*_PUNCTUAL, *_LINEAR, *_AREAL)


class ShapeError(Exception):
    """A literal that is no geometry of ours; the words say why and what is allowed.

    Parameters
    ----------
    zh, en : str
        Why, and what is allowed.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def lon_lat(positions: Float) -> Float:
    """Leave positions in the order of the store.

    Parameters
    ----------
    positions : ndarray of float64, shape (n, 2)
        Longitude and latitude in degrees.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        The same.
    """
    return positions


def lat_lon(positions: Float) -> Float:
    """Turn positions into the order of the store.

    Parameters
    ----------
    positions : ndarray of float64, shape (n, 2)
        Latitude and longitude in degrees, as EPSG:4490 and EPSG:4326 have them.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        Longitude and latitude.
    """
    return positions[:, ::-1]


_WORDS: Mapping[Positions, tuple[str, str]] = {
    lon_lat: ("应为“经度 纬度”（度）", "the order is longitude latitude, in degrees"),
    lat_lon: ("应为“纬度 经度”（度）", "the order is latitude longitude, in degrees"),
}
_OTHER_WORDS = ("应按 filter-crs 的坐标次序和单位书写", "positions are written as filter-crs has them")


def count_vertices(literal: Mapping[str, object]) -> int:
    """Count the positions of a literal without building it.

    Parameters
    ----------
    literal : Mapping
        GeoJSON geometry, or an object with ``bbox``.

    Returns
    -------
    int
        Number of positions; a box has 5.
    """
    if "bbox" in literal:
        return 5
    count, level = 0, [literal.get("coordinates"), literal.get("geometries")]
    while level:
        below: list[object] = []
        for value in level:
            if isinstance(value, Mapping):
                below += [value.get("coordinates"), value.get("geometries")]
            elif isinstance(value, list) and value:
                is_position = not isinstance(value[0], (list, Mapping))
                count += is_position
                below += [] if is_position else value
        level = below
    return count


def build_shape(literal: Mapping[str, object], to_degrees: Positions) -> BaseGeometry:
    """Build the geometry a literal means.

    Parameters
    ----------
    literal : Mapping
        GeoJSON geometry, or an object with ``bbox`` (two corners, with or without heights).
    to_degrees : callable
        Brings the literal's positions, shape (n, 2), to longitude and latitude: `lon_lat`, `lat_lon` or another.

    Returns
    -------
    BaseGeometry
        In lon/lat order, two-dimensional, valid, not empty. A box across the 180th meridian has two parts.

    Raises
    ------
    ShapeError
        It is empty, invalid, or outside the earth.
    """
    if "bbox" in literal:
        return build_box(_numbers(literal["bbox"]), to_degrees)
    if literal.get("type") == "GeometryCollection":
        members = literal.get("geometries")
        if not isinstance(members, list) or not members:
            raise _wrong("空的几何集合", "an empty collection")
        return _collect([_single(member, to_degrees) for member in members])
    return _single(literal, to_degrees)


def build_box(numbers: Sequence[float], to_degrees: Positions) -> BaseGeometry:
    """Build the geometry of a bounding box.

    Parameters
    ----------
    numbers : sequence of float
        Lower corner, then upper corner, degrees; six numbers hold heights, which are left out.
    to_degrees : callable
        Brings the corners, shape (2, 2), to longitude and latitude.

    Returns
    -------
    BaseGeometry
        Polygon; a point or a line where the box has no area; two polygons across the 180th meridian, which a western
        bound larger than the eastern one means.

    Raises
    ------
    ShapeError
        The numbers are no box.
    """
    if len(numbers) not in (4, 6):
        raise ShapeError(
            f"BBOX 有 {len(numbers)} 个数；应为 4 个（含高程时 6 个）。",
            f"BBOX has {len(numbers)} numbers; it takes 4, or 6 with heights.",
        )
    half = len(numbers) // 2
    corners = _flip(np.array([numbers[:2], numbers[half : half + 2]], dtype=np.float64), to_degrees)
    (west, south), (east, north) = corners.tolist()
    if south > north:
        raise ShapeError(
            f"BBOX 的南界 {south:g} 大于北界 {north:g}；应先写南界。",
            f"the southern bound {south:g} of BBOX is larger than the northern {north:g}; the southern one is first.",
        )
    if west > east:
        return shapely.union_all([_box(west, south, 180.0, north), _box(-180.0, south, east, north)])
    return _box(west, south, east, north)


def _box(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """Build a box of any size; GEOS calls a polygon without area invalid."""
    if west == east and south == north:
        return shapely.Point(west, south)
    if west == east or south == north:
        return shapely.LineString([(west, south), (east, north)])
    return shapely.box(west, south, east, north)


def _single(literal: object, to_degrees: Positions) -> BaseGeometry:
    """Build one geometry that is no collection."""
    if not isinstance(literal, Mapping) or literal.get("type") not in _KINDS:
        raise _wrong("无法识别的几何", "no known geometry")
    try:
        built = _BUILDERS[str(literal["type"])](literal.get("coordinates"))
    except (TypeError, ValueError, IndexError, shapely.errors.GEOSException) as error:
        raise ShapeError(
            f"{literal['type']} 的坐标不完整；线至少两点，环至少四点且首尾相同。",
            f"the coordinates of {literal['type']} are incomplete; a line has two positions, a ring four of which the "
            "last is the first.",
        ) from error
    if built.is_empty:
        raise _wrong(f"空的 {literal['type']}", f"an empty {literal['type']}")
    flat = shapely.transform(shapely.force_2d(built), partial(_flip, to_degrees=to_degrees))
    if not shapely.is_valid(flat):
        reason = shapely.is_valid_reason(flat)
        raise ShapeError(
            f"{literal['type']} 无效（{reason}）；允许的是不自交的几何。",
            f"{literal['type']} is invalid ({reason}); allowed are geometries that do not cross themselves.",
        )
    return flat


def _collect(members: list[BaseGeometry]) -> BaseGeometry:
    """Make one geometry of several: a plain one where they are of one dimension, for the engines differ on others."""
    if len({shapely.get_dimensions(member) for member in members}) == 1:
        return shapely.union_all(members)
    return shapely.GeometryCollection(members)


def _flip(positions: Float, to_degrees: Positions) -> Float:
    """Bring positions into lon/lat order and refuse what lies outside the earth."""
    flipped = to_degrees(positions)
    outside = ~((np.abs(flipped[:, 0]) <= 180) & (np.abs(flipped[:, 1]) <= 90))
    if outside.any():
        first, second = positions[np.flatnonzero(outside)[0]].tolist()
        zh, en = _WORDS.get(to_degrees, _OTHER_WORDS)
        raise ShapeError(
            f"坐标 {first:g} {second:g} 不在地球上；{zh}，经度 -180 至 180，纬度 -90 至 90。",
            f"position {first:g} {second:g} is not on the earth; {en}, longitude -180 to 180, latitude -90 to 90.",
        )
    return flipped


def _numbers(value: object) -> list[float]:
    """Read a list of numbers."""
    if not isinstance(value, list) or not all(type(item) in (int, float) for item in value):
        raise _wrong("含有非数值的坐标", "a coordinate that is no number")
    return value


def _positions(value: object) -> list[list[float]]:
    """Read a list of positions; heights and measures stay for `force_2d` to drop."""
    if not isinstance(value, list):
        raise TypeError("no list of positions")
    return [_numbers(position)[:2] for position in value]


def _polygon(value: object) -> shapely.Polygon:
    """Build a polygon from its rings."""
    if not isinstance(value, list):
        raise TypeError("no list of rings")
    rings = [_positions(ring) for ring in value]
    if any(len(ring) < 4 or ring[0] != ring[-1] for ring in rings):
        raise ValueError("a ring is not closed")
    return shapely.Polygon(rings[0], rings[1:]) if rings else shapely.Polygon()


def _many(value: object) -> list[object]:
    """Read the members of a multi-part geometry."""
    if not isinstance(value, list):
        raise TypeError("no list of parts")
    return value


_BUILDERS: Mapping[str, Callable[[object], BaseGeometry]] = {
    "Point": lambda value: shapely.Point(_numbers(value)[:2]),
    "MultiPoint": lambda value: shapely.MultiPoint(_positions(value)),
    "LineString": lambda value: shapely.LineString(_positions(value)),
    "MultiLineString": lambda value: shapely.MultiLineString([_positions(part) for part in _many(value)]),
    "Polygon": _polygon,
    "MultiPolygon": lambda value: shapely.MultiPolygon([_polygon(part) for part in _many(value)]),
}


def _wrong(zh: str, en: str) -> ShapeError:
    """Say what was found instead of a geometry."""
    return ShapeError(
        f"发现{zh}；允许的是非空的 {'、'.join(_KINDS)}、GeometryCollection 和 BBOX。",
        f"found {en}; allowed are non-empty {', '.join(_KINDS)}, GeometryCollection and BBOX.",
    )
