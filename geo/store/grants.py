"""What accounts hand on: keys for programs, and standing in for one another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from geo.errors import NotFoundError
from geo.store.columns import utc_now
from geo.store.tables import Account, ApiKey, Delegation


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key for a program.

    Parameters
    ----------
    key_id : str
        What it is known by.
    login : str
        Whose it is.
    title : str
        What it is for.
    scopes : tuple of str
        What it opens.
    created_at, expires_at : datetime
        From when and until when.
    used_at : datetime or None
        When it was last used, to within a minute.
    revoked_at : datetime or None
        When it was revoked.
    account_fid : int
        Row of the account.
    secret_hash : str
        Hash of the key.
    """

    key_id: str
    login: str
    title: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    account_fid: int
    secret_hash: str


@dataclass(frozen=True, slots=True)
class DelegationRecord:
    """Somebody who stands in for somebody else.

    Parameters
    ----------
    delegation_id : str
        What it is known by.
    from_login, to_login : str
        Who is away, and who stands in.
    roles : frozenset of str
        For which roles.
    reason : str
        Why.
    valid_from, valid_to : date
        First day, and the day after the last.
    created_by : str
        Who decided it.
    ended_at : datetime or None
        When it was ended before its time.
    from_fid, to_fid : int
        Rows of both accounts.
    """

    delegation_id: str
    from_login: str
    to_login: str
    roles: frozenset[str]
    reason: str
    valid_from: date
    valid_to: date
    created_by: str
    ended_at: datetime | None
    from_fid: int
    to_fid: int

    def counts_on(self, day: date) -> bool:
        """Tell whether it holds on a day.

        Parameters
        ----------
        day : date
            The day.

        Returns
        -------
        bool
            True from its first day to its last, unless it was ended.
        """
        return self.ended_at is None and self.valid_from <= day < self.valid_to


def add_key(
    session: Session,
    *,
    key_id: str,
    secret_hash: str,
    account_fid: int,
    title: str,
    scopes: Sequence[str],
    expires_at: datetime,
) -> None:
    """Keep a new key.

    Parameters
    ----------
    session : Session
        Writing session.
    key_id : str
        What it is known by.
    secret_hash : str
        Hash of the key.
    account_fid : int
        Whose it is.
    title : str
        What it is for.
    scopes : sequence of str
        What it opens.
    expires_at : datetime
        Until when.
    """
    session.execute(
        insert(ApiKey).values(
            key_id=key_id,
            secret_hash=secret_hash,
            account_fid=account_fid,
            title=title,
            scopes=json.dumps(sorted(scopes)),
            created_at=utc_now(),
            expires_at=expires_at,
        )
    )


def find_key(session: Session, key_id: str) -> KeyRecord | None:
    """Find a key.

    Parameters
    ----------
    session : Session
        Any session.
    key_id : str
        What it is known by.

    Returns
    -------
    KeyRecord or None
        Revoked and expired ones included; None where there is none.
    """
    row = session.execute(_KEYS.where(ApiKey.key_id == key_id)).one_or_none()
    return None if row is None else _key(row)


def keys(session: Session, account_fid: int | None = None) -> list[KeyRecord]:
    """List keys, the newest first.

    Parameters
    ----------
    session : Session
        Any session.
    account_fid : int, optional
        Only those of one account.

    Returns
    -------
    list of KeyRecord
        Revoked and expired ones included.
    """
    asked = _KEYS.order_by(ApiKey.fid.desc())
    if account_fid is not None:
        asked = asked.where(ApiKey.account_fid == account_fid)
    return [_key(row) for row in session.execute(asked)]


def revoke_key(session: Session, key_id: str, *, by: str) -> bool:
    """Revoke a key.

    Parameters
    ----------
    session : Session
        Writing session.
    key_id : str
        Which.
    by : str
        Who revokes it.

    Returns
    -------
    bool
        False where it had been revoked before.
    """
    held = session.execute(
        update(ApiKey)
        .where(ApiKey.key_id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=utc_now(), revoked_by=by)
    )
    return bool(held.rowcount == 1)  # type: ignore[attr-defined]


