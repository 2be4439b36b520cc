"""A filter that was read, checked and typed: what is left when everything doubtful has been refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from shapely.geometry.base import BaseGeometry
from sqlalchemy import Column

from geo.store.columns import UtcDateTime
from geo.store.layer import ColumnKind, Layer

QueryableKind = ColumnKind | Literal["timestamp", "geometry"]
ScalarKind = Literal["text", "number", "bool", "date", "timestamp"]
FoldName = Literal["casei", "accenti"]
SpatialName = Literal[
    "s_intersects",
    "s_within",
    "s_contains",
    "s_disjoint",
    "s_touches",
    "s_crosses",
    "s_overlaps",
    "s_equals",
]

_SCALARS: Mapping[str, ScalarKind] = {
    "text": "text",
    "int": "number",
    "real": "number",
    "bool": "bool",
    "date": "date",
    "timestamp": "timestamp",
}


@dataclass(frozen=True, slots=True)
class Queryable:
    """A property that filters may name.

    Parameters
    ----------
    column : Column
        The column of the layer's table that holds it; its table has a column ``fid``.
    kind : {"text", "int", "real", "bool", "date", "timestamp", "geometry"}
        What it holds.
    """

    column: Column[Any]
    kind: QueryableKind


Queryables = Mapping[str, Queryable]


@dataclass(frozen=True, slots=True)
class Value:
    """A literal.

    Parameters
    ----------
    value : str or float or bool or date or datetime
        What it stands for; moments are aware, in UTC.
    kind : {"text", "number", "bool", "date", "timestamp"}
        What it can be compared with.
    """

    value: str | float | bool | date | datetime
    kind: ScalarKind


@dataclass(frozen=True, slots=True)
class Property:
    """A queryable property by its name in the filter.

    Parameters
    ----------
    name : str
        Its name in the filter.
    queryable : Queryable
        Its column.
    """

    name: str
    queryable: Queryable

    @property
    def kind(self) -> ScalarKind | Literal["geometry"]:
        """Return what it can be compared with."""
        return _SCALARS.get(self.queryable.kind, "geometry")


@dataclass(frozen=True, slots=True)
class Folded:
    """Text without regard to case or accents.

    Parameters
    ----------
    function : {"casei", "accenti"}
        What is taken out of the text.
    operand : Value or Property or Folded
        The text.
    """

    function: FoldName
    operand: Scalar

    @property
    def kind(self) -> ScalarKind:
        """Return text, always."""
        return "text"


Scalar = Value | Property | Folded


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands of one kind compared.

    Parameters
    ----------
    operator : {"=", "<>", "<", "<=", ">", ">="}
        How they are compared.
    left, right : Value or Property or Folded
        Of one kind.
    """

    operator: Literal["=", "<>", "<", "<=", ">", ">="]
    left: Scalar
    right: Scalar


ANY: Final = 2
"""Wildcard of `Like`: any number of characters."""
ONE: Final = 1
"""Wildcard of `Like`: exactly one character."""
Part = str | Literal[1, 2]


@dataclass(frozen=True, slots=True)
class Like:
    """Text against a pattern: each part is a run of characters, or a wildcard for one or any number of them.

    Parameters
    ----------
    operand : Value or Property or Folded
        The text.
    pattern : tuple
        Runs of characters, `ANY` and `ONE`.
    folds : tuple of str
        What is taken out of the pattern, outermost first.
    """

    operand: Scalar
    pattern: tuple[Part, ...]
    folds: tuple[FoldName, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """A value within closed bounds.

    Parameters
    ----------
    operand : Value or Property or Folded
        The value.
    low, high : Value or Property or Folded
        The bounds, which belong to it.
    """

    operand: Scalar
    low: Scalar
    high: Scalar


@dataclass(frozen=True, slots=True)
class Among:
    """A value in a list.

    Parameters
    ----------
    operand : Value or Property or Folded
        The value.
    items : tuple
        What it may be; not empty.
    """

    operand: Scalar
    items: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    """A missing value.

    Parameters
    ----------
    operand : Value or Property or Folded
        What may be missing; here a property may be a geometry.
    """

    operand: Scalar


@dataclass(frozen=True, slots=True)
class Spatial:
    """The layer's geometry against a literal in stored axis order.

    Parameters
    ----------
    operator : str
        One of the spatial operators.
    operand : Property
        The geometry column.
    geometry : BaseGeometry
        Valid, not empty, lon/lat in EPSG:4490.
    """

    operator: SpatialName
    operand: Property
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True)
class Junction:
    """All of several conditions, or any of them.

    Parameters
    ----------
    operator : {"and", "or"}
        All of them, or any.
    parts : tuple
        Two conditions or more.
    """

    operator: Literal["and", "or"]
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """A condition turned round; unknown stays unknown.

    Parameters
    ----------
    part : Predicate
        The condition.
    """

    part: Predicate


@dataclass(frozen=True, slots=True)
class Truth:
    """A condition that always or never holds.

    Parameters
    ----------
    value : bool
        Whether it holds.
    """

    value: bool


Predicate = Comparison | Like | Between | Among | IsNull | Spatial | Junction | Negation | Truth


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter ready to be compiled for either engine.

    Parameters
    ----------
    root : Predicate
        What rows must fulfil.
    """

    root: Predicate


def layer_queryables(spec: Layer, names: Sequence[str] | None = None) -> Queryables:
    """List properties of a layer as queryables of the same names.

    Parameters
    ----------
    spec : Layer
        The layer.
    names : sequence of str, optional
        Columns, and ``geom`` for the geometry; by default ``id``, the layer's own columns, ``valid_from``,
        ``valid_to`` and ``geom``.

    Returns
    -------
    Mapping of str to Queryable
        By name, in the order of `names`.

    Raises
    ------
    ValueError
        The layer has no such column.
    """
    default = ["id", *(column.name for column in spec.own), "valid_from", "valid_to", "geom"]
    wanted = default if names is None else list(names)
    if unknown := sorted(set(wanted) - set(spec.columns) - {"geom"}):
        raise ValueError(f"layer {spec.name} has no columns {unknown}; it has {sorted(spec.columns)} and geom")
    found: dict[str, Queryable] = {}
    for name in wanted:
        column = spec.table.columns[name]
        kind: QueryableKind = "geometry" if name == "geom" else spec.columns[name].kind
        found[name] = Queryable(column, "timestamp" if isinstance(column.type, UtcDateTime) else kind)
    return found
