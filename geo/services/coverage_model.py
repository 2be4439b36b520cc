"""What a coverage question asks, and what its answer holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from geo.access.coverage import Limit
from geo.access.gaps import GapList
from geo.access.privacy import MINIMUM_PERSONS
from geo.access.summary import BandRun, CoverageSummary
from geo.arrays import Bool
from geo.catalog.load import facility_type
from geo.errors import InputError
from geo.indicators import IndicatorValue
from geo.services.demand import Demand, Supply
from geo.services.moment import DEFAULT_MOMENT
from geo.services.people_cells import PeopleCells


@dataclass(frozen=True, slots=True)
class CoverageRequest:
    """What is asked; exactly one of `minutes` and `metres` is given.

    Parameters
    ----------
    types : tuple of str
        Facility types.
    minutes, metres : float or None
        The limit.
    speed_mps : float or None
        One speed for everybody; None takes the profile's default.
    by_band : bool
        Each band walks at its own speed.
    on : datetime.date
        The date at which facilities and divisions are judged.
    at : datetime.datetime
        The moment at which gates with hours are judged.
    cutoff_min : float
        The search ends after this many minutes.
    """

    types: tuple[str, ...]
    minutes: float | None = None
    metres: float | None = None
    speed_mps: float | None = None
    by_band: bool = False
    on: date = field(default_factory=date.today)
    at: datetime = DEFAULT_MOMENT
    cutoff_min: float = 120.0

    def __post_init__(self) -> None:
        """Refuse a question without types or with anything but one limit."""
        if not self.types:
            raise InputError("没有给出设施类型", "no facility type is given")
        if (self.minutes is None) == (self.metres is None):
            raise InputError(
                "步行分钟数与米数应恰好给出一个", "exactly one of minutes and metres must be given"
            )

    @property
    def limit(self) -> Limit:
        """The limit in seconds or metres."""
        if self.minutes is not None:
            return Limit("seconds", self.minutes * 60.0)
        return Limit("metres", self.metres or 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class TypeOutcome:
    """The result of one facility type.

    Parameters
    ----------
    supply : Supply
        The open facilities.
    is_linked : array of bool, shape (n_facilities,)
        Which of them stand at a walkable street; the others serve nobody.
    runs : tuple of BandRun
        Certificates by band.
    summary : CoverageSummary
        Sums.
    gaps : GapList
        Ranked gaps.
    indicators : tuple of IndicatorValue
        M01 to M10 of everybody.
    """

    supply: Supply
    is_linked: Bool
    runs: tuple[BandRun, ...]
    summary: CoverageSummary
    gaps: GapList
    indicators: tuple[IndicatorValue, ...]

    @property
    def unlinked(self) -> list[tuple[object, object]]:
        """Id and name of the open facilities that stand at no walkable street.

        Returns
        -------
        list of (object, object)
            In the order of ties.
        """
        away = ~self.is_linked
        return list(zip(self.supply.ids[away].tolist(), self.supply.names[away].tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class CoverageOutcome:
    """The result of a run.

    Parameters
    ----------
    run_id, content_hash : str
        Identifier, and SHA-256 of parameters and results: equal on every machine and store.
    request : CoverageRequest
        What was asked.
    parameters : dict
        Everything the answer depends on but the data, as JSON values.
    demand : Demand
        The people.
    types : tuple of TypeOutcome
        One a type.
    network : dict
        Size and oddities of the street network, as JSON values.
    revisions : dict of str to int
        Revision of every layer that was read.
    people : PeopleCells
        The people in cells that tell nobody's home, for the layers of the run.
    seconds : dict of str to float
        Time by stage.
    """

    run_id: str
    content_hash: str
    request: CoverageRequest
    parameters: dict[str, object]
    demand: Demand
    types: tuple[TypeOutcome, ...]
    network: dict[str, object]
    revisions: dict[str, int]
    people: PeopleCells
    seconds: dict[str, float]

    def to_json(self) -> dict[str, object]:
        """Return the result as the command line prints it.

        Returns
        -------
        dict
            One type's result flat; several types' in ``results``.
        """
        head: dict[str, object] = {"run_id": self.run_id, "content_hash": self.content_hash}
        tail: dict[str, object] = {
            "parameters": self.parameters,
            "network": self.network,
            "seconds": self.seconds,
        }
        results = [self._type_json(outcome) for outcome in self.types]
        if len(results) == 1:
            return {**head, **results[0], **tail}
        return {**head, "results": results, **tail}

    def _type_json(self, outcome: TypeOutcome) -> dict[str, object]:
        """Return one type's result."""
        request = self.request
        sums = outcome.summary.to_json()
        for name in ("band", "radius_m", "speed_mps"):
            sums.pop(name, None)
        speed = None if request.by_band else self.parameters["speed_mps"]
        return {
            "type": outcome.supply.slug,
            "minutes": request.minutes,
            "metres": request.metres,
            "speed_mps": speed,
            "date": request.on.isoformat(),
            "facilities": {
                "recorded": outcome.supply.n_recorded,
                "open": outcome.supply.n_open,
                "linked": int(outcome.is_linked.sum()),
                "not_linked": [
                    {"id": str(id), "name": None if name is None else str(name)} for id, name in outcome.unlinked
                ],
            },
            **sums,
            "indicators": [value.to_json() for value in outcome.indicators],
            "gaps": [gap_json(outcome, position) for position in range(len(outcome.gaps.gaps))],
            "gaps_remainder": outcome.gaps.remainder.to_json(),
        }

    def summary(self) -> list[tuple[str, str]]:
        """Return the lines a person reads, Chinese and English.

        Returns
        -------
        list of (str, str)
            One a type and one of the whole.
        """
        lines = []
        for outcome in self.types:
            title = facility_type(outcome.supply.slug)
            tally = outcome.summary.overall.tally
            people = tally.persons_json()
            ratio = tally.coverage_ratio
            share = "—" if ratio is None else f"{ratio:.1%}"
            circle = "—" if tally.straight_line_ratio is None else f"{tally.straight_line_ratio:.1%}"
            # The run itself, which is internal, keeps the small ones too.
            small = sum(gap.count < MINIMUM_PERSONS * gap.unit for gap in outcome.gaps.gaps)
            shown = len(outcome.gaps.gaps) - small
            few = (
                f"（另有 {small:,} 处不足 {MINIMUM_PERSONS} 人）" if small else "",
                f" and {small:,} of fewer than {MINIMUM_PERSONS} people" if small else "",
            )
            away = _away(outcome.unlinked)
            lines.append(
                (
                    f"{title.title_zh}：覆盖 {share}（{people['covered']:,} / {people['total']:,} 人），"
                    f"直线圆圈会说 {circle}；营业 {outcome.supply.n_open:,} 处{away[0]}，"
                    f"盲区 {shown:,} 个{few[0]}",
                    f"{title.title_en}: {share} covered ({people['covered']:,} of {people['total']:,} people), "
                    f"a circle would say {circle}; {outcome.supply.n_open:,} open{away[1]}, {shown:,} gaps{few[1]}",
                )
            )
        spent = sum(self.seconds.values())
        lines.append((f"分析编号 {self.run_id}（{spent:.1f} 秒）", f"run {self.run_id} ({spent:.1f} s)"))
        return lines


