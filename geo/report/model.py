"""What a coverage report holds: plain values that services fill and the writers print.

Nothing is computed here beyond ratios of two stored numbers. A missing value is None (NaN inside arrays) and
prints as a dash with its reason, never as 0. Times are seconds, lengths metres, positions degrees in
EPSG:4490, lon/lat order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import geopandas

from geo.access.privacy import MINIMUM_PERSONS
from geo.report.cells import STATUSES, CellSet, CellValues
from geo.report.rows import (
    LEVELS,
    NO_FIGURES,
    CircleAudit,
    DivisionRow,
    FacilityMark,
    GapRow,
    ImportNote,
    IndicatorRow,
    NearestFigures,
    PersonCounts,
    QualityNote,
    SourceNote,
)

__all__ = [
    "ALL_PEOPLE",
    "LEVELS",
    "STATUSES",
    "CellSet",
    "CellValues",
    "CircleAudit",
    "CoverageReport",
    "DivisionRow",
    "FacilityMark",
    "GapRow",
    "GroupResult",
    "ImportNote",
    "IndicatorRow",
    "NearestFigures",
    "PersonCounts",
    "QualityNote",
    "SourceNote",
    "TypeResult",
]

ALL_PEOPLE = "all"
"""Slug of the group that adds up every band."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupResult:
    """The result for one group of people: an age or ability band, or everybody.

    Parameters
    ----------
    slug : str
        Band name, or `ALL_PEOPLE`.
    title_zh : str
        Name on screen, such as ``80 岁及以上``.
    speed_mps : float or None
        Walking speed; None where bands with several speeds are added up.
    persons : PersonCounts
        People by status.
    nearest : NearestFigures
        Walk to the nearest facility.
    straight_line : CircleAudit or None
        The circle this group's speed and limit would give.
    divisions : tuple of DivisionRow
        Every division at every level.
    cells : CellValues or None
        Values by cell, or None if the map has none for this group.
    """

    slug: str
    title_zh: str
    speed_mps: float | None
    persons: PersonCounts
    nearest: NearestFigures = NO_FIGURES
    straight_line: CircleAudit | None = None
    divisions: tuple[DivisionRow, ...] = ()
    cells: CellValues | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TypeResult:
    """Everything the report says about one facility type; exactly one of `minutes` and `metres` is given.

    Parameters
    ----------
    slug : str
        Catalogue slug.
    title_zh : str
        Name.
    family : str
        Catalogue family code such as ``EL``; decides the glyph.
    standard_zh : str
        The limit in words, such as ``15 分钟 · 按年龄步速``.
    minutes, metres : float or None
        The limit.
    overall : GroupResult
        Everybody; its slug is `ALL_PEOPLE`.
    bands : tuple of GroupResult
        By band; empty for a run at one speed.
    circles : tuple of CircleAudit
        Circles of statutory radii, for comparison.
    gaps : tuple of GapRow
        Ranked gaps.
    scattered_persons : float or None
        Uncovered people in no gap, because they live among covered people or too scattered; None if not
        counted.
    facilities : tuple of FacilityMark
        Facilities of this type.
    indicators : tuple of IndicatorRow
        Indicators of this type.
    run_id : str
        The analysis run the numbers come from.
    """

    slug: str
    title_zh: str
    family: str
    standard_zh: str
    minutes: float | None
    metres: float | None
    overall: GroupResult
    bands: tuple[GroupResult, ...] = ()
    circles: tuple[CircleAudit, ...] = ()
    gaps: tuple[GapRow, ...] = ()
    scattered_persons: float | None = None
    facilities: tuple[FacilityMark, ...] = ()
    indicators: tuple[IndicatorRow, ...] = ()
    run_id: str = ""

    @property
    def groups(self) -> tuple[GroupResult, ...]:
        """Everybody first, then the bands."""
        return (self.overall, *self.bands)


@dataclass(frozen=True, slots=True, eq=False)
class CoverageReport:
    """A coverage report of one study area.

    Parameters
    ----------
    title : str
        Title.
    bureau : str
        Who issues it.
    is_synthetic : bool
        Whether the data are made up; printed everywhere as 示例数据.
    data_date : date
        The date the supply was judged at.
    generated_on : date
        The day the report was made.
    parameters : tuple of (str, str)
        Names and values in Chinese, in reading order.
    population_zh : str
        Kind of population, such as ``常住人口`` or ``人口口径未说明``.
    population_year : int or None
        Its year.
    cells : CellSet or None
        Cells people are published by.
    types : tuple of TypeResult
        At least one.
    outlines : GeoDataFrame or None
        Divisions with columns code, name, level, parent_code and polygons.
    context : GeoDataFrame or None
        Shapes that help to find one's way, with columns geometry and kind: ``main_road``, ``railway``, ``water``
        or ``green``.
    imports : tuple of ImportNote
        Imports with their counts.
    quality : tuple of QualityNote
        Observations about the data.
    sources : tuple of SourceNote
        Sources.
    minimum_persons : int
        Fewest people that any cell or village may be published with.
    untold_villages : frozenset of str
        Codes of villages whose numbers would give away a few people in the cells at their border.
    is_trial : bool
        Whether another run is the published one; printed everywhere as 试算，未发布.
    """

    title: str
    bureau: str
    is_synthetic: bool
    data_date: date
    generated_on: date
    parameters: tuple[tuple[str, str], ...]
    population_zh: str
    population_year: int | None
    cells: CellSet | None
    types: tuple[TypeResult, ...]
    outlines: geopandas.GeoDataFrame | None = None
    context: geopandas.GeoDataFrame | None = None
    imports: tuple[ImportNote, ...] = ()
    quality: tuple[QualityNote, ...] = ()
    sources: tuple[SourceNote, ...] = ()
    minimum_persons: int = MINIMUM_PERSONS
    untold_villages: frozenset[str] = frozenset()
    is_trial: bool = False
