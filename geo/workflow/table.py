"""What a workflow is made of: states, transitions between them, and clocks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal, get_args

from geo.catalog.schema import Certainty
from geo.errors import NotFoundError
from geo.workflow.clock import ClockRule

Need = Literal["required", "optional"]
Outcome = Literal["completed", "ended"]
NEEDS: Final = get_args(Need)
OUTCOMES: Final = get_args(Outcome)
OPENING: Final = "opening"
"""Stands in `Transition.distinct_from` for whoever opened the case; no action is called so."""


@dataclass(frozen=True, slots=True)
class State:
    """One state of a case.

    Parameters
    ----------
    name : str
        Identifier within its workflow.
    title_zh, title_en : str
        Title.
    outcome : {"completed", "ended"} or None
        For a state in which the case is over: whether its purpose was reached, or it was refused or withdrawn.
    """

    name: str
    title_zh: str
    title_en: str
    outcome: Outcome | None

    @property
    def is_final(self) -> bool:
        """Whether the case is over.

        Returns
        -------
        bool
            True where no step follows.
        """
        return self.outcome is not None


@dataclass(frozen=True, slots=True)
class Transition:
    """One way from a state to a state; an action that several states allow is several transitions.

    Parameters
    ----------
    workflow : str
        Workflow it belongs to.
    from_state, action, to_state : str
        From where, by what, to where; a workflow has one transition for a state and an action.
    title_zh, title_en : str
        What the action is called.
    roles : tuple of str
        Roles that may take it; the first one somebody holds is the one they act in.
    documents : tuple of str
        Kinds of documents that belong to it.
    after : tuple of str
        Actions that must have been taken before on the case.
    starts, stops, pauses, resumes : tuple of str
        Clocks.
    need : {"required", "optional"}
        Whether a case may reach its purpose without it.
    distinct_from : tuple of str
        Four eyes: actions whose takers, and those for whom they acted, may not take this one; `OPENING` bars whoever
        opened the case.
    needs_reason : bool
        Whether the step must say why.
    source : str
        Where the rule is written.
    certainty : {"V", "K", "U", "D"}
        How sure that is; what is missing of a U rule is noted and stops nothing.
    """

    workflow: str
    from_state: str
    action: str
    to_state: str
    title_zh: str
    title_en: str
    roles: tuple[str, ...]
    documents: tuple[str, ...]
    after: tuple[str, ...]
    starts: tuple[str, ...]
    stops: tuple[str, ...]
    pauses: tuple[str, ...]
    resumes: tuple[str, ...]
    need: Need
    distinct_from: tuple[str, ...]
    needs_reason: bool
    source: str
    certainty: Certainty

    @property
    def needs_four_eyes(self) -> bool:
        """Whether somebody may be barred from it by what they did before.

        Returns
        -------
        bool
            True with an entry in `distinct_from`.
        """
        return bool(self.distinct_from)

    @property
    def may_block(self) -> bool:
        """Whether a missing document stops the step.

        Returns
        -------
        bool
            False for a rule nobody is sure of.
        """
        return self.certainty != "U"


@dataclass(frozen=True, slots=True)
class Workflow:
    """One procedure.

    Parameters
    ----------
    name : str
        Identifier.
    title_zh, title_en : str
        Title.
    initial : str
        State in which a case opens.
    opened_by : tuple of str
        Roles that may open one.
    starts : tuple of str
        Clocks that run from the opening.
    states : Mapping of str to State
        By name.
    clocks : Mapping of str to ClockRule
        By name.
    transitions : tuple of Transition
        In the file's order.
    """

    name: str
    title_zh: str
    title_en: str
    initial: str
    opened_by: tuple[str, ...]
    starts: tuple[str, ...]
    states: Mapping[str, State]
    clocks: Mapping[str, ClockRule]
    transitions: tuple[Transition, ...]

    def leaving(self, state: str) -> tuple[Transition, ...]:
        """Return the steps a state allows.

        Parameters
        ----------
        state : str
            Name of a state.

        Returns
        -------
        tuple of Transition
            In the file's order; empty for a final state.
        """
        return tuple(item for item in self.transitions if item.from_state == state)

    def find(self, state: str, action: str) -> Transition | None:
        """Find what an action does in a state.

        Parameters
        ----------
        state, action : str
            Names.

        Returns
        -------
        Transition or None
            None where the state does not allow it.
        """
        return next((item for item in self.leaving(state) if item.action == action), None)

    def state(self, name: str) -> State:
        """Find a state.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        State
            The state.

        Raises
        ------
        NotFoundError
            The workflow has none of this name.
        """
        try:
            return self.states[name]
        except KeyError:
            raise NotFoundError(
                f"流程“{self.name}”没有状态“{name}”；可用：{'、'.join(self.states)}",
                f"the workflow '{self.name}' has no state '{name}'; there are {', '.join(self.states)}",
                workflow=self.name,
                state=name,
            ) from None

    def action_title(self, action: str) -> tuple[str, str]:
        """Return what an action is called.

        Parameters
        ----------
        action : str
            Its name, or `OPENING`.

        Returns
        -------
        tuple of str
            In Chinese and in English; the name itself where the table does not know it.
        """
        if action == OPENING:
            return "立案", "Opening"
        return next(
            ((item.title_zh, item.title_en) for item in self.transitions if item.action == action), (action, action)
        )

    def state_title(self, name: str) -> tuple[str, str]:
        """Return what a state is called.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        tuple of str
            In Chinese and in English; the name itself where the table does not know it.
        """
        found = self.states.get(name)
        return (name, name) if found is None else (found.title_zh, found.title_en)

    @property
    def four_eyes(self) -> Mapping[str, tuple[str, ...]]:
        """Return what must be done by different people.

        Returns
        -------
        Mapping of str to tuple of str
            Actions each action must be distinct from; actions without any are left out.
        """
        found: dict[str, set[str]] = {}
        for item in self.transitions:
            if item.distinct_from:
                found.setdefault(item.action, set()).update(item.distinct_from)
        return {action: tuple(sorted(others)) for action, others in sorted(found.items())}

    @property
    def roles(self) -> frozenset[str]:
        """Return who has anything to do with its cases.

        Returns
        -------
        frozenset of str
            Roles that may open one or take a step.
        """
        return frozenset(self.opened_by).union(*(item.roles for item in self.transitions))

    @property
    def fingerprint(self) -> str:
        """Return what tells this table from every other version of it.

        Returns
        -------
        str
            SHA-256 of everything it says, as 64 hexadecimal digits.
        """
        content = {
            **{
                name: getattr(self, name) for name in ("name", "title_zh", "title_en", "initial", "opened_by", "starts")
            },
            "states": {name: asdict(state) for name, state in self.states.items()},
            "clocks": {name: asdict(rule) for name, rule in self.clocks.items()},
            "transitions": [asdict(item) for item in self.transitions],
        }
        written = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(written.encode("utf-8")).hexdigest()
