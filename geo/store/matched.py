"""How many rows a query matches: exactly where that is cheap, otherwise as an estimate that says so.

PostGIS is stopped by its own statement timeout, inside a savepoint so that the transaction lives on, and then asked
what its planner expects. SQLite is stopped by a progress handler; it keeps no statistics, so rows at even distances are
looked at. Rows are stored nearly in Hilbert order, so these are spread evenly over the map, too.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from psycopg.errors import QueryCanceled
from sqlalchemy import ClauseElement, Executable, Select, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session

from geo.store.layer import Layer
from geo.store.pages import RowChoice, conditions_of
from geo.store.rows import is_sqlite, sqlite_connection

COUNT_BUDGET_S: Final = 0.5
"""How long counting may take; 360,000 polygons take 0.1 s on either engine."""

_SAMPLE: Final = 2_000
"""Rows looked at for an estimate on SQLite: a share of one half comes out within 0.02, 19 times in 20."""
_SAMPLE_S: Final = 0.25
"""How long looking at them may take."""
_STEPS: Final = 1_000
"""Steps of SQLite's machine between two looks at the clock: far less than a millisecond."""


class _TimeIsUpError(Exception):
    """The budget is spent."""


class _Explain(Executable, ClauseElement):
    """A query's plan instead of its rows."""

    inherit_cache = False

    def __init__(self, query: Select[Any]) -> None:
        self.query = query


@compiles(_Explain)
def _as_explain(element: _Explain, compiler: Any, **options: Any) -> str:
    """Put the keyword before the query."""
    return "EXPLAIN (FORMAT JSON) " + str(compiler.process(element.query, **options))


def count_rows(
    session: Session, spec: Layer, choice: RowChoice, *, budget_s: float = COUNT_BUDGET_S, at_least: int = 0
) -> tuple[int, bool]:
    """Count rows within a time budget.

    Parameters
    ----------
    session : Session
        Any session.
    spec : Layer
        The layer.
    choice : RowChoice
        Which rows.
    budget_s : float
        How long counting may take before it is given up for an estimate, which takes a quarter of a second
        at most.
    at_least : int
        Rows known to match, such as those of a page; an estimate is never smaller.

    Returns
    -------
    tuple of int, bool
        How many, and whether that is exact.
    """
    query = select(func.count()).select_from(spec.table).where(*conditions_of(session, spec, choice))
    limited = _limited_sqlite if is_sqlite(session) else _limited_postgis
    with contextlib.suppress(_TimeIsUpError), limited(session, budget_s):
        return int(session.scalar(query) or 0), True
    if not is_sqlite(session):
        rows = select(spec.table.c.fid).where(*conditions_of(session, spec, choice))
        plan = session.connection().execute(_Explain(rows)).scalar_one()
        return max(int(plan[0]["Plan"]["Plan Rows"]), at_least), False
    first, last = session.execute(select(func.min(spec.table.c.fid), func.max(spec.table.c.fid))).one()
    width = 0 if last is None else last - first + 1
    sample = np.unique(np.linspace(first or 0, last or 0, _SAMPLE).astype(np.int64)).tolist()
    with contextlib.suppress(_TimeIsUpError), limited(session, _SAMPLE_S):
        hits = int(session.scalar(query.where(spec.table.c.fid.in_(sample))) or 0)
        # Keys without a row match nothing, so gaps need no care.
        return max(round(hits / len(sample) * width), at_least), False
    return max(width, at_least), False


@contextlib.contextmanager
def _limited_postgis(session: Session, budget_s: float) -> Iterator[None]:
    """Stop a statement that takes too long, and keep the transaction."""
    nested = session.connection().begin_nested()
    try:
        # Compiling a plan takes longer than carrying out most counts.
        settings = text(
            "SELECT set_config('statement_timeout', :limit, true), set_config('jit', 'off', true), "
            "set_config('max_parallel_workers_per_gather', '2', true)"
        )
        session.execute(settings, {"limit": f"{max(round(budget_s * 1000), 1)}ms"})
        yield
    except OperationalError as error:
        if isinstance(error.orig, QueryCanceled):
            raise _TimeIsUpError from error
        raise
    finally:
        nested.rollback()  # the settings end with it


@contextlib.contextmanager
def _limited_sqlite(session: Session, budget_s: float) -> Iterator[None]:
    """Stop a statement that takes too long."""
    connection, end = sqlite_connection(session), time.monotonic() + budget_s
    connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, sqlite3.OperationalError) and "interrupted" in str(error.orig):
            raise _TimeIsUpError from error
        raise
    finally:
        connection.set_progress_handler(None, 0)
