"""Contours against the raster they were drawn from."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from geo.kernels.contour import contour_rings
from geo.kernels.field import TILE


def all_tiles(field: np.ndarray) -> np.ndarray:
    """Return tiles that say the whole field holds values."""
    return np.ones([-(-n // TILE) for n in field.shape], np.uint8)


def polygons(field: np.ndarray) -> list[shapely.Polygon]:
    """Return one polygon an area, its outline being the only ring that turns anticlockwise."""
    x, y, start, area = contour_rings(field.astype(np.float32), all_tiles(field))
    rings = [shapely.LinearRing(np.column_stack([x[a:b], y[a:b]])) for a, b in pairwise(start)]
    result = []
    for owner in np.unique(area):
        mine = [ring for ring, of in zip(rings, area, strict=True) if of == owner]
        (outline,) = [ring for ring in mine if ring.is_ccw]
        result.append(shapely.Polygon(outline, [ring for ring in mine if ring is not outline]))
    return result


def bordered(values: np.ndarray) -> np.ndarray:
    """Return a field with a border outside."""
    return np.pad(values, 1, constant_values=1.0)


@settings(max_examples=200, deadline=None)
@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0]),
    )
)
def test_exactly_the_negative_values_lie_inside_valid_polygons(values: np.ndarray) -> None:
    field = bordered(values)
    found = polygons(field)
    assert all(polygon.is_valid for polygon in found)
    assert all(a.disjoint(b) for i, a in enumerate(found) for b in found[:i])
    row, col = np.indices(field.shape)
    whole = shapely.MultiPolygon(found)
    np.testing.assert_array_equal(shapely.contains_xy(whole, col, row), field < 0.0)


def test_crossings_lie_where_the_value_would_be_zero() -> None:
    (diamond,) = polygons(bordered(np.array([[-3.0]])))
    assert diamond.area == pytest.approx(2 * 0.75**2)


def test_a_hole_belongs_to_the_area_around_it_and_an_island_is_its_own() -> None:
    ring = -np.ones((7, 7))
    ring[1:6, 1:6] = 1.0
    ring[3, 3] = -1.0
    found = sorted(polygons(bordered(ring)), key=lambda polygon: polygon.area)
    assert [len(polygon.interiors) for polygon in found] == [0, 1]


@pytest.mark.parametrize(("middle", "areas"), [(-4.0, 1), (-0.5, 2)])
def test_the_mean_tells_whether_opposite_corners_touch(middle: float, areas: int) -> None:
    assert len(polygons(bordered(np.array([[middle, 1.0], [1.0, middle]])))) == areas


def test_nothing_inside_gives_no_rings() -> None:
    x, _, start, area = contour_rings(np.ones((4, 5), np.float32), np.ones((1, 1), np.uint8))
    assert x.size == area.size == 0
    assert start.tolist() == [0]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 58), st.integers(1, 50)), max_size=12),
    st.sampled_from([-7.0, 7.0, np.nan]),
    st.integers(0, 3),
)
def test_what_unpainted_tiles_hold_is_never_read(
    spots: list[tuple[int, int]], rubbish: float, width: int
) -> None:
    field = np.full((60, 52), 2.0, np.float32)
    row, col = np.indices(field.shape)
    needed = np.zeros(field.shape, bool)
    for y, x in spots:
        away = np.maximum(abs(row - y), abs(col - x))
        field[away <= width] = -1.0
        needed |= away <= width + 1
    field[0] = field[-1] = 2.0
    field[:, 0] = field[:, -1] = 2.0
    tiles = np.zeros_like(all_tiles(field))
    np.maximum.at(tiles, (row // TILE, col // TILE), needed.astype(np.uint8))
    whole = contour_rings(field, all_tiles(field))
    field[tiles[row // TILE, col // TILE] == 0] = rubbish
    for found, expected in zip(contour_rings(field, tiles), whole, strict=True):
        np.testing.assert_array_equal(found, expected)
