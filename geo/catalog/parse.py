"""From strict TOML tables to the records of `geo.catalog.schema`, with every cross-reference checked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

from geo.catalog.citation import find_clause, parse_threshold
from geo.catalog.reader import Table
from geo.catalog.schema import (
    ATTRIBUTE_KINDS,
    CERTAINTIES,
    LEVELS,
    TIERS,
    Attribute,
    AttributeKind,
    Certainty,
    Choice,
    Clause,
    FacilityType,
    Family,
    Indicator,
    Pack,
    Standard,
    StandardValue,
    Threshold,
    Unit,
)


def parse_units(top: Table) -> dict[str, Unit]:
    """Parse units.toml.

    Parameters
    ----------
    top : Table
        The file.

    Returns
    -------
    dict of str to Unit
        Units by code.
    """
    units = {}
    for code, table in top.subtables():
        units[code] = Unit(code, table.text("title_zh"), table.text("title_en"), table.texts("written"))
        table.finish()
    return units


def parse_families(top: Table) -> dict[str, Family]:
    """Parse families.toml.

    Parameters
    ----------
    top : Table
        The file.

    Returns
    -------
    dict of str to Family
        Families by slug.
    """
    families = {}
    for slug, table in top.subtables():
        families[slug] = Family(
            slug, table.text("prefix"), table.text("title_zh"), table.text("title_en"), table.text("glyph")
        )
        table.finish()
    return families


def parse_indicators(top: Table, units: Mapping[str, Unit]) -> dict[str, Indicator]:
    """Parse indicators.toml.

    Parameters
    ----------
    top : Table
        The file.
    units : mapping of str to Unit
        Known units.

    Returns
    -------
    dict of str to Indicator
        Indicators by slug.
    """
    found = {}
    for table in top.tables("indicators"):
        indicator = Indicator(
            id=table.text("id"),
            slug=table.text("slug"),
            title_zh=table.text("title_zh"),
            title_en=table.text("title_en"),
            unit=table.one_of("unit", units),
            formula=table.text("formula"),
            threshold_zh=table.text("threshold_zh"),
            threshold_en=table.text("threshold_en"),
        )
        table.finish()
        if indicator.slug in found:
            table.report("slug", indicator.slug, "重复", "is repeated")
        found[indicator.slug] = indicator
    top.finish()
    return found


def parse_terms(top: Table) -> dict[str, str]:
    """Parse terms.toml.

    Parameters
    ----------
    top : Table
        The file.

    Returns
    -------
    dict of str to str
        Identifier by Chinese word.
    """
    terms: dict[str, str] = {}
    for _, table in top.subtables():
        words = table.keys()
        for word in words:
            identifier = table.text(word)
            if word in terms:
                table.report(word, identifier, "词条重复", "the word is repeated")
            terms[word] = identifier
    return terms


def parse_attributes(top: Table, units: Mapping[str, Unit], *, is_column: bool) -> tuple[Attribute, ...]:
    """Parse the ``attributes`` of a file.

    Parameters
    ----------
    top : Table
        The file.
    units : mapping of str to Unit
        Known units.
    is_column : bool
        Whether these attributes are columns of the facilities table.

    Returns
    -------
    tuple of Attribute
        The attributes, in file order.
    """
    attributes: list[Attribute] = []
    for table in top.tables("attributes"):
        kind = table.one_of("kind", ATTRIBUTE_KINDS)
        unit = table.optional_text("unit")
        if unit is not None and unit not in units:
            table.report("unit", unit, "未知单位", "unknown unit")
        choices = tuple(_choice(item) for item in table.tables("choices"))
        if (kind == "choice") != bool(choices):
            table.report("choices", None, "choice 类型须有选项，其他类型不得有", "choices belong to kind choice only")
        attribute = Attribute(
            name=table.text("name"),
            title_zh=table.text("title_zh"),
            title_en=table.text("title_en"),
            kind=cast(AttributeKind, kind),
            unit=unit,
            choices=choices,
            aliases=table.texts("aliases"),
            minimum=table.number("minimum"),
            maximum=table.number("maximum"),
            is_column=is_column,
        )
        table.finish()
        if any(attribute.name == other.name for other in attributes):
            table.report("name", attribute.name, "属性重复", "the attribute is repeated")
        attributes.append(attribute)
    return tuple(attributes)


def _choice(table: Table) -> Choice:
    """One allowed value."""
    choice = Choice(table.text("value"), table.text("title_zh"), table.text("title_en"), table.texts("aliases"))
    table.finish()
    return choice


def parse_standard(table: Table, standard_id: str, units: Mapping[str, Unit]) -> Standard:
    """Parse a standard, or a document of a pack.

    Parameters
    ----------
    table : Table
        The file or the document's table.
    standard_id : str
        Its identifier.
    units : mapping of str to Unit
        Known units.

    Returns
    -------
    Standard
        The record.
    """
    clauses: dict[str, Clause] = {}
    for item in table.tables("clauses"):
        clause = _clause(item, units)
        if clause.id in clauses:
            item.report("id", clause.id, "条款重复", "the clause is repeated")
        clauses[clause.id] = clause
    standard = Standard(
        id=standard_id,
        number=table.optional_text("number"),
        title_zh=table.text("title_zh"),
        title_en=table.text("title_en"),
        kind=table.text("kind"),
        valid_from=table.day("valid_from"),
        valid_to=table.day("valid_to"),
        clauses=MappingProxyType(clauses),
        note_zh=table.optional_text("note_zh"),
        note_en=table.optional_text("note_en"),
    )
    table.finish()
    return standard


def _clause(table: Table, units: Mapping[str, Unit]) -> Clause:
    """One clause with its values."""
    certainty = cast(Certainty, table.one_of("certainty", CERTAINTIES))
    values = []
    for item in table.tables("values"):
        own = item.optional_text("certainty")
        if own is not None and own not in CERTAINTIES:
            item.report("certainty", own, "可用值：V、K、U、D", "must be one of V, K, U, D")
        value = StandardValue(
            quantity=item.text("quantity"),
            minimum=item.number("minimum"),
            maximum=item.number("maximum"),
            unit=item.optional_text("unit"),
            applies_to=item.optional_text("applies_to"),
            certainty=cast(Certainty, own) if own is not None else certainty,
        )
        item.finish()
        if value.minimum is None and value.maximum is None:
            item.report("", value.quantity, "须有下限或上限", "needs a minimum or a maximum")
        if value.unit is not None and value.unit not in units:
            item.report("unit", value.unit, "未知单位", "unknown unit")
        values.append(value)
    clause = Clause(
        id=table.text("id"),
        article=table.optional_text("article"),
        title_zh=table.text("title_zh"),
        title_en=table.text("title_en"),
        certainty=certainty,
        values=tuple(values),
        note_zh=table.optional_text("note_zh"),
        note_en=table.optional_text("note_en"),
    )
    table.finish()
    return clause


def parse_facility_type(
    top: Table,
    slug: str,
    *,
    units: Mapping[str, Unit],
    families: Mapping[str, Family],
    common: tuple[Attribute, ...],
    standards: Mapping[str, Standard],
) -> FacilityType:
    """Parse one file of facility_types.

    Parameters
    ----------
    top : Table
        The file.
    slug : str
        File name without its ending.
    units, families : mapping
        Known units and families.
    common : tuple of Attribute
        Attributes every facility has.
    standards : mapping of str to Standard
        National standards.

    Returns
    -------
    FacilityType
        The record.
    """
    code = top.text("code")
    family = top.one_of("family", families)
    if family and not code.startswith(families[family].prefix):
        prefix = families[family].prefix
        top.report("code", code, f"应以 {prefix} 开头", f"must start with {prefix}")
    attributes = parse_attributes(top, units, is_column=False)
    names = {attribute.name: attribute for attribute in (*common, *attributes)}
    for attribute in attributes:
        if any(attribute.name == other.name for other in common):
            top.report("attributes", attribute.name, "与公共属性重名", "is the name of a common attribute")
    capacity_attribute = top.optional_text("capacity_attribute")
    if capacity_attribute is not None and capacity_attribute not in names:
        top.report("capacity_attribute", capacity_attribute, "未知属性", "unknown attribute")
    sources = top.texts("sources", required=True)
    for source in sources:
        find_clause(top, "sources", source, standards)
    facility_type = FacilityType(
        slug=slug,
        code=code,
        title_zh=top.text("title_zh"),
        title_en=top.text("title_en"),
        family=family,
        glyph=families[family].glyph if family else "",
        tier=top.one_of("tier", TIERS),
        capacity_unit=top.one_of("capacity_unit", units),
        capacity_attribute=capacity_attribute,
        aliases_zh=top.texts("aliases_zh"),
        aliases_en=top.texts("aliases_en"),
        sources=sources,
        attributes=attributes,
        thresholds=tuple(parse_threshold(item, slug, names, standards) for item in top.tables("thresholds")),
    )
    top.finish()
    return facility_type


def parse_pack(
    top: Table,
    pack_id: str,
    *,
    units: Mapping[str, Unit],
    types: Mapping[str, FacilityType],
    common: tuple[Attribute, ...],
) -> Pack:
    """Parse the rules of one province or city.

    Parameters
    ----------
    top : Table
        The file.
    pack_id : str
        File name without its ending.
    units : mapping of str to Unit
        Known units.
    types : mapping of str to FacilityType
        Facility types.
    common : tuple of Attribute
        Attributes every facility has.

    Returns
    -------
    Pack
        The record.
    """
    code = top.text("code")
    if code and not (code.isascii() and code.isdigit() and len(code) in (2, 4, 6)):
        top.report("code", code, "应为 2、4 或 6 位区划代码前缀", "must be a code prefix of 2, 4 or 6 digits")
    documents: dict[str, Standard] = {}
    for item in top.tables("documents"):
        document = parse_standard(item, item.text("id"), units)
        if document.id in documents:
            item.report("id", document.id, "文件重复", "the document is repeated")
        documents[document.id] = document
    thresholds: list[Threshold] = []
    for item in top.tables("thresholds"):
        slug = item.one_of("type", types)
        names = {attribute.name: attribute for attribute in (*common, *types[slug].attributes)}
        threshold = parse_threshold(item, slug, names, documents)
        if any((threshold.type, threshold.id) == (other.type, other.id) for other in thresholds):
            item.report("id", threshold.id, "阈值重复", "the threshold is repeated")
        thresholds.append(threshold)
    pack = Pack(
        id=pack_id,
        code=code,
        title_zh=top.text("title_zh"),
        title_en=top.text("title_en"),
        level=top.one_of("level", LEVELS),
        documents=MappingProxyType(documents),
        thresholds=tuple(thresholds),
    )
    top.finish()
    return pack
