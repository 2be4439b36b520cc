"""Whether a workflow makes sense: every state is reached and left, every clock ends, and nothing is out of reach."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

from geo.workflow.table import Transition, Workflow

Hands = frozenset[tuple[str, bool]]
"""Clocks that go on, each with whether it is paused."""


class Report(Protocol):
    """Where problems go: a table of the catalogue's reader, or anything like it."""

    def report(self, key: str, value: object, message_zh: str, message_en: str) -> None:
        """Note a problem.

        Parameters
        ----------
        key : str
            Place inside the file.
        value : object
            The offending value; None if there is none.
        message_zh, message_en : str
            What is allowed.
        """


def check_workflow(workflow: Workflow, report: Report) -> None:
    """Report everything that makes no sense in a workflow.

    Parameters
    ----------
    workflow : Workflow
        A workflow whose parts were read.
    report : Report
        Where problems go.
    """
    for key, value, zh, en in (
        *_rows(workflow), *_ways(workflow), *_needs(workflow), *_clocks(workflow)
    ):  # fmt: skip
        report.report(key, value, zh, en)


Finding = tuple[str, str, str, str]


def _rows(workflow: Workflow) -> Iterator[Finding]:
    """Look at each transition by itself."""
    seen: set[tuple[str, str]] = set()
    required = {item.action for item in workflow.transitions if item.need == "required"}
    for item in workflow.transitions:
        place = _place(item)
        if (item.from_state, item.action) in seen:
            yield place, item.action, "同一状态下同一操作只能写一次", "an action may be written once for a state"
        seen.add((item.from_state, item.action))
        if not item.roles:
            yield place, item.action, "每个操作都应有可操作的角色", "every action needs a role that may take it"
        if item.certainty == "U" and item.need == "required":
            yield (
                place,
                item.action,
                "依据存疑（U）的步骤不能是必经步骤",
                "a step whose rule is unsure (U) may not be required",
            )
        for other in item.after:
            if other not in required:
                yield (
                    place,
                    other,
                    "after 只能写必经步骤，否则可选或存疑的步骤会挡住流程",
                    "'after' may only name required steps, or an optional or unsure one would block",
                )
        if item.action in item.distinct_from:
            yield (
                place,
                item.action,
                "distinct_from 不能写操作本身",
                "'distinct_from' may not name the action itself",
            )


def _ways(workflow: Workflow) -> Iterator[Finding]:
    """Look for states that are never reached, never left, or lead nowhere."""
    transitions = workflow.transitions
    reached = _reach(workflow.initial, transitions)
    ends = {name for name, state in workflow.states.items() if state.is_final}
    if not any(state.outcome == "completed" for state in workflow.states.values()):
        yield "states", "completed", "至少一个状态应为办结（completed）", "needs a state with the outcome completed"
    alive = _reach_back(ends, transitions)
    for name, state in workflow.states.items():
        leaves = bool(workflow.leaving(name))
        place = f"states.{name}"
        if name not in reached:
            yield place, name, "从初始状态无法到达", "cannot be reached from the initial state"
        if state.is_final and leaves:
            yield place, name, "终结状态不能再有后续步骤", "a final state may have no further step"
        if not state.is_final and not leaves:
            yield place, name, "既不终结也没有后续步骤", "is a dead state: not final, and without a further step"
        elif not state.is_final and name not in alive:
            yield place, name, "无法由此到达任何终结状态", "no final state can be reached from here"


def _needs(workflow: Workflow) -> Iterator[Finding]:
    """Look for required steps that can be passed by, and optional ones that cannot."""
    goals = {name for name, state in workflow.states.items() if state.outcome == "completed"}
    if not goals & _reach(workflow.initial, workflow.transitions):
        return
    for action in dict.fromkeys(item.action for item in workflow.transitions):
        own = [item for item in workflow.transitions if item.action == action]
        if len({item.need for item in own}) > 1:
            yield (
                _place(own[0]),
                action,
                "同一操作不能既必经又可选",
                "an action may not be both required and optional",
            )
            continue
        # A step that comes after this one is out of reach without it.
        rest = [item for item in workflow.transitions if item.action != action and action not in item.after]
        can_pass = bool(goals & _reach(workflow.initial, rest))
        if own[0].need == "required" and can_pass:
            yield (
                _place(own[0]),
                action,
                "必经步骤可被绕过；请去掉绕行，或在其后步骤写 after",
                "a required step can be passed by; take the way round out, or name it in 'after' of a later step",
            )
        if own[0].need == "optional" and not can_pass:
            yield (
                _place(own[0]),
                action,
                "不经过此步无法办结，不应为可选",
                "is not optional: no case can be completed without it",
            )


