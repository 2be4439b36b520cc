"""Filters that are refused: every limit, every message, and inputs on which the parser alone would hang or crash."""

from __future__ import annotations

import contextlib
import json
import math
import time
from typing import Any

import cql2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.errors import InputError
from geo.store.cql2 import Filter, Queryable, limits, parse_filter
from geo.store.cql2.words import CONDITIONS
from tests.store.cql2_cases import FIELDS, STREETS

QUERYABLES = {name: Queryable(STREETS.table.c[name], kind) for name, kind in FIELDS.items()}
QUERYABLES["geometry"] = Queryable(STREETS.table.c.geom, "geometry")
QUERYABLES["seen"] = Queryable(STREETS.table.c.valid_to, "timestamp")


def read(text: str, **options: Any) -> Filter:
    """Read a filter over the streets."""
    return parse_filter(text, QUERYABLES, **options)


def refusal(text: str, **options: Any) -> InputError:
    """Return the refusal of a filter."""
    with pytest.raises(InputError) as caught:
        read(text, **options)
    error = caught.value
    assert error.message_zh.startswith("过滤条件有误：")
    assert error.message_en.startswith("the filter is refused: ")
    assert error.detail == {"parameters": ["filter"]}
    assert error.problems
    for problem in error.problems:
        assert problem.code.startswith("filter_")
        assert problem.file == "filter"
        assert len(problem.message_zh) < 700
        assert len(problem.message_en) < 1_200
    return error


