"""Accounts, sessions, keys, delegations and failed attempts."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, MetaData, Table, Text, UniqueConstraint, text

from geo.store import schema
from geo.store.columns import BigInt, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their triggers."""
    metadata = MetaData()

    def fid() -> Column[int]:
        return Column("fid", BigInt, primary_key=True, autoincrement=True)

    def words(names: str, *, nullable: bool = False) -> list[Column[str]]:
        return [Column(name, Text, nullable=nullable) for name in names.split()]

    def account(name: str, *, nullable: bool = False) -> Column[int]:
        return Column(name, BigInt, ForeignKey("accounts.fid"), nullable=nullable)

    def moments(names: str, *, nullable: bool = False) -> list[Column[object]]:
        return [Column(name, UtcDateTime(), nullable=nullable) for name in names.split()]

    def count(name: str, default: str) -> Column[int]:
        return Column(name, BigInt, server_default=text(default), nullable=False)

    def flag(name: str, default: str) -> Column[bool]:
        return Column(name, Boolean, server_default=text(default), nullable=False)

    Table(
        "accounts",
        metadata,
        fid(),
        *words("login name roles"),
        *words("district", nullable=True),
        *words("password_hash"),
        *moments("password_set_at"),
        flag("must_change", "FALSE"),
        *words("totp_secret", nullable=True),
        count("totp_counter", "0"),
        flag("is_active", "TRUE"),
        count("row_version", "1"),
        *moments("created_at"),
        *words("created_by"),
        Index("ix_accounts_login", "login", unique=True),
        sqlite_autoincrement=True,
    )
    Table(
        "past_passwords",
        metadata,
        fid(),
        account("account_fid"),
        *words("password_hash"),
        *moments("set_at"),
        Index("ix_past_passwords_account", "account_fid"),
        sqlite_autoincrement=True,
    )
    Table(
        "login_sessions",
        metadata,
        fid(),
        *words("session_id token_hash"),
        account("account_fid"),
        account("acting_for_fid", nullable=True),
        *words("address agent"),
        *moments("created_at seen_at"),
        *moments("ended_at", nullable=True),
        *words("ended_by", nullable=True),
        Index("ix_login_sessions_token_hash", "token_hash", unique=True),
        Index("ix_login_sessions_account", "account_fid"),
        sqlite_autoincrement=True,
    )
    Table(
        "api_keys",
        metadata,
        fid(),
        *words("key_id secret_hash"),
        account("account_fid"),
        *words("title scopes"),
        *moments("created_at expires_at"),
        *moments("used_at revoked_at", nullable=True),
        *words("revoked_by", nullable=True),
        Index("ix_api_keys_key_id", "key_id", unique=True),
        sqlite_autoincrement=True,
    )
    Table(
        "delegations",
        metadata,
        fid(),
        *words("delegation_id"),
        account("from_fid"),
        account("to_fid"),
        *words("roles reason"),
        Column("valid_from", Date, nullable=False),
        Column("valid_to", Date, nullable=False),
        *moments("created_at"),
        *words("created_by"),
        *moments("ended_at", nullable=True),
        *words("ended_by", nullable=True),
        Index("ix_delegations_to", "to_fid"),
        sqlite_autoincrement=True,
    )
    Table(
        "login_attempts",
        metadata,
        fid(),
        *words("login address"),
        Column("failures", BigInt, nullable=False),
        *moments("last_at"),
        *moments("locked_until", nullable=True),
        UniqueConstraint("login", "address"),
        sqlite_autoincrement=True,
    )
    connection = op.get_bind()
    metadata.create_all(connection)
    schema.guard_accounts(connection)
