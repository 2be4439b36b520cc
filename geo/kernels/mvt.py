"""Vector tiles byte by byte: the features and values of Mapbox Vector Tile 2.1 as protocol buffers."""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.arrays import Int, Int32, UInt8
from geo.kernels.shapes import LINE, OUTLINE, POINT

_MOVE, _DRAW, _CLOSE = 1, 2, 7
# Protocol buffers write the number of a field and how its value is written in one byte.
_FEATURE, _ID, _TAGS, _TYPE, _GEOMETRY = 0x12, 0x08, 0x12, 0x18, 0x22
_VALUE, _TEXT, _SINGLE, _DOUBLE, _UNSIGNED, _SIGNED, _FLAG = 0x22, 0x0A, 0x15, 0x19, 0x28, 0x30, 0x38
_SEVEN = np.uint64(7)
_REST = np.uint64(127)


@njit(nogil=True, cache=True)
def _size(number: np.uint64) -> int:
    """Return how many bytes a number takes, seven bits in each."""
    size = 1
    while number > _REST:
        number >>= _SEVEN
        size += 1
    return size


@njit(nogil=True, cache=True)
def _put(out: UInt8, at: int, number: np.uint64) -> int:
    """Write a number, the lowest seven bits first; return where the next goes."""
    while number > _REST:
        out[at] = np.uint8(number & _REST) | np.uint8(128)
        number >>= _SEVEN
        at += 1
    out[at] = np.uint8(number)
    return at + 1


@njit(nogil=True, cache=True)
def _folded(number: np.int64) -> np.uint64:
    """Fold a signed number: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return np.uint64((number << 1) ^ (number >> 63))


@njit(nogil=True, cache=True)
def _put_geometry(
    x: Int32, y: Int32, part_start: Int, part_kind: UInt8, first: int, last: int, out: UInt8
) -> int:
    """Write the commands that draw parts; return how many bytes they take."""
    at, pen_x, pen_y = 0, np.int64(0), np.int64(0)
    for p in range(first, last):
        begin, end = part_start[p], part_start[p + 1]
        kind = part_kind[p]
        at = _put(out, at, np.uint64(_MOVE | (((end - begin) if kind == POINT else 1) << 3)))
        for i in range(begin, end):
            if i == begin + 1 and kind != POINT:
                at = _put(out, at, np.uint64(_DRAW | ((end - begin - 1) << 3)))
            at = _put(out, at, _folded(np.int64(x[i]) - pen_x))
            at = _put(out, at, _folded(np.int64(y[i]) - pen_y))
            pen_x, pen_y = np.int64(x[i]), np.int64(y[i])
        if kind >= OUTLINE:
            at = _put(out, at, np.uint64(_CLOSE | (1 << 3)))
    return at


@njit(nogil=True, cache=True)
def write_features(
    x: Int32, y: Int32, part_start: Int, part_kind: UInt8, part_first: Int, part_last: Int, fid: Int, value: Int32
) -> UInt8:
    """Write the features of a layer.

    Parameters
    ----------
    x, y, part_start, part_kind : Int32, Int32, Int, UInt8
        Geometries as `geo.kernels.tile_fit.fit_shapes` returns them.
    part_first, part_last : Int
        First part of each feature and the first that is not its own, shape (n_features,); every feature has one.
    fid : Int
        Identifier of each feature; below 0 for none.
    value : Int32
        Number of each feature's value for each key, below 0 for none, shape (n_features, n_keys).

    Returns
    -------
    UInt8
        Messages, each with its field number and length.
    """
    n_features, n_keys = value.shape
    most = 0
    for f in range(n_features):
        vertices = part_start[part_last[f]] - part_start[part_first[f]]
        most = max(most, 10 * vertices + 16 * (part_last[f] - part_first[f]))
    scratch = np.empty(most, np.uint8)
    out = np.empty(64 * n_features + 4 * value.size + 6 * x.size, np.uint8)
    at = 0
    for f in range(n_features):
        size = _put_geometry(x, y, part_start, part_kind, part_first[f], part_last[f], scratch)
        tags = 0
        for key in range(n_keys):
            if value[f, key] >= 0:
                tags += _size(np.uint64(key)) + _size(np.uint64(value[f, key]))
        length = 3 + _size(np.uint64(size)) + size
        if fid[f] >= 0:
            length += 1 + _size(np.uint64(fid[f]))
        if tags > 0:
            length += 1 + _size(np.uint64(tags)) + tags
        if at + length + 12 > out.size:
            wider = np.empty(2 * out.size + length + 12, np.uint8)
            wider[:at] = out[:at]
            out = wider
        out[at] = _FEATURE
        at = _put(out, at + 1, np.uint64(length))
        if fid[f] >= 0:
            out[at] = _ID
            at = _put(out, at + 1, np.uint64(fid[f]))
        if tags > 0:
            out[at] = _TAGS
            at = _put(out, at + 1, np.uint64(tags))
            for key in range(n_keys):
                if value[f, key] >= 0:
                    at = _put(out, at, np.uint64(key))
                    at = _put(out, at, np.uint64(value[f, key]))
        kind = part_kind[part_first[f]]
        # Points, lines and polygons are types 1, 2 and 3.
        out[at], out[at + 1] = _TYPE, kind if kind <= LINE else OUTLINE
        out[at + 2] = _GEOMETRY
        at = _put(out, at + 3, np.uint64(size))
        out[at : at + size] = scratch[:size]
        at += size
    return out[:at]


@njit(nogil=True, cache=True)
def write_values(text: UInt8, text_start: Int, whole: Int, double: UInt8, single: UInt8, flag: UInt8) -> UInt8:
    """Write the values of a layer: texts, then whole numbers, doubles, singles and flags.

    Parameters
    ----------
    text : UInt8
        All texts as UTF-8, one after another.
    text_start : Int
        Where each begins, shape (n_texts + 1,).
    whole : Int
        Whole numbers.
    double, single : UInt8
        Bytes of floating-point numbers, the lowest first.
    flag : UInt8
        0 or 1.

    Returns
    -------
    UInt8
        Messages, each with its field number and length.
    """
    n_texts = text_start.size - 1
    most = text.size + 14 * (n_texts + whole.size) + 2 * (double.size + single.size) + 4 * flag.size
    out = np.empty(most, np.uint8)
    at = 0
    for t in range(n_texts):
        size = text_start[t + 1] - text_start[t]
        out[at] = _VALUE
        at = _put(out, at + 1, np.uint64(1 + _size(np.uint64(size)) + size))
        out[at] = _TEXT
        at = _put(out, at + 1, np.uint64(size))
        for k in range(text_start[t], text_start[t + 1]):
            out[at] = text[k]
            at += 1
    for number in whole:
        folded = np.uint64(number) if number >= 0 else _folded(number)
        out[at], out[at + 1] = _VALUE, 1 + _size(folded)
        out[at + 2] = _UNSIGNED if number >= 0 else _SIGNED
        at = _put(out, at + 3, folded)
    for begin in range(0, double.size, 8):
        out[at], out[at + 1], out[at + 2] = _VALUE, 9, _DOUBLE
        for k in range(8):
            out[at + 3 + k] = double[begin + k]
        at += 11
    for begin in range(0, single.size, 4):
        out[at], out[at + 1], out[at + 2] = _VALUE, 5, _SINGLE
        for k in range(4):
            out[at + 3 + k] = single[begin + k]
        at += 7
    for value in flag:
        out[at], out[at + 1], out[at + 2], out[at + 3] = _VALUE, 2, _FLAG, value
        at += 4
    return out[:at]
