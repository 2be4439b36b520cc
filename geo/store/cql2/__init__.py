"""Filters in OGC CQL2: read, checked against what a layer lets one ask, and written as SQL for either engine.

::

    text or JSON ──limits──▶ cql2 (parser) ──▶ JSON tree ──read──▶ typed tree ──sql──▶ SQLAlchemy expression

Supported are the conformance classes in `CONFORMANCE`. Beyond them BETWEEN takes text, dates and timestamps as
well, text that is a date may stand beside a date, and a boolean property for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from geo.arrays import Float
from geo.store.cql2.nodes import Filter, Queryable, Queryables, layer_queryables
from geo.store.cql2.read import FilterLanguage, parse_filter
from geo.store.cql2.shape import AxisOrder, lon_lat
from geo.store.cql2.sql import filter_condition
from geo.store.layer import ColumnKind, Layer
from geo.store.rows import is_sqlite

GEOMETRY = "geometry"
"""What the geometry is called in filters on a served layer."""

CONFORMANCE: tuple[str, ...] = tuple(
    f"http://www.opengis.net/spec/cql2/1.0/conf/{name}"
    for name in (
        "cql2-text",
        "cql2-json",
        "basic-cql2",
        "advanced-comparison-operators",
        "case-insensitive-comparison",
        "accent-insensitive-comparison",
        "basic-spatial-functions",
        "basic-spatial-functions-plus",
        "spatial-functions",
        "property-property",
    )
)
"""Conformance classes of CQL2 1.0 that filters of this store fulfil."""


def compile_filter(
    session: Session,
    spec: Layer,
    fields: Mapping[str, ColumnKind],
    text: str,
    *,
    language: FilterLanguage = "cql2-text",
    to_degrees: Callable[[Float], Float] = lon_lat,
) -> ColumnElement[bool]:
    """Turn a filter into a condition on a layer's rows.

    Parameters
    ----------
    session : Session
        Any session; the engine decides how some comparisons are written.
    spec : Layer
        The layer.
    fields : Mapping of str to ColumnKind
        Columns that may be named, with what they hold; the geometry is `GEOMETRY`.
    text : str
        The filter.
    language : {"cql2-text", "cql2-json"}
        How it is written.
    to_degrees : callable
        Brings coordinates of the filter, shape (n, 2), to longitude and latitude.

    Returns
    -------
    ColumnElement
        The condition, every value of the filter bound.

    Raises
    ------
    InputError
        The filter cannot be parsed, names what is not offered, or exceeds a limit; all problems that can be found at
        once are in `problems`.
    """
    columns = spec.table.columns
    queryables = {name: Queryable(columns[name], kind) for name, kind in fields.items()}
    queryables[GEOMETRY] = Queryable(columns["geom"], "geometry")
    found = parse_filter(text, queryables, language=language, axis_order=to_degrees)
    return filter_condition(found, is_sqlite=is_sqlite(session))


__all__ = [
    "CONFORMANCE",
    "GEOMETRY",
    "AxisOrder",
    "Filter",
    "FilterLanguage",
    "Queryable",
    "Queryables",
    "compile_filter",
    "filter_condition",
    "layer_queryables",
    "parse_filter",
]
