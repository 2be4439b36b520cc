"""Adding streets on top of a compiled network, so that no walking time can become longer.

Old edges, their geometry and every old link stay as they are. A new street joins at existing nodes, or inside an
old edge: there a stop is noted, with parts of the old edge beside the old edge itself, and points on the old edge
walk straight to the stop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeVar

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from geo.arrays import Float, Int, Int32
from geo.kernels.graph import GATE, component_labels
from geo.network.build import assemble, edge_columns
from geo.network.geometry import index_lines, line_coordinates, node_keys
from geo.network.link import LINK_CAP_M, PointLinks, link_to_lines
from geo.network.model import Lines, Stops, StreetNetwork

# A drawn end this close to an old street is meant to meet it.
JOIN_M: Final = 1.0
_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class ExtendedNetwork:
    """A network with streets added on top.

    Parameters
    ----------
    network : StreetNetwork
        Old and new streets; edges and nodes of the old network keep their numbers.
    added : Lines
        The new streets alone, for linking points to them.
    """

    network: StreetNetwork
    added: Lines

    def extend_links(self, links: PointLinks, lon: Float, lat: Float, *, cap_m: float = LINK_CAP_M) -> PointLinks:
        """Return old links with links to the new streets beside them.

        Parameters
        ----------
        links : PointLinks
            Links to the old network.
        lon, lat : Float
            The same points in degrees.
        cap_m : float
            Longest access leg in metres.

        Returns
        -------
        PointLinks
            Old and new links; a trip may use any of them.
        """
        return links.adding(link_to_lines(self.network, self.added, lon, lat, cap_m=cap_m))


def with_added_streets(
    network: StreetNetwork, segments: gpd.GeoDataFrame, *, join_m: float = JOIN_M
) -> ExtendedNetwork:
    """Add streets to a compiled network.

    Parameters
    ----------
    network : StreetNetwork
        The network; it is not changed.
    segments : GeoDataFrame
        New segments, as for `compile_network`; they join old and new streets at their ends only.
    join_m : float
        An end within this distance of an old street, and on no node, joins inside it.

    Returns
    -------
    ExtendedNetwork
        The network with the streets.

    Raises
    ------
    InputError
        A segment is not a line with finite coordinates.
    """
    table = segments[(segments["foot"] != "no") & segments.geometry.notna()]
    if len(table) == 0:
        return ExtendedNetwork(network, _no_lines())
    lon, lat, offset = line_coordinates(np.asarray(table.geometry.array))
    first, last = offset[:-1], offset[1:] - 1
    ends = np.concatenate([first, last])
    keys, where, inverse = np.unique(node_keys(lon[ends], lat[ends]), return_index=True, return_inverse=True)
    end_lon, end_lat = lon[ends[where]], lat[ends[where]]
    node, stops = _join(network, keys, end_lon, end_lat, join_m)
    is_new = node >= network.n_nodes
    u, v = node[inverse[: len(table)]], node[inverse[len(table) :]]
    columns = edge_columns(table, lon, lat, offset)
    parts = _parts_between_stops(network, stops, np.unique(stops.edge[stops.node >= network.n_nodes]))
    n_new, base = u.size, parts.base
    none = np.full(n_new + base.size, -1, np.int32)

    edge_u = _joined(network.edge_u, u, parts.u)
    edge_v = _joined(network.edge_v, v, parts.v)
    kind = _joined(network.edge_kind, columns.kind, network.edge_kind[base])
    n_nodes = network.n_nodes + int(is_new.sum())
    order = np.argsort(node[is_new])
    end_x, end_y = network.plane.forward(end_lon[is_new][order], end_lat[is_new][order])
    component = component_labels(n_nodes, edge_u, edge_v, np.ones(edge_u.size, np.bool_))
    public, private, private_node, private_index = assemble(n_nodes, edge_u, edge_v, kind)
    x, y = network.plane.forward(lon, lat)
    counts = np.diff(offset)
    ids = np.arange(network.n_edges, network.n_edges + n_new, dtype=np.int32)
    added = index_lines(x, y, counts, ids)
    return ExtendedNetwork(
        replace(
            network,
            node_lon=np.concatenate([network.node_lon, end_lon[is_new][order]]),
            node_lat=np.concatenate([network.node_lat, end_lat[is_new][order]]),
            node_x=np.concatenate([network.node_x, end_x]),
            node_y=np.concatenate([network.node_y, end_y]),
            node_component=component,
            n_components=int(component.max()) + 1,
            edge_u=edge_u,
            edge_v=edge_v,
            edge_length_m=_joined(network.edge_length_m, columns.length_m, network.edge_length_m[base] * parts.share),
            edge_steps=_joined(network.edge_steps, columns.steps, network.edge_steps[base]),
            edge_crossing_share=_joined(
                network.edge_crossing_share,
                columns.crossing_share,
                network.edge_crossing_share[base] * parts.share,
            ),
            edge_oneway=_joined(network.edge_oneway, columns.oneway, network.edge_oneway[base]),
            edge_kind=kind,
            edge_gate=_joined(network.edge_gate, none[:n_new], none[n_new:]),
            edge_segment=_joined(network.edge_segment, none[:n_new].astype(np.int64), network.edge_segment[base]),
            public=public,
            private=private,
            private_node=private_node,
            private_index=private_index,
            streets=_merge_lines(network.streets, added),
            stops=stops,
        ),
        added,
    )


def _joined(old: npt.NDArray[_Scalar], new: npt.NDArray[_Scalar], part: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    """Return values of old edges, new edges and parts of old edges, one after another."""
    return np.concatenate([old, new, part]).astype(old.dtype)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Parts of old edges between stops: ends, old edge, share of its length."""

    u: Int32
    v: Int32
    base: Int32
    share: Float


