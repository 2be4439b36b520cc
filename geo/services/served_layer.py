"""Layers as they are served: which columns, where they lie, and which of their rows who may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from geo.arrays import Float
from geo.catalog.load import facility_types
from geo.catalog.map_layer import MapLayer
from geo.datum.output import OutputCrs
from geo.store import Session, state
from geo.store.conditions import either, equals, in_division, is_current, is_named, is_open, one_of, said_in_division
from geo.store.cql2 import FilterLanguage, compile_filter
from geo.store.features import division_shape
from geo.store.layer import ColumnKind, layer
from geo.store.matched import COUNT_BUDGET_S, count_rows
from geo.store.page_stream import all_pages
from geo.store.pages import (
    Box,
    BoxQuery,
    RowChoice,
    RowPage,
    prepare_box_query,
    read_box,
    read_middles,
    read_page,
    today,
)
from geo.store.rows import is_sqlite

_MOST_PREPARED: Final = 256
_prepared: dict[tuple[MapLayer, bool, date | None, date | None, bool, bool, int], BoxQuery] = {}
"""Queries for tiles; a day's queries say which day it is."""


@dataclass(frozen=True, slots=True)
class LayerExtent:
    """Where and when a layer lies.

    Parameters
    ----------
    box : tuple of float or None
        West, south, east, north in degrees; None when it is empty.
    start, end : str or None
        First and last day with a version, ISO; None where that is open.
    """

    box: tuple[float, float, float, float] | None
    start: str | None
    end: str | None


def layer_extent(session: Session, served: MapLayer, *, district: str | None = None) -> LayerExtent:
    """Return where and when a layer lies.

    Parameters
    ----------
    session : Session
        Any session.
    served : MapLayer
        The layer; its extent is that of the whole table it reads, of facilities that of its family.
    district : str, optional
        Division code that who asks reads the layer in.

    Returns
    -------
    LayerExtent
        The extent; that of the district where there is one, for the layer's own would tell of what lies beyond. Of
        facilities everybody reads the open ones everywhere.
    """
    if district is not None and not served.is_facility:
        ground = division_shape(session, district)
        return LayerExtent(None if ground is None else ground.bounds, None, None)
    start, end = state.layer_period(session, served.table)
    return LayerExtent(state.layer_bounds(session, served.table, types=_types_of(served)), start, end)


def _types_of(served: MapLayer) -> list[str] | None:
    """Return the facility types of a layer's family; None where it holds none."""
    if served.family is None:
        return None
    return [kind.slug for kind in facility_types().values() if kind.family == served.family]


def layer_fields(served: MapLayer) -> tuple[tuple[str, ColumnKind], ...]:
    """Return the columns that are served, with what they hold.

    Parameters
    ----------
    served : MapLayer
        The layer.

    Returns
    -------
    tuple of (str, ColumnKind)
        In the order they are shown.
    """
    columns = layer(served.table).columns
    return tuple((name, columns[name].kind) for name in served.fields)


@dataclass(frozen=True, slots=True)
class Filter:
    """A CQL2 filter.

    Parameters
    ----------
    text : str
        The filter.
    language : {"cql2-text", "cql2-json"}
        How it is written.
    crs : OutputCrs
        System of its coordinates, in that system's own axis order.
    """

    text: str
    language: FilterLanguage
    crs: OutputCrs


@dataclass(frozen=True, slots=True)
class FeatureQuery:
    """What is asked of a served layer.

    Parameters
    ----------
    is_public : bool
        Whether only what everybody may see is wanted: of facilities, the open ones.
    start, end : datetime.date or None
        Versions valid on some day of this stretch; None is open.
    boxes : tuple of Box
        Features that meet one of these boxes, in degrees; empty for no such limit.
    equal : Mapping of str to str
        Values that served columns have.
    filter : Filter or None
        A CQL2 filter over the served columns and the geometry.
    has_older : bool
        Of a layer that runs write: whether rows of older runs are wanted, too.
    district : str or None
        Division code that features lie in, at least in part, facilities that are open excepted; None for everywhere.
    """

    is_public: bool
    start: date | None
    end: date | None
    boxes: tuple[Box, ...] = ()
    equal: Mapping[str, str] = field(default_factory=dict)
    filter: Filter | None = None
    has_older: bool = False
    district: str | None = None


def feature_page(session: Session, served: MapLayer, query: FeatureQuery, *, after: int, limit: int) -> RowPage:
    """Read the features that follow a key.

    Parameters
    ----------
    session : Session
        Any session.
    served : MapLayer
        The layer.
    query : FeatureQuery
        What is asked.
    after : int
        Key of the last feature of the page before; 0 for the first.
    limit : int
        Most features.

    Returns
    -------
    RowPage
        Features with the served columns.

    Raises
    ------
    InputError
        A value does not fit its column.
    """
    spec = layer(served.table)
    return read_page(session, spec, served.fields, _choice(session, served, query), after=after, limit=limit)


