"""Known figures of walking: reach by speed, the detour of a fine grid, and the share of the circle it leaves."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from geo.access.coverage import certify, minutes
from geo.access.isochrone import isochrones
from geo.access.status import COVERED
from geo.network.build import compile_network
from geo.network.link import PointLinks, link_points
from geo.network.profile import walking_profile
from tests.builders import grid_streets, lonlats, streets

AT = datetime(2024, 5, 14, 10, 0)
PROFILE = walking_profile()
REACH_M = {
    0.6: (180, 360, 540),
    0.8: (240, 480, 720),
    0.94: (282, 564, 846),
    1.0: (300, 600, 900),
    1.2: (360, 720, 1080),
}


@pytest.mark.parametrize("speed_mps", list(REACH_M))
def test_reach_is_speed_times_time(speed_mps: float) -> None:
    network = compile_network(streets([[(0, 0), (2000, 0)]], length_m=[2000.0]))
    site = PointLinks(np.array([0]), np.array([0.0]), np.array([0.0]))
    for time_min, reach_m in zip((5, 10, 15), REACH_M[speed_mps], strict=True):
        homes = PointLinks(np.zeros(2), np.array([reach_m - 0.01, reach_m + 0.01]) / 2000.0, np.zeros(2))
        found = certify(
            network, homes, site,
            facility_rank=np.zeros(1, np.int32), limit=minutes(time_min), speed_mps=speed_mps, profile=PROFILE, at=AT,
        )  # fmt: skip
        assert (found.status == COVERED).tolist() == [True, False]


def test_the_profile_holds_the_speeds_of_the_bands() -> None:
    speeds = {band.name: band.speed_mps for band in PROFILE.bands}
    assert speeds == {"60_69": 1.2, "70_79": 1.0, "80_plus": 0.8, "unable": 0.6, "unspecified": 0.9}
    assert PROFILE.default_speed_mps == 0.9


def test_a_fine_grid_makes_walks_longer_by_four_over_pi() -> None:
    step, n = 10.0, 121
    network = compile_network(grid_streets(n, n, step))
    middle = (n // 2) * step
    angles = np.arange(720) * (2 * np.pi / 720)
    ring = [(middle + 500 * np.cos(a), middle + 500 * np.sin(a)) for a in angles]
    homes, site = link_points(network, *lonlats(ring)), link_points(network, *lonlats([(middle, middle)]))
    found = certify(
        network, homes, site,
        facility_rank=np.zeros(1, np.int32), limit=minutes(60), speed_mps=1.0, profile=PROFILE, at=AT,
    )  # fmt: skip
    assert found.walk_m.mean() / 500.0 == pytest.approx(4.0 / np.pi, rel=0.005)


def test_a_fine_grid_leaves_two_over_pi_of_the_circle() -> None:
    step, n = 10.0, 121
    network = compile_network(grid_streets(n, n, step))
    middle = (n // 2) * step
    site = link_points(network, *lonlats([(middle, middle)]))
    limit = minutes(500 / 60)
    area = isochrones(network, site, [limit], speed_mps=1.0, profile=PROFILE, at=AT, width_m=step, pixel_m=4.0)[0]
    assert area.area_m2 / (np.pi * 500.0**2) == pytest.approx(2.0 / np.pi, rel=0.02)
