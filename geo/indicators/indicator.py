"""The form of an indicator: a number, a slug and one function of the facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from geo.access.tally import STATUTORY_M
from geo.indicators.facts import CoverageFacts, IndicatorValue


@dataclass(frozen=True, slots=True)
class Figure:
    """What an indicator's function returns: a value, or why there is none.

    Parameters
    ----------
    value : float or None
        The value; None for no data.
    numerator, denominator : float or None
        What was divided.
    reason : str
        Why there is no value.
    parameters : tuple of (str, float or str)
        Thresholds and settings by name.
    details : tuple of (str, float or None)
        Further figures by name.
    """

    value: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    reason: str = ""
    parameters: tuple[tuple[str, float | str], ...] = ()
    details: tuple[tuple[str, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator.

    Parameters
    ----------
    id : str
        Number in the domain document, such as ``M01``.
    slug : str
        Identifier; the catalogue holds title, unit and formula under it.
    figure : callable
        The computation.
    """

    id: str
    slug: str
    figure: Callable[[CoverageFacts], Figure]

    def compute(self, facts: CoverageFacts) -> IndicatorValue:
        """Compute the indicator for one line of a result.

        Parameters
        ----------
        facts : CoverageFacts
            The line and its parameters.

        Returns
        -------
        IndicatorValue
            The value, or no data with its reason.
        """
        found = self.figure(facts)
        return IndicatorValue(
            id=self.id,
            slug=self.slug,
            value=found.value,
            numerator=found.numerator,
            denominator=found.denominator,
            quality="no_data" if found.value is None else "ok",
            reason=found.reason,
            parameters=found.parameters,
            details=found.details,
        )


def no_data(reason: str, *parameters: tuple[str, float | str]) -> Figure:
    """Return a figure without a value.

    Parameters
    ----------
    reason : str
        Stable word, such as ``nobody``.
    *parameters : tuple of (str, float or str)
        Thresholds and settings by name.

    Returns
    -------
    Figure
        No data.
    """
    return Figure(reason=reason, parameters=parameters)


def quotient(
    numerator: float | None,
    denominator: float | None,
    reason: str,
    *parameters: tuple[str, float | str],
) -> Figure:
    """Return a quotient, or no data where there is nothing to divide.

    Parameters
    ----------
    numerator, denominator : float or None
        What is divided.
    reason : str
        Stable word for the case that either is missing or the denominator is 0.
    *parameters : tuple of (str, float or str)
        Thresholds and settings by name.

    Returns
    -------
    Figure
        With numerator and denominator.
    """
    if numerator is None or not denominator:
        return Figure(None, numerator, denominator, reason, parameters)
    return Figure(numerator / denominator, numerator, denominator, "", parameters)


def limit_of(facts: CoverageFacts) -> tuple[tuple[str, float | str], ...]:
    """Return the run's limit and speed by name.

    Parameters
    ----------
    facts : CoverageFacts
        Facts of a run.

    Returns
    -------
    tuple of (str, float)
        ``limit_m`` or ``limit_min``, and ``speed_mps`` where there is one.
    """
    stated = (("limit_m", facts.limit_m), ("limit_min", facts.limit_min), ("speed_mps", facts.speed_mps))
    return tuple((name, value) for name, value in stated if value is not None)


def distance_limit(facts: CoverageFacts) -> float:
    """Return the distance that M01 is about: the run's, or the statutory one beside a limit in minutes.

    Parameters
    ----------
    facts : CoverageFacts
        Facts of a run.

    Returns
    -------
    float
        Metres.
    """
    return STATUTORY_M if facts.limit_m is None else facts.limit_m
