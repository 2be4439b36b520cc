"""One scale, split at the limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.report.scale import coverage_scale


def test_fifteen_minutes_have_the_classes_of_the_design() -> None:
    scale = coverage_scale(15, None)
    assert scale.breaks == (300, 600, 900, 1200, 1800)
    assert scale.labels == ("≤5", "≤10", "≤15", "≤20", "≤30", ">30")
    assert scale.unit_zh == "分钟"


def test_a_limit_in_metres_has_round_classes() -> None:
    assert coverage_scale(None, 500).breaks == (150, 350, 500, 650, 1000)
    assert coverage_scale(None, 1000).labels == ("≤350", "≤650", "≤1,000", "≤1,350", "≤2,000", ">2,000")


@given(st.floats(0.1, 120), st.booleans())
def test_classes_grow_and_the_third_ends_at_the_limit(limit: float, is_time: bool) -> None:
    scale = coverage_scale(limit, None) if is_time else coverage_scale(None, limit * 50)
    assert all(a < b for a, b in zip(scale.breaks, scale.breaks[1:], strict=False))
    assert scale.breaks[2] == pytest.approx(limit * (60 if is_time else 50))


@pytest.mark.parametrize(("minutes", "metres"), [(None, None), (15, 500), (0, None), (None, float("nan"))])
def test_anything_but_one_positive_limit_is_refused(minutes: float | None, metres: float | None) -> None:
    with pytest.raises(ValueError, match="one positive limit"):
        coverage_scale(minutes, metres)
