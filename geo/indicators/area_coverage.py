"""M02, residential land coverage: area(∪ isochrone_j ∩ residential land) / area(residential land).

Only where residential land exists; it never counts people and never stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.access.land import Ground, ground_of
from geo.arrays import Float
from geo.indicators.facts import CoverageFacts
from geo.indicators.indicator import Figure, Indicator, limit_of, no_data, quotient
from geo.network.plane import Plane


def merge_land(land: Sequence[BaseGeometry], plane: Plane) -> Ground | None:
    """Put residential land together in the plane, so that ground under two polygons counts once.

    Parameters
    ----------
    land : sequence of BaseGeometry
        Polygons in EPSG:4490.
    plane : Plane
        Plane of the study area.

    Returns
    -------
    Ground or None
        The ground in metres; None where there is none.
    """
    def to_metres(points: Float) -> Float:
        return np.column_stack(plane.forward(points[:, 0], points[:, 1]))

    ground = shapely.transform(shapely.union_all(np.array(list(land), dtype=object)), to_metres)
    return None if ground.is_empty else ground_of(ground)


def _figure(facts: CoverageFacts) -> Figure:
    """Return reached land over all residential land."""
    if facts.land is None:
        return no_data("no_residential_land", *limit_of(facts))
    return quotient(facts.land.reached_m2, facts.land.total_m2, "no_residential_land", *limit_of(facts))


INDICATOR = Indicator("M02", "area_coverage", _figure)
