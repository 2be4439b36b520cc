"""Kernels of weighted values against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.arrays import Float, Int
from geo.kernels.weights import find_quantiles, merge_values, sort_values

SPREADS = ("even", "crowded", "tied", "signed", "huge")


def values_of(spread: str, n: int, seed: int) -> tuple[Float, Int]:
    """Return values of a difficult distribution, some of them not finite, with weights, some of them 0."""
    random = np.random.default_rng(seed)
    values = {
        "even": random.uniform(0.0, 5000.0, n),
        "crowded": np.where(random.random(n) < 0.99, 700.0 + 1e-9 * random.random(n), 1e-300 * random.random(n)),
        "tied": np.round(random.uniform(0.0, 20.0, n)),
        "signed": random.normal(0.0, 1.0, n),
        "huge": random.uniform(-1.0, 1.0, n) * 10.0 ** random.integers(-300, 300, n),
    }[spread]
    values[random.random(n) < 0.1] = np.nan
    values[random.random(n) < 0.05] = np.inf
    values[random.random(n) < 0.05] = -0.0
    return values, random.integers(0, 4, n)


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("n", [0, 1, 2, 30_000])
def test_values_that_count_come_out_ascending_with_what_belongs_to_them(spread: str, n: int) -> None:
    values, weights = values_of(spread, n, 3)
    ordered, carried, position = sort_values(values, weights)
    kept = np.flatnonzero(np.isfinite(values) & (weights > 0))
    assert np.array_equal(ordered, np.sort(values[kept]))
    assert np.array_equal(np.sort(position), kept)
    assert np.array_equal(values[position], ordered)
    assert np.array_equal(weights[position], carried)


def test_negative_values_alone_are_sorted() -> None:
    values = -np.random.default_rng(1).uniform(1e-200, 1e200, 1000)
    assert np.array_equal(sort_values(values, np.ones(1000, np.int64))[0], np.sort(values))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 1000))
def test_merging_is_a_stable_sort_of_both(n_a: int, n_b: int, seed: int) -> None:
    a, b = (sort_values(*values_of("tied", n, seed + n)) for n in (n_a, n_b))
    values, weights, position = merge_values(*a, *b)
    order = np.argsort(np.concatenate([a[0], b[0]]), kind="stable")
    for found, part in zip((values, weights, position), range(3), strict=True):
        assert np.array_equal(found, np.concatenate([a[part], b[part]])[order])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 80), st.integers(1, 5), st.integers(0, 1000))
def test_quantiles_of_groups_are_those_of_each_group_alone(n: int, n_groups: int, seed: int) -> None:
    values, weights = values_of("tied", n, seed)
    group = np.random.default_rng(seed).integers(0, n_groups, n).astype(np.int32)
    _, carried, position = sort_values(values, weights)
    found = find_quantiles(carried, position, group, n_groups, np.array([50, 90], np.int64))
    for one in range(n_groups):
        mine = np.flatnonzero(group[position] == one)
        gathered = np.cumsum(carried[mine])
        if mine.size == 0:
            assert (found[one] == -1).all()
            continue
        total = int(gathered[-1])
        expected = [mine[np.flatnonzero(100 * gathered >= percent * total)[0]] for percent in (50, 90)]
        assert found[one].tolist() == [*expected, mine[-1]]
