"""How much ground lies within reach: the area of land under an isochrone, without drawing all of it.

A city's isochrone has a hundred thousand corners, and most land lies whole inside it or whole outside. The raster the
isochrone is contoured on tells which; only around the rest is it contoured and intersected. The area is that of the
intersection with the whole polygon.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.access.coverage import Limit
from geo.access.isochrone import DISPLAY_WIDTH_M, PIXEL_M, Drawing, contour_metres, draw_reached
from geo.arrays import Float
from geo.kernels.window import INSIDE, MIXED, judge_boxes, keep_around
from geo.network.cost import WalkCosts
from geo.network.link import PointLinks
from geo.network.model import StreetNetwork
from geo.network.profile import WalkingProfile


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Land in a network's plane, each place once.

    Parameters
    ----------
    parts : array of Polygon, shape (n,)
        Polygons that do not overlap, in metres.
    bounds_m : array of float64, shape (n, 4)
        Least x, least y, greatest x, greatest y of each.
    area_m2 : array of float64, shape (n,)
        Area of each.
    """

    parts: NDArray[np.object_]
    bounds_m: Float
    area_m2: Float

    @property
    def total_m2(self) -> float:
        """Return the area of all of it.

        Returns
        -------
        float
            Square metres.
        """
        return float(self.area_m2.sum())


def ground_of(geometry: BaseGeometry) -> Ground:
    """Take a geometry apart.

    Parameters
    ----------
    geometry : BaseGeometry
        Polygons in metres, each place once.

    Returns
    -------
    Ground
        Its parts.
    """
    parts = shapely.get_parts(geometry)
    parts = parts[shapely.get_dimensions(parts) == 2]
    return Ground(parts, shapely.bounds(parts).reshape(-1, 4), shapely.area(parts))


def reached_area(
    network: StreetNetwork,
    sites: PointLinks,
    ground: Ground,
    limit: Limit,
    *,
    speed_mps: float,
    profile: WalkingProfile,
    at: datetime,
    costs: WalkCosts | None = None,
) -> float:
    """Measure the ground from which any of some sites is within a limit.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    sites : PointLinks
        Links of the sites; unlinked ones are left out.
    ground : Ground
        The land, in the network's plane.
    limit : Limit
        The limit.
    speed_mps : float
        Walking speed.
    profile : WalkingProfile
        Stairs factor and crossing delay.
    at : datetime
        The moment at which gates with hours are judged.
    costs : WalkCosts, optional
        Costs prepared before for this speed, moment and measure.

    Returns
    -------
    float
        Square metres within the isochrone that `geo.access.isochrone.isochrones` draws.
    """
    drawing = draw_reached(
        network, sites, limit, speed_mps=speed_mps, profile=profile, at=at, costs=costs,
        width_m=DISPLAY_WIDTH_M, pixel_m=PIXEL_M,
    )  # fmt: skip
    return 0.0 if drawing is None else _area_under(drawing, ground)


def _area_under(drawing: Drawing, ground: Ground) -> float:
    """Add up what lies inside, and cut what lies across the border."""
    window = drawing.window
    origin = np.array([window.x, window.y, window.x, window.y])
    pixels = (ground.bounds_m - origin) / window.pixel_m
    boxes = np.column_stack([np.floor(pixels[:, :2]), np.ceil(pixels[:, 2:])]).astype(np.int32)
    verdict = judge_boxes(drawing.field, drawing.tiles, boxes)
    total = float(ground.area_m2[verdict == INSIDE].sum())
    mixed = np.flatnonzero(verdict == MIXED)
    if mixed.size == 0:
        return total
    tiles = keep_around(drawing.field, drawing.tiles, boxes[mixed])
    border = contour_metres(drawing.field, tiles, window)
    return total + float(shapely.area(shapely.intersection(shapely.multipolygons(ground.parts[mixed]), border)))
