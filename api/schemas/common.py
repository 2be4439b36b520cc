"""What bodies and queries share: nothing unknown is taken, and positions and limits are within reason."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Minutes = Annotated[float, Field(gt=0, le=240, allow_inf_nan=False)]
Metres = Annotated[float, Field(gt=0, le=20_000, allow_inf_nan=False)]
Speed = Annotated[float, Field(ge=0.05, le=5.0, allow_inf_nan=False)]
Moment = Annotated[str, Field(max_length=40)]

LONGITUDE: Final = "经度（CGCS2000，度） · longitude, degrees"
LATITUDE: Final = "纬度（CGCS2000，度） · latitude, degrees"
MINUTES: Final = "步行分钟数 · walking minutes"
METRES: Final = "步行米数 · walking metres"
SPEED: Final = "步速（米/秒），默认 0.9 · walking speed, m/s"
MOMENT: Final = "判断门开放的时刻，如 周二 10:00 · the moment at which gates are judged"


class Strict(BaseModel):
    """A body or a query that takes nothing it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
