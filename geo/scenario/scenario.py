"""A scenario: an ordered list of edits over an untouched base, with undo, redo, branches and comparison."""

from __future__ import annotations

from dataclasses import dataclass, replace

from geo.errors import ConflictError
from geo.scenario.answer import Answer, Comparison, difference, supplied
from geo.scenario.base import Base
from geo.scenario.edit import AddPopulation, Edit
from geo.scenario.state import State


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """Edits over a base; every step gives a new scenario and leaves this one as it is.

    Parameters
    ----------
    base : Base
        The base.
    name : str
        Name; not part of the content hash.
    edits : tuple of Edit
        The edits in their order.
    undone : tuple of Edit
        Edits taken back, the last one first in line to be done again.
    previous : tuple of Edit
        The edits before the last step, from which `answer` counts.
    """

    base: Base
    name: str = ""
    edits: tuple[Edit, ...] = ()
    undone: tuple[Edit, ...] = ()
    previous: tuple[Edit, ...] = ()

    @property
    def state(self) -> State:
        """Return everything after the edits.

        Returns
        -------
        State
            Shared by all who have the same edits; not to be changed.
        """
        return self.base.state_of(self.edits)

    @property
    def content_hash(self) -> str:
        """Return the SHA-256 of base revisions, parameters and ordered edits.

        Returns
        -------
        str
            Hexadecimal digits, equal for equal content however it was reached.
        """
        return self.base.hash_of(self.edits)

    def apply(self, edit: Edit) -> Scenario:
        """Return the scenario with one edit more.

        Parameters
        ----------
        edit : Edit
            The edit.

        Returns
        -------
        Scenario
            Its `answer` says what the edit changed.

        Raises
        ------
        NotFoundError
            The edit speaks of a type or facility that is not there.
        ConflictError
            The facility exists, or is open or closed already.
        InputError
            The edit speaks of a gate that is not there.
        """
        after = replace(self, edits=(*self.edits, edit), undone=(), previous=self.edits)
        # Computed now, so that an edit that cannot be applied is refused here.
        self.base.state_of(after.edits)
        return after

    def undo(self) -> Scenario:
        """Return the scenario without its last edit.

        Returns
        -------
        Scenario
            Its `answer` says what taking it back changed.

        Raises
        ------
        ConflictError
            There is no edit.
        """
        if not self.edits:
            raise ConflictError("没有可撤销的修改", "there is no edit to take back")
        return replace(self, edits=self.edits[:-1], undone=(*self.undone, self.edits[-1]), previous=self.edits)

    def redo(self) -> Scenario:
        """Return the scenario with the edit that was taken back last.

        Returns
        -------
        Scenario
            Its `answer` says what the edit changed.

        Raises
        ------
        ConflictError
            No edit was taken back.
        """
        if not self.undone:
            raise ConflictError("没有可重做的修改", "there is no edit to do again")
        return replace(self, edits=(*self.edits, self.undone[-1]), undone=self.undone[:-1], previous=self.edits)

    def branch(self, name: str) -> Scenario:
        """Return a scenario of the same edits under another name.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        Scenario
            It and this one go on independently.
        """
        return replace(self, name=name)

    @property
    def answer(self) -> Answer:
        """Return the totals, and what the last step changed.

        Returns
        -------
        Answer
            Built anew when asked for.
        """
        new, old = self.state, self.base.state_of(self.previous)
        comparison = _compare(self, self.previous, old, new)
        return Answer(self.content_hash, tuple(supplied(new, side) for side in new.sides), comparison)


def compare(a: Scenario, b: Scenario) -> Comparison:
    """Say what is different in one scenario from another of the same base.

    Parameters
    ----------
    a, b : Scenario
        The scenarios; `compare(b, a)` is the exact opposite.

    Returns
    -------
    Comparison
        From a to b; compounds that only one of them has count in the difference of totals, not as gain or loss.

    Raises
    ------
    ConflictError
        They stand on different bases.
    """
    if a.base is not b.base:
        raise ConflictError(
            "两个情景的基础数据不同，请先在同一基础上重放",
            "the scenarios have different bases; replay one on the other's",
        )
    return _compare(b, a.edits, a.state, b.state)


def _compare(new: Scenario, old_edits: tuple[Edit, ...], old: State, state: State) -> Comparison:
    """Compare a scenario with the state of other edits."""
    n_common = new.base.state.people.n_points
    compounds = ([edit for edit in edits if isinstance(edit, AddPopulation)] for edits in (old_edits, new.edits))
    for mine, theirs in zip(*compounds, strict=False):
        if mine != theirs:
            break
        n_common += 1
    is_next = new.edits[:-1] == old_edits and len(new.edits) > len(old_edits)
    return difference(old, state, n_common, is_next=is_next)
