"""A facility's attributes against its type: kinds and bounds decide, thresholds of standards only remark."""

from __future__ import annotations

import math
import numbers
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from geo.catalog.load import find_attribute, fold, units
from geo.catalog.schema import Attribute, AttributeValue, FacilityType, Threshold
from geo.errors import Problem

_TRUE = frozenset(fold(word) for word in ("是", "有", "true", "yes", "y", "t", "1", "√", "✓", "已", "具备"))
_FALSE = frozenset(fold(word) for word in ("否", "无", "没有", "false", "no", "n", "f", "0", "×", "✗", "未", "不具备"))
_BLANK = frozenset(("", "—", "-", "--", "/", "\\", "nan", "none", "null", "n/a", "nat", "暂无", "不详", "未知"))
_DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d", "%Y-%m-%d %H:%M:%S")
_MONTH_FORMATS = ("%Y-%m", "%Y/%m", "%Y.%m", "%Y年%m月")
_KIND_WORDS = {
    "number": ("数值", "a number"),
    "integer": ("整数", "a whole number"),
    "boolean": ("是或否", "yes or no"),
    "date": ("日期，如 2022-03-01", "a date such as 2022-03-01"),
}


@dataclass(frozen=True, slots=True)
class AttributeReport:
    """What became of a facility's attributes.

    Parameters
    ----------
    values : mapping of str to str, int, float or bool
        Normalised values by attribute name; blank and refused ones are left out, dates are ISO text, choices
        their stored value. Unknown attributes stay as they came.
    problems : tuple of Problem
        Refused values (wrong kind, out of bounds) and notes (unknown attribute, limit of a standard missed).
    """

    values: Mapping[str, AttributeValue]
    problems: tuple[Problem, ...]

    @property
    def is_refused(self) -> bool:
        """Whether at least one value was refused."""
        return any(problem.severity == "refused" for problem in self.problems)


def validate_attributes(
    facility_type: FacilityType,
    mapping: Mapping[str, object],
    *,
    thresholds: Sequence[Threshold] | None = None,
    file: str = "",
    row: int | None = None,
) -> AttributeReport:
    """Normalise a facility's attributes and report every problem at once.

    Parameters
    ----------
    facility_type : FacilityType
        The facility's type.
    mapping : mapping of str to object
        Values by attribute name, title or alias; columns every facility has may be among them.
    thresholds : sequence of Threshold or None
        Limits to remark on; None takes the type's national ones.
    file : str
        File name for the problems.
    row : int or None
        Row for the problems.

    Returns
    -------
    AttributeReport
        Normalised values and problems.
    """
    values: dict[str, AttributeValue] = {}
    problems: list[Problem] = []
    fields: dict[str, str] = {}
    for key, raw in mapping.items():
        attribute = find_attribute(key, facility_type)
        if _is_blank(raw, attribute):
            continue
        if attribute is None:
            values[key] = _plain(raw)
            known = ", ".join(known.name for known in facility_type.attributes) or "—"
            problems.append(
                Problem(
                    "unknown_attribute",
                    "note",
                    file,
                    row,
                    key,
                    str(raw),
                    f"{facility_type.title_zh}没有这个属性，原样保存；可用：{known}",
                    f"not an attribute of {facility_type.slug}, kept as it is; there are {known}",
                )
            )
            continue
        try:
            value = normalise(attribute, raw)
        except ValueError:
            zh, en = _allowed(attribute)
            problems.append(
                Problem(
                    "wrong_kind",
                    "refused",
                    file,
                    row,
                    key,
                    str(raw),
                    f"{attribute.title_zh}应为{zh}",
                    f"{attribute.title_en} must be {en}",
                )
            )
            continue
        bound = _out_of_bounds(attribute, value)
        if bound is not None:
            problems.append(Problem("out_of_range", "refused", file, row, key, str(raw), *bound))
            continue
        values[attribute.name] = value
        fields[attribute.name] = key
    limits = facility_type.thresholds if thresholds is None else thresholds
    for limit in limits:
        missed = check_threshold(facility_type, limit, values)
        if missed is not None:
            field = fields.get(limit.attribute or "", limit.attribute)
            shown = f"{missed.value:g}"
            problems.append(Problem(missed.code, "note", file, row, field, shown, missed.message_zh, missed.message_en))
    return AttributeReport(values, tuple(problems))


