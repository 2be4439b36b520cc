"""The ST_ functions that GeoPackage R*Tree triggers call, and one of our own for queries, answered in Python.

GDAL and QGIS bring their own; Python's sqlite3 may be built without loadable extensions, so each of our connections
registers these. They read the blob's header where it has an envelope and parse the geometry only where it has none.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable

import shapely

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
