"""Archives of tiles on both stores: the tiles of the route, each once, in order, read by two other programs."""

from __future__ import annotations

import gzip
from pathlib import Path

import geopandas as gpd
import mapbox_vector_tile
import pyogrio
import pytest
import shapely
from pmtiles.reader import MemorySource, Reader, all_tiles
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from starlette.testclient import TestClient

from geo.catalog.map_layer import PUBLIC, map_layers
from geo.export.pmtiles import ArchiveHead, tile_order, write_pmtiles
from geo.services import tile_archive
from geo.services.demo import IS_SYNTHETIC
from geo.store import open_store, state
from geo.tiles.matrix import MATRIX_SETS
from tests.api.conftest import Served
from tests.api.test_export import LAYERS, exported, home, items
from tests.store.frames import bring_in, facilities, segments


def archive(client: TestClient, layer: str, **query: str) -> Reader:
    return Reader(MemorySource(exported(client, layer, "pmtiles", **query)))


def tiles_of(reader: Reader) -> dict[tuple[int, int, int], bytes]:
    return dict(all_tiles(reader.get_bytes))


@pytest.mark.parametrize("layer", LAYERS)
def test_the_tiles_of_an_archive_are_those_of_the_route(served: Served, layer: str) -> None:
    client = served("planner")
    features = items(client, layer)
    last = map_layers()[layer].zoom + 1
    answer = client.get(f"{home(layer)}/export?f=pmtiles&maxzoom={last}")
    if not features:
        assert answer.status_code == 400
        return
    found = tiles_of(Reader(MemorySource(answer.content)))
    extent = client.get(home(layer)).json()["extent"]["spatial"]["bbox"][0]
    seen = 0
    for zoom in range(last + 1):
        cover = MATRIX_SETS["WebMercatorQuad"].cover(tuple(extent), zoom)
        for _, row, column in list(cover)[:: max(1, len(cover) // 60)]:
            body = client.get(f"{home(layer)}/tiles/WebMercatorQuad/{zoom}/{row}/{column}").content
            kept = found.get((zoom, column, row))
            assert (gzip.decompress(kept) if kept else b"") == body, (zoom, row, column)
            seen += bool(body)
    assert seen > last


def test_an_archive_is_clustered_along_hilberts_curve_and_says_what_it_holds(served: Served, store_url: str) -> None:
    with open_store(store_url) as store, store.session() as session:
        state.write_fact(session, IS_SYNTHETIC, "true")
    client = served(PUBLIC)
    reader = archive(client, "streets", minzoom="9", maxzoom="14")
    header, metadata = reader.header(), reader.metadata()
    assert header["clustered"]
    assert (header["tile_type"], header["tile_compression"]) == (TileType.MVT, Compression.GZIP)
    assert (header["min_zoom"], header["max_zoom"]) == (9, 14)
    west, south, east, north = client.get(home("streets")).json()["extent"]["spatial"]["bbox"][0]
    edges = [header[name] / 1e7 for name in ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7")]
    assert edges == pytest.approx([west, south, east, north], abs=1e-6)
    numbers = [zxy_to_tileid(*address) for address in tiles_of(reader)]
    assert numbers == sorted(numbers)
    by_id = {one["id"]: one for one in metadata["vector_layers"]}
    assert (by_id["streets"]["minzoom"], by_id["streets"]["maxzoom"]) == (13, 14)
    assert set(by_id["streets"]["fields"]) == set(map_layers()["streets"].fields)
    assert (by_id["streets_counts"]["minzoom"], by_id["streets_counts"]["maxzoom"]) == (9, 12)
    assert (metadata["is_synthetic"], metadata["classification"]) == (True, "public")
    assert "示例数据" in metadata["description"]
    assert metadata["attribution"]


def test_gdal_reads_every_feature_of_an_archive(served: Served, store_url: str, tmp_path: Path) -> None:
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments(300, 3), source="more.csv")
    client = served(PUBLIC)
    path = tmp_path / "a.pmtiles"
    path.write_bytes(exported(client, "streets", "pmtiles", maxzoom="13"))
    frame: gpd.GeoDataFrame = pyogrio.read_dataframe(path, layer="streets")
    expected = items(client, "streets")
    assert set(frame["id"]) == {one["properties"]["id"] for one in expected}
    assert frame.crs.to_epsg() == 3857
    metres = items(client, "streets", crs="EPSG:3857")
    places = {one["properties"]["id"]: shapely.Point(one["geometry"]["coordinates"][0]) for one in metres}
    near = [shape.distance(places[key]) for key, shape in zip(frame["id"], frame.geometry, strict=True)]
    # A street lies in the tiles it runs through; in one of them, its first corner is within a unit or two.
    assert frame.assign(near=near).groupby("id")["near"].min().max() < 5.0


def test_rows_are_chosen_for_tiles_as_for_items(served: Served, store_url: str) -> None:
    rows = facilities()
    rows.loc[0, "status"] = "suspended"
    with open_store(store_url) as store:
        bring_in(store, "facilities", rows)

    def ids(client: TestClient, **query: str) -> set[str]:
        return {
            feature["properties"]["id"]
            for body in tiles_of(archive(client, "facilities_eldercare", minzoom="10", maxzoom="11", **query)).values()
            for feature in mapbox_vector_tile.decode(gzip.decompress(body))["facilities_eldercare"]["features"]
        }

    assert ids(served(PUBLIC)) == {"2", "3", "4"}
    assert ids(served("planner")) == {"1", "2", "3", "4"}
    assert ids(served("planner"), filter="id > '2'") == {"3", "4"}
    assert ids(served("planner"), status="suspended") == {"1"}


def test_like_tiles_are_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "a.pmtiles"
    addresses = sorted(((3, x, y) for x in range(8) for y in range(8)), key=tile_order)
    bodies = [gzip.compress(bytes([number % 2]) * 100, mtime=0) for number, _ in enumerate(addresses)]
    head = ArchiveHead((-180.0, -85.0, 180.0, 85.0), 3, {"vector_layers": []})
    assert write_pmtiles(path, zip(addresses, bodies, strict=True), head) == 64
    reader = Reader(MemorySource(path.read_bytes()))
    header = reader.header()
    assert (header["addressed_tiles_count"], header["tile_contents_count"]) == (64, 2)
    assert header["tile_data_length"] == len(bodies[0]) + len(bodies[1])
    for (zoom, x, y), body in zip(addresses, bodies, strict=True):
        assert reader.get(zoom, x, y) == body
    with pytest.raises(ValueError, match="order"):
        write_pmtiles(path, [(addresses[1], b"x"), (addresses[0], b"x")], head)


@pytest.mark.parametrize(
    "query",
    ["minzoom=9&maxzoom=8", "maxzoom=23", "minzoom=-1", "crs=EPSG:4490", "bbox=1,1,2,2", "name=没有"],
)
def test_archives_that_cannot_be_made_are_problems(served: Served, query: str) -> None:
    answer = served(PUBLIC).get(f"{home('streets')}/export?f=pmtiles&{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "input"


def test_zooms_go_with_tiles_only(served: Served) -> None:
    answer = served(PUBLIC).get(f"{home('streets')}/export?f=csv&maxzoom=9")
    assert answer.status_code == 400
    assert "pmtiles" in answer.json()["message_zh"]


def test_too_many_tiles_are_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_archive, "MOST_TILES", 100)
    client = served(PUBLIC)
    answer = client.get(f"{home('streets')}/export?f=pmtiles&maxzoom=16")
    assert answer.status_code == 400
    assert "maxzoom" in answer.json()["message_zh"]
    assert client.get(f"{home('streets')}/export?f=pmtiles&maxzoom=8").status_code == 200
