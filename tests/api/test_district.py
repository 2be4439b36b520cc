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
from tests.api.test_app import take_gone_district, take_role
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
    take_gone_district(client, "planner", district)


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


def test_closed_facilities_and_internal_facts_end_at_the_district(client: TestClient) -> None:
    """Everybody reads open facilities; what only the bureau knows of one is for those of its district."""
    take_role(client, "data_steward")
    lon, lat = town.position(1500.0)
    new = {"type": "senior_canteen", "name": "东边食堂", "lon": lon, "lat": lat, "attributes": {"seats": 40}}
    made = client.post("/api/facilities", json=new)
    assert made.status_code == 201, made.text
    uid = made.json()["uid"]

    def look(district: str | None) -> tuple[tuple[bool, bool, int, bool, int, bool], int, int]:
        client.post("/api/session/demo", json={"role": "data_steward", "district": district})
        items = client.get("/ogc/collections/facilities_eldercare/items").json()["features"]
        listed = client.get("/api/facilities?q=东边").json()
        one = client.get(f"/api/facilities/{uid}")
        exported = client.get("/ogc/collections/facilities_eldercare/export?f=csv").content.decode("utf-8-sig")
        tile = client.get("/ogc/collections/facilities_eldercare/tiles/WebMercatorQuad/0/0/0").content
        return (
            "东边食堂" in str(items),
            "东边食堂" in exported,
            listed["matched"],
            "attributes" in str(listed["facilities"]),
            one.status_code,
            "attributes" in one.text,
        ), client.get(f"/api/facilities/{uid}/versions").status_code, sum(_counts(tile))

    assert look(None)[:2] == ((True, True, 1, True, 200, True), 200)
    assert look(EAST)[:2] == ((True, True, 1, True, 200, True), 200)
    assert look(WEST)[:2] == ((True, True, 1, False, 200, False), 404), "open: what everybody reads, and no more"
    take_role(client, "data_steward")
    etag = client.get(f"/api/facilities/{uid}").headers["etag"]
    closed = client.post(f"/api/facilities/{uid}/close", json={}, headers={"If-Match": etag})
    assert closed.status_code == 200, closed.text
    uid = closed.json()["uid"]
    whole = look(None)
    assert whole[:2] == ((True, True, 1, True, 200, True), 200)
    assert look(EAST) == whole
    foreign = look(WEST)
    assert foreign[:2] == ((False, False, 0, False, 404, False), 404)
    assert foreign[2] == whole[2] - 1


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
