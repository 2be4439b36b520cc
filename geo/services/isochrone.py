"""Isochrones for display: the streets from which a place is really reached, as polygons with holes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from geo.access.coverage import minutes as limit_of
from geo.access.isochrone import geometry_text, isochrones
from geo.errors import DataSourceError, InfeasibleError, reason_zh
from geo.network.link import LINK_CAP_M, link_points
from geo.network.model import StreetNetwork
from geo.network.profile import walking_profile
from geo.services.moment import moment_text


@dataclass(frozen=True, slots=True)
class IsochroneCollection:
    """Isochrones of one place.

    Parameters
    ----------
    features : tuple of str
        GeoJSON features as text, the largest first, so that smaller ones are drawn on top.
    access_m : float
        Access leg from the place to the street.
    """

    features: tuple[str, ...]
    access_m: float


def isochrone_features(
    network: StreetNetwork,
    *,
    lon: float,
    lat: float,
    minutes: Sequence[float],
    speed_mps: float | None,
    at: datetime,
) -> IsochroneCollection:
    """Draw the streets from which a place is reached on foot.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    lon, lat : float
        The place in EPSG:4490 degrees.
    minutes : sequence of float
        Limits.
    speed_mps : float or None
        Walking speed; None takes the profile's default.
    at : datetime.datetime
        The moment at which gates are judged.

    Returns
    -------
    IsochroneCollection
        One feature a limit.

    Raises
    ------
    InfeasibleError
        No walkable street lies within the linking distance.
    """
    profile = walking_profile()
    speed = speed_mps or profile.default_speed_mps
    place = link_points(network, np.array([lon]), np.array([lat]))
    if not place.is_linked[0]:
        raise InfeasibleError(
            f"({lon}, {lat}) 的 {LINK_CAP_M:g} 米内没有可步行的道路，无法绘制等时圈",
            f"no walkable street within {LINK_CAP_M:g} m of ({lon}, {lat}): no isochrone can be drawn",
            lon=lon,
            lat=lat,
        )
    access_m = float(place.access_m[0])
    wanted = sorted(set(minutes), reverse=True)
    limits = [limit_of(value) for value in wanted]
    found = isochrones(network, place, limits, speed_mps=speed, profile=profile, at=at)
    features = []
    for limit, one in zip(wanted, found, strict=True):
        properties = {
            "minutes": limit,
            "speed_mps": speed,
            "at": moment_text(at),
            "lon": lon,
            "lat": lat,
            "access_m": access_m,
            "note": "示意：仅供显示，人数以路网逐点计算为准",
        }
        text = json.dumps(properties, ensure_ascii=False)
        features.append(f'{{"type":"Feature","properties":{text},"geometry":{geometry_text(one.polygon)}}}')
    return IsochroneCollection(tuple(features), access_m)


def collection_text(collection: IsochroneCollection) -> str:
    """Write isochrones as GeoJSON.

    Parameters
    ----------
    collection : IsochroneCollection
        The features.

    Returns
    -------
    str
        A feature collection.
    """
    # RFC 7946 knows only CRS84; the member keeps CGCS2000 readers from taking the datum for undeclared.
    crs = '{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}}'
    features = ",\n".join(collection.features)
    return f'{{"type":"FeatureCollection","crs":{crs},"features":[\n{features}\n]}}\n'


def write_geojson(collection: IsochroneCollection, path: Path) -> None:
    """Write isochrones as GeoJSON, overwriting the file.

    Parameters
    ----------
    collection : IsochroneCollection
        The features.
    path : pathlib.Path
        Output file.

    Raises
    ------
    DataSourceError
        If the file cannot be written.
    """
    try:
        path.write_text(collection_text(collection), encoding="utf-8")
    except OSError as error:
        raise DataSourceError(
            f"无法写出 {path}：{reason_zh(error)}", f"cannot write {path}: {error.strerror}"
        ) from error
