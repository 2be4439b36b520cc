"""Sessions of people who have logged in, and the attempts of those who have not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from geo.store.columns import utc_now
from geo.store.tables import Account, LoginAttempts, LoginSession


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One session.

    Parameters
    ----------
    session_id : str
        What it is known by; tells nothing of its secret.
    login, name : str
        Whose it is.
    acting_for : str or None
        Login of the person it stands in for.
    address, agent : str
        Where from, and with what.
    created_at, seen_at : datetime
        When it began, and when it was last used.
    ended_at : datetime or None
        When it ended.
    ended_by : str or None
        Who or what ended it.
    """

    session_id: str
    login: str
    name: str
    acting_for: str | None
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    ended_at: datetime | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """Failed attempts on one login from one address.

    Parameters
    ----------
    login, address : str
        Which.
    failures : int
        In a row.
    last_at : datetime
        The last one.
    locked_until : datetime or None
        Until when no other is looked at.
    """

    login: str
    address: str
    failures: int
    last_at: datetime
    locked_until: datetime | None


def begin(session: Session, *, session_id: str, token_hash: str, account_fid: int, address: str, agent: str) -> None:
    """Begin a session.

    Parameters
    ----------
    session : Session
        Writing session of the store.
    session_id : str
        What it is known by.
    token_hash : str
        Hash of its secret.
    account_fid : int
        Whose it is.
    address, agent : str
        Where from, and with what.
    """
    now = utc_now()
    session.execute(
        insert(LoginSession).values(
            session_id=session_id,
            token_hash=token_hash,
            account_fid=account_fid,
            address=address,
            agent=agent[:200],
            created_at=now,
            seen_at=now,
        )
    )


def find(session: Session, token_hash: str) -> tuple[SessionRecord, int, int | None] | None:
    """Find a session that has not been ended.

    Parameters
    ----------
    session : Session
        Any session of the store.
    token_hash : str
        Hash of its secret.

    Returns
    -------
    tuple or None
        The session, the row of its account and of the account it acts for; None where there is none.
    """
    row = session.execute(
        _SESSIONS.where(LoginSession.token_hash == token_hash, LoginSession.ended_at.is_(None))
    ).one_or_none()
    return None if row is None else (_record(row), row.account_fid, row.acting_for_fid)


def open_sessions(session: Session, account_fid: int | None = None) -> list[SessionRecord]:
    """List sessions that have not been ended, the one used last first.

    Parameters
    ----------
    session : Session
        Any session of the store.
    account_fid : int, optional
        Only those of one account.

    Returns
    -------
    list of SessionRecord
        Those that have merely grown too old included.
    """
    asked = _SESSIONS.where(LoginSession.ended_at.is_(None)).order_by(LoginSession.seen_at.desc())
    if account_fid is not None:
        asked = asked.where(LoginSession.account_fid == account_fid)
    return [_record(row) for row in session.execute(asked)]


def end(session: Session, session_ids: Sequence[str], *, by: str) -> int:
    """End sessions.

    Parameters
    ----------
    session : Session
        Writing session of the store.
    session_ids : sequence of str
        Which.
    by : str
        Who or what ends them.

    Returns
    -------
    int
        How many had not been ended before.
    """
    if not session_ids:
        return 0
    held = session.execute(
        update(LoginSession)
        .where(LoginSession.session_id.in_(session_ids), LoginSession.ended_at.is_(None))
        .values(ended_at=utc_now(), ended_by=by)
    )
    return int(held.rowcount)  # type: ignore[attr-defined]


def act_for(session: Session, session_id: str, account_fid: int | None) -> None:
    """Let a session stand in for somebody, or for nobody any more.

    Parameters
    ----------
    session : Session
        Writing session of the store.
    session_id : str
        Which.
    account_fid : int or None
        For whom.
    """
    session.execute(
        update(LoginSession).where(LoginSession.session_id == session_id).values(acting_for_fid=account_fid)
    )


def replace_token(session: Session, session_id: str, token_hash: str) -> None:
    """Give a session another secret; the old one is worth nothing from then on.

    Parameters
    ----------
    session : Session
        Writing session of the store.
    session_id : str
        Which.
    token_hash : str
        Hash of the new secret.
    """
    session.execute(update(LoginSession).where(LoginSession.session_id == session_id).values(token_hash=token_hash))


def touch(session: Session, seen: Mapping[str, datetime]) -> None:
    """Take note of when sessions were last used.

    Parameters
    ----------
    session : Session
        Writing session of the store.
    seen : Mapping of str to datetime
        Moment by session id; never put back.
    """
    for session_id, at in seen.items():
        session.execute(
            update(LoginSession)
            .where(LoginSession.session_id == session_id, LoginSession.seen_at < at)
            .values(seen_at=at)
        )


