"""What an edit changed: new totals, who gained and who lost, and the points that are different, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.access.membership import LevelMembership
from geo.access.status import COVERED, STATUS_NAMES
from geo.arrays import Float, Int, Int32, UInt8
from geo.scenario.state import Run, Side, State

SHIFT_NAMES = ("gained", "lost", "nearer", "farther")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Exact sums of the whole and of every division.

    Parameters
    ----------
    columns : tuple of str
        What is summed.
    levels : tuple of LevelMembership
        Levels of the divisions.
    sums : tuple of Int
        Of the whole, shape (1, n_columns), and of each level, shape (n_divisions + 2, n_columns): its divisions, the
        people in none of this level, the people outside everything; in `unit`-ths of a person.
    unit : int
        1 or 1,000,000.
    """

    columns: tuple[str, ...]
    levels: tuple[LevelMembership, ...]
    sums: tuple[Int, ...]
    unit: int

    def whole(self) -> dict[str, int]:
        """Return the sums of everybody.

        Returns
        -------
        dict of str to int
            By column, in `unit`-ths of a person.
        """
        return {name: int(value) for name, value in zip(self.columns, self.sums[0][0], strict=True)}

    def divisions(self, level: str) -> dict[str, dict[str, int]]:
        """Return the sums of one level.

        Parameters
        ----------
        level : str
            Name of the level.

        Returns
        -------
        dict of str to dict
            By division code (``unassigned`` and ``outside`` last) and column.
        """
        for one, sums in zip(self.levels, self.sums[1:], strict=True):
            if one.level == level:
                rows = [[int(value) for value in row] for row in sums]
                return {one.code_of(i): dict(zip(self.columns, row, strict=True)) for i, row in enumerate(rows)}
        return {}

    def minus(self, other: Table) -> Table:
        """Return the difference to sums of the same columns and divisions.

        Parameters
        ----------
        other : Table
            What is taken away.

        Returns
        -------
        Table
            Differences, exact.
        """
        sums = tuple(a - b for a, b in zip(self.sums, other.sums, strict=True))
        return Table(self.columns, self.levels, sums, self.unit)

    def is_equal(self, other: Table) -> bool:
        """Tell whether all sums are the same.

        Parameters
        ----------
        other : Table
            Sums of the same columns and divisions.

        Returns
        -------
        bool
            True when they are.
        """
        return len(self.sums) == len(other.sums) and all(
            np.array_equal(a, b) for a, b in zip(self.sums, other.sums, strict=True)
        )


@dataclass(frozen=True, slots=True, eq=False)
class PointDelta:
    """The points whose walk or status differs, for one band.

    Parameters
    ----------
    band : str
        The band.
    points : Int32
        Points, ascending.
    old_status, new_status : UInt8
        Status codes.
    old_cost, new_cost : Float
        Walk to the nearest facility in the unit of the limit (seconds or metres), inf for none.
    """

    band: str
    points: Int32
    old_status: UInt8
    new_status: UInt8
    old_cost: Float
    new_cost: Float

    def __neg__(self) -> PointDelta:
        """Return the way back."""
        return PointDelta(
            self.band, self.points, self.new_status, self.old_status, self.new_cost, self.old_cost
        )


