"""Well-known binary taken apart into flat arrays of points, lines and rings.

Reading the bytes themselves is quicker than asking a geometry library for every part of every geometry, and a store
holds bytes anyway.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Float, Int, Int32, UInt8

POINT, LINE, OUTLINE, HOLE = 1, 2, 3, 4
"""Kinds of parts. The points of one geometry are one part; a polygon's outline goes before its holes."""

# A GeoPackage blob begins with "GP", and goes on with an envelope of one of five sizes.
_G, _P = 71, 80
_Z_FLAG, _M_FLAG, _SRID_FLAG = 0x80000000, 0x40000000, 0x20000000


@njit(nogil=True, cache=True)
def _whole(data: UInt8, at: int, is_little: bool) -> int:
    """Read an unsigned number of four bytes."""
    number = 0
    for k in range(4):
        number |= int(data[at + k]) << (8 * (k if is_little else 3 - k))
    return number


@njit(nogil=True, cache=True)
def _reals(data: UInt8, at: int, n: int, is_little: bool) -> Float:
    """Read floating-point numbers."""
    # A copy, because floats must begin at a multiple of their size.
    octets = data[at : at + 8 * n].copy()
    if not is_little:
        for first in range(0, octets.size, 8):
            octets[first : first + 8] = octets[first : first + 8][::-1].copy()
    return octets.view(np.float64)


@njit(nogil=True, cache=True)
def _skip_header(data: UInt8, at: int, end: int) -> int:
    """Return where well-known binary begins, behind the header of a GeoPackage blob if there is one."""
    if end - at < 8 or data[at] != _G or data[at + 1] != _P:
        return at
    envelope = (data[at + 3] >> 1) & 7
    if envelope == 0:
        return at + 8
    return at + 8 + (32 if envelope == 1 else (64 if envelope == 4 else 48))


@njit(nogil=True, cache=True)
def read_shapes(data: UInt8, start: Int) -> tuple[Float, Float, Int, UInt8, Int32, int]:
    """Take geometries apart.

    Parameters
    ----------
    data : UInt8
        Geometries one after another, each as well-known binary (ISO or extended, either byte order) or as a GeoPackage
        blob. Collections are taken apart too; Z and M are passed over.
    start : Int
        Where each begins, shape (n + 1,); an empty stretch is a missing geometry.

    Returns
    -------
    x, y : Float
        Vertices, part after part; rings without their closing vertex.
    part_start : Int
        First vertex of each part, shape (n_parts + 1,).
    part_kind : UInt8
        `POINT`, `LINE`, `OUTLINE` or `HOLE`. Parts with a coordinate that is not finite are left out, such as empty
        points.
    part_owner : Int32
        Geometry of each part, ascending.
    broken : int
        First geometry that is not well-known binary of points, lines and polygons, or -1. It has no parts.
    """
    # A vertex takes sixteen bytes at least, a part with one vertex twenty.
    most = data.size // 20 + 1
    x, y = np.empty(data.size // 16 + 1), np.empty(data.size // 16 + 1)
    part_start, part_kind = np.empty(most + 1, np.int64), np.empty(most, np.uint8)
    part_owner = np.empty(most, np.int32)
    n, parts, broken = 0, 0, -1
    part_start[0] = 0
    for owner in range(start.size - 1):
        end = start[owner + 1]
        at = _skip_header(data, start[owner], end)
        parts_before, n_before, is_broken = parts, n, False
        # Collections have no trailer, so counting what is still to come replaces a stack.
        waiting = 1 if end > start[owner] else 0
        while waiting > 0 and not is_broken:
            waiting -= 1
            if end - at < 9:
                is_broken = True
                break
            is_little = data[at] == 1
            code = _whole(data, at + 1, is_little)
            at += 5
            size = 2
            if code & (_Z_FLAG | _M_FLAG | _SRID_FLAG):
                size += int((code & _Z_FLAG) != 0) + int((code & _M_FLAG) != 0)
                if code & _SRID_FLAG:
                    at += 4
                code &= 0xFFFF
            elif code >= 1000:
                size += 2 if code >= 3000 else 1
                code %= 1000
            if code < 1 or code > 7:
                is_broken = True
                break
            if code == 1:
                if end - at < 8 * size:
                    is_broken = True
                    break
                place = _reals(data, at, size, is_little)
                x[n], y[n] = place[0], place[1]
                at += 8 * size
                if np.isfinite(x[n]) and np.isfinite(y[n]):
                    if parts == 0 or part_owner[parts - 1] != owner or part_kind[parts - 1] != POINT:
                        part_kind[parts], part_owner[parts] = POINT, owner
                        parts += 1
                    n += 1
                    part_start[parts] = n
                continue
            if end - at < 4:
                is_broken = True
                break
            count = _whole(data, at, is_little)
            at += 4
            if code >= 4:
                waiting += count
                continue
            has_outline = True
            for ring in range(count if code == 3 else 1):
                if code == 3:
                    if end - at < 4:
                        is_broken = True
                        break
                    vertices = _whole(data, at, is_little)
                    at += 4
                else:
                    vertices = count
                if (end - at) // (8 * size) < vertices:
                    is_broken = True
                    break
                first, is_finite = n, True
                places = _reals(data, at, vertices * size, is_little)
                at += 8 * size * vertices
                for i in range(0, places.size, size):
                    x[n], y[n] = places[i], places[i + 1]
                    is_finite = is_finite and np.isfinite(x[n]) and np.isfinite(y[n])
                    n += 1
                if code == 3 and n - first > 1 and x[n - 1] == x[first] and y[n - 1] == y[first]:
                    n -= 1
                if code == 3 and ring == 0:
                    has_outline = is_finite and n > first
                if not is_finite or n == first or not has_outline:
                    n = first
                    continue
                part_kind[parts] = LINE if code == 2 else (OUTLINE if ring == 0 else HOLE)
                part_owner[parts] = owner
                parts += 1
                part_start[parts] = n
        if is_broken:
            broken = owner if broken < 0 else broken
            parts, n = parts_before, n_before
    return x[:n], y[:n], part_start[: parts + 1], part_kind[:parts], part_owner[:parts], broken
