"""CQL2 filters as conditions: parsed by the `cql2` package, compiled here from an allowed list, values always bound.

What is compiled: and, or, not; the six comparisons; isNull, like, between, in; casei; the eight spatial relations
between the geometry and a literal. Properties are those the caller offers, looked up in a fixed table; no function is
called and no text is put together, so a filter can name nothing else. NULL follows SQL's three values on both engines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal, cast

import cql2
import numpy as np
import orjson
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, and_, func, literal, not_, or_
from sqlalchemy.orm import Session

from geo.arrays import Float
from geo.errors import InputError
from geo.store.geometry import SRID
from geo.store.layer import ColumnKind, Layer
from geo.store.pages import box_in_index
from geo.store.rows import is_sqlite

GEOMETRY: Final = "geometry"
LONGEST: Final = 6_000
"""Characters a filter may have."""
MOST_NODES: Final = 300
DEEPEST: Final = 24
MOST_VERTICES: Final = 5_000
LONGEST_PATTERN: Final = 200
MOST_WILDCARDS: Final = 6
RELATIONS: Final = {
    "s_intersects": "intersects",
    "s_within": "within",
    "s_contains": "contains",
    "s_disjoint": "disjoint",
    "s_touches": "touches",
    "s_crosses": "crosses",
    "s_overlaps": "overlaps",
    "s_equals": "equals",
}
"""Spatial operators, with the relation each is."""
FilterLanguage = Literal["cql2-text", "cql2-json"]

_COMPARISONS: Final = ("=", "<>", "<", "<=", ">", ">=")
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
# A long row of signs or powers overflows the parser's stack, so what stands for arithmetic never reaches it.
_ARITHMETIC: Final = re.compile(r"[*/^%]|(?<![eE])\+|-(?![\d.])|[-+]\s*[-+]")


@dataclass(slots=True)
class _Compiler:
    """The state of one compilation."""

    session: Session
    spec: Layer
    fields: Mapping[str, ColumnKind]
    to_degrees: Callable[[Float], Float]
    nodes: int = 0
    vertices: int = 0
    negated: bool = field(default=False)


@dataclass(frozen=True, slots=True)
class _Scalar:
    """A value or a column with what it holds."""

    kind: ColumnKind
    sql: ColumnElement[object]


def compile_filter(
    session: Session,
    spec: Layer,
    fields: Mapping[str, ColumnKind],
    text: str,
    *,
    language: FilterLanguage = "cql2-text",
    to_degrees: Callable[[Float], Float] = lambda points: points,
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
        It is no CQL2, names something that is not offered, compares what cannot be compared, or is too large.
    """
    tree = _parse(text, language)
    compiler = _Compiler(session, spec, fields, to_degrees)
    return _boolean(compiler, tree, 0)


def _refuse(message_zh: str, message_en: str) -> InputError:
    """Return a refusal."""
    return InputError(f"过滤条件有误：{message_zh}", f"the filter is refused: {message_en}", parameters=["filter"])


def _parse(text: str, language: FilterLanguage) -> object:
    """Parse a filter, after making sure that its nesting is within bounds: the parser itself recurses."""
    if len(text) > LONGEST:
        raise _refuse(f"长度 {len(text)} 超过 {LONGEST} 个字符", f"{len(text)} characters; allowed: {LONGEST}")
    if "\x00" in text:
        raise _refuse("含有空字符", "it holds a NUL character")
    tree: object = None
    if language == "cql2-json":
        try:
            tree = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise _refuse("不是有效的 JSON", "it is no JSON") from error
        _check_depth(tree, 0)
    else:
        plain = _QUOTED.sub("''", text)
        depth = deepest = 0
        for sign in plain:
            depth += (sign == "(") - (sign == ")")
            deepest = max(deepest, depth)
        words = re.findall(r"\b(?:and|or|not)\b", plain, re.IGNORECASE)
        if deepest > DEEPEST or len(words) > MOST_NODES or _longest_run(plain) > DEEPEST:
            raise _refuse(f"嵌套超过 {DEEPEST} 层或条件过多", f"nested deeper than {DEEPEST}, or too many conditions")
        if _ARITHMETIC.search(plain):
            raise _refuse("不支持算术运算", "arithmetic is not supported")
    try:
        if language == "cql2-text":
            return cql2.parse_text(text).to_json()
        cql2.parse_json(text)
        # Ours, not the parser's, which rounds numbers in their last digit.
        return tree
    except (cql2.ParseError, cql2.ValidationError, ValueError, RecursionError) as error:
        first = str(error).strip().splitlines()[:1]
        raise _refuse(f"不是有效的 {language}", f"it is no {language}: {' '.join(first)[:120]}") from error


