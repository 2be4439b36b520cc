"""Reading OSM files: formats, splitting, gates, barriers, residential land, refusals."""

from __future__ import annotations

import random
from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from pyproj import Geod

from geo.errors import DataSourceError, InputError
from geo.network.osm import SUFFIXES, is_osm_name, read_osm
from geo.network.streets import (
    BARRIER_COLUMNS,
    GATE_COLUMNS,
    RESIDENTIAL_COLUMNS,
    SEGMENT_COLUMNS,
    StreetData,
)
from tests.network.osm_files import OsmFile

GEOD = Geod(ellps="WGS84")


def read(file: OsmFile, tmp_path: Path, name: str = "streets.osm") -> StreetData:
    """Write a file and read it back."""
    return read_osm(file.save(tmp_path / name))


def row(frame, identifier: str):
    """Return the row with an id."""
    return frame.set_index("id").loc[identifier]


def town() -> OsmFile:
    """Return a small town that has one of everything."""
    file = OsmFile()
    for x in range(4):
        for y in range(3):
            file.node(1 + x + 4 * y, x, y)
    file.node(20, 1.5, 0, barrier="gate", access="private", name="东门")
    file.node(21, 1.5, 1, barrier="bollard")
    file.way(1, [1, 2, 20, 3, 4], highway="residential", name="人民路", name__en="Renmin Road")
    file.way(2, [5, 6, 21, 7, 8], highway="service", access="private")
    file.way(3, [2, 6, 10], highway="steps")
    file.way(4, [4, 8, 12], highway="motorway")
    file.way(5, [9, 10, 11], highway="construction")
    file.way(6, [9, 11], barrier="wall")
    file.way(7, [9, 10, 11, 12], waterway="river", name="小清河")
    file.way(8, [1, 2, 6, 5, 1], landuse="residential", name="幸福小区")
    return file


def test_the_same_town_in_every_format_gives_the_same_streets(tmp_path):
    first, *others = [read(town(), tmp_path, f"town{suffix}") for suffix in SUFFIXES]
    for other in others:
        for name in ("segments", "gates", "barriers", "residential_land"):
            assert_geodataframe_equal(getattr(first, name), getattr(other, name))
        assert first.counts == other.counts


def test_frames_keep_the_promised_columns_and_types(tmp_path):
    streets = read(town(), tmp_path)
    assert tuple(streets.segments.columns) == (*SEGMENT_COLUMNS, "geometry")
    assert tuple(streets.gates.columns) == (*GATE_COLUMNS, "geometry")
    assert tuple(streets.barriers.columns) == (*BARRIER_COLUMNS, "geometry")
    assert tuple(streets.residential_land.columns) == (*RESIDENTIAL_COLUMNS, "geometry")
    segments = streets.segments
    assert segments.crs == "EPSG:4490"
    assert segments["name"].tolist()[-1] is None
    types = {name: str(dtype) for name, dtype in segments.dtypes.items()}
    assert [types[name] for name in ("part", "level", "oneway_foot")] == ["int64"] * 3
    assert [types[name] for name in ("is_steps", "is_bridge", "is_tunnel", "is_derived")] == ["bool"] * 4
    assert [types[name] for name in ("crossing_share", "width_m", "length_m")] == ["float64"] * 3


def test_streets_are_split_at_shared_nodes_and_gates_but_not_at_bollards(tmp_path):
    segments = read(town(), tmp_path).segments
    parts = segments.groupby("feature_id", sort=False)["id"].apply(list).to_dict()
    assert parts == {
        "w1": ["w1-0", "w1-1", "w1-2"],
        "w2": ["w2-0", "w2-1"],
        "w3": ["w3-0", "w3-1"],
        "w4": ["w4-0", "w4-1"],
    }


def test_streets_closed_to_walkers_stay_in_the_file_and_unbuilt_ones_do_not(tmp_path):
    streets = read(town(), tmp_path)
    foot = streets.segments.groupby("feature_id")["foot"].first().to_dict()
    assert foot == {"w1": "public", "w2": "private", "w3": "public", "w4": "no"}
    assert streets.counts.ways_read == 4
    assert streets.counts.ways_left_out == 1
    assert streets.counts.ways_walkable == 3