@dataclass(frozen=True, slots=True)
class Missed:
    """A limit that a facility misses.

    Parameters
    ----------
    code : str
        ``below_threshold`` or ``above_threshold``.
    threshold : Threshold
        The limit.
    value : float
        The facility's value, in the limit's unit.
    margin : float
        How far the value lies outside, positive, in the limit's unit.
    message_zh, message_en : str
        Value, limit, margin and source in words.
    """

    code: str
    threshold: Threshold
    value: float
    margin: float
    message_zh: str
    message_en: str


def check_threshold(
    facility_type: FacilityType, limit: Threshold, values: Mapping[str, AttributeValue]
) -> Missed | None:
    """Compare one facility with one limit on its attributes.

    Parameters
    ----------
    facility_type : FacilityType
        The facility's type.
    limit : Threshold
        The limit; distances, counts and shares are no business of a single facility and pass.
    values : mapping of str to str, int, float or bool
        Normalised values; ``capacity`` stands in for the type's capacity attribute.

    Returns
    -------
    Missed or None
        None if the limit is kept, does not apply, or a value it needs is not known.
    """
    if limit.measure not in ("attribute", "ratio") or limit.attribute is None:
        return None
    if limit.when_attribute is not None and values.get(limit.when_attribute) != limit.when_value:
        return None
    value = _quantity(facility_type, limit.attribute, values)
    if limit.per is not None and value is not None:
        divisor = _quantity(facility_type, limit.per, values)
        value = None if not divisor else value / divisor * limit.scale
    if value is None:
        return None
    if limit.minimum is not None and value < limit.minimum:
        return _missed("below_threshold", limit, value, limit.minimum)
    if limit.maximum is not None and value > limit.maximum:
        return _missed("above_threshold", limit, value, limit.maximum)
    return None


def _missed(code: str, limit: Threshold, value: float, bound: float) -> Missed:
    """The words for a missed limit."""
    unit = units()[limit.unit] if limit.unit is not None else None
    unit_zh, unit_en = (f" {unit.title_zh}", f" {unit.title_en}") if unit is not None else ("", "")
    margin = abs(value - bound)
    is_below = code == "below_threshold"
    doubt_zh, doubt_en = ("", "") if limit.certainty in ("V", "D") else ("（待核）", " (unverified)")
    zh = (
        f"{limit.title_zh} {value:g}{unit_zh}，{'低于下限' if is_below else '高于上限'} {bound:g}{unit_zh}，"
        f"差 {margin:g}；依据：{limit.citation_zh}{doubt_zh}"
    )
    en = (
        f"{limit.title_en} is {value:g}{unit_en}, {'below the minimum' if is_below else 'above the maximum'} "
        f"{bound:g}{unit_en} by {margin:g}; source: {limit.citation_en}{doubt_en}"
    )
    return Missed(code, limit, value, margin, zh, en)


def _quantity(facility_type: FacilityType, name: str, values: Mapping[str, AttributeValue]) -> float | None:
    """A numeric attribute; the general capacity stands in for the type's capacity attribute."""
    value = values.get(name)
    if value is None and name == facility_type.capacity_attribute:
        value = values.get("capacity")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def normalise(attribute: Attribute, raw: object) -> AttributeValue:
    """Return a value in the attribute's kind.

    Parameters
    ----------
    attribute : Attribute
        The attribute.
    raw : object
        A value as a file gives it: text in any width, number, date; not blank.

    Returns
    -------
    str, int, float or bool
        The value; dates as ISO text, choices as their stored value.

    Raises
    ------
    ValueError
        If the value is not of the kind.
    """
    if attribute.kind in ("number", "integer"):
        number = _number(raw, attribute)
        if attribute.kind == "number":
            return number
        if number != int(number):
            raise ValueError(raw)
        return int(number)
    if attribute.kind == "boolean":
        return _boolean(raw)
    if attribute.kind == "date":
        return _day(raw).isoformat()
    if attribute.kind == "choice":
        return _chosen(attribute, raw)
    return _text(raw)


