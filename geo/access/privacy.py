"""The privacy rule in one place: how few people, and how small a square, may be told of, and how shares are told.

Cells hold `MINIMUM_PERSONS` people or more, but how many of them are covered may be one, and one person must not be
told from the rest either. Shares are therefore told in steps: a cell of n times the minimum has n steps, so every
number of covered or uncovered people that can be worked out of a share is zero or at least the minimum, and several
true numbers stand behind each. Exact totals are published from the township up; where they and the told shares would
pin the cells of a township down, its cells tell nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from geo.access.tally import sum_by
from geo.arrays import Bool, Float, Int, Int32

MINIMUM_PERSONS: Final = 10
"""Fewest people that anything but an exact total of a township or more may be told of."""
SMALLEST_CELL_M: Final = 100.0
"""Width of the smallest square in metres that anything may be told of."""


def told_shares(part: Int, whole: Int, least: int) -> Float:
    """Return the shares that may be told.

    Parameters
    ----------
    part, whole : array of int64, shape (n_cells,)
        People of a kind in each cell, and all of its people.
    least : int
        Fewest people, in the unit of the counts.

    Returns
    -------
    array of float64, shape (n_cells,)
        The nearest of ``whole // least`` equal steps from 0 to 1; NaN in a cell of fewer people than `least`.
    """
    steps = whole // least
    share = np.full(whole.size, np.nan)
    np.divide(_step(part, whole, steps), steps, out=share, where=steps > 0)
    return share


def told_gap(
    persons: float, reasons: Mapping[str, float], least: int = MINIMUM_PERSONS
) -> tuple[float, dict[str, float | None]]:
    """Return what may be told of the people of a gap.

    Where a gap lies among cells whose people are known, its exact number would tell how few of their people are not in
    it: it is told to the nearest multiple of the minimum.

    Parameters
    ----------
    persons : float
        People of the gap, at least `least`.
    reasons : mapping of str to float
        People by reason.
    least : int
        Fewest people.

    Returns
    -------
    tuple of float, dict of str to float or None
        People, and people by reason; None for every reason where one has fewer than `least`, but somebody.
    """
    if any(0 < count < least for count in reasons.values()):
        return _rounded(persons, least), dict.fromkeys(reasons)
    return _rounded(persons, least), {name: _rounded(count, least) for name, count in reasons.items()}


def _rounded(count: float, least: int) -> float:
    """Return the nearest multiple; halves go up."""
    return math.floor(count / least + 0.5) * float(least)


def is_guarded(part: Int, whole: Int, zone: Int | Int32, least: int) -> Bool:
    """Tell in which cells the told shares and the exact totals of the zones leave the true number open.

    Parameters
    ----------
    part, whole : array of int64, shape (n_cells,)
        People of a kind in each cell, and all of its people.
    zone : array of int, shape (n_cells,)
        Zone of each cell, whose exact totals are known.
    least : int
        Fewest people, in the unit of the counts.

    Returns
    -------
    array of bool, shape (n_cells,)
        The same for all cells of a zone: whether, for each of them, at least half of `least` numbers would fit (or,
        where the zone has fewer people of the kind or of the rest, one more than those). Zones of one cell and zones
        in which everybody or nobody is of the kind have nothing left to hide.
    """
    n_zones = int(zone.max()) + 1 if zone.size else 0
    steps = np.maximum(whole // least, 1)
    at = _step(part, whole, steps)
    # The counts that round to the same step: from ceil((2 at - 1) whole / 2 steps) to just below the next.
    lowest = np.maximum(-((1 - 2 * at) * whole // (2 * steps)), 0)
    highest = np.minimum(-(-(2 * at + 1) * whole // (2 * steps)) - 1, whole)
    below, above = part - lowest, highest - part
    down = np.minimum(below, sum_by(zone, above, n_zones)[zone] - above)
    up = np.minimum(above, sum_by(zone, below, n_zones)[zone] - below)
    of_kind, of_all = sum_by(zone, part, n_zones), sum_by(zone, whole, n_zones)
    wanted = np.minimum(least // 2 - 1, np.minimum(of_kind, of_all - of_kind))[zone]
    n_open = np.bincount(zone[down + up < wanted], minlength=n_zones)
    n_cells = np.bincount(zone, minlength=n_zones)
    is_open: Bool = (n_open == 0) | (n_cells == 1)
    return is_open[zone]


def _step(part: Int, whole: Int, steps: Int) -> Int:
    """Return the step each share is nearest to; halves go up."""
    whole = np.maximum(whole, 1)
    return np.asarray((2 * part * steps + whole) // (2 * whole), dtype=np.int64)
