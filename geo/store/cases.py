"""Cases as they are kept: opening, moving, assigning and finding them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, false, func, insert, literal, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.types import Date

from geo.errors import ConflictError, DeniedError, FangyuError, InputError, NotFoundError, StaleError
from geo.store.case_records import CaseKey, CasePage, CaseRecord, Reach, StepDocument, StepRecord
from geo.store.case_triggers import REFUSALS
from geo.store.tables import Case, CaseClock, CaseStep
from geo.workflow.district import significant_code
from geo.workflow.table import OPENING, Transition

_WORDS: Final[Mapping[str, tuple[type[FangyuError], str, str]]] = {
    "case.missing": (NotFoundError, "没有这一办件", "there is no such case"),
    "case.closed": (ConflictError, "办件已办结，不能再办理", "the case is over; no step follows"),
    "case.stale": (
        StaleError,
        "办件已被他人先行办理，请重新读取",
        "another step was taken before; read the case again",
    ),
    "case.state": (ConflictError, "办件所处环节不符，请重新读取", "the case stands elsewhere; read it again"),
    "case.eyes": (
        DeniedError,
        "须由不同的人办理：本人或被代理人已办理过相关步骤",
        "somebody else has to take this step: you, or who you stand in for, took one that it looks over",
    ),
    "case.actor": (InputError, "步骤应写明办理人", "a step needs somebody who takes it"),
    "case.fixed": (ConflictError, "办件记录只增不改", "records of cases are only added to"),
}
assert set(_WORDS) == set(REFUSALS)
_NEVER: Final = date.max


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Say in words what the database's triggers refuse.

    Yields
    ------
    None
        Nothing.

    Raises
    ------
    NotFoundError
        There is no such case.
    ConflictError
        The case is over, stands elsewhere, or what is to be changed never changes.
    StaleError
        Another step was taken before.
    DeniedError
        The four-eyes rule asks for somebody else.
    InputError
        Nobody is named.
    """
    try:
        yield
    except IntegrityError as error:
        told = str(error.orig)
        for word, (kind, zh, en) in _WORDS.items():
            if f"{word}: " in told:
                raise kind(zh, en, refusal=word) from error
        raise


def add(
    session: Session,
    *,
    uid: str,
    workflow: str,
    table_hash: str,
    subject: tuple[str, str],
    title: str,
    district: str | None,
    state: str,
    four_eyes: Mapping[str, Sequence[str]],
    opened_by: str,
    opened_for: str | None,
    opened_utc: datetime,
) -> CaseRecord:
    """Open a case.

    Parameters
    ----------
    session : Session
        Writing session.
    uid : str
        What it is to be known by.
    workflow, table_hash : str
        Its procedure, and the fingerprint of its table.
    subject : tuple of (str, str)
        Kind and id of what it is about.
    title : str
        Title for people.
    district : str or None
        Division code it belongs to.
    state : str
        State it opens in.
    four_eyes : Mapping
        Actions and those their takers may not have taken.
    opened_by : str
        Who opens it.
    opened_for : str or None
        Whom they stand in for.
    opened_utc : datetime
        When.

    Returns
    -------
    CaseRecord
        The case.
    """
    kind, subject_id = subject
    rule = {action: sorted(others) for action, others in four_eyes.items()}
    with refusals():
        session.execute(
            insert(Case).values(
                uid=uid, workflow=workflow, table_hash=table_hash, subject_kind=kind, subject_id=subject_id,
                title=title, district=district, state=state, initial_state=state,
                four_eyes=json.dumps(rule, sort_keys=True), opened_by=opened_by, opened_for=opened_for,
                opened_utc=opened_utc, row_version=1,
            )
        )  # fmt: skip
    return get(session, uid)


def get(session: Session, uid: str, reach: Reach | None = None) -> CaseRecord:
    """Return a case.

    Parameters
    ----------
    session : Session
        Any session.
    uid : str
        Which.
    reach : Reach, optional
        Whose cases are looked at; by default all.

    Returns
    -------
    CaseRecord
        The case.

    Raises
    ------
    NotFoundError
        There is none, or none within reach: both look the same.
    """
    row = session.execute(select(*_COLUMNS).where(Case.uid == uid, within(reach))).one_or_none()
    if row is None:
        raise NotFoundError(f"没有办件“{uid}”", f"there is no case '{uid}'", case=uid)
    return _record(row)


def is_there(session: Session, uid: str) -> bool:
    """Tell whether a case exists, for whomever.

    Parameters
    ----------
    session : Session
        Any session.
    uid : str
        Which.

    Returns
    -------
    bool
        True where there is one.
    """
    return session.scalar(select(Case.fid).where(Case.uid == uid)) is not None


