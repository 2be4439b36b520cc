"""Many rows at a time, past the ORM: raw reads, bulk inserts and bulk updates on both engines.

Measured on 450,000 street rows: the ORM takes minutes where this takes seconds. Everything runs on the session's own
connection, inside its transaction.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import NoneType
from typing import Any, cast

import numpy as np
from psycopg import Connection as PostgresConnection
from psycopg import Cursor as PostgresCursor
from psycopg import sql
from psycopg.pq import Format
from psycopg.types.string import ByteaBinaryLoader
from sqlalchemy import CursorResult, Select, text
from sqlalchemy.orm import Session

from geo.arrays import Int
from geo.store import gpkg
from geo.store.frames import EncodedRows, Values
from geo.store.geometry import SRID, encode_blobs, strip_blobs
from geo.store.insert import insert_columns
from geo.store.layer import ColumnKind, Layer
from geo.store.rtree import add_boxes

_TURN = threading.Lock()
_TURN_S = 0.02
"""How long a thread waits for another one to take its rows from SQLite. The interpreter's lock changes hands with every
row, so two that take a thousand rows each at the same time need ten times as long as one after the other; but nobody is
to wait for a query that looks through a whole layer."""
_MANY = 20_000
"""From so many new rows on, indexes are built afresh rather than kept up row by row: 450,000 rows in 6 s, not 20."""


def is_sqlite(session: Session) -> bool:
    """Tell which engine a session is on.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    bool
        True for the embedded store.
    """
    return session.get_bind().dialect.name == "sqlite"


def sqlite_connection(session: Session) -> sqlite3.Connection:
    """Return the driver's connection of an embedded store's session.

    Parameters
    ----------
    session : Session
        Session on SQLite.

    Returns
    -------
    sqlite3.Connection
        Inside the session's transaction.
    """
    return cast("sqlite3.Connection", session.connection().connection.dbapi_connection)


def postgres_connection(session: Session) -> PostgresConnection:
    """Return the driver's connection of a PostGIS session.

    Parameters
    ----------
    session : Session
        Session on PostgreSQL.

    Returns
    -------
    psycopg.Connection
        Inside the session's transaction.
    """
    return cast("PostgresConnection", session.connection().connection.dbapi_connection)


class _BinaryCursor(PostgresCursor[tuple[object, ...]]):
    """A cursor that takes results as PostgreSQL holds them: no number, date or geometry is written as text and read."""

    def __init__(self, connection: PostgresConnection[Any], **options: Any) -> None:
        super().__init__(connection, **options)
        self.format = Format.BINARY


class _RawTextCursor(_BinaryCursor):
    """The same, with text as its UTF-8 bytes."""

    def __init__(self, connection: PostgresConnection[Any], **options: Any) -> None:
        super().__init__(connection, **options)
        for sort in ("text", "varchar"):
            self.adapters.register_loader(sort, ByteaBinaryLoader)


def fetch_plain(
    session: Session, query: Select[Any], parameters: Mapping[str, object] | None = None, *, is_raw: bool = False
) -> list[tuple[Any, ...]]:
    """Fetch the rows of a query as the driver gives them, which takes half the time.

    Parameters
    ----------
    session : Session
        Any session.
    query : Select
        A query whose results are text, numbers, booleans, dates and bytes.
    parameters : Mapping of str to object, optional
        Values of named parameters.
    is_raw : bool
        Text as its UTF-8 bytes, for those who write it as such.

    Returns
    -------
    list of tuple
        On SQLite dates are ISO text and booleans 0 and 1, as they are stored there.
    """
    if is_sqlite(session):
        file = sqlite_connection(session)
        is_mine = _TURN.acquire(timeout=_TURN_S)
        file.text_factory = bytes if is_raw else str
        try:
            result = cast("CursorResult[Any]", session.execute(query, parameters))
            return cast("list[tuple[Any, ...]]", result.cursor.fetchall())
        finally:
            file.text_factory = str
            if is_mine:
                _TURN.release()
    driver = postgres_connection(session)
    usual, driver.cursor_factory = driver.cursor_factory, _RawTextCursor if is_raw else _BinaryCursor
    try:
        result = cast("CursorResult[Any]", session.execute(query, parameters))
        return cast("list[tuple[Any, ...]]", result.cursor.fetchall())
    finally:
        driver.cursor_factory = usual


def fetch_columns(
    session: Session, spec: Layer, columns: Sequence[str], where: str, parameters: Sequence[object]
) -> list[Sequence[object]]:
    """Read columns of a layer.

    Parameters
    ----------
    session : Session
        Any session.
    spec : Layer
        The layer.
    columns : sequence of str
        Column names; ``geom`` comes as WKB.
    where : str
        Condition with ``?`` for each parameter.
    parameters : sequence
        Their values; dates as dates.

    Returns
    -------
    list of sequence
        One sequence per column, rows in the order of ``fid``.
    """
    with no_garbage_collection():
        found = _fetch_rows(session, spec, columns, where, parameters)
        by_column: list[Sequence[object]] = list(zip(*found, strict=True)) if found else [() for _ in columns]
        del found
    if "geom" in columns and is_sqlite(session):
        place = list(columns).index("geom")
        # A value that another program put there may be anything; absorbing the edit flags the row.
        by_column[place] = strip_blobs(by_column[place], is_lenient=True)  # type: ignore[arg-type,call-overload]
    return by_column


def _fetch_rows(
    session: Session, spec: Layer, columns: Sequence[str], where: str, parameters: Sequence[object]
) -> list[tuple[object, ...]]:
    """Read rows past the ORM."""
    if is_sqlite(session):
        names = ", ".join(f'"{name}"' for name in columns)
        values = [value.isoformat() if isinstance(value, date) else value for value in parameters]
        query = f"SELECT {names} FROM {spec.name} WHERE {where} ORDER BY fid"
        return sqlite_connection(session).execute(query, values).fetchall()
    names = ", ".join("ST_AsBinary(geom, 'NDR')" if name == "geom" else f'"{name}"' for name in columns)
    query = f"SELECT {names} FROM {spec.name} WHERE {where.replace('?', '%s')} ORDER BY fid"
    with postgres_connection(session).cursor(binary=True) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Keep the cycle collector from walking millions of fresh tuples again and again (measured: 40 % of a read).

    Yields
    ------
    None
        Nothing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextlib.contextmanager
def silent_bulk(session: Session, spec: Layer) -> Iterator[None]:
    """Change many rows of a layer without its triggers; the caller bumps the layer once.

    Parameters
    ----------
    session : Session
        Writing session.
    spec : Layer
        The layer.

    Yields
    ------
    None
        Nothing. Should the block raise, the transaction is to be rolled back, which brings the triggers back.
    """
    session.flush()
    if not is_sqlite(session):
        session.execute(text("SELECT set_config('fangyu.bulk', 'on', true)"))
        yield
        session.execute(text("SELECT set_config('fangyu.bulk', 'off', true)"))
        return
    raw = sqlite_connection(session)
    triggers = gpkg.feature_triggers(spec.table)
    for name in triggers:
        raw.execute(f"DROP TRIGGER IF EXISTS {name}")
    yield
    for statement in triggers.values():
        raw.execute(statement)


def insert_rows(
    session: Session,
    spec: Layer,
    rows: EncodedRows,
    constants: Mapping[str, object],
    *,
    has_uids: bool = True,
    gone: Int | None = None,
    is_emptied: bool = False,
) -> None:
    """Insert rows inside `silent_bulk`, index included.

    Parameters
    ----------
    session : Session
        Writing session.
    spec : Layer
        The layer.
    rows : EncodedRows
        In Hilbert order.
    constants : Mapping
        Further columns with one value for all rows.
    has_uids : bool
        Whether each row gets an id of its own for good; rows that are replaced as a whole need none.
    gone : ndarray of int64, optional
        Rows deleted just before, which are to leave the index of an embedded store.
    is_emptied : bool
        Whether all rows were deleted just before.
    """
    if len(rows) == 0:
        if is_sqlite(session) and (is_emptied or gone is not None):
            nothing = np.zeros(0, np.int64), np.zeros((0, 4))
            add_boxes(sqlite_connection(session), spec.name, *nothing, gone=gone, is_emptied=is_emptied)
        return
    with no_garbage_collection():
        values: dict[str, list[object]] = {name: column.tolist() for name, column in rows.values.items()}
        values |= {name: [value] * len(rows) for name, value in constants.items()}
        if has_uids:
            values["uid"] = list(new_uids(len(rows)))
        if is_sqlite(session):
            fids = _insert_sqlite(session, spec, rows, values)
            raw = sqlite_connection(session)
            add_boxes(raw, spec.name, fids, rows.bounds, gone=gone, is_emptied=is_emptied)
        else:
            _copy_postgres(session, spec, rows, values)


def close_rows(session: Session, spec: Layer, fids: Int, valid_to: Values, import_id: int) -> None:
    """End versions inside `silent_bulk`.

    Parameters
    ----------
    session : Session
        Writing session.
    spec : Layer
        The layer.
    fids : ndarray of int64
        Rows to end.
    valid_to : ndarray of object
        Their new end as ISO text.
    import_id : int
        The import that ends them.
    """
    if len(fids) == 0:
        return
    changes = zip(valid_to.tolist(), [import_id] * len(fids), fids.tolist(), strict=True)
    if is_sqlite(session):
        statement = (
            f"UPDATE {spec.name} SET valid_to = ?, closed_import_id = ?, row_version = row_version + 1 WHERE fid = ?"
        )
        sqlite_connection(session).executemany(statement, changes)
        return
    with postgres_connection(session).cursor() as cursor:
        cursor.execute(
            f"UPDATE {spec.name} t SET valid_to = c.valid_to, closed_import_id = %s, row_version = t.row_version + 1 "
            "FROM unnest(%s::bigint[], %s::date[]) AS c (fid, valid_to) WHERE t.fid = c.fid".encode(),
            (import_id, fids.tolist(), valid_to.tolist()),
        )


def new_uids(count: int) -> list[str]:
    """Make unique ids that grow, so that a unique index over them is appended to.

    Parameters
    ----------
    count : int
        How many.

    Returns
    -------
    list of str
        24 hexadecimal digits each: milliseconds since 1970, running number, chance.
    """
    raw = np.empty((count, 12), np.uint8)
    raw[:, :6] = np.array([time.time_ns() // 1_000_000], ">u8").view(np.uint8)[2:]
    raw[:, 6:9] = np.arange(count, dtype=">u4").view(np.uint8).reshape(-1, 4)[:, 1:]
    raw[:, 9:] = np.frombuffer(os.urandom(3 * count), np.uint8).reshape(-1, 3)
    digits = raw.tobytes().hex()
    return [digits[start : start + 24] for start in range(0, 24 * count, 24)]


def _insert_sqlite(session: Session, spec: Layer, rows: EncodedRows, values: dict[str, list[object]]) -> Int:
    """Insert with executemany and return the keys; large loads rebuild the ordinary indexes once."""
    raw = sqlite_connection(session)
    last = raw.execute(
        f"SELECT MAX(COALESCE((SELECT MAX(fid) FROM {spec.name}), 0), "
        "COALESCE((SELECT seq FROM sqlite_sequence WHERE name = ?), 0))",
        (spec.name,),
    ).fetchone()[0]
    fids = np.arange(last + 1, last + 1 + len(rows), dtype=np.int64)
    values["fid"] = fids.tolist()
    values["geom"] = list(encode_blobs(rows.geometries, rows.wkb, rows.bounds))
    # Binding is the larger part of inserting; what is the same in every row is written into the statement.
    literals = {name: _literal(column) for name, column in values.items()}
    varying = {name: column for name, column in values.items() if literals[name] is None}
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join(literal or "?" for literal in literals.values())
    indexes: list[tuple[str, str]] = []
    if len(rows) >= _MANY:
        listed = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
        indexes = raw.execute(listed, (spec.name,)).fetchall()
    for name, _ in indexes:
        raw.execute(f"DROP INDEX {name}")
    insert_columns(raw, spec.name, list(varying.values()), marks, f"({names})")
    for _, statement in indexes:
        raw.execute(statement)
    return fids


def _literal(column: list[object]) -> str | None:
    """Write a column's one value as SQL, or return None where values differ."""
    first, middle = column[0], column[len(column) // 2]
    if not isinstance(first, (str, int, NoneType)) or first != middle or column.count(first) != len(column):
        return None
    if first is None:
        return "NULL"
    return "'" + first.replace("'", "''") + "'" if isinstance(first, str) else str(int(first))


def _copy_postgres(session: Session, spec: Layer, rows: EncodedRows, values: dict[str, list[object]]) -> None:
    """Insert with COPY, written as CSV by Arrow."""
    import pyarrow as pa
    from pyarrow import csv

    arrow: dict[ColumnKind, pa.DataType] = {
        "text": pa.string(),
        "int": pa.int64(),
        "real": pa.float64(),
        "bool": pa.bool_(),
        "date": pa.string(),
    }
    arrays = {name: pa.array(column, type=arrow[spec.columns[name].kind]) for name, column in values.items()}
    # PostGIS's form is our WKB with a flag in the type and the system after it; letting shapely write it takes four
    # times as long.
    system = SRID.to_bytes(4, "little").hex()
    hexed = [one and f"{one[:4].hex()}20{system}{one[5:].hex()}" for one in rows.wkb.tolist()]
    arrays["geom"] = pa.array(hexed, type=pa.string())
    target = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(spec.name), sql.SQL(", ").join(map(sql.Identifier, arrays))
    )
    buffer = io.BytesIO()
    csv.write_csv(pa.table(arrays), buffer, csv.WriteOptions(include_header=False))
    with postgres_connection(session).cursor() as cursor:
        indexes: list[tuple[str, str]] = []
        if len(rows) >= _MANY:
            listed = (
                b"SELECT indexname, indexdef FROM pg_indexes "
                b"WHERE schemaname = current_schema() AND tablename = %s AND indexname LIKE 'ix\\_%%'"
            )
            indexes = cursor.execute(listed, (spec.name,)).fetchall()
        for name, _ in indexes:
            cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        with cursor.copy(target) as copy:
            copy.write(buffer.getbuffer())
        for _, statement in indexes:
            cursor.execute(statement.encode())
