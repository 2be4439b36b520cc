"""Weighted values: put in order, merged, asked for quantiles by group, and people summed by group and category."""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Bool, Float, Int, Int32, UInt8

_BUCKETS = 1 << 17
_SHORT = 48


@njit(nogil=True, cache=True)
def sort_values(values: Float, weights: Int) -> tuple[Float, Int, Int]:
    """Sort the values that count: finite, with a positive weight.

    Values are dropped into buckets of equal width in floating-point steps, so that a few far ones do not crowd the
    rest together, and each bucket is sorted on its own.

    Parameters
    ----------
    values : Float
        Values, shape (n,).
    weights : Int
        Their weights, shape (n,).

    Returns
    -------
    tuple
        Values ascending, their weights, and where each stood in the input, shape (n_kept,) each.
    """
    n = values.size
    bits = values.view(np.int64)
    kept = np.empty(n, np.int64)
    key = np.empty(n, np.int64)
    size = 0
    low, high = np.int64(0x7FFFFFFFFFFFFFFF), np.int64(-0x7FFFFFFFFFFFFFFF)
    for i in range(n):
        if weights[i] > 0 and np.isfinite(values[i]):
            # The bits of a float, read as an integer, ascend with a positive float and descend with a negative one.
            one = bits[i] if bits[i] >= 0 else -(bits[i] & np.int64(0x7FFFFFFFFFFFFFFF))
            kept[size] = i
            key[size] = one
            low, high = min(low, one), max(high, one)
            size += 1
    out_values, out_weights, position = np.empty(size), np.empty(size, np.int64), np.empty(size, np.int64)
    if size == 0:
        return out_values, out_weights, position
    # Everything more than twelve doublings below the largest shares the first bucket: zeros lie a thousand below.
    if high > 0:
        low = max(low, high - np.int64(12 << 52))
    shift = 0
    while ((high >> shift) - (low >> shift)) >= _BUCKETS:
        shift += 1
    base = low >> shift
    start = np.zeros(_BUCKETS + 1, np.int64)
    for i in range(size):
        start[max((key[i] >> shift) - base, 0) + 1] += 1
    for b in range(_BUCKETS):
        start[b + 1] += start[b]
    slot = start[:-1].copy()
    for i in range(size):
        b = max((key[i] >> shift) - base, 0)
        at = slot[b]
        slot[b] = at + 1
        out_values[at] = values[kept[i]]
        position[at] = kept[i]
    for b in range(_BUCKETS):
        first, last = start[b], start[b + 1]
        if last - first > _SHORT:
            order = np.argsort(out_values[first:last])
            out_values[first:last] = out_values[first:last][order]
            position[first:last] = position[first:last][order]
            continue
        for i in range(first + 1, last):
            value, where = out_values[i], position[i]
            j = i - 1
            while j >= first and out_values[j] > value:
                out_values[j + 1], position[j + 1] = out_values[j], position[j]
                j -= 1
            out_values[j + 1], position[j + 1] = value, where
    for i in range(size):
        out_weights[i] = weights[position[i]]
    return out_values, out_weights, position


@njit(nogil=True, cache=True)
def merge_values(
    values_a: Float, weights_a: Int, position_a: Int, values_b: Float, weights_b: Int, position_b: Int
) -> tuple[Float, Int, Int]:
    """Merge two ascending sequences; of equal values, those of the first come first.

    Parameters
    ----------
    values_a : Float
        Ascending values of the first.
    weights_a, position_a : Int
        What goes with them.
    values_b : Float
        Ascending values of the second.
    weights_b, position_b : Int
        What goes with them.

    Returns
    -------
    tuple
        Values, weights and positions of both, ascending.
    """
    n_a, n_b = values_a.size, values_b.size
    values = np.empty(n_a + n_b)
    weights, position = np.empty(n_a + n_b, np.int64), np.empty(n_a + n_b, np.int64)
    a = b = 0
    for i in range(n_a + n_b):
        if b == n_b or (a < n_a and values_a[a] <= values_b[b]):
            values[i], weights[i], position[i] = values_a[a], weights_a[a], position_a[a]
            a += 1
        else:
            values[i], weights[i], position[i] = values_b[b], weights_b[b], position_b[b]
            b += 1
    return values, weights, position


