"""Vector tiles (Mapbox Vector Tile 2.1) from whole layers of geometries in degrees.

Coordinates are brought into tile units first and cut afterwards, as PostGIS does it, so that both engines of the store
give the same tile. What rounding makes invalid is mended on the tile's own grid; only those few geometries ever meet a
geometry library.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.arrays import Float, Int, Int32, UInt8
from geo.errors import InputError
from geo.kernels.mvt import write_features
from geo.kernels.shapes import OUTLINE, read_shapes
from geo.kernels.tile_fit import find_tangled, fit_shapes
from geo.tiles.matrix import TileBox
from geo.tiles.values import Column, write_attributes

EXTENT: Final = 4096
"""Units along the edge of a tile."""
BUFFER: Final = 64
"""Units kept beyond each edge."""
_SPHERE_M: Final = 6_378_137.0
# Places in tile units that are to stay as they are.
_AS_IT_IS: Final = (0.0, 0.0, 1.0, -1.0)


@dataclass(frozen=True, slots=True, eq=False)
class TileLayer:
    """What one layer puts into a tile.

    Parameters
    ----------
    name : str
        Layer's name in the tile.
    fids : array of int64, shape (n,), or None
        Identifiers, at least 0; None for none.
    shapes : array of object, shape (n,)
        Geometries in degrees (EPSG:4490, longitude before latitude), all as shapely geometries, or all as bytes:
        well-known binary or GeoPackage blobs, which are quicker. None and empty ones are left out. A collection
        counts as what it holds of the highest dimension.
    columns : mapping of str to sequence or array, each of length n
        Attributes: text (as such or in UTF-8), whole numbers, numbers, flags, dates; a feature has no attribute where
        there is None or NaN.
    is_collapsed_kept : bool
        Whether lines and polygons too small for the tile's units are written as a line or square of one unit. Where
        not, they are left out without a word.
    is_lenient : bool
        Whether geometries that cannot be read are left out; where not, they are refused.
    """

    name: str
    fids: Int | None
    shapes: NDArray[np.object_]
    columns: Mapping[str, Column] = field(default_factory=dict)
    is_collapsed_kept: bool = True
    is_lenient: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Geometries in tile units, as `fit_shapes` returns them."""

    x: Int32
    y: Int32
    start: Int
    kind: UInt8
    owner: Int32

    def bounds(self, n_shapes: int) -> Int:
        """First part of each geometry, shape (n_shapes + 1,)."""
        return np.searchsorted(self.owner, np.arange(n_shapes + 1)).astype(np.int64)


def encode_tile(layers: Sequence[TileLayer], box: TileBox, *, extent: int = EXTENT, buffer: int = BUFFER) -> bytes:
    """Write a tile.

    Parameters
    ----------
    layers : sequence of TileLayer
        Its layers; those of which nothing lies in the tile are left out.
    box : TileBox
        Where the tile lies.
    extent : int
        Units along an edge.
    buffer : int
        Units kept beyond each edge.

    Returns
    -------
    bytes
        The tile, not compressed; empty when nothing lies in it.

    Raises
    ------
    InputError
        Layers share a name, columns differ in length, an identifier is below 0, a geometry cannot be read, or an
        attribute is of a kind that tiles do not have.
    """
    names = [layer.name for layer in layers]
    if "" in names or len(set(names)) < len(names):
        raise InputError(
            f"图层名 {names} 有重复或为空；每个图层须有自己的名称",
            f"layer names {names} repeat or are empty; every layer needs a name of its own",
            layers=names,
        )
    frame = _frame(box, extent, buffer)
    return b"".join(_write_layer(layer, box.is_mercator, frame, extent) for layer in layers)


def _frame(box: TileBox, extent: int, buffer: int) -> Float:
    """The tile as `fit_shapes` wants it."""
    left, top, width, height = box.left, box.top, box.right - box.left, box.top - box.bottom
    if box.is_mercator:
        left, width = math.degrees(left / _SPHERE_M), math.degrees(width / _SPHERE_M)
        top, height = top / _SPHERE_M, height / _SPHERE_M
    return np.array([left, top, extent / width, extent / height, -buffer, extent + buffer], dtype=np.float64)


def _write_layer(layer: TileLayer, is_mercator: bool, frame: Float, extent: int) -> bytes:
    """One layer with its field number and length."""
    n = len(layer.shapes)
    fids = _identifiers(layer, n)
    shapes = _read(layer.shapes, layer.name, is_lenient=layer.is_lenient)
    parts = _Parts(*fit_shapes(*shapes, n, is_mercator, frame, layer.is_collapsed_kept))
    if parts.kind.size == 0:
        return b""
    bounds = parts.bounds(n)
    rows = np.flatnonzero(bounds[1:] > bounds[:-1])
    first, last = bounds[rows], bounds[rows + 1]
    tangled = np.flatnonzero(find_tangled(parts.x, parts.y, parts.start, parts.kind, bounds)[rows])
    if tangled.size:
        mended = _mend(parts, first[tangled], last[tangled], frame, layer.is_collapsed_kept)
        offset, places = parts.kind.size, mended.bounds(tangled.size)
        parts = _joined(parts, mended)
        first[tangled], last[tangled] = offset + places[:-1], offset + places[1:]
        is_left = last > first
        rows, first, last = rows[is_left], first[is_left], last[is_left]
        if rows.size == 0:
            return b""
    keys, codes, values = write_attributes(layer.columns, n, rows, layer.name)
    features = write_features(parts.x, parts.y, parts.start, parts.kind, first, last, fids[rows], codes)
    message = b"".join(
        (
            _field(1, layer.name.encode()),
            features.tobytes(),
            *(_field(3, key.encode()) for key in keys),
            values,
            b"\x28" + _varint(extent),
            b"\x78\x02",
        )
    )
    return _field(3, message)


