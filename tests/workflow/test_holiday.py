"""The table that overrides the known holidays."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from geo.errors import InputError
from geo.workflow import DayKind, load_calendar

ROOT = Path(__file__).parents[2]


def test_the_delivered_table_is_sound() -> None:
    assert load_calendar(ROOT / "data" / "holidays.toml").years == frozenset()


def test_a_year_in_the_table_is_no_longer_provisional(tmp_path: Path) -> None:
    path = tmp_path / "holidays.toml"
    path.write_text('[years.2050]\nsource = "notice"\nscope = "whole_year"\nholidays = ["2050-10-03"]\n', "utf-8")
    calendar = load_calendar(path)
    assert calendar.kind(date(2050, 10, 3)) == DayKind(False, False)
    assert calendar.kind(date(2050, 10, 4)) == DayKind(True, False)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "holidays.toml"
    path.write_text('[years.2050]\nscope = "some"\nholidays = ["2049-01-01", "x"]\n', "utf-8")
    with pytest.raises(InputError) as caught:
        load_calendar(path)
    assert len(caught.value.problems) == 4
