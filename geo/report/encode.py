"""Compact text for numbers and shapes: little-endian arrays and zigzag varints in base64.

The page's own script (assets/data.js) reads it back.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

PRECISION_DEG = 1e-5
"""Drawing precision, about one metre."""

MISSING_U16 = 0xFFFF
"""Missing value of a packed time or length."""


def pack(values: npt.ArrayLike, dtype: str) -> str:
    """Return an array as base64 of its little-endian bytes.

    Parameters
    ----------
    values : array_like
        Numbers that fit the type.
    dtype : str
        numpy type code such as ``u1``, ``u2`` or ``i4``.

    Returns
    -------
    str
        Base64 text.
    """
    return base64.b64encode(np.ascontiguousarray(values, dtype=f"<{dtype}").tobytes()).decode("ascii")


def pack_walks(values: Iterable[float | None] | npt.NDArray[np.float64]) -> str:
    """Return seconds or metres as 16-bit integers; missing ones as `MISSING_U16`.

    Parameters
    ----------
    values : iterable of float or None
        Values; None, NaN and infinity are missing.

    Returns
    -------
    str
        Base64 text.
    """
    array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    known = np.isfinite(array)
    whole = np.full(array.shape, MISSING_U16, dtype=np.float64)
    whole[known] = np.clip(np.rint(array[known]), 0, MISSING_U16 - 1)
    return pack(whole, "u2")


def pack_varints(values: npt.NDArray[np.int64]) -> str:
    """Return signed integers as base64 of zigzag varints, seven bits a byte, lowest first.

    Parameters
    ----------
    values : ndarray of int64
        Integers within 31 bits and sign.

    Returns
    -------
    str
        Base64 text.
    """
    zigzag = ((values << 1) ^ (values >> 63)).astype(np.uint64)
    digits = np.stack([(zigzag >> np.uint64(7 * place)) & np.uint64(0x7F) for place in range(5)], axis=1)
    more = np.stack([(zigzag >> np.uint64(7 * (place + 1))) > 0 for place in range(5)], axis=1)
    used = np.concatenate((np.ones((values.size, 1), dtype=bool), more[:, :4]), axis=1)
    flagged = (digits | (more.astype(np.uint64) << np.uint64(7))).astype(np.uint8)
    return base64.b64encode(flagged[used].tobytes()).decode("ascii")


@dataclass(slots=True)
class ShapeWriter:
    """Collects shapes and hands out their numbers; all are packed into one delta-coded stream.

    Parameters
    ----------
    parts : list of ndarray
        Quantised coordinates of the parts so far.
    counts : list of int
        Number of parts per shape.
    """

    parts: list[npt.NDArray[np.int64]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def add(self, shape: BaseGeometry | None) -> int:
        """Add one polygon or line of any multiplicity.

        Parameters
        ----------
        shape : BaseGeometry or None
            The shape.

        Returns
        -------
        int
            Its number, or -1 for nothing to draw.
        """
        lines = [] if shape is None else [line for line in map(_quantise, _lines(shape)) if line.shape[0] >= 2]
        if not lines:
            return -1
        self.parts.extend(lines)
        self.counts.append(len(lines))
        return len(self.counts) - 1

    def packed(self) -> dict[str, str]:
        """Return the stream.

        Returns
        -------
        dict of str to str
            ``counts`` (parts per shape), ``sizes`` (points per part) and ``deltas`` (x and y
            differences, running over all parts).
        """
        sizes = np.array([part.shape[0] for part in self.parts], dtype=np.int64)
        points = np.concatenate(self.parts) if self.parts else np.empty((0, 2), dtype=np.int64)
        deltas = np.diff(points, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
        return {
            "counts": pack_varints(np.array(self.counts, dtype=np.int64)),
            "sizes": pack_varints(sizes),
            "deltas": pack_varints(deltas.reshape(-1)),
        }


def simplify_coverage(shapes: Sequence[BaseGeometry], tolerance_deg: float) -> list[BaseGeometry]:
    """Simplify neighbouring polygons so that shared borders stay shared.

    Parameters
    ----------
    shapes : sequence of BaseGeometry
        Polygons of one level.
    tolerance_deg : float
        Tolerance in degrees.

    Returns
    -------
    list of BaseGeometry
        Simplified polygons in the same order.
    """
    array = np.array(shapes, dtype=object)
    try:
        return list(shapely.coverage_simplify(array, tolerance_deg))
    except shapely.GEOSException:  # not a coverage of polygons: borders may part by less than the tolerance
        return list(shapely.simplify(array, tolerance_deg))


def _lines(shape: BaseGeometry) -> list[npt.NDArray[np.float64]]:
    """Return the rings of polygons, or the lines themselves."""
    flat = shapely.get_parts(shape)
    rings: list[npt.NDArray[np.float64]] = []
    for part in flat:
        if part.geom_type == "Polygon":
            rings.extend(shapely.get_coordinates(ring) for ring in shapely.get_rings(part))
        elif part.geom_type in {"LineString", "LinearRing"}:
            rings.append(shapely.get_coordinates(part))
    return rings


def _quantise(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Round to drawing precision and drop repeated points."""
    whole = np.rint(points / PRECISION_DEG).astype(np.int64)
    if whole.shape[0] < 2:
        return whole
    keep = np.concatenate(([True], np.any(whole[1:] != whole[:-1], axis=1)))
    return whole[keep]
