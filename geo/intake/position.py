"""Where the rows are: coordinates from columns or geometry, judged and brought to CGCS2000."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import shapely

from geo.arrays import Bool, Float
from geo.datum import (
    Datum,
    HelmertParameters,
    accuracy_text,
    datum_of_crs,
    missing_datum,
    parse_datum,
    to_cgcs2000,
    zone_from_easting,
    zone_of,
    zone_variant,
)
from geo.errors import DatumError
from geo.intake.findings import Findings
from geo.intake.mapping import ColumnMap, Field, words
from geo.intake.result import Bounds, IntakeOptions
from geo.intake.table import Objects, RawTable
from geo.intake.values import narrow, read_number, texts

FAR_M = 200_000.0
_EARTH_M = 6_371_008.8

POSITION_FIELDS = (
    Field(
        "lon",
        words(
            "经度 东经 lng long longitude 经度坐标 坐标经度 中心经度 中心点经度 wgs84经度 gcj02经度 bd09经度 高德经度 百度经度"
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

_DMS = re.compile(r"(\d{1,3})[°度](\d{1,2})[′'’分](\d{1,2}(?:\.\d+)?)(?:[″\"”秒]|'')?[EN东北]?")


@dataclass(frozen=True, slots=True)
class Located:
    """Rows with a place.

    Parameters
    ----------
    geometry : numpy.ndarray
        Shapely geometries in EPSG:4490; None where there is none.
    raw_x, raw_y : numpy.ndarray
        East and north as the file has them (a polygon's: its inner point's); NaN where there is none.
    datum : str
        Datum the coordinates were read in.
    method : str
        Steps to CGCS2000.
    accuracy_m : float
        Accuracy class.
    text_zh, text_en : str
        Datum, steps and accuracy class for people.
    """

    geometry: Objects
    raw_x: Float
    raw_y: Float
    datum: str
    method: str
    accuracy_m: float
    text_zh: str
    text_en: str


def locate(table: RawTable, columns: ColumnMap, options: IntakeOptions, found: Findings) -> Located:
    """Place every row.

    Parameters
    ----------
    table : RawTable
        The rows.
    columns : ColumnMap
        Their columns.
    options : IntakeOptions
        Datum, parameters and the store's bounds.
    found : Findings
        Receives refusals and notes.

    Returns
    -------
    Located
        The places; without a usable datum or coordinate column all are missing and the file is refused.
    """
    if table.geometry is not None:
        return _from_geometry(table, options, found)
    pair = _coordinate_columns(table, columns, found)
    datum = _choose_datum(table, options, found)
    if pair is None or datum is None:
        return nowhere(len(table.lines))
    x, y, x_name, y_name = pair
    x, y, datum = _orient(x, y, datum, columns, found)
    given = np.isfinite(x) & np.isfinite(y) & found.keep
    _refuse_zero(given & (x == 0) & (y == 0), found, x_name)
    given &= found.keep
    if not datum.is_projected:
        _judge_range(x, y, given, found, x_name, y_name)
        given &= found.keep
    lon, lat, located = _convert(x, y, given, datum, options.helmert, found)
    if located is None:
        return nowhere(len(table.lines))
    if datum.is_projected:
        off = given & ~(np.isfinite(lon) & np.isfinite(lat))
        found.rows(off, "out_of_range", "refused", "平面坐标超出该投影的范围。", "Outside the projection's domain.",
                   field=f"{x_name}, {y_name}", values=_pairs(x, y, off))  # fmt: skip
        given &= ~off
    _judge_far(lon, lat, given, options.near, found, f"{x_name}, {y_name}")
    points = np.full(len(x), None, object)
    good = given & found.keep
    points[good] = shapely.points(lon[good], lat[good])
    return Located(points, x, y, *located)


def nowhere(count: int) -> Located:
    """Return places for rows whose place cannot be known.

    Parameters
    ----------
    count : int
        Number of rows.

    Returns
    -------
    Located
        All missing.
    """
    blank = np.full(count, np.nan)
    return Located(np.full(count, None, object), blank, blank.copy(), "", "", np.nan, "", "")


def _choose_datum(table: RawTable, options: IntakeOptions, found: Findings) -> Datum | None:
    """The datum the user states, else the file's; a contradiction is noted or refused, a gap is refused."""
    declared: Datum | None = None
    try:
        declared = None if table.crs is None else datum_of_crs(table.crs)
    except DatumError as error:
        if options.datum is None:
            found.whole(
                "datum_refused",
                "refused",
                error.message_zh,
                error.message_en,
                value=table.crs and table.crs.name,
            )
            return None
    if options.datum is None:
        if declared is None:
            error = missing_datum(table.file)
            found.whole("missing_datum", "refused", error.message_zh, error.message_en)
        return declared
    try:
        stated = parse_datum(options.datum)
    except DatumError as error:
        found.whole("datum_refused", "refused", error.message_zh, error.message_en, value=options.datum)
        return None
    if declared is None or declared.code == stated.code:
        return stated
    same = _same_family(declared, stated)
    if declared.is_projected and not stated.is_projected:
        if same:
            return declared
        found.whole(
            "datum_conflict", "refused",
            f"文件声明的是平面坐标系“{declared.code}”,与 --datum {stated.code} 矛盾。请去掉 --datum 或写明 EPSG:n。",
            f'The file declares the projected system "{declared.code}", which --datum {stated.code} contradicts. '
            "Leave --datum out or give EPSG:n.",
            value=declared.code,
        )  # fmt: skip
        return None
    found.whole(
        "datum_overridden", "note",
        f"文件声明“{declared.code}”,按 --datum {stated.code} 读取。",
        f'The file declares "{declared.code}"; read as {stated.code} because --datum says so.',
        value=declared.code,
    )  # fmt: skip
    return stated


