"""Writing vector tiles (Mapbox Vector Tile 2.1) from geometries in degrees, whole layers at a time."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from api.tiles.matrix import TileBox
from geo.arrays import Int, Int32, UInt8
from geo.kernels.mvt import LINE, POINT, POLYGON, write_features, write_geometries

EXTENT: Final = 4096
BUFFER: Final = 64
# Dimension of a geometry to the kind of a feature.
_KINDS: Final = np.array([POINT, LINE, POLYGON], np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class TileLayer:
    """What one layer puts into a tile.

    Parameters
    ----------
    name : str
        Layer's name in the tile.
    fids : array of int64, shape (n,)
        Identifiers, at least 0.
    shapes : array of geometry, shape (n,)
        In degrees (EPSG:4490); None and empty ones are left out.
    columns : Mapping of str to sequence
        Attributes: text, whole numbers, numbers, booleans; None and NaN are left out of a feature.
    """

    name: str
    fids: Int
    shapes: NDArray[np.object_]
    columns: Mapping[str, Sequence[object]]


@dataclass(frozen=True, slots=True)
class _Parts:
    """Geometries as flat arrays of parts."""

    x: Int32
    y: Int32
    part_start: Int
    part_is_hole: UInt8
    feature_start: Int


def encode_tile(layers: Sequence[TileLayer], box: TileBox) -> bytes:
    """Write a tile.

    Parameters
    ----------
    layers : sequence of TileLayer
        Its layers; those of which nothing lies in the tile are left out.
    box : TileBox
        The tile's place.

    Returns
    -------
    bytes
        The tile, empty when nothing lies in it.
    """
    return b"".join(_layer(layer, box) for layer in layers)


def _layer(layer: TileLayer, box: TileBox) -> bytes:
    """Write one layer with its tag and length."""
    rows, shapes = _in_tile(layer.shapes, box)
    if rows.size == 0:
        return b""
    kind = _KINDS[shapely.get_dimensions(shapes)]
    parts = _flatten(shapes)
    geometry, offset = write_geometries(
        parts.x, parts.y, parts.part_start, parts.part_is_hole, parts.feature_start, kind
    )
    names, codes, values = _values(layer.columns, rows)
    keys = np.arange(len(names), dtype=np.int32)
    body, written = write_features(
        np.ascontiguousarray(layer.fids[rows], np.int64), kind, geometry, offset, keys, codes
    )
    if written == 0:
        return b""
    message = b"".join(
        (
            _field(1, layer.name.encode()),
            body.tobytes(),
            *(_field(3, name.encode()) for name in names),
            *(_field(4, value) for value in values),
            b"\x28" + _varint(EXTENT),
            b"\x78\x02",
        )
    )
    return _field(3, message)


def _in_tile(shapes: NDArray[np.object_], box: TileBox) -> tuple[Int, NDArray[np.object_]]:
    """Bring geometries into tile units and cut off what lies beyond the buffer; empty ones go."""
    rows = np.flatnonzero(~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    if rows.size == 0:
        return rows, shapes[rows]
    found = shapes[rows]
    found = shapely.set_coordinates(found.copy(), box.to_units(shapely.get_coordinates(found), EXTENT))
    low, high = -float(BUFFER), float(EXTENT + BUFFER)
    bounds = shapely.bounds(found)
    is_near = (bounds[:, 0] <= high) & (bounds[:, 2] >= low) & (bounds[:, 1] <= high) & (bounds[:, 3] >= low)
    rows, found, bounds = rows[is_near], found[is_near], bounds[is_near]
    crosses = (bounds[:, :2] < low).any(axis=1) | (bounds[:, 2:] > high).any(axis=1)
    if crosses.any():
        dimension = shapely.get_dimensions(found)
        found[crosses] = _clip(found[crosses], low, high)
        # What only touches the edge comes back as something lesser, or as nothing.
        keep = ~shapely.is_empty(found) & (shapely.get_dimensions(found) == dimension)
        rows, found = rows[keep], found[keep]
    return rows, found


def _clip(shapes: NDArray[np.object_], low: float, high: float) -> NDArray[np.object_]:
    """Cut geometries at a square; polygons that GEOS will not cut as they are are mended first."""
    try:
        return np.asarray(shapely.clip_by_rect(shapes, low, low, high, high), dtype=object)
    except shapely.GEOSException:
        return np.asarray(shapely.clip_by_rect(shapely.make_valid(shapes), low, low, high, high), dtype=object)


def _flatten(shapes: NDArray[np.object_]) -> _Parts:
    """Take geometries of one dimension each apart into rings, lines and points."""
    pieces, of_shape = shapely.get_parts(shapes, return_index=True)
    # A collection may hold collections; two rounds are all that a clipped geometry can need.
    pieces, inner = shapely.get_parts(pieces, return_index=True)
    of_shape = of_shape[inner]
    dimension = shapely.get_dimensions(shapes)[of_shape]
    keep = shapely.get_dimensions(pieces) == dimension
    pieces, of_shape = pieces[keep], of_shape[keep]
    is_area = shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON
    rings, of_piece = shapely.get_rings(pieces[is_area], return_index=True)
    place = np.flatnonzero(is_area)
    others = np.flatnonzero(~is_area)
    parts = np.concatenate([rings, pieces[others]])
    owner = np.concatenate([place[of_piece], others])
    is_hole = np.zeros(parts.size, np.uint8)
    is_hole[1 : rings.size] = of_piece[1:] == of_piece[:-1]
    order = np.argsort(owner, kind="stable")
    parts, owner, is_hole = parts[order], owner[order], is_hole[order]
    coordinates, of_part = shapely.get_coordinates(parts, return_index=True)
    units = np.rint(coordinates).astype(np.int32)
    part_start = np.searchsorted(of_part, np.arange(parts.size + 1)).astype(np.int64)
    feature_start = np.searchsorted(of_shape[owner], np.arange(shapes.size + 1)).astype(np.int64)
    return _Parts(
        np.ascontiguousarray(units[:, 0]), np.ascontiguousarray(units[:, 1]), part_start, is_hole, feature_start
    )


def _values(columns: Mapping[str, Sequence[object]], rows: Int) -> tuple[list[str], Int32, list[bytes]]:
    """Number the different values of all columns, and write each of them once."""
    names = list(columns)
    codes = np.full((rows.size, len(names)), -1, np.int32)
    place: dict[bytes, int] = {}
    for number, name in enumerate(names):
        column = np.empty(len(columns[name]), dtype=object)
        column[:] = list(columns[name])
        # Not numpy's unique, which sorts; missing values are -1.
        code, different = pd.factorize(column[rows])
        table = np.array([place.setdefault(_value(one), len(place)) for one in different] or [0], np.int32)
        codes[:, number] = np.where(code >= 0, table[code], -1)
    return names, codes, list(place)


def _value(value: object) -> bytes:
    """Write one value as the message it is in a tile."""
    if isinstance(value, (bool, np.bool_)):
        return b"\x38" + (b"\x01" if value else b"\x00")
    if isinstance(value, (int, np.integer)):
        number = int(value)
        return b"\x28" + _varint(number) if number >= 0 else b"\x30" + _varint((-number << 1) - 1)
    if isinstance(value, (float, np.floating)):
        return b"\x19" + struct.pack("<d", value)
    return _field(1, str(value).encode())


def _field(number: int, body: bytes) -> bytes:
    """Write a length-delimited field."""
    return bytes([number << 3 | 2]) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    """Write an unsigned number."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
