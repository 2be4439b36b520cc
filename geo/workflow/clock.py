"""Clocks: how long a step may take, what of that has run, and when it is due.

A clock that starts on one day counts from the next. A pause does not count from the day after it began to the day it
ended, that day included, so that a paused clock goes on, like a started one, on the day after.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, get_args

from geo.catalog.schema import Certainty
from geo.errors import InputError
from geo.workflow.holiday import Calendar

DayUnit = Literal["calendar_day", "working_day"]
LastDay = Literal["as_counted", "next_working_day"]
ClockState = Literal["running", "paused", "stopped"]
UNITS: Final = get_args(DayUnit)
LAST_DAYS: Final = get_args(LastDay)
LONGEST_DAYS: Final = 3660
"""Ten years; a limit beyond is a slip of the pen."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ClockRule:
    """How long something may take.

    Parameters
    ----------
    name : str
        Identifier within its workflow.
    title_zh, title_en : str
        Title.
    limit_days : int
        Days allowed, from 1 to `LONGEST_DAYS`.
    unit : {"calendar_day", "working_day"}
        Which days count.
    last_day : {"as_counted", "next_working_day"}
        Whether a last day on which offices rest moves to the next working day.
    source : str
        Where the limit is written.
    certainty : {"V", "K", "U", "D"}
        How sure that is; a U limit is shown as advice.
    """

    name: str
    title_zh: str
    title_en: str
    limit_days: int
    unit: DayUnit
    last_day: LastDay
    source: str
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Pause:
    """A time that does not count.

    Parameters
    ----------
    began : date
        The day it began, which still counts.
    ended : date or None
        The day it ended, which does not count; None while it lasts.
    """

    began: date
    ended: date | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock of one case, as a day shows it.

    Parameters
    ----------
    rule : ClockRule
        What it measures.
    state : {"running", "paused", "stopped"}
        What it does.
    used_days : int
        Days that have counted.
    due : date or None
        Last day in time; None while it is paused, for nobody knows how long.
    over_days : int
        Counted days beyond the last day in time; 0 in time.
    is_provisional : bool
        Whether a year without known holidays was told from its weekends.
    """

    rule: ClockRule
    state: ClockState
    used_days: int
    due: date | None
    over_days: int
    is_provisional: bool

    @property
    def remaining_days(self) -> int:
        """Days that are left.

        Returns
        -------
        int
            0 when none are.
        """
        return max(0, self.rule.limit_days - self.used_days)


def due_date(
    rule: ClockRule, started: date, pauses: tuple[Pause, ...] = (), *, calendar: Calendar
) -> tuple[date | None, bool]:
    """Tell the last day in time.

    Parameters
    ----------
    rule : ClockRule
        The limit.
    started : date
        The day the clock started, which does not count.
    pauses : tuple of Pause
        What does not count.
    calendar : Calendar
        Which days offices work.

    Returns
    -------
    tuple of (date or None, bool)
        The day, None while a pause lasts that began before it; and whether it is provisional.

    Raises
    ------
    InputError
        The pauses overlap, end before they begin, or begin before the clock started.
    """
    check_pauses(started, pauses)
    is_provisional = False
    used, day = 0, started
    for counted, counts, guess in _walk(rule, started, pauses, calendar):
        is_provisional |= guess
        used += counts
        if used == rule.limit_days:
            day = counted
            break
    else:
        return None, is_provisional
    if rule.last_day == "next_working_day":
        while True:
            kind = calendar.kind(day)
            is_provisional |= kind.is_provisional
            if kind.is_working:
                break
            day += _DAY
    return day, is_provisional


def read_clock(
    rule: ClockRule,
    started: date,
    pauses: tuple[Pause, ...] = (),
    *,
    stopped: date | None = None,
    today: date,
    calendar: Calendar,
) -> Clock:
    """Read a clock.

    Parameters
    ----------
    rule : ClockRule
        What it measures.
    started : date
        The day it started.
    pauses : tuple of Pause
        What does not count, in order; only the last may still last.
    stopped : date, optional
        The day it stopped; the day still counts.
    today : date
        The day on which it is read.
    calendar : Calendar
        Which days offices work.

    Returns
    -------
    Clock
        What it shows.

    Raises
    ------
    InputError
        The pauses overlap, end before they begin, or begin before the clock started.
    """
    due, is_provisional = due_date(rule, started, pauses, calendar=calendar)
    end = today if stopped is None else stopped
    used = over = 0
    for day, counts, guess in _walk(rule, started, pauses, calendar):
        if day > end:
            break
        is_provisional |= guess
        used += counts
        over += counts and due is not None and day > due
    is_paused = stopped is None and bool(pauses) and pauses[-1].ended is None
    state: ClockState = "stopped" if stopped is not None else "paused" if is_paused else "running"
    return Clock(rule, state, used, due, over, is_provisional)


def check_pauses(started: date, pauses: tuple[Pause, ...]) -> None:
    """Refuse pauses that cannot have been.

    Parameters
    ----------
    started : date
        The day the clock started.
    pauses : tuple of Pause
        The pauses.

    Raises
    ------
    InputError
        They overlap, end before they begin, or begin before the clock started.
    """
    earliest: date | None = started
    for pause in pauses:
        if earliest is None or pause.began < earliest or (pause.ended is not None and pause.ended < pause.began):
            raise InputError(
                f"暂停区间 {pause.began}—{pause.ended or '至今'} 无效：应依次，不早于起算日 {started}，仅末个可开放",
                f"the pause from {pause.began} to {pause.ended or 'now'} cannot be: pauses follow each other from "
                f"{started} on, and only the last one may be open",
                began=pause.began.isoformat(),
                ended=None if pause.ended is None else pause.ended.isoformat(),
            )
        earliest = pause.ended


def _walk(
    rule: ClockRule, started: date, pauses: tuple[Pause, ...], calendar: Calendar
) -> Iterator[tuple[date, bool, bool]]:
    """Go through the days after the start: the day, whether it counts, whether that is a guess."""
    waiting = list(reversed(pauses))
    day = started
    while day < date.max:
        while waiting and waiting[-1].began <= day:
            pause = waiting[-1]
            if pause.ended is None:
                return
            if day >= pause.ended:
                waiting.pop()
            else:
                day = pause.ended
        day += _DAY
        if rule.unit == "calendar_day":
            yield day, True, False
        else:
            kind = calendar.kind(day)
            yield day, kind.is_working, kind.is_provisional
