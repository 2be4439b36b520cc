"""GeoJSON, page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import orjson
import shapely

from geo.export.table import ExportHead, ExportRows


def write_geojson(head: ExportHead, pages: Iterable[ExportRows]) -> Iterator[bytes]:
    """Write a feature collection.

    Coordinates stand east before north, as every program that opens a GeoJSON file expects; a system other than CRS84
    is named in the ``crs`` member of the format's first edition, which GIS programs still read.

    Parameters
    ----------
    head : ExportHead
        What the file says of itself, in foreign members before the features.
    pages : iterable of ExportRows
        Rows.

    Yields
    ------
    bytes
        Pieces of the file.
    """
    facts: dict[str, object] = {
        "type": "FeatureCollection",
        "name": head.name,
        "title": head.title,
        "description": head.description,
        "made_on": head.made_on.isoformat(),
        "is_synthetic": head.is_synthetic,
        "classification": "internal" if head.is_internal else "public",
    }
    if head.crs.epsg is not None:
        facts["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{head.crs.epsg}"}}
    names = [one.name for one in head.fields]
    before = orjson.dumps(facts)[:-1] + b',"features":[\n'
    for rows in pages:
        if len(rows):
            yield before + _features(names, rows, head.crs.decimals)
            before = b",\n"
    yield (before if before != b",\n" else b"") + b"\n]}\n"


def _features(names: list[str], rows: ExportRows, decimals: int) -> bytes:
    """Write features without the brackets around them."""
    # The writer works in place, so coordinates are rounded on a copy.
    rounded = shapely.transform(rows.shapes, lambda places: np.round(places, decimals))
    texts = shapely.to_geojson(rounded).tolist()
    features = [
        {
            "type": "Feature",
            "id": fid,
            "geometry": None if text is None else orjson.Fragment(text),
            "properties": dict(zip(names, values, strict=True)),
        }
        for fid, text, *values in zip(rows.fids, texts, *rows.values, strict=True)
    ]
    return orjson.dumps(features)[1:-1]
