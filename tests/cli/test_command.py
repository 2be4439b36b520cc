"""The command line as such."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

HEAVY = ("geopandas", "numba", "sqlalchemy", "pandas", "fastapi", "shapely", "numpy", "pydantic")


def test_help_loads_no_heavy_library() -> None:
    code = "import sys, api.cli.main; print(*[name for name in sys.argv[1:] if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == []


def test_no_store_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from api.cli import main

    monkeypatch.delenv("FANGYU_STORE", raising=False)
    monkeypatch.setattr(sys, "argv", ["fangyu", "import", "list"])
    with pytest.raises(SystemExit) as stop:
        main.run()
    assert stop.value.code == 2
    assert "--store" in capsys.readouterr().err


def test_a_store_of_another_kind_is_refused(fangyu: Run, tmp_path: Path) -> None:
    assert fangyu("import", "list", store="mysql://host/db").code == 3
    other = tmp_path / "other.gpkg"
    other.write_text("no database", encoding="utf-8")
    found = fangyu("import", "list", store=str(other))
    assert found.code == 3
    assert "Traceback" not in found.err


def test_a_backup_brings_everything_back(small_town: Run, tmp_path: Path) -> None:
    words = ("coverage", "run", "--type", "senior_canteen", "--minutes", 15, "--date", "2026-01-01", "--json")
    before = small_town(*words).json()
    saved = tmp_path / "saved.gpkg"
    assert small_town("backup", saved).code == 0
    imported = small_town("import", "list", "--json").json()["imports"]
    small_town("import", "undo", imported[0]["import_id"])
    assert small_town(*words).json()["content_hash"] != before["content_hash"]
    assert small_town("restore", saved).code == 3
    restored = small_town("restore", saved, "--force")
    assert restored.code == 0, restored.err
    assert small_town(*words).json()["content_hash"] == before["content_hash"]