@dataclass(frozen=True, slots=True, eq=False)
class TypeChange:
    """What is different for one facility type.

    Parameters
    ----------
    type : str
        Facility type.
    difference : Table
        New totals less old ones, by status.
    shifts : Table
        People that both states hold: newly covered, no longer covered, with a shorter and with a longer walk.
    deltas : tuple of PointDelta
        Their points, one entry a band.
    """

    type: str
    difference: Table
    shifts: Table
    deltas: tuple[PointDelta, ...]

    def __neg__(self) -> TypeChange:
        """Return the way back."""
        sums = tuple(one[:, [1, 0, 3, 2]] for one in self.shifts.sums)
        back = Table(SHIFT_NAMES, self.shifts.levels, sums, self.shifts.unit)
        zero = self.difference.minus(self.difference)
        return TypeChange(self.type, zero.minus(self.difference), back, tuple(-delta for delta in self.deltas))

    def is_equal(self, other: TypeChange) -> bool:
        """Tell whether another change says the same.

        Parameters
        ----------
        other : TypeChange
            A change of the same type.

        Returns
        -------
        bool
            True when sums and points are equal.
        """
        if self.type != other.type or len(self.deltas) != len(other.deltas):
            return False
        if not (self.difference.is_equal(other.difference) and self.shifts.is_equal(other.shifts)):
            return False
        names = ("points", "old_status", "new_status", "old_cost", "new_cost")
        return all(
            mine.band == theirs.band and all(np.array_equal(getattr(mine, n), getattr(theirs, n)) for n in names)
            for mine, theirs in zip(self.deltas, other.deltas, strict=True)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What is different between two states, one entry a facility type.

    Parameters
    ----------
    changes : tuple of TypeChange
        In the order of the base's types.
    """

    changes: tuple[TypeChange, ...]

    def __neg__(self) -> Comparison:
        """Return the comparison the other way round."""
        return Comparison(tuple(-change for change in self.changes))

    def is_equal(self, other: Comparison) -> bool:
        """Tell whether another comparison says the same.

        Parameters
        ----------
        other : Comparison
            Another comparison.

        Returns
        -------
        bool
            True when sums and points are equal.
        """
        return len(self.changes) == len(other.changes) and all(
            mine.is_equal(theirs) for mine, theirs in zip(self.changes, other.changes, strict=True)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Supplied:
    """What one facility type offers.

    Parameters
    ----------
    type : str
        Facility type.
    n_open, n_linked : int
        Open facilities, and those among them at a walkable street.
    capacity : int
        Places of the open facilities that state them.
    n_without_capacity : int
        Open facilities that state none.
    totals : Table
        People by status.
    """

    type: str
    n_open: int
    n_linked: int
    capacity: int
    n_without_capacity: int
    totals: Table


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A state's totals, and what is different from the state before.

    Parameters
    ----------
    content_hash : str
        SHA-256 of base revisions, parameters and ordered edits.
    types : tuple of Supplied
        Facilities and totals, one entry a type.
    comparison : Comparison
        What the last step changed.
    """

    content_hash: str
    types: tuple[Supplied, ...]
    comparison: Comparison


def totals_of(state: State, side: Side) -> Table:
    """Return one type's people by status.

    Parameters
    ----------
    state : State
        The state.
    side : Side
        The type.

    Returns
    -------
    Table
        Sums of the whole and of every division.
    """
    return Table(STATUS_NAMES, state.people.levels, side.totals, state.people.population.unit)


def supplied(state: State, side: Side) -> Supplied:
    """Return what one type offers.

    Parameters
    ----------
    state : State
        The state.
    side : Side
        The type.

    Returns
    -------
    Supplied
        Facilities and totals.
    """
    stock = side.stock
    known = [places for places, is_open in zip(stock.capacity, stock.is_open, strict=True) if is_open]
    return Supplied(
        stock.slug,
        len(known),
        int((stock.links.is_linked & stock.is_open).sum()),
        sum(places for places in known if places is not None),
        sum(places is None for places in known),
        totals_of(state, side),
    )


def difference(old: State, new: State, n_common: int, *, is_next: bool) -> Comparison:
    """Compare two states.

    Parameters
    ----------
    old, new : State
        The states.
    n_common : int
        So many first points are the same in both.
    is_next : bool
        The new state is one edit from the old one, and knows what changed.

    Returns
    -------
    Comparison
        From old to new.
    """
    return Comparison(
        tuple(
            _change(old, before, new, after, n_common, is_next)
            for before, after in zip(old.sides, new.sides, strict=True)
        )
    )


def _change(old: State, before: Side, new: State, after: Side, n_common: int, is_next: bool) -> TypeChange:
    """Compare one type."""
    people = new.people
    unit = people.population.unit
    sums = tuple(np.zeros((table.shape[0], len(SHIFT_NAMES)), np.int64) for table in after.totals)
    deltas = []
    old_runs = {run.band: run for run in before.runs}
    for (band, _), weights, run in zip(new.bands, new.weights, after.runs, strict=True):
        was = old_runs.get(band)
        if was is None:
            # Nobody of this band lives where both states have people.
            continue
        delta = _delta(was, run, n_common, is_next)
        deltas.append(delta)
        _add_shifts(sums, people.levels, delta, weights)
    shifts = Table(SHIFT_NAMES, people.levels, sums, unit)
    return TypeChange(after.stock.slug, totals_of(new, after).minus(totals_of(old, before)), shifts, tuple(deltas))


def _delta(old: Run, new: Run, n_common: int, is_next: bool) -> PointDelta:
    """Return the points that differ between two runs of one band."""
    if old is new or new.best is old.best:
        rows = np.empty(0, np.int32)
    elif is_next and new.changed is not None:
        rows = new.changed[new.changed < n_common]
    else:
        rows = np.arange(n_common, dtype=np.int32)
    cost, before = new.best[rows], old.best[rows]
    status, before_status = new.status[rows], old.status[rows]
    keep = np.flatnonzero((cost != before) | (status != before_status))
    return PointDelta(new.band, rows[keep], before_status[keep], status[keep], before[keep], cost[keep])


def _add_shifts(
    sums: tuple[Int, ...], levels: tuple[LevelMembership, ...], delta: PointDelta, weights: Int
) -> None:
    """Sum up who gained and who lost, in place."""
    was, now = delta.old_status == COVERED, delta.new_status == COVERED
    flags = (now & ~was, was & ~now, delta.new_cost < delta.old_cost, delta.new_cost > delta.old_cost)
    people = weights[delta.points]
    places: tuple[Int | Int32, ...] = (
        np.zeros(delta.points.size, np.int64),
        *(level.index[delta.points] for level in levels),
    )
    for column, flag in enumerate(flags):
        rows = np.flatnonzero(flag)
        for table, place in zip(sums, places, strict=True):
            np.add.at(table[:, column], place[rows], people[rows])
