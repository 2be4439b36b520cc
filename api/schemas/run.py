"""Coverage runs."""

from __future__ import annotations

import datetime
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator
from pydantic.config import JsonDict

from api.schemas.common import METRES, MINUTES, MOMENT, SPEED, Day, Metres, Minutes, Moment, Speed, Strict, TypeSlug
from geo.services.coverage_model import CoverageRequest
from geo.services.moment import parse_moment

MOST_TYPES: Final = 32
QUARTER_HOUR_MIN: Final = 15.0

_TWO_LIMITS: Final[JsonDict] = {
    "required": ["minutes", "metres"],
    "properties": {"minutes": {"type": "number"}, "metres": {"type": "number"}},
}
_TWO_SPEEDS: Final[JsonDict] = {
    "required": ["by_band", "speed_mps"],
    "properties": {"by_band": {"const": True}, "speed_mps": {"type": "number"}},
}


class RunAsk(Strict):
    """What a coverage run is asked: minutes or metres (a quarter of an hour by default), one speed or one a band."""

    model_config = ConfigDict(json_schema_extra={"allOf": [{"not": _TWO_LIMITS}, {"not": _TWO_SPEEDS}]})

    types: list[TypeSlug] = Field(min_length=1, max_length=MOST_TYPES, description="设施类型 · facility types")
    minutes: Minutes | None = Field(None, description=MINUTES)
    metres: Metres | None = Field(None, description=METRES)
    speed_mps: Speed | None = Field(None, description=SPEED)
    by_band: Annotated[StrictBool, Field(description="按年龄段各用各的步速 · each age band at its own speed")] = False
    date: Day | None = Field(None, description="设施状态日期，默认今天 · date of facility status")
    at: Moment | None = Field(None, description=MOMENT)
    cutoff_min: Annotated[float, Field(ge=1, le=600, description="最远搜索分钟数 · search cut-off, minutes")] = 120.0

    @model_validator(mode="after")
    def _no_contradiction(self) -> Self:
        """Refuse contradictions, in words."""
        if self.minutes is not None and self.metres is not None:
            raise ValueError("minutes 与 metres 只能给一个 · give only one of minutes and metres")
        if self.by_band and self.speed_mps is not None:
            raise ValueError("by_band 与 speed_mps 不能同时使用 · use one of by_band and speed_mps")
        return self

    def to_request(self) -> CoverageRequest:
        """Return the question as the services take it.

        Returns
        -------
        CoverageRequest
            The question.
        """
        return CoverageRequest(
            types=tuple(dict.fromkeys(self.types)),
            minutes=QUARTER_HOUR_MIN if self.minutes is None and self.metres is None else self.minutes,
            metres=self.metres,
            speed_mps=self.speed_mps,
            by_band=self.by_band,
            on=self.date or datetime.date.today(),
            at=parse_moment(self.at),
            cutoff_min=self.cutoff_min,
        )
