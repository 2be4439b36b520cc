"""Which datum a file is in, and which way its projected pairs run."""

from __future__ import annotations

import numpy as np

from geo.arrays import Float
from geo.datum import (
    Datum,
    datum_of_crs,
    missing_datum,
    parse_datum,
    zone_from_easting,
    zone_of,
    zone_variant,
)
from geo.errors import DatumError
from geo.intake.findings import Findings
from geo.intake.mapping import ColumnMap
from geo.intake.result import IntakeOptions
from geo.intake.table import RawTable


def choose_datum(table: RawTable, options: IntakeOptions, found: Findings) -> Datum | None:
    """Take the datum the user states, else the file's; a contradiction is noted or refused, a gap is refused.

    Parameters
    ----------
    table : RawTable
        The rows with the declared system.
    options : IntakeOptions
        What the user states.
    found : Findings
        Receives refusals and notes.

    Returns
    -------
    Datum or None
        The datum; None if the file is refused.
    """
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
                value=None if table.crs is None else table.crs.name,
            )
            return None
    if options.datum is None:
        if declared is None:
            gap = missing_datum(table.file)
            found.whole("missing_datum", "refused", gap.message_zh, gap.message_en)
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
            "datum_conflict",
            "refused",
            f"文件声明的是平面坐标系“{declared.code}”，与 --datum {stated.code} 矛盾。请去掉 --datum 或写明 EPSG:n。",
            f'The file declares the projected system "{declared.code}", which --datum '
            f"{stated.code} contradicts. "
            "Leave --datum out or give EPSG:n.",
            value=declared.code,
        )
        return None
    found.whole(
        "datum_overridden",
        "note",
        f"文件声明“{declared.code}”，按 --datum {stated.code} 读取。",
        f'The file declares "{declared.code}"; read as {stated.code} because --datum says so.',
        value=declared.code,
    )
    return stated


def _same_family(declared: Datum, stated: Datum) -> bool:
    """Whether a projected system rests on the datum the user names."""
    if declared.crs is None or stated.crs is None:
        return False
    geodetic = declared.crs.geodetic_crs
    return geodetic is not None and datum_of_crs(geodetic).code == stated.code


def orient(x: Float, y: Float, datum: Datum, columns: ColumnMap, found: Findings) -> tuple[Float, Float, Datum]:
    """Bring projected X and Y into east-north order and settle whether eastings carry their zone.

    Parameters
    ----------
    x, y : numpy.ndarray
        Numbers of the two columns, as named.
    datum : Datum
        Datum of the file.
    columns : ColumnMap
        Columns used.
    found : Findings
        Receives notes.

    Returns
    -------
    tuple
        East, north, and the datum with the zone that the eastings show.
    """
    named_xy = columns.get("x") is not None and columns.get("lon") is None and columns.get("easting") is None
    if not datum.is_projected:
        both = np.isfinite(x) & np.isfinite(y)
        east = y if named_xy and bool(both.any()) and np.median(y[both]) >= 13e6 else x
        zone = zone_from_easting(float(np.median(east[both]))) if both.any() else None
        if zone is None or datum.code != "cgcs2000":
            return x, y, datum
        datum = parse_datum(f"EPSG:{zone.epsg}")
        found.whole(
            "zone_from_easting",
            "note",
            f"横坐标带有带号 {zone.zone}，按 {datum.code} 读取。",
            f"Eastings carry zone {zone.zone}; read as {datum.code}.",
            value=datum.code,
        )
    if named_xy:
        # Chinese tables write X for north; a GIS export writes x for east. The numbers tell them apart.
        as_survey, as_gis = _plausible(y, x, datum), _plausible(x, y, datum)
        if as_survey >= as_gis:
            x, y = y, x
        found.whole(
            "axis_order",
            "note",
            "X 列按北坐标、Y 列按东坐标读取。" if as_survey >= as_gis else "X 列按东坐标、Y 列按北坐标读取。",
            "Column X read as northing and Y as easting."
            if as_survey >= as_gis
            else "Column X read as easting and Y as northing.",
        )
    return x, y, _settle_prefix(x, datum, found)


def _plausible(east: Float, north: Float, datum: Datum) -> int:
    """How many pairs fit the projection in this order."""
    zone = zone_of(datum)
    offset = np.full(east.shape, 500_000.0)
    if zone is not None:
        offset += np.floor(np.nan_to_num(east) / 1e6) * 1e6
    elif datum.crs is not None:
        offset[:] = _false_easting(datum)
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
    found.whole(
        "zone_prefix",
        "note",
        f"横坐标{zh}，按同一带的 EPSG:{sister.epsg} 读取。",
        f"Eastings {'carry' if has_prefix else 'do not carry'} the zone number; read as EPSG:{sister.epsg}.",
        value=datum.code,
    )
    return parse_datum(f"EPSG:{sister.epsg}")
