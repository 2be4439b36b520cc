"""Villages that give people away beside the cells, against a slow twin."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access.membership import assign_divisions
from geo.access.population import build_population
from geo.services.people_cells import people_cells, revealing_villages

STEP = 0.0009
"""About 100 m of latitude."""
BORDERS = (0.0, 4.3, 8.6, 14.0)


def divisions() -> gpd.GeoDataFrame:
    """Return a township of three villages side by side."""
    shapes = [shapely.box(west * STEP, 0, east * STEP, 4 * STEP) for west, east in pairwise(BORDERS)]
    whole = shapely.box(0, 0, BORDERS[-1] * STEP, 4 * STEP)
    data = {
        "code": ["t", "v0", "v1", "v2"], "name": ["镇", "一村", "二村", "三村"],
        "level": ["township", *["village"] * 3], "parent_code": [None, "t", "t", "t"],
    }  # fmt: skip
    return gpd.GeoDataFrame(data, geometry=[whole, *shapes], crs=4490)


PEOPLE = st.lists(
    st.tuples(st.floats(0.01, 13.9), st.floats(0.01, 3.9), st.integers(1, 12)), min_size=1, max_size=40
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(PEOPLE)
def test_villages_that_reveal_a_few_are_found(rows: list[tuple[float, float, int]]) -> None:
    lon, lat = (np.array([row[axis] for row in rows]) * STEP for axis in (0, 1))
    population = build_population({"persons": np.array([float(row[2]) for row in rows])}, len(rows))
    frame = divisions()
    membership = assign_divisions(lon, lat, frame)
    people = people_cells(lon, lat, population, membership)
    squares = [shapely.box(*corners) for corners in people.grid.bounds().tolist()]
    expected = set()
    for code, outline in zip(frame["code"][1:], frame.geometry[1:], strict=True):
        here = sum(row[2] for row, x, y in zip(rows, lon, lat, strict=True) if outline.covers(shapely.Point(x, y)))
        cells = list(zip(squares, people.grid.persons.tolist(), strict=True))
        around = sum(persons for square, persons in cells if square.intersects(outline))
        inside = sum(persons for square, persons in cells if outline.contains(square))
        if here and (0 < around - here < 10 or 0 < here - inside < 10):
            expected.add(code)
    assert revealing_villages(people, population, membership, frame) == expected


def test_without_villages_nothing_is_revealed() -> None:
    lon, lat = np.array([STEP]), np.array([STEP])
    population = build_population({"persons": np.array([20.0])}, 1)
    frame = divisions().iloc[:1]
    membership = assign_divisions(lon, lat, frame)
    people = people_cells(lon, lat, population, membership)
    assert revealing_villages(people, population, membership, frame) == frozenset()
