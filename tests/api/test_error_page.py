"""A browser gets a page where something is wrong; programs get the problem."""

from __future__ import annotations

import pytest

from geo.catalog.map_layer import map_layer
from tests.api.conftest import Served

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ITEMS = "/ogc/collections/streets/items"


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/nowhere", 404, "没有"),
        ("/reports/cov-0.html", 404, "cov-0"),
        ("/docs/x", 404, "没有"),
        ("/ogc/collections/clouds", 404, "clouds"),
        (f"{ITEMS}?foo=<b>", 400, "foo"),
        (f"{ITEMS}?limit=-1", 400, "limit"),
    ],
)
def test_a_browser_gets_a_page_with_a_way_home(served: Served, path: str, status: int, word: str) -> None:
    client = served("public")
    page = client.get(path, headers={"Accept": BROWSER})
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert word in page.text
    assert 'href="/"' in page.text
    assert "<b>" not in page.text
    english = client.get(path, headers={"Accept": BROWSER, "Accept-Language": "en"}).text
    assert "Back to the map" in english
    for accept in ("*/*", "application/json", "application/json, text/html"):
        answer = client.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_the_interface_of_programs_and_a_wish_for_json_get_json(served: Served) -> None:
    client = served("public")
    for path in ("/api/nowhere", "/api/facilities?typo=1", f"{ITEMS}?foo=1&f=json"):
        assert client.get(path, headers={"Accept": BROWSER}).headers["content-type"] == "application/problem+json"


def test_an_unknown_parameter_is_told_in_one_language_with_the_columns_of_the_layer(served: Served) -> None:
    answer = served("public").get(f"{ITEMS}?foo=1").json()
    assert "query" not in answer["message_zh"]
    assert "参数“foo” 值“1”：未知的参数" in answer["message_zh"]
    assert "parameter 'foo' value '1'" in answer["message_en"]
    for name in (*map_layer("streets").fields, "bbox", "limit", "f"):
        assert name in answer["message_zh"].split("可用：")[1].split("、")
