"""Edits as JSON and back, strictly: every problem of every edit is named at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Final, get_args

from geo.access.population import BANDS
from geo.errors import InputError, Problem
from geo.network.model import GateAccess
from geo.scenario.edit import (
    AddFacility,
    AddPopulation,
    AddStreet,
    ChangeFacility,
    CloseFacility,
    Edit,
    MoveFacility,
    ReopenFacility,
    SetGate,
)

_KINDS: Final[dict[str, type[Edit]]] = {
    "add_facility": AddFacility,
    "move_facility": MoveFacility,
    "close_facility": CloseFacility,
    "reopen_facility": ReopenFacility,
    "change_facility": ChangeFacility,
    "add_street": AddStreet,
    "set_gate": SetGate,
    "add_population": AddPopulation,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_OPTIONAL: Final = {"capacity", "hours", "is_bridge", "is_steps", "crossing_share", "foot", "oneway"}
_MAX_PERSONS: Final = 1_000_000
_MAX_VERTICES: Final = 10_000


def edit_to_json(edit: Edit) -> dict[str, object]:
    """Return an edit as plain JSON values.

    Parameters
    ----------
    edit : Edit
        The edit.

    Returns
    -------
    dict
        ``kind`` and every field that is not None; coordinates in EPSG:4490 degrees, longitude first.
    """
    result: dict[str, object] = {"kind": _NAMES[type(edit)]}
    for field in fields(edit):
        value = getattr(edit, field.name)
        if value is None:
            continue
        if field.name == "line":
            value = [[float(lon), float(lat)] for lon, lat in value]
        elif field.name == "persons":
            value = {band: int(count) for band, count in sorted(value)}
        elif field.name in ("lon", "lat", "crossing_share"):
            value = float(value)
        result[field.name] = value
    return result


def edit_schemas() -> list[dict[str, object]]:
    """Describe edits as JSON Schema, one entry a kind: what `edits_from_json` takes.

    Returns
    -------
    list of dict
        Schemas; which facilities and gates there are, and that hours belong to some values only, they do not say.
    """
    return [
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["kind", *(field.name for field in fields(kind) if field.name not in _OPTIONAL)],
            "properties": {"kind": {"const": name}, **{field.name: _SCHEMAS[field.name] for field in fields(kind)}},
        }
        for name, kind in _KINDS.items()
    ]


def edit_from_json(value: object) -> Edit:
    """Read one edit.

    Parameters
    ----------
    value : object
        What `edit_to_json` returns.

    Returns
    -------
    Edit
        The edit.

    Raises
    ------
    InputError
        Something is wrong; all problems are named.
    """
    return edits_from_json([value])[0]


def edits_from_json(values: object) -> tuple[Edit, ...]:
    """Read a list of edits.

    Parameters
    ----------
    values : object
        A list of what `edit_to_json` returns.

    Returns
    -------
    tuple of Edit
        The edits.

    Raises
    ------
    InputError
        Something is wrong; its problems name every edit (`row`, from 1) and every field.
    """
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise InputError("修改应为列表", f"edits must be a list; given: {type(values).__name__}")
    problems: list[Problem] = []
    edits = [_read(index, value, problems) for index, value in enumerate(values)]
    if problems:
        raise InputError(
            "；".join(f"第 {one.row} 项修改的 {one.field}：{one.message_zh}" for one in problems),
            "; ".join(f"edit {one.row}, {one.field}: {one.message_en}" for one in problems),
            problems,
        )
    return tuple(edit for edit in edits if edit is not None)


class _WrongError(Exception):
    """A value that a field does not take; what is allowed, in Chinese and English."""


def _read(index: int, value: object, problems: list[Problem]) -> Edit | None:
    """Read one edit, or note everything that is wrong with it."""
    begun = len(problems)

    def note(field: str, zh: str, en: str, given: str | None = None) -> None:
        problems.append(Problem("bad_edit", "refused", "edits", index + 1, field, given, zh, en))

    if not isinstance(value, Mapping):
        note("kind", "应为对象", f"must be an object; given: {type(value).__name__}")
        return None
    kind = _KINDS.get(value["kind"]) if isinstance(value.get("kind"), str) else None
    if kind is None:
        known = "、".join(_KINDS)
        word = str(value.get("kind"))[:80]
        note("kind", f"“{word}”未知，可用：{known}", f"unknown: {word}; allowed: {', '.join(_KINDS)}")
        return None
    names = [field.name for field in fields(kind)]
    for name in sorted(map(str, set(value) - {"kind", *names})):
        note(name, f"未知字段，可用：{'、'.join(names)}", f"unknown field; allowed: {', '.join(names)}")
    read: dict[str, object] = {}
    for name in names:
        given = value.get(name)
        if given is None:
            if name not in _OPTIONAL:
                note(name, "缺少此字段", "is missing")
            continue
        try:
            read[name] = _READERS[name](given)
        except _WrongError as wrong:
            zh, en = wrong.args
            shown = str(given) if len(str(given)) <= 80 else f"{str(given)[:80]}…"
            note(name, f"给出的是 {shown}，{zh}", f"given: {shown}; {en}", shown)
    if kind is SetGate and "access" in read and (read["access"] == "hours") != ("hours" in read) and not any(
        one.field == "hours" for one in problems[begun:]
    ):
        note("hours", "恰好在 access 为 hours 时给出", "allowed exactly where access is hours")
    if kind is ChangeFacility and "capacity" not in value and "hours" not in value:
        note("capacity", "capacity 与 hours 至少给出一个", "at least one of capacity and hours is needed")
    if len(problems) > begun:
        return None
    return kind(**read)  # type: ignore[arg-type]


def _text(value: object) -> str:
    """Read a text."""
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        raise _WrongError("应为 1 到 200 个字的文本", "allowed: text of 1 to 200 characters")
    return value


def _number(low: float, high: float) -> Callable[[object], float]:
    """Return a reader of numbers within bounds."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _WrongError(f"应为 {low:g} 到 {high:g} 的数", f"allowed: a number from {low:g} to {high:g}")
        if not low <= value <= high:
            raise _WrongError(f"应为 {low:g} 到 {high:g} 的数", f"allowed: a number from {low:g} to {high:g}")
        return float(value)

    return read


