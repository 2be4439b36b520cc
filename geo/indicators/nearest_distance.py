"""M08, walk to the nearest facility: Σ P_i·min_j d_ij / Σ P_i over those reached; p50, p90, max."""

from __future__ import annotations

from geo.indicators.facts import CoverageFacts
from geo.indicators.indicator import Figure, Indicator, no_data


def _figure(facts: CoverageFacts) -> Figure:
    """Return the person-weighted mean with its quantiles."""
    tally = facts.tally
    mean = tally.nearest_m.mean
    reached = facts.persons(tally.reached)
    if mean is None or reached is None:
        return no_data("nobody_reached")
    details = (
        ("p50_m", tally.nearest_m.p50),
        ("p90_m", tally.nearest_m.p90),
        ("max_m", tally.nearest_m.max),
        ("not_reached_persons", facts.persons(tally.total - tally.reached)),
    )
    return Figure(mean, mean * reached, reached, "", (), details)


INDICATOR = Indicator("M08", "nearest_distance", _figure)
