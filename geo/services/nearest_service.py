"""What lies within a walk of one place: the open facilities of each type, nearest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
import shapely

from geo.access.coverage import Limit
from geo.access.pairs import site_pairs
from geo.catalog.load import facility_type, facility_types
from geo.errors import InfeasibleError, InputError
from geo.network.link import LINK_CAP_M, link_points
from geo.network.model import StreetNetwork
from geo.network.profile import walking_profile
from geo.services.demand import tie_order
from geo.store import Session
from geo.store.conditions import is_open, one_of
from geo.store.layer import layer
from geo.store.pages import RowChoice, read_page

MOST_LOOKED_AT: Final = 5_000
"""Facilities within the straight-line distance that are walked to."""
_METRES_A_DEGREE: Final = 111_320.0
_MARGIN: Final = 1.02
"""A box in degrees is no circle in metres: a little more than the walk may be long."""


@dataclass(frozen=True, slots=True)
class Reached:
    """One facility within the walk.

    Parameters
    ----------
    uid : str
        Id of its record.
    type, name : str
        Catalogue type, and name.
    address : str or None
        Where it says it is.
    opening_hours : str or None
        OSM opening hours.
    lon, lat : float
        Position in EPSG:4490 degrees.
    walk_m, walk_s : float
        Length and time of the fastest walk there, both access legs included.
    """

    uid: str
    type: str
    name: str | None
    address: str | None
    opening_hours: str | None
    lon: float
    lat: float
    walk_m: float
    walk_s: float


@dataclass(frozen=True, slots=True)
class NearestServices:
    """What lies within a walk of one place.

    Parameters
    ----------
    access_m : float
        Access leg from the place to the street.
    speed_mps : float
        Walking speed used.
    by_type : dict of str to tuple of Reached
        Facilities by type, nearest first; a type without any has an empty tuple.
    """

    access_m: float
    speed_mps: float
    by_type: dict[str, tuple[Reached, ...]]


def nearest_services(
    session: Session,
    network: StreetNetwork,
    *,
    lon: float,
    lat: float,
    types: Sequence[str],
    minutes: float,
    speed_mps: float | None,
    at: datetime,
    most: int,
    on: date,
) -> NearestServices:
    """Find the open facilities within a walk of one place.

    Parameters
    ----------
    session : Session
        Any session.
    network : StreetNetwork
        The network of the same state of the store.
    lon, lat : float
        The place in EPSG:4490 degrees.
    types : sequence of str
        Catalogue types; empty for all.
    minutes : float
        The longest walk.
    speed_mps : float or None
        Walking speed; None takes the profile's default.
    at : datetime.datetime
        The moment at which gates are judged.
    most : int
        Most facilities of a type.
    on : datetime.date
        The date at which facilities are judged.

    Returns
    -------
    NearestServices
        The facilities.

    Raises
    ------
    NotFoundError
        A type is not in the catalogue.
    InputError
        Too many facilities lie within that walk.
    InfeasibleError
        No walkable street lies within the linking distance.
    """
    wanted = tuple(dict.fromkeys(types)) or tuple(facility_types())
    for slug in wanted:
        facility_type(slug)
    profile = walking_profile()
    speed = speed_mps or profile.default_speed_mps
    home = link_points(network, np.array([lon]), np.array([lat]))
    if not home.is_linked[0]:
        raise InfeasibleError(
            f"({lon}, {lat}) 的 {LINK_CAP_M:g} 米内没有可步行的道路",
            f"no walkable street within {LINK_CAP_M:g} m of ({lon}, {lat})",
            lon=lon,
            lat=lat,
        )
    spec = layer("facilities")
    # No walk is shorter than the straight line.
    far = minutes * 60.0 * speed * _MARGIN / _METRES_A_DEGREE
    wide = far / max(np.cos(np.radians(lat)), 0.01)
    choice = RowChoice(
        on, on, ((lon - wide, lat - far, lon + wide, lat + far),), (one_of(spec, "type", wanted), is_open(spec, on))
    )
    columns = ("uid", "id", "type", "name", "address", "opening_hours")
    page = read_page(session, spec, columns, choice, after=0, limit=MOST_LOOKED_AT)
    if page.has_more:
        raise InputError(
            f"步行 {minutes:g} 分钟范围内的设施超过 {MOST_LOOKED_AT:,} 处，请缩短时间或指定类型",
            f"more than {MOST_LOOKED_AT:,} facilities lie within {minutes:g} minutes; ask for less, or for some types",
        )
    by_type: dict[str, tuple[Reached, ...]] = dict.fromkeys(wanted, ())
    if not page.fids:
        return NearestServices(float(home.access_m[0]), speed, by_type)
    points = shapely.from_wkb(list(page.wkb))
    x, y = shapely.get_x(points), shapely.get_y(points)
    sites = link_points(network, x, y)
    limit = Limit("seconds", minutes * 60.0)
    pairs = site_pairs(network, home, sites, limit=limit, speed_mps=speed, profile=profile, at=at, threads=1)
    uids, ids, kinds, *words = page.values
    rank = np.empty(len(ids), np.int64)
    rank[tie_order(list(ids))] = np.arange(len(ids))
    order = np.lexsort((rank[pairs.site], pairs.site_walk_s))
    for position in order.tolist():
        site = int(pairs.site[position])
        kind = str(kinds[site])
        if len(by_type[kind]) >= most:
            continue
        name, address, hours = (None if column[site] is None else str(column[site]) for column in words)
        by_type[kind] += (
            Reached(
                str(uids[site]), kind, name, address, hours, float(x[site]), float(y[site]),
                float(pairs.site_walk_m[position]), float(pairs.site_walk_s[position]),
            ),
        )  # fmt: skip
    return NearestServices(float(home.access_m[0]), speed, by_type)
