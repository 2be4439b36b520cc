"""Cases, their steps, clocks, comments and attachments, and notices to people."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Date, ForeignKey, Index, MetaData, Table, Text, UniqueConstraint, text
from sqlalchemy.schema import SchemaItem

from geo.store import schema
from geo.store.columns import BigInt, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TITLES = {
    "cases": ("办件", "Cases"),
    "case_steps": ("办件步骤", "Steps of cases"),
    "case_clocks": ("办件时限", "Clocks of cases"),
}
_OPEN = text("outcome IS NULL")


def upgrade() -> None:
    """Create the tables and their triggers."""
    metadata = MetaData()
    _cases(metadata)
    _steps(metadata)
    _clocks(metadata)
    _papers(metadata)
    _notices(metadata)
    connection = op.get_bind()
    metadata.create_all(connection)
    for name in _TITLES:
        schema.finish_record_table(connection, metadata.tables[name])
    schema.guard_cases(connection)


def _table(name: str, metadata: MetaData, *items: SchemaItem) -> None:
    """Build a table."""
    fid = Column("fid", BigInt, primary_key=True, autoincrement=True)
    title = _TITLES.get(name)
    info = {} if title is None else {"title_zh": title[0], "title_en": title[1]}
    Table(name, metadata, fid, *items, sqlite_autoincrement=True, info=info)


def _words(names: str, *, nullable: bool = False) -> list[Column[str]]:
    """Build text columns."""
    return [Column(name, Text, nullable=nullable) for name in names.split()]


def _numbers(names: str) -> list[Column[int]]:
    """Build number columns."""
    return [Column(name, BigInt, nullable=False) for name in names.split()]


def _days(names: str, *, nullable: bool = False) -> list[Column[object]]:
    """Build date columns."""
    return [Column(name, Date, nullable=nullable) for name in names.split()]


def _moment(name: str, *, nullable: bool = False) -> Column[object]:
    """Build the column of a moment."""
    return Column(name, UtcDateTime(), nullable=nullable)


def _case() -> Column[int]:
    """Build the column of the case."""
    return Column("case_fid", BigInt, ForeignKey("cases.fid"), nullable=False)


def _cases(metadata: MetaData) -> None:
    """Build the table of cases."""
    _table(
        "cases",
        metadata,
        *_words("uid workflow table_hash subject_kind subject_id title"),
        *_words("district", nullable=True),
        *_words("state initial_state four_eyes opened_by"),
        *_words("opened_for", nullable=True),
        _moment("opened_utc"),
        *_words("assignee", nullable=True),
        Column("row_version", BigInt, server_default=text("1"), nullable=False),
        *_words("outcome", nullable=True),
        _moment("closed_utc", nullable=True),
        Index("ix_cases_uid", "uid", unique=True),
        Index(
            "ix_cases_open", "workflow", "subject_kind", "subject_id", unique=True, sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_cases_state", "workflow", "state"),
    )  # fmt: skip


def _steps(metadata: MetaData) -> None:
    """Build the table of steps."""
    _table(
        "case_steps",
        metadata,
        _case(),
        *_numbers("seq row_version"),
        *_words("from_state action to_state"),
        *_words("outcome", nullable=True),
        *_words("actor"),
        *_words("on_behalf_of", nullable=True),
        *_words("role reason documents table_hash"),
        _moment("happened_utc"),
        UniqueConstraint("case_fid", "seq"),
    )


def _clocks(metadata: MetaData) -> None:
    """Build the table of clocks."""
    _table(
        "case_clocks",
        metadata,
        _case(),
        *_words("name"),
        *_numbers("started_seq"),
        *_words("title_zh title_en"),
        *_numbers("limit_days"),
        *_words("unit last_day source certainty"),
        *_days("started"),
        *_days("due", nullable=True),
        *_words("pauses"),
        *_days("paused_since", nullable=True),
        *_numbers("used_days"),
        *_days("stopped", nullable=True),
        *_words("outcome", nullable=True),
        UniqueConstraint("case_fid", "name", "started_seq"),
    )


def _papers(metadata: MetaData) -> None:
    """Build the tables of comments and attachments."""
    _table(
        "case_comments",
        metadata,
        *_words("uid"),
        _case(),
        *_words("author"),
        *_words("on_behalf_of", nullable=True),
        *_words("words"),
        _moment("created_utc"),
        Index("ix_case_comments_uid", "uid", unique=True),
        Index("ix_case_comments_case", "case_fid"),
    )
    _table(
        "case_attachments",
        metadata,
        *_words("uid"),
        _case(),
        *_numbers("after_seq"),
        *_words("document", nullable=True),
        *_words("name media_type"),
        *_numbers("size_bytes"),
        *_words("sha256 added_by"),
        *_words("on_behalf_of", nullable=True),
        _moment("added_utc"),
        Index("ix_case_attachments_uid", "uid", unique=True),
        Index("ix_case_attachments_case", "case_fid"),
        Index("ix_case_attachments_sha256", "sha256"),
    )


def _notices(metadata: MetaData) -> None:
    """Build the tables of notices."""
    _table(
        "notifications",
        metadata,
        *_words("uid"),
        *_words("person role district", nullable=True),
        _case(),
        *_words("kind parameters"),
        _moment("created_utc"),
        Index("ix_notifications_uid", "uid", unique=True),
        Index("ix_notifications_person", "person"),
        Index("ix_notifications_role", "role"),
    )
    _table(
        "notification_reads",
        metadata,
        Column("notice_fid", BigInt, ForeignKey("notifications.fid"), nullable=False),
        *_words("person"),
        _moment("read_utc"),
        UniqueConstraint("notice_fid", "person"),
    )
