"""Pages of a layer's rows by key, on both engines: page 300 costs what page 1 costs.

A row stands in the order of ``fid``, or of one column and ``fid``; a page begins after the key of the last row of the
one before. Whatever limits the rows (validity, a box, a filter, what somebody may see) is part of the query, so counts,
pages and single features agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

import numpy as np
from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    and_,
    column,
    func,
    literal_column,
    or_,
    select,
    text,
    type_coerce,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql import table as plain_table

from geo.arrays import Float
from geo.store.geometry import SRID, strip_blobs
from geo.store.layer import Layer
from geo.store.rows import is_sqlite

Box = tuple[float, float, float, float]
_INDEXED: Final = ("minx", "maxx", "miny", "maxy")
COUNTED_MOST: Final = 500_000
"""Rows that are counted one by one; beyond, a count is an estimate and says so."""


@dataclass(frozen=True, slots=True)
class RowChoice:
    """Which rows of a layer are meant.

    Parameters
    ----------
    start, end : datetime.date or None
        Versions valid on some day of this stretch, both ends included; None is open.
    boxes : tuple of Box
        Rows that meet one of these boxes (west, south, east, north in degrees); empty for no such limit.
    conditions : tuple of ColumnElement
        Further conditions on the layer's table, all of which hold.
    is_rough : bool
        Take every row whose own box meets one of the boxes, as the spatial index finds them.
    """

    start: date | None
    end: date | None
    boxes: tuple[Box, ...] = ()
    conditions: tuple[ColumnElement[bool], ...] = field(default=())
    is_rough: bool = False


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows in order.

    Parameters
    ----------
    fids : tuple of int
        Keys.
    values : tuple of sequence
        One sequence per column asked for: text, numbers, booleans, dates as ISO text, None.
    wkb : tuple of bytes or None
        Geometries in degrees.
    has_more : bool
        Whether rows follow.
    """

    fids: tuple[int, ...]
    values: tuple[Sequence[object], ...]
    wkb: tuple[bytes | None, ...]
    has_more: bool


def today() -> date:
    """Return the day it is where the server stands.

    Returns
    -------
    datetime.date
        The day.
    """
    return datetime.now().astimezone().date()


def read_page(
    session: Session, spec: Layer, columns: Sequence[str], choice: RowChoice, *, after: int, limit: int
) -> RowPage:
    """Read the rows that follow a key.

    Parameters
    ----------
    session : Session
        Any session.
    spec : Layer
        The layer.
    columns : sequence of str
        Columns wanted.
    choice : RowChoice
        Which rows.
    after : int
        Rows with a greater ``fid``; 0 for the first page.
    limit : int
        Most rows.

    Returns
    -------
    RowPage
        The rows.
    """
    rows = spec.table.c
    shape = type_coerce(rows.geom, LargeBinary) if is_sqlite(session) else func.ST_AsBinary(rows.geom, "NDR")
    query = select(rows.fid, *(rows[name] for name in columns), shape)
    query = query.where(rows.fid > after, *conditions_of(session, spec, choice)).order_by(rows.fid).limit(limit + 1)
    found = session.execute(query).all()
    has_more, found = len(found) > limit, found[:limit]
    if not found:
        return RowPage((), tuple(() for _ in columns), (), False)
    fids, *values, wkb = zip(*found, strict=True)
    plain = strip_blobs(wkb, is_lenient=True) if is_sqlite(session) else (one and bytes(one) for one in wkb)
    return RowPage(tuple(fids), tuple(_plain(column) for column in values), tuple(plain), has_more)