def _whole(value: object) -> int:
    """Read a count."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_PERSONS:
        raise _WrongError(f"应为 0 到 {_MAX_PERSONS} 的整数", f"allowed: a whole number from 0 to {_MAX_PERSONS}")
    return value


def _flag(value: object) -> bool:
    """Read a truth value."""
    if not isinstance(value, bool):
        raise _WrongError("应为 true 或 false", "allowed: true or false")
    return value


def _choice(*allowed: object) -> Callable[[object], object]:
    """Return a reader of one of some values."""

    def read(value: object) -> object:
        if isinstance(value, bool) or value not in allowed:
            raise _WrongError(
                f"可用：{'、'.join(map(str, allowed))}", f"allowed: {', '.join(map(str, allowed))}"
            )
        return value

    return read


_LON, _LAT = _number(-180.0, 180.0), _number(-90.0, 90.0)


def _line(value: object) -> tuple[tuple[float, float], ...]:
    """Read a line of at least two different vertices."""
    wrong = _WrongError(
        f"应为 2 到 {_MAX_VERTICES} 个 [经度, 纬度]，且不全相同",
        f"allowed: 2 to {_MAX_VERTICES} pairs [longitude, latitude], not all the same",
    )
    if not isinstance(value, list | tuple) or not 2 <= len(value) <= _MAX_VERTICES:
        raise wrong
    line = []
    for pair in value:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise wrong
        line.append((_LON(pair[0]), _LAT(pair[1])))
    if len(set(line)) < 2:
        raise wrong
    return tuple(line)


def _persons(value: object) -> tuple[tuple[str, int], ...]:
    """Read people by band."""
    if not isinstance(value, Mapping) or not value or not set(value) <= set(BANDS):
        raise _WrongError(f"应为对象，分组可用：{'、'.join(BANDS)}", f"allowed: an object of bands {', '.join(BANDS)}")
    return tuple(sorted((str(band), _whole(count)) for band, count in value.items()))


_READERS: Final[dict[str, Callable[[object], object]]] = {
    "type": _text,
    "id": _text,
    "lon": _LON,
    "lat": _LAT,
    "capacity": _whole,
    "hours": _text,
    "line": _line,
    "is_bridge": _flag,
    "is_steps": _flag,
    "crossing_share": _number(0.0, 1.0),
    "foot": _choice("public", "private"),
    "oneway": _choice(-1, 0, 1),
    "access": _choice(*get_args(GateAccess)),
    "persons": _persons,
}

_TEXT: Final[dict[str, object]] = {"type": "string", "minLength": 1, "maxLength": 200}
_COUNT: Final[dict[str, object]] = {"type": "integer", "minimum": 0, "maximum": _MAX_PERSONS}
_PAIR: Final[dict[str, object]] = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_SCHEMAS: Final[dict[str, dict[str, object]]] = {
    "type": _TEXT,
    "id": _TEXT,
    "lon": {"type": "number", "minimum": -180, "maximum": 180},
    "lat": {"type": "number", "minimum": -90, "maximum": 90},
    "capacity": _COUNT,
    "hours": _TEXT,
    "line": {"type": "array", "items": _PAIR, "minItems": 2, "maxItems": _MAX_VERTICES},
    "is_bridge": {"type": "boolean"},
    "is_steps": {"type": "boolean"},
    "crossing_share": {"type": "number", "minimum": 0, "maximum": 1},
    "foot": {"enum": ["public", "private"]},
    "oneway": {"enum": [-1, 0, 1]},
    "access": {"enum": list(get_args(GateAccess))},
    "persons": {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": dict.fromkeys(BANDS, _COUNT),
    },
}
