"""Attachments: kept whole, read back unchanged, and told where somebody has changed or lost them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
import zipfile
from pathlib import Path

import pytest

from geo.errors import ConflictError, DataSourceError, InputError, NotFoundError
from geo.services.attachment import (
    DEFAULT_ENDINGS,
    attach,
    clean_name,
    find_attachment,
    keep_bytes,
    read_attachment,
    sweep_attachments,
)
from geo.services.case_list import case_history
from geo.store import Store, audit
from geo.store.attachments import AttachmentShelf, attachment_folder
from geo.store.case_records import AttachmentRecord, CaseRecord
from tests.cases_kit import CLERK, KIT, MONDAY, REVIEWER, THERE, open_sample, person, take

PDF = b"%PDF-1.7\n" + b"x" * 100_000
DAY_S = 86_400


@pytest.fixture
def shelf(tmp_path: Path) -> AttachmentShelf:
    return AttachmentShelf(tmp_path / "store.attachments", 1 << 20)


@pytest.fixture
def case(store: Store) -> CaseRecord:
    with store.session() as session:
        return open_sample(session)


def bring(
    store: Store, shelf: AttachmentShelf, case: CaseRecord, content: bytes = PDF, name: str = "申请书.pdf"
) -> AttachmentRecord:
    """Keep a file and attach it."""
    kept, media_type = keep_bytes(shelf, name, [content])
    with store.session() as session:
        return attach(
            session, case.uid, kept, name=name, media_type=media_type, person=CLERK, document="application_form",
            kit=KIT, now=MONDAY,
        )  # fmt: skip


def only_file(shelf: AttachmentShelf) -> Path:
    """Return the one file of the folder."""
    (found,) = [path for path in shelf.folder.rglob("*") if path.is_file()]
    return found


def test_an_attachment_is_read_back_and_taken_as_a_document(
    store: Store, shelf: AttachmentShelf, case: CaseRecord
) -> None:
    record = bring(store, shelf, case)
    assert (record.sha256, record.size_bytes) == (hashlib.sha256(PDF).hexdigest(), len(PDF))
    assert (record.media_type, record.after_seq) == ("application/pdf", 0)
    assert only_file(shelf).name == record.sha256
    with store.session() as session:
        assert find_attachment(session, case.uid, record.uid, person=REVIEWER, kit=KIT) == record
        take(session, case, "submit", CLERK, documents={"application_form": record.uid})
        view = case_history(session, case.uid, REVIEWER, kit=KIT)
        assert view.attachments == (record,)
        assert view.steps[0].documents[0].attachment == record.uid
        with pytest.raises(NotFoundError):
            find_attachment(session, case.uid, "ca-none", person=REVIEWER, kit=KIT)
        with pytest.raises(NotFoundError):
            find_attachment(session, case.uid, record.uid, person=person("x", "reviewer", district=THERE), kit=KIT)
    assert read_attachment(store, shelf, record) == PDF


@pytest.mark.parametrize(("damage", "problem"), [("change", "changed"), ("cut", "changed"), ("remove", "missing")])
def test_a_file_that_was_changed_or_lost_is_told_and_audited(
    store: Store, shelf: AttachmentShelf, case: CaseRecord, damage: str, problem: str
) -> None:
    record = bring(store, shelf, case)
    path = only_file(shelf)
    if damage == "change":
        path.write_bytes(PDF[:-1] + b"y")
    elif damage == "cut":
        path.write_bytes(PDF[:-1])
    else:
        path.unlink()
    with pytest.raises(ConflictError, match="stands in the audit") as caught:
        read_attachment(store, shelf, record)
    assert caught.value.detail["problem"] == problem
    found = sweep_attachments(store, shelf, actor="cli")
    assert (problem == "missing", problem == "changed") == (bool(found.missing), bool(found.changed))
    with store.session(write=False) as session:
        newest = audit.entries(session, limit=2)
        assert [(one.action, one.outcome) for one in newest] == [
            ("attachments swept", "failed"), ("attachment damaged", "failed"),
        ]  # fmt: skip
        assert json.loads(newest[1].detail)["problem"] == problem
    # The same content, attached again, mends it.
    bring(store, shelf, case)
    assert read_attachment(store, shelf, record) == PDF


def test_what_a_rolled_back_transaction_leaves_is_swept_after_a_day(
    store: Store, shelf: AttachmentShelf, case: CaseRecord
) -> None:
    record = bring(store, shelf, case)
    with pytest.raises(RuntimeError), store.session() as session:  # noqa: PT012
        kept, media_type = keep_bytes(shelf, "b.txt", [b"hello"])
        attach(session, case.uid, kept, name="b.txt", media_type=media_type, person=CLERK, kit=KIT)
        raise RuntimeError
    part = shelf.folder / "parts" / "left"
    part.write_bytes(b"half")
    assert sweep_attachments(store, shelf, actor="cli").removed == 0
    found = sweep_attachments(store, shelf, actor="cli", now=time.time() + 2 * DAY_S)
    assert (found.removed, found.removed_bytes, found.missing, found.changed) == (2, 9, (), ())
    assert only_file(shelf).name == record.sha256


def test_a_file_that_does_not_arrive_whole_leaves_nothing(shelf: AttachmentShelf) -> None:
    def broken() -> list[bytes]:
        raise ConnectionError

    with pytest.raises(ConnectionError), shelf.receive() as incoming:  # noqa: PT012
        incoming.write(b"%PDF-")
        broken()
    assert [path for path in shelf.folder.rglob("*") if path.is_file()] == []


def archive() -> bytes:
    """Return an archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("word/document.xml", "<x/>")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"<html><script>alert(1)</script>"),
        ("a.png", b"GIF89a"),
        ("a.docx", b"%PDF-1.7"),
        ("a.doc", archive()),
        ("a.txt", b"a\x00b"),
        ("a.pdf", b""),
        ("a.html", b"<html>"),
        ("a.svg", b"<svg/>"),
        ("a.exe", b"MZ"),
        ("a", b"x"),
        (".pdf", PDF),
        ("a.pdf", b"%PDF-" + b"x" * (1 << 20)),
    ],
)
def test_a_file_that_is_not_what_it_says_or_too_large_is_refused(
    shelf: AttachmentShelf, name: str, content: bytes
) -> None:
    with pytest.raises(InputError) as caught:
        keep_bytes(shelf, name, [content])
    assert any("\u4e00" <= sign <= "\u9fff" for sign in caught.value.message_zh)
    assert [path for path in shelf.folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("name", "content"), [("a.docx", archive()), ("b.TXT", "申请".encode()), ("c.jpeg", b"\xff\xd8\xff\xe0")]
)
def test_a_file_that_is_what_it_says_is_taken(shelf: AttachmentShelf, name: str, content: bytes) -> None:
    kept, _ = keep_bytes(shelf, name, [content])
    assert shelf.read(kept.sha256) == content


def test_names_lose_folders_and_signs_that_mislead() -> None:
    assert clean_name("..\\..\\a/批文\u202e.pdf") == "批文_.pdf"
    assert len(clean_name("长" * 300 + ".pdf")) == 120
    with pytest.raises(InputError, match="allowed endings"):
        clean_name("x.zip", DEFAULT_ENDINGS)


def test_only_documents_of_the_workflow_are_named(store: Store, shelf: AttachmentShelf, case: CaseRecord) -> None:
    kept, media_type = keep_bytes(shelf, "a.pdf", [PDF])
    with store.session() as session, pytest.raises(InputError, match="allowed: application_form"):
        attach(session, case.uid, kept, name="a.pdf", media_type=media_type, person=CLERK, document="map", kit=KIT)


def test_attachments_lie_beside_an_embedded_store(tmp_path: Path) -> None:
    assert attachment_folder("/data/city.gpkg", tmp_path) == Path("/data/city.attachments")
    assert attachment_folder("postgresql://x/y", tmp_path) == tmp_path


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a folder that cannot be written")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataSourceError, match="cannot be written"):
        keep_bytes(AttachmentShelf(tmp_path / "x", 100), "a.txt", [b"x"])
    tmp_path.chmod(0o700)
