"""Notices about cases: who is told what, and what somebody has not read yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from geo.services.case_common import new_id, reach_of
from geo.store import Session, notices
from geo.store.case_records import CaseRecord
from geo.store.columns import utc_now
from geo.store.notices import NoticeRecord, Reader
from geo.workflow.person import Person, login_key
from geo.workflow.registry import WorkflowKit, standard_kit
from geo.workflow.table import Workflow

SYSTEM: Final = "system:fangyu"
"""Who opens a case that nobody asked for, such as the review of an edit made outside; no login has a colon."""
_TEXTS: Final = {
    "case_waiting": (
        "“{title}”待办理：{actor} 已{action_zh}，现处“{state_zh}”",
        "'{title}' waits for a step: {actor} did {action_en}, it is now {state_en}",
    ),
    "case_moved": (
        "“{title}”有进展：{actor} 已{action_zh}，现处“{state_zh}”",
        "'{title}' has moved: {actor} did {action_en}, it is now {state_en}",
    ),
    "case_closed": (
        "“{title}”已办结：{actor} 已{action_zh}，结果“{state_zh}”",
        "'{title}' is over: {actor} did {action_en}, it ended as {state_en}",
    ),
    "case_assigned": ("{actor} 将“{title}”指派给您", "{actor} assigned '{title}' to you"),
}


@dataclass(frozen=True, slots=True)
class NoticePage:
    """A page of somebody's notices.

    Parameters
    ----------
    notices : tuple of NoticeRecord
        Newest first.
    unread : int
        How many they have not read, in all.
    following : int or None
        Row before which the next page begins.
    """

    notices: tuple[NoticeRecord, ...]
    unread: int
    following: int | None


def tell_next(
    session: Session,
    case: CaseRecord,
    table: Workflow,
    *,
    action_zh: str,
    action_en: str,
    actor: str,
    at: datetime,
    eyes: frozenset[str] | None = None,
) -> None:
    """Tell those who can act next, and who opened the case.

    Parameters
    ----------
    session : Session
        Writing session.
    case : CaseRecord
        The case after what was done.
    table : Workflow
        Its procedure.
    action_zh, action_en : str
        What was done.
    actor : str
        By whom.
    at : datetime
        When.
    eyes : frozenset of str, optional
        Who need not be told because they did it; without them nobody but those who act next is told.
    """
    state = table.state(case.state)
    told = {
        "title": case.title, "action_zh": action_zh, "action_en": action_en, "state_zh": state.title_zh,
        "state_en": state.title_en, "actor": actor,
    }  # fmt: skip
    for role in dict.fromkeys(role for item in table.leaving(case.state) for role in item.roles):
        notices.add(session, case, uid=new_id("nt"), kind="case_waiting", parameters=told, created_utc=at, role=role)
    # Who opened it knows of the opening, and of what they do themselves.
    openers = {login_key(one) for one in (case.opened_by, case.opened_for) if one is not None and one != SYSTEM}
    kind = "case_moved" if case.outcome is None else "case_closed"
    for person in sorted(openers - eyes if eyes is not None else ()):
        notices.add(session, case, uid=new_id("nt"), kind=kind, parameters=told, created_utc=at, person=person)


def tell_assignee(session: Session, case: CaseRecord, *, actor: str, at: datetime) -> None:
    """Tell somebody that they are to take the next step.

    Parameters
    ----------
    session : Session
        Writing session.
    case : CaseRecord
        The case, which is assigned.
    actor : str
        Who assigned it.
    at : datetime
        When.
    """
    told = {"title": case.title, "actor": actor}
    notices.add(
        session, case, uid=new_id("nt"), kind="case_assigned", parameters=told, created_utc=at, person=case.assignee
    )


def notifications(
    session: Session,
    person: Person,
    *,
    unread: bool = False,
    before: int | None = None,
    limit: int = 50,
    kit: WorkflowKit | None = None,
) -> NoticePage:
    """List somebody's notices.

    Parameters
    ----------
    session : Session
        Any session.
    person : Person
        Who; somebody who stands in for a colleague sees the colleague's.
    unread : bool
        Only those they have not read.
    before : int, optional
        Only those before this row.
    limit : int
        Most notices on a page.
    kit : WorkflowKit, optional
        Workflows; by default `standard_kit`.

    Returns
    -------
    NoticePage
        The page.
    """
    reader = _reader(person, kit)
    found, following = notices.page(session, reader, unread=unread, before=before, limit=limit)
    return NoticePage(tuple(found), notices.unread_count(session, reader), following)


def mark_read(
    session: Session,
    person: Person,
    uids: Sequence[str] | None = None,
    *,
    kit: WorkflowKit | None = None,
    now: datetime | None = None,
) -> int:
    """Take note that somebody has read notices; nobody else has by that.

    Parameters
    ----------
    session : Session
        Writing session.
    person : Person
        Who.
    uids : sequence of str, optional
        Which; by default all of theirs.
    kit : WorkflowKit, optional
        Workflows; by default `standard_kit`.
    now : datetime, optional
        The present moment.

    Returns
    -------
    int
        How many had not been read.
    """
    return notices.mark_read(session, _reader(person, kit), uids, read_utc=now or utc_now())


def notice_text(notice: NoticeRecord) -> tuple[str, str]:
    """Write what a notice says.

    Parameters
    ----------
    notice : NoticeRecord
        The notice.

    Returns
    -------
    tuple of str
        In Chinese and in English.
    """
    zh, en = _TEXTS[notice.kind]
    return zh.format(**notice.parameters), en.format(**notice.parameters)


def _reader(person: Person, kit: WorkflowKit | None) -> Reader:
    """Tell who reads."""
    return Reader(login_key(person.login), person.roles, reach_of(person, kit or standard_kit()))
