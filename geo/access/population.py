"""People as exact integers: demand columns become a table of persons by band.

Whole numbers stay whole persons; as soon as one input is not whole, the table counts micro-persons
(millionths, rounded once). Integer addition is exact, so the rows of any partition (bands, divisions,
statuses, gaps) sum to the population.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from geo.arrays import Bool, Float, Int
from geo.errors import InputError

AGE_BANDS: Final = ("60_69", "70_79", "80_plus")
UNABLE: Final = "unable"
UNSPECIFIED: Final = "unspecified"
BANDS: Final = (*AGE_BANDS, UNABLE, UNSPECIFIED)
ALL_BANDS: Final = "all"
MICRO: Final = 1_000_000

_COLUMNS: Final = (
    "persons",
    *(f"persons_{age}" for age in AGE_BANDS),
    "persons_able",
    "persons_partly",
    "persons_unable",
)
_INT64_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Population:
    """People at every demand point, by band.

    Parameters
    ----------
    counts : array of int64, shape (n_demand, n_bands)
        People of each band, in `unit`-ths of a person; the columns follow `BANDS`.
    unit : int
        1 when the counts are whole persons, 1,000,000 when they are micro-persons.
    """

    counts: Int
    unit: int

    @property
    def n_demand(self) -> int:
        """Return the number of demand points.

        Returns
        -------
        int
            Rows of the table.
        """
        return int(self.counts.shape[0])

    def of_band(self, band: str) -> Int:
        """Return the people of one band at every demand point.

        Parameters
        ----------
        band : str
            A name of `BANDS`, or ``"all"`` for everybody.

        Returns
        -------
        array of int64, shape (n_demand,)
            People in `unit`-ths of a person.

        Raises
        ------
        InputError
            The band is unknown.
        """
        if band == ALL_BANDS:
            everybody: Int = self.counts.sum(axis=1, dtype=np.int64)
            return everybody
        if band not in BANDS:
            raise InputError(
                f"未知的人群分组“{band}”，可用：{ALL_BANDS}、{'、'.join(BANDS)}",
                f'unknown band "{band}"; allowed: {ALL_BANDS}, {", ".join(BANDS)}',
                band=band,
            )
        return np.ascontiguousarray(self.counts[:, BANDS.index(band)])

    @property
    def present_bands(self) -> tuple[str, ...]:
        """Return the bands in which anybody lives.

        Returns
        -------
        tuple of str
            Names of `BANDS`, in that order.
        """
        sums = self.counts.sum(axis=0)
        return tuple(band for band, people in zip(BANDS, sums, strict=True) if people > 0)

    @property
    def total(self) -> int:
        """Return everybody, in `unit`-ths of a person.

        Returns
        -------
        int
            Sum of the table.
        """
        return int(self.counts.sum())


def persons_number(count: int, unit: int) -> int | float:
    """Return a count as the number of persons a reader sees.

    Parameters
    ----------
    count : int
        People in `unit`-ths of a person.
    unit : int
        1 or 1,000,000.

    Returns
    -------
    int or float
        An int whenever the number is whole, otherwise a float; never rounded to whole persons.
    """
    whole, rest = divmod(int(count), unit)
    return whole if rest == 0 else int(count) / unit


def build_population(columns: Mapping[str, Float], n_demand: int) -> Population:
    """Turn demand columns into the exact table of people by band.

    Ages win: where a row has all three age columns, their sum is the row's population, whatever ``persons``
    says. Where some ages are missing, the people that ``persons`` has beyond the known ages are
    ``unspecified``. Where there are neither ages nor ``persons``, the ability columns' sum counts. People
    unable to walk unaided (at most the row's population) form a band of their own, taken proportionally from
    the other bands by largest remainder (ties from the older band).

    Parameters
    ----------
    columns : mapping of str to array of float64, shape (n_demand,)
        Any of ``persons``, ``persons_60_69``, ``persons_70_79``, ``persons_80_plus``, ``persons_able``,
        ``persons_partly``, ``persons_unable``; NaN where a row states none. Other names are refused.
    n_demand : int
        Number of demand points.

    Returns
    -------
    Population
        Rows in the input's order; each row's sum is the row's population exactly.

    Raises
    ------
    InputError
        A column is unknown, has another length, or holds a negative or infinite number.
    """
    scaled, known, unit = _to_integers(_checked(columns, n_demand))
    ages, ages_known = scaled[:, 1:4], known[:, 1:4]
    age_sum = ages.sum(axis=1)
    stated = np.where(known[:, 0], scaled[:, 0], 0)
    no_count = ~known[:, 0] & ~ages_known.any(axis=1)
    stated = np.where(no_count, scaled[:, 4:7].sum(axis=1), stated)
    rest = np.where(ages_known.all(axis=1), 0, np.maximum(stated - age_sum, 0))
    others = np.column_stack([ages, rest])
    unable = np.minimum(scaled[:, 6], others.sum(axis=1))
    taken = _take_proportionally(others, unable)
    left = others - taken
    counts = np.column_stack([left[:, :3], unable, left[:, 3]])
    return Population(counts=np.ascontiguousarray(counts, dtype=np.int64), unit=unit)


def _checked(columns: Mapping[str, Float], n_demand: int) -> Float:
    """Return the columns as one float table in the order of `_COLUMNS`, or refuse them."""
    unknown = sorted(set(columns) - set(_COLUMNS))
    if unknown:
        raise InputError(
            f"未知的人口列 {'、'.join(unknown)}，可用：{'、'.join(_COLUMNS)}",
            f"unknown population columns {', '.join(unknown)}; allowed: {', '.join(_COLUMNS)}",
            columns=unknown,
        )
    table = np.full((n_demand, len(_COLUMNS)), np.nan)
    for position, name in enumerate(_COLUMNS):
        if name not in columns:
            continue
        values = np.asarray(columns[name], dtype=np.float64)
        if values.shape != (n_demand,):
            raise InputError(
                f"人口列 {name} 有 {values.shape} 个值，应为 {n_demand} 个",
                f"population column {name} has shape {values.shape}; allowed: ({n_demand},)",
                column=name,
            )
        bad = np.flatnonzero((values < 0) | np.isinf(values))
        if bad.size:
            value = float(values[bad[0]])
            raise InputError(
                f"人口列 {name} 第 {bad[0]} 个值为 {value}，应为不小于 0 的有限数",
                f"population column {name} holds {value} at position {bad[0]}; allowed: finite, at least 0",
                column=name,
                position=int(bad[0]),
            )
        table[:, position] = values
    return table


def _to_integers(table: Float) -> tuple[Int, Bool, int]:
    """Return integers (0 where unknown), what was known, and the unit."""
    known = ~np.isnan(table)
    filled = np.where(known, table, 0.0)
    unit = 1 if np.array_equal(filled, np.rint(filled)) else MICRO
    return np.rint(filled * unit).astype(np.int64), known, unit


def _take_proportionally(parts: Int, take: Int) -> Int:
    """Split each row's `take` over its parts in proportion by largest remainder, so that it adds up."""
    totals = parts.sum(axis=1)
    rows = np.flatnonzero(take > 0)
    taken = np.zeros_like(parts)
    if rows.size == 0:
        return taken
    part, total, want = parts[rows], totals[rows], take[rows]
    # The product of two large micro-person counts leaves int64; Python integers take over for those rows
    # only.
    safe = part.max(axis=1).astype(np.float64) * want < _INT64_MAX / 2
    floor, remainder = np.zeros_like(part), np.zeros_like(part)
    product = part[safe] * want[safe, None]
    floor[safe], remainder[safe] = np.divmod(product, total[safe, None])
    for row in np.flatnonzero(~safe):
        for column in range(part.shape[1]):
            exact = int(part[row, column]) * int(want[row])
            floor[row, column], remainder[row, column] = divmod(exact, int(total[row]))
    missing = want - floor.sum(axis=1)
    # Stable sort of the reversed columns: equal remainders give to the later (older) part first.
    order = np.argsort(-remainder[:, ::-1], axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(part.shape[1])[None, :], axis=1)
    taken[rows] = floor + (rank[:, ::-1] < missing[:, None])
    return taken
