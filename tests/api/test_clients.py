"""Real clients against a running server: two generations of GDAL and OWSLib read every collection whole."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pyogrio
import pytest
from owslib.ogcapi.features import Features

from geo.catalog.map_layer import PUBLIC, map_layers
from geo.store import open_store
from tests.store.frames import bring_in, every_layer, segments

PUBLIC_LAYERS = [name for name, layer in map_layers().items() if PUBLIC in layer.read]


@pytest.fixture
def address(store_url: str, tmp_path: Path) -> Iterator[str]:
    """Return the address of a running server."""
    with open_store(store_url) as store:
        for name, frame in every_layer().items():
            bring_in(store, name, frame)
        bring_in(store, "street_segments", segments(260, 3), source="more.csv")
    # In a process of its own: GDAL holds Python's lock while it waits for an answer.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "api.cli.main", "--store", store_url, "--cache", str(tmp_path / "cache")]
    with subprocess.Popen([*command, "serve", "--port", str(port)], stderr=subprocess.DEVNULL) as server:
        home = f"http://127.0.0.1:{port}"
        try:
            _wait_for(server, f"{home}/health")
            yield f"{home}/ogc"
        finally:
            server.terminate()
            server.wait(20)


def _wait_for(server: subprocess.Popen[bytes], url: str) -> None:
    """Wait until the server answers."""
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            if httpx2.get(url, timeout=2).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start: {server.poll()}")


def counts(address: str) -> dict[str, int]:
    return {name: matched(f"{address}/collections/{name}/items?limit=1") for name in PUBLIC_LAYERS}


def matched(url: str) -> int:
    return int(httpx2.get(url).json()["numberMatched"])


def test_the_gdal_inside_pyogrio_reads_every_collection(address: str) -> None:
    found = dict(pyogrio.list_layers(f"OAPIF:{address}"))
    assert set(found) == set(PUBLIC_LAYERS)
    for name, number in counts(address).items():
        if number:
            frame = pyogrio.read_dataframe(f"OAPIF:{address}", layer=name)
            assert len(frame) == number, name
            assert frame.geometry.notna().all()


@pytest.mark.skipif(shutil.which("ogr2ogr") is None, reason="GDAL's programs (gdal-bin) are not installed")
def test_the_gdal_of_the_system_copies_every_collection(address: str, tmp_path: Path) -> None:
    target = tmp_path / "copied.gpkg"
    done = subprocess.run(
        ["ogr2ogr", "-f", "GPKG", str(target), f"OAPIF:{address}"], capture_output=True, text=True, check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    expected = {name: number for name, number in counts(address).items() if number}
    names = [str(name) for name, _ in pyogrio.list_layers(target)]
    copied = {name: int(pyogrio.read_info(target, layer=name)["features"]) for name in names}
    assert {name: number for name, number in copied.items() if number} == expected


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="GDAL's programs (gdal-bin) are not installed")
def test_a_window_of_gdal_becomes_a_box_of_ours(address: str) -> None:
    window = ["117.9", "36.6", "118.2", "36.9"]
    command = ["ogrinfo", "-ro", "-so", "-spat", *window, f"OAPIF:{address}", "streets"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    expected = matched(f"{address}/collections/streets/items?limit=1&bbox={','.join(window)}")
    assert f"Feature Count: {expected}" in done.stdout


def test_owslib_walks_the_service(address: str) -> None:
    service = Features(address)
    assert service.conformance()["conformsTo"]
    assert {one["id"] for one in service.collections()["collections"]} == set(PUBLIC_LAYERS)
    for name, number in counts(address).items():
        assert service.collection(name)["id"] == name
        assert service.collection_queryables(name)["properties"]
        found = service.collection_items(name, limit=10_000)
        assert len(found["features"]) == number
        if number:
            first = found["features"][0]
            assert service.collection_item(name, str(first["id"]))["id"] == first["id"]
