"""Answers of scenarios as JSON values: totals, what changed, and the points that changed as plain columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from geo.access.population import persons_number
from geo.access.status import STATUS_NAMES
from geo.access.zones import EXACT_LEVELS
from geo.arrays import Bool, Float, Int, Int32
from geo.catalog.load import facility_type
from geo.network.hours import is_open as is_open_then
from geo.scenario import (
    AddFacility,
    AddPopulation,
    Answer,
    Comparison,
    MoveFacility,
    Scenario,
    Supplied,
    Table,
    TypeChange,
)
from geo.scenario.answer import supplied
from geo.services.scenario import Ground

Json = dict[str, object]


def answer_json(
    ground: Ground, answer: Answer, *, full: bool, points: Bool | None, district: str | None = None
) -> Json:
    """Write an answer.

    Parameters
    ----------
    ground : Ground
        The base.
    answer : Answer
        The answer.
    full : bool
        Totals of every division; otherwise of those that changed.
    points : array of bool, shape (n_points,), optional
        The demand points that whoever asks may see; all by default.
    district : str, optional
        Division code that whoever asks is limited to: elsewhere they are told of townships and wider.

    Returns
    -------
    dict
        JSON values and arrays.
    """
    changes = answer.comparison.changes
    return {
        "content_hash": answer.content_hash,
        "measure": ground.base.setting.question.limit.measure,
        "limit": ground.base.setting.question.limit.value,
        "types": [
            totals_json(one, None if full else change, district=district)
            for one, change in zip(answer.types, changes, strict=True)
        ],
        "change": comparison_json(ground, answer.comparison, points=points, district=district),
        "summary_zh": "；".join(_sentence(one, change)[0] for one, change in zip(answer.types, changes, strict=True)),
        "summary_en": "; ".join(_sentence(one, change)[1] for one, change in zip(answer.types, changes, strict=True)),
    }


def scenario_notes(scenario: Scenario) -> list[Json]:
    """Say which of the places that edits put down serve nobody, and why.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    list of dict
        ``code``, what it is about, and a message in Chinese and in English.
    """
    state, found = scenario.state, []
    stocks = {side.stock.slug: side.stock for side in state.sides}
    placed = {(edit.type, edit.id) for edit in scenario.edits if isinstance(edit, AddFacility | MoveFacility)}
    for slug, facility_id in sorted(placed):
        stock, kind = stocks[slug], facility_type(slug)
        row = stock.row(facility_id)
        about = {"type": slug, "id": facility_id}
        if not stock.is_kept[row]:
            continue
        if not stock.links.is_linked[row]:
            found.append(
                _note(
                    "not_linked", about,
                    f"{kind.title_zh}“{facility_id}”附近没有可步行的道路，不服务任何人；请移到路边，或先补画道路",
                    f"{kind.title_en} {facility_id} lies beside no street that can be walked and serves nobody; "
                    "move it to a street, or draw one first",
                )
            )  # fmt: skip
        elif not stock.is_open[row]:
            found.append(
                _note(
                    "closed_then", about,
                    f"{kind.title_zh}“{facility_id}”在所问的时刻不营业，未计入",
                    f"{kind.title_en} {facility_id} is not open at the moment that is asked about, and does not count",
                )
            )  # fmt: skip
    for edit in scenario.edits:
        said = getattr(edit, "hours", None)
        if said is not None and is_open_then(said, scenario.base.setting.question.at) is None:
            found.append(
                _note(
                    "hours_not_understood", {"id": getattr(edit, "id", None)},
                    f"时间“{said}”无法识别，按一直开放计；写法如 Mo-Fr 08:00-17:00",
                    f"the hours '{said}' are not understood and count as always open; written like Mo-Fr 08:00-17:00",
                )
            )  # fmt: skip
    compounds = [edit for edit in scenario.edits if isinstance(edit, AddPopulation)]
    first = state.people.n_points - len(compounds)
    for position, edit in enumerate(compounds):
        if not state.linked[first + position]:
            found.append(
                _note(
                    "compound_not_linked", {"id": edit.id},
                    f"新增小区“{edit.id}”附近没有可步行的道路，那里的人走不到任何设施；请移到路边，或先补画道路",
                    f"the added compound {edit.id} lies beside no street that can be walked: nobody there reaches "
                    "anything; move it to a street, or draw one first",
                )
            )  # fmt: skip
    return found


def _note(code: str, about: Mapping[str, object], zh: str, en: str) -> Json:
    """Write one note."""
    return {"code": code, **about, "message_zh": zh, "message_en": en}


def _sentence(one: Supplied, change: TypeChange) -> tuple[str, str]:
    """Say in a sentence what became of one type."""
    kind, shifts = facility_type(one.type), _whole(change.shifts)
    whole, before = one.totals.sums[0][0], change.difference.sums[0][0]
    everybody, was = int(whole.sum()), int(whole.sum() - before.sum())
    now = "–" if everybody == 0 else f"{int(whole[0]) / everybody:.1%}"
    then = "–" if was == 0 else f"{(int(whole[0]) - int(before[0])) / was:.1%}"
    names = ("gained", "lost", "nearer", "farther")
    gained, lost, nearer, farther = (f"{round(float(str(shifts[name]))):,}" for name in names)
    return (
        f"{kind.title_zh}：新增覆盖 {gained} 人，失去覆盖 {lost} 人，走得更近 {nearer} 人，走得更远 {farther} 人；"
        f"覆盖率 {then} → {now}",
        f"{kind.title_en}: {gained} people gained, {lost} lost, {nearer} with a shorter and {farther} with a longer "
        f"walk; coverage {then} → {now}",
    )


def scenario_totals(ground: Ground, scenario: Scenario, *, district: str | None = None) -> list[Json]:
    """Write the totals of a scenario, of every division.

    Parameters
    ----------
    ground : Ground
        The base.
    scenario : Scenario
        The scenario.
    district : str, optional
        Division code that whoever asks is limited to: elsewhere they are told of townships and wider.

    Returns
    -------
    list of dict
        One entry a type.
    """
    return [totals_json(supplied(scenario.state, side), None, district=district) for side in scenario.state.sides]


def totals_json(one: Supplied, change: TypeChange | None, *, district: str | None = None) -> Json:
    """Write one type's totals.

    Parameters
    ----------
    one : Supplied
        Facilities and totals.
    change : TypeChange or None
        What changed; None writes every division, otherwise only those that did.
    district : str, optional
        Division code that whoever asks is limited to: elsewhere they are told of townships and wider.

    Returns
    -------
    dict
        JSON values and arrays.
    """
    kind = facility_type(one.type)
    totals = one.totals
    whole = totals.sums[0][0]
    everybody = int(whole.sum())
    return {
        "type": one.type,
        "title_zh": kind.title_zh,
        "title_en": kind.title_en,
        "facilities": {
            "open": one.n_open,
            "linked": one.n_linked,
            "capacity": one.capacity,
            "capacity_unit": kind.capacity_unit,
            "without_capacity": one.n_without_capacity,
        },
        "persons": {
            **{name: persons_number(value, totals.unit) for name, value in zip(STATUS_NAMES, whole, strict=True)},
            "total": persons_number(everybody, totals.unit),
        },
        "coverage_ratio": None if everybody == 0 else int(whole[0]) / everybody,
        "columns": list(totals.columns),
        "divisions": [
            _rows(totals, position, _told(totals, position, change, district)) for position in range(len(totals.levels))
        ],
    }


def comparison_json(
    ground: Ground, comparison: Comparison, *, points: Bool | None, district: str | None = None
) -> Json:
    """Write what is different between two states.

    Parameters
    ----------
    ground : Ground
        The base of both.
    comparison : Comparison
        The difference.
    points : array of bool, shape (n_points,), optional
        The demand points that whoever asks may see; all by default.
    district : str, optional
        Division code that whoever asks is limited to: elsewhere they are told of townships and wider.

    Returns
    -------
    dict
        JSON values and arrays.
    """
    return {
        "types": [
            {
                "type": change.type,
                "difference": _whole(change.difference),
                "shifts": _whole(change.shifts),
                "columns": {"difference": list(change.difference.columns), "shifts": list(change.shifts.columns)},
                "divisions": [
                    _changed_rows(change, position, district) for position in range(len(change.difference.levels))
                ],
                "bands": [
                    _delta(ground, delta.band, delta.points, (delta.old_status, delta.new_status),
                           (delta.old_cost, delta.new_cost), points)
                    for delta in change.deltas
                ],
            }
            for change in comparison.changes
        ]
    }  # fmt: skip


def _delta(
    ground: Ground, band: str, rows: Int32, status: Sequence[object], cost: Sequence[Float], points: Bool | None
) -> Json:
    """Write the points of one band that changed; compounds that edits added have no key and stand behind."""
    n_base = ground.fids.size
    keep = np.ones(rows.size, np.bool_) if points is None else _allowed(rows, points)
    rows = rows[keep]
    in_base = rows < n_base
    fids = np.full(rows.size, -1, np.int64)
    fids[in_base] = ground.fids[rows[in_base]]
    old_status, new_status = (np.asarray(one)[keep] for one in status)
    old_cost, new_cost = (np.round(one[keep], 1) for one in cost)
    return {
        "band": band,
        "fids": fids,
        "compounds": rows[~in_base] - n_base,
        "old_status": old_status,
        "status": new_status,
        # Infinity is no JSON: nothing within reach is null.
        "old_cost": _finite(old_cost),
        "cost": _finite(new_cost),
    }


def _allowed(rows: Int32, points: Bool) -> Bool:
    """Tell which points may be seen; compounds that the scenario itself added may."""
    found: Bool = np.ones(rows.size, np.bool_)
    in_base = rows < points.size
    found[in_base] = points[rows[in_base]]
    return found


def _finite(values: Float) -> object:
    """Write numbers, and null for none."""
    if np.isfinite(values).all():
        return values
    return [None if not np.isfinite(value) else value for value in values.tolist()]


def _touched(change: TypeChange, position: int) -> Bool:
    """Tell which divisions of a level changed."""
    both = (change.difference.sums[position + 1], change.shifts.sums[position + 1])
    touched: Bool = np.any(both[0] != 0, axis=1) | np.any(both[1] != 0, axis=1)
    return touched


def _told(table: Table, position: int, change: TypeChange | None, district: str | None) -> Bool:
    """Tell which divisions of a level are written: those that changed, and of small ones those of one's district."""
    level, n_rows = table.levels[position], table.sums[position + 1].shape[0]
    told: Bool = np.ones(n_rows, np.bool_) if change is None else _touched(change, position)
    if district is None or level.level in EXACT_LEVELS:
        return told
    own: Bool = np.array([level.code_of(row).startswith(district) for row in range(n_rows)], np.bool_)
    return told & own


def _changed_rows(change: TypeChange, position: int, district: str | None) -> Json:
    """Write what is different in the divisions of a level, and who gained and who lost there."""
    told = _told(change.difference, position, change, district)
    shifts = _values(change.shifts.sums[position + 1][told], change.shifts.unit)
    return {**_rows(change.difference, position, told), "shifts": shifts}


def _rows(table: Table, position: int, told: Bool) -> Json:
    """Write rows of one level: codes and a matrix of people."""
    level, sums = table.levels[position], table.sums[position + 1]
    rows = np.flatnonzero(told)
    return {
        "level": level.level,
        "codes": [level.code_of(int(row)) for row in rows],
        "names": [level.names[row] if row < level.n_divisions else None for row in rows.tolist()],
        "persons": _values(sums[rows], table.unit),
    }


def _whole(table: Table) -> Json:
    """Write the sums of everybody."""
    return {name: persons_number(value, table.unit) for name, value in table.whole().items()}


def _values(sums: Int, unit: int) -> object:
    """Write a matrix of people."""
    return np.ascontiguousarray(sums) if unit == 1 else np.ascontiguousarray(sums / unit)
