"""The audit log: who did what; entries are only ever added, each bound to the one before by a hash.

The newest number and hash stand in a row of their own (`AuditHead`), moved on in the same transaction, so that cutting
off the newest entries is found. Numbers are given under that row's lock and have no gaps, whatever is rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, cast, get_args

from sqlalchemy import Select, Table, insert, select, update
from sqlalchemy.orm import Session

from geo.store.audit_chain import START, Link
from geo.store.columns import utc_now
from geo.store.tables import AuditEntry, AuditHead

Kind = Literal["decision", "import", "edit", "login", "export", "refusal", "administration", "system"]
Outcome = Literal["done", "refused", "failed"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
OUTCOMES: Final[tuple[str, ...]] = get_args(Outcome)

_FETCHED: Final = 2_000
"""Entries that are read at once."""
_ENTRIES: Final = cast(Table, AuditEntry.__table__)
_HEAD: Final = cast(Table, AuditHead.__table__)


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be recorded.

    Parameters
    ----------
    actor : str
        Who.
    action : str
        What, as a short stable phrase such as ``import undone``.
    subject : str
        On what, such as ``facilities/12``.
    detail : str
        Anything more, usually a JSON object.
    kind : str
        One of `KINDS`.
    outcome : str
        One of `OUTCOMES`.
    address : str or None
        Network address it was done from.
    on_behalf_of : str or None
        Whom the actor stood in for.
    """

    actor: str
    action: str
    subject: str
    detail: str
    kind: Kind = "system"
    outcome: Outcome = "done"
    address: str | None = None
    on_behalf_of: str | None = None

    def __post_init__(self) -> None:
        """Refuse kinds and outcomes nobody has defined."""
        if self.kind not in KINDS or self.outcome not in OUTCOMES:
            raise ValueError(f"kind {self.kind!r} of {KINDS}, outcome {self.outcome!r} of {OUTCOMES}")


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends.

    Parameters
    ----------
    count : int
        Number of the newest entry: how many there have ever been.
    chain : str
        Its hash; empty where there is none.
    """

    count: int
    chain: str


def append(
    session: Session,
    actor: str,
    action: str,
    subject: str,
    detail: str,
    *,
    kind: Kind = "system",
    outcome: Outcome = "done",
    address: str | None = None,
    on_behalf_of: str | None = None,
) -> None:
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
    kind : str
        One of `KINDS`.
    outcome : str
        One of `OUTCOMES`.
    address : str, optional
        Network address it was done from.
    on_behalf_of : str, optional
        Whom the actor stood in for.
    """
    append_many(session, [Note(actor, action, subject, detail, kind, outcome, address, on_behalf_of)])


def append_many(session: Session, notes: Sequence[Note]) -> None:
    """Add many entries at one moment.

    Parameters
    ----------
    session : Session
        Writing session.
    notes : sequence of Note
        What is to be recorded, in order.
    """
    if not notes:
        return
    # The row's lock makes the chain grow in one line on PostGIS; SQLite has one writer anyway.
    row = session.execute(select(_HEAD.c.seq, _HEAD.c.row_fid, _HEAD.c.chain).with_for_update()).first()
    if row is None:
        seq, fid, chain = _new_head(session)
        told = json.dumps({"seq": seq, "chain": chain})
        notes = [Note("fangyu", "audit head missing", "audit_log", told), *notes]
    else:
        seq, fid, chain = int(row[0]), int(row[1]), str(row[2])
    now = utc_now()
    rows: list[dict[str, object]] = []
    for note in notes:
        seq, fid = seq + 1, fid + 1
        link = Link(
            seq, fid, now, note.actor, note.action, note.subject, note.detail, note.kind, note.outcome, note.address,
            note.on_behalf_of or session.info.get("on_behalf_of"),
        )  # fmt: skip
        chain = link.chain(chain)
        rows.append(row_of(link, chain))
    session.execute(insert(_ENTRIES), rows)
    session.execute(update(_HEAD).values(seq=seq, row_fid=fid, chain=chain))


def row_of(link: Link, chain: str) -> dict[str, object]:
    """Return the table's row of an entry.

    Parameters
    ----------
    link : Link
        What it says.
    chain : str
        Its hash.

    Returns
    -------
    dict of str to object
        Values by column.
    """
    values: dict[str, object] = {name: getattr(link, name) for name in Link.__slots__}
    return {**values, "chain": chain}


def _new_head(session: Session) -> tuple[int, int, str]:
    """Make the row of the head anew from the newest entry, where somebody has removed it."""
    newest = session.execute(
        select(_ENTRIES.c.seq, _ENTRIES.c.fid, _ENTRIES.c.chain).order_by(_ENTRIES.c.seq.desc()).limit(1)
    ).first()
    seq, fid, chain = (0, 0, START) if newest is None else (int(newest[0]), int(newest[1]), str(newest[2]))
    session.execute(insert(_HEAD).values(fid=1, seq=seq, row_fid=fid, chain=chain))
    return seq, fid, chain


def head(session: Session) -> Head:
    """Tell where the chain ends.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    Head
        As the row of the head says; nothing and empty where that row is missing.
    """
    found = session.execute(select(_HEAD.c.seq, _HEAD.c.chain)).first()
    return Head(0, START) if found is None else Head(int(found[0]), str(found[1]))


def entries(
    session: Session,
    *,
    limit: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    kind: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    below: int | None = None,
    subject: str | None = None,
) -> list[AuditEntry]:
    """List the entries, newest first.

    Parameters
    ----------
    session : Session
        Any session.
    limit : int, optional
        At most so many.
    since : datetime, optional
        From this moment on.
    until : datetime, optional
        Before this moment.
    kind : str, optional
        Only of one of `KINDS`.
    actor : str, optional
        Only of somebody.
    action : str, optional
        Only with this action.
    below : int, optional
        Only with smaller numbers.
    subject : str, optional
        Only about something.

    Returns
    -------
    list of AuditEntry
        The entries.
    """
    query = _between(since, until).order_by(AuditEntry.seq.desc()).limit(limit)
    if kind is not None:
        query = query.where(AuditEntry.kind == kind)
    if actor is not None:
        query = query.where(AuditEntry.actor == actor)
    if action is not None:
        query = query.where(AuditEntry.action == action)
    if below is not None:
        query = query.where(AuditEntry.seq < below)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    return list(session.scalars(query))


def each(session: Session, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[AuditEntry]:
    """Read entries one after the other, oldest first, without holding all of them.

    Parameters
    ----------
    session : Session
        A session that only reads.
    since : datetime, optional
        From this moment on.
    until : datetime, optional
        Before this moment.

    Yields
    ------
    AuditEntry
        An entry.
    """
    query = _between(since, until).order_by(AuditEntry.seq).execution_options(yield_per=_FETCHED)
    yield from session.scalars(query)


def _between(since: datetime | None, until: datetime | None) -> Select[AuditEntry]:
    """Ask for the entries of some time."""
    query = select(AuditEntry)
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    return query if until is None else query.where(AuditEntry.at < until)


def first_broken(session: Session) -> int | None:
    """Check the chain and everything around it.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    int or None
        Number of the first entry something is wrong with, 0 where it is not an entry, or None when all is well.
    """
    from geo.store.audit_check import verify

    found = verify(session).findings
    return (found[0].seq or 0) if found else None
