"""Coordinates of lines as flat arrays: node identity, geodesic lengths, and the piece grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from geo.arrays import Float, Int, Int32
from geo.errors import InputError
from geo.kernels.grid import index_pieces
from geo.network.model import Lines

_CELL_MIN_M, _CELL_MAX_M = 40.0, 400.0


def line_coordinates(lines: npt.NDArray[Any]) -> tuple[Float, Float, Int]:
    """Return the vertices of LineStrings.

    Parameters
    ----------
    lines : ndarray of LineString
        Lines, shape (n,).

    Returns
    -------
    tuple of Float, Float, Int
        x, y (or longitude, latitude) and where each line begins, shape (n + 1,).

    Raises
    ------
    InputError
        An element is not a LineString with at least two finite vertices.
    """
    counts = shapely.get_num_coordinates(lines)
    bad = (shapely.get_type_id(lines) != 1) | (counts < 2)
    xy = shapely.get_coordinates(lines)
    if bad.any() or not np.isfinite(xy).all():
        row = int(np.argmax(bad)) if bad.any() else -1
        raise InputError(
            f"路段必须是至少两个有效坐标的线（第 {row} 个不是）",
            f"segments must be lines of at least two finite coordinates (number {row} is not)",
            row=row,
        )
    offset = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1]), offset


def node_keys(lon: Float, lat: Float) -> Int:
    """Return the identity of nodes: the coordinate rounded to 1e-7 degrees.

    Parameters
    ----------
    lon, lat : Float
        Degrees, shape (n,).

    Returns
    -------
    Int
        Equal exactly where the rounded coordinates are equal.
    """
    east = np.round(lon * 1e7).astype(np.int64)
    north = np.round((lat + 90.0) * 1e7).astype(np.int64)
    return east * (np.int64(1) << 32) + north


def geodesic_lengths(lon: Float, lat: Float, offset: Int) -> Float:
    """Measure lines on the CGCS2000 ellipsoid.

    Parameters
    ----------
    lon, lat : Float
        Vertices in degrees.
    offset : Int
        Where each line begins, shape (n + 1,).

    Returns
    -------
    Float
        Lengths in metres, shape (n,).
    """
    _, _, step = Geod(ellps="GRS80").inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    # The step from one line's end to the next line's start is no part of either.
    step[offset[1:-1] - 1] = 0.0
    return np.add.reduceat(np.append(step, 0.0), offset[:-1])


def index_lines(x: Float, y: Float, counts: Int, line_id: Int32) -> Lines:
    """Lay a grid over lines and measure the share of the line's length before each vertex.

    Parameters
    ----------
    x, y : Float
        Vertices in plane metres, line after line.
    counts : Int
        Vertices per line, each at least 2.
    line_id : Int32
        What the pieces of each line refer to.

    Returns
    -------
    Lines
        The indexed lines.
    """
    if x.size == 0:
        none = np.empty(0, np.int32)
        return Lines(np.empty(0), np.empty(0), np.empty(0), none, np.zeros(1, np.int32), none, 0.0, 0.0, 1.0, 0, 0)
    last = np.cumsum(counts) - 1
    first = last - counts + 1
    step = np.hypot(np.diff(x, append=x[-1]), np.diff(y, append=y[-1]))
    step[last] = 0.0
    before = np.concatenate([[0.0], np.cumsum(step)[:-1]])
    along = before - np.repeat(before[first], counts)
    length = np.repeat(along[last], counts)
    part = np.divide(along, length, out=np.zeros_like(along), where=length > 0.0)
    part[last] = 1.0
    piece_edge = np.repeat(line_id, counts)
    piece_edge[last] = -1
    width, height = x.max() - x.min(), y.max() - y.min()
    cell_m = float(np.clip(np.sqrt(width * height / (2.0 * counts.size)), _CELL_MIN_M, _CELL_MAX_M))
    origin_x, origin_y = float(x.min()) - 1.0, float(y.min()) - 1.0
    n_x, n_y = int((width + 2.0) / cell_m) + 1, int((height + 2.0) / cell_m) + 1
    start, pieces = index_pieces(x, y, piece_edge, origin_x, origin_y, cell_m, n_x, n_y)
    return Lines(x, y, part, piece_edge, start, pieces, origin_x, origin_y, cell_m, n_x, n_y)
