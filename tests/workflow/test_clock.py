"""Clocks against a day-by-day oracle."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from geo.workflow import Calendar, ClockRule, Pause, contains_district, due_date, read_clock
from geo.workflow.clock import DayUnit

CALENDAR = Calendar()


def rule(limit_days: int, unit: DayUnit) -> ClockRule:
    return ClockRule("decision", "办理", "Decision", limit_days, unit, "as_counted", "test", "V")


def oracle_used(started: date, pauses: tuple[Pause, ...], until: date, unit: DayUnit) -> int:
    """Count one day after the other."""
    used, day = 0, started
    while day < until:
        day += timedelta(days=1)
        is_paused = any(p.began < day and (p.ended is None or day <= p.ended) for p in pauses)
        used += not is_paused and (unit == "calendar_day" or CALENDAR.kind(day).is_working)
    return used


@given(
    st.dates(date(2024, 1, 1), date(2026, 6, 1)),
    st.integers(1, 40),
    st.sampled_from(["calendar_day", "working_day"]),
    st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=3),
    st.integers(0, 120),
    st.booleans(),
)
def test_a_clock_counts_as_one_day_after_the_other(
    started: date, limit: int, unit: DayUnit, gaps: list[tuple[int, int]], later: int, is_open: bool
) -> None:
    pauses: list[Pause] = []
    day = started
    for wait, length in gaps:
        began = day + timedelta(days=wait)
        day = began + timedelta(days=length)
        pauses.append(Pause(began, day))
    if pauses and is_open:
        pauses[-1] = Pause(pauses[-1].began)
    kept, today = tuple(pauses), started + timedelta(days=later)
    shown = read_clock(rule(limit, unit), started, kept, today=today, calendar=CALENDAR)
    assert shown.used_days == oracle_used(started, kept, today, unit)
    assert shown.over_days == max(0, shown.used_days - limit)
    due, _ = due_date(rule(limit, unit), started, kept, calendar=CALENDAR)
    if due is None:
        assert kept[-1].ended is None
    else:
        assert oracle_used(started, kept, due, unit) == limit
        assert oracle_used(started, kept, due - timedelta(days=1), unit) == limit - 1


def test_a_year_nobody_knows_is_told_from_its_weekends_and_marked() -> None:
    kind = CALENDAR.kind(date(2050, 10, 3))
    assert (kind.is_working, kind.is_provisional) == (True, True)
    assert due_date(rule(5, "working_day"), date(2050, 1, 3), calendar=CALENDAR)[1] is True


def test_national_day_and_its_make_up_day_are_known() -> None:
    assert CALENDAR.kind(date(2026, 10, 1)).is_working is False
    assert CALENDAR.kind(date(2026, 10, 10)).is_working is True


def test_a_county_lies_in_its_prefecture_and_not_in_another() -> None:
    assert contains_district("320500", "320508001")
    assert not contains_district("320600", "320508")
    assert contains_district(None, "320508")
