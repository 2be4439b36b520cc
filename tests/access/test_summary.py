"""Aggregates add up exactly and agree with counting one by one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access.membership import Membership, assign_divisions
from geo.access.population import Population, build_population
from geo.access.status import STATUS_NAMES, Certificates
from geo.access.straight_line import StraightLine
from geo.access.summary import BandRun, CoverageSummary, GroupSummary, summarise
from geo.access.tally import Tally, sum_by
from geo.errors import InputError
from tests.access.made import Case, case, divisions

LIMIT_S = 900
SPEEDS = {"60_69": 1.2, "70_79": 1.0, "80_plus": 0.8, "unable": 0.6, "unspecified": 0.9}


def runs(made: Case) -> list[BandRun]:
    """Return the runs of a made case."""
    return [
        BandRun(band, SPEEDS[band], SPEEDS[band] * LIMIT_S, found, made.choices[band])
        for band, found in made.certificates.items()
    ]


def summed(made: Case, *, hole: bool = True) -> tuple[CoverageSummary, Membership]:
    """Return the summary of a made case."""
    membership = assign_divisions(made.lon, made.lat, divisions(hole=hole))
    straight = StraightLine(made.straight_m, np.zeros(made.straight_m.size, dtype=np.int32))
    return summarise(made.population, membership, runs(made), straight), membership


def quantile(pairs: list[tuple[float, int]], percent: int) -> float | None:
    """Return the smallest value whose cumulative weight is at least the share, plainly."""
    total = sum(weight for _, weight in pairs)
    if total == 0:
        return None
    cumulative = 0
    for value, weight in sorted(pairs):
        cumulative += weight
        if cumulative * 100 >= percent * total:
            return value
    raise AssertionError


def counted(made: Case, bands: Iterable[str], points: Iterable[int]) -> dict[str, object]:
    """Count some points of some bands one by one."""
    counts = dict.fromkeys((*STATUS_NAMES, "circle", "overstated", "two", "choices", "walk_1000"), 0)
    seconds: list[tuple[float, int]] = []
    metres: list[tuple[float, int]] = []
    members = list(points)
    for band in bands:
        found, weights = made.certificates[band], made.population.of_band(band).tolist()
        for i in members:
            people = weights[i]
            name = STATUS_NAMES[found.status[i]]
            counts[name] += people
            inside = made.straight_m[i] <= SPEEDS[band] * LIMIT_S
            counts["circle"] += people * inside
            counts["overstated"] += people * (inside and name != "covered")
            counts["two"] += people * (made.choices[band][i] >= 2)
            counts["choices"] += people * int(made.choices[band][i]) * (name == "covered")
            if not math.isnan(found.walk_s[i]) and people:
                seconds.append((float(found.walk_s[i]), people))
                metres.append((float(found.walk_m[i]), people))
                counts["walk_1000"] += people * (found.walk_m[i] <= 1000)
    return {
        **counts,
        "p50_s": quantile(seconds, 50),
        "p90_s": quantile(seconds, 90),
        "max_s": max((value for value, _ in seconds), default=None),
        "p50_m": quantile(metres, 50),
        "p90_m": quantile(metres, 90),
    }


def read(tally: Tally) -> dict[str, object]:
    """Return the same figures of a tally."""
    return {
        **{name: getattr(tally, name) for name in STATUS_NAMES},
        "circle": tally.circle,
        "overstated": tally.overstated,
        "two": tally.two_choices,
        "choices": tally.choices,
        "walk_1000": tally.statutory_walk,
        "p50_s": tally.nearest_s.p50,
        "p90_s": tally.nearest_s.p90,
        "max_s": tally.nearest_s.max,
        "p50_m": tally.nearest_m.p50,
        "p90_m": tally.nearest_m.p90,
    }


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.booleans())
def test_every_figure_agrees_with_counting_one_by_one(seed: int, n: int, whole: bool) -> None:
    made = case(seed, n, whole=whole)
    if not made.certificates:
        return
    found, membership = summed(made)
    bands = list(made.certificates)
    assert read(found.overall.tally) == counted(made, bands, range(n))
    for group in found.bands:
        assert read(group.tally) == counted(made, [group.band], range(n))
    for position, level in enumerate(membership.levels):
        for row in range(level.n_divisions + 2):
            members = np.flatnonzero(level.index == row).tolist()
            assert read(found.overall.levels[position].tally(row)) == counted(made, bands, members)
    if found.overall.outside is not None:
        members = np.flatnonzero(membership.outside).tolist()
        assert read(found.overall.outside.tally) == counted(made, bands, members)


def level_sums(group: GroupSummary, level: str) -> list[int]:
    """Add up a level's rows and the outside row, by status."""
    rows = [row for row in group.divisions() if row.level in (level, None)]
    return [
        sum(getattr(row.tally, name) for row in rows)
        for name in (*STATUS_NAMES, "total", "circle", "choices")
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.booleans(), st.booleans())
def test_nobody_is_lost_between_statuses_bands_and_divisions(
    seed: int, n: int, whole: bool, hole: bool
) -> None:
    made = case(seed, n, whole=whole)
    if not made.certificates:
        return
    found, membership = summed(made, hole=hole)
    everybody = found.overall
    assert everybody.tally.total == made.population.total
    assert sum(band.tally.total for band in found.bands) == made.population.total
    for name in STATUS_NAMES:
        assert sum(getattr(band.tally, name) for band in found.bands) == getattr(everybody.tally, name)
    for group in (everybody, *found.bands):
        whole_area = [getattr(group.tally, name) for name in (*STATUS_NAMES, "total", "circle", "choices")]
        for level in membership.levels:
            assert level_sums(group, level.level) == whole_area


