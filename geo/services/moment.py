"""The moment at which gates with hours are judged."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from geo.errors import InputError

DEFAULT_MOMENT: Final = datetime(2026, 3, 3, 10, 0)
"""A Tuesday morning at ten in no holiday week: when older people are about."""

_DAYS: Final = ("mo", "tu", "we", "th", "fr", "sa", "su")
_DAYS_ZH: Final = "一二三四五六日"
_SHORT: Final = re.compile(
    r"^(?:(?P<en>mo|tu|we|th|fr|sa|su)[a-z]*\.?|(?:周|星期)(?P<zh>[一二三四五六日天]))?\s*(?P<h>\d{1,2})[:\uff1a](?P<m>\d{2})$",
    re.IGNORECASE,
)


def parse_moment(text: str | None) -> datetime:
    """Read the moment at which gates are judged.

    Parameters
    ----------
    text : str or None
        ``2026-03-03T10:00``, ``Tue 10:00``, ``周二 10:00`` or ``10:00`` (a Tuesday); None for Tuesday 10:00.

    Returns
    -------
    datetime.datetime
        Local time without a zone.

    Raises
    ------
    InputError
        The text is none of these.
    """
    if text is None or not text.strip():
        return DEFAULT_MOMENT
    text = text.strip()
    found = _SHORT.match(text)
    if found is not None and int(found["h"]) <= 23 and int(found["m"]) <= 59:
        day = DEFAULT_MOMENT.weekday()
        if found["en"]:
            day = _DAYS.index(found["en"].lower())
        elif found["zh"]:
            day = _DAYS_ZH.index(found["zh"].replace("天", "日"))
        monday = DEFAULT_MOMENT - timedelta(days=DEFAULT_MOMENT.weekday())
        return (monday + timedelta(days=day)).replace(hour=int(found["h"]), minute=int(found["m"]))
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise InputError(
            f"无法识别的时刻“{text}”；可写 2026-03-03T10:00、周二 10:00 或 10:00",
            f'"{text}" is no moment; write 2026-03-03T10:00, Tue 10:00 or 10:00',
        ) from None


def moment_text(moment: datetime) -> str:
    """Return a moment as reports print it.

    Parameters
    ----------
    moment : datetime.datetime
        The moment.

    Returns
    -------
    str
        Weekday and time in OSM's form, such as ``Tu 10:00``; the date too unless it is the default week.
    """
    day = _DAYS[moment.weekday()].capitalize()
    same_week = abs((moment.date() - DEFAULT_MOMENT.date()).days) < 7
    return f"{day} {moment:%H:%M}" if same_week else f"{moment:%Y-%m-%d} {day} {moment:%H:%M}"
