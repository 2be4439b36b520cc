"""SQL functions of the embedded store, answered in Python.

The ST_ functions are those that GeoPackage R*Tree triggers call. GDAL and QGIS bring their own; Python's sqlite3 may be
built without loadable extensions, so each of our connections registers these. They read the blob's header where it has
an envelope and parse the geometry only where it has none.

The ``fangyu_`` functions are for queries, most of them for filters (`geo.store.cql2`); none stands in a trigger.
"""

from __future__ import annotations

import re
import sqlite3
import struct
import unicodedata
from collections.abc import Callable

import shapely
from shapely.geometry.base import BaseGeometry

from geo.store.geometry import decode_blobs, is_blob

_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
_MARKS = re.compile("[\u0300-\u036f]")
_LITERALS = 8
"""Geometry literals a connection keeps prepared: as many as a filter may have."""

# Of two geometries the literal is the prepared one, so it has to come first.
_PREDICATES: dict[str, Callable[[BaseGeometry, BaseGeometry], object]] = {
    "s_intersects": shapely.intersects,
    "s_within": shapely.contains,
    "s_contains": shapely.within,
    "s_touches": shapely.touches,
    "s_crosses": shapely.crosses,
    "s_overlaps": shapely.overlaps,
    "s_equals": shapely.equals,
}


def register_functions(connection: sqlite3.Connection) -> None:
    """Give one connection the ST_ functions of the triggers and the fangyu_ functions of filters.

    Parameters
    ----------
    connection : sqlite3.Connection
        A connection of Python's own module.
    """
    connection.create_function("ST_IsEmpty", 1, _is_empty, deterministic=True)
    for name, place in (("ST_MinX", 0), ("ST_MaxX", 1), ("ST_MinY", 2), ("ST_MaxY", 3)):
        connection.create_function(name, 1, _bound(place), deterministic=True)
    connection.create_function("fangyu_meets_box", 5, _meets_box, deterministic=True)
    connection.create_function("fangyu_casei", 1, fold_case, deterministic=True)
    connection.create_function("fangyu_accenti", 1, fold_accents, deterministic=True)
    literals = _Literals()
    for name, test in _PREDICATES.items():
        connection.create_function(f"fangyu_{name}", 2, _predicate(test, literals), deterministic=True)


def fold_case(text: str | None) -> str | None:
    """Take case out of a text, by Unicode's full mappings.

    Parameters
    ----------
    text : str or None
        What a text column holds.

    Returns
    -------
    str or None
        Upper, then lower case, with one small sigma: what PostgreSQL's ICU collations can answer as well. It differs
        from Unicode's case folding in the Turkish dotless i, which counts as an i.
    """
    if not isinstance(text, str):
        return text
    return text.upper().lower().replace("ς", "σ")


def fold_accents(text: str | None) -> str | None:
    """Take diacritical marks off a text.

    Parameters
    ----------
    text : str or None
        What a text column holds.

    Returns
    -------
    str or None
        Without combining marks (U+0300 to U+036F), composed (NFC): ``lǜ`` becomes ``lu``. Letters that are not made of
        a letter and a mark, such as ``ø``, stay.
    """
    if not isinstance(text, str):
        return text
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", text)))


class _Literals:
    """The prepared geometries of one connection's last filters.

    SQLite hands over a copy of the literal for every row, so it is found by comparing bytes: equal ones are a memcmp,
    others differ in length or early, and no large literal is hashed per row.
    """

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: list[tuple[bytes, BaseGeometry, tuple[float, float, float, float], bool]] = []

    def get(self, wkb: bytes) -> tuple[BaseGeometry, tuple[float, float, float, float], bool]:
        """Return the prepared geometry, its bounds, and whether it fills them."""
        for known, shape, bounds, fills in self._kept:
            if known == wkb:
                return shape, bounds, fills
        shape = shapely.from_wkb(wkb)
        fills = shape.geom_type == "Polygon" and bool(shapely.equals(shape, shapely.box(*shape.bounds)))
        shapely.prepare(shape)
        self._kept = [(wkb, shape, shape.bounds, fills), *self._kept[: _LITERALS - 1]]
        return shape, shape.bounds, fills


def _predicate(
    test: Callable[[BaseGeometry, BaseGeometry], object], literals: _Literals
) -> Callable[[bytes | None, bytes], bool | None]:
    """Build a spatial condition between a blob and the WKB of a literal; None for something that is no geometry."""

    is_meeting = test is shapely.intersects

    def ask(blob: bytes | None, wkb: bytes) -> bool | None:
        if blob is None or not is_blob(blob):
            return None
        literal, (west, south, east, north), fills = literals.get(wkb)
        size = _ENVELOPE_BYTES[min(blob[3] >> 1 & 7, 4)]
        if size and len(blob) >= 40:
            min_x, max_x, min_y, max_y = struct.unpack_from("<4d" if blob[3] & 1 else ">4d", blob, 8)
            if min_x > east or max_x < west or min_y > north or max_y < south:
                return False
            if fills and is_meeting and min_x >= west and max_x <= east and min_y >= south and max_y <= north:
                return True
        shape = shapely.from_wkb(blob[8 + size :], on_invalid="ignore")
        return None if shape is None else bool(test(literal, shape))

    return ask


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
