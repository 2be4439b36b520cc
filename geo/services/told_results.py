"""A run's results for those who may not know of a few people, or of other districts: no small gap, no village."""

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


def told_results(
    session: Session, run_id: str | None, *, sees_few: bool = False, district: str | None = None
) -> dict[str, object]:
    """Return what an analyst may know of a run.

    Parameters
    ----------
    session : Session
        Any session.
    run_id : str or None
        Its id; None for the newest.
    sees_few : bool
        Whether they may see demand points, and so small gaps and villages.
    district : str, optional
        Division code they are limited to: of other districts they are told townships and wider, and no gap.

    Returns
    -------
    dict
        As `geo.services.reporting.run_results`, with the people of small gaps in the remainder, and those of gaps
        elsewhere in ``gaps_elsewhere_persons``.

    Raises
    ------
    NotFoundError
        There is no such run.
    """
    results = run_results(session, run_id)
    if sees_few and district is None:
        return results
    several = results.get("results")
    if isinstance(several, list):
        return {**results, "results": [_told(one, sees_few, district) for one in several]}
    return _told(results, sees_few, district)


def _told(result: Mapping[str, Any], sees_few: bool, district: str | None) -> dict[str, object]:
    """Take small gaps, villages and what lies elsewhere out of one type's results."""

    def is_own(code: object) -> bool:
        return district is None or str(code).startswith(district)

    told = {**result, "gaps": [], "gaps_remainder": dict(result["gaps_remainder"])}
    if "divisions" in result:
        small = LEVELS[len(EXACT_LEVELS) :]
        told["divisions"] = [
            row for row in result["divisions"] if row["level"] not in small or (sees_few and is_own(row["code"]))
        ]
    elsewhere = 0
    for gap in result["gaps"]:
        if not is_own(gap["division_code"]):
            elsewhere += gap["persons"]
        elif sees_few:
            told["gaps"].append(gap)
        elif gap["persons"] >= MINIMUM_PERSONS:
            told["gaps"].append(_told_gap(gap))
        else:
            _add(told["gaps_remainder"], gap)
    return told if district is None else {**told, "gaps_elsewhere_persons": elsewhere}


def _add(remainder: dict[str, Any], gap: Mapping[str, Any]) -> None:
    """Count the people of a small gap with the remainder."""
    for name in ("persons", *_REASONS):
        remainder[name] += gap[name]
    remainder["small_areas"] += 1
    remainder["small_areas_persons"] += gap["persons"]


def _told_gap(gap: Mapping[str, Any]) -> dict[str, object]:
    """Leave out the shortest walk, which is one person's, and reasons of a few."""
    persons, reasons = told_gap(gap["persons"], {name: gap[name] for name in _REASONS})
    told = {**gap, "persons": persons, **reasons, "nearest_min_m": None}
    told |= {name: None if gap[name] is None else round(gap[name]) for name in _WALKS}
    return told if None not in reasons.values() else told | {"reason": None}
