"""The workbook beside the map: every table, units in the headers, numerator and denominator for every ratio."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from openpyxl import Workbook

from geo.report.model import CoverageReport, GroupResult, TypeResult
from geo.report.payload import date_zh, published_gaps
from geo.report.privacy import check_report, hidden_villages
from geo.report.rows import CircleAudit, DivisionRow, GapRow, IndicatorRow
from geo.report.sheet import Cell, Column, Reason, SheetWriter, ratio

_LEVEL_SHEETS = (("county", "区县"), ("township", "乡镇"), ("village", "村社区"))

_PERSON_COLUMNS = (
    Column("总人数（人）", "0"),
    Column("已覆盖（人）", "0"),
    Column("覆盖率（%）", "%"),
    Column("超出标准（人）", "0"),
    Column("小区门关闭（人）", "0"),
    Column("路网不连通（人）", "0"),
    Column("未接入路网（人）", "0"),
)
_WALK_COLUMNS = (
    Column("步行时间中位数（分钟）", "0.0"),
    Column("步行时间九成以内（分钟）", "0.0"),
    Column("步行距离中位数（米）", "0"),
    Column("步行距离九成以内（米）", "0"),
)
_CIRCLE_COLUMNS = (
    Column("直线圈内（人）", "0"),
    Column("直线圈内占总人数（%）", "%"),
    Column("直线圈多算（人）", "0"),
    Column("直线圈多算占总人数（%）", "%"),
)


def write_xlsx(report: CoverageReport, path: Path) -> None:
    """Write the report's tables as a workbook, replacing an existing one.

    Every text is stored as text, so that no name can act as a formula. A missing value is a dash with its reason
    in the last column, never 0.

    Parameters
    ----------
    report : CoverageReport
        The report.
    path : Path
        The file.

    Raises
    ------
    InputError
        If the report breaks the privacy rule or its numbers do not add up.
    """
    check_report(report)
    book = Workbook()
    book.remove(book.active)
    book.properties.title = report.title
    book.properties.creator = report.bureau
    writer = SheetWriter(book, report.title, _subtitle(report))
    _write_overview(writer, report)
    for result in report.types:
        _write_divisions(writer, report, result)
    _write_gaps(writer, report)
    _write_bands(writer, report)
    _write_indicators(writer, report)
    _write_sources(writer, report)
    _write_quality(writer, report)
    book.save(path)


def population_text(report: CoverageReport) -> str:
    """Return the kind of population and its year.

    Parameters
    ----------
    report : CoverageReport
        The report.

    Returns
    -------
    str
        Such as ``常住人口（2025 年）``.
    """
    year = f"（{report.population_year} 年）" if report.population_year else "（年份未说明）"
    return report.population_zh + year


def _subtitle(report: CoverageReport) -> str:
    """Return the line under every title."""
    mark = ("试算，未发布　" if report.is_trial else "") + ("示例数据　" if report.is_synthetic else "")
    return f"{mark}{report.bureau}　数据日期 {date_zh(report.data_date)}　人口口径 {population_text(report)}"


def _person_cells(row: GroupResult | DivisionRow) -> list[Cell]:
    """Return the cells of `_PERSON_COLUMNS`."""
    persons = row.persons
    return [
        persons.total,
        persons.covered,
        ratio(persons.covered, persons.total, "没有人口"),
        persons.too_far,
        persons.gate_closed,
        persons.disconnected,
        persons.not_linked,
    ]


def _walk_cells(row: GroupResult | DivisionRow) -> list[Cell]:
    """Return the cells of `_WALK_COLUMNS`."""
    why = "没有人能到达开放的设施" if row.persons.total > 0 else "没有人口"
    nearest = row.nearest
    minutes = (None if value is None else value / 60 for value in (nearest.p50_s, nearest.p90_s))
    return [Reason(why) if value is None else value for value in (*minutes, nearest.p50_m, nearest.p90_m)]


def _circle_cells(persons: float | None, overstated: float | None, total: float) -> list[Cell]:
    """Return the cells of `_CIRCLE_COLUMNS`."""
    why = "本次分析没有计算直线圈"
    cells: list[Cell] = []
    for value in (persons, overstated):
        cells += [Reason(why)] * 2 if value is None else [value, ratio(value, total, "没有人口")]
    return cells


def _circle_of(group: GroupResult) -> list[Cell]:
    """Return the cells of `_CIRCLE_COLUMNS` for a whole group."""
    circle = group.straight_line
    if circle is None:
        return _circle_cells(None, None, group.persons.total)
    return _circle_cells(circle.persons, circle.overstated_persons, circle.total_persons)


def _write_overview(writer: SheetWriter, report: CoverageReport) -> None:
    """Write one line per type, then the circles of statutory radii."""
    columns = (
        Column("设施类型"),
        Column("标准"),
        Column("人群"),
        *_PERSON_COLUMNS,
        Column("未覆盖（人）", "0"),
        *_WALK_COLUMNS,
        Column("步行时间最大值（分钟）", "0.0"),
        *_CIRCLE_COLUMNS,
        Column("服务盲区（处）", "0"),
        Column("设施（个）", "0"),
        Column("开放的设施（个）", "0"),
        Column("运行编号"),
    )
    rows: list[list[Cell]] = []
    for result in report.types:
        group = result.overall
        longest = group.nearest.max_s
        rows.append(
            [
                result.title_zh,
                result.standard_zh,
                group.title_zh,
                *_person_cells(group),
                group.persons.uncovered,
                *_walk_cells(group),
                Reason("没有人能到达开放的设施") if longest is None else longest / 60,
                *_circle_of(group),
                len(published_gaps(result, report.minimum_persons)),
                len(result.facilities),
                sum(mark.status == "open" for mark in result.facilities),
                result.run_id,
            ]
        )
    writer.table("概览", "各类设施步行覆盖", columns, rows)
    circles = [(result, circle) for result in report.types for circle in result.circles]
    if circles:
        writer.table("直线圈对照", "常用半径的直线圈与步行覆盖对照", _COMPARED, map(_circle_row, circles))


_COMPARED = (
    Column("设施类型"),
    Column("半径（米）", "0"),
    Column("半径依据"),
    Column("总人数（人）", "0"),
    *_CIRCLE_COLUMNS,
    Column("步行已覆盖（人）", "0"),
    Column("步行覆盖率（%）", "%"),
)


def _circle_row(pair: tuple[TypeResult, CircleAudit]) -> list[Cell]:
    """Return one comparison with a circle."""
    result, circle = pair
    persons = result.overall.persons
    return [
        result.title_zh,
        circle.radius_m,
        circle.basis_zh,
        circle.total_persons,
        *_circle_cells(circle.persons, circle.overstated_persons, circle.total_persons),
        persons.covered,
        ratio(persons.covered, persons.total, "没有人口"),
    ]


def _write_divisions(writer: SheetWriter, report: CoverageReport, result: TypeResult) -> None:
    """Write one sheet per level; villages with too few people keep their name and lose their numbers."""
    rows = result.overall.divisions
    names = {row.code: row.name for row in rows}
    hidden = hidden_villages(rows, report.minimum_persons, report.untold_villages)
    columns = (
        Column("区划代码"),
        Column("名称"),
        Column("上级"),
        *_PERSON_COLUMNS,
        *_WALK_COLUMNS,
        *_CIRCLE_COLUMNS,
    )
    for level, words in _LEVEL_SHEETS:
        of_level = [row for row in rows if row.level == level]
        if not of_level:
            continue
        of_level += [row for row in rows if row.level is None]
        title = f"{result.title_zh}：各{words}（{result.overall.title_zh}，{result.standard_zh}）"
        lines = (_division_line(row, names, row.key in hidden, report.minimum_persons) for row in of_level)
        writer.table(f"{result.title_zh}-{words}", title, columns, lines)


def _division_line(row: DivisionRow, names: dict[str, str], is_hidden: bool, minimum_persons: int) -> list[Cell]:
    """Return one division."""
    head: list[Cell] = [row.code, row.name, names.get(row.parent_code or "", "")]
    if is_hidden:
        n_numbers = len(_PERSON_COLUMNS) + len(_WALK_COLUMNS) + len(_CIRCLE_COLUMNS)
        return [*head, *[Reason(f"不足 {minimum_persons} 人或由此可推算，不公布")] * n_numbers]
    circle = _circle_cells(row.straight_line_persons, row.overstated_persons, row.persons.total)
    return [*head, *_person_cells(row), *_walk_cells(row), *circle]


def _write_gaps(writer: SheetWriter, report: CoverageReport) -> None:
    """Write the ranked gaps of all types."""
    columns = (
        Column("设施类型"),
        Column("序号", "0"),
        Column("位置"),
        Column("乡镇代码"),
        Column("未覆盖（人）", "0"),
        Column("超出标准（人）", "0"),
        Column("小区门关闭（人）", "0"),
        Column("路网不连通（人）", "0"),
        Column("未接入路网（人）", "0"),
        Column("最近设施"),
        Column("步行到最近设施（米）", "0"),
        Column("中心经度（°）", "0.0000"),
        Column("中心纬度（°）", "0.0000"),
    )
    lines = (
        _gap_line(result, gap) for result in report.types for gap in published_gaps(result, report.minimum_persons)
    )
    writer.table("服务盲区", "服务盲区：连片未覆盖的区域，按人数排序", columns, lines)


def _gap_line(result: TypeResult, gap: GapRow) -> list[Cell]:
    """Return one gap; its centre is rounded to about ten metres."""
    centre = gap.polygon.representative_point()
    persons = gap.persons
    too_far = "搜索上限内走不到任何开放的设施"
    unreached = Reason("没有步行路径通往开放的设施" if persons.too_far == 0 else too_far)
    reasons = (persons.too_far, persons.gate_closed, persons.disconnected, persons.not_linked)
    return [
        result.title_zh,
        gap.rank,
        gap.place_zh,
        gap.division_code or "",
        persons.total,
        *(Reason("个别原因人数太少，不公布") if math.isnan(count) else count for count in reasons),
        gap.nearest_facility or unreached,
        unreached if gap.nearest_m is None else gap.nearest_m,
        round(centre.x, 4),
        round(centre.y, 4),
    ]


def _write_bands(writer: SheetWriter, report: CoverageReport) -> None:
    """Write each type by age and ability band; the bands add up to everybody."""
    columns = (
        Column("设施类型"),
        Column("人群"),
        Column("步速（米/秒）", "0.00"),
        *_PERSON_COLUMNS,
        *_WALK_COLUMNS,
        *_CIRCLE_COLUMNS,
    )
    lines = (
        [
            result.title_zh,
            group.title_zh,
            Reason("各年龄段步速不同") if group.speed_mps is None else group.speed_mps,
            *_person_cells(group),
            *_walk_cells(group),
            *_circle_of(group),
        ]
        for result in report.types
        for group in (*result.bands, result.overall)
    )
    writer.table("分年龄段", "按年龄段和能力", columns, lines)


def _write_indicators(writer: SheetWriter, report: CoverageReport) -> None:
    """Write the indicators with everything needed to check them."""
    columns = (
        Column("设施类型"),
        Column("指标"),
        Column("名称"),
        Column("值", "0.00"),
        Column("单位"),
        Column("分子", "0"),
        Column("分子含义"),
        Column("分母", "0"),
        Column("分母含义"),
        Column("方法和参数"),
        Column("区划口径"),
        Column("数据日期"),
        Column("来源"),
        Column("质量"),
        Column("备注"),
    )
    lines = (_indicator_line(report, result, row) for result in report.types for row in result.indicators)
    writer.table("指标", "指标 M01–M10", columns, lines)


def _indicator_line(report: CoverageReport, result: TypeResult, row: IndicatorRow) -> list[Cell]:
    """Return one indicator; shares are printed times 100 as their unit says."""
    factor = 100 if row.unit_zh in {"%", "百分点"} else 1
    no_ratio = Reason("不是比率")
    no_data = Reason(row.note_zh or "无数据")
    return [
        result.title_zh,
        row.id,
        row.title_zh,
        no_data if row.value is None else row.value * factor,
        row.unit_zh,
        (no_data if row.value is None else no_ratio) if row.numerator is None else row.numerator,
        row.numerator_zh,
        (no_data if row.value is None else no_ratio) if row.denominator is None else row.denominator,
        row.denominator_zh,
        row.method_zh,
        row.unit_set_zh,
        date_zh(report.data_date),
        row.source_zh,
        row.quality_zh,
        row.note_zh,
    ]


def _write_sources(writer: SheetWriter, report: CoverageReport) -> None:
    """Write parameters and sources."""
    writer.table("参数与来源", "参数与来源", _SOURCE_COLUMNS, _source_lines(report))


_SOURCE_COLUMNS = (Column("类别"), Column("名称"), Column("值或日期"), Column("说明"))


def _source_lines(report: CoverageReport) -> Iterator[list[Cell]]:
    """Yield parameters, then sources."""
    for name, value in report.parameters:
        yield ["参数", name, value, ""]
    yield ["参数", "人口口径", population_text(report), ""]
    yield ["参数", "数据日期", date_zh(report.data_date), "设施状态按此日判断"]
    yield ["参数", "生成日期", date_zh(report.generated_on), ""]
    yield ["参数", "坐标系", "CGCS2000（EPSG:4490）", ""]
    yield ["参数", "最少公布人数（人）", str(report.minimum_persons), "不足者不公布，已计入合计；盲区人数为其倍数"]
    for result in report.types:
        yield ["运行", result.title_zh, result.run_id, result.standard_zh]
    for source in report.sources:
        yield ["来源", source.title_zh, source.date_zh, source.note_zh]


def _write_quality(writer: SheetWriter, report: CoverageReport) -> None:
    """Write imports with their counts and every observation."""
    columns = (
        Column("类别"),
        Column("项目"),
        Column("来源或文件"),
        Column("日期"),
        Column("读取（行）", "0"),
        Column("入库（行）", "0"),
        Column("修正（行）", "0"),
        Column("拒绝（行）", "0"),
        Column("数量", "0"),
        Column("单位"),
        Column("说明"),
    )
    lines: list[Sequence[Cell]] = [
        ["导入", note.layer_zh, f"{note.source}（{note.file_name}）", date_zh(note.imported_on),
         note.read, note.stored, note.repaired, note.refused, "", "", ""]
        for note in report.imports
    ]  # fmt: skip
    for note in report.quality:
        count: Cell = Reason("不计数") if note.count is None else note.count
        lines.append(["观察", note.title_zh, "", "", "", "", "", "", count, note.unit_zh, note.note_zh])
    writer.table("数据质量", "导入与数据质量", columns, lines)
