"""What is sent to a route in a wrong form is refused in words (4xx), and never a mistake of ours (5xx)."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from tests.api.matrix_city import City, Person, served_city
from tests.api.matrix_requests import Asked, Cell, asked_of
from tests.api.test_matrix import EXPECTED
from tests.conftest import BOTH_ENGINES, fresh_url

DEEP: Final = json.loads("[" * 60 + "]" * 60)
JUNK: Final[tuple[Any, ...]] = (
    None, True, -1, 0, 1.5, 1e308, 2**63, 10**30, "", " ", "\x00", "a\x00b", "\ud800", "’; DROP TABLE accounts; --",
    "东" * 70_000, [], {}, DEEP, [None], [[]], {"": None}, {"a": {"b": [{}, [], "x"]}}, {"$ref": "#"}, "9999-12-31",
    "0000-00-00", "NaN", "-Infinity", "../../etc/passwd", "%00", "1e400",
)  # fmt: skip
KINDS: Final = ("application/json", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=x")
BODIES: Final = (
    b"", b"null", b"true", b"0", b'"text"', b"[]", b"[[[]]]", b"{", b"}", b"{}{}", b"NaN", b"[1e999]", b'{"a":1,"a":2}',
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf[]", b'{"\\ud800": "\\udfff"}', b"[" * 50_000, b'{"a":' * 20_000,
    b"a=1&b=2", b"<xml/>", b"9" * 100_000,
)  # fmt: skip
PLACES: Final = (
    "%00", "a%00b", "x" * 3_000, "..%2f..%2fetc", "%ff%fe", "%ed%a0%80", "' OR 1=1 --", "-1", "0", "1e9", str(2**63),
    str(10**40), "NaN", "null", "东", "%25", "%2F", "{}", "*",
)  # fmt: skip
WRITING: Final = [route for route in EXPECTED["routes"] if not route.startswith("GET ")]
WITH_PLACES: Final = [route for route in EXPECTED["routes"] if "{" in route]
COLUMNS: Final = ("planner", "data_steward", "system_administrator", "security_administrator", "audit_administrator")


@pytest.fixture(scope="module", params=BOTH_ENGINES)
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("malformed")
    with fresh_url(request, folder) as url, served_city(url, folder) as made:
        yield made


def whoever_may(city: City, route: str) -> Person:
    """Return somebody who gets past the door of a route, in a session that nothing tried before has ended."""
    city.people.clear()
    city.__dict__.pop("administrator", None)
    row = EXPECTED["routes"][route]
    statuses = row.get("every", row.get("whole")).split()
    order = [column for column in COLUMNS if statuses[EXPECTED["columns"].index(column)] < "401"]
    return city.enter(order[0] if order else "planner", None)


def browser(person: Person) -> TestClient:
    """Return their browser, which is answered whatever goes wrong in the server.

    It stands elsewhere: what is tried from there locks nobody out who logs in here.
    """
    return TestClient(
        person.client.app, base_url="http://127.0.0.1", cookies=dict(person.client.cookies), client=("10.9.8.7", 1),
        headers={"sec-fetch-site": "same-origin"}, raise_server_exceptions=False,
    )  # fmt: skip


def spoilt(body: object) -> Iterator[object]:
    """Yield a body with each of its parts replaced, one at a time, at any depth, and with a part too many."""
    if isinstance(body, dict):
        for name, part in body.items():
            yield from ({**body, name: other} for other in JUNK)
            yield from ({**body, name: other} for other in spoilt(part))
            yield {key: value for key, value in body.items() if key != name}
        yield {**body, "colour": "red"}
    elif isinstance(body, list) and body:
        yield from ([other, *body[1:]] for other in JUNK)
        yield from ([other, *body[1:]] for other in spoilt(body[0]))
        yield body * 1_000


def sent(client: TestClient, method: str, asked: Asked, content: bytes, kind: str = "application/json") -> int:
    """Send a body as it is."""
    headers = {**asked.headers, "Content-Type": kind}
    answer = client.request(method, asked.path, params=asked.query, content=content, headers=headers)
    if answer.status_code >= 400 and answer.status_code != 405:
        assert answer.headers["content-type"] == "application/problem+json", answer.text[:200]
    return answer.status_code


@pytest.mark.parametrize("route", WRITING)
def test_a_body_of_the_wrong_form_is_refused_and_never_a_mistake(city: City, route: str) -> None:
    person = whoever_may(city, route)
    asked, method = asked_of(route, Cell(city, person, "whole")), route.split(" ")[0]
    client, wrong = browser(person), []
    if asked.json is not None:
        for body in spoilt(copy.deepcopy(asked.json)):
            text = json.dumps(body)
            status = sent(client, method, asked, text.encode())
            if status >= 500:
                wrong.append(f"{status} for {text[:200]}")
    for content in BODIES:
        for kind in KINDS:
            status = sent(client, method, asked, content, kind)
            if status >= 500 or (asked.json is not None and status < 400):
                wrong.append(f"{status} for {content[:60]!r} as {kind}")
    assert not wrong, f"{len(wrong)}: " + "\n".join(wrong[:12])


@pytest.mark.parametrize("route", WITH_PLACES)
def test_a_place_in_an_address_that_is_none_is_refused_and_never_a_mistake(city: City, route: str) -> None:
    person = whoever_may(city, route)
    asked, (method, template) = asked_of(route, Cell(city, person, "whole")), route.split(" ")
    client, wrong = browser(person), []
    parts, real = template.split("/"), asked.path.split("/")
    for position, part in enumerate(parts):
        if "{" not in part:
            continue
        for junk in PLACES:
            path = "/".join([*real[:position], junk, *real[position + 1 :]])
            answer = client.request(method, path, params=asked.query, json=asked.json, headers=asked.headers)
            if answer.status_code >= 500:
                wrong.append(f"{answer.status_code} for {path[:120]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("route", [route for route in EXPECTED["routes"] if route.startswith("GET ")])
def test_a_question_of_the_wrong_form_is_refused_and_never_a_mistake(city: City, route: str) -> None:
    person = whoever_may(city, route)
    asked = asked_of(route, Cell(city, person, "whole"))
    client, wrong = browser(person), []
    names = {*asked.query, "limit", "token", "filter", "bbox", "datetime", "crs", "q", "from", "actor", "f", "name"}
    for name in sorted(names):
        for value in ("\x00", "", "-1", "1e400", "9" * 400, "东" * 500, "[]", "'", "NaN", "9999-12-31/..", "\ud7ff"):
            answer = client.get(asked.path, params={**asked.query, name: value})
            if answer.status_code >= 500:
                wrong.append(f"{answer.status_code} for {name}={value[:40]!r}")
    assert not wrong, "\n".join(wrong)
