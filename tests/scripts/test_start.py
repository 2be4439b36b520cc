"""What start.py finds out before it does anything."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import bootstrap
import start


@pytest.fixture(autouse=True)
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where anything is installed or made."""

    def prepare() -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr(bootstrap, "prepare", prepare)


@pytest.mark.parametrize("name", ["foo.txt", "foo", "mysql://u:secret@host/db", "file.gpkg/x.gpkg", "folder.gpkg"])
def test_a_store_that_cannot_be_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.gpkg").write_text("", encoding="utf-8")
    (tmp_path / "folder.gpkg").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert start.main(["--store", name, "--no-serve"]) == 3
    told = capsys.readouterr().err
    assert "--store" in told
    assert "secret" not in told
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_could_be_made_is_not_there_after_the_look(tmp_path: Path) -> None:
    options = start.parser().parse_args(["--store", str(tmp_path / "a" / "b" / "c.gpkg"), "--no-serve"])
    assert start.refusal(options) is None
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_told_before_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert start.main(["--port", str(port)]) == 3
    assert str(port) in capsys.readouterr().err
