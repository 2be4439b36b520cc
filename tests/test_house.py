"""The house rules that no linter knows: file length, what geo may touch, documentation that is complete."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 600
PACKAGES = ("geo", "api", "scripts", "tests")


def _files(*folders: str, suffixes: tuple[str, ...] = (".py",)) -> list[Path]:
    found = [
        path for folder in folders for suffix in suffixes for path in (ROOT / folder).rglob(f"*{suffix}")
    ]
    return sorted(path for path in found if "__pycache__" not in path.parts)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_six_hundred_lines() -> None:
    lengths = {
        _name(p): len(p.read_text(encoding="utf-8").splitlines())
        for p in _files(*PACKAGES, suffixes=(".py", ".toml"))
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_every_module_says_what_it_is() -> None:
    silent = [_name(p) for p in _files(*PACKAGES) if p.stat().st_size and not ast.get_docstring(_tree(p))]
    assert silent == []


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _uses(tree: ast.Module) -> set[str]:
    """Dotted names that a module reads, such as os.environ."""
    return {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def test_geo_reads_no_environment_variables() -> None:
    forbidden = {"os.environ", "os.getenv", "os.putenv"}
    assert {_name(p): _uses(_tree(p)) & forbidden for p in _files("geo") if _uses(_tree(p)) & forbidden} == {}


def test_geo_prints_nothing() -> None:
    talking = [
        _name(path)
        for path in _files("geo")
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert talking == []


def test_no_mapping_of_anything_crosses_a_module_boundary() -> None:
    pattern = re.compile(r"\bdict\[str, Any\]")
    public = [
        f"{_name(path)}:{node.name}"
        for path in _files("geo", "api")
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and any(
            pattern.search(ast.unparse(part))
            for part in [node.returns, *(argument.annotation for argument in node.args.args)]
            if part is not None
        )
    ]
    assert public == []


def test_the_reference_is_up_to_date() -> None:
    from tests.scripts import load

    written = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    if written != load("write_reference").reference():
        pytest.fail("docs/reference.md is out of date: run python scripts/write_reference.py")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_of_who_may_do_what_are_up_to_date(language: str) -> None:
    from tests.scripts import load

    module = load("authorization_page")
    path = ROOT / "docs" / module.PAGES[language]
    if not path.exists() or path.read_text(encoding="utf-8") != module.authorization_page(language):
        pytest.fail(f"{path.name} is out of date: run python scripts/write_reference.py")


def test_the_page_names_every_route_and_policy_once() -> None:
    from tests.scripts import load

    table = tomllib.loads((ROOT / "tests" / "cases" / "authorization.toml").read_text(encoding="utf-8"))
    found = load("authorization_page").routes_by_policy()
    assert sorted(route for routes in found.values() for route in routes) == sorted(table["routes"])
    # Judged inside of the query of layers.
    assert [name for name, routes in found.items() if not routes] == ["runs.compare"]


def test_both_readmes_lead_to_the_reference() -> None:
    for name, more in (("README.md", ""), ("README.zh-CN.md", ".zh-CN")):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "docs/reference.md" in text
        assert f"docs/authorization{more}.md" in text