_NAMED: Final = 10
"""Facilities that are named in a line."""


def _away(unlinked: Sequence[tuple[object, object]]) -> tuple[str, str]:
    """Say which facilities lie too far from any street to serve anybody."""
    if not unlinked:
        return "", ""
    names = [str(name or id) for id, name in unlinked[:_NAMED]]
    more = len(unlinked) - len(names)
    return (
        f"（其中 {len(unlinked):,} 处附近没有可步行的道路，不服务任何人：{'、'.join(names)}"
        f"{f' 等，另有 {more:,} 处' if more else ''}）",
        f" ({len(unlinked):,} of them beside no street that can be walked, serving nobody: {', '.join(names)}"
        f"{f' and {more:,} more' if more else ''})",
    )


def gap_json(outcome: TypeOutcome, position: int) -> dict[str, object]:
    """Return one gap with the id and name of its nearest facility.

    Parameters
    ----------
    outcome : TypeOutcome
        The type's result.
    position : int
        Position in the list of gaps.

    Returns
    -------
    dict
        JSON values.
    """
    gap = outcome.gaps.gaps[position]
    result = gap.to_json()
    known = gap.facility >= 0
    result["nearest_facility_id"] = str(outcome.supply.ids[gap.facility]) if known else None
    result["nearest_facility_name"] = outcome.supply.names[gap.facility] if known else None
    return result
