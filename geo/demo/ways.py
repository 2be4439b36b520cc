"""Ways: all lines noded into one network and chained into long ways; inner nets and walls beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.arrays import Bool, Float, Int
from geo.demo.compounds import Gates, Plots
from geo.demo.lattice import Lattice, Links
from geo.demo.lines import Lines, lines_of
from geo.demo.plane import GRID_M, keys, snap

# A vertex at least this often, metres: enough to look bent after the warp.
VERTEX_M = {"city": 120.0, "town": 120.0, "road": 320.0, "sidewalk": 95.0, "zebra": 60.0, "link": 80.0}


@dataclass(frozen=True, slots=True)
class Ways:
    """Ways as chains of positions.

    Parameters
    ----------
    start : array of int, shape (n_ways + 1,)
        First vertex of each way.
    xy : array, shape (n_vertices, 2)
        Vertices on the identity grid; equal positions are one node.
    line : array of int, shape (n_ways,)
        Line (or plot, for inner nets and walls) each way comes from.
    kind : array of str, shape (n_ways,)
        OSM highway value, or ``wall``.
    role : array of str, shape (n_ways,)
        Role of the line; ``inner`` for nets and ``wall`` for walls.
    mark : array of str, shape (n_ways,)
        ``""``, ``bridge``, ``underpass``, ``signals``, ``marked``, ``steps`` or ``unnamed``.
    """

    start: Int
    xy: Float
    line: Int
    kind: np.ndarray
    role: np.ndarray
    mark: np.ndarray

    def __len__(self) -> int:
        """Return the number of ways."""
        return len(self.line)

    def __add__(self, other: Ways) -> Ways:
        """Append other ways."""
        return Ways(
            np.concatenate([self.start, other.start[1:] + self.start[-1]]),
            np.concatenate([self.xy, other.xy]),
            np.concatenate([self.line, other.line]),
            np.concatenate([self.kind, other.kind]),
            np.concatenate([self.role, other.role]),
            np.concatenate([self.mark, other.mark]),
        )

    def take(self, mask: Bool) -> Ways:
        """Return some of the ways.

        Parameters
        ----------
        mask : array of bool, shape (n_ways,)
            Which.

        Returns
        -------
        Ways
            The chosen ways.
        """
        size = np.diff(self.start)
        vertex = np.repeat(mask, size)
        start = np.concatenate([[0], np.cumsum(size[mask])])
        return Ways(start, self.xy[vertex], self.line[mask], self.kind[mask], self.role[mask], self.mark[mask])


def link_lines(lattice: Lattice, links: Links, gates: Gates) -> Lines:
    """Draw links as lines through their gates.

    Parameters
    ----------
    lattice : Lattice
        The nets.
    links : Links
        Node and street end of each link.
    gates : Gates
        Gates on some of the links.

    Returns
    -------
    Lines
        One line for each link, of role ``link``.
    """
    inner = lattice.xy[links.node]
    middle = (inner + links.foot) / 2
    middle[gates.link] = gates.xy
    gated = np.zeros(len(inner), dtype=bool)
    gated[gates.link] = True
    legs = np.stack([inner, middle, links.foot], axis=1)
    geometry = np.asarray(shapely.linestrings(legs), dtype=object)
    geometry[~gated] = shapely.linestrings(legs[~gated][:, [0, 2]])
    return lines_of(geometry, "service", "link")


def node_lines(lines: Lines, rng: np.random.Generator) -> Ways:
    """Split lines where they meet and chain the pieces back into ways.

    Parameters
    ----------
    lines : Lines
        Every line that people may meet on one level.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Ways
        Ways in the order of the lines.
    """
    pieces = shapely.get_parts(shapely.union_all(lines.geometry, grid_size=GRID_M))
    line, place, pieces = _sources(lines, pieces)
    mark = lines.crossing[line].copy()
    mark = _mark_crossings(lines, pieces, line, mark, rng)
    mark = _mark_unnamed(lines, line, place, mark)
    keep = _keep(lines, pieces, line)
    pieces, line, place, mark = pieces[keep], line[keep], place[keep], mark[keep]
    order = np.lexsort([place, line])
    pieces, line, mark = pieces[order], line[order], mark[order]
    step = np.array([VERTEX_M[str(role)] for role in lines.role[line]])
    dense = shapely.segmentize(pieces, step)
    return _chain(lines, dense, line, mark)


def _sources(lines: Lines, pieces: np.ndarray) -> tuple[Int, Float, np.ndarray]:
    """Tell which line each piece comes from and where along it; turn pieces to run along their line."""
    tree = shapely.STRtree(lines.geometry)
    middle = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    piece, line = tree.query_nearest(middle, max_distance=1.0, all_matches=False)
    source = lines.geometry[line]
    pieces = pieces[piece]
    place = shapely.line_locate_point(source, middle[piece])
    early = shapely.line_locate_point(source, shapely.line_interpolate_point(pieces, 0.3, normalized=True))
    late = shapely.line_locate_point(source, shapely.line_interpolate_point(pieces, 0.7, normalized=True))
    pieces = np.where(early > late, shapely.reverse(pieces), pieces)
    return line.astype(np.int64), place, pieces


def _mark_crossings(
    lines: Lines, pieces: np.ndarray, line: Int, mark: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Mark the pieces of sidewalks that cross another main street, and all zebras."""
    main = np.isin(lines.kind, ["primary", "trunk"]) & (lines.role == "city")
    role = lines.role[line]
    side = np.flatnonzero(role == "sidewalk")
    middle = shapely.line_interpolate_point(pieces[side], 0.5, normalized=True)
    if main.any() and len(side):
        near = shapely.STRtree(lines.geometry[main]).query(middle, predicate="dwithin", distance=13.0)[0]
        mark[side[np.unique(near)]] = "signals"
    zebra = role == "zebra"
    lit = rng.random(len(lines.kind)) < 0.7
    mark[zebra] = np.where(lit[line[zebra]], "signals", "marked")
    return mark


