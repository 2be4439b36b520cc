"""Cells keep individuals unseen and everybody counted."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from geo.access.cells import UNKNOWN_STATUS, CellGrid, build_cells, cell_values
from geo.access.status import Certificates
from geo.errors import InputError

GEOD = Geod(ellps="GRS80")
STEP = 0.0009
"""About 100 m of latitude."""


def built(rows: list[tuple[float, float, int]], **rules: float) -> CellGrid:
    """Return the cells of people at steps east and north of a corner."""
    xy = np.array([row[:2] for row in rows], float).reshape(-1, 2)
    people = np.array([row[2] for row in rows], np.int64)
    return build_cells(118 + xy[:, 0] * STEP, 36 + xy[:, 1] * STEP, people, 1, **rules)  # type: ignore[arg-type]


def people(grid: CellGrid) -> list[tuple[int, int]]:
    """Return width and people of every cell."""
    return sorted(zip(grid.span.tolist(), grid.persons.tolist(), strict=True))


def test_a_full_cell_stands_alone() -> None:
    assert people(built([(0.5, 0.5, 10)])) == [(1, 10)]


def test_a_block_with_a_thin_cell_becomes_one_cell() -> None:
    grid = built([(0.1, 0.1, 10), (0.2, 0.2, 4), (40, 40, 50)])
    assert sum(n for _, n in people(grid)) == 64
    assert grid.persons.min() >= 10


def test_whoever_lives_too_scattered_is_counted_with_the_nearest_cell() -> None:
    grid = built([(0, 0, 10), (30, 0, 3), (60, 0, 10)])
    assert people(grid) == [(1, 10), (1, 13)]
    assert grid.moved == 3
    assert grid.of_point[1] in (grid.of_point[0], grid.of_point[2])


def test_a_village_smaller_than_the_limit_is_one_cell() -> None:
    grid = built([(0, 0, 2), (30, 0, 3)])
    assert grid.n_cells == 1
    assert grid.persons.tolist() == [5]


def test_thin_country_gets_wider_cells_and_leaves_the_dense_ones_alone() -> None:
    hamlets = [(x + 0.5, y + 0.5, 3) for x in (64, 72) for y in (64, 72)]
    grid = built([(0.5, 0.5, 50), *hamlets])
    assert people(grid) == [(1, 50), (16, 12)]
    assert grid.moved == 0


def test_nobody_makes_no_cell() -> None:
    grid = built([(0, 0, 0)])
    assert grid.n_cells == 0
    assert grid.of_point.tolist() == [-1]
    assert built([]).n_cells == 0


def certificates(status: list[int], walk_s: list[float]) -> Certificates:
    """Return certificates at 1 m/s."""
    walk = np.array(walk_s, float)
    n = len(status)
    return Certificates(np.array(status, np.uint8), np.zeros(n, np.int32), walk, walk, np.zeros(n))


def test_a_cell_tells_share_median_and_status() -> None:
    grid = built([(0, 0, 10), (0, 0, 6), (0, 0, 4)])
    found = cell_values(
        grid, [(certificates([0, 1, 4], [300.0, 1200.0, np.nan]), np.array([10, 6, 4], np.int64))]
    )
    assert found.covered_share.tolist() == [0.5]
    assert found.median_s.tolist() == [300.0]
    assert found.status.tolist() == [0]
    assert found.dominant_status.tolist() == [0]


def test_where_most_reach_nothing_the_median_has_no_walk_but_a_status() -> None:
    grid = built([(0, 0, 4), (0, 0, 9), (0, 0, 3)])
    found = cell_values(
        grid, [(certificates([0, 4, 3], [300.0, np.nan, np.nan]), np.array([4, 9, 3], np.int64))]
    )
    assert np.isnan(found.median_s[0])
    assert found.status.tolist() == [4]


def test_bands_are_added_up() -> None:
    grid = built([(0, 0, 30)])
    parts = [
        (certificates([0], [100.0]), np.array([20], np.int64)),
        (certificates([1], [1000.0]), np.array([10], np.int64)),
    ]
    assert cell_values(grid, parts).covered_share.tolist() == pytest.approx([2 / 3])


def test_a_band_with_few_people_in_a_cell_says_nothing_about_them() -> None:
    grid = built([(0, 0, 30)])
    found = cell_values(grid, [(certificates([0], [100.0]), np.array([2], np.int64))])
    assert np.isnan(found.covered_share[0])
    assert found.status[0] == UNKNOWN_STATUS
    assert np.isnan(found.median_s[0])


@pytest.mark.parametrize("rules", [{"smallest_m": 99.0}, {"minimum_persons": 0}, {"doublings": 8}])
def test_rules_that_break_privacy_are_refused(rules: dict[str, float]) -> None:
    with pytest.raises(InputError):
        built([(0, 0, 10)], **rules)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30), st.integers(0, 9)), min_size=1, max_size=80),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from([0, 2]),
    st.sampled_from([1, 10, 25]),
    st.floats(-60, 60),
)
def test_cells_hold_enough_people_never_overlap_and_lose_nobody(
    rows: list[tuple[float, float, int]], doublings: int, sparse: int, least: int, south: float
) -> None:
    xy = np.array([row[:2] for row in rows], float)
    weights = np.array([row[2] for row in rows], np.int64)
    lon, lat = 118 + xy[:, 0] * STEP, south + xy[:, 1] * STEP
    grid = build_cells(
        lon, lat, weights, 1, doublings=doublings, sparse_doublings=sparse, minimum_persons=least
    )
    assert grid.persons.sum() == weights.sum()
    assert ((grid.of_point >= 0) == (weights > 0)).all()
    if grid.n_cells == 0:
        assert weights.sum() == 0
        return
    if weights.sum() >= least:
        assert grid.persons.min() >= least
    taken: set[tuple[int, int]] = set()
    for column, row, span in zip(grid.column.tolist(), grid.row.tolist(), grid.span.tolist(), strict=True):
        squares = {(column + i, row + j) for i in range(span) for j in range(span)}
        assert not squares & taken
        taken |= squares
    bounds = grid.bounds()
    for west, low, east, north in bounds.tolist():
        assert GEOD.inv(west, low, east, low)[2] >= 100 - 1e-3
        assert GEOD.inv(west, north, east, north)[2] >= 100 - 1e-3
        assert GEOD.inv(west, low, west, north)[2] >= 100 - 1e-3
    if grid.moved == 0:
        for i in np.flatnonzero(weights > 0):
            box = shapely.box(*bounds[grid.of_point[i]]).buffer(1e-9)
            assert box.contains(shapely.Point(lon[i], lat[i]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20), st.integers(0, 9)), max_size=40))
def test_values_sum_to_the_population(rows: list[tuple[float, float, int]]) -> None:
    grid = built(rows)
    weights = np.array([row[2] for row in rows], np.int64)
    status = [i % 5 for i in range(len(rows))]
    found = cell_values(
        grid, [(certificates(status, [float(i) if s < 2 else np.nan for i, s in enumerate(status)]), weights)]
    )
    assert np.array_equal(found.persons, grid.persons)
    assert found.covered.sum() == weights[np.array(status, int) == 0].sum()
