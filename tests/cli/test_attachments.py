"""The files of cases from the command line: swept, backed up, brought back."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.settings import AttachmentSettings, StoreSettings
from geo.services.attachment import attach, keep_bytes
from geo.store import open_store
from tests.cases_kit import CLERK, KIT, open_sample
from tests.cli.conftest import Run

PDF = b"%PDF-1.7\n" + b"x" * 5000


@pytest.fixture
def kept(store_url: str, tmp_path: Path) -> Path:
    """Return the file of an attachment of a case."""
    with open_store(store_url) as store:
        where = StoreSettings(store=store_url, cache=tmp_path / "cache")
        shelf = AttachmentSettings().shelf(where, store.store_id)
        made, media_type = keep_bytes(shelf, "a.pdf", [PDF])
        with store.session() as session:
            case = open_sample(session)
            attach(session, case.uid, made, name="a.pdf", media_type=media_type, person=CLERK, kit=KIT)
    return shelf.path_of(made.sha256)


def test_the_sweep_tells_what_is_missing_or_changed(kept: Path, fangyu: Run) -> None:
    whole = fangyu("attachments", "sweep", "--json")
    assert (whole.code, whole.json()["missing"], whole.json()["removed"]) == (0, [], 0)
    kept.write_bytes(b"something else")
    found = fangyu("attachments", "sweep", "--json")
    assert (found.code, found.json()["changed"]) == (3, [kept.name])
    kept.unlink()
    found = fangyu("attachments", "sweep", "--json")
    assert (found.code, found.json()["missing"]) == (3, [kept.name])
    assert kept.name in found.err


def test_a_backup_carries_the_files_and_brings_them_back(
    kept: Path, store_url: str, fangyu: Run, tmp_path: Path
) -> None:
    out = tmp_path / ("copy.dump" if "://" in store_url else "copy.gpkg")
    saved = fangyu("backup", out, "--json")
    assert (saved.code, saved.json()["attachments"], saved.json()["attachments_changed"]) == (0, 1, 0)
    kept.unlink()
    assert fangyu("restore", out, "--force").code == 0
    assert kept.read_bytes() == PDF
    kept.unlink()
    copy = tmp_path / "copy.attachments" / kept.parent.name / kept.name
    copy.write_bytes(b"something else")
    again = fangyu("restore", out, "--force")
    assert (again.code, kept.exists()) == (0, False)
    assert "1 个内容已被改动" in again.err


@pytest.mark.parametrize(("types", "is_fit"), [(".pdf .PNG", True), ("", False), (".pdf .exe", False)])
def test_only_endings_that_can_be_checked_are_allowed(types: str, is_fit: bool) -> None:
    if is_fit:
        assert AttachmentSettings(attachment_types=types).endings == (".pdf", ".png")
        return
    with pytest.raises(ValueError, match="allowed endings"):
        AttachmentSettings(attachment_types=types)


def test_files_of_a_database_never_lie_in_the_cache(tmp_path: Path) -> None:
    where = StoreSettings(store="postgresql://x/y", cache=tmp_path / "cache")
    folder = AttachmentSettings().shelf(where, "id").folder
    assert folder == tmp_path / "cache-attachments" / "id"
