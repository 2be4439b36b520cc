"""Rings as binary and as text, against the geometry library."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from geo.access.isochrone import geometry_text
from geo.kernels.contour import contour_rings
from geo.kernels.rings import rings_to_wkb, spread_grid
from geo.network.plane import Plane


@settings(max_examples=100, deadline=None)
@given(arrays.arrays(np.float32, (8, 9), elements=st.sampled_from([-3.0, -1.0, 0.5, 2.0])))
def test_the_multipolygon_has_all_rings_where_they_belong(values: np.ndarray) -> None:
    field = np.pad(values, 1, constant_values=1.0)
    column, row, start, area = contour_rings(field, np.ones((1, 1), np.uint8))
    data, pixels = rings_to_wkb(column, row, start, area, column - 5.0, row + 100.0)
    found = shapely.from_wkb(data.tobytes())
    assert found.geom_type == "MultiPolygon"
    assert found.is_valid
    assert found.area == pytest.approx(pixels, abs=1e-4)
    y, x = np.indices(field.shape)
    np.testing.assert_array_equal(shapely.contains_xy(found, x - 5.0, y + 100.0), field < 0.0)
    assert shapely.from_geojson(geometry_text(found)).equals_exact(found, 0.0)


def test_text_has_at_most_seven_decimals_and_keeps_signs() -> None:
    square = shapely.MultiPolygon([shapely.box(-179.9999999, -0.0000001, 5.5, 10.0)])
    coordinates = json.loads(geometry_text(square))["coordinates"]
    assert coordinates == [[[list(place) for place in square.geoms[0].exterior.coords]]]
    assert "5.5,10.0" in geometry_text(square)


def test_an_empty_area_has_no_coordinates() -> None:
    assert json.loads(geometry_text(shapely.MultiPolygon())) == {"type": "MultiPolygon", "coordinates": []}


def test_parabolas_over_eight_kilometres_are_exact_to_a_millimetre() -> None:
    plane, span = Plane(118.0, 45.0), 8_000.0
    for left, bottom in ((-4_000.0, -4_000.0), (60_000.0, -90_000.0)):
        side = np.array([0.0, 0.5, 1.0]) * span
        grid_lon, grid_lat = plane.inverse(left + np.tile(side, 3), bottom + np.repeat(side, 3))
        column, row = np.random.default_rng(3).uniform(0, 800, (2, 500))
        lon, lat = plane.inverse(left + column * 10.0, bottom + row * 10.0)
        assert np.abs(spread_grid(column, row, 800.0, 800.0, grid_lon) - lon).max() < 1e-8
        assert np.abs(spread_grid(column, row, 800.0, 800.0, grid_lat) - lat).max() < 1e-8
