"""Workbooks, read by a process of their own whose memory and time are limited (`geo.intake.book_child`)."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final, cast

from geo.intake.table import MOST_CELLS, MOST_CHARACTERS, too_large, unreadable

Row = tuple[int, list[object]]
"""Number of a row as the spreadsheet shows it, and its cells up to the last that holds something."""

_CHILD: Final = Path(__file__).with_name("book_child.py")


def sheet_names(path: Path) -> tuple[str, ...]:
    """List the sheets of a workbook.

    Parameters
    ----------
    path : pathlib.Path
        XLSX, XLS or ODS file.

    Returns
    -------
    tuple of str
        Names in order.

    Raises
    ------
    DataSourceError
        It is no workbook, or cannot be read within the limits.
    """
    with contextlib.closing(_messages(path, "names")) as messages:
        return tuple(cast(list[str], dict(messages)["names"]))


def read_sheets(path: Path, sheet: str | None = None) -> Iterator[tuple[str, list[Row]]]:
    """Read the sheets of a workbook, one after the other.

    Parameters
    ----------
    path : pathlib.Path
        XLSX, XLS or ODS file.
    sheet : str or None
        The only one to read.

    Yields
    ------
    tuple of str and list
        A sheet's name and its rows that hold something.

    Raises
    ------
    DataSourceError
        It is no workbook, has no such sheet, or cannot be read within the limits.
    """
    name: str | None = None
    rows: list[Row] = []
    cells = characters = 0
    with contextlib.closing(_messages(path, *(("all",) if sheet is None else ("one", sheet)))) as messages:
        for kind, content in messages:
            if kind == "names":
                _must_have(path.name, cast(list[str], content), sheet)
            elif kind == "sheet":
                if name is not None:
                    yield name, rows
                name, rows = cast(str, content), []
            else:
                lot = cast(list[Row], content)
                rows += lot
                cells += sum(len(row) for _, row in lot)
                characters += sum(len(cell) for _, row in lot for cell in row if isinstance(cell, str))
                if cells > MOST_CELLS or characters > MOST_CHARACTERS:
                    raise too_large(path.name)
    if name is not None:
        yield name, rows


def _must_have(file: str, names: list[str], sheet: str | None) -> None:
    """Refuse a sheet that is not there."""
    if sheet is not None and sheet not in names:
        raise unreadable(
            file,
            f"没有工作表“{sheet}”，可选：{'、'.join(names)}。",
            f'no sheet "{sheet}"; there are: {", ".join(names)}.',
        )


def _messages(path: Path, *wanted: str) -> Generator[tuple[str, object]]:
    """What the reading process says, up to its end."""
    command = [sys.executable, "-I", str(_CHILD), str(path), *wanted]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet) as child:
        assert child.stdout is not None
        try:
            while True:
                try:
                    kind, content = pickle.load(child.stdout)
                except (EOFError, pickle.UnpicklingError) as error:
                    # It ended before it was done: there was no memory or no time left.
                    raise too_large(path.name) from error
                if kind == "error":
                    raise unreadable(
                        path.name,
                        "不是可读的 Excel 工作簿（.xlsx、.xls），可能已损坏或加密。",
                        "it is no readable workbook (.xlsx, .xls); it may be damaged or encrypted.",
                    )
                if kind == "end":
                    return
                yield kind, content
        finally:
            child.kill()
