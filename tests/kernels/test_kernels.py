"""Kernels against numpy and scipy, and the cache on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components, dijkstra

from geo.errors import ConflictError
from geo.kernels import configure_cache, source_key
from geo.kernels.catchment import transpose_pairs
from geo.kernels.curve import hilbert_index
from geo.kernels.graph import component_labels, compress_arcs
from geo.kernels.search import nearest_labels


def test_the_hilbert_curve_visits_every_cell_once_and_steps_to_a_neighbour() -> None:
    x, y = (axis.ravel().astype(float) for axis in np.meshgrid(np.arange(16), np.arange(16)))
    position = hilbert_index(x, y, 4)
    assert sorted(position) == list(range(256))
    order = np.argsort(position)
    assert (np.abs(np.diff(x[order])) + np.abs(np.diff(y[order])) == 1).all()
    assert hilbert_index(np.empty(0), np.empty(0), 4).size == 0


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(0, 80), st.integers(0, 10_000))
def test_components_agree_with_scipy(n: int, m: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    u, v = random.integers(0, n, (2, m)).astype(np.int32)
    used = random.random(m) < 0.7
    label = component_labels(n, u, v, used)
    count, expected = connected_components(
        sp.coo_matrix((np.ones(used.sum()), (u[used], v[used])), (n, n)), directed=False
    )
    assert label.max() + 1 == count
    assert len(set(zip(label.tolist(), expected.tolist(), strict=True))) == count
    assert (np.diff(np.unique(label, return_index=True)[1]) > 0).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.integers(0, 10_000), st.sampled_from([0.3, 1.0, 7.0, 500.0]))
def test_the_search_agrees_with_scipy_whatever_the_bucket_width(n: int, seed: int, width: float) -> None:
    random = np.random.default_rng(seed)
    u, v = random.integers(0, n, (2, 2 * n)).astype(np.int32)
    # Whole numbers make ties and zero lengths frequent.
    length = random.integers(0, 9, 2 * n).astype(float)
    start, node, edge, _ = compress_arcs(n, u, v, np.arange(2 * n, dtype=np.int32))
    seeds = random.choice(n, 3).astype(np.int32)
    cost = random.integers(0, 5, 3).astype(float)
    label = random.permutation(3).astype(np.int32)
    best, second, found = nearest_labels(
        start, node, length[edge], 2.0 * length[edge], seeds, cost, 2.0 * cost, label, 12.0, width
    )
    # Scipy drops explicit zeros, so the twin is a dense all-pairs relaxation.
    reach = np.full((n, n), np.inf)
    np.fill_diagonal(reach, 0.0)
    np.minimum.at(reach, (u, v), length)
    np.minimum.at(reach, (v, u), length)
    for k in range(n):
        reach = np.minimum(reach, reach[:, [k]] + reach[[k], :])
    to = reach[seeds] + cost[:, None]
    expected = to.min(axis=0)
    within = expected <= 12.0
    assert np.array_equal(best, np.where(within, expected, np.inf))
    assert np.array_equal(second[within], 2.0 * expected[within])
    ties = np.where(to == expected, label[:, None], 99).min(axis=0)
    assert np.array_equal(found, np.where(within, ties, -1))


def test_a_large_search_agrees_with_scipy() -> None:
    random = np.random.default_rng(3)
    n = 3000
    u = np.arange(n - 1, dtype=np.int32)
    u, v = np.r_[u, random.integers(0, n, n)].astype(np.int32), np.r_[u + 1, random.integers(0, n, n)].astype(np.int32)
    length = random.uniform(1, 100, u.size)
    start, node, edge, _ = compress_arcs(n, u, v, np.arange(u.size, dtype=np.int32))
    seeds = np.array([5, 700, 2900], np.int32)
    zero, label = np.zeros(3), np.arange(3, dtype=np.int32)
    best, _, _ = nearest_labels(start, node, length[edge], length[edge], seeds, zero, zero, label, 300.0, 20.0)
    lower = np.minimum(u, v).astype(np.int64) * n + np.maximum(u, v)
    order = np.lexsort((length, lower))
    first = order[np.unique(lower[order], return_index=True)[1]]
    graph = sp.csr_matrix((length[first], (u[first], v[first])), (n, n))
    expected = dijkstra(graph, directed=False, indices=seeds, min_only=True, limit=300.0)
    assert np.allclose(best, expected, atol=1e-9)


def test_pairs_turn_round_and_back() -> None:
    start = np.array([0, 2, 2, 5], np.int64)
    column = np.array([1, 3, 0, 1, 3], np.int32)
    value = np.arange(5.0)
    once = transpose_pairs(4, start, column, value, value)
    assert once[0].tolist() == [0, 1, 3, 3, 5]
    assert once[1].tolist() == [2, 0, 2, 0, 2]
    again = transpose_pairs(3, *once)
    assert again[0].tolist() == start.tolist()
    assert again[1].tolist() == column.tolist()
    assert again[2].tolist() == value.tolist()


def test_the_cache_folder_carries_the_key_and_cannot_move_once_kernels_are_loaded(tmp_path: Path) -> None:
    assert len(source_key()) == 16
    assert source_key() == source_key()
    with pytest.raises(ConflictError):
        configure_cache(tmp_path)


def test_warming_compiles_everything_a_run_needs() -> None:
    from geo.access.warm import warm
    from geo.kernels import assign, catchment, contour, field, grid, reach, window
    from tests.access.test_pairs import town_pairs

    warm()
    kernels = (
        assign.evaluate_points,
        grid.link_nearest,
        catchment.collect_pairs,
        field.paint_parts,
        field.cut_pieces,
        contour.contour_rings,
        window.judge_boxes,
        window.keep_around,
        reach.reach_nodes,
        nearest_labels,
    )
    before = [len(kernel.signatures) for kernel in kernels]
    town_pairs()
    assert [len(kernel.signatures) for kernel in kernels] == before == [1] * len(kernels)


def test_warming_compiles_everything_a_scenario_needs() -> None:
    from geo.kernels import repair
    from geo.scenario.warm import warm
    from tests.scenario.test_against_twin import EVERYTHING, walk_through

    warm()
    kernels = (repair.repair, repair.points_beside, repair.take_better)
    before = [len(kernel.signatures) for kernel in kernels]
    walk_through(3, EVERYTHING, 12, by_band=True, limit="metres")
    assert [len(kernel.signatures) for kernel in kernels] == before == [1] * len(kernels)


def test_warming_compiles_everything_a_tile_needs() -> None:
    from geo.access.warm import warm
    from geo.kernels import mvt, shapes, tile_fit
    from tests.tiles.drawn import encoded, hourglass

    warm()
    kernels = (
        shapes.read_shapes,
        tile_fit.fit_shapes,
        tile_fit.find_tangled,
        mvt.write_features,
        mvt.write_values,
    )
    before = [len(kernel.signatures) for kernel in kernels]
    encoded([hourglass(), hourglass()], {"name": ["甲", None], "share": [0.5, 1], "is_open": [True, False]})
    encoded([], {"name": []})
    assert [len(kernel.signatures) for kernel in kernels] == before == [1] * len(kernels)
