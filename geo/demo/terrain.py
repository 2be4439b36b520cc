"""Terrain: outline, river, lakes, railway and motorway, smooth curves through the recipe's points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.interpolate import CubicSpline
from shapely import LineString, MultiPolygon, Polygon

from geo.arrays import Float
from geo.demo.plane import blobs
from geo.demo.recipe import Point, Recipe


@dataclass(frozen=True, slots=True)
class Terrain:
    """What the city is built around; metres in the even plane.

    Parameters
    ----------
    outline : Polygon
        The whole territory.
    river, tributary, railway, motorway : LineString
        Centre lines.
    river_area, tributary_area : Polygon or MultiPolygon
        Water surfaces.
    lakes : tuple of Polygon
        Lakes, without their islands cut out.
    island : Polygon
        The inhabited island.
    hills : array, shape (n, 3)
        Centre and radius of each hill country.
    city : Polygon
        Built-up area of the city.
    county_towns : tuple of Polygon
        Built-up areas of the county towns, in district order.
    """

    outline: Polygon
    river: LineString
    tributary: LineString
    railway: LineString
    motorway: LineString
    river_area: Polygon | MultiPolygon
    tributary_area: Polygon | MultiPolygon
    lakes: tuple[Polygon, ...]
    island: Polygon
    hills: Float
    city: Polygon
    county_towns: tuple[Polygon, ...]

    def water(self, margin_m: float) -> Polygon | MultiPolygon:
        """Return all water with a margin around it.

        Parameters
        ----------
        margin_m : float
            Width of the margin in metres.

        Returns
        -------
        Polygon or MultiPolygon
            River, tributary and lakes.
        """
        parts = [self.river_area, self.tributary_area, *self.lakes]
        merged = shapely.union_all([part.buffer(margin_m) for part in parts])
        assert isinstance(merged, (Polygon, MultiPolygon))
        return merged

    def hilliness(self, xy: Float) -> Float:
        """Tell how deep in the hills positions lie.

        Parameters
        ----------
        xy : array, shape (n, 2)
            Metres.

        Returns
        -------
        array, shape (n,)
            0 outside, 1 at the top.
        """
        gap = np.hypot(xy[:, :1] - self.hills[:, 0], xy[:, 1:] - self.hills[:, 1])
        return np.asarray(np.clip(1.25 - gap / self.hills[:, 2], 0.0, 1.0).max(axis=1), dtype=np.float64)


def make_terrain(recipe: Recipe, rng: np.random.Generator) -> Terrain:
    """Draw the terrain.

    Parameters
    ----------
    recipe : Recipe
        Control points and sizes.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Terrain
        The terrain.
    """
    ground, size = recipe.terrain, recipe.size
    outline = _outline(np.array(size.outline_radius_km) * 1000, rng)
    river = curve(ground.river_km, rng, meander_m=150, wave_m=2600)
    tributary = curve(ground.tributary_km, rng, meander_m=170, wave_m=1500)
    circles = np.array(ground.lakes_km) * 1000
    lakes = blobs(circles[:, :2], circles[:, 2], rng, rough=0.22, n=48)
    home = circles[ground.island_lake]
    island = blobs(home[None, :2] + [[120.0, -60.0]], np.array([230.0]), rng, rough=0.12, n=24)[0]
    city = blobs(np.array([[0.3, -0.3]]) * 1000, np.array([size.city_radius_km * 1000]), rng, rough=0.13, n=90)[0]
    seats = np.array([row.seat_km for row in recipe.districts if row.seat_km is not None]).reshape(-1, 2) * 1000
    radius = np.full(len(seats), size.county_town_radius_km * 1000)
    return Terrain(
        outline=outline,
        river=river,
        tributary=tributary,
        railway=curve(ground.railway_km, rng),
        motorway=curve(ground.motorway_km, rng),
        river_area=river.buffer(ground.river_width_m / 2),
        tributary_area=tributary.buffer(ground.tributary_width_m / 2),
        lakes=tuple(lakes),
        island=island,
        hills=np.array(ground.hills_km) * 1000,
        city=city,
        county_towns=tuple(blobs(seats, radius, rng, rough=0.12, n=48)),
    )


def _outline(radii_m: Float, rng: np.random.Generator) -> Polygon:
    """Draw the territory's edge: bays and tongues of every size."""
    angle = np.linspace(0, 2 * np.pi, 420, endpoint=False)
    factor = np.ones(len(angle))
    for wave in (2, 3, 5, 7, 11, 16, 23, 34, 49):
        factor += rng.normal(0, 0.075 / wave**0.72) * np.sin(wave * angle + rng.uniform(0, 2 * np.pi))
    xy = np.column_stack([np.cos(angle), np.sin(angle)]) * radii_m * factor[:, None]
    return Polygon(xy)


def curve(
    points_km: tuple[Point, ...], rng: np.random.Generator, *, meander_m: float = 0.0, wave_m: float = 2000.0
) -> LineString:
    """Draw a smooth curve through control points.

    Parameters
    ----------
    points_km : tuple of point
        Control points in kilometres.
    rng : numpy.random.Generator
        Source of chance.
    meander_m : float
        Sideways swing.
    wave_m : float
        Length of one swing.

    Returns
    -------
    LineString
        A vertex about every 90 m.
    """
    control = np.array(points_km) * 1000.0
    chord = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(control, axis=0).T))])
    s = np.linspace(0, chord[-1], int(chord[-1] / 90))
    spline = CubicSpline(chord, control)
    xy, tangent = spline(s), spline(s, 1)
    if meander_m:
        normal = np.column_stack([-tangent[:, 1], tangent[:, 0]])
        normal /= np.hypot(*normal.T)[:, None]
        phase = rng.uniform(0, 2 * np.pi, 3)
        swing = np.sin(2 * np.pi * s / wave_m + phase[0] + 1.4 * np.sin(2 * np.pi * s / (wave_m * 4.7) + phase[1]))
        # The river is kept straighter by its dykes inside the city.
        tame = np.clip((np.hypot(*xy.T) - 5000) / 6000, 0.15, 1.0)
        xy = xy + normal * (meander_m * swing * tame)[:, None]
    return LineString(xy)
