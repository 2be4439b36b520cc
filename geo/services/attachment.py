"""Attachments of cases: what may be attached, keeping it, and reading it back unchanged."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Final

from geo.errors import ConflictError, DataSourceError, InputError
from geo.services.case_common import new_id, note, reach_of
from geo.store import Session, Store, audit, case_papers, cases
from geo.store.attachments import AttachmentShelf, Incoming, Kept, Swept
from geo.store.case_records import AttachmentRecord
from geo.store.columns import utc_now, utc_text
from geo.workflow.person import Person
from geo.workflow.registry import WorkflowKit, standard_kit

_ZIP: Final = (b"PK\x03\x04",)
_OLE: Final = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_KINDS: Final[dict[str, tuple[str, tuple[bytes, ...]]]] = {
    ".pdf": ("application/pdf", (b"%PDF-",)),
    ".ofd": ("application/ofd", _ZIP),
    ".docx": (f"{_OFFICE}.wordprocessingml.document", _ZIP),
    ".xlsx": (f"{_OFFICE}.spreadsheetml.sheet", _ZIP),
    ".doc": ("application/msword", _OLE),
    ".xls": ("application/vnd.ms-excel", _OLE),
    ".wps": ("application/vnd.ms-works", _OLE),
    ".png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    ".jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    ".tif": ("image/tiff", (b"II*\x00", b"MM\x00*")),
    ".tiff": ("image/tiff", (b"II*\x00", b"MM\x00*")),
    ".zip": ("application/zip", _ZIP),
    ".txt": ("text/plain; charset=utf-8", ()),
    ".csv": ("text/csv; charset=utf-8", ()),
}
"""Media type and first bytes by ending; texts have no first bytes of their own."""
KNOWN_ENDINGS: Final = tuple(_KINDS)
DEFAULT_ENDINGS: Final = (".pdf", ".ofd", ".docx", ".xlsx", ".doc", ".xls", ".wps", ".png", ".jpg", ".jpeg", ".txt")
_UNFIT: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]')
_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
_LONGEST_NAME: Final = 120
_log = logging.getLogger("fangyu.attachments")


def clean_name(name: str, endings: Sequence[str] = DEFAULT_ENDINGS) -> str:
    """Return a file name without folders and signs that mislead.

    Parameters
    ----------
    name : str
        What the client calls the file.
    endings : sequence of str
        Endings that are taken.

    Returns
    -------
    str
        At most 120 characters, with its ending.

    Raises
    ------
    InputError
        Nothing is left of it, or its ending is not taken.
    """
    plain = _UNFIT.sub("_", re.split(r"[/\\]", name)[-1]).strip(" .")
    suffix = PurePath(plain).suffix
    stem = plain[: len(plain) - len(suffix)] if suffix else plain
    if not stem or suffix.lower() not in endings:
        raise InputError(
            f"文件名“{name[:_LONGEST_NAME]}”不能作为附件；支持的扩展名：{'、'.join(endings)}",
            f"'{name[:_LONGEST_NAME]}' cannot be attached; allowed endings: {', '.join(endings)}",
            name=name[:_LONGEST_NAME],
            allowed=list(endings),
        )
    return stem[: _LONGEST_NAME - len(suffix)] + suffix


def check_head(name: str, head: bytes) -> str:
    """Refuse a file that is not what its name says, told from how it begins.

    Parameters
    ----------
    name : str
        From `clean_name`.
    head : bytes
        How the file begins.

    Returns
    -------
    str
        Its media type.

    Raises
    ------
    InputError
        It is empty or something else.
    """
    suffix = PurePath(name).suffix.lower()
    media_type, starts = _KINDS[suffix]
    if not head:
        raise InputError(f"附件“{name}”是空文件", f"the attachment '{name}' is empty", name=name)
    is_fit = head.startswith(starts) if starts else b"\x00" not in head
    if not is_fit:
        raise InputError(
            f"附件“{name}”的内容不是 {suffix} 文件", f"the attachment '{name}' is no {suffix} file", name=name
        )
    return media_type


def keep_file(incoming: Incoming, name: str) -> tuple[Kept, str]:
    """Keep a file that has arrived, if it is what its name says.

    Parameters
    ----------
    incoming : Incoming
        The file.
    name : str
        From `clean_name`.

    Returns
    -------
    Kept
        What is kept.
    str
        Its media type.

    Raises
    ------
    InputError
        It is empty or something else.
    """
    media_type = check_head(name, incoming.head)
    return incoming.keep(), media_type


def keep_bytes(
    shelf: AttachmentShelf, name: str, chunks: Iterable[bytes], endings: Sequence[str] = DEFAULT_ENDINGS
) -> tuple[Kept, str]:
    """Keep a file that is at hand.

    Parameters
    ----------
    shelf : AttachmentShelf
        Where.
    name : str
        What it is called.
    chunks : iterable of bytes
        Its content.
    endings : sequence of str
        Endings that are taken.

    Returns
    -------
    Kept
        What is kept.
    str
        Its media type.

    Raises
    ------
    InputError
        Its ending is not taken, it is too large, empty or something else.
    """
    plain = clean_name(name, endings)
    with shelf.receive() as incoming:
        for chunk in chunks:
            incoming.write(chunk)
        return keep_file(incoming, plain)


def attach(
    session: Session,
    uid: str,
    kept: Kept,
    *,
    name: str,
    media_type: str,
    person: Person,
    document: str | None = None,
    kit: WorkflowKit | None = None,
    now: datetime | None = None,
) -> AttachmentRecord:
    """Attach a file that is kept to a case; a step takes it as a document by its id.

    Parameters
    ----------
    session : Session
        Writing session.
    uid : str
        The case.
    kept : Kept
        The file.
    name, media_type : str
        File name, and what it is.
    person : Person
        Who attaches it.
    document : str, optional
        Kind of document it is, as workflows name them.
    kit : WorkflowKit, optional
        Workflows; by default `standard_kit`.
    now : datetime, optional
        The present moment.

    Returns
    -------
    AttachmentRecord
        The attachment.

    Raises
    ------
    NotFoundError
        There is no such case within the person's reach.
    InputError
        No step of the workflow asks for such a document.
    """
    kit, at = kit or standard_kit(), now or utc_now()
    case = cases.get(session, uid, reach_of(person, kit))
    if document is not None:
        known = dict.fromkeys(kind for item in kit.get(case.workflow).transitions for kind in item.documents)
        if not _KIND.fullmatch(document) or document not in known:
            raise InputError(
                f"此流程没有材料“{document[:60]}”；可用：{'、'.join(known) or '无'}",
                f"no step of this workflow asks for '{document[:60]}'; allowed: {', '.join(known) or 'none'}",
                document=document[:60],
            )
    made = case_papers.add_attachment(
        session, case, uid=new_id("ca"), document=document, name=clean_name(name, KNOWN_ENDINGS),
        media_type=media_type, size_bytes=kept.size_bytes, sha256=kept.sha256, added_by=person.login,
        on_behalf_of=person.on_behalf_of, added_utc=at,
    )  # fmt: skip
    note(
        session, "case attachment added", case, person.login, person.on_behalf_of, id=made.uid, document=document,
        name=made.name, size_bytes=made.size_bytes, sha256=made.sha256, at=utc_text(at),
    )  # fmt: skip
    return made


def find_attachment(
    session: Session, uid: str, attachment: str, *, person: Person, kit: WorkflowKit | None = None
) -> AttachmentRecord:
    """Find an attachment of a case.

    Parameters
    ----------
    session : Session
        Any session.
    uid : str
        The case.
    attachment : str
        Id of the attachment.
    person : Person
        Who asks.
    kit : WorkflowKit, optional
        Workflows; by default `standard_kit`.

    Returns
    -------
    AttachmentRecord
        It.

    Raises
    ------
    NotFoundError
        There is no such case within the person's reach, or no such attachment.
    """
    case = cases.get(session, uid, reach_of(person, kit or standard_kit()))
    return case_papers.attachment(session, case, attachment)


def read_attachment(store: Store, shelf: AttachmentShelf, record: AttachmentRecord) -> bytes:
    """Read an attachment, and hold it against the hash on record; what does not fit is audited.

    Parameters
    ----------
    store : Store
        The store, for the audit.
    shelf : AttachmentShelf
        Where the files are.
    record : AttachmentRecord
        From `find_attachment`.

    Returns
    -------
    bytes
        Its content, as it was attached.

    Raises
    ------
    ConflictError
        The file is missing, cannot be read, or was changed since.
    """
    try:
        return shelf.read(record.sha256)
    except DataSourceError as error:
        problem = str(error.detail["problem"])
        _log.error("%s", error.message_en)
        detail = json.dumps({"id": record.uid, "sha256": record.sha256, "problem": problem}, sort_keys=True)
        with store.aside() as session:
            audit.append(session, "fangyu", "attachment damaged", f"attachments/{record.uid}", detail, outcome="failed")
        zh, en = {
            "missing": ("的文件已丢失", "is missing"),
            "changed": ("的文件内容已被改动，与登记的校验值不符", "was changed: it does not have the hash on record"),
        }.get(problem, ("的文件无法读取", "cannot be read"))
        raise ConflictError(
            f"附件“{record.name}”{zh}；已记入审计，请由系统管理员从备份恢复",
            f"the file of the attachment '{record.name}' {en}; it stands in the audit, and a backup has to be restored",
            attachment=record.uid,
            problem=problem,
        ) from error


def sweep_attachments(store: Store, shelf: AttachmentShelf, *, actor: str, now: float | None = None) -> Swept:
    """Let go of files that belong to no case, and look whether the others are whole.

    Parameters
    ----------
    store : Store
        The store.
    shelf : AttachmentShelf
        Where the files are.
    actor : str
        Who asks for it.
    now : float, optional
        The present moment, in seconds since 1970.

    Returns
    -------
    Swept
        What was found; it stands in the audit.
    """
    with store.session() as session:
        # In a writing session: nobody names a file meanwhile that is just being let go of.
        found = shelf.sweep(case_papers.kept_hashes(session), now=now)
        told = {
            "removed": found.removed, "removed_bytes": found.removed_bytes, "missing": found.missing,
            "changed": found.changed,
        }  # fmt: skip
        is_whole = not found.missing and not found.changed
        audit.append(
            session, actor, "attachments swept", "attachments", json.dumps(told, sort_keys=True),
            kind="administration", outcome="done" if is_whole else "failed",
        )  # fmt: skip
    return found
