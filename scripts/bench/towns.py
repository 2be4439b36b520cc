"""Networks to measure on: the reference grid of the engine's goals, extracts, and the demo city."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from geo.network.build import compile_network
from geo.network.link import PointLinks
from geo.network.model import StreetNetwork
from geo.network.plane import Plane

STEP_M = 55.0
KEPT = 0.62
SIDE_169K, SIDE_301K, SIDE_PAIRS = 420, 560, 160
"""Crossings a side; the largest component holds about 169,000, 301,000 and 24,500 nodes."""


@dataclass(frozen=True, slots=True)
class Edges:
    """A plain undirected graph, for peers and oracles.

    Parameters
    ----------
    u, v : array of int
        End nodes.
    metres : array of float
        Lengths.
    n_nodes : int
        Number of nodes.
    """

    u: npt.NDArray[np.int64]
    v: npt.NDArray[np.int64]
    metres: npt.NDArray[np.float64]
    n_nodes: int

    def matrix(self) -> csr_array:
        """Return both directions as compressed rows; of parallel edges the shortest counts."""
        u, v = np.concatenate([self.u, self.v]), np.concatenate([self.v, self.u])
        metres = np.concatenate([self.metres, self.metres])
        order = np.lexsort((metres, v, u))
        u, v, metres = u[order], v[order], metres[order]
        first = np.ones(u.size, np.bool_)
        first[1:] = (np.diff(u) != 0) | (np.diff(v) != 0)
        return coo_array((metres[first], (u[first], v[first])), shape=(self.n_nodes, self.n_nodes)).tocsr()


def grid_segments(side: int, seed: int = 1) -> gpd.GeoDataFrame:
    """Return the reference grid as segments: jittered, 62 % of its sides kept, winding by up to a quarter."""
    random = np.random.default_rng(seed)
    col, row = np.meshgrid(np.arange(side), np.arange(side))
    xy = np.column_stack([col.ravel(), row.ravel()]) * STEP_M + random.normal(0.0, 0.2 * STEP_M, (side * side, 2))
    node = np.arange(side * side).reshape(side, side)
    u = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    v = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    kept = random.random(u.size) < KEPT
    u, v = u[kept], v[kept]
    graph = coo_array((np.ones(u.size), (u, v)), shape=(side * side, side * side))
    _, label = connected_components(graph, directed=False)
    inside = label[u] == np.bincount(label).argmax()
    u, v = u[inside], v[inside]
    lon, lat = Plane(118.05, 36.8).inverse(xy[:, 0] - side * STEP_M / 2, xy[:, 1] - side * STEP_M / 2)
    place = np.round(np.column_stack([lon, lat]), 7)
    ends = np.stack([place[u], place[v]], axis=1)
    metres = np.hypot(*(xy[v] - xy[u]).T) * random.uniform(1.0, 1.25, u.size)
    return gpd.GeoDataFrame(
        {"foot": "public", "length_m": metres}, geometry=shapely.linestrings(ends), crs="EPSG:4490"
    )


def grid(side: int, seed: int = 1) -> StreetNetwork:
    """Return the compiled reference grid."""
    return compile_network(grid_segments(side, seed))


def edges_of(network: StreetNetwork) -> Edges:
    """Return the edges of a network without private ways, gates and one-way footways."""
    return Edges(
        network.edge_u.astype(np.int64),
        network.edge_v.astype(np.int64),
        np.array(network.edge_length_m),
        network.n_nodes,
    )


def at_nodes(network: StreetNetwork, nodes: npt.NDArray[np.integer]) -> PointLinks:
    """Return links of points that stand on nodes."""
    arcs = network.public
    first = arcs.start[nodes]
    return PointLinks(
        arcs.edge[first], np.where(arcs.along[first] == 1, 0.0, 1.0), np.zeros(nodes.size)
    )


def random_links(network: StreetNetwork, n: int, seed: int, *, leg_m: float = 30.0) -> PointLinks:
    """Return links at random positions on streets, with access legs."""
    random = np.random.default_rng(seed)
    streets = np.flatnonzero(network.edge_gate < 0)
    return PointLinks(
        random.choice(streets, n).astype(np.int32), random.random(n), random.uniform(0.0, leg_m, n)
    )


def positions_of(network: StreetNetwork, links: PointLinks) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the degrees of linked points, on the street itself."""
    lines = network.streets
    last = np.flatnonzero(lines.piece_edge < 0)
    first = np.concatenate([[0], last[:-1] + 1])
    line_of = np.full(network.n_edges, -1)
    line_of[lines.piece_edge[last - 1]] = np.arange(last.size)
    line = line_of[links.edge]
    # Shares grow along a line, so with the line's number added one search finds every piece.
    number = np.repeat(np.arange(last.size), last - first + 1)
    vertex = np.searchsorted(number * 2.0 + lines.part, line * 2.0 + links.fraction, "right") - 1
    vertex = np.clip(vertex, first[line], last[line] - 1)
    a, b = lines.part[vertex], lines.part[vertex + 1]
    share = np.divide(links.fraction - a, b - a, out=np.zeros(vertex.size), where=b > a)
    x = lines.x[vertex] + share * (lines.x[vertex + 1] - lines.x[vertex])
    y = lines.y[vertex] + share * (lines.y[vertex + 1] - lines.y[vertex])
    return network.plane.inverse(x, y)


def samples(network: StreetNetwork, step_m: float = 5.0) -> PointLinks:
    """Return places on all streets, a step apart."""
    n = np.where(network.edge_gate < 0, np.maximum((network.edge_length_m / step_m).astype(int), 1), 0)
    edge = np.repeat(np.arange(network.n_edges), n)
    fraction = (np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + 0.5) / n[edge]
    return PointLinks(edge.astype(np.int32), fraction, np.zeros(edge.size))
