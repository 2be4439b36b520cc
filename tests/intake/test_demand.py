"""Demand: counts that add up, and areas that become points inside."""

import numpy as np
import pytest
import shapely

from geo.errors import InputError
from geo.intake.demand import read_demand
from geo.intake.result import IntakeOptions
from tests.intake.files import codes, feature, refusals, write_geojson, write_rows

PLACE = "117.05,36.8"
AGES = "编号,经度,纬度,人数,60-69岁,70-79岁,80岁以上"


def demand(path, **keywords):
    return read_demand(path, IntakeOptions(datum="cgcs2000"), **keywords)


def test_the_frame_has_the_columns_of_the_store(tmp_path):
    result = demand(write_rows(tmp_path, f"a,{PLACE},5", header="id,lon,lat,persons"))
    assert result.layer == "demand_points"
    assert result.frame.columns.tolist() == [
        *("id", "name", "kind", "persons", "persons_60_69", "persons_70_79", "persons_80_plus"),
        *("persons_able", "persons_partly", "persons_unable", "division_code", "population", "year"),
        *("raw_x", "raw_y", "raw_crs", "datum_method", "accuracy_m", "import_line", "geometry"),
    ]
    assert result.frame["persons"].dtype == np.float64
    assert np.isnan(result.frame["persons_60_69"][0])
    assert result.frame["population"][0] == "unstated"
    assert np.isnan(result.frame["year"][0])


def test_kind_of_population_and_year_are_carried(tmp_path):
    path = write_rows(tmp_path, f"a,{PLACE},5", header="编号,经度,纬度,人数")
    result = demand(path, population="registered", year=2024)
    assert result.frame["population"].tolist() == ["registered"]
    assert result.frame["year"].tolist() == [2024]


def test_the_total_is_the_sum_of_the_bands_where_it_is_missing(tmp_path):
    bands = write_rows(tmp_path, f"a,{PLACE},3,2,1", header="编号,经度,纬度,60-69岁,70-79岁,80岁以上")
    assert demand(bands).frame["persons"].tolist() == [6]
    blank = write_rows(tmp_path, f"a,{PLACE},,3,2,1", header=AGES, name="空.csv")
    assert demand(blank).frame["persons"].tolist() == [6]
    ability = write_rows(tmp_path, f"a,{PLACE},4,1,1", header="编号,经度,纬度,自理,半失能,失能", name="能.csv")
    assert demand(ability).frame["persons"].tolist() == [6]


def test_bands_and_abilities_must_each_add_up(tmp_path):
    header = AGES + ",自理,部分自理,失能"
    path = write_rows(
        tmp_path,
        f"a,{PLACE},6,3,2,1,4,1,1",
        f"b,{PLACE},7,3,2,1,4,2,1",
        f"c,{PLACE},6,3,2,1,4,2,1",
        f"d,{PLACE},0.3,0.1,0.2,0,0.1,0.1,0.1",
        header=header,
    )
    result = demand(path)
    assert refusals(result) == {3: ["sum_mismatch"], 4: ["sum_mismatch"]}
    messages = [problem.message_zh for problem in result.problems if problem.severity == "refused"]
    assert "年龄段" in messages[0]
    assert "能力等级" in messages[1]
    values = [problem.value for problem in result.problems if problem.severity == "refused"]
    assert values == ["6 ≠ 7", "7 ≠ 6"]


def test_a_blank_band_is_nobody_and_a_row_without_numbers_is_refused(tmp_path):
    path = write_rows(tmp_path, f"a,{PLACE},5,3,2,", f"b,{PLACE},,,,", f"c,{PLACE},4,,,", header=AGES)
    result = demand(path)
    assert refusals(result) == {3: ["missing_persons"]}
    assert result.frame["persons_80_plus"].tolist()[0] == 0
    assert np.isnan(result.frame["persons_80_plus"].tolist()[1])
    assert "blank_as_zero" in codes(result, "note")


