"""Gaps are contiguous, ranked, and lose nobody."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access import gap_area
from geo.access.gap import GapList, GapRules
from geo.access.gaps import GapDemand, find_gaps, persons_by_status
from geo.access.membership import LevelMembership
from geo.access.straight_line import StraightLine
from geo.errors import InputError
from geo.network.plane import Plane

PLANE = Plane(118.05, 36.80)
ROWS = list[tuple[float, float, int, int]]


def demand(rows: ROWS, walk_m: list[float] | None = None, unit: int = 1) -> GapDemand:
    """Return demand points given as x, y in metres, status and people."""
    persons = np.zeros((len(rows), 5), dtype=np.int64)
    for i, (_, _, status, people) in enumerate(rows):
        persons[i, status] = people * unit
    walk = np.full(len(rows), np.nan) if walk_m is None else np.array(walk_m, float)
    facility = np.where(np.isnan(walk), -1, np.arange(len(rows))).astype(np.int32)
    xy = np.array([row[:2] for row in rows], float).reshape(-1, 2)
    return GapDemand(xy[:, 0], xy[:, 1], persons, unit, facility, walk)


def gaps(rows: ROWS, **rules: float) -> GapList:
    """Return the gaps of some rows."""
    return find_gaps(demand(rows), PLANE, rules=GapRules(**rules))  # type: ignore[arg-type]


def counts(found: GapList) -> list[int]:
    """Return people by rank."""
    return [gap.count for gap in found.gaps]


def in_metres(shape: shapely.Geometry) -> shapely.Geometry:
    """Project a polygon back to the plane."""
    return shapely.transform(shape, lambda xy: np.column_stack(PLANE.forward(xy[:, 0], xy[:, 1])))


def test_covered_people_make_no_gap() -> None:
    found = gaps([(50, 50, 0, 100)])
    assert found.gaps == ()
    assert found.count == 0


def test_no_points_make_no_gap() -> None:
    assert gaps([]).gaps == ()


def test_neighbouring_cells_are_one_gap_and_distant_ones_are_two() -> None:
    assert counts(gaps([(50, 50, 1, 10), (350, 50, 1, 20)])) == [30]
    assert counts(gaps([(50, 50, 1, 10), (450, 50, 1, 20)])) == [20, 10]
    assert counts(gaps([(50, 50, 1, 10), (450, 50, 1, 20)], margin_cells=2)) == [30]
    assert counts(gaps([(50, 50, 1, 10), (150, 150, 1, 20)], margin_cells=0)) == [20, 10]


def test_a_wall_of_covered_cells_parts_two_gaps() -> None:
    wall: ROWS = [(150, y, 0, 5) for y in range(-450, 500, 100)]
    assert counts(gaps([(50, 50, 1, 10), (250, 50, 1, 20), *wall])) == [20, 10]


def test_a_gap_around_covered_people_has_a_hole() -> None:
    ring: ROWS = [(x, y, 1, 10) for x in (50, 150, 250) for y in (50, 150, 250) if (x, y) != (150, 150)]
    found = gaps([*ring, (150, 150, 0, 40)])
    assert counts(found) == [80]
    shape = found.gaps[0].polygon
    assert len(shape.interiors) == 1
    assert not in_metres(shape).contains(shapely.Point(150, 150))
    assert in_metres(shape).area == pytest.approx(24 * 100 * 100)


def test_the_outline_of_one_cell_has_its_margin_and_four_corners() -> None:
    shape = gaps([(50, 50, 1, 10)]).gaps[0].polygon
    assert shapely.get_num_coordinates(shape) == 5
    assert in_metres(shape).bounds == pytest.approx((-100, -100, 200, 200), abs=1e-4)


def test_small_gaps_are_not_shown_but_counted() -> None:
    found = gaps([(50, 50, 1, 9), (1050, 50, 4, 10), (2050, 50, 2, 1)])
    assert counts(found) == [10]
    assert found.remainder.n_small == 2
    assert found.remainder.count == 10
    assert found.remainder.to_json() == {
        "persons": 10,
        "too_far": 9,
        "gate_closed": 1,
        "disconnected": 0,
        "not_linked": 0,
        "small_areas": 2,
        "small_areas_persons": 10,
        "scattered_persons": 0,
    }


def test_one_slow_person_among_covered_people_is_scattered_when_asked() -> None:
    rows: ROWS = [(50, 50, 0, 99), (60, 60, 1, 20), (1050, 50, 1, 30), (1060, 50, 0, 30)]
    assert counts(gaps(rows)) == [30, 20]
    found = gaps(rows, least_uncovered_share=0.5)
    assert counts(found) == [30]
    assert found.remainder.to_json()["scattered_persons"] == 20
    assert found.count == 50


def test_a_gap_tells_reason_walks_and_place() -> None:
    rows: ROWS = [(50, 50, 1, 10), (60, 60, 4, 30), (70, 70, 3, 2), (80, 80, 1, 5)]
    level = LevelMembership(
        "township", ("A", "B"), ("甲", "乙"), (None, None), np.array([0, 1, 1, 0], np.int32)
    )
    straight = StraightLine(np.array([100.0, 200.0, 300.0, 400.0]), np.zeros(4, np.int32))
    found = find_gaps(
        demand(rows, [900.0, np.nan, np.nan, 1500.0]), PLANE, straight=straight, divisions=level
    )
    (gap,) = found.gaps
    assert gap.reason == "not_linked"
    assert (gap.division_code, gap.division_name) == ("B", "乙")
    assert gap.nearest_m == pytest.approx((10 * 900 + 5 * 1500) / 15)
    assert (gap.nearest_p50_m, gap.nearest_min_m) == (900.0, 900.0)
    assert gap.facility == 0
    assert gap.straight_m == pytest.approx((10 * 100 + 30 * 200 + 2 * 300 + 5 * 400) / 47)
    assert json.loads(json.dumps(gap.to_json(), allow_nan=False))["persons"] == 47


def test_a_gap_nobody_can_walk_out_of_has_no_distance() -> None:
    straight = StraightLine(np.array([np.inf]), np.array([-1], np.int32))
    (gap,) = find_gaps(demand([(0, 0, 3, 10)]), PLANE, straight=straight).gaps
    assert (gap.nearest_m, gap.nearest_min_m, gap.straight_m, gap.facility) == (None, None, None, -1)


def test_gaps_may_be_kept_from_crossing_a_border() -> None:
    rows: ROWS = [(50, 50, 1, 10), (150, 50, 1, 20), (250, 50, 1, 30)]
    level = LevelMembership("township", ("A", "B"), ("甲", "乙"), (None, None), np.array([0, 1, 1], np.int32))
    found = find_gaps(demand(rows), PLANE, divisions=level, split_by=level)
    assert [(gap.count, gap.division_code) for gap in found.gaps] == [(50, "B"), (10, "A")]
    one, other = (in_metres(gap.polygon) for gap in found.gaps)
    assert one.intersection(other).area == pytest.approx(0, abs=1)


def test_ties_go_to_the_south() -> None:
    found = gaps([(50, 5050, 1, 10), (50, 50, 1, 10)])
    assert in_metres(found.gaps[0].polygon).centroid.y == pytest.approx(50, abs=1)


@pytest.mark.parametrize(
    "rules", [{"cell_m": 50.0}, {"minimum_persons": 0}, {"margin_cells": -1}, {"least_uncovered_share": 1.5}]
)
def test_rules_that_break_privacy_or_sense_are_refused(rules: dict[str, float]) -> None:
    with pytest.raises(InputError):
        gaps([(0, 0, 1, 10)], **rules)


def test_bands_are_added_up_by_status() -> None:
    found = persons_by_status(
        [np.array([0, 1], np.uint8), np.array([1, 1], np.uint8)], [np.array([5, 6]), np.array([7, 8])]
    )
    assert found.tolist() == [[5, 7, 0, 0, 0], [0, 14, 0, 0, 0]]


def flooded(rows: ROWS, margin: int, share: float) -> list[int]:
    """Find the gaps' people by flooding cell after cell; all of them, however small."""
    people: dict[tuple[int, int], list[int]] = {}
    for x, y, status, n in rows:
        cell = people.setdefault((int(x // 100), int(y // 100)), [0, 0])
        cell[status != 0] += n
    core = {at for at, (covered, open_) in people.items() if open_ > 0 and open_ >= share * (covered + open_)}
    kept = {at for at, both in people.items() if sum(both) > 0} - core
    reach = range(-margin, margin + 1)
    area = {(x + dx, y + dy) for x, y in core for dx in reach for dy in reach} - kept
    found = []
    while area:
        stack, total = [area.pop()], 0
        while stack:
            x, y = stack.pop()
            total += people[(x, y)][1] if (x, y) in core else 0
            for beside in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
                if beside in area:
                    area.remove(beside)
                    stack.append(beside)
        if total:
            found.append(total)
    return sorted(found, reverse=True)


POINTS = st.lists(
    st.tuples(
        st.integers(-12, 12).map(lambda k: k * 100.0 + 50),
        st.integers(-8, 8).map(lambda k: k * 100.0 + 50),
        st.integers(0, 4),
        st.integers(0, 12),
    ),
    max_size=120,
)


@settings(max_examples=120, deadline=None)
@given(
    POINTS,
    st.integers(0, 2),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([1, 10]),
    st.sampled_from([1, 1_000_000]),
)
def test_gaps_agree_with_flooding_and_lose_nobody(
    rows: ROWS, margin: int, share: float, least: int, unit: int
) -> None:
    points = demand(rows, unit=unit)
    rules = GapRules(margin_cells=margin, least_uncovered_share=share, minimum_persons=least)
    found = find_gaps(points, PLANE, rules=rules)
    every = flooded(rows, margin, share)
    assert counts(found) == [n * unit for n in every if n >= least]
    assert sum(found.remainder.small) == sum(n for n in every if n < least) * unit
    assert found.count == sum(n for _, _, status, n in rows if status != 0) * unit
    assert [gap.rank for gap in found.gaps] == list(range(1, len(found.gaps) + 1))
    shapes = [in_metres(gap.polygon) for gap in found.gaps]
    for gap, shape in zip(found.gaps, shapes, strict=True):
        assert gap.polygon.geom_type == "Polygon"
        assert gap.polygon.is_valid
        assert gap.polygon.contains(shapely.Point(gap.lon, gap.lat))
        inside = [n for x, y, status, n in rows if status != 0 and shape.contains(shapely.Point(x, y))]
        assert sum(inside) * unit == gap.count
    if shapes:
        united = shapely.union_all(shapely.set_precision(shapes, 0.01))
        assert united.area == pytest.approx(sum(shape.area for shape in shapes), rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_of_the_points_does_not_matter(rows: ROWS, random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = gaps(rows), gaps(shuffled)
    assert [gap.to_json() for gap in one.gaps] == [gap.to_json() for gap in other.gaps]
    assert [gap.polygon.wkb for gap in one.gaps] == [gap.polygon.wkb for gap in other.gaps]


def test_majorities_are_the_same_by_table_and_by_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(8)
    row, column, weights = (random.integers(0, most, 3000) for most in (40, 25, 3))
    dense = gap_area.majority(row, column, weights, 45)
    monkeypatch.setattr(gap_area, "_DENSE_MOST", 0)
    assert np.array_equal(dense, gap_area.majority(row, column, weights, 45))
    sums = np.zeros((45, 25), np.int64)
    np.add.at(sums, (row, column), weights)
    assert np.array_equal(dense, np.where(sums.max(axis=1) > 0, sums.argmax(axis=1), -1))


@pytest.mark.parametrize("cell_m", [100.0, 250.0])
def test_cells_known_already_change_nothing(cell_m: float) -> None:
    points = demand([(x * 130.0, x * x * 7.0, x % 5, x % 3) for x in range(40)])
    rules = GapRules(cell_m=cell_m, minimum_persons=1)
    grid = gap_area.index_cells(points.x, points.y, 100.0)
    assert find_gaps(points, PLANE, rules=rules, grid=grid) == find_gaps(points, PLANE, rules=rules)
