"""Coordinates in columns: longitude and latitude, northing and easting, or both in one cell."""

from __future__ import annotations

import re

import numpy as np

from geo.arrays import Float
from geo.intake.findings import Findings
from geo.intake.mapping import ColumnMap, Field, words
from geo.intake.place import refuse_blank
from geo.intake.table import RawTable
from geo.intake.values import narrow, read_number, texts

POSITION_FIELDS = (
    Field(
        "lon",
        words(
            "经度 东经 lng long longitude 经度坐标 坐标经度 中心经度 中心点经度 wgs84经度 "
            "gcj02经度 bd09经度 高德经度 百度经度"
        ),
    ),
    Field(
        "lat",
        words(
            "纬度 北纬 latitude 纬度坐标 坐标纬度 中心纬度 中心点纬度 wgs84纬度 gcj02纬度 bd09纬度 高德纬度 百度纬度"
        ),
    ),
    Field("northing", words("北坐标 纵坐标 x北 x坐标北 x北坐标 北坐标x 纵坐标x n坐标 north")),
    Field("easting", words("东坐标 横坐标 y东 y坐标东 y东坐标 东坐标y 横坐标y e坐标 east")),
    Field("x", words("x坐标 坐标x xcoord pointx")),
    Field("y", words("y坐标 坐标y ycoord pointy")),
    Field("lonlat", words("经纬度 经纬度坐标 坐标 位置坐标 地理坐标 location lnglat coordinates")),
)

_DMS = re.compile(r"(\d{1,3})[°度](\d{1,2})[′'’分](\d{1,2}(?:\.\d+)?)(?:[″\"”秒]|''|′′)?[EN东北]?")


def coordinate_columns(table: RawTable, columns: ColumnMap, found: Findings) -> tuple[Float, Float, str, str] | None:
    """Read east and north numbers; X and Y stay as named until the datum is known.

    Parameters
    ----------
    table : RawTable
        The rows.
    columns : ColumnMap
        Their columns.
    found : Findings
        Receives refusals and repairs.

    Returns
    -------
    tuple or None
        East, north and their headers; None if there is no coordinate column.
    """
    for east, north in (("lon", "lat"), ("easting", "northing"), ("x", "y")):
        east_name, north_name = columns.get(east), columns.get(north)
        if east_name is None and north_name is None:
            continue
        for name, other in ((east_name, east), (north_name, north)):
            if name is None:
                found.whole(
                    "missing_column",
                    "refused",
                    f"缺少坐标列“{other}”。文件中的列：{'、'.join(table.columns)}。",
                    f'Missing coordinate column "{other}". Columns seen: {", ".join(table.columns)}.',
                    field=other,
                )
        if east_name is None or north_name is None:
            return None
        x, x_blank = read_number(table.frame[east_name], east_name, found, extra=_degrees)
        y, y_blank = read_number(table.frame[north_name], north_name, found, extra=_degrees)
        refuse_blank(x_blank, found, east_name)
        refuse_blank(y_blank & ~x_blank, found, north_name)
        return x, y, east_name, north_name
    name = columns.get("lonlat")
    if name is not None:
        return (*_split_pair(table, name, found), name, name)
    found.whole(
        "missing_column",
        "refused",
        f"没有坐标列：需要 经度 与 纬度（或 X 与 Y）。文件中的列：{'、'.join(table.columns)}。",
        f"No coordinate columns: 经度 and 纬度 (lon, lat; or X and Y) are needed. "
        f"Columns seen: {', '.join(table.columns)}.",
        field="lon",
    )
    return None


def _split_pair(table: RawTable, name: str, found: Findings) -> tuple[Float, Float]:
    """Longitude and latitude written in one cell."""
    clean = texts(table.frame[name]).str.normalize("NFKC")
    parts = clean.str.extract(r"^[\[(\s]*([-+.\d]+)\s*[,;、 ]\s*([-+.\d]+)[\])\s]*$")
    x = np.array([_float_or_nan(part) for part in parts[0]], np.float64)
    y = np.array([_float_or_nan(part) for part in parts[1]], np.float64)
    refuse_blank(clean.isna().to_numpy(np.bool_), found, name)
    odd = clean.notna().to_numpy(np.bool_) & ~(np.isfinite(x) & np.isfinite(y))
    found.rows(
        odd,
        "not_a_number",
        "refused",
        "不是“经度,纬度”；应写成 117.05,36.80。",
        'Not "longitude,latitude"; write 117.05,36.80.',
        field=name,
        values=table.frame[name].to_numpy(object),
    )
    return x, y


def _float_or_nan(text: object) -> float:
    """A number, or NaN."""
    try:
        return float(str(text)) if isinstance(text, str) else np.nan
    except ValueError:
        return np.nan


def _degrees(text: str) -> float | None:
    """Degrees, minutes and seconds."""
    match = _DMS.fullmatch(narrow(text).replace(" ", "").lstrip("EN东北经纬"))
    if match is None:
        return None
    degree, minute, second = (float(part) for part in match.groups())
    return degree + minute / 60 + second / 3600 if minute < 60 and second < 60 else None
