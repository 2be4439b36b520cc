"""Collecting every problem of one file before anything is decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from geo.arrays import Bool, Int
from geo.errors import DatumError, InputError, Problem, Severity

# Repairs and notes of one kind are listed row by row up to here and then counted; refusals are always listed.
LISTED_PER_KIND = 1000
DATUM_CODES = frozenset({"missing_datum", "datum_refused", "datum_conflict"})


class Findings:
    """Problems of one file, with a mask of the rows they touch.

    Parameters
    ----------
    file : str
        File name without its folder.
    lines : numpy.ndarray
        One-based row number of each data row as the file shows it.
    """

    def __init__(self, file: str, lines: Int) -> None:
        self.file = file
        self.lines = lines
        self.refused: Bool = np.zeros(len(lines), np.bool_)
        self.repaired: Bool = np.zeros(len(lines), np.bool_)
        self.set_aside: Bool = np.zeros(len(lines), np.bool_)
        self._rows: list[tuple[int, Problem]] = []
        self._whole: list[Problem] = []
        self._parts: list[Problem] = []

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def keep(self) -> Bool:
        """Rows that may be stored."""
        return np.asarray(~self.refused & ~self.set_aside, np.bool_)

    @contextmanager
    def afresh(self) -> Iterator[None]:
        """Judge every row, those refused for another reason as well, so that all that is wrong is told at once."""
        before = self.refused
        self.refused = np.zeros_like(before)
        try:
            yield
        finally:
            self.refused |= before

    @property
    def is_fatal(self) -> bool:
        """Whether the whole file is refused."""
        return any(problem.severity == "refused" for problem in self._whole)

    def rows(
        self,
        where: Bool,
        code: str,
        severity: Severity,
        zh: str,
        en: str,
        *,
        field: str | None = None,
        values: NDArray[np.object_] | Sequence[object] | None = None,
    ) -> None:
        """Report one kind of problem for the rows of a mask.

        Parameters
        ----------
        where : numpy.ndarray
            Boolean mask over the data rows; rows that were set aside are left out.
        code : str
            Stable code.
        severity : {"refused", "repaired", "note"}
            What it means for the row.
        zh, en : str
            What is wrong and what is allowed.
        field : str or None
            Column as the file spells it.
        values : sequence or None
            Value of every data row, aligned with the mask.
        """
        index = np.flatnonzero(where & ~self.set_aside)
        if severity == "refused":
            self.refused[index] = True
        elif severity == "repaired":
            self.repaired[index] = True
        listed = index if severity == "refused" else index[:LISTED_PER_KIND]
        for i in listed.tolist():
            value = None if values is None else shown(values[i])
            row = int(self.lines[i])
            self._rows.append((row, Problem(code, severity, self.file, row, field, value, zh, en)))
        rest = len(index) - len(listed)
        if rest:
            self.whole(code, severity, f"另有 {rest:,} 行相同：{zh}", f"{rest:,} more rows: {en}", field=field)

    def whole(
        self,
        code: str,
        severity: Severity,
        zh: str,
        en: str,
        *,
        field: str | None = None,
        value: str | None = None,
    ) -> None:
        """Report a problem of the file as a whole.

        Parameters
        ----------
        code : str
            Stable code.
        severity : {"refused", "repaired", "note"}
            Refused means that no row can be stored.
        zh, en : str
            What is wrong and what is allowed.
        field : str or None
            Column as the file spells it.
        value : str or None
            The offending value.
        """
        self._whole.append(Problem(code, severity, self.file, None, field, value, zh, en))

    def part(self, code: str, zh: str, en: str, *, field: str | None, value: str | None) -> None:
        """Refuse something that is no row of the file, without refusing the file.

        Parameters
        ----------
        code : str
            Stable code.
        zh, en : str
            What is wrong and what is allowed.
        field : str or None
            Field.
        value : str or None
            What it is.
        """
        self._parts.append(Problem(code, "refused", self.file, None, field, value, zh, en))

    def add(self, problems: Sequence[tuple[int, Problem]]) -> None:
        """Add ready problems of single rows.

        Parameters
        ----------
        problems : sequence of (int, Problem)
            Position of the data row, and the problem.
        """
        for i, problem in problems:
            if problem.severity == "refused":
                self.refused[i] = True
            elif problem.severity == "repaired":
                self.repaired[i] = True
            self._rows.append((int(self.lines[i]), problem))

    def extend(self, problems: Sequence[Problem]) -> None:
        """Add remarks that a reader made about the file.

        Parameters
        ----------
        problems : sequence of Problem
            File-level problems.
        """
        self._whole.extend(problems)

    def problems(self) -> tuple[Problem, ...]:
        """Return everything found.

        Returns
        -------
        tuple of Problem
            File-level problems first, then in file order.
        """
        ordered = sorted(self._rows, key=lambda pair: pair[0])
        return (*self._whole, *self._parts, *(problem for _, problem in ordered))

    def stop_if_fatal(self) -> None:
        """Raise when the whole file is refused.

        Raises
        ------
        InputError
            With every problem found so far; a `DatumError` if the datum is the reason.
        """
        fatal = [problem for problem in self._whole if problem.severity == "refused"]
        if not fatal:
            return
        kind = DatumError if any(problem.code in DATUM_CODES for problem in fatal) else InputError
        raise kind(
            f"{self.file}：" + " ".join(problem.message_zh for problem in fatal),
            f"{self.file}: " + " ".join(problem.message_en for problem in fatal),
            self.problems(),
            file=self.file,
        )


def shown(value: object) -> str | None:
    """Write an offending value as text, shortened.

    Parameters
    ----------
    value : object
        A cell.

    Returns
    -------
    str or None
        The text; None for a blank cell.
    """
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "…"