def _same_family(declared: Datum, stated: Datum) -> bool:
    """Whether a projected system rests on the datum the user names."""
    if declared.crs is None or stated.crs is None:
        return False
    geodetic = declared.crs.geodetic_crs
    return geodetic is not None and datum_of_crs(geodetic).code == stated.code


def _coordinate_columns(
    table: RawTable, columns: ColumnMap, found: Findings
) -> tuple[Float, Float, str, str] | None:
    """East and north numbers with their headers; X and Y stay as named until the datum is known."""
    for east, north in (("lon", "lat"), ("easting", "northing"), ("x", "y")):
        east_name, north_name = columns.get(east), columns.get(north)
        if east_name is None and north_name is None:
            continue
        for name, other in ((east_name, east), (north_name, north)):
            if name is None:
                found.whole(
                    "missing_column", "refused",
                    f"缺少坐标列“{other}”。文件中的列:{'、'.join(table.columns)}。",
                    f'Missing coordinate column "{other}". Columns seen: {", ".join(table.columns)}.',
                    field=other,
                )  # fmt: skip
        if east_name is None or north_name is None:
            return None
        x, x_blank = read_number(table.frame[east_name], east_name, found, extra=_degrees)
        y, y_blank = read_number(table.frame[north_name], north_name, found, extra=_degrees)
        _refuse_blank(x_blank, found, east_name)
        _refuse_blank(y_blank & ~x_blank, found, north_name)
        return x, y, east_name, north_name
    name = columns.get("lonlat")
    if name is not None:
        return (*_split_pair(table, name, found), name, name)
    found.whole(
        "missing_column", "refused",
        f"没有坐标列:需要 经度 与 纬度(或 X 与 Y)。文件中的列:{'、'.join(table.columns)}。",
        f"No coordinate columns: 经度 and 纬度 (lon, lat; or X and Y) are needed. "
        f"Columns seen: {', '.join(table.columns)}.",
        field="lon",
    )  # fmt: skip
    return None


def _split_pair(table: RawTable, name: str, found: Findings) -> tuple[Float, Float]:
    """Longitude and latitude written in one cell."""
    clean = texts(table.frame[name])
    parts = clean.str.extract(r"^[\[(\s(]*([-+.\d]+)\s*[,,;; ]\s*([-+.\d]+)[\])\s)]*$")
    x = parts[0].astype("object").map(_float_or_nan).to_numpy(np.float64)
    y = parts[1].astype("object").map(_float_or_nan).to_numpy(np.float64)
    _refuse_blank(clean.isna().to_numpy(np.bool_), found, name)
    odd = clean.notna().to_numpy(np.bool_) & ~(np.isfinite(x) & np.isfinite(y))
    found.rows(odd, "not_a_number", "refused", "不是“经度,纬度”;应写成 117.05,36.80。",
               'Not "longitude,latitude"; write 117.05,36.80.', field=name, values=table.frame[name].to_numpy(object))  # fmt: skip
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


