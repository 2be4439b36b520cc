"""A layer as a workbook: one sheet of rows written as they come, one that says what they are."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from geo.errors import InputError
from geo.export.delimited import mark_text, mark_titles, place_columns, place_titles
from geo.export.formula import printable
from geo.export.table import ExportHead, ExportRows, arrow_columns
from geo.report.sheet import FONT, keep_text, needs_keeping

MOST_ROWS: Final = 1_048_575
"""Rows that fit under the head of a sheet."""
_LONGEST: Final = 32_767
_WIDTH: Final = 18


def refuse_too_many(rows: int) -> None:
    """Refuse more rows than a sheet holds.

    Parameters
    ----------
    rows : int
        Rows that would be written.

    Raises
    ------
    InputError
        There are too many.
    """
    if rows > MOST_ROWS:
        raise InputError(
            f"共 {rows:,} 行，超过 XLSX 工作表最多的 {MOST_ROWS:,} 行；请加条件，或改用 CSV、GeoPackage 等格式",
            f"{rows:,} rows are more than the {MOST_ROWS:,} that an XLSX sheet holds; ask for less, or for CSV or "
            "GeoPackage",
            rows=rows,
        )


def write_table_xlsx(head: ExportHead, pages: Iterable[ExportRows], path: Path) -> None:
    """Write a workbook; no text in it acts as a formula.

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
    InputError
        There are more rows than a sheet holds.
    """
    book = Workbook(write_only=True)
    book.properties.title, book.properties.description = head.title, head.description
    book.properties.category = mark_text(head) or None
    with _removed(book):
        sheet = book.create_sheet(head.say("数据", "Data"))
        titles = [*(one.title for one in head.fields), *place_titles(head), *mark_titles(head)]
        for place in range(len(titles)):
            sheet.column_dimensions[get_column_letter(place + 1)].width = _WIDTH
        sheet.freeze_panes = "A2"
        bold = Font(name=FONT, bold=True)
        sheet.append([_text(sheet, title, bold) for title in titles])
        written, too_long = 0, 0
        for rows in pages:
            written += len(rows)
            refuse_too_many(written)
            columns = [column.to_pylist() for column in (*arrow_columns(head, rows), *place_columns(head, rows))]
            mark = [mark_text(head)] if head.marks else []
            for values in zip(*columns, strict=True):
                too_long += sum(isinstance(value, str) and len(value) > _LONGEST for value in values)
                sheet.append([_cell(sheet, head, value) for value in (*values, *mark)])
        _describe(book, head, written, too_long)
        book.save(path)


def _describe(book: Workbook, head: ExportHead, written: int, too_long: int) -> None:
    """Add the sheet that says what the rows are."""
    sheet = book.create_sheet(head.say("说明", "About"))
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 16, 80
    facts = [
        (head.say("图层", "Layer"), head.title),
        (head.say("标识", "Name"), head.name),
        (head.say("说明", "Description"), head.description),
        (head.say("行数", "Rows"), str(written)),
        (head.say("标注", "Mark"), mark_text(head) or head.say("无", "none")),
    ]
    if too_long:
        zh = f"{too_long} 个单元格超过 {_LONGEST:,} 个字符，未写入全文；请改用 GeoPackage 等格式"
        en = f"{too_long} cells hold more than {_LONGEST:,} characters and are not whole; use GeoPackage or the like"
        facts.append((head.say("注意", "Note"), head.say(zh, en)))
    for name, value in facts:
        sheet.append([_text(sheet, name, Font(name=FONT, bold=True)), _text(sheet, value, Font(name=FONT))])


def _cell(sheet: WriteOnlyWorksheet, head: ExportHead, value: object) -> Any:
    """A value as a sheet takes it."""
    if isinstance(value, str):
        if len(value) > _LONGEST:
            return head.say(f"（过长：{len(value):,} 个字符）", f"(too long: {len(value):,} characters)")
        # Everything else is taken for text anyway, and far quicker.
        return _text(sheet, value) if needs_keeping(value) else value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date) and value.year < 1900:
        return value.isoformat()
    return value


def _text(sheet: WriteOnlyWorksheet, text: str, font: Font | None = None) -> WriteOnlyCell:
    """A cell of text, whatever it begins with."""
    cell = WriteOnlyCell(sheet)
    keep_text(cell, printable(text))
    if font is not None:
        cell.font = font
    return cell


@contextlib.contextmanager
def _removed(book: Workbook) -> Iterator[None]:
    """Remove what a workbook that was never saved has left on the disk."""
    try:
        yield
    except BaseException:
        for sheet in book.worksheets:
            writer = sheet._writer
            if writer is None:
                continue
            with contextlib.suppress(Exception):
                sheet.close()
            with contextlib.suppress(OSError, ValueError):
                writer.cleanup()
        raise
