"""The text osmium writes is read back exactly, whatever the names hold."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geo.network.osm import read_osm
from geo.network.osm_text import parse_nodes, parse_places, parse_ways, unescape
from tests.network.osm_files import OsmFile

# osmium writes the last plane (private use, no character of any script) with a digit missing.
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0", max_codepoint=0xFFFFF), min_size=1, max_size=20)


@settings(deadline=None, max_examples=50)
@given(st.lists(NAMES, min_size=1, max_size=4))
@example(["a,b=c d%e%", "人民路@x,y", "𠮷野家\t二楼", "N n1x2y3", "w1 Thighway=no", "é\u00a0\u2028"])
def test_every_name_survives_the_way_through_text(names):
    file = OsmFile().node(1, 0, 0).node(2, 1, 0)
    for number, name in enumerate(names, start=1):
        file.way(number, [1, 2], highway="footway", name=name)
    with tempfile.TemporaryDirectory() as folder:
        found = read_osm(file.save(Path(folder, "names.osm.pbf"))).segments
    assert found["name"].tolist() == names


@given(st.integers(-1_800_000_000, 1_800_000_000), st.integers(-900_000_000, 900_000_000))
def test_every_place_on_the_grid_is_read_exactly(x, y):
    lon, lat = x / 1e7, y / 1e7
    ways, _ = parse_ways([f"w1 Thighway=path Nn1x{lon:.7f}y{lat:.7f},n2x0y0\n".encode()])
    assert (ways.lon[0], ways.lat[0]) == (lon, lat)


def test_a_way_without_nodes_or_tags_is_read():
    ways, relations = parse_ways(
        [b"w5 T N\n", b"w6 Thighway=path Nn1xy,n2x1.5y2.5\n", b"r7 Ttype=route Mw5@,n3@stop\n"]
    )
    assert ways.ids.tolist() == [5, 6]
    assert ways.offsets.tolist() == [0, 0, 2]
    assert [math.isnan(lon) for lon in ways.lon] == [True, False]
    assert relations[0].ways == (5,)


def test_nodes_are_read_with_tags_and_places():
    lines = [b"n1 Tbarrier=gate,access=private x118.05 y36.8\n", b"n2 T x1 y2\n", b"n3 T x y\n"]
    assert parse_nodes(lines)[0].tags == {"barrier": "gate", "access": "private"}
    assert parse_places(lines) == {1: (118.05, 36.8), 2: (1.0, 2.0)}


def test_taking_and_placing_ways_keeps_their_references():
    ways, _ = parse_ways([b"w1 Ta=b Nn1xy,n2xy\n", b"w2 Ta=b Nn3xy\n", b"w1 Ta=c Nn9xy\n"])
    assert ways.take(np.array([1, 0])).refs.tolist() == [3, 1, 2]
    assert ways.without_repeats().ids.tolist() == [1, 2]
    placed = ways.placed({3: (7.0, 8.0)})
    assert placed.lon[2] == 7.0
    assert math.isnan(placed.lat[0])


@pytest.mark.parametrize(("text", "plain"), [("a%20%b", "a b"), ("%4eba%民", "人民"), ("100", "100")])
def test_escapes_stand_for_characters(text, plain):
    assert unescape(text) == plain
