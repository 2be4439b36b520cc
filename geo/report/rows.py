"""Rows a report is made of: counts, divisions, gaps, facilities, indicators and notes.

A missing value is None and prints as a dash with its reason, never as 0. Times are seconds, lengths metres,
positions degrees in EPSG:4490.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shapely.geometry.base import BaseGeometry

LEVELS: tuple[str, ...] = ("province", "prefecture", "county", "township", "village")
"""Levels of administrative divisions, from the largest to the smallest."""


@dataclass(frozen=True, slots=True)
class PersonCounts:
    """People by certificate status; the parts add up to the total.

    Parameters
    ----------
    total : float
        Everybody, the denominator of the coverage ratio.
    covered : float
        People who reach an open facility within the limit.
    too_far : float
        People whose nearest open facility lies beyond the limit.
    gate_closed : float
        People who would be covered only if every gate were open.
    disconnected : float
        People whose part of the network holds no open facility of the type.
    not_linked : float
        People with no walkable street within the linking distance.
    """

    total: float
    covered: float
    too_far: float = 0
    gate_closed: float = 0
    disconnected: float = 0
    not_linked: float = 0

    @property
    def uncovered(self) -> float:
        """People not covered, for whichever reason."""
        return self.total - self.covered

    @property
    def ratio(self) -> float | None:
        """Covered people over all people, or None where nobody lives."""
        return self.covered / self.total if self.total > 0 else None


@dataclass(frozen=True, slots=True)
class NearestFigures:
    """Person-weighted walk to the nearest open facility, over the people who reach one.

    Parameters
    ----------
    p50_s, p90_s, max_s : float or None
        Median, 90th percentile and maximum time; None where nobody reaches one.
    p50_m, p90_m, max_m : float or None
        The same for the length of the fastest path.
    """

    p50_s: float | None = None
    p90_s: float | None = None
    max_s: float | None = None
    p50_m: float | None = None
    p90_m: float | None = None
    max_m: float | None = None


NO_FIGURES = NearestFigures()
"""Nobody reaches a facility."""


@dataclass(frozen=True, slots=True)
class CircleAudit:
    """What a circle drawn around each facility would have claimed.

    Parameters
    ----------
    radius_m : float
        Radius of the circle; 0 where every band has a circle of its own.
    basis_zh : str
        Where the radius comes from, such as a standard's clause or speed times limit.
    persons : float
        People inside at least one circle.
    overstated_persons : float
        People inside a circle who are not covered on foot.
    total_persons : float
        Everybody, the denominator.
    """

    radius_m: float
    basis_zh: str
    persons: float
    overstated_persons: float
    total_persons: float

    @property
    def ratio(self) -> float | None:
        """People inside a circle over all people, or None where nobody lives."""
        return self.persons / self.total_persons if self.total_persons > 0 else None


@dataclass(frozen=True, slots=True)
class DivisionRow:
    """The result of one administrative division.

    Parameters
    ----------
    code : str
        Division code; ``outside`` for people outside any division, ``unassigned`` for those inside some division
        but in none of this level.
    name : str
        Name as the source spells it.
    level : str or None
        One of `LEVELS`; None for the outside row, which all levels share.
    parent_code : str or None
        Code of the division one level up, if known.
    persons : PersonCounts
        People by status.
    nearest : NearestFigures
        Walk to the nearest facility.
    straight_line_persons : float or None
        People a circle would have called covered; None where it was not computed.
    overstated_persons : float or None
        Those among them who are not covered on foot.
    """

    code: str
    name: str
    level: str | None
    parent_code: str | None
    persons: PersonCounts
    nearest: NearestFigures = NO_FIGURES
    straight_line_persons: float | None = None
    overstated_persons: float | None = None

    @property
    def key(self) -> str:
        """The code, made unique among levels."""
        return f"{self.code}@{self.level}" if self.code == "unassigned" else self.code


@dataclass(frozen=True, slots=True, eq=False)
class GapRow:
    """One contiguous uncovered area.

    Parameters
    ----------
    rank : int
        1 for the gap with most people.
    place_zh : str
        Where it is, such as township and community.
    division_code : str or None
        The township it lies in.
    persons : PersonCounts
        People in it by reason; `covered` is 0.
    polygon : BaseGeometry
        Polygon or MultiPolygon.
    nearest_facility : str or None
        Name of the nearest open facility.
    nearest_m : float or None
        Walk to it, person-weighted median; None where no path leads to one.
    """

    rank: int
    place_zh: str
    division_code: str | None
    persons: PersonCounts
    polygon: BaseGeometry
    nearest_facility: str | None = None
    nearest_m: float | None = None


@dataclass(frozen=True, slots=True)
class FacilityMark:
    """One facility as the map draws it.

    Parameters
    ----------
    name : str
        Name.
    lon, lat : float
        Position in degrees.
    status : str
        ``open``, ``planned``, ``building``, ``suspended`` or ``closed`` on the data date.
    capacity_zh : str
        Capacity with its unit, or an empty text if unknown.
    """

    name: str
    lon: float
    lat: float
    status: str = "open"
    capacity_zh: str = ""


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """One indicator with everything needed to check it.

    Parameters
    ----------
    id : str
        ``M01`` to ``M10``.
    title_zh : str
        Name.
    value : float or None
        Value, with shares and their differences as fractions of 1; None for no data, with the reason in
        `note_zh`.
    unit_zh : str
        Unit as printed; a value in ``%`` or ``百分点`` is printed times 100.
    numerator, denominator : float or None
        What was divided; None where the indicator is no ratio.
    numerator_zh, denominator_zh : str
        What they count, with unit.
    method_zh : str
        Method with its parameters.
    unit_set_zh : str
        The dated set of units it is about.
    source_zh : str
        Where the data come from.
    quality_zh : str
        Quality flag.
    note_zh : str
        Remark, or why there is no value.
    """

    id: str
    title_zh: str
    value: float | None
    unit_zh: str
    numerator: float | None = None
    denominator: float | None = None
    numerator_zh: str = ""
    denominator_zh: str = ""
    method_zh: str = ""
    unit_set_zh: str = ""
    source_zh: str = ""
    quality_zh: str = ""
    note_zh: str = ""


@dataclass(frozen=True, slots=True)
class ImportNote:
    """One import behind the report.

    Parameters
    ----------
    layer_zh : str
        Layer.
    source : str
        Source name.
    file_name : str
        File name, without its folder.
    imported_on : date or None
        Day of the import.
    read, stored, repaired, refused : int
        Rows read, stored, stored changed, and not stored.
    """

    layer_zh: str
    source: str
    file_name: str
    imported_on: date | None
    read: int
    stored: int
    repaired: int
    refused: int


@dataclass(frozen=True, slots=True)
class QualityNote:
    """One observation about the data.

    Parameters
    ----------
    title_zh : str
        What was counted.
    count : float or None
        How many; None where it is no count.
    unit_zh : str
        Unit of the count.
    note_zh : str
        What it means for the result.
    """

    title_zh: str
    count: float | None
    unit_zh: str
    note_zh: str


@dataclass(frozen=True, slots=True)
class SourceNote:
    """One source of data or of a rule.

    Parameters
    ----------
    title_zh : str
        Name.
    date_zh : str
        Date or edition.
    note_zh : str
        Licence, clause or remark.
    """

    title_zh: str
    date_zh: str
    note_zh: str = ""
