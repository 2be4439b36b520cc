"""The command line as such."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import town
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


@pytest.mark.parametrize(
    "words",
    [
        ("import", "list"),
        ("import", "undo", 1),
        ("coverage", "run", "--type", "senior_canteen", "--minutes", 15),
        ("export", "streets", "--out", "OUT/a.csv"),
        ("isochrone", "--lon", 116, "--lat", 40, "--minutes", 5, "--out", "OUT/a.geojson"),
        ("report", "coverage", "--out", "OUT/a.html"),
        ("basemap", "build", "--out", "OUT/a.pmtiles"),
        ("backup", "OUT/a.gpkg"),
        ("serve", "--port", 0),
    ],
)
def test_a_store_that_is_not_there_is_named_and_not_made(
    fangyu: Run, tmp_path: Path, words: tuple[object, ...]
) -> None:
    missing = tmp_path / "no" / "folder" / "a.gpkg"
    found = fangyu(*(str(word).replace("OUT", str(tmp_path)) for word in words), store=str(missing))
    assert found.code == 3
    assert str(missing) in found.err
    assert "fangyu import" in found.err
    assert not (tmp_path / "no").exists()


def test_a_first_import_makes_the_store_and_a_rehearsal_does_not(fangyu: Run, tmp_path: Path) -> None:
    made = tmp_path / "new" / "a.gpkg"
    words = ("import", "divisions", town.write_divisions(tmp_path))
    found = fangyu(*words, "--dry-run", store=str(made))
    assert found.code == 0, found.err
    assert not made.parent.exists()
    assert fangyu(*words, store=str(made)).code == 0
    assert made.is_file()
    other = tmp_path / "other" / "b.gpkg"
    assert fangyu("db", "upgrade", store=str(other)).code == 0
    assert fangyu("import", "list", store=str(other)).code == 0
