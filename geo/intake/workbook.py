"""Spreadsheets: the sheet and the header row are found, title rows above are tolerated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from geo.errors import Problem
from geo.intake.book import Row, read_sheets
from geo.intake.table import (
    HEADER_SEARCH_ROWS,
    HeaderTest,
    RawTable,
    empty,
    find_header,
    unique_headers,
)
from geo.intake.values import text_of


def read_workbook(path: Path, is_header: HeaderTest, *, sheet: str | None = None) -> RawTable:
    """Read one sheet of a workbook.

    Parameters
    ----------
    path : pathlib.Path
        XLSX, XLS or ODS file.
    is_header : callable
        Tells whether a cell is a known header.
    sheet : str or None
        Sheet; None = the one whose header row holds the most known headers.

    Returns
    -------
    RawTable
        Cells as the workbook types them; row numbers as the spreadsheet shows them.

    Raises
    ------
    DataSourceError
        If the file is no workbook, too large, the sheet is missing or it is empty.
    """
    filled = {name: rows for name, rows in read_sheets(path, sheet) if rows}
    if not filled:
        raise empty(path.name)
    chosen = max(filled, key=lambda name: _known(filled[name], is_header))
    others = [name for name in filled if name != chosen]
    remarks: tuple[Problem, ...] = ()
    if others:
        remarks = (
            Problem(
                "sheet_chosen",
                "note",
                path.name,
                None,
                None,
                chosen,
                f"读取工作表“{chosen}”；未读取：{'、'.join(others)}。用 --layer 指定其他工作表。",
                f'Sheet "{chosen}" was read; not read: {", ".join(others)}. Choose another with --layer.',
            ),
        )
    return _table(path.name, filled[chosen], is_header, remarks)


def _table(file: str, rows: list[Row], is_header: HeaderTest, remarks: tuple[Problem, ...]) -> RawTable:
    """Rows below the header as a table."""
    head = [[text_of(cell) or "" for cell in row] for _, row in rows[:HEADER_SEARCH_ROWS]]
    header = find_header(head, is_header)
    body = rows[header + 1 :]
    if not body:
        raise empty(file)
    names = unique_headers(head[header])
    columns: dict[str, list[object]] = {}
    for i, name in enumerate(names):
        cells = [row[i] if i < len(row) else None for _, row in body]
        if head[header][i].strip() or any(map(_has_value, cells)):
            columns[name] = [cell if _has_value(cell) else None for cell in cells]
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
    return RawTable(file, frame, np.array([number for number, _ in body], np.int64), remarks=remarks)


def _known(rows: list[Row], is_header: HeaderTest) -> int:
    """Most known headers found in one row."""
    return max(sum(is_header(text_of(cell) or "") for cell in row) for _, row in rows[:HEADER_SEARCH_ROWS])


def _has_value(cell: object) -> bool:
    """Whether a cell holds anything but blanks."""
    return cell is not None and bool(str(cell).strip())
