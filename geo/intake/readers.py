"""Opening a file by what it is."""

from __future__ import annotations

from pathlib import Path

from geo.errors import reason_zh
from geo.intake.delimited import read_delimited
from geo.intake.mapping import Vocabulary
from geo.intake.result import IntakeOptions
from geo.intake.sniff import check_kind
from geo.intake.table import RawTable, empty, unreadable
from geo.intake.vector import read_geojson, read_geopackage, read_shapefile
from geo.intake.workbook import read_workbook

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
BOOK_SUFFIXES = (".xlsx", ".xls", ".xlsm", ".ods")
SUFFIXES = (*TEXT_SUFFIXES, *BOOK_SUFFIXES, ".geojson", ".json", ".gpkg", ".shp", ".zip")


def read_table(path: Path, vocabulary: Vocabulary, options: IntakeOptions) -> RawTable:
    """Read a table or a geometry file.

    Parameters
    ----------
    path : pathlib.Path
        CSV, XLSX, GeoJSON, GeoPackage or Shapefile (plain or zipped).
    vocabulary : Vocabulary
        Headers to look for; columns that the user mapped count as known.
    options : IntakeOptions
        Layer, sheet and encoding.

    Returns
    -------
    RawTable
        Its rows.

    Raises
    ------
    DataSourceError
        If the file is missing, empty, unreadable or of an unknown kind.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise unreadable(path.name, "文件不存在。", "there is no such file.")
    if suffix not in SUFFIXES:
        raise unreadable(
            path.name,
            f"不支持“{suffix or '无扩展名'}”。支持：{'、'.join(SUFFIXES)}。",
            f'"{suffix or "no suffix"}" is not supported. Supported: {", ".join(SUFFIXES)}.',
        )
    if path.stat().st_size == 0:
        raise empty(path.name)
    mapped = {column.strip() for column in options.mapping}

    def is_header(cell: str) -> bool:
        return cell.strip() in mapped or vocabulary.knows(cell)

    try:
        check_kind(path)
        if suffix in TEXT_SUFFIXES:
            return read_delimited(path, is_header, encoding=options.encoding)
        if suffix in BOOK_SUFFIXES:
            return read_workbook(path, is_header, sheet=options.layer)
        if suffix in (".geojson", ".json"):
            return read_geojson(path)
        if suffix == ".gpkg":
            return read_geopackage(path, layer=options.layer)
        return read_shapefile(path, layer=options.layer, encoding=options.encoding)
    except OSError as error:
        raise unreadable(path.name, f"{reason_zh(error)}。", f"{error.strerror}.") from error
