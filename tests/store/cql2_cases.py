"""Rows, filters and a slow plain evaluator that filters of the store are held against."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from hypothesis import strategies as st
from shapely.geometry import shape
from sqlalchemy import select, update

from geo.store import Store
from geo.store.cql2 import compile_filter
from geo.store.layer import layer
from tests.store.frames import bring_in, frame, texts

STREETS = layer("street_segments")
FIELDS: Mapping[str, Any] = {
    name: STREETS.columns[name].kind
    for name in ("id", "name", "kind", "foot", "is_steps", "level", "width_m", "length_m", "valid_from")
}
NAMES = (
    "人民路", "Main Street", "main street", "100% 路", "a_b", "a*b?[c]", "École", "ecole", "ÉCOLE", "Straße", "STRASSE",
    "lǜ", "lu", "ΟΔΟΣ", "οδος", "😀路", "", "O'Hare \\ x", "'; DROP TABLE imports; --", None,
)  # fmt: skip
DAYS = (date(2020, 5, 1), date(2020, 5, 2), date(2024, 2, 29), None)
_GRID = [118 + step / 8 for step in range(9)]


def streets(count: int = 60) -> gpd.GeoDataFrame:
    """Build streets on a grid, so that many touch, cross and cover each other, with every value missing somewhere."""
    random = np.random.default_rng(11)
    ends = random.integers(0, 9, (count, 2, 2))
    ends[(ends[:, 0] == ends[:, 1]).all(axis=1), 1] += 1
    rows = range(count)
    return frame(
        {
            "id": [f"w{row}" for row in rows],
            "name": texts([NAMES[row % len(NAMES)] for row in rows]),
            "kind": texts([None if row % 4 == 0 else "footway" if row % 2 else "steps" for row in rows]),
            "is_steps": pd.Series([None if row % 5 == 0 else row % 2 == 0 for row in rows], dtype=object),
            "level": [np.nan if row % 7 == 0 else float(row % 3 - 1) for row in rows],
            "width_m": [np.nan if row % 3 == 0 else (0.1, 3.5, -2.0)[row % 4 % 3] for row in rows],
            "length_m": random.uniform(5, 300, count),
            "valid_from": pd.Series([DAYS[row % len(DAYS)] for row in rows], dtype=object),
        },
        shapely.linestrings(118 + ends / 8 - np.array([0, 82])),
    )


def fill(store: Store) -> list[dict[str, Any]]:
    """Store the streets, take the geometry off some, and return what the store then holds."""
    given = streets()
    bring_in(store, "street_segments", given)
    bare = [f"w{row}" for row in range(0, 60, 9)]
    with store.session() as session:
        session.execute(update(STREETS.table).where(STREETS.table.c.id.in_(bare)).values(geom=None))
    rows: list[dict[str, Any]] = given.to_dict("records")
    for row in rows:
        row |= {name: None for name, value in row.items() if isinstance(value, float) and np.isnan(value)}
        row["geometry"] = None if row["id"] in bare else row["geometry"]
        row["foot"] = None
    return rows


def found(store: Store, text: str, **options: Any) -> set[str]:
    """Return the ids a filter finds."""
    with store.session(write=False) as session:
        condition = compile_filter(session, STREETS, FIELDS, text, **options)
        return set(session.scalars(select(STREETS.table.c.id).where(condition)))


def expected(rows: Sequence[Mapping[str, Any]], node: Any) -> set[str]:
    """Return the ids the plain evaluator finds."""
    return {row["id"] for row in rows if evaluate(node, row) is True}


def evaluate(node: Any, row: Mapping[str, Any]) -> Any:
    """Evaluate CQL2 JSON in SQL's three values; None is unknown."""
    if not isinstance(node, dict):
        return node
    if "property" in node:
        return row[node["property"]]
    if "date" in node:
        return date.fromisoformat(node["date"])
    if "type" in node or "bbox" in node:
        return shapely.box(*node["bbox"]) if "bbox" in node else shape(node)
    operator, arguments = node["op"], node["args"]
    if operator == "in":
        value, listed = evaluate(arguments[0], row), [evaluate(item, row) for item in arguments[1]]
        return evaluate({"op": "or", "args": [_compare("=", value, item) for item in listed]}, row)
    values = [evaluate(argument, row) for argument in arguments]
    if operator in ("and", "or"):
        decisive = operator == "or"
        return decisive if decisive in values else None if None in values else not decisive
    if operator == "isNull":
        return values[0] is None
    if None in values:
        return None
    if operator == "not":
        return not values[0]
    if operator == "casei":
        return values[0].casefold()
    if operator == "accenti":
        letters = unicodedata.normalize("NFD", values[0])
        return unicodedata.normalize("NFC", "".join(one for one in letters if unicodedata.category(one) != "Mn"))
    if operator == "between":
        return values[1] <= values[0] <= values[2]
    if operator == "like":
        return follows(*values)
    if operator.startswith("s_"):
        return bool(getattr(shapely, operator[2:])(*values))
    return _compare(operator, *values)


def _compare(operator: str, a: Any, b: Any) -> bool | None:
    """Compare two values."""
    if a is None or b is None:
        return None
    if operator in ("=", "<>"):
        return bool((a == b) == (operator == "="))
    return bool({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator])


