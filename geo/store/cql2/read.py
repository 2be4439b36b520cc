"""Reading filters: CQL2 text or JSON to a checked, typed tree; everything wrong is said at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NoReturn, cast

import cql2
from shapely.geometry.base import BaseGeometry

from geo.store.cql2 import limits
from geo.store.cql2.nodes import (
    Among,
    Between,
    Comparison,
    Filter,
    IsNull,
    Junction,
    Negation,
    Predicate,
    Property,
    Queryables,
    Scalar,
    Spatial,
    SpatialName,
    Truth,
    Value,
)
from geo.store.cql2.operands import Operands, as_date, describe, is_property, name_of, refuse_count
from geo.store.cql2.refusals import Refusals, shorten
from geo.store.cql2.shape import AxisOrder, Positions, ShapeError, build_shape, count_vertices, lat_lon, lon_lat
from geo.store.cql2.words import CONDITIONS, EXAMPLES, SPATIALS, en_of, zh_of

FilterLanguage = Literal["cql2-text", "cql2-json"]

_PLACE = re.compile(r"--> (\d+):(\d+)")
_ORDERED = ("number", "text", "date", "timestamp")
_SWAPPED: Mapping[str, SpatialName] = {"s_within": "s_contains", "s_contains": "s_within"}
_ORDERS: Mapping[str, Positions] = {"lon_lat": lon_lat, "lat_lon": lat_lon}
_ANY_COLLECTION = ("s_intersects", "s_disjoint")


def parse_filter(
    text: str,
    queryables: Queryables,
    *,
    language: FilterLanguage = "cql2-text",
    axis_order: AxisOrder | Positions = "lon_lat",
) -> Filter:
    """Read a filter.

    Parameters
    ----------
    text : str
        The filter.
    queryables : Mapping of str to Queryable
        The properties it may name, such as `layer_queryables`.
    language : {"cql2-text", "cql2-json"}
        Its language, as OGC API names it.
    axis_order : {"lon_lat", "lat_lon"} or callable
        Order of coordinates in its geometries: that of the filter's CRS (CRS84 is lon_lat, EPSG:4490 and 4326 lat_lon).
        For another CRS a function that brings positions, shape (n, 2), to longitude and latitude in degrees.

    Returns
    -------
    Filter
        To be compiled for either engine.

    Raises
    ------
    InputError
        The filter cannot be parsed, names what is not allowed, or exceeds a limit; all problems that can be found at
        once are in `problems`.
    """
    refusals = Refusals()
    to_degrees = _ORDERS[axis_order] if isinstance(axis_order, str) else axis_order
    reader = _Reader(queryables, refusals, to_degrees)
    root = reader.predicate(_parse(text, language, refusals), 1)
    reader.check_totals()
    refusals.finish()
    if root is None:
        raise AssertionError("a refused part was not noted")
    return Filter(root)


def _parse(text: str, language: FilterLanguage, refusals: Refusals) -> object:
    """Parse a filter into its JSON tree."""
    limits.check_length(text, refusals)
    tree: object = None
    if language == "cql2-json":
        tree = limits.check_json(text, refusals)
    else:
        limits.check_text(text, refusals)
    try:
        if language == "cql2-json":
            cql2.parse_json(text)
            return tree
        return cql2.parse_text(text).to_json()
    except Exception as error:  # the parser raises plain exceptions too
        return _refuse_syntax(text, language, error, refusals)


def _refuse_syntax(text: str, language: FilterLanguage, error: Exception, refusals: Refusals) -> NoReturn:
    """Say where the parser stopped."""
    place = _PLACE.search(str(error)) if language == "cql2-text" else None
    if place is None:
        reason = shorten(str(error).splitlines()[0] if str(error) else type(error).__name__)
        refusals.stop(
            "filter_syntax",
            f"过滤条件无法解析（{reason}）；应为 OGC CQL2 的{'文本' if language == 'cql2-text' else ' JSON'}格式。",
            f"the filter cannot be parsed ({reason}); it must be OGC {language.replace('cql2-', 'CQL2 ')}.",
        )
    line, column = int(place[1]), int(place[2])
    lines = text.splitlines() or [text]
    rest = lines[min(line, len(lines)) - 1][column - 1 :]
    near = shorten(rest[:20])
    near_zh, near_en = (f"“{near}”", f" ('{near}')") if near else ("（结尾）", " (the end)")
    refusals.stop(
        "filter_syntax",
        f"过滤条件第 {line} 行第 {column} 个字符{near_zh}处无法解析；应为 OGC CQL2 文本，"
        "例如 name = '示范' AND capacity >= 10。",
        f"the filter cannot be parsed at line {line}, character {column}{near_en}; it must be OGC CQL2 text such as "
        "name = 'x' AND capacity >= 10.",
        value=rest[:20],
    )


class _Reader:
    """One walk over the JSON tree."""

    def __init__(self, queryables: Queryables, refusals: Refusals, to_degrees: Positions) -> None:
        self._refusals = refusals
        self._operands = Operands(queryables, refusals)
        self._to_degrees = to_degrees
        self._vertices = self._spatials = 0

    def check_totals(self) -> None:
        """Note what only the whole filter exceeds."""
        if self._spatials > limits.MAX_SPATIAL:
            limits.refuse_more(self._refusals, "空间条件个数", "spatial conditions", self._spatials, limits.MAX_SPATIAL)
        if self._vertices > limits.MAX_VERTICES:
            limits.refuse_more(self._refusals, "几何顶点总数", "vertices", self._vertices, limits.MAX_VERTICES)

    def predicate(self, ast: object, depth: int) -> Predicate | None:
        """Read a condition; None where a problem was noted."""
        self._operands.count(depth)
        if isinstance(ast, bool):
            return Truth(ast)
        if is_property(ast):
            return self._flag(ast, depth)
        operator = ast.get("op") if isinstance(ast, Mapping) else None
        arguments = ast.get("args") if isinstance(ast, Mapping) else None
        if not isinstance(operator, str) or operator not in CONDITIONS or not isinstance(arguments, list):
            self._refuse_condition(ast)
            return None
        if operator in ("and", "or"):
            return self._junction(cast("Literal['and', 'or']", operator), arguments, depth)
        wanted = {"not": 1, "isNull": 1, "between": 3}.get(operator, 2)
        if len(arguments) != wanted:
            refuse_count(self._refusals, operator, wanted, arguments)
            return None
        if operator == "not":
            part = self.predicate(arguments[0], depth + 1)
            return None if part is None else Negation(part)
        if operator in SPATIALS:
            return self._spatial(cast("SpatialName", operator), arguments, depth + 1)
        return self._plain(operator, arguments, depth + 1)

    def _flag(self, ast: object, depth: int) -> Predicate | None:
        """Read a boolean property that stands for itself, as the parser lets it."""
        found = self._operands.any_property(ast, depth)
        if found is None or found.kind == "bool":
            return None if found is None else Comparison("=", found, Value(True, "bool"))
        name = found.name
        self._refusals.add(
            "filter_operator",
            f"属性“{name}”是{zh_of(found.kind)}，不能单独作条件；请写成比较，例如 {name} IS NOT NULL。",
            f"property '{name}' is {en_of(found.kind)} and alone no condition; a comparison is allowed, such as {name} "
            "IS NOT NULL.",
            field=name,
        )
        return None

    def _junction(self, operator: Literal["and", "or"], arguments: list[object], depth: int) -> Predicate | None:
        """Read AND or OR."""
        if len(arguments) < 2:
            refuse_count(self._refusals, operator, 2, arguments)
            return None
        parts = [self.predicate(argument, depth + 1) for argument in arguments]
        known = tuple(part for part in parts if part is not None)
        return Junction(operator, known) if len(known) == len(parts) else None

    def _plain(self, operator: str, arguments: list[object], depth: int) -> Predicate | None:
        """Read a condition on values."""
        if operator == "isNull":
            operand = self._nullable(arguments[0], depth)
            return None if operand is None else IsNull(operand)
        left = self._operands.scalar(arguments[0], depth, operator)
        if operator == "in":
            return self._among(left, arguments[1], depth)
        if operator == "like":
            is_text = left is not None and self._operands.expect(left, "text", operator)
            # The pattern is looked at also where the operand is refused: all problems at once.
            like = self._operands.pattern(arguments[1], left or Value("", "text"), depth)
            return like if is_text else None
        others = [self._operands.scalar(argument, depth, operator) for argument in arguments[1:]]
        if left is None or any(other is None for other in others):
            return None
        left, *right = _dated([left, *(other for other in others if other is not None)])
        if operator == "between":
            return self._between(left, right)
        if not self._alike(left, right[0], operator):
            return None
        if left.kind == "bool" and operator not in ("=", "<>"):
            shown = describe(left)
            self._refusals.add(
                "filter_type",
                f"布尔值 {shown} 没有大小之分，不能用于“{operator}”；允许的是 = 和 <>。",
                f"the boolean {shown} has no order and is no operand of '{operator}'; allowed are = and <>.",
                field=shown,
                value=operator,
            )
            return None
        return Comparison(cast("Literal['=']", operator), left, right[0])

    def _nullable(self, ast: object, depth: int) -> Scalar | None:
        """Read the operand of IS NULL, the one place besides spatial functions where a geometry may stand."""
        if is_property(ast):
            return self._operands.any_property(ast, depth)
        return self._operands.scalar(ast, depth, "isNull")

    def _between(self, left: Scalar, bounds: list[Scalar]) -> Predicate | None:
        """Check the operands of BETWEEN; all but numbers go beyond the standard."""
        if left.kind not in _ORDERED:
            shown = describe(left)
            self._refusals.add(
                "filter_type",
                f"“between”的操作数 {shown} 是{zh_of(left.kind)}；允许的是数值、文本、日期或时间戳。",
                f"operand {shown} of 'between' is {en_of(left.kind)}; allowed are numbers, text, dates and timestamps.",
                field=left.name if isinstance(left, Property) else "between",
                value=shown,
            )
            return None
        alike = [self._alike(left, bound, "between") for bound in bounds]
        return Between(left, *bounds) if all(alike) else None

    def _among(self, left: Scalar | None, items: object, depth: int) -> Predicate | None:
        """Read the list of IN."""
        if not isinstance(items, list) or not items:
            self._refusals.add(
                "filter_operator",
                "“in”需要一个非空的列表，例如 type IN ('care_home', 'senior_canteen')。",
                "'in' takes a list that is not empty, such as type IN ('care_home', 'senior_canteen').",
                field="in",
                value=name_of(items),
            )
            return None
        if len(items) > limits.MAX_LIST_ITEMS:
            limits.refuse_more(self._refusals, "列表项数", "items of the list", len(items), limits.MAX_LIST_ITEMS, "in")
            return None
        read = [self._operands.scalar(item, depth, "in") for item in items]
        known = [item for item in read if item is not None]
        if left is None:
            return None
        left, *known = _dated([left, *known])
        alike = [self._alike(left, item, "in") for item in known]
        return Among(left, tuple(known)) if all(alike) and len(known) == len(read) else None

    def _alike(self, left: Scalar, right: Scalar, operator: str) -> bool:
        """Note a problem unless two operands can be compared."""
        if isinstance(left, Value) and not isinstance(right, Value):
            left, right = right, left
        return self._operands.expect(right, left.kind, operator) and self._is_exact(left, right)

    def _is_exact(self, left: Scalar, right: Scalar) -> bool:
        """Note a problem where a whole number is too large to have come through the parser unchanged."""
        if not (isinstance(left, Property) and left.queryable.kind == "int" and isinstance(right, Value)):
            return True
        if abs(cast("float", right.value)) <= limits.MAX_INTEGER:
            return True
        self._refusals.add(
            "filter_literal",
            f"与“{left.name}”比较的 {shorten(right.value)} 过大；整数的绝对值至多 {limits.MAX_INTEGER}。",
            f"{shorten(right.value)} is too large to compare with '{left.name}'; whole numbers may be "
            f"{limits.MAX_INTEGER} in size at most.",
            field=left.name,
            value=right.value,
        )
        return False

    def _spatial(self, operator: SpatialName, arguments: list[object], depth: int) -> Predicate | None:
        """Read a spatial condition: the layer's geometry and a literal, in either order."""
        self._spatials += 1
        named = [is_property(argument) for argument in arguments]
        if named.count(True) != 1:
            self._refusals.add(
                "filter_operator",
                f"“{operator}”需要一个几何属性和一个几何字面量，例如 {EXAMPLES['geometry']}。",
                f"'{operator}' takes a geometry property and a geometry literal such as {EXAMPLES['geometry']}.",
                field=operator,
                value=", ".join(map(name_of, arguments)),
            )
            return None
        first = named.index(True)
        operand = self._operands.any_property(arguments[first], depth)
        if operand is not None and operand.kind != "geometry":
            self._refusals.add(
                "filter_type",
                f"属性“{operand.name}”是{zh_of(operand.kind)}，不能用于“{operator}”；此处应为几何属性。",
                f"property '{operand.name}' is {en_of(operand.kind)} and no operand of '{operator}'; a geometry "
                "property is allowed here.",
                field=operand.name,
                value=operator,
            )
            operand = None
        shape = self._shape(operator, arguments[1 - first], depth)
        if operand is None or shape is None:
            return None
        turned = operator if first == 0 else _SWAPPED.get(operator, operator)
        return Spatial(turned, operand, shape)

    def _shape(self, operator: SpatialName, literal: object, depth: int) -> BaseGeometry | None:
        """Build a geometry literal; None where a problem was noted."""
        self._operands.count(depth)
        is_geometry = isinstance(literal, Mapping) and ("type" in literal or "bbox" in literal)
        try:
            if not is_geometry:
                raise ShapeError(
                    f"“{name_of(literal)}”不是几何；允许的是几何字面量，例如 {EXAMPLES['geometry']}。",
                    f"'{name_of(literal)}' is no geometry; allowed is a literal such as {EXAMPLES['geometry']}.",
                )
            found = cast("Mapping[str, object]", literal)
            self._vertices += count_vertices(found)
            if self._vertices > limits.MAX_VERTICES:  # said once for the whole filter
                return None
            shape = build_shape(found, self._to_degrees)
            if shape.geom_type == "GeometryCollection" and operator not in _ANY_COLLECTION:
                raise ShapeError(
                    "含有不同维数成员的 GEOMETRYCOLLECTION 只能用于 s_intersects 和 s_disjoint。",
                    "a GEOMETRYCOLLECTION of points, lines and areas together is allowed with s_intersects and "
                    "s_disjoint only.",
                )
        except ShapeError as error:
            self._refusals.add(
                "filter_geometry",
                f"“{operator}”的几何不能接受：{error.zh}",
                f"the geometry of '{operator}' is refused: {error.en}",
                field=operator,
                value=name_of(literal),
            )
            return None
        return shape

    def _refuse_condition(self, ast: object) -> None:
        """Note what stands in the place of a condition and is none."""
        shown = name_of(ast)
        allowed = ", ".join(CONDITIONS)
        self._refusals.add(
            "filter_operator",
            f"“{shown}”不是受支持的条件；允许的运算：{allowed}（文本操作数可用 casei、accenti）。",
            f"'{shown}' is no supported condition; allowed are {allowed} (and casei, accenti on text operands).",
            field=shown,
        )


def _dated(operands: list[Scalar]) -> list[Scalar]:
    """Let text that is a date stand for it beside one; many clients write dates so."""
    if not any(operand.kind == "date" for operand in operands):
        return operands
    return [as_date(operand) for operand in operands]
