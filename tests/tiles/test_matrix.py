"""Tile matrix sets against morecantile and against the addresses of real maps."""

from __future__ import annotations

import json
from typing import Any

import morecantile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InputError, NotFoundError
from geo.tiles.matrix import DEEPEST, MATRIX_SETS, matrix_set

PLACES = [(118.05, 36.8), (121.5, 29.9), (-70.1, -33.4), (0.0, 0.0), (179.9, 84.9)]
REGISTERED = ["WebMercatorQuad", "WorldCRS84Quad"]


@pytest.mark.parametrize("name", REGISTERED)
@given(st.integers(0, DEEPEST), st.floats(-179.9, 179.9), st.floats(-84.9, 84.9))
def test_addresses_and_boxes_agree_with_morecantile(name: str, zoom: int, lon: float, lat: float) -> None:
    matrix, theirs = MATRIX_SETS[name], morecantile.tms.get(name)
    (address,) = matrix.cover((lon, lat, lon, lat), zoom)
    tile = theirs.tile(lon, lat, zoom)
    # A place on a seam may fall to either side.
    assert abs(address[1] - tile.y) <= 1
    assert abs(address[2] - tile.x) <= 1
    box = matrix.box(*address)
    same = morecantile.Tile(address[2], address[1], zoom)
    assert (box.left, box.bottom, box.right, box.top) == pytest.approx(tuple(theirs.xy_bounds(same)), abs=1e-6)
    west, south, east, north = box.degrees()
    assert (west, south, east, north) == pytest.approx(tuple(theirs.bounds(same)), abs=1e-9)
    assert west - 1e-12 <= lon <= east + 1e-12
    assert south - 1e-12 <= lat <= north + 1e-12


@pytest.mark.parametrize("name", REGISTERED)
def test_the_document_is_the_register_s(name: str) -> None:
    ours = MATRIX_SETS[name].to_json()
    theirs = json.loads(morecantile.tms.get(name).model_dump_json(exclude_none=True))
    for key in ("id", "uri", "crs", "wellKnownScaleSet"):
        assert ours[key] == theirs[key]
    for mine, other in zip(matrices(ours), theirs["tileMatrices"], strict=False):
        assert mine.keys() == other.keys()
        for key, value in mine.items():
            assert value == (other[key] if isinstance(value, str) else pytest.approx(other[key], rel=1e-9))


