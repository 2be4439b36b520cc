"""M05, straight-line equivalent of a walking reach: D_E = D/κ."""

from __future__ import annotations

from geo.access.straight_line import reach_m, straight_equivalent_m
from geo.indicators.facts import CoverageFacts
from geo.indicators.indicator import Figure, Indicator, limit_of, no_data


def _figure(facts: CoverageFacts) -> Figure:
    """Return the radius of the circle that stands for the walk."""
    if facts.limit_m is None and facts.speed_mps is None:
        return no_data("several_speeds", *limit_of(facts), ("detour", facts.detour))
    walk = reach_m(metres=facts.limit_m, minutes=facts.limit_min, speed_mps=facts.speed_mps)
    radius = straight_equivalent_m(walk, facts.detour)
    return Figure(radius, walk, facts.detour, "", (*limit_of(facts), ("detour", facts.detour)))


INDICATOR = Indicator("M05", "straight_line_shortcut", _figure)
