"""Plots: what each block is used for, how far its wall stands from the street, and who may pass its gates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.arrays import Bool, Float, Int
from geo.demo.blocks import Blocks
from geo.demo.lattice import Lattice, Links
from geo.demo.lines import HALF_WIDTH_M, SIDEWALK_M, Lines
from geo.demo.plane import Geometries, snap
from geo.demo.recipe import Recipe

USES = ("compound", "lanes", "commercial", "public", "industry", "park", "village")
# Inner path density against a compound's, share of loops, jitter, links, density of older people.
DENSITY = {
    "compound": 1.0,
    "lanes": 1.5,
    "commercial": 0.55,
    "public": 0.45,
    "industry": 0.16,
    "park": 0.4,
    "village": 0.8,
}
LOOPS = {
    "compound": 0.5,
    "lanes": 0.4,
    "commercial": 0.5,
    "public": 0.35,
    "industry": 0.3,
    "park": 0.5,
    "village": 0.32,
}
JITTER = {
    "compound": 0.07,
    "lanes": 0.17,
    "commercial": 0.06,
    "public": 0.09,
    "industry": 0.06,
    "park": 0.24,
    "village": 0.26,
}


@dataclass(frozen=True, slots=True)
class Plots:
    """Land inside blocks, and villages.

    Parameters
    ----------
    area : array of Polygon, shape (n_plots,)
        In the even plane; the wall, if there is one, runs along its edge.
    use : array of str, shape (n_plots,)
        One of `USES`.
    access : array of str, shape (n_plots,)
        ``open`` (no wall), ``public`` (gates open to all), ``residents`` or ``mixed``.
    town : array of int, shape (n_plots,)
        Town, -1 for villages.
    """

    area: Geometries
    use: np.ndarray
    access: np.ndarray
    town: Int

    @property
    def is_walled(self) -> Bool:
        """Whether a wall runs around each plot.

        Returns
        -------
        array of bool, shape (n_plots,)
            True where there is a wall.
        """
        return np.asarray(self.access != "open")

    @property
    def is_home(self) -> Bool:
        """Whether people live on each plot.

        Returns
        -------
        array of bool, shape (n_plots,)
            True for compounds, lanes and villages.
        """
        return np.isin(self.use, ["compound", "lanes", "village"])

    def __add__(self, other: Plots) -> Plots:
        """Append other plots."""
        return Plots(
            np.concatenate([self.area, other.area]),
            np.concatenate([self.use, other.use]),
            np.concatenate([self.access, other.access]),
            np.concatenate([self.town, other.town]),
        )


def make_plots(recipe: Recipe, blocks: Blocks, streets: Lines, rng: np.random.Generator) -> Plots:
    """Give each block a use and set its edge back from the streets.

    Parameters
    ----------
    recipe : Recipe
        Size of the city.
    blocks : Blocks
        Blocks up to the street centre lines.
    streets : Lines
        Streets around them.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Plots
        Plots of at least 1,200 m².
    """
    area = _set_back(blocks.area, streets)
    good = (shapely.get_type_id(area) == 3) & (shapely.area(area) > 1200)
    # Slivers between a street and a bend of the river stay green.
    good &= shapely.area(area) > 11.0 * shapely.length(area)
    good &= _is_built(recipe, area, blocks.town, rng)
    area, town = area[good], blocks.town[good]
    use = _uses(recipe, area, town, rng)
    access = np.full(len(area), "open", dtype=object)
    walled = use == "compound"
    # Newer estates farther out are closed more often than those near the centre.
    distance = np.hypot(*shapely.get_coordinates(shapely.centroid(area)).T) / 1000
    closed = np.clip(0.28 + 0.06 * distance, 0, 0.6) * np.where(town == 0, 1.0, 0.55)
    draw = rng.random(len(area))
    access[walled] = "mixed"
    access[walled & (draw < closed)] = "residents"
    access[walled & (draw > 0.86)] = "open"
    access[np.isin(use, ["industry", "public"])] = "public"
    access[(use == "industry") & (draw < 0.8)] = "residents"
    return Plots(area, use, access, town)


def _is_built(recipe: Recipe, area: Geometries, town: Int, rng: np.random.Generator) -> Bool:
    """Leave fields between the outermost blocks of the city."""
    x0, y0, x1, y1 = shapely.bounds(area).T
    radius = np.hypot((x0 + x1) / 2, (y0 + y1) / 2) / 1000
    rim = np.clip((radius / recipe.size.city_radius_km - 0.82) * 1.6, 0, 0.6)
    return np.asarray((town != 0) | (rng.random(len(area)) >= rim))


def _set_back(area: Geometries, streets: Lines) -> Geometries:
    """Shrink blocks by the half width of each street around them; the largest piece counts."""
    out = shapely.buffer(area, -HALF_WIDTH_M["residential"], join_style="mitre")
    wide = np.array([HALF_WIDTH_M.get(str(kind), 8.0) for kind in streets.kind])
    for width in np.unique(wide[wide > 8.0]):
        lines = streets.geometry[wide == width]
        index, line = shapely.STRtree(lines).query(out, predicate="dwithin", distance=float(width))
        for block in np.unique(index):
            strip = shapely.buffer(shapely.union_all(lines[line[index == block]]), float(width), quad_segs=4)
            out[block] = shapely.difference(out[block], strip)
    parts, row = shapely.get_parts(out, return_index=True)
    size = shapely.area(parts)
    order = np.lexsort([-size, row])
    first = order[np.unique(row[order], return_index=True)[1]]
    result = np.full(len(area), shapely.Point(), dtype=object)
    result[row[first]] = parts[first]
    return np.asarray(result)


def _uses(recipe: Recipe, area: Geometries, town: Int, rng: np.random.Generator) -> np.ndarray:
    """Draw uses by zone."""
    xy = shapely.get_coordinates(shapely.centroid(area))
    radius = np.hypot(*xy.T) / 1000 / recipe.size.city_radius_km
    east = (town == 0) & (xy[:, 0] > 3900 + 0.35 * xy[:, 1])
    zones = {
        "old": [0.36, 0.31, 0.17, 0.10, 0.0, 0.06],
        "mid": [0.66, 0.05, 0.11, 0.10, 0.02, 0.06],
        "fringe": [0.58, 0.03, 0.06, 0.09, 0.17, 0.07],
        "east": [0.43, 0.05, 0.06, 0.07, 0.34, 0.05],
        "town": [0.36, 0.38, 0.10, 0.07, 0.05, 0.04],
    }
    zone = np.where(
        town > 0,
        "town",
        np.where(east, "east", np.where(radius < 0.33, "old", np.where(radius < 0.75, "mid", "fringe"))),
    )
    draw = rng.random(len(area))
    use = np.full(len(area), "compound", dtype=object)
    for name, shares in zones.items():
        mine = zone == name
        use[mine] = np.array(USES[:6], dtype=object)[np.searchsorted(np.cumsum(shares), draw[mine]).clip(0, 5)]
    use[(shapely.area(area) < 3500) & (use == "industry")] = "commercial"
    return use


def sidewalks(streets: Lines, within: shapely.Polygon) -> Lines:
    """Draw separate sidewalks along the main streets of the inner city, and marked crossings every 330 m.

    Parameters
    ----------
    streets : Lines
        Streets, already cut at river and railway.
    within : Polygon
        Where main streets have separate sidewalks.

    Returns
    -------
    Lines
        Sidewalks (role ``sidewalk``) and crossings between junctions (role ``zebra``).
    """
    wide = np.isin(streets.kind, ["primary", "trunk"]) & (streets.role == "city")
    main = streets.take(wide & shapely.intersects(streets.geometry, within))
    geometry = shapely.intersection(main.geometry, within)
    parts, row = shapely.get_parts(shapely.line_merge(geometry), return_index=True)
    good = (shapely.get_type_id(parts) == 1) & (shapely.length(parts) > 60)
    parts, crossing = parts[good], main.crossing[row[good]]
    sides = [shapely.offset_curve(parts, side * SIDEWALK_M, join_style="round") for side in (1, -1)]
    flat, row = shapely.get_parts(np.concatenate(sides), return_index=True)
    long = shapely.length(flat) > 20
    flat, row = flat[long], row[long]
    paths = Lines(
        flat,
        np.full(len(flat), "footway", dtype=object),
        np.full(len(flat), "sidewalk", dtype=object),
        np.concatenate([crossing, crossing])[row],
    )
    return paths + _zebras(parts[crossing == ""])


def _zebras(parts: Geometries) -> Lines:
    """Draw crossings at right angles, half a metre too long so that they surely meet both sidewalks."""
    found = []
    for line in parts:
        at = np.arange(165.0, line.length - 60, 330.0)
        a = shapely.get_coordinates(shapely.line_interpolate_point(line, at - 1))
        b = shapely.get_coordinates(shapely.line_interpolate_point(line, at + 1))
        along = (b - a) / np.maximum(np.hypot(*(b - a).T), 1e-9)[:, None]
        across = np.column_stack([-along[:, 1], along[:, 0]]) * (SIDEWALK_M + 0.6)
        middle = (a + b) / 2
        found.append(np.stack([middle - across, middle + across], axis=1))
    legs = np.concatenate(found) if found else np.empty((0, 2, 2))
    geometry = np.asarray(shapely.linestrings(legs), dtype=object)
    blank = np.full(len(geometry), "", dtype=object)
    return Lines(
        geometry,
        np.full(len(geometry), "footway", dtype=object),
        np.full(len(geometry), "zebra", dtype=object),
        blank,
    )


@dataclass(frozen=True, slots=True)
class Gates:
    """Openings in walls.

    Parameters
    ----------
    xy : array, shape (n_gates, 2)
        On the wall and on the link, on the identity grid.
    link : array of int, shape (n_gates,)
        Link it stands on.
    plot : array of int, shape (n_gates,)
        Plot it leads to.
    access : array of str, shape (n_gates,)
        ``open``, ``residents``, ``hours`` or ``closed``.
    """

    xy: Float
    link: Int
    plot: Int
    access: np.ndarray


def make_gates(plots: Plots, lattice: Lattice, links: Links, rng: np.random.Generator) -> Gates:
    """Set a gate where a link passes a wall.

    Parameters
    ----------
    plots : Plots
        Plots.
    lattice : Lattice
        Their nets.
    links : Links
        Links to the streets.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Gates
        The first gate of each plot is never closed.
    """
    plot = lattice.plot[links.node]
    walled = np.flatnonzero(plots.is_walled[plot])
    legs = shapely.linestrings(np.stack([lattice.xy[links.node[walled]], links.foot[walled]], axis=1))
    spot = shapely.intersection(legs, shapely.boundary(plots.area[plot[walled]]))
    # A leg that passes a corner meets the wall more than once: the first opening counts.
    single = np.asarray(shapely.get_geometry(spot, 0))
    good = shapely.get_type_id(single) == 0
    good[good] = ~shapely.is_empty(single[good])
    link = walled[good]
    xy = snap(shapely.get_coordinates(single[good]))
    policy = plots.access[plot[link]]
    main = links.order[link] == 0
    draw = rng.random(len(link))
    access = np.full(len(link), "open", dtype=object)
    access[policy == "residents"] = "residents"
    side = ~main & (policy == "mixed")
    access[side & (draw < 0.38)] = "residents"
    access[side & (draw >= 0.38) & (draw < 0.58)] = "hours"
    access[~main & (draw > 0.93)] = "closed"
    access[main & (policy == "mixed") & (draw < 0.12)] = "hours"
    access[main & (policy == "public") & (draw < 0.5)] = "hours"
    return Gates(xy, link, plot[link], access)