def test_negative_and_worded_counts_are_refused(tmp_path):
    path = write_rows(tmp_path, f"a,{PLACE},-5", f"b,{PLACE},五", f"c,{PLACE},0", header="编号,经度,纬度,人数")
    result = demand(path)
    assert refusals(result)[2] == ["negative_number"]
    assert "not_a_number" in refusals(result)[3]
    assert result.frame["persons"].tolist() == [0]


def test_an_incomplete_set_of_bands_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        demand(write_rows(tmp_path, f"a,{PLACE},5,3", header="编号,经度,纬度,人数,60-69岁"))
    assert codes(caught.value) == ["incomplete_partition"]
    result = read_demand(
        write_rows(tmp_path, f"a,{PLACE},5,3", header="编号,经度,纬度,人数,60-69岁", name="二.csv"),
        IntakeOptions(datum="cgcs2000", mapping={"60-69岁": "-"}),
    )
    assert result.frame["persons"].tolist() == [5]


def test_a_column_of_all_people_is_read_with_a_warning(tmp_path):
    result = demand(write_rows(tmp_path, f"a,{PLACE},50", header="id,lon,lat,population"))
    assert result.frame["persons"].tolist() == [50]
    assert "persons_column" in codes(result, "note")


def test_areas_become_a_point_inside(tmp_path):
    bent = shapely.Polygon(
        [(117, 36), (117.01, 36), (117.01, 36.01), (117.009, 36.01), (117.009, 36.001), (117, 36.001)]
    )
    square = shapely.box(117, 36, 117.01, 36.01)
    assert not bent.contains(bent.centroid)
    path = write_geojson(tmp_path, feature(bent, id="a", 人数=5), feature(square, id="b", 人数=7))
    result = demand(path)
    assert bent.contains(result.frame.geometry[0])
    assert result.frame.geometry[1].equals_exact(square.centroid, 1e-12)


def test_invalid_and_unclosed_areas_are_repaired(tmp_path):
    bow = shapely.Polygon([(117, 36), (117.01, 36.01), (117.01, 36), (117, 36.01)])
    unclosed = {"type": "Polygon", "coordinates": [[[117, 36], [117.01, 36], [117.01, 36.01], [117, 36.01]]]}
    path = write_geojson(tmp_path, feature(bow, 人数=5), feature(unclosed, 人数=7))
    result = demand(path)
    assert result.rows_repaired == 2
    assert sorted(codes(result, "repaired")) == ["invalid_geometry", "ring_closed"]


def test_lines_are_no_demand(tmp_path):
    path = write_geojson(tmp_path, feature(shapely.LineString([(117, 36), (117.1, 36)]), 人数=5))
    assert refusals(demand(path)) == {1: ["wrong_geometry"]}


def test_a_repeated_id_is_refused_and_the_first_row_is_named(tmp_path):
    path = write_rows(tmp_path, f"a,{PLACE},5", f"b,{PLACE},5", f"a,{PLACE},6", header="编号,经度,纬度,人数")
    result = demand(path)
    assert refusals(result) == {4: ["duplicate_id"]}
    assert result.frame["persons"].tolist() == [5, 5]


def test_a_hundred_thousand_rows_are_read_in_seconds(tmp_path):
    rows = [f"p{i},{117 + i % 1000 / 1e4:.4f},{36.5 + i // 1000 / 1e4:.4f},{i % 40}" for i in range(100_000)]
    result = demand(write_rows(tmp_path, *rows, header="编号,经度,纬度,人数"))
    assert len(result.frame) == 100_000
    assert result.frame["persons"].sum() == sum(i % 40 for i in range(100_000))


def test_counts_that_no_place_holds_are_refused(tmp_path):
    path = write_rows(tmp_path, f"a,{PLACE},1e300", f"b,{PLACE},99999999", header="编号,经度,纬度,人数")
    assert refusals(demand(path)) == {2: ["too_large"]}
    spot = shapely.Point(117, 36)
    shapes = [feature(spot, id="a", persons=1e308), feature(spot, id="b", persons=3)]
    assert refusals(demand(write_geojson(tmp_path, *shapes))) == {1: ["too_large"]}
