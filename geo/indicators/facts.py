"""What an indicator is computed from, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from geo.access.population import persons_number
from geo.access.straight_line import GRID_DETOUR
from geo.access.tally import Tally

Quality = Literal["ok", "no_data"]


@dataclass(frozen=True, slots=True)
class LandFacts:
    """Residential land and how much of it lies within reach.

    Parameters
    ----------
    reached_m2, total_m2 : float
        Areas in square metres.
    """

    reached_m2: float
    total_m2: float


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """Administrative units and how many of them have a facility.

    Parameters
    ----------
    n_covered, n_units : int
        Units with at least one compliant facility, and all units.
    unit_set : str
        Which units: level and date, such as ``township 2025-12-31``.
    """

    n_covered: int
    n_units: int
    unit_set: str


@dataclass(frozen=True, slots=True)
class CoverageFacts:
    """One line of a coverage result with the parameters it was computed under.

    Parameters
    ----------
    tally : Tally
        People.
    limit_m, limit_min : float or None
        The limit of the run; exactly one is given.
    speed_mps : float or None
        Walking speed; None where bands of several speeds are added up.
    detour : float
        Detour factor κ for the straight-line equivalent.
    land : LandFacts or None
        None where there is no residential land.
    units : UnitFacts or None
        None where there are no divisions.
    """

    tally: Tally
    limit_m: float | None = None
    limit_min: float | None = None
    speed_mps: float | None = None
    detour: float = GRID_DETOUR
    land: LandFacts | None = None
    units: UnitFacts | None = None

    def persons(self, count: int | None) -> float | None:
        """Return a count in persons.

        Parameters
        ----------
        count : int or None
            In the tally's unit.

        Returns
        -------
        float or None
            Persons, unrounded.
        """
        return None if count is None else persons_number(count, self.tally.unit)


@dataclass(frozen=True, slots=True)
class IndicatorValue:
    """One indicator's value with everything needed to check it.

    Parameters
    ----------
    id, slug : str
        ``M01`` and its identifier; words, unit and formula stand in the catalogue under the slug.
    value : float or None
        Shares and differences of shares from 0 to 1, never in percent; None for no data, never 0 instead.
    numerator, denominator : float or None
        What was divided; None where the indicator is no quotient.
    quality : {"ok", "no_data"}
        Whether there is a value.
    reason : str
        Why there is none, as a stable word such as ``nobody``; empty otherwise.
    parameters : tuple of (str, float or str)
        Thresholds and settings by name.
    details : tuple of (str, float or None)
        Further figures by name.
    """

    id: str
    slug: str
    value: float | None
    numerator: float | None
    denominator: float | None
    quality: Quality
    reason: str
    parameters: tuple[tuple[str, float | str], ...]
    details: tuple[tuple[str, float | None], ...]

    def to_json(self) -> dict[str, object]:
        """Return plain JSON values.

        Returns
        -------
        dict
            The fields, with parameters and details as objects.
        """
        return {
            "id": self.id,
            "slug": self.slug,
            "value": self.value,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "quality": self.quality,
            "reason": self.reason,
            "parameters": dict(self.parameters),
            "details": dict(self.details),
        }
