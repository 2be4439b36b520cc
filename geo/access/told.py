"""What is told of the cells of one facility type: shares in steps, no reason and no walk of a few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from geo.access.cells import CellGrid
from geo.access.gaps import persons_by_status
from geo.access.privacy import MINIMUM_PERSONS, is_guarded, told_shares
from geo.access.status import COVERED, STATUS_NAMES, Certificates
from geo.access.tally import sum_by
from geo.arrays import Float, Int

WALK_STEP_S: Final = 60.0
"""Mean walks are told to the minute: to the second, and with the people known, they would tell a single walk."""


@dataclass(frozen=True, slots=True, eq=False)
class ToldCells:
    """One facility type by cell, fit to be published.

    Parameters
    ----------
    covered_share : array of float64, shape (n_cells,)
        Covered people in the steps of `geo.access.privacy.told_shares`; NaN where exact totals would give cells away.
    reason : array of int64, shape (n_cells,)
        Status of most uncovered people, where it has enough of them; otherwise the number of statuses.
    mean_walk_s : array of float64, shape (n_cells,)
        Mean walk of those who reach a facility, to the minute; NaN where too few do.
    """

    covered_share: Float
    reason: Int
    mean_walk_s: Float


def tell_cells(
    grid: CellGrid, parts: Sequence[tuple[Certificates, Int]], *, minimum_persons: int = MINIMUM_PERSONS
) -> ToldCells:
    """Sum one type's result by cell and take away what would tell of a few.

    Parameters
    ----------
    grid : CellGrid
        Cells of the same demand points.
    parts : sequence of (Certificates, array of int64 of shape (n_demand,))
        One or several bands that together are everybody: certificates and the band's people.
    minimum_persons : int
        Fewest people anything is told of.

    Returns
    -------
    ToldCells
        In the order of the cells.
    """
    n_cells, least = grid.n_cells, minimum_persons * grid.unit
    at = np.flatnonzero(grid.of_point >= 0)
    cell = grid.of_point[at]
    people = persons_by_status([found.status for found, _ in parts], [weights for _, weights in parts])
    table = np.column_stack([sum_by(cell, people[at, code], n_cells) for code in range(len(STATUS_NAMES))])
    covered = table[:, COVERED]
    share = told_shares(covered, grid.persons, least)
    share[~is_guarded(covered, grid.persons, grid.zone, least)] = np.nan
    uncovered = table.copy()
    uncovered[:, COVERED] = 0
    most = uncovered.argmax(axis=1) if n_cells else np.zeros(0, np.int64)
    enough = (uncovered.max(axis=1, initial=0) >= least) & (share < 1)
    walked, walkers = np.zeros(n_cells), np.zeros(n_cells)
    for found, weights in parts:
        seconds, persons = found.walk_s[at], weights[at].astype(np.float64)
        persons = np.where(np.isfinite(seconds), persons, 0.0)
        walked += np.bincount(cell, weights=np.where(persons > 0, seconds, 0.0) * persons, minlength=n_cells)
        walkers += np.bincount(cell, weights=persons, minlength=n_cells)
    mean = np.full(n_cells, np.nan)
    np.divide(walked, walkers, out=mean, where=walkers >= least)
    return ToldCells(
        covered_share=share,
        reason=np.where(enough, most, len(STATUS_NAMES)),
        mean_walk_s=np.rint(mean / WALK_STEP_S) * WALK_STEP_S,
    )
