"""Defects: bad rows put into the files on purpose, each with a note of why it must be refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.demo.facility import Table

# What each kind of defect is called in a refusal, for the manifest's reader.
MEANING = {
    "duplicate_id": "编号与前面一行重复",
    "swapped": "经纬度颠倒",
    "zero": "坐标为 (0, 0)",
    "not_a_number": "坐标格里是文字",
    "text_coordinate": "坐标格里是文字",
    "far_away": "离本市数据 200 公里以上",
    "missing_name": "没有名称",
    "unknown_type": "目录里没有的类型",
    "negative_persons": "人数为负",
    "text_persons": "人数格里是文字",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that must be refused.

    Parameters
    ----------
    row : int
        Row as a spreadsheet counts it; in formats without a header row, the feature's ordinal.
    defect : str
        One of `MEANING`.
    """

    row: int
    defect: str


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A table with bad rows among the good ones.

    Parameters
    ----------
    columns : dict of str to list
        Header to values.
    x, y : list
        Longitude and latitude cells: numbers, or text where a defect says so.
    refusals : tuple of Refusal
        The bad rows in file order.
    """

    columns: dict[str, list[object]]
    x: list[object]
    y: list[object]
    refusals: tuple[Refusal, ...]


def spoil(table: Table, defects: tuple[str, ...], *, has_header: bool, rng: np.random.Generator) -> Spoiled:
    """Copy some rows, break the copies, and insert them at random places after the originals.

    Parameters
    ----------
    table : Table
        Good rows; they all stay.
    defects : tuple of str
        One bad row each.
    has_header : bool
        Whether the first data row is row 2 (CSV, XLSX) or 1.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Spoiled
        Good and bad rows.
    """
    heads = list(table.columns)
    rows: list[tuple[list[object], object, object, str]] = [
        ([table.columns[head][i] for head in heads], float(x), float(y), "") for i, (x, y) in enumerate(table.lonlat)
    ]
    count = len(rows)
    for number, defect in enumerate(defects):
        source = int(rng.integers(count // 2))
        values, x, y, _ = rows[source]
        bad = list(values)
        if defect != "duplicate_id":
            bad[0] = f"{values[0]}X{number + 1}"
        else:
            bad[0] = table.columns[heads[0]][source % (count // 2)]
        bad, x, y = _break(bad, heads, x, y, defect)
        at = int(rng.integers(count // 2 + 1, count))
        rows.insert(at + number, (bad, x, y, defect))
    first = 2 if has_header else 1
    refusals = tuple(Refusal(i + first, row[3]) for i, row in enumerate(rows) if row[3])
    columns = {head: [row[0][j] for row in rows] for j, head in enumerate(heads)}
    return Spoiled(columns, [row[1] for row in rows], [row[2] for row in rows], refusals)


def _break(
    values: list[object], heads: list[str], x: object, y: object, defect: str
) -> tuple[list[object], object, object]:
    """Break one row."""
    if defect == "swapped":
        return values, y, x
    if defect == "zero":
        return values, 0.0, 0.0
    if defect in ("not_a_number", "text_coordinate"):
        return values, "待测" if defect == "not_a_number" else "东经一百零三度", y
    if defect == "far_away":
        return values, 113.25, 31.5
    if defect == "unknown_type":
        values[heads.index("类型")] = "便民理发亭"
    if defect == "missing_name":
        values[heads.index("名称")] = None
    if defect == "negative_persons":
        values[heads.index("60-69岁")] = -3
    if defect == "text_persons":
        values[heads.index("60-69岁")] = "若干"
    return values, x, y
