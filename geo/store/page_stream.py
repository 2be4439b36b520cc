"""All pages of a choice of rows, one after the other, in one transaction and with one set of conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from sqlalchemy import LargeBinary, Select, bindparam, func, select, type_coerce
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from geo.store.geometry import strip_blobs
from geo.store.layer import ColumnKind, Layer
from geo.store.pages import RowChoice, RowPage, conditions_of, plain_values
from geo.store.rows import is_sqlite
from geo.store.rtree import AFTER_FID

_AFTER = "page_after"
_FIRST = 250
_SCAN_CACHE = -8192
"""SQLite's page cache while a whole layer is read, in KiB as SQLite counts them."""


def all_pages(
    session: Session, spec: Layer, columns: Sequence[str], choice: RowChoice, *, size: int
) -> Iterator[RowPage]:
    """Read every row chosen, page by page, in the order of ``fid``.

    The transaction of the session sees one state of the store, so the pages belong together whatever others commit
    meanwhile. What limits the rows is worked out once: a day that ends between two pages changes nothing.

    Parameters
    ----------
    session : Session
        A session that only reads.
    spec : Layer
        The layer.
    columns : sequence of str
        Columns wanted.
    choice : RowChoice
        Which rows.
    size : int
        Most rows of a page. The first page, which somebody is waiting for, has far fewer; each has twice as many as
        the one before, because a box or a filter may cost a page the same whatever it holds.

    Yields
    ------
    RowPage
        At least one, which is empty where no row fits.
    """
    rows, embedded = spec.table.c, is_sqlite(session)
    shape = type_coerce(rows.geom, LargeBinary) if embedded else func.ST_AsBinary(rows.geom, "NDR")
    query = (
        select(rows.fid, *(rows[name] for name in columns), shape)
        .where(*conditions_of(session, spec, choice), rows.fid > bindparam(_AFTER))
        .order_by(rows.fid)
        .limit(bindparam("page_rows"))
    )
    kinds = [spec.columns[name].kind for name in columns]
    with _read_once(session) if embedded else nullcontext():
        yield from _pages(session, query, kinds, embedded=embedded, size=size)


@contextmanager
def _read_once(session: Session) -> Iterator[None]:
    """Keep little of a file in memory while all of it is read: a page that was read is not asked for again."""
    connection = session.connection()
    usual = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size = {_SCAN_CACHE}")
    try:
        yield
    finally:
        # Whoever leaves in the middle may have closed the connection already.
        with suppress(SQLAlchemyError):
            connection.exec_driver_sql(f"PRAGMA cache_size = {usual}")


def _pages(
    session: Session, query: Select[Any], kinds: Sequence[ColumnKind], *, embedded: bool, size: int
) -> Iterator[RowPage]:
    """Read the pages of a query."""
    after, limit, is_first = 0, min(_FIRST, size), True
    while True:
        given = {_AFTER: after, "page_rows": limit}
        if embedded:
            given[AFTER_FID] = after
        # Straight from the driver: SQLAlchemy's rows take as long as all the rest.
        result = session.connection().execute(query, given)
        found = result.cursor.fetchall()
        result.close()
        if not found:
            if is_first:
                yield RowPage((), tuple(() for _ in kinds), (), False)
            return
        fids, *values, wkb = zip(*found, strict=True)
        plain = strip_blobs(wkb, is_lenient=True) if embedded else [one and bytes(one) for one in wkb]
        has_more = len(found) == limit
        made = tuple(plain_values(column, kind) for kind, column in zip(kinds, values, strict=True))
        yield RowPage(fids, made, tuple(plain), has_more)
        if not has_more:
            return
        after, limit, is_first = fids[-1], min(2 * limit, size), False
