"""The catalogue as the rest of the program sees it: read once, checked whole, never changed."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType

from geo.catalog.parse import (
    parse_attributes,
    parse_facility_type,
    parse_families,
    parse_indicators,
    parse_pack,
    parse_standard,
    parse_terms,
    parse_units,
)
from geo.catalog.reader import ProblemLog, read_toml
from geo.catalog.schema import Attribute, FacilityType, Family, Indicator, Pack, Standard, Threshold, Unit
from geo.errors import NotFoundError

_HERE = Path(__file__).parent
_IGNORED_IN_NAMES = frozenset(" \t\u3000·・/-_()()、，'’")


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything the catalogue's own folder holds.

    Parameters
    ----------
    units, families, standards, types, indicators : mapping
        Records by code, slug or id.
    common : tuple of Attribute
        Attributes every facility has.
    terms : mapping of str to str
        Identifier by Chinese word.
    names : mapping of str to str
        Slug of a facility type by each folded name it answers to.
    """

    units: Mapping[str, Unit]
    families: Mapping[str, Family]
    standards: Mapping[str, Standard]
    types: Mapping[str, FacilityType]
    indicators: Mapping[str, Indicator]
    common: tuple[Attribute, ...]
    terms: Mapping[str, str]
    names: Mapping[str, str]


