"""What is told of cells, against a slow twin that goes person by person."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access.cells import build_cells
from geo.access.privacy import is_guarded
from geo.access.status import STATUS_NAMES, Certificates
from geo.access.told import tell_cells

Person = tuple[float, float, int, int, float, float]
"""Steps east and north, status at two paces, walks at two paces."""
PEOPLE = st.lists(
    st.tuples(
        st.floats(0, 12), st.floats(0, 3), st.integers(0, 4), st.integers(0, 4), st.floats(30, 4000),
        st.floats(30, 4000),
    ),
    min_size=1, max_size=150,
)  # fmt: skip


def certificates(status: list[int], walk_s: list[float]) -> Certificates:
    """Return certificates; nobody reaches anything from status 3 on."""
    walk = np.where(np.array(status) < 3, np.array(walk_s, float), np.nan)
    return Certificates(np.array(status, np.uint8), np.zeros(len(status), np.int32), walk, walk, np.zeros(len(status)))


@settings(max_examples=150, deadline=None)
@given(PEOPLE, st.sampled_from([1, 3]))
def test_cells_are_told_as_a_slow_twin_tells_them(people: list[Person], n_zones: int) -> None:
    lon, lat = (np.array([118 + 0.0009 * row[0] for row in people]), np.array([36 + 0.0009 * row[1] for row in people]))
    zone = np.array([row % n_zones for row in range(len(people))], np.int32)
    young, old = np.ones(len(people), np.int64), np.ones(len(people), np.int64)
    grid = build_cells(lon, lat, young + old, 1, zone=zone)
    parts = [
        (certificates([row[2] for row in people], [row[4] for row in people]), young),
        (certificates([row[3] for row in people], [row[5] for row in people]), old),
    ]
    told = tell_cells(grid, parts)
    by_cell: dict[int, list[tuple[int, float]]] = {}
    for point, row in enumerate(people):
        by_cell.setdefault(int(grid.of_point[point]), []).extend([(row[2], row[4]), (row[3], row[5])])
    covered = np.array([sum(status == 0 for status, _ in by_cell[cell]) for cell in range(grid.n_cells)])
    guarded = is_guarded(covered, grid.persons, grid.zone, 10)
    for cell, members in by_cell.items():
        steps = len(members) // 10
        if steps == 0 or not guarded[cell]:
            assert np.isnan(told.covered_share[cell])
            assert told.reason[cell] == len(STATUS_NAMES)
            continue
        share = told.covered_share[cell]
        assert abs(share * steps - round(share * steps)) < 1e-9
        assert abs(share - covered[cell] / len(members)) <= 0.5 / steps + 1e-9
        counts = [sum(status == code for status, _ in members) for code in range(1, 5)]
        if told.reason[cell] < len(STATUS_NAMES):
            assert share < 1
            assert counts[told.reason[cell] - 1] == max(counts) >= 10
        else:
            assert max(counts) < 10 or share == 1
        walks = [walk for status, walk in members if status < 3]
        if len(walks) < 10:
            assert np.isnan(told.mean_walk_s[cell])
        else:
            assert told.mean_walk_s[cell] % 60 == 0
            assert abs(told.mean_walk_s[cell] - np.mean(walks)) <= 30 + 1e-6


def test_of_nobody_nothing_is_told() -> None:
    grid = build_cells(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), 1)
    told = tell_cells(grid, [(certificates([], []), np.zeros(0, np.int64))])
    assert told.covered_share.size == told.reason.size == told.mean_walk_s.size == 0
