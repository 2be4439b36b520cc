"""Working days: the State Council's arrangement as `chinese_calendar` knows it, and a table that overrides it.

A year that neither knows is answered by weekends alone and marked as provisional, until the arrangement of that year
is published (usually in November of the year before) and stands in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import chinese_calendar

from geo.catalog.reader import ProblemLog, Table, read_toml

_KNOWN_YEARS: Final = frozenset(day.year for day in chinese_calendar.constants.holidays)
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class DayKind:
    """What kind of day a day is.

    Parameters
    ----------
    is_working : bool
        Whether offices work.
    is_provisional : bool
        Whether this was told from the weekday alone, because nobody knows the year's holidays.
    """

    is_working: bool
    is_provisional: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days offices work.

    Parameters
    ----------
    overrides : Mapping of date to bool
        Days on which offices work (True) or rest (False), whatever the library says.
    years : frozenset of int
        Years for which `overrides` names every exception from the week.
    """

    overrides: Mapping[date, bool] = field(default_factory=dict)
    years: frozenset[int] = frozenset()

    def kind(self, day: date) -> DayKind:
        """Tell what kind of day a day is.

        Parameters
        ----------
        day : date
            Any day.

        Returns
        -------
        DayKind
            Never fails; a year nobody knows gives a provisional answer.
        """
        stated = self.overrides.get(day)
        if stated is not None:
            return DayKind(stated, False)
        is_weekday = day.weekday() < _SATURDAY
        if day.year in self.years:
            return DayKind(is_weekday, False)
        if day.year in _KNOWN_YEARS:
            return DayKind(bool(chinese_calendar.is_workday(day)), False)
        return DayKind(is_weekday, True)


def load_calendar(path: Path | None = None) -> Calendar:
    """Read the table that overrides the known holidays.

    Parameters
    ----------
    path : Path, optional
        A TOML file such as ``data/holidays.toml``; without one the library alone answers.

    Returns
    -------
    Calendar
        The calendar.

    Raises
    ------
    InputError
        The table is wrong; every problem is listed.
    DataSourceError
        The file cannot be read.
    """
    if path is None:
        return Calendar()
    log = ProblemLog()
    file = read_toml(path, log)
    overrides: dict[date, bool] = {}
    whole: set[int] = set()
    entries = file.table("years")
    for key, entry in [] if entries is None else entries.subtables():
        _read_year(key, entry, overrides, whole)
    file.finish()
    log.raise_if_any()
    return Calendar(overrides, frozenset(whole))


def _read_year(key: str, entry: Table, overrides: dict[date, bool], whole: set[int]) -> None:
    """Read one year's table."""
    if not (len(key) == 4 and key.isascii() and key.isdigit() and int(key) > 0):
        entry.report("", key, "应为四位年份", "must be a year of four digits")
        key = ""
    entry.text("source")
    scope = entry.one_of("scope", ("whole_year", "these_days"))
    for name, is_working in (("holidays", False), ("working_days", True)):
        for written in entry.texts(name):
            try:
                day = date.fromisoformat(written)
            except ValueError:
                entry.report(name, written, "应为日期，如 2027-01-01", "must be a date such as 2027-01-01")
                continue
            if key and day.year != int(key):
                entry.report(name, written, f"应在 {key} 年内", f"must lie in {key}")
            elif day in overrides:
                entry.report(name, written, "同一天只能写一次", "a day may be named only once")
            else:
                overrides[day] = is_working
    if key and scope == "whole_year":
        whole.add(int(key))
    entry.finish()
