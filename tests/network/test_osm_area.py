"""Walking across areas: the links stay inside and make no way much longer than the shortest one."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import shapely

from geo.network.area import MAX_ENTRIES, MIN_SAVING, area_links, ring_vertices
from geo.network.osm import read_osm
from geo.network.streets import StreetData
from tests.network.osm_files import OsmFile

# Small enough that degrees east and north may count as equal at the equator.
UNIT = 1e-3


def read(file: OsmFile, tmp_path: Path) -> StreetData:
    """Write a file and read it back."""
    return read_osm(file.save(tmp_path / "square.osm"))


def square(**tags: str) -> OsmFile:
    """Return a square of 2 by 2 steps with paths to its corners 1 and 3 and to the middle of a side."""
    file = OsmFile().node(1, 0, 0).node(2, 2, 0).node(3, 2, 2).node(4, 0, 2).node(5, 1, 0)
    file.node(11, -1, -1).node(13, 3, 3).node(15, 1, -1)
    file.way(1, [1, 5, 2, 3, 4, 1], **(tags or {"highway": "pedestrian", "area": "yes"}))
    return file.way(2, [11, 1]).way(3, [13, 3]).way(4, [15, 5])


def ends(frame) -> set:
    """Return the pairs of end coordinates of lines, whatever their direction."""
    return {frozenset((line.coords[0], line.coords[-1])) for line in frame.geometry}


def test_a_square_is_crossed_between_its_entries(tmp_path):
    file = square()
    streets = read(file, tmp_path)
    links = streets.segments[streets.segments["is_derived"]]
    at = file.places
    assert ends(links) == {frozenset((at[1], at[3])), frozenset((at[5], at[3]))}
    assert set(links["kind"]) == {"pedestrian"}
    assert set(links["foot"]) == {"public"}
    assert streets.segments["id"].is_unique
    assert links["id"].tolist() == ["w1-3", "w1-4"]
    assert (streets.counts.areas, streets.counts.area_links) == (1, 2)


def test_a_closed_way_that_is_no_area_is_walked_round(tmp_path):
    streets = read(square(highway="pedestrian"), tmp_path)
    assert not streets.segments["is_derived"].any()


def test_an_area_closed_to_walkers_has_no_links(tmp_path):
    streets = read(square(highway="pedestrian", area="yes", foot="no"), tmp_path)
    assert not streets.segments["is_derived"].any()


def test_links_of_a_private_area_are_private(tmp_path):
    streets = read(square(highway="footway", area="yes", access="private"), tmp_path)
    assert set(streets.segments.loc[streets.segments["is_derived"], "foot"]) == {"private"}


def test_a_road_closed_to_walkers_is_no_entry(tmp_path):
    file = square().node(14, -1, 3).way(5, [14, 4], highway="motorway")
    places = read(file, tmp_path).segments
    assert not any(file.places[4] in pair for pair in ends(places[places["is_derived"]]))


def test_a_gate_is_an_entry(tmp_path):
    file = square().node(6, 2, 1, barrier="gate")
    file.ways[0] = (1, [1, 5, 2, 6, 3, 4, 1], file.ways[0][2])
    segments = read(file, tmp_path).segments
    assert any(file.places[6] in pair for pair in ends(segments[segments["is_derived"]]))


def test_a_multipolygon_is_walked_round_and_across_but_not_through_its_hole(tmp_path):
    file = OsmFile()
    for number, (x, y) in enumerate([(0, 0), (6, 0), (6, 6), (0, 6), (2, 2), (4, 2), (4, 4), (2, 4)], start=1):
        file.node(number, x, y)
    file.node(11, -1, -1).node(13, 7, 7)
    file.way(1, [1, 2, 3]).way(2, [3, 4, 1]).way(3, [5, 6, 7, 8, 5]).way(4, [11, 1]).way(5, [13, 3])
    file.ways[:3] = [(number, refs, {"note": "outline"}) for number, refs, _ in file.ways[:3]]
    file.multipolygon(7, [(1, "outer"), (2, "outer"), (3, "inner")], highway="pedestrian")
    segments = read(file, tmp_path).segments
    assert set(segments["feature_id"]) == {"w4", "w5", "r7"}
    assert segments["id"].is_unique
    graph = nx.Graph()
    for line, length in zip(segments.geometry, segments["length_m"], strict=True):
        graph.add_edge(line.coords[0], line.coords[-1], weight=length)
    across = nx.shortest_path_length(graph, file.places[1], file.places[3], weight="weight")
    corner = [np.array(file.places[number]) * [np.cos(np.radians(36.8)), 1.0] for number in (1, 6, 3)]
    round_the_hole = sum(np.hypot(*(b - a)) for a, b in pairwise(corner)) * 111_195.0
    assert across == pytest.approx(round_the_hole, rel=0.005)
    hole = shapely.Polygon([file.places[number] for number in (5, 6, 7, 8)]).buffer(-1e-6)
    assert not segments.geometry.intersects(hole).any()


def test_an_outline_that_does_not_close_keeps_its_lines_only(tmp_path):
    file = square()
    file.multipolygon(9, [(21, "outer")], highway="pedestrian").way(21, [2, 13, 3], note="open")
    streets = read(file, tmp_path)
    assert streets.counts.areas_broken == 1
    assert "r9" in set(streets.segments["feature_id"])


SHAPES = {
    "convex": shapely.Point(0, 0).buffer(UNIT, quad_segs=4),
    "L": shapely.Polygon([(0, 0), (4, 0), (4, 1), (1, 1), (1, 4), (0, 4)]),
    "U": shapely.Polygon([(0, 0), (5, 0), (5, 4), (4, 4), (4, 1), (1, 1), (1, 4), (0, 4)]),
    "with a hole": shapely.box(0, 0, 6, 6).difference(shapely.box(2, 2, 4, 5)),
    "with two holes": shapely.box(0, 0, 9, 4).difference(
        shapely.union_all([shapely.box(1, 1, 3, 3), shapely.box(5, 1, 8, 3.5)])
    ),
    "long and thin": shapely.segmentize(shapely.box(0, 0, 40, 0.4), 3.0),
}


@pytest.mark.parametrize("name", SHAPES)
def test_links_stay_inside_and_lengthen_no_way_by_more_than_promised(name):
    shape = SHAPES[name]
    shape = shape if name == "convex" else shapely.transform(shape, lambda points: points * UNIT)
    vertices = ring_vertices(shape)
    links = area_links(shape, np.ones(len(vertices), dtype=bool))
    graph, truth = outline(shape), outline(shape)
    for i, j in links:
        line = shapely.LineString(vertices[[i, j]])
        assert shape.buffer(1e-7).covers(line)
        graph.add_edge(i, j, weight=line.length)
    for i, j in combinations(range(len(vertices)), 2):
        line = shapely.LineString(vertices[[i, j]])
        if shape.buffer(1e-9).covers(line):
            truth.add_edge(i, j, weight=line.length)
    shortest = dict(nx.all_pairs_dijkstra_path_length(truth))
    for i, ways in nx.all_pairs_dijkstra_path_length(graph):
        for j, length in ways.items():
            assert length <= shortest[i][j] / (1.0 - MIN_SAVING) + 1e-12


def outline(shape: shapely.Polygon) -> nx.Graph:
    """Return the outline as a graph of vertex numbers."""
    graph, begin = nx.Graph(), 0
    for ring in (shape.exterior, *shape.interiors):
        places = np.asarray(ring.coords)[:-1]
        for number, place in enumerate(places):
            after = (number + 1) % len(places)
            graph.add_edge(begin + number, begin + after, weight=np.hypot(*(places[after] - place)))
        begin += len(places)
    return graph


def test_an_area_with_hundreds_of_entries_stays_small():
    ring = shapely.Point(0, 0).buffer(UNIT, quad_segs=100)
    links = area_links(ring, np.ones(400, dtype=bool))
    assert len(np.unique(links)) <= MAX_ENTRIES
    assert len(links) < 8 * MAX_ENTRIES


def test_a_long_thin_area_needs_few_links():
    strip = shapely.transform(SHAPES["long and thin"], lambda points: points * UNIT)
    entries = np.ones(len(ring_vertices(strip)), dtype=bool)
    assert len(area_links(strip, entries)) < 1.5 * len(entries)


def test_one_entry_makes_no_link():
    box = shapely.box(0, 0, UNIT, UNIT)
    assert len(area_links(box, np.array([True, False, False, False]))) == 0