def has_worked_from(session: Session, account_fid: int, address: str, since: datetime) -> bool:
    """Tell whether somebody has logged in from an address.

    Parameters
    ----------
    session : Session
        Any session of the store.
    account_fid : int
        Who.
    address : str
        Where from.
    since : datetime
        Since when.

    Returns
    -------
    bool
        True when they have.
    """
    asked = select(LoginSession.fid).where(
        LoginSession.account_fid == account_fid, LoginSession.address == address, LoginSession.created_at >= since
    )
    return session.scalar(asked.limit(1)) is not None


def attempts(session: Session, login: str, address: str) -> AttemptRecord | None:
    """Return the failed attempts on a login from an address.

    Parameters
    ----------
    session : Session
        Any session of the store.
    login, address : str
        Which.

    Returns
    -------
    AttemptRecord or None
        None where there is none since the last success.
    """
    row = session.execute(
        _ATTEMPTS.where(LoginAttempts.login == login, LoginAttempts.address == address)
    ).one_or_none()
    return None if row is None else AttemptRecord(*row)


def locked(session: Session) -> list[AttemptRecord]:
    """List what is locked now.

    Parameters
    ----------
    session : Session
        Any session of the store.

    Returns
    -------
    list of AttemptRecord
        The longest lock first.
    """
    asked = _ATTEMPTS.where(LoginAttempts.locked_until > utc_now()).order_by(LoginAttempts.locked_until.desc())
    return [AttemptRecord(*row) for row in session.execute(asked)]


def failures_since(session: Session, since: datetime, *, login: str | None = None, address: str | None = None) -> int:
    """Count failures on a login from anywhere, or from an address on anything.

    Parameters
    ----------
    session : Session
        Any session of the store.
    since : datetime
        Pairs whose last failure is older do not count.
    login, address : str, optional
        Which.

    Returns
    -------
    int
        Failures.
    """
    asked = select(func.coalesce(func.sum(LoginAttempts.failures), 0)).where(LoginAttempts.last_at >= since)
    if login is not None:
        asked = asked.where(LoginAttempts.login == login)
    if address is not None:
        asked = asked.where(LoginAttempts.address == address)
    return int(session.scalar(asked) or 0)


def fail(session: Session, login: str, address: str, failures: int, lock: timedelta | None) -> None:
    """Take note of a failed attempt.

    Parameters
    ----------
    session : Session
        Writing session of the store.
    login, address : str
        Which.
    failures : int
        In a row, this one included.
    lock : timedelta or None
        How long no other is looked at.
    """
    now = utc_now()
    values = {"failures": failures, "last_at": now, "locked_until": None if lock is None else now + lock}
    held = session.execute(
        update(LoginAttempts).where(LoginAttempts.login == login, LoginAttempts.address == address).values(**values)
    )
    if held.rowcount == 0:  # type: ignore[attr-defined]
        session.execute(insert(LoginAttempts).values(login=login, address=address, **values))


def forgive(session: Session, login: str, address: str | None = None) -> int:
    """Forget the failed attempts on a login.

    Parameters
    ----------
    session : Session
        Writing session of the store.
    login : str
        Which.
    address : str, optional
        Only those from one address.

    Returns
    -------
    int
        How many addresses were forgotten.
    """
    asked = delete(LoginAttempts).where(LoginAttempts.login == login)
    if address is not None:
        asked = asked.where(LoginAttempts.address == address)
    return int(session.execute(asked).rowcount)  # type: ignore[attr-defined]


def forget_attempts(session: Session, before: datetime) -> None:
    """Forget failed attempts that count for nothing any more, so that guesses cannot fill the store.

    Parameters
    ----------
    session : Session
        Writing session of the store.
    before : datetime
        Those whose last failure is older and that lock nothing.
    """
    now = utc_now()
    session.execute(
        delete(LoginAttempts).where(
            LoginAttempts.last_at < before,
            (LoginAttempts.locked_until.is_(None)) | (LoginAttempts.locked_until < now),
        )
    )


_OTHER = aliased(Account)
_SESSIONS: Final = (
    select(
        LoginSession.session_id,
        Account.login,
        Account.name,
        _OTHER.login.label("acting_for"),
        LoginSession.address,
        LoginSession.agent,
        LoginSession.created_at,
        LoginSession.seen_at,
        LoginSession.ended_at,
        LoginSession.ended_by,
        LoginSession.account_fid,
        LoginSession.acting_for_fid,
    )
    .join(Account, Account.fid == LoginSession.account_fid)
    .outerjoin(_OTHER, _OTHER.fid == LoginSession.acting_for_fid)
)
_ATTEMPTS: Final = select(
    LoginAttempts.login,
    LoginAttempts.address,
    LoginAttempts.failures,
    LoginAttempts.last_at,
    LoginAttempts.locked_until,
)


def _record(row: Any) -> SessionRecord:
    """Make a record of a row."""
    return SessionRecord(*tuple(row)[:10])


