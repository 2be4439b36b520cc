"""M06, overstatement of the straight-line buffer: the circle's coverage minus coverage on foot.

The value is the difference of the two shares. Beside it stand the people whom the circle wrongly calls
covered: a walk is never shorter than the straight line, so they are the difference itself, up to the rounding
of the projection.
"""

from __future__ import annotations

from geo.indicators.facts import CoverageFacts
from geo.indicators.indicator import Figure, Indicator, limit_of, no_data


def _figure(facts: CoverageFacts) -> Figure:
    """Return the difference of the two shares."""
    tally = facts.tally
    if tally.circle is None:
        return no_data("no_straight_line", *limit_of(facts))
    if tally.total == 0:
        return no_data("nobody", *limit_of(facts))
    details = (
        ("straight_line_persons", facts.persons(tally.circle)),
        ("covered_persons", facts.persons(tally.covered)),
        ("overstated_persons", facts.persons(tally.overstated)),
    )
    return Figure(
        (tally.circle - tally.covered) / tally.total,
        facts.persons(tally.circle - tally.covered),
        facts.persons(tally.total),
        "",
        limit_of(facts),
        details,
    )


INDICATOR = Indicator("M06", "buffer_overstatement", _figure)
