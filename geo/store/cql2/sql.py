"""From a checked filter to an SQLAlchemy expression for one engine.

Nothing of a filter becomes SQL text: columns come from the queryables, operators from this file, every literal is a
bound parameter. NULL follows SQL's three-valued logic on both engines.

Spatial conditions use the index where that cannot change an answer. On PostGIS the planner adds the GiST condition
itself. On SQLite the R*Tree is asked which rows come into question, in one of two ways: where a condition stands under
no NOT, an unknown answer may as well be false, so ``fid IN (…) AND …`` is enough and lets SQLite walk the index;
elsewhere a CASE keeps NULL for rows without geometry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import shapely
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Date,
    Integer,
    LargeBinary,
    Table,
    Text,
    and_,
    bindparam,
    case,
    collate,
    column,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    table,
)
from sqlalchemy.types import TypeEngine

from geo.store.columns import BigInt, Real, UtcDateTime, ordered
from geo.store.cql2.nodes import (
    ANY,
    Among,
    Between,
    Comparison,
    Filter,
    FoldName,
    IsNull,
    Junction,
    Like,
    Negation,
    Predicate,
    Property,
    Scalar,
    Spatial,
    Truth,
    Value,
)
from geo.store.geometry import SRID
from geo.store.rtree import after_fid, rtree_name

Condition = ColumnElement[bool]

_TYPES: Mapping[str, TypeEngine[Any]] = {
    "text": Text(),
    "number": Real,
    "bool": Boolean(),
    "date": Date(),
    "timestamp": UtcDateTime(),
}
_POSTGIS = {
    "s_intersects": "ST_Intersects",
    "s_within": "ST_Within",
    "s_contains": "ST_Contains",
    "s_touches": "ST_Touches",
    "s_crosses": "ST_Crosses",
    "s_overlaps": "ST_Overlaps",
    "s_equals": "ST_Equals",
}
_GLOB_SPECIAL = re.compile(r"[*?\[]")
_LIKE_SPECIAL = re.compile(r"[%_\\]")
_MARKS = "[\u0300-\u036f]"
"""Combining diacritical marks, what ACCENTI takes off; as a range of code points both engines' regex read."""


def filter_condition(found: Filter, *, is_sqlite: bool, use_index: bool = True) -> Condition:
    """Write a filter as a condition of SQLAlchemy.

    Parameters
    ----------
    found : Filter
        From `parse_filter`.
    is_sqlite : bool
        For the embedded store; otherwise for PostGIS.
    use_index : bool
        Let spatial conditions ask the R*Tree; of use unless the rows are chosen otherwise already.

    Returns
    -------
    ColumnElement of bool
        For `where`; its values are bound parameters.
    """
    return _Compiler(is_sqlite, use_index).predicate(found.root, True)


def intersects(geom: Column[Any], shape: shapely.Geometry, *, is_sqlite: bool, use_index: bool = True) -> Condition:
    """Write the condition that a geometry column intersects a geometry.

    Parameters
    ----------
    geom : Column
        Geometry column of a table with ``fid``.
    shape : Geometry
        In lon/lat order, EPSG:4490.
    is_sqlite : bool
        For the embedded store; otherwise for PostGIS.
    use_index : bool
        Ask the R*Tree first.

    Returns
    -------
    ColumnElement of bool
        For `where`, not to be negated.
    """
    return _Compiler(is_sqlite, use_index).spatial("s_intersects", geom, shape, True)


