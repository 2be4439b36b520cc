"""The base map on both stores: public layers only, served by ranges as readers of PMTiles want them."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import mapbox_vector_tile
import pyogrio
import pytest
from pmtiles.reader import MemorySource, Reader, all_tiles
from starlette.testclient import TestClient

from api.basemap import UnsatisfiableError, byte_range
from geo.catalog.map_layer import PUBLIC, map_layers
from geo.services.basemap import BASEMAP_LAYERS, basemap_path, build_basemap
from geo.store import open_store
from tests.api.conftest import Served
from tests.cli.conftest import Run
from tests.store.frames import bring_in, segments

PATH = "/basemap.pmtiles"


@pytest.fixture
def built(served: Served, store_url: str, tmp_path: Path) -> tuple[TestClient, bytes]:
    """Return a client of a server with a base map, and the archive."""
    with open_store(store_url) as store, store.session(write=False) as session:
        path = basemap_path(tmp_path / "cache", store.store_id)
        build_basemap(session, path, last_zoom=13)
    return served(PUBLIC), path.read_bytes()


def test_without_a_base_map_there_is_none(served: Served) -> None:
    answer = served(PUBLIC).get(PATH)
    assert answer.status_code == 404
    assert "fangyu basemap build" in answer.json()["message_zh"]


def test_it_is_sent_whole_and_by_ranges(built: tuple[TestClient, bytes]) -> None:
    client, content = built
    whole = client.get(PATH)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["content-type"] == "application/vnd.pmtiles"
    assert whole.headers["accept-ranges"] == "bytes"
    size = len(content)
    for header, begin, end in (
        ("bytes=0-126", 0, 127), ("bytes=127-", 127, size), ("bytes=-50", size - 50, size), ("bytes=5-5", 5, 6),
        (f"bytes=10-{size + 99}", 10, size), (f"bytes=-{size + 5}", 0, size), ("Bytes = 1-2".replace(" ", ""), 1, 3),
    ):  # fmt: skip
        answer = client.get(PATH, headers={"range": header})
        assert (answer.status_code, answer.content) == (206, content[begin:end]), header
        assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/{size}"
        assert int(answer.headers["content-length"]) == end - begin
        assert answer.headers["etag"] == whole.headers["etag"]


def test_ranges_that_are_none_are_refused_or_ignored(built: tuple[TestClient, bytes]) -> None:
    client, content = built
    for header in (f"bytes={len(content)}-", "bytes=0-1,5-9", "bytes=-0", f"bytes={10**17}-"):
        answer = client.get(PATH, headers={"range": header})
        assert answer.status_code == 416, header
        assert answer.headers["content-range"] == f"bytes */{len(content)}"
        assert answer.headers["content-type"] == "application/problem+json"
    for header in ("bytes=9-2", "bytes=a-b", "bytes=-", "lines=1-2", "bytes"):
        answer = client.get(PATH, headers={"range": header})
        assert (answer.status_code, answer.content) == (200, content), header


def test_a_piece_of_another_file_is_never_sent(built: tuple[TestClient, bytes], store_url: str, tmp_path: Path) -> None:
    client, content = built
    tag = client.head(PATH).headers["etag"]
    first = {"range": "bytes=0-9"}
    assert client.get(PATH, headers={**first, "if-range": tag}).status_code == 206
    assert client.get(PATH, headers={**first, "if-range": '"other"'}).content == content
    assert client.get(PATH, headers={"if-none-match": tag}).status_code == 304
    assert client.get(PATH, headers={**first, "if-match": tag}).status_code == 206
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments(90, 4), source="more.csv")
        with store.session(write=False) as session:
            build_basemap(session, basemap_path(tmp_path / "cache", store.store_id), last_zoom=13)
    changed = client.get(PATH, headers={**first, "if-range": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert len(changed.content) > len(content)
    assert client.get(PATH, headers={**first, "if-match": tag}).status_code == 412
    assert client.get(PATH, headers={"if-none-match": tag}).status_code == 200


def test_head_tells_the_size_and_sends_nothing(built: tuple[TestClient, bytes]) -> None:
    client, content = built
    for headers in ({}, {"range": "bytes=0-9"}):
        answer = client.head(PATH, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) == len(content)
    assert client.get(f"{PATH}?x=1").status_code == 400
    assert client.post(PATH).status_code == 405


def test_it_holds_public_layers_and_nothing_else(built: tuple[TestClient, bytes], tmp_path: Path) -> None:
    client, content = built

    def source(offset: int, length: int) -> bytes:
        answer = client.get(PATH, headers={"range": f"bytes={offset}-{offset + length - 1}"})
        assert answer.status_code == 206
        return answer.content

    reader = Reader(source)
    metadata = reader.metadata()
    assert [one["id"] for one in metadata["vector_layers"]] == list(BASEMAP_LAYERS)
    assert all(PUBLIC in map_layers()[name].read for name in BASEMAP_LAYERS)
    names: set[str] = set()
    ids: set[str] = set()
    for (zoom, _, _), body in all_tiles(source):
        for name, layer in mapbox_vector_tile.decode(gzip.decompress(body)).items():
            names.add(name)
            assert zoom >= map_layers()[name].zoom
            if name == "streets":
                ids |= {feature["properties"]["id"] for feature in layer["features"]}
    assert names == set(BASEMAP_LAYERS)
    expected = client.get("/ogc/collections/streets/items?limit=10000").json()["features"]
    assert ids == {one["properties"]["id"] for one in expected}
    path = tmp_path / "copy.pmtiles"
    path.write_bytes(content)
    assert {str(name) for name, _ in pyogrio.list_layers(path)} == set(BASEMAP_LAYERS)
    assert Reader(MemorySource(content)).header()["clustered"]


def test_the_command_builds_it_where_the_server_looks(fangyu: Run, store_url: str, tmp_path: Path) -> None:
    assert fangyu("db", "upgrade").code == 0
    nothing = fangyu("basemap", "build", "--json")
    assert (nothing.code, nothing.json()["error"]["code"]) == (3, "input")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments())
        store_id = store.store_id
    done = fangyu("basemap", "build", "--maxzoom", "13", "--json")
    assert done.code == 0, done.err
    said = done.json()
    assert said["out"] == os.fspath(basemap_path(tmp_path / "cache", store_id))
    assert (said["layers"], said["bytes"]) == (list(BASEMAP_LAYERS), Path(said["out"]).stat().st_size)
    assert said["tiles"] == len(list(all_tiles(MemorySource(Path(said["out"]).read_bytes()))))


@pytest.mark.parametrize("size", [1, 2, 10])
def test_every_range_is_the_one_python_would_cut(size: int) -> None:
    content = bytes(range(size))
    for first in ["", *map(str, range(size + 2))]:
        for last in ["", *map(str, range(size + 2))]:
            try:
                part = byte_range(f"bytes={first}-{last}", size)
            except UnsatisfiableError:
                expected = content[-int(last) :] if first == "" and int(last) else content[int(first or size) :]
                assert expected == b""
                continue
            if part is None:
                assert (first, last) == ("", "") or int(last) < int(first)
            elif first == "":
                assert content[slice(*part)] == content[max(size - int(last), 0) :]
            else:
                assert content[slice(*part)] == content[int(first) : (int(last) + 1 if last else None)]
