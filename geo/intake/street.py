"""Street centrelines from Shapefile, GeoPackage or GeoJSON; splitting them is the network's business."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from geo.arrays import Bool, Int
from geo.intake.findings import Findings
from geo.intake.mapping import ColumnMap, Field, Vocabulary, words
from geo.intake.position import locate
from geo.intake.result import IntakeOptions, IntakeResult
from geo.intake.rows import column_text, finish, judge_ids, open_rows
from geo.intake.table import Objects, RawTable
from geo.intake.values import read_number

VOCABULARY = Vocabulary(
    (
        Field(
            "id", words("编号 编码 道路编号 路段编号 road_id edge_id"), words("osm_id eid fid objectid osmid")
        ),
        Field(
            "name", words("名称 道路名称 路名 道路名 街道名称 name_zh name:zh"), words("rdname roadname mc")
        ),
        Field(
            "kind",
            words("highway fclass 道路类型 道路等级 道路级别 路型 road_class roadclass"),
            words("类型 type class 等级"),
        ),
        Field("foot", words("步行 行人 可步行 pedestrian_access walkable")),
        Field("oneway", words("单行 单向 单行道 one_way")),
        Field("bridge", words("桥 桥梁 是否桥梁 is_bridge")),
        Field("tunnel", words("隧道 是否隧道 is_tunnel")),
        Field("level", words("层 层级 立交层 layer zlevel")),
    )
)

_KINDS = {
    "高速公路": "motorway",
    "高速": "motorway",
    "快速路": "trunk",
    "主干路": "primary",
    "主干道": "primary",
    "国道": "primary",
    "次干路": "secondary",
    "次干道": "secondary",
    "省道": "secondary",
    "支路": "tertiary",
    "县道": "tertiary",
    "乡道": "unclassified",
    "村道": "unclassified",
    "街坊路": "residential",
    "居住区道路": "residential",
    "小区道路": "residential",
    "小区路": "residential",
    "巷道": "residential",
    "胡同": "residential",
    "内部道路": "service",
    "步行街": "pedestrian",
    "人行道": "footway",
    "步行道": "footway",
    "人行天桥": "footway",
    "人行横道": "footway",
    "小路": "path",
    "台阶": "steps",
    "阶梯": "steps",
}
_YES = frozenset(
    {"yes", "y", "true", "t", "1", "是", "有", "可", "public", "designated", "permissive", "official"}
)
_NO = frozenset({"no", "n", "false", "f", "0", "否", "无", "不可"})
_PRIVATE = frozenset({"private", "customers", "residents", "内部", "仅居民", "业主"})
_BACK = frozenset({"-1", "reverse", "逆向"})


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
        Layer ``street_segments`` with the lines not yet split: id, part (of a multipart line), name, kind (``road``
        where the file tells none), foot ("public", "private", "no" or None), oneway (of vehicles: 0, 1, -1), bridge,
        tunnel, level.

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
            "道路需要线图层(Shapefile、GeoPackage、GeoJSON)或 OSM 数据。",
            "Streets need lines (Shapefile, GeoPackage, GeoJSON) or OSM data.",
        )
    names = column_text(table, columns, "name", found)
    located = locate(table, columns, options, found)
    lines = _judge_lines(located.geometry, found)
    ids = _ids(table, columns, lines, found)
    kinds = np.array([_kind(word) for word in column_text(table, columns, "kind", found)], object)
    if columns.get("kind") is None:
        found.whole(
            "missing_optional",
            "note",
            "没有道路类型列,全部按“road”(可步行)处理。",
            'No column of road classes; all lines are "road" and walkable.',
        )
    data: dict[str, object] = {
        "id": ids,
        "part": np.zeros(len(ids), np.int64),
        "name": names,
        "kind": kinds,
        "foot": _words(
            column_text(table, columns, "foot", found), {**_table("public", _YES), **_table("no", _NO)}
        ),
        "oneway": _oneway(column_text(table, columns, "oneway", found)),
        "bridge": _flags(column_text(table, columns, "bridge", found)),
        "tunnel": _flags(column_text(table, columns, "tunnel", found)),
        "level": _level(table, columns, found),
    }
    result = finish("street_segments", table, columns, found, located, data, lines)
    frame = result.frame.explode(ignore_index=True)
    frame["part"] = frame.groupby("id", sort=False).cumcount()
    return IntakeResult(
        layer=result.layer,
        file=result.file,
        frame=frame,
        problems=result.problems,
        rows_read=result.rows_read,
        rows_refused=result.rows_refused,
        rows_repaired=result.rows_repaired,
        datum=result.datum,
        datum_zh=result.datum_zh,
        datum_en=result.datum_en,
        mapping=result.mapping,
    )


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
        "应为线(LineString 或 MultiLineString)。",
        "A line or multiline is needed.",
        field="geometry",
        values=shown,
    )
    flat = there & ~wrong & (shapely.length(geometry) == 0)
    found.rows(
        flat,
        "zero_length",
        "refused",
        "线没有长度;应有两个不同的端点。",
        "A line without length; it needs two different points.",
        field="geometry",
    )
    out = geometry.copy()
    out[~found.keep] = None
    return out


def _ids(table: RawTable, columns: ColumnMap, lines: Objects, found: Findings) -> Objects:
    """Ids of the file if they are unique; way numbers repeat on cut-up ways, then ids come from the shapes."""
    column = columns.get("id")
    given = column_text(table, columns, "id", found, is_code=True)
    match = None if column is None else VOCABULARY.match(column)
    is_weak = match is not None and match[1] == 3
    if is_weak and pd.Series(given).duplicated().any():
        found.whole(
            "made_id",
            "note",
            f"列“{column}”有重复,不作编号;编号按线形生成。",
            f'Column "{column}" repeats and is no id; ids are made from the shapes.',
            field=column,
        )
        given = np.full(len(given), None, object)
    seeds = [
        hashlib.sha256(data or b"").hexdigest() for data in shapely.to_wkb(shapely.set_precision(lines, 1e-7))
    ]
    repeats = pd.Series(seeds).groupby(seeds).cumcount()
    seeds = [seed if again == 0 else f"{seed}-{again}" for seed, again in zip(seeds, repeats, strict=True)]
    return judge_ids(given, None if is_weak else column, found, prefix="c", seeds=seeds)


def _kind(word: str | None) -> str:
    """Class of a street in OSM's words where it is known."""
    if word is None:
        return "road"
    first = word.strip("[]").split(",")[0].strip(" '\"")
    return _KINDS.get(first, first.lower().replace(" ", "_")) or "road"


