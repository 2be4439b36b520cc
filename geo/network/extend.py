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

from geo.arrays import Float, Int, Int32, UInt8
from geo.kernels.graph import GATE, PRIVATE, PUBLIC, component_labels
from geo.kernels.grid import index_pieces
from geo.network.build import assemble_private, edge_columns
from geo.network.geometry import index_lines, line_coordinates, node_keys
from geo.network.link import LINK_CAP_M, PointLinks, link_to_lines
from geo.network.model import Arcs, Lines, Stops, StreetNetwork

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
    component, n_components = _joined_components(network, n_nodes, edge_u, edge_v)
    public = _more_arcs(network.public, n_nodes, edge_u, edge_v, kind, network.n_edges)
    private, private_node, private_index = _more_private(network, n_nodes, edge_u, edge_v, kind)
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
            n_components=n_components,
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
    # Few ends are new, so looking for them costs less than putting all nodes in order.
    hits = np.flatnonzero(np.isin(old_keys, keys))
    # At a gate the node inside it is met: a new street at a gate does not lead round it.
    is_copy = np.isin(hits, network.edge_u[network.edge_kind == GATE])
    hits = hits[np.lexsort((is_copy, old_keys[hits]))]
    node = np.full(keys.size, -1, np.int32)
    matched = np.isin(keys, old_keys[hits])
    node[matched] = hits[np.searchsorted(old_keys[hits], keys[matched])]
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


def _joined_components(network: StreetNetwork, n_nodes: int, edge_u: Int32, edge_v: Int32) -> tuple[Int32, int]:
    """Return the components with the new edges, numbered by their first node, and how many there are."""
    n_old = network.n_components
    fresh = np.arange(n_old, n_old + n_nodes - network.n_nodes, dtype=np.int32)
    label = np.concatenate([network.node_component, fresh])
    u, v = label[edge_u[network.n_edges :]], label[edge_v[network.n_edges :]]
    # Components are ordered by their first node, and so are the components of components.
    of_component = component_labels(n_old + fresh.size, u, v, np.ones(u.size, np.bool_))
    n_components = int(of_component.max()) + 1
    if np.array_equal(of_component[:n_old], np.arange(n_old)):
        # Nothing that hung apart was joined; only new nodes get a label.
        return np.concatenate([network.node_component, of_component[fresh]]), n_components
    return of_component[label], n_components


def _spliced(values: npt.NDArray[_Scalar], at: Int, more: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    """Return values with further ones before the given positions, which ascend."""
    pieces, last = [], 0
    for position, value in zip(at.tolist(), more, strict=True):
        pieces += [values[last:position], value[None]]
        last = position
    return np.concatenate([*pieces, values[last:]])


def _more_arcs(arcs: Arcs, n_nodes: int, edge_u: Int32, edge_v: Int32, kind: UInt8, n_old: int) -> Arcs:
    """Return the public arcs with those of the edges from `n_old` on; new arcs end their rows."""
    edges = np.flatnonzero(kind[n_old:] != PRIVATE).astype(np.int32) + np.int32(n_old)
    u, v = edge_u[edges], edge_v[edges]
    tail, head = np.stack([u, v], axis=1).ravel(), np.stack([v, u], axis=1).ravel()
    order = np.argsort(tail, kind="stable")
    old_n = arcs.start.size - 1
    end = np.concatenate([arcs.start[1:], np.full(n_nodes - old_n, arcs.start[-1], np.int32)])
    at = end[tail[order]].astype(np.int64)
    added = np.zeros(n_nodes + 1, np.int32)
    np.add.at(added, tail + 1, np.int32(1))
    start = np.concatenate([arcs.start[:1], end]) + np.cumsum(added, dtype=np.int32)
    return Arcs(
        start,
        _spliced(arcs.node, at, head[order]),
        _spliced(arcs.edge, at, np.repeat(edges, 2)[order]),
        _spliced(arcs.along, at, np.tile(np.array([1, 0], np.uint8), edges.size)[order]),
    )


def _more_private(
    network: StreetNetwork, n_nodes: int, edge_u: Int32, edge_v: Int32, kind: UInt8
) -> tuple[Arcs, Int32, Int32]:
    """Return the private arcs, node of each private row and private row of each node."""
    if (kind[network.n_edges :] != PUBLIC).any():
        return assemble_private(n_nodes, edge_u, edge_v, kind)
    index = network.private_index
    if index.size:
        index = np.concatenate([index, np.full(n_nodes - index.size, -1, np.int32)])
    return network.private, network.private_node, index


def _merge_lines(old: Lines, added: Lines) -> Lines:
    """Put added streets into the grid of the old ones; only where they leave it a new grid is laid."""
    x, y = np.concatenate([old.x, added.x]), np.concatenate([old.y, added.y])
    piece_edge = np.concatenate([old.piece_edge, added.piece_edge])
    inside = (
        old.n_x > 0
        and added.x.min() >= old.origin_x
        and added.y.min() >= old.origin_y
        and added.x.max() < old.origin_x + old.n_x * old.cell_m
        and added.y.max() < old.origin_y + old.n_y * old.cell_m
    )
    if not inside:
        last = np.flatnonzero(piece_edge < 0)
        counts = np.diff(np.concatenate([[-1], last])).astype(np.int64)
        return index_lines(x, y, counts, piece_edge[last - 1])
    start, pieces = index_pieces(
        added.x, added.y, added.piece_edge, old.origin_x, old.origin_y, old.cell_m, old.n_x, old.n_y
    )
    size = np.diff(start)
    cells = np.flatnonzero(size)
    at = np.repeat(old.cell_start[cells + 1], size[cells]).astype(np.int64)
    return replace(
        old,
        x=x,
        y=y,
        part=np.concatenate([old.part, added.part]),
        piece_edge=piece_edge,
        cell_start=old.cell_start + start,
        pieces=_spliced(old.pieces, at, pieces + np.int32(old.x.size)),
    )


def _no_lines() -> Lines:
    """Return no lines."""
    return index_lines(np.empty(0), np.empty(0), np.empty(0, np.int64), np.empty(0, np.int32))
