"""Nobody counts twice, nobody is lost."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access.membership import Membership, assign_divisions
from geo.errors import InputError
from tests.access.made import SOUTH, WEST, WIDTH, divisions


def codes(membership: Membership, level: str) -> list[str]:
    """Return the code of every point at one level."""
    found = membership.level(level)
    assert found is not None
    return [found.code_of(int(row)) for row in found.index]


def at(points: list[tuple[float, float]], frame: gpd.GeoDataFrame) -> Membership:
    """Assign points given as shares of the made city's width."""
    xy = np.array(points, float).reshape(-1, 2)
    return assign_divisions(WEST + xy[:, 0] * WIDTH, SOUTH + xy[:, 1] * WIDTH, frame)


def test_a_point_is_found_at_every_level() -> None:
    found = at([(0.1, 0.8)], divisions())
    assert [codes(found, level) for level in ("county", "township", "village")] == [
        ["370300"],
        ["370301"],
        ["37030101"],
    ]
    assert [level.level for level in found.levels] == ["county", "township", "village"]


def test_a_border_point_goes_to_the_lowest_code() -> None:
    found = at([(0.5, 0.5), (0.5, 0.25), (0.25, 0.5)], divisions())
    assert codes(found, "township") == ["370300", "370300", "370300"]
    assert codes(found, "village") == ["37030011", "37030010", "37030001"]


def test_the_lowest_code_wins_in_whatever_order_the_file_has_them() -> None:
    frame = divisions()
    backwards = frame.iloc[::-1].reset_index(drop=True)
    points = [(i / 8, j / 8) for i in range(9) for j in range(9)]
    assert codes(at(points, frame), "village") == codes(at(points, backwards), "village")


def test_a_point_outside_everything_is_outside_at_every_level() -> None:
    found = at([(1.2, 0.5), (0.2, 0.2)], divisions())
    assert found.outside.tolist() == [True, False]
    assert codes(found, "county") == ["outside", "370300"]
    assert codes(found, "village") == ["outside", "37030000"]


def test_a_point_missing_at_one_level_is_unassigned_there_only() -> None:
    found = at([(0.9, 0.9)], divisions(hole=True))
    assert codes(found, "village") == ["unassigned"]
    assert codes(found, "township") == ["370311"]
    assert not found.outside[0]


def test_without_divisions_everybody_is_outside() -> None:
    found = at([(0.5, 0.5), (0.1, 0.1)], divisions().iloc[:0])
    assert found.levels == ()
    assert found.outside.all()
    assert found.n_groups == 1


def test_no_points_give_no_groups() -> None:
    found = at([], divisions())
    assert found.n_groups == 0
    assert all(level.index.size == 0 for level in found.levels)


def test_unknown_levels_and_double_codes_are_refused() -> None:
    frame = divisions()
    with pytest.raises(InputError, match="hamlet"):
        at([(0, 0)], frame.assign(level="hamlet"))
    with pytest.raises(InputError, match="given twice"):
        at([(0, 0)], frame.assign(code="1"))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 9), st.integers(-1, 9)), min_size=1, max_size=30), st.booleans())
def test_membership_agrees_with_point_by_point_search(points: list[tuple[int, int]], hole: bool) -> None:
    frame = divisions(hole=hole)
    shares = [(x / 8, y / 8) for x, y in points]
    found = at(shares, frame)
    for level in found.levels:
        rows = frame[frame["level"] == level.level].sort_values("code")
        for position, (x, y) in enumerate(shares):
            point = shapely.Point(WEST + x * WIDTH, SOUTH + y * WIDTH)
            touching = [
                code
                for code, shape in zip(rows["code"], rows.geometry, strict=True)
                if shape.intersects(point)
            ]
            anywhere = frame.intersects(point).any()
            expected = touching[0] if touching else "unassigned" if anywhere else "outside"
            assert level.code_of(int(level.index[position])) == expected


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_groups_carry_every_level_and_the_outside(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    found = at(
        list(zip(rng.uniform(-0.2, 1.2, n), rng.uniform(-0.2, 1.2, n), strict=True)), divisions(hole=True)
    )
    assert np.array_equal(found.group_outside[found.group], found.outside)
    for level, rows in zip(found.levels, found.group_rows, strict=True):
        assert np.array_equal(rows[found.group], level.index)
