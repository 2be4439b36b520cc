"""Opening hours: OSM syntax kept, Chinese forms converted."""

from __future__ import annotations

import re

from geo.intake.values import narrow

_DAYS = {
    "一": "Mo",
    "二": "Tu",
    "三": "We",
    "四": "Th",
    "五": "Fr",
    "六": "Sa",
    "日": "Su",
    "天": "Su",
    "末": "Su",
}
_OSM_DAY = "(?:Mo|Tu|We|Th|Fr|Sa|Su|PH|SH)"
_OSM_TIME = r"\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2}\+?"
_OSM_RULE = re.compile(rf"(?:{_OSM_DAY}(?:[-,]{_OSM_DAY})*\s*:?\s*)?(?:{_OSM_TIME}(?:\s*,\s*{_OSM_TIME})*|off|closed)")
_SPAN = re.compile(
    r"(?P<h1>\d{1,2})(?:[:点时](?P<m1>\d{1,2}|半)?分?)(?:-|至|到)(?P<next>次日|翌日)?(?P<pm>下午|晚上|晚|中午|上午|早上)?"
    r"(?P<h2>\d{1,2})(?:[:点时](?P<m2>\d{1,2}|半)?分?)"
)
_ALWAYS = re.compile(r"(全天|24小时|全天24小时|全天候|24小时服务|全天开放|0?0:00-24:00)")
_WORDS = (
    (re.compile(r"节假日(休息|除外|不营业)"), ""),
    (re.compile(r"(营业|开放|服务|供餐)(时间)?:?"), ""),
    (re.compile(r"(每天|每日|全周|周一(至|到|-)周?[日天末])"), "Mo-Su "),
    (re.compile(r"(法定)?工作日"), "Mo-Fr "),
    (re.compile(r"(双休日|周末)"), "Sa-Su "),
)
_RANGE = re.compile(r"(?:周|星期|礼拜)([一二三四五六日天])(?:至|到|-)(?:周|星期|礼拜)?([一二三四五六日天末])")
_SINGLE = re.compile(r"(?:周|星期|礼拜)([一二三四五六日天](?:[、,]?[一二三四五六日天])*)")


def to_osm_hours(text: str) -> str | None:
    """Bring opening hours into OSM's opening_hours syntax.

    Parameters
    ----------
    text : str
        OSM syntax, or a Chinese form such as ``周一至周五 8:00-17:00``, ``8点至17点`` or ``全天``.

    Returns
    -------
    str or None
        OSM syntax with two-digit hours; None if the form is not understood.
    """
    plain = narrow(text).strip()
    if plain == "24/7":
        return plain
    rules = [rule.strip() for rule in plain.split(";") if rule.strip()]
    if rules and all(_OSM_RULE.fullmatch(rule) for rule in rules):
        return "; ".join(_pad(rule) for rule in rules)
    return _from_chinese(plain)


def _from_chinese(plain: str) -> str | None:
    """Hours from a Chinese form, or None."""
    flat = re.sub(r"\s+", "", plain.replace("—", "-").replace("–", "-").replace("~", "-").replace("--", "-"))
    if _ALWAYS.fullmatch(re.sub(r"(每天|每日|营业|服务|开放|\(|\))", "", flat) or flat):
        return "24/7"
    for pattern, word in _WORDS:
        flat = pattern.sub(word, flat)
    flat = _RANGE.sub(lambda match: f"{_DAYS[match[1]]}-{_DAYS[match[2]]} ", flat)
    flat = _SINGLE.sub(
        lambda match: ",".join(_DAYS[day] for day in re.findall("[一二三四五六日天]", match[1])) + " ", flat
    )
    parts = [part for part in re.split(rf"[;。]|(?<=\d)[,、]?(?={_OSM_DAY})", flat) if part.strip()]
    done = [_rule(part) for part in parts]
    if not done or any(rule is None for rule in done):
        return None
    return "; ".join(rule for rule in done if rule is not None)


def _rule(part: str) -> str | None:
    """One rule: days, then spans of time; None if anything else is left over."""
    match = re.match(rf"((?:{_OSM_DAY}(?:[-,]{_OSM_DAY})*[ ,、和及]*)+)", part)
    days = "" if match is None else re.sub(r"[ 、和及]+", ",", match[1]).strip(",")
    rest = part if match is None else part[match.end() :]
    spans: list[str] = []
    is_afternoon = False
    while rest:
        lead = re.match(r"[,、 和及:()]*(上午|早上|早|中午|午餐|早餐|晚餐|下午|晚上|晚)?:?", rest)
        word = lead[1] if lead is not None else None
        is_afternoon = word in ("下午", "晚上", "晚", "晚餐")
        rest = rest[lead.end() :] if lead is not None else rest
        if not rest:
            break
        found = _SPAN.match(rest)
        if found is None:
            return None
        span = _span(found, is_afternoon=is_afternoon)
        if span is None:
            return None
        spans.append(span)
        rest = rest[found.end() :].lstrip(")")
    if not spans:
        return None
    return f"{days} {','.join(spans)}".strip()


def _span(found: re.Match[str], *, is_afternoon: bool) -> str | None:
    """A span of time in 24-hour digits."""
    start, end = _clock(found["h1"], found["m1"]), _clock(found["h2"], found["m2"])
    if is_afternoon and start[0] < 12:
        start = (start[0] + 12, start[1])
    if end[0] < 12 and (found["pm"] in ("下午", "晚上", "晚") or (is_afternoon and end < start)):
        end = (end[0] + 12, end[1])
    valid = start[0] <= 24 and end[0] <= 24 and start[1] < 60 and end[1] < 60
    if not valid or (end <= start and not found["next"]):
        return None
    return f"{start[0]:02d}:{start[1]:02d}-{end[0]:02d}:{end[1]:02d}"


def _clock(hour: str, minute: str | None) -> tuple[int, int]:
    """Hour and minute as numbers; 半 is half past."""
    return int(hour), 30 if minute == "半" else int(minute or 0)


def _pad(rule: str) -> str:
    """OSM rule with two-digit hours and single blanks."""
    return re.sub(r"\b(\d):", r"0\1:", re.sub(r"\s+", " ", re.sub(r"\s*-\s*", "-", rule)))
