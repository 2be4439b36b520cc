"""The ST_ functions that GeoPackage R*Tree triggers call, and a few of our own for queries, answered in Python.

GDAL and QGIS bring their own; Python's sqlite3 may be built without loadable extensions, so each of our connections
registers these. They read the blob's header where it has an envelope and parse the geometry only where it has none.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Callable
from functools import lru_cache

import shapely
from shapely.geometry.base import BaseGeometry

from geo.store.geometry import decode_blobs, is_blob


def register_functions(connection: sqlite3.Connection) -> None:
    """Give one connection ST_IsEmpty, ST_MinX, ST_MaxX, ST_MinY and ST_MaxY.

    Parameters
    ----------
    connection : sqlite3.Connection
        A connection of Python's own module.
    """
    connection.create_function("ST_IsEmpty", 1, _is_empty, deterministic=True)
    for name, place in (("ST_MinX", 0), ("ST_MaxX", 1), ("ST_MinY", 2), ("ST_MaxY", 3)):
        connection.create_function(name, 1, _bound(place), deterministic=True)
    connection.create_function("fangyu_meets_box", 5, _meets_box, deterministic=True)
    connection.create_function("fangyu_relate", 3, _relate, deterministic=True)
    connection.create_function("fangyu_like", 2, _like, deterministic=True)
    connection.create_function("fangyu_lower", 1, _lower, deterministic=True)


def _meets_box(blob: bytes | None, west: float, south: float, east: float, north: float) -> int:
    """Say whether a geometry meets a box; one that lies inside it whole is not even parsed."""
    if blob is None or not is_blob(blob):
        return 0
    if blob[3] >> 1 & 7 and len(blob) >= 40:
        min_x, max_x, min_y, max_y = struct.unpack_from(("<" if blob[3] & 1 else ">") + "4d", blob, 8)
        if west <= min_x and max_x <= east and south <= min_y and max_y <= north:
            return 1
        if max_x < west or min_x > east or max_y < south or min_y > north:
            return 0
    geometry = decode_blobs([blob], is_lenient=True)[0]
    return int(geometry is not None and bool(shapely.intersects(geometry, shapely.box(west, south, east, north))))


@lru_cache(maxsize=64)
def _prepared(wkb: bytes) -> BaseGeometry:
    """Read a filter's geometry once for all rows."""
    shape = shapely.from_wkb(wkb)
    shapely.prepare(shape)
    return shape


_SWAPPED = {"within": "contains", "contains": "within"}


def _relate(relation: str, blob: bytes | None, wkb: bytes) -> int | None:
    """Say whether a row's geometry stands in a relation to a filter's; None for a row without one."""
    if blob is None or not is_blob(blob):
        return None
    geometry = decode_blobs([blob], is_lenient=True)[0]
    if geometry is None:
        return None
    # The filter's geometry is the prepared one, so it comes first and what is not symmetric turns round.
    return int(bool(getattr(shapely, _SWAPPED.get(relation, relation))(_prepared(wkb), geometry)))


@lru_cache(maxsize=64)
def _pattern(text: str) -> re.Pattern[str]:
    """Turn a pattern with % and _ into a regular expression."""
    parts, escaped = [], False
    for sign in text:
        if escaped or sign not in "%_\\":
            parts.append(re.escape(sign))
            escaped = False
        elif sign == "\\":
            escaped = True
        else:
            parts.append(".*" if sign == "%" else ".")
    return re.compile("".join(parts), re.DOTALL)


def _like(value: str | None, pattern: str | None) -> int | None:
    """Say whether a text follows a pattern, case and all; SQLite's own LIKE passes over the case of ASCII letters."""
    if value is None or pattern is None:
        return None
    return int(_pattern(pattern).fullmatch(str(value)) is not None)


def _lower(value: str | None) -> str | None:
    """Write a text without its case; SQLite's own function knows ASCII only."""
    return None if value is None else str(value).lower()


def _is_empty(blob: bytes | None) -> int | None:
    """Say whether the blob's geometry is empty; None for something that is no geometry."""
    if blob is None or not is_blob(blob):
        return None
    return blob[3] >> 4 & 1


def _bound(place: int) -> Callable[[bytes | None], float | None]:
    """Build the reader of one bound, in the order min x, max x, min y, max y."""

    def bound(blob: bytes | None) -> float | None:
        if blob is None or not is_blob(blob):
            return None
        order = "<" if blob[3] & 1 else ">"
        envelope = blob[3] >> 1 & 7
        if envelope:
            if len(blob) < 40:
                return None
            value: float = struct.unpack_from(order + "d", blob, 8 + 8 * place)[0]
            return value
        geometry = shapely.from_wkb(blob[8:], on_invalid="ignore")
        if geometry is None or geometry.is_empty:
            return None
        min_x, min_y, max_x, max_y = geometry.bounds
        return float((min_x, max_x, min_y, max_y)[place])

    return bound
