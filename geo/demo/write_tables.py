"""Writing tables and layers: CSV, XLSX, GeoJSON and GeoPackage, the same bytes every time."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from geo.demo.plane import Geometries

Columns = Mapping[str, Sequence[object]]

CRS = "EPSG:4490"


def write_csv(path: Path, columns: Columns, encoding: str) -> None:
    """Write a CSV file.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    columns : mapping of str to sequence
        Header to values; None becomes an empty cell.
    encoding : str
        Encoding of the file.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns.keys())
    writer.writerows(zip(*columns.values(), strict=True))
    path.write_bytes(buffer.getvalue().encode(encoding))


def write_xlsx(path: Path, sheet: str, columns: Columns, on: date) -> None:
    """Write a workbook with one plain sheet.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    sheet : str
        Name of the sheet.
    columns : mapping of str to sequence
        Header to values; numbers stay numbers, everything else is text.
    on : datetime.date
        Time stamp of the parts.
    """
    rows = [list(columns.keys()), *zip(*columns.values(), strict=True)]
    body = "".join(
        f'<row r="{i}">' + "".join(_cell(value, i, j) for j, value in enumerate(row)) + "</row>"
        for i, row in enumerate(rows, 1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet '
        f'name="{escape(sheet)}" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship '
        f'Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>',
    }
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    write_zip(path, {name: (head + text).encode() for name, text in parts.items()}, on)


def _cell(value: object, row: int, column: int) -> str:
    """Return one cell as XML; an empty one as nothing."""
    if value is None:
        return ""
    name = chr(65 + column) if column < 26 else "A" + chr(65 + column - 26)
    if isinstance(value, (int, float, np.number)):
        return f'<c r="{name}{row}"><v>{value}</v></c>'
    return f'<c r="{name}{row}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def write_zip(path: Path, parts: Mapping[str, bytes], on: date) -> None:
    """Write an archive with fixed time stamps.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    parts : mapping of str to bytes
        Names and contents in order.
    on : datetime.date
        Time stamp of every part.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, (on.year, on.month, on.day, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            archive.writestr(info, content)


def write_geojson(path: Path, name: str, geometry: Geometries, columns: Columns) -> None:
    """Write a GeoJSON file with a ``crs`` member (CGCS2000).

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    name : str
        Name of the collection.
    geometry : array of geometry
        In longitude and latitude.
    columns : mapping of str to sequence
        Properties.
    """
    shapes = shapely.to_geojson(geometry)
    heads = list(columns)
    rows = zip(*columns.values(), strict=True)
    features = [
        f'{{"type":"Feature","properties":{_json(dict(zip(heads, row, strict=True)))},"geometry":{shape}}}'
        for row, shape in zip(rows, shapes, strict=True)
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}
    text = (
        f'{{"type":"FeatureCollection","name":{json.dumps(name, ensure_ascii=False)},"crs":{json.dumps(crs)},'
        '"features":[\n' + ",\n".join(features) + "\n]}\n"
    )
    path.write_text(text, encoding="utf-8")


def write_gpkg(path: Path, layer: str, geometry: Geometries, columns: Columns, on: date) -> None:
    """Write a GeoPackage with one layer.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    layer : str
        Name of the layer.
    geometry : array of geometry
        In longitude and latitude.
    columns : mapping of str to sequence
        Attributes.
    on : datetime.date
        Time of last change written into the file.
    """
    path.unlink(missing_ok=True)
    # GDAL would write the clock into gpkg_contents.
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{on.isoformat()}T00:00:00.000Z"})
    try:
        pyogrio.write_dataframe(_frame(geometry, columns), path, driver="GPKG", layer=layer)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _json(value: object) -> str:
    """Return JSON with Chinese characters as they are."""
    return json.dumps(value, ensure_ascii=False)


def _frame(geometry: Geometries, columns: Columns) -> gpd.GeoDataFrame:
    """Build a frame; text stays text."""
    data = pd.DataFrame({head: list(values) for head, values in columns.items()})
    return gpd.GeoDataFrame(data, geometry=list(geometry), crs=CRS)


def write_toml(path: Path, head: Mapping[str, object], tables: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    """Write a TOML file of plain values and arrays of tables.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    head : mapping of str to value
        Values at the top.
    tables : mapping of str to sequence of mapping
        Arrays of tables.
    """
    lines = [f"{key} = {_toml(value)}" for key, value in head.items()]
    for name, rows in tables.items():
        for row in rows:
            lines += ["", f"[[{name}]]", *(f"{key} = {_toml(value)}" for key, value in row.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: object) -> str:
    """Return a value in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(str(value), ensure_ascii=False)