@njit(nogil=True, cache=True)
def find_quantiles(weights: Int, position: Int, group: Int32, n_groups: int, percents: Int) -> Int:
    """Find where, in ascending order, each group's cumulative weight reaches its quantiles.

    Parameters
    ----------
    weights : Int
        Positive weights in the order of the values, shape (n_kept,).
    position : Int
        Where each stood in the input, shape (n_kept,).
    group : Int32
        Group of each value of the input, shape (n,).
    n_groups : int
        Number of groups.
    percents : Int
        Quantiles in whole percent, ascending, above 0 and at most 100.

    Returns
    -------
    Int
        Positions in the order and, last, that of the maximum; -1 where nothing counts; shape
        (n_groups, n_percents + 1).
    """
    n_percents = percents.size
    found = np.full((n_groups, n_percents + 1), np.int64(-1))
    total = np.zeros(n_groups, np.int64)
    for i in range(weights.size):
        g = group[position[i]]
        total[g] += weights[i]
        found[g, n_percents] = i
    target = np.empty((n_groups, n_percents), np.int64)
    for g in range(n_groups):
        for k in range(n_percents):
            # Integer ceiling of percent·total/100.
            target[g, k] = -((-percents[k] * total[g]) // 100)
    gathered = np.zeros(n_groups, np.int64)
    ahead = np.zeros(n_groups, np.int64)
    for i in range(weights.size):
        g = group[position[i]]
        gathered[g] += weights[i]
        while ahead[g] < n_percents and gathered[g] >= target[g, ahead[g]]:
            found[g, ahead[g]] = i
            ahead[g] += 1
    return found


@njit(nogil=True, cache=True)
def tabulate_points(
    status: UInt8,
    walk_s: Float,
    walk_m: Float,
    weights: Int,
    group: Int32,
    n_groups: int,
    n_status: int,
    inside: Bool,
    statutory: Bool,
    choices: Int32,
    statutory_m: float,
) -> tuple[Int, Int, Int, Float, Float]:
    """Sum one band's people by group and category in one pass.

    Parameters
    ----------
    status : UInt8
        Status codes, shape (n_demand,).
    walk_s, walk_m : Float
        Walk to the nearest facility, NaN for none.
    weights : Int
        People.
    group : Int32
        Group of each point.
    n_groups, n_status : int
        Number of groups and of status codes.
    inside, statutory : Bool
        Inside the circle of the same reach and the statutory one; empty where not measured.
    choices : Int32
        Facilities within the limit; empty where not counted.
    statutory_m : float
        Statutory distance on foot.

    Returns
    -------
    tuple
        People by group and category (status × 16 flags), people times choices over the covered (status 0), people
        reached, and people times seconds and metres over the reached.
    """
    persons = np.zeros((n_groups, n_status * 16), np.int64)
    counted, reached = np.zeros(n_groups, np.int64), np.zeros(n_groups, np.int64)
    seconds, metres = np.zeros(n_groups), np.zeros(n_groups)
    has_inside, has_statutory, has_choices = inside.size > 0, statutory.size > 0, choices.size > 0
    for i in range(status.size):
        weight = weights[i]
        if weight == 0:
            continue
        g = group[i]
        category = np.int64(status[i]) * 16
        if has_inside and inside[i]:
            category += 8
        if has_statutory and statutory[i]:
            category += 4
        if has_choices:
            if choices[i] >= 2:
                category += 2
            if status[i] == 0:
                counted[g] += weight * choices[i]
        # NaN compares as false: who reaches nothing is not within any distance.
        if walk_m[i] <= statutory_m:
            category += 1
        persons[g, category] += weight
        if np.isfinite(walk_s[i]):
            reached[g] += weight
            seconds[g] += walk_s[i] * np.float64(weight)
            metres[g] += walk_m[i] * np.float64(weight)
    return persons, counted, reached, seconds, metres


@njit(nogil=True, cache=True)
def add_rows(table: Int, row: Int, n_rows: int) -> Int:
    """Add rows of a table together.

    Parameters
    ----------
    table : Int
        Counts, shape (n_old_rows, n_columns).
    row : Int
        New row of each old row, shape (n_old_rows,).
    n_rows : int
        Number of new rows.

    Returns
    -------
    Int
        Sums, shape (n_rows, n_columns).
    """
    sums = np.zeros((n_rows, table.shape[1]), np.int64)
    for old in range(table.shape[0]):
        new = row[old]
        for column in range(table.shape[1]):
            sums[new, column] += table[old, column]
    return sums


@njit(nogil=True, cache=True)
def add_by_status(table: Int, status: UInt8, weights: Int) -> None:
    """Add one band's people to the column of their status.

    Parameters
    ----------
    table : Int
        People by point and status, changed in place, shape (n, n_status).
    status : UInt8
        Status codes, shape (n,).
    weights : Int
        People, shape (n,).
    """
    for i in range(status.size):
        table[i, status[i]] += weights[i]
