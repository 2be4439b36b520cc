"""Pages of a layer's rows by key, on both engines: page 300 costs what page 1 costs.

A row stands in the order of ``fid``, or of one column and ``fid``; a page begins after the key of the last row of the
one before. Whatever limits the rows (validity, a box, a filter, what somebody may see) is part of the query, so counts,
pages and single features agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Double,
    LargeBinary,
    Select,
    and_,
    bindparam,
    column,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql import table as plain_table

from geo.arrays import Float
from geo.store.columns import ordered
from geo.store.geometry import SRID, strip_blobs
from geo.store.layer import ColumnKind, Layer
from geo.store.rows import fetch_plain, is_sqlite
from geo.store.rtree import AFTER_FID, after_fid

Box = tuple[float, float, float, float]
_EDGES: Final = ("west", "south", "east", "north")
_INDEXED: Final = ("minx", "maxx", "miny", "maxy")


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
class Sort:
    """An order of rows other than that of ``fid``.

    Parameters
    ----------
    column : str
        Column of the layer; rows without a value come last, rows of one value in the order of ``fid``. Text is in the
        order of its code points on both engines.
    is_descending : bool
        Largest value first.
    """

    column: str
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class PageKey:
    """Where a page ends and the next begins.

    Parameters
    ----------
    fid : int
        Key of the last row.
    value : str or float or bool or datetime.date or None
        Its value in the column sorted by; None for no value, and where rows stand in the order of ``fid``.
    """

    fid: int
    value: str | float | bool | date | None = None


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows in order.

    Parameters
    ----------
    fids : tuple of int
        Keys.
    values : tuple of sequence
        One sequence per column asked for: text, numbers, booleans, dates as ISO text, None; from `read_box` text may be
        UTF-8 bytes.
    wkb : tuple of bytes or None
        Geometries in degrees; from `read_box` as the store keeps them, on SQLite GeoPackage blobs.
    has_more : bool
        Whether rows follow.
    key : PageKey or None
        What the next page comes after; None for an empty page.
    """

    fids: tuple[int, ...]
    values: tuple[Sequence[object], ...]
    wkb: tuple[bytes | None, ...]
    has_more: bool
    key: PageKey | None = None


@dataclass(frozen=True, slots=True)
class BoxQuery:
    """A query for the first rows of any box.

    Parameters
    ----------
    spec : Layer
        The layer.
    columns : tuple of str
        Columns wanted.
    statement : Select
        The query, whose parameters are the edges of a box.
    limit : int
        Most rows.
    """

    spec: Layer
    columns: tuple[str, ...]
    statement: Select[Any]
    limit: int


def today() -> date:
    """Return the day it is where the server stands.

    Returns
    -------
    datetime.date
        The day.
    """
    return datetime.now().astimezone().date()


