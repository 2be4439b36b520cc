"""Edits of legal records past Fangyu, held until they are reviewed; a journal from which any row can be put back."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Index, MetaData, Table, Text, inspect, text

from geo.store import schema
from geo.store.columns import BigInt, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_UNCLAIMED = text("origin IS NULL")


def upgrade() -> None:
    """Create the table, index the journal by row, and renew the triggers that write it."""
    connection = op.get_bind()
    metadata = MetaData()

    def words(names: str, *, nullable: bool = False) -> list[Column[str]]:
        return [Column(name, Text, nullable=nullable) for name in names.split()]

    Table(
        "outside_holds",
        metadata,
        Column("fid", BigInt, primary_key=True, autoincrement=True),
        *words("hold_id layer"),
        Column("row_fid", BigInt, nullable=False),
        *words("feature_id operation"),
        *words("before after", nullable=True),
        Column("found_utc", UtcDateTime(), nullable=False),
        *words("problem", nullable=True),
        *words("state"),
        *words("reviewer reason", nullable=True),
        Column("decided_utc", UtcDateTime(), nullable=True),
        Column("row_version", BigInt, server_default=text("1"), nullable=False),
        Index("ix_outside_holds_hold_id", "hold_id", unique=True),
        Index("ix_outside_holds_state", "state", "fid"),
        sqlite_autoincrement=True,
    )
    metadata.create_all(connection)
    schema.keep_holds(connection)
    op.drop_index("ix_change_journal_unclaimed", "change_journal")
    op.create_index(
        "ix_change_journal_unclaimed", "change_journal", ["layer", "fid"], sqlite_where=_UNCLAIMED,
        postgresql_where=_UNCLAIMED,
    )  # fmt: skip
    op.create_index("ix_change_journal_row", "change_journal", ["layer", "row_fid"])
    schema.renew_tracking(connection, inspect(connection).get_table_names())
