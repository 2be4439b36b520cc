"""One look for every sheet: title, mark, header with units, frozen head, widths for Chinese, text that stays text."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from openpyxl import Workbook
from openpyxl.cell import Cell as SheetCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from geo.export.formula import is_formula, printable

FONT = "微软雅黑"
_CHARSET_GB2312 = 134
_HEAD_ROW = 4
_FORMATS = {"0": "#,##0", "0.0": "#,##0.0", "0.00": "#,##0.00", "0.0000": "0.0000", "%": "0.0"}
_TITLE_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")


@dataclass(frozen=True, slots=True)
class Reason:
    """A missing value: printed as a dash, with the reason in the sheet's last column.

    Parameters
    ----------
    text_zh : str
        Why there is no value.
    """

    text_zh: str


Cell: TypeAlias = str | float | int | Reason


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Parameters
    ----------
    title_zh : str
        Header with its unit.
    form : str
        ``""`` for text, else ``0``, ``0.0``, ``0.00``, ``0.0000`` or ``%`` (a share of 1, printed times 100).
    """

    title_zh: str
    form: str = ""


def needs_keeping(text: str) -> bool:
    """Tell whether a sheet could take a text for something else.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    bool
        True for formulas, for what looks like an error value, and for text with characters a workbook cannot hold.
    """
    return is_formula(text) or text.startswith("#") or printable(text) != text


def keep_text(target: SheetCell, text: str) -> None:
    """Write a text as text, whatever it begins with.

    Parameters
    ----------
    target : Cell
        The cell.
    text : str
        A `printable` text.
    """
    target.value = text
    # openpyxl would take a leading "=" for a formula; a spreadsheet asks the same of + - and @ on editing.
    if text:
        target.data_type = "s"
    if is_formula(text):
        target.quotePrefix = True


def ratio(numerator: float, denominator: float, why: str) -> Cell:
    """Return a share of 1.

    Parameters
    ----------
    numerator, denominator : float
        What is divided.
    why : str
        The reason where the denominator is 0.

    Returns
    -------
    Cell
        The share, or the reason.
    """
    return numerator / denominator if denominator > 0 else Reason(why)


