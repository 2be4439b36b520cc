"""CQL2 filters on both stores, held against a plain evaluator over the rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import cql2
import numpy as np
import orjson
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from geo.errors import InputError
from geo.store import Store
from geo.store.cql2 import LONGEST, MOST_VERTICES, RELATIONS, compile_filter
from geo.store.layer import layer
from tests.store.frames import bring_in, facilities, read, segments, texts

STREETS = layer("street_segments")
FIELDS: Mapping[str, Any] = {name: STREETS.columns[name].kind for name in (
    "id", "name", "kind", "foot", "is_steps", "level", "width_m", "length_m",
)}  # fmt: skip
FACILITIES = layer("facilities")
DATED: Mapping[str, Any] = {name: FACILITIES.columns[name].kind for name in ("id", "name", "open_date", "capacity")}
NAMES = ["人民路", "Main Street", "main street", "100% 路", "a_b", "ÉCOLE", "école", None, "", "O'Hare \\ x"]


@pytest.fixture
def streets(store: Store) -> Store:
    rows = segments(60)
    rows["name"] = texts([NAMES[number % len(NAMES)] for number in range(60)])
    bring_in(store, "street_segments", rows)
    return store


def found(store: Store, text: str, **options: Any) -> set[str]:
    with store.session(write=False) as session:
        condition = compile_filter(session, STREETS, FIELDS, text, **options)
        return set(session.scalars(select(STREETS.table.c.id).where(condition)))


def evaluate(node: Any, row: Mapping[str, Any]) -> Any:
    """Evaluate CQL2 in SQL's three values; None is unknown."""
    if isinstance(node, dict) and "property" in node:
        value = row[node["property"]]
        return None if isinstance(value, float) and np.isnan(value) else value
    if not isinstance(node, dict):
        return node
    if "date" in node:
        return date.fromisoformat(node["date"])
    operator, arguments = node["op"], node["args"]
    if operator in ("and", "or"):
        values = [evaluate(argument, row) for argument in arguments]
        decisive = operator == "or"
        return decisive if decisive in values else (None if None in values else not decisive)
    if operator == "not":
        value = evaluate(arguments[0], row)
        return None if value is None else not value
    if operator == "isNull":
        return evaluate(arguments[0], row) is None
    if operator == "casei":
        value = evaluate(arguments[0], row)
        return None if value is None else value.lower()
    if operator == "in":
        value = evaluate(arguments[0], row)
        return None if value is None else value in arguments[1]
    values = [evaluate(argument, row) for argument in arguments]
    if None in values:
        return None
    if operator == "between":
        return values[1] <= values[0] <= values[2]
    if operator == "like":
        return follows(values[0], values[1])
    a, b = values
    return {"=": a == b, "<>": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


def follows(text: str, pattern: str) -> bool:
    """Match a pattern sign by sign."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(follows(text[start:], pattern[1:]) for start in range(len(text) + 1))
    if pattern[0] == "\\":
        return bool(text) and text[0] == pattern[1] and follows(text[1:], pattern[2:])
    return bool(text) and (pattern[0] in ("_", text[0])) and follows(text[1:], pattern[1:])


def comparing(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    column = st.just({"property": name})
    compared = st.builds(
        lambda op, a, b: {"op": op, "args": [a, b]}, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), column, values
    )
    within = st.builds(lambda a, b: {"op": "in", "args": [a, b]}, column, st.lists(values, min_size=1, max_size=3))
    between = st.builds(lambda a, b, c: {"op": "between", "args": [a, b, c]}, column, values, values)
    return st.one_of(compared, within, between, st.just({"op": "isNull", "args": [{"property": name}]}))


TEXTS = st.sampled_from([name for name in NAMES if name is not None] + ["%", "'; DROP TABLE imports; --", "\\"])
PATTERNS = st.sampled_from(["人%", "%路", "%", "_____", "100\\% 路", "a\\_b", "M%t", "m%", "%'%", "É%", ""])
LEAVES = st.one_of(
    comparing("name", TEXTS),
    comparing("length_m", st.floats(0, 300)),
    comparing("width_m", st.sampled_from([3.5, 0.0, 7.25])),
    comparing("level", st.integers(-1, 2)),
    st.builds(lambda p: {"op": "like", "args": [{"property": "name"}, p]}, PATTERNS),
    st.builds(
        lambda t: {"op": "=", "args": [{"op": "casei", "args": [{"property": "name"}]}, {"op": "casei", "args": [t]}]},
        TEXTS,
    ),
    st.builds(lambda v: {"op": "=", "args": [{"property": "is_steps"}, v]}, st.booleans()),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda op, a: {"op": op, "args": a},
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=2, max_size=3),
        ),
        st.builds(lambda a: {"op": "not", "args": [a]}, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=FILTERS)
def test_filters_find_the_rows_a_plain_evaluator_finds(streets: Store, tree: Any) -> None:
    rows = read(streets, "street_segments").drop(columns="geometry").to_dict("records")
    expected = {row["id"] for row in rows if evaluate(tree, row) is True}
    assert found(streets, orjson.dumps(tree).decode(), language="cql2-json") == expected
    text = cql2.parse_json(orjson.dumps(tree).decode()).to_text()
    if "+" not in text:
        assert found(streets, text) == expected


@pytest.mark.parametrize("operator", list(RELATIONS))
def test_spatial_relations_are_those_of_the_geometries(streets: Store, operator: str) -> None:
    rows = read(streets, "street_segments")
    first = rows.geometry.iloc[0]
    shapes = [shapely.box(117.8, 36.6, 118.2, 37.0), first.buffer(0.0005), first, shapely.Point(first.coords[0])]
    # As the filter's text has them.
    for shape in shapely.from_geojson(shapely.to_geojson(shapes)):
        literal = orjson.loads(shapely.to_geojson(shape))
        related = getattr(shapely, RELATIONS[operator])
        for tree, expected in (
            ({"op": operator, "args": [{"property": "geometry"}, literal]}, related(rows.geometry.values, shape)),
            ({"op": operator, "args": [literal, {"property": "geometry"}]}, related(shape, rows.geometry.values)),
        ):
            wanted = set(rows["id"][expected])
            assert found(streets, orjson.dumps(tree).decode(), language="cql2-json") == wanted
            negated = {"op": "not", "args": [tree]}
            others = found(streets, orjson.dumps(negated).decode(), language="cql2-json")
            assert others == set(rows["id"]) - wanted


def test_boxes_in_text_and_other_axis_orders(streets: Store) -> None:
    rows = read(streets, "street_segments")
    expected = set(rows["id"][shapely.intersects(rows.geometry.values, shapely.box(117.9, 36.6, 118.2, 36.9))])
    assert found(streets, "S_INTERSECTS(geometry, BBOX(117.9, 36.6, 118.2, 36.9))") == expected
    turned = found(
        streets, "S_INTERSECTS(geometry, BBOX(36.6, 117.9, 36.9, 118.2))", to_degrees=lambda points: points[:, ::-1]
    )
    assert turned == expected


def test_dates_compare_with_dates_instants_and_their_text(store: Store) -> None:
    bring_in(store, "facilities", facilities())

    def ids(text: str) -> set[str]:
        with store.session(write=False) as session:
            condition = compile_filter(session, FACILITIES, DATED, text)
            return set(session.scalars(select(FACILITIES.table.c.id).where(condition)))

    assert ids("open_date = DATE('2020-05-01')") == {"1"}
    assert ids("open_date < '2020-05-02'") == {"1"}
    assert ids("open_date >= TIMESTAMP('2020-05-01T08:00:00Z')") == {"1"}
    assert ids("open_date > DATE('2020-05-01')") == set()
    assert ids("open_date IS NULL") == {"2", "3", "4"}
    assert ids("NOT open_date = DATE('2020-05-01')") == set()


REFUSED = [
    "", "name", "1", "name = ", "name =< 'x'", "source = 'a'", "__class__ = 'x'", "name = 1", "level = 'x'",
    "is_steps > TRUE", "level = TRUE", "foo(name) = 1", "level + 1 = 2", "level = 1 - 1", "level * 2 = 2",
    "level = --1", "T_AFTER(name, DATE('2020-01-01'))", "ACCENTI(name) = 'x'", "CASEI(level) = 'x'",
    "name LIKE name", "name LIKE '%%%%%%%'", "name LIKE 'x\\'", "S_INTERSECTS(name, POINT(1 1))",
    "S_INTERSECTS(geometry, geometry)",
    "S_INTERSECTS(geometry, POLYGON((0 0, 1 1, 0 1, 1 0, 0 0)))", "geometry = 1", "name = 'x'; DROP TABLE imports",
    "name = \"x\"", "level = 1e999", "NOT " * 30 + "level = 1", "(" * 30 + "level = 1" + ")" * 30,
    "level = 1" + " AND level = 1" * 400, "x" * (LONGEST + 1), "name = '\x00'", "level = " + "-" * 5000 + "1",
    "level IN (" + "1," * 2000 + "1)", "open_date = DATE('2020-13-01')",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_everything_else_is_refused_with_a_reason_in_both_languages(streets: Store, text: str) -> None:
    with pytest.raises(InputError) as caught:
        found(streets, text)
    assert caught.value.message_zh.startswith("过滤条件有误：")
    assert caught.value.message_en.startswith("the filter is refused: ")
    assert len(caught.value.message_en) < 600


@pytest.mark.parametrize(
    "tree",
    [
        "[]", "{}", "null", '{"op": "=", "args": []}', '{"op": "=", "args": [1]}', '{"op": 1, "args": []}', "{", '"x"',
        '{"op":"not","args":[' * 100 + "true" + "]}" * 100, '{"op": "in", "args": [{"property": "name"}, []]}',
        '{"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": []}]}',
        '{"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Nothing"}]}',
        '{"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [1, 2, 3]}]}',
    ],
)  # fmt: skip
def test_json_that_is_no_filter_is_refused_or_finds_nothing(streets: Store, tree: str) -> None:
    if tree.endswith("[]]}"):
        assert found(streets, tree, language="cql2-json") == set()
        return
    with pytest.raises(InputError, match="the filter is refused: "):
        found(streets, tree, language="cql2-json")


def test_a_geometry_with_too_many_corners_is_refused(streets: Store) -> None:
    corners = [[float(np.cos(angle)), float(np.sin(angle))] for angle in np.linspace(0, 6.28, MOST_VERTICES)]
    shape = {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
    tree = {"op": "s_within", "args": [{"property": "geometry"}, shape]}
    with pytest.raises(InputError):
        found(streets, orjson.dumps(tree).decode(), language="cql2-json")


def test_no_value_of_a_filter_is_ever_part_of_the_statement(streets: Store) -> None:
    text = "name = 'O''Hare; --' AND kind LIKE 'zzz%' AND level = 17 AND S_WITHIN(geometry, BBOX(1, 2, 3, 4))"
    with streets.session(write=False) as session:
        query = select(STREETS.table.c.id).where(compile_filter(session, STREETS, FIELDS, text))
        statement = str(query.compile(session.get_bind()))
    for value in ("Hare", "zzz", "17"):
        assert value not in statement
