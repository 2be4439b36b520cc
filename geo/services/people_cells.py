"""The one partition of the people into cells that is published: by the report and by the layers of every run alike.

Two partitions of the same people would give away whoever lies between a cell of the one and a cell of the other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from geo.access.cells import CellGrid, build_cells
from geo.access.membership import Membership
from geo.access.population import ALL_BANDS, Population
from geo.access.privacy import MINIMUM_PERSONS
from geo.access.tally import sum_by
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


def revealing_villages(
    people: PeopleCells, population: Population, membership: Membership, divisions: gpd.GeoDataFrame
) -> frozenset[str]:
    """Return the villages whose exact totals, beside the cells, would tell of a few people at their border.

    Cells keep to townships, not to villages. Where all people of the cells that touch a village, but a few, live in it,
    these few are told by subtraction; likewise the few of its people who live in none of the cells it holds.

    Parameters
    ----------
    people : PeopleCells
        The cells.
    population : Population
        The people.
    membership : Membership
        Their divisions.
    divisions : GeoDataFrame
        The divisions, with code and level.

    Returns
    -------
    frozenset of str
        Codes of villages.
    """
    level = membership.level("village")
    if level is None or people.grid.n_cells == 0:
        return frozenset()
    villages = divisions[divisions["level"] == "village"]
    shapes = dict(zip(villages["code"].astype(str), villages.geometry, strict=True))
    outlines = np.array([shapes[code] for code in level.codes], dtype=object)
    everybody = population.of_band(ALL_BANDS)
    total = sum_by(level.index.astype(np.int64), everybody, level.n_divisions + 2)[: level.n_divisions]
    grid = people.grid
    tree = shapely.STRtree(np.asarray(shapely.box(*grid.bounds().T), dtype=object))
    around, inside = (
        sum_by(village, grid.persons[cell], level.n_divisions)
        for village, cell in (tree.query(outlines, predicate=name) for name in ("intersects", "contains"))
    )
    few = [(rest > 0) & (rest < MINIMUM_PERSONS * grid.unit) for rest in (around - total, total - inside)]
    return frozenset(np.array(level.codes, dtype=object)[(few[0] | few[1]) & (total > 0)].tolist())
