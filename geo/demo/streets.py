"""Main streets: the built-up areas with rings, turned grids, avenues and streets along the water."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.interpolate import CubicSpline
from shapely import LineString, Polygon

from geo.arrays import Float, Int
from geo.demo.districts import Divisions
from geo.demo.lines import BANK_M, TRACK_M, Lines, clip, lines_of
from geo.demo.plane import Geometries, blobs
from geo.demo.recipe import Recipe
from geo.demo.terrain import Terrain


@dataclass(frozen=True, slots=True)
class Towns:
    """Built-up areas of city, county towns and townships.

    Parameters
    ----------
    area : array of Polygon, shape (n_towns,)
        In the even plane; the city is first, then the county towns.
    unit : array of int, shape (n_towns,)
        Settlement at its centre (index of the village arrays).
    rotation : array, shape (n_towns,)
        Turn of the street grid in radians.
    """

    area: Geometries
    unit: Int
    rotation: Float


def make_towns(recipe: Recipe, terrain: Terrain, divisions: Divisions, rng: np.random.Generator) -> Towns:
    """Draw the built-up areas.

    Parameters
    ----------
    recipe : Recipe
        Sizes.
    terrain : Terrain
        City and county towns.
    divisions : Divisions
        Settlements.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Towns
        City, county towns, then one for each 镇 and 乡.
    """
    kind = np.array(divisions.township_kind)[divisions.township]
    seats = np.flatnonzero(divisions.is_seat & (kind != "subdistrict"))
    small, large = recipe.size.town_radius_km
    radius = rng.uniform(small, large, len(seats)) * 1000 * np.where(kind[seats] == "town", 1.0, 0.72)
    stretch = rng.uniform(0.8, 1.25, len(seats))
    areas = blobs(divisions.xy[seats], np.column_stack([radius * stretch, radius / stretch]), rng, rough=0.2)
    county_seats = [
        int(np.argmin(np.hypot(*(divisions.xy - np.array(row.seat_km) * 1000).T)))
        for row in recipe.districts
        if row.seat_km is not None
    ]
    middle = int(np.argmin(np.hypot(*divisions.xy.T)))
    unit = np.array([middle, *county_seats, *seats], dtype=np.int64)
    turn = np.radians([row.rotation_deg for row in recipe.districts])[divisions.county[unit]]
    turn[len(county_seats) + 1 :] += rng.normal(0, 0.25, len(seats))
    return Towns(np.array([terrain.city, *terrain.county_towns, *areas], dtype=object), unit, turn)


def city_arterials(recipe: Recipe, terrain: Terrain, rng: np.random.Generator) -> Lines:
    """Draw the main streets of the city: two rings, a turned grid in each district, three avenues.

    Parameters
    ----------
    recipe : Recipe
        Rotation of each district's grid.
    terrain : Terrain
        City outline, river and railway.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Lines
        Main streets; those that cross river or railway are not yet chosen.
    """
    city = terrain.city
    rings = lines_of([_ring(2150, 1900, 0.35), outer_ring()], ["primary", "trunk"], "city")
    cuts = shapely.union_all([terrain.river, terrain.railway])
    parts = shapely.get_parts(shapely.polygonize([shapely.union_all([cuts, city.boundary])]))
    found = rings
    for part in parts:
        spot = part.point_on_surface()
        south = spot.y < np.interp(spot.x, *np.array(terrain.river.coords).T)
        east = spot.x > np.interp(spot.y, *np.array(terrain.railway.coords)[:, ::-1].T)
        row = recipe.districts[1 if south else 2 if east else 0]
        reach = part.buffer(60)
        found = found + _grid(reach, np.radians(row.rotation_deg), 1020.0, rng, "secondary")
    spine = lines_of(
        [
            _wave([[-7600, -250], [-3000, -150], [0, 60], [3400, 300], [8200, 900]]),
            _wave([[-350, 7500], [-250, 3000], [0, 0], [-180, -3200], [-700, -7600]]),
            _wave([[-5200, 6100], [-2400, 2300], [2900, -4300], [4300, -7200]]),
        ],
        "primary",
        "city",
    )
    return clip(found + spine, city)


def waterfront(terrain: Terrain) -> Lines:
    """Draw the streets along river and railway in the city.

    Parameters
    ----------
    terrain : Terrain
        City outline, river and railway.

    Returns
    -------
    Lines
        Streets at the edge of the strips that only few streets cross.
    """
    bank = shapely.get_parts(terrain.river_area.buffer(BANK_M).boundary)
    track = shapely.get_parts(terrain.railway.buffer(TRACK_M).boundary)
    kinds = ["secondary"] * len(bank) + ["tertiary"] * len(track)
    lines = clip(lines_of(np.concatenate([bank, track]), kinds, "city"), terrain.city)
    strips = shapely.union_all([terrain.river_area.buffer(BANK_M - 1), terrain.railway.buffer(TRACK_M - 1)])
    return clip(lines, strips, outside=True)


def outer_ring() -> LineString:
    """Draw the outer ring road, where the roads from outside end.

    Returns
    -------
    LineString
        A rounded square.
    """
    return _ring(4500, 4150, 0.3)


def _ring(rx: float, ry: float, squareness: float) -> LineString:
    """Draw a rounded-square ring road."""
    angle = np.linspace(0, 2 * np.pi, 181)
    power = 1 - squareness
    x = rx * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    y = ry * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    return LineString(np.column_stack([x + 120.0, y + 80.0]))


def _wave(points: list[list[float]]) -> LineString:
    """Draw a smooth street through control points."""
    control = np.array(points, dtype=np.float64)
    chord = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(control, axis=0).T))])
    return LineString(CubicSpline(chord, control)(np.linspace(0, chord[-1], int(chord[-1] / 120))))


def _grid(area: Polygon, turn: float, spacing_m: float, rng: np.random.Generator, kind: str) -> Lines:
    """Draw two families of nearly parallel streets across an area."""
    centre = np.array(area.envelope.centroid.coords[0])
    reach = np.hypot(*(np.array(area.bounds[2:]) - area.bounds[:2])) / 2 + spacing_m
    found = []
    for family in (0, 1):
        along = np.array([np.cos(turn), np.sin(turn)]) if family == 0 else np.array([-np.sin(turn), np.cos(turn)])
        across = np.array([-along[1], along[0]])
        at = np.arange(-reach, reach, spacing_m)
        at = at + rng.uniform(-0.16, 0.16, len(at)) * spacing_m
        s = np.linspace(-reach, reach, max(int(2 * reach / 300), 2))
        for offset in at:
            bend = rng.normal(0, 24) * np.sin(s / 1700 + rng.uniform(0, 6))
            found.append(LineString(centre + s[:, None] * along + (offset + bend)[:, None] * across))
    return clip(lines_of(found, kind, "city"), area)


def town_arterials(towns: Towns, rng: np.random.Generator) -> Lines:
    """Draw the main streets of the county towns.

    Parameters
    ----------
    towns : Towns
        Built-up areas; those above 3 km² get a grid of main streets.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Lines
        Main streets.
    """
    found = lines_of([], "secondary", "town")
    for area, turn in zip(towns.area[1:], towns.rotation[1:], strict=True):
        if area.area > 3e6:
            grid = _grid(area, float(turn), 640.0, rng, "secondary")
            found = found + Lines(
                grid.geometry, grid.kind, np.full(len(grid.kind), "town", dtype=object), grid.crossing
            )
    return found