def open_on(session: Session, workflow: str, subject: tuple[str, str]) -> CaseRecord | None:
    """Find the open case of a workflow on a subject.

    Parameters
    ----------
    session : Session
        Any session.
    workflow : str
        The procedure.
    subject : tuple of (str, str)
        Kind and id of what it is about.

    Returns
    -------
    CaseRecord or None
        None where none is open.
    """
    row = session.execute(
        select(*_COLUMNS).where(
            Case.workflow == workflow,
            Case.subject_kind == subject[0],
            Case.subject_id == subject[1],
            Case.outcome.is_(None),
        )
    ).one_or_none()
    return None if row is None else _record(row)


def add_step(
    session: Session,
    case: CaseRecord,
    transition: Transition,
    *,
    outcome: str | None,
    actor: str,
    on_behalf_of: str | None,
    role: str,
    reason: str,
    documents: Sequence[StepDocument],
    table_hash: str,
    happened_utc: datetime,
) -> CaseRecord:
    """Take a step; the database holds it against the case and moves that on.

    Parameters
    ----------
    session : Session
        Writing session.
    case : CaseRecord
        The case, as it was read.
    transition : Transition
        The step.
    outcome : str or None
        How the case ends with it.
    actor : str
        Who takes it.
    on_behalf_of : str or None
        Whom they stand in for.
    role : str
        The role they act in.
    reason : str
        Why.
    documents : sequence of StepDocument
        What belongs to it.
    table_hash : str
        Fingerprint of the table.
    happened_utc : datetime
        When.

    Returns
    -------
    CaseRecord
        The case as it stands now.

    Raises
    ------
    FangyuError
        The database refuses it, as `refusals` says.
    """
    seq = last_seq(session, case) + 1
    papers = [{"kind": one.kind, "attachment": one.attachment} for one in documents]
    with refusals():
        session.execute(
            insert(CaseStep).values(
                case_fid=case.fid, seq=seq, row_version=case.row_version + 1, from_state=transition.from_state,
                action=transition.action, to_state=transition.to_state, outcome=outcome, actor=actor,
                on_behalf_of=on_behalf_of, role=role, reason=reason, documents=json.dumps(papers),
                table_hash=table_hash, happened_utc=happened_utc,
            )
        )  # fmt: skip
    return get(session, case.uid)


def last_seq(session: Session, case: CaseRecord) -> int:
    """Return the number of the last step.

    Parameters
    ----------
    session : Session
        Any session.
    case : CaseRecord
        The case.

    Returns
    -------
    int
        0 where none was taken yet.
    """
    return int(session.scalar(select(func.max(CaseStep.seq)).where(CaseStep.case_fid == case.fid)) or 0)


def steps(session: Session, case: CaseRecord) -> tuple[StepRecord, ...]:
    """List the steps of a case.

    Parameters
    ----------
    session : Session
        Any session.
    case : CaseRecord
        The case.

    Returns
    -------
    tuple of StepRecord
        In order.
    """
    rows = session.execute(select(*_STEP_COLUMNS).where(CaseStep.case_fid == case.fid).order_by(CaseStep.seq))
    return tuple(_step(row) for row in rows)


def assign(session: Session, case: CaseRecord, assignee: str | None) -> CaseRecord:
    """Say who is to take the next step.

    Parameters
    ----------
    session : Session
        Writing session.
    case : CaseRecord
        The case, as it was read.
    assignee : str or None
        Who; None for whoever may.

    Returns
    -------
    CaseRecord
        The case as it stands now.

    Raises
    ------
    StaleError
        It was changed meanwhile.
    ConflictError
        It is over.
    """
    with refusals():
        held = session.execute(
            update(Case)
            .where(Case.fid == case.fid, Case.row_version == case.row_version)
            .values(assignee=assignee, row_version=Case.row_version + 1)
        )
    if held.rowcount != 1:  # type: ignore[attr-defined]
        kind, zh, en = _WORDS["case.stale"]
        raise kind(zh, en, refusal="case.stale")
    return get(session, case.uid)


