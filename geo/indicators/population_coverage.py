"""M01, population coverage by walking distance: Σ P_i·[min_j d_ij ≤ D] / Σ P_i.

D is the limit of a run in metres. A run in minutes has no such limit; beside it stands the statutory 1,000 m.
"""

from __future__ import annotations

from geo.indicators.facts import CoverageFacts
from geo.indicators.indicator import Figure, Indicator, distance_limit, quotient


def _figure(facts: CoverageFacts) -> Figure:
    """Return covered people over everybody."""
    tally = facts.tally
    covered = tally.statutory_walk if facts.limit_m is None else tally.covered
    return quotient(
        facts.persons(covered), facts.persons(tally.total), "nobody", ("limit_m", distance_limit(facts))
    )


INDICATOR = Indicator("M01", "population_coverage", _figure)
