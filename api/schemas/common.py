"""What bodies and queries share: nothing unknown is taken, and positions and limits are within reason."""

from __future__ import annotations

import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from geo.catalog.load import facility_types
from geo.errors import InputError
from geo.services.moment import parse_moment

Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Minutes = Annotated[float, Field(gt=0, le=240, allow_inf_nan=False)]
Metres = Annotated[float, Field(gt=0, le=20_000, allow_inf_nan=False)]
Speed = Annotated[float, Field(ge=0.05, le=5.0, allow_inf_nan=False)]

LONGITUDE: Final = "经度（CGCS2000，度） · longitude, degrees"
LATITUDE: Final = "纬度（CGCS2000，度） · latitude, degrees"
MINUTES: Final = "步行分钟数 · walking minutes"
METRES: Final = "步行米数 · walking metres"
SPEED: Final = "步速（米/秒），默认 0.9 · walking speed, m/s"
MOMENT: Final = "判断门开放的时刻，如 周二 10:00 · the moment at which gates are judged"


def is_text(text: str) -> bool:
    """Tell whether text can be stored and sent: no store takes NUL everywhere, and UTF-8 knows no half characters.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    bool
        False where it holds NUL or a lone surrogate.
    """
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text))


class Strict(BaseModel):
    """A body or a query that takes nothing it does not know, and nothing that no store can keep."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unstorable(cls, given: object) -> object:
        """Refuse text and numbers that cannot be stored, with the name of what holds them."""
        waiting: list[tuple[str, object]] = [("", given)]
        while waiting:
            name, part = waiting.pop()
            if isinstance(part, str) and not is_text(part):
                at = f"{name} " if name and is_text(name) else ""
                raise ValueError(
                    f"{at}含有不能存储的字符（NUL 或半个字符），请删去 · "
                    f"{at}holds a character that cannot be stored (NUL, or half of one); leave it out"
                )
            if isinstance(part, int) and not -(2**63) <= part < 2**63:
                raise ValueError(
                    f"{name} 是超出 64 位的整数，绝对值应小于 2 的 63 次方 · "
                    f"{name} is an integer of more than 64 bits; it must lie below 2 to the 63rd"
                )
            if isinstance(part, dict):
                waiting += [(str(key), key) for key in part] + [(str(key), one) for key, one in part.items()]
            elif isinstance(part, list):
                waiting += [(name, one) for one in part]
        return given


def _as_text(value: object) -> object:
    """Refuse numbers, which pydantic would take for seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError("应为 YYYY-MM-DD 形式的日期 · must be a date as YYYY-MM-DD")
    return value


Day = Annotated[datetime.date, BeforeValidator(_as_text)]
"""A date, written as one."""


def _known_type(slug: str) -> str:
    """Refuse types the catalogue does not have."""
    if slug not in facility_types():
        listed = list(facility_types())
        raise ValueError(
            f"没有设施类型“{slug}”；可用：{'、'.join(listed)} · no facility type '{slug}'; allowed: {', '.join(listed)}"
        )
    return slug


def _known_moment(text: str) -> str:
    """Refuse what is no moment."""
    try:
        parse_moment(text)
    except InputError as error:
        raise ValueError(f"{error.message_zh} · {error.message_en}") from None
    return text


def _enumerate_types(schema: dict[str, object]) -> None:
    """List the types in the description."""
    schema["enum"] = list(facility_types())


TypeSlug = Annotated[str, AfterValidator(_known_type), Field(json_schema_extra=_enumerate_types)]
"""A facility type of the catalogue."""

_CLOCK: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
Moment = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40,
        json_schema_extra={
            "anyOf": [{"pattern": f"^((Mo|Tu|We|Th|Fr|Sa|Su|周[一二三四五六日]) )?{_CLOCK}$"}, {"format": "date-time"}]
        },
    ),
    AfterValidator(_known_moment),
]
"""A moment as `geo.services.moment.parse_moment` reads it."""