def _join(network: StreetNetwork, keys: Int, lon: Float, lat: Float, join_m: float) -> tuple[Int32, Stops]:
    """Find the node of each new end: an old node, a stop inside an old edge, or a node of its own."""
    old_keys = node_keys(network.node_lon, network.node_lat)
    is_copy = np.zeros(network.n_nodes, np.bool_)
    # At a gate the node inside it is met: a new street at a gate does not lead round it.
    is_copy[network.edge_u[network.edge_kind == GATE]] = True
    order = np.lexsort((is_copy, old_keys))
    position = np.minimum(np.searchsorted(old_keys[order], keys), order.size - 1)
    matched = old_keys[order[position]] == keys
    node = np.where(matched, order[position], -1).astype(np.int32)
    loose = np.flatnonzero(~matched)
    near = link_to_lines(network, network.streets, lon[loose], lat[loose], cap_m=join_m)
    at_u, at_v = (near.edge >= 0) & (near.fraction <= 0.0), (near.edge >= 0) & (near.fraction >= 1.0)
    node[loose[at_u]] = network.edge_u[near.edge[at_u]]
    node[loose[at_v]] = network.edge_v[near.edge[at_v]]
    fresh = np.flatnonzero(node < 0)
    node[fresh] = network.n_nodes + np.arange(fresh.size, dtype=np.int32)
    inside = np.flatnonzero((near.edge >= 0) & ~at_u & ~at_v)
    edge = np.concatenate([network.stops.edge, near.edge[inside]])
    fraction = np.concatenate([network.stops.fraction, near.fraction[inside]])
    stop_node = np.concatenate([network.stops.node, node[loose[inside]]])
    rank = np.lexsort((stop_node, fraction, edge))
    return node, Stops(edge[rank].astype(np.int32), fraction[rank], stop_node[rank].astype(np.int32))


def _parts_between_stops(network: StreetNetwork, stops: Stops, edges: Int32) -> _Parts:
    """Cut edges at their stops; the whole edge stays beside its parts."""
    u, v, base, share = [], [], [], []
    for edge in edges.tolist():
        rows = slice(*np.searchsorted(stops.edge, [edge, edge + 1]))
        chain = [network.edge_u[edge], *stops.node[rows], network.edge_v[edge]]
        u += chain[:-1]
        v += chain[1:]
        steps = np.diff(np.concatenate([[0.0], stops.fraction[rows], [1.0]]))
        share += steps.tolist()
        base += [edge] * steps.size
    return _Parts(np.array(u, np.int32), np.array(v, np.int32), np.array(base, np.int32), np.array(share, np.float64))


def _merge_lines(old: Lines, added: Lines) -> Lines:
    """Lay one grid over old and new streets."""
    x, y = np.concatenate([old.x, added.x]), np.concatenate([old.y, added.y])
    piece_edge = np.concatenate([old.piece_edge, added.piece_edge])
    last = np.flatnonzero(piece_edge < 0)
    counts = np.diff(np.concatenate([[-1], last])).astype(np.int64)
    return index_lines(x, y, counts, piece_edge[last - 1])


def _no_lines() -> Lines:
    """Return no lines."""
    return index_lines(np.empty(0), np.empty(0), np.empty(0, np.int64), np.empty(0, np.int32))
