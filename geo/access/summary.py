"""The result of one facility type: everybody and every band, in total and for every division at every level.

Nothing is dropped from a denominator: the statuses of a row sum to its people, the divisions of a level with
its ``unassigned`` row and the ``outside`` row sum to everybody, and the bands sum to everybody, all in exact
integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from geo.access.membership import (
    OUTSIDE_CODE,
    OUTSIDE_NAME_ZH,
    UNASSIGNED_CODE,
    UNASSIGNED_NAME_ZH,
    LevelMembership,
    Membership,
)
from geo.access.population import ALL_BANDS, Population
from geo.access.quantile import SortedWeights, all_quantiles, group_quantiles, merge_sorted, select, sort_weights
from geo.access.status import Certificates
from geo.access.straight_line import StraightLine
from geo.access.tally import STATUTORY_M, Tally, TallyOptions, TallyTable, read_tally, tabulate
from geo.arrays import Float, Int32
from geo.errors import InputError


@dataclass(frozen=True, slots=True)
class BandRun:
    """One search: the certificates of one group of people.

    Parameters
    ----------
    band : str
        A band of `geo.access.population.BANDS`, or ``"all"`` for everybody at one speed.
    speed_mps : float or None
        Walking speed; None for a limit in metres without one.
    radius_m : float
        Radius of the circle of the same reach (metres, or speed × time).
    certificates : Certificates
        One per demand point.
    choices : array of int32, shape (n_demand,), or None
        Number of facilities within the limit at each point, for M09 and M10.
    """

    band: str
    speed_mps: float | None
    radius_m: float
    certificates: Certificates
    choices: Int32 | None = None


@dataclass(frozen=True, slots=True)
class DivisionRow:
    """The result of one division, or of the people in none.

    Parameters
    ----------
    code, name : str
        Division; codes ``unassigned`` (in no division of this level) and ``outside`` (in none at all).
    level : str or None
        Level; None for the outside row.
    parent_code : str or None
        Code of the parent, if stated.
    tally : Tally
        The numbers.
    """

    code: str
    name: str
    level: str | None
    parent_code: str | None
    tally: Tally

    def to_json(self) -> dict[str, object]:
        """Return plain JSON values.

        Returns
        -------
        dict
            Code, name, level, parent code, people by status and every measure, flat.
        """
        return {
            "code": self.code,
            "name": self.name,
            "level": self.level,
            "parent_code": self.parent_code,
            **self.tally.persons_json(),
            **self.tally.measures_json(),
        }


@dataclass(frozen=True, slots=True)
class LevelTable:
    """Sums and quantiles of one level; rows are made when asked for.

    Parameters
    ----------
    membership : LevelMembership or None
        The level; None for the single row of people outside every division.
    table : TallyTable
        Rows as in `LevelMembership.index`; a single row when there is no level.
    seconds, metres : array of float64, shape (n_rows, 3)
        Median, 90th percentile and maximum of the walk.
    n_points : array of int64, shape (n_rows,)
        Demand points in each row.
    options : TallyOptions
        What was measured.
    """

    membership: LevelMembership | None
    table: TallyTable
    seconds: Float
    metres: Float
    n_points: Int32
    options: TallyOptions

    def tally(self, row: int) -> Tally:
        """Return the numbers of one row.

        Parameters
        ----------
        row : int
            As in `LevelMembership.index`.

        Returns
        -------
        Tally
            The numbers.
        """
        return read_tally(self.table, row, self.seconds[row], self.metres[row], self.options)

    def rows(self) -> Iterator[DivisionRow]:
        """Return the divisions in code order, then the unassigned row if any point is there.

        Yields
        ------
        DivisionRow
            Without the outside row, which all levels share.
        """
        if self.membership is None:
            return
        level = self.membership
        for row in range(level.n_divisions):
            yield DivisionRow(
                level.codes[row], level.names[row], level.level, level.parent_codes[row], self.tally(row)
            )
        if self.n_points[level.n_divisions] > 0:
            tally = self.tally(level.n_divisions)
            yield DivisionRow(UNASSIGNED_CODE, UNASSIGNED_NAME_ZH, level.level, None, tally)


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """The result of one band, or of everybody.

    Parameters
    ----------
    band : str
        Band name, or ``"all"``.
    speed_mps : float or None
        Walking speed; None where bands of several speeds are added up.
    radius_m : float or None
        Radius of the circle of the same reach; None where several are added up.
    tally : Tally
        The numbers of the whole area.
    levels : tuple of LevelTable
        From the widest level to the narrowest; empty where divisions were not asked for.
    outside : DivisionRow or None
        People outside every division; None where no point lies there or divisions were not asked for.
    """

    band: str
    speed_mps: float | None
    radius_m: float | None
    tally: Tally
    levels: tuple[LevelTable, ...]
    outside: DivisionRow | None

    def divisions(self) -> Iterator[DivisionRow]:
        """Return every level's rows and, last, the outside row.

        Yields
        ------
        DivisionRow
            For each level, its rows and the outside row together are everybody.
        """
        for level in self.levels:
            yield from level.rows()
        if self.outside is not None:
            yield self.outside

    def to_json(self, *, divisions: bool = True) -> dict[str, object]:
        """Return plain JSON values.

        Parameters
        ----------
        divisions : bool
            Whether to list the divisions.

        Returns
        -------
        dict
            ``band``, ``speed_mps``, ``radius_m``, ``persons``, every measure and ``divisions``.
        """
        result: dict[str, object] = {
            "band": self.band,
            "speed_mps": self.speed_mps,
            "radius_m": self.radius_m,
            "persons": self.tally.persons_json(),
            **self.tally.measures_json(),
        }
        if divisions:
            result["divisions"] = [row.to_json() for row in self.divisions()]
        return result


@dataclass(frozen=True, slots=True)
class CoverageSummary:
    """The result of one facility type.

    Parameters
    ----------
    overall : GroupSummary
        Everybody.
    bands : tuple of GroupSummary
        By band; empty for a run at one speed.
    """

    overall: GroupSummary
    bands: tuple[GroupSummary, ...]

    def to_json(self, *, band_divisions: bool = False) -> dict[str, object]:
        """Return plain JSON values: the result of everybody with ``bands`` beside it.

        Parameters
        ----------
        band_divisions : bool
            Whether each band lists the divisions too.

        Returns
        -------
        dict
            As `GroupSummary.to_json`, and ``bands`` for a run by bands.
        """
        result = self.overall.to_json()
        if self.bands:
            result["bands"] = [band.to_json(divisions=band_divisions) for band in self.bands]
        return result


@dataclass(frozen=True, slots=True)
class _Measured:
    """One band's sums by group and its sorted walks."""

    table: TallyTable
    seconds: SortedWeights
    metres: SortedWeights


