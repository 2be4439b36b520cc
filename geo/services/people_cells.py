"""The one partition of the people into cells that is published: by the report and by the layers of every run alike.

Two partitions of the same people would give away whoever lies between a cell of the one and a cell of the other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from geo.access.cells import CellGrid, build_cells
from geo.access.membership import Membership
from geo.access.population import ALL_BANDS, Population
from geo.access.zones import Zones, exact_zones
from geo.arrays import Float


@dataclass(frozen=True, slots=True, eq=False)
class PeopleCells:
    """The one partition of the people that is published.

    Parameters
    ----------
    grid : CellGrid
        Cells, none across the border of a township.
    zones : Zones
        Townships.
    """

    grid: CellGrid
    zones: Zones

    def digest(self) -> str:
        """Return a digest of the partition.

        Returns
        -------
        str
            Hex SHA-256: the same where cells, people and townships are the same.
        """
        grid = self.grid
        found = hashlib.sha256(repr((grid.west_deg, grid.south_deg, grid.step_lon_deg, grid.step_lat_deg)).encode())
        found.update(repr((grid.unit_m, grid.unit, self.zones.codes)).encode())
        for array in (grid.column, grid.row, grid.span, grid.zone, grid.persons, grid.of_point):
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()


def people_cells(lon: Float, lat: Float, population: Population, membership: Membership) -> PeopleCells:
    """Gather people into the cells that are published.

    Parameters
    ----------
    lon, lat : array of float64, shape (n_demand,)
        Positions in EPSG:4490 degrees.
    population : Population
        The people.
    membership : Membership
        Their divisions.

    Returns
    -------
    PeopleCells
        Cells of the smallest divisions whose totals are published exactly.
    """
    everybody = population.of_band(ALL_BANDS)
    zones = exact_zones(membership, lon, lat, everybody, population.unit)
    return PeopleCells(build_cells(lon, lat, everybody, population.unit, zone=zones.of_point), zones)
