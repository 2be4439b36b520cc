"""A gap, the rules it was gathered by, and the people no gap shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shapely.geometry.base import BaseGeometry

from geo.access.population import persons_number
from geo.access.privacy import MINIMUM_PERSONS, SMALLEST_CELL_M
from geo.access.status import COVERED, STATUS_NAMES

CELL_M: Final = SMALLEST_CELL_M


@dataclass(frozen=True, slots=True)
class GapRules:
    """How uncovered points are gathered.

    Parameters
    ----------
    cell_m : float
        Cell width in metres, at least 100 (privacy).
    margin_cells : int
        Empty ground that belongs to a gap, in cells around each gap cell; neighbours join through it.
    least_uncovered_share : float
        A cell is a gap cell when at least this share of its people is uncovered, and somebody is. 0 takes
        every cell with an uncovered person; for several bands added up, 0.5 keeps one slow person from
        joining half a city.
    minimum_persons : int
        A gap needs at least this many people to be shown.
    """

    cell_m: float = CELL_M
    margin_cells: int = 1
    least_uncovered_share: float = 0.0
    minimum_persons: int = MINIMUM_PERSONS


@dataclass(frozen=True, slots=True)
class Gap:
    """One contiguous uncovered area.

    Parameters
    ----------
    rank : int
        1 for the gap with the most people; ties go to the one that begins further south, then west.
    unit : int
        Unit of the counts, 1 or 1,000,000.
    by_status : tuple of int
        Uncovered people by status code; the covered entry is 0.
    facility : int
        Facility that most of them would walk to (ties to the lowest), -1 where nobody reaches any.
    nearest_m : float or None
        Person-weighted mean walk to the nearest facility in metres; None where nobody reaches any.
    nearest_p50_m : float or None
        Person-weighted median of that walk.
    nearest_min_m : float or None
        Shortest such walk.
    straight_m : float or None
        Person-weighted mean straight line; None where there is no facility or it was not measured.
    lon, lat : float
        A point inside the polygon, in EPSG:4490 degrees.
    division_code, division_name : str or None
        Division in which most of them live.
    polygon : BaseGeometry
        Polygon in EPSG:4490, with holes where covered people live.
    """

    rank: int
    unit: int
    by_status: tuple[int, ...]
    facility: int
    nearest_m: float | None
    nearest_p50_m: float | None
    nearest_min_m: float | None
    straight_m: float | None
    lon: float
    lat: float
    division_code: str | None
    division_name: str | None
    polygon: BaseGeometry

    @property
    def count(self) -> int:
        """Return the uncovered people of the gap.

        Returns
        -------
        int
            In `unit`-ths of a person.
        """
        return sum(self.by_status)

    @property
    def reason(self) -> str:
        """Return the status of most of its people.

        Returns
        -------
        str
            A status name; ties go to the lower code.
        """
        return STATUS_NAMES[self.by_status.index(max(self.by_status))]

    def to_json(self) -> dict[str, object]:
        """Return plain JSON values without the polygon.

        Returns
        -------
        dict
            Rank, people by reason, nearest facility's position and distances, centre and division.
        """
        return {
            "rank": self.rank,
            "persons": persons_number(self.count, self.unit),
            **_reasons_json(self.by_status, self.unit),
            "reason": self.reason,
            "nearest_m": self.nearest_m,
            "nearest_p50_m": self.nearest_p50_m,
            "nearest_min_m": self.nearest_min_m,
            "straight_m": self.straight_m,
            "lon": self.lon,
            "lat": self.lat,
            "division_code": self.division_code,
            "division_name": self.division_name,
        }


@dataclass(frozen=True, slots=True)
class GapRemainder:
    """Uncovered people whom no gap shows.

    Parameters
    ----------
    unit : int
        Unit of the counts.
    small : tuple of int
        People by status code in areas with fewer people than may be shown.
    n_small : int
        Number of such areas.
    scattered : tuple of int
        People by status code in cells where enough others are covered.
    """

    unit: int
    small: tuple[int, ...]
    n_small: int
    scattered: tuple[int, ...]

    @property
    def count(self) -> int:
        """Return the uncovered people outside every gap.

        Returns
        -------
        int
            In `unit`-ths of a person.
        """
        return sum(self.small) + sum(self.scattered)

    def to_json(self) -> dict[str, object]:
        """Return plain JSON values.

        Returns
        -------
        dict
            People in total, in areas too small to show, and scattered among covered people.
        """
        by_status = [a + b for a, b in zip(self.small, self.scattered, strict=True)]
        return {
            "persons": persons_number(self.count, self.unit),
            **_reasons_json(by_status, self.unit),
            "small_areas": self.n_small,
            "small_areas_persons": persons_number(sum(self.small), self.unit),
            "scattered_persons": persons_number(sum(self.scattered), self.unit),
        }


@dataclass(frozen=True, slots=True)
class GapList:
    """The gaps of one facility type.

    Parameters
    ----------
    gaps : tuple of Gap
        In the order of their ranks.
    remainder : GapRemainder
        The uncovered people in none of them.
    """

    gaps: tuple[Gap, ...]
    remainder: GapRemainder

    @property
    def count(self) -> int:
        """Return every uncovered person.

        Returns
        -------
        int
            Sum over the gaps and the remainder, in `unit`-ths of a person.
        """
        return sum(gap.count for gap in self.gaps) + self.remainder.count


def _reasons_json(by_status: Sequence[int], unit: int) -> dict[str, int | float]:
    """Return people by reason."""
    return {
        name: persons_number(by_status[code], unit)
        for code, name in enumerate(STATUS_NAMES)
        if code != COVERED
    }
