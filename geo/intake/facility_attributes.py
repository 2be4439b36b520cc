"""The attributes of a facility's own type, judged row by row by the catalogue."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from geo.arrays import Float, Int
from geo.catalog.load import facility_types, find_attribute
from geo.catalog.schema import AttributeValue, FacilityType
from geo.catalog.validate import validate_attributes
from geo.errors import Problem
from geo.intake.findings import Findings
from geo.intake.mapping import ColumnMap
from geo.intake.table import Objects, RawTable
from geo.intake.values import BLANK_WORDS, text_of

NUMBER_FIELDS = ("capacity", "floor_area_m2", "floor_level")
# "无" may be an answer (no clinic), so it is left to the catalogue.
_BLANK = BLANK_WORDS - {"无", "none"}
_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Details:
    """What the catalogue made of the rows' attributes.

    Parameters
    ----------
    attributes : numpy.ndarray
        JSON objects with sorted keys as text; None where there is none.
    capacity : numpy.ndarray
        Capacity: the type's capacity attribute, else the column of that name; NaN if neither.
    capacity_unit : numpy.ndarray
        Unit code of the type's capacity.
    columns : mapping of str to str
        Column of the file to attribute, for columns that only a row's type explains.
    """

    attributes: Objects
    capacity: Float
    capacity_unit: Objects
    columns: Mapping[str, str]


def read_attributes(
    table: RawTable,
    columns: ColumnMap,
    types: Objects,
    numbers: Mapping[str, Float],
    hours_text: Objects,
    found: Findings,
) -> Details:
    """Read the attributes of every row's own type.

    Parameters
    ----------
    table : RawTable
        Rows; facilities are thousands, so they are judged one by one.
    columns : ColumnMap
        Columns used.
    types : numpy.ndarray
        Slug of every row's type or None.
    numbers : mapping of str to numpy.ndarray
        The numbers every facility has, for limits that need them.
    hours_text : numpy.ndarray
        Opening hours that were not understood, kept as text.
    found : Findings
        Receives refusals, repairs and notes.

    Returns
    -------
    Details
        Attributes and capacity of all rows.
    """
    size = len(table.lines)
    attributes, unit = np.full(size, None, object), np.full(size, None, object)
    capacity = numbers["capacity"].copy()
    also: dict[str, str] = {}
    for slug in sorted({slug for slug in types if slug is not None}):
        kind = facility_types()[slug]
        own = dict(_own_columns(kind, table, columns))
        also |= {column: name for name, column in own.items() if column in columns.unused}
        members = np.flatnonzero((types == slug) & ~found.set_aside).astype(np.int64)
        unit[members] = kind.capacity_unit
        cells = {name: _cells(table, column, members) for name, column in own.items()}
        _note_missing(kind, cells, len(members), found)
        _report_loose(kind, own, cells, members, found)
        for position, i in enumerate(members.tolist()):
            values: dict[str, object] = {
                name: _scaled(listed[position], columns.scale.get(name)) for name, listed in cells.items()
            }
            values |= {name: float(numbers[name][i]) for name in NUMBER_FIELDS if not np.isnan(numbers[name][i])}
            report = validate_attributes(kind, values, file=table.file, row=int(table.lines[i]))
            found.add([(i, replace(p, field=_column(p, own, columns))) for p in report.problems])
            kept: dict[str, AttributeValue] = {
                name: value for name, value in report.values.items() if kind.attribute(name) is not None
            }
            if hours_text[i] is not None:
                kept["opening_hours_text"] = hours_text[i]
            attributes[i] = json.dumps(kept, ensure_ascii=False, sort_keys=True) if kept else None
            amount = kept.get(kind.capacity_attribute) if kind.capacity_attribute is not None else None
            if isinstance(amount, int | float) and not isinstance(amount, bool):
                capacity[i] = float(amount)
    return Details(attributes, capacity, unit, also)


def note_gaps(title_zh: str, title_en: str, total: int, gaps: Sequence[tuple[str, str, int]], found: Findings) -> None:
    """Note in one line which optional attributes are missing in how many rows.

    Parameters
    ----------
    title_zh, title_en : str
        What the rows are.
    total : int
        Number of rows.
    gaps : sequence of tuple
        Chinese and English title of an attribute, and in how many rows it is missing.
    found : Findings
        Receives the note.
    """
    gaps = [gap for gap in gaps if gap[2]]
    if not gaps:
        return
    zh = "、".join(f"{gap[0]} {gap[2]:,}" for gap in gaps)
    en = ", ".join(f"{gap[1]} {gap[2]:,}" for gap in gaps)
    found.whole(
        "missing_optional",
        "note",
        f"{title_zh} {total:,} 行中可选属性空缺：{zh}。",
        f"Optional attributes missing among {total:,} rows of {title_en}: {en}.",
    )


def _cells(table: RawTable, column: str, members: Int) -> list[str | None]:
    """Cells as text; None where blank or a word for blank."""
    out: list[str | None] = []
    for cell in table.frame[column].iloc[members]:
        text = (text_of(cell) or "").strip()
        out.append(None if not text or text.lower() in _BLANK else text)
    return out


def _scaled(cell: str | None, scale: float | None) -> object:
    """A cell in the attribute's unit when the header states a larger one."""
    if cell is None or scale is None:
        return cell
    try:
        return float(cell) * scale
    except ValueError:
        return cell


def _own_columns(kind: FacilityType, table: RawTable, columns: ColumnMap) -> Iterator[tuple[str, str]]:
    """Columns of a type's own attributes."""
    taken: set[str] = set()
    for item in kind.attributes:
        column = columns.get(item.name)
        if column is not None:
            taken.add(item.name)
            yield item.name, column
    # Where a column tells the type, the same header may mean another attribute for each type.
    for column in columns.unused:
        match = find_attribute(column, kind)
        if match is not None and not match.is_column and match.name not in taken:
            taken.add(match.name)
            yield match.name, column


def _column(problem: Problem, own: Mapping[str, str], columns: ColumnMap) -> str | None:
    """The column a problem of the catalogue is about, as the file spells it."""
    name = problem.field or ""
    return own.get(name) or columns.get(name) or problem.field


def _report_loose(
    kind: FacilityType,
    own: Mapping[str, str],
    cells: Mapping[str, list[str | None]],
    members: Int,
    found: Findings,
) -> None:
    """Report numbers written with units or full-width digits, which the catalogue reads without a word."""
    for name, listed in cells.items():
        item = kind.attribute(name)
        if item is None or item.kind not in ("number", "integer"):
            continue
        values = np.full(len(found), None, object)
        values[members] = listed
        loose = np.zeros(len(found), np.bool_)
        loose[members] = [
            cell is not None and not _PLAIN.fullmatch(cell) and any(sign.isdigit() for sign in cell) for cell in listed
        ]
        found.rows(
            loose & ~found.refused,
            "number_text",
            "repaired",
            "已按数字读取（去除全角、千分位或单位）。",
            "Read as a number (full-width digits, separators or unit removed).",
            field=own[name],
            values=values,
        )


def _note_missing(kind: FacilityType, cells: Mapping[str, list[str | None]], total: int, found: Findings) -> None:
    """Note which of the type's attributes are missing."""
    gaps = [
        (
            item.title_zh,
            item.title_en,
            total if item.name not in cells else sum(cell is None for cell in cells[item.name]),
        )
        for item in kind.attributes
    ]
    note_gaps(kind.title_zh, kind.slug, total, gaps, found)
