"""Attributes of a facility: what is normalised, what is refused, what is only remarked."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.catalog.load import common_attributes, facility_type, facility_types, thresholds
from geo.catalog.schema import Attribute
from geo.catalog.validate import normalise, validate_attributes


def codes(slug: str, **values: object) -> list[tuple[str, str]]:
    report = validate_attributes(facility_type(slug), values)
    return [(problem.code, problem.severity) for problem in report.problems]


def test_values_are_normalised_to_their_kind() -> None:
    report = validate_attributes(
        facility_type("care_home"),
        {
            "床位": "1,20",
            "护理型床位": 60.0,
            "建筑面积": "5000平方米",
            "医疗服务": "签约",
            "grade": 3.0,
            "状态": "正常",
        },
    )
    assert report.values == {
        "care_beds": 120,
        "nursing_beds": 60,
        "floor_area_m2": 5000.0,
        "clinic": "contract",
        "grade": "3",
        "status": "open",
    }
    assert not report.problems


@pytest.mark.parametrize(
    "raw", ["120", "\uff11\uff12\uff10", "120张", "120 张床位", 120, 120.0, np.int64(120), np.float64(120)]
)
def test_numbers_come_in_many_spellings(raw: object) -> None:
    assert validate_attributes(facility_type("care_home"), {"care_beds": raw}).values == {"care_beds": 120}


@pytest.mark.parametrize(
    "raw", ["2022-03-01", "2022/3/1", "2022年3月1日", "2022.03.01", "20220301", 20220301.0, "2022年3月"]
)
def test_dates_come_in_many_spellings(raw: object) -> None:
    report = validate_attributes(facility_type("commercial_cemetery"), {"许可期限": raw})
    assert report.values == {"licensed_until": "2022-03-01"}


def test_dates_of_a_spreadsheet_are_kept() -> None:
    for raw in (date(2022, 3, 1), datetime(2022, 3, 1, 8, 30)):
        report = validate_attributes(facility_type("commercial_cemetery"), {"licensed_until": raw})
        assert report.values == {"licensed_until": "2022-03-01"}


@pytest.mark.parametrize(
    ("raw", "value"), [("是", True), ("有", True), ("无", False), ("Yes", True), (0, False), (1.0, True)]
)
def test_yes_and_no_come_in_many_spellings(raw: object, value: bool) -> None:
    report = validate_attributes(facility_type("social_work_station"), {"有场所": raw})
    assert report.values == {"has_premises": value}


@pytest.mark.parametrize("raw", [None, "", "  ", "—", "-", float("nan"), "暂无"])
def test_blank_cells_say_nothing(raw: object) -> None:
    report = validate_attributes(facility_type("senior_canteen"), {"seats": raw, "whatever": raw})
    assert not report.values
    assert not report.problems


def test_a_choice_called_none_is_a_choice() -> None:
    assert validate_attributes(facility_type("care_home"), {"clinic": "none"}).values == {"clinic": "none"}
    assert validate_attributes(facility_type("care_home"), {"clinic": "无"}).values == {"clinic": "none"}


@pytest.mark.parametrize("raw", ["很多", "12.5", "inf", "1_000", True, [1]])
def test_a_wrong_kind_is_refused(raw: object) -> None:
    assert codes("senior_canteen", seats=raw) == [("wrong_kind", "refused")]


def test_a_refusal_says_what_is_allowed() -> None:
    report = validate_attributes(facility_type("care_home"), {"医疗服务": "偶尔"}, file="a.csv", row=7)
    (problem,) = report.problems
    assert report.is_refused
    assert (problem.file, problem.row, problem.field, problem.value) == ("a.csv", 7, "医疗服务", "偶尔")
    assert "内设、签约、无" in problem.message("zh")
    assert "in_house, contract, none" in problem.message("en")


def test_a_negative_count_is_refused() -> None:
    assert codes("senior_canteen", seats=-1) == [("out_of_range", "refused")]


def test_every_problem_is_reported_at_once() -> None:
    report = validate_attributes(facility_type("care_home"), {"care_beds": "x", "clinic": "y", "开心": 1})
    assert [problem.code for problem in report.problems] == ["wrong_kind", "wrong_kind", "unknown_attribute"]


def test_an_unknown_attribute_is_noted_and_kept() -> None:
    report = validate_attributes(facility_type("senior_canteen"), {"备注": "临街"})
    assert report.values == {"备注": "临街"}
    assert [(problem.code, problem.severity) for problem in report.problems] == [("unknown_attribute", "note")]
    assert not report.is_refused


def test_a_small_centre_is_noted_with_limit_margin_and_source() -> None:
    report = validate_attributes(facility_type("day_care_center"), {"建筑面积": 300})
    (problem,) = report.problems
    assert (problem.code, problem.severity, problem.field) == ("below_threshold", "note", "建筑面积")
    for fragment in ("300", "350", "差 50", "GB 50180-2018", "待核"):
        assert fragment in problem.message("zh")


def test_limits_are_inclusive() -> None:
    assert codes("day_care_center", floor_area_m2=350) == []
    assert codes("day_care_center", floor_area_m2=750) == []
    assert codes("day_care_center", floor_area_m2=750.1) == [("above_threshold", "note")]


def test_ratios_need_both_values() -> None:
    assert codes("care_home", floor_area_m2=100) == []
    assert codes("care_home", floor_area_m2=100, care_beds=0) == [("below_threshold", "note")]
    assert codes("care_home", floor_area_m2=699, care_beds=20) == [("below_threshold", "note")]
    assert codes("care_home", floor_area_m2=700, care_beds=20) == []


def test_the_general_capacity_stands_in_for_the_beds() -> None:
    assert codes("care_home", floor_area_m2=699, capacity=20) == [("below_threshold", "note")]


def test_a_huge_complex_is_flagged_not_refused() -> None:
    assert codes("county_eldercare_complex", floor_area_m2=200_000, care_beds=800) == [("above_threshold", "note")]


def test_the_narrow_site_of_a_known_plan_shows_its_margin() -> None:
    report = validate_attributes(facility_type("care_home"), {"care_beds": 46_700, "site_area_m2": 814_000})
    (problem,) = report.problems
    assert "差 0.5" in problem.message("zh")


def test_project_rooms_are_measured_per_hundred_households() -> None:
    new = {"project_households": 1000, "project_state": "新建", "floor_area_m2": 250}
    limits = thresholds("project_eldercare_room", region="340102")
    room = facility_type("project_eldercare_room")
    national = [p.code for p in validate_attributes(room, new).problems]
    anhui = [p.message("en") for p in validate_attributes(room, new, thresholds=limits).problems]
    assert national == ["below_threshold"]  # the single site of 350 m²; 25 m² per 100 households is enough
    assert len(anhui) == 2
    assert "30" in anhui[0]
    existing = new | {"project_state": "既有"}
    assert len(validate_attributes(room, existing, thresholds=limits).problems) == 1


def test_a_room_in_the_basement_misses_the_floor_level() -> None:
    room = facility_type("project_eldercare_room")
    limits = thresholds("project_eldercare_room", region="520102")
    found = validate_attributes(room, {"所在楼层": -1}, thresholds=limits)
    assert [problem.code for problem in found.problems] == ["below_threshold"]
    assert not validate_attributes(room, {"所在楼层": 3}, thresholds=limits).problems
    assert validate_attributes(room, {"所在楼层": 4}, thresholds=limits).problems


ATTRIBUTES = [a for found in facility_types().values() for a in found.attributes] + list(common_attributes())
STRATEGIES: dict[str, st.SearchStrategy[object]] = {
    "number": st.floats(0, 1e9),
    "integer": st.integers(0, 10**9),
    "text": st.sampled_from(["", "a", "综合 楼", "1.50", "2022-03-01"]),
    "boolean": st.booleans(),
    "date": st.dates(date(1900, 1, 1), date(2100, 1, 1)),
}


def _raw(attribute: Attribute) -> st.SearchStrategy[tuple[Attribute, object]]:
    if attribute.kind == "choice":
        words = st.sampled_from([choice.title_zh for choice in attribute.choices])
        return st.tuples(st.just(attribute), words)
    return st.tuples(st.just(attribute), STRATEGIES[attribute.kind])


@given(st.sampled_from(ATTRIBUTES).flatmap(_raw))
@settings(max_examples=200, deadline=None)
def test_normalising_twice_changes_nothing(case: tuple[Attribute, object]) -> None:
    attribute, raw = case
    once = normalise(attribute, raw)
    assert normalise(attribute, once) == once
