"""Coverage runs."""

from __future__ import annotations

import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from api.schemas.common import METRES, MINUTES, MOMENT, SPEED, Metres, Minutes, Moment, Speed, Strict
from geo.catalog.load import facility_types
from geo.errors import InputError
from geo.services.coverage_model import CoverageRequest
from geo.services.moment import parse_moment

MOST_TYPES = 32


class RunAsk(Strict):
    """What a coverage run is asked; exactly one of minutes and metres."""

    types: Annotated[
        list[str], Field(min_length=1, max_length=MOST_TYPES, description="设施类型 · facility types")
    ]
    minutes: Minutes | None = Field(None, description=MINUTES)
    metres: Metres | None = Field(None, description=METRES)
    speed_mps: Speed | None = Field(None, description=SPEED)
    by_band: Annotated[bool, Field(description="按年龄段各用各的步速 · each age band at its own speed")] = False
    date: Annotated[datetime.date | None, Field(description="设施状态日期，默认今天 · date of facility status")] = None
    at: Moment | None = Field(None, description=MOMENT)
    cutoff_min: Annotated[float, Field(ge=1, le=600, description="最远搜索分钟数 · search cut-off, minutes")] = 120.0

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        """Refuse contradictions, in words."""
        if (self.minutes is None) == (self.metres is None):
            raise ValueError("minutes 与 metres 必须且只能给一个 · give exactly one of minutes and metres")
        if self.by_band and self.speed_mps is not None:
            raise ValueError("by_band 与 speed_mps 不能同时使用 · use one of by_band and speed_mps")
        return self

    def to_request(self) -> CoverageRequest:
        """Return the question as the services take it.

        Returns
        -------
        CoverageRequest
            The question.

        Raises
        ------
        InputError
            A type is not in the catalogue, or the moment is none.
        """
        known = facility_types()
        if unknown := [name for name in self.types if name not in known]:
            raise InputError(
                f"没有设施类型 {'、'.join(unknown)}；可用：{'、'.join(known)}",
                f"there are no facility types {', '.join(unknown)}; allowed: {', '.join(known)}",
                types=unknown,
            )
        return CoverageRequest(
            types=tuple(dict.fromkeys(self.types)),
            minutes=self.minutes,
            metres=self.metres,
            speed_mps=self.speed_mps,
            by_band=self.by_band,
            on=self.date or datetime.date.today(),
            at=parse_moment(self.at),
            cutoff_min=self.cutoff_min,
        )
