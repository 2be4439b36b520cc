"""Facilities: a name and a place are enough."""

import datetime as dt
import json

import geopandas as gpd
import pytest
import shapely

from geo.catalog.load import facility_type
from geo.errors import InputError
from geo.intake.facility import read_facilities
from geo.intake.result import IntakeOptions, report_json, report_text
from tests.intake.files import codes, feature, refusals, write_book, write_geojson, write_rows

CANTEEN = facility_type("senior_canteen")
HOME = facility_type("care_home")
PLACE = "117.05,36.8"


def facilities(path, kind=CANTEEN, **options):
    return read_facilities(path, IntakeOptions(**{"datum": "cgcs2000", **options}), facility_type=kind)


def test_a_name_and_a_place_are_enough(tmp_path):
    result = facilities(write_rows(tmp_path, f"幸福食堂,{PLACE}", header="名称,经度,纬度"))
    row = result.frame.iloc[0]
    assert (row["name"], row["type"], row["capacity_unit"]) == ("幸福食堂", "senior_canteen", "seats")
    assert row["status"] is None
    assert row["open_date"] is None
    assert row["attributes"] is None
    assert result.rows_refused == 0


def test_the_frame_has_the_columns_of_the_store_and_a_plain_index(tmp_path):
    result = facilities(write_rows(tmp_path, "A1,无名,0,0", f"A2,食堂,{PLACE}"))
    assert isinstance(result.frame, gpd.GeoDataFrame)
    assert result.frame.crs.to_epsg() == 4490
    assert result.frame.index.tolist() == [0]
    assert result.frame.columns.tolist() == [
        *("id", "name", "type", "address", "status", "open_date", "close_date", "capacity", "capacity_unit"),
        *("opening_hours", "operator", "ownership", "tier", "floor_area_m2", "floor_level", "attributes"),
        *("raw_x", "raw_y", "raw_crs", "datum_method", "accuracy_m", "import_line", "geometry"),
    ]


def test_a_row_refused_for_its_type_is_judged_on_so_that_everything_is_told_at_once(tmp_path):
    rows = ("甲,太空食堂,117.05,36.8", "乙,太空食堂,0,0", "丙,太空食堂,13.2,52.2", "丁,太空食堂,36.8,117.05")
    path = write_rows(tmp_path, *rows, header="名称,类型,经度,纬度")
    near = (116.5, 36.0, 117.5, 37.0)
    result = facilities(path, kind=None, near=near)
    found = refusals(result)
    assert found[2] == ["unknown_type"]
    assert sorted(found[3]) == ["unknown_type", "zero_coordinate"], found
    assert sorted(found[4]) == ["far_away", "unknown_type"]
    assert "unknown_type" in found[5]
    assert len(found[5]) == 2
    assert result.rows_refused == 4
    areas = [
        feature(shapely.box(0, 0, 0, 0), 名称="戊", 类型="太空食堂"),
        feature(shapely.Point(13.2, 52.2), 名称="己", 类型="太空食堂"),
    ]
    shapes = facilities(write_geojson(tmp_path, *areas), kind=None, near=near)
    assert {line: len(kinds) for line, kinds in refusals(shapes).items()} == {1: 2, 2: 2}


def test_a_type_column_that_names_nothing_known_is_noted_too(tmp_path):
    rows = (f"甲,太空食堂,{PLACE}", f"乙,社区食堂,{PLACE}")
    result = facilities(write_rows(tmp_path, *rows, header="名称,类型,经度,纬度"))
    told = [problem for problem in result.problems if problem.code == "type_overridden"]
    assert [problem.value for problem in told] == ["太空食堂"]


