"""What a demand point's certificate can say, and the certificates of one search.

The codes stand in order of a good outcome first; the precedence with which a search gives them is
``not_linked``, ``disconnected``, ``gate_closed``, ``too_far``, ``covered``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from geo.arrays import Float, Int32, UInt8

COVERED: Final = 0
TOO_FAR: Final = 1
GATE_CLOSED: Final = 2
DISCONNECTED: Final = 3
NOT_LINKED: Final = 4

STATUS_NAMES: Final[tuple[str, ...]] = ("covered", "too_far", "gate_closed", "disconnected", "not_linked")
NO_FACILITY: Final = -1


@dataclass(frozen=True, slots=True)
class Certificates:
    """One certificate per demand point, in demand order.

    Parameters
    ----------
    status : array of uint8, shape (n_demand,)
        Status codes of this module.
    facility : array of int32, shape (n_demand,)
        Position of the nearest facility, -1 where none was reached.
    walk_m : array of float64, shape (n_demand,)
        Length of the fastest path with both access legs, in metres; NaN where none was reached.
    walk_s : array of float64, shape (n_demand,)
        Time of that path in seconds; NaN where none was reached.
    access_m : array of float64, shape (n_demand,)
        Access leg at the demand side in metres; NaN where the point is not linked.
    """

    status: UInt8
    facility: Int32
    walk_m: Float
    walk_s: Float
    access_m: Float
