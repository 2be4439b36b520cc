"""Tiles, read back by two other decoders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from api.tiles.encode import BUFFER, EXTENT, TileLayer, encode_tile
from api.tiles.matrix import DEEPEST, MATRIX_SETS, TileBox
from geo.errors import InputError

ZOOM, ROW, COLUMN = 14, 6275, 13564
BOX = MATRIX_SETS["WebMercatorQuad"].box(ZOOM, ROW, COLUMN)


def from_units(shape: Any, box: TileBox = BOX) -> Any:
    """Return a shape drawn in tile units, in degrees."""

    def degrees(points: np.ndarray) -> np.ndarray:
        x = box.left + points[:, 0] / EXTENT * (box.right - box.left)
        y = box.top - points[:, 1] / EXTENT * (box.top - box.bottom)
        flat = np.column_stack([x, y])
        return box.crs.inverse(flat) if box.crs.epsg == 3857 else flat

    return shapely.transform(shape, degrees)


def encoded(shapes: list[Any], columns: dict[str, list[object]] | None = None, box: TileBox = BOX) -> bytes:
    array = np.empty(len(shapes), dtype=object)
    array[:] = [None if shape is None else from_units(shape, box) for shape in shapes]
    return encode_tile([TileLayer("a", np.arange(len(shapes)) + 1, array, columns or {})], box)


def decoded(tile: bytes, name: str = "a") -> list[Any]:
    found = mapbox_vector_tile.decode(tile, default_options={"y_coord_down": True})
    return list(found[name]["features"]) if name in found else []


def whole_units(low: int = -40, high: int = EXTENT + 40) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@settings(max_examples=100, deadline=None)
@given(st.lists(whole_units(), min_size=1, max_size=6, unique=True))
def test_points_come_back_where_they_were(places: list[tuple[int, int]]) -> None:
    (feature,) = decoded(encoded([shapely.MultiPoint(places)]))
    shape = shapely.geometry.shape(feature["geometry"])
    assert {tuple(map(int, xy)) for xy in shapely.get_coordinates(shape)} == set(places)


@settings(max_examples=100, deadline=None)
@given(st.lists(whole_units(-3000, 7000), min_size=2, max_size=8, unique=True))
def test_lines_are_cut_at_the_buffer_and_nowhere_else(places: list[tuple[int, int]]) -> None:
    line = shapely.LineString(places)
    square = shapely.box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
    expected = shapely.intersection(line, square)
    found = [shapely.geometry.shape(one["geometry"]) for one in decoded(encoded([line]))]
    if not found:
        assert expected.length < 3
        return
    assert shapely.hausdorff_distance(found[0], expected) <= 1.5


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 6.28), st.floats(50, 3500)), min_size=3, max_size=12), whole_units())
def test_polygons_keep_their_area_and_turn_the_right_way(
    spokes: list[tuple[float, float]], centre: tuple[int, int]
) -> None:
    ring = [(centre[0] + r * np.cos(a), centre[1] + r * np.sin(a)) for a, r in sorted(spokes)]
    star = shapely.make_valid(shapely.Polygon(ring))
    if star.area < 2000 or star.geom_type not in ("Polygon", "MultiPolygon"):
        return
    square = shapely.box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
    expected = shapely.intersection(star, square)
    found = decoded(encoded([star]))
    area = sum(shapely.make_valid(shapely.geometry.shape(one["geometry"])).area for one in found)
    assert area == pytest.approx(expected.area, abs=2.0 * expected.length + 4)
    for part in (shapely.geometry.shape(one["geometry"]) for one in found):
        for polygon in shapely.get_parts(part):
            # In tile units y grows downwards, so an outline that turns right there turns left here.
            assert shapely.is_ccw(polygon.exterior)
            assert not any(shapely.is_ccw(hole) for hole in polygon.interiors)


def test_holes_stay_holes_and_collapsed_ones_go() -> None:
    outer = shapely.box(100, 100, 1000, 1000)
    holed = shapely.Polygon(
        outer.exterior.coords,
        [shapely.box(300, 300, 500, 500).exterior.coords, shapely.box(700, 700, 700.3, 700.2).exterior.coords],
    )
    (feature,) = decoded(encoded([holed]))
    shape = shapely.geometry.shape(feature["geometry"])
    assert shape.equals(shapely.difference(outer, shapely.box(300, 300, 500, 500)))


def test_a_polygon_around_the_whole_tile_fills_it() -> None:
    (feature,) = decoded(encoded([shapely.box(-9000, -9000, 9000, 9000)]))
    shape = shapely.geometry.shape(feature["geometry"])
    assert shape.equals(shapely.box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER))


def test_what_collapses_or_is_missing_or_far_away_is_left_out() -> None:
    tiny = shapely.box(50, 50, 50.2, 50.2)
    far = shapely.Point(99_999, 5)
    assert encoded([tiny, far, None, shapely.Point(), shapely.LineString([(7, 7), (7.1, 7.1)])]) == b""
    (feature,) = decoded(encoded([tiny, shapely.Point(5, 6)]))
    assert feature["id"] == 2


def test_attributes_come_back_with_their_kinds_and_gaps() -> None:
    columns: dict[str, list[object]] = {
        "name": ["人民路", None, "㙟𠮷", "人民路"],
        "count": [3, -7, None, 2**40],
        "width_m": [3.5, float("nan"), -0.25, 1e9],
        "is_steps": [True, False, None, True],
        "nothing": [None, None, None, None],
    }
    found = decoded(encoded([shapely.Point(i, i) for i in range(4)], columns))
    assert [one["properties"] for one in found] == [
        {"name": "人民路", "count": 3, "width_m": 3.5, "is_steps": True},
        {"count": -7, "is_steps": False},
        {"name": "㙟𠮷", "width_m": -0.25},
        {"name": "人民路", "count": 2**40, "width_m": 1e9, "is_steps": True},
    ]
    assert [one["id"] for one in found] == [1, 2, 3, 4]


def test_one_is_not_true() -> None:
    found = decoded(encoded([shapely.Point(0, 0)], {"number": [1], "flag": [True], "real": [1.0]}))
    properties = found[0]["properties"]
    assert properties["flag"] is True
    assert properties["number"] == 1
    assert not isinstance(properties["number"], bool)


def test_gdal_reads_the_tile_too(tmp_path: Path) -> None:
    line = shapely.LineString([(0, 0), (1000, 2000), (4096, 4096)])
    path = tmp_path / "tile.pbf"
    path.write_bytes(encoded([line], {"name": ["人民路"]}))
    frame = pyogrio.read_dataframe(f"MVT:{path}", layer="a")
    assert frame["name"].tolist() == ["人民路"]
    assert len(frame) == 1


@pytest.mark.parametrize("name", list(MATRIX_SETS))
@pytest.mark.parametrize("place", [(118.05, 36.8), (121.5, 29.9), (-70.1, -33.4)])
def test_every_matrix_finds_a_place_in_one_tile_at_every_zoom(name: str, place: tuple[float, float]) -> None:
    matrix = MATRIX_SETS[name]
    for zoom in range(matrix.first, DEEPEST + 1, 3):
        times = 1 << (zoom - matrix.first)
        points = matrix.crs.forward(np.array([place])) if matrix.crs.epsg == 3857 else np.array([place])
        column = int((points[0, 0] - matrix.left) // (matrix.tile / times))
        row = int((matrix.top - points[0, 1]) // (matrix.tile / times))
        box = matrix.box(zoom, row, column)
        west, south, east, north = box.degrees()
        assert west <= place[0] <= east
        assert south <= place[1] <= north
        units = box.to_units(np.array([place]), EXTENT)[0]
        assert ((units >= 0) & (units <= EXTENT)).all()


def test_tianditu_counts_the_same_squares_from_one() -> None:
    world, tianditu = MATRIX_SETS["WorldCRS84Quad"], MATRIX_SETS["TiandituC"]
    a, b = world.box(6, 15, 105), tianditu.box(7, 15, 105)
    assert (a.left, a.bottom, a.right, a.top) == (b.left, b.bottom, b.right, b.top)
    document = tianditu.to_json()
    first = document["tileMatrices"][0]  # type: ignore[index]
    assert (first["id"], first["matrixWidth"], first["matrixHeight"]) == ("1", 2, 1)
    assert first["pointOfOrigin"] == [90.0, -180.0]


@pytest.mark.parametrize(("zoom", "row", "column"), [(-1, 0, 0), (23, 0, 0), (3, 8, 0), (3, 0, 8), (0, 0, 1)])
def test_addresses_without_a_tile_are_refused(zoom: int, row: int, column: int) -> None:
    with pytest.raises(InputError):
        MATRIX_SETS["WebMercatorQuad"].box(zoom, row, column)


def test_scale_denominators_are_those_of_the_register() -> None:
    for name, scale in (("WebMercatorQuad", 559082264.0287178), ("WorldCRS84Quad", 279541132.0143589)):
        first = MATRIX_SETS[name].to_json()["tileMatrices"][0]  # type: ignore[index]
        assert first["scaleDenominator"] == pytest.approx(scale, rel=1e-9)
