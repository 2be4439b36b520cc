"""Blocks: towns cut along their main streets, then halved until each block has its size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.arrays import Float, Int
from geo.demo.lines import BANK_M, Lines, lines_of
from geo.demo.plane import Geometries
from geo.demo.streets import Towns
from geo.demo.terrain import Terrain


@dataclass(frozen=True, slots=True)
class Blocks:
    """Pieces of town between streets.

    Parameters
    ----------
    area : array of Polygon, shape (n_blocks,)
        Up to the street centre lines.
    town : array of int, shape (n_blocks,)
        Town it lies in; 0 is the city.
    """

    area: Geometries
    town: Int


def cut_blocks(towns: Towns, arterials: Lines, terrain: Terrain, rng: np.random.Generator) -> tuple[Lines, Blocks]:
    """Cut each town along its main streets, then again and again until blocks have their size.

    Parameters
    ----------
    towns : Towns
        Built-up areas.
    arterials : Lines
        Main streets and roads through towns.
    terrain : Terrain
        River and railway keep a strip free.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    lines : Lines
        The streets that cut.
    blocks : Blocks
        What is left between them.
    """
    free = shapely.union_all([terrain.water(60), terrain.river_area.buffer(BANK_M), terrain.railway.buffer(45)])
    tree = shapely.STRtree(arterials.geometry)
    faces, owner = [], []
    for i, area in enumerate(towns.area):
        near = arterials.geometry[tree.query(area, predicate="intersects")]
        net = shapely.union_all([area.boundary, *shapely.intersection(near, area)], grid_size=0.05)
        parts = shapely.get_parts(shapely.polygonize([net]))
        inside = shapely.contains(area.buffer(5), shapely.point_on_surface(parts))
        dry = shapely.get_parts(shapely.difference(parts[inside], free))
        dry = dry[(shapely.get_type_id(dry) == 3) & (shapely.area(dry) > 3500)]
        faces.append(dry)
        owner.append(np.full(len(dry), i))
    return _subdivide(np.concatenate(faces), np.concatenate(owner), rng)


def _target_area(blocks: Geometries, town: Int, spread: Float) -> Float:
    """Return the block size aimed at: small in the old centre, large at the fringe."""
    middle = shapely.get_coordinates(shapely.centroid(blocks))
    radius = np.hypot(*middle.T)
    city = np.asarray(np.interp(radius, [0, 900, 2300, 4400, 6500], [1.5e4, 2.2e4, 4.6e4, 7.5e4, 9.5e4]))
    # The industrial side beyond the railway has larger plots.
    city = np.where(middle[:, 0] > 4200, city * 1.35, city)
    return np.asarray(np.where(town == 0, city, np.where(town <= 2, 3.6e4, 2.6e4)) * spread)


def _subdivide(blocks: Geometries, town: Int, rng: np.random.Generator) -> tuple[Lines, Blocks]:
    """Halve all oversized blocks at once, level by level, across their long side."""
    lines, kinds = [], []
    done, done_town = [], []
    for _ in range(16):
        area = shapely.area(blocks)
        big = area > _target_area(blocks, town, rng.uniform(0.75, 1.7, len(blocks)))
        done.append(blocks[~big])
        done_town.append(town[~big])
        blocks, town, area = blocks[big], town[big], area[big]
        if not len(blocks):
            break
        cut, left, right = _halve(blocks, rng)
        wide = np.where(area > 3.2e5, "tertiary", "residential")
        parts, row = shapely.get_parts(cut, return_index=True)
        good = (shapely.get_type_id(parts) == 1) & (shapely.length(parts) > 20)
        lines.append(parts[good])
        kinds.append(wide[row[good]])
        halves, row = shapely.get_parts(np.concatenate([left, right]), return_index=True)
        owner = np.concatenate([town, town])[row]
        good = (shapely.get_type_id(halves) == 3) & (shapely.area(halves) > 1500)
        blocks, town = halves[good], owner[good]
    every = Blocks(np.concatenate([*done, blocks]), np.concatenate([*done_town, town]))
    role = np.concatenate(kinds)
    return lines_of(np.concatenate(lines), role, "city"), every


def _halve(blocks: Geometries, rng: np.random.Generator) -> tuple[Geometries, Geometries, Geometries]:
    """Cut each block by one line across its longer side."""
    box = shapely.get_coordinates(shapely.oriented_envelope(blocks)).reshape(-1, 5, 2)
    side_a, side_b = box[:, 1] - box[:, 0], box[:, 2] - box[:, 1]
    long_a = np.hypot(*side_a.T) >= np.hypot(*side_b.T)
    along = np.where(long_a[:, None], side_a, side_b)
    length = np.hypot(*along.T)
    along = along / length[:, None]
    turn = rng.normal(0, 0.035, len(blocks))
    across = np.column_stack([-along[:, 1], along[:, 0]])
    across = across * np.cos(turn)[:, None] + along * np.sin(turn)[:, None]
    along = np.column_stack([across[:, 1], -across[:, 0]])
    at = box[:, :4].mean(axis=1) + along * (length * rng.uniform(-0.12, 0.12, len(blocks)))[:, None]
    reach = across * (length * 3)[:, None]
    line = shapely.linestrings(np.stack([at - reach, at + reach], axis=1))
    deep = along * (length * 3)[:, None]
    one = shapely.polygons(np.stack([at - reach, at + reach, at + reach + deep, at - reach + deep], axis=1))
    two = shapely.polygons(np.stack([at - reach, at + reach, at + reach - deep, at - reach - deep], axis=1))
    return (
        np.asarray(shapely.intersection(line, blocks)),
        np.asarray(shapely.intersection(blocks, one)),
        np.asarray(shapely.intersection(blocks, two)),
    )
