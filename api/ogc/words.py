"""Values as people read them: codes in the words of the catalogue, a dash where there is nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from geo.catalog.load import common_attributes, facility_types, units
from geo.errors import Lang

_Words = Mapping[object, str]
NOTHING: Final = "—"
_FOOT: Final[_Words] = {"public": "公共", "private": "内部", "enclosed": "围合", "no": "禁行"}
_LEVELS: Final[_Words] = {
    "province": "省级",
    "prefecture": "地级",
    "county": "县级",
    "township": "乡级",
    "village": "村级",
}
_STREETS: Final[_Words] = {
    "motorway": "高速公路", "trunk": "快速路", "primary": "主干路", "secondary": "次干路", "tertiary": "支路",
    "unclassified": "一般道路", "residential": "居住区道路", "living_street": "生活街道", "service": "内部道路",
    "track": "机耕路", "pedestrian": "步行街", "footway": "步行道", "path": "小路", "steps": "台阶",
    "cycleway": "自行车道", "corridor": "室内通道", "road": "道路（未分类）",
}  # fmt: skip
_GATES: Final[_Words] = {"gate": "大门", "lift_gate": "道闸", "swing_gate": "平开门", "entrance": "出入口"}
_ACCESS: Final[_Words] = {"open": "开放", "residents": "仅限住户", "hours": "按时段开放", "closed": "关闭"}
_POPULATION: Final[_Words] = {"resident": "常住人口", "registered": "户籍人口", "unstated": "未说明"}
_REASONS: Final[_Words] = {
    "too_far": "超出标准", "gate_closed": "小区门关闭", "disconnected": "路网不连通", "not_linked": "未接入路网",
}  # fmt: skip
_DIRECTION: Final[_Words] = {0: "双向", 1: "沿画线方向", 2: "逆画线方向"}


def _keyed(pairs: Iterable[tuple[object, str]]) -> _Words:
    """Return words by value."""
    return dict(pairs)


@cache
def _words() -> Mapping[str, _Words]:
    """Return the words for the values of each column."""
    found: dict[str, _Words] = {
        "type": _keyed((slug, kind.title_zh) for slug, kind in facility_types().items()),
        "capacity_unit": _keyed((code, unit.title_zh) for code, unit in units().items()),
        "foot": _FOOT,
        "kind": {**_STREETS, **_GATES},
        "access": _ACCESS,
        "population": _POPULATION,
        "reason": _REASONS,
        "oneway_foot": _DIRECTION,
        "level": _LEVELS,
    }
    for attribute in common_attributes():
        if attribute.choices:
            found[attribute.name] = _keyed((choice.value, choice.title_zh) for choice in attribute.choices)
    return found


def titles_of(field: str, lang: Lang = "zh") -> _Words:
    """Return what the values of a column are called; whoever shows them elsewhere asks for the same words.

    Parameters
    ----------
    field : str
        The column.
    lang : {"zh", "en"}
        Language; codes that have no English word are left out.

    Returns
    -------
    Mapping
        Words by value; empty for a column of plain values.
    """
    words = _words().get(field, {})
    if lang == "zh":
        return words
    kinds = facility_types()
    return {slug: kinds[str(slug)].title_en for slug in words} if field == "type" else {}


def shown(field: str, value: object, lang: Lang = "zh") -> str:
    """Write a value for people.

    Parameters
    ----------
    field : str
        Its column.
    value : object
        Text, number, boolean, ISO date or None.
    lang : {"zh", "en"}
        Language; codes that have no English word stay as they are.

    Returns
    -------
    str
        Never empty.
    """
    if value is None or value == "":
        return NOTHING
    word = titles_of(field, lang).get(value)
    if word is not None:
        return word
    if isinstance(value, bool):
        return ("是" if value else "否") if lang == "zh" else ("yes" if value else "no")
    return f"{value:,.10g}" if isinstance(value, float) else str(value)
