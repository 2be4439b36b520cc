"""Tiles over HTTP on both stores: the same rows as the items, never stale, never silently cut, nothing internal."""

from __future__ import annotations

import time
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
from starlette.testclient import TestClient

from api.tiles.cache import TileCache, TileKey
from geo.catalog.map_layer import PUBLIC, map_layers
from geo.services import tile as make
from geo.services.tile import Tile
from geo.store import open_store
from geo.tiles.matrix import MATRIX_SETS
from tests.api.conftest import Served
from tests.store.frames import bring_in, demand, facilities, segments


def tiles_over(box: tuple[float, float, float, float], matrix: str, zoom: int) -> list[str]:
    chosen = MATRIX_SETS[matrix]
    times = 1 << (zoom - chosen.first)
    corners = np.array([box[:2], box[2:]])
    flat = chosen.crs.forward(corners) if chosen.crs.epsg == 3857 else corners
    columns = ((flat[:, 0] - chosen.left) // (chosen.tile / times)).astype(int)
    rows = ((chosen.top - flat[:, 1]) // (chosen.tile / times)).astype(int)
    return [
        f"{matrix}/{zoom}/{row}/{column}"
        for row in range(rows[1], rows[0] + 1)
        for column in range(columns[0], columns[1] + 1)
    ]


def decoded(client: TestClient, layer: str, tile: str) -> Any:
    answer = client.get(f"/ogc/collections/{layer}/tiles/{tile}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    return mapbox_vector_tile.decode(answer.content) if answer.content else {}


@pytest.mark.parametrize("matrix", list(MATRIX_SETS))
def test_tiles_hold_the_features_that_the_items_hold(served: Served, matrix: str) -> None:
    client = served("planner")
    for name in ("facilities_eldercare", "divisions", "gates", "demand", "residential_land"):
        items = client.get(f"/ogc/collections/{name}/items?limit=10000").json()["features"]
        layer = map_layers()[name]
        zoom = max(layer.zoom, 8) + MATRIX_SETS[matrix].first
        for one in items[:5]:
            coordinates = np.array(list(flat(one["geometry"]["coordinates"]))).reshape(-1, 2)
            place = tuple(coordinates[0])
            (tile,) = tiles_over((*place, *place), matrix, zoom)
            found = decoded(client, name, tile)[name]["features"]
            (same,) = [feature for feature in found if feature["id"] == one["id"]]
            expected = {key: value for key, value in one["properties"].items() if value is not None}
            assert same["properties"] == expected


def flat(values: Any) -> Any:
    for value in values:
        if isinstance(value, list):
            yield from flat(value)
        else:
            yield value


def test_below_their_zoom_features_are_counted_and_none_is_lost(served: Served, store_url: str) -> None:
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments(400), source="more.csv")
    client = served(PUBLIC)
    matched = client.get("/ogc/collections/streets/items?limit=1").json()["numberMatched"]
    for zoom in (0, 4, 8, 11):
        total = 0
        for tile in tiles_over((117, 36, 119, 38), "WebMercatorQuad", zoom):
            found = decoded(client, "streets", tile)
            assert set(found) <= {"streets_counts"}
            squares = found.get("streets_counts", {"features": []})["features"]
            total += sum(one["properties"]["count"] for one in squares)
        assert total == matched


def test_a_change_shows_in_the_next_tile(served: Served, store_url: str) -> None:
    client, other = served(PUBLIC), served(PUBLIC)
    (tile,) = tiles_over((118.0, 36.8, 118.0, 36.8), "WebMercatorQuad", 12)
    path = f"/ogc/collections/facilities_eldercare/tiles/{tile}"
    first = client.get(path)
    again = client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    rows = facilities()
    for number in range(5):
        rows.loc[0, "name"] = f"新名 {number}"
        with open_store(store_url) as store:
            bring_in(store, "facilities", rows)
        for one in (client, other):
            answer = one.get(path, headers={"if-none-match": first.headers["etag"]})
            assert answer.status_code == 200
            names = {
                feature["properties"]["name"]
                for feature in mapbox_vector_tile.decode(answer.content)["facilities_eldercare"]["features"]
            }
            assert f"新名 {number}" in names


def test_the_public_sees_in_tiles_what_it_sees_in_items(served: Served, store_url: str) -> None:
    rows = facilities()
    rows.loc[0, "status"] = "suspended"
    with open_store(store_url) as store:
        bring_in(store, "facilities", rows)
    (tile,) = tiles_over((118.0, 36.8, 118.0, 36.8), "WebMercatorQuad", 10)
    # The planner's tile is made first: it must not be what the public gets from the cache.
    for role, expected in (("planner", {"1", "2", "3", "4"}), (PUBLIC, {"2", "3", "4"})):
        found = decoded(served(role), "facilities_eldercare", tile)["facilities_eldercare"]["features"]
        assert {one["properties"]["id"] for one in found} == expected


def test_no_tile_of_any_layer_shows_the_public_where_older_people_live(served: Served) -> None:
    client = served(PUBLIC)
    for name, layer in map_layers().items():
        for zoom in (0, 9, 14, 18):
            for tile in tiles_over((118.1, 36.81, 118.1, 36.81), "WebMercatorQuad", zoom):
                answer = client.get(f"/ogc/collections/{name}/tiles/{tile}")
                if PUBLIC not in layer.read:
                    assert answer.status_code == 404, (name, tile)
                    continue
                found = mapbox_vector_tile.decode(answer.content) if answer.content else {}
                assert "demand" not in found
                for part in found.values():
                    for feature in part["features"]:
                        assert not any(key.startswith("persons") for key in feature["properties"])


def test_a_tile_that_cannot_hold_everything_says_so(
    served: Served, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served("planner")
    (tile,) = tiles_over((118.1, 36.81, 118.1, 36.81), "WebMercatorQuad", 14)
    before = len(decoded(client, "demand", tile)["demand"]["features"])
    monkeypatch.setattr(make, "MOST_FEATURES", 2)
    rows = demand(7)
    with open_store(store_url) as store:
        bring_in(store, "demand_points", rows, source="more.csv")
    answer = client.get(f"/ogc/collections/demand/tiles/{tile}")
    whole = int(answer.headers["tile-truncated"].removeprefix("2/"))
    assert whole > before > 2
    found = mapbox_vector_tile.decode(answer.content)
    assert len(found["demand"]["features"]) == 2
    assert found["_truncated"]["features"][0]["properties"] == {"layer": "demand", "shown": 2, "whole": whole}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("streets/tiles/WebMercatorQuad/3/8/0", 400),
        ("streets/tiles/WebMercatorQuad/99/0/0", 400),
        ("streets/tiles/WebMercatorQuad/x/0/0", 400),
        ("streets/tiles/WebMercatorQuad/-1/0/0", 400),
        ("streets/tiles/WebMercatorQuad/3/0/0?token=1", 400),
        ("streets/tiles/WebMercatorQuad/3/0/0?f=png", 400),
        ("streets/tiles/Nowhere/3/0/0", 404),
        ("secrets/tiles/WebMercatorQuad/3/0/0", 404),
        ("streets/tiles/TiandituC/0/0/0", 400),
    ],
)
def test_addresses_without_a_tile_are_problems(served: Served, path: str, status: int) -> None:
    answer = served(PUBLIC).get(f"/ogc/collections/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_clients_without_compression_get_plain_tiles(served: Served) -> None:
    client = served(PUBLIC)
    (tile,) = tiles_over((118.7, 36.5, 118.7, 36.5), "WebMercatorQuad", 8)
    path = f"/ogc/collections/divisions/tiles/{tile}"
    packed = client.get(path)
    plain = client.get(path, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content != b""


def test_tilesets_describe_themselves(served: Served) -> None:
    client = served(PUBLIC)
    for one in client.get("/ogc/tileMatrixSets").json()["tileMatrixSets"]:
        matrix = client.get(f"/ogc/tileMatrixSets/{one['id']}").json()
        assert matrix["tileMatrices"][0]["tileWidth"] == 256
    for tileset in client.get("/ogc/collections/streets/tiles").json()["tilesets"]:
        found = client.get(tileset["links"][0]["href"]).json()
        template = next(link["href"] for link in found["links"] if link.get("templated"))
        limits = found["tileMatrixSetLimits"][3]
        address = (
            template.replace("{tileMatrix}", limits["tileMatrix"])
            .replace("{tileRow}", str(limits["maxTileRow"]))
            .replace("{tileCol}", str(limits["maxTileCol"]))
        )
        assert client.get(address).status_code == 200
    tilejson = client.get("/ogc/collections/streets/tiles/WebMercatorQuad?f=tilejson").json()
    assert tilejson["tilejson"] == "3.0.0"
    tilesets = client.get("/ogc/collections/streets/tiles").json()["tilesets"]
    (listed,) = [one for one in tilesets if "Mercator" in str(one)]
    (link,) = [one["href"] for one in listed["links"] if one["rel"] == "alternate"]
    assert client.get(link).json() == tilejson
    assert "{z}/{y}/{x}" in tilejson["tiles"][0]
    assert set(tilejson["vector_layers"][0]["fields"]) == set(map_layers()["streets"].fields)
    for name, layer in map_layers().items():
        answer = client.get(f"/ogc/collections/{name}/style")
        assert answer.status_code == (200 if PUBLIC in layer.read else 404)
        if answer.status_code == 200:
            assert layer.colour in answer.text
    streets = "collections/streets"
    for path in ("tileMatrixSets", "tileMatrixSets/WebMercatorQuad", f"{streets}/tiles", f"{streets}/style"):
        assert client.get(f"/ogc/{path}?x=1").status_code == 400


def test_the_cache_lets_go_of_what_was_asked_for_longest_ago() -> None:
    cache = TileCache(250)
    keys = [TileKey("a", "m", 1, 0, number, "p", "s") for number in range(4)]
    for key in keys[:2]:
        cache.put(key, Tile(b"x" * 100, 1, 1, ""))
    assert cache.get(keys[0]) is not None
    cache.put(keys[2], Tile(b"x" * 100, 1, 1, ""))
    assert cache.get(keys[1]) is None
    assert cache.get(keys[0]) is not None
    cache.put(keys[3], Tile(b"x" * 900, 1, 1, ""))
    assert [cache.get(key) is not None for key in keys] == [False, False, False, True]


def test_a_cache_without_room_keeps_nothing() -> None:
    cache, key = TileCache(0), TileKey("a", "m", 1, 0, 0, "p", "s")
    cache.put(key, Tile(b"x", 1, 1, ""))
    assert cache.get(key) is None


def test_a_kept_tile_and_one_that_the_client_has_need_no_database(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served(PUBLIC)
    (tile,) = tiles_over((118.7, 36.5, 118.7, 36.5), "WebMercatorQuad", 8)
    path = f"/ogc/collections/divisions/tiles/{tile}"
    first = client.get(path)
    until = time.monotonic() + 5
    while client.app.state.watch.present() is None and time.monotonic() < until:  # type: ignore[attr-defined]
        time.sleep(0.01)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(client.app.state.store, "session", refuse)  # type: ignore[attr-defined]
    again = client.get(path)
    assert (again.status_code, again.content) == (200, first.content)
    assert dict(again.headers) == dict(first.headers)
    known = {"if-none-match": first.headers["etag"]}
    assert client.get(path, headers=known).status_code == 304
    with pytest.raises(AssertionError, match="the database was asked"):
        client.get(path.replace("divisions", "streets"))


def test_when_the_present_state_is_not_known_the_database_is_asked(
    served: Served, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served(PUBLIC)
    monkeypatch.setattr(client.app.state.watch, "present", lambda: None)  # type: ignore[attr-defined]
    (tile,) = tiles_over((118.0, 36.8, 118.0, 36.8), "WebMercatorQuad", 12)
    path = f"/ogc/collections/facilities_eldercare/tiles/{tile}"
    tag = client.get(path).headers["etag"]
    assert client.get(path, headers={"if-none-match": tag}).status_code == 304
    with open_store(store_url) as store:
        bring_in(store, "facilities", facilities(7))
    assert client.get(path, headers={"if-none-match": tag}).status_code == 200
