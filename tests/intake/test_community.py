"""A table per community, spread over the streets inside."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from geo.intake.community import SPACING_M, deal, read_communities
from geo.intake.demand import ABILITY_FIELDS, AGE_FIELDS, PERSON_FIELDS
from geo.intake.result import IntakeOptions
from tests.intake.files import codes, refusals, write_book, write_rows

HEADER = "社区代码,人数,60-69岁,70-79岁,80岁以上,自理,半失能,失能"
LEFT, RIGHT = shapely.box(117.00, 36.80, 117.02, 36.82), shapely.box(117.02, 36.80, 117.04, 36.82)


def polygons(*shapes, names=("东村", "西村", "南村")):
    size = len(shapes)
    table = {"code": [f"37030200100{i + 1}" for i in range(size)], "name": list(names[:size])}
    return gpd.GeoDataFrame(table, geometry=list(shapes), crs=4490)


def streets(*rows):
    table = {"kind": [kind for kind, _, _ in rows], "foot": [foot for _, foot, _ in rows]}
    return gpd.GeoDataFrame(table, geometry=[shapely.LineString(line) for _, _, line in rows], crs=4490)


THROUGH = streets(
    ("residential", "public", [(116.99, 36.81), (117.05, 36.81)]),
    ("service", "private", [(117.01, 36.805), (117.01, 36.815)]),
    ("primary", "public", [(117.00, 36.802), (117.04, 36.802)]),
    ("motorway", "no", [(117.00, 36.803), (117.04, 36.803)]),
)


def spread(path, shapes, lines=THROUGH, **keywords):
    return read_communities(path, shapes, lines, IntakeOptions(), **keywords)


def counts(persons, ages=None, ability=None):
    values = {"persons": persons}
    values |= dict(zip(AGE_FIELDS, ages or [np.nan] * 3, strict=True))
    return values | dict(zip(ABILITY_FIELDS, ability or [np.nan] * 3, strict=True))


def parts(total):
    """Three whole numbers that add up to a total."""
    return st.tuples(st.integers(0, total), st.integers(0, total)).map(
        lambda cuts: [float(x) for x in np.diff([0, *sorted(cuts), total])]
    )


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_dealing_keeps_every_total_and_every_points_sum(data):
    total, points = data.draw(st.integers(0, 400)), data.draw(st.integers(1, 60))
    dealt = deal(counts(float(total), data.draw(parts(total)), data.draw(parts(total))), points)
    assert dealt["persons"].sum() == total
    assert dealt["persons"].max() - dealt["persons"].min() <= 1
    for group in (AGE_FIELDS, ABILITY_FIELDS):
        assert np.array_equal(sum(dealt[name] for name in group), dealt["persons"])
        for name in group:
            assert (dealt[name] >= 0).all()
            assert float(dealt[name].max()) <= np.ceil(dealt[name].sum() / points)


def test_dealing_keeps_the_total_of_each_band():
    dealt = deal(counts(107.0, [60.0, 30.0, 17.0], [90.0, 10.0, 7.0]), 20)
    assert [dealt[name].sum() for name in PERSON_FIELDS] == [107, 60, 30, 17, 90, 10, 7]
    assert all(np.equal(np.mod(dealt[name], 1), 0).all() for name in PERSON_FIELDS)


def test_fractions_are_kept_to_a_millionth():
    dealt = deal(counts(10.5, [5.25, 3.25, 2.0]), 7)
    assert dealt["persons"].sum() == pytest.approx(10.5, abs=1e-9)
    assert np.allclose(sum(dealt[name] for name in AGE_FIELDS), dealt["persons"], atol=1e-9)


def test_people_stand_every_fifty_metres_along_residential_streets_inside(tmp_path):
    path = write_rows(
        tmp_path, "370302001001,900,500,300,100,800,60,40", "370302001002,90,50,30,10,80,6,4", header=HEADER
    )
    result = spread(path, polygons(LEFT, RIGHT), population="resident", year=2024)
    frame = result.frame
    assert result.rows_refused == 0
    assert [frame[name].sum() for name in PERSON_FIELDS] == [990, 550, 330, 110, 880, 66, 44]
    left = frame[frame["division_code"] == "370302001001"]
    assert left["persons"].sum() == 900
    geod = Geod(ellps="GRS80")
    inside = [
        shapely.LineString(line).intersection(LEFT)
        for line in ([(116.99, 36.81), (117.05, 36.81)], [(117.01, 36.805), (117.01, 36.815)])
    ]
    length = sum(geod.geometry_length(line) for line in inside)
    assert len(left) == pytest.approx(length / SPACING_M, abs=1)
    assert left.geometry.within(LEFT).all()
    homes = shapely.union_all(inside)
    assert shapely.distance(left.geometry.to_numpy(), homes).max() < 1e-5
    right = frame[frame["division_code"] == "370302001002"]
    assert right.geometry.within(RIGHT).all()
    assert set(frame["population"]) == {"resident"}
    assert set(frame["year"]) == {2024}
    assert frame["id"].is_unique
    assert frame["import_line"].unique().tolist() == [2, 3]


def test_the_same_input_gives_the_same_points_whatever_the_order_of_streets(tmp_path):
    path = write_rows(tmp_path, "370302001001,77", header="社区代码,人数")
    first = spread(path, polygons(LEFT)).frame
    second = spread(path, polygons(LEFT), THROUGH.iloc[::-1].reset_index(drop=True)).frame
    assert first.drop(columns="geometry").equals(second.drop(columns="geometry"))
    assert first.geometry.geom_equals_exact(second.geometry, 1e-9).all()


def test_few_people_stand_apart_one_by_one(tmp_path):
    frame = spread(write_rows(tmp_path, "370302001001,3", header="社区代码,人数"), polygons(LEFT)).frame
    assert frame["persons"].tolist() == [1, 1, 1]
    gaps = shapely.distance(frame.geometry.to_numpy()[:-1], frame.geometry.to_numpy()[1:])
    assert gaps.min() > 0.002


def test_without_residential_streets_people_stand_along_all_walkable_ones(tmp_path):
    path = write_rows(tmp_path, "370302001001,100", header="社区代码,人数")
    result = spread(path, polygons(LEFT), THROUGH[THROUGH["kind"].isin(["primary", "motorway"])])
    assert result.frame["persons"].sum() == 100
    assert np.allclose(result.frame.geometry.y, 36.802, atol=1e-5)
    assert "spread_fallback" in codes(result, "note")


def test_a_village_stands_along_its_lanes_and_not_along_the_road_that_leads_there(tmp_path):
    lane, road = [(117.01, 36.81), (117.012, 36.81)], [(116.99, 36.815), (117.05, 36.815)]
    rows = streets(("residential", "public", lane), ("unclassified", "public", road))
    path = write_rows(tmp_path, "370302001001,90,50,30,10,80,6,4", header=HEADER)
    frame = spread(path, polygons(LEFT), rows).frame
    assert shapely.distance(frame.geometry.to_numpy(), shapely.LineString(lane)).max() < 1e-5
    frame = spread(path, polygons(LEFT), rows[rows["kind"] == "unclassified"]).frame
    assert shapely.distance(frame.geometry.to_numpy(), shapely.LineString(road)).max() < 1e-5


@pytest.mark.parametrize("lines", [None, THROUGH.iloc[:0], THROUGH[THROUGH["kind"] == "motorway"]])
def test_without_any_street_people_stand_at_one_point_inside(tmp_path, lines):
    ring = LEFT.difference(shapely.box(117.002, 36.802, 117.018, 36.818))
    result = spread(write_rows(tmp_path, "370302001001,100", header="社区代码,人数"), polygons(ring), lines)
    assert result.frame["persons"].tolist() == [100]
    assert result.frame.geometry.within(ring).all()


def test_names_join_where_there_are_no_codes(tmp_path):
    rows = [("各村老年人口", None), ("村居名称", "老年人口"), ("东村", 10), (" 西村", 20), ("合计", 30)]
    result = spread(write_book(tmp_path, rows), polygons(LEFT, RIGHT))
    assert result.frame.groupby("division_code")["persons"].sum().tolist() == [10, 20]
    assert result.rows_read == 2


def test_everything_that_stays_alone_on_either_side_is_refused(tmp_path):
    path = write_rows(tmp_path, "370302001001,10", "370302009999,20", "370302001001,30", ",5", header="社区代码,人数")
    result = spread(path, polygons(LEFT, RIGHT))
    assert refusals(result) == {
        None: ["unmatched_polygon"],
        3: ["unmatched_row"],
        4: ["duplicate_id"],
        5: ["unmatched_row"],
    }
    alone = next(problem for problem in result.problems if problem.code == "unmatched_polygon")
    assert "370302001002" in alone.value
    assert result.frame["persons"].sum() == 10
    assert (result.rows_read, result.rows_refused) == (4, 3)


def test_a_name_that_several_polygons_bear_is_refused(tmp_path):
    path = write_rows(tmp_path, "东村,10", header="名称,人数")
    result = spread(path, polygons(LEFT, RIGHT, names=("东村", "东村")))
    assert refusals(result)[2] == ["ambiguous_name"]
    assert result.frame.empty


def test_a_community_of_nobody_gives_no_point(tmp_path):
    path = write_rows(tmp_path, "370302001001,0", "370302001002,4", header="社区代码,人数")
    result = spread(path, polygons(LEFT, RIGHT))
    assert set(result.frame["division_code"]) == {"370302001002"}
    assert result.rows_refused == 0
