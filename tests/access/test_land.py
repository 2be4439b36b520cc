"""Ground within reach, held against the intersection with the whole isochrone."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from geo.access.coverage import metres
from geo.access.isochrone import Window, contour_metres, isochrones
from geo.access.land import ground_of, reached_area
from geo.kernels.field import TILE
from geo.kernels.window import INSIDE, MIXED, OUTSIDE, judge_boxes, keep_around
from geo.network.build import compile_network
from geo.network.link import link_points
from tests.access.test_isochrone import AT, PROFILE, broken_town
from tests.builders import grid_streets, lonlats, streets


@pytest.mark.parametrize("seed", range(6))
def test_the_area_is_that_of_the_intersection_with_the_whole_polygon(seed: int) -> None:
    random = np.random.default_rng(seed)
    network = broken_town(seed)
    sites = link_points(network, *lonlats([tuple(place) for place in random.uniform(0, 2200, (3, 2))]))
    limit = metres(random.choice([90.0, 400.0, 900.0]))
    low = random.uniform(-200, 2200, (300, 2)) + np.array([network.node_x.min(), network.node_y.min()])
    size = random.uniform(1, 160, (300, 2))
    boxes = shapely.box(low[:, 0], low[:, 1], low[:, 0] + size[:, 0], low[:, 1] + size[:, 1])
    turned = shapely.union_all([affinity.rotate(box, angle) for box, angle in zip(boxes, size[:, 0], strict=True)])
    found = reached_area(network, sites, ground_of(turned), limit, speed_mps=1.0, profile=PROFILE, at=AT)
    whole = isochrones(network, sites, [limit], speed_mps=1.0, profile=PROFILE, at=AT)[0].polygon
    flat = shapely.transform(whole, lambda xy: np.column_stack(network.plane.forward(xy[:, 0], xy[:, 1])))
    expected = shapely.area(shapely.intersection(turned, flat))
    assert expected > 0
    # The polygon's degrees are rounded to a centimetre.
    assert found == pytest.approx(expected, rel=2e-5, abs=0.5)


def test_nothing_reached_is_no_ground() -> None:
    network = compile_network(grid_streets(2, 2))
    nowhere = link_points(network, *lonlats([(50, -500)]))
    ground = ground_of(shapely.box(-1e4, -1e4, 1e4, 1e4))
    assert reached_area(network, nowhere, ground, metres(500), speed_mps=1.0, profile=PROFILE, at=AT) == 0.0


def test_ground_with_holes_and_beyond_the_window_counts_as_it_is() -> None:
    network = compile_network(streets([[(0, 0), (1000, 0)]]))
    sites = link_points(network, *lonlats([(500, 0)]))
    x, y = network.plane.forward(*lonlats([(500, 0)]))
    huge = shapely.box(x[0] - 5e4, y[0] - 5e4, x[0] + 5e4, y[0] + 5e4)
    hole = shapely.box(x[0] - 50, y[0] - 200, x[0] + 50, y[0] + 200)

    def area(shape: shapely.Polygon) -> float:
        return reached_area(network, sites, ground_of(shape), metres(200), speed_mps=1.0, profile=PROFILE, at=AT)

    # A street of 400 m with 60 m beside it on both sides; beyond its ends the unreached street is nearer.
    assert area(huge) == pytest.approx(400 * 120, rel=0.01)
    assert area(huge) - area(shapely.difference(huge, hole)) == pytest.approx(100 * 120, rel=1e-3)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_closing_a_field_around_boxes_leaves_their_contours_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    field = np.full((70, 90), 3.0, np.float32)
    for row, col in zip(random.integers(4, 66, 12), random.integers(4, 86, 12), strict=True):
        field[row - 3 : row + 3, col - 3 : col + 3] = -random.uniform(0.1, 3.0)
    field[[0, -1]] = field[:, [0, -1]] = 3.0
    tiles = np.ones([-(-n // TILE) for n in field.shape], np.uint8)
    low = random.integers(-3, 80, (4, 2))
    boxes = np.column_stack([low, low + random.integers(0, 12, (4, 2))]).astype(np.int32)
    window = Window(0.0, 0.0, 1.0, 90, 70)
    whole = contour_metres(field, tiles, window)
    verdicts = judge_boxes(field, tiles, boxes)
    kept = keep_around(closed := field.copy(), tiles, boxes)
    part = contour_metres(closed, kept, window)
    for box, verdict in zip(boxes, verdicts, strict=True):
        shape = shapely.box(*box)
        expected = shapely.intersection(shape, whole).area
        assert shapely.intersection(shape, part).area == pytest.approx(expected, abs=1e-9)
        if verdict == INSIDE:
            assert expected == pytest.approx(shape.area)
        elif verdict == OUTSIDE:
            assert expected == pytest.approx(0.0)
        else:
            assert verdict == MIXED
