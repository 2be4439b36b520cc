"""Which facilities are open on a date, and whose turn it is when two are equally near."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.services.demand import is_open, tie_order

DAY = date(2025, 6, 1)
BEFORE, AFTER = date(2025, 1, 1), date(2026, 1, 1)


@pytest.mark.parametrize(
    ("status", "opened", "closed", "expected"),
    [
        (None, None, None, True),
        ("", None, None, True),
        ("open", None, None, True),
        ("open", DAY, None, True),
        ("open", AFTER, None, False),
        ("open", BEFORE, DAY, False),
        ("open", BEFORE, AFTER, True),
        ("closed", BEFORE, None, False),
        ("closed", BEFORE, AFTER, True),
        ("closed", BEFORE, DAY, False),
        ("planned", BEFORE, None, False),
        ("building", None, None, False),
        ("suspended", BEFORE, None, False),
    ],
)
def test_a_facility_is_open_by_status_and_dates(
    status: str | None, opened: date | None, closed: date | None, expected: bool
) -> None:
    frame = gpd.GeoDataFrame({"status": [status], "open_date": [opened], "close_date": [closed]}, geometry=[None])
    assert is_open(frame, DAY).tolist() == [expected]


def test_numbers_come_by_value_and_before_words() -> None:
    ids = ["10", "9", "B2", "0", "A10", "007"]
    assert [ids[position] for position in tie_order(ids)] == ["0", "007", "9", "10", "A10", "B2"]


@given(st.lists(st.one_of(st.integers(0, 999).map(str), st.text(min_size=1, max_size=4)), max_size=30))
def test_the_order_is_a_permutation_and_does_not_depend_on_the_rows(ids: list[str]) -> None:
    order = tie_order(ids)
    assert sorted(order) == list(range(len(ids)))
    backwards = ids[::-1]
    assert [ids[position] for position in order] == [backwards[position] for position in tie_order(backwards)]