def summarise(
    population: Population,
    membership: Membership,
    runs: Sequence[BandRun],
    straight: StraightLine | None = None,
    *,
    band_divisions: bool = True,
) -> CoverageSummary:
    """Sum the certificates of one facility type.

    Parameters
    ----------
    population : Population
        People at every demand point.
    membership : Membership
        Divisions of the same points.
    runs : sequence of BandRun
        One run of ``"all"``, or one for every band in which anybody lives.
    straight : StraightLine, optional
        Straight lines of the same points; without them the audit is no data.
    band_divisions : bool
        Whether each band is summed by division too.

    Returns
    -------
    CoverageSummary
        Everybody, and each band in the order of the runs (no bands for a run of ``"all"``).

    Raises
    ------
    InputError
        There is no run, a band occurs twice or is missing, or arrays differ in length.
    """
    _check(population, membership, runs, straight)
    options = TallyOptions(
        unit=population.unit,
        has_circle=straight is not None,
        has_choices=all(run.choices is not None for run in runs),
    )
    points = _points_by_level(membership)
    statutory = None if straight is None else straight.inside(STATUTORY_M)
    measured: list[_Measured] = []
    bands: list[GroupSummary] = []
    for run in runs:
        weights = population.of_band(run.band)
        table = tabulate(
            run.certificates,
            weights,
            membership.group,
            membership.n_groups,
            inside=None if straight is None else straight.inside(run.radius_m),
            statutory=statutory,
            choices=run.choices,
        )
        walked = _Measured(
            table,
            sort_weights(run.certificates.walk_s, weights),
            sort_weights(run.certificates.walk_m, weights),
        )
        measured.append(walked)
        by_division = band_divisions or len(runs) == 1
        bands.append(
            _group_summary(
                run.band,
                run.speed_mps,
                run.radius_m,
                walked,
                membership if by_division else None,
                points,
                options,
            )
        )
    if len(runs) == 1:
        return CoverageSummary(bands[0], () if runs[0].band == ALL_BANDS else tuple(bands))
    everybody = _merge(measured)
    overall = _group_summary(ALL_BANDS, None, None, everybody, membership, points, options)
    return CoverageSummary(overall, tuple(bands))


