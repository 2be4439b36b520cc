"""Answers of writing requests that carried a key, so that repeating one does nothing twice."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Index, LargeBinary, MetaData, Table, Text, UniqueConstraint

from geo.store.columns import BigInt, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    metadata = MetaData()
    Table(
        "idempotency_keys",
        metadata,
        Column("fid", BigInt, primary_key=True, autoincrement=True),
        Column("actor", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("fingerprint", Text, nullable=False),
        Column("status", BigInt, nullable=False),
        Column("headers", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("created_utc", UtcDateTime(), nullable=False),
        UniqueConstraint("actor", "key"),
        Index("ix_idempotency_keys_created", "created_utc"),
        sqlite_autoincrement=True,
    )
    metadata.create_all(op.get_bind())
