"""Another program: plain SQL on a store, past Fangyu, on either engine."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from geo.store.functions import register_functions


def execute(url: str, *statements: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    """Run statements as another program does, in one transaction; return the rows of the last one."""
    rows: list[tuple[Any, ...]] = []
    if "://" in url:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            for statement in statements:
                found = connection.execute(statement.encode(), parameters or None)
                rows = found.fetchall() if found.description else []
        return rows
    with closing(sqlite3.connect(url)) as file, file:
        register_functions(file)  # GDAL and QGIS bring their own
        for statement in statements:
            rows = file.execute(statement, parameters).fetchall()
    return rows