def test_a_made_id_is_the_same_at_every_import_and_follows_name_and_place(tmp_path):
    header = "名称,经度,纬度,地址"
    first = facilities(write_rows(tmp_path, f"甲,{PLACE},旧址", f"乙,{PLACE},", header=header)).frame
    again = facilities(write_rows(tmp_path, f"乙,{PLACE},", f"甲,{PLACE},新址", header=header, name="新.csv")).frame
    assert first["id"].tolist() == again["id"].tolist()[::-1]
    assert first["id"].nunique() == 2
    assert all(len(made) == 11 and made.startswith("h") for made in first["id"])


def test_the_same_name_at_the_same_place_twice_is_refused_in_fitting_words(tmp_path):
    result = facilities(write_rows(tmp_path, f"甲,{PLACE}", f"甲,{PLACE}", header="名称,经度,纬度"))
    assert refusals(result) == {3: ["duplicate_id"]}
    assert "名称和位置与第 2 行相同" in next(p for p in result.problems if p.row == 3).message_zh


def test_a_whole_row_is_read_and_typed(tmp_path):
    header = "编号,名称,经度,纬度,地址,座位,日供餐量,建筑面积,状态,开业日期,运营单位,性质,开放时间"
    row = f"A1,食堂,{PLACE},人民路1号,60,200,350,正常,2022-03-01,某服务社,公建民营,周一至周五 8:00-17:00"
    result = facilities(write_rows(tmp_path, row, header=header))
    got = result.frame.iloc[0]
    assert got["capacity"] == 60
    assert got["status"] == "open"
    assert got["open_date"] == dt.date(2022, 3, 1)
    assert got["ownership"] == "public_private"
    assert got["opening_hours"] == "Mo-Fr 08:00-17:00"
    assert got["floor_area_m2"] == 350
    stored = json.loads(got["attributes"])
    assert stored["seats"] == 60
    assert list(stored) == sorted(stored)


def test_types_come_from_the_column_by_title_or_alias(tmp_path):
    header = "编号,名称,类型,经度,纬度,床位,座位"
    path = write_rows(
        tmp_path, f"A1,甲,长者食堂,{PLACE},,50", f"A2,乙,养老院,{PLACE},120,", f"A3,丙,茶馆,{PLACE},,", header=header
    )
    result = facilities(path, None)
    assert result.frame["type"].tolist() == ["senior_canteen", "care_home"]
    assert result.frame["capacity"].tolist() == [50, 120]
    assert result.frame["capacity_unit"].tolist() == ["seats", "beds"]
    assert refusals(result) == {4: ["unknown_type"]}
    problem = next(p for p in result.problems if p.code == "unknown_type")
    assert (problem.value, problem.field) == ("茶馆", "类型")
    assert "长者食堂" in problem.message_zh
    assert "senior_canteen" in problem.message_en
    assert "unused_columns" not in codes(result, "note")


def test_without_a_type_the_file_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        facilities(write_rows(tmp_path, f"A1,甲,{PLACE}"), None)
    assert [problem.field for problem in caught.value.problems if problem.severity == "refused"] == ["type"]


def test_a_type_column_that_contradicts_the_given_type_is_noted(tmp_path):
    path = write_rows(tmp_path, f"A1,甲,养老院,{PLACE}", header="编号,名称,类型,经度,纬度")
    result = facilities(path)
    assert result.frame["type"].tolist() == ["senior_canteen"]
    assert "type_overridden" in codes(result, "note")


def test_a_user_may_map_a_column_to_an_attribute_of_the_type(tmp_path):
    path = write_rows(tmp_path, f"A1,甲,{PLACE},45", header="编号,名称,经度,纬度,能坐几个")
    assert facilities(path, mapping={"能坐几个": "seats"}).frame["capacity"].tolist() == [45]
    typed = write_rows(
        tmp_path, f"A1,甲,长者食堂,{PLACE},45", header="编号,名称,类型,经度,纬度,能坐几个", name="型.csv"
    )
    assert facilities(typed, None, mapping={"能坐几个": "seats"}).frame["capacity"].tolist() == [45]


