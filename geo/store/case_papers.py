"""Comments and attachments of cases as they are kept; the bytes of attachments are in `geo.store.attachments`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from geo.errors import NotFoundError
from geo.store.case_records import AttachmentRecord, CaseRecord, CommentRecord
from geo.store.cases import last_seq
from geo.store.tables import CaseAttachment, CaseComment


def add_comment(
    session: Session,
    case: CaseRecord,
    *,
    uid: str,
    author: str,
    on_behalf_of: str | None,
    words: str,
    created_utc: datetime,
) -> CommentRecord:
    """Keep what somebody says.

    Parameters
    ----------
    session : Session
        Writing session.
    case : CaseRecord
        About which case.
    uid : str
        What it is to be known by.
    author : str
        Who.
    on_behalf_of : str or None
        Whom they stand in for.
    words : str
        What.
    created_utc : datetime
        When.

    Returns
    -------
    CommentRecord
        It.
    """
    session.execute(
        insert(CaseComment).values(
            uid=uid, case_fid=case.fid, author=author, on_behalf_of=on_behalf_of, words=words, created_utc=created_utc
        )
    )
    return CommentRecord(uid, author, on_behalf_of, words, created_utc)


def comments(session: Session, case: CaseRecord) -> tuple[CommentRecord, ...]:
    """List what was said about a case.

    Parameters
    ----------
    session : Session
        Any session.
    case : CaseRecord
        The case.

    Returns
    -------
    tuple of CommentRecord
        In order.
    """
    rows = session.scalars(select(CaseComment).where(CaseComment.case_fid == case.fid).order_by(CaseComment.fid))
    return tuple(CommentRecord(*(getattr(row, name) for name in CommentRecord.__slots__)) for row in rows)


def add_attachment(
    session: Session,
    case: CaseRecord,
    *,
    uid: str,
    document: str | None,
    name: str,
    media_type: str,
    size_bytes: int,
    sha256: str,
    added_by: str,
    on_behalf_of: str | None,
    added_utc: datetime,
) -> AttachmentRecord:
    """Note a file whose bytes are kept already.

    Parameters
    ----------
    session : Session
        Writing session.
    case : CaseRecord
        To which case it belongs.
    uid : str
        What it is to be known by.
    document : str or None
        Kind of document it is.
    name, media_type : str
        File name, and what it is.
    size_bytes : int
        Size.
    sha256 : str
        Hash of its content.
    added_by : str
        Who adds it.
    on_behalf_of : str or None
        Whom they stand in for.
    added_utc : datetime
        When.

    Returns
    -------
    AttachmentRecord
        It.
    """
    record = AttachmentRecord(
        uid, last_seq(session, case), document, name, media_type, size_bytes, sha256, added_by, on_behalf_of, added_utc
    )
    values = {column: getattr(record, column) for column in AttachmentRecord.__slots__}
    session.execute(insert(CaseAttachment).values(**values, case_fid=case.fid))
    return record


def attachments(session: Session, case: CaseRecord) -> tuple[AttachmentRecord, ...]:
    """List the files of a case.

    Parameters
    ----------
    session : Session
        Any session.
    case : CaseRecord
        The case.

    Returns
    -------
    tuple of AttachmentRecord
        In order.
    """
    rows = session.execute(_FILES.where(CaseAttachment.case_fid == case.fid).order_by(CaseAttachment.fid))
    return tuple(_attachment(row) for row in rows)


def attachment(session: Session, case: CaseRecord, uid: str) -> AttachmentRecord:
    """Return a file of a case.

    Parameters
    ----------
    session : Session
        Any session.
    case : CaseRecord
        The case.
    uid : str
        Which.

    Returns
    -------
    AttachmentRecord
        It.

    Raises
    ------
    NotFoundError
        The case has none.
    """
    row = session.execute(_FILES.where(CaseAttachment.case_fid == case.fid, CaseAttachment.uid == uid)).one_or_none()
    if row is None:
        raise NotFoundError(
            f"办件“{case.uid}”没有附件“{uid}”", f"the case '{case.uid}' has no attachment '{uid}'", attachment=uid
        )
    return _attachment(row)


def kept_hashes(session: Session) -> set[str]:
    """Return the hashes of every file that a case has.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    set of str
        Hexadecimal digests.
    """
    return set(session.scalars(select(CaseAttachment.sha256).distinct()))


_FILES: Final = select(*(getattr(CaseAttachment, name) for name in AttachmentRecord.__slots__))


def _attachment(row: Any) -> AttachmentRecord:
    """Make a record of a row."""
    return AttachmentRecord(*(getattr(row, name) for name in AttachmentRecord.__slots__))
