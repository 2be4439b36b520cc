"""What is refused over HTTP says what is allowed, in the words of whoever asks."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.test_app import take_role
from tests.api.test_facilities import NEW, app_client, entered, steward
from tests.cli import town

__all__ = ["app_client", "steward"]


def said(answer: Any, status: int = 400) -> tuple[str, str]:
    assert answer.status_code == status, answer.text
    return answer.json()["message_zh"], answer.json()["message_en"]


def test_roles_are_told_by_their_titles_and_facts_keep_the_ids(app_client: TestClient) -> None:
    answer = app_client.post("/api/runs", json={"types": ["senior_canteen"]})
    zh, en = said(answer, 401)
    assert "规划人员" in zh
    assert "planner" not in zh
    assert "Planner" in en
    assert answer.json()["facts"]["roles"] == ["planner", "system_administrator"]


def test_an_unknown_field_is_answered_with_the_known_ones(steward: TestClient) -> None:
    made = entered(steward)
    uid, tag = made.json()["uid"], made.headers["etag"]
    zh, en = said(steward.post(f"/api/facilities/{uid}/close", json={"date": "2026-01-01"}, headers={"If-Match": tag}))
    assert "可用：on" in zh
    assert "allowed: on" in en
    zh, en = said(steward.patch(f"/api/facilities/{uid}", json={"address": "x"}, headers={"If-Match": tag}))
    assert "attributes" in zh.split("（")[1]
    assert "put it into attributes" in en
    zh, _ = said(steward.get("/api/facilities?typo=1"))
    assert "可用：type、q、" in zh


def test_every_mistake_of_a_new_facility_is_told_at_once(steward: TestClient) -> None:
    wrong = {**NEW, "name": "", "attributes": {"seats": "many", "foo": 1}}
    answer = steward.post("/api/facilities", json=wrong)
    zh, en = said(answer)
    assert {one["field"] for one in answer.json()["problems"]} == {"name", "seats", "foo"}
    assert all(word in zh and word in en for word in ("name", "seats", "foo", "many"))
    assert steward.get("/api/facilities").json()["matched"] == 1


def test_text_that_is_no_json_names_no_field(steward: TestClient) -> None:
    answer = steward.post("/api/facilities", content=b"{nope", headers={"Content-Type": "application/json"})
    zh, _ = said(answer)
    assert answer.json()["problems"][0]["field"] == ""
    assert "不是有效的 JSON" in zh
    assert "1：" not in zh


def test_a_demo_district_has_to_be_a_division(app_client: TestClient) -> None:
    zh, en = said(app_client.post("/api/session/demo", json={"role": "planner", "district": "123456"}))
    assert "123456" in zh
    assert "123456" in en
    take_role(app_client, "planner")


@pytest.mark.parametrize("limit", ["0", "100000"])
def test_a_list_longer_than_allowed_is_refused_with_what_is(steward: TestClient, limit: str) -> None:
    zh, _ = said(steward.get(f"/api/facilities?limit={limit}"))
    assert "1000" in zh or "1" in zh


def test_walks_are_told_in_tenths_and_uploads_say_when_they_end(steward: TestClient, tmp_path: Path) -> None:
    lon, lat = town.position(123.4567)
    answer = steward.get(f"/api/nearest-services?lon={lon}&lat={lat}&type=senior_canteen")
    (one,) = answer.json()["types"][0]["facilities"]
    assert (one["walk_m"], one["walk_s"]) == (round(one["walk_m"], 1), round(one["walk_s"], 1))
    assert one["walk_m"] == pytest.approx(123.4567, abs=0.2)
    path = town.write_facilities(tmp_path, [("C9", 300.0)], name="more.csv")
    sent = steward.post("/api/imports/uploads?name=more.csv", content=path.read_bytes())
    assert datetime.fromisoformat(sent.json()["expires_at"]).tzinfo is not None
