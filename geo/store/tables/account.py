"""Who may work: accounts, their sessions and keys, who stands in for whom, and failed attempts."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Boolean, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from geo.store.columns import UtcDateTime
from geo.store.tables.base import Base


class Account(Base):
    """A named person; never removed, because what they did stays on record."""

    __tablename__ = "accounts"
    __table_args__ = (
        Index("ix_accounts_login", "login", unique=True),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    login: Mapped[str]
    name: Mapped[str]
    roles: Mapped[str]
    district: Mapped[str | None]
    password_hash: Mapped[str]
    password_set_at: Mapped[datetime] = mapped_column(UtcDateTime())
    must_change: Mapped[bool] = mapped_column(Boolean(), server_default=text("FALSE"))
    totp_secret: Mapped[str | None]
    totp_counter: Mapped[int] = mapped_column(server_default=text("0"))
    is_active: Mapped[bool] = mapped_column(Boolean(), server_default=text("TRUE"))
    row_version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    created_by: Mapped[str]


class PastPassword(Base):
    """A password somebody had, as its hash, so that it is not taken again."""

    __tablename__ = "past_passwords"
    __table_args__ = (
        Index("ix_past_passwords_account", "account_fid"),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    account_fid: Mapped[int] = mapped_column(ForeignKey("accounts.fid"))
    password_hash: Mapped[str]
    set_at: Mapped[datetime] = mapped_column(UtcDateTime())


class LoginSession(Base):
    """Somebody who has logged in from somewhere; its secret is kept as a hash only."""

    __tablename__ = "login_sessions"
    __table_args__ = (
        Index("ix_login_sessions_token_hash", "token_hash", unique=True),
        Index("ix_login_sessions_account", "account_fid"),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    session_id: Mapped[str]
    token_hash: Mapped[str]
    account_fid: Mapped[int] = mapped_column(ForeignKey("accounts.fid"))
    acting_for_fid: Mapped[int | None] = mapped_column(ForeignKey("accounts.fid"))
    address: Mapped[str]
    agent: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_by: Mapped[str | None]


class ApiKey(Base):
    """A key for a program such as QGIS; its secret is kept as a hash only."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index("ix_api_keys_key_id", "key_id", unique=True),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    key_id: Mapped[str]
    secret_hash: Mapped[str]
    account_fid: Mapped[int] = mapped_column(ForeignKey("accounts.fid"))
    title: Mapped[str]
    scopes: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    revoked_by: Mapped[str | None]


class Delegation(Base):
    """Somebody who stands in for somebody else for some days."""

    __tablename__ = "delegations"
    __table_args__ = (
        Index("ix_delegations_to", "to_fid"),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    delegation_id: Mapped[str]
    from_fid: Mapped[int] = mapped_column(ForeignKey("accounts.fid"))
    to_fid: Mapped[int] = mapped_column(ForeignKey("accounts.fid"))
    roles: Mapped[str]
    reason: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    created_by: Mapped[str]
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_by: Mapped[str | None]


class LoginAttempts(Base):
    """Failed attempts on one login from one address since the last success."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        UniqueConstraint("login", "address"),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    login: Mapped[str]
    address: Mapped[str]
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(UtcDateTime())
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
