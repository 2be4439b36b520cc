"""Administrative divisions: polygons with codes at any level."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np

from geo.intake.findings import Findings
from geo.intake.mapping import ColumnMap, Field, Vocabulary, require, words
from geo.intake.position import Located, place_shapes
from geo.intake.result import IntakeOptions, IntakeResult
from geo.intake.rows import column_text, finish, judge_ids, open_rows, repair_polygons
from geo.intake.table import Objects, RawTable
from geo.intake.values import read_date

LEVELS = ("province", "prefecture", "county", "township", "village")

VOCABULARY = Vocabulary(
    (
        Field(
            "code",
            words(
                "代码 区划代码 行政区划代码 区划编码 行政代码 社区代码 村居代码 村代码 adcode division_code towncode"
            ),
            words("id 编号 编码 gb pac xzqdm zldwdm"),
        ),
        Field(
            "name",
            words("名称 区划名称 行政区名称 社区名称 村居名称 townname adname"),
            words("社区 xzqmc zldwmc"),
        ),
        Field("level", words("级别 层级 行政级别 区划级别 admin_level")),
        Field("parent_code", words("上级代码 上级区划代码 父级代码 父代码 上级编码 parent pcode parent_id")),
        Field("valid_from", words("生效日期 启用日期 设立日期")),
        Field("valid_to", words("失效日期 废止日期 撤销日期")),
    )
)

_LEVEL_WORDS = {
    "province": words("province 省 省级 自治区 直辖市 1"),
    "prefecture": words("prefecture city 地 地级 市级 地市级 地级市 设区市 2"),
    "county": words("county district 县 县级 区县 区级 区县级 县区级 市辖区 县级市 3"),
    "township": words("township town subdistrict 乡 镇 乡级 乡镇 街道 乡镇级 镇街 镇街级 4"),
    "village": words("village community 村 村级 社区 村居 村社区 社区级 居委会 村委会 5"),
}
_LEVEL_OF = {word: level for level, listed in _LEVEL_WORDS.items() for word in listed}


def read_divisions(
    path: Path,
    options: IntakeOptions | None = None,
    *,
    level: str | None = None,
    known_codes: Collection[str] = (),
) -> IntakeResult:
    """Read administrative divisions.

    Parameters
    ----------
    path : pathlib.Path
        GeoJSON, GeoPackage or Shapefile of polygons.
    options : IntakeOptions or None
        How to read it.
    level : str or None
        Level of rows that state none and whose code does not tell it.
    known_codes : collection of str
        Codes in the store, among which parents are looked for too.

    Returns
    -------
    IntakeResult
        Layer ``admin_divisions``; multipolygons.

    Raises
    ------
    InputError
        If the file as a whole is refused.
    DataSourceError
        If it cannot be read or is empty.
    """
    options = options or IntakeOptions()
    table, columns, found = open_rows(path, VOCABULARY, options)
    require(table.columns, columns, ["code"], found)
    if table.geometry is None:
        found.whole(
            "missing_geometry",
            "refused",
            "行政区划需要面图层（GeoJSON、GeoPackage、Shapefile）。",
            "Divisions need polygons (GeoJSON, GeoPackage, Shapefile).",
        )
    codes = column_text(table, columns, "code", found, is_code=True)
    blank = np.array([code is None for code in codes], np.bool_)
    if columns.get("code") is not None:
        found.rows(
            blank,
            "missing_code",
            "refused",
            "没有代码；每个区划都应有代码。",
            "No code; every division needs one.",
            field=columns.get("code"),
        )
    names = column_text(table, columns, "name", found)
    unnamed = np.array([name is None for name in names], np.bool_)
    found.rows(
        unnamed,
        "missing_name",
        "note",
        "没有名称，以代码代替。",
        "No name; the code stands in.",
        field=columns.get("name"),
    )
    names = np.where(unnamed, codes, names)
    levels = _levels(table, columns, codes, level, found)
    located: Located = place_shapes(table, columns, options, found)
    shapes = repair_polygons(located.geometry, found, is_multi=True)
    # A missing code is refused above; the row's line keeps it from looking like a repeated one.
    stand_in = np.array([f"line {line}" for line in table.lines.tolist()], object)
    ids = judge_ids(np.where(blank, stand_in, codes), columns.get("code"), found, prefix="v", seeds=[])
    parents = _parents(codes, levels, column_text(table, columns, "parent_code", found, is_code=True), known_codes)
    orphans = np.array(
        [p is None and lv not in (None, "province") for p, lv in zip(parents, levels, strict=True)], np.bool_
    )
    if (orphans & found.keep).any():
        count = int((orphans & found.keep).sum())
        found.whole(
            "no_parent",
            "note",
            f"{count:,} 个区划没有上级代码，且上级不在文件中。",
            f"{count:,} divisions state no parent and none is in the file.",
        )
    data: dict[str, object] = {
        "id": ids,
        "code": codes,
        "name": names,
        "level": levels,
        "parent_code": parents,
        "valid_from": _dates(table, columns, "valid_from", found),
        "valid_to": _dates(table, columns, "valid_to", found),
    }
    return finish("admin_divisions", table, columns, found, located, data, shapes)


def _dates(table: RawTable, columns: ColumnMap, name: str, found: Findings) -> Objects:
    """Dates of a column; all None where there is none."""
    column = columns.get(name)
    if column is None:
        return np.full(len(table.lines), None, object)
    return read_date(table.frame[column], column, found)


def level_of_code(code: str) -> str | None:
    """Tell the level from the shape of a statistical or civil-affairs code.

    Parameters
    ----------
    code : str
        Two to twelve digits.

    Returns
    -------
    str or None
        The level; None if the shape does not tell it.
    """
    if not re.fullmatch(r"[1-9]\d*", code):
        return None
    if len(code) == 12:
        if not code.endswith("000"):
            return "village"
        code = code[:9]
    if len(code) == 9:
        if not code.endswith("000"):
            return "township"
        code = code[:6]
    if len(code) == 6:
        if code.endswith("0000"):
            return "province"
        return "prefecture" if code.endswith("00") else "county"
    return {2: "province", 4: "prefecture"}.get(len(code))


def _levels(table: RawTable, columns: ColumnMap, codes: Objects, fallback: str | None, found: Findings) -> Objects:
    """Level of every row: stated, else by code, else the caller's."""
    column = columns.get("level")
    given = column_text(table, columns, "level", found, is_code=True)
    out = np.full(len(codes), None, object)
    unknown = np.zeros(len(codes), np.bool_)
    for i, (word, code) in enumerate(zip(given, codes, strict=True)):
        if word is not None:
            out[i] = _LEVEL_OF.get(word.lower())
            unknown[i] = out[i] is None
        elif code is not None:
            out[i] = level_of_code(code) or fallback
    allowed = "、".join(f"{listed[1]}({level})" for level, listed in _LEVEL_WORDS.items())
    found.rows(
        unknown,
        "unknown_level",
        "refused",
        f"不认识的级别。可用：{allowed}。",
        f"Unknown level. Allowed: {', '.join(LEVELS)}.",
        field=column,
        values=given,
    )
    silent = np.array([level is None for level in out], np.bool_) & ~unknown
    silent &= np.array([code is not None for code in codes], np.bool_)
    found.rows(
        silent,
        "unknown_level",
        "refused",
        "代码看不出级别，请增加“级别”列（省、地、县、乡、村），或用 --level 说明。",
        f"The code does not tell the level; add a column level ({', '.join(LEVELS)}) or give --level.",
        field=column or columns.get("code"),
        values=codes,
    )
    return out


def _parents(codes: Objects, levels: Objects, given: Objects, known_codes: Collection[str]) -> Objects:
    """Stated parents, else the next higher code that exists."""
    existing = {code for code in codes if code is not None} | set(known_codes)
    out = given.copy()
    for i, (code, level) in enumerate(zip(codes, levels, strict=True)):
        if out[i] is not None or code is None or level is None:
            continue
        out[i] = next((c for c in _ancestors(code) if c in existing and c != code), None)
    return out


def _ancestors(code: str) -> list[str]:
    """Codes of higher units, nearest first, in the full and the shortened way of writing them."""
    if not code.isdigit():
        return []
    out: list[str] = []
    for width in (9, 6, 4, 2):
        if len(code) > width:
            head = code[:width]
            out += [
                head.ljust(len(code), "0"),
                *(head.ljust(size, "0") for size in (12, 9, 6) if size >= width),
                head,
            ]
    return [item for item in dict.fromkeys(out) if item != code]
