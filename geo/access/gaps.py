"""Ranked gaps: contiguous areas where people live whom no facility covers.

People are counted from the demand points, never from the polygons. Points are put on a square grid of the
local plane (anchored at the plane's centre); a gap cell holds uncovered people, and empty ground within the
margin around gap cells joins neighbours, so that a loose village is one gap. Cells in which enough people are
covered never belong to a gap. Gaps with fewer people than the privacy limit, and uncovered people in mostly
covered cells, are stated as a remainder: the gaps and the remainder sum to the uncovered people exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.access.gap import CELL_M, Gap, GapList, GapRemainder, GapRules
from geo.access.gap_area import CellIndex, components, index_cells, majority, outline, spread
from geo.access.membership import LevelMembership
from geo.access.quantile import group_quantiles, sort_weights
from geo.access.status import COVERED, STATUS_NAMES
from geo.access.straight_line import StraightLine
from geo.access.tally import sum_by
from geo.arrays import Float, Int, Int32, UInt8
from geo.errors import InputError
from geo.kernels.weights import add_by_status
from geo.network.plane import Plane

__all__ = ["Gap", "GapDemand", "GapList", "GapRemainder", "GapRules", "find_gaps", "persons_by_status"]


@dataclass(frozen=True, slots=True)
class GapDemand:
    """What the gathering needs to know of the demand points.

    Parameters
    ----------
    x, y : array of float64, shape (n_demand,)
        Positions in metres of the local plane.
    persons : array of int64, shape (n_demand, 5)
        People by status code at each point, added up over the bands.
    unit : int
        Unit of the counts.
    facility : array of int32, shape (n_demand,)
        Nearest facility on foot, -1 for none.
    walk_m : array of float64, shape (n_demand,)
        Walk to it in metres, NaN for none.
    """

    x: Float
    y: Float
    persons: Int
    unit: int
    facility: Int32
    walk_m: Float


def persons_by_status(statuses: Sequence[UInt8], weights: Sequence[Int]) -> Int:
    """Add up people by status over the bands.

    Parameters
    ----------
    statuses : sequence of array of uint8, shape (n_demand,)
        Status codes of each band's certificates.
    weights : sequence of array of int64, shape (n_demand,)
        Each band's people.

    Returns
    -------
    array of int64, shape (n_demand, 5)
        People by status code at every point.
    """
    n_demand = len(weights[0]) if weights else 0
    table = np.zeros((n_demand, len(STATUS_NAMES)), dtype=np.int64)
    for status, weight in zip(statuses, weights, strict=True):
        add_by_status(table, status, np.ascontiguousarray(weight, np.int64))
    return table


def find_gaps(
    demand: GapDemand,
    plane: Plane,
    *,
    rules: GapRules | None = None,
    straight: StraightLine | None = None,
    divisions: LevelMembership | None = None,
    split_by: LevelMembership | None = None,
    grid: CellIndex | None = None,
) -> GapList:
    """Gather uncovered people into contiguous areas and rank them.

    Parameters
    ----------
    demand : GapDemand
        Points with their people by status.
    plane : Plane
        The plane of the coordinates.
    rules : GapRules, optional
        How to gather.
    straight : StraightLine, optional
        Straight lines of the same points, for gaps that no path leads out of.
    divisions : LevelMembership, optional
        Level that names the place of a gap.
    split_by : LevelMembership, optional
        Level whose borders no gap crosses (each cell belongs to the division most of its uncovered people
        live in).
    grid : CellIndex, optional
        Cells of the same points where they are known already, as from an earlier facility type; of another width than
        the rules' they are not used.

    Returns
    -------
    GapList
        Gaps by rank, and the remainder; together every uncovered person.

    Raises
    ------
    InputError
        A rule is out of its range.
    """
    rules = rules or GapRules()
    _check(rules)
    persons = demand.persons.copy()
    persons[:, COVERED] = 0
    # Along rows as short as these, numpy's own sum is five times slower.
    weights: Int = np.einsum("ij->i", persons)
    if grid is None or grid.cell_m != rules.cell_m:
        grid = index_cells(demand.x, demand.y, rules.cell_m)
    cells, of_point = grid.cells, grid.of_point
    uncovered = sum_by(of_point, weights, cells.size)
    everybody = sum_by(of_point, weights + demand.persons[:, COVERED], cells.size)
    is_gap = (uncovered > 0) & (uncovered >= rules.least_uncovered_share * everybody)
    zone = np.zeros(cells.size, dtype=np.int64)
    if split_by is not None:
        zone = majority(of_point, split_by.index.astype(np.int64), weights, cells.size)
    keys, ground_zone = spread(
        cells[is_gap], zone[is_gap], cells[~is_gap & (everybody > 0)], rules.margin_cells
    )
    label = components(keys, ground_zone)
    cell_label = np.full(cells.size, -1, dtype=np.int64)
    cell_label[is_gap] = label[np.searchsorted(keys, cells[is_gap])]
    n_labels = int(label.max()) + 1 if label.size else 0
    at = np.flatnonzero((weights > 0) & (cell_label[of_point] >= 0))
    area = _Areas(at, cell_label[of_point[at]], weights[at], n_labels)
    by_status = area.table(persons)
    shown = _ranked(by_status.sum(axis=1), rules.minimum_persons * demand.unit)
    gaps = _describe(
        demand, area, by_status, shown, straight, divisions, outline(keys, label, shown, rules.cell_m, plane)
    )
    return GapList(gaps, _remainder(demand.unit, persons, by_status, shown))


@dataclass(frozen=True, slots=True)
class _Areas:
    """Demand points that lie in areas: their positions, areas and uncovered people."""

    at: Int
    label: Int
    weights: Int
    n_labels: int

    def table(self, persons: Int) -> Int:
        """Return people by area and status."""
        columns = [
            sum_by(self.label, persons[self.at, code], self.n_labels) for code in range(persons.shape[1])
        ]
        return np.column_stack(columns)

    def mean(self, values: Float) -> Float:
        """Return the person-weighted mean of the finite values; NaN where there is none."""
        of_point = values[self.at]
        finite = np.isfinite(of_point)
        weights = np.where(finite, self.weights, 0).astype(np.float64)
        sums = np.bincount(
            self.label, weights=np.where(finite, of_point, 0.0) * weights, minlength=self.n_labels
        )
        counts = np.bincount(self.label, weights=weights, minlength=self.n_labels)
        result = np.full(self.n_labels, np.nan)
        np.divide(sums, counts, out=result, where=counts > 0)
        return result

    def least(self, values: Float) -> Float:
        """Return the least finite value; NaN where there is none."""
        of_point = values[self.at]
        result = np.full(self.n_labels, np.inf)
        np.minimum.at(result, self.label, np.where(np.isfinite(of_point), of_point, np.inf))
        return np.where(np.isinf(result), np.nan, result)

    def median(self, values: Float) -> Float:
        """Return the person-weighted median of the finite values; NaN where there is none."""
        ordered = sort_weights(values[self.at], self.weights)
        found = group_quantiles(ordered, self.label.astype(np.int32), self.n_labels, (50,))
        return np.ascontiguousarray(found[:, 0])

    def most(self, column: Int) -> Int:
        """Return the column of most people; -1 where no column is stated."""
        of_point = column[self.at]
        weights = np.where(of_point >= 0, self.weights, 0)
        return majority(self.label, of_point, weights, self.n_labels)


def _check(rules: GapRules) -> None:
    """Refuse rules that break privacy or make no sense."""
    if not (rules.cell_m >= CELL_M and rules.minimum_persons >= 1):
        raise InputError(
            f"格网 {rules.cell_m} 米、最少 {rules.minimum_persons} 人；应不小于 {CELL_M:.0f} 米、1 人",
            f"cell_m {rules.cell_m}, minimum_persons {rules.minimum_persons}; allowed: {CELL_M:.0f}+, 1+",
        )
    if not (0 <= rules.margin_cells <= 10 and 0 <= rules.least_uncovered_share <= 1):
        raise InputError(
            f"边缘 {rules.margin_cells} 格、未覆盖比例 {rules.least_uncovered_share}；应为 0–10 格、0–1",
            f"margin {rules.margin_cells}, uncovered share {rules.least_uncovered_share}; allowed: 0–10, 0–1",
        )


def _ranked(counts: Int, least: int) -> Int:
    """Return the areas that may be shown, most people first; ties go south, where the numbering begins."""
    order = np.argsort(-counts, kind="stable")
    return order[counts[order] >= max(least, 1)]


def _remainder(unit: int, persons: Int, by_status: Int, shown: Int) -> GapRemainder:
    """Return everybody uncovered who is in no shown area."""
    in_areas = by_status.sum(axis=0)
    small = in_areas - by_status[shown].sum(axis=0)
    n_small = int(np.count_nonzero(by_status.sum(axis=1))) - shown.size
    everybody = np.array([column.sum() for column in persons.T])
    return GapRemainder(unit, _ints(small), n_small, _ints(everybody - in_areas))


def _describe(
    demand: GapDemand,
    area: _Areas,
    by_status: Int,
    shown: Int,
    straight: StraightLine | None,
    divisions: LevelMembership | None,
    polygons: NDArray[np.object_],
) -> tuple[Gap, ...]:
    """Gather what is said about each shown area."""
    facility = area.most(demand.facility.astype(np.int64))
    mean, median, least = area.mean(demand.walk_m), area.median(demand.walk_m), area.least(demand.walk_m)
    direct = area.mean(straight.distance_m) if straight is not None else np.full(area.n_labels, np.nan)
    place = area.most(divisions.index.astype(np.int64)) if divisions is not None else None
    centres = shapely.get_coordinates(shapely.point_on_surface(polygons)).tolist()
    # Turned into Python's numbers at once: one by one, thousands of gaps took longer than their search.
    people, walked_to = by_status[shown].tolist(), facility[shown].tolist()
    numbers = [_numbers(values[shown]) for values in (mean, median, least, direct)]
    places = [-1] * shown.size if place is None else place[shown].tolist()
    rows = zip(people, walked_to, *numbers, places, centres, polygons, strict=True)
    gaps = []
    for rank, (counts, walk_to, nearest, half, shortest, line, row, centre, polygon) in enumerate(rows, start=1):
        gaps.append(
            Gap(
                rank=rank,
                unit=demand.unit,
                by_status=tuple(counts),
                facility=walk_to,
                nearest_m=nearest,
                nearest_p50_m=half,
                nearest_min_m=shortest,
                straight_m=line,
                lon=centre[0],
                lat=centre[1],
                division_code=None if divisions is None else divisions.code_of(row),
                division_name=None if divisions is None else divisions.name_of(row),
                polygon=polygon,
            )
        )
    return tuple(gaps)


def _ints(counts: Int) -> tuple[int, ...]:
    """Return Python integers."""
    return tuple(int(count) for count in counts)


def _numbers(values: Float) -> list[float | None]:
    """Return floats, None for NaN."""
    return [None if math.isnan(value) else value for value in values.tolist()]
