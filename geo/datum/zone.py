"""Gauss-Krüger zones of CGCS2000."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from geo.datum.reference import Datum


@dataclass(frozen=True, slots=True)
class GaussKruger:
    """A Gauss-Krüger zone of CGCS2000.

    Parameters
    ----------
    epsg : int
        EPSG code.
    width_deg : {3, 6}
        Zone width in degrees.
    central_meridian_deg : int
        Central meridian.
    zone : int
        Zone number.
    is_prefixed : bool
        Whether eastings start with the zone number.
    """

    epsg: int
    width_deg: Literal[3, 6]
    central_meridian_deg: int
    zone: int
    is_prefixed: bool


def _zone_list() -> tuple[GaussKruger, ...]:
    """EPSG's complete list of CGCS2000 zones."""
    rows: list[GaussKruger] = []
    for step in range(11):
        meridian = 75 + 6 * step
        rows.append(GaussKruger(4491 + step, 6, meridian, 13 + step, True))
        rows.append(GaussKruger(4502 + step, 6, meridian, 13 + step, False))
    for step in range(21):
        meridian = 75 + 3 * step
        rows.append(GaussKruger(4513 + step, 3, meridian, 25 + step, True))
        rows.append(GaussKruger(4534 + step, 3, meridian, 25 + step, False))
    return tuple(rows)


ZONES: Sequence[GaussKruger] = _zone_list()
_BY_EPSG = {row.epsg: row for row in ZONES}


def zone_of(datum: Datum) -> GaussKruger | None:
    """Find the Gauss-Krüger zone that a datum names.

    Parameters
    ----------
    datum : Datum
        Any datum.

    Returns
    -------
    GaussKruger or None
        The zone, or None if the datum is no CGCS2000 zone of EPSG's list.
    """
    if not datum.code.startswith("EPSG:"):
        return None
    return _BY_EPSG.get(int(datum.code[5:]))


def zone_variant(zone: GaussKruger, *, is_prefixed: bool) -> GaussKruger:
    """Find the same zone with or without the zone number before the easting.

    Parameters
    ----------
    zone : GaussKruger
        A zone.
    is_prefixed : bool
        Whether eastings shall start with the zone number.

    Returns
    -------
    GaussKruger
        The zone itself or its sister.
    """
    return next(row for row in ZONES if row.zone == zone.zone and row.is_prefixed == is_prefixed)


def zone_from_easting(easting_m: float) -> GaussKruger | None:
    """Read the zone from an easting that starts with its number.

    Parameters
    ----------
    easting_m : float
        Easting in metres.

    Returns
    -------
    GaussKruger or None
        The prefixed zone (6° for 13-23, 3° for 25-45); None if the number starts with no zone.
    """
    if not 13_000_000 <= easting_m < 46_000_000:
        return None
    number = int(easting_m // 1_000_000)
    return next((row for row in ZONES if row.zone == number and row.is_prefixed), None)
