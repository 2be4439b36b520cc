"""Jobs and scenarios."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Index, MetaData, Table, Text, text

from geo.store.columns import BigInt, Real, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    metadata = MetaData()

    def fid() -> Column[int]:
        return Column("fid", BigInt, primary_key=True, autoincrement=True)

    def words(names: str, *, nullable: bool = False) -> list[Column[str]]:
        return [Column(name, Text, nullable=nullable) for name in names.split()]

    def flag(name: str) -> Column[bool]:
        return Column(name, Boolean, server_default=text("FALSE"), nullable=False)

    def moments(names: str, *, nullable: bool = False) -> list[Column[object]]:
        return [Column(name, UtcDateTime(), nullable=nullable) for name in names.split()]

    Table(
        "jobs",
        metadata,
        fid(),
        *words("job_id kind parameters actor state"),
        *words("stage", nullable=True),
        Column("share", Real),
        *words("worker", nullable=True),
        Column("attempts", BigInt, server_default=text("0"), nullable=False),
        flag("is_cancel_asked"),
        *words("result error", nullable=True),
        *moments("created_at"),
        *moments("started_at beat_at finished_at", nullable=True),
        Index("ix_jobs_job_id", "job_id", unique=True),
        Index("ix_jobs_state", "state", "fid"),
        sqlite_autoincrement=True,
    )
    Table(
        "scenarios",
        metadata,
        fid(),
        *words("scenario_id name actor"),
        flag("is_shared"),
        *words("parent_id", nullable=True),
        *words("parameters revisions edits"),
        Column("position", BigInt, nullable=False),
        *words("content_hash"),
        Column("row_version", BigInt, server_default=text("1"), nullable=False),
        *moments("created_at updated_at"),
        *moments("removed_at", nullable=True),
        Index("ix_scenarios_scenario_id", "scenario_id", unique=True),
        sqlite_autoincrement=True,
    )
    metadata.create_all(op.get_bind())
