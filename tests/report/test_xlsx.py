"""The workbook, read back with another library."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from geo.report.model import CoverageReport, DivisionRow, GroupResult, PersonCounts
from geo.report.xlsx import write_xlsx
from tests.report.builders import coverage_report, with_names

Row = dict[str, object]


def small() -> CoverageReport:
    return coverage_report(6_000, 120, 12)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> CalamineWorkbook:
    path = tmp_path_factory.mktemp("xlsx") / "report.xlsx"
    write_xlsx(small(), path)
    return CalamineWorkbook.from_path(path)


def rows(book: CalamineWorkbook, name: str) -> list[Row]:
    """Rows of a sheet by header."""
    lines = book.get_sheet_by_name(name).to_python()
    return [dict(zip(map(str, lines[3]), line, strict=True)) for line in lines[4:]]


def test_every_sheet_says_that_the_data_are_made_up(book: CalamineWorkbook) -> None:
    for name in book.sheet_names:
        lines = book.get_sheet_by_name(name).to_python()
        assert "示例数据" in str(lines[1][0])
        assert "常住人口" in str(lines[1][0])


def test_levels_add_up_to_the_overview(book: CalamineWorkbook) -> None:
    for line, result in zip(rows(book, "概览"), small().types, strict=True):
        persons = result.overall.persons
        assert line["总人数（人）"] == persons.total
        assert line["已覆盖（人）"] == persons.covered
        for level in ("区县", "乡镇"):
            table = rows(book, f"{result.title_zh}-{level}")
            for column in ("总人数（人）", "已覆盖（人）", "超出标准（人）", "未接入路网（人）"):
                assert sum(row[column] for row in table) == line[column]  # type: ignore[misc]


def test_bands_add_up_to_everybody(book: CalamineWorkbook) -> None:
    lines = rows(book, "分年龄段")
    for result in small().types:
        mine = [row for row in lines if row["设施类型"] == result.title_zh]
        assert sum(row["已覆盖（人）"] for row in mine[:-1]) == mine[-1]["已覆盖（人）"]  # type: ignore[misc]


def test_every_ratio_stands_beside_its_numerator_and_denominator(book: CalamineWorkbook) -> None:
    parts = {
        "覆盖率（%）": ("已覆盖（人）", "总人数（人）"),
        "直线圈内占总人数（%）": ("直线圈内（人）", "总人数（人）"),
        "直线圈多算占总人数（%）": ("直线圈多算（人）", "总人数（人）"),
        "步行覆盖率（%）": ("步行已覆盖（人）", "总人数（人）"),
    }
    seen = 0
    for name in book.sheet_names:
        for row in rows(book, name):
            for title in (key for key in row if "%" in key):
                top, bottom = (row[part] for part in parts[title])
                if isinstance(row[title], float):
                    assert row[title] == pytest.approx(100 * top / bottom)  # type: ignore[operator]
                    seen += 1
    assert seen > 500


def test_indicators_carry_what_is_needed_to_check_them(book: CalamineWorkbook) -> None:
    lines = rows(book, "指标")
    assert [row["指标"] for row in lines[:10]] == [f"M{i:02d}" for i in range(1, 11)]
    share = lines[0]
    assert share["值"] == pytest.approx(100 * share["分子"] / share["分母"])  # type: ignore[operator]
    missing = lines[1]
    assert missing["值"] == "—"
    assert missing["分子"] == "—"
    assert missing["缺值原因"] == "没有居住用地数据"
    assert all(row["方法和参数"] and row["区划口径"] and row["数据日期"] for row in lines)


def test_numbers_have_units_in_the_header(book: CalamineWorkbook) -> None:
    bare = {"值", "分子", "分母", "数量", "序号"}
    for name in book.sheet_names:
        for row in rows(book, name):
            for title, value in row.items():
                assert not isinstance(value, float) or "（" in title or title in bare, (name, title)


@pytest.mark.parametrize("wicked", ["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")'])
def test_a_name_that_begins_like_a_formula_stays_text(tmp_path: Path, wicked: str) -> None:
    path = tmp_path / "r.xlsx"
    write_xlsx(with_names(small(), wicked), path)
    sheet = openpyxl.load_workbook(path)["服务盲区"]
    cell = sheet["C5"]
    assert (cell.data_type, cell.value, cell.quotePrefix) == ("s", wicked, True)
    kinds = {cell.data_type for sheet in openpyxl.load_workbook(path) for row in sheet for cell in row}
    assert "f" not in kinds


def test_the_head_is_frozen_and_columns_are_wide_enough(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    write_xlsx(small(), path)
    for sheet in openpyxl.load_workbook(path):
        assert sheet.freeze_panes.endswith("5")
        assert sheet["A4"].font.charset == 134
        for column in sheet.iter_cols(min_row=5, max_row=40):
            width = sheet.column_dimensions[column[0].column_letter].width
            texts = [cell.value for cell in column if isinstance(cell.value, str)]
            assert all(min(len(text.encode("gbk", "replace")), 46) <= width for text in texts)


def test_missing_is_a_dash_with_its_reason_and_never_nought(tmp_path: Path) -> None:
    report = small()
    result = report.types[0]
    tiny = DivisionRow("1", "小村", "village", "t", PersonCounts(3, 1, 2))
    nobody = DivisionRow("2", "空村", "village", "u", PersonCounts(0, 0))
    overall: GroupResult = dataclasses.replace(result.overall, divisions=(tiny, nobody))
    path = tmp_path / "r.xlsx"
    write_xlsx(dataclasses.replace(report, types=(dataclasses.replace(result, overall=overall),)), path)
    hidden, empty = rows(CalamineWorkbook.from_path(path), f"{result.title_zh}-村社区")
    assert {value for title, value in hidden.items() if "（" in title} == {"—"}
    assert "不公布" in str(hidden["缺值原因"])
    assert empty["总人数（人）"] == 0
    assert empty["覆盖率（%）"] == "—"
    assert "没有人口" in str(empty["缺值原因"])
