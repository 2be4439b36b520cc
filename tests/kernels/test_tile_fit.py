"""Kernels of vector tiles against the geometry library."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.kernels.shapes import HOLE, LINE, OUTLINE, POINT, read_shapes
from geo.kernels.tile_fit import find_tangled, fit_shapes

FRAME = np.array([0.0, 0.0, 1.0, -1.0, -100.0, 100.0])
Ring = list[tuple[int, int]]


def ring(reach: int) -> st.SearchStrategy[Ring]:
    return st.lists(st.tuples(st.integers(0, reach), st.integers(0, reach)), min_size=3, max_size=9, unique=True)


def box(corner: tuple[int, int, int, int]) -> Ring:
    x, y, width, height = corner
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


# Boxes lie in one another more often than loose vertices do.
BOXES = st.builds(box, st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20)))
POLYGON = st.lists(st.one_of(ring(5), ring(40), BOXES, BOXES), min_size=1, max_size=4)


def taken_apart(shapes: list[Any]) -> tuple[Any, ...]:
    """Return geometries as the reading kernel does."""
    blobs = [b"" if shape is None else shapely.to_wkb(shape, byte_order=1) for shape in shapes]
    start = np.cumsum([0, *map(len, blobs)]).astype(np.int64)
    return read_shapes(np.frombuffer(b"".join(blobs), np.uint8), start)


def edges_meet(rings: list[Ring]) -> bool:
    """Whether edges that do not follow each other have something in common."""
    edges = [
        (number, i, len(one), shapely.LineString([a, b]))
        for number, one in enumerate(rings)
        for i, (a, b) in enumerate(itertools.pairwise([*one, one[0]]))
    ]
    for (m, i, n, one), (k, j, _, two) in itertools.combinations(edges, 2):
        if m == k and (i - j) % n in (1, n - 1):
            continue
        if shapely.intersects(one, two):
            return True
    return False


@settings(max_examples=400, deadline=None)
@given(st.lists(POLYGON, min_size=1, max_size=3))
def test_polygons_are_called_tangled_where_edges_meet_or_the_geometry_library_calls_them_invalid(
    polygons: list[list[Ring]],
) -> None:
    shape = shapely.MultiPolygon([(rings[0], rings[1:]) for rings in polygons])
    x, y, start, kind, _ = fit_shapes(*taken_apart([shape])[:5], 1, False, FRAME, False)
    n_parts = kind.size
    (is_tangled,) = find_tangled(x, y, start, kind, np.array([0, n_parts], np.int64))
    rings = [
        list(zip(x[a:b].tolist(), y[a:b].tolist(), strict=True)) for a, b in itertools.pairwise(start.tolist())
    ]
    outlines = [*np.flatnonzero(kind == OUTLINE), n_parts]
    fitted = shapely.MultiPolygon([(rings[a], rings[a + 1 : b]) for a, b in itertools.pairwise(outlines)])
    assert is_tangled == (n_parts > 0 and (edges_meet(rings) or not shapely.is_valid(fitted)))


def test_an_island_in_a_lake_is_not_tangled_and_a_hole_outside_is() -> None:
    lake = shapely.difference(shapely.box(0, 0, 90, 90), shapely.box(20, 20, 60, 60))
    island = shapely.MultiPolygon([shapely.box(30, 30, 40, 40), lake])
    lost = shapely.Polygon(box((0, 0, 9, 9)), [box((20, 0, 9, 9))])
    nested = shapely.Polygon(box((0, 0, 90, 90)), [box((20, 20, 30, 30)), box((30, 30, 5, 5))])
    twice = shapely.MultiPolygon([shapely.box(0, 0, 90, 90), shapely.box(30, 30, 40, 40)])
    shapes = [island, lost, nested, twice]
    x, y, start, kind, owner = fit_shapes(*taken_apart(shapes)[:5], len(shapes), False, FRAME, False)
    first = np.searchsorted(owner, np.arange(len(shapes) + 1)).astype(np.int64)
    assert find_tangled(x, y, start, kind, first).tolist() == [False, True, True, True]


def test_geometries_are_taken_apart_part_by_part() -> None:
    holed = shapely.difference(shapely.box(0, 0, 9, 9), shapely.box(3, 3, 4, 4))
    with np.errstate(invalid="ignore"):
        unfinished = shapely.LineString([(0, 0), (np.nan, 1)])
    shapes = [
        shapely.MultiPoint([(1, 2), (3, 4)]),
        None,
        shapely.GeometryCollection([shapely.LineString([(0, 0), (1, 1)]), holed, shapely.Point(7, 8)]),
        shapely.Point(),
        unfinished,
    ]
    x, y, start, kind, owner, broken = taken_apart(shapes)
    assert broken == -1
    assert kind.tolist() == [POINT, LINE, OUTLINE, HOLE, POINT]
    assert owner.tolist() == [0, 2, 2, 2, 2]
    assert start.tolist() == [0, 2, 4, 8, 12, 13]
    assert (x[-1], y[-1]) == (7, 8)
