"""GeoParquet 1.1, one row group a few thousand rows, so that it can be sent while it is written."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from geo.export.table import ExportHead, ExportRows, arrow_columns, arrow_schema, wkb_of

_SHAPE: Final = "geometry"
_GROUP_ROWS: Final = 20_000
_KINDS: Final = ("Point", "LineString", "LinearRing", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
                 "GeometryCollection")  # fmt: skip


class _Sink:
    """A file whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.closed = False

    def write(self, piece: bytes) -> int:
        """Take bytes."""
        kept = bytes(piece)
        self._pieces.append(kept)
        return len(kept)

    def flush(self) -> None:
        """Keep nothing back."""

    def close(self) -> None:
        """End."""
        self.closed = True

    def taken(self) -> bytes:
        """Return what has come since the last time."""
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found


class _Seen:
    """What the metadata say of geometries that have been written."""

    def __init__(self) -> None:
        self._kinds: set[int] = set()
        self._box = np.array([np.inf, np.inf, -np.inf, -np.inf])

    def add(self, rows: ExportRows) -> None:
        """Look at more rows."""
        if not len(rows):
            return
        self._kinds |= set(np.unique(shapely.get_type_id(rows.shapes)).tolist()) - {-1}
        box = shapely.total_bounds(rows.shapes)
        if np.isfinite(box).all():
            self._box = np.concatenate([np.minimum(self._box[:2], box[:2]), np.maximum(self._box[2:], box[2:])])

    def facts(self, head: ExportHead) -> dict[str, object]:
        """Return the metadata of the geometry column."""
        column: dict[str, object] = {
            "encoding": "WKB",
            "geometry_types": sorted(_KINDS[kind] for kind in self._kinds),
            "crs": projjson(head),
            "edges": "planar",
        }
        if np.isfinite(self._box).all():
            column["bbox"] = self._box.tolist()
        return {"version": "1.1.0", "primary_column": _SHAPE, "columns": {_SHAPE: column}}


def projjson(head: ExportHead) -> dict[str, object]:
    """Return a file's coordinate system as PROJJSON.

    Parameters
    ----------
    head : ExportHead
        The file.

    Returns
    -------
    dict
        JSON values.
    """
    name = "OGC:CRS84" if head.crs.epsg is None else f"EPSG:{head.crs.epsg}"
    found: dict[str, object] = pyproj.CRS.from_user_input(name).to_json_dict()
    return found


def write_geoparquet(head: ExportHead, pages: Iterable[ExportRows]) -> Generator[bytes]:
    """Write a GeoParquet file.

    Parameters
    ----------
    head : ExportHead
        What the file says of itself, as metadata of the file.
    pages : iterable of ExportRows
        Rows.

    Yields
    ------
    bytes
        Pieces of the file, one or more a row group.
    """
    schema = pa.schema([*arrow_schema(head), pa.field(_SHAPE, pa.binary())], head.facts())
    sink, seen = _Sink(), _Seen()
    waiting: list[pa.RecordBatch] = []
    with pq.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="zstd", compression_level=1) as writer:
        # The magic number goes out at once: whoever waits sees that something comes.
        for rows in pages:
            seen.add(rows)
            waiting.append(pa.record_batch([*arrow_columns(head, rows), wkb_of(rows)], schema=schema))
            if sum(batch.num_rows for batch in waiting) >= _GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(waiting, schema))
                waiting.clear()
            if piece := sink.taken():
                yield piece
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting, schema))
        # Known only now; it stands at the end of the file.
        writer.add_key_value_metadata({"geo": json.dumps(seen.facts(head), ensure_ascii=False)})
    yield sink.taken()
