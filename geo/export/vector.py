"""FlatGeobuf and GeoPackage, written by the GDAL inside pyogrio from a stream of Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, FieldError
from pyogrio.errors import DataSourceError as DriverError

from geo.errors import DataSourceError
from geo.export.table import ExportHead, ExportRows, arrow_columns, arrow_schema, wkb_of

_SHAPE: Final = "geom"
_FID: Final = "fid"
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "POINT": "Point",
        "LINESTRING": "LineString",
        "POLYGON": "Polygon",
        "MULTIPOINT": "MultiPoint",
        "MULTILINESTRING": "MultiLineString",
        "MULTIPOLYGON": "MultiPolygon",
    }
)


def write_flatgeobuf(head: ExportHead, pages: Iterable[ExportRows], path: Path) -> None:
    """Write a FlatGeobuf file with its spatial index.

    Parameters
    ----------
    head : ExportHead
        What the file says of itself.
    pages : iterable of ExportRows
        Rows.
    path : pathlib.Path
        The file.

    Raises
    ------
    DataSourceError
        It cannot be written.
    """
    options = {"SPATIAL_INDEX": "YES", "TITLE": head.title, "DESCRIPTION": head.description}
    _write(head, pages, path, "FlatGeobuf", options, is_keyed=False)


def write_geopackage(head: ExportHead, pages: Iterable[ExportRows], path: Path) -> None:
    """Write a GeoPackage with one layer, whose keys are those of the store, and its spatial index.

    Parameters
    ----------
    head : ExportHead
        What the file says of itself.
    pages : iterable of ExportRows
        Rows.
    path : pathlib.Path
        The file.

    Raises
    ------
    DataSourceError
        It cannot be written.
    """
    options = {
        "SPATIAL_INDEX": "YES",
        "GEOMETRY_NAME": _SHAPE,
        "FID": _FID,
        "IDENTIFIER": head.title,
        "DESCRIPTION": head.description,
    }
    _write(head, pages, path, "GPKG", options, is_keyed=True)


def _write(
    head: ExportHead,
    pages: Iterable[ExportRows],
    path: Path,
    driver: str,
    options: Mapping[str, str],
    *,
    is_keyed: bool,
) -> None:
    """Hand batches to a driver as it asks for them."""
    keys = [pa.field(_FID, pa.int64())] if is_keyed else []
    schema = pa.schema([*keys, *arrow_schema(head), pa.field(_SHAPE, pa.binary())])
    failure: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for rows in pages:
                fids = [pa.array(rows.fids, pa.int64())] if is_keyed else []
                yield pa.record_batch([*fids, *arrow_columns(head, rows), wkb_of(rows)], schema=schema)
        except BaseException as error:
            # The driver would only be told that there is no next batch.
            failure.append(error)
            raise

    try:
        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(schema, batches()),
            path,
            layer=head.title,
            driver=driver,
            geometry_name=_SHAPE,
            geometry_type=_TYPES.get(head.geometry, "Unknown"),
            crs="OGC:CRS84" if head.crs.epsg is None else f"EPSG:{head.crs.epsg}",
            layer_metadata=head.facts(),
            layer_options=dict(options),
        )
    except (DriverError, DataLayerError, FieldError, pa.ArrowException, RuntimeError) as error:
        if failure:
            raise failure[0] from None
        raise DataSourceError(f"无法写出 {path.name}：{error}", f"cannot write {path.name}: {error}") from error
