"""What every layer's rows share: ids, total rows, counts and the finished result."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.arrays import Bool, Float, Int
from geo.errors import Problem
from geo.intake.findings import Findings, shown
from geo.intake.mapping import ColumnMap, Vocabulary, map_columns, note_unused
from geo.intake.position import Located
from geo.intake.readers import read_table
from geo.intake.result import IntakeOptions, IntakeResult
from geo.intake.table import Objects, RawTable
from geo.intake.values import read_number, read_text, texts

CRS_CODE = "EPSG:4490"
TOTAL_WORDS = frozenset({"合计", "总计", "小计", "共计", "累计", "total", "sum"})


def open_rows(path: Path, vocabulary: Vocabulary, options: IntakeOptions) -> tuple[RawTable, ColumnMap, Findings]:
    """Read a file and find its columns.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    vocabulary : Vocabulary
        Fields to look for.
    options : IntakeOptions
        How to read it.

    Returns
    -------
    tuple
        Rows, columns and the findings so far.

    Raises
    ------
    DataSourceError
        If the file cannot be read or is empty.
    """
    table = read_table(path, vocabulary, options)
    found = Findings(table.file, table.lines)
    found.extend(table.remarks)
    columns = map_columns(table.columns, vocabulary, options.mapping, found)
    if table.is_ragged is not None:
        found.rows(
            table.is_ragged,
            "extra_cells",
            "refused",
            "单元格比表头多，可能有未加引号的逗号；该行的列已错位。",
            "More cells than the header, perhaps an unquoted comma; the row's columns are shifted.",
        )
    _set_totals_aside(table, columns, found)
    return table, columns, found


def _set_totals_aside(table: RawTable, columns: ColumnMap, found: Findings) -> None:
    """Leave out rows that sum up the others, and say so."""
    if table.geometry is not None or len(table.frame.columns) == 0:
        return
    marks = np.zeros(len(table.lines), np.bool_)
    named = [columns.get(name) for name in ("id", "name", "code")]
    for column in {*(name for name in named if name is not None), table.columns[0]}:
        words = texts(table.frame[column]).str.replace(" ", "").str.lower()
        marks |= words.isin(list(TOTAL_WORDS)).to_numpy(np.bool_)
    if marks.any():
        rows = "、".join(str(line) for line in table.lines[marks][:10])
        found.set_aside |= marks
        found.whole(
            "total_row",
            "note",
            f"第 {rows} 行是合计行，不作为数据读取。",
            f"Row {rows.replace('、', ', ')} is a total and not read as data.",
        )


def column_text(table: RawTable, columns: ColumnMap, name: str, found: Findings, *, is_code: bool = False) -> Objects:
    """Read a text field.

    Parameters
    ----------
    table : RawTable
        Rows.
    columns : ColumnMap
        Columns.
    name : str
        Field.
    found : Findings
        Receives repairs.
    is_code : bool
        Whether full-width signs are narrowed.

    Returns
    -------
    numpy.ndarray
        Text or None; all None where the file has no such column.
    """
    column = columns.get(name)
    if column is None:
        return np.full(len(table.lines), None, object)
    return read_text(table.frame[column], column, found, is_code=is_code)


def column_number(
    table: RawTable,
    columns: ColumnMap,
    name: str,
    found: Findings,
    *,
    minimum: float | None = 0.0,
    maximum: float | None = None,
) -> Float:
    """Read a number field.

    Parameters
    ----------
    table : RawTable
        Rows.
    columns : ColumnMap
        Columns.
    name : str
        Field.
    found : Findings
        Receives refusals and repairs.
    minimum : float or None
        Smallest allowed value.
    maximum : float or None
        Largest allowed value.

    Returns
    -------
    numpy.ndarray
        Numbers; NaN where blank, and everywhere if the file has no such column.
    """
    column = columns.get(name)
    if column is None:
        return np.full(len(table.lines), np.nan)
    numbers, _ = read_number(table.frame[column], column, found, scale=columns.scale.get(name, 1.0))
    if minimum is not None:
        low = numbers < minimum
        found.rows(
            low,
            "negative_number",
            "refused",
            f"不能小于 {minimum:g}。",
            f"Must be at least {minimum:g}.",
            field=column,
            values=table.frame[column].to_numpy(object),
        )
    if maximum is not None:
        found.rows(
            numbers > maximum,
            "too_large",
            "refused",
            f"不能大于 {maximum:,.0f}。",
            f"Must be at most {maximum:,.0f}.",
            field=column,
            values=table.frame[column].to_numpy(object),
        )
    return numbers


def judge_ids(ids: Objects, column: str | None, found: Findings, *, prefix: str, seeds: Sequence[str]) -> Objects:
    """Give every row an id and refuse repeated ones.

    Parameters
    ----------
    ids : numpy.ndarray
        Ids of the file or None.
    column : str or None
        Column as the file spells it; None if the file has no ids.
    found : Findings
        Receives refusals.
    prefix : str
        First letter of made ids.
    seeds : sequence of str
        What a made id is made from, one text a row.

    Returns
    -------
    numpy.ndarray
        Ids; made ones are the prefix and ten hexadecimal digits, the same for the same row at every import.
    """
    missing = np.array([value is None for value in ids], np.bool_)
    out = ids.copy()
    for i in np.flatnonzero(missing).tolist():
        out[i] = prefix + hashlib.sha256(seeds[i].encode()).hexdigest()[:10]
    if missing.any() and column is not None:
        found.rows(missing, "made_id", "note", "没有编号，已按名称与位置生成。", "No id; one was made.", field=column)
    elif missing.any():
        found.whole(
            "made_id",
            "note",
            "文件没有编号列，编号按名称与位置生成。",
            "No id column; ids are made from name and place.",
        )
    live = np.flatnonzero(~found.set_aside)
    series = pd.Series(out[live])
    again = np.zeros(len(out), np.bool_)
    again[live] = series.duplicated(keep="first").to_numpy(np.bool_)
    if again.any():
        _refuse_repeats(out, again, live, column, found)
    return out


def _refuse_repeats(ids: Objects, again: Bool, live: Int, column: str | None, found: Findings) -> None:
    """Refuse every later row of an id, naming the first."""
    first: dict[object, int] = {}
    for i in live.tolist():
        first.setdefault(ids[i], int(found.lines[i]))
    problems: list[tuple[int, Problem]] = []
    for i in np.flatnonzero(again).tolist():
        line = first[ids[i]]
        zh, en = f"编号与第 {line} 行重复；编号必须唯一。", f"Same id as row {line}; ids must be unique."
        if column is None:
            zh = f"名称和位置与第 {line} 行相同；请删去一行，或增加编号列加以区分。"
            en = f"Same name and place as row {line}; drop one, or add a column of ids to tell them apart."
        row = int(found.lines[i])
        field = column or "id"
        problems.append((i, Problem("duplicate_id", "refused", found.file, row, field, shown(ids[i]), zh, en)))
    found.add(problems)


def place_seeds(names: Objects, located: Located) -> list[str]:
    """Write name and rounded place, from which an id is made.

    Parameters
    ----------
    names : numpy.ndarray
        Names or None.
    located : Located
        Places.

    Returns
    -------
    list of str
        One text a row; five decimals are about a metre.
    """
    return [
        f"{name or ''}|{x:.5f}|{y:.5f}"
        for name, x, y in zip(names, located.raw_x.tolist(), located.raw_y.tolist(), strict=True)
    ]


def repair_polygons(geometry: Objects, found: Findings, *, is_multi: bool) -> Objects:
    """Make polygons valid and refuse rows that are no polygon.

    Parameters
    ----------
    geometry : numpy.ndarray
        Geometries or None.
    found : Findings
        Receives repairs and refusals.
    is_multi : bool
        Whether single polygons are wrapped as multipolygons.

    Returns
    -------
    numpy.ndarray
        Valid polygons; None where refused.
    """
    out = geometry.copy()
    there = ~np.asarray(shapely.is_missing(out), np.bool_)
    kinds = shapely.get_type_id(out)
    wrong = there & ~np.isin(kinds, (3, 6, 7))
    found.rows(
        wrong,
        "wrong_geometry",
        "refused",
        "应为面（Polygon 或 MultiPolygon）。",
        "A polygon or multipolygon is needed.",
        field="geometry",
        values=[None if g is None else str(g.geom_type) for g in out],
    )
    bad = there & ~wrong & ~np.asarray(shapely.is_valid(out), np.bool_)
    if bad.any():
        reasons = np.full(len(out), None, object)
        reasons[bad] = shapely.is_valid_reason(out[bad])
        out[bad] = shapely.make_valid(out[bad], method="structure", keep_collapsed=False)
        lost = bad & (shapely.is_empty(out) | (shapely.area(out) == 0))
        found.rows(
            lost,
            "invalid_geometry",
            "refused",
            "面无效且修复后没有面积。",
            "Invalid and without area once repaired.",
            field="geometry",
            values=reasons,
        )
        found.rows(
            bad & ~lost,
            "invalid_geometry",
            "repaired",
            "面自相交或无效，已修复。",
            "Invalid polygon made valid.",
            field="geometry",
            values=reasons,
        )
    out[there & ~found.keep] = None
    if is_multi:
        single = shapely.get_type_id(out) == 3
        out[single] = [shapely.multipolygons([polygon]) for polygon in out[single]]
    return out


def finish(
    layer: str,
    table: RawTable,
    columns: ColumnMap,
    found: Findings,
    located: Located,
    data: Mapping[str, object],
    geometry: Objects,
    footprints: gpd.GeoDataFrame | None = None,
    also: Mapping[str, str] | None = None,
) -> IntakeResult:
    """Build the result from the good rows.

    Parameters
    ----------
    layer : str
        Layer.
    table : RawTable
        Rows of the file.
    columns : ColumnMap
        Columns used.
    found : Findings
        Everything found.
    located : Located
        Datum of the places.
    data : mapping of str to object
        Column to array over all rows of the file.
    geometry : numpy.ndarray
        Geometries over all rows of the file.
    footprints : geopandas.GeoDataFrame or None
        Outlines, already of the good rows.
    also : mapping of str to str or None
        Columns used beyond `columns`, with their fields.

    Returns
    -------
    IntakeResult
        Good rows and problems.

    Raises
    ------
    InputError
        If the file as a whole is refused; with every problem.
    """
    also = also or {}
    note_unused([column for column in columns.unused if column not in also], found)
    found.stop_if_fatal()
    keep = found.keep
    frame = pd.DataFrame({name: pd.Series(np.asarray(values)[keep]) for name, values in data.items()})
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.StringDtype):
            frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    frame["import_line"] = table.lines[keep]
    shapes = gpd.GeoSeries(geometry[keep], crs=CRS_CODE)
    return IntakeResult(
        layer=layer,
        file=table.file,
        frame=gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS_CODE),
        problems=found.problems(),
        rows_read=int((~found.set_aside).sum()),
        rows_refused=int((found.refused & ~found.set_aside).sum()),
        rows_repaired=int((found.repaired & found.keep).sum()),
        datum=located.datum,
        datum_zh=located.text_zh,
        datum_en=located.text_en,
        mapping={**columns.by_column, **also},
        footprints=footprints,
        refused_ids=_texts(np.asarray(data["id"], dtype=object)[found.refused]) if "id" in data else frozenset(),
    )


def _texts(values: Objects) -> frozenset[str]:
    """Return those values that are texts."""
    return frozenset(one for one in values.tolist() if isinstance(one, str))
