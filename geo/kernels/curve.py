"""Hilbert curve: neighbours in the plane become neighbours in memory."""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Float, Int


@njit(nogil=True, cache=True)
def hilbert_index(x: Float, y: Float, order: int) -> Int:
    """Return the position of each point on the Hilbert curve over the points' bounding square.

    Parameters
    ----------
    x, y : Float
        Coordinates, shape (n,), finite.
    order : int
        Bits per axis, at most 31.

    Returns
    -------
    Int
        Curve positions, shape (n,).
    """
    n = x.size
    out = np.empty(n, np.int64)
    if n == 0:
        return out
    low_x, low_y = x.min(), y.min()
    extent = max(x.max() - low_x, y.max() - low_y)
    side = np.int64(1) << order
    scale = (side - 1) / extent if extent > 0.0 else 0.0
    for i in range(n):
        px = np.int64((x[i] - low_x) * scale)
        py = np.int64((y[i] - low_y) * scale)
        position = np.int64(0)
        half = side >> 1
        while half > 0:
            rx = np.int64(1) if (px & half) > 0 else np.int64(0)
            ry = np.int64(1) if (py & half) > 0 else np.int64(0)
            position += half * half * ((3 * rx) ^ ry)
            if ry == 0:
                if rx == 1:
                    px = side - 1 - px
                    py = side - 1 - py
                px, py = py, px
            half >>= 1
        out[i] = position
    return out
