"""Certificates of hand-made cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import geopandas as gpd
import numpy as np
import pytest

from geo.access.coverage import Limit, certify, metres, minutes
from geo.access.status import COVERED, DISCONNECTED, GATE_CLOSED, NOT_LINKED, TOO_FAR, Certificates
from geo.errors import InputError
from geo.network.build import compile_network
from geo.network.link import PointLinks, link_points
from geo.network.model import StreetNetwork
from geo.network.profile import walking_profile
from tests.builders import barrier_frame, gate_frame, grid_streets, lonlats, streets

TUESDAY_TEN = datetime(2024, 5, 14, 10, 0)
PROFILE = walking_profile()
Point = tuple[float, float]


def certificates(
    network: StreetNetwork,
    homes: Sequence[Point],
    facilities: Sequence[Point],
    limit: Limit | None = None,
    *,
    speed_mps: float = 1.0,
    rank: Sequence[int] | None = None,
    at: datetime = TUESDAY_TEN,
    cutoff_min: float = 120.0,
) -> Certificates:
    """Certify homes and facilities given in metres."""
    return certify(
        network,
        link_points(network, *lonlats(homes)),
        link_points(network, *lonlats(facilities)),
        facility_rank=np.array(range(len(facilities)) if rank is None else rank, np.int32),
        limit=limit or minutes(15),
        speed_mps=speed_mps,
        profile=PROFILE,
        at=at,
        cutoff_min=cutoff_min,
    )


def grid(n: int = 6) -> StreetNetwork:
    """Return a grid of 100 m blocks."""
    return compile_network(grid_streets(n, n))


def test_the_walk_is_the_path_and_both_access_legs_at_one_speed() -> None:
    result = certificates(grid(), [(50, 10)], [(250, -20)], speed_mps=0.8)
    assert result.status[0] == COVERED
    assert result.facility[0] == 0
    assert result.access_m[0] == pytest.approx(10.0, abs=1e-4)
    assert result.walk_m[0] == pytest.approx(230.0, abs=1e-3)
    assert result.walk_s[0] == pytest.approx(230.0 / 0.8, abs=1e-3)


def test_home_and_facility_on_one_edge_walk_along_it_and_not_to_the_corner_and_back() -> None:
    result = certificates(grid(), [(20, 5)], [(70, 5)])
    assert result.walk_m[0] == pytest.approx(60.0, abs=1e-3)


def test_a_oneway_footway_is_walked_round_in_the_direction_from_home_to_facility() -> None:
    lines = [[(0, 0), (100, 0)], [(100, 0), (100, 100)], [(100, 100), (0, 100)], [(0, 100), (0, 0)]]
    network = compile_network(streets(lines, oneway_foot=[1, 1, 1, 1]))
    result = certificates(network, [(20, 0), (70, 0)], [(60, 0)])
    assert result.walk_m == pytest.approx([40.0, 390.0], abs=1e-3)
    backward = compile_network(streets(lines, oneway_foot=[-1, -1, -1, -1]))
    assert certificates(backward, [(20, 0), (70, 0)], [(60, 0)]).walk_m == pytest.approx([360.0, 10.0], abs=1e-3)


def test_steps_and_crossings_cost_seconds_but_no_metres() -> None:
    lines = [[(0, 0), (100, 0)], [(100, 0), (200, 0)], [(200, 0), (300, 0)]]
    network = compile_network(streets(lines, is_steps=[False, True, False], crossing_share=[0.0, 0.0, 1.0]))
    result = certificates(network, [(0, 0)], [(300, 0)])
    assert result.walk_m[0] == pytest.approx(300.0, abs=1e-3)
    assert result.walk_s[0] == pytest.approx(
        300.0 + 100.0 * (PROFILE.stairs_factor - 1) + PROFILE.signal_delay_s, abs=1e-3
    )


def test_minutes_take_the_fastest_path_and_metres_the_shortest() -> None:
    lines = [[(0, 0), (100, 0)], [(0, 0), (0, 30), (100, 30), (100, 0)]]
    network = compile_network(streets(lines, is_steps=[True, False]))
    by_time = certificates(network, [(0, 0)], [(100, 0)], minutes(15))
    by_length = certificates(network, [(0, 0)], [(100, 0)], metres(500))
    assert by_time.walk_m[0] == pytest.approx(160.0, abs=1e-3)
    assert by_time.walk_s[0] == pytest.approx(160.0, abs=1e-3)
    assert by_length.walk_m[0] == pytest.approx(100.0, abs=1e-3)
    assert by_length.walk_s[0] == pytest.approx(200.0, abs=1e-3)


def test_the_threshold_itself_is_covered() -> None:
    network = grid()
    walk_s = certificates(network, [(50, 10)], [(250, -20)]).walk_s[0]
    assert certificates(network, [(50, 10)], [(250, -20)], Limit("seconds", walk_s)).status[0] == COVERED
    below = Limit("seconds", float(np.nextafter(walk_s, 0)))
    assert certificates(network, [(50, 10)], [(250, -20)], below).status[0] == TOO_FAR


def test_equal_walks_go_to_the_facility_that_comes_first_in_rank() -> None:
    frame = streets([[(0, 0), (100, 0)], [(100, 0), (200, 0)]], length_m=[100.0, 100.0])
    network = compile_network(frame)
    home = PointLinks(np.array([0], np.int32), np.array([1.0]), np.array([3.0]))
    corners = PointLinks(np.array([0, 1], np.int32), np.array([0.25, 0.75]), np.array([2.0, 2.0]))
    for order in ([0, 1], [1, 0]):
        rank = np.array(order, np.int32)
        found = certify(
            network,
            home,
            corners,
            facility_rank=rank,
            limit=minutes(5),
            speed_mps=1.0,
            profile=PROFILE,
            at=TUESDAY_TEN,
        )
        assert found.walk_m[0] == 80.0
        assert found.facility[0] == order.index(0)
    network = grid()
    # Two facilities at one place: every point sees the tie, also over shared nodes.
    same = [(100, 100), (100, 100), (100, 100)]
    homes = [(float(x), float(y)) for x in range(0, 500, 37) for y in range(0, 500, 41)]
    assert set(certificates(network, homes, same, rank=[2, 0, 1]).facility) == {1}


def test_a_point_beyond_the_link_cap_is_not_linked() -> None:
    result = certificates(grid(), [(50, -149), (50, -151)], [(250, 0)])
    assert list(result.status) == [COVERED, NOT_LINKED]
    assert np.isnan(result.walk_s[1])
    assert np.isnan(result.access_m[1])
    assert result.facility[1] == -1


def test_an_island_without_a_facility_is_disconnected() -> None:
    lines = [[(0, 0), (100, 0)], [(1000, 0), (1100, 0)]]
    result = certificates(compile_network(streets(lines)), [(50, 5), (1050, 5)], [(90, 0)])
    assert list(result.status) == [COVERED, DISCONNECTED]
    assert np.isnan(result.walk_m[1])


def test_without_any_facility_every_linked_point_is_disconnected() -> None:
    result = certificates(grid(), [(50, 5), (50, -500)], [])
    assert list(result.status) == [DISCONNECTED, NOT_LINKED]


def test_farther_than_the_cutoff_is_too_far_and_has_no_walk() -> None:
    network = compile_network(streets([[(0, 0), (700, 0)]]))
    result = certificates(network, [(0, 0)], [(700, 0)], minutes(5), cutoff_min=10)
    assert result.status[0] == TOO_FAR
    assert np.isnan(result.walk_s[0])
    assert result.facility[0] == -1
    assert certificates(network, [(0, 0)], [(700, 0)], minutes(5), cutoff_min=12).walk_s[0] == pytest.approx(
        700, abs=1e-2
    )


def compound(access: str, hours: str | None = None) -> StreetNetwork:
    """Return a walled lane that leaves the street through a gate at (0, 100)."""
    lines = [
        [(-500, 0), (0, 0)],
        [(0, 0), (500, 0)],
        [(0, 0), (0, 100)],
        [(0, 100), (0, 200)],
        [(0, 200), (100, 200)],
    ]
    gates = gate_frame([{"at": (0, 100), "access": access, "opening_hours": hours}])
    return compile_network(streets(lines), gates)


def test_residents_walk_out_of_their_gate_but_strangers_do_not_walk_through_the_compound() -> None:
    network = compound("residents")
    out = certificates(network, [(0, 200)], [(100, 0)])
    assert out.walk_m[0] == pytest.approx(300.0, abs=1e-3)
    visit = certificates(network, [(100, 0)], [(0, 200)])
    assert visit.walk_m[0] == pytest.approx(300.0, abs=1e-3)
    # A second gate at the far end makes a short cut between two streets; only residents could use it.
    lines = [
        [(0, 0), (0, 100)], [(0, 100), (0, 200)], [(0, 200), (0, 300)],
        [(0, 0), (1000, 0)], [(1000, 0), (1000, 300)], [(1000, 300), (0, 300)],
    ]  # fmt: skip
    gates = gate_frame([{"at": (0, 100), "access": "residents"}, {"at": (0, 200), "access": "residents"}])
    through = certificates(compile_network(streets(lines), gates), [(0, 0), (0, 150)], [(0, 300)], metres(500))
    assert through.walk_m == pytest.approx([2300.0, 150.0], abs=1e-2)
    assert list(through.status) == [GATE_CLOSED, COVERED]


def test_a_closed_gate_is_reached_from_both_sides_and_passed_from_neither() -> None:
    network = compound("closed")
    assert certificates(network, [(0, 200)], [(100, 0)]).status[0] == GATE_CLOSED
    assert certificates(network, [(0, 101)], [(0, 99)]).status[0] == GATE_CLOSED
    assert certificates(network, [(0, 200)], [(0, 100.5)]).status[0] == COVERED
    assert certificates(network, [(100, 0)], [(0, 99.5)]).status[0] == COVERED
    assert certificates(network, [(0, 200)], [(100, 0)], minutes(4)).status[0] == TOO_FAR


def test_gates_with_hours_are_judged_at_the_stated_time() -> None:
    network = compound("hours", "Mo-Su 06:00-22:00")
    assert certificates(network, [(0, 200)], [(100, 0)]).status[0] == COVERED
    night = datetime(2024, 5, 14, 23, 30)
    assert certificates(network, [(0, 200)], [(100, 0)], at=night).status[0] == GATE_CLOSED


def test_private_ways_serve_only_the_two_ends_of_a_trip() -> None:
    lines = [
        [(0, 0), (100, 0)], [(100, 0), (200, 0)],
        [(0, 0), (0, 500)], [(0, 500), (200, 500)], [(200, 500), (200, 0)],
    ]  # fmt: skip
    network = compile_network(streets(lines, foot=["private", "private", "public", "public", "public"]))
    result = certificates(network, [(0, 1), (50, 0), (0, 250)], [(200, 1), (200, 1), (200, 1)][:1])
    # From the public corner round the block, from the private way straight out, from the street round the
    # block.
    assert result.walk_m == pytest.approx([1197.0 + 1.0, 151.0, 949.0], abs=3.1)
    private_end = certificates(network, [(0, 250)], [(150, 0)])
    assert private_end.walk_m[0] == pytest.approx(400.0, abs=1e-2)


def test_explicit_private_ways_stay_private_when_gates_open() -> None:
    lines = [
        [(0, 0), (100, 0)],
        [(100, 0), (200, 0)],
        [(0, 0), (0, 900)],
        [(0, 900), (200, 900)],
        [(200, 900), (200, 0)],
    ]
    frame = streets(lines, foot=["private", "private", "public", "public", "public"])
    gates = gate_frame([{"at": (100, 0), "access": "closed"}])
    result = certificates(compile_network(frame, gates), [(0, 20)], [(200, 20)], metres(500))
    assert result.status[0] == TOO_FAR


def test_an_access_leg_does_not_cross_a_wall() -> None:
    lines = [[(0, 0), (200, 0)], [(0, 80), (200, 80)], [(0, 0), (0, 80)]]
    frame = streets(lines)
    open_land, walled = (
        compile_network(frame),
        compile_network(frame, None, barrier_frame([[(-10, 10), (300, 10)]])),
    )
    assert certificates(open_land, [(100, 20)], [(100, 0)]).walk_m[0] == pytest.approx(20.0, abs=1e-3)
    assert certificates(walled, [(100, 20)], [(100, 0)]).walk_m[0] == pytest.approx(60 + 100 + 80 + 100, abs=1e-2)
    # A house on the wall touches it and may use the near street.
    assert certificates(walled, [(100, 10)], [(100, 0)]).walk_m[0] == pytest.approx(10.0, abs=1e-3)


def test_certificates_survive_saving_and_loading(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from geo.network.model import load

    network = compound("residents")
    network.save(tmp_path)
    again = load(tmp_path)
    homes, sites = [(0, 200), (50, 10), (-300, 7)], [(100, 0)]
    first, second = certificates(network, homes, sites), certificates(again, homes, sites)
    assert np.array_equal(first.walk_s, second.walk_s)
    assert np.array_equal(first.status, second.status)


def test_thresholds_speeds_and_ranks_out_of_range_are_refused() -> None:
    network = grid()
    with pytest.raises(InputError):
        minutes(0)
    with pytest.raises(InputError):
        certificates(network, [(50, 0)], [(60, 0)], speed_mps=0)
    with pytest.raises(InputError):
        certificates(network, [(50, 0)], [(60, 0)], rank=[3])
    with pytest.raises(InputError):
        certificates(network, [(50, 0)], [(60, 0)], cutoff_min=-1)


def test_a_profile_without_factors_walks_level() -> None:
    level = replace(PROFILE, stairs_factor=1.0, signal_delay_s=0.0)
    assert level.speed_mps("80_plus") == 0.8
    assert isinstance(grid_streets(2, 2), gpd.GeoDataFrame)