class _Compiler:
    """One walk over a filter for one engine."""

    def __init__(self, is_sqlite: bool, use_index: bool) -> None:
        self._is_sqlite = is_sqlite
        self._use_index = use_index

    def predicate(self, node: Predicate, is_positive: bool) -> Condition:
        """Write one condition; positive is one under an even number of NOTs."""
        below = partial(self.predicate, is_positive=is_positive)
        match node:
            case Junction(operator, parts):
                joined = map(below, parts)
                return and_(*joined) if operator == "and" else or_(*joined)
            case Negation(part):
                return not_(self.predicate(part, not is_positive))
            case Truth(holds):
                return _bool(holds) == _bool(True)
            case IsNull(operand):
                return self._scalar(operand).is_(null())
            case Comparison():
                return self._comparison(node)
            case Between(operand, low, high):
                value, least, most = self._scalars([operand, low, high])
                value = ordered(value, operand.kind, is_sqlite=self._is_sqlite)
                # Not SQL's BETWEEN: PostgreSQL cannot parse a bound that ends in COLLATE.
                return and_(value >= least, value <= most)
            case Among(operand, items):
                value, *listed = self._scalars([operand, *items])
                return value.in_(listed)
            case Like():
                return self._like(node)
            case Spatial(operator, operand, geometry):
                geom = operand.queryable.column
                if operator == "s_disjoint":
                    return not_(self.spatial("s_intersects", geom, geometry, not is_positive))
                return self.spatial(operator, geom, geometry, is_positive)

    def spatial(self, operator: str, geom: Column[Any], shape: shapely.Geometry, is_positive: bool) -> Condition:
        """Write one spatial condition that implies that the boxes meet."""
        wkb = bindparam(None, shapely.to_wkb(shape, byte_order=1, flavor="iso"), LargeBinary(), unique=True)
        if not self._is_sqlite:
            other = func.ST_GeomFromWKB(wkb, bindparam(None, SRID, Integer(), unique=True))
            return cast("Condition", getattr(func, _POSTGIS[operator])(geom, other, type_=Boolean()))
        exact: Condition = getattr(func, f"fangyu_{operator}")(geom, wkb, type_=Boolean()) == _bool(True)
        if not self._use_index:
            return exact
        near = geom.table.columns["fid"].in_(_near(geom.table, shapely.bounds(shape).tolist()))
        if is_positive:
            return and_(near, exact)
        return case((geom.is_(null()), null()), (near, exact), else_=_bool(False)) == _bool(True)

    def _comparison(self, node: Comparison) -> Condition:
        """Write one comparison."""
        left, right = self._scalars([node.left, node.right])
        match node.operator:
            case "=":
                return left == right
            case "<>":
                return left != right
        # One side's collation counts for both.
        left = ordered(left, node.left.kind, is_sqlite=self._is_sqlite)
        match node.operator:
            case "<":
                return left < right
            case "<=":
                return left <= right
            case ">":
                return left > right
            case _:
                return left >= right

    def _like(self, node: Like) -> Condition:
        """Write LIKE; SQLite's own one knows no case, but its GLOB does."""
        any_, one = ("*", "?") if self._is_sqlite else ("%", "_")
        special, quoted = (_GLOB_SPECIAL, r"[\g<0>]") if self._is_sqlite else (_LIKE_SPECIAL, r"\\\g<0>")
        pattern = "".join(
            special.sub(quoted, part) if isinstance(part, str) else any_ if part == ANY else one
            for part in node.pattern
        )
        folded: ColumnElement[Any] = bindparam(None, pattern, Text(), unique=True)
        for fold in reversed(node.folds):
            folded = self._fold(fold, folded)
        operand = self._scalar(node.operand)
        return operand.op("GLOB", is_comparison=True)(folded) if self._is_sqlite else operand.like(folded)

    def _scalars(self, operands: Sequence[Scalar]) -> list[ColumnElement[Any]]:
        """Write operands of one comparison; literals beside a column of whole numbers become whole where they are."""
        is_whole = any(isinstance(operand, Property) and operand.queryable.kind == "int" for operand in operands)
        return [self._scalar(operand, is_whole) for operand in operands]

    def _scalar(self, operand: Scalar, is_whole: bool = False) -> ColumnElement[Any]:
        """Write one operand."""
        match operand:
            case Property():
                return operand.queryable.column
            case Value(value, kind):
                if is_whole and isinstance(value, float) and value.is_integer():
                    return bindparam(None, int(value), BigInt, unique=True)
                return bindparam(None, value, _TYPES[kind], unique=True)
            case _:
                return self._fold(operand.function, self._scalar(operand.operand))

    def _fold(self, name: FoldName, operand: ColumnElement[Any]) -> ColumnElement[Any]:
        """Write CASEI or ACCENTI; `geo.store.functions` does the same for SQLite."""
        if self._is_sqlite:
            return cast("ColumnElement[Any]", getattr(func, f"fangyu_{name}")(operand, type_=Text()))
        if name == "casei":
            # ICU folds by Unicode's rules whatever the database's locale; lower() alone knows ASCII only under "C".
            folded = func.lower(func.upper(collate(operand, "und-x-icu"), type_=Text()), type_=Text())
            final, medial = (bindparam(None, sigma, Text(), unique=True) for sigma in "ςσ")
            return collate(func.replace(folded, final, medial, type_=Text()), "C")
        apart = func.normalize(operand, literal_column("NFD"), type_=Text())
        marks, nothing, every = (bindparam(None, value, Text(), unique=True) for value in (_MARKS, "", "g"))
        bare = func.regexp_replace(apart, marks, nothing, every, type_=Text())
        return collate(func.normalize(bare, literal_column("NFC"), type_=Text()), "C")


def _bool(value: bool) -> ColumnElement[bool]:
    """Bind true or false."""
    return bindparam(None, value, Boolean(), unique=True)


def _near(layer: Table, bounds: Sequence[float]) -> Any:
    """Select the rows whose boxes meet a box, from the R*Tree."""
    tree = table(rtree_name(layer.name), *map(column, ("id", "minx", "maxx", "miny", "maxy")))
    west, south, east, north = (bindparam(None, float(value), Real, unique=True) for value in bounds)
    found = tree.columns
    return select(found["id"]).where(
        found["id"] > after_fid(), found.minx <= east, found.maxx >= west, found.miny <= north, found.maxy >= south
    )
