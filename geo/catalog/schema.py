"""What the catalogue's TOML files say, as frozen records.

Certainty marks: ``V`` read in the official text, ``K`` known reliably, ``U`` unsure, ``D`` derived by
arithmetic. Only a value marked ``V`` may block; an unsure one may only advise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

Certainty = Literal["V", "K", "U", "D"]
Severity = Literal["block", "warn", "advise"]
AttributeKind = Literal["number", "integer", "text", "choice", "boolean", "date"]
AttributeValue = str | int | float | bool
Measure = Literal["attribute", "ratio", "walk_distance_m", "walk_time_min", "count_per_unit", "unit_share"]

CERTAINTIES = ("V", "K", "U", "D")
SEVERITIES = ("block", "warn", "advise")
ATTRIBUTE_KINDS = ("number", "integer", "text", "choice", "boolean", "date")
MEASURES = ("attribute", "ratio", "walk_distance_m", "walk_time_min", "count_per_unit", "unit_share")
LEVELS = ("province", "prefecture", "county", "township", "village")
TIERS = ("province", "prefecture", "county", "township", "community", "project")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: how it is shown, and how tables write it behind a number.

    Parameters
    ----------
    code : str
        Stable code, such as ``m2``.
    title_zh, title_en : str
        The word shown.
    written : tuple of str
        Spellings accepted behind a number, such as ``㎡``.
    """

    code: str
    title_zh: str
    title_en: str
    written: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A group of facility types that shares a glyph.

    Parameters
    ----------
    slug : str
        Identifier.
    prefix : str
        First two letters of the codes.
    title_zh, title_en : str
        Title.
    glyph : str
        Shape on maps, so that families differ in grey print.
    """

    slug: str
    prefix: str
    title_zh: str
    title_en: str
    glyph: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One allowed value of a choice attribute.

    Parameters
    ----------
    value : str
        Stored value.
    title_zh, title_en : str
        Title.
    aliases : tuple of str
        Further spellings accepted.
    """

    value: str
    title_zh: str
    title_en: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One typed attribute of a facility.

    Parameters
    ----------
    name : str
        snake_case name with a unit suffix where it is a quantity.
    title_zh, title_en : str
        Title; both are accepted as column headers.
    kind : {"number", "integer", "text", "choice", "boolean", "date"}
        Kind of value; dates are stored as ISO text.
    unit : str or None
        Unit code.
    choices : tuple of Choice
        Allowed values of a choice.
    aliases : tuple of str
        Further column headers.
    minimum, maximum : float or None
        Physical bounds, inclusive; values outside are refused. Limits of standards are thresholds instead.
    is_column : bool
        True for the attributes every facility has (columns of the facilities table).
    """

    name: str
    title_zh: str
    title_en: str
    kind: AttributeKind
    unit: str | None
    choices: tuple[Choice, ...]
    aliases: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    is_column: bool


@dataclass(frozen=True, slots=True)
class StandardValue:
    """One number of a clause.

    Parameters
    ----------
    quantity : str
        What is limited.
    minimum, maximum : float or None
        Limits, inclusive; at least one is given.
    unit : str or None
        Unit code.
    applies_to : str or None
        The case the value is for, such as ``new``; None for all.
    certainty : {"V", "K", "U", "D"}
        How sure the value is.
    """

    quantity: str
    minimum: float | None
    maximum: float | None
    unit: str | None
    applies_to: str | None
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Clause:
    """One requirement of a standard.

    Parameters
    ----------
    id : str
        Identifier within the standard.
    article : str or None
        Article number, only where it is known.
    title_zh, title_en : str
        What it says.
    certainty : {"V", "K", "U", "D"}
        How sure the clause is.
    values : tuple of StandardValue
        Its numbers.
    note_zh, note_en : str or None
        Caveat.
    """

    id: str
    article: str | None
    title_zh: str
    title_en: str
    certainty: Certainty
    values: tuple[StandardValue, ...]
    note_zh: str | None
    note_en: str | None


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard, regulation, guidance, plan, or set of parameters.

    Parameters
    ----------
    id : str
        Identifier (the file name, or the document's id within a pack).
    number : str or None
        Official number.
    title_zh, title_en : str
        Title.
    kind : str
        Such as ``national_standard``, ``regulation``, ``guidance``, ``parameter``.
    valid_from, valid_to : date or None
        In force from (inclusive) and to (exclusive); None where that is unknown or it still holds.
    clauses : mapping of str to Clause
        Clauses by id.
    note_zh, note_en : str or None
        Caveat.
    """

    id: str
    number: str | None
    title_zh: str
    title_en: str
    kind: str
    valid_from: date | None
    valid_to: date | None
    clauses: Mapping[str, Clause]
    note_zh: str | None
    note_en: str | None

    def is_valid(self, on: date | None) -> bool:
        """Tell whether the standard is in force.

        Parameters
        ----------
        on : date or None
            The day; None accepts every standard.

        Returns
        -------
        bool
            True when `on` lies within the known validity.
        """
        return on is None or (
            (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on < self.valid_to)
        )

    def citation(self, clause_id: str, lang: Literal["zh", "en"] = "zh") -> str:
        """Return how a clause is cited to a reader.

        Parameters
        ----------
        clause_id : str
            A clause of this standard.
        lang : {"zh", "en"}
            Language.

        Returns
        -------
        str
            Number and article; the clause's title stands in where no article is known.
        """
        clause = self.clauses[clause_id]
        if lang == "zh":
            head = self.number or f"《{self.title_zh}》"
            return f"{head}第 {clause.article} 条" if clause.article else f"{head}“{clause.title_zh}”"
        head = self.number or self.title_en
        return f"{head} art. {clause.article}" if clause.article else f"{head}, {clause.title_en}"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit that a facility type is measured against.

    Parameters
    ----------
    id : str
        Identifier within the type (or the type within a pack).
    type : str
        Slug of the facility type.
    title_zh, title_en : str
        Title.
    measure : str
        What is compared: an attribute, a ratio of two attributes, a walking distance or time, the number of
        sites in a unit, or the share of units that have one.
    attribute, per : str or None
        Attribute, and the attribute it is divided by.
    scale : float
        Factor on the ratio (100 for "per 100 households").
    unit_level : str or None
        Division level of counts and shares.
    when_attribute, when_value : str or None
        The limit holds only where this attribute has this value.
    minimum, maximum : float or None
        Limits, inclusive, taken from the cited clause.
    unit : str or None
        Unit code of the limits.
    clause : str
        Citation ``standard/clause``.
    citation_zh, citation_en : str
        The citation in words.
    certainty : {"V", "K", "U", "D"}
        How sure the value is.
    severity : {"block", "warn", "advise"}
        The most a check may do with it.
    valid_from, valid_to : date or None
        Validity of the standard cited.
    """

    id: str
    type: str
    title_zh: str
    title_en: str
    measure: Measure
    attribute: str | None
    per: str | None
    scale: float
    unit_level: str | None
    when_attribute: str | None
    when_value: str | None
    minimum: float | None
    maximum: float | None
    unit: str | None
    clause: str
    citation_zh: str
    citation_en: str
    certainty: Certainty
    severity: Severity
    valid_from: date | None
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class FacilityType:
    """A kind of facility.

    Parameters
    ----------
    slug : str
        Identifier, the file name.
    code : str
        Code of the domain document, such as ``EL06``.
    title_zh, title_en : str
        Title.
    family : str
        Slug of the family.
    glyph : str
        The family's shape.
    tier : str
        Usual tier.
    capacity_unit : str
        Unit code of a facility's capacity.
    capacity_attribute : str or None
        The attribute that is the capacity, if one is.
    aliases_zh, aliases_en : tuple of str
        Further names.
    sources : tuple of str
        Clauses the type rests on, as ``standard/clause``.
    attributes : tuple of Attribute
        The type's own attributes.
    thresholds : tuple of Threshold
        National limits; those of provinces and cities are in packs.
    """

    slug: str
    code: str
    title_zh: str
    title_en: str
    family: str
    glyph: str
    tier: str
    capacity_unit: str
    capacity_attribute: str | None
    aliases_zh: tuple[str, ...]
    aliases_en: tuple[str, ...]
    sources: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    thresholds: tuple[Threshold, ...]

    def attribute(self, name: str) -> Attribute | None:
        """Return the type's own attribute of that name.

        Parameters
        ----------
        name : str
            Exact name.

        Returns
        -------
        Attribute or None
            None if the type has no such attribute.
        """
        return next((found for found in self.attributes if found.name == name), None)


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules of one province or city.

    Parameters
    ----------
    id : str
        File name without its ending.
    code : str
        Division code prefix of the region, such as ``37`` or ``3702``.
    title_zh, title_en : str
        The region.
    level : str
        Division level.
    documents : mapping of str to Standard
        The region's documents by id.
    thresholds : tuple of Threshold
        Its limits; they come on top of the national ones and are read instead of them where ids agree.
    """

    id: str
    code: str
    title_zh: str
    title_en: str
    level: str
    documents: Mapping[str, Standard]
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True, slots=True)
class Indicator:
    """Words and unit of one indicator.

    Parameters
    ----------
    id : str
        Number in the domain document, such as ``M01``.
    slug : str
        Identifier in code, columns and JSON.
    title_zh, title_en : str
        Title.
    unit : str
        Unit code.
    formula : str
        Formula as text.
    threshold_zh, threshold_en : str
        What the value is held against.
    """

    id: str
    slug: str
    title_zh: str
    title_en: str
    unit: str
    formula: str
    threshold_zh: str
    threshold_en: str
