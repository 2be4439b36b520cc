"""Reading files: encodings, delimiters, title rows, and the parts that are usually missing."""

import zipfile

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
import shapely

from geo.catalog.load import facility_type
from geo.errors import DataSourceError, DatumError, InputError
from geo.intake.book import sheet_names
from geo.intake.demand import read_demand
from geo.intake.facility import read_facilities
from geo.intake.result import IntakeOptions
from tests.intake.files import (
    codes,
    feature,
    refusals,
    write_book,
    write_geojson,
    write_rows,
    write_shapes,
    write_text,
    write_zip,
)

CANTEEN = facility_type("senior_canteen")
CGCS = IntakeOptions(datum="cgcs2000")


def facilities(path, options=CGCS):
    return read_facilities(path, options, facility_type=CANTEEN)


def points(**columns):
    geometry = [shapely.Point(117.05, 36.80), shapely.Point(117.06, 36.81)]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=4490)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_every_usual_encoding_is_read(tmp_path, encoding):
    text = "编号,名称,经度,纬度\nA1,幸福里食堂,117.05,36.80\n"
    result = facilities(write_text(tmp_path, text, encoding=encoding))
    assert result.frame["name"].tolist() == ["幸福里食堂"]
    assert result.frame["id"].tolist() == ["A1"]


def test_rare_characters_of_gb18030_are_kept(tmp_path):
    result = facilities(write_text(tmp_path, "名称,经度,纬度\n㙍㵘食堂,117.05,36.8\n", encoding="gb18030"))
    assert result.frame["name"].tolist() == ["㙍㵘食堂"]


@pytest.mark.parametrize("sign", [",", "\t", ";", "|"])
def test_the_delimiter_is_found(tmp_path, sign):
    text = "编号,名称,经度,纬度\nA1,食堂,117.05,36.80\n".replace(",", sign)
    assert len(facilities(write_text(tmp_path, text)).frame) == 1


def test_title_rows_above_the_header_and_blank_rows_keep_the_spreadsheet_numbers(tmp_path):
    text = (
        "全市长者食堂一览表,,,\n填报单位:民政局,,,\n编号,名称,经度,纬度\nA1,一食堂,117.05,36.80\n,,,\nA2,二食堂,0,0\n"
    )
    result = facilities(write_text(tmp_path, text))
    assert result.frame["import_line"].tolist() == [4]
    assert refusals(result) == {6: ["zero_coordinate"]}


def test_a_quoted_line_break_counts_as_one_row(tmp_path):
    text = '编号,名称,地址,经度,纬度\nA1,食堂,"人民路\n1号",117.05,36.80\nA2,食堂,人民路2号,x,36.80\n'
    result = facilities(write_text(tmp_path, text))
    assert result.frame["address"].tolist() == ["人民路 1号"]
    assert refusals(result) == {3: ["not_a_number"]}


def test_an_unquoted_comma_refuses_its_row_instead_of_shifting_columns(tmp_path):
    result = facilities(
        write_rows(
            tmp_path, "A1,食堂,人民路1号,甲,117.05,36.8", "A2,食堂,路,117.05,36.8", header="编号,名称,地址,经度,纬度"
        )
    )
    assert "extra_cells" in refusals(result)[2]
    assert result.frame["id"].tolist() == ["A2"]


def test_a_total_row_is_set_aside_with_a_note(tmp_path):
    path = write_rows(tmp_path, "A1,117.05,36.8,30", "合计,,,30", header="编号,经度,纬度,人数")
    result = read_demand(path, CGCS)
    assert (result.rows_read, result.rows_refused) == (1, 0)
    assert "total_row" in codes(result, "note")


def test_a_workbook_with_a_merged_title_is_read(tmp_path):
    rows = [("2024年长者食堂", None, None, None), ("编号", "名称", "经度", "纬度"), (1, "食堂", 117.05, "36.80")]
    path = write_book(tmp_path, rows)
    result = facilities(path)
    assert result.frame["id"].tolist() == ["1"]
    assert result.frame["import_line"].tolist() == [3]


def test_the_sheet_with_the_known_headers_is_taken_and_others_are_named(tmp_path):
    data = [("编号", "名称", "经度", "纬度"), ("A1", "食堂", 117.05, 36.8)]
    path = write_book(tmp_path, [("填表说明",), ("请逐行填写",)], sheet="说明", more={"数据": data})
    result = facilities(path)
    assert result.rows_read == 1
    note = next(problem for problem in result.problems if problem.code == "sheet_chosen")
    assert "说明" in note.message_zh
    named = facilities(path, IntakeOptions(datum="cgcs2000", layer="数据"))
    assert named.rows_read == 1


