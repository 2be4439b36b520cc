"""M02, residential land coverage: area(∪ isochrone_j ∩ residential land) / area(residential land).

Only where residential land exists; it never counts people and never stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.arrays import Float
from geo.indicators.facts import CoverageFacts, LandFacts
from geo.indicators.indicator import Figure, Indicator, limit_of, no_data, quotient
from geo.network.plane import Plane


def measure_land(
    reached: BaseGeometry | None, land: Sequence[BaseGeometry], plane: Plane
) -> LandFacts | None:
    """Measure how much residential land lies within reach.

    Parameters
    ----------
    reached : BaseGeometry or None
        Union of the isochrones in EPSG:4490; None or empty where nothing is reached.
    land : sequence of BaseGeometry
        Polygons of residential land in EPSG:4490; where they overlap, ground counts once.
    plane : Plane
        Plane of the study area.

    Returns
    -------
    LandFacts or None
        Areas in square metres; None where there is no residential land.
    """

    def to_metres(points: Float) -> Float:
        return np.column_stack(plane.forward(points[:, 0], points[:, 1]))

    ground = shapely.transform(shapely.union_all(np.array(list(land), dtype=object)), to_metres)
    total = float(shapely.area(ground))
    if total == 0:
        return None
    if reached is None or reached.is_empty:
        return LandFacts(0.0, total)
    within = shapely.intersection(ground, shapely.transform(reached, to_metres))
    return LandFacts(float(shapely.area(within)), total)


def _figure(facts: CoverageFacts) -> Figure:
    """Return reached land over all residential land."""
    if facts.land is None:
        return no_data("no_residential_land", *limit_of(facts))
    return quotient(facts.land.reached_m2, facts.land.total_m2, "no_residential_land", *limit_of(facts))


INDICATOR = Indicator("M02", "area_coverage", _figure)
