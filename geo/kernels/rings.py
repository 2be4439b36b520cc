"""Contour rings as well-known binary, and well-known binary as GeoJSON text.

Polygons of some hundred vertices are made in less time as one block of bytes than ring by ring through a geometry
library, and written in less time from whole hundred-nanometre steps than from floating-point numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from geo.arrays import Float, Int, Int32, UInt8

_POLYGON, _MULTI_POLYGON = 3, 6
# Degrees are kept to seven decimals: a centimetre.
_STEPS = 1e7
_DIGITS = 7


@njit(nogil=True, cache=True)
def spread_grid(column: Float, row: Float, last_column: float, last_row: float, grid: Float) -> Float:
    """Interpolate between three by three values over a raster window with parabolas.

    Parameters
    ----------
    column, row : Float
        Places to interpolate at, shape (n,).
    last_column, last_row : float
        The corner opposite to (0, 0).
    grid : Float
        Values at the corners, the middles of the sides and the middle, by row, shape (9,).

    Returns
    -------
    Float
        Values, shape (n,).
    """
    values = np.empty(column.size)
    for i in range(column.size):
        t, s = 2.0 * column[i] / last_column - 1.0, 2.0 * row[i] / last_row - 1.0
        t0, t1, t2 = 0.5 * t * (t - 1.0), 1.0 - t * t, 0.5 * t * (t + 1.0)
        s0, s1, s2 = 0.5 * s * (s - 1.0), 1.0 - s * s, 0.5 * s * (s + 1.0)
        values[i] = (
            s0 * (t0 * grid[0] + t1 * grid[1] + t2 * grid[2])
            + s1 * (t0 * grid[3] + t1 * grid[4] + t2 * grid[5])
            + s2 * (t0 * grid[6] + t1 * grid[7] + t2 * grid[8])
        )
    return values


@njit(nogil=True, cache=True)
def _put_number(out: UInt8, at: int, number: int) -> int:
    """Write a number in four bytes, the lowest first; return where the next goes."""
    for k in range(4):
        out[at + k] = (number >> (8 * k)) & 255
    return at + 4


@njit(nogil=True, cache=True)
def _put_ring(out: UInt8, at: int, lon: Float, lat: Float, first: int, last: int) -> int:
    """Write a ring and its first vertex once more; return where the next goes."""
    n = last - first + 1
    at = _put_number(out, at, n)
    flat = np.empty(2 * n)
    for i in range(n):
        vertex = first + i if i + 1 < n else first
        flat[2 * i], flat[2 * i + 1] = np.rint(lon[vertex] * _STEPS) / _STEPS, np.rint(lat[vertex] * _STEPS) / _STEPS
    out[at : at + 16 * n] = flat.view(np.uint8)
    return at + 16 * n


@njit(nogil=True, cache=True)
def rings_to_wkb(column: Float, row: Float, start: Int, area: Int32, lon: Float, lat: Float) -> tuple[UInt8, float]:
    """Write contour rings as one multipolygon, degrees rounded to a centimetre.

    Parameters
    ----------
    column, row : Float
        Place of each vertex on the raster, ring after ring and not closed, shape (n_vertices,).
    start, area : Int, Int32
        Where each ring begins, shape (n_rings + 1,), and the area it belongs to. Each area has one outline, which
        turns anticlockwise.
    lon, lat : Float
        The vertices in degrees.

    Returns
    -------
    tuple of UInt8, float
        Little-endian well-known binary, and the area in pixels.
    """
    n_rings = area.size
    n_areas = area.max() + 1 if n_rings else 0
    outline = np.full(n_areas, np.int32(-1))
    # Holes of each area as a list, in their order.
    first_hole, last_hole = np.full(n_areas, np.int32(-1)), np.full(n_areas, np.int32(-1))
    next_hole = np.full(n_rings, np.int32(-1))
    n_holes = np.zeros(n_areas, np.int32)
    total, n_outlines = 0.0, 0
    for ring in range(n_rings):
        first, last = start[ring], start[ring + 1]
        twice, k = 0.0, last - 1
        for i in range(first, last):
            twice += column[k] * row[i] - column[i] * row[k]
            k = i
        total += 0.5 * twice
        owner = area[ring]
        if twice > 0.0:
            outline[owner] = ring
            n_outlines += 1
            continue
        if last_hole[owner] >= 0:
            next_hole[last_hole[owner]] = ring
        else:
            first_hole[owner] = ring
        last_hole[owner] = ring
        n_holes[owner] += 1
    out = np.empty(9 + 9 * n_outlines + 20 * n_rings + 16 * column.size, np.uint8)
    out[0] = 1
    at = _put_number(out, _put_number(out, 1, _MULTI_POLYGON), n_outlines)
    for owner in range(n_areas):
        if outline[owner] < 0:
            continue
        out[at] = 1
        at = _put_number(out, _put_number(out, at + 1, _POLYGON), n_holes[owner] + 1)
        ring = outline[owner]
        at = _put_ring(out, at, lon, lat, start[ring], start[ring + 1])
        ring = first_hole[owner]
        while ring >= 0:
            at = _put_ring(out, at, lon, lat, start[ring], start[ring + 1])
            ring = next_hole[ring]
    return out[:at], total


@njit(nogil=True, cache=True)
def _number(data: UInt8, at: int) -> int:
    """Read a number of four bytes, the lowest first."""
    number = 0
    for k in range(4):
        number |= int(data[at + k]) << (8 * k)
    return number


@njit(nogil=True, cache=True)
def _put_degrees(out: UInt8, at: int, value: float) -> int:
    """Write degrees with at most seven decimals; return where the next goes."""
    steps = np.int64(np.rint(value * _STEPS))
    if steps < 0:
        out[at] = 45  # a minus
        at += 1
        steps = -steps
    whole, rest = steps // 10_000_000, steps % 10_000_000
    n_digits = 1 if whole < 10 else (2 if whole < 100 else 3)
    for k in range(n_digits - 1, -1, -1):
        out[at + k] = 48 + whole % 10
        whole //= 10
    at += n_digits
    out[at] = 46  # a point
    at += 1
    for k in range(_DIGITS - 1, -1, -1):
        out[at + k] = 48 + rest % 10
        rest //= 10
    at += _DIGITS
    # One decimal stays, as in every float of the other documents.
    while out[at - 1] == 48 and out[at - 2] != 46:
        at -= 1
    return at


@njit(nogil=True, cache=True)
def coordinates_text(data: UInt8) -> npt.NDArray[np.uint8]:
    """Write the coordinates of a multipolygon as the nested lists of GeoJSON.

    Parameters
    ----------
    data : UInt8
        Little-endian well-known binary of a two-dimensional multipolygon in degrees.

    Returns
    -------
    UInt8
        ASCII text.
    """
    # A vertex takes 16 bytes there and at most 28 here; a ring at least 68 bytes there.
    out = np.empty(2 * data.size + 64, np.uint8)
    out[0], at = 91, 1  # an opening bracket
    n_polygons, read = _number(data, 5), 9
    for polygon in range(n_polygons):
        if polygon:
            out[at] = 44  # a comma
            at += 1
        out[at] = 91
        at += 1
        n_rings = _number(data, read + 5)
        read += 9
        for ring in range(n_rings):
            if ring:
                out[at] = 44
                at += 1
            out[at] = 91
            at += 1
            n = _number(data, read)
            read += 4
            # A copy, because floats must begin at a multiple of their size.
            flat = data[read : read + 16 * n].copy().view(np.float64)
            read += 16 * n
            for i in range(n):
                if i:
                    out[at] = 44
                    at += 1
                out[at] = 91
                at = _put_degrees(out, at + 1, flat[2 * i])
                out[at] = 44
                at = _put_degrees(out, at + 1, flat[2 * i + 1])
                out[at] = 93  # a closing bracket
                at += 1
            out[at] = 93
            at += 1
        out[at] = 93
        at += 1
    out[at] = 93
    return out[: at + 1]
