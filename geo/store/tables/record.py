"""Records beside the map: imports, analysis runs, the audit log, and the store's own bookkeeping."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from geo.store.columns import UtcDateTime
from geo.store.tables.base import Base


class Import(Base):
    """One file that came in: the unit of undo."""

    __tablename__ = "imports"
    __table_args__ = (
        Index("ix_imports_source", "layer", "source"),
        {"sqlite_autoincrement": True, "info": {"title_zh": "导入记录", "title_en": "Imports"}},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    layer: Mapped[str]
    source: Mapped[str]
    file_name: Mapped[str]
    sha256: Mapped[str]
    parameters: Mapped[str]
    actor: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    undone_by: Mapped[str | None]
    rows_read: Mapped[int | None]
    rows_refused: Mapped[int | None]
    rows_repaired: Mapped[int | None]
    rows_added: Mapped[int | None]
    rows_changed: Mapped[int | None]
    rows_closed: Mapped[int | None]
    rows_unchanged: Mapped[int | None]


class AnalysisRun(Base):
    """One analysis with its parameters, the layer revisions it read and the hash of its results."""

    __tablename__ = "analysis_runs"
    __table_args__ = (
        Index("ix_analysis_runs_run_id", "run_id", unique=True),
        {"sqlite_autoincrement": True, "info": {"title_zh": "分析记录", "title_en": "Analysis runs"}},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    run_id: Mapped[str]
    kind: Mapped[str]
    parameters: Mapped[str]
    revisions: Mapped[str]
    summary: Mapped[str]
    content_hash: Mapped[str]
    software_version: Mapped[str]
    actor: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())


class AnalysisResult(Base):
    """The arrays of one run for one facility type and one band."""

    __tablename__ = "analysis_results"
    __table_args__ = (UniqueConstraint("run_fid", "type", "band"),)

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    run_fid: Mapped[int] = mapped_column(ForeignKey("analysis_runs.fid", ondelete="CASCADE"))
    type: Mapped[str]
    band: Mapped[str]
    payload: Mapped[bytes] = mapped_column(LargeBinary())


class AuditEntry(Base):
    """Who did what; rows are only ever added, each bound to the one before by a hash."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_seq", "seq", unique=True),
        {"sqlite_autoincrement": True, "info": {"title_zh": "审计日志", "title_en": "Audit log"}},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[str]
    chain: Mapped[str]
    seq: Mapped[int]
    kind: Mapped[str]
    outcome: Mapped[str]
    address: Mapped[str | None]
    on_behalf_of: Mapped[str | None]
    old_chain: Mapped[str | None]


class AuditHead(Base):
    """Where the audit's chain ends: one row, moved on with every entry."""

    __tablename__ = "audit_head"

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    row_fid: Mapped[int]
    chain: Mapped[str]


class AuditSeal(Base):
    """Where the audit's chain stood at the end of a month; rows are only ever added."""

    __tablename__ = "audit_seals"
    __table_args__ = (
        Index("ix_audit_seals_last_seq", "last_seq", unique=True),
        {"sqlite_autoincrement": True, "info": {"title_zh": "审计月封", "title_en": "Audit seals"}},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    month: Mapped[str]
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime())
    last_seq: Mapped[int]
    entries: Mapped[int]
    chain: Mapped[str]
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime())


class LayerRevision(Base):
    """How often a layer has changed, and a random stamp of its last change.

    Two copies of one store that are edited apart reach the same revision with different rows; their stamps differ, so
    caches are keyed by the stamp.
    """

    __tablename__ = "layer_revisions"

    layer: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(server_default=text("0"))
    stamp: Mapped[str] = mapped_column(server_default=text("''"))


class JournalEntry(Base):
    """One change of one row, written by triggers; ``origin`` stays NULL until the change is known to be ours."""

    __tablename__ = "change_journal"
    __table_args__ = (
        Index("ix_change_journal_row", "layer", "row_fid"),
        Index(
            "ix_change_journal_unclaimed",
            "layer",
            "fid",
            sqlite_where=text("origin IS NULL"),
            postgresql_where=text("origin IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    layer: Mapped[str]
    row_fid: Mapped[int]
    operation: Mapped[str]
    revision: Mapped[int]
    origin: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    before: Mapped[str | None]


class OutsideHold(Base):
    """An edit of a published legal record past Fangyu: put back, kept whole, and decided once by a person."""

    __tablename__ = "outside_holds"
    __table_args__ = (
        Index("ix_outside_holds_hold_id", "hold_id", unique=True),
        Index("ix_outside_holds_state", "state", "fid"),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    hold_id: Mapped[str]
    layer: Mapped[str]
    row_fid: Mapped[int]
    feature_id: Mapped[str]
    operation: Mapped[str]
    before: Mapped[str | None]
    after: Mapped[str | None]
    found_utc: Mapped[datetime] = mapped_column(UtcDateTime())
    problem: Mapped[str | None]
    state: Mapped[str]
    reviewer: Mapped[str | None]
    reason: Mapped[str | None]
    decided_utc: Mapped[datetime | None] = mapped_column(UtcDateTime())
    row_version: Mapped[int] = mapped_column(server_default=text("1"))


class StoreInfo(Base):
    """Facts about the store itself, such as its id."""

    __tablename__ = "store_info"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
