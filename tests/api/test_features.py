"""OGC API Features on both stores, after the abstract tests of Part 1 and Part 2 (their ids stand in the names)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from starlette.testclient import TestClient

from api.app import create_app
from api.ogc import counts, items
from api.ogc.landing import CONFORMS_TO
from api.settings import settings_for
from geo.catalog.map_layer import PUBLIC, MapLayer, map_layers
from geo.datum.output import CRS84, STORAGE_CRS, output_uris
from geo.services.served_layer import FeatureQuery, feature_count
from geo.store import Session, open_store
from tests.api.conftest import Served
from tests.store.frames import bring_in, facilities, segments

PLANNER_LAYERS = {name for name, layer in map_layers().items() if layer.read & {PUBLIC, "planner"}}
PUBLIC_LAYERS = {name for name, layer in map_layers().items() if PUBLIC in layer.read}


def links(document: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for link in document["links"]:
        found.setdefault(link["rel"], []).append(link["href"])
    return found


def pages(client: TestClient, path: str) -> list[Any]:
    found = []
    while path:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        path = links(found[-1]).get("next", [""])[0]
    return found


def test_ats_core_root_op_and_success_and_api_definition(served: Served) -> None:
    client = served(PUBLIC)
    landing = client.get("/ogc").json()
    found = links(landing)
    assert {"self", "service-desc", "service-doc", "conformance", "data"} <= set(found)
    for href in (href for hrefs in found.values() for href in hrefs):
        assert client.get(href).status_code == 200, href
    description = client.get(found["service-desc"][0])
    assert description.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    document = description.json()
    assert document["openapi"].startswith("3.0.")
    assert "anyOf" not in description.text
    for path, item in document["paths"].items():
        if "{" not in path:
            assert client.get("/ogc" + path.rstrip("/")).status_code == 200, path
        assert "200" in item["get"]["responses"]


def test_ats_core_conformance_success(served: Served) -> None:
    assert served(PUBLIC).get("/ogc/conformance").json() == {"conformsTo": list(CONFORMS_TO)}


def test_ats_core_collections_show_what_each_role_may_read(served: Served) -> None:
    for role, expected in ((PUBLIC, PUBLIC_LAYERS), ("planner", PLANNER_LAYERS)):
        client = served(role)
        document = client.get("/ogc/collections").json()
        assert {one["id"] for one in document["collections"]} == expected
        for one in document["collections"]:
            assert one["crs"][0] == CRS84
            assert one["storageCrs"] == STORAGE_CRS
            assert {"self", "items"} <= set(links(one))
            assert client.get(f"/ogc/collections/{one['id']}").json() == one


def test_what_one_may_not_read_is_not_there(served: Served) -> None:
    hidden = set(map_layers()) - PUBLIC_LAYERS
    assert "demand" in hidden
    client = served(PUBLIC)
    steward = served("data_steward")
    for tail in ("", "/items", "/items/1", "/queryables"):
        for name in (*hidden, "secrets"):
            assert client.get(f"/ogc/collections/{name}{tail}").status_code == 404
        assert steward.get(f"/ogc/collections/demand{tail}").status_code == 404
    assert not any(name in client.get("/ogc/api").text for name in hidden)


def test_every_layer_gives_all_its_features_and_each_of_them_alone(served: Served) -> None:
    client = served("planner")
    for name in PLANNER_LAYERS:
        found = pages(client, f"/ogc/collections/{name}/items?limit=7")
        features = [feature for page in found for feature in page["features"]]
        assert {page["numberMatched"] for page in found} == {len(features)}
        assert [page["numberReturned"] for page in found] == [len(page["features"]) for page in found]
        assert len({feature["id"] for feature in features}) == len(features)
        for feature in features[:3]:
            alone = client.get(f"/ogc/collections/{name}/items/{feature['id']}").json()
            assert {key: alone[key] for key in feature} == feature
            assert tuple(feature["properties"]) == map_layers()[name].fields


def test_the_public_sees_open_facilities_only(served: Served, store_url: str) -> None:
    home = "/ogc/collections/facilities_eldercare/items"
    before = served(PUBLIC).get(home).json()
    with open_store(store_url) as store:
        assert len(before["features"]) == 4
        rows = facilities()
        rows.loc[0, "status"] = "suspended"
        bring_in(store, "facilities", rows)
    shown = served(PUBLIC).get(home).json()
    closed = served("planner").get(home).json()
    assert {one["properties"]["id"] for one in shown["features"]} == {"2", "3", "4"}
    assert {one["properties"]["id"] for one in closed["features"]} == {"1", "2", "3", "4"}
    hidden = next(one["id"] for one in closed["features"] if one["properties"]["id"] == "1")
    assert served(PUBLIC).get(f"{home}/{hidden}").status_code == 404


def test_ats_core_fc_limit_and_next_walk_every_row_once_whatever_is_written_between(
    served: Served, store_url: str
) -> None:
    client = served(PUBLIC)
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments(230), source="more.csv")
    whole = [one["id"] for one in client.get("/ogc/collections/streets/items?limit=10000").json()["features"]]
    small = pages(client, "/ogc/collections/streets/items?limit=17")
    walked = [one["id"] for page in small for one in page["features"]]
    assert walked == whole
    assert len(whole) == len(set(whole)) == 280


def test_a_page_token_fits_its_own_question_only(served: Served) -> None:
    client = served(PUBLIC)
    following = links(client.get("/ogc/collections/streets/items?limit=5").json())["next"][0]
    token = parse_qs(urlsplit(following).query)["token"][0]
    assert client.get(f"/ogc/collections/streets/items?limit=5&token={token}").status_code == 200
    for path in (
        f"streets/items?limit=5&token={token[:-3]}AAA",
        f"named_roads/items?limit=5&token={token}",
        f"streets/items?limit=5&kind=footway&token={token}",
        "streets/items?token=5",
    ):
        assert client.get(f"/ogc/collections/{path}").status_code == 400


def test_ats_core_fc_bbox_definition_and_response(served: Served) -> None:
    client = served(PUBLIC)
    every = client.get("/ogc/collections/streets/items?limit=10000").json()["features"]
    for box in ((117.9, 36.6, 118.2, 36.9), (118.0, 36.7, 118.0001, 36.7001), (100, 30, 101, 31)):
        text = ",".join(map(str, box))
        shape = shapely.box(*box)
        expected = {
            one["id"] for one in every if shapely.intersects(shapely.geometry.shape(one["geometry"]), shape)
        }
        found = client.get(f"/ogc/collections/streets/items?limit=10000&bbox={text}").json()
        assert {one["id"] for one in found["features"]} == expected
        assert found["numberMatched"] == len(expected)
    six = client.get("/ogc/collections/streets/items?limit=10000&bbox=117.9,36.6,0,118.2,36.9,100").json()
    four = client.get("/ogc/collections/streets/items?limit=10000&bbox=117.9,36.6,118.2,36.9").json()
    assert six["features"] == four["features"]


def test_a_box_across_the_antimeridian_leaves_out_the_middle(served: Served) -> None:
    client = served(PUBLIC)
    assert client.get("/ogc/collections/streets/items?bbox=170,-90,-170,90").json()["numberMatched"] == 0
    around = client.get("/ogc/collections/streets/items?bbox=100,-90,-170,90").json()
    assert around["numberMatched"] == client.get("/ogc/collections/streets/items").json()["numberMatched"]


@pytest.mark.parametrize("epsg", [4490, 4326, 3857, 4528, 4509])
def test_ats_crs_geometries_and_boxes_follow_the_axis_order(served: Served, epsg: int) -> None:
    client = served(PUBLIC)
    uri = f"http://www.opengis.net/def/crs/EPSG/0/{epsg}"
    plain = client.get("/ogc/collections/streets/items?limit=1000")
    assert plain.headers["content-crs"] == f"<{CRS84}>"
    turned = client.get("/ogc/collections/streets/items", params={"limit": "1000", "crs": uri})
    assert turned.headers["content-crs"] == f"<{uri}>"
    degrees, other = (
        np.concatenate([one["geometry"]["coordinates"] for one in answer.json()["features"]])
        for answer in (plain, turned)
    )
    expected = np.column_stack(Transformer.from_crs("OGC:CRS84", epsg).transform(degrees[:, 0], degrees[:, 1]))
    np.testing.assert_allclose(other, expected, atol=2e-8 if epsg in (4490, 4326) else 2e-3)
    first, second = expected[0]
    margin = 0.001 if epsg in (4490, 4326) else 100.0
    box = f"{first - margin},{second - margin},{first + margin},{second + margin}"
    near = client.get("/ogc/collections/streets/items", params={"bbox": box, "bbox-crs": uri}).json()["features"]
    assert plain.json()["features"][0]["id"] in {one["id"] for one in near}
    assert len(near) < len(plain.json()["features"])


def test_ats_crs_an_unknown_system_is_refused(served: Served) -> None:
    client = served(PUBLIC)
    for query in ("crs=EPSG:2433", "bbox-crs=http://example.com/1&bbox=1,2,3,4", "crs=gcj02"):
        assert client.get(f"/ogc/collections/streets/items?{query}").status_code == 400
    assert len(output_uris()) == 4 + 64


def test_ats_core_fc_time_shows_the_versions_of_a_day(served: Served) -> None:
    client = served(PUBLIC)

    def codes(time: str) -> set[str]:
        answer = client.get("/ogc/collections/divisions/items", params={"datetime": time} if time else {})
        return {one["properties"]["code"] for one in answer.json()["features"]}

    assert codes("") == {"379902"}
    assert codes("2018-01-01") == {"379902", "379903"}
    assert codes("2018-01-01T00:00:00Z") == {"379902", "379903"}
    assert codes("2005-01-01") == {"379903"}
    assert codes("../2009-12-31") == {"379903"}
    assert codes("2019-07-01/..") == {"379902"}
    assert codes("2000-01-01/2030-01-01") == {"379902", "379903"}


def test_columns_are_asked_for_by_name(served: Served) -> None:
    client = served(PUBLIC)
    home = "/ogc/collections/streets/items"
    named = client.get(home, params={"name": "人民路", "limit": "1000"}).json()
    assert {one["properties"]["name"] for one in named["features"]} == {"人民路"}
    assert named["numberMatched"] == client.get("/ogc/collections/named_roads/items").json()["numberMatched"]
    steps = client.get(home, params={"is_steps": "true", "limit": "1000"}).json()["features"]
    assert steps
    assert all(one["properties"]["is_steps"] for one in steps)
    assert client.get(home, params={"width_m": "3.5"}).json()["numberMatched"] == 25
    for query in ("width_m=wide", "is_steps=maybe", "level=1.5", "name=x%00y", "source=a.csv", "quality=x"):
        answer = client.get(f"{home}?{query}")
        assert answer.status_code == 400, query


@pytest.mark.parametrize(
    "query", ["nonsense=1", "limit=0", "limit=-1", "limit=ten", "bbox=1,2,3", "datetime=now", "f=xml", "bbox=0,40,1,30"]
)
def test_ats_core_query_param_unknown_and_invalid(served: Served, query: str) -> None:
    client = served(PUBLIC)
    answer = client.get(f"/ogc/collections/divisions/items?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["problems"]
    divisions = "/collections/divisions"
    for path in ("", "/conformance", "/api", "/collections", divisions, f"{divisions}/queryables"):
        assert client.get(f"/ogc{path}?nonsense=1").status_code == 400


def test_an_answer_is_asked_again_and_comes_again_only_when_something_changed(served: Served, store_url: str) -> None:
    client, planner = served(PUBLIC), served("planner")
    path = "/ogc/collections/streets/items?limit=3"
    first = client.get(path)
    assert "no-cache" in first.headers["cache-control"]
    assert "private" in first.headers["cache-control"]
    assert "Cookie" in first.headers["vary"]
    tag = first.headers["etag"]
    again = client.get(path, headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert planner.get(path, headers={"if-none-match": tag}).status_code == 200
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments(3), source="more.csv")
    changed = client.get(path, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_people_read_pages_without_a_script(served: Served) -> None:
    client = served("planner")
    feature = client.get("/ogc/collections/streets/items").json()["features"][0]["id"]
    for path in (
        "",
        "/conformance",
        "/api",
        "/collections",
        "/collections/streets",
        "/collections/streets/queryables",
        "/collections/streets/items",
        f"/collections/streets/items/{feature}",
        "/collections/divisions/items",
    ):
        answer = client.get(f"/ogc{path}", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert answer.headers["content-type"].startswith("text/html"), path
        only = ['<script src="http://127.0.0.1/ogc/static/role.js" defer>']
        assert re.findall("<script[^>]*>", answer.text) == only, "demo mode's"
        assert 'lang="zh-CN"' in answer.text
        assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert client.get("/ogc", headers={"accept": "text/html"}, params={"f": "json"}).json()["links"]


def test_names_with_markup_stay_text(served: Served, store_url: str) -> None:
    rows = segments(1)
    rows["name"] = "<img src=x onerror=alert(1)>"
    with open_store(store_url) as store:
        bring_in(store, "street_segments", rows, source="bad.csv")
    page = served(PUBLIC).get("/ogc/collections/named_roads/items?f=html&limit=100").text
    assert "<img" not in page
    assert "&lt;img" in page


def test_a_feature_that_is_not_there_is_not_found(served: Served) -> None:
    client = served(PUBLIC)
    for feature in ("0", "999999", "x", "1.0", "-1", "9" * 30):
        assert client.get(f"/ogc/collections/streets/items/{feature}").status_code == 404


def test_people_read_words_where_programs_read_codes(served: Served) -> None:
    client = served(PUBLIC)
    page = client.get("/ogc/collections/facilities_eldercare/items?f=html").text
    assert "长者食堂" in page
    assert "senior_canteen" not in page
    assert "示例数据" not in page
    plain = client.get("/ogc/collections/facilities_eldercare/items").json()
    assert "senior_canteen" in {one["properties"]["type"] for one in plain["features"]}


def test_filters_limit_items_counts_and_pages_alike(served: Served) -> None:
    client = served(PUBLIC)
    home = "/ogc/collections/streets/items"
    every = client.get(home, params={"limit": "1000"}).json()["features"]
    text = "name = '人民路' AND length_m > 100 AND S_INTERSECTS(geometry, BBOX(117.6, 36.5, 118.4, 37.1))"
    box = shapely.box(117.6, 36.5, 118.4, 37.1)
    expected = [
        one["id"]
        for one in every
        if one["properties"]["name"] == "人民路"
        and one["properties"]["length_m"] > 100
        and shapely.intersects(shapely.geometry.shape(one["geometry"]), box)
    ]
    assert expected
    answer = client.get(home, params={"filter": text, "limit": "1000"}).json()
    assert [one["id"] for one in answer["features"]] == expected
    assert answer["numberMatched"] == len(expected)
    first = client.get(home, params={"filter": text, "limit": "2"}).json()
    walked = [one["id"] for one in first["features"]]
    for page in pages(client, links(first)["next"][0]):
        walked += [one["id"] for one in page["features"]]
    assert walked == expected
    turned = text.replace("117.6, 36.5, 118.4, 37.1", "36.5, 117.6, 37.1, 118.4")
    other = client.get(home, params={"filter": turned, "filter-crs": STORAGE_CRS, "limit": "1000"}).json()
    assert [one["id"] for one in other["features"]] == expected
    tree = '{"op":"=","args":[{"property":"name"},"人民路"]}'
    named = client.get(home, params={"filter": tree, "filter-lang": "cql2-json"}).json()
    assert named["numberMatched"] == sum(one["properties"]["name"] == "人民路" for one in every)


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "source = 'a.csv'"}, {"filter": "name ="}, {"filter": "quality IS NULL"}, {"filter-lang": "sql"},
        {"filter": "name = 'x'", "filter-crs": "EPSG:2433"}, {"filter": "{}", "filter-lang": "cql2-json"},
    ],
)  # fmt: skip
def test_a_filter_reaches_nothing_but_what_is_served(served: Served, query: dict[str, str]) -> None:
    answer = served(PUBLIC).get("/ogc/collections/streets/items", params=query)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_filter_cannot_bring_back_what_the_public_does_not_see(served: Served, store_url: str) -> None:
    rows = facilities()
    rows.loc[0, "status"] = "suspended"
    with open_store(store_url) as store:
        bring_in(store, "facilities", rows)
    home = "/ogc/collections/facilities_eldercare/items"
    for text in ("id = '1'", "id = '1' OR id <> '1'", "status = 'suspended'", "NOT (id = '2')"):
        ids = {one["properties"]["id"] for one in served(PUBLIC).get(home, params={"filter": text}).json()["features"]}
        assert "1" not in ids


def test_a_store_with_nothing_in_it_answers_with_nothing(store_url: str, tmp_path: Path) -> None:
    app = create_app(settings_for(store_url, tmp_path / "cache", demo=True))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        client.post("/api/session/demo", json={"role": "planner"})
        assert client.get("/ogc/collections").status_code == 200
        for name in PLANNER_LAYERS:
            home = f"/ogc/collections/{name}"
            answer = client.get(f"{home}/items").json()
            assert (answer["features"], answer["numberMatched"], answer["numberReturned"]) == ([], 0, 0)
            assert "没有符合条件的要素" in client.get(f"{home}/items?f=html").text
            assert client.get(f"{home}/items/1").status_code == 404
            for tile in ("0/0/0", "18/100000/200000"):
                found = client.get(f"{home}/tiles/WebMercatorQuad/{tile}")
                assert (found.status_code, found.content) == (200, b"")


def test_a_question_is_counted_once_until_the_layer_changes(
    served: Served, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[object] = []

    def count(session: Session, layer: MapLayer, query: FeatureQuery) -> tuple[int, bool]:
        counted.append(query)
        return feature_count(session, layer, query)

    monkeypatch.setattr(items, "feature_count", count)
    client, planner = served(PUBLIC), served("planner")
    home = "/ogc/collections/streets/items"
    walked = pages(client, f"{home}?limit=7")
    assert len(walked) > 5
    assert {page["numberMatched"] for page in walked} == {sum(page["numberReturned"] for page in walked)}
    assert len(counted) == 1
    for one, path in ((client, f"{home}?kind=footway"), (planner, home), (client, f"{home}?datetime=2020-01-01")):
        before = len(counted)
        one.get(path)
        assert len(counted) == before + 1
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments(80, 4), source="more.csv")
    after = client.get(f"{home}?limit=7").json()["numberMatched"]
    assert after == walked[0]["numberMatched"] + 80
    before = len(counted)
    with open_store(store_url) as store:
        bring_in(store, "facilities", facilities(9))
    assert client.get(f"{home}?limit=7").json()["numberMatched"] == after
    assert len(counted) == before


def test_counts_that_nobody_asked_for_lately_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST", 2)
    cache = counts.CountCache()
    assert [cache.get(key, lambda key=key: (key, True))[0] for key in (1, 2, 1, 3)] == [1, 2, 1, 3]  # type: ignore[misc]
    assert cache.get(1, lambda: (-1, True)) == (1, True)
    assert cache.get(2, lambda: (-1, True)) == (-1, True)
