"""The interface describes itself: to programs, to people, and truly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from api.app import create_app
from api.describe import describe_api
from api.guard import all_routes
from api.settings import settings_for
from geo.catalog.map_layer import ROLES
from geo.catalog.role import ROLE_TITLES


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(settings_for(str(tmp_path / "new.gpkg"), tmp_path / "cache", demo=True))
    with TestClient(app, base_url="http://127.0.0.1") as made:
        yield made


def test_every_address_beside_the_ogc_service_is_described(client: TestClient) -> None:
    document = client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    routes = {
        (route.path, method.lower())
        for route in all_routes(client.app.routes)  # type: ignore[attr-defined]
        if isinstance(route, APIRoute) and route.include_in_schema and not route.path.startswith("/ogc")
        for method in route.methods or ()
    }
    assert {(path, method) for path, methods in document["paths"].items() for method in methods} == routes
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    for one in operations:
        assert " · " in one["summary"]
        assert "----" not in one["description"]
        assert one["x-policy"]["roles"]
        assert "422" not in one["responses"] or "problem" in str(one["responses"]["422"])


def test_the_page_shows_every_address_and_loads_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/docs")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for path in client.get("/api/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in answer.text
    only = ['<script src="http://127.0.0.1/ogc/static/role.js" defer>']
    assert re.findall("<script[^>]*>", answer.text) == only, "demo mode's"
    assert "style=" not in answer.text
    assert set(re.findall(r'(?:src|href)="(https?://[^/"]+)', answer.text)) <= {"http://127.0.0.1"}


def test_every_role_has_a_title() -> None:
    assert list(ROLE_TITLES) == list(ROLES)


def test_a_described_group_is_a_known_one(client: TestClient) -> None:
    document = describe_api(client.app)  # type: ignore[arg-type]
    known = {one["name"] for one in document["tags"]}  # type: ignore[attr-defined,index]
    used = {tag for methods in document["paths"].values() for one in methods.values() for tag in one["tags"]}  # type: ignore[attr-defined]
    assert used <= known
