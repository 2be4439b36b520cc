"""M10, overlap: mean number of facilities within the limit per covered person; flags duplication."""

from __future__ import annotations

from geo.indicators.facts import CoverageFacts
from geo.indicators.indicator import Figure, Indicator, limit_of, no_data, quotient


def _figure(facts: CoverageFacts) -> Figure:
    """Return people times facilities in reach over covered people."""
    tally = facts.tally
    if tally.choices is None:
        return no_data("choices_not_counted", *limit_of(facts))
    return quotient(
        facts.persons(tally.choices), facts.persons(tally.covered), "nobody_covered", *limit_of(facts)
    )


INDICATOR = Indicator("M10", "overlap", _figure)
