"""The built web map as files: what is kept, what is asked for again, and what is said where there is no build."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from tests.api.builds import PAGE, SCRIPT, fake_web


@pytest.fixture
def client(store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    settings = settings_for(store_url, tmp_path / "cache", web=fake_web(tmp_path / "web"))
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as made:
        yield made


@pytest.fixture
def bare(store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    settings = settings_for(store_url, tmp_path / "cache", web=tmp_path / "none")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as made:
        yield made


@pytest.mark.parametrize("path", ["/map/", "/map/index.html", "/map/planning", "/map/planning/gaps"])
def test_the_page_answers_for_every_view_and_is_asked_for_again(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.text == PAGE
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_files_with_a_hash_in_their_name_are_kept_for_good_and_sent_compressed(client: TestClient) -> None:
    answer = client.get(f"/map/{SCRIPT}")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["content-encoding"] == "gzip"
    plain = client.get(f"/map/{SCRIPT}", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    assert "Accept-Encoding" in plain.headers["vary"]


@pytest.mark.parametrize("path", ["/map/", f"/map/{SCRIPT}"])
def test_no_script_or_style_from_elsewhere_or_in_line_is_allowed(client: TestClient, path: str) -> None:
    policy = client.get(path).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("script-src", "style-src", "connect-src", "worker-src"):
        assert f"{kind} 'self';" in policy + ";"


@pytest.mark.parametrize(
    "path", ["assets/main-ffffffff.js", "assets/", "missing.css", "../settings.py", "%2e%2e/app.py"]
)
def test_a_file_that_is_not_in_the_build_is_not_found(client: TestClient, path: str) -> None:
    answer = client.get(f"/map/{path}")
    assert answer.status_code == 404
    assert "root" not in answer.text


def test_the_address_without_the_last_stroke_keeps_the_view(client: TestClient) -> None:
    answer = client.get("/map?at=12/41.1/103.2", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/map/?at=12/41.1/103.2")


def test_pages_lead_to_the_map_where_it_is_built(client: TestClient) -> None:
    for path in ("/", "/docs", "/ogc?f=html"):
        assert 'href="/map/"' in client.get(path).text, path


def test_without_a_build_the_pages_go_on_and_the_map_says_how_to_build_it(bare: TestClient) -> None:
    for path in ("/", "/docs", "/ogc?f=html"):
        assert "/map/" not in bare.get(path).text, path
    answer = bare.get("/map/", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "网页地图尚未构建" in answer.text
    assert "scripts/start.py --setup-only" in answer.text