def test_every_problem_of_a_file_is_reported_at_once(tmp_path):
    header = "编号,名称,经度,纬度,座位,状态,开业日期"
    path = write_rows(
        tmp_path,
        f"A1,一食堂,{PLACE},60,正常,2022-03-01",
        f"A1,二食堂,{PLACE},60,正常,",
        "A3,三食堂,0,0,60,,",
        "A4,四食堂,36.8,117.05,60,,",
        f"A5,,{PLACE},60,,",
        f"A6,六食堂,{PLACE},约六十,,",
        f"A7,七食堂,{PLACE},60,不知道,",
        f"A8,八食堂,{PLACE},60,,春天",
        "A9,九食堂,东边,36.8,六十,不知道,春天",
        f"A10,十食堂,{PLACE},-5,,",
        header=header,
    )
    result = facilities(path)
    assert refusals(result) == {
        3: ["duplicate_id"],
        4: ["zero_coordinate"],
        5: ["swapped_coordinates"],
        6: ["missing_name"],
        7: ["wrong_kind"],
        8: ["unknown_status"],
        9: ["bad_date"],
        10: ["unknown_status", "bad_date", "not_a_number", "wrong_kind"],
        11: ["out_of_range"],
    }
    assert (result.rows_read, result.rows_good, result.rows_refused) == (10, 1, 9)
    assert result.frame["id"].tolist() == ["A1"]
    for problem in result.problems:
        if problem.severity == "refused":
            assert problem.field in header.split(",") or "," in problem.field
            assert problem.message_zh
            assert problem.message_en
    duplicate = next(problem for problem in result.problems if problem.code == "duplicate_id")
    assert "第 2 行" in duplicate.message_zh
    assert duplicate.value == "A1"
    status = next(problem for problem in result.problems if problem.code == "unknown_status")
    assert "运营" in status.message_zh


def test_repairs_are_counted_by_row_and_stored_repaired(tmp_path):
    header = "编号,名称,经度,纬度,座位,开业日期"
    path = write_rows(
        tmp_path,
        f"Ａ１,　一食堂　,{PLACE},６０,2022年3月",
        f"A2,二食堂,{PLACE},60座,44621",
        f"A3,三食堂,{PLACE},60,2022-03-01",
        header=header,
    )
    result = facilities(path)
    assert (result.rows_repaired, result.rows_refused) == (2, 0)
    assert result.frame["id"].tolist() == ["A1", "A2", "A3"]
    assert result.frame["name"].tolist() == ["一食堂", "二食堂", "三食堂"]
    assert result.frame["open_date"].tolist() == [dt.date(2022, 3, 1)] * 3
    assert set(codes(result, "repaired")) >= {"full_width", "trimmed_text", "date_form"}


def test_full_width_coordinates_are_repaired(tmp_path):
    result = facilities(write_rows(tmp_path, "A1,食堂,１１７．０５,３６．８"))
    assert (result.frame.geometry[0].x, result.frame.geometry[0].y) == (117.05, 36.8)
    assert result.rows_repaired == 1


def test_text_in_number_cells_of_a_workbook_is_read(tmp_path):
    rows = [
        ("编号", "名称", "经度", "纬度", "座位"),
        (1, "食堂", "117.05", " 36.8 ", "60"),
        (2, "乙", 117.06, 36.8, 50),
    ]
    result = facilities(write_book(tmp_path, rows))
    assert result.frame["capacity"].tolist() == [60, 50]
    assert result.rows_refused == 0


def test_a_limit_of_a_standard_that_is_missed_is_a_note(tmp_path):
    path = write_rows(tmp_path, f"A1,小院,{PLACE},100,1000", header="编号,名称,经度,纬度,床位,建筑面积")
    result = facilities(path, HOME)
    assert result.rows_refused == 0
    note = next(problem for problem in result.problems if problem.code == "below_threshold")
    assert note.severity == "note"
    assert note.row == 2


