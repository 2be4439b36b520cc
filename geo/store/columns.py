"""Column types that mean the same on both engines.

SQLite is given GeoPackage type names only (TEXT, INTEGER, REAL, BOOLEAN, DATE, DATETIME, BLOB): with SQLAlchemy's
default ``VARCHAR``, ``NUMERIC`` or ``JSON`` GDAL ignores every attribute of the table.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, DateTime, Double, Integer, Text, TypeDecorator, collate
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import JSON, REAL, Float, Numeric, String, TypeEngine

Real: Double[float] = Double().with_variant(REAL(), "sqlite")
"""A float64 on both engines."""

BigInt = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer on both engines; on SQLite spelled INTEGER, so that a primary key is the rowid."""


@compiles(String, "sqlite")
@compiles(JSON, "sqlite")
def _as_text(type_: TypeEngine[Any], compiler: Any, **options: Any) -> str:
    """Spell every text type as GeoPackage does."""
    return "TEXT"


@compiles(Numeric, "sqlite")
@compiles(Float, "sqlite")
@compiles(Double, "sqlite")
def _as_real(type_: TypeEngine[Any], compiler: Any, **options: Any) -> str:
    """Spell every number with a fraction as GeoPackage does."""
    return "REAL"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: GeoPackage's ``2024-05-01T08:00:00.000Z`` on SQLite, ``timestamptz`` on PostgreSQL."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that carries the moment on one engine."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_GeoPackageDateTime())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Turn an aware moment into what the engine stores."""
        if value is None:
            return None
        return utc_text(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Turn what the engine stores into an aware moment in UTC."""
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class _GeoPackageDateTime(Text):
    """Text in SQLite's storage, DATETIME in its schema."""

    __visit_name__ = "DATETIME"


@compiles(_GeoPackageDateTime, "sqlite")
def _as_datetime(type_: TypeEngine[Any], compiler: Any, **options: Any) -> str:
    """Spell the moment as GeoPackage does."""
    return "DATETIME"


def utc_now() -> datetime:
    """Return the present moment.

    Returns
    -------
    datetime
        Aware, in UTC, whole milliseconds.
    """
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def utc_text(moment: datetime) -> str:
    """Write a moment as GeoPackage wants it.

    Parameters
    ----------
    moment : datetime
        Aware moment.

    Returns
    -------
    str
        ISO 8601 in UTC with milliseconds and a trailing ``Z``.
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def ordered(operand: ColumnElement[Any], kind: str, *, is_sqlite: bool) -> ColumnElement[Any]:
    """Let text compare by code point, as SQLite does, whatever the database's locale.

    Parameters
    ----------
    operand : ColumnElement
        What is compared with ``<`` or sorted by.
    kind : str
        ``text`` or something else.
    is_sqlite : bool
        For the embedded store; otherwise for PostGIS.

    Returns
    -------
    ColumnElement
        The operand with its collation.
    """
    return operand if is_sqlite or kind != "text" else collate(operand, "C")
