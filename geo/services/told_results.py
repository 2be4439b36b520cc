"""A run's results for those who may not know of a few people: no small gap, no village."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geo.access.membership import LEVELS
from geo.access.privacy import MINIMUM_PERSONS, told_gap
from geo.access.status import COVERED, STATUS_NAMES
from geo.access.zones import EXACT_LEVELS
from geo.services.reporting import run_results
from geo.store import Session

_REASONS = tuple(name for code, name in enumerate(STATUS_NAMES) if code != COVERED)
_WALKS = ("nearest_m", "nearest_p50_m", "straight_m")


def told_results(session: Session, run_id: str | None) -> dict[str, object]:
    """Return what analysts who may not see demand points may know of a run.

    Parameters
    ----------
    session : Session
        Any session.
    run_id : str or None
        Its id; None for the newest.

    Returns
    -------
    dict
        As `geo.services.reporting.run_results`, with the people of small gaps in the remainder and divisions from the
        township up.

    Raises
    ------
    NotFoundError
        There is no such run.
    """
    results = run_results(session, run_id)
    several = results.get("results")
    if isinstance(several, list):
        return {**results, "results": [_told(one) for one in several]}
    return _told(results)


def _told(result: Mapping[str, Any]) -> dict[str, object]:
    """Take small gaps and villages out of one type's results."""
    told = {**result, "gaps": [], "gaps_remainder": dict(result["gaps_remainder"])}
    if "divisions" in result:
        told["divisions"] = [row for row in result["divisions"] if row["level"] not in LEVELS[len(EXACT_LEVELS) :]]
    for gap in result["gaps"]:
        if gap["persons"] >= MINIMUM_PERSONS:
            told["gaps"].append(_told_gap(gap))
            continue
        remainder = told["gaps_remainder"]
        for name in ("persons", *_REASONS):
            remainder[name] += gap[name]
        remainder["small_areas"] += 1
        remainder["small_areas_persons"] += gap["persons"]
    return told


def _told_gap(gap: Mapping[str, Any]) -> dict[str, object]:
    """Leave out the shortest walk, which is one person's, and reasons of a few."""
    persons, reasons = told_gap(gap["persons"], {name: gap[name] for name in _REASONS})
    told = {**gap, "persons": persons, **reasons, "nearest_min_m": None}
    told |= {name: None if gap[name] is None else round(gap[name]) for name in _WALKS}
    return told if None not in reasons.values() else told | {"reason": None}