def _longest_run(plain: str) -> int:
    """Return how often NOT stands in a row."""
    runs = re.findall(r"(?:\bnot\b[\s(]*)+", plain, re.IGNORECASE)
    return max((len(re.findall(r"\bnot\b", run, re.IGNORECASE)) for run in runs), default=0)


def _check_depth(tree: object, depth: int) -> None:
    """Refuse JSON that is nested too deeply."""
    if depth > 3 * DEEPEST:
        raise _refuse(f"嵌套超过 {DEEPEST} 层", f"nested deeper than {DEEPEST}")
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for child in children:
        _check_depth(child, depth + 1)


def _count(compiler: _Compiler, depth: int) -> None:
    """Count a node."""
    compiler.nodes += 1
    if compiler.nodes > MOST_NODES or depth > DEEPEST:
        raise _refuse(
            f"超过 {MOST_NODES} 个条件或 {DEEPEST} 层", f"more than {MOST_NODES} conditions or {DEEPEST} levels"
        )


def _operation(node: object) -> tuple[str, list[object]] | None:
    """Return an operator with what it is applied to."""
    if isinstance(node, dict) and isinstance(node.get("op"), str) and isinstance(node.get("args"), list):
        return node["op"].lower(), node["args"]
    return None


def _boolean(compiler: _Compiler, node: object, depth: int) -> ColumnElement[bool]:
    """Compile what is true or false."""
    _count(compiler, depth)
    if isinstance(node, bool):
        return literal(node) == literal(True)
    found = _operation(node)
    if found is None:
        scalar = _scalar(compiler, node, depth)
        if scalar.kind != "bool":
            raise _refuse("条件应为真假判断", "a condition must be true or false")
        return scalar.sql == literal(True)
    operator, arguments = found
    if operator in ("and", "or") and len(arguments) >= 2:
        parts = [_boolean(compiler, argument, depth + 1) for argument in arguments]
        return and_(*parts) if operator == "and" else or_(*parts)
    if operator == "not" and len(arguments) == 1:
        before, compiler.negated = compiler.negated, True
        part = _boolean(compiler, arguments[0], depth + 1)
        compiler.negated = before
        return not_(part)
    if operator in _COMPARISONS and len(arguments) == 2:
        left, right = _alike(*(_scalar(compiler, argument, depth + 1) for argument in arguments))
        return _compare(compiler, operator, left, right)
    if operator == "isnull" and len(arguments) == 1:
        if arguments[0] == {"property": GEOMETRY}:
            return compiler.spec.table.c.geom.is_(None)
        return _scalar(compiler, arguments[0], depth + 1).sql.is_(None)
    if operator == "between" and len(arguments) == 3:
        value, low, high = (_scalar(compiler, argument, depth + 1) for argument in arguments)
        first, last = _alike(value, low), _alike(value, high)
        return and_(_compare(compiler, ">=", *first), _compare(compiler, "<=", *last))
    if operator == "in" and len(arguments) == 2 and isinstance(arguments[1], list):
        value = _scalar(compiler, arguments[0], depth + 1)
        others = [_alike(value, _scalar(compiler, argument, depth + 1))[1].sql for argument in arguments[1]]
        return or_(*(value.sql == other for other in others)) if others else literal(1) == literal(0)
    if operator == "like" and len(arguments) == 2:
        return _like(compiler, arguments, depth)
    if operator in RELATIONS and len(arguments) == 2:
        return _spatial(compiler, operator, arguments)
    allowed = "、".join(("and", "or", "not", *_COMPARISONS, "isNull", "between", "in", "like", *RELATIONS))
    raise _refuse(f"不支持“{operator}”；可用：{allowed}", f"'{operator}' is not supported; allowed: {allowed}")


