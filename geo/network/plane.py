"""The local plane, a transverse Mercator centred on the study area, where streets and legs are measured."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from pyproj import Proj

from geo.arrays import Float

# Mean radius of curvature; its spread over China changes a scale correction of 1e-4 by less than one part in
# a hundred.
_RADIUS_M = 6_371_000.0


# Making one takes longer than projecting a small isochrone; one thread must not use another's.
@lru_cache(maxsize=32)
def _projection(lon: float, lat: float, thread: int) -> Proj:
    """Return a transverse Mercator for one thread."""
    return Proj(proj="tmerc", lon_0=lon, lat_0=lat, k=1.0, ellps="GRS80")


@dataclass(frozen=True, slots=True)
class Plane:
    """A transverse Mercator on the CGCS2000 ellipsoid with its own central meridian.

    Parameters
    ----------
    lon, lat : float
        Centre in degrees; it becomes the origin.
    """

    lon: float
    lat: float

    def _projection(self) -> Proj:
        """Return the projection; a plain map projection, no datum step is involved."""
        return _projection(self.lon, self.lat, threading.get_ident())

    def forward(self, lon: Float, lat: Float) -> tuple[Float, Float]:
        """Project degrees to plane metres.

        Parameters
        ----------
        lon, lat : Float
            Degrees, shape (n,).

        Returns
        -------
        tuple of Float, Float
            East and north of the centre in plane metres; inf where it cannot be projected.
        """
        if lon.size == 0:
            return np.empty(0), np.empty(0)
        x, y = self._projection()(np.array(lon, np.float64), np.array(lat, np.float64))
        return np.ascontiguousarray(x), np.ascontiguousarray(y)

    def inverse(self, x: Float, y: Float) -> tuple[Float, Float]:
        """Return degrees of plane metres.

        Parameters
        ----------
        x, y : Float
            East and north of the centre in plane metres, shape (n,).

        Returns
        -------
        tuple of Float, Float
            Longitude and latitude in degrees.
        """
        if x.size == 0:
            return np.empty(0), np.empty(0)
        lon, lat = self._projection()(np.array(x, np.float64), np.array(y, np.float64), inverse=True)
        return np.ascontiguousarray(lon), np.ascontiguousarray(lat)

    def scale(self, x: Float) -> Float:
        """Return plane metres per metre on the ellipsoid.

        Parameters
        ----------
        x : Float
            East of the centre in plane metres.

        Returns
        -------
        Float
            Local scale factor, 1 on the central meridian.
        """
        ratio = x / _RADIUS_M
        return 1.0 + 0.5 * ratio * ratio
