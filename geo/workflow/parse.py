"""Reading a workflow from TOML; every problem of form and of sense is reported at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from geo.catalog.reader import ProblemLog, Table, read_toml
from geo.catalog.schema import CERTAINTIES, Certainty
from geo.workflow.clock import LAST_DAYS, LONGEST_DAYS, UNITS, ClockRule, DayUnit, LastDay
from geo.workflow.person import ACTING_ROLES
from geo.workflow.table import NEEDS, OPENING, OUTCOMES, Need, Outcome, State, Transition, Workflow
from geo.workflow.validate import check_workflow

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_CLOCK_KEYS: Final = ("starts", "stops", "pauses", "resumes")


def load_workflow(path: Path) -> Workflow:
    """Read a workflow from a file.

    Parameters
    ----------
    path : Path
        The TOML file.

    Returns
    -------
    Workflow
        The workflow, sound.

    Raises
    ------
    InputError
        It is wrong; every problem is listed.
    DataSourceError
        The file cannot be read.
    """
    log = ProblemLog()
    workflow = parse_workflow(read_toml(path, log))
    log.raise_if_any()
    return workflow


def parse_workflow(file: Table) -> Workflow:
    """Read a workflow from a table.

    Parameters
    ----------
    file : Table
        The whole file.

    Returns
    -------
    Workflow
        The workflow; problems go to the file's log.
    """
    name = _identifier(file, "name")
    title_zh, title_en = file.text("title_zh"), file.text("title_en")
    initial = file.text("initial")
    opened_by = _roles(file, "opened_by")
    states_table, clocks_table = file.table("states"), file.table("clocks")
    states = dict(_states(states_table)) if states_table is not None else {}
    clocks = dict(_clocks(clocks_table)) if clocks_table is not None else {}
    if not states:
        file.report("states", None, "至少一个状态", "needs at least one state")
    entries = file.tables("transitions")
    if not entries:
        file.report("transitions", None, "至少一步", "needs at least one transition")
    # Taken first, for transitions refer to each other.
    actions = [_identifier(entry, "action") for entry in entries]
    transitions = tuple(
        item
        for entry, action in zip(entries, actions, strict=True)
        for item in _transitions(entry, name, action, states, clocks, actions)
    )
    if initial and initial not in states:
        _report_unknown(file, "initial", initial, states)
    starts = file.texts("starts")
    for clock in starts:
        _report_unknown(file, "starts", clock, clocks)
    file.finish()
    workflow = Workflow(
        name, title_zh, title_en, initial, opened_by, starts,
        MappingProxyType(states), MappingProxyType(clocks), transitions,
    )  # fmt: skip
    if initial in states and transitions:
        check_workflow(workflow, file)
    return workflow


def _states(table: Table) -> Iterator[tuple[str, State]]:
    """Read the states."""
    for name, entry in table.subtables():
        _check_name(entry, name)
        outcome = entry.optional_text("outcome")
        if outcome is not None and outcome not in OUTCOMES:
            entry.report("outcome", outcome, f"可用值：{', '.join(OUTCOMES)}", f"must be one of {', '.join(OUTCOMES)}")
            outcome = OUTCOMES[0]
        yield name, State(name, entry.text("title_zh"), entry.text("title_en"), cast("Outcome | None", outcome))
        entry.finish()


def _clocks(table: Table) -> Iterator[tuple[str, ClockRule]]:
    """Read the clocks."""
    for name, entry in table.subtables():
        _check_name(entry, name)
        limit = entry.number("limit_days")
        if limit is None or not limit.is_integer() or not 1 <= limit <= LONGEST_DAYS:
            entry.report("limit_days", limit, f"应为 1 到 {LONGEST_DAYS} 的整数", f"must be whole, 1 to {LONGEST_DAYS}")
            limit = 1.0
        yield (
            name,
            ClockRule(
                name=name,
                title_zh=entry.text("title_zh"),
                title_en=entry.text("title_en"),
                limit_days=int(limit),
                unit=cast(DayUnit, entry.one_of("unit", UNITS)),
                last_day=cast(LastDay, entry.one_of("last_day", LAST_DAYS)),
                source=entry.text("source"),
                certainty=cast(Certainty, entry.one_of("certainty", CERTAINTIES)),
            ),
        )
        entry.finish()


def _transitions(
    entry: Table,
    workflow: str,
    action: str,
    states: Collection[str],
    clocks: Collection[str],
    actions: Collection[str],
) -> Iterator[Transition]:
    """Read one entry: a transition from each of its states."""
    from_states = entry.texts("from", required=True)
    to_state = entry.text("to")
    changes = {key: entry.texts(key) for key in _CLOCK_KEYS}
    after, distinct_from = entry.texts("after"), entry.texts("distinct_from")
    for state in from_states:
        _report_unknown(entry, "from", state, states)
    if to_state:
        _report_unknown(entry, "to", to_state, states)
    for key, names in changes.items():
        for clock in names:
            _report_unknown(entry, key, clock, clocks)
    for key, names, allowed in (("after", after, actions), ("distinct_from", distinct_from, {*actions, OPENING})):
        for other in names:
            _report_unknown(entry, key, other, allowed)
    if action == OPENING:
        entry.report("action", action, f"“{OPENING}”保留给立案", f"'{OPENING}' stands for opening a case")
    reason = entry.optional_text("reason") or "optional"
    if reason not in NEEDS:
        entry.report("reason", reason, f"可用值：{', '.join(NEEDS)}", f"must be one of {', '.join(NEEDS)}")
    titles = entry.text("title_zh"), entry.text("title_en")
    roles, documents = _roles(entry, "roles"), entry.texts("documents")
    for kind in documents:
        _check_name(entry, kind, "documents")
    need = cast(Need, entry.one_of("need", NEEDS))
    source = entry.text("source")
    certainty = cast(Certainty, entry.one_of("certainty", CERTAINTIES))
    entry.finish()
    for state in from_states:
        yield Transition(
            workflow, state, action, to_state, *titles, roles, documents, after,
            changes["starts"], changes["stops"], changes["pauses"], changes["resumes"],
            need, distinct_from, reason == "required", source, certainty,
        )  # fmt: skip


def _roles(table: Table, key: str) -> tuple[str, ...]:
    """Take roles; an action without one could be taken by nobody."""
    roles = table.texts(key, required=True)
    for role in roles:
        _report_unknown(table, key, role, ACTING_ROLES)
    return roles


def _identifier(table: Table, key: str) -> str:
    """Take a required identifier."""
    name = table.text(key)
    if name:
        _check_name(table, name, key)
    return name if _NAME.fullmatch(name) else ""


def _check_name(table: Table, name: str, key: str = "") -> None:
    """Report what is no identifier."""
    if not _NAME.fullmatch(name):
        table.report(key, name, "应为小写字母、数字和下划线", "must be lower-case letters, digits and underscores")


def _report_unknown(table: Table, key: str, value: str, allowed: Collection[str]) -> None:
    """Report a name that nothing has."""
    if value not in allowed:
        names = sorted(allowed)
        table.report(key, value, f"可用值：{'、'.join(names) or '无'}", f"must be one of {', '.join(names) or 'none'}")
