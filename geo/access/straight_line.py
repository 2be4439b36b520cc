"""The circle that usual practice draws around a facility, for the straight-line audit.

The audit counts the people whom a circle of the same reach calls covered, and those among them who are not
covered on foot. It never decides coverage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from geo.arrays import Bool, Float, Int32
from geo.errors import InputError
from geo.kernels.straight import nearest_places

GRID_DETOUR: Final = 4 / np.pi
"""Mean detour factor of a fine orthogonal street grid over all directions."""


@dataclass(frozen=True, slots=True)
class StraightLine:
    """The nearest open facility as the crow flies.

    Parameters
    ----------
    distance_m : array of float64, shape (n_demand,)
        Distance in metres; infinite when there is no open facility.
    facility : array of int32, shape (n_demand,)
        Its position, -1 when there is none; of two at the very same distance, the lower.
    """

    distance_m: Float
    facility: Int32

    def inside(self, radius_m: float) -> Bool:
        """Tell who lies in the circle of some facility.

        Parameters
        ----------
        radius_m : float
            Radius in metres; the rim counts as inside.

        Returns
        -------
        array of bool, shape (n_demand,)
            True inside at least one circle.
        """
        return self.distance_m <= radius_m


def measure_straight(demand_x: Float, demand_y: Float, facility_x: Float, facility_y: Float) -> StraightLine:
    """Measure every demand point's straight line to the nearest open facility.

    Parameters
    ----------
    demand_x, demand_y : array of float64, shape (n_demand,)
        Demand points in metres of one local plane.
    facility_x, facility_y : array of float64, shape (n_facilities,)
        Open facilities in the same plane, linked to the network or not; may be empty.

    Returns
    -------
    StraightLine
        Distances in the order of the demand points.
    """
    n_demand = len(demand_x)
    if len(facility_x) == 0 or n_demand == 0:
        return StraightLine(np.full(n_demand, np.inf), np.full(n_demand, -1, dtype=np.int32))
    demand = (np.ascontiguousarray(demand_x, np.float64), np.ascontiguousarray(demand_y, np.float64))
    places = (np.ascontiguousarray(facility_x, np.float64), np.ascontiguousarray(facility_y, np.float64))
    return StraightLine(*nearest_places(*demand, *places))


def reach_m(
    *, metres: float | None = None, minutes: float | None = None, speed_mps: float | None = None
) -> float:
    """Return how far somebody walks within the limit; also the radius of the circle of the same reach.

    Parameters
    ----------
    metres : float, optional
        The limit as a length.
    minutes : float, optional
        The limit as a time; exactly one of the two is given.
    speed_mps : float, optional
        Walking speed, needed with `minutes`.

    Returns
    -------
    float
        Reach in metres.

    Raises
    ------
    InputError
        Not exactly one limit is given, the speed is missing, or a number is not positive.
    """
    if (metres is None) == (minutes is None):
        raise InputError(
            f"距离 {metres} 与时间 {minutes} 应恰好给出一个",
            f"metres {metres} and minutes {minutes}: allowed is exactly one of them",
        )
    if metres is not None:
        return _positive("metres", metres)
    if speed_mps is None:
        raise InputError("按时间计算时应给出步行速度", "a limit in minutes needs speed_mps; it is missing")
    return _positive("minutes", minutes or 0.0) * 60.0 * _positive("speed_mps", speed_mps)


def straight_equivalent_m(walk_reach_m: float, detour: float = GRID_DETOUR) -> float:
    """Return the radius of the circle that stands for a walking reach (M05: D_E = D/κ).

    Parameters
    ----------
    walk_reach_m : float
        Walking reach D in metres.
    detour : float
        Detour factor κ, at least 1: walked length over straight line.

    Returns
    -------
    float
        Radius in metres.

    Raises
    ------
    InputError
        The reach is not positive or the detour is below 1.
    """
    if not detour >= 1:
        raise InputError(
            f"绕行系数 {detour} 不合理，应不小于 1",
            f"detour factor {detour}; allowed: at least 1",
            detour=detour,
        )
    return _positive("walk_reach_m", walk_reach_m) / detour


def _positive(name: str, value: float) -> float:
    """Return a positive finite number or refuse it."""
    if not (np.isfinite(value) and value > 0):
        raise InputError(
            f"{name} 为 {value}，应为大于 0 的有限数", f"{name} is {value}; allowed: finite, above 0"
        )
    return float(value)
