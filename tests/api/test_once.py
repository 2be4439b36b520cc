"""``Idempotency-Key``: what is sent again is answered again, and nothing is done twice."""

from __future__ import annotations

import hashlib
import threading
from datetime import timedelta
from typing import Any

import pytest
from fastapi import Depends, Request
from sqlalchemy import func, inspect, select, text, update
from starlette.testclient import TestClient

from api.describe import describe_api
from api.guard import Guard
from api.once import EXEMPT, takes_key
from api.work import store_of, writing
from geo.services import facility
from geo.store import Store, idempotency
from geo.store.columns import utc_now
from geo.store.tables import Base, IdempotencyKey
from tests.accounts import GOOD, fast_hashes
from tests.api.writes import CALLS, FACILITY, Call, World, world, writing_routes
from tests.cli.conftest import fangyu, small_town

__all__ = ["fangyu", "fast_hashes", "small_town", "world"]
KEPT = ("content-type", "etag", "location", "cache-control")


def rows(store: Store) -> dict[str, int]:
    """Count the rows of every table."""
    with store.session(write=False) as session:
        return {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def facilities(store: Store) -> int:
    with store.session(write=False) as session:
        return int(session.scalar(text("SELECT count(*) FROM facilities WHERE closed_import_id IS NULL")) or 0)


def test_every_writing_route_takes_a_key_or_says_why_not(world: World) -> None:
    found = writing_routes(world.app)
    assert set(EXEMPT) <= found, "what is exempt is there"
    assert set(CALLS) == found - set(EXEMPT), "every route that takes a key is tried below"
    assert {route for route in found if takes_key(*route)} == set(CALLS)


def test_what_is_sent_again_is_answered_again_and_done_once(world: World) -> None:
    wrong = {}
    for route, prepare in CALLS.items():
        call = prepare(world)
        key = f"key-{hashlib.sha256(repr(route).encode()).hexdigest()[:16]}"
        first = call.send(Idempotency_Key=key)
        before = rows(world.store)
        again = call.send(Idempotency_Key=key)
        plain = {name: first.headers.get(name) for name in KEPT}
        if not 200 <= first.status_code < 300 or "idempotency-replayed" in first.headers:
            wrong[route] = f"{first.status_code} {first.text}"
        elif again.headers.get("idempotency-replayed") != "true":
            wrong[route] = f"done again: {again.status_code} {again.text}"
        elif (again.status_code, again.content) != (first.status_code, first.content):
            wrong[route] = f"another answer: {again.status_code} {again.text}"
        elif {name: again.headers.get(name) for name in KEPT} != plain:
            wrong[route] = f"other headers: {dict(again.headers)}"
        elif rows(world.store) != before:
            wrong[route] = "rows were added"
    assert wrong == {}


def test_a_key_belongs_to_one_request_of_one_person(world: World) -> None:
    call = CALLS["POST", "/api/facilities"](world)
    assert call.send(Idempotency_Key="k-1").status_code == 201
    other_path = Call(call.client, "POST", "/api/runs", {"types": ["senior_canteen"]})
    for other in (
        call.send(json={**FACILITY, "name": "另一处"}, Idempotency_Key="k-1"),
        Call(call.client, "POST", "/api/facilities/x/close", {}, {"If-Match": '"x.1"'}).send(Idempotency_Key="k-1"),
    ):
        assert other.status_code == 422, other.text
        assert other.json()["code"] == "idempotency_key_reused"
        assert "k-1" in other.json()["message_zh"]
        assert "another request" in other.json()["message_en"]
    assert other_path.send(client=world.as_("wang"), Idempotency_Key="k-1").status_code == 202, "a key is one's own"
    assert call.send(client=world.as_("zhao"), Idempotency_Key="k-1").headers.get("idempotency-replayed") is None
    assert facilities(world.store) == 3


@pytest.mark.parametrize("key", ["", "two words", "键", "k" * 129, "tab\tbed"])
def test_a_key_that_is_none_is_refused_in_words(world: World, key: str) -> None:
    client = world.as_("li")
    answer = client.post("/api/facilities", json=FACILITY, headers={"Idempotency-Key": key.encode()})
    assert answer.status_code == 400, answer.text
    assert "Idempotency-Key" in answer.json()["message_zh"]
    assert "128" in answer.json()["message_en"]
    twice = client.post("/api/facilities", json=FACILITY, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    assert twice.status_code == 400
    assert facilities(world.store) == 1


def test_what_holds_a_secret_refuses_the_key_and_keeps_nothing(world: World) -> None:
    sent: dict[tuple[str, str], Any] = {
        ("POST", "/api/accounts"): (world.as_("sys"), {"login": "qian", "name": "钱"}),
        ("POST", "/api/accounts/{name}/password"): (world.as_("sys"), None),
        ("POST", "/api/session/keys"): (
            world.as_("li"), {"title": "QGIS", "scopes": ["layers.read"], "days": 30, "password": GOOD},
        ),
        ("POST", "/api/session"): (world.as_("li"), {"login": "li", "password": GOOD}),
    }  # fmt: skip
    for method, path in EXEMPT:
        client, body = sent.get((method, path), (world.as_("li"), {"role": "planner"}))
        url = path.replace("{name}", "wang").replace("{upload_id}", "u-1")
        answer = client.request(method, url, json=body, headers={"Idempotency-Key": "k-1"})
        assert answer.status_code == 400, (path, answer.text)
        assert EXEMPT[method, path][0] in answer.json()["message_zh"], path
    with world.store.session(write=False) as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0
    assert world.as_("li").get("/api/session").json()["name"] == "li"


def test_who_may_not_is_refused_before_any_key_is_looked_at(world: World) -> None:
    call = CALLS["POST", "/api/facilities"](world)
    assert call.send(Idempotency_Key="k-1").status_code == 201
    assert call.send(client=world.as_("wang"), Idempotency_Key="k-1").status_code == 403
    nobody = TestClient(world.app, base_url="http://127.0.0.1")  # not entered: it runs already
    assert call.send(client=nobody, Idempotency_Key="k-1").status_code == 401


def test_a_request_that_failed_is_carried_out_when_it_is_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = CALLS["POST", "/api/facilities"](world)
    assert call.send(json={**FACILITY, "attributes": {"seats": "many"}}, Idempotency_Key="k-1").status_code == 400
    keep = idempotency.keep
    with monkeypatch.context() as broken:

        def fail(*words: Any, **more: Any) -> None:
            keep(*words, **more)
            raise ZeroDivisionError

        broken.setattr(idempotency, "keep", fail)
        with pytest.raises(ZeroDivisionError):
            call.send(Idempotency_Key="k-1")
    assert facilities(world.store) == 1, "neither the facility nor the answer"
    made = call.send(Idempotency_Key="k-1")
    assert (made.status_code, made.headers.get("idempotency-replayed")) == (201, None)
    assert facilities(world.store) == 2


def test_an_answer_is_forgotten_after_a_day(world: World) -> None:
    call = CALLS["POST", "/api/facilities"](world)
    assert call.send(Idempotency_Key="k-1").status_code == 201
    with world.store.session() as session:
        session.execute(update(IdempotencyKey).values(created_utc=utc_now() - timedelta(hours=23, minutes=59)))
    assert call.send(Idempotency_Key="k-1").headers["idempotency-replayed"] == "true"
    with world.store.session() as session:
        session.execute(update(IdempotencyKey).values(created_utc=utc_now() - timedelta(hours=24, seconds=1)))
    assert "idempotency-replayed" not in call.send(Idempotency_Key="k-1").headers
    assert facilities(world.store) == 3
    with world.store.session() as session:
        session.execute(update(IdempotencyKey).values(created_utc=utc_now() - timedelta(hours=25)))
    call.send(Idempotency_Key="k-2")
    with world.store.session(write=False) as session:
        assert list(session.scalars(select(IdempotencyKey.key))) == ["k-2"], "old answers go when another is kept"


def test_of_eight_requests_with_one_key_at_once_one_is_carried_out(world: World) -> None:
    call = CALLS["POST", "/api/facilities"](world)
    own = {"cookies": dict(call.client.cookies), "headers": {"Sec-Fetch-Site": "same-origin"}}
    clients = [TestClient(world.app, base_url="http://127.0.0.1", **own) for _ in range(8)]
    answers: list[Any] = []
    ready = threading.Barrier(8)

    def send(client: TestClient) -> None:
        ready.wait(10)
        answers.append(call.send(client=client, Idempotency_Key="k-1"))

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 8
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["uid"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert facilities(world.store) == 2


def test_an_answer_is_kept_where_its_command_is(world: World) -> None:
    """A command that is rolled back leaves no answer: both are in one transaction, seen by nobody before its end."""
    call = CALLS["POST", "/api/facilities"](world)
    seen: list[tuple[int, int]] = []
    create = facility.create_facility

    def watched(session: Any, **more: Any) -> Any:
        made = create(session, **more)
        with world.store.session(write=False) as other:
            count = other.scalar(text("SELECT count(*) FROM facilities WHERE closed_import_id IS NULL"))
            seen.append((count, other.scalar(select(func.count()).select_from(IdempotencyKey)) or 0))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.routes.facilities.create_facility", watched)
        assert call.send(Idempotency_Key="k-1").status_code == 201
    assert seen == [(1, 0)]
    with world.store.session(write=False) as session:
        kept = session.scalar(select(func.count()).select_from(IdempotencyKey))
        columns = {one["name"] for one in inspect(session.connection()).get_columns("idempotency_keys")}
    assert (kept, facilities(world.store)) == (1, 2)
    assert "password" not in columns


def test_the_description_tells_of_the_key_wherever_it_is_taken(world: World) -> None:
    paths: Any = describe_api(world.app)["paths"]
    for method, path in writing_routes(world.app):
        operation = paths[path][method.lower()]
        headers = [one for one in operation.get("parameters", ()) if one["in"] == "header"]
        named = [one for one in headers if one["name"] == "Idempotency-Key"]
        assert len(named) == takes_key(method, path), (method, path)
        if named:
            assert {"409", "422"} <= set(operation["responses"]), (method, path)
            assert "Idempotency-Key" in operation["responses"]["422"]["description"]


def test_a_route_that_would_not_keep_its_answer_fails_loudly(world: World) -> None:
    async def careless(request: Request) -> dict[str, str]:
        await writing(request, lambda session: None)
        return {"store": store_of(request).kind}

    world.app.post("/api/careless", dependencies=[Depends(Guard("facilities.edit"))])(careless)
    client = world.as_("li")
    assert client.post("/api/careless").json() == {"store": world.store.kind}
    with pytest.raises(RuntimeError, match="careless"):
        client.post("/api/careless", headers={"Idempotency-Key": "k-1"})
