"""Datums and projections against well-known numbers and against their own inverses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from geo.datum import (
    ZONES,
    HelmertParameters,
    accuracy_text,
    bd09_to_wgs84,
    datum_of_crs,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    local_metric_crs,
    missing_datum,
    parse_datum,
    to_cgcs2000,
    wgs84_to_gcj02,
    zone_from_easting,
    zone_of,
    zone_variant,
)
from geo.errors import DatumError

METRE_DEG = 1 / 111_320
CHINA = st.tuples(st.floats(73.5, 134.5), st.floats(4.0, 53.5))


def residual_m(lon_a, lat_a, lon_b, lat_b):
    """Flat distance of neighbouring places, exact enough below a metre."""
    east = (np.asarray(lon_a) - lon_b) * np.cos(np.radians(lat_a))
    return np.hypot(east, np.asarray(lat_a) - lat_b) / METRE_DEG


def test_gcj02_of_a_place_in_shanghai_agrees_with_the_published_pair():
    lon, lat = wgs84_to_gcj02(121.5272106, 31.1774276)
    assert lon == pytest.approx(121.531541859215, abs=1e-9)
    assert lat == pytest.approx(31.17530398364597, abs=1e-9)


def test_gcj02_moves_a_place_in_china_by_hundreds_of_metres():
    lon, lat = wgs84_to_gcj02(117.0, 36.7)
    _, _, moved = Geod(ellps="WGS84").inv(117.0, 36.7, float(lon), float(lat))
    assert 300 < moved < 800


@given(CHINA)
@settings(max_examples=200, deadline=None)
def test_inverses_meet_a_millionth_of_a_metre_against_the_public_formula(place):
    lon, lat, unchanged = gcj02_to_wgs84(*place)
    assert not unchanged
    assert residual_m(*wgs84_to_gcj02(lon, lat), *place) < 1e-6
    lon, lat, unchanged = bd09_to_wgs84(*place)
    assert not unchanged
    assert residual_m(*gcj02_to_bd09(*wgs84_to_gcj02(lon, lat)), *place) < 1e-6


def test_the_inverse_ends_and_meets_the_formula_at_its_kink():
    lon = 105.0 + np.array([0.0, 1e-15, -1e-12, 1e-9, -1e-6, 0.004])
    goal_lon, goal_lat = wgs84_to_gcj02(lon, np.full(6, 30.0))
    w_lon, w_lat, _ = gcj02_to_wgs84(goal_lon, goal_lat)
    assert residual_m(*wgs84_to_gcj02(w_lon, w_lat), goal_lon, goal_lat).max() < 1e-6


def test_places_outside_the_formulas_box_are_left_alone_and_reported():
    lon, lat = np.array([24.9, -51.2, 116.4, np.nan]), np.array([60.2, -30.0, 39.9, 30.0])
    w_lon, w_lat, unchanged = gcj02_to_wgs84(lon, lat)
    assert unchanged.tolist() == [True, True, False, True]
    assert w_lon[:2].tolist() == lon[:2].tolist()
    assert w_lat[:2].tolist() == lat[:2].tolist()
    b_lon, _, unchanged = bd09_to_wgs84(lon, lat)
    assert unchanged.tolist() == [True, True, False, True]
    assert b_lon[0] == lon[0]
    assert np.array_equal(wgs84_to_gcj02(24.9, 60.2), (24.9, 60.2))


def test_vectors_and_single_pairs_give_the_same_answer():
    lon, lat = np.array([117.1, 103.9, 88.2]), np.array([36.8, 30.7, 43.1])
    many = gcj02_to_wgs84(lon, lat)
    for i in range(3):
        one = gcj02_to_wgs84(lon[i], lat[i])
        assert residual_m(many[0][i], many[1][i], one[0], one[1]) < 1e-6


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("CGCS2000", "cgcs2000"),
        ("epsg:4490", "cgcs2000"),
        ("WGS-84", "wgs84"),
        ("wgs 84", "wgs84"),
        ("GCJ-02", "gcj02"),
        ("gcj02", "gcj02"),
        ("BD_09", "bd09"),
        ("EPSG:4548", "EPSG:4548"),
        ("4548", "EPSG:4548"),
    ],
)
def test_datum_words_are_understood(word, code):
    assert parse_datum(word).code == code


@pytest.mark.parametrize("word", ["", "mars", "EPSG:999999", "beijing"])
def test_an_unknown_datum_is_refused_with_what_is_allowed(word):
    with pytest.raises(DatumError) as caught:
        parse_datum(word)
    for text in (caught.value.message_zh, caught.value.message_en):
        assert "cgcs2000" in text
        assert "EPSG" in text


def test_wgs84_is_cgcs2000_by_an_identity_step_of_a_metre():
    done = to_cgcs2000(117.123456, 36.654321, parse_datum("wgs84"))
    assert (float(done.lon_deg), float(done.lat_deg)) == (117.123456, 36.654321)
    assert "identity" in done.method
    assert done.accuracy_m == 1.0
    assert accuracy_text(done.accuracy_m, "en") == "accuracy class ≤ 1 m"
    assert "≤ 1 m" in accuracy_text(1.0)


def test_cgcs2000_stays_as_it_is_without_an_error_class():
    done = to_cgcs2000([117.5], [36.5], parse_datum("cgcs2000"))
    assert done.lon_deg.tolist() == [117.5]
    assert done.accuracy_m == 0
    assert accuracy_text(0.0, "en") == "no conversion error"


def test_the_zone_list_is_the_list_of_epsg():
    for zone in (z for z in ZONES if z.epsg in (4491, 4501, 4502, 4512, 4513, 4527, 4533, 4534, 4548, 4554)):
        crs = CRS.from_epsg(zone.epsg)
        values = {p.name: p.value for p in crs.coordinate_operation.params}
        assert values["Longitude of natural origin"] == zone.central_meridian_deg
        assert values["False easting"] == 500_000 + (zone.zone * 1_000_000 if zone.is_prefixed else 0)
        assert crs.axis_info[0].direction == "north"
    assert len(ZONES) == 64


@pytest.mark.parametrize("code", ["EPSG:4527", "EPSG:4548", "EPSG:4498", "EPSG:4509"])
def test_a_zone_on_its_central_meridian_lies_where_the_zone_says(code):
    datum = parse_datum(code)
    zone = zone_of(datum)
    easting = 500_000 + (zone.zone * 1e6 if zone.is_prefixed else 0)
    done = to_cgcs2000(easting, 4_000_000, datum)
    assert float(done.lon_deg) == pytest.approx(zone.central_meridian_deg, abs=1e-12)
    assert done.accuracy_m == 0


def test_projected_coordinates_come_back_from_east_and_north():
    forward = Transformer.from_crs(4490, 4548, always_xy=True)
    east, north = forward.transform(117.3, 36.7)
    assert 400_000 < east < 600_000 < north
    done = to_cgcs2000(east, north, parse_datum("EPSG:4548"))
    assert residual_m(done.lon_deg, done.lat_deg, 117.3, 36.7) < 1e-5


def test_an_easting_with_its_zone_number_tells_the_zone():
    assert zone_from_easting(39_512_345).epsg == 4527
    assert zone_from_easting(20_512_345).epsg == 4498
    assert zone_from_easting(512_345) is None
    assert zone_from_easting(24_500_000) is None
    plain = zone_variant(zone_from_easting(39_512_345), is_prefixed=False)
    assert plain.epsg == 4548
    assert zone_variant(plain, is_prefixed=True).epsg == 4527


@pytest.mark.parametrize("code", ["EPSG:4214", "EPSG:4610", "EPSG:2436", "EPSG:2382"])
def test_1954_and_1980_coordinates_are_refused_without_parameters(code):
    datum = parse_datum(code)
    x, y = (500_000, 4_000_000) if datum.is_projected else (117, 36)
    with pytest.raises(DatumError) as caught:
        to_cgcs2000(x, y, datum)
    assert "参数" in caught.value.message_zh
    assert "parameters" in caught.value.message_en


def test_seven_parameters_are_applied_both_ways():
    given_parameters = HelmertParameters.parse("31.4,-144.3,-74.8,0,0,0.814,-0.38")
    done = to_cgcs2000(116.0, 40.0, parse_datum("EPSG:4214"), helmert=given_parameters)
    # Oracle: the textbook formula on geocentric coordinates.
    cart = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=krass"
    )
    x, y, z = cart.transform(116.0, 40.0, 0.0)
    scale, turn = 1 - 0.38e-6, np.radians(0.814 / 3600)
    x2, y2, z2 = 31.4 + scale * (x + turn * y), -144.3 + scale * (y - turn * x), -74.8 + scale * z
    back = Transformer.from_pipeline(
        "+proj=pipeline +step +inv +proj=cart +a=6378137 +rf=298.257222101 "
        "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    lon, lat, _ = back.transform(x2, y2, z2)
    assert residual_m(done.lon_deg, done.lat_deg, lon, lat) < 1e-3
    assert done.accuracy_m == given_parameters.accuracy_m


@pytest.mark.parametrize("text", ["1,2", "a,b,c", "1,2,3,4", "", "1,2,nan"])
def test_parameters_of_the_wrong_shape_are_refused(text):
    with pytest.raises(DatumError, match="3 or 7 numbers"):
        HelmertParameters.parse(text)


def test_three_parameters_are_a_translation():
    assert HelmertParameters.parse("10,20,30") == HelmertParameters(10, 20, 30)


def test_a_ballpark_operation_is_refused():
    local = CRS.from_wkt(
        'GEOGCRS["Local",DATUM["Local 1930",ELLIPSOID["Clarke 1880",6378249.145,293.465]],CS[ellipsoidal,2],'
        'AXIS["lat",north],AXIS["lon",east],ANGLEUNIT["degree",0.0174532925199433]]'
    )
    with pytest.raises(DatumError, match="ballpark"):
        to_cgcs2000(117, 36, datum_of_crs(local))


def test_a_reliable_public_operation_is_taken_and_its_accuracy_added():
    done = to_cgcs2000(25.0, 60.0, parse_datum("EPSG:4258"))
    assert "ETRS89 to WGS 84" in done.method
    assert done.accuracy_m == 2.0


def test_esri_names_of_cgcs2000_are_recognised():
    wkt = (
        'GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",SPHEROID["CGCS2000",'
        '6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
    )
    assert datum_of_crs(CRS.from_wkt(wkt)).code == "cgcs2000"


def test_placeholder_parameters_bound_to_a_file_do_not_open_the_door():
    bound = CRS.from_user_input("+proj=longlat +ellps=krass +towgs84=0,0,0,0,0,0,0 +no_defs")
    with pytest.raises(DatumError):
        to_cgcs2000(117, 36, datum_of_crs(bound))


def test_a_missing_datum_is_explained_with_the_words_to_use():
    error = missing_datum("设施.csv")
    assert "--datum cgcs2000|wgs84|gcj02|bd09" in error.message_zh
    assert "--datum cgcs2000|wgs84|gcj02|bd09" in error.message_en
    assert "设施.csv" in error.message_zh


def test_gcj02_and_bd09_print_a_two_metre_class():
    for word in ("gcj02", "bd09"):
        done = to_cgcs2000([117.1], [36.7], parse_datum(word))
        assert done.accuracy_m == 2.0
        assert "public formula" in done.method


def test_a_local_plane_measures_metres_near_its_centre():
    plane = local_metric_crs(117.05, 36.8)
    to_plane = Transformer.from_crs(4490, plane, always_xy=True)
    x, y = to_plane.transform([117.05, 117.06], [36.8, 36.81])
    _, _, metres = Geod(ellps="GRS80").inv(117.05, 36.8, 117.06, 36.81)
    assert np.hypot(x[1] - x[0], y[1] - y[0]) == pytest.approx(metres, rel=1e-6)


def test_an_operation_made_for_another_part_of_the_world_is_refused():
    assert "NAD27 to" in to_cgcs2000(-79.0, 22.0, parse_datum("EPSG:4267")).method
    with pytest.raises(DatumError, match="ballpark"):
        to_cgcs2000(117.0, 36.6, parse_datum("EPSG:4267"))


def test_parameters_may_be_written_with_chinese_commas():
    assert HelmertParameters.parse("10\uff0c20\uff0c30") == HelmertParameters(10, 20, 30)
