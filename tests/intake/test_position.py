"""Where rows are, and which places are refused."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from geo.datum import HelmertParameters, wgs84_to_gcj02
from geo.errors import DatumError
from geo.intake.demand import read_demand
from geo.intake.place import distance_to_bounds_m
from geo.intake.result import IntakeOptions, report_text
from tests.intake.files import codes, feature, refusals, write_geojson, write_rows, write_shapes

NEAR = (116.9, 36.6, 117.3, 36.9)
HEADER = "编号,经度,纬度,人数"


def demand(path, **options):
    return read_demand(path, IntakeOptions(**{"datum": "cgcs2000", **options}))


def place(result, row=0):
    point = result.frame.geometry.iloc[row]
    return point.x, point.y


def test_each_refused_place_is_named_with_row_field_value_and_what_is_allowed(tmp_path):
    path = write_rows(
        tmp_path,
        "a,117.05,36.8,5",
        "b,0,0,5",
        "c,东经,36.8,5",
        "d,36.8,117.05,5",
        "e,217.05,36.8,5",
        "f,,36.8,5",
        "g,117.05,,5",
        "h,512345,4071234,5",
        header=HEADER,
    )
    result = demand(path)
    assert refusals(result) == {
        3: ["zero_coordinate"],
        4: ["not_a_number"],
        5: ["swapped_coordinates"],
        6: ["out_of_range"],
        7: ["missing_coordinate"],
        8: ["missing_coordinate"],
        9: ["out_of_range"],
    }
    assert (result.rows_read, result.rows_good, result.rows_refused) == (8, 1, 7)
    swapped = next(problem for problem in result.problems if problem.row == 5)
    assert (swapped.field, swapped.value) == ("经度, 纬度", "36.8, 117.05")
    assert "-90" in swapped.message_zh
    metres = next(problem for problem in result.problems if problem.row == 9)
    assert "EPSG" in metres.message_zh


def test_a_place_far_from_the_other_layers_is_refused_and_a_swapped_one_is_told(tmp_path):
    path = write_rows(tmp_path, "a,118.5,36.8,5", "b,121.5,31.2,5", "c,86.8,27.05,5", "d,-51.2,-30.0,5", header=HEADER)
    result = demand(path, near=(86.0, 27.0, 87.0, 28.0))
    assert refusals(result) == {2: ["far_away"], 3: ["far_away"], 5: ["far_away"]}
    exchanged = write_rows(tmp_path, "a,27.05,86.8,5", header=HEADER, name="换.csv")
    assert refusals(demand(exchanged, near=(86.0, 27.0, 87.0, 28.0))) == {2: ["swapped_coordinates"]}


def test_places_outside_china_are_no_refusal_without_other_layers(tmp_path):
    result = demand(write_rows(tmp_path, "a,-51.2,-30.0,5", "b,24.9,60.2,7", header=HEADER))
    assert result.rows_refused == 0


def test_merely_outside_the_other_layers_is_no_refusal(tmp_path):
    result = demand(write_rows(tmp_path, "a,118.9,36.8,5", header=HEADER), near=NEAR)
    assert result.rows_refused == 0


@given(st.floats(110, 125), st.floats(30, 45))
@settings(max_examples=60, deadline=None)
def test_the_distance_to_bounds_is_close_to_the_geodesic(lon, lat):
    got = distance_to_bounds_m(np.array([lon]), np.array([lat]), NEAR)[0]
    near_lon, near_lat = min(max(lon, NEAR[0]), NEAR[2]), min(max(lat, NEAR[1]), NEAR[3])
    _, _, metres = Geod(ellps="GRS80").inv(lon, lat, near_lon, near_lat)
    assert got == pytest.approx(metres, rel=6e-3, abs=1e-3)


def test_degrees_minutes_and_seconds_are_repaired(tmp_path):
    result = demand(write_rows(tmp_path, "a,117°03′00″,36°48′00.0″,5", header=HEADER))
    assert place(result) == pytest.approx((117.05, 36.8))
    assert result.rows_repaired == 1


def test_both_coordinates_in_one_cell_are_read(tmp_path):
    rows = ('a,"117.05,36.80",5', 'b,"１１７．０６，３６．８",5', "c,某处,5")
    path = write_rows(tmp_path, *rows, header="编号,经纬度,人数")
    result = demand(path)
    assert place(result) == (117.05, 36.8)
    assert place(result, 1) == (117.06, 36.8)
    assert refusals(result) == {4: ["not_a_number"]}


def test_a_missing_datum_is_explained_together_with_the_other_problems(tmp_path):
    with pytest.raises(DatumError) as caught:
        demand(write_rows(tmp_path, "a,117.05,36.8,-5", header=HEADER), datum=None)
    assert codes(caught.value) == ["missing_datum", "negative_number"]
    assert "--datum cgcs2000|wgs84|gcj02|bd09" in caught.value.message_zh


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_shifted_coordinates_are_converted_with_raw_value_method_and_accuracy_beside(tmp_path, datum):
    lon, lat = wgs84_to_gcj02(117.05, 36.8)
    result = demand(write_rows(tmp_path, f"a,{lon},{lat},5", header=HEADER), datum=datum)
    if datum == "gcj02":
        assert place(result) == pytest.approx((117.05, 36.8), abs=1e-11)
    row = result.frame.iloc[0]
    assert (row["raw_x"], row["raw_y"]) == (float(lon), float(lat))
    assert row["raw_crs"] == datum
    assert "public formula" in row["datum_method"]
    assert row["accuracy_m"] == 2.0
    assert "≤ 2 m" in report_text(result)


def test_a_place_outside_the_formulas_box_is_noted(tmp_path):
    result = demand(write_rows(tmp_path, "a,24.9,60.2,5", header=HEADER), datum="gcj02")
    assert place(result) == (24.9, 60.2)
    assert "outside_formula" in codes(result, "note")


def projected(lon=117.05, lat=36.8, epsg=4548):
    return Transformer.from_crs(4490, epsg, always_xy=True).transform(lon, lat)


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("编号,X坐标,Y坐标,人数", "north first"),
        ("编号,x,y,人数", "east first"),
        ("编号,X(北),Y(东),人数", "north first"),
        ("编号,北坐标,东坐标,人数", "north first"),
        ("编号,东坐标,北坐标,人数", "east first"),
        ("编号,经度,纬度,人数", "east first"),
    ],
)
def test_projected_columns_are_read_in_either_order(tmp_path, header, order):
    east, north = projected()
    pair = f"{north},{east}" if order == "north first" else f"{east},{north}"
    result = demand(write_rows(tmp_path, f"a,{pair},5", header=header), datum="EPSG:4548")
    assert place(result) == pytest.approx((117.05, 36.8), abs=1e-9)
    assert (result.frame["raw_x"][0], result.frame["raw_y"][0]) == (east, north)


def test_a_zone_number_in_front_of_the_easting_is_settled_and_noted(tmp_path):
    east, north = projected(epsg=4527)
    path = write_rows(tmp_path, f"a,{north},{east},5", header="编号,X坐标,Y坐标,人数")
    for datum in ("EPSG:4527", "EPSG:4548", "cgcs2000"):
        result = demand(path, datum=datum)
        assert place(result) == pytest.approx((117.05, 36.8), abs=1e-9)
    assert "zone_from_easting" in codes(demand(path), "note")
    east, north = projected()
    path = write_rows(tmp_path, f"a,{north},{east},5", header="编号,X坐标,Y坐标,人数")
    result = demand(path, datum="EPSG:4527")
    assert place(result) == pytest.approx((117.05, 36.8), abs=1e-9)
    assert "zone_prefix" in codes(result, "note")


def test_1980_coordinates_need_parameters(tmp_path):
    path = write_rows(tmp_path, "a,117.05,36.8,5", header=HEADER)
    with pytest.raises(DatumError) as caught:
        demand(path, datum="EPSG:4610")
    assert codes(caught.value) == ["datum_refused"]
    result = demand(path, datum="EPSG:4610", helmert=HelmertParameters(10, -20, 30, accuracy_m=0.5))
    assert place(result) != (117.05, 36.8)
    assert result.frame["accuracy_m"][0] == 0.5


def test_the_users_datum_goes_before_the_label_of_the_file_with_a_note(tmp_path):
    lon, lat = wgs84_to_gcj02(117.05, 36.8)
    shape = shapely.Point(float(lon), float(lat))
    path = write_geojson(tmp_path, feature(shape, 编号="a", 人数=5), crs="EPSG:4326")
    result = demand(path, datum="gcj02")
    assert place(result) == pytest.approx((117.05, 36.8), abs=1e-9)
    assert "datum_overridden" in codes(result, "note")
    assert codes(demand(path, datum="wgs84"), "note") == []


def test_a_projected_file_and_a_datum_that_contradicts_it_are_refused(tmp_path):
    east, north = projected()
    frame = gpd.GeoDataFrame({"人数": [5]}, geometry=[shapely.Point(east, north)], crs=4548)
    path = write_shapes(tmp_path, frame)
    assert CRS.from_wkt(path.with_suffix(".prj").read_text()).is_projected
    for datum in (None, "cgcs2000"):
        assert place(demand(path, datum=datum)) == pytest.approx((117.05, 36.8), abs=1e-9)
    with pytest.raises(DatumError) as caught:
        demand(path, datum="gcj02")
    assert codes(caught.value) == ["datum_conflict"]


def test_projected_metres_labelled_as_degrees_are_refused(tmp_path):
    east, north = projected()
    path = write_geojson(tmp_path, feature(shapely.Point(east, north), 人数=5), crs="EPSG:4326")
    assert refusals(demand(path, datum=None)) == {1: ["out_of_range"]}


def test_swapped_and_zero_geometries_are_refused(tmp_path):
    path = write_geojson(
        tmp_path,
        feature(shapely.Point(36.8, 117.05), 人数=5),
        feature(shapely.Point(0, 0), 人数=5),
        feature(shapely.box(117.0, 36.7, 117.1, 36.8), 人数=5),
    )
    result = demand(path, near=NEAR)
    assert refusals(result) == {1: ["swapped_coordinates"], 2: ["zero_coordinate"]}
    assert result.rows_good == 1
