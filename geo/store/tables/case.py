"""Cases and all that belongs to them: steps, clocks, comments, attachments, and notices to people."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from geo.store.columns import UtcDateTime
from geo.store.tables.base import Base

_OPEN = text("outcome IS NULL")


def _case() -> Mapped[int]:
    """Build the column that says to which case a row belongs."""
    return mapped_column(ForeignKey("cases.fid"))


class Case(Base):
    """A procedure on one subject; its state moves only with its steps."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_uid", "uid", unique=True),
        # One open case of a workflow on a subject: two could be decided differently.
        Index(
            "ix_cases_open", "workflow", "subject_kind", "subject_id", unique=True, sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_cases_state", "workflow", "state"),
        {"sqlite_autoincrement": True, "info": {"title_zh": "办件", "title_en": "Cases"}},
    )  # fmt: skip

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    uid: Mapped[str]
    workflow: Mapped[str]
    table_hash: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    title: Mapped[str]
    district: Mapped[str | None]
    state: Mapped[str]
    initial_state: Mapped[str]
    four_eyes: Mapped[str]
    opened_by: Mapped[str]
    opened_for: Mapped[str | None]
    opened_utc: Mapped[datetime] = mapped_column(UtcDateTime())
    assignee: Mapped[str | None]
    row_version: Mapped[int] = mapped_column(server_default=text("1"))
    outcome: Mapped[str | None]
    closed_utc: Mapped[datetime | None] = mapped_column(UtcDateTime())


class CaseStep(Base):
    """One step of a case; never changed."""

    __tablename__ = "case_steps"
    __table_args__ = (
        UniqueConstraint("case_fid", "seq"),
        {"sqlite_autoincrement": True, "info": {"title_zh": "办件步骤", "title_en": "Steps of cases"}},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    case_fid: Mapped[int] = _case()
    seq: Mapped[int]
    row_version: Mapped[int]
    from_state: Mapped[str]
    action: Mapped[str]
    to_state: Mapped[str]
    outcome: Mapped[str | None]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    role: Mapped[str]
    reason: Mapped[str]
    documents: Mapped[str]
    table_hash: Mapped[str]
    happened_utc: Mapped[datetime] = mapped_column(UtcDateTime())


class CaseClock(Base):
    """A clock of a case, with the limit it was started with."""

    __tablename__ = "case_clocks"
    __table_args__ = (
        UniqueConstraint("case_fid", "name", "started_seq"),
        {"sqlite_autoincrement": True, "info": {"title_zh": "办件时限", "title_en": "Clocks of cases"}},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    case_fid: Mapped[int] = _case()
    name: Mapped[str]
    started_seq: Mapped[int]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    limit_days: Mapped[int]
    unit: Mapped[str]
    last_day: Mapped[str]
    source: Mapped[str]
    certainty: Mapped[str]
    started: Mapped[date]
    due: Mapped[date | None]
    pauses: Mapped[str]
    paused_since: Mapped[date | None]
    used_days: Mapped[int]
    stopped: Mapped[date | None]
    outcome: Mapped[str | None]


class CaseComment(Base):
    """What somebody says about a case; never changed."""

    __tablename__ = "case_comments"
    __table_args__ = (
        Index("ix_case_comments_uid", "uid", unique=True),
        Index("ix_case_comments_case", "case_fid"),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    uid: Mapped[str]
    case_fid: Mapped[int] = _case()
    author: Mapped[str]
    on_behalf_of: Mapped[str | None]
    words: Mapped[str]
    created_utc: Mapped[datetime] = mapped_column(UtcDateTime())


class CaseAttachment(Base):
    """A file that belongs to a case; the bytes lie beside the store under their hash."""

    __tablename__ = "case_attachments"
    __table_args__ = (
        Index("ix_case_attachments_uid", "uid", unique=True),
        Index("ix_case_attachments_case", "case_fid"),
        Index("ix_case_attachments_sha256", "sha256"),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    uid: Mapped[str]
    case_fid: Mapped[int] = _case()
    after_seq: Mapped[int]
    document: Mapped[str | None]
    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    added_by: Mapped[str]
    on_behalf_of: Mapped[str | None]
    added_utc: Mapped[datetime] = mapped_column(UtcDateTime())


class Notice(Base):
    """A word to a person, or to whoever holds a role, about a case."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("ix_notifications_uid", "uid", unique=True),
        Index("ix_notifications_person", "person"),
        Index("ix_notifications_role", "role"),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    uid: Mapped[str]
    person: Mapped[str | None]
    role: Mapped[str | None]
    district: Mapped[str | None]
    case_fid: Mapped[int] = _case()
    kind: Mapped[str]
    parameters: Mapped[str]
    created_utc: Mapped[datetime] = mapped_column(UtcDateTime())


class NoticeRead(Base):
    """Somebody has read a notice."""

    __tablename__ = "notification_reads"
    __table_args__ = (
        UniqueConstraint("notice_fid", "person"),
        {"sqlite_autoincrement": True},
    )

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    notice_fid: Mapped[int] = mapped_column(ForeignKey("notifications.fid"))
    person: Mapped[str]
    read_utc: Mapped[datetime] = mapped_column(UtcDateTime())
