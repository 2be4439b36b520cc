"""Walks from one place: isochrones and the services within reach."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas.common import (
    LATITUDE,
    LONGITUDE,
    MOMENT,
    SPEED,
    Latitude,
    Longitude,
    Moment,
    Speed,
    Strict,
    TypeSlug,
)

WalkMinutes = Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]


class Place(Strict):
    """A place, who walks, and when."""

    lon: Longitude = Field(description=LONGITUDE)
    lat: Latitude = Field(description=LATITUDE)
    speed_mps: Speed | None = Field(None, description=SPEED)
    at: Moment | None = Field(None, description=MOMENT)


class IsochroneAsk(Place):
    """Which isochrones are wanted."""

    minutes: list[WalkMinutes] = Field(
        min_length=1, max_length=6, description="步行分钟数，可重复 · walking minutes, repeatable"
    )


class NearestAsk(Place):
    """Which services are wanted."""

    type: list[TypeSlug] = Field(default_factory=list, max_length=64, description="设施类型，可重复，默认全部 · types")
    minutes: WalkMinutes = Field(15.0, description="最长步行分钟数 · longest walk, minutes")
    most: int = Field(5, ge=1, le=50, description="每种类型最多几处 · most facilities of a type")
