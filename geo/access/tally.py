"""Exact sums over people, kept so that any later question about a set of rows is an addition.

Every person falls into one category: certificate status × inside the circle of the same reach × inside the
statutory circle × has at least two facilities in reach × within the statutory distance on foot. Sums are
64-bit integers in the population's unit, so they add up without error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from geo.access.population import persons_number
from geo.access.quantile import Quantiles
from geo.access.status import (
    COVERED,
    DISCONNECTED,
    GATE_CLOSED,
    NOT_LINKED,
    STATUS_NAMES,
    TOO_FAR,
    Certificates,
)
from geo.arrays import Bool, Float, Int, Int32
from geo.kernels.weights import add_rows, tabulate_points

N_STATUS: Final = len(STATUS_NAMES)
STATUTORY_M: Final = 1000.0
"""Radius and walk of the fifteen-minute circle of GB 50180-2018, shown beside every limit."""

_EXACT_IN_FLOAT: Final = 2**53


@dataclass(frozen=True, slots=True)
class Tally:
    """One line of a coverage result; counts are in `unit`-ths of a person.

    Parameters
    ----------
    unit : int
        1 for whole persons, 1,000,000 for micro-persons.
    covered, too_far, gate_closed, disconnected, not_linked : int
        People by certificate status; their sum is everybody.
    circle, overstated : int or None
        People in the circle of the same reach, and those among them not covered on foot; None where it was
        not measured.
    statutory_circle, statutory_overstated : int or None
        The same for the statutory circle of 1,000 m.
    statutory_walk : int
        People whose walk to the nearest facility is at most 1,000 m, whatever the limit of the run.
    two_choices : int or None
        People with at least two facilities within the limit; None where choices were not counted.
    choices : int or None
        Sum over the covered people of the number of facilities within their limit.
    reached : int
        People with a walk to some facility, within the limit or beyond.
    nearest_s, nearest_m : Quantiles
        Person-weighted walk of the people reached, in seconds and in metres.
    """

    unit: int
    covered: int
    too_far: int
    gate_closed: int
    disconnected: int
    not_linked: int
    circle: int | None
    overstated: int | None
    statutory_circle: int | None
    statutory_overstated: int | None
    statutory_walk: int
    two_choices: int | None
    choices: int | None
    reached: int
    nearest_s: Quantiles
    nearest_m: Quantiles

    @property
    def total(self) -> int:
        """Return everybody.

        Returns
        -------
        int
            Sum over the five statuses.
        """
        return self.covered + self.uncovered

    @property
    def uncovered(self) -> int:
        """Return everybody not covered, for whichever reason.

        Returns
        -------
        int
            Sum over the other four statuses.
        """
        return self.too_far + self.gate_closed + self.disconnected + self.not_linked

    @property
    def coverage_ratio(self) -> float | None:
        """Return covered people over everybody.

        Returns
        -------
        float or None
            From 0 to 1; None where nobody lives.
        """
        return _ratio(self.covered, self.total)

    @property
    def straight_line_ratio(self) -> float | None:
        """Return people in the circle of the same reach over everybody.

        Returns
        -------
        float or None
            From 0 to 1; None where nobody lives or no circle was measured.
        """
        return _ratio(self.circle, self.total)

    @property
    def choice_ratio(self) -> float | None:
        """Return people with at least two facilities in reach over everybody.

        Returns
        -------
        float or None
            From 0 to 1; None where nobody lives or choices were not counted.
        """
        return _ratio(self.two_choices, self.total)

    @property
    def overlap(self) -> float | None:
        """Return the mean number of facilities in reach of a covered person.

        Returns
        -------
        float or None
            At least 1; None where nobody is covered or choices were not counted.
        """
        return _ratio(self.choices, self.covered)

    def persons_json(self) -> dict[str, int | float]:
        """Return the people by status in persons.

        Returns
        -------
        dict
            Keys ``total``, ``covered``, ``too_far``, ``not_linked``, ``disconnected``, ``gate_closed``.
        """
        counts = {
            "total": self.total,
            "covered": self.covered,
            "too_far": self.too_far,
            "not_linked": self.not_linked,
            "disconnected": self.disconnected,
            "gate_closed": self.gate_closed,
        }
        return {name: persons_number(count, self.unit) for name, count in counts.items()}

    def measures_json(self) -> dict[str, object]:
        """Return everything else that is said about these people.

        Returns
        -------
        dict
            Ratios from 0 to 1, people in persons, ``nearest_s`` and ``nearest_m`` as objects; None for no
            data.
        """
        return {
            "coverage_ratio": self.coverage_ratio,
            "straight_line_ratio": self.straight_line_ratio,
            "straight_line_persons": self._persons(self.circle),
            "overstated_persons": self._persons(self.overstated),
            "circle_1000_m_persons": self._persons(self.statutory_circle),
            "circle_1000_m_overstated_persons": self._persons(self.statutory_overstated),
            "walk_1000_m_persons": self._persons(self.statutory_walk),
            "choice_ratio": self.choice_ratio,
            "overlap": self.overlap,
            "nearest_s": self.nearest_s.to_json(),
            "nearest_m": self.nearest_m.to_json(),
        }

    def _persons(self, count: int | None) -> int | float | None:
        """Return a count in persons."""
        return None if count is None else persons_number(count, self.unit)


@dataclass(frozen=True, slots=True)
class TallyTable:
    """Sums of many rows.

    Parameters
    ----------
    persons : array of int64, shape (n_rows, 5, 2, 2, 2, 2)
        People by status, inside the circle of the same reach, inside the statutory circle, with two choices,
        within the statutory distance on foot.
    choices : array of int64, shape (n_rows,)
        People times facilities within the limit, over the covered.
    reached : array of int64, shape (n_rows,)
        People with a walk to some facility.
    seconds, metres : array of float64, shape (n_rows,)
        People times the walk, over the reached.
    """

    persons: Int
    choices: Int
    reached: Int
    seconds: Float
    metres: Float

    def __add__(self, other: TallyTable) -> TallyTable:
        """Return the sums of both, row by row."""
        return TallyTable(
            self.persons + other.persons,
            self.choices + other.choices,
            self.reached + other.reached,
            self.seconds + other.seconds,
            self.metres + other.metres,
        )

    def rolled_up(self, row: Int, n_rows: int) -> TallyTable:
        """Add rows together.

        Parameters
        ----------
        row : array of int64, shape (n_old_rows,)
            New row of each old row.
        n_rows : int
            Number of new rows.

        Returns
        -------
        TallyTable
            Its sums are those of this table, exactly.
        """
        shape = self.persons.shape
        # The width is stated, not -1, which an empty table does not determine.
        flat = self.persons.reshape(shape[0], int(np.prod(shape[1:])))
        persons = add_rows(flat, row, n_rows).reshape(n_rows, *shape[1:])
        choices, reached = np.zeros(n_rows, dtype=np.int64), np.zeros(n_rows, dtype=np.int64)
        np.add.at(choices, row, self.choices)
        np.add.at(reached, row, self.reached)
        seconds = _float_sum(row, self.seconds, n_rows)
        metres = _float_sum(row, self.metres, n_rows)
        return TallyTable(persons, choices, reached, seconds, metres)


@dataclass(frozen=True, slots=True)
class TallyOptions:
    """What was measured, so that an unmeasured thing prints as no data and never as 0.

    Parameters
    ----------
    unit : int
        The population's unit.
    has_circle : bool
        Straight lines were measured.
    has_choices : bool
        Facilities within the limit were counted.
    """

    unit: int
    has_circle: bool
    has_choices: bool


def tabulate(
    certificates: Certificates,
    weights: Int,
    group: Int32,
    n_groups: int,
    *,
    inside: Bool | None,
    statutory: Bool | None,
    choices: Int32 | None,
) -> TallyTable:
    """Sum one band's people by group.

    Parameters
    ----------
    certificates : Certificates
        One per demand point.
    weights : array of int64, shape (n_demand,)
        The band's people at each point.
    group : array of int32, shape (n_demand,)
        Group of each point.
    n_groups : int
        Number of groups.
    inside, statutory : array of bool, shape (n_demand,), or None
        Inside the circle of the same reach, inside the statutory circle.
    choices : array of int32, shape (n_demand,), or None
        Number of facilities within the limit.

    Returns
    -------
    TallyTable
        One row a group.
    """
    none = np.empty(0, dtype=np.bool_)
    persons, counted, reached, seconds, metres = tabulate_points(
        certificates.status,
        certificates.walk_s,
        certificates.walk_m,
        weights,
        group,
        n_groups,
        N_STATUS,
        none if inside is None else inside,
        none if statutory is None else statutory,
        np.empty(0, dtype=np.int32) if choices is None else choices,
        STATUTORY_M,
    )
    return TallyTable(persons.reshape(n_groups, N_STATUS, 2, 2, 2, 2), counted, reached, seconds, metres)


def sum_by(index: Int | Int32, weights: Int, length: int) -> Int:
    """Sum integer weights by index, exactly.

    Parameters
    ----------
    index : array of int, shape (n,)
        From 0 to ``length - 1``.
    weights : array of int64, shape (n,)
        Weights, at least 0.
    length : int
        Length of the result.

    Returns
    -------
    array of int64, shape (length,)
        Exact sums.
    """
    if int(weights.sum()) < _EXACT_IN_FLOAT:
        # Every partial sum is an integer that a float64 holds exactly, and bincount is ten times faster.
        return np.bincount(index, weights=weights, minlength=length).astype(np.int64)
    result = np.zeros(length, dtype=np.int64)
    np.add.at(result, index, weights)
    return result


def read_tally(table: TallyTable, row: int, seconds: Float, metres: Float, options: TallyOptions) -> Tally:
    """Return one row as a tally.

    Parameters
    ----------
    table : TallyTable
        Sums.
    row : int
        Row of the table.
    seconds, metres : array of float64, shape (3,)
        Median, 90th percentile and maximum of the row's walk; NaN for none.
    options : TallyOptions
        What was measured.

    Returns
    -------
    Tally
        Python numbers.
    """
    persons = table.persons[row]
    by_status = [int(count) for count in persons.sum(axis=(1, 2, 3, 4))]
    circle, statutory = persons[:, 1].sum(axis=(1, 2, 3)), persons[:, :, 1].sum(axis=(1, 2, 3))
    reached = int(table.reached[row])
    return Tally(
        unit=options.unit,
        covered=by_status[COVERED],
        too_far=by_status[TOO_FAR],
        gate_closed=by_status[GATE_CLOSED],
        disconnected=by_status[DISCONNECTED],
        not_linked=by_status[NOT_LINKED],
        circle=int(circle.sum()) if options.has_circle else None,
        overstated=int(circle.sum() - circle[COVERED]) if options.has_circle else None,
        statutory_circle=int(statutory.sum()) if options.has_circle else None,
        statutory_overstated=int(statutory.sum() - statutory[COVERED]) if options.has_circle else None,
        statutory_walk=int(persons[..., 1].sum()),
        two_choices=int(persons[:, :, :, 1].sum()) if options.has_choices else None,
        choices=int(table.choices[row]) if options.has_choices else None,
        reached=reached,
        nearest_s=_quantiles(seconds, float(table.seconds[row]), reached),
        nearest_m=_quantiles(metres, float(table.metres[row]), reached),
    )


def _float_sum(index: Int | Int32, values: Float, length: int) -> Float:
    """Sum floats by index."""
    return np.bincount(index, weights=values, minlength=length).astype(np.float64, copy=False)


def _quantiles(of_row: Float, weighted_sum: float, reached: int) -> Quantiles:
    """Return a row's quantiles with their mean."""
    if reached == 0:
        return Quantiles(None, None, None, None)
    p50, p90, largest = (float(value) for value in of_row)
    return Quantiles(p50, p90, largest, weighted_sum / reached)


def _ratio(part: int | None, whole: int) -> float | None:
    """Return a ratio, None where there is nothing to divide."""
    return None if part is None or whole == 0 else part / whole
