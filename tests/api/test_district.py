"""A role for one district reads internal layers inside it only: items, counts, features, tiles and exports alike."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import mapbox_vector_tile
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from tests.api.test_app import take_role
from tests.cli import town
from tests.cli.conftest import Run

WEST, EAST = "990101001", "990101002"
"""The town's two townships; the far street lies in neither."""
INSIDE: dict[str, set[str]] = {WEST: {"home", "near"}, EAST: {"far", "nowhere"}, "990199": set()}
"""Demand points by township."""


@pytest.fixture
def client(small_town: Run, store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(settings_for(store_url, tmp_path / "cache", demo=True))
    with TestClient(app, base_url="http://127.0.0.1") as made:
        yield made


def enter(client: TestClient, district: str) -> None:
    body = {"role": "planner", "district": district}
    assert client.post("/api/session/demo", json=body).status_code == 200


@pytest.mark.parametrize("district", INSIDE)
def test_items_counts_and_single_features_end_at_the_district(client: TestClient, district: str) -> None:
    take_role(client, "planner")
    features = client.get("/ogc/collections/demand/items").json()["features"]
    every = {one["properties"]["id"]: one["id"] for one in features}
    assert set(every) == {name for name, *_ in town.PEOPLE}
    enter(client, district)
    answer = client.get("/ogc/collections/demand/items").json()
    seen = {one["properties"]["id"] for one in answer["features"]}
    assert seen == INSIDE[district]
    assert answer["numberMatched"] == len(seen)
    for name, fid in every.items():
        status = client.get(f"/ogc/collections/demand/items/{fid}").status_code
        assert status == (200 if name in seen else 404), name
    for text in ("persons > 0", "id = 'island'", "S_INTERSECTS(geom, POINT(0 0)) OR persons > 0"):
        found = client.get("/ogc/collections/demand/items", params={"filter": text}).json()
        assert {one["properties"]["id"] for one in found.get("features", [])} <= seen
    exported = client.get("/ogc/collections/demand/export?f=csv&lang=en").content.decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(exported))
    assert {row["Id"] for row in rows} == seen


@pytest.mark.parametrize("district", INSIDE)
def test_tiles_of_all_zooms_end_at_the_district(client: TestClient, district: str) -> None:
    take_role(client, "planner")
    whole = client.get("/ogc/collections/demand/tiles/WebMercatorQuad/0/0/0")
    assert sum(_counts(whole.content)) == len(town.PEOPLE)
    enter(client, district)
    for _ in range(2):
        # Made the first time, kept the second; what another role was shown is in neither.
        tile = client.get("/ogc/collections/demand/tiles/WebMercatorQuad/0/0/0")
        assert sum(_counts(tile.content)) == len(INSIDE[district])
    take_role(client, "planner")
    assert client.get("/ogc/collections/demand/tiles/WebMercatorQuad/0/0/0").content == whole.content


def test_what_everybody_reads_has_no_district(client: TestClient) -> None:
    take_role(client, "public")
    for layer in ("streets", "divisions", "facilities_eldercare"):
        whole = client.get(f"/ogc/collections/{layer}/items").json()["numberMatched"]
        enter(client, WEST)
        assert client.get(f"/ogc/collections/{layer}/items").json()["numberMatched"] == whole
        take_role(client, "public")


def test_a_district_that_grows_shows_more_at_once(client: TestClient, small_town: Run, tmp_path: Path) -> None:
    enter(client, WEST)
    assert client.get("/ogc/collections/demand/items").json()["numberMatched"] == 2
    path = town.write_divisions(tmp_path)
    west, east = town.position(1000.0)[0], town.position(2400.0)[0]
    text = path.read_text(encoding="utf-8")
    first, _, second = text.partition('"990101002"')
    path.write_text(first.replace(str(west), str(east)) + '"990101002"' + second, encoding="utf-8")
    assert small_town("import", "divisions", path).code == 0
    assert client.get("/ogc/collections/demand/items").json()["numberMatched"] == 4


def _counts(tile: bytes) -> list[int]:
    """Return the counts of a tile below the zoom of its layer."""
    layers = mapbox_vector_tile.decode(tile)
    return [one["properties"]["count"] for layer in layers.values() for one in layer["features"]]
