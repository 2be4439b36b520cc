"""``If-Match`` everywhere: 428 without it, 412 with a three-way difference where it is stale, and one winner of two."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.testclient import TestClient

from api.conditional import UNCONDITIONAL
from api.describe import describe_api
from tests.accounts import fast_hashes
from tests.api.writes import CALLS, Call, Route, World, canteen, world, writing_routes
from tests.cli.conftest import fangyu, small_town
from tests.store.outsider import execute

__all__ = ["fangyu", "fast_hashes", "small_town", "world"]


def conditional(app: Any) -> set[Route]:
    """Return the routes that say they take the header."""
    paths: Any = describe_api(app)["paths"]
    return {
        (method, path)
        for method, path in writing_routes(app)
        if any(one["name"].lower() == "if-match" for one in paths[path][method.lower()].get("parameters", ()))
    }


def test_every_change_of_a_record_says_which_state_it_is_meant_for_or_says_why_not(world: World) -> None:
    found = writing_routes(world.app)
    taking = conditional(world.app)
    assert set(UNCONDITIONAL) <= found, "what is unconditional is there"
    assert not set(UNCONDITIONAL) & taking
    of_something = {route for route in found if "{" in route[1]}
    assert of_something - set(UNCONDITIONAL) == taking
    paths: Any = describe_api(world.app)["paths"]
    for method, path in taking:
        assert {"412", "428"} <= set(paths[path][method.lower()]["responses"]), path


def bare(call: Call) -> Call:
    """Return a call without its condition."""
    return Call(call.client, call.method, call.url, call.json)


def test_without_a_state_nothing_is_changed_and_with_a_stale_one_the_difference_is_told(world: World) -> None:
    wrong = {}
    for route in sorted(conditional(world.app)):
        call = CALLS[route](world)
        for header in ({}, {"If_Match": "*"}, {"If_Match": '""'}):
            answer = bare(call).send(**header)
            if answer.status_code != 428 or answer.json()["code"] != "unconditional":
                wrong[route, str(header)] = answer.text
        first = call.send()
        again = call.send()
        if not 200 <= first.status_code < 300:
            wrong[route, "first"] = first.text
        elif route[0] == "DELETE":
            # What is removed is not there any more for who asks.
            assert again.status_code == 404, again.text
        elif again.status_code != 412:
            wrong[route, "again"] = f"{again.status_code} {again.text}"
        else:
            facts = again.json()["facts"]
            if set(facts) != {"tag", "base", "yours", "theirs", "conflicts", "changed_by", "changed_at"}:
                wrong[route, "facts"] = facts
            elif facts["changed_by"] is None or datetime.fromisoformat(facts["changed_at"]).tzinfo is None:
                wrong[route, "who"] = facts
            elif route[0] != "DELETE" and "etag" in first.headers and f'"{facts["tag"]}"' != first.headers["etag"]:
                wrong[route, "tag"] = facts
        for odd in ('"nonsense"', '"x.999999999999999999999"', f'"{call.url.rsplit("/")[3]}.77"'):
            answer = bare(CALLS[route](world)).send(If_Match=odd)
            if answer.status_code != 412:
                wrong[route, odd] = f"{answer.status_code} {answer.text}"
    assert wrong == {}


def test_of_two_at_once_with_one_state_exactly_one_wins_on_every_route(world: World) -> None:
    wrong = {}
    for route in sorted(conditional(world.app)):
        call = CALLS[route](world)
        own = {"cookies": dict(call.client.cookies), "headers": {"Sec-Fetch-Site": "same-origin"}}
        clients = [TestClient(world.app, base_url="http://127.0.0.1", **own) for _ in range(3)]
        codes: list[int] = []
        ready = threading.Barrier(len(clients))

        def send(client: TestClient, call: Call = call, codes: list[int] = codes, ready: Any = ready) -> None:
            ready.wait(10)
            codes.append(call.send(client=client).status_code)

        threads = [threading.Thread(target=send, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        won = [code for code in codes if 200 <= code < 300]
        lost = [code for code in codes if code in ((404, 412) if route[0] == "DELETE" else (412,))]
        if (len(won), len(lost)) != (1, 2):
            wrong[route] = codes
    assert wrong == {}


def test_a_facility_is_told_what_both_sides_changed_who_did_and_when(world: World) -> None:
    href, tag = world.facility()
    theirs = {"name": "他们的名", "attributes": {"seats": 60, "address": "幸福路 6 号"}}
    assert world.as_("zhao").patch(href, json=theirs, headers={"If-Match": tag}).status_code == 200
    yours = {"name": "您的名", "attributes": {"seats": 60, "phone": "12345678"}}
    facts = world.as_("li").patch(href, json=yours, headers={"If-Match": tag}).json()["facts"]
    assert facts["base"] | {"capacity": None} == {
        "name": "食堂1", "seats": 40, "address": "幸福路 5 号", "capacity": None, "phone": None,
    }  # fmt: skip
    assert facts["theirs"]["name"] == "他们的名"
    assert facts["theirs"]["seats"] == 60
    assert facts["theirs"]["phone"] is None
    assert facts["yours"] == {"name": "您的名", "seats": 60, "phone": "12345678"}
    assert facts["conflicts"] == ["name"], "the same number of seats is no conflict"
    assert facts["changed_by"] == "zhao"


def test_of_an_edit_past_the_system_the_base_is_known_from_the_journal(world: World, store_url: str) -> None:
    href, tag = world.facility()
    execute(store_url, "UPDATE facilities SET name = '外面改的' WHERE name = '食堂1'")
    facts = world.as_("li").patch(href, json={"name": "您的名"}, headers={"If-Match": tag}).json()["facts"]
    assert (facts["base"]["name"], facts["theirs"]["name"]) == ("食堂1", "外面改的")
    assert facts["conflicts"] == ["name"]
    assert facts["changed_by"] == "outside"
    moved = world.as_("li").patch(href, json={"lon": 103.0}, headers={"If-Match": tag}).json()["facts"]
    assert moved["conflicts"] == []
    assert moved["yours"] == {"lon": 103.0}
    assert moved["base"]["lon"] == moved["theirs"]["lon"]


def test_an_account_is_told_what_each_administrator_changed(world: World) -> None:
    href, tag = world.person("planner")
    step = world.as_("sys").patch(href, json={"name": "王五"}, headers={"If-Match": tag})
    asked = {"roles": ["data_steward"], "district": "990101"}
    granted = world.as_("sec").put(f"{href}/grant", json=asked, headers={"If-Match": step.headers["etag"]})
    assert granted.status_code == 200, granted.text
    facts = world.as_("sys").patch(href, json={"name": "赵六"}, headers={"If-Match": tag}).json()["facts"]
    assert facts["base"] == {"name": "person1女士", "roles": ["planner"], "district": None}
    assert facts["theirs"] == {"name": "王五", "roles": ["data_steward"], "district": "990101"}
    assert (facts["yours"], facts["conflicts"]) == ({"name": "赵六"}, ["name"])
    assert facts["changed_by"] == "sec"
    later = {"If-Match": step.headers["etag"]}
    facts = world.as_("sys").patch(href, json={"name": "赵六"}, headers=later).json()["facts"]
    assert facts["base"] == {"name": "王五", "roles": ["planner"], "district": None}
    assert facts["conflicts"] == [], "the name was changed before it was read"


def test_of_a_scenario_the_present_edits_are_told_and_no_base(world: World) -> None:
    href, tag = world.scenario()
    planner = world.as_("wang")
    send: Callable[..., Any] = planner.post
    assert send(f"{href}/edits", json={"edits": [canteen(1500.0)]}, headers={"If-Match": tag}).status_code == 200
    facts = send(f"{href}/edits", json={"edits": [canteen(900.0, "N2")]}, headers={"If-Match": tag}).json()["facts"]
    assert facts["base"] is None
    assert [one["id"] for one in facts["theirs"]["edits"]] == ["N1"]
    assert [one["id"] for one in facts["yours"]["edits"]] == ["N2"]
    assert facts["conflicts"] == ["edits"]
    undo = send(f"{href}/undo", headers={"If-Match": tag}).json()["facts"]
    assert undo["yours"] == {"edits": {"step": "undo"}}
