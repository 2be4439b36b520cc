"""Conditions on a layer's rows that do not come from a filter: what a served layer holds, and who may see it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, and_, false, func, or_
from sqlalchemy.orm import Session

from geo.errors import InputError
from geo.store.cql2.sql import intersects
from geo.store.features import division_shape
from geo.store.layer import Layer
from geo.store.rows import is_sqlite
from geo.workflow.district import significant_code

_ALLOWED = {
    "int": ("整数", "a whole number"),
    "real": ("数值", "a number"),
    "bool": ("true 或 false", "true or false"),
    "date": ("YYYY-MM-DD 形式的日期", "a date as YYYY-MM-DD"),
}
_WORDS = {"true": True, "1": True, "false": False, "0": False}


def equals(spec: Layer, name: str, value: str) -> ColumnElement[bool]:
    """Say that a column has a value written as text.

    Parameters
    ----------
    spec : Layer
        The layer.
    name : str
        One of its columns.
    value : str
        The value, as it stands in an address.

    Returns
    -------
    ColumnElement
        The condition, with the value bound.

    Raises
    ------
    InputError
        The value does not fit the column.
    """
    kind = spec.columns[name].kind
    wanted: object = value
    try:
        if kind == "int":
            wanted = int(value) if re.fullmatch(r"[+-]?\d{1,18}", value) else _unfit()
        elif kind == "real":
            wanted = float(value) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", value) else _unfit()
        elif kind == "bool":
            wanted = _WORDS[value.lower()]
        elif kind == "date":
            wanted = date.fromisoformat(value) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) else _unfit()
        elif "\x00" in value:
            _unfit()
    except (ValueError, KeyError) as error:
        zh, en = _ALLOWED.get(kind, ("文本", "a text"))
        raise InputError(
            f"参数 {name} 的值“{value}”有误，应为{zh}",
            f"parameter {name}: '{value}' does not fit; allowed is {en}",
            parameters=[name],
        ) from error
    return spec.table.c[name] == wanted


def _unfit() -> object:
    """Refuse a value."""
    raise ValueError


def one_of(spec: Layer, name: str, values: Sequence[str]) -> ColumnElement[bool]:
    """Say that a column has one of some values.

    Parameters
    ----------
    spec : Layer
        The layer.
    name : str
        One of its columns.
    values : sequence of str
        The values; with none of them no row fits.

    Returns
    -------
    ColumnElement
        The condition.
    """
    return spec.table.c[name].in_(list(values)) if values else false()


def either(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say that one of some conditions holds.

    Parameters
    ----------
    *conditions : ColumnElement
        At least one.

    Returns
    -------
    ColumnElement
        The condition.
    """
    return or_(*conditions)


def is_named(spec: Layer) -> ColumnElement[bool]:
    """Say that a row has a name.

    Parameters
    ----------
    spec : Layer
        A layer with a column ``name``.

    Returns
    -------
    ColumnElement
        The condition.
    """
    name = spec.table.c.name
    return and_(name.is_not(None), name != "")


def is_current(spec: Layer) -> ColumnElement[bool]:
    """Say that a row comes from the newest run of its facility type.

    Parameters
    ----------
    spec : Layer
        A layer with a column ``is_current``.

    Returns
    -------
    ColumnElement
        The condition.
    """
    return spec.table.c.is_current.is_(True)


def is_open(spec: Layer, on: date) -> ColumnElement[bool]:
    """Say that a facility is open on a day, as `geo.services.demand.is_open` judges it.

    Parameters
    ----------
    spec : Layer
        The facilities.
    on : datetime.date
        The day.

    Returns
    -------
    ColumnElement
        The condition.
    """
    rows = spec.table.c
    unstated = or_(rows.status.is_(None), rows.status == "")
    return and_(
        or_(rows.open_date.is_(None), rows.open_date <= on),
        or_(
            and_(rows.close_date.is_(None), or_(unstated, rows.status == "open")),
            and_(rows.close_date > on, or_(unstated, rows.status.in_(["open", "closed"]))),
        ),
    )


def name_holds(spec: Layer, words: str) -> ColumnElement[bool]:
    """Say that a row's name holds some words.

    Parameters
    ----------
    spec : Layer
        A layer with a column ``name``.
    words : str
        The words, taken as they are.

    Returns
    -------
    ColumnElement
        The condition; the case of Latin letters does not matter.
    """
    return func.lower(spec.table.c.name).contains(words.lower(), autoescape=True)


def said_in_division(spec: Layer, code: str) -> ColumnElement[bool]:
    """Say that a row's own code lies in an administrative division.

    For areas that Fangyu counted by division: their outlines may touch the neighbour's ground.

    Parameters
    ----------
    spec : Layer
        A layer with a column ``division_code``.
    code : str
        Division code.

    Returns
    -------
    ColumnElement
        The condition.
    """
    return spec.table.c.division_code.startswith(significant_code(code), autoescape=True)


def in_division(session: Session, spec: Layer, code: str) -> ColumnElement[bool]:
    """Say that a row lies, at least in part, in an administrative division as it is today.

    Parameters
    ----------
    session : Session
        Any session.
    spec : Layer
        The layer.
    code : str
        Division code; where there is no such division, nothing lies in it.

    Returns
    -------
    ColumnElement
        The condition.
    """
    ground = division_shape(session, code)
    if ground is None:
        return false()
    return intersects(spec.table.c.geom, ground, is_sqlite=is_sqlite(session))
