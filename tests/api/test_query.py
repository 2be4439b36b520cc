"""Query parameters and page tokens: strict, complete, never fooled."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from api.ogc.query import Interval, QueryReader
from api.ogc.token import sign, unsign
from geo.errors import InputError


def reader(query: str) -> QueryReader:
    return QueryReader(Request({"type": "http", "query_string": query.encode(), "headers": []}))


def refused(query: QueryReader) -> set[str]:
    with pytest.raises(InputError) as caught:
        query.finish()
    return {problem.field or "" for problem in caught.value.problems}


def test_everything_wrong_is_reported_at_once() -> None:
    query = reader("limit=0&bbox=1,2,x,4&f=pdf&nonsense=1&datetime=yesterday&limit=5")
    query.whole_number("limit", 10, 1, 100)
    query.numbers("bbox", (4, 6))
    query.one_of("f", ["json", "html"])
    query.interval("datetime")
    assert refused(query) == {"limit", "bbox", "f", "nonsense", "datetime"}


def test_a_limit_above_the_greatest_is_brought_down_where_asked() -> None:
    assert reader("limit=99999").whole_number("limit", 10, 1, 1000, clamp=True) == 1000
    query = reader("limit=99999")
    assert query.whole_number("limit", 10, 1, 1000) == 10
    assert refused(query) == {"limit"}


@pytest.mark.parametrize("text", ["-1", "1.5", "", "1e3", "１０", "9" * 30])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    query = reader(f"limit={text}")
    query.whole_number("limit", 10, 1, 1000, clamp=True)
    assert refused(query) == {"limit"}


@pytest.mark.parametrize("text", ["nan,0,1,1", "inf,0,1,1", "1,2,3", "1,2,3,4,5", "1;2;3;4", "1e13,0,1,1", "0x1,0,1,1"])
def test_what_is_no_box_is_refused(text: str) -> None:
    query = reader(f"bbox={text}")
    assert query.numbers("bbox", (4, 6)) is None
    assert refused(query) == {"bbox"}


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2024-02-29", date(2024, 2, 29), date(2024, 2, 29)),
        ("2024-02-29T23:59:59Z", date(2024, 2, 29), date(2024, 2, 29)),
        ("2024-01-01/2024-12-31", date(2024, 1, 1), date(2024, 12, 31)),
        ("../2024-12-31", None, date(2024, 12, 31)),
        ("2024-01-01T00:00:00%2B08:00/..", date(2024, 1, 1), None),
        ("/2024-12-31", None, date(2024, 12, 31)),
    ],
)
def test_times_are_instants_or_stretches(text: str, start: date | None, end: date | None) -> None:
    assert reader(f"datetime={text}").interval("datetime") == Interval(start, end)


@pytest.mark.parametrize(
    "text", ["2023-02-29", "2024-12-31/2024-01-01", "..", "1/2/3", "20240101", "2024-01-01T25:00:00Z"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    query = reader(f"datetime={text}")
    assert query.interval("datetime") is None
    assert refused(query) == {"datetime"}


@given(st.lists(st.one_of(st.integers(-(2**53), 2**53), st.text(), st.none())), st.text(), st.text())
def test_a_token_comes_back_as_it_went(values: list[object], question: str, secret: str) -> None:
    try:
        token = sign(values, question, secret)
    except TypeError:  # lone surrogates are no JSON
        return
    assert unsign(token, question, secret) == values


def test_a_token_fits_one_question_and_one_store() -> None:
    token = sign([17], "divisions?limit=10", "key")
    for text, question, secret in (
        (token, "divisions?limit=11", "key"),
        (token, "divisions?limit=10", "other"),
        (token[:-2], "divisions?limit=10", "key"),
        ("A" + token[1:], "divisions?limit=10", "key"),
        ("", "divisions?limit=10", "key"),
        ("é", "divisions?limit=10", "key"),
    ):
        with pytest.raises(InputError):
            unsign(text, question, secret)
