"""Notices about cases: to a person, or to whoever holds a role in a district; each reads for themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select
from sqlalchemy.orm import Session

from geo.store.case_records import CaseRecord, Reach
from geo.store.cases import within
from geo.store.tables import Case, Notice, NoticeRead


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """One notice, as somebody sees it.

    Parameters
    ----------
    fid : int
        Row id.
    uid : str
        What it is known by.
    case : str
        Id of the case.
    kind : str
        What it tells.
    parameters : Mapping of str to str
        What stands in its text.
    created_utc : datetime
        When.
    is_read : bool
        Whether who asks has read it.
    """

    fid: int
    uid: str
    case: str
    kind: str
    parameters: Mapping[str, str]
    created_utc: datetime
    is_read: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads notices.

    Parameters
    ----------
    login : str
        Who, as `geo.workflow.person.login_key` writes it; their reading counts.
    roles : frozenset of str
        Roles they hold.
    reach : Reach
        Whose cases they may see; the logins in it are those whose notices they see.
    """

    login: str
    roles: frozenset[str]
    reach: Reach


def add(
    session: Session,
    case: CaseRecord,
    *,
    uid: str,
    kind: str,
    parameters: Mapping[str, str],
    created_utc: datetime,
    person: str | None = None,
    role: str | None = None,
) -> None:
    """Leave a notice to a person or to a role.

    Parameters
    ----------
    session : Session
        Writing session.
    case : CaseRecord
        About which case; its district is that of the role.
    uid : str
        What it is to be known by.
    kind : str
        What it tells.
    parameters : Mapping
        What stands in its text.
    created_utc : datetime
        When.
    person : str, optional
        To whom, as `geo.workflow.person.login_key` writes it.
    role : str, optional
        To whoever holds this role.
    """
    session.execute(
        insert(Notice).values(
            uid=uid, person=person, role=role, district=case.district, case_fid=case.fid, kind=kind,
            parameters=json.dumps(dict(parameters), ensure_ascii=False, sort_keys=True), created_utc=created_utc,
        )
    )  # fmt: skip


def page(
    session: Session, reader: Reader, *, unread: bool = False, before: int | None = None, limit: int
) -> tuple[list[NoticeRecord], int | None]:
    """List somebody's notices, newest first.

    Parameters
    ----------
    session : Session
        Any session.
    reader : Reader
        Who asks.
    unread : bool
        Only those they have not read.
    before : int, optional
        Only those before this row.
    limit : int
        Most notices on a page.

    Returns
    -------
    list of NoticeRecord
        The page.
    int or None
        Row before which the next page begins; None on the last one.
    """
    asked = (
        select(
            Notice.fid, Notice.uid, Case.uid.label("case_uid"), Notice.kind, Notice.parameters, Notice.created_utc,
            _is_read(reader).label("is_read"),
        )
        .join(Case, Case.fid == Notice.case_fid)
        .where(_addressed(reader))
        .order_by(Notice.fid.desc())
        .limit(limit + 1)
    )  # fmt: skip
    if unread:
        asked = asked.where(~_is_read(reader))
    if before is not None:
        asked = asked.where(Notice.fid < before)
    rows = session.execute(asked).all()
    found = [
        NoticeRecord(fid, uid, case, kind, json.loads(told), created, bool(is_read))
        for fid, uid, case, kind, told, created, is_read in rows[:limit]
    ]
    return found, found[-1].fid if len(rows) > limit else None


def unread_count(session: Session, reader: Reader) -> int:
    """Count what somebody has not read.

    Parameters
    ----------
    session : Session
        Any session.
    reader : Reader
        Who asks.

    Returns
    -------
    int
        How many notices.
    """
    asked = (
        select(func.count())
        .select_from(Notice)
        .join(Case, Case.fid == Notice.case_fid)
        .where(_addressed(reader), ~_is_read(reader))
    )
    return int(session.scalar(asked) or 0)


def mark_read(session: Session, reader: Reader, uids: Sequence[str] | None, *, read_utc: datetime) -> int:
    """Take note that somebody has read notices.

    Parameters
    ----------
    session : Session
        Writing session.
    reader : Reader
        Who.
    uids : sequence of str or None
        Which; None for all. Those that are not theirs are left alone.
    read_utc : datetime
        When.

    Returns
    -------
    int
        How many had not been read.
    """
    asked = (
        select(Notice.fid)
        .join(Case, Case.fid == Notice.case_fid)
        .where(_addressed(reader), ~_is_read(reader))
        .order_by(Notice.fid)
    )
    if uids is not None:
        asked = asked.where(Notice.uid.in_(list(uids)))
    found = list(session.scalars(asked))
    if found:
        session.execute(
            insert(NoticeRead),
            [{"notice_fid": fid, "person": reader.login, "read_utc": read_utc} for fid in found],
        )
    return len(found)


def _addressed(reader: Reader) -> ColumnElement[bool]:
    """Write which notices are somebody's: those to them or a role of theirs, about cases they may see."""
    to_person = Notice.person.in_(sorted(reader.reach.eyes))
    to_role = and_(Notice.person.is_(None), Notice.role.in_(sorted(reader.roles)))
    return and_(or_(to_person, to_role), within(reader.reach))


def _is_read(reader: Reader) -> ColumnElement[bool]:
    """Write that somebody has read a notice."""
    return exists().where(NoticeRead.notice_fid == Notice.fid, NoticeRead.person == reader.login)