def _mark_unnamed(lines: Lines, line: Int, place: Float, mark: np.ndarray) -> np.ndarray:
    """Mark the middle of the three longest secondary streets: their name breaks off there, as it does on real maps."""
    length = np.where((lines.kind == "secondary") & (lines.role == "city"), shapely.length(lines.geometry), 0.0)
    broken = np.isin(line, np.argsort(-length, kind="stable")[:3])
    share = place / np.maximum(length[line], 1.0)
    return np.where(broken & (mark == "") & (share > 0.42) & (share < 0.58), "unnamed", mark)


def _keep(lines: Lines, pieces: np.ndarray, line: Int) -> Bool:
    """Drop short dead ends left over from cutting."""
    ends = shapely.get_coordinates(pieces)
    count = shapely.get_num_coordinates(pieces)
    last = np.cumsum(count) - 1
    both = np.concatenate([keys(ends[last - count + 1]), keys(ends[last])])
    _, inverse, degree = np.unique(both, return_inverse=True, return_counts=True)
    loose = (degree[inverse] == 1).reshape(2, -1).any(axis=0)
    role = lines.role[line]
    limit = np.where(role == "zebra", 3.0, np.where(role == "link", 0.0, np.where(role == "sidewalk", 12.0, 28.0)))
    return np.asarray(~(loose & (shapely.length(pieces) < limit)))


def _chain(lines: Lines, pieces: np.ndarray, line: Int, mark: np.ndarray) -> Ways:
    """Join consecutive pieces of one line and one mark into ways."""
    xy = shapely.get_coordinates(pieces)
    count = shapely.get_num_coordinates(pieces)
    first = np.cumsum(count) - count
    last = first + count - 1
    key = keys(xy)
    fresh = np.ones(len(pieces), dtype=bool)
    fresh[1:] = (np.diff(line) != 0) | (mark[1:] != mark[:-1]) | (key[first[1:]] != key[last[:-1]])
    keep = np.ones(len(xy), dtype=bool)
    keep[first[~fresh]] = False
    way = np.cumsum(fresh) - 1
    size = np.bincount(way[np.repeat(np.arange(len(pieces)), count)][keep])
    head = np.flatnonzero(fresh)
    source = line[head]
    return Ways(
        np.concatenate([[0], np.cumsum(size)]),
        snap(xy[keep]),
        source,
        lines.kind[source].copy(),
        lines.role[source].copy(),
        mark[head],
    )


