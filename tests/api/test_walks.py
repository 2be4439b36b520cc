"""Isochrones, services within a walk, and what the numbers mean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import shapely
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from geo.catalog.load import facility_types, indicators
from geo.catalog.map_layer import map_layers
from tests.api.test_app import take_role
from tests.cli import town
from tests.cli.conftest import Run


@pytest.fixture
def anybody(small_town: Run, store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    more = town.write_facilities(tmp_path, [("C2", 300.0), ("C10", 300.0), ("C3", 1900.0)], name="more.csv")
    assert small_town("import", "facilities", more, "--type", "senior_canteen", "--datum", "cgcs2000").code == 0
    app = create_app(settings_for(store_url, tmp_path / "cache", demo=True))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def where(east: float, north: float = 0.0) -> dict[str, object]:
    lon, lat = town.position(east, north)
    return {"lon": lon, "lat": lat}


def test_services_come_nearest_first_with_the_walk_to_their_door(anybody: TestClient) -> None:
    answer = anybody.get("/api/nearest-services", params={**where(500.0, 30.0), "type": "senior_canteen"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    (found,) = body["types"]
    assert [one["name"] for one in found["facilities"]] == ["食堂C10", "食堂C2", "食堂C1"], "equal walks by id"
    walks = [one["walk_m"] for one in found["facilities"]]
    assert walks == pytest.approx([230.0, 230.0, 530.0], abs=0.5)
    assert [one["walk_s"] for one in found["facilities"]] == pytest.approx([walk / 0.9 for walk in walks], abs=0.11)
    assert body["access_m"] == pytest.approx(30.0, abs=0.2)
    nearest = anybody.get(
        "/api/nearest-services", params={**where(500.0), "type": "senior_canteen", "most": 1, "minutes": 60}
    ).json()["types"][0]["facilities"]
    assert [one["name"] for one in nearest] == ["食堂C10"]
    assert anybody.get(nearest[0]["href"]).json()["name"] == "食堂C10"


def test_the_services_are_those_whose_coverage_run_reaches_the_place(anybody: TestClient) -> None:
    for east in (0.0, 250.0, 811.0, 1095.0, 1400.0, 2000.0):
        params = {**where(east), "type": "senior_canteen", "minutes": 15}
        found = anybody.get("/api/nearest-services", params=params).json()["types"][0]["facilities"]
        expected = sorted(abs(east - at) for at in (0.0, 300.0, 300.0, 1900.0) if abs(east - at) <= 15 * 60 * 0.9)
        assert [one["walk_m"] for one in found] == pytest.approx(expected, abs=0.5)


def test_every_type_is_listed_where_none_is_named(anybody: TestClient) -> None:
    found = anybody.get("/api/nearest-services", params=where(0.0)).json()["types"]
    assert [one["type"] for one in found] == list(facility_types())
    assert sum(len(one["facilities"]) for one in found) == 3


def test_isochrones_are_drawn_largest_first_and_hold_one_another(anybody: TestClient) -> None:
    answer = anybody.get("/api/isochrones", params={**where(1000.0), "minutes": [5, 10, 15]})
    assert answer.headers["content-type"] == "application/geo+json"
    features = answer.json()["features"]
    assert [one["properties"]["minutes"] for one in features] == [15, 10, 5]
    shapes = [shapely.from_geojson(str(one["geometry"]).replace("'", '"').replace("(", "[").replace(")", "]"))
              for one in features]  # fmt: skip
    assert shapes[0].buffer(1e-6).covers(shapes[1])
    assert shapes[1].buffer(1e-6).covers(shapes[2])
    lon, _ = town.position(1000.0 + 15 * 60 * 0.9 - 10)
    assert shapes[0].covers(shapely.Point(lon, town.LAT0))


@pytest.mark.parametrize(
    ("path", "params", "status", "word"),
    [
        ("isochrones", {"lon": 0, "lat": 0, "minutes": 5}, 422, "150"),
        ("nearest-services", {"lon": 0, "lat": 0}, 422, "150"),
        ("isochrones", where(0.0), 400, "minutes"),
        ("isochrones", {**where(0.0), "minutes": [1, 2, 3, 4, 5, 6, 7]}, 400, "6"),
        ("isochrones", {**where(0.0), "minutes": 61}, 400, "60"),
        ("isochrones", {**where(0.0), "minutes": 5, "colour": "red"}, 400, "colour"),
        ("isochrones", {"lon": "east", "lat": 91, "minutes": 5}, 400, "lat"),
        ("isochrones", {"lon": "nan", "lat": 1, "minutes": 5}, 400, "lon"),
        ("isochrones", {**where(0.0), "minutes": 5, "at": "someday"}, 400, "someday"),
        ("nearest-services", {**where(0.0), "type": "teahouse"}, 400, "teahouse"),
        ("nearest-services", {**where(0.0), "most": 0}, 400, "most"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(
    anybody: TestClient, path: str, params: dict[str, object], status: int, word: str
) -> None:
    answer = anybody.get(f"/api/{path}", params=params)
    assert answer.status_code == status, answer.text
    assert word in answer.json()["message_zh"]


def test_new_streets_are_walked_at_once(anybody: TestClient, small_town: Run, tmp_path: Path) -> None:
    params = {**where(0.0, 2000.0), "type": "senior_canteen", "minutes": 60}
    before = anybody.get("/api/nearest-services", params=params).json()["types"][0]["facilities"]
    assert before == []
    (_, south), (_, north) = town.position(0.0, 0.0), town.position(0.0, 2000.0)
    text = (tmp_path / "streets.osm").read_text(encoding="utf-8")
    way = '<way id="3" version="1"><nd ref="1"/><nd ref="22"/><tag k="highway" v="footway"/></way>'
    (tmp_path / "streets.osm").write_text(text.replace("</osm>", f"{way}</osm>"), encoding="utf-8")
    assert small_town("import", "streets", tmp_path / "streets.osm").code == 0
    after = anybody.get("/api/nearest-services", params=params).json()["types"][0]["facilities"]
    assert after[0]["name"] == "食堂C1"
    assert after[0]["walk_m"] == pytest.approx((north - south) / town.DEG_PER_M_LAT, rel=1e-3)


def test_every_indicator_outcome_and_limit_is_explained(anybody: TestClient) -> None:
    body = anybody.get("/api/definitions").json()
    assert [one["id"] for one in body["indicators"]] == [one.id for one in indicators().values()]
    assert all(one["formula"] and one["title_zh"] for one in body["indicators"])
    assert [one["name"] for one in body["statuses"]] == [
        "covered", "too_far", "gate_closed", "disconnected", "not_linked",
    ]  # fmt: skip
    assert body["walking"]["default_speed_mps"] == 0.9
    assert body["privacy"]["minimum_persons"] == 10
    for slug in facility_types():
        kind = anybody.get(f"/api/definitions/facility-types/{slug}").json()
        assert kind["slug"] == slug
        assert {"name", "kind", "title_zh"} <= set(kind["attributes"][0])
        assert all(limit["citation_zh"] and limit["certainty_zh"] for limit in kind["thresholds"])
    assert len(anybody.get("/api/definitions/facility-types").json()["types"]) == len(facility_types())
    assert anybody.get("/api/definitions/facility-types/teahouse").status_code == 404


def test_local_limits_are_listed_with_the_national_ones(anybody: TestClient) -> None:
    path = "/api/definitions/facility-types/senior_canteen"
    national = {one["id"]: one for one in anybody.get(path).json()["thresholds"]}
    found = {
        code: {one["id"]: one for one in anybody.get(path, params={"region": code}).json()["thresholds"]}
        for code in ("370200", "110000")
    }
    assert found["110000"] == national
    assert anybody.get(path, params={"region": "x"}).status_code == 400
    assert national.keys() <= found["370200"].keys()


def test_layers_and_roles_are_listed_to_who_may_know(anybody: TestClient) -> None:
    public = [one["name"] for one in anybody.get("/api/definitions/layers").json()["layers"]]
    assert "demand" not in public
    take_role(anybody, "planner")
    assert [one["name"] for one in anybody.get("/api/definitions/layers").json()["layers"]] == list(map_layers())
    policies = anybody.get("/api/definitions/roles").json()["policies"]
    assert {"runs.start", "facilities.edit"} <= {one["name"] for one in policies}
