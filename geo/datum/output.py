"""Coordinate systems that data are given out in, by OGC identifier, with the axis order each one has.

Storage is CGCS2000 longitude and latitude. CRS84 is longitude before latitude, EPSG:4490 and EPSG:4326 latitude before
longitude, the Gauss-Krüger zones northing before easting, EPSG:3857 easting before northing. WGS 84 and CGCS2000 are
one by the identity step of `geo.datum`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

import numpy as np
from pyproj import Transformer

from geo.arrays import Float
from geo.datum.reference import CGCS2000_EPSG
from geo.datum.zone import ZONES
from geo.errors import InputError

CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_EPSG: Final = "http://www.opengis.net/def/crs/EPSG/0/"
STORAGE_CRS: Final = f"{_EPSG}{CGCS2000_EPSG}"
_SPHERE_M: Final = 6_378_137.0
# Where the square of EPSG:3857 ends.
_MERCATOR_LAT: Final = 85.051128779806604


@dataclass(frozen=True, slots=True)
class OutputCrs:
    """One system.

    Parameters
    ----------
    uri : str
        OGC identifier.
    epsg : int or None
        EPSG code; None for CRS84.
    is_north_first : bool
        Whether latitude or northing comes first.
    is_degrees : bool
        Whether coordinates are degrees, not metres.
    """

    uri: str
    epsg: int | None
    is_north_first: bool
    is_degrees: bool

    @property
    def decimals(self) -> int:
        """Decimals that keep a millimetre.

        Returns
        -------
        int
            8 for degrees, 3 for metres.
        """
        return 8 if self.is_degrees else 3

    def forward(self, points: Float) -> Float:
        """Bring positions from storage into this system.

        Parameters
        ----------
        points : array of float64, shape (n, 2)
            Longitude and latitude in degrees.

        Returns
        -------
        array of float64, shape (n, 2)
            Coordinates in this system's own axis order.
        """
        x, y = points[:, 0], points[:, 1]
        if self.epsg == 3857:
            lat = np.clip(y, -_MERCATOR_LAT, _MERCATOR_LAT)
            x, y = _SPHERE_M * np.radians(x), _SPHERE_M * np.arctanh(np.sin(np.radians(lat)))
        elif not self.is_degrees:
            x, y = _to_zone(int(self.epsg or 0)).transform(x, y)
        return np.column_stack([y, x] if self.is_north_first else [x, y])

    def inverse(self, points: Float) -> Float:
        """Bring positions from this system into storage.

        Parameters
        ----------
        points : array of float64, shape (n, 2)
            Coordinates in this system's own axis order.

        Returns
        -------
        array of float64, shape (n, 2)
            Longitude and latitude in degrees; not finite where the system does not reach.
        """
        x, y = (points[:, 1], points[:, 0]) if self.is_north_first else (points[:, 0], points[:, 1])
        if self.epsg == 3857:
            x, y = np.degrees(x / _SPHERE_M), np.degrees(np.arcsin(np.tanh(y / _SPHERE_M)))
        elif not self.is_degrees:
            x, y = _to_zone(int(self.epsg or 0)).transform(x, y, direction="INVERSE")
        return np.column_stack([x, y])


@cache
def _to_zone(epsg: int) -> Transformer:
    """Return the projection of one Gauss-Krüger zone, east before north."""
    return Transformer.from_crs(CGCS2000_EPSG, epsg, always_xy=True)


def _all() -> dict[str, OutputCrs]:
    """Return every system, CRS84 first: clients that look no further take the first one."""
    found = [
        OutputCrs(CRS84, None, is_north_first=False, is_degrees=True),
        OutputCrs(STORAGE_CRS, CGCS2000_EPSG, is_north_first=True, is_degrees=True),
        OutputCrs(f"{_EPSG}4326", 4326, is_north_first=True, is_degrees=True),
        OutputCrs(f"{_EPSG}3857", 3857, is_north_first=False, is_degrees=False),
        *(OutputCrs(f"{_EPSG}{zone.epsg}", zone.epsg, is_north_first=True, is_degrees=False) for zone in ZONES),
    ]
    return {crs.uri: crs for crs in found}


OUTPUT_CRS: Final[Mapping[str, OutputCrs]] = MappingProxyType(_all())
"""Every system by identifier, in the order they are offered."""


def output_uris() -> Sequence[str]:
    """Return the identifiers that are offered.

    Returns
    -------
    sequence of str
        CRS84 first.
    """
    return tuple(OUTPUT_CRS)


def output_crs(text: str) -> OutputCrs:
    """Find a system.

    Parameters
    ----------
    text : str
        Its URI, or the same as a URN, ``EPSG:4490`` or a safe CURIE ``[EPSG:4490]``.

    Returns
    -------
    OutputCrs
        The system.

    Raises
    ------
    InputError
        It is none that data are given out in.
    """
    word = text.strip().removeprefix("[").removesuffix("]")
    upper = word.upper()
    if upper.startswith("URN:OGC:DEF:CRS:"):
        parts = upper.split(":")
        upper = f"{parts[4]}:{parts[-1]}"
    if upper in ("CRS84", "OGC:CRS84"):
        word = CRS84
    elif upper.startswith("EPSG:"):
        word = _EPSG + upper[5:]
    found = OUTPUT_CRS.get(word)
    if found is None:
        raise InputError(
            f"不支持坐标系“{text}”；可用 CRS84、EPSG:4490、4326、3857 和 CGCS2000 高斯-克吕格各带（EPSG:4491–4554）",
            f"coordinate system '{text}' is not offered; allowed are CRS84, EPSG:4490, 4326, 3857 and the CGCS2000 "
            "Gauss-Krüger zones (EPSG:4491-4554)",
            crs=text,
        )
    return found