def _orient(
    x: Float, y: Float, datum: Datum, columns: ColumnMap, found: Findings
) -> tuple[Float, Float, Datum]:
    """Bring projected X, Y into east-north order and settle whether eastings carry their zone."""
    named_xy = columns.get("x") is not None and columns.get("lon") is None and columns.get("easting") is None
    if not datum.is_projected:
        both = np.isfinite(x) & np.isfinite(y)
        east = y if named_xy and bool(both.any()) and np.median(y[both]) >= 13e6 else x
        zone = zone_from_easting(float(np.median(east[both]))) if both.any() else None
        if zone is None or datum.code != "cgcs2000":
            return x, y, datum
        datum = parse_datum(f"EPSG:{zone.epsg}")
        found.whole("zone_from_easting", "note", f"横坐标带有带号 {zone.zone},按 {datum.code} 读取。",
                    f"Eastings carry zone {zone.zone}; read as {datum.code}.", value=datum.code)  # fmt: skip
    if named_xy:
        # Chinese tables write X for north; a GIS export writes x for east. The numbers tell them apart.
        as_survey, as_gis = _plausible(y, x, datum), _plausible(x, y, datum)
        if as_survey >= as_gis:
            x, y = y, x
        found.whole("axis_order", "note",
                    "X 列按北坐标、Y 列按东坐标读取。" if as_survey >= as_gis else "X 列按东坐标、Y 列按北坐标读取。",
                    "Column X read as northing and Y as easting." if as_survey >= as_gis
                    else "Column X read as easting and Y as northing.")  # fmt: skip
    return x, y, _settle_prefix(x, datum, found)


def _plausible(east: Float, north: Float, datum: Datum) -> int:
    """How many pairs fit the projection in this order."""
    zone = zone_of(datum)
    offset = 500_000.0
    if zone is not None:
        offset += np.floor(np.nan_to_num(east) / 1e6) * 1e6
    elif datum.crs is not None:
        offset = _false_easting(datum)
    fits = (np.abs(east - offset) < 500_000) & (np.abs(north) < 10_100_000)
    if zone is not None:
        fits &= (np.floor(np.nan_to_num(east) / 1e6) == zone.zone) | (np.abs(east) < 1e6)
    return int(fits.sum())


def _false_easting(datum: Datum) -> float:
    """False easting of a projection."""
    operation = None if datum.crs is None else datum.crs.coordinate_operation
    for parameter in operation.params if operation is not None else ():
        if parameter.name.lower() == "false easting":
            return float(parameter.value)
    return 0.0


def _settle_prefix(east: Float, datum: Datum, found: Findings) -> Datum:
    """Swap a zone for its sister when all eastings show that the other one is meant."""
    zone = zone_of(datum)
    valid = east[np.isfinite(east)]
    if zone is None or valid.size == 0:
        return datum
    has_prefix = bool(np.all(np.floor(valid / 1e6) == zone.zone))
    has_none = bool(np.all(np.abs(valid) < 1e6))
    if not (has_prefix or has_none) or has_prefix == zone.is_prefixed:
        return datum
    sister = zone_variant(zone, is_prefixed=has_prefix)
    zh = "带有带号" if has_prefix else "没有带号"
    found.whole("zone_prefix", "note", f"横坐标{zh},按同一带的 EPSG:{sister.epsg} 读取。",
                f"Eastings {'carry' if has_prefix else 'do not carry'} the zone number; read as EPSG:{sister.epsg}.",
                value=datum.code)  # fmt: skip
    return parse_datum(f"EPSG:{sister.epsg}")


