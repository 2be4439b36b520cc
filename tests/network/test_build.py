"""Compiling streets: nodes, lengths, gates, enclosure, saving."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import Geod

from geo.errors import DataSourceError, InputError
from geo.kernels.graph import ENCLOSED, GATE, PRIVATE, PUBLIC
from geo.network.build import compile_network
from geo.network.enclosure import ENCLOSED_STREET_MAX_M
from geo.network.model import StreetNetwork, load
from tests.builders import gate_frame, grid_lines, grid_streets, streets


def kinds(network: StreetNetwork) -> list[int]:
    """Return the kind of each segment in the order of the frame."""
    rows = np.flatnonzero(network.edge_segment >= 0)
    return network.edge_kind[rows[np.argsort(network.edge_segment[rows])]].tolist()


def test_segments_join_where_their_ends_are_equal_to_1e_7_degrees() -> None:
    frame = streets([[(0, 0), (100, 0)], [(100, 0), (200, 0)], [(100.5, 0), (100.5, 50)]])
    lines = [np.round(line.coords, 7) for line in frame.geometry]
    lines[1][0] += 3e-8
    frame = frame.set_geometry([shapely.LineString(line) for line in lines], crs="EPSG:4490")
    network = compile_network(frame)
    assert network.n_nodes == 5
    assert network.n_components == 2


def test_lengths_are_measured_on_the_ellipsoid_where_the_frame_has_none() -> None:
    frame = streets([[(0, 0), (300, 0), (300, 100)], [(300, 100), (0, 500)]])
    geod = Geod(ellps="GRS80")
    network = compile_network(frame.drop(columns="length_m"))
    by_segment = network.edge_length_m[np.argsort(network.edge_segment)]
    assert by_segment == pytest.approx([geod.geometry_length(line) for line in frame.geometry], abs=1e-9)


def test_streets_closed_to_walkers_are_left_out() -> None:
    network = compile_network(streets([[(0, 0), (100, 0)], [(100, 0), (200, 0)]], foot=["no", "public"], fid=[7, 9]))
    assert network.edge_segment.tolist() == [9]


def test_edges_refer_to_the_stored_row_of_their_segment() -> None:
    frame = grid_streets(4, 4).assign(fid=range(100, 124))
    network = compile_network(frame)
    for e, fid in enumerate(network.edge_segment):
        line = frame.geometry[int(fid) - 100]
        u, v = network.edge_u[e], network.edge_v[e]
        assert (network.node_lon[u], network.node_lat[u]) == pytest.approx(line.coords[0], abs=1e-7)
        assert (network.node_lon[v], network.node_lat[v]) == pytest.approx(line.coords[-1], abs=1e-7)


def test_neighbours_in_the_plane_are_near_in_memory() -> None:
    network = compile_network(grid_streets(32, 32))
    gap = np.abs(network.edge_u - network.edge_v)
    assert np.median(gap) <= 3


def test_a_gate_splits_its_node_into_one_node_per_street() -> None:
    frame = streets([[(0, 0), (100, 0)], [(100, 0), (200, 0)], [(100, 0), (100, 90)]])
    network = compile_network(frame, gate_frame([{"at": (100, 0), "access": "closed", "id": "n5"}]))
    assert network.n_nodes == 4 + 3
    assert (network.edge_kind == GATE).sum() == 3
    assert network.gates.ids == ("n5",)
    assert network.n_components == 1


def test_the_strictest_of_two_gates_on_a_node_counts_and_gates_on_no_node_are_counted() -> None:
    frame = streets([[(0, 0), (100, 0)], [(100, 0), (200, 0)]])
    gates = gate_frame(
        [
            {"at": (100, 0), "access": "open"},
            {"at": (100, 0), "access": "closed"},
            {"at": (50, 0), "access": "closed"},
        ]
    )
    network = compile_network(frame, gates)
    assert network.gates.access == ("closed",)
    assert network.n_unmatched_gates == 1


LONG = [(-3000, 0), (0, 0)]


def test_streets_behind_a_residents_gate_are_enclosed_and_the_city_is_not() -> None:
    lines = [LONG, [(0, 0), (0, 100)], [(0, 100), (0, 200)], [(0, 200), (100, 200)]]
    gates = gate_frame([{"at": (0, 100), "access": "residents"}])
    assert kinds(compile_network(streets(lines), gates)) == [PUBLIC, PUBLIC, ENCLOSED, ENCLOSED]


def test_streets_behind_a_private_way_are_enclosed() -> None:
    lines = [LONG, [(0, 0), (0, 100)], [(0, 100), (0, 200)]]
    frame = streets(lines, foot=["public", "private", "public"])
    assert kinds(compile_network(frame)) == [PUBLIC, PRIVATE, ENCLOSED]


def test_a_compound_with_one_open_way_in_is_not_enclosed() -> None:
    lines = [LONG, [(0, 0), (0, 100)], [(0, 100), (0, 200)], [(0, 200), (-3000, 0)]]
    gates = gate_frame([{"at": (0, 100), "access": "residents"}])
    assert kinds(compile_network(streets(lines), gates)) == [PUBLIC] * 4


def test_a_gate_with_hours_or_a_closed_gate_alone_encloses_nothing() -> None:
    lines = [LONG, [(0, 0), (0, 100)], [(0, 100), (0, 200)]]
    for access in ("hours", "closed", "open"):
        gates = gate_frame([{"at": (0, 100), "access": access}])
        assert kinds(compile_network(streets(lines), gates)) == [PUBLIC] * 3


def test_a_quarter_longer_than_the_largest_compound_stays_public() -> None:
    gates = gate_frame([{"at": (0, 100), "access": "residents"}])
    for extra, kind in ((-200.0, ENCLOSED), (0.0, PUBLIC)):
        length = ENCLOSED_STREET_MAX_M + 1.0 + extra
        lines = [[(-30_000, 0), (0, 0)], [(0, 0), (0, 100)], [(0, 100), (0, 100 + length)]]
        network = compile_network(streets(lines), gates)
        assert kinds(network) == [PUBLIC, PUBLIC, kind]


def test_a_saved_network_is_the_same_and_maps_its_files(tmp_path: Path) -> None:
    gates = gate_frame([{"at": (100, 100), "access": "hours", "opening_hours": "Mo-Su 06:00-22:00"}])
    network = compile_network(grid_streets(5, 5), gates)
    network.save(tmp_path / "n")
    again = load(tmp_path / "n")
    assert again.gates.opening_hours == ("Mo-Su 06:00-22:00",)
    assert again.plane == network.plane
    for name in ("node_lon", "edge_u", "edge_length_m", "edge_kind"):
        assert np.array_equal(getattr(again, name), getattr(network, name))
    assert np.array_equal(again.public.start, network.public.start)
    assert again.streets.cell_m == network.streets.cell_m


def test_missing_broken_and_older_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataSourceError):
        load(tmp_path)
    compile_network(grid_streets(2, 2)).save(tmp_path)
    header = tmp_path / "network.json"
    facts = json.loads(header.read_text(encoding="utf-8"))
    header.write_text(json.dumps({**facts, "format_version": 0}), encoding="utf-8")
    with pytest.raises(DataSourceError, match="format version"):
        load(tmp_path)
    header.write_text(json.dumps(facts), encoding="utf-8")
    (tmp_path / "edge_u.npy").unlink()
    with pytest.raises(DataSourceError):
        load(tmp_path)


def test_no_walkable_street_and_broken_lines_are_refused() -> None:
    with pytest.raises(InputError):
        compile_network(streets(grid_lines(2, 2), foot=["no"] * 4))
    frame = grid_streets(2, 2)
    frame.loc[0, "geometry"] = shapely.Point(118, 36)
    with pytest.raises(InputError):
        compile_network(frame)
