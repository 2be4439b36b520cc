"""The facilities of one type in a scenario: those of the base in their order of ties, then those that edits added."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from geo.access.nearest import Sites, sites_of
from geo.arrays import Bool, Float
from geo.errors import ConflictError, NotFoundError
from geo.network.hours import is_open as judge_hours
from geo.network.link import PointLinks, link_to_lines
from geo.network.model import Lines, StreetNetwork
from geo.scenario.edit import AddFacility, ChangeFacility, CloseFacility, FacilityEdit, MoveFacility, ReopenFacility
from geo.scenario.question import BaseSupply
from geo.scenario.town import Town, link_places

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """Facilities of one type; a facility's row is its place in the order of ties.

    Parameters
    ----------
    slug : str
        Catalogue slug.
    ids : tuple of str
        Ids.
    lon, lat : Float
        Positions in degrees.
    is_kept : Bool
        Open on the date of the question, edits included.
    is_open : Bool
        The same, and open at the moment of the question as far as edits stated hours.
    capacity : tuple of (int or None)
        Places, None where unknown.
    hours : tuple of (str or None)
        Hours that edits stated.
    links : PointLinks
        Links of all, open or not.
    """

    slug: str
    ids: tuple[str, ...]
    lon: Float
    lat: Float
    is_kept: Bool
    is_open: Bool
    capacity: tuple[int | None, ...]
    hours: tuple[str | None, ...]
    links: PointLinks

    def sites(self, network: StreetNetwork) -> Sites:
        """Return the open facilities as a search takes them.

        Parameters
        ----------
        network : StreetNetwork
            The network.

        Returns
        -------
        Sites
            Labels are rows of the stock.
        """

        def masked(links: PointLinks) -> PointLinks:
            return PointLinks(np.where(self.is_open, links.edge, -1).astype(np.int32), links.fraction, links.access_m)

        links = replace(masked(self.links), also=tuple(masked(one) for one in self.links.also))
        return sites_of(network, links, np.arange(len(self.ids), dtype=np.int32))

    def row(self, facility_id: str) -> int:
        """Return the row of a facility.

        Parameters
        ----------
        facility_id : str
            Its id.

        Returns
        -------
        int
            The row.

        Raises
        ------
        NotFoundError
            There is none.
        """
        if facility_id not in self.ids:
            raise NotFoundError(
                f"类型 {self.slug} 中没有编号为“{facility_id}”的设施（共 {len(self.ids)} 处）",
                f'no facility "{facility_id}" of type {self.slug}, which has {len(self.ids)}',
                facility_id=facility_id,
            )
        return self.ids.index(facility_id)


def open_stock(supply: BaseSupply, links: PointLinks) -> Stock:
    """Take facilities into a scenario's base.

    Parameters
    ----------
    supply : BaseSupply
        The facilities.
    links : PointLinks
        Their links.

    Returns
    -------
    Stock
        The facilities.
    """
    ids = tuple(str(value) for value in supply.ids)
    kept = np.asarray(supply.is_open, np.bool_)
    capacity = tuple(supply.capacity.get(name) for name in ids)
    return Stock(supply.slug, ids, supply.lon, supply.lat, kept, kept, capacity, (None,) * len(ids), links)


def beside_added(stock: Stock, network: StreetNetwork, added: Lines) -> Stock:
    """Return the facilities with links to a street that was added.

    Parameters
    ----------
    stock : Stock
        The facilities.
    network : StreetNetwork
        The network with the street.
    added : Lines
        The street.

    Returns
    -------
    Stock
        Old links stay.
    """
    links = link_to_lines(network, added, stock.lon, stock.lat, threads=1)
    return replace(stock, links=stock.links.adding(links))


def edit_stock(stock: Stock, edit: FacilityEdit, town: Town, at: datetime) -> tuple[Stock, int]:
    """Apply an edit to the facilities of its type.

    Parameters
    ----------
    stock : Stock
        The facilities.
    edit : FacilityEdit
        The edit.
    town : Town
        The streets.
    at : datetime
        The moment at which hours are judged.

    Returns
    -------
    tuple of Stock, int
        The facilities, and the row that the edit touched.

    Raises
    ------
    NotFoundError
        There is no such facility.
    ConflictError
        The facility exists already, or is open or closed already.
    """
    match edit:
        case AddFacility():
            if edit.id in stock.ids:
                raise ConflictError(
                    f"类型 {stock.slug} 中已有编号为“{edit.id}”的设施，请换一个编号",
                    f'facility "{edit.id}" of type {stock.slug} exists already; choose another id',
                    facility_id=edit.id,
                )
            return _added(stock, edit, town, at), len(stock.ids)
        case MoveFacility():
            row = stock.row(edit.id)
            return _moved(stock, row, edit, town), row
        case CloseFacility() | ReopenFacility():
            row = stock.row(edit.id)
            opens = isinstance(edit, ReopenFacility)
            if bool(stock.is_kept[row]) == opens:
                now, zh = ("open", "营业") if opens else ("closed", "停业")
                raise ConflictError(
                    f"设施“{edit.id}”已经处于{zh}状态", f'facility "{edit.id}" is {now} already', facility_id=edit.id
                )
            kept = stock.is_kept.copy()
            kept[row] = opens
            return _judged(replace(stock, is_kept=kept), row, at), row
        case ChangeFacility():
            row = stock.row(edit.id)
            capacity, hours = list(stock.capacity), list(stock.hours)
            capacity[row] = stock.capacity[row] if edit.capacity is None else edit.capacity
            hours[row] = stock.hours[row] if edit.hours is None else edit.hours
            return _judged(replace(stock, capacity=tuple(capacity), hours=tuple(hours)), row, at), row


def _judged(stock: Stock, row: int, at: datetime) -> Stock:
    """Say of one facility whether it is open at the moment; hours not understood count as open, as at gates."""
    hours, is_open = stock.hours[row], stock.is_open.copy()
    is_open[row] = bool(stock.is_kept[row]) and (hours is None or judge_hours(hours, at) is not False)
    return replace(stock, is_open=is_open)


def _added(stock: Stock, edit: AddFacility, town: Town, at: datetime) -> Stock:
    """Append a facility."""
    lon, lat = np.array([edit.lon]), np.array([edit.lat])
    links = _filled(stock.links, link_places(town, lon, lat), len(stock.ids))
    longer = replace(
        stock,
        ids=(*stock.ids, edit.id),
        lon=np.append(stock.lon, edit.lon),
        lat=np.append(stock.lat, edit.lat),
        is_kept=np.append(stock.is_kept, True),
        is_open=np.append(stock.is_open, True),
        capacity=(*stock.capacity, edit.capacity),
        hours=(*stock.hours, edit.hours),
        links=links,
    )
    return _judged(longer, len(stock.ids), at)


def _moved(stock: Stock, row: int, edit: MoveFacility, town: Town) -> Stock:
    """Put a facility somewhere else."""
    lon, lat = stock.lon.copy(), stock.lat.copy()
    lon[row], lat[row] = edit.lon, edit.lat
    fresh = link_places(town, np.array([edit.lon]), np.array([edit.lat]))
    return replace(stock, lon=lon, lat=lat, links=_filled(stock.links, fresh, row))


def _filled(links: PointLinks, one: PointLinks, row: int) -> PointLinks:
    """Write one point's links into a row, which may be the row after the last."""
    keep = np.arange(links.edge.size) != row

    def put(old: PointLinks, new: PointLinks) -> PointLinks:
        def column(values: npt.NDArray[_Scalar], value: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
            return np.append(values, value) if row == values.size else np.where(keep, values, value[0])

        return PointLinks(
            column(old.edge, new.edge), column(old.fraction, new.fraction), column(old.access_m, new.access_m)
        )

    also = tuple(put(old, new) for old, new in zip(links.also, one.also, strict=True))
    return replace(put(links, one), also=also)
