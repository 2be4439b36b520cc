"""Divisions: codes, levels and parents."""

import datetime as dt

import pytest
import shapely

from geo.errors import InputError
from geo.intake.division import level_of_code, read_divisions
from geo.intake.result import IntakeOptions
from tests.intake.files import codes, feature, refusals, write_geojson, write_rows

SQUARE = shapely.box(117, 36, 117.1, 36.1)


def divisions(path, **keywords):
    return read_divisions(path, IntakeOptions(datum="cgcs2000"), **keywords)


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("370000", "province"),
        ("370300", "prefecture"),
        ("370302", "county"),
        ("370302001", "township"),
        ("370302001000", "township"),
        ("370302001002", "village"),
        ("370302000000", "county"),
        ("370300000000", "prefecture"),
        ("37", "province"),
        ("3703", "prefecture"),
        ("63000060", None),
        ("A09", None),
        ("", None),
    ],
)
def test_the_shape_of_a_code_tells_the_level(code, level):
    assert level_of_code(code) == level


def test_a_layer_of_several_levels_finds_its_parents(tmp_path):
    path = write_geojson(
        tmp_path,
        feature(SQUARE, 区划代码="370302", 名称="淄川区"),
        feature(SQUARE, 区划代码="370302001", 名称="般阳路街道"),
        feature(SQUARE, 区划代码="370302001002", 名称="某社区"),
        feature(SQUARE, 区划代码="370302002003", 名称="另一社区"),
    )
    frame = divisions(path).frame
    assert frame.columns.tolist() == [
        *("id", "code", "name", "level", "parent_code", "valid_from", "valid_to", "import_line", "geometry")
    ]
    assert frame["level"].tolist() == ["county", "township", "village", "village"]
    assert frame["parent_code"].tolist() == [None, "370302", "370302001", "370302"]
    assert set(frame.geometry.geom_type) == {"MultiPolygon"}
    assert frame["id"].tolist() == frame["code"].tolist()


def test_parents_are_looked_for_among_the_codes_of_the_store(tmp_path):
    path = write_geojson(tmp_path, feature(SQUARE, code="370302001000", name="街道"))
    assert divisions(path, known_codes={"370302"}).frame["parent_code"].tolist() == ["370302"]
    result = divisions(path)
    assert result.frame["parent_code"].tolist() == [None]
    assert "no_parent" in codes(result, "note")


def test_a_stated_level_and_parent_go_before_the_code(tmp_path):
    path = write_geojson(
        tmp_path,
        feature(SQUARE, 代码="A1", 名称="甲", 级别="街道", 上级代码="A"),
        feature(SQUARE, 代码="A2", 名称="乙", 级别="片区", 上级代码="A"),
        feature(SQUARE, 代码="A3", 名称="丙"),
    )
    result = divisions(path)
    assert result.frame["level"].tolist() == ["township"]
    assert result.frame["parent_code"].tolist() == ["A"]
    assert refusals(result) == {2: ["unknown_level"], 3: ["unknown_level"]}
    assert divisions(path, level="village").frame["level"].tolist() == ["township", "village"]


def test_numbers_as_codes_keep_no_decimal_point(tmp_path):
    path = write_geojson(tmp_path, feature(SQUARE, 代码=370302, 名称="甲"), feature(SQUARE, 代码=None, 名称="乙"))
    result = divisions(path)
    assert result.frame["code"].tolist() == ["370302"]
    assert refusals(result) == {2: ["missing_code"]}


def test_a_repeated_code_and_a_point_are_refused(tmp_path):
    path = write_geojson(
        tmp_path,
        feature(SQUARE, 代码="370302", 名称="甲"),
        feature(SQUARE, 代码="370302", 名称="乙"),
        feature(shapely.Point(117, 36), 代码="370303", 名称="丙"),
    )
    assert refusals(divisions(path)) == {2: ["duplicate_id"], 3: ["wrong_geometry"]}


def test_an_invalid_polygon_is_made_valid(tmp_path):
    bow = shapely.Polygon([(117, 36), (117.01, 36.01), (117.01, 36), (117, 36.01)])
    flat = {"type": "Polygon", "coordinates": [[[117, 36], [117.1, 36], [117.2, 36], [117, 36]]]}
    result = divisions(write_geojson(tmp_path, feature(bow, 代码="370302"), feature(flat, 代码="370303")))
    assert result.frame.geometry.is_valid.all()
    assert result.rows_repaired == 1
    assert refusals(result) == {2: ["invalid_geometry"]}
    assert "missing_name" in codes(result, "note")


def test_dates_of_validity_are_read(tmp_path):
    path = write_geojson(
        tmp_path, feature(SQUARE, 代码="370302", 名称="甲", 生效日期="2020年1月1日", 失效日期="2024-01-01")
    )
    row = divisions(path).frame.iloc[0]
    assert (row["valid_from"], row["valid_to"]) == (dt.date(2020, 1, 1), dt.date(2024, 1, 1))


def test_a_table_without_polygons_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        divisions(write_rows(tmp_path, "370302,甲", header="代码,名称"))
    assert codes(caught.value) == ["missing_geometry"]


def test_a_code_read_as_a_decimal_number_is_mended_and_one_cut_short_is_refused(tmp_path):
    shapes = [feature(SQUARE, code="370303001001.0", name="甲村"), feature(SQUARE, code="3.70303E+11", name="乙村")]
    result = divisions(write_geojson(tmp_path, *shapes))
    assert result.frame[["code", "level"]].to_numpy().tolist() == [["370303001001", "village"]]
    assert "cut_number" in refusals(result)[2]
