"""What the store says of cases: plain values, as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from geo.workflow.clock import ClockRule, Pause


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """One case.

    Parameters
    ----------
    fid : int
        Row id.
    uid : str
        What it is known by.
    workflow : str
        Its procedure.
    table_hash : str
        Fingerprint of the procedure's table when the case was opened.
    subject_kind, subject_id : str
        What it is about, such as a layer and the uid of a feature.
    title : str
        Title for people.
    district : str or None
        Division code it belongs to; None for the whole bureau.
    state, initial_state : str
        Where it stands, and where it began.
    four_eyes : Mapping of str to tuple of str
        Actions and those their takers may not have taken.
    opened_by : str
        Who opened it.
    opened_for : str or None
        Whom they stood in for.
    opened_utc : datetime
        When.
    assignee : str or None
        Who is to take the next step, where somebody was named.
    row_version : int
        Raised by each step and each assignment.
    outcome : str or None
        How it ended; None while it is open.
    closed_utc : datetime or None
        When it ended.
    """

    fid: int
    uid: str
    workflow: str
    table_hash: str
    subject_kind: str
    subject_id: str
    title: str
    district: str | None
    state: str
    initial_state: str
    four_eyes: Mapping[str, tuple[str, ...]]
    opened_by: str
    opened_for: str | None
    opened_utc: datetime
    assignee: str | None
    row_version: int
    outcome: str | None
    closed_utc: datetime | None

    @property
    def tag(self) -> str:
        """What changes with every step and every assignment.

        Returns
        -------
        str
            Id and version.
        """
        return f"{self.uid}.{self.row_version}"


@dataclass(frozen=True, slots=True)
class StepDocument:
    """A document that belongs to a step.

    Parameters
    ----------
    kind : str
        Kind, as the table names it.
    attachment : str or None
        Id of the attachment; None where an unsure rule asks for one and none was given.
    """

    kind: str
    attachment: str | None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step.

    Parameters
    ----------
    seq : int
        Number, from 1.
    row_version : int
        Version of the case that it made.
    from_state, action, to_state : str
        From where, by what, to where.
    outcome : str or None
        How the case ended with it.
    actor : str
        Who took it.
    on_behalf_of : str or None
        Whom they stood in for.
    role : str
        The role they acted in.
    reason : str
        Why; may be empty.
    documents : tuple of StepDocument
        What belongs to it.
    table_hash : str
        Fingerprint of the table it was taken by.
    happened_utc : datetime
        When.
    """

    seq: int
    row_version: int
    from_state: str
    action: str
    to_state: str
    outcome: str | None
    actor: str
    on_behalf_of: str | None
    role: str
    reason: str
    documents: tuple[StepDocument, ...]
    table_hash: str
    happened_utc: datetime


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """A clock of a case.

    Parameters
    ----------
    fid : int
        Row id.
    started_seq : int
        Step it was started by; 0 for the opening.
    rule : ClockRule
        The limit it was started with.
    started : date
        The day, which does not count.
    due : date or None
        Last day in time, as it was worked out when the clock last changed.
    pauses : tuple of Pause
        What does not count.
    used_days : int
        Days that had counted when it last changed.
    stopped : date or None
        The day it stopped.
    outcome : str or None
        ``in_time`` or ``late`` once it has stopped.
    """

    fid: int
    started_seq: int
    rule: ClockRule
    started: date
    due: date | None
    pauses: tuple[Pause, ...]
    used_days: int
    stopped: date | None
    outcome: str | None

    @property
    def is_paused(self) -> bool:
        """Whether it waits.

        Returns
        -------
        bool
            True from a pause until it is resumed or stopped.
        """
        return self.stopped is None and bool(self.pauses) and self.pauses[-1].ended is None


@dataclass(frozen=True, slots=True)
class CommentRecord:
    """What somebody said.

    Parameters
    ----------
    uid : str
        What it is known by.
    author : str
        Who.
    on_behalf_of : str or None
        Whom they stood in for.
    words : str
        What.
    created_utc : datetime
        When.
    """

    uid: str
    author: str
    on_behalf_of: str | None
    words: str
    created_utc: datetime


@dataclass(frozen=True, slots=True)
class AttachmentRecord:
    """A file of a case.

    Parameters
    ----------
    uid : str
        What it is known by.
    after_seq : int
        Number of the step after which it was added.
    document : str or None
        Kind of document it is, where somebody said so.
    name, media_type : str
        File name, and what it is.
    size_bytes : int
        Size.
    sha256 : str
        Hash of its content.
    added_by : str
        Who.
    on_behalf_of : str or None
        Whom they stood in for.
    added_utc : datetime
        When.
    """

    uid: str
    after_seq: int
    document: str | None
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    added_by: str
    on_behalf_of: str | None
    added_utc: datetime


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose cases somebody may see.

    Parameters
    ----------
    district : str or None
        Division code; None for every case.
    workflows : frozenset of str
        Procedures their roles have to do with.
    eyes : frozenset of str
        Logins, as `geo.workflow.person.login_key` writes them: cases they opened or are to take the next step of.
    """

    district: str | None
    workflows: frozenset[str]
    eyes: frozenset[str]


@dataclass(frozen=True, slots=True)
class CaseKey:
    """Where a page of cases begins: after this one.

    Parameters
    ----------
    due : date
        Its due date; the last day there is for none.
    fid : int
        Its row.
    """

    due: date
    fid: int


@dataclass(frozen=True, slots=True)
class CasePage:
    """A page of cases.

    Parameters
    ----------
    cases : tuple of (CaseRecord, date or None)
        Each with the first due date of its clocks.
    following : CaseKey or None
        Where the next page begins; None on the last one.
    """

    cases: tuple[tuple[CaseRecord, date | None], ...]
    following: CaseKey | None
