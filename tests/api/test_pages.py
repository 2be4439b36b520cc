"""The pages for people: what is internal says so, English where it is asked for, and a role with one click."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.served_report import served_text
from api.settings import settings_for
from geo.catalog.map_layer import map_layers
from geo.store import open_store
from tests.api.conftest import Served
from tests.store.frames import bring_in, every_layer

SWITCH = "/ogc/static/role.js"
PAGES = ("/docs", "/ogc?f=html", "/ogc/collections?f=html", "/ogc/api?f=html", "/ogc/conformance?f=html")


@pytest.mark.parametrize("form", ["?f=html", "/items?f=html", "/queryables?f=html"])
def test_internal_layers_are_marked_and_public_ones_are_not(served: Served, form: str) -> None:
    client = served("planner")
    for layer in map_layers().values():
        page = client.get(f"/ogc/collections/{layer.name}{form}")
        assert page.status_code == 200, page.text
        assert ("内部资料" in page.text) == layer.is_internal, layer.name
        english = client.get(f"/ogc/collections/{layer.name}{form}", headers={"Accept-Language": "en"}).text
        assert layer.title_en in english
        assert '<html lang="en">' in english
    listed = client.get("/ogc/collections?f=html").text
    assert listed.count("内部资料") == sum(layer.is_internal for layer in map_layers().values())


def test_titles_follow_the_language(served: Served) -> None:
    client = served("planner")
    for lang in ("zh", "en"):
        found = client.get("/ogc/collections", headers={"Accept-Language": lang}).json()["collections"]
        assert {one["id"]: one["title"] for one in found} == {
            layer.name: layer.title(lang) for layer in map_layers().values()
        }  # fmt: skip
    assert client.get("/ogc", headers={"Accept-Language": "en"}).json()["title"].startswith("Fangyu")


@pytest.mark.parametrize("path", PAGES)
def test_pages_lead_to_one_another_and_offer_the_roles(served: Served, path: str) -> None:
    page = served("public").get(path).text
    for link in ('href="/"', 'href="/docs"', '/ogc?f=html"', SWITCH):
        assert link in page
    assert "<script>" not in page


def test_queryables_name_the_codes_that_a_column_holds(served: Served) -> None:
    client = served("planner")

    def words(layer: str, field: str, lang: str = "zh-CN") -> dict[object, str]:
        path = f"/ogc/collections/{layer}/queryables"
        found = client.get(path, headers={"Accept-Language": lang}).json()["properties"][field]
        return {one["const"]: one["title"] for one in found.get("anyOf", ()) if "const" in one}

    assert words("divisions", "level")["county"] == "县级"
    assert words("streets", "level") == {}, "there it is a number, of the deck"
    assert words("streets", "oneway_foot")[0] == "双向"
    assert words("streets", "kind")["secondary"] == "次干路"
    assert words("gaps", "type")["senior_canteen"] == "长者食堂"
    assert words("gaps", "type", "en")["senior_canteen"] == "Senior canteen"
    assert words("gaps", "reason", "en") == {}


def test_without_demo_mode_no_role_is_offered(store_url: str, tmp_path: Path) -> None:
    with open_store(store_url) as store:
        for name, frame in every_layer().items():
            bring_in(store, name, frame)
    with TestClient(create_app(settings_for(store_url, tmp_path / "cache")), base_url="http://127.0.0.1") as client:
        for path in ("/", *PAGES):
            assert SWITCH not in client.get(path).text
        assert client.get("/api/session").json()["titles"] == {}


def test_a_served_report_allows_one_more_script_in_demo_mode_only() -> None:
    policy = "default-src &#39;none&#39;; script-src &#39;sha256-x&#39;; img-src data:"
    page = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<span class="date">d</span></body>'
    plain, demo = (served_text(page, is_demo=is_demo, has_map=False) for is_demo in (False, True))
    assert policy in plain
    assert SWITCH not in plain
    assert 'href="/docs"' in plain
    assert "script-src &#x27;self&#x27; &#x27;sha256-x&#x27;; img-src data:; connect-src &#x27;self&#x27;" in demo
    assert demo.count(SWITCH) == 1
    assert demo.endswith("</body>")


def test_each_family_of_facilities_lies_where_its_facilities_are(served: Served) -> None:
    client = served("system_administrator")
    for one in client.get("/ogc/collections").json()["collections"]:
        if not one["id"].startswith("facilities_"):
            continue
        home = f"/ogc/collections/{one['id']}/items?limit=10000&datetime=../.."
        points = [part["geometry"]["coordinates"] for part in client.get(home).json()["features"]]
        assert one["isEmpty"] == (not points)
        if points:
            lons, lats = zip(*points, strict=True)
            box = [min(lons), min(lats), max(lons), max(lats)]
            assert one["extent"]["spatial"]["bbox"][0] == pytest.approx(box, abs=1e-4)
