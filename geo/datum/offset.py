"""GCJ-02 and BD-09: the public formulas and their inverses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from geo.arrays import Bool, Float

Forward = Callable[[Float, Float], tuple[Float, Float]]

# Constants of the public GCJ-02 formula: Krasovsky ellipsoid, and the box outside which it changes nothing.
_GCJ_A = 6378245.0
_GCJ_EE = 0.00669342162296594323
_GCJ_BOX = (72.004, 0.8293, 137.8347, 55.8271)
_BD_FREQUENCY = np.pi * 3000.0 / 180.0
_INVERSE_STEPS = 30
_INVERSE_TOLERANCE_DEG = 1e-13


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Float, Float]:
    """Apply the public GCJ-02 formula.

    Parameters
    ----------
    lon, lat : array_like
        WGS 84 degrees.

    Returns
    -------
    tuple of numpy.ndarray
        GCJ-02 longitudes and latitudes; unchanged outside the formula's box.
    """
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    d_lon, d_lat = _gcj_offset(x, y)
    inside = _in_box(x, y)
    return np.where(inside, x + d_lon, x), np.where(inside, y + d_lat, y)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Float, Float, Bool]:
    """Invert the public GCJ-02 formula by a capped fixed-point iteration.

    Parameters
    ----------
    lon, lat : array_like
        GCJ-02 degrees.

    Returns
    -------
    tuple of numpy.ndarray
        WGS 84 longitudes, latitudes (residual against the formula below 1e-6 m), and whether a pair was left
        unchanged because it or its origin lies outside the formula's box or it is not finite.
    """
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    w_lon, w_lat = _fixed_point(x, y, _gcj_unboxed)
    inside = _in_box(x, y) & _in_box(w_lon, w_lat)
    return np.where(inside, w_lon, x), np.where(inside, w_lat, y), ~inside


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Float, Float]:
    """Apply the public BD-09 formula.

    Parameters
    ----------
    lon, lat : array_like
        GCJ-02 degrees.

    Returns
    -------
    tuple of numpy.ndarray
        BD-09 longitudes and latitudes.
    """
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * _BD_FREQUENCY)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _BD_FREQUENCY)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Float, Float, Bool]:
    """Invert the public BD-09 and GCJ-02 formulas.

    Parameters
    ----------
    lon, lat : array_like
        BD-09 degrees.

    Returns
    -------
    tuple of numpy.ndarray
        WGS 84 longitudes, latitudes, and whether a pair was left unchanged (outside the formula's box).
    """
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    g_lon, g_lat = _fixed_point(x, y, gcj02_to_bd09)
    w_lon, w_lat, unchanged = gcj02_to_wgs84(g_lon, g_lat)
    return np.where(unchanged, x, w_lon), np.where(unchanged, y, w_lat), unchanged


def _in_box(lon: Float, lat: Float) -> Bool:
    """Whether the public formula shifts a place."""
    west, south, east, north = _GCJ_BOX
    return np.asarray((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north), np.bool_)


def _gcj_offset(lon: Float, lat: Float) -> tuple[Float, Float]:
    """Offset of the public formula in degrees, without the box."""
    x, y = lon - 105.0, lat - 35.0
    pi = np.pi
    root = np.sqrt(np.abs(x))
    wave = (20.0 * np.sin(6.0 * x * pi) + 20.0 * np.sin(2.0 * x * pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave
    north += (20.0 * np.sin(y * pi) + 40.0 * np.sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * pi) + 320.0 * np.sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave
    east += (20.0 * np.sin(x * pi) + 40.0 * np.sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * pi) + 300.0 * np.sin(x / 30.0 * pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1.0 - _GCJ_EE * np.sin(phi) ** 2
    d_lat = north * 180.0 / ((_GCJ_A * (1.0 - _GCJ_EE)) / (magic * np.sqrt(magic)) * pi)
    d_lon = east * 180.0 / (_GCJ_A / np.sqrt(magic) * np.cos(phi) * pi)
    return d_lon, d_lat


def _gcj_unboxed(lon: Float, lat: Float) -> tuple[Float, Float]:
    """Public GCJ-02 formula without its box, smooth across the box's edge."""
    d_lon, d_lat = _gcj_offset(lon, lat)
    return lon + d_lon, lat + d_lat


def _fixed_point(x: Float, y: Float, forward: Forward) -> tuple[Float, Float]:
    """Solve ``forward(w) = (x, y)`` for w; pairs that are not finite or outside the box stay as they are."""
    active = _in_box(x, y)
    # A harmless place inside the box stands in for every pair that is not to be solved.
    goal_x, goal_y = np.where(active, x, 105.5), np.where(active, y, 35.5)
    w_x, w_y = goal_x.copy(), goal_y.copy()
    # Five steps reach 1e-8 m almost everywhere; the cap keeps the search finite near the kink at 105° E.
    for _ in range(_INVERSE_STEPS):
        f_x, f_y = forward(w_x, w_y)
        miss_x, miss_y = goal_x - f_x, goal_y - f_y
        w_x, w_y = w_x + miss_x, w_y + miss_y
        if max(np.abs(miss_x).max(initial=0.0), np.abs(miss_y).max(initial=0.0)) < _INVERSE_TOLERANCE_DEG:
            break
    return np.where(active, w_x, x), np.where(active, w_y, y)
