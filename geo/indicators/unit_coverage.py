"""M03, unit coverage: units with at least one compliant facility over all units of a dated set."""

from __future__ import annotations

import numpy as np

from geo.access.membership import LevelMembership
from geo.arrays import Bool
from geo.indicators.facts import CoverageFacts, UnitFacts
from geo.indicators.indicator import Figure, Indicator, no_data, quotient


def count_units(facilities: LevelMembership, is_compliant: Bool, *, on: str = "") -> UnitFacts:
    """Count the units of one level that have a compliant facility.

    Parameters
    ----------
    facilities : LevelMembership
        Division of each open facility at the level.
    is_compliant : array of bool, shape (n_facilities,)
        Whether the facility meets its standard; all True where compliance is not asked for.
    on : str
        Date of the unit set in ISO form, if known.

    Returns
    -------
    UnitFacts
        Counts with the name of the unit set.
    """
    rows = np.unique(facilities.index[is_compliant])
    covered = int(np.count_nonzero(rows < facilities.n_divisions))
    return UnitFacts(covered, facilities.n_divisions, f"{facilities.level} {on}".strip())


def _figure(facts: CoverageFacts) -> Figure:
    """Return units with a facility over all units."""
    if facts.units is None:
        return no_data("no_divisions")
    units = facts.units
    return quotient(units.n_covered, units.n_units, "no_divisions", ("unit_set", units.unit_set))


INDICATOR = Indicator("M03", "unit_coverage", _figure)
