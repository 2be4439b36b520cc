"""The one coverage scale: three classes of covered, three of uncovered, split at the limit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class CoverageScale:
    """Class breaks of one limit, with words for the legend.

    Parameters
    ----------
    unit_zh : str
        ``分钟`` or ``米``.
    breaks : tuple of float
        Five upper bounds in seconds or metres; the third is the limit, the sixth class has none.
    labels : tuple of str
        Six labels, from the nearest class to the farthest.
    """

    unit_zh: str
    breaks: tuple[float, ...]
    labels: tuple[str, ...]


def coverage_scale(minutes: float | None, metres: float | None) -> CoverageScale:
    """Return the scale of a limit; for 15 minutes the classes end at 5, 10, 15, 20 and 30 minutes.

    Parameters
    ----------
    minutes, metres : float or None
        The limit, exactly one of them.

    Returns
    -------
    CoverageScale
        Its breaks are strictly increasing and contain the limit itself.

    Raises
    ------
    ValueError
        If both or none are given, or the limit is not positive.
    """
    limit = minutes if minutes is not None else metres
    if (minutes is None) == (metres is None) or limit is None or not limit > 0:
        raise ValueError(f"give one positive limit, got minutes={minutes}, metres={metres}")
    step = (1.0 if limit >= 5 else 0.1) if minutes is not None else (50.0 if limit >= 300 else 10.0)
    shown = [
        _round(limit / 3, step),
        _round(limit * 2 / 3, step),
        limit,
        _round(limit * 4 / 3, step),
        2 * limit,
    ]
    if not all(a < b for a, b in pairwise(shown)):
        shown = [limit / 3, limit * 2 / 3, limit, limit * 4 / 3, 2 * limit]
    factor = 60.0 if minutes is not None else 1.0
    texts = [f"{value:,.4g}" if value < 1000 else f"{value:,.0f}" for value in shown]
    labels = (*(f"≤{text}" for text in texts), f">{texts[-1]}")
    return CoverageScale("分钟" if minutes is not None else "米", tuple(v * factor for v in shown), labels)


def _round(value: float, step: float) -> float:
    """Round to the step, cleanly in decimals."""
    return round(round(value / step) * step, 6)
