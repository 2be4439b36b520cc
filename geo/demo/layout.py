"""The layout: terrain, divisions, streets, plots and paths put together on the drawing plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely

from geo.arrays import Float
from geo.demo.blocks import cut_blocks
from geo.demo.compounds import DENSITY, JITTER, LOOPS, Gates, Plots, make_gates, make_plots, sidewalks
from geo.demo.districts import Divisions, make_divisions
from geo.demo.lattice import Lattice, Links, link_lattice, make_lattice
from geo.demo.lines import BANK_M, TRACK_M, Lines, cross
from geo.demo.names import DivisionNames, RoadNames, name_divisions, name_roads
from geo.demo.plane import Plane, keys, make_plane
from geo.demo.recipe import Recipe
from geo.demo.roads import roads
from geo.demo.streets import Towns, city_arterials, make_towns, town_arterials, waterfront
from geo.demo.terrain import Terrain, make_terrain
from geo.demo.villages import make_villages
from geo.demo.ways import Ways, inner_ways, link_lines, node_lines, wall_ways

Progress = Callable[[str, float], None]

# Walkable nodes that the streets alone have, measured; inner nets fill up the rest.
STREET_NODES = 52000


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole city in the even plane.

    Parameters
    ----------
    plane : Plane
        Projection.
    terrain : Terrain
        Terrain.
    divisions : Divisions
        Settlements and cells.
    division_names : DivisionNames
        Names and codes.
    towns : Towns
        Built-up areas.
    lines : Lines
        Noded lines: streets, roads, sidewalks, zebras, links.
    road_names : RoadNames
        Names of the lines.
    plots : Plots
        Plots and villages.
    lattice : Lattice
        Inner nets.
    links : Links
        Links; their lines are the last rows of ``lines``.
    gates : Gates
        Gates.
    ways : Ways
        Every way: streets, inner paths, walls.
    """

    plane: Plane
    terrain: Terrain
    divisions: Divisions
    division_names: DivisionNames
    towns: Towns
    lines: Lines
    road_names: RoadNames
    plots: Plots
    lattice: Lattice
    links: Links
    gates: Gates
    ways: Ways

    @property
    def first_link(self) -> int:
        """Number of lines before the links.

        Returns
        -------
        int
            Row of the first link in ``lines``.
        """
        return len(self.lines.kind) - len(self.links.node)

    def walkable_nodes(self) -> int:
        """Count the distinct nodes of ways that people may walk.

        Returns
        -------
        int
            Nodes.
        """
        open_way = (self.ways.role != "wall") & ~is_sidepath(self.ways)
        return len(np.unique(keys(self.ways.take(open_way).xy)))


def is_sidepath(ways: Ways) -> np.ndarray:
    """Tell main streets whose walkers keep to separate sidewalks.

    Parameters
    ----------
    ways : Ways
        Ways.

    Returns
    -------
    array of bool, shape (n_ways,)
        True for main streets of the city.
    """
    return np.asarray((ways.role == "city") & np.isin(ways.kind, ["primary", "trunk"]))


def draw_layout(recipe: Recipe, nodes: int, progress: Progress) -> Layout:
    """Draw the city.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    nodes : int
        Walkable nodes to aim at.
    progress : callable
        Told what is being done and how far it is, 0 to 1.

    Returns
    -------
    Layout
        The city.
    """
    rngs = [np.random.default_rng([recipe.seed, part]) for part in range(12)]
    plane = make_plane(recipe.lon0_deg, recipe.lat0_deg, rngs[0])
    terrain = make_terrain(recipe, rngs[1])
    progress("区划", 0.02)
    divisions = make_divisions(recipe, terrain, plane, rngs[2])
    names = name_divisions(recipe, divisions, rngs[3])
    progress("街道", 0.08)
    towns = make_towns(recipe, terrain, divisions, rngs[4])
    main = city_arterials(recipe, terrain, rngs[5]) + town_arterials(towns, rngs[5])
    main = _crossings(main + roads(terrain, divisions, towns, rngs[6]), terrain) + waterfront(terrain)
    minor, blocks = cut_blocks(towns, main, terrain, rngs[7])
    streets = main + minor
    plots = make_plots(recipe, blocks, streets, rngs[8]) + make_villages(terrain, divisions, towns, rngs[8])
    progress("小区", 0.12)
    walks = sidewalks(streets, terrain.city)
    base = streets + walks
    lattice = _nets(plots, main, nodes, rngs[9])
    wanted = np.clip((shapely.area(plots.area) / 13000).astype(np.int64), 1, 4)
    wanted[plots.use == "village"] = 2
    on_foot = ~((base.role == "city") & np.isin(base.kind, ["primary", "trunk"]))
    links = _afoot(lattice, link_lattice(lattice, base.geometry[on_foot], wanted, rngs[9]), terrain)
    gates = make_gates(plots, lattice, links, rngs[10])
    progress("路网", 0.2)
    every = base + link_lines(lattice, links, gates)
    road_names = name_roads(recipe, terrain, divisions, names.township, every, rngs[11])
    ways = node_lines(every, rngs[10]) + inner_ways(lattice, plots, rngs[10]) + wall_ways(plots, gates)
    return Layout(plane, terrain, divisions, names, towns, every, road_names, plots, lattice, links, gates, ways)


def _crossings(main: Lines, terrain: Terrain) -> Lines:
    """Let few main streets and roads cross river, brook and railway, and none the lakes."""
    lakes = shapely.union_all([lake.buffer(25) for lake in terrain.lakes])
    main = cross(main, lakes, "", (1e9, 1e9), terrain.city, none=True)
    banks = shapely.union_all([terrain.river_area.buffer(30), terrain.river_area.buffer(BANK_M) & terrain.city])
    main = cross(main, banks, "bridge", (1500.0, 6500.0), terrain.city)
    main = cross(main, terrain.tributary_area.buffer(12), "bridge", (1500.0, 3000.0), terrain.city)
    tracks = shapely.union_all([terrain.railway.buffer(16), terrain.railway.buffer(TRACK_M) & terrain.city])
    return cross(main, tracks, "underpass", (1250.0, 3600.0), terrain.city)


def _nets(plots: Plots, main: Lines, nodes: int, rng: np.random.Generator) -> Lattice:
    """Lay inner nets, as fine as the wanted number of nodes asks for."""
    density = np.array([DENSITY[str(use)] for use in plots.use])
    area = shapely.area(plots.area)
    budget = max(nodes - STREET_NODES, 4000)
    spacing: Float = np.clip(np.sqrt((area * density).sum() / budget), 12.0, 170.0) / np.sqrt(density)
    # A plot that people live on has at least a few paths.
    spacing = np.minimum(spacing, np.maximum(np.sqrt(area) / 1.7, 18.0))
    jitter = np.array([JITTER[str(use)] for use in plots.use])
    loops = np.array([LOOPS[str(use)] for use in plots.use])
    return make_lattice(plots.area, spacing, jitter, loops, main.geometry, rng)


def _afoot(lattice: Lattice, links: Links, terrain: Terrain) -> Links:
    """Drop links that would lead across water or the railway: the island stays an island."""
    legs = shapely.linestrings(np.stack([lattice.xy[links.node], links.foot], axis=1))
    wet = shapely.union_all([terrain.water(0), terrain.railway])
    # The hamlet's own ground counts as lake too, so only links that leave it are judged.
    shapely.prepare(wet)
    dry = ~shapely.intersects(legs, wet)
    return Links(links.node[dry], links.foot[dry], links.order[dry])
