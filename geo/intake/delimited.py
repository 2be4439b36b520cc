"""Delimited text: encoding and delimiter detected, title rows above the header tolerated."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd

from geo.errors import Problem
from geo.intake.table import (
    HEADER_SEARCH_ROWS,
    MOST_CELLS,
    HeaderTest,
    RawTable,
    empty,
    find_header,
    too_large,
    unique_headers,
    unreadable,
)

DELIMITERS = (",", "\t", ";", "|", ",", ";")


def decode(data: bytes, file: str, encoding: str | None = None) -> tuple[str, str]:
    """Decode text as UTF-8 or GB18030, whichever fits.

    Parameters
    ----------
    data : bytes
        The file.
    file : str
        File name.
    encoding : str or None
        Encoding to use instead of detecting one.

    Returns
    -------
    tuple of str
        Text without a byte-order mark, and the encoding's name.

    Raises
    ------
    DataSourceError
        If no encoding fits.
    """
    candidates = ["utf-8-sig", "gb18030"] if encoding is None else [encoding]
    if encoding is None and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        candidates = ["utf-16"]
    for name in candidates:
        try:
            return data.decode(name), name.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
        except LookupError:
            break
    tried = "、".join(candidates)
    raise unreadable(
        file,
        f"文字编码不是 {tried}，请另存为 UTF-8 或 GB18030。",
        f"its text encoding is not {tried}; save it as UTF-8 or GB18030.",
    )


def read_delimited(path: Path, is_header: HeaderTest, *, encoding: str | None = None) -> RawTable:
    """Read a CSV or TSV file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    is_header : callable
        Tells whether a cell is a known header.
    encoding : str or None
        Encoding; None = UTF-8 or GB18030 detected.

    Returns
    -------
    RawTable
        Text columns; row numbers as a spreadsheet shows them.

    Raises
    ------
    DataSourceError
        If the file is empty, too large, or cannot be decoded or split.
    """
    text, used = decode(path.read_bytes(), path.name, encoding)
    if "\x00" in text:
        raise unreadable(path.name, "内容是二进制，不是文本表格。", "its content is binary, not a text table.")
    if not text.strip():
        raise empty(path.name)
    head = text.splitlines()[: HEADER_SEARCH_ROWS + 5]
    delimiter = _delimiter(head, is_header)
    first = list(csv.reader(head, delimiter=delimiter))
    header = find_header(first, is_header)
    try:
        rows = []
        left = MOST_CELLS
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append(row)
            # A row of no cells takes room too.
            left -= max(len(row), 1)
            if left < 0:
                raise too_large(path.name)
    except csv.Error as error:
        raise unreadable(
            path.name, f"无法按“{delimiter}”分列（{error}）。", f'cannot split it at "{delimiter}" ({error}).'
        ) from error
    body = [
        (number, row) for number, row in enumerate(rows[header + 1 :], start=header + 2) if any(map(str.strip, row))
    ]
    if not body:
        raise empty(path.name)
    cells = rows[header]
    names = unique_headers(cells)
    width = len(names)
    is_ragged = np.array([any(map(str.strip, row[width:])) for _, row in body], np.bool_)
    padded = [row[:width] + [""] * (width - len(row)) for _, row in body]
    columns = dict(zip(names, zip(*padded, strict=True), strict=True))
    frame = pd.DataFrame(
        {
            name: pd.Series(column, dtype="str")
            for name, head_cell, column in zip(names, cells, columns.values(), strict=True)
            if head_cell.strip() or any(map(str.strip, column))
        }
    )
    lines = np.array([number for number, _ in body], np.int64)
    remark = Problem(
        "text_encoding", "note", path.name, None, None, used, f"文字编码 {used}。", f"Text encoding {used}."
    )
    remarks = (remark,) if used != "utf-8" else ()
    return RawTable(path.name, frame, lines, is_ragged=is_ragged, remarks=remarks)


def _delimiter(head: list[str], is_header: HeaderTest) -> str:
    """The sign that yields the most known headers in one row, then the most columns."""

    def score(sign: str) -> tuple[int, int]:
        rows = [line.split(sign) for line in head]
        known = max((sum(is_header(cell.strip(' "')) for cell in row) for row in rows), default=0)
        return known if len(rows) and max(map(len, rows)) > 1 else 0, max(map(len, rows), default=0)

    return max(DELIMITERS, key=score)
