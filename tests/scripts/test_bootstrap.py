"""Setting up: when it has to be done again, and what it says when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts import ROOT, load

bootstrap = load("bootstrap")
python_version = load("_python_version")
start = load("start")


def _project(folder: Path) -> Path:
    (folder / "geo" / "kernels").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    (folder / "constraints.txt").write_text("numpy==2.0\n", encoding="utf-8")
    (folder / "geo" / "kernels" / "search.py").write_text("x = 1\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_requirement_changes_the_fingerprint(tmp_path: Path, name: str) -> None:
    root = _project(tmp_path)
    before = bootstrap.fingerprint(root)
    assert bootstrap.fingerprint(root) == before
    with (root / name).open("a", encoding="utf-8") as file:
        file.write("# more\n")
    assert bootstrap.fingerprint(root) != before


def test_line_ends_do_not_change_the_fingerprint(tmp_path: Path) -> None:
    root = _project(tmp_path)
    before = bootstrap.fingerprint(root)
    (root / "constraints.txt").write_bytes(b"numpy==2.0\r\n")
    assert bootstrap.fingerprint(root) == before


def test_another_python_changes_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = _project(tmp_path)
    before = bootstrap.fingerprint(root)
    monkeypatch.setattr(bootstrap.platform, "python_version", lambda: "3.99.0")
    assert bootstrap.fingerprint(root) != before


def test_a_changed_kernel_is_compiled_again_without_installing_again(tmp_path: Path) -> None:
    root = _project(tmp_path)
    installed, compiled = bootstrap.fingerprint(root), bootstrap.kernel_key(root)
    (root / "geo" / "kernels" / "search.py").write_text("x = 2\n", encoding="utf-8")
    assert bootstrap.fingerprint(root) == installed
    assert bootstrap.kernel_key(root) != compiled


def test_a_stamp_is_read_as_it_was_written(tmp_path: Path) -> None:
    bootstrap.write_stamp(bootstrap.Stamp("k", ["dev"], "w"), tmp_path)
    stamp = bootstrap.read_stamp(tmp_path)
    assert (stamp.key, stamp.extras, stamp.warmed) == ("k", ("dev",), "w")


@pytest.mark.parametrize("text", [None, "", "[]", "{", "{}", json.dumps({"key": "k"})])
def test_a_damaged_stamp_means_that_nothing_is_installed(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / bootstrap.STAMP_NAME).write_text(text, encoding="utf-8")
    assert not bootstrap.is_installed(bootstrap.read_stamp(tmp_path), "k", [])


def test_an_installation_with_more_extras_is_enough() -> None:
    stamp = bootstrap.Stamp("k", ["dev"])
    assert bootstrap.is_installed(stamp, "k", [])
    assert bootstrap.is_installed(stamp, "k", ["dev"])
    assert not bootstrap.is_installed(stamp, "k", ["dev", "docs"])
    assert not bootstrap.is_installed(stamp, "other", [])


def test_nothing_is_run_when_everything_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = tmp_path / ".venv"
    python = bootstrap.venv_python(venv)
    python.parent.mkdir(parents=True)
    python.touch()
    bootstrap.write_stamp(bootstrap.Stamp(bootstrap.fingerprint(), ["dev"], bootstrap.kernel_key()), venv)
    monkeypatch.setattr(bootstrap, "run", lambda *command: pytest.fail(f"ran {command}"))
    bootstrap.prepare(["dev"], venv)


def test_an_installation_keeps_the_extras_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = tmp_path / ".venv"
    venv.mkdir()
    bootstrap.write_stamp(bootstrap.Stamp("old", ["dev"], "w"), venv)
    done: list[object] = []
    monkeypatch.setattr(bootstrap, "make_venv", lambda found: done.append("venv"))
    monkeypatch.setattr(bootstrap, "install", lambda extras, found: done.append(list(extras)))
    monkeypatch.setattr(bootstrap, "run", lambda command, is_quiet=False: 0)
    bootstrap.prepare([], venv)
    assert done == ["venv", ["dev"]]
    stamp = bootstrap.read_stamp(venv)
    assert stamp.key == bootstrap.fingerprint()
    assert stamp.warmed == bootstrap.kernel_key()


def test_a_failed_installation_leaves_no_stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = tmp_path / ".venv"
    venv.mkdir()
    monkeypatch.setattr(bootstrap, "make_venv", lambda found: None)
    monkeypatch.setattr(bootstrap, "run", lambda command, is_quiet=False: 1 if "install" in command else 0)
    with pytest.raises(bootstrap.SetupError, match="PIP_INDEX_URL"):
        bootstrap.prepare([], venv)
    assert bootstrap.read_stamp(venv).key == ""


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 10, 13), (2, 7)])
def test_an_old_python_is_told_in_both_languages(version: tuple[int, ...]) -> None:
    message = python_version.refusal(version)
    assert "3.11" in message
    assert ".".join(str(part) for part in version) in message
    assert "需要" in message
    assert "needed" in message


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 11), (3, 14, 1)])
def test_a_new_python_is_accepted(version: tuple[int, ...]) -> None:
    assert python_version.refusal(version) == ""


def test_the_version_is_looked_at_before_anything_new_is_read() -> None:
    for name in ("start.py", "test.py"):
        lines = (ROOT / "scripts" / name).read_text(encoding="utf-8").splitlines()
        own = [
            line
            for line in lines
            if line.startswith("import ") and line.split()[1] in ("_python_version", "bootstrap")
        ]
        assert own[0].startswith("import _python_version")
        assert not any(line.startswith("from __future__") for line in lines)


def test_start_passes_its_options_on() -> None:
    options = start.parser().parse_args(["--no-serve", "--port", "0", "--store", "a.gpkg", "--nodes", "5000"])
    command = start.demo_command(options)
    assert command[1:3] == ["-m", "api.demo_job"]
    assert command[3:] == ["--port", "0", "--store", "a.gpkg", "--nodes", "5000", "--no-serve"]


def test_start_passes_nothing_it_was_not_told() -> None:
    assert start.demo_command(start.parser().parse_args([]))[3:] == []


@pytest.mark.parametrize("wrong", [["--port", "70000"], ["--port", "x"], ["--nodes", "0"], ["--what"]])
def test_start_refuses_wrong_arguments(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        start.parser().parse_args(wrong)
    assert caught.value.code == 2


def test_constraints_hold_names_and_exact_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins == sorted(pins)
    assert all(line.count("==") == 1 and " " not in line and "/" not in line for line in pins)


def test_every_dependency_is_pinned() -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    facts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *facts["project"]["dependencies"],
        *facts["build-system"]["requires"],
        *bootstrap.BUILD_TOOLS,
        "pip",
    ]
    wanted += [item for extra in facts["project"]["optional-dependencies"].values() for item in extra]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonicalize_name(line.split("==")[0]) for line in lines if not line.startswith("#")}
    assert {canonicalize_name(Requirement(item).name) for item in wanted} <= pinned


def test_help_of_both_scripts_needs_no_installation() -> None:
    for name in ("start.py", "test.py"):
        command = [sys.executable, "-S", str(ROOT / "scripts" / name), "--help"]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stderr
