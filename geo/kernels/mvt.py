"""Vector tiles byte by byte: geometry commands and features of Mapbox Vector Tile 2.1, written without Python per row.

Rings are closed by a command, deltas are zig-zag, everything is a varint; what collapses when rounded to the tile's
units is left out.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Int, Int32, UInt8

POINT, LINE, POLYGON = 1, 2, 3
_MOVE, _DRAW, _CLOSE = 1, 2, 7


@njit(nogil=True, cache=True)
def _put_varint(out: UInt8, at: int, value: int) -> int:
    """Write an unsigned number and return where the next byte goes."""
    while value >= 128:
        out[at] = (value & 127) | 128
        value >>= 7
        at += 1
    out[at] = value
    return at + 1


@njit(nogil=True, cache=True)
def _varint_size(value: int) -> int:
    """Return how many bytes an unsigned number takes."""
    size = 1
    while value >= 128:
        value >>= 7
        size += 1
    return size


@njit(nogil=True, cache=True)
def _zigzag(value: int) -> int:
    """Fold a signed number into an unsigned one."""
    return (value << 1) ^ (value >> 63)


@njit(nogil=True, cache=True)
def _twice_area(x: Int, y: Int, n: int) -> int:
    """Return twice the signed area of a ring; positive turns right on a screen, where y grows downwards."""
    total = 0
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        total += int(x[i] * y[j] - x[j] * y[i])
    return total


@njit(nogil=True, cache=True)
def _clean(x: Int32, y: Int32, first: int, last: int, is_ring: bool, out_x: Int, out_y: Int) -> int:
    """Copy a part without repeated vertices and without those on a straight line between others."""
    n = 0
    for i in range(first, last):
        px, py = np.int64(x[i]), np.int64(y[i])
        if n > 0 and px == out_x[n - 1] and py == out_y[n - 1]:
            continue
        while n > 1:
            ax, ay = out_x[n - 1] - out_x[n - 2], out_y[n - 1] - out_y[n - 2]
            bx, by = px - out_x[n - 1], py - out_y[n - 1]
            # Straight on, not back: a spike of a line is part of it.
            if ax * by - ay * bx != 0 or ax * bx + ay * by <= 0:
                break
            n -= 1
        out_x[n], out_y[n] = px, py
        n += 1
    if is_ring:
        while n > 1 and out_x[0] == out_x[n - 1] and out_y[0] == out_y[n - 1]:
            n -= 1
    return n


@njit(nogil=True, cache=True)
def write_geometries(
    x: Int32, y: Int32, part_start: Int, part_is_hole: UInt8, feature_start: Int, kind: UInt8
) -> tuple[UInt8, Int]:
    """Write the commands of many features.

    Parameters
    ----------
    x, y : Int32
        Vertices in tile units, y downwards; rings repeat their first vertex.
    part_start : Int
        First vertex of each part (point, line, ring), shape (n_parts + 1,).
    part_is_hole : UInt8
        1 for the holes of polygons; they follow their outline.
    feature_start : Int
        First part of each feature, shape (n_features + 1,).
    kind : UInt8
        `POINT`, `LINE` or `POLYGON` of each feature.

    Returns
    -------
    tuple of UInt8, Int
        Bytes, and where each feature's begin, shape (n_features + 1,); a feature of which nothing is left has none.
    """
    n_features = kind.size
    # Two varints of at most five bytes a vertex, and three commands a part.
    out = np.empty(10 * x.size + 16 * (part_start.size + n_features) + 16, np.uint8)
    offset = np.zeros(n_features + 1, np.int64)
    longest = 1
    for p in range(part_start.size - 1):
        longest = max(longest, part_start[p + 1] - part_start[p])
    clean_x, clean_y = np.empty(longest, np.int64), np.empty(longest, np.int64)
    at = 0
    for f in range(n_features):
        pen_x, pen_y = np.int64(0), np.int64(0)
        if kind[f] == POINT:
            first, last = part_start[feature_start[f]], part_start[feature_start[f + 1]]
            if last > first:
                at = _put_varint(out, at, _MOVE | ((last - first) << 3))
            for i in range(first, last):
                at = _put_varint(out, at, _zigzag(x[i] - pen_x))
                at = _put_varint(out, at, _zigzag(y[i] - pen_y))
                pen_x, pen_y = np.int64(x[i]), np.int64(y[i])
            offset[f + 1] = at
            continue
        is_ring = kind[f] == POLYGON
        has_outline = False
        for p in range(feature_start[f], feature_start[f + 1]):
            is_hole = part_is_hole[p] == 1
            if is_hole and not has_outline:
                continue
            n = _clean(x, y, part_start[p], part_start[p + 1], is_ring, clean_x, clean_y)
            area = _twice_area(clean_x, clean_y, n) if is_ring else np.int64(1)
            if n < (3 if is_ring else 2) or area == 0:
                if is_ring and not is_hole:
                    has_outline = False
                continue
            if is_ring and not is_hole:
                has_outline = True
            backwards = is_ring and (area < 0) != is_hole
            for i in range(n):
                k = n - 1 - i if backwards else i
                if i == 0:
                    at = _put_varint(out, at, _MOVE | (1 << 3))
                elif i == 1:
                    at = _put_varint(out, at, _DRAW | ((n - 1) << 3))
                at = _put_varint(out, at, _zigzag(clean_x[k] - pen_x))
                at = _put_varint(out, at, _zigzag(clean_y[k] - pen_y))
                pen_x, pen_y = clean_x[k], clean_y[k]
            if is_ring:
                at = _put_varint(out, at, _CLOSE | (1 << 3))
        offset[f + 1] = at
    return out[:at].copy(), offset


@njit(nogil=True, cache=True)
def write_features(
    fid: Int, kind: UInt8, geometry: UInt8, offset: Int, key: Int32, value: Int32
) -> tuple[UInt8, int]:
    """Write the feature messages of a layer.

    Parameters
    ----------
    fid : Int
        Identifiers, at least 0.
    kind : UInt8
        Kind of each feature's geometry.
    geometry, offset : UInt8, Int
        As `write_geometries` returns them.
    key : Int32
        Key of each attribute column, shape (n_columns,).
    value : Int32
        Value of each feature's attribute, -1 for none, shape (n_features, n_columns).

    Returns
    -------
    tuple of UInt8, int
        Messages, each with the tag and length it has in a layer, and how many there are.
    """
    n_columns = key.size
    most = geometry.size + fid.size * (40 + 10 * n_columns)
    out = np.empty(most, np.uint8)
    at, written = 0, 0
    for f in range(fid.size):
        size = offset[f + 1] - offset[f]
        if size == 0:
            continue
        tags = 0
        for c in range(n_columns):
            if value[f, c] >= 0:
                tags += _varint_size(key[c]) + _varint_size(value[f, c])
        length = 1 + _varint_size(fid[f]) + 2 + 1 + _varint_size(size) + size
        if tags > 0:
            length += 1 + _varint_size(tags) + tags
        out[at] = 0x12
        at = _put_varint(out, at + 1, length)
        out[at] = 0x08
        at = _put_varint(out, at + 1, fid[f])
        if tags > 0:
            out[at] = 0x12
            at = _put_varint(out, at + 1, tags)
            for c in range(n_columns):
                if value[f, c] >= 0:
                    at = _put_varint(out, at, key[c])
                    at = _put_varint(out, at, value[f, c])
        out[at], out[at + 1], out[at + 2] = 0x18, kind[f], 0x22
        at = _put_varint(out, at + 3, size)
        out[at : at + size] = geometry[offset[f] : offset[f + 1]]
        at += size
        written += 1
    return out[:at].copy(), written
