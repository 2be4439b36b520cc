"""Streets from centrelines: where lines meet, what their columns say, what is refused."""

from __future__ import annotations

import random

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely

from geo.errors import DatumError, InputError
from geo.network.centreline import CLASS_OF_NAME, split_centrelines
from geo.network.streets import SEGMENT_COLUMNS, StreetData
from tests.builders import lonlats


def lines(*shapes, **columns) -> gpd.GeoDataFrame:
    """Return a frame of lines given in metres around the builders' centre."""
    geometry = [shapely.LineString(np.column_stack(lonlats(list(shape)))) for shape in shapes]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs="EPSG:4490")


def graph(streets: StreetData) -> nx.MultiGraph:
    """Return the walkable graph of segments, joined where end coordinates are equal."""
    network = nx.MultiGraph()
    for line, length in zip(streets.segments.geometry, streets.segments["length_m"], strict=True):
        network.add_edge(line.coords[0], line.coords[-1], weight=length)
    return network


def degrees(streets: StreetData) -> list[int]:
    """Return the node degrees in falling order."""
    return sorted((degree for _, degree in graph(streets).degree()), reverse=True)


def test_lines_meet_at_common_vertices():
    streets = split_centrelines(lines([(0, 0), (50, 0), (100, 0)], [(50, 0), (50, 80)]))
    assert streets.segments["id"].tolist() == ["1-0", "1-1", "2-0"]
    assert degrees(streets) == [3, 1, 1, 1]
    assert tuple(streets.segments.columns) == (*SEGMENT_COLUMNS, "geometry")
    assert streets.segments["length_m"].tolist() == pytest.approx([50, 50, 80], abs=0.02)
    assert streets.counts.touches == 0


@pytest.mark.parametrize(
    ("gap", "met"), [(0.0, True), (0.3, True), (-0.3, True), (0.49, True), (0.7, False), (-0.7, True)]
)
def test_an_end_within_half_a_metre_of_a_line_touches_it(gap, met):
    streets = split_centrelines(lines([(0, 0), (100, 0)], [(50, gap), (50, 80)]))
    assert nx.is_connected(graph(streets)) == met
    assert len(streets.segments) == (2 if not met else 4 if gap == -0.7 else 3)


def test_an_overshoot_under_the_tolerance_makes_no_crossing():
    streets = split_centrelines(lines([(0, 0), (100, 0)], [(50, -0.3), (50, 80)]))
    assert (streets.counts.touches, streets.counts.crossings) == (1, 0)


def test_ends_within_half_a_metre_take_one_place():
    streets = split_centrelines(lines([(0, 0), (100, 0)], [(100.3, 0.2), (200, 0)], [(100, -0.3), (100, -90)]))
    assert degrees(streets) == [3, 1, 1, 1]
    assert streets.counts.touches == 2


def test_no_tolerance_demands_common_vertices():
    streets = split_centrelines(lines([(0, 0), (100, 0)], [(100.3, 0), (200, 0)]), tolerance_m=0.0)
    assert nx.number_connected_components(graph(streets)) == 2


def test_crossing_lines_are_connected():
    streets = split_centrelines(lines([(0, 0), (100, 0)], [(50, -50), (50, 50)]))
    assert degrees(streets) == [4, 1, 1, 1, 1]
    assert streets.counts.crossings == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"bridge": ["yes", None]},
        {"桥梁": ["是", "否"]},
        {"tunnel": [0, 1]},
        {"level": [0, 1]},
        {"层级": [0, -1]},
    ],
)
def test_lines_on_different_levels_pass_over_each_other(columns):
    streets = split_centrelines(lines([(0, 0), (100, 0)], [(50, -50), (50, 50)], **columns))
    assert len(streets.segments) == 2
    assert streets.counts.crossings == 0


def test_a_bridge_meets_the_streets_at_its_ends():
    streets = split_centrelines(
        lines(
            [(0, 0), (40, 0)],
            [(40, 0), (60, 0)],
            [(60, 0), (99, 0)],
            [(50, -50), (50, 50)],
            bridge=[0, 1, 0, 0],
        )
    )
    assert nx.number_connected_components(graph(streets)) == 2
    assert streets.segments["level"].tolist() == [0, 1, 0, 0]


def test_an_end_below_a_bridge_does_not_touch_it():
    streets = split_centrelines(lines([(0, 0), (100, 0)], [(50, 0.1), (50, 80)], bridge=[1, 0]))
    assert len(streets.segments) == 2


def test_crossings_can_be_kept_apart():
    frame = lines([(0, 0), (100, 0)], [(50, -50), (50, 50)])
    assert len(split_centrelines(frame, crossings="separate").segments) == 2


def test_an_expressway_is_not_connected_where_streets_cross_it():
    frame = lines([(0, 0), (100, 0)], [(50, -50), (50, 50)], 道路等级=["快速路", "支路"])
    streets = split_centrelines(frame)
    assert streets.segments["foot"].tolist() == ["no", "public"]
    assert streets.counts.crossings == 0


def test_directed_edges_become_one_street():
    frame = lines([(0, 0), (50, 9), (100, 0)], [(100, 0), (50, 9), (0, 0)], [(100, 0), (200, 0)], eid=[7, 8, 9])
    streets = split_centrelines(frame)
    assert streets.segments["id"].tolist() == ["7-0", "9-0"]
    assert streets.counts.duplicates == 1


def test_another_street_between_the_same_junctions_is_kept():
    frame = lines([(0, 0), (50, 9), (100, 0)], [(0, 0), (50, -9), (100, 0)])
    assert len(split_centrelines(frame).segments) == 2


