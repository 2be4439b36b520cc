"""Files as bureaus have them, written small."""

import json
import zipfile
from pathlib import Path

import geopandas as gpd
import openpyxl
import pyogrio
import shapely

HEADER = "编号,名称,经度,纬度"


def write_text(folder: Path, text: str, *, name: str = "表.csv", encoding: str = "utf-8") -> Path:
    """A text file."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def write_rows(folder: Path, *rows: str, header: str = HEADER, name: str = "表.csv") -> Path:
    """A CSV file of a header and rows."""
    return write_text(folder, "\n".join([header, *rows]) + "\n", name=name)


def write_book(folder: Path, rows, *, name: str = "表.xlsx", sheet: str = "Sheet1", more=None) -> Path:
    """A workbook; more = further sheets by name."""
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(list(row))
    for title, listed in (more or {}).items():
        extra = book.create_sheet(title)
        for row in listed:
            extra.append(list(row))
    path = folder / name
    book.save(path)
    return path


def feature(geometry, **properties):
    """A GeoJSON feature from a shapely or raw geometry."""
    shape = geometry if geometry is None or isinstance(geometry, dict) else shapely.geometry.mapping(geometry)
    return {"type": "Feature", "properties": properties, "geometry": shape}


def write_geojson(folder: Path, *features, crs: str | None = None, name: str = "面.geojson", encoding="utf-8") -> Path:
    """A feature collection, with or without a crs member."""
    document = {"type": "FeatureCollection", "features": list(features)}
    if crs is not None:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    return write_text(folder, json.dumps(document, ensure_ascii=False), name=name, encoding=encoding)


def write_shapes(folder: Path, frame: gpd.GeoDataFrame, *, encoding: str = "UTF-8", drop: tuple[str, ...] = ()) -> Path:
    """A Shapefile without some of its parts."""
    path = folder / "图层.shp"
    pyogrio.write_dataframe(frame, path, encoding=encoding)
    for suffix in drop:
        path.with_suffix(suffix).unlink(missing_ok=True)
    return path


def write_zip(path: Path, *, inside: str = "数据/", name: str = "图层.zip") -> Path:
    """An archive of a Shapefile's parts."""
    target = path.parent / name
    with zipfile.ZipFile(target, "w") as archive:
        for part in path.parent.glob(path.stem + ".*"):
            if part.suffix != ".zip":
                archive.write(part, inside + part.name)
    return target


def codes(result_or_error, severity: str = "refused") -> list[str]:
    """Codes of one severity, in order."""
    return [problem.code for problem in result_or_error.problems if problem.severity == severity]


def refusals(result_or_error) -> dict[int | None, list[str]]:
    """Refusal codes by row."""
    out: dict[int | None, list[str]] = {}
    for problem in result_or_error.problems:
        if problem.severity == "refused":
            out.setdefault(problem.row, []).append(problem.code)
    return out
