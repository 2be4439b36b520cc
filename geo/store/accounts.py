"""Accounts as they are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from geo.errors import ConflictError, NotFoundError
from geo.store.columns import utc_now
from geo.store.tables import Account, PastPassword


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """One account.

    Parameters
    ----------
    fid : int
        Row id.
    login : str
        What its holder types; in small letters.
    name : str
        The person.
    roles : frozenset of str
        Roles.
    district : str or None
        Division code they are limited to; None for the whole bureau.
    password_hash : str
        For `geo.account.password.is_password`.
    password_set_at : datetime
        When it was set.
    must_change : bool
        Whether somebody else set it, so that it serves only for setting another one.
    totp_secret : str or None
        Encrypted secret of the second factor, where there is one.
    totp_counter : int
        Time step of its last code.
    is_active : bool
        False once it is closed.
    row_version : int
        How often it was changed by an administrator.
    created_at : datetime
        When.
    created_by : str
        By whom.
    """

    fid: int
    login: str
    name: str
    roles: frozenset[str]
    district: str | None
    password_hash: str
    password_set_at: datetime
    must_change: bool
    totp_secret: str | None
    totp_counter: int
    is_active: bool
    row_version: int
    created_at: datetime
    created_by: str

    @property
    def tag(self) -> str:
        """What changes whenever an administrator changes it.

        Returns
        -------
        str
            Login and version.
        """
        return f"{self.login}.{self.row_version}"


def has_accounts(session: Session) -> bool:
    """Tell whether anybody has an account.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    bool
        True from the first one on, for ever: none is removed.
    """
    return session.scalar(select(Account.fid).limit(1)) is not None


def find(session: Session, login: str) -> AccountRecord | None:
    """Find an account.

    Parameters
    ----------
    session : Session
        Any session.
    login : str
        Login, in any letter case.

    Returns
    -------
    AccountRecord or None
        None where there is none.
    """
    return _one(session, Account.login == login.strip().casefold())


def get(session: Session, login: str) -> AccountRecord:
    """Return an account.

    Parameters
    ----------
    session : Session
        Any session.
    login : str
        Login.

    Returns
    -------
    AccountRecord
        The account.

    Raises
    ------
    NotFoundError
        There is none.
    """
    found = find(session, login)
    if found is None:
        raise NotFoundError(f"没有账户“{login}”", f"there is no account '{login}'", login=login)
    return found


def by_fid(session: Session, fid: int) -> AccountRecord:
    """Return an account by its row.

    Parameters
    ----------
    session : Session
        Any session.
    fid : int
        Row id.

    Returns
    -------
    AccountRecord
        The account.

    Raises
    ------
    NotFoundError
        There is none.
    """
    found = _one(session, Account.fid == fid)
    if found is None:
        raise NotFoundError(f"没有账户 {fid}", f"there is no account {fid}")
    return found


def every(session: Session) -> list[AccountRecord]:
    """List all accounts.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    list of AccountRecord
        By login.
    """
    return [_record(row) for row in session.execute(select(*_COLUMNS).order_by(Account.login))]


def add(
    session: Session,
    *,
    login: str,
    name: str,
    roles: frozenset[str],
    district: str | None,
    password_hash: str,
    must_change: bool,
    actor: str,
) -> AccountRecord:
    """Add an account.

    Parameters
    ----------
    session : Session
        Writing session.
    login : str
        Login, in small letters.
    name : str
        The person.
    roles : frozenset of str
        Roles.
    district : str or None
        Division code.
    password_hash : str
        Hash of its first password.
    must_change : bool
        Whether that one serves only for setting another.
    actor : str
        Who adds it.

    Returns
    -------
    AccountRecord
        The account.

    Raises
    ------
    ConflictError
        The login is taken.
    """
    if find(session, login) is not None:
        raise ConflictError(f"账号“{login}”已被使用", f"the login '{login}' is taken", login=login)
    now = utc_now()
    session.execute(
        insert(Account).values(
            login=login,
            name=name,
            roles=roles_text(roles),
            district=district,
            password_hash=password_hash,
            password_set_at=now,
            must_change=must_change,
            totp_counter=0,
            is_active=True,
            row_version=1,
            created_at=now,
            created_by=actor,
        )
    )
    return get(session, login)


def change(session: Session, record: AccountRecord, values: Mapping[str, Any]) -> AccountRecord:
    """Change what an administrator decides about an account.

    Parameters
    ----------
    session : Session
        Writing session.
    record : AccountRecord
        As it was read.
    values : Mapping
        ``name``, ``roles``, ``district`` or ``is_active``.

    Returns
    -------
    AccountRecord
        As it stands now.

    Raises
    ------
    ConflictError
        It has been changed since it was read.
    """
    given = {key: roles_text(value) if key == "roles" else value for key, value in values.items()}
    held = session.execute(
        update(Account)
        .where(Account.fid == record.fid, Account.row_version == record.row_version)
        .values(**given, row_version=Account.row_version + 1)
    )
    if held.rowcount != 1:  # type: ignore[attr-defined]
        raise ConflictError(
            f"账户“{record.login}”正被修改，请重试", f"the account '{record.login}' is being changed; try again"
        )
    return by_fid(session, record.fid)


def set_password(
    session: Session, record: AccountRecord, password_hash: str, *, must_change: bool, remembered: int
) -> None:
    """Give an account another password.

    Parameters
    ----------
    session : Session
        Writing session.
    record : AccountRecord
        The account.
    password_hash : str
        Hash of the new one.
    must_change : bool
        Whether it serves only for setting another.
    remembered : int
        How many earlier ones are kept.
    """
    session.execute(
        insert(PastPassword).values(
            account_fid=record.fid, password_hash=record.password_hash, set_at=record.password_set_at
        )
    )
    session.execute(
        update(Account)
        .where(Account.fid == record.fid)
        .values(password_hash=password_hash, password_set_at=utc_now(), must_change=must_change)
    )
    _forget_passwords(session, record.fid, remembered)


def past_passwords(session: Session, record: AccountRecord, limit: int) -> list[str]:
    """Return the hashes of passwords somebody had.

    Parameters
    ----------
    session : Session
        Any session.
    record : AccountRecord
        The account.
    limit : int
        How many, the present one included.

    Returns
    -------
    list of str
        Newest first.
    """
    if limit <= 0:
        return []
    older = session.scalars(
        select(PastPassword.password_hash)
        .where(PastPassword.account_fid == record.fid)
        .order_by(PastPassword.fid.desc())
        .limit(limit - 1)
    )
    return [record.password_hash, *older]


def rehash(session: Session, record: AccountRecord, password_hash: str) -> None:
    """Keep the same password with a stronger hash.

    Parameters
    ----------
    session : Session
        Writing session.
    record : AccountRecord
        The account.
    password_hash : str
        The hash.
    """
    session.execute(update(Account).where(Account.fid == record.fid).values(password_hash=password_hash))


def set_second_factor(session: Session, record: AccountRecord, sealed: str | None, counter: int = 0) -> None:
    """Turn the second factor on or off.

    Parameters
    ----------
    session : Session
        Writing session.
    record : AccountRecord
        The account.
    sealed : str or None
        Encrypted secret; None turns it off.
    counter : int
        Time step of the code it was proven with.
    """
    session.execute(
        update(Account).where(Account.fid == record.fid).values(totp_secret=sealed, totp_counter=counter)
    )


def spend_code(session: Session, record: AccountRecord, step: int) -> bool:
    """Take note that the code of a time step has been used.

    Parameters
    ----------
    session : Session
        Writing session.
    record : AccountRecord
        The account.
    step : int
        The step.

    Returns
    -------
    bool
        False where it has been used meanwhile: one code lets in once.
    """
    held = session.execute(
        update(Account).where(Account.fid == record.fid, Account.totp_counter < step).values(totp_counter=step)
    )
    return bool(held.rowcount == 1)  # type: ignore[attr-defined]


def roles_text(roles: frozenset[str] | Sequence[str]) -> str:
    """Write roles as they are kept.

    Parameters
    ----------
    roles : collection of str
        Roles.

    Returns
    -------
    str
        A JSON list in order.
    """
    return json.dumps(sorted(roles))


_COLUMNS: Final = (
    Account.fid,
    Account.login,
    Account.name,
    Account.roles,
    Account.district,
    Account.password_hash,
    Account.password_set_at,
    Account.must_change,
    Account.totp_secret,
    Account.totp_counter,
    Account.is_active,
    Account.row_version,
    Account.created_at,
    Account.created_by,
)


def _one(session: Session, condition: Any) -> AccountRecord | None:
    """Read one account."""
    row = session.execute(select(*_COLUMNS).where(condition)).one_or_none()
    return None if row is None else _record(row)


def _record(row: Any) -> AccountRecord:
    """Make a record of a row."""
    values = dict(row._mapping)
    return AccountRecord(**{**values, "roles": frozenset(json.loads(values["roles"]))})


def _forget_passwords(session: Session, account_fid: int, remembered: int) -> None:
    """Forget the hashes that nobody will ask for: fewer of them lie about."""
    kept = (
        select(PastPassword.fid)
        .where(PastPassword.account_fid == account_fid)
        .order_by(PastPassword.fid.desc())
        .limit(max(remembered - 1, 0))
    )
    doomed = session.scalars(
        select(PastPassword.fid).where(PastPassword.account_fid == account_fid, PastPassword.fid.not_in(kept))
    ).all()
    if doomed:
        session.execute(PastPassword.__table__.delete().where(PastPassword.fid.in_(doomed)))  # type: ignore[attr-defined]


def count_active(session: Session, role: str) -> int:
    """Count the open accounts with a role.

    Parameters
    ----------
    session : Session
        Any session.
    role : str
        The role.

    Returns
    -------
    int
        How many.
    """
    held = Account.roles.contains(json.dumps(role), autoescape=True)
    return int(session.scalar(select(func.count()).select_from(Account).where(Account.is_active, held)) or 0)