def _text(raw: object) -> str:
    """Text without surrounding space; whole numbers lose the spreadsheet's ".0"."""
    if isinstance(raw, numbers.Real) and float(raw).is_integer():
        return str(int(float(raw)))
    return raw.isoformat() if isinstance(raw, date) else str(raw).strip()


def _number(raw: object, attribute: Attribute) -> float:
    """A finite number; text may carry thousands separators and the attribute's unit."""
    if isinstance(raw, bool) or not isinstance(raw, numbers.Real | str):
        raise ValueError(raw)
    if isinstance(raw, str):
        text = unicodedata.normalize("NFKC", raw).strip().replace(",", "").replace(" ", "")
        unit = units().get(attribute.unit) if attribute.unit is not None else None
        written = unit.written if unit is not None else ()
        for suffix in sorted((unicodedata.normalize("NFKC", word) for word in written), key=len, reverse=True):
            if text.casefold().endswith(suffix.casefold()) and len(text) > len(suffix):
                text = text[: -len(suffix)]
                break
        number = float(text.replace("_", "x"))
    else:
        number = float(raw)
    if not math.isfinite(number):
        raise ValueError(raw)
    return number


def _boolean(raw: object) -> bool:
    """Yes or no."""
    if isinstance(raw, bool):
        return raw
    text = fold(_text(raw))
    if text not in _TRUE | _FALSE:
        raise ValueError(raw)
    return text in _TRUE


def _day(raw: object) -> date:
    """A day; a month alone means its first day."""
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    text = unicodedata.normalize("NFKC", _text(raw)).replace("T", " ")
    for form in (*_DATE_FORMATS, *_MONTH_FORMATS):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    raise ValueError(raw)


def _chosen(attribute: Attribute, raw: object) -> str:
    """The stored value of a choice."""
    value = _choices(attribute).get(fold(_text(raw)))
    if value is None:
        raise ValueError(raw)
    return value


@cache
def _choices(attribute: Attribute) -> Mapping[str, str]:
    """Stored values by every folded spelling."""
    return {
        fold(spelling): choice.value
        for choice in attribute.choices
        for spelling in (choice.value, choice.title_zh, choice.title_en, *choice.aliases)
    }


def _allowed(attribute: Attribute) -> tuple[str, str]:
    """What an attribute accepts, in words."""
    if attribute.kind == "choice":
        return (
            "之一：" + "、".join(choice.title_zh for choice in attribute.choices),
            "one of " + ", ".join(choice.value for choice in attribute.choices),
        )
    return _KIND_WORDS.get(attribute.kind, ("文本", "a text"))


def _out_of_bounds(attribute: Attribute, value: AttributeValue) -> tuple[str, str] | None:
    """The messages for a number outside the attribute's physical bounds."""
    if isinstance(value, bool | str):
        return None
    if attribute.minimum is not None and value < attribute.minimum:
        bound = f"{attribute.minimum:g}"
        return (f"{attribute.title_zh}不得小于 {bound}", f"{attribute.title_en} must be at least {bound}")
    if attribute.maximum is not None and value > attribute.maximum:
        bound = f"{attribute.maximum:g}"
        return (f"{attribute.title_zh}不得大于 {bound}", f"{attribute.title_en} must be at most {bound}")
    return None


def _is_blank(raw: object, attribute: Attribute | None) -> bool:
    """Whether a cell says nothing; a word that is one of the attribute's choices says something."""
    if raw is None or (isinstance(raw, float) and math.isnan(raw)):
        return True
    if not isinstance(raw, str) or raw.strip().casefold() not in _BLANK:
        return type(raw).__name__ in ("NaTType", "NAType")
    return attribute is None or all(fold(raw) != fold(choice.value) for choice in attribute.choices)


def _plain(raw: object) -> AttributeValue:
    """An unknown attribute's value, storable as JSON."""
    if isinstance(raw, bool | str):
        return raw
    if isinstance(raw, numbers.Integral):
        return int(raw)
    return float(raw) if isinstance(raw, numbers.Real) and math.isfinite(raw) else str(raw)
