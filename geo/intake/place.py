"""Which places cannot be: missing, (0, 0), out of range, swapped, or far from everything else."""

from __future__ import annotations

import numpy as np

from geo.arrays import Bool, Float
from geo.intake.findings import Findings
from geo.intake.result import Bounds

FAR_M = 200_000.0
_EARTH_M = 6_371_008.8


def refuse_blank(where: Bool, found: Findings, name: str) -> None:
    """Refuse rows without a coordinate.

    Parameters
    ----------
    where : numpy.ndarray
        Mask of the rows.
    found : Findings
        Receives the refusals.
    name : str
        Column.
    """
    found.rows(
        where,
        "missing_coordinate",
        "refused",
        "没有坐标；每行都应有位置。",
        "No coordinate; every row needs a place.",
        field=name,
    )


def refuse_zero(where: Bool, found: Findings, name: str) -> None:
    """Refuse the place (0, 0), which stands for "unknown" in most exports.

    Parameters
    ----------
    where : numpy.ndarray
        Mask of the rows.
    found : Findings
        Receives the refusals.
    name : str
        Column.
    """
    found.rows(
        where,
        "zero_coordinate",
        "refused",
        "坐标为 (0, 0)，是未填写的占位值；应填写真实位置。",
        "Coordinates (0, 0) stand for a missing place; give the real one.",
        field=name,
        values=["0, 0"] * len(found),
    )


def judge_range(x: Float, y: Float, given: Bool, found: Findings, x_name: str, y_name: str) -> None:
    """Refuse degrees out of range, telling swapped pairs and metres apart.

    Parameters
    ----------
    x, y : numpy.ndarray
        East and north in degrees.
    given : numpy.ndarray
        Rows to judge.
    found : Findings
        Receives the refusals.
    x_name, y_name : str
        Columns.
    """
    out = given & ((np.abs(x) > 180) | (np.abs(y) > 90))
    swapped = out & (np.abs(x) <= 90) & (np.abs(y) <= 180)
    metres = out & ~swapped & ((np.abs(x) > 1000) | (np.abs(y) > 1000))
    names = x_name if x_name == y_name else f"{x_name}, {y_name}"
    shown = pairs(x, y, out)
    found.rows(
        swapped,
        "swapped_coordinates",
        "refused",
        "经度和纬度写反了：纬度应在 -90 至 90 之间。",
        "Longitude and latitude are swapped: latitude lies between -90 and 90.",
        field=names,
        values=shown,
    )
    found.rows(
        metres,
        "out_of_range",
        "refused",
        "不是经纬度，像平面坐标（米）；请用 --datum EPSG:45xx 写明投影带。",
        "No degrees; these look like projected metres: state the zone with --datum EPSG:45xx.",
        field=names,
        values=shown,
    )
    found.rows(
        out & ~swapped & ~metres,
        "out_of_range",
        "refused",
        "超出范围：经度 -180 至 180，纬度 -90 至 90。",
        "Out of range: longitude -180 to 180, latitude -90 to 90.",
        field=names,
        values=shown,
    )


def judge_far(lon: Float, lat: Float, given: Bool, near: Bounds | None, found: Findings, names: str) -> None:
    """Refuse places over 200 km from the store's other layers, telling swapped pairs.

    Parameters
    ----------
    lon, lat : numpy.ndarray
        Places in degrees.
    given : numpy.ndarray
        Rows to judge.
    near : tuple of float or None
        West, south, east, north of the other layers; None judges nothing.
    found : Findings
        Receives the refusals.
    names : str
        Columns.
    """
    if near is None:
        return
    far = given & np.isfinite(lon) & (distance_to_bounds_m(lon, lat, near) > FAR_M)
    if not far.any():
        return
    swapped = far & (distance_to_bounds_m(lat, lon, near) <= FAR_M)
    shown = pairs(lon, lat, far)
    found.rows(
        swapped,
        "swapped_coordinates",
        "refused",
        "经度和纬度写反了：交换后才落在已有图层附近。",
        "Longitude and latitude are swapped: the exchanged pair lies near the other layers.",
        field=names,
        values=shown,
    )
    zh = f"距已有图层超过 200 公里（已有范围 {near[0]:.3f},{near[1]:.3f} 至 {near[2]:.3f},{near[3]:.3f}）。"
    en = f"Over 200 km from the other layers ({near[0]:.3f},{near[1]:.3f} to {near[2]:.3f},{near[3]:.3f})."
    found.rows(far & ~swapped, "far_away", "refused", zh, en, field=names, values=shown)


def distance_to_bounds_m(lon: Float, lat: Float, bounds: Bounds) -> Float:
    """Return great-circle distances from places to a rectangle.

    Parameters
    ----------
    lon, lat : numpy.ndarray
        Places in degrees.
    bounds : tuple of float
        West, south, east, north in degrees.

    Returns
    -------
    numpy.ndarray
        Metres to the rectangle's nearest point by clamping; 0 inside, infinite where latitude is none.
    """
    near_lon, near_lat = np.clip(lon, bounds[0], bounds[2]), np.clip(lat, bounds[1], bounds[3])
    a, b = np.radians(lat), np.radians(near_lat)
    half = np.sin((a - b) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(lon - near_lon) / 2) ** 2
    distance = 2 * _EARTH_M * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return np.where(np.abs(lat) > 90, np.inf, distance)


def pairs(x: Float, y: Float, where: Bool) -> list[str | None]:
    """Write coordinate pairs as text where they are needed.

    Parameters
    ----------
    x, y : numpy.ndarray
        East and north.
    where : numpy.ndarray
        Rows to write.

    Returns
    -------
    list of str or None
        One text a row; None elsewhere.
    """
    out: list[str | None] = [None] * len(x)
    for i in np.flatnonzero(where).tolist():
        out[i] = f"{x[i]:.10g}, {y[i]:.10g}"
    return out