def read_middles(session: Session, spec: Layer, choice: RowChoice) -> Float:
    """Read where rows lie, without their geometries.

    Parameters
    ----------
    session : Session
        Any session.
    spec : Layer
        The layer.
    choice : RowChoice
        Which rows.

    Returns
    -------
    array of float64, shape (n, 2)
        Longitude and latitude of the middle of each row's box.
    """
    rows = spec.table.c
    if is_sqlite(session):
        index = plain_table(f"rtree_{spec.name}_geom", column("id"), *(column(name) for name in _INDEXED))
        low_x, high_x, low_y, high_y = (index.c[name] for name in _INDEXED)
        query = select((low_x + high_x) / 2, (low_y + high_y) / 2).join_from(spec.table, index, index.c.id == rows.fid)
    else:
        east, west = func.ST_XMax(rows.geom), func.ST_XMin(rows.geom)
        query = select((east + west) / 2, (func.ST_YMax(rows.geom) + func.ST_YMin(rows.geom)) / 2)
    found = session.execute(query.where(*conditions_of(session, spec, choice), rows.geom.is_not(None))).all()
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def count_rows(session: Session, spec: Layer, choice: RowChoice) -> tuple[int, bool]:
    """Count rows.

    Parameters
    ----------
    session : Session
        Any session.
    spec : Layer
        The layer.
    choice : RowChoice
        Which rows.

    Returns
    -------
    tuple of int, bool
        How many, and whether that is exact: beyond `COUNTED_MOST` it is the number of all rows of the table.
    """
    rows = spec.table.c
    counted = select(rows.fid).where(*conditions_of(session, spec, choice)).limit(COUNTED_MOST + 1)
    number = int(session.scalar(select(func.count()).select_from(counted.subquery())) or 0)
    if number <= COUNTED_MOST:
        return number, True
    if is_sqlite(session):
        whole = select(func.max(rows.fid))
    else:
        query = text("SELECT reltuples::bigint FROM pg_class WHERE oid = CAST(:name AS regclass)")
        return max(int(session.scalar(query, {"name": spec.name}) or 0), number), False
    return max(int(session.scalar(whole) or 0), number), False


def conditions_of(session: Session, spec: Layer, choice: RowChoice) -> list[ColumnElement[bool]]:
    """Return everything that limits the rows, as conditions.

    Parameters
    ----------
    session : Session
        Any session; the engine decides how a box is looked for.
    spec : Layer
        The layer.
    choice : RowChoice
        Which rows.

    Returns
    -------
    list of ColumnElement
        Conditions that all hold.
    """
    rows = spec.table.c
    found: list[ColumnElement[bool]] = []
    if choice.start == choice.end == today():
        # What the newest imports say, as `read_layer` has it without a date.
        found += [rows.closed_import_id.is_(None), or_(rows.valid_to.is_(None), rows.valid_to > today())]
    else:
        if choice.end is not None:
            found.append(or_(rows.valid_from.is_(None), rows.valid_from <= choice.end))
        if choice.start is not None:
            found.append(or_(rows.valid_to.is_(None), rows.valid_to > choice.start))
        # A version that was undone ends before it begins.
        found.append(or_(rows.valid_to.is_(None), rows.valid_from.is_(None), rows.valid_to > rows.valid_from))
        found.append(or_(rows.valid_to.is_(None), rows.valid_to > date(1, 1, 1)))
    if choice.boxes:
        found.append(or_(*(_meets(session, spec, box, is_rough=choice.is_rough) for box in choice.boxes)))
    return [*found, *choice.conditions]


def _meets(session: Session, spec: Layer, box: Box, *, is_rough: bool) -> ColumnElement[bool]:
    """Say that a row's geometry meets a box: the index first, then, unless roughly will do, the geometry itself."""
    west, south, east, north = box
    rows = spec.table.c
    if not is_sqlite(session):
        shape = func.ST_MakeEnvelope(west, south, east, north, SRID)
        return rows.geom.op("&&", is_comparison=True)(shape) if is_rough else func.ST_Intersects(rows.geom, shape)
    indexed = rows.fid.in_(box_in_index(spec, box))
    if is_rough:
        return indexed
    return and_(indexed, func.fangyu_meets_box(rows.geom, west, south, east, north) == 1)


def box_in_index(spec: Layer, box: Sequence[float]) -> Select[tuple[int]]:
    """Look a box up in the R*Tree of an embedded store, whose own boxes are rounded outwards.

    Parameters
    ----------
    spec : Layer
        The layer.
    box : sequence of float
        West, south, east, north in degrees.

    Returns
    -------
    Select
        Keys of the rows whose box meets it.
    """
    west, south, east, north = box
    index = plain_table(f"rtree_{spec.name}_geom")
    return (
        select(literal_column("id"))
        .select_from(index)
        .where(
            literal_column("minx") <= east,
            literal_column("maxx") >= west,
            literal_column("miny") <= north,
            literal_column("maxy") >= south,
        )
    )


def _plain(column: Sequence[object]) -> Sequence[object]:
    """Write dates as text."""
    return tuple(value.isoformat() if isinstance(value, date) else value for value in column)
