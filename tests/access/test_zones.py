"""Zones hold enough people and partition them; cells of zones sum to them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access.cells import build_cells
from geo.access.membership import assign_divisions
from geo.access.zones import Zones, exact_zones

STEP = 0.0009
"""About 100 m of latitude."""
COLUMNS = ("code", "name", "level", "parent_code")


def divisions(*rows: tuple[str, str, tuple[float, float, float, float]]) -> gpd.GeoDataFrame:
    """Return divisions from code, level and corners in steps."""
    shapes = [shapely.box(*(value * STEP for value in corners)) for _, _, corners in rows]
    data = {
        "code": [row[0] for row in rows], "name": [f"区划{row[0]}" for row in rows],
        "level": [row[1] for row in rows], "parent_code": [None] * len(rows),
    }  # fmt: skip
    return gpd.GeoDataFrame(data, geometry=shapes, crs=4490)


TOWNS = divisions(
    ("1", "county", (0, 0, 30, 10)), ("11", "township", (0, 0, 10, 10)), ("12", "township", (10, 0, 20, 10)),
    ("13", "township", (20, 0, 29, 10)), ("131", "village", (20, 0, 25, 10)),
)  # fmt: skip


def zones(rows: list[tuple[float, float, int]], frame: gpd.GeoDataFrame = TOWNS) -> Zones:
    """Return the zones of people at steps east and north."""
    xy = np.array([row[:2] for row in rows], float).reshape(-1, 2) * STEP
    weights = np.array([row[2] for row in rows], np.int64)
    return exact_zones(assign_divisions(xy[:, 0], xy[:, 1], frame), xy[:, 0], xy[:, 1], weights, 1)


def labels(found: Zones) -> list[tuple[str | None, str | None]]:
    """Return code and name of each point's zone."""
    return [(found.codes[zone], found.names[zone]) for zone in found.of_point.tolist()]


def test_townships_are_the_smallest_zones() -> None:
    found = zones([(1, 1, 10), (11, 1, 10), (21, 1, 10), (28, 1, 10)])
    assert labels(found) == [("11", "区划11"), ("12", "区划12"), ("13", "区划13"), ("13", "区划13")]


def test_a_township_of_a_few_joins_the_nearest_and_neither_has_a_code() -> None:
    found = zones([(1, 1, 30), (11, 1, 9), (19, 1, 30), (21, 1, 30)])
    assert labels(found) == [("11", "区划11"), ("12", "区划12"), ("12", "区划12"), ("13", "区划13")]
    found = zones([(5, 1, 30), (11, 1, 9), (21, 1, 30)])
    assert labels(found) == [(None, "区划11、区划12"), (None, "区划11、区划12"), ("13", "区划13")]


def test_people_outside_all_townships_are_a_zone_of_their_own() -> None:
    found = zones([(1, 1, 30), (29.5, 1, 12), (60, 1, 12)])
    assert labels(found) == [("11", "区划11"), ("unassigned", "本级未划入"), ("outside", "区划范围以外")]


def test_without_townships_the_narrowest_wider_level_counts() -> None:
    counties = TOWNS[TOWNS["level"] == "county"]
    assert labels(zones([(1, 1, 10), (11, 1, 10)], counties)) == [("1", "区划1")] * 2
    villages = TOWNS[TOWNS["level"] == "village"]
    assert labels(zones([(1, 1, 10), (21, 1, 10)], villages)) == [(None, None)] * 2
    assert zones([]).of_point.size == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 40), st.floats(0, 10), st.integers(0, 9)), min_size=1, max_size=80))
def test_cells_of_zones_sum_to_them_and_none_has_a_few(rows: list[tuple[float, float, int]]) -> None:
    xy = np.array([row[:2] for row in rows], float) * STEP
    weights = np.array([row[2] for row in rows], np.int64)
    membership = assign_divisions(xy[:, 0], xy[:, 1], TOWNS)
    found = exact_zones(membership, xy[:, 0], xy[:, 1], weights, 1)
    grid = build_cells(xy[:, 0], xy[:, 1], weights, 1, zone=found.of_point)
    if weights.sum() >= 10:
        assert grid.persons.min() >= 10
    for zone in range(len(found.codes)):
        in_zone = found.of_point == zone
        assert grid.persons[grid.zone == zone].sum() == weights[in_zone].sum()
        cells = set(grid.of_point[in_zone & (weights > 0)].tolist())
        assert cells == set(np.flatnonzero(grid.zone == zone).tolist())
    level = membership.level("township")
    assert level is not None
    for row, code in enumerate(level.codes):
        if code in found.codes:
            exact = weights[level.index == row].sum()
            assert grid.persons[grid.zone == found.codes.index(code)].sum() == exact
    assert (np.diff(grid.span.astype(int)) <= 0).all()
