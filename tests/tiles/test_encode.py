"""Tiles, read back by other decoders."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InputError
from geo.tiles.encode import BUFFER, EXTENT, TileLayer, encode_tile
from geo.tiles.matrix import MATRIX_SETS
from tests.tiles import drawn
from tests.tiles.drawn import BOX, KEPT, decoded, encoded, in_degrees, is_near, layer, places, polygons, raw, twice_area

EDGE = EXTENT + BUFFER


@settings(max_examples=100, deadline=None)
@given(st.lists(places(-BUFFER, EDGE), min_size=1, max_size=6))
def test_points_come_back_where_they_were(points: list[tuple[int, int]]) -> None:
    (feature,) = raw(encoded([shapely.MultiPoint(points)]))
    assert feature.kind == 1
    assert feature.parts == [points]


@settings(max_examples=150, deadline=None)
@given(st.lists(places(-3000, 7000), min_size=2, max_size=8), st.floats(0, 1))
def test_lines_are_cut_at_the_buffer_and_nowhere_else(points: list[tuple[int, int]], shift: float) -> None:
    line = shapely.LineString([(x + shift, y - shift) for x, y in points])
    expected = shapely.intersection(line, KEPT)
    found = decoded(encoded([line])).get(1)
    if found is None:
        assert expected.length < 2
        return
    assert shapely.difference(found, shapely.buffer(expected, drawn.NEAR)).length < 1e-6
    assert shapely.difference(expected, shapely.buffer(found, drawn.NEAR)).length < 2
    assert all(len(part) > 1 for feature in raw(encoded([line])) for part in feature.parts)


@settings(max_examples=300, deadline=None)
@given(polygons(), st.sampled_from(sorted(MATRIX_SETS)))
def test_polygons_are_cut_and_rounded_and_otherwise_the_same(shape: Any, name: str) -> None:
    box = MATRIX_SETS[name].box(12, 800, 3000)
    tile = encoded([shape], box=box)
    expected = shapely.intersection(shape, KEPT)
    found = decoded(tile).get(1, shapely.MultiPolygon())
    assert is_near(found, expected)
    assert_well_formed(tile)


@settings(max_examples=200, deadline=None)
@given(polygons(reach=6.0))
def test_small_polygons_are_valid_after_rounding(shape: Any) -> None:
    tile = encoded([shape])
    assert_well_formed(tile)
    assert is_near(decoded(tile).get(1, shapely.MultiPolygon()), shapely.intersection(shape, KEPT))


def assert_well_formed(tile: bytes) -> None:
    """Check orientation, order and validity of every polygon of a tile, from its commands."""
    for feature in raw(tile) if tile else ():
        assert feature.kind == 3
        assert feature.closed == len(feature.parts)
        groups: list[list[list[tuple[int, int]]]] = []
        for ring in feature.parts:
            area = twice_area(ring)
            assert area != 0
            assert len(ring) > 2
            assert all(a != b for a, b in itertools.pairwise([*ring, ring[0]]))
            assert all(-BUFFER <= x <= EDGE and -BUFFER <= y <= EDGE for x, y in ring)
            if area > 0:
                groups.append([ring])
            else:
                groups[-1].append(ring)
        shape = shapely.MultiPolygon([(rings[0], rings[1:]) for rings in groups])
        assert shapely.is_valid(shape), shapely.is_valid_reason(shape)


def test_holes_stay_holes_and_collapsed_ones_go() -> None:
    outer = shapely.box(100, 100, 1000, 1000)
    small = shapely.box(700, 700, 700.3, 700.2).exterior.coords
    holed = shapely.Polygon(outer.exterior.coords, [shapely.box(300, 300, 500, 500).exterior.coords, small])
    for shape in (holed, shapely.reverse(holed)):
        (feature,) = raw(encoded([shape]))
        assert [twice_area(ring) for ring in feature.parts] == [2 * 900 * 900, -2 * 200 * 200]
    assert decoded(encoded([holed]))[1].equals(shapely.difference(outer, shapely.box(300, 300, 500, 500)))


def test_a_hole_that_rounding_brings_onto_its_outline_leaves_a_valid_polygon() -> None:
    tile = encoded([shapely.difference(shapely.box(0, 0, 100, 100), shapely.box(0.3, 10, 50, 20))])
    assert_well_formed(tile)
    assert decoded(tile)[1].equals(shapely.difference(shapely.box(0, 0, 100, 100), shapely.box(0, 10, 50, 20)))


def test_an_hourglass_made_by_rounding_comes_apart() -> None:
    tile = encoded([drawn.hourglass()])
    assert_well_formed(tile)
    assert len(shapely.get_parts(decoded(tile)[1])) == 2


def test_a_polygon_cut_into_pieces_keeps_no_bridge_between_them() -> None:
    comb = shapely.box(-500, 100, -200, 4000)
    teeth = [shapely.box(-300, y, 600, y + 100) for y in range(200, 3900, 300)]
    tile = encoded([shapely.union_all([comb, *teeth])])
    assert_well_formed(tile)
    assert len(shapely.get_parts(decoded(tile)[1])) == len(teeth)


def test_a_polygon_around_the_whole_tile_fills_it_and_one_that_only_goes_round_it_leaves_nothing() -> None:
    around = shapely.box(-9000, -9000, 9000, 9000)
    assert decoded(encoded([around]))[1].equals(KEPT)
    ring = shapely.difference(around, shapely.box(-100, -100, 4200, 4200))
    gap = shapely.difference(ring, shapely.box(-50, 4000, 50, 9000))
    assert encoded([ring, gap, shapely.box(-200, -200, -64, -64)], is_kept=True) == b""


def test_points_on_the_edge_of_a_tile_belong_to_both_its_sides() -> None:
    matrix = MATRIX_SETS["WebMercatorQuad"]
    right = matrix.box(drawn.ZOOM, drawn.ROW, drawn.COLUMN + 1)
    corners = in_degrees(shapely.MultiPoint([(EXTENT, 77), (EXTENT, 4000)]))
    shapes = np.array([corners, *shapely.get_parts(corners)], dtype=object)
    for box, x in ((BOX, EXTENT), (right, 0)):
        found = raw(encode_tile([TileLayer("a", None, shapes)], box, buffer=0))
        assert [one.parts for one in found] == [[[(x, 77), (x, 4000)]], [[(x, 77)]], [[(x, 4000)]]]
    beyond = [shapely.Point(-BUFFER, 5), shapely.Point(EDGE, 5), shapely.Point(EDGE + 1, 5), shapely.Point(5, -65)]
    assert list(decoded(encoded(beyond))) == [1, 2]


def test_what_is_missing_empty_or_far_away_is_left_out() -> None:
    nothing = [None, shapely.Point(), shapely.LineString(), shapely.MultiPolygon(), shapely.GeometryCollection()]
    assert encoded([*nothing, shapely.Point(99_999, 5)], is_kept=True) == b""
    assert encode_tile([], BOX) == b""
    assert encode_tile([TileLayer("a", None, np.empty(0, dtype=object))], BOX) == b""
    assert list(decoded(encoded([*nothing, shapely.Point(5, 6)]))) == [6]


def test_what_collapses_is_left_out_only_if_asked() -> None:
    tiny = [
        shapely.box(50, 50, 50.2, 50.2),
        shapely.LineString([(7, 7), (7.1, 7.2)]),
        shapely.box(EDGE - 0.1, EDGE - 0.1, EDGE, EDGE),
        shapely.MultiPolygon([shapely.box(9, 9, 9.1, 9.1), shapely.box(20, 20, 30, 30)]),
        shapely.box(10, 10.1, 900, 10.2),
    ]
    assert list(decoded(encoded(tiny))) == [4]
    found = decoded(encoded(tiny, is_kept=True))
    assert list(found) == [1, 2, 3, 4, 5]
    assert_well_formed(encoded([tiny[0], *tiny[2:]], is_kept=True))
    assert [found[i].area for i in (1, 3, 5)] == [1, 1, 1]
    assert found[2].length == 1
    assert found[4].area == 100
    assert all(KEPT.covers(shape) for shape in found.values())


def test_straight_lines_and_repeated_places_cost_no_vertices_and_a_way_back_is_kept() -> None:
    along = [(x, 100) for x in range(0, 1000, 7)]
    (feature,) = raw(encoded([shapely.LineString([*along, (1000, 100), (1000, 100.3), (400, 100)])]))
    assert feature.parts == [[(0, 100), (1000, 100), (400, 100)]]
    ring = [*along, (1000, 100), (1000, 500), (1400, 500), (1000, 500.2), (500, 900), (0, 900), (0, 500)]
    (feature,) = raw(encoded([shapely.Polygon(ring)]))
    assert sorted(feature.parts[0]) == [(0, 100), (0, 900), (500, 900), (1000, 100), (1000, 500)]


def test_neighbours_share_their_edge_even_where_it_is_cut() -> None:
    seam = [(-333, -100), (500.4, 1000.6), (417.3, 2000.2), (5000, 4111.7)]
    left = shapely.Polygon([*seam, (-900, 9000)])
    right = shapely.Polygon([*seam[::-1], (9000, -900)])
    found = decoded(encoded([left, right]))
    assert shapely.intersection(found[1], found[2]).area == 0
    line = shapely.intersection(shapely.LineString(seam), KEPT)
    assert shapely.intersection(found[1], found[2]).length == pytest.approx(line.length, rel=1e-3)


def test_of_a_collection_the_highest_dimension_is_written() -> None:
    mixed = shapely.GeometryCollection(
        [
            shapely.Point(1, 1),
            shapely.GeometryCollection([shapely.box(5, 5, 9, 9), shapely.LineString([(0, 0), (9, 9)])]),
            shapely.MultiPolygon([shapely.box(15, 5, 19, 9)]),
        ]
    )
    (feature,) = raw(encoded([mixed]))
    assert feature.kind == 3
    assert len(feature.parts) == 2


def geopackage_blob(wkb: bytes, envelope: int) -> bytes:
    """Return bytes as a GeoPackage holds them."""
    doubles = (0, 4, 6, 6, 8)[envelope]
    return b"GP\x00" + bytes([1 | envelope << 1]) + (4490).to_bytes(4, "little") + b"\x00" * 8 * doubles + wkb


def test_bytes_of_every_dialect_give_the_same_tile() -> None:
    shapes = [
        shapely.Point(5, 6),
        shapely.MultiPoint([(5, 6), (7, 8)]),
        shapely.LineString([(0, 0), (70, 80)]),
        shapely.MultiLineString([[(0, 0), (70, 80)], [(5, 0), (5, 90)]]),
        shapely.difference(shapely.box(0, 0, 90, 90), shapely.box(40, 40, 50, 50)),
        shapely.MultiPolygon([shapely.box(0, 0, 9, 9), shapely.box(20, 0, 29, 9)]),
        None,
    ]
    plain = layer(shapes)
    expected = encode_tile([plain], BOX)
    deep = shapely.force_3d(plain.shapes, 7.0)
    dialects: list[Any] = [
        shapely.to_wkb(plain.shapes),
        shapely.to_wkb(plain.shapes, byte_order=0),
        shapely.to_wkb(deep, flavor="iso"),
        shapely.to_wkb(deep, flavor="extended", byte_order=0),
        shapely.to_wkb(shapely.set_srid(plain.shapes, 4490), include_srid=True),
        *([None if w is None else geopackage_blob(w, i) for w in shapely.to_wkb(plain.shapes)] for i in range(5)),
    ]
    for blobs in dialects:
        array = np.empty(len(shapes), dtype=object)
        array[:] = list(blobs)
        assert encode_tile([TileLayer("a", plain.fids, array, is_collapsed_kept=False)], BOX) == expected


def test_bytes_that_are_no_geometry_are_refused_and_name_the_feature() -> None:
    good = shapely.to_wkb(shapely.box(0, 0, 1, 1))
    curve = b"\x01\x08\x00\x00\x00\x00\x00\x00\x00"
    for bad in (good[:-1], good[:20], good[:4], b"\x01", curve, b"GP\x00\x01" + b"\x00" * 4):
        shapes = np.array([good, bad], dtype=object)
        with pytest.raises(InputError, match="feature 2 of layer 'a'"):
            encode_tile([TileLayer("a", None, shapes)], BOX)
        half = np.array([shapely.to_wkb(in_degrees(shapely.box(0, 0, 99, 99)))[:-1], None, bad], dtype=object)
        assert encode_tile([TileLayer("a", None, half, is_lenient=True)], BOX) == b""


def test_layers_keep_their_order_and_need_names_of_their_own() -> None:
    point = np.array([in_degrees(shapely.Point(1, 2))], dtype=object)
    nowhere = np.array([None], dtype=object)
    roads = TileLayer("roads", np.array([2**62]), point)
    tile = encode_tile([TileLayer("地名", None, point), TileLayer("空", None, nowhere), roads], BOX)
    found = drawn.message(tile).layers
    assert [(one.name, one.version, one.extent) for one in found] == [("地名", 2, 4096), ("roads", 2, 4096)]
    assert not found[0].features[0].HasField("id")
    assert found[1].features[0].id == 2**62
    for names in (("a", "a"), ("a", "")):
        with pytest.raises(InputError, match="name of its own"):
            encode_tile([TileLayer(name, None, point) for name in names], BOX)


def test_identifiers_are_one_each_and_not_negative() -> None:
    point = np.array([in_degrees(shapely.Point(1, 2))], dtype=object)
    for fids in (np.array([-1]), np.array([1, 2]), np.array([], np.int64)):
        with pytest.raises(InputError, match="at least 0"):
            encode_tile([TileLayer("a", fids, point)], BOX)


def test_other_extents_and_buffers_are_kept() -> None:
    shape = np.array([in_degrees(shapely.box(-9000, -9000, 9000, 9000))], dtype=object)
    tile = encode_tile([TileLayer("a", None, shape)], BOX, extent=512, buffer=8)
    assert drawn.message(tile).layers[0].extent == 512
    assert sorted(raw(tile)[0].parts[0]) == [(-8, -8), (-8, 520), (520, -8), (520, 520)]


def test_gdal_reads_the_tile_too(tmp_path: Path) -> None:
    shapes = [
        shapely.difference(shapely.box(10, 10, 900, 900), shapely.box(100, 100, 200, 200)),
        shapely.MultiPolygon([shapely.box(1000, 10, 1900, 900), shapely.box(2000, 10, 2900, 900)]),
    ]
    columns = {"name": ["人民路", "𠮷里"], "count": [3, -7], "width_m": [3.5, 0.25], "is_open": [True, False]}
    path = tmp_path / "tile.pbf"
    path.write_bytes(encoded(shapes, columns))
    frame = pyogrio.read_dataframe(f"MVT:{path}", layer="a")
    assert frame["name"].tolist() == ["人民路", "𠮷里"]
    assert frame["count"].tolist() == [3, -7]
    assert frame["width_m"].tolist() == [3.5, 0.25]
    assert frame["mvt_id"].tolist() == [1, 2]
    # Alone, a tile lies in GDAL's unit square with y upwards.
    found = shapely.transform(frame.geometry.to_numpy(), lambda xy: np.column_stack([xy[:, 0], EXTENT - xy[:, 1]]))
    for shape, expected in zip(found, shapes, strict=True):
        assert shape.equals(expected)


def test_warming_draws_every_kind_of_geometry() -> None:
    from geo.tiles.warm import warm

    warm()