def fold(text: str) -> str:
    """Return a name without what does not tell names apart: width, case, spaces and light punctuation.

    Parameters
    ----------
    text : str
        Any name or column header.

    Returns
    -------
    str
        Folded text; equal for equal names.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign not in _IGNORED_IN_NAMES)


def read_catalog(folder: Path) -> Catalog:
    """Read and check a catalogue folder.

    Parameters
    ----------
    folder : Path
        Folder with the catalogue's TOML files.

    Returns
    -------
    Catalog
        The catalogue.

    Raises
    ------
    InputError
        If anything is wrong; every problem is listed.
    DataSourceError
        If a file cannot be read.
    """
    log = ProblemLog()
    units = parse_units(read_toml(folder / "units.toml", log))
    families = parse_families(read_toml(folder / "families.toml", log))
    common_table = read_toml(folder / "common_attributes.toml", log)
    common = parse_attributes(common_table, units, is_column=True)
    common_table.finish()
    standards = {
        path.stem: parse_standard(read_toml(path, log), path.stem, units)
        for path in sorted((folder / "standards").glob("*.toml"))
    }
    log.raise_if_any()
    types = {
        path.stem: parse_facility_type(
            read_toml(path, log),
            path.stem,
            units=units,
            families=families,
            common=common,
            standards=standards,
        )
        for path in sorted((folder / "facility_types").glob("*.toml"))
    }
    types = dict(sorted(types.items(), key=lambda item: _code_order(item[1])))
    indicators = parse_indicators(read_toml(folder / "indicators.toml", log), units)
    terms = parse_terms(read_toml(folder / "terms.toml", log))
    names = _names(types, log)
    log.raise_if_any()
    return Catalog(
        units=MappingProxyType(units),
        families=MappingProxyType(families),
        standards=MappingProxyType(standards),
        types=MappingProxyType(types),
        indicators=MappingProxyType(indicators),
        common=common,
        terms=MappingProxyType(terms),
        names=MappingProxyType(names),
    )


def _code_order(facility_type: FacilityType) -> tuple[int, str]:
    """Families in the order of the domain document, then codes."""
    order = ("EL", "CH", "SW", "RL", "MR", "FU", "CS")
    prefix = facility_type.code[:2]
    return (order.index(prefix) if prefix in order else len(order), facility_type.code)


def _names(types: Mapping[str, FacilityType], log: ProblemLog) -> dict[str, str]:
    """Every folded name with the one type it means; a name of two types is a problem."""
    names: dict[str, str] = {}
    for slug, found in types.items():
        spellings = (slug, found.code, found.title_zh, found.title_en, *found.aliases_zh, *found.aliases_en)
        for spelling in dict.fromkeys(fold(spelling) for spelling in spellings):
            other = names.setdefault(spelling, slug)
            if other != slug:
                log.add(f"{slug}.toml", "aliases", spelling, f"已指 {other}", f"already means {other}")
    return names


@cache
def catalog() -> Catalog:
    """Return the catalogue that comes with the program, read once.

    Returns
    -------
    Catalog
        The catalogue.
    """
    return read_catalog(_HERE)


def facility_types() -> Mapping[str, FacilityType]:
    """Return every facility type.

    Returns
    -------
    mapping of str to FacilityType
        Types by slug, in the order of their codes.
    """
    return catalog().types


def facility_type(slug: str) -> FacilityType:
    """Return one facility type.

    Parameters
    ----------
    slug : str
        Its slug.

    Returns
    -------
    FacilityType
        The type.

    Raises
    ------
    NotFoundError
        If there is none; the message lists what exists.
    """
    types = facility_types()
    found = types.get(slug)
    if found is None:
        zh = "、".join(f"{known.slug}({known.title_zh})" for known in types.values())
        raise NotFoundError(
            f"没有设施类型“{slug}”；可用：{zh}",
            f'no facility type "{slug}"; there are {", ".join(types)}',
            slug=slug,
            known=list(types),
        )
    return found


def find_type(text: str) -> FacilityType | None:
    """Find the facility type a word of a table means.

    Parameters
    ----------
    text : str
        Slug, code, title or alias, in any width, case and spacing.

    Returns
    -------
    FacilityType or None
        The type, or None if no type has that name.
    """
    slug = catalog().names.get(fold(text))
    return None if slug is None else facility_types()[slug]


def common_attributes() -> tuple[Attribute, ...]:
    """Return the attributes every facility has.

    Returns
    -------
    tuple of Attribute
        Each is a column of the facilities table.
    """
    return catalog().common


def find_attribute(header: str, found: FacilityType | None = None) -> Attribute | None:
    """Find the attribute a column header means.

    Parameters
    ----------
    header : str
        Column header: name, title or alias; a unit in brackets behind it is ignored.
    found : FacilityType or None
        The facility type; its own attributes go before the common ones.

    Returns
    -------
    Attribute or None
        The attribute, or None if no attribute has that name.
    """
    known = None if found is None else catalog().types.get(found.slug)
    if known is not None and known is found:
        return _attribute_of(known.slug, header)
    return _search((*(found.attributes if found is not None else ()), *common_attributes()), header)


@cache
def _attribute_of(slug: str, header: str) -> Attribute | None:
    """The same for a type of this catalogue, remembered: a file asks for the same headers in every row."""
    return _search((*facility_types()[slug].attributes, *common_attributes()), header)


def _search(attributes: tuple[Attribute, ...], header: str) -> Attribute | None:
    """The first attribute that answers to a header; exact names go first."""
    for attribute in attributes:
        if attribute.name == header:
            return attribute
    wanted = {fold(header), fold(_without_brackets(header))}
    for attribute in attributes:
        spellings = (attribute.name, attribute.title_zh, attribute.title_en, *attribute.aliases)
        if wanted & {fold(spelling) for spelling in spellings}:
            return attribute
    return None


def _without_brackets(header: str) -> str:
    """A header without a bracketed ending."""
    normal = unicodedata.normalize("NFKC", header).strip()
    head, bracket, _ = normal.partition("(")
    return head if bracket and normal.endswith(")") and head.strip() else normal


def standards() -> Mapping[str, Standard]:
    """Return the national standards, regulations, guidance, and the program's own parameters.

    Returns
    -------
    mapping of str to Standard
        Standards by id.
    """
    return catalog().standards


def indicators() -> Mapping[str, Indicator]:
    """Return the words and units of the indicators.

    Returns
    -------
    mapping of str to Indicator
        Indicators by slug, in the order of their numbers.
    """
    return catalog().indicators


def units() -> Mapping[str, Unit]:
    """Return the units.

    Returns
    -------
    mapping of str to Unit
        Units by code.
    """
    return catalog().units


def families() -> Mapping[str, Family]:
    """Return the facility families.

    Returns
    -------
    mapping of str to Family
        Families by slug.
    """
    return catalog().families


def terms() -> Mapping[str, str]:
    """Return the vocabulary.

    Returns
    -------
    mapping of str to str
        Identifier by Chinese word.
    """
    return catalog().terms


def data_folder() -> Path:
    """Return the folder with what a bureau replaces: rule packs and the demo city's recipe.

    Returns
    -------
    Path
        ``data`` of the source tree, or where an installed wheel put it; it need not exist.
    """
    tree = _HERE.parent.parent / "data"
    return tree if (tree / "packs").is_dir() else Path(sys.prefix) / "share" / "fangyu" / "data"


@cache
def _read_packs(folder: Path) -> tuple[Pack, ...]:
    """Every pack of a folder, provinces before cities."""
    log = ProblemLog()
    known = catalog()
    found = [
        parse_pack(read_toml(path, log), path.stem, units=known.units, types=known.types, common=known.common)
        for path in sorted(folder.glob("*.toml"))
    ]
    log.raise_if_any()
    return tuple(sorted(found, key=lambda pack: (len(pack.code), pack.code, pack.id)))


def packs(region: str | None = None, on: date | None = None, folder: Path | None = None) -> tuple[Pack, ...]:
    """Return the rule packs that apply in a region.

    Parameters
    ----------
    region : str or None
        Division code; packs whose code begins it apply. None returns every pack.
    on : date or None
        Documents and thresholds not in force on this day are left out; None keeps all.
    folder : Path or None
        Folder of packs; None takes ``packs`` of `data_folder`.

    Returns
    -------
    tuple of Pack
        Packs from the wider to the narrower region.

    Raises
    ------
    InputError
        If a pack is wrong; every problem is listed.
    """
    found = _read_packs(data_folder() / "packs" if folder is None else folder)
    chosen = [pack for pack in found if region is None or region.startswith(pack.code)]
    return tuple(pack if on is None else _pack_on(pack, on) for pack in chosen)


def _pack_on(pack: Pack, on: date) -> Pack:
    """The part of a pack in force on a day."""
    documents = {key: document for key, document in pack.documents.items() if document.is_valid(on)}
    thresholds = tuple(limit for limit in pack.thresholds if limit.clause.partition("/")[0] in documents)
    return Pack(pack.id, pack.code, pack.title_zh, pack.title_en, pack.level, documents, thresholds)


def thresholds(
    slug: str, *, region: str | None = None, on: date | None = None, folder: Path | None = None
) -> tuple[Threshold, ...]:
    """Return the limits of a facility type in a region.

    Parameters
    ----------
    slug : str
        Facility type.
    region : str or None
        Division code; None gives the national limits alone.
    on : date or None
        Day on which they must be in force; None keeps all.
    folder : Path or None
        Folder of packs; None takes the usual one.

    Returns
    -------
    tuple of Threshold
        National limits, each replaced by the narrowest region's limit of the same id.

    Raises
    ------
    NotFoundError
        If there is no such type.
    """
    known = standards()
    chosen = {
        limit.id: limit
        for limit in facility_type(slug).thresholds
        if known[limit.clause.partition("/")[0]].is_valid(on)
    }
    if region is not None:
        for pack in packs(region, on, folder):
            chosen |= {limit.id: limit for limit in pack.thresholds if limit.type == slug}
    return tuple(chosen.values())