def _identifiers(layer: TileLayer, n: int) -> Int:
    """Identifiers as the kernel wants them."""
    if layer.fids is None:
        return np.full(n, -1, np.int64)
    fids = np.ascontiguousarray(layer.fids, np.int64)
    if fids.size != n or (n and fids.min() < 0):
        raise InputError(
            f"图层“{layer.name}”有 {n} 个要素，标识 {fids.size} 个，最小 {fids.min() if fids.size else '无'}；"
            "须一一对应且不小于 0",
            f"layer '{layer.name}' has {n} features and {fids.size} identifiers, the least "
            f"{fids.min() if fids.size else 'none'}; allowed: one each, at least 0",
            layer=layer.name,
        )
    return fids


def _read(
    shapes: NDArray[np.object_], name: str, *, is_lenient: bool
) -> tuple[Float, Float, Int, UInt8, Int32]:
    """Geometries taken apart."""
    given = np.asarray(shapes, dtype=object)
    first = next((shape for shape in given if shape is not None), None)
    is_bytes = isinstance(first, bytes | bytearray | memoryview)
    found = given if is_bytes else shapely.to_wkb(given, output_dimension=2, byte_order=1)
    blobs = [b"" if blob is None else blob for blob in found]
    start = np.zeros(len(blobs) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, blobs), np.int64, len(blobs)), out=start[1:])
    x, y, part_start, kind, owner, broken = read_shapes(np.frombuffer(b"".join(blobs), np.uint8), start)
    if broken >= 0 and not is_lenient:
        raise InputError(
            f"图层“{name}”第 {broken + 1} 个要素的几何无法读取；须为点、线、面或其集合的 WKB",
            f"the geometry of feature {broken + 1} of layer '{name}' cannot be read; allowed: well-known binary of "
            "points, lines, polygons and collections of them",
            layer=name,
            feature=broken,
        )
    return x, y, part_start, kind, owner


def _mend(parts: _Parts, first: Int, last: Int, frame: Float, is_collapsed_kept: bool) -> _Parts:
    """Make polygons valid on the tile's grid."""
    shapes = _polygons(parts, first, last)
    wrong = np.flatnonzero(~shapely.is_valid(shapes))
    made = _untangled(shapes[wrong])
    for number in np.flatnonzero(shapely.is_empty(made)) if is_collapsed_kept else ():
        places = shapely.get_coordinates(shapes[wrong[number]])
        # What has vertices on the edge of the buffer alone goes round the tile and was never in it.
        places = places[((places > frame[4]) & (places < frame[5])).all(axis=1)]
        if len(places):
            made[number] = shapely.box(*places[0], *(places[0] + 1))
    shapes[wrong] = made
    whole = np.array([*_AS_IT_IS, frame[4], frame[5]])
    return _Parts(*fit_shapes(*_read(shapes, "", is_lenient=False), len(shapes), False, whole, False))


def _untangled(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Valid polygons with whole coordinates from rings that cross."""
    # A buffer without width keeps what the rings go round in their own sense. A loop that rounding has turned over is
    # less than a unit wide and goes, and so does what sticks out of a hole. It takes a sixth of make_valid's time.
    made = np.asarray(shapely.buffer(shapes, 0.0), dtype=object)
    is_other = np.abs(shapely.area(made) - shapely.area(shapes)) > shapely.length(shapes)
    made[is_other] = shapely.make_valid(shapes[is_other], method="structure", keep_collapsed=False)
    # Most crossings are at whole places already.
    places, of_shape = shapely.get_coordinates(made, return_index=True)
    broken = np.unique(of_shape[(places != np.rint(places)).any(axis=1)])
    made[broken] = shapely.set_precision(made[broken], 1.0)
    return made


def _polygons(parts: _Parts, first: Int, last: Int) -> NDArray[np.object_]:
    """Geometries as multipolygons in tile units, from their parts."""
    chosen = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
    size = parts.start[chosen + 1] - parts.start[chosen]
    ring_start = np.concatenate([[0], np.cumsum(size + 1)])
    # Every ring with its first vertex once more.
    vertex = np.arange(ring_start[-1]) - np.repeat(ring_start[:-1] - parts.start[chosen], size + 1)
    vertex[ring_start[1:] - 1] = parts.start[chosen]
    corners = np.column_stack([parts.x[vertex], parts.y[vertex]]).astype(np.float64)
    polygon_start = np.append(np.flatnonzero(parts.kind[chosen] == OUTLINE), chosen.size)
    shape_start = np.searchsorted(polygon_start, np.concatenate([[0], np.cumsum(last - first)]))
    offsets = (ring_start, polygon_start, shape_start)
    return np.asarray(shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, corners, offsets), dtype=object)


def _joined(parts: _Parts, more: _Parts) -> _Parts:
    """Two sets of parts one after the other."""
    return _Parts(
        np.concatenate([parts.x, more.x]),
        np.concatenate([parts.y, more.y]),
        np.concatenate([parts.start, more.start[1:] + parts.start[-1]]),
        np.concatenate([parts.kind, more.kind]),
        np.concatenate([parts.owner, more.owner]),
    )


def _field(number: int, body: bytes) -> bytes:
    """A field of bytes with its number and length."""
    return bytes([number << 3 | 2]) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    """A number, the lowest seven bits first."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
