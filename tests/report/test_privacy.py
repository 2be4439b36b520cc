"""What may leave the house."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InputError
from geo.report.html import render_html
from geo.report.model import CoverageReport, DivisionRow, PersonCounts
from geo.report.privacy import check_report, hidden_villages
from tests.report.builders import coverage_report


def small() -> CoverageReport:
    return coverage_report(6_000, 120, 12)


def village(code: str, parent: str, persons: float) -> DivisionRow:
    return DivisionRow(code, code, "village", parent, PersonCounts(persons, persons))


def codes(report: CoverageReport) -> list[str]:
    with pytest.raises(InputError) as caught:
        check_report(report)
    return [problem.code for problem in caught.value.problems]


def test_a_cell_narrower_than_100_metres_is_refused() -> None:
    report = small()
    assert report.cells is not None
    narrow = dataclasses.replace(report.cells, unit_m=99.0)
    assert codes(dataclasses.replace(report, cells=narrow)) == ["cell_too_small"]


def test_a_cell_with_nine_people_is_refused_and_no_page_is_made() -> None:
    report = small()
    assert report.cells is not None
    persons = np.array(report.cells.persons)
    persons[0] = 9
    wrong = dataclasses.replace(report, cells=dataclasses.replace(report.cells, persons=persons))
    assert codes(wrong) == ["cell_too_few_people"]
    with pytest.raises(InputError, match="refused"):
        render_html(wrong)


def test_people_that_do_not_add_up_are_refused() -> None:
    report = small()
    result = report.types[0]
    wrong = dataclasses.replace(result.overall, persons=PersonCounts(100, 50, 49))
    assert "counts_differ" in codes(dataclasses.replace(report, types=(dataclasses.replace(result, overall=wrong),)))


def test_values_for_other_cells_and_a_report_without_types_are_refused() -> None:
    report = small()
    assert report.cells is not None
    fewer = dataclasses.replace(report.cells, persons=report.cells.persons[:-1])
    assert set(codes(dataclasses.replace(report, cells=fewer))) == {"cells_differ"}
    assert codes(dataclasses.replace(report, types=())) == ["no_types"]


def test_a_single_small_village_takes_its_next_smallest_sister_with_it() -> None:
    rows = [village("a", "t", 4), village("b", "t", 30), village("c", "t", 20), village("d", "u", 50)]
    assert hidden_villages(rows, 10) == {"a", "c"}


def test_an_empty_village_gives_nobody_away() -> None:
    assert hidden_villages([village("a", "t", 0), village("b", "t", 30)], 10) == frozenset()


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_no_hidden_village_follows_from_its_township_by_subtraction(persons: list[int]) -> None:
    rows = [village(str(i), "t", count) for i, count in enumerate(persons)]
    hidden = hidden_villages(rows, 10)
    assert all(row.code in hidden for row in rows if 0 < row.persons.total < 10)
    inhabited = sum(count > 0 for count in persons)
    # One unknown would be the township less the others; where there is only one village there is no other.
    assert len(hidden) != 1 or inhabited == 1
    # So would a few people in several.
    together = sum(row.persons.total for row in rows if row.code in hidden)
    assert not hidden or together >= 10 or len(hidden) == inhabited


def test_a_village_that_must_not_be_told_takes_a_sister_with_it() -> None:
    rows = [village("a", "t", 40), village("b", "t", 30), village("c", "t", 20), village("d", "u", 50)]
    assert hidden_villages(rows, 10, frozenset({"a"})) == {"a", "c"}
    assert hidden_villages(rows, 10, frozenset({"d"})) == {"d"}
    assert hidden_villages([*rows, village("e", "t", 3), village("f", "t", 2)], 10) == {"c", "e", "f"}
