"""The local plane of one analysis: a transverse Mercator centred on the study area.

Circles, gaps and neighbourhoods are planar work. Within 100 km of the centre a length is right to about a
decimetre in a kilometre, at any place, without a zone boundary to cross.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from pyproj import CRS, Transformer

from geo.arrays import Float
from geo.datum import local_metric_crs

_GEOGRAPHIC: Final = "EPSG:4490"


@dataclass(frozen=True, slots=True)
class LocalPlane:
    """A plane in metres around one point.

    Parameters
    ----------
    lon_deg, lat_deg : float
        Centre in EPSG:4490; x = y = 0 there.
    """

    lon_deg: float
    lat_deg: float

    def forward(self, lon: Float, lat: Float) -> tuple[Float, Float]:
        """Project degrees to metres.

        Parameters
        ----------
        lon, lat : array of float64, shape (n,)
            Degrees in EPSG:4490.

        Returns
        -------
        tuple of two arrays of float64, shape (n,)
            x to the east and y to the north, in metres from the centre.
        """
        transformer = Transformer.from_crs(_GEOGRAPHIC, self._crs(), always_xy=True)
        x, y = transformer.transform(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
        return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)

    def inverse(self, x: Float, y: Float) -> tuple[Float, Float]:
        """Return metres to degrees.

        Parameters
        ----------
        x, y : array of float64, shape (n,)
            Metres in this plane.

        Returns
        -------
        tuple of two arrays of float64, shape (n,)
            lon and lat in EPSG:4490 degrees.
        """
        transformer = Transformer.from_crs(self._crs(), _GEOGRAPHIC, always_xy=True)
        lon, lat = transformer.transform(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
        return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)

    def _crs(self) -> CRS:
        """Return the plane's reference system."""
        return local_metric_crs(self.lon_deg, self.lat_deg)


def plane_around(lon: Float, lat: Float) -> LocalPlane:
    """Return the plane centred on the extent of some points.

    Parameters
    ----------
    lon, lat : array of float64, shape (n,)
        Degrees in EPSG:4490; may be empty.

    Returns
    -------
    LocalPlane
        Centred on the middle of the extent, at whole micro-degrees; at (0, 0) when there is no point.
    """
    if len(lon) == 0:
        return LocalPlane(0.0, 0.0)
    middle_lon = (float(np.min(lon)) + float(np.max(lon))) / 2
    middle_lat = (float(np.min(lat)) + float(np.max(lat))) / 2
    return LocalPlane(round(middle_lon, 6), round(middle_lat, 6))