def _clocks(workflow: Workflow) -> Iterator[Finding]:
    """Follow every clock along every way."""
    found: dict[Finding, None] = {}
    used: dict[str, set[str]] = {key: set() for key in ("starts", "stops", "pauses", "resumes")}
    effective: dict[str, set[str]] = {key: set() for key in used}
    for item in workflow.transitions:
        for key, names in used.items():
            names.update(getattr(item, key))
    used["starts"].update(workflow.starts)
    start: tuple[str, Hands] = (workflow.initial, frozenset((clock, False) for clock in workflow.starts))
    seen, waiting = {start}, deque([start])
    while waiting:
        state, hands = waiting.popleft()
        if state in workflow.states and workflow.states[state].is_final:
            for clock, _ in sorted(hands):
                zh, en = "到达终结状态时仍在计时", f"may still run when the case ends in {state}"
                found[f"clocks.{clock}", state, zh, en] = None
        for item in workflow.leaving(state):
            after, wrong = turn(item, hands)
            for clock in wrong:
                zh, en = "计时尚未停止又重新开始", "starts a clock that may still run; stop it in the same step"
                found[f"{_place(item)}.starts", clock, zh, en] = None
            for key, paused in (("stops", None), ("pauses", False), ("resumes", True)):
                effective[key].update(
                    name for name, is_paused in hands if name in getattr(item, key) and paused in (None, is_paused)
                )
            step = (item.to_state, after)
            if step not in seen:
                seen.add(step)
                waiting.append(step)
    yield from found
    for clock in workflow.clocks:
        if clock not in used["starts"]:
            yield f"clocks.{clock}", clock, "没有任何步骤使其开始", "no step starts it"
        elif clock not in used["stops"]:
            yield f"clocks.{clock}", clock, "没有任何步骤使其停止", "no step stops it"
        if clock in used["pauses"] and clock not in used["resumes"]:
            yield f"clocks.{clock}", clock, "暂停后没有任何步骤使其恢复", "no step resumes it after a pause"
        for key, zh, en in (
            ("stops", "停止", "stops"), ("pauses", "暂停", "pauses"), ("resumes", "恢复", "resumes")
        ):  # fmt: skip
            if clock in used["starts"] and clock in used[key] and clock not in effective[key]:
                yield f"clocks.{clock}", clock, f"步骤“{zh}”从不生效", f"no step that {en} it ever meets it so"


def turn(item: Transition, hands: Hands) -> tuple[Hands, tuple[str, ...]]:
    """Turn the clocks of a case as a step does: stop, resume, pause, start, in this order.

    Parameters
    ----------
    item : Transition
        The step.
    hands : frozenset of (str, bool)
        Clocks that go on, each with whether it is paused.

    Returns
    -------
    tuple of (frozenset, tuple of str)
        The clocks afterwards, and those that would have started while they still ran.
    """
    now = {clock: paused for clock, paused in hands if clock not in item.stops}
    for clock in item.resumes:
        if clock in now:
            now[clock] = False
    for clock in item.pauses:
        if clock in now:
            now[clock] = True
    wrong = tuple(clock for clock in item.starts if clock in now)
    now.update({clock: False for clock in item.starts if clock not in now})
    return frozenset(now.items()), wrong


def _reach(start: str, transitions: Iterable[Transition]) -> set[str]:
    """States that can be reached from one."""
    steps: dict[str, list[str]] = {}
    for item in transitions:
        steps.setdefault(item.from_state, []).append(item.to_state)
    return _flood({start}, steps)


def _reach_back(ends: Iterable[str], transitions: Iterable[Transition]) -> set[str]:
    """States from which one of some states can be reached."""
    steps: dict[str, list[str]] = {}
    for item in transitions:
        steps.setdefault(item.to_state, []).append(item.from_state)
    return _flood(set(ends), steps)


def _flood(found: set[str], steps: dict[str, list[str]]) -> set[str]:
    """Follow every step from some states."""
    waiting = list(found)
    while waiting:
        for state in steps.get(waiting.pop(), ()):
            if state not in found:
                found.add(state)
                waiting.append(state)
    return found


def _place(item: Transition) -> str:
    """Name a transition in the file."""
    return f"transitions.{item.from_state}.{item.action}"
