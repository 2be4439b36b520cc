"""Months of the audit that are over are sealed; entries of sealed months may go when they are old enough.

A seal says how far the chain had come. It is quoted in the chain itself, as is every purge, so that the chain that is
left still tells where it must begin.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from geo.errors import InputError
from geo.store import audit
from geo.store.audit_triggers import LEAST_DAYS
from geo.store.columns import utc_now, utc_text
from geo.store.tables import AuditEntry, AuditSeal

DEFAULT_DAYS: Final = 400
"""Days an entry is kept unless somebody says otherwise."""
SEALED: Final = "audit month sealed"
PURGED: Final = "audit purged"

_LOG = AuditEntry.__table__.c
_SEALS = AuditSeal.__table__.c


def month_end(moment: datetime) -> datetime:
    """Return the moment at which a month is over.

    Parameters
    ----------
    moment : datetime
        Any moment of the month.

    Returns
    -------
    datetime
        First moment of the next month, in UTC.
    """
    at = moment.astimezone(UTC)
    year, month = divmod(at.year * 12 + at.month, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def seal(session: Session, *, now: datetime | None = None) -> int:
    """Seal every month that is over and not sealed yet.

    Parameters
    ----------
    session : Session
        Writing session.
    now : datetime, optional
        The present moment.

    Returns
    -------
    int
        How many months were sealed.
    """
    present = utc_now() if now is None else now
    sealed = int(session.scalar(select(func.max(_SEALS.last_seq))) or 0)
    number = 0
    while True:
        at = session.scalar(select(_LOG.at).where(_LOG.seq > sealed).order_by(_LOG.seq).limit(1))
        if at is None or month_end(at) > present:
            return number
        end = month_end(at)
        # Where the clock was set back, the month ends with its last entry before the first one of a later month.
        after = session.scalar(select(func.min(_LOG.seq)).where(_LOG.seq > sealed, _LOG.at >= end))
        until = select(_LOG.seq, _LOG.chain).where(_LOG.seq > sealed)
        if after is not None:
            until = until.where(_LOG.seq < after)
        last = session.execute(until.order_by(_LOG.seq.desc()).limit(1)).one()
        values = {
            "month": f"{at.astimezone(UTC):%Y-%m}",
            "last_seq": int(last[0]),
            "entries": int(last[0]) - sealed,
            "chain": str(last[1]),
        }
        session.execute(insert(AuditSeal).values(**values, ends_at=end, sealed_at=present))
        told = {**values, "ends_at": utc_text(end), "sealed_at": utc_text(present)}
        audit.append(session, "fangyu", SEALED, f"audit_seals/{values['month']}", json.dumps(told, sort_keys=True))
        sealed = int(last[0])
        number += 1


def purge(session: Session, *, actor: str, older_than_days: int = DEFAULT_DAYS, now: datetime | None = None) -> int:
    """Remove the entries of sealed months that are old enough, and record that.

    Parameters
    ----------
    session : Session
        Writing session.
    actor : str
        Who asks for it.
    older_than_days : int
        Months go that ended so many days ago; at least `LEAST_DAYS`.
    now : datetime, optional
        The present moment.

    Returns
    -------
    int
        How many entries were removed.

    Raises
    ------
    InputError
        Fewer days than entries must be kept.
    """
    if older_than_days < LEAST_DAYS:
        raise InputError(
            f"审计记录至少保存 {LEAST_DAYS} 天，给出的是 {older_than_days} 天；允许的是 {LEAST_DAYS} 及以上",
            f"the audit is kept for at least {LEAST_DAYS} days, not {older_than_days}; allowed is {LEAST_DAYS} or more",
            older_than_days=older_than_days,
        )
    present = utc_now() if now is None else now
    seal(session, now=present)
    limit = present - timedelta(days=older_than_days)
    newest = session.execute(
        select(_SEALS.last_seq, _SEALS.chain).where(_SEALS.ends_at <= limit).order_by(_SEALS.last_seq.desc()).limit(1)
    ).first()
    if newest is None:
        return 0
    last = int(newest[0])
    # An entry dated later than its month's end stays, and everything after it: clocks are sometimes set back.
    late = session.scalar(select(func.min(_LOG.seq)).where(_LOG.seq <= last, _LOG.at >= limit))
    there = int(session.scalar(select(func.count()).select_from(AuditEntry).where(_LOG.seq <= last)) or 0)
    if late is not None or there == 0:
        return 0
    told = {"to": last, "chain": str(newest[1]), "entries": there, "older_than_days": older_than_days}
    words = json.dumps(told, sort_keys=True)
    audit.append(session, actor, PURGED, "audit_log", words, kind="administration")
    session.execute(delete(AuditEntry).where(_LOG.seq <= last))
    return there