def _check(
    population: Population, membership: Membership, runs: Sequence[BandRun], straight: StraightLine | None
) -> None:
    """Refuse runs that would leave somebody out or count somebody twice."""
    names = [run.band for run in runs]
    if names != [ALL_BANDS]:
        missing = sorted(set(population.present_bands) - set(names))
        if not names or missing or len(set(names)) < len(names) or ALL_BANDS in names:
            raise InputError(
                f"分组 {names} 应为单独的 {ALL_BANDS}，或每个有人的分组各一次（缺少 {missing}）",
                f"bands {names}; allowed: {ALL_BANDS} alone, or each populated band once (missing {missing})",
                bands=names,
                missing=missing,
            )
    lengths = {population.n_demand, len(membership.group), *(len(run.certificates.status) for run in runs)}
    if straight is not None:
        lengths.add(len(straight.distance_m))
    if len(lengths) > 1:
        raise InputError(
            f"需求点数不一致：{sorted(lengths)}，应全部相同",
            f"numbers of demand points differ: {sorted(lengths)}; allowed: one length",
            lengths=sorted(lengths),
        )


def _points_by_level(membership: Membership) -> list[Int32]:
    """Count the demand points of every row of every level."""
    return [
        np.bincount(level.index, minlength=level.n_divisions + 2).astype(np.int32)
        for level in membership.levels
    ]


def _group_summary(
    band: str,
    speed_mps: float | None,
    radius_m: float | None,
    measured: _Measured,
    membership: Membership | None,
    points: list[Int32],
    options: TallyOptions,
) -> GroupSummary:
    """Add up one band, or everybody, in total and by level."""
    tally = _single_row(measured, options, None)
    if membership is None:
        return GroupSummary(band, speed_mps, radius_m, tally, (), None)
    # Looked up once: a level's row of each group fits the processor's cache, that of each point does not.
    seconds, metres = _by_group(measured.seconds, membership), _by_group(measured.metres, membership)
    levels = []
    for level, group_row, n_points in zip(membership.levels, membership.group_rows, points, strict=True):
        n_rows = level.n_divisions + 2
        levels.append(
            LevelTable(
                level,
                measured.table.rolled_up(group_row, n_rows),
                group_quantiles(seconds, group_row.astype(np.int32), n_rows),
                group_quantiles(metres, group_row.astype(np.int32), n_rows),
                n_points,
                options,
            )
        )
    outside = None
    if membership.outside.any():
        outside_tally = _single_row(measured, options, membership)
        outside = DivisionRow(OUTSIDE_CODE, OUTSIDE_NAME_ZH, None, None, outside_tally)
    return GroupSummary(band, speed_mps, radius_m, tally, tuple(levels), outside)


def _by_group(ordered: SortedWeights, membership: Membership) -> SortedWeights:
    """Say of each value which group it belongs to instead of where it stood."""
    return SortedWeights(ordered.values, ordered.weights, membership.group[ordered.position].astype(np.int64))


def _single_row(measured: _Measured, options: TallyOptions, outside_of: Membership | None) -> Tally:
    """Return the tally of everybody, or of the people outside every division."""
    seconds, metres = measured.seconds, measured.metres
    row = np.zeros(len(measured.table.reached), dtype=np.int64)
    if outside_of is not None:
        row[~outside_of.group_outside] = 1
        seconds, metres = select(seconds, outside_of.outside), select(metres, outside_of.outside)
    return read_tally(
        measured.table.rolled_up(row, 2), 0, all_quantiles(seconds), all_quantiles(metres), options
    )


def _merge(measured: Sequence[_Measured]) -> _Measured:
    """Add up several bands: tables by addition, sorted walks by merging."""
    table = measured[0].table
    for other in measured[1:]:
        table = table + other.table
    return _Measured(
        table,
        merge_sorted([one.seconds for one in measured]),
        merge_sorted([one.metres for one in measured]),
    )
