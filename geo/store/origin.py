"""Whose changes the journal tells of: ours are declared or claimed in their transaction, others came from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from geo.store.outside_holds import HoldRecord

_WRITER_LOCK: Final = 4_490_002
"""PostgreSQL advisory lock of whoever writes."""


def start_writing(session: Session) -> int:
    """Take the one writer's turn, and declare whose changes follow.

    Parameters
    ----------
    session : Session
        Writing session, at its beginning.

    Returns
    -------
    int
        For `claim_journal`.
    """
    if session.get_bind().dialect.name != "sqlite":
        # One writer at a time, as on SQLite: otherwise row locks, revisions and the audit chain can meet crosswise, and
        # two people importing one file at once would not see each other.
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _WRITER_LOCK})
    return declare(session.connection())


def declare(connection: Connection) -> int:
    """Declare that the changes of a transaction are ours.

    Parameters
    ----------
    connection : Connection
        At the beginning of a writing transaction.

    Returns
    -------
    int
        The last journal row there was; -1 where the triggers know whose changes they are.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT set_config('fangyu.origin', 'fangyu', true)"))
        return -1
    return _last_entry(connection)


def claim_journal(connection: Connection, first: int) -> None:
    """Mark the journal rows of a transaction as ours; what stays unmarked came from outside.

    Parameters
    ----------
    connection : Connection
        At the end of the transaction.
    first : int
        From `declare`.
    """
    if first >= 0 and _last_entry(connection) > first:
        claim = text("UPDATE change_journal SET origin = 'fangyu' WHERE fid > :first AND origin IS NULL")
        connection.execute(claim, {"first": first})


def hold_outside(session: Session) -> list[HoldRecord]:
    """Put back what another program made of legal records, and hold it for review.

    Parameters
    ----------
    session : Session
        Writing session, after `start_writing`.

    Returns
    -------
    list of HoldRecord
        What was held.
    """
    from geo.store import outside_holds  # reads the catalogue, which a store that is only read has no need of

    return outside_holds.hold_edits(session) if outside_holds.has_pending(session) else []


def _last_entry(connection: Connection) -> int:
    """Return the last journal row of an embedded store, which may have no journal yet."""
    if connection.scalar(text("SELECT 1 FROM sqlite_master WHERE name = 'change_journal'")) is None:
        return 0
    return int(connection.scalar(text("SELECT COALESCE(MAX(fid), 0) FROM change_journal")) or 0)
