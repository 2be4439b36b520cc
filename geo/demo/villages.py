"""Villages: irregular patches of lanes around each rural settlement, and the hamlet on the island."""

from __future__ import annotations

import numpy as np
import shapely

from geo.arrays import Float
from geo.demo.compounds import Plots
from geo.demo.districts import Divisions
from geo.demo.plane import blobs
from geo.demo.streets import Towns
from geo.demo.terrain import Terrain


def make_villages(terrain: Terrain, divisions: Divisions, towns: Towns, rng: np.random.Generator) -> Plots:
    """Draw the villages; larger cells get larger ones, a third get a hamlet beside the main village.

    Parameters
    ----------
    terrain : Terrain
        Water, railway and hills.
    divisions : Divisions
        Settlements.
    towns : Towns
        Built-up areas, which villages keep out of.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Plots
        Plots of use ``village``; the last one is the island's hamlet.
    """
    town_land = shapely.union_all(list(towns.area)).buffer(25)
    shapely.prepare(town_land)
    rural = ~shapely.contains_xy(town_land, *divisions.xy.T)
    xy = divisions.xy[rural]
    radius = rng.lognormal(np.log(165), 0.28, len(xy)) * (1 - 0.35 * terrain.hilliness(xy))
    hamlet = rng.random(len(xy)) < 0.34
    turn = rng.uniform(0, 2 * np.pi, len(xy))
    reach = radius * rng.uniform(2.3, 4.2, len(xy))
    beside = xy + np.column_stack([np.cos(turn), np.sin(turn)]) * reach[:, None]
    centres = np.concatenate([xy, beside[hamlet]])
    radii = np.clip(np.concatenate([radius, radius[hamlet] * 0.55]), 70, 330)
    stretch = rng.uniform(0.75, 1.3, len(centres))
    areas = blobs(centres, np.column_stack([radii * stretch, radii / stretch]), rng, rough=0.24, n=24)
    shy = shapely.union_all([terrain.water(35), terrain.railway.buffer(35), terrain.motorway.buffer(50), town_land])
    shapely.prepare(shy)
    touching = shapely.intersects(areas, shy)
    areas[touching] = shapely.difference(areas[touching], shy)
    areas = np.concatenate([_apart(areas, centres), [terrain.island.buffer(-25)]])
    good = (shapely.get_type_id(areas) == 3) & (shapely.area(areas) > 9000)
    good &= shapely.within(areas, terrain.outline)
    areas = areas[good]
    count = len(areas)
    return Plots(
        areas,
        np.full(count, "village", dtype=object),
        np.full(count, "open", dtype=object),
        np.full(count, -1, dtype=np.int64),
    )


def _apart(areas: np.ndarray, centres: Float) -> np.ndarray:
    """Take from each patch what an earlier one covers; the largest piece counts."""
    a, b = shapely.STRtree(areas).query(areas, predicate="intersects")
    for one, other in zip(a[a > b], b[a > b], strict=True):
        areas[one] = shapely.difference(areas[one], shapely.buffer(areas[other], 20))
    parts, row = shapely.get_parts(areas, return_index=True)
    order = np.lexsort([-shapely.area(parts), row])
    first = order[np.unique(row[order], return_index=True)[1]]
    out = np.full(len(areas), shapely.Point(), dtype=object)
    out[row[first]] = parts[first]
    return out
