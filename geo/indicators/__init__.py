"""Indicators: one file each; a new one is a file and one line in `INDICATORS`."""

from __future__ import annotations

from typing import Final

from geo.indicators import (
    area_coverage,
    buffer_overstatement,
    choice_share,
    demand_gap,
    nearest_distance,
    overlap,
    population_coverage,
    straight_line_shortcut,
    time_coverage,
    unit_coverage,
)
from geo.indicators.facts import CoverageFacts, IndicatorValue, LandFacts, UnitFacts
from geo.indicators.indicator import Indicator

__all__ = [
    "INDICATORS",
    "CoverageFacts",
    "Indicator",
    "IndicatorValue",
    "LandFacts",
    "UnitFacts",
    "compute_indicators",
]

INDICATORS: Final[tuple[Indicator, ...]] = (
    population_coverage.INDICATOR,
    area_coverage.INDICATOR,
    unit_coverage.INDICATOR,
    time_coverage.INDICATOR,
    straight_line_shortcut.INDICATOR,
    buffer_overstatement.INDICATOR,
    demand_gap.INDICATOR,
    nearest_distance.INDICATOR,
    choice_share.INDICATOR,
    overlap.INDICATOR,
)


def compute_indicators(facts: CoverageFacts) -> tuple[IndicatorValue, ...]:
    """Compute every indicator for one line of a result.

    Parameters
    ----------
    facts : CoverageFacts
        The line and its parameters.

    Returns
    -------
    tuple of IndicatorValue
        In the order of `INDICATORS`; no data where the facts are missing.
    """
    return tuple(indicator.compute(facts) for indicator in INDICATORS)
