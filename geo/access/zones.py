"""Zones whose people are counted apart, such as townships: each with enough people to be told of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from geo.access.membership import LEVELS, Membership
from geo.access.privacy import MINIMUM_PERSONS
from geo.access.tally import sum_by
from geo.arrays import Float, Int, Int32

EXACT_LEVELS: Final = LEVELS[: LEVELS.index("township") + 1]
"""Levels whose totals are published exactly, the widest first."""


@dataclass(frozen=True, slots=True)
class Zones:
    """Zones that partition the population.

    Parameters
    ----------
    of_point : array of int32, shape (n_demand,)
        Zone of each point.
    codes, names : tuple of str or None
        Division of each zone; where it is several, no code and all their names.
    """

    of_point: Int32
    codes: tuple[str | None, ...]
    names: tuple[str | None, ...]


def exact_zones(
    membership: Membership, lon: Float, lat: Float, weights: Int, unit: int, *, minimum_persons: int = MINIMUM_PERSONS
) -> Zones:
    """Return the smallest divisions with exact totals as zones; those with too few people join the nearest.

    Parameters
    ----------
    membership : Membership
        Divisions of the points.
    lon, lat : array of float64, shape (n_demand,)
        Positions in EPSG:4490 degrees.
    weights : array of int64, shape (n_demand,)
        Everybody at each point.
    unit : int
        Unit of the weights.
    minimum_persons : int
        Fewest people of a zone.

    Returns
    -------
    Zones
        Townships, or the narrowest wider level there is; people outside all of them are a zone, too. One zone without
        a division where there is no such level.
    """
    levels = [level for level in membership.levels if level.level in EXACT_LEVELS]
    if not levels:
        return Zones(np.zeros(len(weights), np.int32), (None,), (None,))
    level = levels[-1]
    row = level.index.astype(np.int64)
    n_rows = level.n_divisions + 2
    people = sum_by(row, weights, n_rows)
    joined = _join(people, _middles(row, lon, lat, weights, people), minimum_persons * unit)
    kept, zone_of_row = np.unique(joined, return_inverse=True)
    members = [np.flatnonzero((joined == one) & (people > 0)).tolist() for one in kept.tolist()]
    codes = [level.code_of(rows[0]) if len(rows) == 1 else None for rows in members]
    names = ["、".join(level.name_of(row) for row in rows) or None for rows in members]
    return Zones(zone_of_row[row].astype(np.int32), tuple(codes), tuple(names))


def _middles(row: Int, lon: Float, lat: Float, weights: Int, people: Int) -> Float:
    """Return the middle of each row's people in degrees of latitude; NaN where there are none."""
    middles = np.full((people.size, 2), np.nan)
    shrink = np.cos(np.radians(lat.mean())) if lat.size else 1.0
    for column, values in enumerate((lon * shrink, lat)):
        sums = np.bincount(row, weights=values * weights, minlength=people.size)
        np.divide(sums, people, out=middles[:, column], where=people > 0)
    return middles


def _join(people: Int, middles: Float, least: int) -> Int:
    """Return the row each row is counted with, the fewest people first joining the nearest that has any."""
    joined, left = np.arange(people.size), people.copy()
    while True:
        there = np.flatnonzero(left > 0)
        if there.size < 2 or left[there].min() >= least:
            return joined
        smallest = there[np.argmin(left[there])]
        others = there[there != smallest]
        nearest = others[np.argmin(((middles[others] - middles[smallest]) ** 2).sum(axis=1))]
        joined[joined == smallest] = nearest
        left[nearest] += left[smallest]
        left[smallest] = 0
