"""What people work on beside the map: long jobs, what-if scenarios, and answers kept for repetitions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from geo.store.columns import UtcDateTime
from geo.store.tables.base import Base


class Job(Base):
    """One long piece of work; whoever serves the store takes the oldest that waits."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_job_id", "job_id", unique=True),
        Index("ix_jobs_state", "state", "fid"),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[str]
    kind: Mapped[str]
    parameters: Mapped[str]
    actor: Mapped[str]
    state: Mapped[str]
    stage: Mapped[str | None]
    share: Mapped[float | None]
    worker: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    is_cancel_asked: Mapped[bool] = mapped_column(Boolean(), server_default=text("FALSE"))
    result: Mapped[str | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    beat_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    on_behalf_of: Mapped[str | None]


class Scenario(Base):
    """An ordered list of edits over an untouched base; ``position`` of them count, the rest can be redone."""

    __tablename__ = "scenarios"
    __table_args__ = (
        Index("ix_scenarios_scenario_id", "scenario_id", unique=True),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    scenario_id: Mapped[str]
    name: Mapped[str]
    actor: Mapped[str]
    is_shared: Mapped[bool] = mapped_column(Boolean(), server_default=text("FALSE"))
    parent_id: Mapped[str | None]
    parameters: Mapped[str]
    revisions: Mapped[str]
    edits: Mapped[str]
    position: Mapped[int]
    content_hash: Mapped[str]
    row_version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime())
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class IdempotencyKey(Base):
    """The answer of a writing request that carried a key; kept for a day, so that a repetition does nothing twice."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        UniqueConstraint("actor", "key"),
        Index("ix_idempotency_keys_created", "created_utc"),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    actor: Mapped[str]
    key: Mapped[str]
    fingerprint: Mapped[str]
    status: Mapped[int]
    headers: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary())
    created_utc: Mapped[datetime] = mapped_column(UtcDateTime())
