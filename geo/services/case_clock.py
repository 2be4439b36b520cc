"""The clocks of a case: what a step does to them, and what they show on a day."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Final

from geo.store import Session, Store, audit, case_clocks
from geo.store.case_records import CaseRecord, ClockRecord, Reach
from geo.store.columns import utc_now
from geo.workflow.clock import Clock, ClockRule, Pause, due_date, read_clock
from geo.workflow.holiday import Calendar
from geo.workflow.table import Transition

BEIJING: Final = timezone(timedelta(hours=8))
"""The one legal time of the country, by which days are counted wherever the server stands."""


def legal_day(moment: datetime) -> date:
    """Return the day to which a moment belongs.

    Parameters
    ----------
    moment : datetime
        Aware moment.

    Returns
    -------
    date
        The day in Beijing.
    """
    return moment.astimezone(BEIJING).date()


def start_clock(
    session: Session, case: CaseRecord, rule: ClockRule, *, seq: int, day: date, calendar: Calendar
) -> None:
    """Start a clock.

    Parameters
    ----------
    session : Session
        Writing session.
    case : CaseRecord
        The case.
    rule : ClockRule
        The limit.
    seq : int
        Step that starts it; 0 for the opening.
    day : date
        The day.
    calendar : Calendar
        Which days offices work.
    """
    due, _ = due_date(rule, day, calendar=calendar)
    case_clocks.start(session, case, rule, seq=seq, day=day, due=due)


def turn_clocks(
    session: Session,
    case: CaseRecord,
    item: Transition,
    rules: tuple[ClockRule, ...],
    *,
    seq: int,
    day: date,
    calendar: Calendar,
) -> None:
    """Do what a step does to the clocks: stop, resume, pause, start, in this order; a case that is over stops all.

    Parameters
    ----------
    session : Session
        Writing session.
    case : CaseRecord
        The case after the step.
    item : Transition
        The step.
    rules : tuple of ClockRule
        Limits of the clocks it starts.
    seq : int
        Its number.
    day : date
        The day.
    calendar : Calendar
        Which days offices work.
    """
    goes_on = set()
    for record in case_clocks.of_case(session, case):
        if record.stopped is not None:
            continue
        name, pauses, stopped = record.rule.name, record.pauses, None
        if name in item.stops or case.outcome is not None:
            stopped = day
        else:
            goes_on.add(name)
            if name in item.resumes and record.is_paused:
                pauses = (*pauses[:-1], replace(pauses[-1], ended=day))
            # A clock that is resumed and paused on one day waits on: what a day adds is counted at its end.
            if name in item.pauses and not (pauses and pauses[-1].ended is None):
                pauses = (*pauses, Pause(day))
        if stopped is not None or pauses != record.pauses:
            shown = read_clock(record.rule, record.started, pauses, stopped=stopped, today=day, calendar=calendar)
            case_clocks.change(session, record, shown, pauses, stopped=stopped)
    for rule in rules:
        if rule.name not in goes_on:
            start_clock(session, case, rule, seq=seq, day=day, calendar=calendar)


def show_clock(record: ClockRecord, *, today: date, calendar: Calendar) -> Clock:
    """Read a clock on a day.

    Parameters
    ----------
    record : ClockRecord
        The clock.
    today : date
        The day.
    calendar : Calendar
        Which days offices work.

    Returns
    -------
    Clock
        What it shows.
    """
    return read_clock(
        record.rule, record.started, record.pauses, stopped=record.stopped, today=today, calendar=calendar
    )


def due_clocks(
    session: Session, *, today: date, calendar: Calendar, reach: Reach | None = None, within_days: int = 0
) -> list[tuple[str, Clock]]:
    """List the clocks that run out, first due first.

    Parameters
    ----------
    session : Session
        Any session.
    today : date
        The day.
    calendar : Calendar
        Which days offices work.
    reach : Reach, optional
        Whose cases; by default all.
    within_days : int
        Clocks that are due in so many calendar days or before; those that are overdue always.

    Returns
    -------
    list of (str, Clock)
        Id of the case, and what the clock shows.
    """
    found = case_clocks.running(session, reach, until=today + timedelta(days=within_days))
    return [(uid, show_clock(record, today=today, calendar=calendar)) for uid, record in found]


def refresh_clocks(store: Store, calendar: Calendar, *, now: datetime | None = None) -> int:
    """Work out anew when the clocks that run are due: the holidays of a year become known while cases wait.

    Parameters
    ----------
    store : Store
        The store; written to only where a day has changed.
    calendar : Calendar
        Which days offices work.
    now : datetime, optional
        The present moment.

    Returns
    -------
    int
        How many clocks are due on another day; that stands in the audit.
    """
    with store.session(write=False) as session:
        if not _moved(session, calendar):
            return 0
    today = legal_day(now or utc_now())
    with store.session() as session:
        found = _moved(session, calendar)
        for uid, record, due in found:
            shown = show_clock(record, today=today, calendar=calendar)
            case_clocks.change(session, record, shown, record.pauses)
            told = {
                "clock": record.rule.name, "before": None if record.due is None else record.due.isoformat(),
                "after": None if due is None else due.isoformat(),
            }  # fmt: skip
            audit.append(session, "fangyu", "case clock moved", f"cases/{uid}", json.dumps(told, sort_keys=True))
        return len(found)


def _moved(session: Session, calendar: Calendar) -> list[tuple[str, ClockRecord, date | None]]:
    """List the running clocks that are due on another day than is on record."""
    found = []
    for uid, record in case_clocks.running(session, None):
        due, _ = due_date(record.rule, record.started, record.pauses, calendar=calendar)
        if due != record.due:
            found.append((uid, record, due))
    return found
