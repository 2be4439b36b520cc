"""Every route for everybody: the answer is the one that tests/cases/authorization.toml says, cell by cell."""

from __future__ import annotations

import html
import io
import json
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.routing import Match

import tests.api.matrix_cases  # noqa: F401  (brings its requests)
from api.app import create_app
from api.guard import all_routes
from api.schemas.session import KEY_SCOPES
from api.settings import settings_for
from geo.catalog.map_layer import ROLES, map_layers
from tests.api.matrix_city import COLUMNS, EAST, MARKS, SCOPES, UNLIMITED, WEST, City, served_city
from tests.api.matrix_requests import LAYER_ROUTES, Asked, Cell, asked_of, known_routes, layer_request
from tests.conftest import BOTH_ENGINES, fresh_url

TABLE: Final = Path(__file__).parents[1] / "cases" / "authorization.toml"
EXPECTED: Final[dict[str, Any]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
ANSWERS: Final = ("200", "201", "202", "204", "303", "400", "401", "403", "404")


def routes_of(app: Any) -> list[str]:
    """Return every method and path of the application; HEAD answers as GET does."""
    found = [(route.path, set(route.methods or ()) - {"HEAD"}) for route in all_routes(app.routes)]
    return sorted(f"{method} {path}" for path, methods in found for method in methods)


def expected_row(row: Mapping[str, str], scope: str) -> list[str]:
    """Return the statuses of a row by column."""
    return row["every" if "every" in row else scope].split()


@pytest.fixture(scope="module", params=BOTH_ENGINES)
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("matrix")
    with fresh_url(request, folder) as url, served_city(url, folder) as made:
        yield made


def test_the_table_names_every_route_layer_role_and_scope(tmp_path: Path) -> None:
    app = create_app(settings_for(str(tmp_path / "new.gpkg"), tmp_path / "cache"))
    assert sorted(EXPECTED["routes"]) == routes_of(app)
    assert sorted(EXPECTED["layers"]) == sorted(map_layers())
    assert tuple(EXPECTED["columns"]) == COLUMNS
    assert {*ROLES, *(f"key:{scope}" for scope in KEY_SCOPES), "no_role", "stand_in"} == set(COLUMNS)
    assert known_routes() <= set(EXPECTED["routes"])


def test_the_table_has_an_answer_in_every_cell() -> None:
    for name, row in (EXPECTED["routes"] | EXPECTED["layers"]).items():
        assert set(row) in ({"every"}, set(SCOPES)), name
        for scope in SCOPES:
            statuses = expected_row(row, scope)
            assert len(statuses) == len(COLUMNS), name
            assert set(statuses) <= set(ANSWERS), name


@pytest.mark.parametrize("route", EXPECTED["routes"])
def test_a_route_answers_everybody_as_the_table_says(city: City, route: str) -> None:
    wrong, leaks = [], []
    for scope in SCOPES:
        for column, status in zip(COLUMNS, expected_row(EXPECTED["routes"][route], scope), strict=True):
            person = city.person(column, None if scope == "whole" else WEST)
            asked = asked_of(route, Cell(city, person, scope))
            assert reached(city, route, asked), f"{asked.path} is not answered by {route}"
            client = city.enter(column, person.district).client if asked.is_last else person.client
            answer = client.request(
                route.split(" ")[0], asked.path, params=asked.query, json=asked.json, content=asked.content,
                headers=asked.headers, follow_redirects=False,
            )  # fmt: skip
            if str(answer.status_code) != status:
                wrong.append(f"{column}/{scope}: {answer.status_code} for {status}: {answer.text[:160]}")
            if person.district == WEST and column not in UNLIMITED and holds_mark(answer.content, MARKS[EAST]):
                leaks.append(f"{column}/{scope}")
    assert not wrong, "\n".join(wrong)
    assert not leaks, "what is internal to the east is told to the west"


@pytest.mark.parametrize("layer", EXPECTED["layers"])
def test_every_route_of_a_layer_answers_everybody_as_the_table_says(city: City, layer: str) -> None:
    wrong = []
    for scope, district in (("whole", None), ("own", WEST)):
        for column, status in zip(COLUMNS, expected_row(EXPECTED["layers"][layer], scope), strict=True):
            if scope == "own" and column in UNLIMITED:
                continue
            client = city.person(column, district).client
            for route in LAYER_ROUTES:
                asked = layer_request(route, layer)
                found = client.get(asked.path, params=asked.query).status_code
                # A tile without anything in it is none.
                if str(found) != status and not (found == 204 and status == "200" and "{row}" in route):
                    wrong.append(f"{column}/{scope} {route}: {found} for {status}")
    assert not wrong, "\n".join(wrong)


def reached(city: City, route: str, asked: Asked) -> bool:
    """Tell whether a request is answered by the route it is meant for."""
    method, path = route.split(" ")
    scope = {"type": "http", "method": method, "path": asked.path, "headers": []}
    found = next(one for one in all_routes(city.app.routes) if one.matches(dict(scope))[0] is Match.FULL)
    return bool(getattr(found, "path", None) == path)


def holds_mark(content: bytes, mark: str) -> bool:
    """Tell whether a mark can be read in an answer, escaped or inside of a workbook, too."""
    parts = [content]
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [html.unescape(archive.read(name).decode("utf-8")).encode() for name in archive.namelist()]
    forms = (mark.encode(), json.dumps(mark)[1:-1].encode())
    return any(form in part for part in parts for form in forms)
