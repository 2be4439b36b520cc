"""M09, share with a choice: Σ P_i·[#{j: d_ij ≤ D} ≥ k] / Σ P_i with k = 2."""

from __future__ import annotations

from geo.indicators.facts import CoverageFacts
from geo.indicators.indicator import Figure, Indicator, limit_of, no_data, quotient


def _figure(facts: CoverageFacts) -> Figure:
    """Return people with two facilities in reach over everybody."""
    tally = facts.tally
    parameters = (*limit_of(facts), ("k", 2.0))
    if tally.two_choices is None:
        return no_data("choices_not_counted", *parameters)
    return quotient(facts.persons(tally.two_choices), facts.persons(tally.total), "nobody", *parameters)


INDICATOR = Indicator("M09", "choice_share", _figure)