def _scalar(compiler: _Compiler, node: object, depth: int) -> _Scalar:
    """Compile a value or a column."""
    _count(compiler, depth)
    if isinstance(node, bool):
        return _Scalar("bool", literal(node))
    if isinstance(node, (int, float)):
        if not np.isfinite(node) or abs(node) > 1e300:
            raise _refuse("数值超出范围", "a number is out of range")
        return _Scalar("real", literal(float(node)))
    if isinstance(node, str):
        return _Scalar("text", literal(node))
    if isinstance(node, dict):
        name = node.get("property")
        if isinstance(name, str):
            kind = compiler.fields.get(name)
            if kind is None:
                allowed = [*compiler.fields, GEOMETRY]
                zh, en = f"没有字段“{name}”；可用：{'、'.join(allowed)}", f"no '{name}'; allowed: {', '.join(allowed)}"
                raise _refuse(zh, en)
            return _Scalar(kind, compiler.spec.table.c[name])
        for key in ("date", "timestamp"):
            if isinstance(node.get(key), str):
                return _Scalar("date", literal(_day(node[key])))
        found = _operation(node)
        if found is not None and found[0] == "casei" and len(found[1]) == 1:
            inner = _scalar(compiler, found[1][0], depth + 1)
            if inner.kind != "text":
                raise _refuse("CASEI 只用于文本", "CASEI takes a text")
            return _Scalar("text", _lower(compiler, inner.sql))
        if found is not None:
            raise _refuse(f"不支持“{found[0]}”", f"'{found[0]}' is not supported")
    raise _refuse("含有无法识别的值", "it holds a value that is not understood")


def _lower(compiler: _Compiler, value: ColumnElement[object]) -> ColumnElement[object]:
    """Write a text without its case; both engines go by Unicode, not by their locale."""
    if is_sqlite(compiler.session):
        return func.fangyu_lower(value)
    return func.lower(value.collate("und-x-icu"))


def _day(text: str) -> date:
    """Read a date, or the day of an instant."""
    try:
        is_day = len(text) == 10
        return date.fromisoformat(text) if is_day else datetime.fromisoformat(text.replace("Z", "+00:00")).date()
    except ValueError as error:
        raise _refuse(f"“{text[:40]}”不是日期", f"'{text[:40]}' is no date") from error


def _alike(left: _Scalar, right: _Scalar) -> tuple[_Scalar, _Scalar]:
    """Make sure that two values can be compared; a text stands for a date beside one."""
    kinds = {"real" if kind == "int" else kind for kind in (left.kind, right.kind)}
    if len(kinds) == 1:
        return left, right
    if kinds == {"text", "date"}:
        return _as_date(left), _as_date(right)
    names = {"text": "文本", "real": "数值", "int": "数值", "bool": "真假", "date": "日期"}
    raise _refuse(
        f"{names[left.kind]}不能与{names[right.kind]}比较", f"{left.kind} cannot be compared with {right.kind}"
    )


def _as_date(value: _Scalar) -> _Scalar:
    """Read a literal text as a date."""
    text = getattr(value.sql, "value", None)
    if value.kind == "text" and isinstance(text, str):
        return _Scalar("date", literal(_day(text)))
    if value.kind == "text":
        raise _refuse("文本不能与日期比较", "a text cannot be compared with a date")
    return value


def _compare(compiler: _Compiler, operator: str, left: _Scalar, right: _Scalar) -> ColumnElement[bool]:
    """Compare two values; texts are ordered by code point on both engines."""
    a, b = left.sql, right.sql
    if left.kind == "text" and operator not in ("=", "<>") and not is_sqlite(compiler.session):
        a = cast("ColumnElement[object]", a.collate("C"))
    if left.kind == "bool" and operator not in ("=", "<>"):
        raise _refuse("真假值没有大小", "true and false have no order")
    compared: dict[str, Callable[[], ColumnElement[bool]]] = {
        "=": lambda: a == b,
        "<>": lambda: a != b,
        "<": lambda: a < b,
        "<=": lambda: a <= b,
        ">": lambda: a > b,
        ">=": lambda: a >= b,
    }
    return compared[operator]()


