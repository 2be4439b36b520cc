"""The audit log: who did what; rows are only ever added."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from geo.store.columns import utc_now, utc_text
from geo.store.tables import AuditEntry

_LOCK = 0x46594155
"""PostgreSQL advisory lock under which the chain grows."""


def append(session: Session, actor: str, action: str, subject: str, detail: str) -> None:
    """Add one entry.

    Parameters
    ----------
    session : Session
        Writing session.
    actor : str
        Who.
    action : str
        What, as a short stable phrase such as ``import undone``.
    subject : str
        On what, such as ``facilities/12``.
    detail : str
        Anything more, usually a JSON object.
    """
    append_many(session, [(actor, action, subject, detail)])


def append_many(session: Session, entries: Sequence[tuple[str, str, str, str]]) -> None:
    """Add many entries at one moment.

    Parameters
    ----------
    session : Session
        Writing session.
    entries : sequence of tuple
        Actor, action, subject and detail, as for `append`.
    """
    if not entries:
        return
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    chain = session.scalar(select(AuditEntry.chain).order_by(AuditEntry.fid.desc()).limit(1)) or ""
    now = utc_now()
    rows: list[dict[str, object]] = []
    for actor, action, subject, detail in entries:
        chain = _link(chain, now, actor, action, subject, detail)
        rows.append({"at": now, "actor": actor, "action": action, "subject": subject, "detail": detail, "chain": chain})
    session.execute(insert(AuditEntry), rows)


def entries(session: Session, *, limit: int | None = None) -> list[AuditEntry]:
    """List the entries, newest first.

    Parameters
    ----------
    session : Session
        Any session.
    limit : int, optional
        At most so many.

    Returns
    -------
    list of AuditEntry
        The entries.
    """
    return list(session.scalars(select(AuditEntry).order_by(AuditEntry.fid.desc()).limit(limit)))


def first_broken(session: Session) -> int | None:
    """Check the chain from its beginning.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    int or None
        ``fid`` of the first entry that does not follow from the one before, or None when all do.
    """
    chain = ""
    for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.fid)):
        chain = _link(chain, entry.at, entry.actor, entry.action, entry.subject, entry.detail)
        if chain != entry.chain:
            return entry.fid
    return None


def _link(chain: str, at: datetime, *words: str) -> str:
    """Bind an entry to the one before it."""
    digest = hashlib.sha256(chain.encode())
    for word in (utc_text(at), *words):
        data = word.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
