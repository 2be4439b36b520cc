"""The older people of a scenario: where they hang on the streets, which divisions they live in, how many they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np

from geo.access.membership import LevelMembership, Membership, assign_divisions
from geo.access.population import BANDS, Population
from geo.arrays import Bool, Float, Int, Int32
from geo.errors import InputError
from geo.kernels.graph import order_rows
from geo.network.link import LINK_CAP_M, PointLinks, link_to_lines
from geo.network.model import Lines, StreetNetwork
from geo.scenario.edit import AddPopulation
from geo.scenario.search import FurtherLinks


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Older people as arrays; those of the base first, then each added compound.

    Parameters
    ----------
    lon, lat : Float
        Positions in degrees, shape (n_points,).
    x, y : Float
        The same in the network's plane.
    population : Population
        People by band.
    levels : tuple of LevelMembership
        Their divisions, from the widest level to the narrowest.
    links : PointLinks
        First links to the base's streets; -1 for added compounds.
    further : FurtherLinks
        Links to added streets, and all links of added compounds.
    edge_start, edge_order : Int32
        Points by the edge of their first link.
    """

    lon: Float
    lat: Float
    x: Float
    y: Float
    population: Population
    levels: tuple[LevelMembership, ...]
    links: PointLinks
    further: FurtherLinks
    edge_start: Int32
    edge_order: Int32

    @property
    def n_points(self) -> int:
        """Return the number of points.

        Returns
        -------
        int
            Added compounds included.
        """
        return int(self.lon.size)


def open_people(
    network: StreetNetwork, lon: Float, lat: Float, population: Population, membership: Membership, links: PointLinks
) -> People:
    """Take people into a scenario's base.

    Parameters
    ----------
    network : StreetNetwork
        The base's network.
    lon, lat : Float
        Positions in degrees.
    population : Population
        People by band.
    membership : Membership
        Their divisions.
    links : PointLinks
        Their links to the network.

    Returns
    -------
    People
        The people.

    Raises
    ------
    InputError
        The columns differ in length.
    """
    n = lon.size
    if not n == lat.size == population.n_demand == links.edge.size == membership.outside.size:
        raise InputError(
            f"需求点的各列长度不同（经度 {n} 个）",
            f"the columns of the demand points differ in length ({n} longitudes)",
        )
    x, y = network.plane.forward(lon, lat)
    # Row 0 takes the points without a link.
    start, order = order_rows(network.n_edges + 1, links.edge + np.int32(1))
    none = FurtherLinks(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0), np.empty(0))
    return People(lon, lat, x, y, population, membership.levels, links, none, start[1:].copy(), order)


def beside_street(people: People, network: StreetNetwork, added: Lines) -> People:
    """Return the people with links to a street that was added.

    Parameters
    ----------
    people : People
        The people.
    network : StreetNetwork
        The network with the street.
    added : Lines
        The street.

    Returns
    -------
    People
        Old links stay.
    """
    # The plane's scale is at most a thousandth off, so twice the cap leaves nobody out.
    reach = 2.0 * LINK_CAP_M
    near = (people.x >= added.x.min() - reach) & (people.x <= added.x.max() + reach)
    near &= (people.y >= added.y.min() - reach) & (people.y <= added.y.max() + reach)
    rows = np.flatnonzero(near)
    links = link_to_lines(network, added, people.lon[rows], people.lat[rows], threads=1)
    kept = np.flatnonzero(links.edge >= 0)
    return replace(people, further=_more(people.further, rows[kept], links, kept))


def _more(further: FurtherLinks, points: Int | Int32, links: PointLinks, rows: Int | Int32) -> FurtherLinks:
    """Append links of points."""
    return FurtherLinks(
        np.concatenate([further.point, points]).astype(np.int32),
        np.concatenate([further.edge, links.edge[rows]]),
        np.concatenate([further.fraction, links.fraction[rows]]),
        np.concatenate([further.access_m, links.access_m[rows]]),
    )


def with_compound(
    people: People, edit: AddPopulation, links: PointLinks, network: StreetNetwork, divisions: gpd.GeoDataFrame
) -> People:
    """Return the people with an added compound.

    Parameters
    ----------
    people : People
        The people.
    edit : AddPopulation
        The compound.
    links : PointLinks
        Its links.
    network : StreetNetwork
        The network, for its plane.
    divisions : GeoDataFrame
        The base's divisions.

    Returns
    -------
    People
        One point more.
    """
    n = people.n_points
    lon, lat = np.array([edit.lon]), np.array([edit.lat])
    x, y = network.plane.forward(lon, lat)
    found = assign_divisions(lon, lat, divisions)
    levels = tuple(
        replace(level, index=np.concatenate([level.index, one.index]).astype(np.int32))
        for level, one in zip(people.levels, found.levels, strict=True)
    )
    persons = dict(edit.persons)
    unit = people.population.unit
    row = np.array([[persons.get(band, 0) * unit for band in BANDS]], np.int64)
    further = people.further
    for one in (links, *links.also):
        rows = np.flatnonzero(one.edge >= 0)
        further = _more(further, rows + n, one, rows)
    plain = people.links
    none, nothing = np.array([-1], np.int32), np.array([np.nan])
    return replace(
        people,
        lon=np.concatenate([people.lon, lon]),
        lat=np.concatenate([people.lat, lat]),
        x=np.concatenate([people.x, x]),
        y=np.concatenate([people.y, y]),
        population=Population(np.concatenate([people.population.counts, row]), unit),
        levels=levels,
        links=PointLinks(
            np.concatenate([plain.edge, none]),
            np.concatenate([plain.fraction, nothing]),
            np.concatenate([plain.access_m, nothing]),
        ),
        further=further,
    )


def is_linked(people: People) -> Bool:
    """Tell which points have a link.

    Parameters
    ----------
    people : People
        The people.

    Returns
    -------
    Bool
        Shape (n_points,).
    """
    linked: Bool = people.links.edge >= 0
    linked[people.further.point] = True
    return linked


def is_connected(people: People, network: StreetNetwork, has_site: Bool) -> Bool:
    """Tell which points share a part of the whole network with a facility.

    Parameters
    ----------
    people : People
        The people.
    network : StreetNetwork
        The network.
    has_site : Bool
        Which components hold a linked facility.

    Returns
    -------
    Bool
        Shape (n_points,).
    """
    of_edge = has_site[network.node_component[network.edge_u]]
    connected: Bool = (people.links.edge >= 0) & of_edge[people.links.edge]
    further = people.further
    connected[further.point[of_edge[further.edge]]] = True
    return connected