def one_speed(status: list[int], walk_s: list[float], persons: list[int]) -> tuple[Population, list[BandRun]]:
    """Return a run of everybody at 1 m/s."""
    walk = np.array(walk_s, float)
    found = Certificates(
        np.array(status, np.uint8), np.zeros(len(status), np.int32), walk, walk, np.zeros(len(status))
    )
    population = build_population({"persons": np.array(persons, float)}, len(persons))
    return population, [BandRun("all", 1.0, 900.0, found)]


def nowhere(n: int) -> Membership:
    """Return a membership without divisions."""
    return assign_divisions(np.zeros(n), np.zeros(n), divisions().iloc[:0])


def test_a_run_at_one_speed_has_no_bands() -> None:
    population, run = one_speed([0, 1, 4], [100, 1000, np.nan], [10, 5, 1])
    found = summarise(population, nowhere(3), run)
    assert found.bands == ()
    assert found.overall.tally.persons_json() == {
        "total": 16,
        "covered": 10,
        "too_far": 5,
        "not_linked": 1,
        "disconnected": 0,
        "gate_closed": 0,
    }
    assert found.overall.tally.coverage_ratio == 0.625
    assert found.overall.tally.nearest_s.to_json() == {
        "p50": 100.0,
        "p90": 1000.0,
        "max": 1000.0,
        "mean": 400.0,
    }


def test_what_was_not_measured_is_no_data() -> None:
    population, run = one_speed([0], [100], [10])
    tally = summarise(population, nowhere(1), run).overall.tally
    assert (tally.straight_line_ratio, tally.choice_ratio, tally.overlap) == (None, None, None)
    assert tally.measures_json()["overstated_persons"] is None


def test_where_nobody_lives_ratios_are_no_data_and_not_nought() -> None:
    population, run = one_speed([0], [100], [0])
    tally = summarise(population, nowhere(1), run).overall.tally
    assert tally.coverage_ratio is None
    assert tally.nearest_s.p50 is None
    assert tally.total == 0


def test_an_empty_town_gives_an_empty_result() -> None:
    population, run = one_speed([], [], [])
    found = summarise(population, nowhere(0), run)
    assert found.overall.tally.total == 0
    assert list(found.overall.divisions()) == []


def test_without_divisions_everybody_is_in_the_outside_row() -> None:
    population, run = one_speed([0, 1], [100, 1000], [10, 5])
    rows = list(summarise(population, nowhere(2), run).overall.divisions())
    assert [(row.code, row.level, row.tally.total) for row in rows] == [("outside", None, 15)]


def test_a_division_where_nobody_lives_still_has_its_row() -> None:
    made = case(1, 1)
    found, _ = summed(made, hole=False)
    assert sum(row.level == "village" for row in found.overall.divisions()) == 16


def test_the_result_is_plain_json_with_the_stated_keys() -> None:
    found, _ = summed(case(5, 40))
    text = json.dumps(found.to_json(band_divisions=True), allow_nan=False)
    result = json.loads(text)
    assert {"persons", "coverage_ratio", "straight_line_ratio", "nearest_s", "divisions", "bands"} <= set(
        result
    )
    assert set(result["persons"]) == {
        "total",
        "covered",
        "too_far",
        "not_linked",
        "disconnected",
        "gate_closed",
    }
    assert {"p50", "p90", "max"} <= set(result["nearest_s"])
    assert {"code", "name", "level", "parent_code", "total", "covered"} <= set(result["divisions"][0])
    assert result["speed_mps"] is None


def test_a_band_that_was_not_run_is_refused_rather_than_dropped() -> None:
    made = case(5, 40)
    with pytest.raises(InputError, match="missing"):
        summarise(made.population, nowhere(40), runs(made)[1:])
    with pytest.raises(InputError, match="once"):
        summarise(made.population, nowhere(40), [*runs(made), runs(made)[0]])
    with pytest.raises(InputError):
        summarise(made.population, nowhere(40), [])


def test_arrays_of_different_lengths_are_refused() -> None:
    population, run = one_speed([0, 1], [100, 1000], [10, 5])
    with pytest.raises(InputError, match="one length"):
        summarise(population, nowhere(3), run)


def test_sums_beyond_the_exact_range_of_floats_stay_exact() -> None:
    weights = np.array([2**53 + 1, 3, 5], dtype=np.int64)
    assert sum_by(np.array([0, 1, 1]), weights, 3).tolist() == [2**53 + 1, 8, 0]
