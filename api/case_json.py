"""How cases, steps, clocks and papers are written as JSON."""

from __future__ import annotations

from datetime import datetime

from geo.catalog.role import ROLE_TITLES
from geo.services.case_list import CaseView, Choice, ListedCase
from geo.store.case_records import AttachmentRecord, CaseRecord, CommentRecord, StepRecord
from geo.workflow.clock import Clock
from geo.workflow.table import Workflow


def case_json(case: CaseRecord, workflow: Workflow | None) -> dict[str, object]:
    """Write what lists and details of a case share.

    Parameters
    ----------
    case : CaseRecord
        The case.
    workflow : Workflow or None
        Its procedure, where that is still known.

    Returns
    -------
    dict
        JSON values.
    """
    state = None if workflow is None else workflow.states.get(case.state)
    return {
        "case_id": case.uid,
        "workflow": case.workflow,
        "workflow_title_zh": case.workflow if workflow is None else workflow.title_zh,
        "workflow_title_en": case.workflow if workflow is None else workflow.title_en,
        "title": case.title,
        "subject": {"kind": case.subject_kind, "id": case.subject_id},
        "district": case.district,
        "state": case.state,
        "state_title_zh": case.state if state is None else state.title_zh,
        "state_title_en": case.state if state is None else state.title_en,
        "assignee": case.assignee,
        "opened_by": case.opened_by,
        "opened_for": case.opened_for,
        "opened_utc": _moment(case.opened_utc),
        "outcome": case.outcome,
        "closed_utc": _moment(case.closed_utc),
        "etag": f'"{case.tag}"',
        "href": f"/api/cases/{case.uid}",
    }


def listed_json(one: ListedCase) -> dict[str, object]:
    """Write a case of a list.

    Parameters
    ----------
    one : ListedCase
        The case.

    Returns
    -------
    dict
        JSON values.
    """
    due = None if one.due is None else one.due.isoformat()
    return {**case_json(one.case, one.workflow), "due": due, "is_overdue": one.is_overdue}


def view_json(view: CaseView) -> dict[str, object]:
    """Write what a case consists of.

    Parameters
    ----------
    view : CaseView
        The case.

    Returns
    -------
    dict
        JSON values.
    """
    return {
        "is_table_changed": view.case.table_hash != view.workflow.fingerprint,
        "actions": [_choice(one) for one in view.choices],
        "clocks": [_clock(one) for one in view.clocks],
        "steps": [_step(one, view.workflow) for one in view.steps],
        "comments": [comment_json(one) for one in view.comments],
        "attachments": [attachment_json(one, view.case.uid) for one in view.attachments],
    }


def comment_json(one: CommentRecord) -> dict[str, object]:
    """Write a comment.

    Parameters
    ----------
    one : CommentRecord
        The comment.

    Returns
    -------
    dict
        JSON values.
    """
    return {
        "comment_id": one.uid,
        "author": one.author,
        "on_behalf_of": one.on_behalf_of,
        "words": one.words,
        "created_utc": _moment(one.created_utc),
    }


def attachment_json(one: AttachmentRecord, case_id: str) -> dict[str, object]:
    """Write an attachment.

    Parameters
    ----------
    one : AttachmentRecord
        The attachment.
    case_id : str
        Its case.

    Returns
    -------
    dict
        JSON values.
    """
    return {
        "attachment_id": one.uid,
        "name": one.name,
        "document": one.document,
        "media_type": one.media_type,
        "size_bytes": one.size_bytes,
        "sha256": one.sha256,
        "added_by": one.added_by,
        "on_behalf_of": one.on_behalf_of,
        "added_utc": _moment(one.added_utc),
        "after_seq": one.after_seq,
        "href": f"/api/cases/{case_id}/attachments/{one.uid}",
    }


def _choice(one: Choice) -> dict[str, object]:
    """Write what somebody could do, what it needs, and why not."""
    item, refusal = one.transition, one.refusal
    return {
        "action": item.action,
        "title_zh": item.title_zh,
        "title_en": item.title_en,
        "to_state": item.to_state,
        "roles": [
            {"role": role, "title_zh": ROLE_TITLES[role][0], "title_en": ROLE_TITLES[role][1]} for role in item.roles
        ],
        "documents": list(item.documents),
        "needs_documents": item.may_block,
        "needs_reason": item.needs_reason,
        "source": item.source,
        "certainty": item.certainty,
        "is_allowed": refusal is None,
        "refusal": None
        if refusal is None
        else {"code": refusal.code, "message_zh": refusal.message_zh, "message_en": refusal.message_en},
    }


def _clock(one: Clock) -> dict[str, object]:
    """Write what a clock shows."""
    return {
        "clock": one.rule.name,
        "title_zh": one.rule.title_zh,
        "title_en": one.rule.title_en,
        "limit_days": one.rule.limit_days,
        "unit": one.rule.unit,
        "state": one.state,
        "used_days": one.used_days,
        "remaining_days": one.remaining_days,
        "due": None if one.due is None else one.due.isoformat(),
        "over_days": one.over_days,
        "is_provisional": one.is_provisional,
        "is_advice": one.rule.certainty == "U",
        "source": one.rule.source,
    }


def _step(one: StepRecord, workflow: Workflow) -> dict[str, object]:
    """Write a step."""
    item = workflow.find(one.from_state, one.action)
    return {
        "seq": one.seq,
        "action": one.action,
        "title_zh": one.action if item is None else item.title_zh,
        "title_en": one.action if item is None else item.title_en,
        "from_state": one.from_state,
        "to_state": one.to_state,
        "outcome": one.outcome,
        "actor": one.actor,
        "on_behalf_of": one.on_behalf_of,
        "role": one.role,
        "reason": one.reason,
        "documents": [{"kind": paper.kind, "attachment_id": paper.attachment} for paper in one.documents],
        "happened_utc": _moment(one.happened_utc),
    }


def _moment(moment: datetime | None) -> str | None:
    """Write a moment."""
    return None if moment is None else moment.isoformat(timespec="milliseconds")