def _like(compiler: _Compiler, arguments: list[object], depth: int) -> ColumnElement[bool]:
    """Compare a text with a pattern: ``%`` any characters, ``_`` one, a backslash before what is meant as it is."""
    value, pattern = (_scalar(compiler, argument, depth + 1) for argument in arguments)
    inner = _operation(arguments[1])
    text = inner[1][0] if inner is not None else arguments[1]
    if value.kind != "text" or not isinstance(text, str):
        raise _refuse("LIKE 只用于文本字段与固定的模式", "LIKE compares a text with a fixed pattern")
    if len(text) > LONGEST_PATTERN or text.count("%") > MOST_WILDCARDS:
        raise _refuse(
            f"模式最长 {LONGEST_PATTERN} 个字符、最多 {MOST_WILDCARDS} 个 %",
            f"a pattern has at most {LONGEST_PATTERN} characters and {MOST_WILDCARDS} %",
        )
    if (len(text) - len(text.rstrip("\\"))) % 2:
        raise _refuse("模式不能以反斜杠结尾", "a pattern cannot end in a backslash")
    if is_sqlite(compiler.session):
        return func.fangyu_like(value.sql, pattern.sql) == 1
    return value.sql.like(pattern.sql, escape="\\")


def _spatial(compiler: _Compiler, operator: str, arguments: list[object]) -> ColumnElement[bool]:
    """Relate the geometry to a literal."""
    is_first = arguments[0] == {"property": GEOMETRY}
    if not is_first and arguments[1] != {"property": GEOMETRY}:
        raise _refuse(f"{operator} 的一侧应为 {GEOMETRY}", f"{operator} relates '{GEOMETRY}' to a literal")
    shape = _geometry(compiler, arguments[1] if is_first else arguments[0])
    relation = RELATIONS[operator]
    if not is_first:
        relation = {"within": "contains", "contains": "within"}.get(relation, relation)
    rows = compiler.spec.table.c
    wkb = shapely.to_wkb(shape)
    if not is_sqlite(compiler.session):
        related = getattr(func, f"ST_{relation.capitalize()}")(rows.geom, func.ST_GeomFromWKB(wkb, SRID))
        return cast("ColumnElement[bool]", related == literal(True))
    asked: ColumnElement[bool] = func.fangyu_relate(relation, rows.geom, wkb) == 1
    if relation == "disjoint" or compiler.negated:
        return asked
    # Outside the index nothing is related; not so under NOT, where a row without a geometry is neither.
    return and_(rows.fid.in_(box_in_index(compiler.spec, shapely.bounds(shape).tolist())), asked)


def _geometry(compiler: _Compiler, node: object) -> BaseGeometry:
    """Read a literal geometry into degrees."""
    shape: BaseGeometry | None = None
    if isinstance(node, dict) and isinstance(node.get("bbox"), list):
        box = node["bbox"]
        if len(box) in (4, 6) and all(isinstance(one, (int, float)) for one in box):
            low, high = box[:2], box[len(box) // 2 :][:2]
            shape = shapely.box(low[0], low[1], high[0], high[1])
    elif isinstance(node, dict) and isinstance(node.get("type"), str):
        try:
            shape = shapely.from_geojson(orjson.dumps(node))
        except (shapely.GEOSException, orjson.JSONEncodeError):
            shape = None
    if shape is None or shape.is_empty:
        raise _refuse("几何无法识别", "a geometry is not understood")
    compiler.vertices += int(shapely.get_num_coordinates(shape))
    if compiler.vertices > MOST_VERTICES:
        raise _refuse(f"几何超过 {MOST_VERTICES} 个顶点", f"more than {MOST_VERTICES} vertices")
    shape = shapely.transform(shapely.force_2d(shape), compiler.to_degrees)
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise _refuse("几何坐标超出坐标系范围", "coordinates are outside the coordinate system")
    if not shape.is_valid:
        raise _refuse("几何自相交或环不闭合", "a geometry crosses itself")
    return shape
