"""Facilities as a list: by type, name, district and state, page by page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from geo.catalog.load import facility_types
from geo.errors import InputError
from geo.services.facility import LAYER
from geo.store import Session
from geo.store.conditions import either, in_division, is_open, name_holds, one_of
from geo.store.layer import layer
from geo.store.matched import count_rows
from geo.store.pages import PageKey, RowChoice, RowPage, Sort, read_page, today

COLUMNS = (
    "uid", "id", "source", "name", "type", "address", "status", "open_date", "close_date", "capacity", "capacity_unit",
    "opening_hours", "operator", "ownership", "tier", "floor_area_m2", "floor_level", "attributes", "quality",
    "row_version", "valid_from",
)  # fmt: skip
"""Columns of a listed facility; its position comes beside them."""


@dataclass(frozen=True, slots=True)
class FacilityQuery:
    """Which facilities are wanted.

    Parameters
    ----------
    is_public : bool
        Whether only what everybody may see is wanted: the open ones.
    types : tuple of str
        Catalogue types; empty for all.
    words : str or None
        A part of the name.
    district : str or None
        Division code they lie in.
    own_district : str or None
        Division code outside which only open ones are wanted; None for no such limit.
    is_open : bool
        Only those open today.
    sort : Sort or None
        Order; by default that of entering.
    """

    is_public: bool
    types: tuple[str, ...] = ()
    words: str | None = None
    district: str | None = None
    own_district: str | None = None
    is_open: bool = False
    sort: Sort | None = field(default=None)


def facility_page(session: Session, query: FacilityQuery, *, after: PageKey | None, limit: int) -> RowPage:
    """Read the facilities that follow a key.

    Parameters
    ----------
    session : Session
        Any session.
    query : FacilityQuery
        Which.
    after : PageKey or None
        Where the page before ended.
    limit : int
        Most facilities.

    Returns
    -------
    RowPage
        With `COLUMNS`.

    Raises
    ------
    InputError
        A type is not in the catalogue.
    """
    choice = _choice(session, query)
    return read_page(session, layer(LAYER), COLUMNS, choice, after=after or 0, limit=limit, sort=query.sort)


def facility_count(session: Session, query: FacilityQuery) -> tuple[int, bool]:
    """Count the facilities wanted.

    Parameters
    ----------
    session : Session
        Any session.
    query : FacilityQuery
        Which.

    Returns
    -------
    tuple of int, bool
        How many, and whether that is exact.

    Raises
    ------
    InputError
        A type is not in the catalogue.
    """
    return count_rows(session, layer(LAYER), _choice(session, query))


def _choice(session: Session, query: FacilityQuery) -> RowChoice:
    """Write the question as conditions on the rows."""
    spec, known = layer(LAYER), facility_types()
    if unknown := [name for name in query.types if name not in known]:
        raise InputError(
            f"没有设施类型 {'、'.join(unknown)}；可用：{'、'.join(known)}",
            f"there are no facility types {', '.join(unknown)}; allowed: {', '.join(known)}",
            types=unknown,
        )
    found = []
    if query.types:
        found.append(one_of(spec, "type", query.types))
    if query.words:
        found.append(name_holds(spec, query.words))
    if query.is_public or query.is_open:
        found.append(is_open(spec, today()))
    if query.district is not None:
        found.append(in_division(session, spec, query.district))
    if query.own_district is not None:
        found.append(either(in_division(session, spec, query.own_district), is_open(spec, today())))
    day: date = today()
    return RowChoice(day, day, (), tuple(found))
