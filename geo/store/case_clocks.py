"""The clocks of cases as they are kept, each with the limit it was started with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, cast

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from geo.catalog.schema import Certainty
from geo.store.case_records import CaseRecord, ClockRecord, Reach
from geo.store.cases import refusals, within
from geo.store.tables import Case, CaseClock
from geo.workflow.clock import Clock, ClockRule, DayUnit, LastDay, Pause


def start(session: Session, case: CaseRecord, rule: ClockRule, *, seq: int, day: date, due: date | None) -> None:
    """Start a clock.

    Parameters
    ----------
    session : Session
        Writing session.
    case : CaseRecord
        The case.
    rule : ClockRule
        The limit, which is copied: a later change of the table does not reach it.
    seq : int
        Step that starts it; 0 for the opening.
    day : date
        The day.
    due : date or None
        Last day in time.
    """
    session.execute(
        insert(CaseClock).values(
            case_fid=case.fid, name=rule.name, started_seq=seq, title_zh=rule.title_zh, title_en=rule.title_en,
            limit_days=rule.limit_days, unit=rule.unit, last_day=rule.last_day, source=rule.source,
            certainty=rule.certainty, started=day, due=due, pauses="[]", used_days=0,
        )
    )  # fmt: skip


def change(
    session: Session, record: ClockRecord, shown: Clock, pauses: Sequence[Pause], *, stopped: date | None = None
) -> None:
    """Keep what a clock shows after it was paused, resumed or stopped.

    Parameters
    ----------
    session : Session
        Writing session.
    record : ClockRecord
        The clock, as it was read.
    shown : Clock
        What it shows now.
    pauses : sequence of Pause
        What does not count.
    stopped : date, optional
        The day it stopped.
    """
    written = [[one.began.isoformat(), None if one.ended is None else one.ended.isoformat()] for one in pauses]
    waits = stopped is None and bool(pauses) and pauses[-1].ended is None
    outcome = None if stopped is None else "late" if shown.over_days else "in_time"
    with refusals():
        session.execute(
            update(CaseClock)
            .where(CaseClock.fid == record.fid)
            .values(
                due=shown.due, pauses=json.dumps(written), paused_since=pauses[-1].began if waits else None,
                used_days=shown.used_days, stopped=stopped, outcome=outcome,
            )
        )  # fmt: skip


def of_case(session: Session, case: CaseRecord) -> tuple[ClockRecord, ...]:
    """List the clocks of a case.

    Parameters
    ----------
    session : Session
        Any session.
    case : CaseRecord
        The case.

    Returns
    -------
    tuple of ClockRecord
        As they were started.
    """
    rows = session.scalars(select(CaseClock).where(CaseClock.case_fid == case.fid).order_by(CaseClock.fid))
    return tuple(_record(row) for row in rows)


def running(session: Session, reach: Reach | None, *, until: date | None = None) -> list[tuple[str, ClockRecord]]:
    """List the clocks that run or wait.

    Parameters
    ----------
    session : Session
        Any session.
    reach : Reach or None
        Whose cases; None for all.
    until : date, optional
        Only clocks due on this day or before.

    Returns
    -------
    list of (str, ClockRecord)
        Id of the case and clock, first due first; those that wait, without a due date, at the end.
    """
    asked = (
        select(Case.uid, CaseClock)
        .join(Case, Case.fid == CaseClock.case_fid)
        .where(CaseClock.stopped.is_(None), within(reach))
        .order_by(CaseClock.due.is_(None), CaseClock.due, CaseClock.fid)
    )
    if until is not None:
        asked = asked.where(CaseClock.due <= until)
    return [(uid, _record(row)) for uid, row in session.execute(asked)]


def _record(row: Any) -> ClockRecord:
    """Make a record of a row."""
    rule = ClockRule(
        row.name, row.title_zh, row.title_en, row.limit_days, cast(DayUnit, row.unit), cast(LastDay, row.last_day),
        row.source, cast(Certainty, row.certainty),
    )  # fmt: skip
    pauses = tuple(
        Pause(date.fromisoformat(began), None if ended is None else date.fromisoformat(ended))
        for began, ended in json.loads(row.pauses)
    )
    return ClockRecord(
        row.fid, row.started_seq, rule, row.started, row.due, pauses, row.used_days, row.stopped, row.outcome
    )