def follows(text: str, pattern: str) -> bool:
    """Match a pattern sign by sign."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(follows(text[start:], pattern[1:]) for start in range(len(text) + 1))
    if pattern[0] == "\\":
        return bool(text) and text[0] == pattern[1] and follows(text[1:], pattern[2:])
    return bool(text) and (pattern[0] in ("_", text[0])) and follows(text[1:], pattern[1:])


def write(node: Any) -> str:
    """Write CQL2 JSON as CQL2 text."""
    if isinstance(node, bool):
        return str(node).upper()
    if isinstance(node, str):
        return "'" + node.replace("'", "''") + "'"
    if not isinstance(node, dict):
        return repr(node)
    if "property" in node:
        return str(node["property"])
    if "date" in node:
        return f"DATE('{node['date']}')"
    if "bbox" in node:
        return f"BBOX({', '.join(map(repr, node['bbox']))})"
    if "type" in node:
        return shapely.to_wkt(shape(node), rounding_precision=-1)
    operator, arguments = node["op"], node["args"]
    if operator == "in":
        return f"{write(arguments[0])} IN ({', '.join(map(write, arguments[1]))})"
    words = [write(argument) for argument in arguments]
    if operator in ("and", "or"):
        return "(" + f" {operator.upper()} ".join(words) + ")"
    if operator == "not":
        return f"NOT ({words[0]})"
    if operator == "isNull":
        return f"{words[0]} IS NULL"
    if operator == "between":
        return f"{words[0]} BETWEEN {words[1]} AND {words[2]}"
    if operator == "like":
        return f"{words[0]} LIKE {words[1]}"
    if operator in ("casei", "accenti") or operator.startswith("s_"):
        return f"{operator.upper()}({', '.join(words)})"
    return f"{words[0]} {operator} {words[1]}"


def _call(operator: str, *arguments: Any) -> st.SearchStrategy[Any]:
    """Draw an operator with drawn arguments."""
    return st.builds(lambda *values: {"op": operator, "args": list(values)}, *arguments)


def _comparing(operand: st.SearchStrategy[Any], values: st.SearchStrategy[Any], *, ordered: bool = True) -> Any:
    """Draw comparisons of one operand, in either order, with values that may be the operand itself."""
    either = st.one_of(values, operand)
    operators = ["=", "<>", "<", "<=", ">", ">="] if ordered else ["=", "<>"]
    drawn = [_call(operator, operand, either) for operator in operators]
    drawn += [_call(operator, values, operand) for operator in operators]
    drawn += [_call("in", operand, st.lists(either, min_size=1, max_size=3)), _call("isNull", operand)]
    return st.one_of(*drawn, *([_call("between", operand, values, either)] if ordered else []))


def _property(name: str) -> st.SearchStrategy[Any]:
    return st.just({"property": name})


_TEXTS = st.sampled_from([*(name for name in NAMES if name is not None), "%", "footway", "\\"])
_PATTERNS = st.sampled_from(
    [
        "人%",
        "%路",
        "%",
        "_____",
        "100\\% 路",
        "a\\_b",
        "a*b%",
        "a_b?[c]",
        "%[%",
        "M%t",
        "m%",
        "%'%",
        "É%",
        "",
        "\\a%",
        "STRA%",
    ]
)
_DATES = st.sampled_from([{"date": day.isoformat()} for day in DAYS if day])


def _folding(text: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw a text without its case, its accents, or both."""
    return st.one_of(_call("casei", text), _call("accenti", text), _call("casei", _call("accenti", text)))


_FOLDED = _folding(_property("name"))
_FOLDED_TEXTS = st.one_of(_TEXTS, _folding(_TEXTS))
_POSITION = st.tuples(st.sampled_from(_GRID), st.sampled_from([value - 82 for value in _GRID])).map(list)


@st.composite
def _shapes(draw: st.DrawFn) -> Any:
    """Draw a geometry literal on the grid of the streets."""
    (x1, y1), (x2, y2) = sorted(draw(st.lists(_POSITION, min_size=2, max_size=2, unique_by=tuple)))
    low, high = min(y1, y2), max(y1, y2)
    kind = draw(st.sampled_from(["bbox", "Point", "MultiPoint", "LineString", "Polygon"]))
    if kind == "bbox":
        return {"bbox": [x1, low, x2 + 1 / 16, high + 1 / 16]}
    if kind == "Point":
        return {"type": kind, "coordinates": [x1, y1]}
    if kind == "Polygon":
        high += 0.25
        x2 += 0.25
        return {"type": kind, "coordinates": [[[x1, low], [x2, low], [x2, high], [x1, low]]]}
    return {"type": kind, "coordinates": [[x1, y1], [x2, y2]]}


_SPATIALS = ("intersects", "within", "contains", "disjoint", "touches", "crosses", "overlaps", "equals")
SPATIAL = st.one_of(
    *(_call(f"s_{name}", _property("geometry"), _shapes()) for name in _SPATIALS),
    *(_call(f"s_{name}", _shapes(), _property("geometry")) for name in _SPATIALS),
)
_LEAVES = st.one_of(
    _comparing(_property("name"), _TEXTS),
    _comparing(_FOLDED, _FOLDED_TEXTS),
    _comparing(_property("length_m"), st.floats(-1, 300)),
    _comparing(_property("width_m"), st.sampled_from([3.5, 0.1, -2.0, 0])),
    _comparing(_property("level"), st.one_of(st.integers(-1, 2), st.sampled_from([0.5, -0.5]))),
    _comparing(_property("is_steps"), st.booleans(), ordered=False),
    _comparing(_property("valid_from"), _DATES),
    _call("like", _property("name"), _PATTERNS),
    _call("like", _call("casei", _property("name")), _call("casei", _PATTERNS)),
    _call("like", _call("accenti", _property("name")), _call("accenti", _PATTERNS)),
    _call("isNull", _property("geometry")),
    SPATIAL,
    st.booleans(),
)
FILTERS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda op, args: {"op": op, "args": args},
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=2, max_size=3),
        ),
        _call("not", inner),
    ),
    max_leaves=6,
)
