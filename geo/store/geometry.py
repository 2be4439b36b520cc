"""Geometry columns: one type for both engines, and GeoPackage blobs by the hundred thousand.

On PostgreSQL a geometry is PostGIS's own; on SQLite it is a GeoPackage blob: a header (magic, version, flags, SRS id,
envelope) followed by ISO WKB. Everything is little-endian, two-dimensional and EPSG:4490 in lon/lat order.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from sqlalchemy import LargeBinary, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine

from geo.arrays import Float
from geo.errors import DataSourceError

SRID = 4490
"""Every stored geometry is CGCS2000."""

_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
_SHORTEST_BLOB = 9
"""Eight bytes of header, and at least something of a geometry."""

_EMPTY_FLAG = 0x10
_HEADER = np.dtype([("magic", "S2"), ("version", "u1"), ("flags", "u1"), ("srs_id", "<i4")])
_HEADER_XY = np.dtype([*_HEADER.descr, ("envelope", "<f8", (4,))])


class GeometryColumn(TypeDecorator[BaseGeometry]):
    """A geometry as shapely sees it, stored as each engine wants it.

    Parameters
    ----------
    kind : str
        GeoPackage geometry type name, such as ``POINT``.
    srid : int
        EPSG code.
    """

    impl = LargeBinary
    cache_ok = True
    spatial_index = False
    """Read by GeoAlchemy2's hooks, which would make an index of their own; ours stands with the table."""
    use_typmod = None
    """Read by GeoAlchemy2's hooks: the column is typed, not managed."""

    def __init__(self, kind: str, srid: int = SRID) -> None:
        super().__init__()
        self.kind = kind
        self.srid = srid

    def load_dialect_impl(self, dialect: Dialect | None) -> TypeEngine[Any]:
        """Return the engine's own type; GeoAlchemy2's DDL hooks ask with no dialect and mean PostGIS."""
        if dialect is not None and dialect.name == "sqlite":
            return _GeoPackageBlob(self.kind)
        from geoalchemy2 import Geometry  # 0.3 s to import, of no use to the embedded store

        return Geometry(self.kind, srid=self.srid, spatial_index=False)

    def process_bind_param(self, value: BaseGeometry | None, dialect: Dialect) -> Any:
        """Turn a shapely geometry into what the engine stores."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return encode_blobs(np.array([value], dtype=object))[0]
        from geoalchemy2.shape import from_shape

        return from_shape(value, srid=self.srid)

    def process_result_value(self, value: Any, dialect: Dialect) -> BaseGeometry | None:
        """Turn what the engine stores into a shapely geometry."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            geometry: BaseGeometry | None = decode_blobs([value])[0]
            return geometry
        from geoalchemy2.shape import to_shape

        shape: BaseGeometry = to_shape(value)
        return shape


class _GeoPackageBlob(LargeBinary):
    """A BLOB whose declared type is the geometry's name, as GeoPackage demands."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind


@compiles(_GeoPackageBlob, "sqlite")
def _as_geometry(type_: _GeoPackageBlob, compiler: Any, **options: Any) -> str:
    """Spell the column's type as its geometry type."""
    return type_.kind


def as_stored(geometries: NDArray[np.object_], kind: str) -> NDArray[np.object_]:
    """Bring geometries into the one shape a column keeps.

    Parameters
    ----------
    geometries : ndarray of object
        Shapely geometries; None stays None.
    kind : str
        The column's geometry type; single polygons of a MULTIPOLYGON column are promoted, heights dropped.

    Returns
    -------
    ndarray of object
        Same length.
    """
    flat: NDArray[np.object_] = geometries
    if shapely.has_z(geometries).any() or shapely.has_m(geometries).any():
        flat = shapely.force_2d(geometries)
    if kind == "MULTIPOLYGON":
        single = shapely.get_type_id(flat) == shapely.GeometryType.POLYGON
        if single.any():
            flat = flat.copy()
            flat[single] = shapely.multipolygons(flat[single][:, None])
    return flat


