"""Another program: plain SQL on a store, past Fangyu, on either engine."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import psycopg


def execute(url: str, *statements: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    """Run statements as another program does, in one transaction; return the rows of the last one."""
    rows: list[tuple[Any, ...]] = []
    if "://" in url:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            for statement in statements:
                found = connection.execute(statement.encode(), parameters or None)
                rows = found.fetchall() if found.description else []
        return rows
    with closing(sqlite3.connect(url)) as file, file:
        # GDAL and QGIS bring these; the index of geometries is kept up with them.
        for name, place in (("ST_MinX", 8), ("ST_MaxX", 16), ("ST_MinY", 24), ("ST_MaxY", 32)):
            file.create_function(name, 1, lambda blob, place=place: _bound(blob, place))
        file.create_function("ST_IsEmpty", 1, lambda blob: blob is None)
        for statement in statements:
            rows = file.execute(statement, parameters).fetchall()
    return rows


def _bound(blob: bytes | None, place: int) -> float | None:
    """Read one number of the envelope of a GeoPackage blob."""
    import struct

    return None if blob is None else float(struct.unpack_from("<d", blob, place)[0])
