"""Rows edited in another program are noticed at the next opening, checked, kept and audited."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Run

pytestmark = pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="GDAL's ogrinfo is not installed (gdal-bin)")


@pytest.fixture
def store_url(gpkg_path: Path) -> str:
    """Only the embedded file is edited by another program here."""
    return str(gpkg_path)


def edit(store_url: str, statement: str) -> None:
    """Change a row as QGIS would: through GDAL, past Fangyu."""
    subprocess.run(["ogrinfo", "-q", store_url, "-sql", statement], check=True, capture_output=True)


def test_a_good_edit_counts_and_is_announced_once(small_town: Run, store_url: str) -> None:
    edit(store_url, "UPDATE facilities SET status = 'suspended' WHERE id = 'C1'")
    first = small_town("coverage", "run", "--type", "senior_canteen", "--minutes", 15, "--json")
    assert "系统之外" in first.err
    assert first.json()["facilities"] == {"recorded": 1, "open": 0, "linked": 0, "not_linked": []}
    second = small_town("import", "list")
    assert "系统之外" not in second.err


@pytest.mark.parametrize(
    ("change", "word"),
    [("type = 'canteen'", "senior_canteen"), ("status = 'maybe'", "status"), ("attributes = '{'", "JSON")],
)
def test_a_bad_edit_is_flagged_and_blocks_nothing(small_town: Run, store_url: str, change: str, word: str) -> None:
    edit(store_url, f"UPDATE facilities SET {change} WHERE id = 'C1'")
    found = small_town("import", "list")
    assert found.code == 0
    assert word in found.err
