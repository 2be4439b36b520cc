"""The abstract tests of OGC API - Features Part 1 (core, GeoJSON, HTML, OpenAPI 3.0) and Part 2 (CRS), by their ids.

Each function is named after the ids of Annex A that it carries out, on every collection the one who asks may read. What
needs data written in between, or both stores, is tried in `test_features`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import CRS
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from geo.store import open_store
from tests.store.frames import bring_in, every_layer

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CONF = "http://www.opengis.net/spec/ogcapi-features"
Json = Any


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("conformance")
    with open_store(str(folder / "store.gpkg")) as store:
        for name, frame in every_layer().items():
            bring_in(store, name, frame)
    with ExitStack() as stack:
        app = create_app(settings_for(str(folder / "store.gpkg"), folder / "cache", demo=True))
        made = stack.enter_context(TestClient(app, base_url="http://127.0.0.1"))
        assert made.post("/api/session/demo", json={"role": "planner"}).status_code == 200
        yield made


@pytest.fixture(scope="module")
def collections(client: TestClient) -> list[Json]:
    found: list[Json] = client.get("/ogc/collections").json()["collections"]
    assert found
    return found


@pytest.fixture(scope="module")
def filled(client: TestClient, collections: list[Json]) -> list[str]:
    """Return the collections that hold something."""
    found = [one["id"] for one in collections if items(client, one["id"])["numberMatched"]]
    assert len(found) >= 5
    return found


def items(client: TestClient, name: str, **query: object) -> Json:
    answer = client.get(f"/ogc/collections/{name}/items", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def rels(document: Json) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for link in document["links"]:
        assert link["href"].startswith("http://")
        assert link["type"]
        found.setdefault(link["rel"], []).append(link)
    return found


def description(client: TestClient) -> Json:
    return client.get("/ogc/api").json()


def parameter(client: TestClient, name: str) -> Json:
    return description(client)["components"]["parameters"][name]


# Part 1, core


def test_core_http(client: TestClient) -> None:
    assert client.get("/ogc").http_version == "HTTP/1.1"
    assert client.get("/ogc/nothing").status_code == 404
    for method in ("post", "put", "delete", "patch"):
        refused = getattr(client, method)("/ogc/collections")
        assert refused.status_code == 405
        assert "GET" in refused.headers["allow"]


def test_core_root_op_and_root_success(client: TestClient) -> None:
    answer = client.get("/ogc")
    assert answer.status_code == 200
    found = rels(answer.json())
    assert {"self", "service-desc", "service-doc", "conformance", "data"} <= set(found)
    for link in (one for several in found.values() for one in several):
        assert client.get(link["href"]).status_code == 200


def test_core_api_definition_op_and_success(client: TestClient) -> None:
    links = rels(client.get("/ogc").json())
    machine = client.get(links["service-desc"][0]["href"])
    assert machine.headers["content-type"] == links["service-desc"][0]["type"]
    human = client.get(links["service-doc"][0]["href"])
    assert human.headers["content-type"].startswith("text/html")


def test_core_conformance_op_and_success(client: TestClient) -> None:
    classes = client.get("/ogc/conformance").json()["conformsTo"]
    for wanted in ("1/1.0/conf/core", "1/1.0/conf/geojson", "1/1.0/conf/html", "1/1.0/conf/oas30", "2/1.0/conf/crs"):
        assert f"{CONF}-{wanted}" in classes
    assert len(set(classes)) == len(classes)


def test_core_fc_md_op_success_links_and_items(client: TestClient, collections: list[Json]) -> None:
    document = client.get("/ogc/collections").json()
    found = rels(document)
    assert {"self", "alternate"} <= set(found)
    described = {path.split("/")[2] for path in description(client)["paths"] if path.count("/") == 2}
    assert {one["id"] for one in collections} == described
    for one in collections:
        assert one["itemType"] == "feature"
        links = rels(one)
        assert {link["type"] for link in links["items"]} >= {"application/geo+json", "text/html"}


def test_core_fc_md_extent(client: TestClient, filled: list[str], collections: list[Json]) -> None:
    for one in collections:
        if one["id"] not in filled:
            continue
        extent = one["extent"]
        assert extent["spatial"].get("crs", CRS84) == CRS84
        west, south, east, north = extent["spatial"]["bbox"][0]
        for feature in items(client, one["id"], limit=1000)["features"]:
            low_x, low_y, high_x, high_y = shapely.geometry.shape(feature["geometry"]).bounds
            assert west - 1e-6 <= low_x <= high_x <= east + 1e-6
            assert south - 1e-6 <= low_y <= high_y <= north + 1e-6
        for start, end in extent.get("temporal", {}).get("interval", []):
            assert start is None or end is None or start <= end


def test_core_sfc_md_op_and_success(client: TestClient, collections: list[Json]) -> None:
    for one in collections:
        assert client.get(f"/ogc/collections/{one['id']}").json() == one
    assert client.get("/ogc/collections/nothing").status_code == 404


def test_core_fc_op_and_response(client: TestClient, collections: list[Json]) -> None:
    for one in collections:
        document = items(client, one["id"])
        assert document["type"] == "FeatureCollection"
        assert all(feature["type"] == "Feature" for feature in document["features"])


def test_core_fc_links(client: TestClient, filled: list[str]) -> None:
    for name in filled:
        links = rels(items(client, name, limit=1))
        assert links["self"][0]["type"] == "application/geo+json"
        assert links["alternate"][0]["type"] == "text/html"


def test_core_fc_limit_definition(client: TestClient) -> None:
    found = parameter(client, "limit")
    assert (found["in"], found["required"], found["style"], found["explode"]) == ("query", False, "form", False)
    assert found["schema"]["type"] == "integer"
    assert 1 <= found["schema"]["minimum"] <= found["schema"]["default"] <= found["schema"]["maximum"]


def test_core_fc_limit_response(client: TestClient, filled: list[str]) -> None:
    for name in filled:
        whole = items(client, name, limit=10_000)
        assert len(items(client, name, limit=1)["features"]) == 1
        assert items(client, name, limit=1_000_000)["features"] == whole["features"], "too large is brought down"
        assert client.get(f"/ogc/collections/{name}/items?limit=0").status_code == 400


def test_core_fc_bbox_definition(client: TestClient) -> None:
    found = parameter(client, "bbox")
    assert (found["in"], found["required"], found["style"], found["explode"]) == ("query", False, "form", False)
    assert found["schema"]["type"] == "array"
    assert found["schema"]["items"] == {"type": "number"}
    assert found["schema"]["oneOf"] == [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}]


def test_core_fc_bbox_response(client: TestClient, filled: list[str]) -> None:
    for name in filled:
        every = items(client, name, limit=10_000)["features"]
        shape = shapely.geometry.shape(every[0]["geometry"])
        west, south, east, north = shape.buffer(1e-4).bounds
        found = items(client, name, limit=10_000, bbox=f"{west},{south},{east},{north}")["features"]
        box = shapely.box(west, south, east, north)
        expected = {one["id"] for one in every if shapely.geometry.shape(one["geometry"]).intersects(box)}
        assert {one["id"] for one in found} == expected
    for wrong in ("1,2,3", "1,2,3,4,5", "a,b,c,d", "10,50,5,40"):
        assert client.get(f"/ogc/collections/{filled[0]}/items?bbox={wrong}").status_code == 400


def test_core_fc_time_definition(client: TestClient) -> None:
    found = parameter(client, "datetime")
    assert (found["in"], found["required"], found["style"], found["explode"]) == ("query", False, "form", False)
    assert found["schema"] == {"type": "string"}


def test_core_fc_time_response(client: TestClient, filled: list[str]) -> None:
    for name in filled:
        for time in ("2020-01-01T00:00:00Z", "../2020-01-01", "2020-01-01/..", "2019-01-01T00:00:00+08:00/2021-01-01"):
            items(client, name, datetime=time)
        for wrong in ("yesterday", "2020-01-01/2019-01-01", "2020-02-30", "../..x"):
            assert client.get(f"/ogc/collections/{name}/items", params={"datetime": wrong}).status_code == 400


def test_core_fc_time_stamp(client: TestClient, filled: list[str]) -> None:
    for name in filled:
        stamp = items(client, name).get("timeStamp")
        if stamp is not None:
            assert datetime.fromisoformat(stamp).tzinfo is not None


def test_core_fc_number_matched_and_returned(client: TestClient, filled: list[str]) -> None:
    for name in filled:
        first = items(client, name, limit=2)
        assert first["numberReturned"] == len(first["features"])
        assert first["numberMatched"] == len(items(client, name, limit=10_000)["features"])
        assert first["numberMatchedAccuracy"] == "exact"


def test_core_query_param_unknown(client: TestClient, filled: list[str]) -> None:
    for path in ("/ogc", "/ogc/conformance", "/ogc/collections", f"/ogc/collections/{filled[0]}",
                 f"/ogc/collections/{filled[0]}/items", f"/ogc/collections/{filled[0]}/items/1"):  # fmt: skip
        assert client.get(path, params={"nonsense": "1"}).status_code == 400


def test_core_query_param_invalid(client: TestClient, filled: list[str]) -> None:
    for query in ("limit=many", "limit=-1", "bbox=1", "datetime=x", "f=xml", "crs=nothing", "bbox-crs=nothing"):
        answer = client.get(f"/ogc/collections/{filled[0]}/items?{query}")
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"


def test_core_f_op_f_success_and_f_links(client: TestClient, filled: list[str]) -> None:
    for name in filled:
        for feature in items(client, name, limit=3)["features"]:
            alone = client.get(f"/ogc/collections/{name}/items/{feature['id']}")
            assert alone.status_code == 200
            document = alone.json()
            assert (document["id"], document["geometry"]) == (feature["id"], feature["geometry"])
            assert {"self", "alternate", "collection"} <= set(rels(document))
        assert client.get(f"/ogc/collections/{name}/items/999999999").status_code == 404


def test_core_crs84(client: TestClient, filled: list[str]) -> None:
    for name in filled:
        for feature in items(client, name, limit=100)["features"]:
            places = shapely.get_coordinates(shapely.geometry.shape(feature["geometry"]))
            assert (np.abs(places[:, 0]) > 100).all(), "longitudes come first"
            assert (np.abs(places[:, 1]) < 60).all()


# Part 1, encodings and the description


def test_geojson_definition_and_content(client: TestClient, filled: list[str]) -> None:
    for name in filled:
        for tail in ("items", "items/1"):
            answer = client.get(f"/ogc/collections/{name}/{tail}", headers={"Accept": "application/geo+json"})
            if answer.status_code == 200:
                assert answer.headers["content-type"].startswith("application/geo+json")
        for feature in items(client, name)["features"]:
            assert set(feature) >= {"type", "id", "geometry", "properties"}
            assert shapely.is_valid(shapely.geometry.shape(feature["geometry"])) or feature["geometry"] is None


def test_html_definition_and_content(client: TestClient, filled: list[str]) -> None:
    paths = ["/ogc", "/ogc/conformance", "/ogc/collections", *(f"/ogc/collections/{name}" for name in filled)]
    paths += [f"/ogc/collections/{name}/items" for name in filled]
    for path in paths:
        by_header = client.get(path, headers={"Accept": "text/html,application/xhtml+xml"})
        assert by_header.headers["content-type"].startswith("text/html")
        assert by_header.text.startswith("<!doctype html>")
        assert client.get(path, params={"f": "html"}).text == by_header.text
        assert client.get(path, params={"f": "json"}, headers={"Accept": "text/html"}).json()


def test_oas30_definition_1_and_2_and_completeness(client: TestClient) -> None:
    document = description(client)
    assert re.fullmatch(r"3\.0\.\d", document["openapi"])
    assert '"type":"null"' not in client.get("/ogc/api").text.replace(" ", "")
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)

    def refs(value: Json) -> Iterator[str]:
        if isinstance(value, dict):
            for key, part in value.items():
                if key == "$ref":
                    yield part
                else:
                    yield from refs(part)
        elif isinstance(value, list):
            for part in value:
                yield from refs(part)

    for ref in refs(document):
        place = document
        for step in ref.removeprefix("#/").split("/"):
            place = place[step]


def test_oas30_impl(client: TestClient) -> None:
    document = description(client)
    root = document["servers"][0]["url"]
    for path, item in document["paths"].items():
        assert set(item) == {"get"}
        address = root + path.replace("{featureId}", "999999999")
        assert client.get(address).status_code in (200, 404), path


def test_oas30_exceptions(client: TestClient) -> None:
    for item in description(client)["paths"].values():
        responses = item["get"]["responses"]
        assert "400" in responses
        if "{" in str(item):
            assert set(responses) & {"404", "400"}


def test_oas30_security(client: TestClient) -> None:
    assert "security" not in description(client), "nothing is described that its reader may not use"


# Part 2


def test_crs_fc_md_crs_list_a_and_b_and_storage_crs(client: TestClient, collections: list[Json]) -> None:
    document = client.get("/ogc/collections").json()
    for one in collections:
        systems = document["crs"] if one["crs"] == ["#/crs"] else one["crs"]
        assert systems[0] == CRS84
        assert one["storageCrs"] in systems
        assert len(set(systems)) == len(systems)


def test_crs_crs_uri(client: TestClient, collections: list[Json]) -> None:
    for uri in {uri for one in collections for uri in one["crs"] if not uri.startswith("#")}:
        found = re.fullmatch(r"http://www\.opengis\.net/def/crs/(OGC/1\.3/CRS84|EPSG/0/(\d+))", uri)
        assert found is not None
        if found[2] is not None:
            assert CRS.from_epsg(int(found[2])).is_geographic or CRS.from_epsg(int(found[2])).is_projected


@pytest.mark.parametrize("name", ["bbox-crs", "crs"])
def test_crs_fc_bbox_crs_definition_and_fc_crs_definition(client: TestClient, name: str) -> None:
    found = parameter(client, name)
    assert (found["in"], found["required"], found["style"], found["explode"]) == ("query", False, "form", False)
    assert (found["schema"]["type"], found["schema"]["format"]) == ("string", "uri")
    assert found["schema"]["default"] == CRS84


@pytest.mark.parametrize("name", ["bbox-crs", "crs"])
def test_crs_fc_bbox_crs_valid_value_and_fc_crs_valid_value(client: TestClient, filled: list[str], name: str) -> None:
    for uri in ("http://www.opengis.net/def/crs/EPSG/0/99999", "nothing", "http://example.com/crs"):
        query = {name: uri, **({"bbox": "1,2,3,4"} if name == "bbox-crs" else {})}
        assert client.get(f"/ogc/collections/{filled[0]}/items", params=query).status_code == 400


def test_crs_default_value_and_ogc_crs_header(client: TestClient, filled: list[str]) -> None:
    for name in filled:
        for tail in ("items", f"items/{items(client, name, limit=1)['features'][0]['id']}"):
            answer = client.get(f"/ogc/collections/{name}/{tail}")
            assert answer.headers["content-crs"] == f"<{CRS84}>"
            asked = client.get(f"/ogc/collections/{name}/{tail}", params={"crs": CRS84})
            assert asked.json()["type"] == answer.json()["type"]


def test_crs_ogc_crs_header_value_and_crs_action(
    client: TestClient, filled: list[str], collections: list[Json]
) -> None:
    systems = next(one["crs"] for one in collections if one["id"] == filled[0])
    for uri in systems[:8]:
        answer = client.get(f"/ogc/collections/{filled[0]}/items", params={"crs": uri, "limit": 5})
        assert answer.status_code == 200
        assert answer.headers["content-crs"] == f"<{uri}>"
        for feature in answer.json()["features"]:
            places = shapely.get_coordinates(shapely.geometry.shape(feature["geometry"]))
            epsg = uri.rpartition("/")[2]
            if epsg in ("4490", "4326"):
                assert (places[:, 0] < 60).all(), "latitude comes first"
            elif epsg == "3857":
                assert (np.abs(places) > 1e5).all()


def test_crs_bbox_crs_action_means_the_same_box_in_every_system(client: TestClient, filled: list[str]) -> None:
    for name in filled:
        feature = items(client, name, limit=1)["features"][0]
        west, south, east, north = shapely.geometry.shape(feature["geometry"]).buffer(1e-4).bounds
        plain = items(client, name, limit=1000, bbox=f"{west},{south},{east},{north}")
        turned = items(
            client, name, limit=1000, bbox=f"{south},{west},{north},{east}",
            **{"bbox-crs": "http://www.opengis.net/def/crs/EPSG/0/4490"},
        )  # fmt: skip
        assert [one["id"] for one in turned["features"]] == [one["id"] for one in plain["features"]]