def encode_wkb(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Write little-endian ISO WKB.

    Parameters
    ----------
    geometries : ndarray of object
        Shapely geometries, two-dimensional.

    Returns
    -------
    ndarray of object
        Bytes, or None where the geometry is None.
    """
    return np.asarray(shapely.to_wkb(geometries, byte_order=1, flavor="iso"), dtype=object)


def encode_blobs(
    geometries: NDArray[np.object_],
    wkb: NDArray[np.object_] | None = None,
    bounds: Float | None = None,
) -> list[bytes | None]:
    """Write GeoPackage blobs, with an envelope unless the geometry is a point.

    Parameters
    ----------
    geometries : ndarray of object
        Shapely geometries, two-dimensional; None stays None.
    wkb, bounds : ndarray, optional
        Their `encode_wkb` and `shapely.bounds`, where the caller has them already.

    Returns
    -------
    list of bytes or None
        One blob per geometry.
    """
    wkb = encode_wkb(geometries) if wkb is None else wkb
    bounds = shapely.bounds(geometries) if bounds is None else bounds
    missing = shapely.is_missing(geometries)
    empty = shapely.is_empty(geometries)
    bare = (shapely.get_type_id(geometries) == shapely.GeometryType.POINT) | empty | missing
    blobs: list[bytes | None] = [None] * len(geometries)
    for group, dtype, flags in (
        (~bare, _HEADER_XY, 0x03),
        (bare & ~empty & ~missing, _HEADER, 0x01),
        (empty & ~missing, _HEADER, 0x01 | _EMPTY_FLAG),
    ):
        rows = np.flatnonzero(group)
        if len(rows) == 0:
            continue
        header = np.zeros(len(rows), dtype)
        header["magic"], header["flags"], header["srs_id"] = b"GP", flags, SRID
        if dtype is _HEADER_XY:
            header["envelope"] = bounds[rows][:, [0, 2, 1, 3]]
        joined = list(map(operator.add, header.view(f"V{dtype.itemsize}").tolist(), wkb[rows].tolist()))
        if len(rows) == len(blobs):
            return list(joined)
        for row, blob in zip(rows.tolist(), joined, strict=True):
            blobs[row] = blob
    return blobs


def is_blob(value: object) -> bool:
    """Tell whether a value has the header of a GeoPackage geometry.

    Parameters
    ----------
    value : object
        What a geometry column holds.

    Returns
    -------
    bool
        False for text, for SpatiaLite's own blobs and for what is too short.
    """
    return isinstance(value, bytes) and value[:2] == b"GP" and len(value) >= _SHORTEST_BLOB


def strip_blobs(blobs: Sequence[bytes | None], *, is_lenient: bool = False) -> NDArray[np.object_]:
    """Take the WKB out of GeoPackage blobs.

    Parameters
    ----------
    blobs : sequence of bytes or None
        Blobs as any GeoPackage writer leaves them (any envelope).
    is_lenient : bool
        Read a value that is no GeoPackage blob, as a foreign program may leave it, as missing.

    Returns
    -------
    ndarray of object
        WKB bytes, None where there is no blob.

    Raises
    ------
    DataSourceError
        A value is no GeoPackage blob.
    """
    wkb = np.empty(len(blobs), dtype=object)
    if len(blobs) == 0:
        return wkb
    present = [blob for blob in blobs if blob is not None]
    foreign = any(map(operator.ne, map(operator.itemgetter(slice(0, 2)), present), _endless(b"GP")))
    if foreign or min(map(len, present), default=_SHORTEST_BLOB) < _SHORTEST_BLOB:
        if is_lenient:
            return strip_blobs([blob if is_blob(blob) else None for blob in blobs])
        raise DataSourceError(
            "存储文件中的几何列含有不是 GeoPackage 几何的值；允许的值是以“GP”开头的 GeoPackage 几何。",
            "A geometry column holds a value that is no GeoPackage geometry; allowed are blobs that begin with 'GP'.",
        )
    flags = np.fromiter(map(operator.itemgetter(3), present), np.uint8, len(present))
    sizes = 8 + np.take(_ENVELOPE_BYTES, np.minimum((flags >> 1) & 0x07, 4))
    rows = np.arange(len(blobs))
    if len(present) < len(blobs):
        rows = np.flatnonzero([blob is not None for blob in blobs])
    for size in np.unique(sizes).tolist():
        hit = sizes == size
        chosen = present if hit.all() else np.array([*present, None], dtype=object)[:-1][hit].tolist()
        body = np.empty(len(chosen), dtype=object)
        body[:] = list(map(operator.itemgetter(slice(size, None)), chosen))
        wkb[rows[hit]] = body
    return wkb


def decode_blobs(blobs: Sequence[bytes | None], *, is_lenient: bool = False) -> NDArray[np.object_]:
    """Read GeoPackage blobs into shapely geometries.

    Parameters
    ----------
    blobs : sequence of bytes or None
        Blobs as any GeoPackage writer leaves them.
    is_lenient : bool
        Read a value that is no geometry as missing.

    Returns
    -------
    ndarray of object
        Geometries, None where there is no blob.

    Raises
    ------
    DataSourceError
        A value is no GeoPackage blob.
    """
    geometries: NDArray[np.object_] = shapely.from_wkb(
        strip_blobs(blobs, is_lenient=is_lenient), on_invalid="ignore" if is_lenient else "raise"
    )
    return geometries


def _endless(value: bytes) -> Any:
    """Repeat one value for ever."""
    from itertools import repeat

    return repeat(value)
