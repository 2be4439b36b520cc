"""What is wrong with a value that a body or a query may not hold, in words: pydantic says it in English only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi.routing import APIRoute
from pydantic import BaseModel

from geo.catalog.load import common_attributes, facility_types

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("必填", "required"),
    "extra_forbidden": ("未知的字段", "unknown field"),
    "greater_than": ("应大于 {gt}", "must be greater than {gt}"),
    "greater_than_equal": ("应不小于 {ge}", "must be at least {ge}"),
    "less_than": ("应小于 {lt}", "must be less than {lt}"),
    "less_than_equal": ("应不大于 {le}", "must be at most {le}"),
    "finite_number": ("应为有限的数", "must be a finite number"),
    "string_type": ("应为文本", "must be a text"),
    "string_too_long": ("不应超过 {max_length} 个字符", "must have at most {max_length} characters"),
    "string_too_short": ("至少 {min_length} 个字符", "must have at least {min_length} characters"),
    "string_pattern_mismatch": ("应符合格式 {pattern}", "must match {pattern}"),
    "too_long": ("不应超过 {max_length} 项", "must have at most {max_length} entries"),
    "too_short": ("至少 {min_length} 项", "must have at least {min_length} entries"),
    "list_type": ("应为列表", "must be a list"),
    "tuple_type": ("应为列表", "must be a list"),
    "dict_type": ("应为对象", "must be an object"),
    "model_type": ("应为对象", "must be an object"),
    "model_attributes_type": ("应为 JSON 对象（Content-Type: application/json）", "must be a JSON object, sent as one"),
    "json_invalid": ("不是有效的 JSON", "is no valid JSON"),
    "json_type": ("应为 JSON 文本", "must be JSON text"),
    "literal_error": ("应为 {expected} 之一", "must be one of {expected}"),
    "enum": ("应为 {expected} 之一", "must be one of {expected}"),
    "union_tag_invalid": ("{discriminator} 应为 {expected_tags} 之一", "{discriminator}: one of {expected_tags}"),
    "union_tag_not_found": ("缺少 {discriminator}", "{discriminator} is missing"),
}
_BY_KIND: Final[Mapping[str, tuple[str, str]]] = {
    "float": ("应为数", "must be a number"),
    "int": ("应为整数", "must be a whole number"),
    "bool": ("应为 true 或 false", "must be true or false"),
    "date": ("应为 YYYY-MM-DD 形式的日期", "must be a date as YYYY-MM-DD"),
    "datetime": ("应为 RFC 3339 时刻", "must be an RFC 3339 time"),
    "bytes": ("应为文本", "must be a text"),
}


def explain(error: Mapping[str, Any]) -> tuple[str, str]:
    """Say what is wrong with a value and what is allowed.

    Parameters
    ----------
    error : Mapping
        One error of pydantic's: ``type``, ``msg`` and perhaps ``ctx``.

    Returns
    -------
    tuple of str
        In Chinese and in English.
    """
    kind, message = str(error["type"]), str(error["msg"])
    if kind == "value_error":
        # Our own validators say it in both languages.
        zh, _, en = message.removeprefix("Value error, ").partition(" · ")
        return zh, en or zh
    zh, en = _TEXTS.get(kind) or _BY_KIND.get(kind.split("_")[0]) or ("格式不正确", message)
    facts = {name: _shown(value) for name, value in (error.get("ctx") or {}).items()}
    try:
        return zh.format(**facts), en.format(**facts)
    except KeyError:
        return "格式不正确", message


def allowed_beside(route: object, place: Sequence[object]) -> tuple[str, str]:
    """Say which fields there are where an unknown one was sent.

    Parameters
    ----------
    route : object
        The route that was asked.
    place : sequence
        Where the field stands, as pydantic says it: ``body`` or ``query``, then names.

    Returns
    -------
    tuple of str
        The end of a sentence in Chinese and in English; empty where it is not known.
    """
    model = _model_at(route, place)
    if model is None:
        return "", ""
    names = list(model.model_fields)
    zh, en = f"；可用：{'、'.join(names)}", f"; allowed: {', '.join(names)}"
    name = str(place[-1])
    if "attributes" in names and name in _attribute_names():
        zh += f"（{name} 是设施属性，请写在 attributes 中）"
        en += f" ({name} is an attribute: put it into attributes)"
    return zh, en


def _model_at(route: object, place: Sequence[object]) -> type[BaseModel] | None:
    """Find the model of a route whose field is at a place; none inside lists and objects of free form."""
    if not isinstance(route, APIRoute) or len(place) != 2:
        return None
    within = {"body": route.dependant.body_params, "query": route.dependant.query_params}.get(str(place[0]), [])
    for parameter in within:
        kind = parameter.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _attribute_names() -> frozenset[str]:
    """Return every attribute that some facility may have."""
    own = {item.name for kind in facility_types().values() for item in kind.attributes}
    return frozenset(own | {item.name for item in common_attributes()})


def _shown(value: object) -> object:
    """Write 15.0 as 15, and lists of words without quotes."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.replace("'", "").replace(" or ", "、") if isinstance(value, str) else value