def test_names_and_kinds_are_kept_on_every_part(tmp_path):
    segments = read(town(), tmp_path).segments
    last = row(segments, "w1-2")[["name", "name_en", "kind"]].tolist()
    assert last == ["人民路", "Renmin Road", "residential"]
    assert row(segments, "w3-1")["is_steps"]


def test_a_gate_is_an_object_on_the_end_of_segments(tmp_path):
    streets = read(town(), tmp_path)
    assert streets.gates[list(GATE_COLUMNS)].values.tolist() == [["n20", "东门", "gate", "residents", None]]
    ends = shapely.get_coordinates(shapely.boundary(streets.segments.geometry.array)).tolist()
    assert list(streets.gates.geometry[0].coords[0]) in ends


def test_barriers_and_residential_land_are_layers_of_their_own(tmp_path):
    streets = read(town(), tmp_path)
    lines = streets.barriers[["id", "kind", "name"]].values.tolist()
    assert lines == [["w6", "wall", None], ["w7", "river", "小清河"]]
    land = streets.residential_land[["id", "name", "kind"]].values.tolist()
    assert land == [["w8", "幸福小区", "residential"]]
    assert streets.residential_land.geometry[0].geom_type == "Polygon"


def test_lengths_are_geodesic(tmp_path):
    segments = read(town(), tmp_path).segments
    expected = [GEOD.geometry_length(line) for line in segments.geometry]
    assert segments["length_m"].to_numpy() == pytest.approx(expected, rel=1e-9)


def test_ways_before_nodes_give_the_same_streets(tmp_path):
    usual = read(town(), tmp_path)
    (tmp_path / "turned.osm").write_text(town().xml(ways_first=True), "utf-8")
    turned = read_osm(tmp_path / "turned.osm")
    assert_geodataframe_equal(usual.segments, turned.segments)
    assert_geodataframe_equal(usual.gates, turned.gates)


def test_negative_ids_of_an_unsaved_edit_are_read(tmp_path):
    file = OsmFile().node(-1, 0, 0).node(-2, 1, 0, barrier="gate").node(-3, 2, 0).way(-9, [-1, -2, -3])
    streets = read(file, tmp_path)
    assert streets.segments["id"].tolist() == ["w-9-0", "w-9-1"]
    assert streets.gates["id"].tolist() == ["n-2"]


def test_extracts_pasted_together_do_not_double_their_streets(tmp_path):
    file = OsmFile().node(1, 0, 0).node(2, 1, 0).node(3, 2, 0).way(1, [1, 2, 3]).way(1, [1, 2, 3])
    assert read(file, tmp_path).segments["id"].tolist() == ["w1-0"]


def test_a_way_cut_by_the_edge_of_the_extract_keeps_its_known_runs(tmp_path):
    file = OsmFile().node(1, 0, 0).node(2, 1, 0).node(4, 3, 0).node(5, 4, 0).node(7, 6, 0)
    file.way(1, [1, 2, 3, 4, 5, 6, 7]).way(2, [8, 9])
    streets = read(file, tmp_path)
    assert streets.segments["id"].tolist() == ["w1-0", "w1-1"]
    assert [len(line.coords) for line in streets.segments.geometry] == [2, 2]
    assert (streets.counts.ways_cut, streets.counts.nodes_missing) == (2, 4)


def test_pieces_without_length_are_dropped_and_counted(tmp_path):
    file = OsmFile().node(1, 0, 0).node(2, 0, 0).node(3, 1, 0).way(1, [1, 2, 3]).way(2, [2, 3])
    streets = read(file, tmp_path)
    assert streets.segments["id"].tolist() == ["w1-0", "w2-0"]
    assert streets.counts.zero_length == 1


def test_a_loop_is_kept_whole_and_a_figure_of_eight_is_cut_at_its_crossing(tmp_path):
    lone = OsmFile().node(1, 0, 0).node(2, 1, 0).node(3, 1, 1).way(1, [1, 2, 3, 1])
    loop = read(lone, tmp_path).segments
    assert loop["id"].tolist() == ["w1-0"]
    assert loop.geometry[0].is_ring
    eight = OsmFile().node(1, 0, 0).node(2, 1, 1).node(3, 1, -1).node(4, -1, 1).node(5, -1, -1)
    eight.way(1, [4, 1, 3, 2, 1, 5])
    assert [len(line.coords) for line in read(eight, tmp_path).segments.geometry] == [2, 4, 2]


