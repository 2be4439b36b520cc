"""Scenarios over HTTP: the answer of every step is that of a coverage run on the edited data."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from tests.api.test_app import take_role
from tests.cli import town
from tests.cli.conftest import Run

ASKED = {"types": ["senior_canteen"], "minutes": 15}
COVERED, TOO_FAR = 0, 1


@pytest.fixture
def planner(small_town: Run, store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(settings_for(store_url, tmp_path / "cache", demo=True))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        take_role(client, "planner")
        yield client


def begun(client: TestClient, **changes: object) -> Any:
    answer = client.post("/api/scenarios", json={"name": "试点", **ASKED, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


def meant(client: TestClient, scenario: Any) -> dict[str, str]:
    """Return the header that means a change for the present state."""
    return {"If-Match": client.get(scenario["href"]).headers["etag"]}


def step(client: TestClient, scenario: Any, what: str = "edits", **body: object) -> Any:
    answer = client.post(f"{scenario['href']}/{what}", json=body or None, headers=meant(client, scenario))
    assert answer.status_code == 200, answer.text
    return answer.json()


def canteen(east: float, id: str = "N1") -> dict[str, object]:
    lon, lat = town.position(east)
    return {"kind": "add_facility", "type": "senior_canteen", "id": id, "lon": lon, "lat": lat}


def persons(answer: Any) -> dict[str, int]:
    found: dict[str, int] = answer["types"][0]["persons"]
    return found


def test_a_new_scenario_says_what_the_coverage_run_says(planner: TestClient, small_town: Run) -> None:
    scenario = begun(planner)
    printed = small_town("coverage", "run", "--type", "senior_canteen", "--minutes", 15, "--json").json()
    for name, count in printed["persons"].items():
        if name in persons(scenario):
            assert persons(scenario)[name] == count, name
    assert scenario["types"][0]["coverage_ratio"] == printed["coverage_ratio"]
    assert scenario["is_base_current"]
    assert scenario["edits"] == []
    listed = planner.get("/api/scenarios").json()["scenarios"]
    assert [one["scenario_id"] for one in listed] == [scenario["scenario_id"]]


def test_an_edit_answers_as_a_run_on_the_edited_data_would(
    planner: TestClient, small_town: Run, tmp_path: Path
) -> None:
    scenario = begun(planner)
    answer = step(planner, scenario, edits=[canteen(1500.0)])
    more = town.write_facilities(tmp_path, [("N1", 1500.0)], name="more.csv")
    assert small_town("import", "facilities", more, "--type", "senior_canteen", "--datum", "cgcs2000").code == 0
    printed = small_town("coverage", "run", "--type", "senior_canteen", "--minutes", 15, "--json").json()
    assert {name: persons(answer)[name] for name in ("covered", "too_far", "total")} == {
        name: printed["persons"][name] for name in ("covered", "too_far", "total")
    }
    change = answer["change"]["types"][0]
    assert change["shifts"]["gained"] == change["difference"]["covered"] > 0
    assert change["shifts"]["lost"] == 0
    level = answer["types"][0]["divisions"][0]
    assert sum(row[COVERED] for row in level["persons"]) >= change["shifts"]["gained"]


def test_an_answer_says_in_a_sentence_what_changed_and_which_place_serves_nobody(planner: TestClient) -> None:
    scenario = begun(planner)
    answer = step(planner, scenario, edits=[canteen(1500.0)])
    shifts = answer["change"]["types"][0]["shifts"]
    assert f"新增覆盖 {shifts['gained']:,} 人" in answer["summary_zh"]
    assert f"→ {answer['types'][0]['coverage_ratio']:.1%}" in answer["summary_en"]
    assert answer["notes"] == []
    for rows in answer["types"][0]["divisions"]:
        assert len(rows["names"]) == len(rows["codes"])
    lon, lat = town.position(1500.0)
    answer = step(planner, scenario, edits=[{**canteen(0.0, "N2"), "lon": lon, "lat": lat + 0.02}])
    assert [(note["code"], note["id"]) for note in answer["notes"]] == [("not_linked", "N2")]
    assert "没有可步行的道路" in answer["notes"][0]["message_zh"]
    assert step(planner, scenario, "undo")["notes"] == []
    night = {**canteen(1500.0, "N3"), "hours": "Mo-Su 20:00-22:00"}
    compound = {"kind": "add_population", "id": "C1", "lon": lon, "lat": lat + 0.02, "persons": {"70_79": 10}}
    answer = step(planner, scenario, edits=[night, compound])
    assert [note["code"] for note in answer["notes"]] == ["closed_then", "compound_not_linked"]
    odd = {"kind": "change_facility", "type": "senior_canteen", "id": "N3", "hours": "早上到晚上"}
    answer = step(planner, scenario, edits=[odd])
    assert [note["code"] for note in answer["notes"]] == ["hours_not_understood", "compound_not_linked"]


def test_only_what_changed_is_sent_and_its_keys_are_those_of_the_tiles(planner: TestClient) -> None:
    scenario = begun(planner)
    answer = step(planner, scenario, edits=[canteen(1500.0)])
    (band,) = answer["change"]["types"][0]["bands"]
    features = planner.get("/ogc/collections/demand/items").json()["features"]
    assert 0 < len(band["fids"]) < len(features)
    assert set(band["fids"]) <= {one["id"] for one in features}
    by_fid = {one["id"]: one for one in features}
    for fid, old, new, cost in zip(band["fids"], band["old_status"], band["status"], band["cost"], strict=True):
        lon, lat = by_fid[fid]["geometry"]["coordinates"]
        assert lat == pytest.approx(town.LAT0, abs=0.002)
        assert lon > town.LON0
        assert new <= old
        assert cost is not None
    both = zip(band["status"], band["old_status"], strict=True)
    assert {(new, old) for new, old in both if new != old} == {(COVERED, TOO_FAR)}
    assert answer["measure"] == "seconds"


def test_undo_and_redo_lead_back_and_forth_to_the_same_content(planner: TestClient) -> None:
    scenario = begun(planner)
    first = step(planner, scenario, edits=[canteen(1500.0)])
    second = step(planner, scenario, edits=[{"kind": "close_facility", "type": "senior_canteen", "id": "C1"}])
    undone = step(planner, scenario, "undo")
    assert undone["content_hash"] == first["content_hash"]
    assert persons(undone) == persons(first)
    assert undone["scenario"]["n_undone"] == 1
    again = step(planner, scenario, "redo")
    assert again["content_hash"] == second["content_hash"]
    step(planner, scenario, "undo")
    nothing = step(planner, scenario, "undo")
    assert nothing["content_hash"] == scenario["content_hash"]
    assert planner.post(f"{scenario['href']}/undo", headers=meant(planner, scenario)).status_code == 409
    step(planner, scenario, edits=[canteen(900.0, "N2")])
    redone = planner.post(f"{scenario['href']}/redo", headers=meant(planner, scenario))
    assert redone.status_code == 409, "a new edit ends what could be redone"


def test_a_scenario_outlives_the_server(planner: TestClient, store_url: str, tmp_path: Path) -> None:
    scenario = begun(planner)
    step(planner, scenario, edits=[canteen(1500.0), canteen(700.0, "N2")])
    answer = step(planner, scenario, "undo")
    with TestClient(create_app(settings_for(store_url, tmp_path / "cache2", demo=True))) as other:
        take_role(other, "planner")
        found = other.get(scenario["href"]).json()
        assert persons(found) == persons(answer)
        assert (found["n_edits"], found["n_undone"]) == (1, 1)
        assert step(other, scenario, "redo")["scenario"]["n_undone"] == 0


def test_streets_gates_and_compounds_are_edited_too(planner: TestClient) -> None:
    scenario = begun(planner)
    (west, south), (_, north) = town.position(0.0), town.position(0.0, 2000.0)
    link = {"kind": "add_street", "line": [[west, south], [west, north]]}
    home_lon, home_lat = town.position(100.0, 10.0)
    compound = {
        "kind": "add_population", "id": "新小区", "lon": home_lon, "lat": home_lat, "persons": {"60_69": 120},
    }  # fmt: skip
    answer = step(planner, scenario, edits=[link, compound])
    assert persons(answer)["total"] == persons(scenario)["total"] + 120
    assert persons(answer)["covered"] >= persons(scenario)["covered"] + 120
    found = planner.get(scenario["href"]).json()
    assert [one["kind"] for one in found["edits"]] == ["add_street", "add_population"]
    gate = {"kind": "set_gate", "id": "x", "access": "open"}
    missing = planner.post(f"{scenario['href']}/edits", json={"edits": [gate]}, headers=meant(planner, scenario))
    assert missing.status_code == 400
    assert "x" in missing.json()["message_zh"]


@pytest.mark.parametrize(
    ("edits", "status", "words"),
    [
        ([{"kind": "fly"}], 400, ["fly", "add_facility"]),
        ([{"kind": "close_facility", "type": "senior_canteen", "id": "none"}], 404, ["none"]),
        ([{"kind": "add_facility", "type": "senior_canteen", "id": "C1", "lon": 103, "lat": 41}], 409, ["C1"]),
        ([{"kind": "add_facility", "type": "senior_canteen", "id": "n", "lon": 999}], 400, ["lon", "lat", "999"]),
        ([{"kind": "add_facility", "type": "care_home", "id": "n", "lon": 103, "lat": 41}], 404, ["care_home"]),
        ([], 400, ["edits"]),
    ],
)
def test_an_edit_that_does_not_fit_changes_nothing(
    planner: TestClient, edits: list[object], status: int, words: list[str]
) -> None:
    scenario = begun(planner)
    body = {"edits": [canteen(1500.0), *edits] if edits else []}
    answer = planner.post(f"{scenario['href']}/edits", json=body, headers=meant(planner, scenario))
    assert answer.status_code == status, answer.text
    assert all(word in str(answer.json()) for word in words), answer.json()
    assert planner.get(scenario["href"]).json()["n_edits"] == 0


def test_two_scenarios_are_compared_and_the_way_back_is_the_opposite(planner: TestClient) -> None:
    one = begun(planner, name="东")
    other = planner.post(f"{one['href']}/branch", json={"name": "西"}).json()
    assert other["parent_id"] == one["scenario_id"]
    step(planner, one, edits=[canteen(1700.0)])
    step(planner, other, edits=[canteen(1100.0)])
    there = planner.get(f"{one['href']}/compare/{other['scenario_id']}").json()
    back = planner.get(f"{other['href']}/compare/{one['scenario_id']}").json()
    forth, home = (found["change"]["types"][0] for found in (there, back))
    assert {name: -count for name, count in forth["difference"].items()} == home["difference"]
    assert (forth["shifts"]["gained"], forth["shifts"]["lost"]) == (home["shifts"]["lost"], home["shifts"]["gained"])
    assert forth["bands"][0]["fids"] == home["bands"][0]["fids"]
    gained = there["other"]["types"][0]["persons"]["covered"] - there["first"]["types"][0]["persons"]["covered"]
    assert forth["difference"]["covered"] == gained
    whole = planner.get(f"{one['href']}/changes").json()["change"]["types"][0]
    assert whole["shifts"]["gained"] == persons(planner.get(one["href"]).json())["covered"] - persons(one)["covered"]
    strange = begun(planner, minutes=None, metres=500)
    assert planner.get(f"{one['href']}/compare/{strange['scenario_id']}").status_code == 409


def test_a_changed_base_asks_for_a_replay_that_lists_every_conflict(
    planner: TestClient, small_town: Run, tmp_path: Path
) -> None:
    scenario = begun(planner)
    step(planner, scenario, edits=[canteen(1500.0), {"kind": "close_facility", "type": "senior_canteen", "id": "C1"}])
    kept = begun(planner, name="移动")
    lon, lat = town.position(200.0)
    step(planner, kept, edits=[{"kind": "move_facility", "type": "senior_canteen", "id": "C1", "lon": lon, "lat": lat}])
    gone = town.write_facilities(tmp_path, [("N1", 600.0)], name="canteens.csv")
    assert small_town("import", "facilities", gone, "--type", "senior_canteen", "--datum", "cgcs2000").code == 0
    seen = planner.get(scenario["href"]).json()
    assert seen["is_base_current"] is False
    assert [(one["index"], one["code"]) for one in seen["conflicts"]] == [(0, "facility_exists"), (1, "facility_gone")]
    body = {"edits": [canteen(100.0, "N9")]}
    refused = planner.post(f"{scenario['href']}/edits", json=body, headers=meant(planner, scenario))
    assert refused.status_code == 409
    assert "replay" in refused.json()["message_zh"]
    done = step(planner, scenario, "replay")
    assert done["is_base_current"]
    assert done["edits"] == []
    assert len(done["conflicts"]) == 2
    assert step(planner, scenario, edits=[canteen(100.0, "N9")])["scenario"]["n_edits"] == 1

    back = town.write_facilities(tmp_path, [("C1", 400.0)], name="canteens.csv")
    assert small_town("import", "facilities", back, "--type", "senior_canteen", "--datum", "cgcs2000").code == 0
    moved = planner.get(kept["href"]).json()["conflicts"]
    assert [(one["code"], one["is_applied"]) for one in moved] == [("facility_moved", True)]
    assert "400" in moved[0]["message_zh"]


def test_a_scenario_is_its_planners_own_until_it_is_shared(planner: TestClient) -> None:
    scenario = begun(planner)
    other = {"role": "planner", "district": "990101001"}
    assert planner.post("/api/session/demo", json=other).status_code == 200
    assert planner.get(scenario["href"]).status_code == 404
    assert planner.get("/api/scenarios").json()["scenarios"] == []
    take_role(planner, "planner")
    shared = planner.patch(
        scenario["href"], json={"is_shared": True, "name": "共享方案"}, headers=meant(planner, scenario)
    )
    assert shared.status_code == 200
    assert planner.post("/api/session/demo", json=other).status_code == 200
    found = planner.get(scenario["href"]).json()
    assert (found["name"], found["is_own"]) == ("共享方案", False)
    for what, body in (("edits", {"edits": [canteen(1500.0)]}), ("undo", None), ("replay", None)):
        answer = planner.post(f"{scenario['href']}/{what}", json=body, headers=meant(planner, scenario))
        assert answer.status_code == 403
    assert planner.delete(scenario["href"], headers=meant(planner, scenario)).status_code == 403
    assert planner.post(f"{scenario['href']}/branch", json={"name": "我的"}).status_code == 201
    for role in ("public", "data_steward", "system_administrator"):
        take_role(planner, role)
        assert planner.get(scenario["href"]).status_code in (401, 403)
        assert planner.post("/api/scenarios", json={"name": "x", **ASKED}).status_code in (401, 403)
    take_role(planner, "planner")
    assert planner.delete(scenario["href"], headers=meant(planner, scenario)).status_code == 204
    assert planner.get(scenario["href"]).status_code == 404


def test_a_planner_of_one_district_sees_no_point_elsewhere(planner: TestClient) -> None:
    assert planner.post("/api/session/demo", json={"role": "planner", "district": "990101001"}).status_code == 200
    scenario = begun(planner, minutes=20)
    body = {"edits": [canteen(1500.0)]}
    outside = planner.post(f"{scenario['href']}/edits", json=body, headers=meant(planner, scenario))
    assert outside.status_code == 403, "from place to place, totals tell who lives beside them"
    answer = step(planner, scenario, edits=[canteen(990.0)])
    assert answer["change"]["types"][0]["shifts"]["gained"] > 0, "totals are everybody's"
    features = planner.get("/ogc/collections/demand/items").json()["features"]
    told = answer["change"]["types"][0]["bands"][0]["fids"]
    names = [one["properties"]["id"] for one in features if one["id"] in told]
    assert (names, len(told)) == (["near"], 1), "not the one at the far end, who gained"
    assert planner.post("/api/session/demo", json={"role": "planner", "district": "990101002"}).status_code == 200
    mine = begun(planner)
    assert len(step(planner, mine, edits=[canteen(1500.0)])["change"]["types"][0]["bands"][0]["fids"]) > 0


def test_steps_meant_for_an_older_state_are_refused(planner: TestClient) -> None:
    scenario = begun(planner)
    tag = {"If-Match": scenario["etag"]}
    body = {"edits": [canteen(1500.0)]}
    assert planner.post(f"{scenario['href']}/edits", json=body, headers=tag).status_code == 200
    assert planner.post(f"{scenario['href']}/undo", headers=tag).status_code == 412
    assert planner.get(scenario["href"]).json()["n_edits"] == 1


def test_of_two_edits_at_once_one_wins_and_the_other_is_told(planner: TestClient) -> None:
    scenario = begun(planner)
    codes: list[int] = []
    tag = {"If-Match": scenario["etag"]}

    def edit(number: int) -> None:
        body = {"edits": [canteen(300.0 + number, f"N{number}")]}
        answer = planner.post(f"{scenario['href']}/edits", json=body, headers=tag)
        codes.append(answer.status_code)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert sorted(codes) == [200, 412, 412, 412]
    assert planner.get(scenario["href"]).json()["n_edits"] == 1