class SheetWriter:
    """Adds sheets to a workbook, each with one table.

    Parameters
    ----------
    book : Workbook
        The workbook.
    title : str
        The report's title.
    subtitle : str
        Issuer, data date and population, with the mark of synthetic data.
    """

    def __init__(self, book: Workbook, title: str, subtitle: str) -> None:
        self._book = book
        self._title = title
        self._subtitle = subtitle
        self._text = Font(name=FONT, charset=_CHARSET_GB2312, size=10)
        self._head = Font(name=FONT, charset=_CHARSET_GB2312, size=10, bold=True, color="FFFFFF")
        self._big = Font(name=FONT, charset=_CHARSET_GB2312, size=14, bold=True)
        self._small = Font(name=FONT, charset=_CHARSET_GB2312, size=9, color="66757C")
        self._fill = PatternFill("solid", fgColor="0F6B6B")
        self._line = Border(bottom=Side(style="hair", color="C3CBC8"))
        self._left = Alignment(horizontal="left", vertical="center")
        self._right = Alignment(horizontal="right", vertical="center")
        self._wrap = Alignment(horizontal="center", vertical="center", wrap_text=True)

    def table(self, name: str, heading: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
        """Add a sheet.

        Parameters
        ----------
        name : str
            Sheet name; shortened and made unique.
        heading : str
            What the table shows.
        columns : sequence of Column
            Its columns.
        rows : iterable of sequence of Cell
            One cell per column.
        """
        sheet = self._book.create_sheet(self._sheet_name(name))
        listed: list[list[Cell]] = [list(row) for row in rows]
        all_columns = list(columns)
        if any(isinstance(cell, Reason) for row in listed for cell in row):
            all_columns.append(Column("缺值原因"))
            listed = [[*row, _reasons(row)] for row in listed]
        self._put_text(sheet.cell(1, 1), f"{self._title}　{heading}", self._big)
        self._put_text(sheet.cell(2, 1), self._subtitle, self._small)
        for number, column in enumerate(all_columns, start=1):
            head = sheet.cell(_HEAD_ROW, number)
            self._put_text(head, column.title_zh, self._head)
            head.fill, head.alignment = self._fill, self._wrap
        for offset, row in enumerate(listed, start=_HEAD_ROW + 1):
            self._put_row(sheet, offset, all_columns, row)
        if not listed:
            self._put_text(sheet.cell(_HEAD_ROW + 1, 1), "没有数据", self._small)
        self._finish(sheet, all_columns, listed)

    def _put_row(self, sheet: Worksheet, number: int, columns: Sequence[Column], row: Sequence[Cell]) -> None:
        """Write one row."""
        for position, (column, value) in enumerate(zip(columns, row, strict=True), start=1):
            target = sheet.cell(number, position)
            target.border = self._line
            if isinstance(value, Reason):
                self._put_text(target, "—", self._text)
                target.alignment = self._right if column.form else self._left
            elif isinstance(value, str):
                self._put_text(target, value, self._text)
            else:
                self._put_number(target, value, column.form)

    def _put_number(self, target: SheetCell, value: float, form: str) -> None:
        """Write a number; whole ones as integers, shares times 100."""
        target.font, target.alignment = self._text, self._right
        if not math.isfinite(value):
            self._put_text(target, "—", self._text)
            return
        shown = value * 100 if form == "%" else value
        target.value = int(shown) if float(shown).is_integer() else shown
        target.number_format = _FORMATS.get(form, "General")

    def _put_text(self, target: SheetCell, text: str, font: Font) -> None:
        """Write a text as text, whatever it begins with."""
        keep_text(target, printable(text))
        target.font, target.alignment = font, self._left

    def _sheet_name(self, name: str) -> str:
        """Return a legal, unused sheet name of at most 31 characters."""
        clean = _TITLE_FORBIDDEN.sub(" ", printable(name)).strip() or "表"
        base, number = clean[:31], 2
        found = base
        while found.casefold() in (taken.casefold() for taken in self._book.sheetnames):
            found = f"{base[: 31 - len(str(number)) - 1]}-{number}"
            number += 1
        return found

    def _finish(self, sheet: Worksheet, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
        """Set widths, frozen panes, filter and print layout."""
        for position, column in enumerate(columns):
            head = max((_width(part) for part in re.split("(?=（)", column.title_zh)), default=0)
            body = max((_shown_width(row[position]) for row in rows[:500]), default=0)
            sheet.column_dimensions[get_column_letter(position + 1)].width = min(48, max(9, head + 3, body + 2))
        sheet.row_dimensions[1].height = 24
        sheet.row_dimensions[_HEAD_ROW].height = 34
        n_fixed = next((i for i, column in enumerate(columns) if column.form), 1)
        sheet.freeze_panes = sheet.cell(_HEAD_ROW + 1, min(n_fixed, 3) + 1)
        if rows:
            last = get_column_letter(len(columns))
            sheet.auto_filter.ref = f"A{_HEAD_ROW}:{last}{_HEAD_ROW + len(rows)}"
        sheet.sheet_view.showGridLines = False
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
        sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
        sheet.print_title_rows = f"{_HEAD_ROW}:{_HEAD_ROW}"
        sheet.oddFooter.center.text = "&P / &N"


def _reasons(row: Iterable[Cell]) -> str:
    """Return why values are missing, each reason once."""
    return "；".join(dict.fromkeys(cell.text_zh for cell in row if isinstance(cell, Reason)))


def _width(text: str) -> int:
    """Return the width in Latin characters; Chinese ones, and those a Chinese font draws wide, count twice."""
    return sum(2 if unicodedata.east_asian_width(character) in "WFA" else 1 for character in text)


def _shown_width(value: Cell) -> int:
    """Return the width of a value as printed."""
    if isinstance(value, Reason):
        return 2
    return _width(value) if isinstance(value, str) else len(f"{value:,.1f}")