def test_a_gate_drawn_as_a_line_acts_where_it_meets_the_street(tmp_path):
    file = OsmFile().node(1, 0, 0).node(2, 1, 0).node(3, 2, 0).node(4, 1, 1).node(5, 1, -1)
    file.way(1, [1, 2, 3]).way(2, [4, 2, 5], barrier="gate", opening_hours="06:00-22:00")
    streets = read(file, tmp_path)
    gates = streets.gates[list(GATE_COLUMNS)].values.tolist()
    assert gates == [["n2", None, "gate", "hours", "06:00-22:00"]]
    assert len(streets.segments) == 2


def test_a_gate_on_no_street_is_counted_and_left_out(tmp_path):
    file = OsmFile().node(1, 0, 0).node(2, 1, 0).node(3, 2, 0, barrier="gate").way(1, [1, 2])
    streets = read(file, tmp_path)
    assert streets.gates.empty
    assert streets.counts.gates_loose == 1
    assert [note.code for note in streets.counts.notes("a.osm")] == ["gates_loose"]


def test_the_wait_of_a_signal_crossing_is_shared_by_length(tmp_path):
    file = OsmFile().node(1, 0, 0).node(2, 0.1, 0).node(3, 0.4, 0).node(4, 0.1, 1)
    file.way(1, [1, 2, 3], highway="footway", footway="crossing", crossing="traffic_signals")
    file.way(2, [2, 4])
    share = read(file, tmp_path).segments.set_index("id")["crossing_share"]
    assert share[["w1-0", "w1-1"]].tolist() == pytest.approx([0.25, 0.75], rel=1e-4)
    assert share["w2-0"] == 0.0


def test_a_signal_on_the_node_of_a_crossing_way_counts_but_not_on_a_road(tmp_path):
    file = OsmFile().node(1, 0, 0).node(2, 0.1, 0, highway="crossing", crossing="traffic_signals")
    file.node(3, 0.2, 0).node(4, 0.1, 1).node(5, 0.1, -1)
    file.way(1, [1, 2, 3], highway="footway", footway="crossing").way(2, [4, 2, 5], highway="primary")
    share = read(file, tmp_path).segments.groupby("feature_id")["crossing_share"].sum()
    assert share.to_dict() == {"w1": pytest.approx(1.0), "w2": 0.0}


def test_residential_land_of_several_ways_keeps_its_hole(tmp_path):
    file = town()
    for number, (x, y) in enumerate([(0, 0), (9, 0), (9, 9), (0, 9), (3, 3), (6, 3), (6, 6), (3, 6)], start=50):
        file.node(number, x + 20, y)
    file.way(50, [50, 51, 52], note="outer half").way(51, [52, 53, 50], note="outer half")
    file.way(52, [54, 55, 56, 57, 54], note="inner").way(53, [50, 51, 57], landuse="residential")
    rings = [(50, "outer"), (51, "outer"), (52, "inner")]
    file.multipolygon(9, rings, landuse="residential", residential="urban")
    streets = read(file, tmp_path)
    land = row(streets.residential_land, "r9")
    assert land["kind"] == "urban"
    assert len(land.geometry.interiors) == 1
    assert land.geometry.area == pytest.approx((81 - 9) * 1e-6, rel=1e-6)
    assert streets.counts.areas_broken == 1


def test_a_bow_tie_of_residential_land_is_repaired(tmp_path):
    file = town().node(50, 20, 0).node(51, 21, 1).node(52, 21, 0).node(53, 20, 1)
    file.way(50, [50, 51, 52, 53, 50], landuse="residential")
    shape = row(read(file, tmp_path).residential_land, "w50").geometry
    assert shape.is_valid
    assert shape.area == pytest.approx(0.5e-6, rel=1e-6)


def test_unknown_classes_are_kept_closed_and_named(tmp_path):
    streets = read(town().way(30, [1, 5], highway="teleporter"), tmp_path)
    assert row(streets.segments, "w30-0")["foot"] == "no"
    assert streets.counts.unknown_kinds == {"teleporter": 1}
    notes = {note.code: note for note in streets.counts.notes("town.osm")}
    assert notes["unknown_street_class"].value == "teleporter"


