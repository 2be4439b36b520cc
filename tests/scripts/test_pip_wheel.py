"""Finding pip's wheel where Python comes without it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.scripts import load

pip_wheel = load("pip_wheel")

PAGE = """<!DOCTYPE html><html><body>
<a href="../../files/pip-9.0.1-py2.py3-none-any.whl#sha256=00">pip-9.0.1-py2.py3-none-any.whl</a>
<a href="../../files/pip-24.0-py3-none-any.whl#sha256=aa" data-requires-python="&gt;=3.7">pip-24.0</a>
<a href="../../files/pip-25.1.1-py3-none-any.whl#sha256=bb" data-requires-python="&gt;=3.9">pip-25.1.1</a>
<a href="../../files/pip-26.0-py3-none-any.whl#sha256=cc" data-yanked="broken">pip-26.0</a>
<a href="../../files/pip-99.0-py3-none-any.whl#sha256=dd" data-requires-python="&gt;=3.99">pip-99.0</a>
<a href="../../files/pip-26.0rc1-py3-none-any.whl">pip-26.0rc1</a>
<a href="../../files/pip-25.1.1.tar.gz">pip-25.1.1.tar.gz</a>
</body></html>"""


def test_an_html_page_gives_final_usable_wheels_newest_first() -> None:
    found = pip_wheel.parse_page(PAGE, "https://index.example/mirror/simple/pip/")
    assert [item.version for item in found] == [(25, 1, 1), (24, 0)]
    assert found[0].url == "https://index.example/mirror/files/pip-25.1.1-py3-none-any.whl"
    assert found[0].sha256 == "bb"


def test_a_json_page_gives_the_same() -> None:
    page = {
        "files": [
            {
                "filename": "x",
                "url": "/f/pip-24.0-py3-none-any.whl",
                "hashes": {"sha256": "aa"},
                "yanked": False,
            },
            {"filename": "x", "url": "/f/pip-26.0-py3-none-any.whl", "hashes": {}, "yanked": "broken"},
            {"filename": "x", "url": "/f/pip-99.0-py3-none-any.whl", "requires-python": ">=3.99"},
            {"filename": "x", "url": "/f/pip-25.0-py3-none-any.whl", "requires-python": ">=3.8"},
        ]
    }
    found = pip_wheel.parse_page(json.dumps(page), "https://index.example/simple/pip/")
    assert [item.version for item in found] == [(25, 0), (24, 0)]
    assert found[0].sha256 is None
    assert found[1].sha256 == "aa"
    assert found[1].url == "https://index.example/f/pip-24.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("wants", "allowed"),
    [(None, True), ("", True), (">=3.9", True), (">= 3.12", False), (">=3.8,!=3.9.*", True)],
)
def test_lower_bounds_on_python_are_kept(wants: str | None, allowed: bool) -> None:
    assert pip_wheel.allows_python(wants, (3, 11, 2)) is allowed


def test_the_environment_goes_before_configuration_files(tmp_path: Path) -> None:
    weak, strong = tmp_path / "weak.conf", tmp_path / "strong.conf"
    weak.write_text("[global]\nindex-url = https://weak.example/simple\ncert = /weak.pem\n", encoding="utf-8")
    strong.write_text("[install]\nfind-links = /wheels\n[global]\ncert = /strong.pem\n", encoding="utf-8")
    found = pip_wheel.settings({"PIP_INDEX_URL": "https://env.example/simple"}, [weak, strong])
    assert found == {
        "index-url": "https://env.example/simple",
        "cert": "/strong.pem",
        "find-links": "/wheels",
    }


def test_a_broken_configuration_file_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "pip.conf"
    broken.write_text("no section\n", encoding="utf-8")
    assert pip_wheel.settings({}, [broken, tmp_path / "missing.conf"]) == {}


def test_every_index_and_folder_is_looked_at(tmp_path: Path) -> None:
    found = {
        "index-url": "https://a.example/simple/",
        "extra-index-url": "https://b.example/simple\nhttps://c.example/simple",
        "find-links": str(tmp_path),
    }
    assert pip_wheel.pages(found) == [
        tmp_path.as_uri() + "/",
        "https://a.example/simple/pip/",
        "https://b.example/simple/pip/",
        "https://c.example/simple/pip/",
    ]
    assert pip_wheel.pages({**found, "no-index": "true"}) == [tmp_path.as_uri() + "/"]


def _wheel(folder: Path, version: str) -> bytes:
    content = f"wheel {version}".encode()
    (folder / f"pip-{version}-py3-none-any.whl").write_bytes(content)
    return content


def test_a_folder_of_wheels_is_enough(tmp_path: Path) -> None:
    offers, target = tmp_path / "offers", tmp_path / "target"
    offers.mkdir()
    target.mkdir()
    _wheel(offers, "24.0")
    content = _wheel(offers, "25.0")
    found = {"find-links": str(offers), "no-index": "1"}
    wheel = pip_wheel.fetch(target, None, found)
    assert wheel.name == "pip-25.0-py3-none-any.whl"
    assert wheel.read_bytes() == content
    assert pip_wheel.fetch(target, (24, 0), found).name == "pip-24.0-py3-none-any.whl"
    assert pip_wheel.fetch(target, (23, 0), found).name == "pip-25.0-py3-none-any.whl"


def test_an_index_in_a_folder_is_read_from_its_page(tmp_path: Path) -> None:
    page = tmp_path / "simple" / "pip"
    page.mkdir(parents=True)
    digest = hashlib.sha256(_wheel(page, "25.0")).hexdigest()
    (page / "index.html").write_text(
        f'<a href="pip-25.0-py3-none-any.whl#sha256={digest}">pip</a>', encoding="utf-8"
    )
    found = {"index-url": (tmp_path / "simple").as_uri()}
    target = tmp_path / "target"
    target.mkdir()
    assert pip_wheel.fetch(target, None, found).read_bytes() == b"wheel 25.0"


def test_a_wheel_with_a_wrong_digest_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "simple" / "pip"
    page.mkdir(parents=True)
    _wheel(page, "25.0")
    (page / "index.html").write_text(
        '<a href="pip-25.0-py3-none-any.whl#sha256=00">pip</a>', encoding="utf-8"
    )
    with pytest.raises(pip_wheel.IndexUnreachableError, match="sha256"):
        pip_wheel.fetch(tmp_path, None, {"index-url": (tmp_path / "simple").as_uri()})


def test_an_index_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    found = {"index-url": "http://user:secret@127.0.0.1:9/simple"}
    with pytest.raises(pip_wheel.IndexUnreachableError) as caught:
        pip_wheel.fetch(tmp_path, None, found)
    assert "127.0.0.1:9" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_pinned_pip_is_preferred(tmp_path: Path) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("pillow==1.0\npip==25.1\npipx==2.0\n", encoding="utf-8")
    assert pip_wheel.pinned_version(constraints) == (25, 1)
    assert pip_wheel.pinned_version(tmp_path / "missing.txt") is None
