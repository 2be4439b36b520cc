"""Holding cases against the audit: steps that nobody took through Fangyu, and steps that are gone.

The database refuses a step that does not follow, but a step written by SQL that does follow knows nothing of roles
and documents. It has no entry in the audit, by which it is found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from geo.store.case_triggers import (
    POSTGIS_CASE_FUNCTIONS,
    postgis_case_triggers,
    sqlite_case_triggers,
)
from geo.store.tables import AuditEntry, Case, CaseStep

CaseProblem = Literal[
    "case_unrecorded", "case_missing", "step_unrecorded", "step_missing", "step_changed", "case_moved",
    "case_triggers_missing",
]  # fmt: skip
OPENED: Final = "case opened"
TAKEN: Final = "case step taken"
_FACTS: Final = ("action", "from_state", "to_state", "outcome", "role", "reason", "actor", "on_behalf_of", "documents")
_BATCH: Final = 2000


@dataclass(frozen=True, slots=True)
class CaseFinding:
    """Something that is wrong with a case.

    Parameters
    ----------
    problem : str
        What, as a stable word.
    case : str or None
        Id of the case; None where it is about all of them.
    message_zh, message_en : str
        What is wrong and where.
    """

    problem: CaseProblem
    case: str | None
    message_zh: str
    message_en: str


def check_cases(session: Session) -> tuple[CaseFinding, ...]:
    """Hold every case and every step against the audit, and look whether the triggers are there.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    tuple of CaseFinding
        What is wrong; empty when all is well. Cases from before the oldest entry that a purge has left are not held
        against it.
    """
    opened, taken = _told(session)
    since = _kept_since(session)
    found = list(_triggers(session))
    seen: set[str] = set()
    old: set[str] = set()
    steps: set[tuple[str, int]] = set()

    def note(problem: CaseProblem, uid: str, zh: str, en: str) -> None:
        found.append(CaseFinding(problem, uid, zh, en))

    asked = select(Case.uid, Case.opened_utc).order_by(Case.fid).execution_options(yield_per=_BATCH)
    for uid, opened_utc in session.execute(asked):
        seen.add(uid)
        if uid in opened:
            continue
        if since is not None and opened_utc < since:
            old.add(uid)
            continue
        zh = f"办件 {uid} 未经方舆立案，审计中没有记录"
        note("case_unrecorded", uid, zh, f"the case {uid} was opened by nobody the audit knows of")
    rows = (
        select(Case.uid, *(getattr(CaseStep, name) for name in ("seq", "happened_utc", *_FACTS)))
        .join(Case, Case.fid == CaseStep.case_fid)
        .order_by(CaseStep.fid)
        .execution_options(yield_per=_BATCH)
    )
    for row in session.execute(rows):
        uid, key = row.uid, (row.uid, row.seq)
        steps.add(key)
        said = taken.get(key)
        zh, en = f"办件 {uid} 第 {row.seq} 步“{row.action}”", f"step {row.seq} '{row.action}' of {uid}"
        if said is None:
            # Of a case whose opening is on record every step is, whatever day it gives itself.
            if uid not in old or since is None or row.happened_utc >= since:
                note(
                    "step_unrecorded", uid, f"{zh}未经方舆办理，审计中没有记录",
                    f"{en} was taken by nobody the audit knows of",
                )  # fmt: skip
        elif wrong := ", ".join(name for name in _FACTS if _fact(row, name) != said[name]):
            note("step_changed", uid, f"{zh}与审计不符：{wrong}", f"{en} differs from the audit: {wrong}")
    for uid in sorted(opened - seen):
        note(
            "case_missing", uid, f"审计记有办件 {uid}，但已不存在",
            f"the audit tells of the case {uid}, which is not there",
        )  # fmt: skip
    for uid, seq in sorted(taken.keys() - steps):
        note(
            "step_missing", uid, f"审计记有办件 {uid} 第 {seq} 步，但已不存在",
            f"the audit tells of step {seq} of {uid}, which is not there",
        )  # fmt: skip
    found += _moved(session)
    return tuple(found)


def _told(session: Session) -> tuple[set[str], dict[tuple[str, int], dict[str, object]]]:
    """Return what the audit tells of cases: which were opened, and what was done at each step."""
    opened: set[str] = set()
    taken: dict[tuple[str, int], dict[str, object]] = {}
    asked = (
        select(AuditEntry.action, AuditEntry.subject, AuditEntry.actor, AuditEntry.on_behalf_of, AuditEntry.detail)
        .where(AuditEntry.kind == "decision", AuditEntry.action.in_((OPENED, TAKEN)))
        .order_by(AuditEntry.seq)
        .execution_options(yield_per=_BATCH)
    )
    for action, subject, actor, on_behalf_of, detail in session.execute(asked):
        uid = subject.partition("/")[2]
        if action == OPENED:
            opened.add(uid)
            continue
        said = _loaded(detail)
        seq = said.get("seq") if isinstance(said, dict) else None
        # What tells of no step, because somebody changed it, is no record of one.
        if isinstance(said, dict) and isinstance(seq, int):
            told = {name: said.get(name) for name in _FACTS}
            taken[uid, seq] = {**told, "action": said.get("step"), "actor": actor, "on_behalf_of": on_behalf_of}
    return opened, taken


def _kept_since(session: Session) -> datetime | None:
    """Return from when on the audit was kept; None where nothing of it was ever purged."""
    first = session.execute(select(AuditEntry.seq, AuditEntry.at).order_by(AuditEntry.seq).limit(1)).one_or_none()
    return None if first is None or first.seq == 1 else first.at


def _fact(row: Any, name: str) -> object:
    """Return what a step says, as the audit writes it."""
    if name != "documents":
        return getattr(row, name)
    papers = _loaded(row.documents)
    try:
        return {one["kind"]: one["attachment"] for one in papers}
    except (TypeError, KeyError):
        return papers


def _loaded(written: str) -> Any:
    """Read JSON, whoever wrote it; None where it is none."""
    try:
        return json.loads(written)
    except ValueError:
        return None


def _moved(session: Session) -> Iterator[CaseFinding]:
    """Find cases that do not stand where their last step led."""
    last = select(func.max(CaseStep.seq)).where(CaseStep.case_fid == Case.fid).correlate(Case).scalar_subquery()
    asked = (
        select(Case.uid, Case.state, func.coalesce(CaseStep.to_state, Case.initial_state).label("due"))
        .outerjoin(CaseStep, (CaseStep.case_fid == Case.fid) & (CaseStep.seq == last))
        .where(
            (Case.state != func.coalesce(CaseStep.to_state, Case.initial_state))
            | (func.coalesce(Case.outcome, "") != func.coalesce(CaseStep.outcome, ""))
        )
        .order_by(Case.fid)
    )
    for uid, state, due in session.execute(asked):
        yield CaseFinding(
            "case_moved", uid, f"办件 {uid} 处于“{state}”，最后一步到达的是“{due}”",
            f"the case {uid} stands in '{state}', its last step led to '{due}'",
        )  # fmt: skip


def _triggers(session: Session) -> Iterator[CaseFinding]:
    """Find triggers of cases that are missing, off or changed."""
    if session.get_bind().dialect.name == "sqlite":
        rows = session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        there = {row[0]: row[1] for row in rows}
        wrong = [name for name, statement in sqlite_case_triggers().items() if there.get(name) != statement]
    else:
        query = (
            "SELECT t.tgname, t.tgenabled::text, pg_get_triggerdef(t.oid), p.proname, p.prosrc FROM pg_trigger t "
            "JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal"
        )
        found = {row[0]: tuple(row)[1:] for row in session.execute(text(query))}
        wrong = []
        for name, statement in postgis_case_triggers().items():
            enabled, definition, function, body = found.get(name, ("D", "", "", ""))
            # PostgreSQL writes conditions in its own way.
            begin, _, end = statement.partition(" WHEN ")
            written = definition.replace(" ON public.", " ON ")
            is_own = written.startswith(begin) and written.endswith((end or begin).split()[-1])
            if enabled not in ("O", "A") or not is_own or POSTGIS_CASE_FUNCTIONS.get(function) != body:
                wrong.append(name)
    if wrong:
        names = ", ".join(sorted(wrong))
        yield CaseFinding(
            "case_triggers_missing", None, f"办件触发器缺失、停用或被改：{names}",
            f"triggers of cases are missing, off or changed: {names}",
        )  # fmt: skip
