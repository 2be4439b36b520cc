"""The words messages about filters use for kinds of values and for what is allowed."""

from __future__ import annotations

from collections.abc import Mapping

from geo.store.cql2.nodes import Queryables

COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
FOLDS = ("casei", "accenti")
SPATIALS = (
    "s_intersects",
    "s_within",
    "s_contains",
    "s_disjoint",
    "s_touches",
    "s_crosses",
    "s_overlaps",
    "s_equals",
)
CONDITIONS = ("and", "or", "not", *COMPARISONS, "like", "between", "in", "isNull", *SPATIALS)

KINDS: Mapping[str, tuple[str, str]] = {
    "text": ("文本", "text"),
    "number": ("数值", "a number"),
    "bool": ("布尔值", "a boolean"),
    "date": ("日期", "a date"),
    "timestamp": ("时间戳", "a timestamp"),
    "geometry": ("几何", "a geometry"),
}

EXAMPLES: Mapping[str, str] = {
    "text": "'示范'",
    "number": "12.5",
    "bool": "TRUE",
    "date": "DATE('2024-05-01')",
    "timestamp": "TIMESTAMP('2024-05-01T08:00:00Z')",
    "geometry": "POINT(118.1 36.8)",
}


def list_names(queryables: Queryables) -> str:
    """List the properties a filter may name.

    Parameters
    ----------
    queryables : Mapping
        Queryables by name.

    Returns
    -------
    str
        Separated by commas.
    """
    return ", ".join(queryables)


def zh_of(kind: str) -> str:
    """Name a kind in Chinese.

    Parameters
    ----------
    kind : str
        Kind of value.

    Returns
    -------
    str
        The word.
    """
    return KINDS[kind][0]


def en_of(kind: str) -> str:
    """Name a kind in English.

    Parameters
    ----------
    kind : str
        Kind of value.

    Returns
    -------
    str
        The word, with its article.
    """
    return KINDS[kind][1]
