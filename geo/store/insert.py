"""Inserting columns into SQLite, many rows to a statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain, islice

_ROWS = 40
"""Rows to a statement: the cost of a statement is a third of the cost of inserting one street row."""


def insert_columns(
    connection: sqlite3.Connection, table: str, columns: Sequence[Sequence[object]], row: str, names: str = ""
) -> None:
    """Insert rows given as columns.

    Parameters
    ----------
    connection : sqlite3.Connection
        Raw connection, inside the writing transaction.
    table : str
        Table.
    columns : sequence of sequence
        Values of the columns that have a mark in `row`; all of one length.
    row : str
        The values of one row in SQL, with ``?`` where a column's value goes, without parentheses.
    names : str
        Column list with parentheses; empty for all columns in order.
    """
    rows: Iterator[tuple[object, ...]] = zip(*columns, strict=True)
    whole = len(columns[0]) // _ROWS * _ROWS
    # One iterator repeated: each tuple zip makes takes the values of _ROWS rows from it, in order.
    values = chain.from_iterable(islice(rows, whole))
    marks = ", ".join([f"({row})"] * _ROWS)
    connection.executemany(f"INSERT INTO {table} {names} VALUES {marks}", zip(*[values] * (len(columns) * _ROWS)))  # noqa: B905
    connection.executemany(f"INSERT INTO {table} {names} VALUES ({row})", rows)
