"""Facilities: a name and a place are enough; the type's attributes are read by the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.arrays import Float
from geo.catalog.load import common_attributes, facility_types, find_type
from geo.catalog.schema import Attribute, FacilityType
from geo.catalog.validate import normalise
from geo.intake.coordinates import POSITION_FIELDS
from geo.intake.demand import inner_points
from geo.intake.facility_attributes import NUMBER_FIELDS, note_gaps, read_attributes
from geo.intake.findings import Findings
from geo.intake.hours import to_osm_hours
from geo.intake.mapping import ColumnMap, Field, Vocabulary, require, words
from geo.intake.position import locate
from geo.intake.result import IntakeOptions, IntakeResult
from geo.intake.rows import (
    CRS_CODE,
    column_number,
    column_text,
    finish,
    judge_ids,
    open_rows,
    place_seeds,
    repair_polygons,
)
from geo.intake.table import Objects, RawTable
from geo.intake.values import BLANK_WORDS, read_date

BASE_FIELDS = (
    Field(
        "id",
        words("编号 编码 设施编号 设施编码 设施代码 机构编号 机构编码 机构代码 站点编号 uid facility_id"),
    ),
    Field("name", words("名称 设施名称 机构名称 站点名称 单位名称 食堂名称 中心名称 全称 title"), words("标题")),
    Field("type", words("类型 设施类型 机构类型 类别 设施类别 facility_type"), words("type_name category")),
)


def vocabulary(facility_type: FacilityType | None) -> Vocabulary:
    """Return the headers of a facility table.

    Parameters
    ----------
    facility_type : FacilityType or None
        The type of all rows, whose attributes claim columns before the common ones; None: a column tells it.

    Returns
    -------
    Vocabulary
        Fields by header.
    """
    own: Sequence[Attribute] = () if facility_type is None else facility_type.attributes
    listed = (*own, *common_attributes())
    fields = [Field(item.name, (item.title_zh, item.title_en, *item.aliases)) for item in listed]
    if facility_type is None:
        # Headers are read per type later; the bare names must be known so that --map can name them.
        every = {item.name for kind in facility_types().values() for item in kind.attributes}
        fields += [Field(name) for name in sorted(every - {item.name for item in listed})]
    return Vocabulary([*BASE_FIELDS, *POSITION_FIELDS, *fields])


def read_facilities(
    path: Path, options: IntakeOptions | None = None, *, facility_type: FacilityType | None = None
) -> IntakeResult:
    """Read facilities.

    Parameters
    ----------
    path : pathlib.Path
        CSV, XLSX, GeoJSON, GeoPackage or Shapefile; polygons give footprints.
    options : IntakeOptions or None
        How to read it.
    facility_type : FacilityType or None
        Type of all rows; None = from the column 类型.

    Returns
    -------
    IntakeResult
        Layer ``facilities``.

    Raises
    ------
    InputError
        If the file as a whole is refused (missing columns, type or datum, ambiguous columns).
    DataSourceError
        If it cannot be read or is empty.
    """
    options = options or IntakeOptions()
    known = vocabulary(facility_type)
    table, columns, found = open_rows(path, known, options)
    require(table.columns, columns, ["name"] if facility_type is not None else ["name", "type"], found)
    ids = column_text(table, columns, "id", found, is_code=True)
    names = column_text(table, columns, "name", found)
    blank = np.array([name is None for name in names], np.bool_)
    if columns.get("name") is not None:
        found.rows(
            blank,
            "missing_name",
            "refused",
            "没有名称；设施必须有名称。",
            "No name; a facility needs one.",
            field=columns.get("name"),
        )
    types = _types(table, columns, facility_type, found)
    common, numbers = _common(table, columns, found), _numbers(table, columns, found)
    hours, hours_text = _hours(column_text(table, columns, "opening_hours", found), columns, found)
    located = locate(table, columns, options, found)
    ids = judge_ids(ids, columns.get("id"), found, prefix="h", seeds=place_seeds(names, located))
    details = read_attributes(table, columns, types, numbers, hours_text, found)
    _note_gaps(common, numbers, found)
    footprints, points = _outlines(ids, types, located.geometry, table, found)
    size = len(table.lines)
    data: dict[str, object] = {
        "id": ids,
        "name": names,
        "type": types,
        "address": common["address"],
        "status": common["status"],
        "open_date": common["open_date"],
        "close_date": common["close_date"],
        "capacity": details.capacity,
        "capacity_unit": details.capacity_unit,
        "opening_hours": hours,
        "operator": common["operator"],
        "ownership": common["ownership"],
        "tier": common["tier"],
        "floor_area_m2": numbers["floor_area_m2"],
        "floor_level": numbers["floor_level"],
        "attributes": details.attributes,
        "raw_x": located.raw_x,
        "raw_y": located.raw_y,
        "raw_crs": np.full(size, located.datum, object),
        "datum_method": np.full(size, located.method, object),
        "accuracy_m": np.full(size, located.accuracy_m),
    }
    if footprints is not None:
        footprints = footprints[found.keep & ~footprints.geometry.isna().to_numpy()].reset_index(drop=True)
    return finish(
        "facilities",
        table,
        columns,
        found,
        located,
        data,
        points,
        footprints=footprints,
        also=details.columns,
    )


def _types(table: RawTable, columns: ColumnMap, facility_type: FacilityType | None, found: Findings) -> Objects:
    """Slug of every row's type."""
    column = columns.get("type")
    given = column_text(table, columns, "type", found)
    size = len(table.lines)
    if facility_type is not None:
        if column is not None:
            other = np.array([_is_other(word, facility_type) for word in given], np.bool_)
            found.rows(
                other,
                "type_overridden",
                "note",
                f"类型列另有所指，按 --type {facility_type.slug} 导入。",
                f"The type column says otherwise; imported as --type {facility_type.slug}.",
                field=column,
                values=given,
            )
        return np.full(size, facility_type.slug, object)
    out = np.full(size, None, object)
    if column is None:
        return out
    for word in {word for word in given if word is not None}:
        known = find_type(word)
        if known is not None:
            out[given == word] = known.slug
    listed = "、".join(item.title_zh for item in facility_types().values())
    unknown = np.array([slug is None for slug in out], np.bool_)
    found.rows(
        unknown,
        "unknown_type",
        "refused",
        f"不认识的设施类型。可用：{listed}。也可用 --type 指定全部行。",
        f"Unknown facility type. Allowed: {', '.join(facility_types())}. Or give --type for all rows.",
        field=column,
        values=given,
    )
    return out


