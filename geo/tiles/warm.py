"""Compile what tiles need ahead of the first one: in a fresh installation that one would take seconds."""

from __future__ import annotations

import numpy as np
import shapely

from geo.tiles.encode import TileLayer, encode_tile
from geo.tiles.matrix import MATRIX_SETS, matrix_set


def warm() -> None:
    """Compile the kernels of tiles, or load them from the cache on disk, with a tile of every kind of geometry."""
    ring = shapely.Polygon([(118.0, 36.0), (118.02, 36.0), (118.02, 36.02), (118.0, 36.02)])
    holed = shapely.difference(ring, shapely.box(118.005, 36.005, 118.01, 36.01))
    # One that crosses itself once rounded is mended by another path.
    thin = shapely.Polygon([(118.0, 36.0), (118.02, 36.0), (118.0, 36.000001), (118.02, 36.01)])
    shapes = [
        shapely.Point(118.01, 36.01),
        shapely.MultiPoint([(118.01, 36.01), (118.02, 36.0)]),
        shapely.LineString([(117.0, 35.0), (118.01, 36.01), (119.0, 36.5)]),
        shapely.MultiLineString([[(118.0, 36.0), (118.01, 36.01)], [(118.0, 36.02), (118.02, 36.0)]]),
        holed,
        thin,
        shapely.MultiPolygon([ring, shapely.box(118.03, 36.0, 118.04, 36.01)]),
    ]
    for position, shape in enumerate(shapes):
        for held in (shape, shapely.to_wkb(shape)):
            geometries = np.empty(1, dtype=object)
            geometries[0] = held
            layer = TileLayer(
                "warm", np.array([position]), geometries,
                {"text": ["x"], "number": [1.5], "whole": [2], "flag": [True], "none": [None]}, is_lenient=True,
            )  # fmt: skip
            for name in MATRIX_SETS:
                encode_tile([layer], matrix_set(name).box("8", "101", "211"))