def feature_pages(session: Session, served: MapLayer, query: FeatureQuery, *, size: int) -> Iterator[RowPage]:
    """Read every feature that fits, page by page, all from one state of the store.

    Parameters
    ----------
    session : Session
        A session that only reads, kept open until the last page.
    served : MapLayer
        The layer.
    query : FeatureQuery
        What is asked.
    size : int
        Most features of a page.

    Yields
    ------
    RowPage
        At least one, with the served columns.

    Raises
    ------
    InputError
        A value does not fit its column.
    """
    spec = layer(served.table)
    yield from all_pages(session, spec, served.fields, _choice(session, served, query), size=size)


def feature_count(
    session: Session, served: MapLayer, query: FeatureQuery, *, budget_s: float = COUNT_BUDGET_S
) -> tuple[int, bool]:
    """Count the features that fit.

    Parameters
    ----------
    session : Session
        Any session.
    served : MapLayer
        The layer.
    query : FeatureQuery
        What is asked.
    budget_s : float
        How long counting may take before it is given up for an estimate.

    Returns
    -------
    tuple of int, bool
        How many, and whether that is exact.

    Raises
    ------
    InputError
        A value does not fit its column.
    """
    return count_rows(session, layer(served.table), _choice(session, served, query), budget_s=budget_s)


def one_feature(session: Session, served: MapLayer, query: FeatureQuery, fid: int) -> RowPage | None:
    """Read one feature.

    Parameters
    ----------
    session : Session
        Any session.
    served : MapLayer
        The layer.
    query : FeatureQuery
        What may be seen.
    fid : int
        Its key.

    Returns
    -------
    RowPage or None
        A page of one, or None where there is none for who asks.
    """
    page = feature_page(session, served, query, after=fid - 1, limit=1)
    return page if page.fids == (fid,) else None


def tile_features(session: Session, served: MapLayer, query: FeatureQuery, *, most: int) -> tuple[RowPage, int]:
    """Read the features of a tile.

    Parameters
    ----------
    session : Session
        Any session.
    served : MapLayer
        The layer.
    query : FeatureQuery
        With the tile's box, for today, and without a filter or values.
    most : int
        Most features.

    Returns
    -------
    tuple of RowPage, int
        Features, and how many there are in all.
    """
    spec, (box,) = layer(served.table), query.boxes
    if query.equal or query.filter is not None or query.district is not None:
        choice = replace(_choice(session, served, query), is_rough=True)
        page = read_page(session, spec, served.fields, choice, after=0, limit=most)
    else:
        page = read_box(session, _prepare(session, served, query, most), box)
    if not page.has_more:
        return page, len(page.fids)
    return page, count_rows(session, spec, replace(_choice(session, served, query), is_rough=True))[0]


def _prepare(session: Session, served: MapLayer, query: FeatureQuery, most: int) -> BoxQuery:
    """Return the query for any box, written once for what limits the rows besides it."""
    facts = (served, query.is_public, query.start, query.end, query.has_older, is_sqlite(session), most)
    prepared = _prepared.get(facts)
    if prepared is None:
        if len(_prepared) >= _MOST_PREPARED:
            _prepared.clear()
        choice = replace(_choice(session, served, query), is_rough=True)
        prepared = _prepared[facts] = prepare_box_query(session, layer(served.table), served.fields, choice, most)
    return prepared


def tile_middles(session: Session, served: MapLayer, query: FeatureQuery) -> Float:
    """Read where the features of a tile lie, for zooms at which they are counted, not drawn.

    Parameters
    ----------
    session : Session
        Any session.
    served : MapLayer
        The layer.
    query : FeatureQuery
        With the tile's box.

    Returns
    -------
    array of float64, shape (n, 2)
        Longitude and latitude of each feature's middle.

    Raises
    ------
    InputError
        A value does not fit its column.
    """
    return read_middles(session, layer(served.table), replace(_choice(session, served, query), is_rough=True))


def _choice(session: Session, served: MapLayer, query: FeatureQuery) -> RowChoice:
    """Put together everything that limits the rows."""
    spec = layer(served.table)
    found = [equals(spec, name, value) for name, value in query.equal.items()]
    if query.filter is not None:
        asked = query.filter
        fields = dict(layer_fields(served))
        found.append(
            compile_filter(
                session, spec, fields, asked.text, language=asked.language, to_degrees=asked.crs.inverse
            )
        )
    if served.is_current and not query.has_older:
        found.append(is_current(spec))
    if query.district is not None:
        says_where = "division_code" in served.fields
        inside = (
            said_in_division(spec, query.district) if says_where else in_division(session, spec, query.district)
        )
        found.append(either(inside, is_open(spec, today())) if served.is_facility else inside)
    if served.is_named:
        found.append(is_named(spec))
    if (slugs := _types_of(served)) is not None:
        found.append(one_of(spec, "type", slugs))
        if query.is_public:
            found.append(is_open(spec, today()))
    return RowChoice(query.start, query.end, query.boxes, tuple(found))
