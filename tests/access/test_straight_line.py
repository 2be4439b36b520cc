"""Circles, reach and the straight-line equivalent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access.straight_line import GRID_DETOUR, measure_straight, reach_m, straight_equivalent_m
from geo.errors import InputError


@pytest.mark.parametrize(
    ("speed_mps", "reach"),
    [
        (0.6, (180, 360, 540)),
        (0.8, (240, 480, 720)),
        (0.94, (282, 564, 846)),
        (1.0, (300, 600, 900)),
        (1.2, (360, 720, 1080)),
    ],
)
def test_reach_in_5_10_and_15_minutes(speed_mps: float, reach: tuple[int, int, int]) -> None:
    found = [reach_m(minutes=minutes, speed_mps=speed_mps) for minutes in (5, 10, 15)]
    assert found == pytest.approx(reach)


@pytest.mark.parametrize(("speed_mps", "radius"), [(0.8, (185, 369, 554)), (1.0, (231, 462, 692))])
def test_straight_line_equivalents_with_a_detour_of_1_3(
    speed_mps: float, radius: tuple[int, int, int]
) -> None:
    found = [straight_equivalent_m(reach_m(minutes=t, speed_mps=speed_mps), 1.3) for t in (5, 10, 15)]
    assert [round(value) for value in found] == list(radius)


@pytest.mark.parametrize(
    ("metres", "minutes", "speed"), [(1000, 15, 1.11), (800, 15, 0.89), (500, 10, 0.83), (300, 5, 1.0)]
)
def test_speeds_implied_by_the_residential_standard(metres: float, minutes: float, speed: float) -> None:
    assert round(metres / (minutes * 60), 2) == speed
    assert reach_m(minutes=minutes, speed_mps=metres / (minutes * 60)) == pytest.approx(metres)


def test_a_fine_orthogonal_grid_has_a_mean_detour_of_4_over_pi() -> None:
    angle = (np.arange(100_000) + 0.5) / 100_000 * 2 * np.pi
    assert pytest.approx(1.2732, abs=1e-4) == GRID_DETOUR
    assert np.mean(np.abs(np.cos(angle)) + np.abs(np.sin(angle))) == pytest.approx(GRID_DETOUR, rel=1e-6)


def test_a_walk_on_a_fine_grid_reaches_two_over_pi_of_the_disc() -> None:
    side = (np.arange(2000) + 0.5) / 1000 - 1
    x, y = np.meshgrid(side, side)
    walked = np.count_nonzero(np.abs(x) + np.abs(y) <= 1) / np.count_nonzero(np.hypot(x, y) <= 1)
    assert walked == pytest.approx(2 / np.pi, abs=1e-3)


def test_the_rim_of_the_circle_is_inside() -> None:
    found = measure_straight(np.array([3.0]), np.array([4.0]), np.array([0.0]), np.array([0.0]))
    assert found.inside(5.0).tolist() == [True]
    assert found.inside(4.999).tolist() == [False]


def test_without_facilities_every_line_is_infinite() -> None:
    found = measure_straight(np.zeros(2), np.zeros(2), np.zeros(0), np.zeros(0))
    assert np.isinf(found.distance_m).all()
    assert found.facility.tolist() == [-1, -1]
    assert not found.inside(1e9).any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 12))
def test_the_nearest_line_agrees_with_trying_every_pair(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    x, y, fx, fy = (rng.uniform(-5000, 5000, size) for size in (n, n, m, m))
    found = measure_straight(x, y, fx, fy)
    every = np.hypot(x[:, None] - fx, y[:, None] - fy)
    assert np.allclose(found.distance_m, every.min(axis=1), rtol=0, atol=1e-9)
    assert np.allclose(every[np.arange(n), found.facility], found.distance_m, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"metres": 500.0, "minutes": 15.0},
        {"minutes": 15.0},
        {"metres": -1.0},
        {"minutes": 0.0, "speed_mps": 1.0},
        {"minutes": 15.0, "speed_mps": float("nan")},
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        reach_m(**wrong)


def test_a_detour_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        straight_equivalent_m(500, 0.9)
