"""The one shape every reader delivers: columns as text or numbers, lines, and geometry where "
"there is some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import CRS

from geo.arrays import Bool, Int
from geo.errors import DataSourceError, Problem

Objects = NDArray[np.object_]
HeaderTest = Callable[[str], bool]
HEADER_SEARCH_ROWS = 20
MOST_CELLS = 20_000_000
"""Cells a file may hold: two million rows of ten columns, which take about 2 GB of memory while they are judged."""
MOST_CHARACTERS = 500_000_000
"""Characters the cells of a workbook may hold together."""


@dataclass(frozen=True, slots=True)
class RawTable:
    """Rows of a file before anything is judged.

    Parameters
    ----------
    file : str
        File name without its folder.
    frame : pandas.DataFrame
        Columns as the file spells them; plain RangeIndex.
    lines : numpy.ndarray
        One-based row of each record as a spreadsheet shows it, or the feature's ordinal.
    geometry : numpy.ndarray or None
        Shapely geometries (None where missing or unreadable); None if the file has no geometry.
    crs : CRS or None
        The declared system; None if the file declares none.
    is_ring_closed : numpy.ndarray or None
        Where a ring had to be closed to be read.
    is_unreadable : numpy.ndarray or None
        Where a geometry is there but cannot be read.
    is_ragged : numpy.ndarray or None
        Where a row has more cells than the header, as an unquoted comma in an address makes it.
    remarks : tuple of Problem
        What the reader wants to be told.
    """

    file: str
    frame: pd.DataFrame
    lines: Int
    geometry: Objects | None = None
    crs: CRS | None = None
    is_ring_closed: Bool | None = None
    is_unreadable: Bool | None = None
    is_ragged: Bool | None = None
    remarks: tuple[Problem, ...] = ()

    @property
    def columns(self) -> list[str]:
        """Headers as the file spells them."""
        return [str(column) for column in self.frame.columns]


def find_header(rows: Sequence[Sequence[str]], is_header: HeaderTest) -> int:
    """Find the header row under possible title rows.

    Parameters
    ----------
    rows : sequence of sequence of str
        First rows of the file as text.
    is_header : callable
        Tells whether a cell is a known header.

    Returns
    -------
    int
        Index of the row with the most known headers; of the first row with two filled cells if none is known.
    """
    scores = [sum(is_header(cell) for cell in row if cell.strip()) for row in rows[:HEADER_SEARCH_ROWS]]
    best = max(scores, default=0)
    if best > 0:
        return scores.index(best)
    for i, row in enumerate(rows[:HEADER_SEARCH_ROWS]):
        if sum(bool(cell.strip()) for cell in row) >= 2:
            return i
    return 0


def unique_headers(cells: Sequence[str]) -> list[str]:
    """Name columns, numbering blank and repeated headers.

    Parameters
    ----------
    cells : sequence of str
        Header cells.

    Returns
    -------
    list of str
        Trimmed headers, each once.
    """
    seen: dict[str, int] = {}
    out: list[str] = []
    for number, cell in enumerate(cells, start=1):
        name = " ".join(cell.replace("\ufeff", "").split()) or f"第{number}列"
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return out


def unreadable(file: str, why_zh: str, why_en: str) -> DataSourceError:
    """Say that a file cannot be read.

    Parameters
    ----------
    file : str
        File name.
    why_zh, why_en : str
        Reason and what is allowed.

    Returns
    -------
    DataSourceError
        The error to raise.
    """
    return DataSourceError(f"无法读取“{file}”：{why_zh}", f'Cannot read "{file}": {why_en}', file=file)


def too_large(file: str) -> DataSourceError:
    """Say that a file holds more than is read at once.

    Parameters
    ----------
    file : str
        File name.

    Returns
    -------
    DataSourceError
        The error to raise.
    """
    return unreadable(
        file,
        f"内容太多：一次最多读取 {MOST_CELLS:,} 个单元格，约 2 GB 内存。"
        "请检查很远的行、列里有没有零星内容，删去多余的行列，或拆成几个文件。",
        f"it holds too much: at most {MOST_CELLS:,} cells are read at once, about 2 GB of memory. See whether far rows "
        "or columns hold stray values, remove what is not needed, or split the file.",
    )


def empty(file: str) -> DataSourceError:
    """Say that a file holds no data.

    Parameters
    ----------
    file : str
        File name.

    Returns
    -------
    DataSourceError
        The error to raise.
    """
    return unreadable(
        file, "文件是空的，应有表头和至少一行数据。", "it is empty; a header and one row of data are needed."
    )