def test_missing_optional_attributes_are_one_note_with_counts(tmp_path):
    path = write_rows(tmp_path, f"A1,甲,{PLACE},10", f"A2,乙,{PLACE},", header="编号,名称,经度,纬度,座位")
    notes = [problem for problem in facilities(path).problems if problem.code == "missing_optional"]
    assert any("座位 1" in note.message_zh for note in notes)
    assert all(note.severity == "note" and note.row is None for note in notes)


def test_opening_hours_that_are_not_understood_are_kept_as_text_with_a_note(tmp_path):
    path = write_rows(tmp_path, f"A1,甲,{PLACE},逢集开放", header="编号,名称,经度,纬度,开放时间")
    result = facilities(path)
    assert result.frame["opening_hours"].tolist() == [None]
    assert json.loads(result.frame["attributes"][0]) == {"opening_hours_text": "逢集开放"}
    assert "hours_unknown" in codes(result, "note")


def test_a_facility_given_as_an_area_gets_a_point_inside_and_a_footprint(tmp_path):
    bent = shapely.Polygon(
        [(117, 36), (117.01, 36), (117.01, 36.01), (117.009, 36.01), (117.009, 36.001), (117, 36.001)]
    )
    path = write_geojson(
        tmp_path, feature(bent, 编号="A1", 名称="食堂"), feature(shapely.Point(117, 36), 编号="A2", 名称="乙")
    )
    result = facilities(path)
    assert bent.contains(result.frame.geometry[0])
    assert result.footprints["id"].tolist() == ["A1"]
    assert result.footprints["kind"].tolist() == ["senior_canteen"]
    assert result.footprints.geometry[0].equals(bent)


def test_nothing_is_moved_to_a_refused_rows_place_when_the_bad_rows_are_left_out(tmp_path):
    rows = [f"A{i},食堂{i},{117 + i / 100},36.8" if i % 3 else f"A{i},食堂{i},x,36.8" for i in range(1, 10)]
    frame = facilities(write_rows(tmp_path, *rows)).frame
    for _, row in frame.iterrows():
        assert row.geometry.x == pytest.approx(117 + int(row["id"][1:]) / 100)
        assert row["import_line"] == int(row["id"][1:]) + 1


def test_the_text_report_is_capped_and_the_json_report_is_complete(tmp_path):
    result = facilities(write_rows(tmp_path, *(f"A{i},食堂,0,0" for i in range(80))))
    text = report_text(result, limit=50)
    assert "另有 30 条" in text
    assert text.count("[拒绝]") == 51
    listed = report_json(result)["problems"]
    assert sum(problem["severity"] == "refused" for problem in listed) == 80
    assert {"file", "row", "field", "value", "message_zh", "message_en"} <= set(listed[-1])
    english = report_text(result, "en", limit=5)
    assert "80 rows read, 0 good, 0 repaired, 80 refused" in english
    assert "75 more" in english
    json.dumps(report_json(result))


def test_ids_that_a_spreadsheet_cut_short_are_refused_and_decorated_ones_mended(tmp_path):
    rows = ("3.70303E+11,甲,117,36.6", "370303001002.0,乙,117.1,36.6", "00012,丙,117.2,36.6", "3E7,丁,117.3,36.6")
    result = facilities(write_rows(tmp_path, *rows))
    assert refusals(result) == {2: ["cut_number"]}
    assert result.frame["id"].tolist() == ["370303001002", "00012", "3E7"]
    book = facilities(write_book(tmp_path, [["编号", "名称", "经度", "纬度"], [370303001001.0, "甲", 117, 36.6]]))
    assert book.frame["id"].tolist() == ["370303001001"]


def test_a_placeholder_position_is_refused_beside_a_missing_datum(tmp_path):
    with pytest.raises(InputError) as caught:
        facilities(write_rows(tmp_path, "1,甲,0,0", "2,乙,117,36.6"), datum=None)
    assert {"missing_datum", "zero_coordinate"} <= set(codes(caught.value))
