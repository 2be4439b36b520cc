"""Linking: each point to its one nearest walkable edge, over an access leg that crosses no barrier."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from geo.arrays import Bool, Float, Int32
from geo.errors import InputError
from geo.kernels.grid import link_nearest
from geo.network.model import Lines, StreetNetwork

LINK_CAP_M: Final = 150.0
_CHUNK = 16_384


@dataclass(frozen=True, slots=True)
class PointLinks:
    """Positions of points on the network.

    Parameters
    ----------
    edge : Int32
        Edge of each point, -1 for none, shape (n_points,).
    fraction : Float
        Share of the edge's geodesic length before the position; NaN for none.
    access_m : Float
        Length of the access leg in metres; NaN for none.
    also : tuple of PointLinks
        Further links of the same points, for streets added on top of a network; a trip may use any of them.
    """

    edge: Int32
    fraction: Float
    access_m: Float
    also: tuple[PointLinks, ...] = ()

    def __post_init__(self) -> None:
        """Cast to what kernels are compiled for: contiguous and writable arrays of one type."""
        for name, kind in (("edge", np.int32), ("fraction", np.float64), ("access_m", np.float64)):
            values = np.require(getattr(self, name), kind, ["C_CONTIGUOUS", "WRITEABLE"])
            object.__setattr__(self, name, values)

    @property
    def is_linked(self) -> Bool:
        """Tell which points have a link.

        Returns
        -------
        Bool
            Shape (n_points,).
        """
        linked = self.edge >= 0
        for other in self.also:
            linked = linked | (other.edge >= 0)
        return np.asarray(linked, np.bool_)

    def adding(self, other: PointLinks) -> PointLinks:
        """Return these links with further ones beside them; none is taken away.

        Parameters
        ----------
        other : PointLinks
            Links of the same points.

        Returns
        -------
        PointLinks
            Both.
        """
        return replace(self, also=(*self.also, replace(other, also=()), *other.also))

    def take(self, rows: Int32) -> PointLinks:
        """Return the links of some points.

        Parameters
        ----------
        rows : Int32
            Rows to take.

        Returns
        -------
        PointLinks
            Their links.
        """
        also = tuple(other.take(rows) for other in self.also)
        return PointLinks(self.edge[rows], self.fraction[rows], self.access_m[rows], also)


def link_points(
    network: StreetNetwork, lon: Float, lat: Float, *, cap_m: float = LINK_CAP_M, threads: int = 2
) -> PointLinks:
    """Link points to the network.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    lon, lat : Float
        Degrees, shape (n_points,); non-finite positions stay without a link.
    cap_m : float
        Longest access leg in metres, inclusive.
    threads : int
        Worker threads; the answer does not depend on it.

    Returns
    -------
    PointLinks
        One link a point.

    Raises
    ------
    InputError
        The arrays differ in length, or the cap is not positive.
    """
    return link_to_lines(network, network.streets, lon, lat, cap_m=cap_m, threads=threads)


def link_to_lines(
    network: StreetNetwork,
    lines: Lines,
    lon: Float,
    lat: Float,
    *,
    cap_m: float = LINK_CAP_M,
    threads: int = 2,
) -> PointLinks:
    """Link points to some of a network's streets.

    Parameters
    ----------
    network : StreetNetwork
        The network, for its plane and barriers.
    lines : Lines
        The streets to link to.
    lon, lat : Float
        Degrees, shape (n_points,).
    cap_m : float
        Longest access leg in metres, inclusive.
    threads : int
        Worker threads.

    Returns
    -------
    PointLinks
        One link a point.

    Raises
    ------
    InputError
        The arrays differ in length, or the cap is not positive.
    """
    if lon.shape != lat.shape or lon.ndim != 1:
        raise InputError(
            f"经度与纬度的个数不同：{lon.shape} 与 {lat.shape}",
            f"longitudes and latitudes differ in shape: {lon.shape} and {lat.shape}",
        )
    if not cap_m > 0.0:
        raise InputError(f"吸附上限 {cap_m} 必须大于 0 米", f"the link cap is {cap_m}; it must be above 0 m")
    n = lon.size
    edge = np.full(n, -1, np.int32)
    fraction, distance_m = np.full(n, np.nan), np.full(n, np.nan)
    wall = network.barriers

    def work(first: int) -> None:
        rows = slice(first, first + _CHUNK)
        x, y = network.plane.forward(lon[rows], lat[rows])
        finite = np.isfinite(x)
        scale = network.plane.scale(np.where(finite, x, 0.0))
        link_nearest(
            x, y, cap_m * float(scale.max()),
            lines.x, lines.y, lines.part, lines.piece_edge, network.edge_kind, lines.cell_start, lines.pieces,
            lines.origin_x, lines.origin_y, lines.cell_m, lines.n_x, lines.n_y,
            wall.x, wall.y, wall.cell_start, wall.pieces,
            wall.origin_x, wall.origin_y, wall.cell_m, wall.n_x, wall.n_y,
            edge[rows], fraction[rows], distance_m[rows],
        )  # fmt: skip
        distance_m[rows] /= scale

    firsts = range(0, n, _CHUNK)
    if threads > 1 and len(firsts) > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, firsts))
    else:
        for first in firsts:
            work(first)
    beyond = distance_m > cap_m
    edge[beyond] = -1
    fraction[beyond] = np.nan
    distance_m[beyond] = np.nan
    return PointLinks(edge, fraction, distance_m)