def _is_other(word: object, facility_type: FacilityType) -> bool:
    """Whether a word names another type, or none that is known."""
    if not isinstance(word, str) or not word.strip():
        return False
    known = find_type(word)
    return known is None or known.slug != facility_type.slug


def _common(table: RawTable, columns: ColumnMap, found: Findings) -> dict[str, Objects]:
    """The columns every facility has, numbers apart."""
    out: dict[str, Objects] = {}
    for item in common_attributes():
        column = columns.get(item.name)
        if item.name in NUMBER_FIELDS:
            continue
        if item.kind == "date":
            blank = np.full(len(table.lines), None, object)
            out[item.name] = blank if column is None else read_date(table.frame[column], column, found)
        else:
            out[item.name] = column_text(table, columns, item.name, found)
        if item.kind == "choice" and column is not None:
            out[item.name] = _choices(item, out[item.name], column, found)
    return out


def _numbers(table: RawTable, columns: ColumnMap, found: Findings) -> dict[str, Float]:
    """The numbers every facility has."""
    bounds = {item.name: item.minimum for item in common_attributes()}
    return {name: column_number(table, columns, name, found, minimum=bounds.get(name)) for name in NUMBER_FIELDS}


def _choices(item: Attribute, given: Objects, column: str, found: Findings) -> Objects:
    """Stored values of a choice; an unknown status refuses the row, others are kept with a note."""
    out = given.copy()
    unknown = np.zeros(len(out), np.bool_)
    for word in {word for word in given if word is not None}:
        where = given == word
        if word.lower() in BLANK_WORDS:
            out[where] = None
            continue
        try:
            out[where] = normalise(item, word)
        except ValueError:
            unknown |= where
    zh = f"不认识的{item.title_zh}。可用：{'、'.join(choice.title_zh for choice in item.choices)}。"
    en = f"Unknown {item.title_en.lower()}. Allowed: {', '.join(choice.value for choice in item.choices)}."
    if item.name == "status":
        found.rows(unknown, "unknown_status", "refused", zh, en, field=column, values=given)
    else:
        found.rows(
            unknown,
            "unknown_choice",
            "note",
            "原样保存；" + zh,
            "Kept as it is. " + en,
            field=column,
            values=given,
        )
    return out


def _hours(given: Objects, columns: ColumnMap, found: Findings) -> tuple[Objects, Objects]:
    """Opening hours in OSM syntax, and the text of those that are not understood."""
    column = columns.get("opening_hours")
    out, rest = given.copy(), np.full(len(given), None, object)
    changed, unknown = np.zeros(len(given), np.bool_), np.zeros(len(given), np.bool_)
    for word in {word for word in given if word is not None}:
        where = given == word
        hours = None if word.lower() in BLANK_WORDS else to_osm_hours(word)
        out[where] = hours
        if hours is None and word.lower() not in BLANK_WORDS:
            rest[where] = word
            unknown |= where
        elif hours is not None and hours != word:
            changed |= where
    found.rows(
        changed,
        "hours_converted",
        "repaired",
        "开放时间已改写为 OSM 写法。",
        "Opening hours rewritten in OSM syntax.",
        field=column,
        values=given,
    )
    found.rows(
        unknown,
        "hours_unknown",
        "note",
        "开放时间无法识别，只作文字保存；可写 周一至周五 8:00-17:00。",
        "Opening hours not understood, kept as text only; write Mo-Fr 08:00-17:00.",
        field=column,
        values=given,
    )
    return out, rest


def _note_gaps(common: dict[str, Objects], numbers: dict[str, Float], found: Findings) -> None:
    """Note in one line which common attributes are missing in how many rows."""
    live = ~found.set_aside
    gaps: list[tuple[str, str, int]] = []
    for item in common_attributes():
        if item.name == "floor_area_m2":
            gaps.append((item.title_zh, item.title_en, int(np.isnan(numbers[item.name][live]).sum())))
        elif item.name in ("address", "opening_hours", "operator"):
            missing = int(pd.isna(common[item.name][live]).sum())
            gaps.append((item.title_zh, item.title_en, missing))
    note_gaps("设施", "facilities", int(live.sum()), gaps, found)


def _outlines(
    ids: Objects, types: Objects, geometry: Objects, table: RawTable, found: Findings
) -> tuple[gpd.GeoDataFrame | None, Objects]:
    """Footprints of facilities given as areas, and the point of every facility."""
    area = np.isin(shapely.get_type_id(geometry), (3, 6))
    points = inner_points(geometry, found)
    if not area.any():
        return None, points
    quiet = Findings(found.file, found.lines)
    outlines = geometry.copy()
    outlines[~(area & found.keep)] = None
    shapes = repair_polygons(outlines, quiet, is_multi=False)
    frame = gpd.GeoDataFrame(
        {"id": ids, "kind": types, "import_line": table.lines}, geometry=gpd.GeoSeries(shapes, crs=CRS_CODE)
    )
    return frame, points
