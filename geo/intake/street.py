"""Street centrelines from Shapefile, GeoPackage or GeoJSON; splitting them is the network's business."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from geo.intake.findings import Findings
from geo.intake.mapping import ColumnMap, Field, Vocabulary, words
from geo.intake.position import place_shapes
from geo.intake.result import IntakeOptions, IntakeResult
from geo.intake.rows import column_text, finish, judge_ids, open_rows
from geo.intake.table import Objects, RawTable

VOCABULARY = Vocabulary(
    (
        Field("id", words("编号 编码 道路编号 路段编号 road_id edge_id"), words("osm_id eid fid objectid osmid")),
        Field("name", words("名称 道路名称 路名 道路名 街道名称 name_zh name:zh"), words("rdname roadname mc")),
        Field(
            "kind",
            words("highway fclass 道路类型 道路等级 道路级别 路型 road_class roadclass"),
            words("类型 type class 等级"),
        ),
        Field("name_en", words("英文名称 英文名 name:en")),
        Field("foot", words("步行 行人 可步行 行人通行 是否可步行 walkable")),
        Field("access", words("通行权限 准入")),
        Field("oneway", words("单行 单向 单行道 one_way")),
        Field("oneway_foot", words("步行单行 oneway:foot")),
        Field("bridge", words("桥 桥梁 是否桥梁 is_bridge")),
        Field("tunnel", words("隧道 是否隧道 is_tunnel")),
        Field("level", words("层 层级 竖向层级 layer zlevel")),
        Field("width", words("宽度 路宽 道路宽度 路面宽度 width_m")),
    )
)


TEXT_FIELDS = ("name_en", "foot", "access", "oneway", "oneway_foot", "bridge", "tunnel", "level", "width")


def read_street_lines(path: Path, options: IntakeOptions | None = None) -> IntakeResult:
    """Read street centrelines.

    Parameters
    ----------
    path : pathlib.Path
        Shapefile, GeoPackage or GeoJSON of lines.
    options : IntakeOptions or None
        How to read it.

    Returns
    -------
    IntakeResult
        Layer ``street_segments`` with the lines not yet split, multipart ones whole: id, name and, as the
        file words them, kind (``road`` where it tells none), foot, access, oneway (of vehicles),
        oneway_foot, bridge, tunnel, level and width. What they mean is decided where the lines are split.

    Raises
    ------
    InputError
        If the file as a whole is refused.
    DataSourceError
        If it cannot be read or is empty.
    """
    options = options or IntakeOptions()
    table, columns, found = open_rows(path, VOCABULARY, options)
    if table.geometry is None:
        found.whole(
            "missing_geometry",
            "refused",
            "道路需要线图层（Shapefile、GeoPackage、GeoJSON）或 OSM 数据。",
            "Streets need lines (Shapefile, GeoPackage, GeoJSON) or OSM data.",
        )
    names = column_text(table, columns, "name", found)
    located = place_shapes(table, columns, options, found)
    lines = _judge_lines(located.geometry, found)
    ids = _ids(table, columns, lines, found)
    if columns.get("kind") is None:
        found.whole(
            "missing_optional",
            "note",
            "没有道路类型列，全部按“road”（可步行）处理。",
            'No column of road classes; all lines are "road" and walkable.',
        )
    data: dict[str, object] = {"id": ids, "name": names}
    for field in TEXT_FIELDS:
        data[field] = column_text(table, columns, field, found)
    data["kind"] = np.array([kind or "road" for kind in column_text(table, columns, "kind", found)], object)
    result = finish("street_segments", table, columns, found, located, data, lines)
    return replace(result, rows_read=len(table.lines))


def _judge_lines(geometry: Objects, found: Findings) -> Objects:
    """Lines with length; everything else is refused."""
    there = ~np.asarray(shapely.is_missing(geometry), np.bool_)
    kinds = shapely.get_type_id(geometry)
    wrong = there & ~np.isin(kinds, (1, 2, 5))
    shown = [None if shape is None else str(shape.geom_type) for shape in geometry]
    found.rows(
        wrong,
        "wrong_geometry",
        "refused",
        "应为线（LineString 或 MultiLineString）。",
        "A line or multiline is needed.",
        field="geometry",
        values=shown,
    )
    flat = there & ~wrong & (shapely.length(geometry) == 0)
    found.rows(
        flat,
        "zero_length",
        "note",
        "线没有长度，不作为道路读取。",
        "A line without length; not read as a street.",
        field="geometry",
    )
    # Nothing is lost with a line that has no length, so it does not hold up a whole network.
    found.set_aside |= flat
    out = geometry.copy()
    out[~found.keep] = None
    return out


def _ids(table: RawTable, columns: ColumnMap, lines: Objects, found: Findings) -> Objects:
    """Ids of the file if they are unique; way numbers repeat on cut-up ways, then ids come from "
    "the shapes."""
    column = columns.get("id")
    given = column_text(table, columns, "id", found, is_code=True)
    match = None if column is None else VOCABULARY.match(column)
    is_weak = match is not None and match[1] == 3
    if is_weak and pd.Series(given).duplicated().any():
        found.whole(
            "made_id",
            "note",
            f"列“{column}”有重复，不作编号；编号按线形生成。",
            f'Column "{column}" repeats and is no id; ids are made from the shapes.',
            field=column,
        )
        given = np.full(len(given), None, object)
    seeds = [hashlib.sha256(data or b"").hexdigest() for data in shapely.to_wkb(shapely.set_precision(lines, 1e-7))]
    repeats = pd.Series(seeds).groupby(seeds).cumcount()
    seeds = [seed if again == 0 else f"{seed}-{again}" for seed, again in zip(seeds, repeats, strict=True)]
    return judge_ids(given, None if is_weak else column, found, prefix="c", seeds=seeds)
