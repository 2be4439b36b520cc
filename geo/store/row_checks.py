"""What a stored row must be, whoever wrote it: checks that need no catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.arrays import Bool
from geo.errors import Problem
from geo.store.layer import Layer

ALLOWED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("facilities", "status"): ("planned", "building", "open", "suspended", "closed"),
    ("street_segments", "foot"): ("public", "private", "no"),
    ("gates", "access"): ("open", "residents", "hours", "closed"),
    ("demand_points", "population"): ("resident", "registered", "unstated"),
    ("admin_divisions", "level"): ("province", "prefecture", "county", "township", "village"),
}
"""Words a column may hold; a missing one is allowed too."""

_NOT_NEGATIVE: Mapping[str, tuple[str, ...]] = {
    "facilities": ("capacity", "floor_area_m2"),
    "street_segments": ("width_m", "length_m"),
    "demand_points": (
        "persons",
        "persons_60_69",
        "persons_70_79",
        "persons_80_plus",
        "persons_able",
        "persons_partly",
        "persons_unable",
    ),
}


def check_rows(spec: Layer, rows: gpd.GeoDataFrame, repeated: Bool) -> list[Problem]:
    """Check rows of a layer.

    Parameters
    ----------
    spec : Layer
        The layer.
    rows : GeoDataFrame
        With every column of the layer.
    repeated : ndarray of bool
        Rows that share source and id with another open row.

    Returns
    -------
    list of Problem
        ``row`` is the ``fid``; everything is a note, because nothing is refused any more.
    """
    problems = [*_geometry_problems(spec, rows)]
    problems += _notes(
        spec,
        rows,
        repeated,
        "duplicate_id",
        "id",
        "编号与同一来源的另一行重复；同一来源中每个编号只能出现一次。",
        "the id is that of another row of this source; an id occurs once per source.",
    )
    for (layer, column), words in ALLOWED.items():
        if layer == spec.name:
            foreign = (rows[column].notna() & ~rows[column].isin(words)).to_numpy(dtype=bool)
            listed = ", ".join(words)
            zh, en = f"值不在允许范围内；允许的值：{listed}。", f"the value is unknown; allowed are {listed}."
            problems += _notes(spec, rows, foreign, "unknown_value", column, zh, en)
    for column in _NOT_NEGATIVE.get(spec.name, ()):
        negative = (rows[column] < 0).to_numpy(dtype=bool)
        zh, en = "数值为负；允许的是零或正数。", "the number is negative; allowed are zero and above."
        problems += _notes(spec, rows, negative, "negative", column, zh, en)
    if spec.name == "demand_points":
        problems += _people_problems(spec, rows)
    if spec.name == "facilities":
        problems += _attribute_problems(spec, rows)
        problems += _period_problems(spec, rows, "open_date", "close_date")
    return problems + _period_problems(spec, rows, "valid_from", "valid_to")


def _geometry_problems(spec: Layer, rows: gpd.GeoDataFrame) -> list[Problem]:
    """Find missing, foreign, out-of-range, placeholder and invalid geometries."""
    geometry = np.asarray(rows.geometry.array, dtype=object)
    missing: Bool = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    names = np.array(["", *(kind.name for kind in shapely.GeometryType if kind >= 0)])
    types = np.char.upper(names)[np.maximum(shapely.get_type_id(geometry), -1) + 1]
    fitting = {"MULTIPOLYGON": ("MULTIPOLYGON", "POLYGON")}.get(spec.geometry, (spec.geometry,))
    foreign = ~missing & ~np.isin(types, fitting)
    bounds = shapely.bounds(geometry)
    with np.errstate(invalid="ignore"):
        far = ~missing & ~(
            (bounds[:, 0] >= -180) & (bounds[:, 2] <= 180) & (bounds[:, 1] >= -90) & (bounds[:, 3] <= 90)
        )
    nowhere = ~missing & (bounds == 0).all(axis=1)
    invalid = ~missing & ~foreign & ~shapely.is_valid(geometry)
    return [
        *_notes(spec, rows, missing, "missing_geometry", None, "缺少几何；每行都要有。", "the geometry is missing."),
        *_notes(
            spec,
            rows,
            foreign,
            "wrong_geometry",
            None,
            f"几何类型不符；本图层只接受 {spec.geometry}。",
            f"the geometry is of another type; this layer takes {spec.geometry} only.",
        ),
        *_notes(
            spec,
            rows,
            far,
            "out_of_range",
            None,
            "坐标超出范围；经度允许 -180 至 180，纬度允许 -90 至 90。",
            "the coordinates are out of range; allowed are longitudes -180 to 180 and latitudes -90 to 90.",
        ),
        *_notes(
            spec,
            rows,
            nowhere,
            "zero_coordinate",
            None,
            "坐标为 (0, 0)，是未填写的占位值；应填写真实位置。",
            "the coordinates (0, 0) stand for a missing place; give the real one.",
        ),
        *_notes(
            spec,
            rows,
            invalid,
            "invalid_geometry",
            None,
            "几何无效（如自相交）；允许的是有效几何。",
            "the geometry is invalid, such as one that crosses itself; allowed are valid ones.",
        ),
    ]


def _people_problems(spec: Layer, rows: gpd.GeoDataFrame) -> list[Problem]:
    """Find rows without persons, and bands or abilities that no longer add up to them."""
    persons = rows["persons"].to_numpy(np.float64)
    zh, en = "没有人数；允许的是零或正数。", "the persons are missing; allowed are zero and above."
    problems = _notes(spec, rows, ~np.isfinite(persons), "missing_persons", "persons", zh, en)
    for first, parts in (("各年龄段", _NOT_NEGATIVE[spec.name][1:4]), ("各能力等级", _NOT_NEGATIVE[spec.name][4:])):
        total = rows[list(parts)].sum(axis=1, min_count=1).to_numpy(np.float64)
        differs = np.abs(total - persons) > 1e-6  # no number anywhere compares as equal
        zh = f"{first}之和与人数不等；应相等。"
        en = f"{', '.join(parts)} do not add up to the persons; they must."
        problems += _notes(spec, rows, differs, "sum_mismatch", "persons", zh, en)
    return problems


def _attribute_problems(spec: Layer, rows: gpd.GeoDataFrame) -> list[Problem]:
    """Find attributes that are no JSON object."""
    broken = np.array([not _is_object(value) for value in rows["attributes"]], dtype=bool)
    zh = '扩展属性不是 JSON 对象；允许形如 {"nursing_beds": 20} 的文本。'
    en = 'the attributes are no JSON object; allowed is text such as {"nursing_beds": 20}.'
    return _notes(spec, rows, broken, "bad_attributes", "attributes", zh, en)


def _is_object(value: object) -> bool:
    """Tell whether a value is missing or the text of a JSON object."""
    if value is None or not isinstance(value, str):
        return True
    try:
        return isinstance(json.loads(value), dict)
    except ValueError:
        return False


def _period_problems(spec: Layer, rows: gpd.GeoDataFrame, first: str, last: str) -> list[Problem]:
    """Find periods that end before they begin, and dates that cannot be read."""
    # Withdrawn versions end in the year 1 on purpose.
    wrong = [
        begin is not None and end is not None and end.year > 1 and end < begin
        for begin, end in zip(rows[first], rows[last], strict=True)
    ]
    zh = f"结束日期早于开始日期（{first}）；允许的是不早于开始日期的日期。"
    en = f"the end lies before the beginning ({first}); allowed is a date on or after it."
    return _notes(spec, rows, np.array(wrong, dtype=bool), "ends_before_start", last, zh, en)


def _notes(
    spec: Layer, rows: pd.DataFrame, mask: Bool, code: str, field: str | None, zh: str, en: str
) -> list[Problem]:
    """Write one note for each row of a mask."""
    found = rows[mask]
    values = found[field].astype(str) if field is not None else [None] * len(found)
    return [
        Problem(code, "note", spec.name, int(fid), field, value, zh, en)
        for fid, value in zip(found["fid"], values, strict=True)
    ]