def _convert(
    x: Float, y: Float, given: Bool, datum: Datum, helmert: HelmertParameters | None, found: Findings
) -> tuple[Float, Float, tuple[str, str, float, str, str] | None]:
    """Coordinates in CGCS2000, with what is told about them."""
    lon, lat = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    try:
        done = to_cgcs2000(x[given], y[given], datum, helmert=helmert)
    except DatumError as error:
        found.whole("datum_refused", "refused", error.message_zh, error.message_en, value=datum.code)
        return lon, lat, None
    lon[given], lat[given] = done.lon_deg, done.lat_deg
    if done.is_unchanged.any() and len(found) == len(given):
        where = np.zeros(len(given), np.bool_)
        where[given] = done.is_unchanged
        found.rows(where, "outside_formula", "note", "位于偏移公式的范围之外,坐标未改动。",
                   "Outside the offset formula's box; coordinates unchanged.")  # fmt: skip
    return lon, lat, describe(datum, done.method, done.accuracy_m)


def describe(datum: Datum, method: str, accuracy_m: float) -> tuple[str, str, float, str, str]:
    """Tell a datum, the steps and the accuracy class.

    Parameters
    ----------
    datum : Datum
        Datum of the file.
    method : str
        Steps.
    accuracy_m : float
        Accuracy class.

    Returns
    -------
    tuple
        Code, method, accuracy, Chinese and English line.
    """
    zh = f"坐标基准 {datum.code} → CGCS2000({method};{accuracy_text(accuracy_m, 'zh')})"
    en = f"datum {datum.code} → CGCS2000 ({method}; {accuracy_text(accuracy_m, 'en')})"
    return datum.code, method, accuracy_m, zh, en