def read_page(
    session: Session,
    spec: Layer,
    columns: Sequence[str],
    choice: RowChoice,
    *,
    after: int | PageKey,
    limit: int,
    sort: Sort | None = None,
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
    after : int or PageKey
        Where the page before ended; 0 for the first page.
    limit : int
        Most rows.
    sort : Sort, optional
        Order of the rows, the same for every page; by default that of ``fid``. No column has an index for it: each page
        passes over all rows chosen.

    Returns
    -------
    RowPage
        The rows.

    Raises
    ------
    ValueError
        The layer has no column to sort by of that name.
    """
    embedded = is_sqlite(session)
    if sort is not None and sort.column not in spec.columns:
        raise ValueError(f"layer {spec.name} has no column {sort.column}; it has {sorted(spec.columns)}")
    key = after if isinstance(after, PageKey) else PageKey(after) if after else None
    query = _page_query(session, spec, columns, choice, sort).limit(limit + 1)
    query = _in_order(query, spec, sort, key, embedded)
    if sort is None:
        # Where rows stand in the order of fid, those before the page need not come out of the R*Tree.
        found = fetch_plain(session, query, {AFTER_FID: key.fid} if key and embedded else {})
        return _page(spec, columns, found, limit, is_blob=embedded)
    ranked = session.execute(query).all()
    return _page(spec, columns, ranked, limit, is_blob=embedded, is_ranked=True)


def prepare_box_query(
    session: Session, spec: Layer, columns: Sequence[str], choice: RowChoice, limit: int
) -> BoxQuery:
    """Write the query for the first rows of any box, which takes as long as fetching some hundred of them.

    Parameters
    ----------
    session : Session
        Any session of the engine the query is for.
    spec : Layer
        The layer.
    columns : sequence of str
        Columns wanted.
    choice : RowChoice
        Which rows; its boxes do not count.
    limit : int
        Most rows.

    Returns
    -------
    BoxQuery
        For `read_box`.
    """
    edges: Any = tuple(bindparam(name, type_=Double()) for name in _EDGES)
    query = _page_query(session, spec, columns, replace(choice, boxes=(edges,)), None).limit(limit + 1)
    return BoxQuery(spec, tuple(columns), _in_order(query, spec, None, None, is_sqlite(session)), limit)


def read_box(session: Session, query: BoxQuery, box: Box) -> RowPage:
    """Read the first rows of a box.

    Parameters
    ----------
    session : Session
        Any session.
    query : BoxQuery
        From `prepare_box_query`.
    box : Box
        West, south, east, north in degrees.

    Returns
    -------
    RowPage
        What `read_page` returns for this box, with text and geometries as bytes.
    """
    values = dict(zip(_EDGES, box, strict=True))
    # Tiles are written from bytes: turning them into text and WKB first would take a tenth of their time.
    found = fetch_plain(session, query.statement, values, is_raw=True)
    return _page(query.spec, query.columns, found, query.limit)


def _page_query(
    session: Session, spec: Layer, columns: Sequence[str], choice: RowChoice, sort: Sort | None
) -> Select[Any]:
    """The rows chosen, with what is wanted of them."""
    rows = spec.table.c
    shape = type_coerce(rows.geom, LargeBinary) if is_sqlite(session) else func.ST_AsBinary(rows.geom, "NDR")
    ranked = () if sort is None else (rows[sort.column].label("sorted_by"),)
    return select(rows.fid, *(rows[name] for name in columns), shape, *ranked).where(
        *conditions_of(session, spec, choice)
    )


def _page(
    spec: Layer, columns: Sequence[str], found: Sequence[Sequence[Any]], limit: int, *, is_blob: bool = False,
    is_ranked: bool = False,
) -> RowPage:  # fmt: skip
    """Put rows together, with the WKB out of blobs."""
    has_more, found = len(found) > limit, found[:limit]
    if not found:
        return RowPage((), tuple(() for _ in columns), (), False)
    fids, *values, wkb = zip(*(row[: len(columns) + 2] for row in found) if is_ranked else found, strict=True)
    last = PageKey(fids[-1], found[-1][-1] if is_ranked else None)
    shown = (plain_values(column, spec.columns[name].kind) for name, column in zip(columns, values, strict=True))
    shapes = tuple(strip_blobs(wkb, is_lenient=True)) if is_blob else wkb
    return RowPage(fids, tuple(shown), shapes, has_more, last)


def _in_order(query: Select[Any], spec: Layer, sort: Sort | None, key: PageKey | None, embedded: bool) -> Select[Any]:
    """Put rows in order and leave out those up to a key."""
    rows = spec.table.c
    later = rows.fid > (key.fid if key else 0)
    if sort is None:
        return query.where(later).order_by(rows.fid)
    column = rows[sort.column]
    ranked = ordered(column, spec.columns[sort.column].kind, is_sqlite=embedded)
    query = query.order_by(column.is_(None), ranked.desc() if sort.is_descending else ranked, rows.fid)
    if key is None:
        return query
    if key.value is None:
        return query.where(column.is_(None), later)
    last: ColumnElement[Any] = bindparam(None, key.value, column.type, unique=True)
    beyond = ranked < last if sort.is_descending else ranked > last
    return query.where(or_(beyond, and_(column == last, later), column.is_(None)))


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
            literal_column("id") > after_fid(),
            literal_column("minx") <= east,
            literal_column("maxx") >= west,
            literal_column("miny") <= north,
            literal_column("maxy") >= south,
        )
    )


def plain_values(column: Sequence[object], kind: ColumnKind) -> Sequence[object]:
    """Write dates as text, and booleans as such.

    Parameters
    ----------
    column : sequence
        Values as the driver returns them.
    kind : {"text", "int", "real", "bool", "date"}
        What the column holds.

    Returns
    -------
    sequence
        The values.
    """
    if not any(column) and kind != "bool":
        return column
    if kind == "date":
        return tuple(value.isoformat() if isinstance(value, date) else value for value in column)
    if kind == "bool":
        return tuple(None if value is None else bool(value) for value in column)
    return column
