"""The drawing plane: metres east and north of the city centre, gently warped, then projected to degrees.

Everything is drawn with straight edges in an even plane. One smooth warp bends it all at once, so that
streets, walls, homes and boundaries stay together while nothing looks ruled. Identity of a vertex is its
position on a 5 cm grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from geo.arrays import Float, Int

GRID_M = 0.05

Geometries = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Plane:
    """Warp and projection of the drawing plane.

    Parameters
    ----------
    lon0_deg, lat0_deg : float
        Position of the origin.
    waves : array, shape (n_waves, 5)
        Wave vector (radians per metre, x and y), phase, and displacement (metres, x and y) of each wave.
    """

    lon0_deg: float
    lat0_deg: float
    waves: Float

    def warp(self, xy: Float) -> Float:
        """Bend positions.

        Parameters
        ----------
        xy : array, shape (n, 2)
            Metres in the even plane.

        Returns
        -------
        array, shape (n, 2)
            Metres in the bent plane.
        """
        out = np.array(xy, dtype=np.float64)
        for kx, ky, phase, dx, dy in self.waves:
            swing = np.sin(xy[:, 0] * kx + xy[:, 1] * ky + phase)
            out[:, 0] += swing * dx
            out[:, 1] += swing * dy
        return out

    def lonlat(self, xy: Float) -> Float:
        """Bend and project positions.

        Parameters
        ----------
        xy : array, shape (n, 2)
            Metres in the even plane.

        Returns
        -------
        array, shape (n, 2)
            Longitude and latitude in degrees, rounded to 1e-7.
        """
        bent = self.warp(xy)
        projection = pyproj.Proj(proj="tmerc", lat_0=self.lat0_deg, lon_0=self.lon0_deg, ellps="GRS80")
        lon, lat = projection(bent[:, 0], bent[:, 1], inverse=True)
        return np.round(np.column_stack([lon, lat]), 7)

    def project(self, geometries: Geometries) -> Geometries:
        """Bend and project geometries, vertex by vertex.

        Parameters
        ----------
        geometries : array of geometry
            In the even plane.

        Returns
        -------
        array of geometry
            In longitude and latitude.
        """
        return np.asarray(shapely.transform(geometries, self.lonlat), dtype=object)


def make_plane(lon0_deg: float, lat0_deg: float, rng: np.random.Generator) -> Plane:
    """Draw the waves of a plane.

    Parameters
    ----------
    lon0_deg, lat0_deg : float
        Position of the origin.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Plane
        The plane; lengths change by at most about a tenth.
    """
    waves = []
    for length_m, shift_m, count in ((11000.0, 120.0, 2), (4200.0, 38.0, 2), (1500.0, 9.0, 2)):
        angles = rng.uniform(0, np.pi, count) + np.arange(count) * np.pi / count
        phases = rng.uniform(0, 2 * np.pi, count)
        for angle, phase in zip(angles, phases, strict=True):
            k = 2 * np.pi / length_m
            # Displacement across the direction of travel shears instead of stretching.
            across = (-np.sin(angle) * shift_m, np.cos(angle) * shift_m)
            waves.append((k * np.cos(angle), k * np.sin(angle), phase, *across))
    return Plane(lon0_deg, lat0_deg, np.array(waves))


def snap(xy: Float) -> Float:
    """Move positions onto the identity grid.

    Parameters
    ----------
    xy : array, shape (n, 2)
        Metres.

    Returns
    -------
    array, shape (n, 2)
        Metres, multiples of the grid.
    """
    return np.round(xy / GRID_M) * GRID_M


def keys(xy: Float) -> Int:
    """Number positions so that equal grid positions get equal numbers.

    Parameters
    ----------
    xy : array, shape (n, 2)
        Metres.

    Returns
    -------
    array of int64, shape (n,)
        One number per grid position.
    """
    cell = np.round(xy / GRID_M).astype(np.int64) + 2**30
    return np.asarray(cell[:, 0] * 2**31 + cell[:, 1], dtype=np.int64)


def blobs(centres: Float, radii_m: Float, rng: np.random.Generator, *, rough: float = 0.16, n: int = 28) -> Geometries:
    """Draw rounded irregular polygons.

    Parameters
    ----------
    centres : array, shape (k, 2)
        Centres.
    radii_m : array, shape (k,) or (k, 2)
        Mean radius, or two half-axes.
    rng : numpy.random.Generator
        Source of chance.
    rough : float
        Relative size of dents.
    n : int
        Vertices of each polygon.

    Returns
    -------
    array of Polygon, shape (k,)
        The polygons.
    """
    count = len(centres)
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    factor = np.ones((count, n))
    for wave in (2, 3, 4, 5, 7):
        phase = rng.uniform(0, 2 * np.pi, (count, 1))
        factor += rng.normal(0, rough / wave**0.7, (count, 1)) * np.sin(wave * angle + phase)
    factor = np.clip(factor, 0.45, 1.7)
    axes = np.broadcast_to(np.asarray(radii_m, dtype=np.float64).reshape(count, -1), (count, 2))
    x = centres[:, :1] + axes[:, :1] * factor * np.cos(angle)
    y = centres[:, 1:] + axes[:, 1:] * factor * np.sin(angle)
    return np.asarray(shapely.polygons(np.stack([x, y], axis=-1)), dtype=object)
