"""The audit says more, covers every column, and knows where it ends.

Entries that are there keep the hash they were written with in ``old_chain`` and are bound anew by the present formula,
as they stand: an entry that somebody had changed before still does not fit its ``old_chain``.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Index, MetaData, Table, Text, insert, select, text, update
from sqlalchemy.schema import SchemaItem

from geo.store import audit, gpkg, schema
from geo.store.audit_chain import START, Link
from geo.store.columns import BigInt, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_KINDS = {"imported": "import", "import undone": "import"}
_BATCH = 2000


def upgrade() -> None:
    """Make the log anew with its entries, the head and the table of seals."""
    connection = op.get_bind()
    old = _log(MetaData(), is_new=False)
    rows = [tuple(row) for row in connection.execute(select(*old.columns).order_by(old.c.fid))]
    old.drop(connection)
    metadata = MetaData()
    log, head = _log(metadata, is_new=True), _head(metadata)
    seals = _seals(metadata)
    metadata.create_all(connection)
    if connection.dialect.name == "sqlite":
        gpkg.register_record(connection, seals)
    schema.keep_audit(connection)
    chain, values = START, []
    for seq, (fid, at, actor, action, subject, detail, old_chain) in enumerate(rows, start=1):
        kind = _KINDS.get(action, "edit")
        link = Link(seq, fid, at, actor, action, subject, detail, kind, "done", old_chain=old_chain)
        chain = link.chain(chain)
        values.append(audit.row_of(link, chain))
    for begin in range(0, len(values), _BATCH):
        connection.execute(insert(log), values[begin : begin + _BATCH])
    if rows:
        connection.execute(update(head).values(seq=len(rows), row_fid=rows[-1][0], chain=chain))
        if connection.dialect.name != "sqlite":
            connection.execute(text("SELECT setval('audit_log_fid_seq', :last)"), {"last": rows[-1][0]})


def _fid(*, counts: bool = True) -> Column[int]:
    """Build the primary key."""
    return Column("fid", BigInt, primary_key=True, autoincrement=counts)


def _words(names: str, *, nullable: bool = False) -> list[Column[str]]:
    """Build text columns."""
    return [Column(name, Text, nullable=nullable) for name in names.split()]


def _moment(name: str) -> Column[object]:
    """Build the column of a moment."""
    return Column(name, UtcDateTime(), nullable=False)


def _number(name: str) -> Column[int]:
    """Build the column of a number."""
    return Column(name, BigInt, nullable=False)


def _log(metadata: MetaData, *, is_new: bool) -> Table:
    """Build the log, as it was or as it is."""
    added: list[SchemaItem] = [
        _number("seq"),
        *_words("kind outcome"),
        *_words("address on_behalf_of old_chain", nullable=True),
        Index("ix_audit_log_seq", "seq", unique=True),
    ]
    return Table(
        "audit_log",
        metadata,
        _fid(),
        _moment("at"),
        *_words("actor action subject detail chain"),
        *(added if is_new else []),
        sqlite_autoincrement=True,
    )


def _head(metadata: MetaData) -> Table:
    """Build the row of the head."""
    return Table("audit_head", metadata, _fid(counts=False), _number("seq"), _number("row_fid"), *_words("chain"))


def _seals(metadata: MetaData) -> Table:
    """Build the table of seals."""
    return Table(
        "audit_seals",
        metadata,
        _fid(),
        *_words("month"),
        _moment("ends_at"),
        _number("last_seq"),
        _number("entries"),
        *_words("chain"),
        _moment("sealed_at"),
        Index("ix_audit_seals_last_seq", "last_seq", unique=True),
        sqlite_autoincrement=True,
        info={"title_zh": "审计月封", "title_en": "Audit seals"},
    )
