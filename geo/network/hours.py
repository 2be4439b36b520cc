"""Opening hours: the useful part of the OSM ``opening_hours`` language, judged at one moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

_DAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SPAN = re.compile(r"^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$")
_SELECTOR = re.compile(
    r"^(?P<months>(?:[a-z]{3})(?:-[a-z]{3})?(?:,\s*[a-z]{3}(?:-[a-z]{3})?)*(?=[\s:]|$))?:?\s*"
    r"(?P<days>(?:[a-z]{2}(?:-[a-z]{2})?)(?:,\s*[a-z]{2}(?:-[a-z]{2})?)*(?=[\s:]|$))?:?\s*(?P<rest>.*)$"
)
_MINUTES_A_DAY = 1440


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule: when it applies, and the minutes it covers (None: it says closed)."""

    months: frozenset[int] | None
    days: frozenset[int] | None
    spans: tuple[tuple[int, int], ...] | None

    def applies(self, weekday: int, month: int) -> bool:
        """Tell whether the rule speaks about a day."""
        return (self.days is None or weekday in self.days) and (self.months is None or month in self.months)


def _cycle(text: str, names: tuple[str, ...]) -> frozenset[int] | None:
    """Return the members of a list such as ``mo-fr,su`` without holidays (ph, sh), None when unknown."""
    members: set[int] = set()
    for item in text.replace(" ", "").split(","):
        if item in ("ph", "sh"):
            continue
        ends = item.split("-")
        if len(ends) > 2 or any(end not in names for end in ends):
            return None
        first, last = names.index(ends[0]), names.index(ends[-1])
        members.update((first + k) % len(names) for k in range((last - first) % len(names) + 1))
    return frozenset(members)


def _spans(text: str) -> tuple[tuple[int, int], ...] | None:
    """Return minutes of spans such as ``08:00-12:00,22:00-06:00``; the end runs past midnight."""
    spans = []
    for item in text.split(","):
        match = _SPAN.match(item.strip())
        if match is None:
            return None
        h1, m1, h2, m2 = (int(part) for part in match.groups())
        if h1 > 24 or h2 > 48 or m1 > 59 or m2 > 59:
            return None
        begin, end = h1 * 60 + m1, h2 * 60 + m2
        spans.append((begin, end if end > begin else end + _MINUTES_A_DAY))
    return tuple(spans)


def _parse_rule(text: str) -> _Rule | str | None:
    """Return a rule, None for a rule about holidays only, or "unknown"."""
    text = text.strip().lower().replace("–", "-")
    if re.fullmatch(r"(ph|sh)(,\s*(ph|sh))*(\s.*)?", text):
        return None
    if text == "24/7":
        return _Rule(None, None, ((0, _MINUTES_A_DAY),))
    if text in ("off", "closed", "open"):
        return _Rule(None, None, ((0, _MINUTES_A_DAY),) if text == "open" else None)
    match = _SELECTOR.match(text)
    if match is None:
        return "unknown"
    months = days = None
    rest = match["rest"].strip()
    if match["months"]:
        months = _cycle(match["months"], _MONTHS)
        if months is None:
            return "unknown"
    if match["days"]:
        days = _cycle(match["days"], _DAYS)
        if days is None:
            return "unknown"
    if rest in ("off", "closed"):
        return _Rule(months, days, None)
    if rest in ("", "open"):
        return _Rule(months, days, ((0, _MINUTES_A_DAY),))
    spans = _spans(rest)
    return "unknown" if spans is None else _Rule(months, days, spans)


# Most gates of a city share a few texts, and one run asks for the same moment again and again.
@lru_cache(maxsize=4096)
def is_open(opening_hours: str, at: datetime) -> bool | None:
    """Judge opening hours at one moment, in local time.

    A later rule replaces earlier ones on the days it names, as the OSM language has it; hours may run over
    midnight; public and school holidays are ignored.

    Parameters
    ----------
    opening_hours : str
        Such as ``24/7``, ``Mo-Su 06:00-22:00`` or ``Mo-Fr 06:00-22:00; Sa,Su 22:00-06:00; We off``.
    at : datetime
        The moment; its time zone is ignored.

    Returns
    -------
    bool or None
        None when the text is not understood.
    """
    rules: list[_Rule] = []
    for text in opening_hours.split(";"):
        if not text.strip():
            continue
        rule = _parse_rule(text)
        if isinstance(rule, str):
            return None
        if rule is not None:
            rules.append(rule)
    if not rules:
        return None
    minute = at.hour * 60 + at.minute + at.second / 60.0
    yesterday = (at.weekday() - 1) % 7
    month_before = at.month if at.day > 1 else (at.month - 2) % 12 + 1
    days = ((at.weekday(), at.month - 1, minute), (yesterday, month_before - 1, minute + _MINUTES_A_DAY))
    for weekday, month, clock in days:
        last = next((rule for rule in reversed(rules) if rule.applies(weekday, month)), None)
        if last is not None and last.spans and any(begin <= clock < end for begin, end in last.spans):
            return True
    return False
