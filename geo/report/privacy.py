"""What may leave the house: checks before anything is written, and villages too small to be numbered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from geo.access.privacy import SMALLEST_CELL_M
from geo.errors import InputError, Problem
from geo.report.cells import CellSet
from geo.report.model import CoverageReport
from geo.report.rows import DivisionRow, PersonCounts

_TOLERANCE = 1e-6


def check_report(report: CoverageReport) -> None:
    """Refuse a report that breaks the privacy rule or whose people do not add up.

    Parameters
    ----------
    report : CoverageReport
        The report.

    Raises
    ------
    InputError
        With one problem per broken rule.
    """
    problems = [*_cell_problems(report.cells, report.minimum_persons), *_result_problems(report)]
    if not report.types:
        problems.append(
            _problem("no_types", "types", "0", "报告至少要有一类设施", "a report needs at least one facility type")
        )
    if problems:
        raise InputError(
            f"报告不能输出：{len(problems)} 处不符合要求",
            f"the report is refused: {len(problems)} problems",
            problems,
        )


def hidden_villages(
    rows: Iterable[DivisionRow], minimum_persons: int, untold: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Return the codes of villages whose numbers must not be printed.

    A village below the minimum is hidden; where it is the only one of its township, or those hidden have too few
    people together, the next smallest is hidden with it, because the exact township total would give them away.

    Parameters
    ----------
    rows : iterable of DivisionRow
        Divisions of one result.
    minimum_persons : int
        Fewest people a village may be printed with.
    untold : frozenset of str
        Codes of villages that are hidden whatever their people.

    Returns
    -------
    frozenset of str
        Keys of their rows.
    """
    by_parent: dict[str | None, list[DivisionRow]] = {}
    for row in rows:
        if row.level == "village" and row.persons.total > 0:
            by_parent.setdefault(row.parent_code, []).append(row)
    hidden: set[str] = set()
    for children in by_parent.values():
        is_told = {row.key: row.persons.total >= minimum_persons and row.code not in untold for row in children}
        ranked = sorted(children, key=lambda row: (is_told[row.key], row.persons.total, row.key))
        n_hidden = len(children) - sum(is_told.values())
        while 0 < n_hidden < len(ranked) and (
            n_hidden == 1 or sum(row.persons.total for row in ranked[:n_hidden]) < minimum_persons
        ):
            n_hidden += 1
        hidden.update(row.key for row in ranked[:n_hidden])
    return frozenset(hidden)


def _cell_problems(cells: CellSet | None, minimum_persons: int) -> Iterator[Problem]:
    """Yield what is wrong with the cells."""
    if cells is None or cells.persons.size == 0:
        return
    if cells.unit_m < SMALLEST_CELL_M:
        yield _problem(
            "cell_too_small",
            "unit_m",
            f"{cells.unit_m:g}",
            f"网格边长不得小于 {SMALLEST_CELL_M:.0f} 米",
            f"cells must be at least {SMALLEST_CELL_M:.0f} m wide",
        )
    fewest = float(cells.persons.min())
    # A population smaller than the minimum is one cell of its own: there is nobody to hide among.
    if fewest < minimum_persons and cells.persons.size > 1:
        yield _problem(
            "cell_too_few_people",
            "persons",
            f"{fewest:g}",
            f"每个网格不得少于 {minimum_persons} 人",
            f"every cell must hold at least {minimum_persons} people",
        )


def _result_problems(report: CoverageReport) -> Iterator[Problem]:
    """Yield what is wrong with the results."""
    n_cells = None if report.cells is None else report.cells.persons.shape[0]
    for result in report.types:
        for group in result.groups:
            where = f"{result.slug}/{group.slug}"
            counts = [
                (where, group.persons),
                *((f"{where}/{row.code}", row.persons) for row in group.divisions),
            ]
            for name, persons in counts:
                if not _adds_up(persons):
                    yield _problem(
                        "counts_differ",
                        name,
                        f"{persons.total:g}",
                        "各状态人数之和必须等于总人数",
                        "the people by status must add up to the total",
                    )
            if group.cells is not None and not (
                n_cells
                == group.cells.status.shape[0]
                == group.cells.median.shape[0]
                == group.cells.covered_share.shape[0]
            ):
                yield _problem(
                    "cells_differ",
                    where,
                    str(group.cells.status.shape[0]),
                    f"网格数必须为 {n_cells}",
                    f"there must be {n_cells} cells",
                )


def _adds_up(persons: PersonCounts) -> bool:
    """Whether the parts make the whole."""
    parts = persons.covered + persons.too_far + persons.gate_closed + persons.disconnected + persons.not_linked
    return bool(np.isclose(parts, persons.total, rtol=0, atol=_TOLERANCE * max(1.0, persons.total)))


def _problem(code: str, field: str, value: str, message_zh: str, message_en: str) -> Problem:
    """Return one refusal about the report itself."""
    return Problem(code, "refused", "report", None, field, value, message_zh, message_en)