def test_a_missing_sheet_is_refused_with_the_sheets_there_are(tmp_path):
    path = write_book(tmp_path, [("名称", "经度", "纬度"), ("a", 117, 36)])
    with pytest.raises(DataSourceError, match="Sheet1"):
        facilities(path, IntakeOptions(datum="cgcs2000", layer="别的"))


def test_a_geojson_without_a_crs_member_is_undeclared(tmp_path):
    shape = shapely.Point(117.05, 36.8)
    with pytest.raises(DatumError) as caught:
        facilities(write_geojson(tmp_path, feature(shape, 名称="食堂")), IntakeOptions())
    assert codes(caught.value) == ["missing_datum"]
    declared = write_geojson(tmp_path, feature(shape, 名称="食堂"), crs="urn:ogc:def:crs:OGC:1.3:CRS84")
    assert facilities(declared, IntakeOptions()).datum == "wgs84"
    stated = write_geojson(tmp_path, feature(shape, 名称="食堂"))
    assert facilities(stated, IntakeOptions(datum="gcj02")).datum == "gcj02"


def test_a_property_called_crs_declares_nothing(tmp_path):
    path = write_geojson(tmp_path, feature(shapely.Point(117.05, 36.8), 名称="食堂", crs="EPSG:4490"))
    with pytest.raises(DatumError):
        facilities(path, IntakeOptions())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_geojson_encodings_are_read(tmp_path, encoding):
    path = write_geojson(tmp_path, feature(shapely.Point(117.05, 36.8), 名称="长者食堂"), encoding=encoding)
    assert facilities(path).frame["name"].tolist() == ["长者食堂"]


def test_a_geopackage_brings_its_own_datum(tmp_path):
    path = tmp_path / "点.gpkg"
    points(名称=["甲", "乙"]).to_file(path, driver="GPKG")
    result = facilities(path, IntakeOptions())
    assert result.datum == "cgcs2000"
    assert result.frame["import_line"].tolist() == [1, 2]


def test_a_geopackage_with_several_layers_asks_for_one(tmp_path):
    path = tmp_path / "点.gpkg"
    points(名称=["甲", "乙"]).to_file(path, driver="GPKG", layer="食堂")
    points(名称=["丙", "丁"]).to_file(path, driver="GPKG", layer="站点")
    with pytest.raises(DataSourceError, match="食堂"):
        facilities(path, IntakeOptions())
    result = facilities(path, IntakeOptions(layer="站点"))
    assert result.frame["name"].tolist() == ["丙", "丁"]


def test_an_undefined_system_in_a_geopackage_is_undeclared(tmp_path):
    path = tmp_path / "点.gpkg"
    with pytest.warns(UserWarning, match="crs"):
        points(名称=["甲", "乙"]).set_crs(None, allow_override=True).to_file(path, driver="GPKG")
    with pytest.raises(DatumError):
        facilities(path, IntakeOptions())


@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030"])
@pytest.mark.parametrize("is_zipped", [False, True])
def test_a_shapefile_without_cpg_is_read_in_its_real_encoding(tmp_path, encoding, is_zipped):
    frame = points(名称=["长者食堂", "幸福里食堂"], 座位=[30, 40])
    path = write_shapes(tmp_path, frame, encoding=encoding, drop=(".cpg",))
    path = write_zip(path) if is_zipped else path
    result = facilities(path, IntakeOptions())
    assert result.frame["name"].tolist() == ["长者食堂", "幸福里食堂"]
    assert result.frame["capacity"].tolist() == [30, 40]
    assert "text_encoding" in codes(result, "note")


def test_a_cpg_that_lies_is_found_out(tmp_path):
    path = write_shapes(tmp_path, points(名称=["长者食堂", "幸福里食堂"]), encoding="GB18030")
    path.with_suffix(".cpg").write_text("UTF-8")
    assert facilities(path, IntakeOptions()).frame["name"].tolist() == ["长者食堂", "幸福里食堂"]


def test_a_shapefile_without_prj_is_undeclared(tmp_path):
    path = write_shapes(tmp_path, points(名称=["甲", "乙"]), drop=(".prj",))
    with pytest.raises(DatumError):
        facilities(path, IntakeOptions())
    assert len(facilities(path, CGCS).frame) == 2


def test_a_shapefile_without_shx_is_read_and_nothing_is_written_beside_it(tmp_path):
    path = write_shapes(tmp_path, points(名称=["甲", "乙"]), drop=(".shx",))
    before = sorted(part.name for part in tmp_path.iterdir())
    result = facilities(path, IntakeOptions())
    assert len(result.frame) == 2
    assert "shx_rebuilt" in codes(result, "note")
    assert sorted(part.name for part in tmp_path.iterdir()) == before


