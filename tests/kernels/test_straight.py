"""The nearest place by rings of a grid against scipy's tree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from geo.arrays import Float
from geo.kernels.straight import nearest_places

LAYOUTS = ("even", "one", "line", "same", "clusters", "lattice")


def places_of(layout: str, n: int, seed: int) -> Float:
    """Return places laid out in some difficult way, shape (n, 2)."""
    random = np.random.default_rng(seed)
    even = random.uniform(-5000.0, 5000.0, (n, 2))
    return {
        "even": even,
        "one": even[:1],
        "line": np.column_stack([even[:, 0], np.full(n, 7.0)]),
        "same": np.full((n, 2), 12.5),
        "clusters": random.normal(0.0, 3.0, (n, 2)) + np.where(random.random((n, 1)) < 0.5, -1e5, 1e5),
        "lattice": np.round(even / 1000.0) * 1000.0,
    }[layout]


@settings(deadline=None, max_examples=120)
@given(st.sampled_from(LAYOUTS), st.integers(1, 150), st.integers(0, 10_000))
def test_distances_are_those_of_a_tree(layout: str, n: int, seed: int) -> None:
    places = places_of(layout, n, seed)
    points = np.random.default_rng(seed + 1).uniform(-12_000.0, 12_000.0, (60, 2))
    points[:20] = np.round(points[:20] / 500.0) * 500.0
    points[20:25] = places[0]
    distance, which = nearest_places(*points.T.copy(), *places.T.copy())
    assert np.allclose(distance, cKDTree(places).query(points)[0], rtol=1e-14, atol=0.0)
    assert np.allclose(np.hypot(*(points - places[which]).T), distance, rtol=1e-14, atol=0.0)


@pytest.mark.parametrize("layout", ["same", "lattice"])
def test_of_places_equally_near_the_lowest_is_taken(layout: str) -> None:
    places = places_of(layout, 200, 5)
    points = np.round(np.random.default_rng(6).uniform(-5000.0, 5000.0, (200, 2)) / 500.0) * 500.0
    squared = ((points[:, None] - places[None]) ** 2).sum(axis=2)
    assert np.array_equal(nearest_places(*points.T.copy(), *places.T.copy())[1], squared.argmin(axis=1))
