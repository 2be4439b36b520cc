"""Cells as people type them."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from geo.intake.findings import LISTED_PER_KIND, Findings
from geo.intake.hours import to_osm_hours
from geo.intake.values import loose_date, loose_number, read_date, read_number, read_text, texts


def findings(count):
    return Findings("表.csv", np.arange(2, count + 2))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("120", 120.0),
        ("１２０", 120.0),
        ("36．5", 36.5),
        ("1,200", 1200.0),
        ("１，２００", 1200.0),
        ("60张", 60.0),
        ("350 平方米", 350.0),
        ("350㎡", 350.0),
        ("25人", 25.0),
        ("1e3", 1000.0),
        ("-3", -3.0),
    ],
)
def test_numbers_with_signs_of_habit_are_read(text, number):
    assert loose_number(text) == number


@pytest.mark.parametrize("text", ["约200", "12万", "1,20", "六十", "12-15", "0x1f", "1_000", "inf", "1.2.3"])
def test_what_is_no_number_is_not_guessed(text):
    assert loose_number(text) is None


def test_a_number_column_tells_repairs_blanks_and_refusals_apart():
    found = findings(6)
    column = pd.Series(["5", "６", "", "—", "七", " 8 "])
    numbers, blank = read_number(column, "人数", found)
    assert numbers[[0, 1, 5]].tolist() == [5, 6, 8]
    assert blank.tolist() == [False, False, True, True, False, False]
    assert found.refused.tolist() == [False, False, False, False, True, False]
    assert found.repaired.tolist() == [False, True, False, False, False, False]
    problem = next(p for p in found.problems() if p.severity == "refused")
    assert (problem.row, problem.field, problem.value) == (6, "人数", "七")


def test_spreadsheet_numbers_are_ids_without_a_decimal_point():
    clean = texts(pd.Series([370302000000.0, 12.5, "A1", None, dt.date(2022, 3, 1)], dtype=object))
    assert clean.tolist()[:3] == ["370302000000", "12.5", "A1"]
    assert clean.isna().tolist() == [False, False, False, True, False]


def test_text_is_trimmed_and_narrowed_and_said_so():
    found = findings(3)
    out = read_text(pd.Series(["　Ａ１　", "B2", " C\n3"]), "编号", found, is_code=True)
    assert out.tolist() == ["A1", "B2", "C 3"]
    assert found.repaired.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2022-03-01", dt.date(2022, 3, 1)),
        ("2022年3月1日", dt.date(2022, 3, 1)),
        ("2022 年 3 月 1 日", dt.date(2022, 3, 1)),
        ("２０２２年３月１日", dt.date(2022, 3, 1)),
        ("2022/3/1", dt.date(2022, 3, 1)),
        ("2022.3.1", dt.date(2022, 3, 1)),
        ("20220301", dt.date(2022, 3, 1)),
        ("2022-03", dt.date(2022, 3, 1)),
        ("2022年3月", dt.date(2022, 3, 1)),
        ("2022", dt.date(2022, 1, 1)),
        ("44621", dt.date(2022, 3, 1)),
        ("44621.5", dt.date(2022, 3, 1)),
        ("2022-03-01 08:30:00", dt.date(2022, 3, 1)),
        ("2022-03-01T00:00:00Z", dt.date(2022, 3, 1)),
    ],
)
def test_dates_in_every_usual_form_are_read(text, day):
    assert loose_date(text) == day


@pytest.mark.parametrize("text", ["2022-13-01", "2022年2月30日", "三月", "22-3-1", "1/3/2022", "9999"])
def test_what_is_no_date_is_refused(text):
    assert loose_date(text) is None


def test_a_date_column_marks_only_what_it_rewrote():
    found = findings(5)
    cells = ["2022-03-01", "2022/3/1", "", "春天", dt.datetime(2020, 5, 6)]
    out = read_date(pd.Series(cells, dtype=object), "日期", found)
    assert out.tolist() == [dt.date(2022, 3, 1), dt.date(2022, 3, 1), None, None, dt.date(2020, 5, 6)]
    assert found.repaired.tolist() == [False, True, False, False, False]
    assert found.refused.tolist() == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("24/7", "24/7"),
        ("全天", "24/7"),
        ("24小时", "24/7"),
        ("Mo-Fr 08:00-17:00", "Mo-Fr 08:00-17:00"),
        ("Mo-Fr 8:00-17:00; Sa 09:00-12:00", "Mo-Fr 08:00-17:00; Sa 09:00-12:00"),
        ("Mo-Sa 08:00-17:00; Su off", "Mo-Sa 08:00-17:00; Su off"),
        ("8:00-17:00", "08:00-17:00"),
        ("８：００－１７：００", "08:00-17:00"),
        ("8:00—17:00", "08:00-17:00"),
        ("8点-17点", "08:00-17:00"),
        ("8点半至17点30分", "08:30-17:30"),
        ("周一至周五 8:00-17:00", "Mo-Fr 08:00-17:00"),
        ("星期一到星期六8:30-16:30", "Mo-Sa 08:30-16:30"),
        ("周一至周日 8:00-17:00", "Mo-Su 08:00-17:00"),
        ("每天 8:00-17:00", "Mo-Su 08:00-17:00"),
        ("工作日 8:00-17:00", "Mo-Fr 08:00-17:00"),
        ("周一、周三、周五 9:00-11:00", "Mo,We,Fr 09:00-11:00"),
        ("上午8:00-11:30 下午1:30-5:00", "08:00-11:30,13:30-17:00"),
        ("10:30-13:00,16:30-18:00", "10:30-13:00,16:30-18:00"),
        ("周一至周五 8:00-17:00;周六 9:00-12:00", "Mo-Fr 08:00-17:00; Sa 09:00-12:00"),
    ],
)
def test_opening_hours_come_in_osm_syntax(text, hours):
    assert to_osm_hours(text) == hours


@pytest.mark.parametrize("text", ["另行通知", "17点-8点", "25点-26点", "上午", "8:00", "周一", "见公告 8:00-9:00"])
def test_hours_that_are_not_understood_are_not_guessed(text):
    assert to_osm_hours(text) is None


def test_notes_are_listed_up_to_a_cap_and_refusals_always():
    found = findings(LISTED_PER_KIND + 50)
    everywhere = np.ones(len(found), np.bool_)
    found.rows(everywhere, "a_note", "note", "提示", "note")
    found.rows(everywhere, "a_refusal", "refused", "拒绝", "refusal")
    problems = found.problems()
    assert sum(problem.code == "a_note" for problem in problems) == LISTED_PER_KIND + 1
    assert sum(problem.code == "a_refusal" for problem in problems) == LISTED_PER_KIND + 50
    assert "50" in next(p.message_en for p in problems if p.code == "a_note" and p.row is None)
