"""Person-weighted quantiles, for everybody at once and for every group.

The q-quantile of values t with integer weights w is the smallest t whose cumulative weight (over t in
ascending order) is at least q of the total weight. All comparisons are made in integers, so the answer is
always one of the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from geo.arrays import Bool, Float, Int, Int32
from geo.kernels.weights import find_quantiles, merge_values, sort_values

PERCENTS: Final = (50, 90)


@dataclass(frozen=True, slots=True)
class SortedWeights:
    """Values that count, in ascending order, ready to be asked by several groupings.

    Parameters
    ----------
    values : array of float64, shape (n_kept,)
        Finite values with a positive weight, ascending.
    weights : array of int64, shape (n_kept,)
        Their weights.
    position : array of int64, shape (n_kept,)
        Where each value stood in the input.
    """

    values: Float
    weights: Int
    position: Int


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Median, 90th percentile, maximum and mean; None where nobody is counted.

    Parameters
    ----------
    p50, p90, max : float or None
        Weighted quantiles and the largest value with a positive weight.
    mean : float or None
        Weighted mean.
    """

    p50: float | None
    p90: float | None
    max: float | None
    mean: float | None

    def to_json(self) -> dict[str, float | None]:
        """Return plain JSON values.

        Returns
        -------
        dict
            Keys ``p50``, ``p90``, ``max``, ``mean``.
        """
        return {"p50": self.p50, "p90": self.p90, "max": self.max, "mean": self.mean}


def sort_weights(values: Float, weights: Int) -> SortedWeights:
    """Sort the values that count: finite, with a positive weight.

    Parameters
    ----------
    values : array of float64, shape (n,)
        Values; NaN and infinity are left out.
    weights : array of int64, shape (n,)
        Weights, at least 0.

    Returns
    -------
    SortedWeights
        The values in ascending order.
    """
    whole = np.ascontiguousarray(weights, np.int64)
    return SortedWeights(*sort_values(np.ascontiguousarray(values, np.float64), whole))


def merge_sorted(parts: Sequence[SortedWeights]) -> SortedWeights:
    """Merge values that are sorted already.

    Parameters
    ----------
    parts : sequence of SortedWeights
        One or more.

    Returns
    -------
    SortedWeights
        All of them in ascending order; of equal values, those of the earlier part first.
    """
    runs = list(parts)
    while len(runs) > 1:
        # Neighbours first: runs of equal length merge in the fewest steps, and ties keep their order.
        pairs = [runs[i : i + 2] for i in range(0, len(runs), 2)]
        runs = [_merge(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return runs[0]


def _merge(a: SortedWeights, b: SortedWeights) -> SortedWeights:
    """Merge two."""
    return SortedWeights(*merge_values(a.values, a.weights, a.position, b.values, b.weights, b.position))


def group_quantiles(
    ordered: SortedWeights, group: Int32, n_groups: int, percents: tuple[int, ...] = PERCENTS
) -> Float:
    """Return weighted quantiles of every group.

    Parameters
    ----------
    ordered : SortedWeights
        Values in ascending order.
    group : array of int32, shape (n,)
        Group of each value of the *input*, from 0 to ``n_groups - 1``.
    n_groups : int
        Number of groups.
    percents : tuple of int
        Quantiles in whole percent, above 0 and at most 100.

    Returns
    -------
    array of float64, shape (n_groups, len(percents) + 1)
        The quantiles and, last, the maximum; NaN for groups in which nothing counts.
    """
    at = quantile_positions(ordered, group, n_groups, percents)
    if ordered.values.size == 0:
        return np.full(at.shape, np.nan)
    return np.where(at >= 0, ordered.values[np.maximum(at, 0)], np.nan)


def quantile_positions(
    ordered: SortedWeights, group: Int32, n_groups: int, percents: tuple[int, ...] = PERCENTS
) -> Int:
    """Return where in the sorted values every group's quantiles stand.

    Parameters
    ----------
    ordered : SortedWeights
        Values in ascending order.
    group : array of int32, shape (n,)
        Group of each value of the *input*, from 0 to ``n_groups - 1``.
    n_groups : int
        Number of groups.
    percents : tuple of int
        Quantiles in whole percent, ascending, above 0 and at most 100.

    Returns
    -------
    array of int64, shape (n_groups, len(percents) + 1)
        Positions in `ordered` of the quantiles and, last, of the maximum; -1 for groups in which nothing
        counts.
    """
    found: Int = find_quantiles(
        ordered.weights, ordered.position, np.ascontiguousarray(group, np.int32), n_groups, np.array(percents, np.int64)
    )
    return found


def all_quantiles(ordered: SortedWeights, percents: tuple[int, ...] = PERCENTS) -> Float:
    """Return weighted quantiles of everything.

    Parameters
    ----------
    ordered : SortedWeights
        Values in ascending order.
    percents : tuple of int
        Quantiles in whole percent, above 0 and at most 100.

    Returns
    -------
    array of float64, shape (len(percents) + 1,)
        The quantiles and, last, the maximum; NaN when nothing counts.
    """
    if ordered.values.size == 0:
        return np.full(len(percents) + 1, np.nan)
    cumulative = np.cumsum(ordered.weights)
    total = int(cumulative[-1])
    found = [
        ordered.values[np.searchsorted(cumulative, -((-percent * total) // 100), side="left")]
        for percent in percents
    ]
    return np.array([*found, ordered.values[-1]])


def select(ordered: SortedWeights, is_kept: Bool) -> SortedWeights:
    """Keep the values of some input positions, in order.

    Parameters
    ----------
    ordered : SortedWeights
        Values in ascending order.
    is_kept : array of bool, shape (n,)
        Whether each value of the *input* is kept.

    Returns
    -------
    SortedWeights
        The kept values, still ascending.
    """
    keep = is_kept[ordered.position]
    return SortedWeights(ordered.values[keep], ordered.weights[keep], ordered.position[keep])
