"""Cells that people are published by: never an individual point, never a person lost.

A cell is at least 100 m wide and holds at least ten people. Cells are squares of a grid of degrees: where any
cell of a 2 × 2 block holds too few people the whole block becomes one cell, up to an ordinary largest width;
in thinly peopled country, where a whole block still holds too few, it goes on growing up to a wider one. What
is still too scattered is counted with the nearest cell, so the cells sum to the population exactly. Every person is
counted with one cell, so none is the difference of two others.

Where zones are given, such as townships, each has cells of its own, which sum to it exactly: squares of two zones may
then lie over one another along their border, but never count the same person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from geo.access.privacy import MINIMUM_PERSONS, SMALLEST_CELL_M, is_guarded, told_shares
from geo.access.quantile import quantile_positions, sort_weights
from geo.access.status import COVERED, STATUS_NAMES, Certificates
from geo.access.tally import sum_by
from geo.arrays import Bool, Float, Int, Int32, UInt8
from geo.errors import InputError

UNKNOWN_STATUS: Final = 255
"""Status of a cell about which nothing may be said."""

_COLUMNS: Final = 2**20
"""More than there are squares of 100 m around the Earth."""
_ZONES: Final = 2**22
_UNREACHED: Final = 1e18
# GRS 80, the ellipsoid of CGCS2000.
_SEMI_MAJOR_M: Final = 6_378_137.0
_ECCENTRICITY_2: Final = 0.006694380022900788


@dataclass(frozen=True, slots=True)
class CellGrid:
    """Cells with their people, and the cell of every demand point.

    Parameters
    ----------
    west_deg, south_deg : float
        South-west corner of the grid.
    step_lon_deg, step_lat_deg : float
        One grid unit in degrees.
    unit_m : float
        One grid unit in metres; no unit of the study area is narrower.
    column, row : array of int32, shape (n_cells,)
        South-west unit of each cell, counted from the corner.
    span : array of uint8, shape (n_cells,)
        Units along one side: 1, 2, 4 …
    persons : array of int64, shape (n_cells,)
        People counted with the cell, in `unit`-ths of a person.
    unit : int
        Unit of the counts.
    moved : int
        People among them who live too scattered for a cell of their own and are counted with the nearest one.
    of_point : array of int32, shape (n_demand,)
        Cell of each demand point, -1 where nobody lives.
    zone : array of int32, shape (n_cells,)
        Zone of each cell; all 0 where none were given.
    """

    west_deg: float
    south_deg: float
    step_lon_deg: float
    step_lat_deg: float
    unit_m: float
    column: Int32
    row: Int32
    span: UInt8
    persons: Int
    unit: int
    moved: int
    of_point: Int32
    zone: Int32

    @property
    def n_cells(self) -> int:
        """Return the number of cells.

        Returns
        -------
        int
            Zero when nobody lives anywhere.
        """
        return int(self.persons.size)

    def bounds(self) -> Float:
        """Return the corners of every cell.

        Returns
        -------
        array of float64, shape (n_cells, 4)
            West, south, east, north in degrees.
        """
        west = self.west_deg + self.column * self.step_lon_deg
        south = self.south_deg + self.row * self.step_lat_deg
        east = self.west_deg + (self.column + self.span.astype(np.int32)) * self.step_lon_deg
        north = self.south_deg + (self.row + self.span.astype(np.int32)) * self.step_lat_deg
        return np.column_stack([west, south, east, north])


@dataclass(frozen=True, slots=True)
class CellValues:
    """One type's result for one band, or for several bands added up, by cell.

    Parameters
    ----------
    persons, covered : array of int64, shape (n_cells,)
        The band's people and those covered, in the grid's unit; only for sums, not for publication.
    covered_share : array of float64, shape (n_cells,)
        From 0 to 1 in the steps of `geo.access.privacy.told_shares`; NaN where the band has too few people to say,
        or exact totals would give the number away.
    median_s, median_m : array of float64, shape (n_cells,)
        Walk of the median person; NaN where the median person reaches no facility, or too few people.
    status : array of uint8, shape (n_cells,)
        Status of the median person by time; 255 where there are too few people to say.
    dominant_status : array of uint8, shape (n_cells,)
        Status of most people, ties to the lower code; 255 likewise.
    """

    persons: Int
    covered: Int
    covered_share: Float
    median_s: Float
    median_m: Float
    status: UInt8
    dominant_status: UInt8


def build_cells(
    lon: Float,
    lat: Float,
    weights: Int,
    unit: int,
    *,
    zone: Int32 | None = None,
    smallest_m: float = SMALLEST_CELL_M,
    doublings: int = 2,
    sparse_doublings: int = 2,
    minimum_persons: int = MINIMUM_PERSONS,
) -> CellGrid:
    """Gather people into cells.

    Parameters
    ----------
    lon, lat : array of float64, shape (n_demand,)
        Positions in EPSG:4490 degrees.
    weights : array of int64, shape (n_demand,)
        Everybody at each point, in `unit`-ths of a person.
    unit : int
        1 or 1,000,000.
    zone : array of int32, shape (n_demand,), optional
        Zone of each point, at least 0: no cell holds people of two. Each zone should hold `minimum_persons`, see
        `geo.access.zones`.
    smallest_m : float
        Width of the smallest cells in metres, at least 100.
    doublings : int
        How often a block may double: 2 gives cells up to four times the smallest width.
    sparse_doublings : int
        How often a block may go on doubling as long as nothing in it holds enough people.
    minimum_persons : int
        Fewest people in a cell. Only where the whole population, or a whole zone, is smaller does one cell hold
        fewer.

    Returns
    -------
    CellGrid
        The widest cells first, so that none is drawn over a narrower one of another zone; cells of one width from
        south to north, then west to east, then by zone.

    Raises
    ------
    InputError
        A width is below 100 m, or a rule is out of its range.
    """
    _check(smallest_m, doublings, sparse_doublings, minimum_persons)
    inhabited = np.flatnonzero(weights > 0)
    widest_m = smallest_m * 2 ** (doublings + sparse_doublings)
    west, south, step_lon, step_lat = _grid_frame(lon[inhabited], lat[inhabited], smallest_m, widest_m)
    column = np.floor((lon[inhabited] - west) / step_lon).astype(np.int64)
    row = np.floor((lat[inhabited] - south) / step_lat).astype(np.int64)
    zones = np.zeros(inhabited.size, dtype=np.int64) if zone is None else zone[inhabited].astype(np.int64)
    keys, of_inhabited = np.unique(_key(row, column, zones), return_inverse=True)
    people = sum_by(of_inhabited, weights[inhabited], keys.size)
    units = _Units(*_place(keys), people)
    level, is_enough = _merge_blocks(units, (doublings, sparse_doublings), minimum_persons * unit)
    cells, of_unit = np.unique(units.block(level, corner=True), return_inverse=True)
    cell_level = np.zeros(cells.size, dtype=np.int64)
    cell_level[of_unit] = level
    cell_people = sum_by(of_unit, people, cells.size)
    shown = np.zeros(cells.size, dtype=np.bool_)
    shown[of_unit] = is_enough
    target, moved = _attach(cells, cell_level, cell_people, shown)
    kept = np.flatnonzero(target == np.arange(cells.size))
    kept = kept[np.argsort(-cell_level[kept], kind="stable")]
    position = np.zeros(cells.size, dtype=np.int64)
    position[kept] = np.arange(kept.size)
    of_cell = position[target] if cells.size else target
    of_point = np.full(len(weights), -1, dtype=np.int32)
    of_point[inhabited] = of_cell[of_unit[of_inhabited]]
    row, column, zones = _place(cells[kept])
    return CellGrid(
        west_deg=west,
        south_deg=south,
        step_lon_deg=step_lon,
        step_lat_deg=step_lat,
        unit_m=smallest_m,
        column=column.astype(np.int32),
        row=row.astype(np.int32),
        span=(1 << cell_level[kept]).astype(np.uint8),
        persons=sum_by(of_cell, cell_people, kept.size),
        unit=unit,
        moved=moved,
        of_point=of_point,
        zone=zones.astype(np.int32),
    )


def cell_values(
    grid: CellGrid,
    parts: Sequence[tuple[Certificates, Int]],
    *,
    minimum_persons: int = MINIMUM_PERSONS,
) -> CellValues:
    """Sum one type's result by cell.

    Parameters
    ----------
    grid : CellGrid
        Cells of the same demand points.
    parts : sequence of (Certificates, array of int64 of shape (n_demand,))
        One or several bands: certificates and the band's people.
    minimum_persons : int
        A cell in which fewer of these people live says nothing about them, unless they are the whole cell.

    Returns
    -------
    CellValues
        In the order of the cells.
    """
    n_cells = grid.n_cells
    cell, status, weights, seconds, metres = _stack(grid, parts)
    table = sum_by(cell * len(STATUS_NAMES) + status, weights, n_cells * len(STATUS_NAMES))
    table = table.reshape(n_cells, len(STATUS_NAMES))
    persons, covered = table.sum(axis=1), table[:, COVERED]
    is_said = (persons > 0) & ((persons >= minimum_persons * grid.unit) | (persons == grid.persons))
    least = minimum_persons * grid.unit
    is_told = is_said & is_guarded(covered, persons, grid.zone, least)
    share = np.where(is_told, told_shares(covered, persons, least), np.nan)
    median_s, median_status = _median(seconds, status, weights, cell, n_cells)
    median_m, _ = _median(metres, status, weights, cell, n_cells)
    most = table.argmax(axis=1) if n_cells else np.zeros(0, dtype=np.int64)
    return CellValues(
        persons=persons,
        covered=covered,
        covered_share=share,
        median_s=np.where(is_said, median_s, np.nan),
        median_m=np.where(is_said, median_m, np.nan),
        status=np.where(is_said, median_status, UNKNOWN_STATUS).astype(np.uint8),
        dominant_status=np.where(is_said, most, UNKNOWN_STATUS).astype(np.uint8),
    )


def _check(smallest_m: float, doublings: int, sparse_doublings: int, minimum_persons: int) -> None:
    """Refuse rules that break privacy or make no sense."""
    total = doublings + sparse_doublings
    if not (smallest_m >= SMALLEST_CELL_M and minimum_persons >= 1 and 0 <= doublings <= total <= 7):
        raise InputError(
            f"格网 {smallest_m} 米、加倍 {total} 次、最少 {minimum_persons} 人；应为 100+、0–7、1+",
            f"cells of {smallest_m} m, {total} doublings, {minimum_persons} people; allowed: 100+, 0–7, 1+",
        )


def _grid_frame(
    lon: Float, lat: Float, smallest_m: float, widest_m: float
) -> tuple[float, float, float, float]:
    """Return corner and steps of a grid whose units are nowhere narrower than asked."""
    if len(lon) == 0:
        return 0.0, 0.0, 1.0, 1.0
    # Cells reach beyond the outermost points by their own width; no degree of latitude is under 110 km.
    beyond = widest_m / 110_000
    low, high = float(lat.min()) - beyond, float(lat.max()) + beyond
    poleward = max(abs(low), abs(high))
    equatorward = 0.0 if low < 0 < high else min(abs(low), abs(high))
    # A hair wider, for the rounding of the corner.
    step_lon = smallest_m / _metres_per_degree(poleward)[0] * (1 + 1e-9)
    step_lat = smallest_m / _metres_per_degree(equatorward)[1] * (1 + 1e-9)
    west = float(np.floor(lon.min() / step_lon)) * step_lon
    south = float(np.floor(lat.min() / step_lat)) * step_lat
    # The product may round to just above the minimum.
    return min(west, float(lon.min())), min(south, float(lat.min())), step_lon, step_lat


def _metres_per_degree(lat_deg: float) -> tuple[float, float]:
    """Return the length of one degree of longitude and of latitude on the ellipsoid."""
    phi = np.radians(lat_deg)
    w_2 = 1 - _ECCENTRICITY_2 * np.sin(phi) ** 2
    along_parallel = _SEMI_MAJOR_M * np.cos(phi) / np.sqrt(w_2)
    along_meridian = _SEMI_MAJOR_M * (1 - _ECCENTRICITY_2) / w_2**1.5
    return float(np.radians(along_parallel)), float(np.radians(along_meridian))


@dataclass(frozen=True, slots=True)
class _Units:
    """Grid units that hold people of one zone."""

    row: Int
    column: Int
    zone: Int
    people: Int

    def block(self, level: Int | int, *, corner: bool = False) -> Int:
        """Return the key of the block of some level around each unit: its number, or its south-west unit."""
        row, column = self.row >> level, self.column >> level
        return _key(row << level, column << level, self.zone) if corner else _key(row, column, self.zone)


def _key(row: Int, column: Int, zone: Int) -> Int:
    """Put row, column and zone into one sortable number."""
    return (row * _COLUMNS + column) * _ZONES + zone


def _place(keys: Int) -> tuple[Int, Int, Int]:
    """Return row, column and zone of keys."""
    units = keys // _ZONES
    return units // _COLUMNS, units % _COLUMNS, keys % _ZONES


def _merge_blocks(units: _Units, doublings: tuple[int, int], least: int) -> tuple[Int, Bool]:
    """Return the level of the cell each unit ends in, and whether that cell has enough people."""
    people = units.people
    level = np.zeros(people.size, dtype=np.int64)
    is_enough = people >= least
    for step in range(1, sum(doublings) + 1):
        _, of_parent = np.unique(units.block(step), return_inverse=True)
        n_parents = int(of_parent.max()) + 1 if of_parent.size else 0
        total = sum_by(of_parent, people, n_parents)
        n_enough = np.bincount(of_parent[is_enough], minlength=n_parents)
        n_units = np.bincount(of_parent, minlength=n_parents)
        # Beyond the ordinary width a block that already shows something is left alone.
        merged = (n_enough < n_units if step <= doublings[0] else n_enough == 0)[of_parent]
        level[merged] = step
        is_enough = np.where(merged, total[of_parent] >= least, is_enough)
    return level, is_enough


def _attach(cells: Int, level: Int, people: Int, shown: Bool) -> tuple[Int, int]:
    """Return for each cell the cell of its zone it is counted with, and how many people that moves."""
    target = np.arange(cells.size)
    if cells.size == 0 or shown.all():
        return target, 0
    row, column, zone = _place(cells)
    shown = shown | _fullest(zone, people, shown)
    half = (1 << level) / 2
    # Zones lie so far apart that the nearest cell is one of the same zone.
    apart = zone.astype(np.float64) * (2 * _COLUMNS)
    centre = np.column_stack([row + half, column + half, apart])
    kept = np.flatnonzero(shown)
    target[~shown] = kept[cKDTree(centre[kept]).query(centre[~shown])[1]]
    return target, int(people[~shown].sum())


def _fullest(zone: Int, people: Int, shown: Bool) -> Bool:
    """Return the cell with the most people, ties to the first, of each zone in which no cell has enough."""
    order = np.lexsort((-np.arange(zone.size), people, zone))
    is_last = np.append(zone[order][1:] != zone[order][:-1], True)
    fullest = np.zeros(zone.size, dtype=np.bool_)
    fullest[order[is_last]] = True
    return fullest & ~np.isin(zone, zone[shown])


def _stack(grid: CellGrid, parts: Sequence[tuple[Certificates, Int]]) -> tuple[Int32, Int, Int, Float, Float]:
    """Put the bands after one another, without the points where nobody of the band lives."""
    at = [np.flatnonzero(weights > 0) for _, weights in parts]
    pairs = list(zip(parts, at, strict=True))
    return (
        np.concatenate([grid.of_point[where] for where in at]),
        np.concatenate([part[0].status[where] for part, where in pairs]).astype(np.int64),
        np.concatenate([part[1][where] for part, where in pairs]),
        np.concatenate([part[0].walk_s[where] for part, where in pairs]),
        np.concatenate([part[0].walk_m[where] for part, where in pairs]),
    )


def _median(walk: Float, status: Int, weights: Int, cell: Int32, n_cells: int) -> tuple[Float, Int]:
    """Return walk and status of each cell's median person; who reaches nothing comes last, by status."""
    ordered = sort_weights(np.where(np.isfinite(walk), walk, _UNREACHED * (1 + status)), weights)
    at = quantile_positions(ordered, cell, n_cells, (50,))[:, 0]
    if ordered.values.size == 0:
        return np.full(n_cells, np.nan), np.full(n_cells, UNKNOWN_STATUS)
    position = ordered.position[np.maximum(at, 0)]
    return np.where(at >= 0, walk[position], np.nan), np.where(at >= 0, status[position], UNKNOWN_STATUS)