def matrices(document: dict[str, object]) -> list[dict[str, Any]]:
    """Return the matrices of a document."""
    found = document["tileMatrices"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("name", list(MATRIX_SETS))
def test_morecantile_reads_every_document_and_finds_the_same_tiles(name: str) -> None:
    matrix = MATRIX_SETS[name]
    theirs = morecantile.TileMatrixSet.model_validate(json.loads(json.dumps(matrix.to_json())))
    assert (theirs.minzoom, theirs.maxzoom) == (matrix.first, DEEPEST)
    for lon, lat in PLACES:
        for zoom in (matrix.first, 7, 14):
            tile = theirs.tile(lon, lat, zoom)
            assert (zoom, tile.y, tile.x) in list(matrix.cover((lon, lat, lon, lat), zoom))


def test_tianditu_counts_the_squares_of_degrees_from_one() -> None:
    world, tianditu = MATRIX_SETS["WorldCRS84Quad"], MATRIX_SETS["TiandituC"]
    for zoom in range(DEEPEST):
        (address,) = world.cover((118.05, 36.8, 118.05, 36.8), zoom)
        (other,) = tianditu.cover((118.05, 36.8, 118.05, 36.8), zoom + 1)
        assert other == (zoom + 1, *address[1:])
        assert world.box(*address).degrees() == tianditu.box(*other).degrees()
    # In level 13 of its vec_c, 8,192 squares go round the globe.
    assert list(tianditu.cover((118.05, 36.8, 118.05, 36.8), 13)) == [(13, 1210, 6782)]
    first = matrices(tianditu.to_json())[0]
    assert (first["id"], first["matrixWidth"], first["matrixHeight"]) == ("1", 2, 1)
    # EPSG:4490 has latitude before longitude.
    assert first["pointOfOrigin"] == [90.0, -180.0]
    assert tianditu.to_json()["orderedAxes"] == ["Lat", "Lon"]


@pytest.mark.parametrize("name", list(MATRIX_SETS))
def test_a_margin_widens_a_box_by_its_share_and_stays_on_the_globe(name: str) -> None:
    matrix = MATRIX_SETS[name]
    inner, outer = matrix.box(10, 300, 800), matrix.box(10, 300, 800).degrees(0.5)
    corners = np.array([[outer[0], outer[3]], [outer[2], outer[1]]])
    np.testing.assert_allclose(inner.to_units(corners, 100), [[-50, -50], [150, 150]], atol=1e-6)
    west, south, east, north = matrix.box(matrix.first, 0, 0).degrees(0.25)
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90


@pytest.mark.parametrize("name", list(MATRIX_SETS))
def test_cover_takes_every_tile_that_shares_ground_and_none_that_touches(name: str) -> None:
    matrix = MATRIX_SETS[name]
    west, south, east, north = matrix.box(12, 1500, 3300).degrees()
    dx, dy = (east - west) * 1e-6, (north - south) * 1e-6
    assert list(matrix.cover((west + dx, south + dy, east - dx, north - dy), 12)) == [(12, 1500, 3300)]
    wide = matrix.cover((west - dx, south - dy, east + dx, north + dy), 12)
    assert len(wide) == 9
    assert set(wide) == {(12, row, column) for row in (1499, 1500, 1501) for column in (3299, 3300, 3301)}
    limits = wide.to_json()
    assert limits == {
        "tileMatrix": "12", "minTileRow": 1499, "maxTileRow": 1501, "minTileCol": 3299, "maxTileCol": 3301,
    }  # fmt: skip
    whole = matrix.cover((-180, -90, 180, 90), matrix.first + 2)
    assert len(whole) == 16 * matrix.rows * matrix.columns
    assert list(matrix.cover((200.0, 95.0, 210.0, 99.0), matrix.first + 2)) == [
        (matrix.first + 2, 0, 4 * matrix.columns - 1)
    ]
    for box in ((2.0, 0.0, 1.0, 1.0), (0.0, 2.0, 1.0, 1.0), (float("nan"), 0.0, 1.0, 1.0)):
        with pytest.raises(InputError, match="no box"):
            matrix.cover(box, 5)


@pytest.mark.parametrize(
    ("name", "zoom", "row", "column", "allowed"),
    [
        ("WebMercatorQuad", -1, 0, 0, "0 to 22"),
        ("WebMercatorQuad", 23, 0, 0, "0 to 22"),
        ("WebMercatorQuad", 3, 8, 0, "0 to 7"),
        ("WebMercatorQuad", 3, 0, -1, "0 to 7"),
        ("WorldCRS84Quad", 3, 8, 0, "0 to 7"),
        ("WorldCRS84Quad", 3, 0, 16, "0 to 15"),
        ("TiandituC", 0, 0, 0, "1 to 22"),
        ("TiandituC", 1, 0, 2, "0 to 1"),
        ("TiandituC", "1", "0", "01a", "0 to 1"),
        ("TiandituC", "１", "0", "0", "1 to 22"),
        ("TiandituC", "+1", "0", "0", "1 to 22"),
        ("TiandituC", "", "0", "0", "1 to 22"),
        ("TiandituC", "9" * 5000, "0", "0", "1 to 22"),
    ],
)
def test_addresses_without_a_tile_are_refused_with_what_is_allowed(
    name: str, zoom: int | str, row: int | str, column: int | str, allowed: str
) -> None:
    with pytest.raises(InputError, match=f"allowed: {allowed}") as caught:
        MATRIX_SETS[name].box(zoom, row, column)
    assert allowed.replace(" to ", " 到 ") in caught.value.message_zh
    assert len(caught.value.message_zh) < 120


def test_addresses_may_be_text_and_sets_are_found_by_name() -> None:
    assert matrix_set("TiandituC").box("3", "2", "5") == MATRIX_SETS["TiandituC"].box(3, 2, 5)
    with pytest.raises(NotFoundError, match="WebMercatorQuad"):
        matrix_set("GoogleMaps")
