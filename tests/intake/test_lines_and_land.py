"""Street lines and polygons without counts."""

import geopandas as gpd
import pytest
import shapely

from geo.errors import InputError
from geo.intake.land import read_footprints, read_residential_land
from geo.intake.result import IntakeOptions
from geo.intake.street import read_street_lines
from geo.network.centreline import split_centrelines
from tests.intake.files import codes, feature, refusals, write_geojson, write_rows, write_shapes

CGCS = IntakeOptions(datum="cgcs2000")
CROSS = (
    shapely.LineString([(117.0, 36.8), (117.01, 36.8)]),
    shapely.LineString([(117.005, 36.795), (117.005, 36.805)]),
)


def test_lines_keep_the_words_of_the_file(tmp_path):
    frame = gpd.GeoDataFrame(
        {"道路名称": ["人民路", None], "道路等级": ["主干路", None], "桥梁": ["是", "否"], "层": [1, 0]},
        geometry=list(CROSS),
        crs=4490,
    )
    path = tmp_path / "路.gpkg"
    frame.to_file(path, driver="GPKG")
    result = read_street_lines(path)
    assert result.layer == "street_segments"
    assert result.frame["name"].tolist() == ["人民路", None]
    assert result.frame["kind"].tolist() == ["主干路", "road"]
    assert result.frame["bridge"].tolist() == ["是", "否"]
    assert result.frame["level"].tolist() == ["1", "0"]


def test_a_shapefile_without_prj_and_cpg_can_be_split_into_streets(tmp_path):
    frame = gpd.GeoDataFrame({"highway": ["residential", "footway"], "eid": [1, 2]}, geometry=list(CROSS), crs=4326)
    path = write_shapes(tmp_path, frame, drop=(".prj", ".cpg"))
    result = read_street_lines(path, IntakeOptions(datum="wgs84"))
    assert result.frame["id"].tolist() == ["1", "2"]
    assert len(split_centrelines(result.frame).segments) == 4


def test_repeated_way_numbers_are_no_ids_and_shapes_make_stable_ones(tmp_path):
    features = [feature(line, osm_id=7, highway="residential") for line in CROSS]
    first = read_street_lines(write_geojson(tmp_path, *features), CGCS)
    second = read_street_lines(write_geojson(tmp_path, *features[::-1]), CGCS)
    assert first.frame["id"].tolist() == second.frame["id"].tolist()[::-1]
    assert first.frame["id"].nunique() == 2
    assert first.rows_refused == 0
    stated = [feature(line, 编号="A", highway="residential") for line in CROSS]
    assert refusals(read_street_lines(write_geojson(tmp_path, *stated), CGCS)) == {2: ["duplicate_id"]}


def test_a_line_without_length_is_left_aside_with_a_note_and_other_shapes_are_refused(tmp_path):
    dot = {"type": "LineString", "coordinates": [[117, 36], [117, 36]]}
    path = write_geojson(
        tmp_path, feature(CROSS[0], id="1"), feature(dot, id="2"), feature(shapely.Point(117, 36), id="3")
    )
    result = read_street_lines(path, CGCS)
    assert result.frame["id"].tolist() == ["1"]
    assert "zero_length" in codes(result, "note")
    assert refusals(result) == {3: ["wrong_geometry"]}


def test_a_table_is_no_street_layer(tmp_path):
    with pytest.raises(InputError) as caught:
        read_street_lines(write_rows(tmp_path, "1,路", header="编号,名称"), CGCS)
    assert codes(caught.value) == ["missing_geometry"]


def test_residential_land_is_read_and_its_kind_defaults(tmp_path):
    square = shapely.box(117, 36, 117.01, 36.01)
    path = write_geojson(tmp_path, feature(square, 名称="幸福小区"), feature(shapely.Point(117, 36), 名称="点"))
    result = read_residential_land(path, CGCS)
    assert result.frame.columns.tolist() == ["id", "name", "kind", "import_line", "geometry"]
    assert result.frame["kind"].tolist() == ["residential"]
    assert refusals(result) == {2: ["wrong_geometry"]}


def test_a_footprint_must_name_its_facility(tmp_path):
    square = shapely.box(117, 36, 117.01, 36.01)
    result = read_footprints(
        write_geojson(tmp_path, feature(square, 设施编号="A1"), feature(square, 设施编号=None)), CGCS
    )
    assert result.frame["id"].tolist() == ["A1"]
    assert refusals(result) == {2: ["missing_id"]}
    with pytest.raises(InputError) as caught:
        read_footprints(write_geojson(tmp_path, feature(square, 别的="A1"), name="二.geojson"), CGCS)
    assert codes(caught.value) == ["missing_column"]
