"""Where the rows are: coordinates from columns or geometry, judged and brought to CGCS2000."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.arrays import Bool, Float
from geo.datum import Datum, HelmertParameters, accuracy_text, to_cgcs2000
from geo.errors import DatumError
from geo.intake.coordinates import coordinate_columns
from geo.intake.findings import Findings
from geo.intake.mapping import ColumnMap
from geo.intake.place import judge_far, judge_range, pairs, refuse_zero
from geo.intake.reference import choose_datum, orient
from geo.intake.result import IntakeOptions
from geo.intake.table import Objects, RawTable


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
    with found.afresh():
        if table.geometry is not None:
            return _from_geometry(table, options, found)
        return _from_columns(table, columns, options, found)


def _from_columns(table: RawTable, columns: ColumnMap, options: IntakeOptions, found: Findings) -> Located:
    """Places from two columns of numbers."""
    pair = coordinate_columns(table, columns, found)
    datum = choose_datum(table, options, found)
    if pair is None:
        return nowhere(len(table.lines))
    x, y, x_name, y_name = pair
    refuse_zero((x == 0) & (y == 0) & found.keep, found, x_name)
    if datum is None:
        return nowhere(len(table.lines))
    x, y, datum = orient(x, y, datum, columns, found)
    given = np.isfinite(x) & np.isfinite(y) & found.keep
    if not datum.is_projected:
        judge_range(x, y, given, found, x_name, y_name)
        given &= found.keep
    lon, lat, located = _convert(x, y, given, datum, options.helmert, found)
    if located is None:
        return nowhere(len(table.lines))
    if datum.is_projected:
        off = given & ~(np.isfinite(lon) & np.isfinite(lat))
        found.rows(
            off,
            "out_of_range",
            "refused",
            "平面坐标超出该投影的范围。",
            "Outside the projection's domain.",
            field=f"{x_name}, {y_name}",
            values=pairs(x, y, off),
        )
        given &= ~off
    judge_far(lon, lat, given, options.near, found, f"{x_name}, {y_name}")
    points = np.full(len(x), None, object)
    good = given & found.keep
    points[good] = shapely.points(lon[good], lat[good])
    return Located(points, x, y, *located)


def place_shapes(table: RawTable, columns: ColumnMap, options: IntakeOptions, found: Findings) -> Located:
    """Place every row of a layer that needs shapes; a table without geometry has no places.

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
        The places.
    """
    if table.geometry is None:
        return nowhere(len(table.lines))
    return locate(table, columns, options, found)


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
        found.rows(
            where,
            "outside_formula",
            "note",
            "位于偏移公式的范围之外，坐标未改动。",
            "Outside the offset formula's box; coordinates unchanged.",
        )
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
    zh = f"坐标基准 {datum.code} → CGCS2000（{_method_zh(method)}；{accuracy_text(accuracy_m, 'zh')}）"
    en = f"datum {datum.code} → CGCS2000 ({method}; {accuracy_text(accuracy_m, 'en')})"
    return datum.code, method, accuracy_m, zh, en


_METHOD_WORDS = {
    "CGCS2000 as given": "原值，不转换",
    "WGS 84 = CGCS2000 (identity)": "WGS 84 视同 CGCS2000，恒等",
    " (public formula inverted)": "，公开公式反算",
    "seven-parameter transformation to CGCS2000": "七参数转换到 CGCS2000",
    "inverse of ": "投影反算：",
    " to ": " → ",
    "; ": "；",
}


def _method_zh(method: str) -> str:
    """Tell the steps of a conversion in Chinese; names of the coordinate systems stay."""
    for english, chinese in _METHOD_WORDS.items():
        method = method.replace(english, chinese)
    return method


def _from_geometry(table: RawTable, options: IntakeOptions, found: Findings) -> Located:
    """Places from a geometry column."""
    raw = table.geometry
    count = len(table.lines)
    if raw is None:
        return nowhere(count)
    if table.is_unreadable is not None:
        found.rows(
            table.is_unreadable,
            "unreadable_geometry",
            "refused",
            "几何无法读取。",
            "Unreadable geometry.",
            field="geometry",
        )
    if table.is_ring_closed is not None:
        found.rows(
            table.is_ring_closed,
            "ring_closed",
            "repaired",
            "多边形环未闭合，已闭合。",
            "Open ring closed.",
            field="geometry",
        )
    none = np.asarray(shapely.is_missing(raw), np.bool_)
    found.rows(
        none & ~found.refused,
        "missing_coordinate",
        "refused",
        "没有几何；每个要素都应有位置。",
        "No geometry; every feature needs a place.",
        field="geometry",
    )
    datum = choose_datum(table, options, found)
    if datum is None:
        return nowhere(count)
    coordinates, owner = shapely.get_coordinates(raw, return_index=True)
    x, y = coordinates[:, 0], coordinates[:, 1]
    bounds = shapely.bounds(raw)
    refuse_zero(~none & np.all(bounds == 0, axis=1), found, "geometry")
    if not datum.is_projected:
        low, high = bounds[:, :2], bounds[:, 2:]
        worst_x = np.where(np.abs(low[:, 0]) > np.abs(high[:, 0]), low[:, 0], high[:, 0])
        worst_y = np.where(np.abs(low[:, 1]) > np.abs(high[:, 1]), low[:, 1], high[:, 1])
        judge_range(worst_x, worst_y, ~none & found.keep, found, "geometry", "geometry")
    good = found.keep[owner] & np.isfinite(x) & np.isfinite(y)
    lon, lat, located = _convert(x, y, good, datum, options.helmert, found)
    if located is None:
        return nowhere(count)
    lost = np.zeros(count, np.bool_)
    lost[owner[~(np.isfinite(lon) & np.isfinite(lat))]] = True
    found.rows(
        lost & found.keep,
        "out_of_range",
        "refused",
        "坐标超出该坐标系的范围。",
        "Coordinates outside the system's domain.",
        field="geometry",
    )
    out = raw.copy()
    keep = found.keep & ~none
    inside = keep[owner]
    out[~keep] = None
    out[keep] = shapely.set_coordinates(raw[keep].copy(), np.column_stack([lon[inside], lat[inside]]))
    box = shapely.bounds(out)
    middle_x, middle_y = (box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2
    judge_far(middle_x, middle_y, keep, options.near, found, "geometry")
    out[~found.keep] = None
    spot = shapely.point_on_surface(raw)
    return Located(out, shapely.get_x(spot), shapely.get_y(spot), *located)
