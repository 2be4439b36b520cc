"""Whether somebody may take a step: one judgement, for those who try and for the list of what they could do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from geo.catalog.role import ROLE_TITLES
from geo.errors import ConflictError, DeniedError, FangyuError, InputError, Problem
from geo.workflow.person import Person, login_key
from geo.workflow.table import Transition, Workflow


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken, as far as later ones depend on it.

    Parameters
    ----------
    action : str
        What was done; `OPENING` for the opening.
    actor : str
        Who did it.
    on_behalf_of : str or None
        Whom they stood in for.
    """

    action: str
    actor: str
    on_behalf_of: str | None

    @property
    def eyes(self) -> frozenset[str]:
        """Whose eyes have looked.

        Returns
        -------
        frozenset of str
            Logins as `login_key` writes them.
        """
        return frozenset(login_key(login) for login in (self.actor, self.on_behalf_of) if login is not None)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a case stands.

    Parameters
    ----------
    state : str
        Where.
    is_over : bool
        Whether it has ended.
    assignee : str or None
        Who is to take the next step.
    four_eyes : Mapping of str to tuple of str
        What it was opened with: actions and those their takers may not have taken.
    taken : sequence of Taken
        What was done, the opening first.
    """

    state: str
    is_over: bool
    assignee: str | None
    four_eyes: Mapping[str, tuple[str, ...]]
    taken: Sequence[Taken]


def find_step(workflow: Workflow, standing: Standing, action: str) -> Transition:
    """Find the step that an action is where a case stands.

    Parameters
    ----------
    workflow : Workflow
        The procedure.
    standing : Standing
        How the case stands.
    action : str
        What somebody wants to do.

    Returns
    -------
    Transition
        The step.

    Raises
    ------
    InputError
        The procedure knows no such action.
    ConflictError
        The case is over, or the action is not one of those its state allows.
    """
    known = dict.fromkeys(item.action for item in workflow.transitions)
    if action not in known:
        raise InputError(
            f"流程“{workflow.title_zh}”没有操作“{action}”；可用：{'、'.join(known)}",
            f"the workflow '{workflow.name}' has no action '{action}'; there are {', '.join(known)}",
            action=action,
            allowed=list(known),
        )
    if standing.is_over:
        raise ConflictError("办件已办结，不能再办理", "the case is over; no step follows", state=standing.state)
    found = workflow.find(standing.state, action)
    if found is None:
        allowed = workflow.leaving(standing.state)
        zh = "、".join(f"{item.action}（{item.title_zh}）" for item in allowed)
        where_zh, where_en = workflow.state_title(standing.state)
        raise ConflictError(
            f"当前环节“{where_zh}”不能办理“{workflow.action_title(action)[0]}”；可办理：{zh or '无'}",
            f"'{action}' cannot be done in the state {where_en}; allowed: "
            f"{', '.join(item.action for item in allowed) or 'nothing'}",
            state=standing.state,
            allowed=[item.action for item in allowed],
        )
    return found


def why_not(workflow: Workflow, item: Transition, standing: Standing, person: Person) -> FangyuError | None:
    """Tell why somebody may not take a step, whatever they bring with it.

    Parameters
    ----------
    workflow : Workflow
        The procedure.
    item : Transition
        The step; it begins where the case stands.
    standing : Standing
        How the case stands.
    person : Person
        Who.

    Returns
    -------
    FangyuError or None
        To be raised or shown; None where they may.
    """
    if not person.roles & set(item.roles):
        titles = [ROLE_TITLES[role] for role in item.roles]
        return DeniedError(
            f"无权办理“{item.title_zh}”；需要的角色：{'、'.join(zh for zh, _ in titles)}",
            f"not allowed: {item.title_en}; roles that may: {', '.join(en for _, en in titles)}",
            action=item.action,
            roles=list(item.roles),
        )
    done = {one.action for one in standing.taken}
    if missing := [action for action in item.after if action not in done]:
        return ConflictError(
            f"办理“{item.title_zh}”之前应先完成：{'、'.join(workflow.action_title(one)[0] for one in missing)}",
            f"before {item.title_en} there must have been: "
            f"{', '.join(workflow.action_title(one)[1] for one in missing)}",
            action=item.action,
            after=missing,
        )
    barred = {*item.distinct_from, *standing.four_eyes.get(item.action, ())}
    seen = [one for one in standing.taken if one.action in barred and one.eyes & person.eyes]
    if seen:
        titles = list(dict.fromkeys(workflow.action_title(one.action) for one in seen))
        return DeniedError(
            f"“{item.title_zh}”须由不同的人办理：本人或被代理人已办理 {'、'.join(zh for zh, _ in titles)}",
            f"somebody else has to take the step {item.title_en}: you, or who you stand in for, did "
            f"{', '.join(en for _, en in titles)}",
            action=item.action,
            distinct_from=sorted({one.action for one in seen}),
        )
    if standing.assignee is not None and login_key(standing.assignee) not in person.eyes:
        return ConflictError(
            f"办件已指派给 {standing.assignee}；请由其办理，或先改派",
            f"the case is assigned to {standing.assignee}; let them take the step, or assign it anew first",
            assignee=standing.assignee,
        )
    return None


def role_for(item: Transition, person: Person) -> str:
    """Return the role in which somebody takes a step.

    Parameters
    ----------
    item : Transition
        The step.
    person : Person
        Who may take it.

    Returns
    -------
    str
        The first of the step's roles that they hold.
    """
    return next(role for role in item.roles if role in person.roles)


def check_papers(item: Transition, *, reason: str, kinds: Mapping[str, str]) -> tuple[str, ...]:
    """Hold what comes with a step against what belongs to it.

    Parameters
    ----------
    item : Transition
        The step.
    reason : str
        Why it is taken.
    kinds : Mapping of str to str
        Attachment by kind of document.

    Returns
    -------
    tuple of str
        Kinds that are missing and only noted, because nobody is sure of the rule.

    Raises
    ------
    InputError
        A reason or a document is missing, or a kind does not belong to the step; all problems at once.
    """
    problems = []
    if item.needs_reason and not reason.strip():
        problems.append(_problem("reason", reason, "必须写明理由", "must say why"))
    for kind in kinds:
        if kind not in item.documents:
            allowed = "、".join(item.documents) or "无", ", ".join(item.documents) or "none"
            problems.append(
                _problem("documents", kind, f"不是此步骤的材料；可用：{allowed[0]}", f"allowed: {allowed[1]}")
            )
    missing = tuple(kind for kind in item.documents if kind not in kinds)
    if item.may_block:
        problems += [
            _problem(f"documents.{kind}", None, "缺少此项材料", "this document is missing") for kind in missing
        ]
    if problems:
        raise InputError(
            f"办理“{item.title_zh}”的材料或理由不齐：" + "；".join(one.line("zh") for one in problems),
            f"the step {item.title_en} is refused: " + "; ".join(one.line("en") for one in problems),
            problems,
            action=item.action,
        )
    return missing


def _problem(field: str, value: str | None, zh: str, en: str) -> Problem:
    """Write a problem of a field."""
    return Problem("case", "refused", "", None, field, value, zh, en)