REFUSED = [
    ("nam = 'x'", "filter_property", "nam", "name, kind"),
    ("source = 'a'", "filter_property", "source", "allowed are id"),
    ("name = \"x\"", "filter_property", "x", "single quotes"),
    ('"name; DROP TABLE imports" = 1', "filter_property", "name; DROP TABLE imports", "allowed are"),
    ("name.__class__ = 'x'", "filter_property", "name.__class__", "allowed are"),
    ("level = 'x'", "filter_type", "=", "must be a number"),
    ("'x' = level", "filter_type", "=", "must be a number"),
    ("name = 1", "filter_type", "=", "must be text"),
    ("name = level", "filter_type", "level", "must be text"),
    ("is_steps = 'true'", "filter_type", "=", "TRUE"),
    ("is_steps > TRUE", "filter_type", "is_steps", "allowed are = and <>"),
    ("is_steps BETWEEN TRUE AND TRUE", "filter_type", "is_steps", "numbers, text, dates and timestamps"),
    ("valid_from = 'May'", "filter_type", "=", "DATE('2024-05-01')"),
    ("valid_from = TIMESTAMP('2024-05-01T00:00:00Z')", "filter_type", "=", "must be a date"),
    ("seen = DATE('2024-05-01')", "filter_type", "=", "must be a timestamp"),
    ("level IN (1, 'x')", "filter_type", "in", "must be a number"),
    ("CASEI(level) = 'x'", "filter_type", "level", "must be text"),
    ("level LIKE 'x'", "filter_type", "level", "must be text"),
    ("name LIKE kind", "filter_type", "like", "text literal"),
    ("name LIKE 5", "filter_type", "like", "text literal"),
    ("geometry = 1", "filter_type", "geometry", "spatial functions"),
    ("CASEI(geometry) = 'x'", "filter_type", "geometry", "spatial functions"),
    ("S_INTERSECTS(name, POINT(1 1))", "filter_type", "name", "a geometry property"),
    ("name", "filter_operator", "name", "IS NOT NULL"),
    ("'x'", "filter_operator", "x", "allowed are and, or"),
    ("1", "filter_operator", "1", "allowed are and, or"),
    ("foo(name)", "filter_operator", "foo", "allowed are and, or"),
    ("foo(name) = 1", "filter_operator", "=", "operand 'foo'"),
    ("__import__('os') = 1", "filter_syntax", None, "character 1"),
    ("level + 1 = 2", "filter_operator", "=", "operand '+'"),
    ("T_AFTER(valid_from, DATE('2020-01-01'))", "filter_operator", "t_after", "allowed are and, or"),
    ("A_CONTAINS(name, ('x'))", "filter_operator", "a_contains", "allowed are and, or"),
    ("name = NULL", "filter_operator", "=", "IS NULL"),
    ("CASEI(name, name) = 'x'", "filter_operator", "casei", "takes 1"),
    ("S_INTERSECTS(geometry, geometry)", "filter_operator", "s_intersects", "geometry literal"),
    ("S_INTERSECTS(POINT(1 1), POINT(1 1))", "filter_operator", "s_intersects", "geometry property"),
    ("S_INTERSECTS(geometry)", "filter_operator", "s_intersects", "takes 2"),
    ("S_INTERSECTS(geometry, 'x')", "filter_geometry", "s_intersects", "POINT(118.1 36.8)"),
    ("S_INTERSECTS(geometry, POLYGON((0 0,1 1,0 1,1 0,0 0)))", "filter_geometry", "s_intersects", "cross themselves"),
    ("S_INTERSECTS(geometry, POLYGON((0 0,1 1,0 1)))", "filter_geometry", "s_intersects", "a ring four"),
    ("S_INTERSECTS(geometry, POLYGON EMPTY)", "filter_geometry", "s_intersects", "an empty Polygon"),
    ("S_INTERSECTS(geometry, GEOMETRYCOLLECTION EMPTY)", "filter_geometry", "s_intersects", "an empty collection"),
    ("S_INTERSECTS(geometry, POINT(36.8 118.1))", "filter_geometry", "s_intersects", "longitude latitude"),
    ("S_INTERSECTS(geometry, BBOX(118, 37, 119, 36))", "filter_geometry", "s_intersects", "southern"),
    ("S_INTERSECTS(geometry, BBOX(1, 2, 3))", "filter_geometry", "s_intersects", "it takes 4"),
    ("S_WITHIN(geometry, GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(1 1,2 2)))", "filter_geometry", "s_within", "only"),
    ("valid_from = DATE('2020-13-01')", "filter_literal", "DATE", "a day of the calendar"),
    ("valid_from = DATE('20200101')", "filter_literal", "DATE", "DATE('2024-05-01')"),
    ("seen = TIMESTAMP('2024-05-01T25:00:00Z')", "filter_literal", "TIMESTAMP", "UTC"),
    ("seen = TIMESTAMP('2024-05-01T00:00:00.1234Z')", "filter_literal", "TIMESTAMP", "milliseconds"),
    ("level = 9007199254740993", "filter_literal", "level", "9007199254740991"),
    ("level = 1e999", "filter_literal", None, "64-bit"),
    ("name LIKE 'x\\'", "filter_literal", "like", "lone backslash"),
    ("", "filter_syntax", None, "empty"),
    ("name = ", "filter_syntax", None, "the end"),
    ("name =< 'x'", "filter_syntax", None, "character"),
    ("name = 'x'; DROP TABLE imports", "filter_syntax", None, "character 11"),
    ("level = 1 -- comment", "filter_operator", "=", "operand '-'"),
    ("(name = 'x'", "filter_syntax", None, "closed"),
    ("name = 'x", "filter_syntax", None, "closed"),
    ("name = 'x')", "filter_syntax", None, "closed"),
    ("name = '\0'", "filter_syntax", None, "null character"),
    ("name = '\ud800'", "filter_syntax", None, "surrogate"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "field", "said"), REFUSED)
def test_a_refusal_names_what_is_wrong_and_what_is_allowed(
    text: str, code: str, field: str | None, said: str
) -> None:
    error = refusal(text)
    problem = error.problems[0]
    assert (problem.code, problem.field) == (code, field)
    assert said in problem.message_en