def test_an_archive_with_two_shapefiles_asks_for_one(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    one = write_shapes(first, points(名称=["甲", "乙"]))
    two = write_shapes(second, points(名称=["丙", "丁"]))
    archive = tmp_path / "两层.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for stem, path in (("食堂", one), ("站点", two)):
            for part in path.parent.glob("图层.*"):
                target.write(part, f"{stem}{part.suffix}")
    with pytest.raises(DataSourceError, match="食堂"):
        facilities(archive, IntakeOptions())
    assert facilities(archive, IntakeOptions(layer="站点")).frame["name"].tolist() == ["丙", "丁"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("空.csv", b""),
        ("只有表头.csv", "编号,名称,经度,纬度\n".encode()),
        ("空白.csv", b"\n\n ,,\n"),
        ("坏.xlsx", b"not a workbook"),
        ("坏.geojson", b"{"),
        ("数组.geojson", b"[1, 2]"),
        ("空层.geojson", b'{"type": "FeatureCollection", "features": []}'),
        ("坏.gpkg", b"not a database"),
        ("坏.shp", b"not a shapefile"),
        ("坏.zip", b"not an archive"),
        ("图.pdf", b"%PDF-1.7"),
        ("无后缀", b"x"),
        ("二进制.csv", b"\x00\x01\x02a,b\x00"),
    ],
)
def test_an_empty_unreadable_or_unknown_file_is_refused_in_words(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataSourceError) as caught:
        facilities(path)
    assert name in caught.value.message_zh
    assert name in caught.value.message_en


def test_a_missing_file_is_refused_in_words(tmp_path):
    with pytest.raises(DataSourceError, match="no such file"):
        facilities(tmp_path / "没有.csv")


def test_text_in_no_known_encoding_is_refused(tmp_path):
    path = tmp_path / "乱码.csv"
    path.write_bytes("编号,名称\n".encode() + b"\xff\xff\xff,\xff\n")
    with pytest.raises(DataSourceError, match="UTF-8 or GB18030"):
        facilities(path)


def test_the_columns_seen_are_listed_when_one_is_missing(tmp_path):
    with pytest.raises(InputError) as caught:
        facilities(write_rows(tmp_path, "1,2", header="甲,乙"))
    assert codes(caught.value) == ["missing_column", "missing_column"]
    for problem in caught.value.problems[:2]:
        assert "甲" in problem.message_zh
        assert "乙" in problem.message_en


def test_features_without_geometry_are_refused_one_by_one(tmp_path):
    path = write_geojson(tmp_path, feature(None, 名称="甲"), feature(shapely.Point(117.0, 36.5), 名称="乙"))
    result = facilities(path)
    assert refusals(result) == {1: ["missing_coordinate"]}
    assert np.allclose(shapely.get_x(result.frame.geometry.to_numpy()), 117.0)


def test_one_value_in_the_last_cell_of_a_sheet_ends_in_words_and_not_the_process(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["名称", "经度", "纬度"])
    sheet.cell(1_048_576, 16_384).value = "x"
    path = tmp_path / "远.xlsx"
    book.save(path)
    assert sheet_names(path) == ("Sheet",)
    with pytest.raises(DataSourceError) as caught:
        facilities(path)
    assert "“远.xlsx”：内容太多" in caught.value.message_zh
    assert "删去多余的行列" in caught.value.message_zh
    assert "stray values" in caught.value.message_en


@pytest.mark.parametrize("name", ["表.xlsx", "表.csv", "表.gpkg"])
def test_more_cells_than_fit_into_memory_are_refused_before_they_are_kept(tmp_path, monkeypatch, name):
    for module in ("book", "delimited", "vector"):
        monkeypatch.setattr(f"geo.intake.{module}.MOST_CELLS", 5)
    if name.endswith(".csv"):
        path = write_text(tmp_path, "名称,经度,纬度\nA,117.05,36.80\n", name=name)
    elif name.endswith(".xlsx"):
        path = write_book(tmp_path, [["名称", "经度", "纬度"], ["A", 117.05, 36.80]], name=name)
    else:
        path = tmp_path / name
        points(name=["A", "B"], address=["甲", "乙"]).to_file(path)
    with pytest.raises(DataSourceError, match="it holds too much"):
        facilities(path)


def test_a_workbook_of_too_much_text_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("geo.intake.book.MOST_CHARACTERS", 10)
    path = write_book(tmp_path, [["名称", "经度", "纬度"], ["长" * 20, 117.05, 36.80]])
    with pytest.raises(DataSourceError, match="it holds too much"):
        facilities(path)
