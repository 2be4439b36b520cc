"""Order along a Hilbert curve, so that neighbours on the map are neighbours in the file."""

from __future__ import annotations

import numpy as np

from geo.arrays import Float, Int

_BITS = 16


def hilbert_order(x: Float, y: Float) -> Int:
    """Order points along a Hilbert curve over their own extent.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Coordinates; points with NaN come last.

    Returns
    -------
    ndarray of int64, shape (n,)
        Row numbers, in the order of the curve; equal places keep their order.
    """
    known = ~(np.isnan(x) | np.isnan(y))
    key = np.full(len(x), np.iinfo(np.int64).max, np.int64)
    if known.any():
        key[known] = _distance(_cells(x[known]), _cells(y[known]))
    return np.argsort(key, kind="stable")


def _cells(values: Float) -> Int:
    """Scale values to the grid of the curve."""
    low, span = float(values.min()), float(np.ptp(values))
    if span == 0.0:
        return np.zeros(len(values), np.int64)
    return np.minimum((values - low) / span * (1 << _BITS), (1 << _BITS) - 1).astype(np.int64)


def _distance(x: Int, y: Int) -> Int:
    """Return the distance of grid cells along the curve."""
    distance = np.zeros(len(x), np.int64)
    side = 1 << (_BITS - 1)
    while side:
        right, upper = (x & side) > 0, (y & side) > 0
        distance += side * side * np.where(upper, np.where(right, 2, 1), np.where(right, 3, 0))
        flip = ~upper & right
        x, y = (
            np.where(flip, (2 * side - 1) - (x & (2 * side - 1)), x),
            np.where(flip, (2 * side - 1) - (y & (2 * side - 1)), y),
        )
        x, y = np.where(upper, x, y), np.where(upper, y, x)
        x, y = x & (side - 1), y & (side - 1)
        side >>= 1
    return distance