def test_chinese_columns_are_read():
    frame = lines(
        [(0, 0), (100, 0)], [(0, 9), (100, 9)], [(0, 19), (100, 19)],
        编号=["A1", "A2", "A3"], 道路名称=["人民路", " ", None], 道路等级=["主干路", "台阶", "小区道路"],
        行人=["是", None, "内部"], 路宽=["24", "2.5", None], 步行单行=["否", "是", None],
    )  # fmt: skip
    found = split_centrelines(frame).segments
    assert found["id"].tolist() == ["A1-0", "A2-0", "A3-0"]
    assert found["name"].tolist() == ["人民路", None, None]
    assert found["kind"].tolist() == ["主干路", "台阶", "小区道路"]
    assert found["foot"].tolist() == ["public", "public", "private"]
    assert found["is_steps"].tolist() == [False, True, False]
    assert found["oneway_foot"].tolist() == [0, 1, 0]
    assert found["width_m"].fillna(-1).tolist() == [24.0, 2.5, -1.0]


def test_english_columns_and_osm_classes_are_read():
    frame = lines(
        [(0, 0), (100, 0)], [(0, 9), (100, 9)], [(0, 19), (100, 19)],
        Name=["Renmin Road", None, None], fclass=["primary", "motorway", "service"], foot=[1, 1, None],
        access=[None, None, "private"], oneway=["yes", "yes", "B"],
    )  # fmt: skip
    found = split_centrelines(frame).segments
    assert found["foot"].tolist() == ["public", "no", "private"]
    assert found["oneway_foot"].tolist() == [0, 0, 0]
    assert found["name"].tolist() == ["Renmin Road", None, None]


@pytest.mark.parametrize(("name", "rule"), sorted(CLASS_OF_NAME.items()))
def test_every_chinese_class_has_a_rule(name, rule):
    frame = lines([(0, 0), (100, 0)], [(0, 9), (100, 9)], 类别=[name, "支路"])
    streets = split_centrelines(frame)
    foot = dict(zip(streets.segments["kind"], streets.segments["foot"], strict=True)).get(name, "left out")
    closed = {"motorway": "no", "motorway_link": "no", "expressway": "no"}
    gone = {"construction": "left out", "proposed": "left out"}
    assert foot == {**closed, **gone}.get(rule, "public")
    assert not streets.counts.unknown_kinds


def test_an_unknown_class_is_kept_closed_and_named():
    streets = split_centrelines(lines([(0, 0), (100, 0)], [(0, 9), (100, 9)], 类别=["支路", "磁悬浮"]))
    assert streets.segments["foot"].tolist() == ["public", "no"]
    assert streets.counts.unknown_kinds == {"磁悬浮": 1}


def test_parts_and_repeated_ids_are_told_apart():
    frame = lines([(0, 0), (10, 0)], [(0, 9), (10, 9)], id=["r", "r"])
    two = [line.coords for line in lines([(0, 19), (10, 19)], [(0, 29), (10, 29)]).geometry]
    frame.loc[1, "geometry"] = shapely.MultiLineString(two)
    assert split_centrelines(frame).segments["id"].tolist() == ["r-0", "r#2-0", "r#3-0"]


def test_points_empty_lines_and_heights_do_no_harm():
    frame = lines([(0, 0), (10, 0)], [(0, 9), (10, 9)], [(0, 19), (10, 19)])
    frame.loc[0, "geometry"] = shapely.force_3d(frame.geometry[0], 12.0)
    frame.loc[1, "geometry"] = shapely.Point(118, 36)
    frame.loc[2, "geometry"] = None
    streets = split_centrelines(frame)
    assert streets.segments["id"].tolist() == ["1-0"]
    assert not streets.segments.geometry[0].has_z


def test_the_input_is_not_changed():
    frame = lines([(0, 0), (100, 0)], [(50, 0.3), (50, 80)], name=["a", "b"])
    before = frame.copy(deep=True)
    split_centrelines(frame)
    assert frame.equals(before)


def test_another_crs_is_refused():
    with pytest.raises(DatumError, match="EPSG:4547"):
        split_centrelines(lines([(0, 0), (100, 0)]).to_crs("EPSG:4547"))


def test_no_line_is_refused():
    with pytest.raises(InputError, match="no usable centreline"):
        split_centrelines(lines([(0, 0), (100, 0)]).iloc[:0])


def test_motorways_only_are_refused():
    with pytest.raises(InputError, match="none of the 1"):
        split_centrelines(lines([(0, 0), (100, 0)], 类型=["高速公路"]))


@pytest.mark.parametrize("seed", range(8))
def test_random_lines_meet_exactly_where_a_plain_overlay_says(seed):
    chance = random.Random(seed)
    shapes = [[(chance.uniform(0, 400), chance.uniform(0, 400)) for _ in range(2)] for _ in range(25)]
    frame = lines(*shapes)
    streets = split_centrelines(frame, tolerance_m=0.0)
    flat = [shapely.LineString(shape) for shape in shapes]
    noded = shapely.get_parts(shapely.node(shapely.MultiLineString(flat)))
    assert streets.segments["length_m"].sum() == pytest.approx(shapely.length(flat).sum(), rel=1e-4)
    assert len(streets.segments) == len(noded)
    overlay = nx.Graph([(_at(line, 0), _at(line, -1)) for line in noded])
    assert nx.number_connected_components(graph(streets)) == nx.number_connected_components(overlay)


def _at(line: shapely.LineString, end: int) -> tuple[float, float]:
    x, y = line.coords[end]
    return round(x, 3), round(y, 3)
