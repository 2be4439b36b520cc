"""People: where older people live, how many of each age band, and how many can look after themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.arrays import Float, Int
from geo.demo.layout import Layout
from geo.demo.recipe import Recipe

# Density of older people by use of land in the city, in a town and in a village, relative.
CITY_DENSITY = {"compound": 10.0, "lanes": 8.0}
TOWN_DENSITY = {"compound": 4.0, "lanes": 3.2}
VILLAGE_DENSITY = 1.5
# Age shares 60–69, 70–79, 80+ in town and country, and the shares (partly, unable) in each band.
AGE_TOWN = (0.575, 0.295, 0.13)
AGE_COUNTRY = (0.53, 0.32, 0.15)
PARTLY = (0.055, 0.15, 0.31)
UNABLE = (0.011, 0.042, 0.15)


@dataclass(frozen=True, slots=True)
class People:
    """Homes of older people; a row is one place.

    Parameters
    ----------
    xy : array, shape (n, 2)
        Beside a path, in the even plane.
    lonlat : array, shape (n, 2)
        Degrees.
    unit : array of int, shape (n,)
        Village or community it lies in.
    ages : array of int, shape (n, 3)
        People of 60–69, 70–79 and 80 and over.
    ability : array of int, shape (n, 3)
        The same people as able, partly able and unable.
    """

    xy: Float
    lonlat: Float
    unit: Int
    ages: Int
    ability: Int

    @property
    def persons(self) -> Int:
        """People at each place.

        Returns
        -------
        array of int, shape (n,)
            Sum of the bands.
        """
        return np.asarray(self.ages.sum(axis=1), dtype=np.int64)


def settle(recipe: Recipe, layout: Layout, points: int, rng: np.random.Generator) -> People:
    """Put older people beside the paths of homes.

    Parameters
    ----------
    recipe : Recipe
        Totals and shares.
    layout : Layout
        The city.
    points : int
        Places, before empty ones are dropped.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    People
        Their number is exactly the recipe's.
    """
    net, plots = layout.lattice, layout.plots
    plot = net.plot[net.u]
    home = np.flatnonzero(plots.is_home[plot])
    plot = plot[home]
    edges = np.bincount(plot, minlength=len(plots.use))
    weight = _density(layout)[plot] * shapely.area(plots.area)[plot] / edges[plot]
    many = weight**0.55
    wanted = many / many.sum() * points
    count = np.floor(wanted + rng.random(len(wanted))).astype(np.int64)
    row = np.repeat(np.arange(len(home)), count)
    xy = _beside(net.xy[net.u[home[row]]], net.xy[net.v[home[row]]], rng)
    lonlat = layout.plane.lonlat(xy)
    unit = locate(layout, lonlat)
    inside = unit >= 0
    xy, lonlat, unit, row = xy[inside], lonlat[inside], unit[inside], row[inside]
    weight = weight[row] / np.maximum(count[row], 1) * rng.lognormal(0, 0.45, len(row))
    county = layout.divisions.county[unit]
    shares = np.array([one.persons_share for one in recipe.districts])
    total = np.bincount(county, weights=weight, minlength=len(shares))
    chance = weight * (shares / total)[county]
    persons = rng.multinomial(recipe.size.persons_60_plus, chance / chance.sum())
    live = persons > 0
    persons, xy, lonlat, unit, row = persons[live], xy[live], lonlat[live], unit[live], row[live]
    town = plots.use[plot[row]] != "village"
    ages = rng.multinomial(persons, np.where(town[:, None], AGE_TOWN, AGE_COUNTRY))
    return People(xy, lonlat, unit, ages, _ability(ages, rng))


def _density(layout: Layout) -> Float:
    """Return the relative density of older people on each plot."""
    plots = layout.plots
    radius = np.hypot(*shapely.get_coordinates(shapely.centroid(plots.area)).T)
    centre = 0.55 + 1.3 * np.exp(-((radius / 3600) ** 2))
    out = np.full(len(plots.use), VILLAGE_DENSITY)
    for use, density in CITY_DENSITY.items():
        out[(plots.use == use) & (plots.town == 0)] = density
    for use, density in TOWN_DENSITY.items():
        out[(plots.use == use) & (plots.town > 0)] = density
    return np.where(plots.town == 0, out * centre, out)


def _beside(a: Float, b: Float, rng: np.random.Generator) -> Float:
    """Return positions 6 to 15 m beside edges."""
    along = b - a
    length = np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    normal = np.column_stack([-along[:, 1], along[:, 0]]) / length
    at = a + along * rng.uniform(0.1, 0.9, (len(a), 1))
    away = rng.uniform(6, 15, (len(a), 1)) * rng.choice([-1.0, 1.0], (len(a), 1))
    return np.asarray(at + normal * away, dtype=np.float64)


def _ability(ages: Int, rng: np.random.Generator) -> Int:
    """Split the people of each place by ability, band by band."""
    unable = np.column_stack([rng.binomial(ages[:, band], UNABLE[band]) for band in range(3)])
    rest = ages - unable
    partly = np.column_stack([rng.binomial(rest[:, band], PARTLY[band]) for band in range(3)])
    sums = [part.sum(axis=1) for part in (rest - partly, partly, unable)]
    return np.column_stack(sums).astype(np.int64)


def locate(layout: Layout, lonlat: Float) -> Int:
    """Tell the village or community of positions.

    Parameters
    ----------
    layout : Layout
        The city.
    lonlat : array, shape (n, 2)
        Degrees.

    Returns
    -------
    array of int, shape (n,)
        Index of the cell; -1 outside the territory.
    """
    unit = np.full(len(lonlat), -1, dtype=np.int64)
    point, cell = shapely.STRtree(layout.divisions.cells).query(shapely.points(lonlat), predicate="intersects")
    unit[point[::-1]] = cell[::-1]
    return unit