def _table(value: str, listed: frozenset[str]) -> dict[str, str]:
    """Every listed word with one value."""
    return dict.fromkeys(listed, value)


def _words(given: Objects, table: Mapping[str, str]) -> Objects:
    """Words by table; private ones apart; others None."""
    full = {**table, **_table("private", _PRIVATE)}
    return np.array([None if word is None else full.get(word.lower()) for word in given] + [None], object)[
        :-1
    ]


def _oneway(given: Objects) -> Int:
    """Direction of vehicles: 1 with the line, -1 against it, 0 both."""
    out = [
        0 if word is None else -1 if word.lower() in _BACK else int(word.lower() in _YES) for word in given
    ]
    return np.array(out, np.int64)


def _flags(given: Objects) -> Bool:
    """Whether a word says yes; any other kind of bridge or tunnel counts as one."""
    return np.array([word is not None and word.lower() not in _NO for word in given], np.bool_)


def _level(table: RawTable, columns: ColumnMap, found: Findings) -> Int:
    """Level of grade separation; 0 where there is none."""
    column = columns.get("level")
    if column is None:
        return np.zeros(len(table.lines), np.int64)
    numbers, _ = read_number(table.frame[column], column, found, severity_refused=False)
    return np.nan_to_num(numbers).astype(np.int64)