def inner_ways(lattice: Lattice, plots: Plots, rng: np.random.Generator) -> Ways:
    """Chain the edges of inner nets along their grid lines.

    Parameters
    ----------
    lattice : Lattice
        The nets.
    plots : Plots
        Their plots, which decide the kind of path.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Ways
        Ways of role ``inner``; ``line`` is the plot.
    """
    plot = lattice.plot[lattice.u]
    order = np.lexsort([lattice.rank, lattice.row, lattice.axis, plot])
    u, v, plot = lattice.u[order], lattice.v[order], plot[order]
    axis, row, rank = lattice.axis[order], lattice.row[order], lattice.rank[order]
    use = plots.use[plot]
    stairs = (use != "village") & (rng.random(len(u)) < np.where(use == "park", 0.05, 0.006))
    fresh = np.ones(len(u), dtype=bool)
    fresh[1:] = (np.diff(plot) != 0) | (np.diff(axis) != 0) | (np.diff(row) != 0) | (np.diff(rank) != 1)
    fresh[1:] |= stairs[1:] != stairs[:-1]
    way = np.cumsum(fresh) - 1
    head = np.flatnonzero(fresh)
    size = np.bincount(way) + 1
    start = np.concatenate([[0], np.cumsum(size)])
    node = np.empty(int(start[-1]), dtype=np.int64)
    node[start[:-1]] = u[head]
    node[np.arange(len(v)) + way + 1] = v
    kind = _inner_kinds(use[head], axis[head], rng)
    kind[stairs[head]] = "steps"
    count = len(head)
    return Ways(
        start,
        lattice.xy[node],
        plot[head],
        kind,
        np.full(count, "inner", dtype=object),
        np.where(stairs[head], "steps", "").astype(object),
    )


def _inner_kinds(use: np.ndarray, axis: Int, rng: np.random.Generator) -> np.ndarray:
    """Draw the highway value of inner ways."""
    table = {
        "compound": (["service", "service"], ["footway", "service"]),
        "lanes": (["living_street", "residential"], ["footway", "living_street"]),
        "commercial": (["service", "pedestrian"], ["footway", "service"]),
        "public": (["service", "service"], ["footway", "footway"]),
        "industry": (["service", "service"], ["service", "service"]),
        "park": (["footway", "path"], ["footway", "footway"]),
        "village": (["residential", "service"], ["path", "residential"]),
    }
    draw = (rng.random(len(use)) < 0.3).astype(np.int64)
    kind = np.empty(len(use), dtype=object)
    for name, choices in table.items():
        for side in (0, 1):
            mine = (use == name) & (axis == side)
            kind[mine] = np.array(choices[side], dtype=object)[draw[mine]]
    return kind


def wall_ways(plots: Plots, gates: Gates) -> Ways:
    """Draw the walls, with a vertex at each gate.

    Parameters
    ----------
    plots : Plots
        Plots, of which some are walled.
    gates : Gates
        Gates.

    Returns
    -------
    Ways
        Closed ways of role ``wall``; ``line`` is the plot.
    """
    which = np.flatnonzero(plots.is_walled)
    ring = shapely.get_exterior_ring(plots.area[which])
    xy, row = shapely.get_coordinates(ring, return_index=True)
    last = np.concatenate([row[1:] != row[:-1], [True]])
    begin = np.searchsorted(row, np.arange(len(which)))
    leg = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    run = np.cumsum(leg)
    place = run - run[begin[row]]
    number = np.full(len(plots.use), -1, dtype=np.int64)
    number[which] = np.arange(len(which))
    gate_row = number[gates.plot]
    gate_place = shapely.line_locate_point(ring[gate_row], shapely.points(gates.xy))
    every = np.concatenate([xy, gates.xy])
    owner = np.concatenate([row, gate_row])
    where = np.concatenate([np.where(last, np.inf, place), gate_place])
    order = np.lexsort([where, owner])
    every, owner = snap(every[order]), owner[order]
    double = np.concatenate([[False], (np.diff(owner) == 0) & (np.diff(keys(every)) == 0)])
    every, owner = every[~double], owner[~double]
    start = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(which)))])
    count = len(which)
    return Ways(
        start,
        every,
        which,
        np.full(count, "wall", dtype=object),
        np.full(count, "wall", dtype=object),
        np.full(count, "", dtype=object),
    )
