"""What every number and word means: indicators, outcomes, walking speeds, facility types with their limits."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Final

from geo.access.privacy import MINIMUM_PERSONS
from geo.catalog.load import common_attributes, facility_type, facility_types, families, indicators, thresholds, units
from geo.catalog.map_layer import PUBLIC, field_titles, map_layers
from geo.catalog.schema import Attribute, Threshold
from geo.catalog.status import status_titles
from geo.network.link import LINK_CAP_M
from geo.network.profile import walking_profile
from geo.services.report_rows import INDICATOR_PARTS, NO_DATA_REASONS

CERTAINTIES: Final = {
    "V": ("已核对原文", "checked against the source"),
    "K": ("据可靠资料，待核对原文", "from reliable knowledge, not checked against the source"),
    "U": ("存疑，只作提示", "unsure, for information only"),
    "D": ("本产品的设定", "a setting of this product"),
}
"""What the certainty marks of limits say."""


def definitions() -> dict[str, object]:
    """Return what the numbers of coverage runs mean.

    Returns
    -------
    dict
        JSON values: indicators, outcomes, the walking profile, privacy, certainty marks and units.
    """
    profile = walking_profile()
    return {
        "indicators": [
            {
                **asdict(one),
                "numerator_zh": INDICATOR_PARTS.get(one.slug, ("", ""))[0] or None,
                "denominator_zh": INDICATOR_PARTS.get(one.slug, ("", ""))[1] or None,
            }
            for one in indicators().values()
        ],
        "no_data_reasons_zh": {name: text for name, text in NO_DATA_REASONS.items() if name},
        "statuses": [asdict(one) for one in status_titles().values()],
        "walking": asdict(profile),
        "link_cap_m": LINK_CAP_M,
        "privacy": {
            "minimum_persons": MINIMUM_PERSONS,
            "text_zh": f"公开结果只有不少于 {MINIMUM_PERSONS} 人的格网和乡镇以上的准确合计；个人位置不离开系统",
            "text_en": f"public results are cells of at least {MINIMUM_PERSONS} people and exact totals from townships "
            "up; nobody's place leaves the system",
        },
        "certainties": {mark: {"zh": zh, "en": en} for mark, (zh, en) in CERTAINTIES.items()},
        "units": {code: {"zh": unit.title_zh, "en": unit.title_en} for code, unit in units().items()},
    }


def layer_definitions(roles: frozenset[str]) -> list[dict[str, object]]:
    """Return the served layers with their fields.

    Parameters
    ----------
    roles : frozenset of str
        Roles of who asks; layers they may not read are left out.

    Returns
    -------
    list of dict
        JSON values, in the order layers are listed to people.
    """
    return [
        {
            "name": layer.name,
            "title_zh": layer.title_zh,
            "title_en": layer.title_en,
            "family": layer.family,
            "colour": layer.colour,
            "zoom": layer.zoom,
            "is_public": PUBLIC in layer.read,
            "fields": [
                {
                    "name": name,
                    "title_zh": field_titles()[name].title_zh,
                    "title_en": field_titles()[name].title_en,
                }
                for name in layer.fields
            ],
        }
        for layer in map_layers().values()
        if PUBLIC in layer.read or layer.read & roles
    ]


def type_list() -> list[dict[str, object]]:
    """Return the facility types of the catalogue.

    Returns
    -------
    list of dict
        Slug, code, titles, family, glyph, tier and unit of capacity of each.
    """
    return [
        {
            "slug": kind.slug,
            "code": kind.code,
            "title_zh": kind.title_zh,
            "title_en": kind.title_en,
            "family": kind.family,
            "family_title_zh": families()[kind.family].title_zh,
            "glyph": kind.glyph,
            "tier": kind.tier,
            "capacity_unit": kind.capacity_unit,
        }
        for kind in facility_types().values()
    ]


def type_definition(slug: str, *, region: str | None, on: date) -> dict[str, object]:
    """Return one facility type: its attributes as a form needs them, and its limits with their sources.

    Parameters
    ----------
    slug : str
        The type.
    region : str or None
        Division code whose rule packs apply as well.
    on : datetime.date
        Day on which the limits must be in force.

    Returns
    -------
    dict
        JSON values.

    Raises
    ------
    NotFoundError
        There is no such type.
    """
    kind = facility_type(slug)
    return {
        "slug": kind.slug,
        "code": kind.code,
        "title_zh": kind.title_zh,
        "title_en": kind.title_en,
        "family": kind.family,
        "glyph": kind.glyph,
        "tier": kind.tier,
        "capacity_unit": kind.capacity_unit,
        "capacity_attribute": kind.capacity_attribute,
        "aliases_zh": list(kind.aliases_zh),
        "sources": list(kind.sources),
        "attributes": [_attribute(item) for item in (*common_attributes(), *kind.attributes)],
        "thresholds": [_threshold(item) for item in thresholds(slug, region=region, on=on)],
    }


def _attribute(item: Attribute) -> dict[str, object]:
    """Write one attribute."""
    return {
        "name": item.name,
        "title_zh": item.title_zh,
        "title_en": item.title_en,
        "kind": item.kind,
        "unit": item.unit,
        "minimum": item.minimum,
        "maximum": item.maximum,
        "is_common": item.is_column,
        "choices": [
            {"value": choice.value, "title_zh": choice.title_zh, "title_en": choice.title_en}
            for choice in item.choices
        ],
    }


def _threshold(item: Threshold) -> dict[str, object]:
    """Write one limit."""
    found = asdict(item)
    for name in ("valid_from", "valid_to"):
        found[name] = None if found[name] is None else found[name].isoformat()
    zh, en = CERTAINTIES[item.certainty]
    return {**found, "certainty_zh": zh, "certainty_en": en}