@pytest.mark.parametrize("seed", range(12))
def test_splitting_agrees_with_a_plain_python_twin(seed, tmp_path):
    chance = random.Random(seed)
    file = OsmFile()
    for number in range(1, 31):
        if chance.random() < 0.9:
            tags = {"barrier": "gate"} if chance.random() < 0.1 else {}
            file.node(number, chance.randrange(6), chance.randrange(6), **tags)
    for number in range(1, 16):
        refs = [chance.randrange(1, 31) for _ in range(chance.randrange(1, 9))]
        file.way(number, refs + [refs[-1]] * chance.randrange(2))
    if not file.places:
        pytest.skip("no node")
    found = read(file, tmp_path, "random.osm.pbf").segments
    expected = twin(file)
    lines = [tuple(line.coords) for line in found.geometry]
    assert list(zip(found["id"], lines, strict=True)) == expected


def twin(file: OsmFile) -> list[tuple[str, tuple[tuple[float, float], ...]]]:
    """Split ways one node at a time."""
    ways = [(number, [ref for ref, _ in groupby(refs)]) for number, refs, _ in file.ways]
    uses = Counter(ref for _, refs in ways for ref in refs)
    segments = []
    for number, refs in ways:
        part, run = 0, []
        for ref in [*refs, None]:
            if ref not in file.places:
                run = []
                continue
            run.append(ref)
            last = ref is refs[-1] and len(run) > 0 and refs.index(ref) == len(refs) - 1
            if len(run) > 1 and (uses[ref] > 1 or file.node_tags[ref] or last or _next_missing(refs, run, file)):
                line = tuple(file.places[item] for item in run)
                if len(set(line)) > 1:
                    segments.append((f"w{number}-{part}", line))
                    part += 1
                run = [ref]
    return segments


def _next_missing(refs, run, file) -> bool:
    """Whether the run of known nodes ends here; a node used once has one place in the way."""
    at = refs.index(run[-1])
    return at + 1 == len(refs) or refs[at + 1] not in file.places


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataSourceError, match=r"nowhere\.osm\.pbf"):
        read_osm(tmp_path / "nowhere.osm.pbf")


def test_another_ending_is_refused_with_the_allowed_ones(tmp_path):
    path = tmp_path / "streets.txt"
    path.write_text("x")
    with pytest.raises(InputError, match=r"\.osm\.bz2"):
        read_osm(path)


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "streets.osm.pbf"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        read_osm(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file_is_refused(suffix, tmp_path):
    path = town().save(tmp_path / f"town{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(DataSourceError, match="truncated") as caught:
        read_osm(path)
    assert "不完整" in caught.value.message_zh


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_something_else_is_refused(suffix, tmp_path):
    path = tmp_path / f"fake{suffix}"
    path.write_bytes(b"id,lon,lat\n1,118,36\n" * 50)
    with pytest.raises(DataSourceError, match="not OSM"):
        read_osm(path)


def test_a_file_without_streets_is_refused(tmp_path):
    with pytest.raises(InputError, match="no street"):
        read(OsmFile().node(1, 0, 0).node(2, 1, 0).way(1, [1, 2], waterway="river"), tmp_path)


def test_a_file_of_motorways_is_refused(tmp_path):
    with pytest.raises(InputError, match="none of which"):
        read(OsmFile().node(1, 0, 0).node(2, 1, 0).way(1, [1, 2], highway="motorway"), tmp_path)


def test_osm_names_are_told_by_their_ending():
    assert is_osm_name("城市.OSM.PBF")
    assert not is_osm_name("streets.pbf.zip")


def test_relations_of_pasted_extracts_are_read_once(tmp_path):
    file = town().way(60, [1, 2, 6, 5, 1], note="outline")
    for _ in range(2):
        file.multipolygon(9, [(60, "outer")], landuse="residential")
    assert read(file, tmp_path).residential_land["id"].tolist() == ["w8", "r9"]


def test_a_folder_with_a_chinese_name_is_no_obstacle(tmp_path):
    folder = tmp_path / "淄博市 数据"
    folder.mkdir()
    assert read(town(), folder, "路网 2025.osm.pbf").counts.ways_read == 4
