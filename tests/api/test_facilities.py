"""Facilities over HTTP: listed, read, entered, edited and closed, each state guarded by its ETag."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from tests.api.test_app import take_gone_district, take_role
from tests.cli import town
from tests.cli.conftest import Run

LON, LAT = town.position(500.0, 20.0)
NEW = {
    "type": "senior_canteen",
    "name": "幸福路长者食堂",
    "lon": LON,
    "lat": LAT,
    "attributes": {"seats": 40, "opening_hours": "周一至周五 10:30-13:00", "address": "幸福路 5 号"},
}


@pytest.fixture
def app_client(small_town: Run, store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(settings_for(store_url, tmp_path / "cache", demo=True))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def steward(app_client: TestClient) -> TestClient:
    take_role(app_client, "data_steward")
    return app_client


def entered(client: TestClient, **changes: object) -> Any:
    answer = client.post("/api/facilities", json={**NEW, **changes})
    assert answer.status_code == 201, answer.text
    return answer


def names(client: TestClient, query: str = "") -> list[str]:
    answer = client.get(f"/api/facilities{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["matched"] == len(answer.json()["facilities"]) or "limit" in query
    return [one["name"] for one in answer.json()["facilities"]]


def test_a_facility_is_entered_and_counts_in_the_next_run(steward: TestClient, small_town: Run) -> None:
    made = entered(steward)
    body = made.json()
    assert made.headers["location"] == body["href"]
    assert body["type_title_zh"] == "长者食堂"
    assert body["capacity"] == 40
    assert body["opening_hours"] == "Mo-Fr 10:30-13:00"
    assert (body["lon"], body["lat"]) == pytest.approx((LON, LAT), abs=1e-9)
    assert body["attributes"]["seats"] == 40
    read = steward.get(body["href"])
    assert {**read.json(), "problems": None} == {**body, "problems": None}
    assert read.headers["etag"] == made.headers["etag"]
    printed = small_town("coverage", "run", "--type", "senior_canteen", "--minutes", 15, "--json").json()
    assert printed["facilities"]["open"] == 2


def test_two_facilities_of_one_name_at_one_place_are_two(steward: TestClient) -> None:
    first, second = entered(steward).json(), entered(steward).json()
    assert "possible_duplicate" not in [one["code"] for one in first["problems"]]
    told = [one for one in second["problems"] if one["code"] == "possible_duplicate"]
    assert [one["severity"] for one in told] == ["note"]
    assert first["id"] in told[0]["message_zh"]
    assert first["id"] != second["id"]
    assert names(steward, "?q=长者") == ["幸福路长者食堂"] * 2


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"type": "teahouse"}, 400, ["teahouse", "senior_canteen"]),
        ({"lon": 200}, 400, ["lon", "180"]),
        ({"name": " "}, 400, ["name"]),
        ({"colour": "red"}, 400, ["colour", "未知"]),
        ({"attributes": {"seats": "many", "status": "haunted"}}, 400, ["seats", "many", "status", "haunted"]),
        ({"attributes": {"beds_of_roses": 3}}, 400, ["beds_of_roses", "seats"]),
        ({"attributes": {"open_date": "2026-13-01"}}, 400, ["open_date", "2026-13-01"]),
        ({"lon": LON + 20}, 400, ["200"]),
    ],
)
def test_what_does_not_fit_is_refused_with_everything_that_is_wrong(
    steward: TestClient, changes: dict[str, object], status: int, words: list[str]
) -> None:
    answer = steward.post("/api/facilities", json={**NEW, **changes})
    assert answer.status_code == status, answer.text
    assert all(word in json.dumps(answer.json(), ensure_ascii=False) for word in words), answer.json()
    assert names(steward) == ["食堂C1"]


def test_an_id_that_is_taken_is_refused(steward: TestClient) -> None:
    entered(steward, id="A-1")
    assert steward.post("/api/facilities", json={**NEW, "id": "A-1"}).status_code == 409


def test_an_edit_needs_the_state_it_is_meant_for(steward: TestClient) -> None:
    made = entered(steward)
    href, tag = made.json()["href"], made.headers["etag"]
    assert steward.patch(href, json={"name": "新名"}).status_code == 428
    first = steward.patch(href, json={"attributes": {"seats": 60}}, headers={"If-Match": tag})
    assert first.status_code == 200, first.text
    assert first.json()["capacity"] == 60
    assert first.json()["name"] == NEW["name"]
    assert first.headers["etag"] != tag
    stale = steward.patch(href, json={"name": "新名"}, headers={"If-Match": tag})
    assert stale.status_code == 412
    facts = stale.json()["facts"]
    assert f'"{facts["tag"]}"' == first.headers["etag"]
    assert (facts["base"]["seats"], facts["theirs"]["seats"]) == (40, 60)
    assert facts["yours"] == {"name": "新名"}
    assert facts["conflicts"] == []
    again = steward.patch(href, json={"name": "新名"}, headers={"If-Match": first.headers["etag"]})
    assert (again.json()["name"], again.json()["capacity"]) == ("新名", 60)


def test_an_old_address_leads_to_the_present_version(steward: TestClient) -> None:
    made = entered(steward)
    old = made.json()["href"]
    edited = steward.patch(old, json={"name": "新名"}, headers={"If-Match": made.headers["etag"]}).json()
    assert edited["href"] != old
    assert steward.get(old).json()["name"] == "新名"
    listed = steward.get(f"{old}/versions").json()["versions"]
    assert [one["is_present"] for one in listed] == [True, False]
    assert listed[0]["changed"] == {"name": {"before": NEW["name"], "after": "新名"}}


def test_a_capacity_is_changed_with_the_attribute_behind_it(steward: TestClient) -> None:
    made = entered(steward)
    edited = steward.patch(
        made.json()["href"], json={"attributes": {"capacity": 25}}, headers={"If-Match": made.headers["etag"]}
    ).json()
    assert (edited["capacity"], edited["attributes"]["seats"]) == (25, 25)


def test_a_value_is_removed_with_null_and_a_move_keeps_the_rest(steward: TestClient) -> None:
    made = entered(steward)
    lon, lat = town.position(900.0)
    edited = steward.patch(
        made.json()["href"],
        json={"lon": lon, "lat": lat, "attributes": {"address": None}},
        headers={"If-Match": made.headers["etag"]},
    ).json()
    assert edited["address"] is None
    assert edited["lon"] == pytest.approx(lon, abs=1e-9)
    assert edited["opening_hours"] == "Mo-Fr 10:30-13:00"


def test_a_facility_closes_and_reopens(steward: TestClient, small_town: Run) -> None:
    made = entered(steward)
    href = made.json()["href"]
    closed = steward.post(f"{href}/close", json={}, headers={"If-Match": made.headers["etag"]})
    assert closed.json()["status"] == "closed"
    assert closed.json()["close_date"] == date.today().isoformat()
    assert steward.post(f"{href}/close", json={}, headers={"If-Match": closed.headers["etag"]}).status_code == 409
    assert names(steward, "?open=true") == ["食堂C1"]
    assert len(names(steward)) == 2
    opened = steward.post(f"{href}/reopen", headers={"If-Match": closed.headers["etag"]})
    assert (opened.json()["status"], opened.json()["close_date"]) == ("open", None)
    assert steward.post(f"{href}/reopen", headers={"If-Match": opened.headers["etag"]}).status_code == 409
    assert len(names(steward, "?open=true")) == 2
    later = (date.today() + timedelta(days=30)).isoformat()
    assert (
        steward.post(f"{href}/close", json={"on": later}, headers={"If-Match": opened.headers["etag"]}).status_code
        == 200
    )
    assert len(names(steward, "?open=true")) == 2, "it closes only in a month"


def test_an_edit_is_undone_like_an_import_and_stands_in_the_audit(
    steward: TestClient, small_town: Run, store_url: str
) -> None:
    listed = steward.get("/api/facilities").json()["facilities"][0]
    edited = steward.patch(listed["href"], json={"name": "改名"}, headers={"If-Match": listed["etag"]})
    assert edited.status_code == 200, edited.text
    imports = small_town("import", "list", "--json").json()["imports"]
    assert imports[0]["actor"] == "demo:data_steward"
    assert small_town("import", "undo", imports[0]["import_id"]).code == 0
    assert names(steward) == ["食堂C1"]
    if store_url.endswith(".gpkg"):
        with closing(sqlite3.connect(store_url)) as connection:
            actions = [row[0] for row in connection.execute("SELECT action FROM audit_log ORDER BY fid")]
        assert "facility edited" in actions


def test_the_position_as_it_was_brought_is_kept_when_something_else_is_edited(
    steward: TestClient, store_url: str
) -> None:
    from geo.store import features, open_store

    listed = steward.get("/api/facilities").json()["facilities"][0]
    with open_store(store_url) as store, store.session(write=False) as session:
        before = features.find_version(session, "facilities", listed["uid"])
    edited = steward.patch(listed["href"], json={"name": "改名"}, headers={"If-Match": listed["etag"]}).json()
    with open_store(store_url) as store, store.session(write=False) as session:
        after = features.find_version(session, "facilities", edited["uid"])
    for name in ("raw_x", "raw_y", "raw_crs", "datum_method", "accuracy_m"):
        assert after.values[name] == before.values[name]
    assert after.geometry == before.geometry


def test_everybody_reads_open_facilities_and_nothing_internal(app_client: TestClient) -> None:
    take_role(app_client, "data_steward")
    made = entered(app_client).json()
    closed = entered(app_client, name="旧食堂", attributes={"status": "closed"}).json()
    take_role(app_client, "public")
    assert sorted(names(app_client)) == sorted(["食堂C1", "幸福路长者食堂"])
    listed = app_client.get("/api/facilities").json()["facilities"]
    read = app_client.get(made["href"]).json()
    for one in (*listed, read):
        assert not {"source", "quality", "attributes", "row_version", "etag", "problems"} & set(one)
    assert app_client.get(closed["href"]).status_code == 404
    assert app_client.get(f"{made['href']}/versions").status_code == 401
    assert app_client.post("/api/facilities", json=NEW).status_code == 401
    take_role(app_client, "planner")
    assert app_client.get(closed["href"]).status_code == 200
    assert app_client.post("/api/facilities", json=NEW).status_code == 403
    assert app_client.patch(made["href"], json={"name": "x"}, headers={"If-Match": "x"}).status_code == 403


def test_a_list_goes_on_from_page_to_page_in_any_order(steward: TestClient) -> None:
    for number, seats in enumerate((30, 10, 20, 10)):
        attributes = {"seats": seats} | ({"open_date": f"202{number}-05-01"} if number else {})
        entered(steward, name=f"食堂{number}", attributes=attributes)
    for sort in ("name", "type", "open_date", "capacity", "floor_area_m2"):
        for order in ("", "&descending=true"):
            whole = names(steward, f"?sort={sort}{order}")
            assert len(whole) == 5
            href, found = f"/api/facilities?sort={sort}{order}&limit=2", []
            while href:
                page = steward.get(href).json()
                found += [one["name"] for one in page["facilities"]]
                assert page["matched"] == 5
                href = page["next"]
            assert found == whole, sort
    assert names(steward, "?sort=capacity")[:1] in (["食堂1"], ["食堂3"])
    token = steward.get("/api/facilities?limit=2").json()["next"]
    assert steward.get(token.replace("limit=2", "limit=3")).status_code == 400
    assert steward.get("/api/facilities?colour=red").status_code == 400
    assert steward.get("/api/facilities?type=teahouse").status_code == 400


def test_a_role_for_one_district_edits_there_only(steward: TestClient) -> None:
    codes = [one["properties"]["code"] for one in steward.get("/ogc/collections/divisions/items").json()["features"]]
    code = min(codes, key=len)
    assert steward.post("/api/session/demo", json={"role": "data_steward", "district": code}).status_code == 200
    assert steward.get("/api/session").json()["district"] == code
    made = entered(steward)
    take_gone_district(steward, "data_steward", "999999")
    assert steward.post("/api/facilities", json=NEW).status_code == 403
    tag = {"If-Match": made.headers["etag"]}
    assert steward.patch(made.json()["href"], json={"name": "x"}, headers=tag).status_code == 403
    assert names(steward, "?district=999999") == []
    assert len(names(steward, f"?district={code}")) == 2


def test_an_unknown_facility_is_not_found(steward: TestClient) -> None:
    for path in ("/api/facilities/nothing", "/api/facilities/nothing/versions"):
        assert steward.get(path).status_code == 404
    assert steward.patch("/api/facilities/nothing", json={"name": "x"}, headers={"If-Match": "x"}).status_code == 404
