"""What every service on cases needs: who may see which, how one stands, and putting on record what was done."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

from geo.errors import Problem
from geo.store import Session, audit, cases
from geo.store.case_records import CaseRecord, Reach, StepRecord
from geo.store.columns import utc_text
from geo.store.three_way import stale
from geo.workflow.judge import Standing, Taken
from geo.workflow.person import Person
from geo.workflow.registry import WorkflowKit
from geo.workflow.table import OPENING, Workflow


def reach_of(person: Person, kit: WorkflowKit) -> Reach:
    """Tell whose cases somebody may see.

    Parameters
    ----------
    person : Person
        Who.
    kit : WorkflowKit
        Workflows.

    Returns
    -------
    Reach
        Cases of procedures they have to do with, and their own, in their district.
    """
    return Reach(person.district, kit.of_roles(person.roles), person.eyes)


def standing_of(session: Session, case: CaseRecord) -> Standing:
    """Tell how a case stands.

    Parameters
    ----------
    session : Session
        Any session.
    case : CaseRecord
        The case.

    Returns
    -------
    Standing
        For `geo.workflow.judge`.
    """
    taken = [Taken(OPENING, case.opened_by, case.opened_for)]
    taken += [Taken(one.action, one.actor, one.on_behalf_of) for one in cases.steps(session, case)]
    return Standing(case.state, case.outcome is not None, case.assignee, case.four_eyes, taken)


def refuse_stale(
    session: Session, case: CaseRecord, version: int | None, table: Workflow, yours: Mapping[str, object]
) -> None:
    """Refuse what is meant for an earlier version of a case, and say what was done since.

    Parameters
    ----------
    session : Session
        Any session.
    case : CaseRecord
        The case.
    version : int or None
        Version somebody looked at; None for any.
    table : Workflow
        Its procedure.
    yours : Mapping
        What is asked: ``action`` or ``assignee``.

    Raises
    ------
    StaleError
        It is not the present one; with a three-way difference, ``steps`` of which are those taken since.
    """
    if version is None or version == case.row_version:
        return
    taken = cases.steps(session, case)
    since = [one for one in taken if one.row_version > version]
    done = [(one.actor, table.action_title(one.action), table.state_title(one.to_state)) for one in since]
    zh = "；".join(f"{actor} 已办理“{action[0]}”，进入“{state[0]}”" for actor, action, state in done)
    en = "; ".join(f"{actor} did {action[1]}, to {state[1]}" for actor, action, state in done)
    state_zh, state_en = table.state_title(case.state)
    newest = audit.entries(session, subject=f"cases/{case.uid}", kind="decision", limit=1)
    base: dict[str, object] | None = None
    if 0 < version < case.row_version:
        state = since[0].from_state if since else case.state
        # Who it was assigned to is kept by no version.
        base = {"state": state, "action": None, "steps": [], "assignee": None}
    raise stale(
        f"办件已有变动，请重新读取：{zh or '已改派'}；现处“{state_zh}”，指派给 {case.assignee or '无'}",
        f"the case was changed meanwhile, read it again: {en or 'it was assigned'}; it is now in the state "
        f"{state_en}, assigned to {case.assignee or 'nobody'}",
        tag=case.tag,
        base=base,
        yours=yours,
        theirs={
            "state": case.state,
            "action": since[-1].action if since else None,
            "assignee": case.assignee,
            "steps": [_told(one) for one in since],
        },
        changed_by=newest[0].actor if newest else None,
        changed_at=newest[0].at if newest else None,
    )


def new_id(kind: str) -> str:
    """Make an id that cannot be guessed.

    Parameters
    ----------
    kind : str
        Two letters for what it is.

    Returns
    -------
    str
        Such as ``cs-0123456789abcdef``.
    """
    return f"{kind}-{secrets.token_hex(8)}"


def note(
    session: Session, action: str, case: CaseRecord, actor: str, on_behalf_of: str | None, **detail: object
) -> None:
    """Put on record what was done with a case.

    Parameters
    ----------
    session : Session
        Writing session.
    action : str
        What, as a short stable phrase.
    case : CaseRecord
        With which case.
    actor : str
        Who.
    on_behalf_of : str or None
        Whom they stood in for.
    **detail : object
        Anything more, as JSON values.
    """
    words = json.dumps({"workflow": case.workflow, **detail}, ensure_ascii=False, sort_keys=True)
    audit.append(session, actor, action, f"cases/{case.uid}", words, kind="decision", on_behalf_of=on_behalf_of)


def problem(field: str, value: str | None, zh: str, en: str) -> Problem:
    """Write a problem of a field.

    Parameters
    ----------
    field : str
        The field.
    value : str or None
        The offending value.
    zh, en : str
        What is wrong and what is allowed.

    Returns
    -------
    Problem
        For an `InputError`.
    """
    return Problem("case", "refused", "", None, field, value, zh, en)


def too_long(field: str, value: str, most: int) -> Problem:
    """Write that a field is too long.

    Parameters
    ----------
    field : str
        The field.
    value : str
        What it holds.
    most : int
        Characters it may hold.

    Returns
    -------
    Problem
        For an `InputError`.
    """
    return problem(field, f"{value[:20]}…", f"最多 {most} 个字符", f"has {most} characters at most")


def _told(one: StepRecord) -> dict[str, object]:
    """Write a step that somebody did not know of."""
    return {
        "seq": one.seq,
        "action": one.action,
        "from_state": one.from_state,
        "to_state": one.to_state,
        "actor": one.actor,
        "happened_utc": utc_text(one.happened_utc),
    }
