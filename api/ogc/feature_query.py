"""What a query asks of a layer's features, the same for items and for exports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from api.auth.policy import POLICIES, district_of
from api.auth.principal import Principal
from api.ogc.query import Interval, QueryReader
from geo.catalog.map_layer import MapLayer
from geo.datum.output import CRS84, OutputCrs, output_crs
from geo.errors import InputError
from geo.services.served_layer import FeatureQuery, Filter
from geo.store.pages import Box, today


def take_feature_query(query: QueryReader, layer: MapLayer, principal: Principal) -> FeatureQuery:
    """Take box, time, filter and the values of columns.

    Parameters
    ----------
    query : QueryReader
        The query; what is wrong is noted there.
    layer : MapLayer
        The layer.
    principal : Principal
        Who asks: it decides which rows there are at all.

    Returns
    -------
    FeatureQuery
        Which rows are meant.
    """
    box_crs = take_crs(query, "bbox-crs")
    boxes = _boxes(query, query.numbers("bbox", (4, 6)), box_crs)
    interval = query.interval("datetime") or Interval(today(), today())
    asked_filter = _take_filter(query)
    equal = query.others(layer.fields)
    names_run = "run_id" in equal or (asked_filter is not None and "run_id" in asked_filter.text)
    return replace(
        seen_query(layer, principal, has_older=names_run), start=interval.start, end=interval.end, boxes=boxes,
        equal=equal, filter=asked_filter,
    )  # fmt: skip


def seen_query(layer: MapLayer, principal: Principal, *, has_older: bool = False) -> FeatureQuery:
    """Return the question about everything of a layer that somebody may see today.

    Parameters
    ----------
    layer : MapLayer
        The layer.
    principal : Principal
        Who asks.
    has_older : bool
        Whether rows of older runs are wanted; planners alone may compare runs, as two nearly equal ones tell what
        changed between them.

    Returns
    -------
    FeatureQuery
        Without boxes and filters.
    """
    return FeatureQuery(
        is_public(principal), today(), today(), has_older=has_older and principal.holds(POLICIES["runs.compare"].roles),
        district=district_of(layer, principal),
    )  # fmt: skip


def _take_filter(query: QueryReader) -> Filter | None:
    """Take a filter, how it is written, and the system of its coordinates."""
    text = query.text("filter")
    language = query.one_of("filter-lang", ["cql2-text", "cql2-json"])
    crs = take_crs(query, "filter-crs")
    if text is None:
        return None
    return Filter(text, "cql2-json" if language == "cql2-json" else "cql2-text", crs)


def is_public(principal: Principal) -> bool:
    """Tell whether somebody sees only what everybody sees.

    Parameters
    ----------
    principal : Principal
        Who asks.

    Returns
    -------
    bool
        True for who holds no role.
    """
    return not principal.roles


def take_crs(query: QueryReader, name: str) -> OutputCrs:
    """Take a coordinate system.

    Parameters
    ----------
    query : QueryReader
        The query; what is wrong is noted there.
    name : str
        Parameter.

    Returns
    -------
    OutputCrs
        CRS84 where none, or a wrong one, was given.
    """
    value = query.text(name)
    try:
        return output_crs(CRS84 if value is None else value)
    except InputError as error:
        query.problem("not_allowed", name, value, error.message_zh, error.message_en)
        return output_crs(CRS84)


def _boxes(query: QueryReader, numbers: tuple[float, ...] | None, crs: OutputCrs) -> tuple[Box, ...]:
    """Bring a box into storage's degrees; one across the antimeridian becomes two."""
    if numbers is None:
        return ()
    low, high = numbers[:2], numbers[len(numbers) // 2 :][:2]
    east_place, north_place = (1, 0) if crs.is_north_first else (0, 1)
    crosses = crs.is_degrees and low[east_place] > high[east_place]
    if low[north_place] > high[north_place] or (not crs.is_degrees and low[east_place] > high[east_place]):
        text = ",".join(f"{number:g}" for number in numbers)
        query.problem("not_allowed", "bbox", text, "最小值应不大于最大值", "the least must not exceed the greatest")
        return ()
    # Sides bend between coordinate systems: points along them find how far.
    steps = np.linspace(0.0, 1.0, 9)
    first = np.concatenate([low[0] + steps * (high[0] - low[0])] * 2 + [np.full(9, low[0]), np.full(9, high[0])])
    along = low[1] + steps * (high[1] - low[1])
    second = np.concatenate([np.full(9, low[1]), np.full(9, high[1]), along, along])
    if crs.is_degrees:
        first, second = np.array([low[0], high[0]]), np.array([low[1], high[1]])
    places = crs.inverse(np.column_stack([first, second]))
    if not np.isfinite(places).all():
        query.problem("not_allowed", "bbox", None, "超出该坐标系的范围", "outside the coordinate system's reach")
        return ()
    west, south = places.min(axis=0).tolist()
    east, north = places.max(axis=0).tolist()
    if crosses:
        west, east = east, west
        return ((west, south, 180.0, north), (-180.0, south, east, north))
    return ((west, south, east, north),)
