"""A town small enough to walk in one's head, written as the files a bureau would have.

One straight street of 2,000 m runs east along the parallel 41° N, with a vertex every 100 m. A second street of 300 m
lies 2 km to the north and touches nothing. Positions are given in metres east of the street's west end and north of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from pyproj import Geod

LON0, LAT0 = 103.0, 41.0
GEOD = Geod(ellps="GRS80")
DEG_PER_M_LON = 100.0 / GEOD.inv(LON0, LAT0, LON0 + 0.001, LAT0)[2] * 0.001 / 100.0
DEG_PER_M_LAT = 1.0 / (GEOD.inv(LON0, LAT0, LON0, LAT0 + 0.01)[2] / 0.01)


def position(east_m: float, north_m: float = 0.0) -> tuple[float, float]:
    """Return degrees of a place in the town."""
    return LON0 + east_m * DEG_PER_M_LON, LAT0 + north_m * DEG_PER_M_LAT


def write_streets(folder: Path, *, name: str = "streets.osm") -> Path:
    """Write the two streets as OSM XML."""
    places = [(east, 0.0) for east in range(0, 2001, 100)] + [(0.0, 2000.0), (300.0, 2000.0)]
    nodes = "".join(
        f'<node id="{number}" version="1" lon="{position(*place)[0]:.7f}" lat="{position(*place)[1]:.7f}"/>'
        for number, place in enumerate(places, start=1)
    )
    main = "".join(f'<nd ref="{number}"/>' for number in range(1, 22))
    ways = (
        f'<way id="1" version="1">{main}<tag k="highway" v="residential"/><tag k="name" v="幸福路"/></way>'
        '<way id="2" version="1"><nd ref="22"/><nd ref="23"/><tag k="highway" v="residential"/></way>'
    )
    path = folder / name
    path.write_text(f'<?xml version="1.0"?><osm version="0.6">{nodes}{ways}</osm>', encoding="utf-8")
    return path


def write_facilities(folder: Path, places: Sequence[tuple[str, float]], *, name: str = "canteens.csv") -> Path:
    """Write canteens on the main street: ids with metres east."""
    lines = ["编号,名称,经度,纬度"]
    lines += [f"{code},食堂{code},{position(east)[0]:.9f},{position(east)[1]:.9f}" for code, east in places]
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_demand(
    folder: Path, rows: Sequence[tuple[str, float, float, int, int, int]], *, name: str = "people.csv"
) -> Path:
    """Write demand points: id, metres east and north, people aged 60–69, 70–79, 80 and over."""
    lines = ["id,lon,lat,persons_60_69,persons_70_79,persons_80_plus"]
    for code, east, north, *ages in rows:
        lon, lat = position(east, north)
        lines.append(f"{code},{lon:.9f},{lat:.9f},{ages[0]},{ages[1]},{ages[2]}")
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_divisions(folder: Path, *, name: str = "divisions.geojson") -> Path:
    """Write two townships, west and east of the middle of the main street; the far street lies outside both."""
    features = []
    for code, title, west, east in (("990101001", "西镇", -500.0, 1000.0), ("990101002", "东镇", 1000.0, 2500.0)):
        ring = [(west, -500.0), (east, -500.0), (east, 500.0), (west, 500.0), (west, -500.0)]
        features.append(
            {
                "type": "Feature",
                "properties": {"code": code, "name": title, "level": "township"},
                "geometry": {"type": "Polygon", "coordinates": [[position(*corner) for corner in ring]]},
            }
        )
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}
    path = folder / name
    path.write_text(
        json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}), encoding="utf-8"
    )
    return path


PEOPLE = (
    ("home", 0.0, 0.0, 40, 30, 30),
    ("near", 500.0, 10.0, 10, 10, 10),
    ("far", 1900.0, 0.0, 5, 5, 5),
    ("island", 100.0, 2000.0, 7, 0, 0),
    ("nowhere", 1000.0, 400.0, 0, 0, 3),
)
"""On the street, beside it, at its far end, on the street that touches nothing, and far from any street."""

assert math.isclose(GEOD.inv(*position(0), *position(2000))[2], 2000.0, rel_tol=1e-4)