def touch_key(session: Session, key_id: str, at: datetime) -> None:
    """Take note of when a key was last used.

    Parameters
    ----------
    session : Session
        Writing session.
    key_id : str
        Which.
    at : datetime
        When; never put back.
    """
    session.execute(
        update(ApiKey)
        .where(ApiKey.key_id == key_id, or_(ApiKey.used_at.is_(None), ApiKey.used_at < at))
        .values(used_at=at)
    )


def add_delegation(
    session: Session,
    *,
    delegation_id: str,
    from_fid: int,
    to_fid: int,
    roles: Sequence[str],
    reason: str,
    valid_from: date,
    valid_to: date,
    actor: str,
) -> None:
    """Let somebody stand in for somebody else.

    Parameters
    ----------
    session : Session
        Writing session.
    delegation_id : str
        What it is known by.
    from_fid, to_fid : int
        Who is away, and who stands in.
    roles : sequence of str
        For which roles.
    reason : str
        Why.
    valid_from, valid_to : date
        First day, and the day after the last.
    actor : str
        Who decides it.
    """
    session.execute(
        insert(Delegation).values(
            delegation_id=delegation_id,
            from_fid=from_fid,
            to_fid=to_fid,
            roles=json.dumps(sorted(roles)),
            reason=reason,
            valid_from=valid_from,
            valid_to=valid_to,
            created_at=utc_now(),
            created_by=actor,
        )
    )


def delegations(session: Session, *, to_fid: int | None = None) -> list[DelegationRecord]:
    """List who stands in for whom, the newest first.

    Parameters
    ----------
    session : Session
        Any session.
    to_fid : int, optional
        Only those to one account.

    Returns
    -------
    list of DelegationRecord
        Ended and past ones included.
    """
    asked = _DELEGATIONS.order_by(Delegation.fid.desc())
    if to_fid is not None:
        asked = asked.where(Delegation.to_fid == to_fid)
    return [_delegation(row) for row in session.execute(asked)]


def delegation(session: Session, delegation_id: str) -> DelegationRecord:
    """Return one of them.

    Parameters
    ----------
    session : Session
        Any session.
    delegation_id : str
        Which.

    Returns
    -------
    DelegationRecord
        It.

    Raises
    ------
    NotFoundError
        There is none.
    """
    row = session.execute(_DELEGATIONS.where(Delegation.delegation_id == delegation_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"没有代理“{delegation_id}”", f"there is no delegation '{delegation_id}'")
    return _delegation(row)


def end_delegation(session: Session, delegation_id: str, *, by: str) -> bool:
    """End one before its time.

    Parameters
    ----------
    session : Session
        Writing session.
    delegation_id : str
        Which.
    by : str
        Who ends it.

    Returns
    -------
    bool
        False where it had been ended before.
    """
    held = session.execute(
        update(Delegation)
        .where(Delegation.delegation_id == delegation_id, Delegation.ended_at.is_(None))
        .values(ended_at=utc_now(), ended_by=by)
    )
    return bool(held.rowcount == 1)  # type: ignore[attr-defined]


_KEYS: Final = select(
    ApiKey.key_id,
    Account.login,
    ApiKey.title,
    ApiKey.scopes,
    ApiKey.created_at,
    ApiKey.expires_at,
    ApiKey.used_at,
    ApiKey.revoked_at,
    ApiKey.account_fid,
    ApiKey.secret_hash,
).join(Account, Account.fid == ApiKey.account_fid)
_FROM, _TO = aliased(Account), aliased(Account)
_DELEGATIONS: Final = (
    select(
        Delegation.delegation_id,
        _FROM.login.label("from_login"),
        _TO.login.label("to_login"),
        Delegation.roles,
        Delegation.reason,
        Delegation.valid_from,
        Delegation.valid_to,
        Delegation.created_by,
        Delegation.ended_at,
        Delegation.from_fid,
        Delegation.to_fid,
    )
    .join(_FROM, _FROM.fid == Delegation.from_fid)
    .join(_TO, _TO.fid == Delegation.to_fid)
)


def _key(row: Any) -> KeyRecord:
    """Make a record of a row."""
    return KeyRecord(**{**row._mapping, "scopes": tuple(json.loads(row.scopes))})


def _delegation(row: Any) -> DelegationRecord:
    """Make a record of a row."""
    return DelegationRecord(**{**row._mapping, "roles": frozenset(json.loads(row.roles))})
