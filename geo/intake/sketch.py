"""What a file holds before it is imported: its columns, what each is taken for, and a few of its values."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyogrio

from geo.catalog.load import facility_type, find_attribute
from geo.catalog.schema import FacilityType
from geo.errors import InputError, Problem
from geo.intake import community, demand, division, facility, land, street
from geo.intake.book import sheet_names
from geo.intake.findings import Findings
from geo.intake.mapping import Vocabulary, map_columns
from geo.intake.readers import BOOK_SUFFIXES, read_table
from geo.intake.result import IntakeOptions
from geo.intake.sniff import check_kind, suffix_of
from geo.intake.values import text_of

SAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class ColumnSketch:
    """One column of a file.

    Parameters
    ----------
    name : str
        As the file spells it.
    field : str or None
        Field it is taken for.
    samples : tuple of str
        Its first values that are not blank, each once.
    """

    name: str
    field: str | None
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """A field that a column can be assigned to.

    Parameters
    ----------
    name : str
        Field.
    aliases : tuple of str
        Headers it is known by.
    """

    name: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileSketch:
    """A file seen as a table of one layer.

    Parameters
    ----------
    rows : int
        Rows of data.
    columns : tuple of ColumnSketch
        Columns in order.
    fields : tuple of FieldChoice
        Fields columns can be assigned to.
    crs : str or None
        Name of the coordinate system it declares.
    has_geometry : bool
        Whether it brings geometries.
    problems : tuple of Problem
        Ambiguous columns and remarks of the reader.
    """

    rows: int
    columns: tuple[ColumnSketch, ...]
    fields: tuple[FieldChoice, ...]
    crs: str | None
    has_geometry: bool
    problems: tuple[Problem, ...]


def vocabulary_of(layer: str, kind: FacilityType | None = None, *, has_areas: bool = False) -> Vocabulary:
    """Return the headers that a layer's files are known by.

    Parameters
    ----------
    layer : str
        ``facilities``, ``demand``, ``divisions``, ``streets``, ``land`` or ``footprints``.
    kind : FacilityType, optional
        Type of all rows of a file of facilities.
    has_areas : bool
        Whether demand comes as a table per community.

    Returns
    -------
    Vocabulary
        Fields by header.

    Raises
    ------
    InputError
        No file is imported as such a layer.
    """
    if layer == "facilities":
        return facility.vocabulary(kind)
    known = {
        "demand": community.VOCABULARY if has_areas else demand.VOCABULARY,
        "divisions": division.VOCABULARY,
        "streets": street.VOCABULARY,
        "land": land.LAND_VOCABULARY,
        "footprints": land.FOOTPRINT_VOCABULARY,
    }
    if layer not in known:
        allowed = ("facilities", *known)
        raise InputError(
            f"不能导入为“{layer}”；可用：{'、'.join(allowed)}",
            f"nothing is imported as '{layer}'; allowed: {', '.join(allowed)}",
            layer=layer,
        )
    return known[layer]


def sketch_file(
    path: Path, layer: str, options: IntakeOptions, *, facility_type_slug: str | None = None, has_areas: bool = False
) -> FileSketch:
    """Look at a file as a table of one layer, without judging its rows.

    Parameters
    ----------
    path : pathlib.Path
        The file; no OSM file, whose columns are known.
    layer : str
        As for `vocabulary_of`.
    options : IntakeOptions
        Sheet or layer, encoding, and columns assigned so far.
    facility_type_slug : str, optional
        Type of all rows of a file of facilities.
    has_areas : bool
        Whether demand comes as a table per community.

    Returns
    -------
    FileSketch
        What it holds.

    Raises
    ------
    NotFoundError
        The catalogue has no such type.
    InputError
        No file is imported as such a layer.
    DataSourceError
        The file cannot be read.
    """
    kind = None if facility_type_slug is None else facility_type(facility_type_slug)
    vocabulary = vocabulary_of(layer, kind, has_areas=has_areas)
    table = read_table(path, vocabulary, options)
    found = Findings(table.file, table.lines)
    found.extend(table.remarks)
    mapping = map_columns(table.columns, vocabulary, options.mapping, found)
    taken = mapping.by_column

    def field_of(column: str) -> str | None:
        if column in taken or layer != "facilities":
            return taken.get(column)
        # Where a column tells the type, some headers are explained by the rows' own types only.
        match = find_attribute(column, kind)
        return None if match is None else match.name

    columns = tuple(
        ColumnSketch(name, field_of(name), _samples(table.frame[column].tolist()))
        for name, column in zip(table.columns, table.frame.columns, strict=True)
    )
    return FileSketch(
        rows=len(table.lines),
        columns=columns,
        fields=tuple(FieldChoice(one.name, (*one.aliases, *one.weak)) for one in vocabulary.fields),
        crs=None if table.crs is None else table.crs.name,
        has_geometry=table.geometry is not None,
        problems=found.problems(),
    )


def parts_of(path: Path) -> tuple[str, ...]:
    """List the tables a file holds: layers of a GeoPackage, sheets of a workbook, Shapefiles of an archive.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    tuple of str
        Names; empty for files that hold one table.

    Raises
    ------
    DataSourceError
        The file is not what its name says.
    """
    check_kind(path)
    suffix = suffix_of(path.name)
    try:
        if suffix == ".gpkg":
            return tuple(str(name) for name in pyogrio.list_layers(path)[:, 0])
        if suffix in BOOK_SUFFIXES:
            return sheet_names(path)
        if suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                return tuple(name for name in archive.namelist() if name.lower().endswith(".shp"))
    except (RuntimeError, OSError):
        # What is wrong with it is said when it is read.
        return ()
    return ()


def _samples(cells: Sequence[object]) -> tuple[str, ...]:
    """Return the first few different values."""
    found: dict[str, None] = {}
    for cell in cells:
        text = (text_of(cell) or "").strip()
        if text:
            found[text[:80]] = None
        if len(found) == SAMPLES:
            break
    return tuple(found)
