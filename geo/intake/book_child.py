"""Reads a workbook in a process of its own, whose memory and time are limited; run as a script by `geo.intake.book`.

A workbook of a few kilobytes can ask for all the memory there is: one value in the last cell of a sheet makes the
reader lay out every cell before it, and what fails to be allocated ends the whole process. So it is another process
than the one that serves. Nothing but the reader is imported here, so that it starts in a few hundredths of a second.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterable, Sequence

MOST_MEMORY_BYTES = 2 << 30
MOST_CPU_S = 300
ROWS_AT_ONCE = 5_000


def main(path: str, *wanted: str) -> None:
    """Write the sheets' names and, sheet by sheet, the rows that hold something to the standard output, pickled.

    Parameters
    ----------
    path : str
        The workbook.
    *wanted : str
        ``names`` for the names alone, ``all``, or ``one`` and a sheet's name.

    Notes
    -----
    The messages are ``("names", [...])``, ``("sheet", name)``, ``("rows", [(number, cells), ...])`` and last
    ``("end", None)``; or ``("error", None)`` for a file that is no workbook.
    """
    _limit()
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(path)
        names = list(book.sheet_names)
        _send("names", names)
        chosen = {"names": [], "all": names}.get(wanted[0], [name for name in names if name in wanted[1:]])
        for name in chosen:
            sheet = book.get_sheet_by_name(name)
            _send("sheet", name)
            # Empty rows above the first value are given out, empty columns before it are not.
            _send_rows(sheet.start[1] if sheet.start else 0, sheet.iter_rows())
    except (CalamineError, OSError):
        _send("error")
    else:
        _send("end")


def _send_rows(left: int, rows: Iterable[Sequence[object]]) -> None:
    """Send the rows that hold something, each with its number and the columns before the first value."""
    lot: list[tuple[int, list[object]]] = []
    for number, row in enumerate(rows, start=1):
        cells = list(row)
        while cells and (cells[-1] is None or (isinstance(cells[-1], str) and not cells[-1].strip())):
            cells.pop()
        if not cells:
            continue
        lot.append((number, [None] * left + cells))
        if len(lot) == ROWS_AT_ONCE:
            _send("rows", lot)
            lot = []
    if lot:
        _send("rows", lot)


def _send(kind: str, content: object = None) -> None:
    """Write one message."""
    pickle.dump((kind, content), sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
    sys.stdout.buffer.flush()


def _limit() -> None:
    """Limit this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
