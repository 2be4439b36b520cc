"""M07, demand gap: Σ P_i over uncovered i, with the reasons."""

from __future__ import annotations

from geo.indicators.facts import CoverageFacts
from geo.indicators.indicator import Figure, Indicator, limit_of


def _figure(facts: CoverageFacts) -> Figure:
    """Return the people not covered."""
    tally = facts.tally
    return Figure(
        facts.persons(tally.uncovered),
        None,
        None,
        "",
        limit_of(facts),
        (
            ("total", facts.persons(tally.total)),
            ("too_far", facts.persons(tally.too_far)),
            ("gate_closed", facts.persons(tally.gate_closed)),
            ("disconnected", facts.persons(tally.disconnected)),
            ("not_linked", facts.persons(tally.not_linked)),
        ),
    )


INDICATOR = Indicator("M07", "demand_gap", _figure)
