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


def _seeds(
    network: StreetNetwork, costs: WalkCosts, sites: Sites
) -> tuple[Int32, Float, Float, Int32, Int32]:
    """Return node, primary, carried, label and edge of the places where a walk to a site leaves the nodes."""
    whole, extra = costs.edge_primary[sites.edge], costs.edge_carried[sites.edge]
    leg, leg_extra = sites.access_m * costs.leg_primary, sites.access_m * costs.leg_carried
    oneway = network.edge_oneway[sites.edge]
    node: list[npt.NDArray[np.int32]] = [network.edge_u[sites.edge], network.edge_v[sites.edge]]
    share: list[Float] = [sites.fraction, 1.0 - sites.fraction]
    # Arriving from u walks with the edge, from v against it; standing on the end walks neither way.
    ok = [(oneway != 2) | (share[0] == 0.0), (oneway != 1) | (share[1] == 0.0)]
    row = [np.arange(sites.edge.size)] * 2
    if network.stops.edge.size:
        site, stop = _pairs_on_edges(network, sites)
        ahead = network.stops.fraction[stop] <= sites.fraction[site]
        node.append(np.asarray(network.stops.node[stop]))
        share.append(np.abs(network.stops.fraction[stop] - sites.fraction[site]))
        ok.append(np.where(ahead, oneway[site] != 2, oneway[site] != 1) | (share[-1] == 0.0))
        row.append(site)
    keep = np.flatnonzero(np.concatenate(ok))
    at = np.concatenate(row)[keep]
    part = np.concatenate(share)[keep]
    return (
        np.concatenate(node)[keep].astype(np.int32),
        leg[at] + part * whole[at],
        leg_extra[at] + part * extra[at],
        sites.label[at],
        sites.edge[at],
    )


def _pairs_on_edges(network: StreetNetwork, sites: Sites) -> tuple[Int32, Int32]:
    """Return every (site, stop) that share an edge."""
    low = np.searchsorted(network.stops.edge, sites.edge, "left")
    count = np.searchsorted(network.stops.edge, sites.edge, "right") - low
    site = np.repeat(np.arange(sites.edge.size), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return site.astype(np.int32), (np.repeat(low, count) + within).astype(np.int32)


def search_nearest(network: StreetNetwork, costs: WalkCosts, sites: Sites, *, cutoff: float) -> NearestField:
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

    Returns
    -------
    NearestField
        Values of the nodes.
    """
    node, cost, extra, label, edge = _seeds(network, costs, sites)
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
        *nearest_labels(
            arcs.start, arcs.node, primary, carried, node, cost, extra, label, cutoff, costs.bucket
        )
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
        *nearest_labels(
            arcs.start, arcs.node, primary, carried, rows, cost, extra, label, cutoff, costs.bucket
        )
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
