"""M04, population coverage by walking time: Σ P_i·[min_j t_ij ≤ T] / Σ P_i, both access legs included."""

from __future__ import annotations

from geo.indicators.facts import CoverageFacts
from geo.indicators.indicator import Figure, Indicator, limit_of, no_data, quotient


def _figure(facts: CoverageFacts) -> Figure:
    """Return covered people over everybody for a run in minutes."""
    if facts.limit_min is None:
        return no_data("limit_in_metres", *limit_of(facts))
    tally = facts.tally
    return quotient(facts.persons(tally.covered), facts.persons(tally.total), "nobody", *limit_of(facts))


INDICATOR = Indicator("M04", "time_coverage", _figure)
