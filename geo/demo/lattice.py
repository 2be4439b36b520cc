"""Paths inside plots: a jittered grid in each, thinned to an irregular net, for all plots at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from geo.arrays import Bool, Float, Int
from geo.demo.plane import Geometries, snap


@dataclass(frozen=True, slots=True)
class Lattice:
    """Nodes and edges of all inner nets.

    Parameters
    ----------
    xy : array, shape (n, 2)
        Node positions on the identity grid.
    plot : array of int, shape (n,)
        Plot of each node.
    component : array of int, shape (n,)
        Connected piece of each node; pieces never span plots.
    is_rim : array of bool, shape (n,)
        Nodes at the edge of their plot's net.
    u, v : array of int, shape (n_edges,)
        Ends of each edge.
    axis, row, rank : array of int, shape (n_edges,)
        Grid direction (0 or 1), grid line within the plot, and order along that line.
    """

    xy: Float
    plot: Int
    component: Int
    is_rim: Bool
    u: Int
    v: Int
    axis: Int
    row: Int
    rank: Int


def make_lattice(
    areas: Geometries,
    spacing_m: Float,
    jitter: Float,
    loops: Float,
    avoid: Geometries,
    rng: np.random.Generator,
) -> Lattice:
    """Lay a net into each plot.

    Parameters
    ----------
    areas : array of Polygon, shape (n_plots,)
        Plots; nets keep 5 m from the edge.
    spacing_m : array, shape (n_plots,)
        Distance between grid lines.
    jitter : array, shape (n_plots,)
        Random shift of nodes as a share of the spacing.
    loops : array, shape (n_plots,)
        Share of edges kept beyond a tree.
    avoid : array of LineString
        Lines that no edge may touch.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Lattice
        The nets; nodes without an edge are left out.
    """
    inner = shapely.buffer(areas, -5.0)
    shapely.prepare(inner)
    xy, plot, column, line, right, up = _grid_nodes(areas, spacing_m, jitter, rng)
    inside = np.asarray(shapely.contains_xy(inner[plot], xy[:, 0], xy[:, 1]))
    xy = snap(xy)
    u = np.concatenate([np.flatnonzero(right >= 0), np.flatnonzero(up >= 0)])
    v = np.concatenate([right[right >= 0], up[up >= 0]])
    axis = np.repeat([0, 1], [int((right >= 0).sum()), int((up >= 0).sum())])
    middle = (xy[u] + xy[v]) / 2
    good = inside[u] & inside[v]
    good[good] = shapely.contains_xy(inner[plot[u[good]]], middle[good, 0], middle[good, 1])
    u, v, axis = u[good], v[good], axis[good]
    if len(avoid):
        legs = shapely.linestrings(np.stack([xy[u], xy[v]], axis=1))
        hit = shapely.STRtree(avoid).query(legs, predicate="dwithin", distance=4.0)[0]
        clear = np.ones(len(u), dtype=bool)
        clear[hit] = False
        u, v, axis = u[clear], v[clear], axis[clear]
    degree = np.bincount(np.concatenate([u, v]), minlength=len(xy))
    kept = _thin(u, v, loops[plot[u]], len(xy), rng)
    u, v, axis = u[kept], v[kept], axis[kept]
    row, rank = np.where(axis == 0, line[u], column[u]), np.where(axis == 0, column[u], line[u])
    used = np.zeros(len(xy), dtype=bool)
    used[u] = used[v] = True
    number = np.cumsum(used) - 1
    u, v = number[u], number[v]
    graph = coo_matrix((np.ones(len(u)), (u, v)), shape=(int(used.sum()),) * 2)
    component = connected_components(graph, directed=False)[1].astype(np.int64)
    return Lattice(xy[used], plot[used], component, degree[used] < 4, u, v, axis, row, rank)


def _grid_nodes(
    areas: Geometries, spacing_m: Float, jitter: Float, rng: np.random.Generator
) -> tuple[Float, Int, Int, Int, Int, Int]:
    """Return every grid: position, plot, column, line, and the neighbours right and above (-1 none)."""
    box = shapely.get_coordinates(shapely.oriented_envelope(areas)).reshape(-1, 5, 2)
    width, height = np.hypot(*(box[:, 1] - box[:, 0]).T), np.hypot(*(box[:, 3] - box[:, 0]).T)
    columns = np.maximum(np.round(width / spacing_m).astype(np.int64), 2)
    lines = np.maximum(np.round(height / spacing_m).astype(np.int64), 2)
    total = columns * lines
    plot = np.repeat(np.arange(len(areas)), total)
    local = np.arange(int(total.sum())) - np.repeat(np.cumsum(total) - total, total)
    column, line = local % columns[plot], local // columns[plot]
    # Half a step of margin keeps the outer lines well inside the plot.
    sx = (column + 0.5) / columns[plot]
    sy = (line + 0.5) / lines[plot]
    wobble = rng.normal(0, 1, (len(plot), 2)) * (jitter * spacing_m)[plot, None]
    east, north = (box[:, 1] - box[:, 0])[plot], (box[:, 3] - box[:, 0])[plot]
    xy = box[plot, 0] + east * sx[:, None] + north * sy[:, None] + wobble
    here = np.arange(len(plot))
    right = np.where(column + 1 < columns[plot], here + 1, -1)
    up = np.where(line + 1 < lines[plot], here + columns[plot], -1)
    return xy, plot, column, line, right, up


def _thin(u: Int, v: Int, loops: Float, n: int, rng: np.random.Generator) -> Bool:
    """Keep a random spanning forest and a share of the other edges."""
    weight = rng.uniform(1, 2, len(u))
    tree = minimum_spanning_tree(coo_matrix((weight, (u, v)), shape=(n, n)).tocsr()).tocoo()
    in_tree = np.isin(u * n + v, tree.row.astype(np.int64) * n + tree.col)
    return np.asarray(in_tree | (rng.random(len(u)) < loops))


@dataclass(frozen=True, slots=True)
class Links:
    """Short paths that join inner nets to streets.

    Parameters
    ----------
    node : array of int, shape (n_links,)
        Node of the net.
    foot : array, shape (n_links, 2)
        Where the link meets the street.
    order : array of int, shape (n_links,)
        0 for the shortest link of each connected piece, then 1, 2, …
    """

    node: Int
    foot: Float
    order: Int


def link_lattice(
    lattice: Lattice, streets: Geometries, wanted: Int, rng: np.random.Generator, *, reach_m: float = 90.0
) -> Links:
    """Join some rim nodes of each connected piece, in different directions, to the nearest street.

    Parameters
    ----------
    lattice : Lattice
        The nets.
    streets : array of LineString
        Streets to join to.
    wanted : array of int, shape (n_plots,)
        Links for each piece, at most.
    rng : numpy.random.Generator
        Source of chance.
    reach_m : float
        Longest link, except for the first of each piece (six times as long).

    Returns
    -------
    Links
        The links.
    """
    rim = np.flatnonzero(lattice.is_rim)
    tree = shapely.STRtree(streets)
    points = shapely.points(lattice.xy[rim])
    near = tree.query_nearest(points, max_distance=reach_m * 6, all_matches=False)
    rim, street = rim[near[0]], near[1]
    at = shapely.line_locate_point(streets[street], shapely.points(lattice.xy[rim]))
    foot = shapely.get_coordinates(shapely.line_interpolate_point(streets[street], at))
    length = np.hypot(*(foot - lattice.xy[rim]).T)
    piece = lattice.component[rim]
    count = int(lattice.component.max()) + 1
    size = np.bincount(lattice.component, minlength=count)
    middle = np.column_stack(
        [np.bincount(lattice.component, weights=lattice.xy[:, axis], minlength=count) / size for axis in (0, 1)]
    )
    k = wanted[lattice.plot[rim]]
    turn = rng.random(count)[piece]
    out = foot - middle[piece]
    sector = np.floor((np.arctan2(out[:, 1], out[:, 0]) / (2 * np.pi) + 1 + turn) % 1 * k).astype(np.int64)
    order = np.lexsort([length, sector, piece])
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(piece[order]) != 0) | (np.diff(sector[order]) != 0)
    chosen = order[first]
    chosen = chosen[np.lexsort([length[chosen], piece[chosen]])]
    begin = np.ones(len(chosen), dtype=bool)
    begin[1:] = np.diff(piece[chosen]) != 0
    start = np.maximum.accumulate(np.where(begin, np.arange(len(chosen)), 0))
    rank = np.arange(len(chosen)) - start
    good = (length[chosen] < reach_m) | (rank == 0)
    chosen, rank = chosen[good], rank[good]
    return Links(rim[chosen], foot[chosen], rank)