REFUSED_JSON = [
    ("[]", "filter_operator"), ("{}", "filter_syntax"), ("null", "filter_operator"), ('"x"', "filter_operator"),
    ("{", "filter_syntax"), ("NaN", "filter_syntax"), ("[1,]", "filter_syntax"),
    ('{"op":"=","args":[]}', "filter_operator"), ('{"op":"=","args":[1]}', "filter_operator"),
    ('{"op":1,"args":[]}', "filter_syntax"), ('{"op":"and","args":[true]}', "filter_operator"),
    ('{"op":"not","args":[true,true]}', "filter_operator"), ('{"op":"AND","args":[true,true]}', "filter_operator"),
    ('{"op":"in","args":[{"property":"name"},[]]}', "filter_operator"),
    ('{"op":"in","args":[{"property":"name"},"x"]}', "filter_operator"),
    ('{"op":"=","args":[{"property":"name"},[1]]}', "filter_operator"),
    ('{"op":"=","args":[{"property":"name"},{"interval":["..",".."]}]}', "filter_operator"),
    ('{"op":"=","args":[{"property":"name"},"x"],"sql":"1=1"}', "filter_syntax"),
    ('{"op":"=","op":"<","args":[{"property":"level"},1]}', "filter_syntax"),
    ('{"op":"=","args":[{"property":["name"]},"x"]}', "filter_syntax"),
    ('{"op":"=","args":[{"property":"level"},1e999]}', "filter_literal"),
    ('{"op":"=","args":[{"property":"level"},' + "9" * 400 + "]}", "filter_literal"),
    ('{"op":"=","args":[{"property":"valid_from"},{"date":5}]}', "filter_literal"),
    ('{"op":"=","args":[{"property":"name"},"a\\u0000b"]}', "filter_literal"),
    ('{"op":"s_intersects","args":[{"property":"geometry"},{"bbox":[1,2,3]}]}', "filter_geometry"),
    ('{"op":"s_intersects","args":[{"property":"geometry"},{"bbox":[1,2,"3",4]}]}', "filter_geometry"),
    ('{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Point","coordinates":[]}]}', "filter_syntax"),
    ('{"op":"s_within","args":[{"property":"geometry"},{"type":"None","coordinates":[1,2]}]}', "filter_geometry"),
    (
        '{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Point","coordinates":[1,2],'
        '"crs":{"type":"name"}}]}',
        "filter_syntax",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code"), REFUSED_JSON)
def test_json_that_is_no_filter_of_ours_is_refused(text: str, code: str) -> None:
    assert refusal(text, language="cql2-json").problems[0].code in (code, "filter_syntax")


def test_all_problems_of_a_filter_are_reported_at_once() -> None:
    error = refusal(
        "nam = 1 AND level = 'x' AND NOT (name LIKE 5 OR avg(level)) AND S_WITHIN(geometry, POINT(300 1)) "
        "AND valid_from > DATE('2020-02-30') AND kind IN (1, 2)"
    )
    assert [problem.code for problem in error.problems] == [
        "filter_property", "filter_type", "filter_type", "filter_operator", "filter_geometry", "filter_literal",
        "filter_type", "filter_type",
    ]  # fmt: skip
    assert "8" in error.message_zh
    assert "8 problems" in error.message_en


def nested(depth: int) -> str:
    """Write NOTs in JSON."""
    return '{"op":"not","args":[' * depth + "true" + "]}" * depth


def ring(count: int) -> str:
    """Write a polygon with a number of vertices."""
    turns = [step / count * 6.28 for step in range(count - 1)]
    points = [f"{math.cos(turn):.7f} {math.sin(turn):.7f}" for turn in turns]
    return f"S_WITHIN(geometry, POLYGON(({', '.join([*points, points[0]])})))"


LIMITS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("characters", "name = 'x'" + " " * (limits.MAX_TEXT_LENGTH - 10), "name = 'x'" + " " * 200_000, {}),
    ("conditions inside", nested(limits.MAX_DEPTH - 1), nested(limits.MAX_DEPTH), {"language": "cql2-json"}),
    ("levels of JSON", nested(2), nested(limits.MAX_JSON_DEPTH), {"language": "cql2-json"}),
    ("levels of JSON", nested(2), "[" * 100_000 + "]" * 100_000, {"language": "cql2-json"}),
    ("parentheses", "(" * 9 + "name = 'x'" + ")" * 9, "(" * 25 + "name = 'x'" + ")" * 25, {}),
    ("steps to parse", "(" * 9 + "name = 'x'" + ")" * 9, "(" * 20 + "name = 'x'" + ")" * 20, {}),
    ("operators in a row", "NOT " * 15 + "TRUE", "NOT " * 33 + "TRUE", {}),
    ("operators in a row", "level = -1", "level = " + "-" * 5_000 + "1", {}),
    ("operators in a row", "level = 1", "level = 1" + " -1" * 500, {}),
    ("operators in a row", "level = 1", "=".join(["level"] * 5_000), {}),
    ("ANDs and ORs", "TRUE" + " AND TRUE" * 300, "TRUE" + " AND TRUE" * 301, {}),
    ("items of the list", "level IN (" + "1," * 499 + "1)", "level IN (" + "1," * 500 + "1)", {}),
    ("parts", "level = 1" + " AND level = 1" * 298, " OR ".join(["level IN (" + "1," * 449 + "1)"] * 2), {}),
    ("vertices", ring(limits.MAX_VERTICES), ring(limits.MAX_VERTICES + 1), {}),
    (
        "spatial conditions",
        " OR ".join(["S_INTERSECTS(geometry, POINT(1 1))"] * 8),
        " OR ".join(["S_INTERSECTS(geometry, POINT(1 1))"] * 9),
        {},
    ),
    ("characters of text", f"name = '{'x' * 1000}'", f"name = '{'x' * 1001}'", {}),
    ("characters in the pattern", f"name LIKE '{'x' * 200}'", f"name LIKE '{'x' * 201}'", {}),
    ("% in the pattern", f"name LIKE '{'%x' * 10}'", f"name LIKE '{'%x' * 11}'", {}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "most", "more", "options"), LIMITS)
def test_each_limit_lets_its_own_value_through_and_stops_the_next(
    what: str, most: str, more: str, options: dict[str, Any]
) -> None:
    assert isinstance(read(most, **options), Filter)
    begun = time.perf_counter()
    error = refusal(more, **options)
    assert time.perf_counter() - begun < 2
    assert {problem.code for problem in error.problems} == {"filter_limit"}
    assert any(what in problem.message_en and "at most" in problem.message_en for problem in error.problems)


HOSTILE = [
    "(" * 24 + "level = 1", "NOT (" * 24 + "level", "level IN " + "(" * 24 + "1,," + ")" * 24,
    "S_WITHIN(geometry, MULTIPOLYGON" + "(" * 22 + "1 2" + ")" * 23, "-(" * 20_000 + "1" + ")" * 20_000,
    "NOT " * 40_000 + "TRUE", "^".join("2" * 50_000), " LIKE ".join(["name"] * 9_000), "CASEI(" * 20_000 + ")" * 20_000,
    "(level = 1 AND " * 18 + "level = " + ")" * 18, "TRUE" + " AND TRUE" * 20_000, "a div " * 20_000 + "1",
    "(1)" + "-(1)" * 20_000 + " = 1", "POINT(" + "1 -1 " * 20_000 + ")", "f(" * 24 + "(" * 18 + "!" + ")" * 42,
    "'" * 99_999, '"' * 99_999, "(" * 199_999, ")" * 199_999, "\\" * 1_000, "%" * 10_000, "{" * 1_000,
    "level = 1 AND (" * 200 + ")" * 200, "(((((((((((" + "level = 1 AND " * 200 + "!" + ")))))))))))",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("language", ["cql2-text", "cql2-json"])
def test_no_filter_hangs_or_crashes_the_parser(text: str, language: Any) -> None:
    begun = time.perf_counter()
    refusal(text, language=language)
    assert time.perf_counter() - begun < 3


_WORDS = st.sampled_from(
    [
        "name", "level", "geometry", "=", "<>", "<", "(", ")", ",", "AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS",
        "NULL", "'x'", "'", '"', "1", "-1", "-", "+", "*", "^", "TRUE", "CASEI", "S_WITHIN", "POINT", "POLYGON", "BBOX",
        "(1 2)", "((0 0,1 0,1 1,0 0))", "DATE", "EMPTY", "Z", "%", "\\", ";", "--", "中", "\u00a0", "e9", ".5",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=2_000, suppress_health_check=[HealthCheck.too_slow])
@given(words=st.lists(_WORDS, max_size=30), text=st.text(max_size=20))
def test_any_text_is_read_or_refused_and_nothing_else(words: list[str], text: str) -> None:
    for tried in (" ".join(words), "".join(words), text, json.dumps(words)):
        for language in ("cql2-text", "cql2-json"):
            with contextlib.suppress(InputError):
                assert isinstance(read(tried, language=language), Filter)


def test_the_limits_keep_the_parser_from_what_it_cannot_take() -> None:
    # The parser's own weaknesses, so that an update that mends them is noticed: then the limits may grow.
    begun = time.perf_counter()
    with pytest.raises(cql2.ParseError):
        cql2.parse_text("(" * 14 + "level = 1")
    short = time.perf_counter() - begun
    begun = time.perf_counter()
    with pytest.raises(cql2.ParseError):
        cql2.parse_text("(" * 18 + "level = 1")
    assert time.perf_counter() - begun > 3 * short


def test_allowed_operators_are_listed_whole() -> None:
    message = refusal("avg(level)").problems[0].message_en
    assert all(name in message for name in CONDITIONS)
