"""Cells that people are published by, as the report needs them; geo.access gathers people into them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.access.status import STATUS_NAMES

STATUSES: tuple[str, ...] = STATUS_NAMES
"""Certificate status by code, as the access engine numbers them."""

UNKNOWN = 255
"""Status of a cell about which a type's result says nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class CellSet:
    """Square cells that people are published by; never smaller than the privacy rule allows.

    Parameters
    ----------
    west_deg, south_deg : float
        South-west corner of the grid.
    step_lon_deg, step_lat_deg : float
        One grid unit in degrees.
    unit_m : float
        One grid unit in metres, at least 100.
    column, row : ndarray of int32, shape (n_cells,)
        South-west unit of each cell, counted from the corner.
    span : ndarray of uint8, shape (n_cells,)
        Units along one side; cells with too few people were merged into larger ones.
    persons : ndarray of float64, shape (n_cells,)
        People in the cell.
    moved_persons : float
        People among them who live too scattered for a cell of their own and are counted with the nearest one.
    """

    west_deg: float
    south_deg: float
    step_lon_deg: float
    step_lat_deg: float
    unit_m: float
    column: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    span: npt.NDArray[np.uint8]
    persons: npt.NDArray[np.float64]
    moved_persons: float = 0


@dataclass(frozen=True, slots=True, eq=False)
class CellValues:
    """One type's result for one group, by cell of the report's `CellSet`.

    Parameters
    ----------
    status : ndarray of uint8, shape (n_cells,)
        Index into `STATUSES` of the median person, or 255 where nothing is known.
    covered_share : ndarray of float64, shape (n_cells,)
        Share of the cell's people who are covered, 0 to 1; NaN where nothing is known.
    median : ndarray of float64, shape (n_cells,)
        Median walk in the unit of the limit (seconds or metres); NaN where most people reach no facility.
    """

    status: npt.NDArray[np.uint8]
    covered_share: npt.NDArray[np.float64]
    median: npt.NDArray[np.float64]
