"""Attributes of tiles come back with their kinds and gaps."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InputError
from tests.tiles.drawn import encoded, message, properties

POINTS = [shapely.Point(i, i) for i in range(4)]
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1)
VALUES = st.one_of(st.none(), st.text(), st.booleans(), NUMBERS, st.floats(allow_nan=False))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.lists(VALUES, min_size=4, max_size=4), max_size=4))
def test_any_values_come_back_with_their_kinds(columns: dict[str, list[Any]]) -> None:
    found = properties(encoded(POINTS, columns))
    for row, one in enumerate(found):
        expected = {name: column[row] for name, column in columns.items() if column[row] is not None}
        assert one == expected
        assert {name: type(value) for name, value in one.items()} == {k: type(v) for k, v in expected.items()}
        assert all(math.copysign(1, one[k]) == math.copysign(1, v) for k, v in expected.items() if type(v) is float)


def test_minus_zero_is_a_value_of_its_own() -> None:
    found = properties(encoded(POINTS, {"a": [0.0, -0.0, 0.0, -0.0]}))
    assert [math.copysign(1, one["a"]) for one in found] == [1, -1, 1, -1]


def test_arrays_of_every_kind_come_back() -> None:
    columns: dict[str, Any] = {
        "name": np.array(["人民路", "㙟𠮷", "人民路", ""]),
        "count": np.array([3, -7, 2**40, -(2**62)]),
        "small": np.array([1, 2, 3, 255], np.uint8),
        "width_m": np.array([3.5, np.nan, -0.25, 1e300]),
        "share": np.array([0.5, np.nan, 0.1, -1.0], np.float32),
        "is_steps": np.array([True, False, True, True]),
        "day": np.array(["2025-01-02", "NaT", "2025-01-02", "2025-03-04"], "datetime64[D]"),
        "since": [date(2025, 1, 2), None, pd.NaT, date(2024, 2, 29)],
        "mixed": ["a", 1, 1.5, True],
        "scarce": pd.array([1, None, 3, None], dtype="Int64"),
        "nothing": [None, None, float("nan"), pd.NA],
    }
    found = properties(encoded(POINTS, columns))
    assert found[0] == {
        "name": "人民路", "count": 3, "small": 1, "width_m": 3.5, "share": 0.5, "is_steps": True, "day": "2025-01-02",
        "since": "2025-01-02", "mixed": "a", "scarce": 1,
    }  # fmt: skip
    assert found[1] == {"name": "㙟𠮷", "count": -7, "small": 2, "is_steps": False, "mixed": 1}
    assert found[2]["share"] == np.float32(0.1)
    assert found[3] == {
        "name": "", "count": -(2**62), "small": 255, "width_m": 1e300, "share": -1.0, "is_steps": True,
        "day": "2025-03-04", "since": "2024-02-29", "mixed": True,
    }  # fmt: skip


def test_every_key_and_value_is_written_once_and_unused_keys_are_not() -> None:
    columns = {"a": ["x", "y", "x", None], "b": ["y", "y", "z", None], "c": [1, 1, 2, True], "d": [None] * 4}
    (layer,) = message(encoded(POINTS, columns)).layers
    assert list(layer.keys) == ["a", "b", "c"]
    assert len(layer.values) == 3 + 2 + 1
    assert list(layer.features[3].tags) == [2, 5]


def test_values_of_features_outside_the_tile_are_not_written() -> None:
    shapes = [shapely.Point(1, 1), shapely.Point(99_999, 1), None, shapely.Point(2, 2)]
    (layer,) = message(encoded(shapes, {"name": ["a", "b", "c", "d"]})).layers
    assert [value.string_value for value in layer.values] == ["a", "d"]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ([1, 2, 3], "3 values"),
        ([{}, 1, 2, 3], "dict"),
        ([2**64, 1, 2, 3], "64 bit"),
        (np.array([2**63, 1, 2, 3], np.uint64), "uint64"),
        (np.array([1j, 1, 2, 3]), "complex"),
    ],
)
def test_what_tiles_cannot_hold_is_refused_with_the_attribute_and_what_is_allowed(column: Any, words: str) -> None:
    with pytest.raises(InputError, match=f"attribute 'n' of layer 'a' .*{words}.*allowed"):
        encoded(POINTS, {"n": column})
