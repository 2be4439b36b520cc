"""The ST_ functions that GeoPackage R*Tree triggers call, answered in Python.

GDAL and QGIS bring their own; Python's sqlite3 may be built without loadable extensions, so each of our connections
registers these. They read the blob's header where it has an envelope and parse the geometry only where it has none.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable

import shapely

from geo.store.geometry import is_blob


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
