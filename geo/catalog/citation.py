"""Thresholds of facility types and packs: their limits are read from the clause they cite, never repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from geo.catalog.reader import Table
from geo.catalog.schema import (
    LEVELS,
    MEASURES,
    SEVERITIES,
    Attribute,
    Certainty,
    Clause,
    Measure,
    Severity,
    Standard,
    StandardValue,
    Threshold,
)


def parse_threshold(
    table: Table, type_slug: str, attributes: Mapping[str, Attribute], standards: Mapping[str, Standard]
) -> Threshold:
    """Parse one threshold; its limits come from the clause it cites.

    Parameters
    ----------
    table : Table
        The threshold.
    type_slug : str
        Facility type it belongs to.
    attributes : mapping of str to Attribute
        The type's attributes, common ones included.
    standards : mapping of str to Standard
        Standards, or a pack's documents, that may be cited.

    Returns
    -------
    Threshold
        The record.
    """
    measure = table.one_of("measure", MEASURES)
    attribute, per = table.optional_text("attribute"), table.optional_text("per")
    scale = table.number("scale")
    unit_level = table.optional_text("unit_level")
    severity = table.one_of("severity", SEVERITIES)
    limit = table.optional_text("limit")
    clause = table.text("clause")
    quantity, applies_to = table.text("quantity"), table.optional_text("applies_to")
    standard, value = _find_value(table, clause, quantity, applies_to, standards)
    when = table.table("when")
    when_attribute = when.text("attribute") if when is not None else None
    when_value = when.text("value") if when is not None else None
    if when is not None:
        when.finish()
    _check_measure(table, measure, attribute, per, unit_level)
    for name in (attribute, per, when_attribute):
        if name is not None and name not in attributes:
            table.report("", name, "未知属性", "unknown attribute")
    selector = attributes.get(when_attribute) if when_attribute is not None else None
    if selector is not None and all(choice.value != when_value for choice in selector.choices):
        table.report("when", when_value, "不是该属性的选项", "is no choice of that attribute")
    if limit not in (None, "minimum", "maximum"):
        table.report("limit", limit, "可用值：minimum、maximum", "must be minimum or maximum")
    certainty: Certainty = value.certainty if value is not None else "U"
    if value is not None and certainty == "U" and severity != "advise":
        table.report("severity", severity, "依据不确定，只能提示", "the value is unsure: advise only")
    if value is not None and severity == "block" and certainty != "V":
        table.report("severity", severity, "只有已核对的数值可以阻止", "only a verified value may block")
    citation = clause.partition("/")[2]
    threshold = Threshold(
        id=table.text("id"),
        type=type_slug,
        title_zh=table.text("title_zh"),
        title_en=table.text("title_en"),
        measure=cast(Measure, measure),
        attribute=attribute,
        per=per,
        scale=1.0 if scale is None else scale,
        unit_level=unit_level,
        when_attribute=when_attribute,
        when_value=when_value,
        minimum=value.minimum if value is not None and limit != "maximum" else None,
        maximum=value.maximum if value is not None and limit != "minimum" else None,
        unit=value.unit if value is not None else None,
        clause=clause,
        citation_zh=standard.citation(citation, "zh") if standard is not None else "",
        citation_en=standard.citation(citation, "en") if standard is not None else "",
        certainty=certainty,
        severity=cast(Severity, severity),
        valid_from=standard.valid_from if standard is not None else None,
        valid_to=standard.valid_to if standard is not None else None,
    )
    table.finish()
    return threshold


def _check_measure(table: Table, measure: str, attribute: str | None, per: str | None, unit_level: str | None) -> None:
    """Each measure needs its own keys and no others."""
    wants = {
        "attribute": measure in ("attribute", "ratio"),
        "per": measure == "ratio",
        "unit_level": measure in ("count_per_unit", "unit_share"),
    }
    for key, value in (("attribute", attribute), ("per", per), ("unit_level", unit_level)):
        if wants[key] != (value is not None):
            zh, en = ("必须给出", "is needed") if wants[key] else ("不适用", "does not apply")
            table.report(key, value, f"{measure} {zh}", f"{en} for {measure}")
    if unit_level is not None and unit_level not in LEVELS:
        allowed = ", ".join(LEVELS)
        table.report("unit_level", unit_level, f"可用值：{allowed}", f"must be one of {allowed}")


def find_clause(
    table: Table, key: str, citation: str, standards: Mapping[str, Standard]
) -> tuple[Standard, Clause] | None:
    """Find the clause a citation names; a dangling one is a problem.

    Parameters
    ----------
    table : Table
        The citing table.
    key : str
        The citing key.
    citation : str
        ``standard/clause``.
    standards : mapping of str to Standard
        What may be cited.

    Returns
    -------
    tuple of (Standard, Clause) or None
        Standard and clause, or None after a problem.
    """
    standard_id, _, clause_id = citation.partition("/")
    standard = standards.get(standard_id)
    clause = standard.clauses.get(clause_id) if standard is not None else None
    if standard is None or clause is None:
        table.report(key, citation, "引用的标准条款不存在（标准/条款）", "cites no existing clause (standard/clause)")
        return None
    return standard, clause


def _find_value(
    table: Table, citation: str, quantity: str, applies_to: str | None, standards: Mapping[str, Standard]
) -> tuple[Standard | None, StandardValue | None]:
    """The one value of the cited clause."""
    found = find_clause(table, "clause", citation, standards)
    if found is None:
        return None, None
    standard, clause = found
    values = [v for v in clause.values if v.quantity == quantity and v.applies_to == applies_to]
    if len(values) != 1:
        table.report(
            "quantity",
            quantity if applies_to is None else f"{quantity} ({applies_to})",
            f"条款 {citation} 中应恰有一个这样的数值，现有 {len(values)} 个",
            f"clause {citation} must hold exactly one such value, it holds {len(values)}",
        )
        return standard, None
    return standard, values[0]