def _from_geometry(table: RawTable, options: IntakeOptions, found: Findings) -> Located:
    """Places from a geometry column."""
    raw = table.geometry
    count = len(table.lines)
    if raw is None:
        return nowhere(count)
    if table.is_unreadable is not None:
        found.rows(table.is_unreadable, "unreadable_geometry", "refused", "几何无法读取。", "Unreadable geometry.",
                   field="geometry")  # fmt: skip
    if table.is_ring_closed is not None:
        found.rows(table.is_ring_closed, "ring_closed", "repaired", "多边形环未闭合,已闭合。", "Open ring closed.",
                   field="geometry")  # fmt: skip
    none = np.asarray(shapely.is_missing(raw), np.bool_)
    found.rows(none & ~found.refused, "missing_coordinate", "refused", "没有几何;每个要素都应有位置。",
               "No geometry; every feature needs a place.", field="geometry")  # fmt: skip
    datum = _choose_datum(table, options, found)
    if datum is None:
        return nowhere(count)
    coordinates, owner = shapely.get_coordinates(raw, return_index=True)
    x, y = coordinates[:, 0], coordinates[:, 1]
    bounds = shapely.bounds(raw)
    _refuse_zero(~none & np.all(bounds == 0, axis=1), found, "geometry")
    if not datum.is_projected:
        low, high = bounds[:, :2], bounds[:, 2:]
        worst_x = np.where(np.abs(low[:, 0]) > np.abs(high[:, 0]), low[:, 0], high[:, 0])
        worst_y = np.where(np.abs(low[:, 1]) > np.abs(high[:, 1]), low[:, 1], high[:, 1])
        _judge_range(worst_x, worst_y, ~none & found.keep, found, "geometry", "geometry")
    good = found.keep[owner] & np.isfinite(x) & np.isfinite(y)
    lon, lat, located = _convert(x, y, good, datum, options.helmert, found)
    if located is None:
        return nowhere(count)
    lost = np.zeros(count, np.bool_)
    lost[owner[~(np.isfinite(lon) & np.isfinite(lat))]] = True
    found.rows(lost & found.keep, "out_of_range", "refused", "坐标超出该坐标系的范围。",
               "Coordinates outside the system's domain.", field="geometry")  # fmt: skip
    out = raw.copy()
    keep = found.keep & ~none
    inside = keep[owner]
    out[~keep] = None
    out[keep] = shapely.set_coordinates(raw[keep].copy(), np.column_stack([lon[inside], lat[inside]]))
    box = shapely.bounds(out)
    middle_x, middle_y = (box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2
    _judge_far(middle_x, middle_y, keep, options.near, found, "geometry")
    out[~found.keep] = None
    spot = shapely.point_on_surface(raw)
    return Located(out, shapely.get_x(spot), shapely.get_y(spot), *located)


def _refuse_blank(where: Bool, found: Findings, name: str) -> None:
    """Refuse rows without a coordinate."""
    found.rows(where, "missing_coordinate", "refused", "没有坐标;每行都应有位置。",
               "No coordinate; every row needs a place.", field=name)  # fmt: skip


def _refuse_zero(where: Bool, found: Findings, name: str) -> None:
    """Refuse the place (0, 0), which stands for "unknown" in most exports."""
    found.rows(where, "zero_coordinate", "refused", "坐标为 (0, 0),是未填写的占位值;应填写真实位置。",
               "Coordinates (0, 0) stand for a missing place; give the real one.",
               field=name, values=["0, 0"] * len(found))  # fmt: skip


def _judge_range(x: Float, y: Float, given: Bool, found: Findings, x_name: str, y_name: str) -> None:
    """Refuse degrees out of range, telling swapped pairs and metres apart."""
    out = given & ((np.abs(x) > 180) | (np.abs(y) > 90))
    swapped = out & (np.abs(x) <= 90) & (np.abs(y) <= 180)
    metres = out & ~swapped & ((np.abs(x) > 1000) | (np.abs(y) > 1000))
    names = x_name if x_name == y_name else f"{x_name}, {y_name}"
    pairs = _pairs(x, y, out)
    found.rows(swapped, "swapped_coordinates", "refused", "经度和纬度写反了:纬度应在 -90 至 90 之间。",
               "Longitude and latitude are swapped: latitude lies between -90 and 90.",
               field=names, values=pairs)  # fmt: skip
    found.rows(metres, "out_of_range", "refused",
               "不是经纬度,像平面坐标(米);请用 --datum EPSG:45xx 写明投影带。",
               "No degrees; these look like projected metres: state the zone with --datum EPSG:45xx.",
               field=names, values=pairs)  # fmt: skip
    found.rows(out & ~swapped & ~metres, "out_of_range", "refused", "超出范围:经度 -180 至 180,纬度 -90 至 90。",
               "Out of range: longitude -180 to 180, latitude -90 to 90.", field=names, values=pairs)  # fmt: skip


def _judge_far(lon: Float, lat: Float, given: Bool, near: Bounds | None, found: Findings, names: str) -> None:
    """Refuse places over 200 km from the store's other layers, telling swapped pairs."""
    if near is None:
        return
    far = given & np.isfinite(lon) & (distance_to_bounds_m(lon, lat, near) > FAR_M)
    if not far.any():
        return
    swapped = far & (distance_to_bounds_m(lat, lon, near) <= FAR_M)
    pairs = _pairs(lon, lat, far)
    found.rows(swapped, "swapped_coordinates", "refused",
               "经度和纬度写反了:交换后才落在已有图层附近。",
               "Longitude and latitude are swapped: the exchanged pair lies near the other layers.",
               field=names, values=pairs)  # fmt: skip
    zh = f"距已有图层超过 200 公里(已有范围 {near[0]:.3f},{near[1]:.3f} 至 {near[2]:.3f},{near[3]:.3f})。"
    en = f"Over 200 km from the other layers ({near[0]:.3f},{near[1]:.3f} to {near[2]:.3f},{near[3]:.3f})."
    found.rows(far & ~swapped, "far_away", "refused", zh, en, field=names, values=pairs)


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
        Metres to the nearest point of the rectangle by clamping; 0 inside, infinite where latitude is no latitude.
    """
    near_lon, near_lat = np.clip(lon, bounds[0], bounds[2]), np.clip(lat, bounds[1], bounds[3])
    a, b = np.radians(lat), np.radians(near_lat)
    half = np.sin((a - b) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(lon - near_lon) / 2) ** 2
    distance = 2 * _EARTH_M * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return np.where(np.abs(lat) > 90, np.inf, distance)


def _pairs(x: Float, y: Float, where: Bool) -> list[str | None]:
    """Coordinate pairs as text where they are needed."""
    out: list[str | None] = [None] * len(x)
    for i in np.flatnonzero(where).tolist():
        out[i] = f"{x[i]:.10g}, {y[i]:.10g}"
    return out