def page(
    session: Session,
    *,
    reach: Reach | None,
    waiting: Sequence[Transition] | None = None,
    assignee: frozenset[str] | None = None,
    workflow: str | None = None,
    state: str | None = None,
    after: CaseKey | None = None,
    limit: int,
) -> CasePage:
    """List cases, those that are due first at the top and those without a due date at the end.

    Parameters
    ----------
    session : Session
        Any session.
    reach : Reach or None
        Whose cases; None for all.
    waiting : sequence of Transition, optional
        Only open cases in which `reach` can take one of these steps, unless somebody else is to.
    assignee : frozenset of str, optional
        Only cases assigned to one of these logins.
    workflow, state : str, optional
        Only of this procedure, only in this state.
    after : CaseKey, optional
        Where the page begins.
    limit : int
        Most cases on it.

    Returns
    -------
    CasePage
        The page.
    """
    due = _DUE
    asked = select(*_COLUMNS, due.label("due")).where(within(reach))
    if waiting is not None:
        eyes = frozenset[str]() if reach is None else reach.eyes
        turns = [_turn(item, eyes) for item in waiting]
        mine = or_(Case.assignee.is_(None), _key(Case.assignee).in_(sorted(eyes)))
        asked = asked.where(Case.outcome.is_(None), mine, or_(false(), *turns))
    if assignee is not None:
        asked = asked.where(_key(Case.assignee).in_(sorted(assignee)))
    if workflow is not None:
        asked = asked.where(Case.workflow == workflow)
    if state is not None:
        asked = asked.where(Case.state == state)
    if after is not None:
        asked = asked.where(or_(due > after.due, and_(due == after.due, Case.fid > after.fid)))
    rows = session.execute(asked.order_by(due, Case.fid).limit(limit + 1)).all()
    found = [(_record(row), row.due) for row in rows[:limit]]
    following = CaseKey(found[-1][1], found[-1][0].fid) if len(rows) > limit else None
    return CasePage(tuple((case, None if day == _NEVER else day) for case, day in found), following)


def within(reach: Reach | None) -> ColumnElement[bool]:
    """Write which cases somebody may see; asked inside every query, so that a foreign case is as good as none.

    Parameters
    ----------
    reach : Reach or None
        Whose cases; None for all.

    Returns
    -------
    ColumnElement
        A condition on the table of cases.
    """
    if reach is None:
        return true()
    own = _key(Case.opened_by), _key(Case.opened_for), _key(Case.assignee)
    seen = or_(Case.workflow.in_(sorted(reach.workflows)), *(one.in_(sorted(reach.eyes)) for one in own))
    if reach.district is None:
        return seen
    return and_(seen, Case.district.startswith(significant_code(reach.district), autoescape=True))


_DUE: Final = func.coalesce(
    select(func.min(CaseClock.due))
    .where(CaseClock.case_fid == Case.fid, CaseClock.stopped.is_(None))
    .correlate(Case)
    .scalar_subquery(),
    literal(_NEVER, Date()),
)
_COLUMNS: Final = tuple(getattr(Case, name) for name in CaseRecord.__slots__)
_STEP_COLUMNS: Final = tuple(getattr(CaseStep, name) for name in StepRecord.__slots__)


def _key(column: Any) -> ColumnElement[str]:
    """Write a login as `geo.workflow.person.login_key` does."""
    return func.lower(func.trim(column))


def _turn(item: Transition, eyes: frozenset[str]) -> ColumnElement[bool]:
    """Write that a case stands where a step begins, that what comes before it was done, and that others did it."""
    parts: list[ColumnElement[bool]] = [Case.workflow == item.workflow, Case.state == item.from_state]
    own = sorted(eyes)
    for action in item.after:
        parts.append(exists().where(CaseStep.case_fid == Case.fid, CaseStep.action == action))
    others = [action for action in item.distinct_from if action != OPENING]
    if others:
        seen = or_(_key(CaseStep.actor).in_(own), _key(CaseStep.on_behalf_of).in_(own))
        parts.append(~exists().where(CaseStep.case_fid == Case.fid, CaseStep.action.in_(others), seen))
    if OPENING in item.distinct_from:
        parts.append(_key(Case.opened_by).not_in(own))
        parts.append(or_(Case.opened_for.is_(None), _key(Case.opened_for).not_in(own)))
    return and_(*parts)


def _record(row: Any) -> CaseRecord:
    """Make a record of a row."""
    values = {name: getattr(row, name) for name in CaseRecord.__slots__}
    rule = {action: tuple(others) for action, others in json.loads(values["four_eyes"]).items()}
    return CaseRecord(**{**values, "four_eyes": rule})


def _step(row: Any) -> StepRecord:
    """Make a record of a row."""
    values = {name: getattr(row, name) for name in StepRecord.__slots__}
    papers = tuple(StepDocument(one["kind"], one["attachment"]) for one in json.loads(values["documents"]))
    return StepRecord(**{**values, "documents": papers})
