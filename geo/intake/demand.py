"""Where older people live: points, cells or areas with counts of persons."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import shapely

from geo.arrays import Float
from geo.intake.coordinates import POSITION_FIELDS
from geo.intake.findings import Findings
from geo.intake.mapping import ColumnMap, Field, Vocabulary, require, words
from geo.intake.position import locate
from geo.intake.result import IntakeOptions, IntakeResult
from geo.intake.rows import (
    column_number,
    column_text,
    finish,
    judge_ids,
    open_rows,
    place_seeds,
    repair_polygons,
)
from geo.intake.table import Objects, RawTable

Population = Literal["resident", "registered", "unstated"]
AGE_FIELDS = ("persons_60_69", "persons_70_79", "persons_80_plus")
ABILITY_FIELDS = ("persons_able", "persons_partly", "persons_unable")
PERSON_FIELDS = ("persons", *AGE_FIELDS, *ABILITY_FIELDS)
SUM_TOLERANCE = 1e-6
MOST_PERSONS = 1e8
"""No place holds more; beyond it sums over a city would no longer be exact."""

COUNT_FIELDS = (
    Field(
        "persons",
        words(
            "人数 老年人口 老年人数 老年人口数 老人数 60岁以上 60岁以上人口 60岁以上人数 "
            "60岁及以上 60岁及以上人口 "
            "60岁及以上人数 60岁及以上老年人 60岁及以上老年人口 60岁以上老年人 60岁以上老年人口 60+ 需求人数"
        ),
        words("population 人口 人口数 总人口 pop"),
    ),
    Field(
        "persons_60_69",
        words("60-69岁 60-69 60至69岁 60到69岁 60-69岁人口 60-69岁人数 低龄老年人 age60_69 p60_69"),
    ),
    Field(
        "persons_70_79",
        words("70-79岁 70-79 70至79岁 70到79岁 70-79岁人口 70-79岁人数 中龄老年人 age70_79 p70_79"),
    ),
    Field(
        "persons_80_plus",
        words(
            "80岁以上 80岁及以上 80及以上 80+ 80岁以上人口 80岁及以上人口 80岁以上人数 80岁及以上人数 "
            "高龄老年人 高龄老人 age80_plus p80_plus"
        ),
    ),
    Field("persons_able", words("自理 能自理 完全自理 自理人数 能力完好 生活自理")),
    Field("persons_partly", words("半失能 部分自理 半自理 半失能人数 部分失能 部分自理人数")),
    Field("persons_unable", words("失能 不能自理 完全失能 失能人数 完全不能自理 全失能")),
)

_FIELDS = (
    Field("id", words("编号 编码 需求点编号 点编号 小区编号 楼栋编号 uid 格网编号 网格编号"), words("fid")),
    Field("name", words("名称 小区名称 小区 楼栋 需求点名称 地点 居民点 村居名称")),
    Field("kind", words("类别 类型 需求点类型")),
    Field("division_code", words("区划代码 行政区划代码 区划编码 社区代码 村居代码")),
    *COUNT_FIELDS,
    *POSITION_FIELDS,
)
VOCABULARY = Vocabulary(_FIELDS)


def read_demand(
    path: Path,
    options: IntakeOptions | None = None,
    *,
    population: Population = "unstated",
    year: int | None = None,
) -> IntakeResult:
    """Read demand points or areas.

    Parameters
    ----------
    path : pathlib.Path
        CSV, XLSX, GeoJSON, GeoPackage or Shapefile.
    options : IntakeOptions or None
        How to read it.
    population : {"resident", "registered", "unstated"}
        Kind of population counted.
    year : int or None
        Year of the count.

    Returns
    -------
    IntakeResult
        Layer ``demand_points``; an area becomes a point inside it.

    Raises
    ------
    InputError
        If the file as a whole is refused (missing columns or datum, ambiguous columns).
    DataSourceError
        If it cannot be read or is empty.
    """
    options = options or IntakeOptions()
    table, columns, found = open_rows(path, VOCABULARY, options)
    require(table.columns, columns, ["|".join(("persons", *AGE_FIELDS, *ABILITY_FIELDS))], found)
    ids = column_text(table, columns, "id", found, is_code=True)
    names = column_text(table, columns, "name", found)
    counts = read_counts(table, columns, found)
    located = locate(table, columns, options, found)
    points = inner_points(located.geometry, found)
    ids = judge_ids(ids, columns.get("id"), found, prefix="d", seeds=place_seeds(names, located))
    size = len(table.lines)
    data: dict[str, object] = {
        "id": ids,
        "name": names,
        "kind": column_text(table, columns, "kind", found),
        **counts,
        "division_code": column_text(table, columns, "division_code", found, is_code=True),
        "population": np.full(size, population, object),
        "year": np.full(size, np.nan if year is None else float(year)),
        "raw_x": located.raw_x,
        "raw_y": located.raw_y,
        "raw_crs": np.full(size, located.datum, object),
        "datum_method": np.full(size, located.method, object),
        "accuracy_m": np.full(size, located.accuracy_m),
    }
    return finish("demand_points", table, columns, found, located, data, points)


def inner_points(geometry: Objects, found: Findings) -> Objects:
    """Turn areas into a point inside them; points stay.

    Parameters
    ----------
    geometry : numpy.ndarray
        Points, multipoints of one point, polygons or None.
    found : Findings
        Receives repairs and refusals.

    Returns
    -------
    numpy.ndarray
        Points: the centroid where it lies inside, otherwise a point on the surface.
    """
    kinds = shapely.get_type_id(geometry)
    out = geometry.copy()
    lone = (kinds == 4) & (shapely.get_num_geometries(geometry) == 1)
    out[lone] = shapely.get_geometry(geometry[lone], 0)
    area = np.isin(kinds, (3, 6, 7))
    other = ~np.asarray(shapely.is_missing(geometry), np.bool_) & ~area & (kinds != 0) & ~lone
    found.rows(
        other,
        "wrong_geometry",
        "refused",
        "应为点或面。",
        "A point or polygon is needed.",
        field="geometry",
        values=[None if g is None else str(g.geom_type) for g in geometry],
    )
    if area.any():
        only = geometry.copy()
        only[~area] = None
        shapes = repair_polygons(only, found, is_multi=False)
        usable = area & found.keep
        centre = shapely.centroid(shapes[usable])
        inside = shapely.covers(shapes[usable], centre)
        out[usable] = np.where(inside, centre, shapely.point_on_surface(shapes[usable]))
    out[~found.keep] = None
    return out


def read_counts(table: RawTable, columns: ColumnMap, found: Findings) -> dict[str, Float]:
    """Read persons by age and ability, complete the total and refuse what does not add up.

    Parameters
    ----------
    table : RawTable
        Rows.
    columns : ColumnMap
        Columns.
    found : Findings
        Receives refusals and notes.

    Returns
    -------
    dict of str to numpy.ndarray
        The seven count columns; NaN where the file has none.
    """
    column = columns.get("persons")
    match = None if column is None else VOCABULARY.match(column)
    if match is not None and match[1] == 3:
        found.whole(
            "persons_column",
            "note",
            f"列“{column}”按 60 岁及以上人数读取；若是总人口，请改用老年人口列。",
            f'Column "{column}" is read as people aged 60 and over; if it counts everybody, use another one.',
            field=column,
        )
    counts = {name: column_number(table, columns, name, found, maximum=MOST_PERSONS) for name in PERSON_FIELDS}
    for group, zh, en in (
        (AGE_FIELDS, "年龄段", "age bands"),
        (ABILITY_FIELDS, "能力等级", "ability classes"),
    ):
        _complete(group, zh, en, counts, columns, found)
    total = counts["persons"]
    for group in (AGE_FIELDS, ABILITY_FIELDS):
        has = [name for name in group if columns.get(name) is not None]
        if has:
            total = np.where(np.isnan(total), sum_of(counts, group), total)
    counts["persons"] = total
    nobody = np.isnan(total) & found.keep
    found.rows(
        nobody,
        "missing_persons",
        "refused",
        "没有人数；至少应填写人数或各年龄段人数。",
        "No persons; give the total or the age bands.",
        field=columns.get("persons"),
    )
    for group, zh, en in (
        (AGE_FIELDS, "年龄段", "age bands"),
        (ABILITY_FIELDS, "能力等级", "ability classes"),
    ):
        parts = sum_of(counts, group)
        off = np.abs(parts - total) > SUM_TOLERANCE
        values = [f"{a:.10g} ≠ {b:.10g}" if o else None for a, b, o in zip(parts, total, off, strict=True)]
        found.rows(
            off,
            "sum_mismatch",
            "refused",
            f"各{zh}之和与人数不等；应相等。",
            f"The {en} do not add up to the persons; they must.",
            field=columns.get("persons") or "persons",
            values=values,
        )
    return counts


def sum_of(counts: dict[str, Float], group: tuple[str, ...]) -> Float:
    """Add up a partition.

    Parameters
    ----------
    counts : dict of str to numpy.ndarray
        Count columns.
    group : tuple of str
        Columns of the partition.

    Returns
    -------
    numpy.ndarray
        Sums; NaN where a part is missing.
    """
    return np.asarray(np.sum([counts[name] for name in group], axis=0), np.float64)


def _complete(
    group: tuple[str, ...], zh: str, en: str, counts: dict[str, Float], columns: ColumnMap, found: Findings
) -> None:
    """Read blank parts as 0 where another part is filled; drop the group where a class has no column."""
    has = [name for name in group if columns.get(name) is not None]
    if not has:
        return
    if len(has) < len(group):
        listed = "、".join(name for name in group if name not in has)
        found.whole(
            "incomplete_partition",
            "refused",
            f"{zh}不全，缺少：{listed}。三项应齐全，或用 --map 列名=- 忽略现有列。",
            f"The {en} are incomplete; missing: {listed.replace('、', ', ')}. Give all three, or "
            "leave the others "
            "out with --map COLUMN=-.",
            field=listed,
        )
        return
    values = np.column_stack([counts[name] for name in group])
    is_nan = np.asarray(np.isnan(values), np.bool_)
    some = np.asarray(~is_nan.all(axis=1), np.bool_)
    blank = is_nan & some[:, None]
    if blank.any():
        found.rows(
            blank.any(axis=1) & found.keep,
            "blank_as_zero",
            "note",
            f"空白的{zh}按 0 计。",
            f"Blank {en} count as 0.",
        )
    for i, name in enumerate(group):
        counts[name] = np.where(blank[:, i], 0.0, values[:, i])
