"""M01 to M10 against hand-made tables and plain counting."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access.membership import assign_divisions
from geo.access.population import build_population
from geo.access.status import Certificates
from geo.access.straight_line import StraightLine
from geo.access.summary import BandRun, summarise
from geo.access.tally import Tally
from geo.catalog.load import indicators
from geo.indicators import INDICATORS, CoverageFacts, IndicatorValue, LandFacts, UnitFacts, compute_indicators
from geo.indicators.area_coverage import merge_land
from geo.indicators.unit_coverage import count_units
from geo.network.plane import Plane
from tests.access.made import SOUTH, WEST, WIDTH, divisions

PLANE = Plane(118.05, 36.80)


def tally(
    walk_m: list[float],
    persons: list[float],
    *,
    limit_m: float = 500.0,
    straight_m: list[float] | None = None,
    choices: list[int] | None = None,
) -> Tally:
    """Return the tally of people with the given walks at 1 m/s; NaN reaches nothing."""
    walk = np.array(walk_m, float)
    n = walk.size
    status = np.where(np.isnan(walk), 4, np.where(walk <= limit_m, 0, 1)).astype(np.uint8)
    found = Certificates(status, np.zeros(n, np.int32), walk, walk, np.zeros(n))
    population = build_population({"persons": np.array(persons, float)}, n)
    membership = assign_divisions(np.zeros(n), np.zeros(n), divisions().iloc[:0])
    counted = None if choices is None else np.array(choices, np.int32)
    straight = (
        None if straight_m is None else StraightLine(np.array(straight_m, float), np.zeros(n, np.int32))
    )
    run = BandRun("all", 1.0, limit_m, found, counted)
    return summarise(population, membership, [run], straight).overall.tally


def values(facts: CoverageFacts) -> dict[str, IndicatorValue]:
    """Return every indicator by number."""
    return {value.id: value for value in compute_indicators(facts)}


TOY = tally(
    [300, 800, 1200, np.nan],
    [10, 20, 30, 40],
    straight_m=[250, 450, 1100, 100],
    choices=[3, 0, 0, 0],
)


def test_every_indicator_has_words_and_unit_in_the_catalogue() -> None:
    words = indicators()
    assert [one.id for one in INDICATORS] == [f"M{n:02d}" for n in range(1, 11)]
    assert [(one.slug, one.id) for one in INDICATORS] == [(slug, word.id) for slug, word in words.items()]


def test_m01_counts_people_within_the_limit_in_metres() -> None:
    found = values(CoverageFacts(TOY, limit_m=500))["M01"]
    assert (found.value, found.numerator, found.denominator) == (0.1, 10, 100)


def test_m01_of_a_run_in_minutes_is_about_the_statutory_thousand_metres() -> None:
    found = values(CoverageFacts(TOY, limit_min=15, speed_mps=1.0))["M01"]
    assert found.value == 0.3
    assert dict(found.parameters) == {"limit_m": 1000.0}


def test_m02_is_no_data_without_residential_land() -> None:
    found = values(CoverageFacts(TOY, limit_m=500))["M02"]
    assert (found.value, found.quality, found.reason) == (None, "no_data", "no_residential_land")


def test_m02_is_reached_land_over_all_land() -> None:
    found = values(CoverageFacts(TOY, limit_m=500, land=LandFacts(25.0, 100.0)))["M02"]
    assert (found.value, found.numerator, found.denominator) == (0.25, 25.0, 100.0)


def square(x: float, y: float, side: float) -> shapely.Polygon:
    """Return a square in metres of the plane as degrees."""
    shape = shapely.box(x, y, x + side, y + side)
    return shapely.transform(shape, lambda xy: np.column_stack(PLANE.inverse(xy[:, 0], xy[:, 1])))


def test_land_counts_once_where_it_overlaps() -> None:
    ground = merge_land([square(0, 0, 100), square(50, 0, 100)], PLANE)
    assert ground is not None
    assert ground.total_m2 == pytest.approx(15_000, rel=1e-6)


def test_no_land_is_no_ground() -> None:
    assert merge_land([], PLANE) is None


def test_m03_counts_units_with_a_compliant_facility() -> None:
    shares = np.array([(0.1, 0.1), (0.2, 0.2), (0.9, 0.9), (1.5, 1.5)])
    frame: gpd.GeoDataFrame = divisions()
    found = assign_divisions(WEST + shares[:, 0] * WIDTH, SOUTH + shares[:, 1] * WIDTH, frame).level(
        "township"
    )
    assert found is not None
    all_good = count_units(found, np.ones(4, bool), on="2025-12-31")
    assert all_good == UnitFacts(2, 4, "township 2025-12-31")
    assert count_units(found, np.array([True, True, False, True])).n_covered == 1
    value = values(CoverageFacts(TOY, limit_m=500, units=all_good))["M03"]
    assert (value.value, dict(value.parameters)) == (0.5, {"unit_set": "township 2025-12-31"})
    assert values(CoverageFacts(TOY, limit_m=500))["M03"].reason == "no_divisions"


def test_m04_is_for_limits_in_minutes() -> None:
    fifteen = tally([300, 800, 1200, np.nan], [10, 20, 30, 40], limit_m=900)
    assert values(CoverageFacts(fifteen, limit_min=15, speed_mps=1.0))["M04"].value == 0.3
    assert values(CoverageFacts(TOY, limit_m=500))["M04"].reason == "limit_in_metres"


@pytest.mark.parametrize(("speed_mps", "radius"), [(0.8, (185, 369, 554)), (1.0, (231, 462, 692))])
def test_m05_divides_the_reach_by_the_detour(speed_mps: float, radius: tuple[int, ...]) -> None:
    for minutes, expected in zip((5, 10, 15), radius, strict=True):
        found = values(CoverageFacts(TOY, limit_min=minutes, speed_mps=speed_mps, detour=1.3))["M05"]
        assert found.value is not None
        assert round(found.value) == expected


def test_m05_takes_the_grid_theory_unless_told() -> None:
    found = values(CoverageFacts(TOY, limit_m=1000))["M05"]
    assert found.value == pytest.approx(1000 * np.pi / 4)
    assert values(CoverageFacts(TOY, limit_min=15))["M05"].reason == "several_speeds"


def test_m06_is_the_difference_of_the_shares() -> None:
    found = values(CoverageFacts(TOY, limit_m=500))["M06"]
    assert found.value == pytest.approx(0.7 - 0.1)
    assert dict(found.details)["overstated_persons"] == 60


def test_m07_counts_the_uncovered_by_reason() -> None:
    found = values(CoverageFacts(TOY, limit_m=500))["M07"]
    assert found.value == 90
    assert dict(found.details)["not_linked"] == 40
    assert values(CoverageFacts(tally([1.0], [0]), limit_m=500))["M07"].value == 0


def test_m08_is_weighted_by_people_and_says_who_is_left_out() -> None:
    found = values(CoverageFacts(TOY, limit_m=500))["M08"]
    assert found.value == pytest.approx((10 * 300 + 20 * 800 + 30 * 1200) / 60)
    assert dict(found.details) == {
        "p50_m": 800.0,
        "p90_m": 1200.0,
        "max_m": 1200.0,
        "not_reached_persons": 40,
    }
    nobody = values(CoverageFacts(tally([np.nan], [7]), limit_m=500))["M08"]
    assert (nobody.value, nobody.reason) == (None, "nobody_reached")


def test_m09_and_m10_count_choices() -> None:
    counted = tally([100, 200, 900], [10, 30, 60], choices=[3, 1, 0])
    found = values(CoverageFacts(counted, limit_m=500))
    assert found["M09"].value == 0.1
    assert found["M10"].value == pytest.approx((10 * 3 + 30 * 1) / 40)


def test_what_was_not_counted_is_no_data() -> None:
    found = values(CoverageFacts(tally([100.0], [10]), limit_m=500))
    assert found["M06"].reason == "no_straight_line"
    assert found["M09"].reason == found["M10"].reason == "choices_not_counted"
    nobody = values(CoverageFacts(tally([100.0], [0], straight_m=[50], choices=[1]), limit_m=500))
    assert {id: value.value for id, value in nobody.items()} == {
        **dict.fromkeys([f"M{n:02d}" for n in range(1, 11)]),
        "M05": pytest.approx(500 * np.pi / 4),
        "M07": 0,
    }


def test_every_value_is_plain_json() -> None:
    text = json.dumps(
        [value.to_json() for value in compute_indicators(CoverageFacts(TOY, limit_m=500))], allow_nan=False
    )
    assert [one["id"] for one in json.loads(text)] == [one.id for one in INDICATORS]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.just(np.nan), st.floats(1, 2000)), st.integers(0, 50), st.integers(1, 5)),
        min_size=1,
        max_size=20,
    ),
    st.floats(100, 1500),
)
def test_shares_agree_with_the_formulas(rows: list[tuple[float, int, int]], limit: float) -> None:
    walk, people = [row[0] for row in rows], [row[1] for row in rows]
    choices = [count if walked <= limit else 0 for walked, _, count in rows]
    found = values(CoverageFacts(tally(walk, people, limit_m=limit, choices=choices), limit_m=limit))
    everybody = sum(people)
    if everybody == 0:
        assert found["M01"].value is None
        return
    covered = sum(n for walked, n in zip(walk, people, strict=True) if walked <= limit)
    assert found["M01"].value == covered / everybody
    assert found["M07"].value == everybody - covered
    assert found["M09"].value == sum(n for n, k in zip(people, choices, strict=True) if k >= 2) / everybody
    crowd = sum(n * k for n, k in zip(people, choices, strict=True))
    assert found["M10"].value == (crowd / covered if covered else None)
