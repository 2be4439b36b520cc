"""Nearest facility of every point: three plain searches that together know private starts and private ends.

A trip from home to a facility is private* public* private*. Searched backwards from the facilities that is
one search over private arcs from facilities on private ways (the trips' private ends), one over public arcs
from there and from all other facilities, and one over private arcs from whatever the second reached (the
private starts). Each is an ordinary multi-source search, and a city without private ways pays for the middle
one only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.arrays import Float, Int32
from geo.kernels.assign import evaluate_points, first_of_edge
from geo.kernels.graph import PUBLIC
from geo.kernels.search import nearest_labels
from geo.network.cost import WalkCosts
from geo.network.link import PointLinks
from geo.network.model import StreetNetwork

_NO_INDEX = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Sites:
    """Facilities' links in a flat form, sorted by edge.

    Parameters
    ----------
    edge, fraction : Int32, Float
        Position, shape (n_links,).
    access_m : Float
        Access leg.
    label : Int32
        Place of the facility in the order of ties.
    first : Int32
        First row of each edge, -1 for none.
    """

    edge: Int32
    fraction: Float
    access_m: Float
    label: Int32
    first: Int32


@dataclass(frozen=True, slots=True)
class NodeValues:
    """Least cost of each node to a facility.

    Parameters
    ----------
    best, second : Float
        Primary and carried cost, inf where unreached.
    label : Int32
        Facility's place in the order of ties, -1 where unreached.
    """

    best: Float
    second: Float
    label: Int32


@dataclass(frozen=True, slots=True)
class NearestField:
    """The result of a search from all facilities.

    Parameters
    ----------
    public : NodeValues
        For trips that start on a public edge, shape (n_nodes,).
    private : NodeValues
        For trips that start on a private or enclosed edge, by private row.
    """

    public: NodeValues
    private: NodeValues


def sites_of(network: StreetNetwork, facilities: PointLinks, rank: Int32) -> Sites:
    """Flatten facilities' links for a search; unlinked ones are left out.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    facilities : PointLinks
        Links of the facilities.
    rank : Int32
        Place of each facility in the order of ties, lowest first, shape (n_facilities,).

    Returns
    -------
    Sites
        The linked facilities.
    """
    every = (facilities, *facilities.also)
    edge = np.concatenate([links.edge for links in every])
    label = np.concatenate([rank for _ in every]).astype(np.int32)
    order = np.lexsort((label, edge))
    order = order[edge[order] >= 0]
    edge = np.ascontiguousarray(edge[order], np.int32)
    return Sites(
        edge=edge,
        fraction=np.concatenate([links.fraction for links in every])[order],
        access_m=np.concatenate([links.access_m for links in every])[order],
        label=label[order],
        first=first_of_edge(network.n_edges, edge),
    )


@dataclass(frozen=True, slots=True)
class Entries:
    """Where walks between points and the nodes begin or end, whatever they cost.

    Parameters
    ----------
    node : Int32
        Node of each entry.
    leg_m, share : Float
        Access leg in metres, and share of the edge between the point and the node.
    point, edge : Int32
        Point and edge of each entry.
    """

    node: Int32
    leg_m: Float
    share: Float
    point: Int32
    edge: Int32

    def priced(self, costs: WalkCosts) -> tuple[Float, Float]:
        """Return what each entry costs.

        Parameters
        ----------
        costs : WalkCosts
            Costs.

        Returns
        -------
        tuple of Float, Float
            Primary and carried cost.
        """
        return (
            self.leg_m * costs.leg_primary + self.share * costs.edge_primary[self.edge],
            self.leg_m * costs.leg_carried + self.share * costs.edge_carried[self.edge],
        )


def entries_of(network: StreetNetwork, links: PointLinks, *, to_network: bool) -> Entries:
    """Return where walks between points and the nodes begin or end.

    Each point enters at its edge's two ends and at the stops inside the edge, as far as its direction lets it:
    seen from the end of trips (the points are facilities) or from their start (the points are homes).

    Parameters
    ----------
    network : StreetNetwork
        The network.
    links : PointLinks
        Links of the points; `also` is left out.
    to_network : bool
        True for points where trips end, False for points where they start.

    Returns
    -------
    Entries
        A few for each point.
    """
    linked = np.flatnonzero(links.edge >= 0)
    at_edge, at = links.edge[linked], links.fraction[linked]
    stops = network.stops
    row: list[npt.NDArray[np.integer]] = [np.arange(linked.size)] * 2
    node: list[Int32] = [network.edge_u[at_edge], network.edge_v[at_edge]]
    where: list[Float] = [np.zeros(linked.size), np.ones(linked.size)]
    if stops.edge.size:
        low = np.searchsorted(stops.edge, at_edge, "left")
        count = np.searchsorted(stops.edge, at_edge, "right") - low
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        stop = np.repeat(low, count) + within
        row.append(np.repeat(np.arange(linked.size), count))
        node.append(stops.node[stop])
        where.append(stops.fraction[stop])
    rows = np.concatenate(row)
    ahead = np.concatenate(where) - at[rows]
    edge = at_edge[rows]
    # A trip that ends at the point arrives from there, so it walks the edge the other way round.
    forward = (ahead < 0.0) if to_network else (ahead > 0.0)
    oneway = network.edge_oneway[edge]
    keep = np.flatnonzero((ahead == 0.0) | np.where(forward, oneway != 2, oneway != 1))
    rows, edge, share = rows[keep], edge[keep], np.abs(ahead[keep])
    return Entries(
        node=np.concatenate(node)[keep].astype(np.int32),
        leg_m=links.access_m[linked[rows]],
        share=share,
        point=linked[rows].astype(np.int32),
        edge=np.asarray(edge, np.int32),
    )


def _seeds(
    network: StreetNetwork, costs: WalkCosts, sites: Sites, towards: bool
) -> tuple[Int32, Float, Float, Int32, Int32]:
    """Return node, primary, carried, label and edge of the places where a walk to a site leaves the nodes."""
    links = PointLinks(sites.edge, sites.fraction, sites.access_m)
    entries = entries_of(network, links, to_network=towards)
    return entries.node, *entries.priced(costs), sites.label[entries.point], entries.edge


def search_nearest(
    network: StreetNetwork, costs: WalkCosts, sites: Sites, *, cutoff: float, towards: bool = True
) -> NearestField:
    """Search from all facilities at once, from the trips' ends back to their starts.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    costs : WalkCosts
        Reverse costs.
    sites : Sites
        The facilities.
    cutoff : float
        Nothing beyond this primary cost is reached.
    towards : bool
        Search trips to the facilities (with reverse costs); False: trips from them (with forward costs).

    Returns
    -------
    NearestField
        Values of the nodes.
    """
    node, cost, extra, label, edge = _seeds(network, costs, sites, towards)
    has_private = network.private_node.size > 0
    if has_private:
        inside = np.flatnonzero(network.edge_kind[edge] != PUBLIC)
        rows = network.private_index[node[inside]]
        end = _spread_private(network, costs, rows, cost[inside], extra[inside], label[inside], cutoff)
        reached = np.flatnonzero(end.label >= 0)
        outside = np.flatnonzero(network.edge_kind[edge] == PUBLIC)
        node = np.concatenate([node[outside], network.private_node[reached]])
        cost = np.concatenate([cost[outside], end.best[reached]])
        extra = np.concatenate([extra[outside], end.second[reached]])
        label = np.concatenate([label[outside], end.label[reached]])
    arcs, primary, carried = network.public, costs.public_primary, costs.public_carried
    public = NodeValues(
        *nearest_labels(arcs.start, arcs.node, primary, carried, node, cost, extra, label, cutoff, costs.bucket)
    )
    if not has_private:
        return NearestField(public, NodeValues(np.empty(0), np.empty(0), _NO_INDEX))
    best = public.best[network.private_node]
    rows = np.flatnonzero(np.isfinite(best)).astype(np.int32)
    at = network.private_node[rows]
    start = _spread_private(network, costs, rows, best[rows], public.second[at], public.label[at], cutoff)
    return NearestField(public, start)


def _spread_private(
    network: StreetNetwork,
    costs: WalkCosts,
    rows: Int32,
    cost: Float,
    extra: Float,
    label: Int32,
    cutoff: float,
) -> NodeValues:
    """Search over the private arcs from private rows."""
    arcs, primary, carried = network.private, costs.private_primary, costs.private_carried
    return NodeValues(
        *nearest_labels(arcs.start, arcs.node, primary, carried, rows, cost, extra, label, cutoff, costs.bucket)
    )


def evaluate(
    network: StreetNetwork, costs: WalkCosts, sites: Sites, field: NearestField, points: PointLinks
) -> NodeValues:
    """Return the least cost of each point, its access leg and the walk along its own edge included.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    costs : WalkCosts
        The costs of the search.
    sites : Sites
        The facilities of the search.
    field : NearestField
        Its result.
    points : PointLinks
        Links of the points.

    Returns
    -------
    NodeValues
        Values of the points; `label` is the facility's place in the order of ties.
    """
    n = points.edge.size
    values = NodeValues(np.full(n, np.inf), np.full(n, np.inf), np.full(n, -1, np.int32))
    stops = network.stops
    stop_first = first_of_edge(network.n_edges, stops.edge) if stops.edge.size else _NO_INDEX
    for links in (points, *points.also):
        evaluate_points(
            links.edge, links.fraction, links.access_m * costs.leg_primary, links.access_m *
            costs.leg_carried, network.edge_u, network.edge_v, costs.edge_primary, costs.edge_carried,
            network.edge_oneway, network.edge_kind,
            field.public.best, field.public.second, field.public.label,
            network.private_index, field.private.best, field.private.second, field.private.label,
            stop_first, stops.edge, stops.fraction, stops.node,
            sites.first, sites.edge, sites.fraction,
            sites.access_m * costs.leg_primary, sites.access_m * costs.leg_carried, sites.label,
            values.best, values.second, values.label,
        )  # fmt: skip
    return values
