"""Which column is which."""

import numpy as np
import pytest

from geo.errors import InputError
from geo.intake.demand import VOCABULARY, read_demand
from geo.intake.findings import Findings
from geo.intake.mapping import Field, Vocabulary, map_columns, require
from geo.intake.result import IntakeOptions
from tests.intake.files import codes, write_rows


def mapped(columns, overrides=None, vocabulary=VOCABULARY):
    found = Findings("表.csv", np.array([2]))
    return map_columns(columns, vocabulary, overrides or {}, found), found


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("编号", "id"),
        ("名称", "name"),
        ("经度", "lon"),
        (" 经 度 ", "lon"),
        ("经度(GCJ02)", "lon"),
        ("纬度（°）", "lat"),
        ("LNG", "lon"),
        ("Latitude", "lat"),
        ("60岁及以上人口", "persons"),
        ("60-69岁", "persons_60_69"),
        ("60—69岁", "persons_60_69"),
        ("70～79岁", "persons_70_79"),
        ("80岁以上", "persons_80_plus"),
        ("８０岁及以上", "persons_80_plus"),
        ("自理", "persons_able"),
        ("部分自理", "persons_partly"),
        ("失能", "persons_unable"),
        ("X坐标", "x"),
        ("X（北）", "northing"),
        ("东坐标", "easting"),
        ("经纬度", "lonlat"),
    ],
)
def test_headers_of_both_languages_are_recognised(header, field):
    columns, _ = mapped([header])
    assert columns.get(field) == header


def test_an_unknown_header_is_left_over():
    columns, found = mapped(["编号", "备注"])
    assert columns.unused == ("备注",)
    assert not found.is_fatal


def test_two_columns_for_one_field_are_refused_with_both_names():
    _, found = mapped(["人数", "老年人口"])
    (problem,) = found.problems()
    assert problem.code == "ambiguous_columns"
    assert "人数" in problem.message_zh
    assert "老年人口" in problem.message_zh
    assert "--map" in problem.message_en


def test_an_exact_name_goes_before_an_alias_and_an_alias_before_a_weak_one():
    columns, found = mapped(["老年人口", "persons"])
    assert columns.get("persons") == "persons"
    columns, found = mapped(["population", "老年人口"])
    assert columns.get("persons") == "老年人口"
    assert not found.is_fatal


def test_the_user_overrides_what_is_recognised():
    columns, found = mapped(["人数", "老年人口"], {"老年人口": "persons"})
    assert columns.get("persons") == "老年人口"
    columns, found = mapped(["人数", "老年人口"], {"人数": "-"})
    assert columns.get("persons") == "老年人口"
    assert not found.is_fatal


def test_unknown_columns_and_fields_of_the_user_are_refused_with_what_there_is():
    _, found = mapped(["人数"], {"没有": "persons", "人数": "nothing"})
    problems = {problem.code: problem for problem in found.problems()}
    assert set(problems) == {"unknown_column", "unknown_field"}
    assert "人数" in problems["unknown_column"].message_zh
    assert "persons_60_69" in problems["unknown_field"].message_en


def test_a_unit_in_brackets_scales_the_column():
    vocabulary = Vocabulary([Field("floor_area_m2", ("建筑面积",)), Field("persons", ("人数",))])
    columns, _ = mapped(["建筑面积(万平方米)", "人数(人)"], vocabulary=vocabulary)
    assert columns.scale == {"floor_area_m2": 1e4}
    assert columns.get("persons") == "人数(人)"


def test_missing_fields_are_named_with_all_columns_seen():
    columns, found = mapped(["甲", "乙"])
    require(["甲", "乙"], columns, ["id", "persons|persons_60_69"], found)
    assert [problem.field for problem in found.problems()] == ["id", "persons|persons_60_69"]
    assert all("甲、乙" in problem.message_zh for problem in found.problems())


def test_mapping_reaches_a_title_row_table(tmp_path):
    path = write_rows(tmp_path, "代号,东,北,数", "a,117.05,36.8,5", header="某表,,,")
    options = IntakeOptions(datum="cgcs2000", mapping={"代号": "id", "东": "lon", "北": "lat", "数": "persons"})
    result = read_demand(path, options)
    assert result.frame["persons"].tolist() == [5]
    assert result.mapping == {"代号": "id", "东": "lon", "北": "lat", "数": "persons"}


def test_all_problems_of_the_columns_come_at_once(tmp_path):
    path = write_rows(tmp_path, "1,2,3,4", header="编号,人数,老年人口,经度")
    with pytest.raises(InputError) as caught:
        read_demand(path, IntakeOptions(mapping={"没有": "name"}))
    assert set(codes(caught.value)) == {"unknown_column", "ambiguous_columns", "missing_column", "missing_datum"}
