"""What broke into servers like this one, tried here: each past breach is a test of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from tests.api.conftest import Served
from tests.api.test_app import take_role


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(settings_for(str(tmp_path / "new.gpkg"), tmp_path / "cache", demo=True))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


@pytest.mark.parametrize(
    "name", ["exec(java.lang.Runtime.getRuntime(),'id')", "../name", "name/../../geom", "//*", "__class__", "fid;drop"]
)
def test_property_names_are_looked_up_and_never_evaluated(served: Served, name: str) -> None:
    """GeoServer CVE-2024-36401: property names were evaluated as XPath."""
    client = served("planner")
    home = "/ogc/collections/streets/items"
    assert client.get(home, params={name: "1"}).status_code == 400
    for text in (f'"{name}" = 1', json.dumps({"op": "=", "args": [{"property": name}, 1]})):
        language = "cql2-json" if text.startswith("{") else "cql2-text"
        assert client.get(home, params={"filter": text, "filter-lang": language}).status_code == 400
    assert client.get("/ogc/collections/streets/export", params={"f": "csv", name: "1"}).status_code == 400


@pytest.mark.parametrize(
    "text",
    [
        "name LIKE '%'' OR 1=1 --'",
        "name = 'x'' UNION SELECT id FROM demand_points --'",
        "pg_sleep(10) = 1",
        "strEndsWith(name, 'x'') = true OR 1=1 --')",
        "load_extension('/tmp/x') = 1",
        "name = CAST((SELECT 1) AS text)",
    ],
)
def test_filters_become_bound_parameters_and_functions_are_not_passed_on(served: Served, text: str) -> None:
    """GeoServer CVE-2023-25157: CQL functions and LIKE reached the SQL text."""
    client = served("public")
    answer = client.get("/ogc/collections/streets/items", params={"filter": text})
    whole = client.get("/ogc/collections/streets/items").json()["numberMatched"]
    assert answer.status_code == 400 or 0 == answer.json()["numberMatched"] < whole


def test_styles_and_definitions_hold_data_and_no_scripts(served: Served) -> None:
    """GeoServer CVE-2022-24847 and CVE-2022-24816: names and scripts in configuration were carried out."""
    client = served("planner")
    for name in ("streets", "coverage_cells"):
        style = client.get(f"/ogc/collections/{name}/style")
        assert style.status_code == 200
        assert not re.search(r"javascript:|<script|\$\{|jndi:", style.text)
    for method in ("post", "put"):
        assert getattr(client, method)("/ogc/collections/streets/style", json={"x": 1}).status_code == 405


def test_nothing_takes_an_address_to_fetch(empty: TestClient) -> None:
    """GeoServer CVE-2021-40822 and CVE-2023-43795, pygeoapi CVE-2026-42352: proxies and callbacks fetched for users."""
    document = empty.get("/api/openapi.json").json()
    names: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("format") == "uri":
                raise AssertionError(f"an address is taken: {value}")
            names.update(value.get("properties", {}))
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk({"components": document["components"], "paths": document["paths"]})
    assert not names & {"url", "uri", "callback", "subscriber", "webhook", "proxy", "href"}
    assert empty.get("/ogc/collections/streets/items?crs=http://169.254.169.254/latest").status_code == 400


def test_a_virtual_file_does_not_lead_elsewhere(empty: TestClient) -> None:
    """A GDAL virtual format names other files and addresses; it is no GeoPackage whatever its ending."""
    take_role(empty, "data_steward")
    text = b"<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/vsicurl/http://127.0.0.1:9/x.csv</SrcDataSource>"
    for name in ("x.gpkg", "x.zip", "x.xlsx"):
        assert empty.post("/api/imports/uploads", params={"name": name}, content=text).status_code == 400
    sent = empty.post("/api/imports/uploads", params={"name": "x.geojson"}, content=text)
    assert sent.status_code == 201
    looked = empty.post(f"{sent.json()['href']}/columns", json={"layer": "land"})
    assert looked.status_code == 400
    assert "JSON" in looked.json()["message_zh"]


def test_entities_are_not_expanded(empty: TestClient) -> None:
    """GeoServer CVE-2025-58360: an XML parser fetched what entities named."""
    take_role(empty, "data_steward")
    text = b'<!DOCTYPE osm [<!ENTITY x SYSTEM "file:///etc/passwd">]><osm version="0.6">&x;</osm>'
    answer = empty.post("/api/imports/uploads", params={"name": "x.osm"}, content=text)
    assert answer.status_code == 400
    assert "root:" not in answer.text
    for media in ("application/xml", "text/xml"):
        refused = empty.post("/api/runs", content=text, headers={"Content-Type": media})
        assert refused.status_code in (400, 403)


def test_what_needs_a_role_needs_no_proxy_to_keep_it(empty: TestClient) -> None:
    """pygeoapi, Martin and TiPg leave access to a proxy in front; headers of one are not believed here."""
    headers = {"X-Forwarded-User": "planner", "X-Remote-User": "planner", "Authorization": "Basic cGxhbm5lcjo="}
    for path in ("/api/runs", "/api/scenarios", "/api/imports", "/api/jobs"):
        assert empty.get(path, headers=headers).status_code == 401
    for layer in ("demand", "gates", "coverage_cells"):
        assert empty.get(f"/ogc/collections/{layer}/items", headers=headers).status_code == 404
        assert empty.get(f"/ogc/collections/{layer}/export?f=csv", headers=headers).status_code == 404
        tile = f"/ogc/collections/{layer}/tiles/WebMercatorQuad/0/0/0"
        assert empty.get(tile, headers=headers).status_code == 404
