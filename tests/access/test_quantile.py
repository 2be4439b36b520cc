"""Weighted quantiles, for all and by group."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access.quantile import all_quantiles, group_quantiles, sort_weights

VALUES = st.one_of(st.just(float("nan")), st.integers(0, 6).map(float))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(VALUES, st.integers(0, 5), st.integers(0, 3)), max_size=25))
def test_quantiles_agree_with_writing_every_person_out(rows: list[tuple[float, int, int]]) -> None:
    values = np.array([row[0] for row in rows], float)
    weights = np.array([row[1] for row in rows], np.int64)
    group = np.array([row[2] for row in rows], np.int32)
    ordered = sort_weights(values, weights)
    by_group = group_quantiles(ordered, group, 4)
    for which in (*range(4), None):
        people = sorted(
            value for value, weight, g in rows if which in (g, None) and value == value for _ in range(weight)
        )
        found = all_quantiles(ordered) if which is None else by_group[which]
        if not people:
            assert np.isnan(found).all()
            continue
        expected = [people[-(-percent * len(people) // 100) - 1] for percent in (50, 90, 100)]
        assert found.tolist() == expected


@pytest.mark.parametrize("n_groups", [65_536, 65_537])
def test_more_groups_than_16_bits_are_kept_apart(n_groups: int) -> None:
    group = np.array([0, n_groups - 1], np.int32)
    found = group_quantiles(sort_weights(np.array([1.0, 2.0]), np.array([1, 1])), group, n_groups)
    assert found[0].tolist() == [1, 1, 1]
    assert found[-1].tolist() == [2, 2, 2]
    assert np.isnan(found[1:-1]).all()
