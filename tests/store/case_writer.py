"""Children that handle cases at random until they are killed: ``python -m tests.store.case_writer URL``."""

from __future__ import annotations

import hashlib
import random
import tempfile
from pathlib import Path

from geo.services.attachment import attach, keep_bytes
from geo.services.case_common import standing_of
from geo.services.workflow import assign, take_step
from geo.store import Session, Store, cases
from geo.store.attachments import AttachmentShelf
from geo.store.case_records import CaseRecord
from geo.workflow import Person, Transition
from geo.workflow.judge import why_not
from tests.cases_kit import APPROVER, CLERK, KIT, REVIEWER, open_sample
from tests.store.writer import main

PEOPLE = (CLERK, REVIEWER, APPROVER)


def shelf_of(url: str) -> AttachmentShelf:
    """Return where the files of a store lie, the same for each of its processes."""
    return AttachmentShelf(Path(tempfile.gettempdir()) / f"fy-{hashlib.sha256(url.encode()).hexdigest()[:16]}", 1 << 20)


def write(store: Store, chance: random.Random, step: int) -> None:
    """Open a case, or take a step that its state allows."""
    with store.session(write=False) as session:
        page = cases.page(session, reach=None, waiting=KIT.get("sample").transitions, limit=20)
    found = [case for case, _ in page.cases if case.assignee is None]
    if not found or chance.random() < 0.25:
        with store.session() as session:
            open_sample(session, step)
        return
    case = chance.choice(found)
    item = chance.choice(KIT.get("sample").leaving(case.state))
    documents = {}
    if item.documents:
        # The file is on the disk before its row is committed.
        kept, media_type = keep_bytes(shelf_of(store.url), "a.txt", [f"{step}".encode() * chance.randint(1, 5000)])
        with store.session() as session:
            made = attach(
                session, case.uid, kept, name="a.txt", media_type=media_type, person=CLERK, document=item.documents[0],
                kit=KIT,
            )  # fmt: skip
        documents = {item.documents[0]: made.uid}
    with store.session() as session:
        who = fit(session, case, item)
        if chance.random() < 0.2:
            # Assigned to somebody and taken back, in one transaction.
            case = assign(session, case.uid, who.login, person=who, version=case.row_version, kit=KIT)
        take_step(session, case.uid, item.action, person=who, version=case.row_version, documents=documents, kit=KIT)


def fit(session: Session, case: CaseRecord, item: Transition) -> Person:
    """Return somebody who may take a step."""
    standing = standing_of(session, case)
    return next(one for one in PEOPLE if why_not(KIT.get("sample"), item, standing, one) is None)


if __name__ == "__main__":
    main(write)
