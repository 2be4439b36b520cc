"""Applying the tag rules of `geo.network.osm_tags` to the tags of one object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Final

from geo.network.osm_tags import (
    ALWAYS_OPEN,
    AREA_KINDS,
    BARRIER_LINE_KINDS,
    CROSSING_SIGNAL_VALUES,
    EXPRESSWAY_NAME_WORDS,
    GATE_KINDS,
    INSIDE_KINDS,
    KIND_FOOT,
    NEVER_KINDS,
    NOT_THERE,
    RAIL_LINE_KINDS,
    RIGHT,
    SIDEWALK_YES,
    TRUNK_KINDS,
    WALL_KINDS,
    WATER_LINE_KINDS,
    Foot,
    GateAccess,
)

Tags = Mapping[str, str]

_YES: Final = frozenset({"yes", "true", "1"})
_HOURS_IN_CONDITION: Final = re.compile(r"(?:yes|permissive|designated)\s*@\s*\(?([^()]+)\)?")
_CLOSED_IN_CONDITION: Final = re.compile(r"\bno\s*@\s*\(?([^()]+)\)?")
_CLOCK: Final = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*")
_NUMBER: Final = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(?:m|米|meters?|metres?)?\s*$")


@dataclass(frozen=True, slots=True)
class StreetTraits:
    """What the tags of one street say; column meanings as in the segment table.

    Parameters
    ----------
    kind : str
        Value of highway.
    foot : {"public", "private", "no"}
        Who may walk.
    name, name_en : str or None
        Names.
    is_steps, is_bridge, is_tunnel : bool
        Form of the way.
    is_crossing : bool
        A way that leads across a road; whether people wait may also be said by its nodes.
    has_signal : bool
        People wait for a signal on this way.
    is_area : bool
        If closed, people cross it in any direction.
    is_known : bool
        False if no rule knows the class.
    oneway_foot : int
        1 along the line, -1 against it, 0 both.
    level : int
        Vertical order (layer).
    width_m : float
        Tagged width, m; NaN if none.
    """

    kind: str
    foot: Foot
    name: str | None
    name_en: str | None
    is_steps: bool
    is_bridge: bool
    is_tunnel: bool
    is_crossing: bool
    has_signal: bool
    is_area: bool
    is_known: bool
    oneway_foot: int
    level: int
    width_m: float


def is_street(tags: Tags) -> bool:
    """Return whether the tags describe a street that exists.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of a way or relation.

    Returns
    -------
    bool
        False without highway, for what is not there and for ferries.
    """
    kind = tags.get("highway")
    return kind is not None and kind not in NOT_THERE and tags.get("route") != "ferry"


def right(value: str | None) -> Foot | None:
    """Return whom a value of foot or access admits.

    Parameters
    ----------
    value : str or None
        The value; of several separated by ``;`` the first known one counts.

    Returns
    -------
    {"public", "private", "no"} or None
        None when the value is absent or says nothing known.
    """
    if value is None:
        return None
    found = (RIGHT.get(part.strip().lower()) for part in value.split(";"))
    return next((item for item in found if item is not None), None)


def is_expressway(tags: Tags) -> bool:
    """Return whether a trunk road is one that people may not enter.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the way.

    Returns
    -------
    bool
        True by tag or by name; a mapped pavement disproves it.
    """
    if tags.get("sidewalk") in SIDEWALK_YES:
        return False
    name = f"{tags.get('name', '')} {tags.get('name:en', '')}"
    return tags.get("expressway") == "yes" or any(word in name for word in EXPRESSWAY_NAME_WORDS)


def foot_right(tags: Tags) -> Foot:
    """Return who may walk on a street.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the way, with highway.

    Returns
    -------
    {"public", "private", "no"}
        By the order in the head of this module.
    """
    kind = tags.get("highway", "")
    if kind in NEVER_KINDS or kind in INSIDE_KINDS:
        return "no"
    if tags.get("conveying", "no") != "no" or tags.get("indoor", "no") != "no":
        return "no"
    explicit = right(tags.get("foot"))
    if explicit is not None:
        return explicit
    if tags.get("motorroad") == "yes":
        return "no"
    general = right(tags.get("access"))
    default = KIND_FOOT.get(kind, "no")
    if general is not None and not (general == "public" and default == "no"):
        # access=yes says nothing about a class that is closed to walkers by its nature.
        default = general
    if default != "no" and kind in TRUNK_KINDS and is_expressway(tags):
        return "no"
    return default


def street_traits(tags: Tags) -> StreetTraits:
    """Read everything the segment table needs from the tags of a street.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of a way for which `is_street` holds.

    Returns
    -------
    StreetTraits
        The traits.
    """
    kind = tags["highway"]
    bridge, tunnel = _is_set(tags.get("bridge")), _is_set(tags.get("tunnel"))
    is_crossing = kind == "crossing" or any(
        tags.get(key) == "crossing" for key in ("footway", "path", "cycleway", "pedestrian")
    )
    return StreetTraits(
        kind=kind,
        foot=foot_right(tags),
        name=tags.get("name") or tags.get("name:zh") or None,
        name_en=tags.get("name:en") or None,
        is_steps=kind == "steps",
        is_bridge=bridge,
        is_tunnel=tunnel,
        is_crossing=is_crossing,
        has_signal=is_crossing and has_signal(tags),
        is_area=kind in AREA_KINDS and tags.get("area") == "yes",
        is_known=kind in KIND_FOOT or kind in NEVER_KINDS,
        oneway_foot=_oneway(tags),
        level=_level(tags.get("layer"), bridge, tunnel),
        width_m=metres(tags.get("width") or tags.get("est_width")),
    )


def has_signal(tags: Tags) -> bool:
    """Return whether people wait for a signal at a crossing (way or node).

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the crossing.

    Returns
    -------
    bool
        True only where a signal is tagged.
    """
    if tags.get("crossing:signals") in ("yes", "no"):
        return tags["crossing:signals"] == "yes"
    return any(part.strip() in CROSSING_SIGNAL_VALUES for part in tags.get("crossing", "").split(";"))


def gate_access(tags: Tags) -> tuple[GateAccess, str | None] | None:
    """Return who may pass a barrier on a street, and when.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the barrier node (or of a gate drawn as a line).

    Returns
    -------
    access : {"open", "residents", "hours", "closed"}
        ``foot`` decides before ``locked``, ``locked`` before ``access``; a resident has the key to a locked
        private gate.
    opening_hours : str or None
        In OSM syntax, for "hours" only. The pair is None when the object does not stop a walker.
    """
    kind = tags.get("barrier")
    explicit, general = right(tags.get("foot")), right(tags.get("access"))
    if kind is None or (kind not in GATE_KINDS and kind not in WALL_KINDS and explicit in (None, "public")):
        return None
    locked = tags.get("locked") == "yes"
    who: Foot
    if explicit is not None:
        who = explicit
    elif locked or kind in WALL_KINDS:
        who = "private" if general == "private" else "no"
    else:
        who = general or "public"
    condition = _conditional_hours(tags)
    if condition and who != "public":
        return "hours", condition
    if who == "private":
        return "residents", None
    if who == "no":
        return "closed", None
    hours = condition or _open_beside(tags) or (tags.get("opening_hours") or "").strip()
    if not hours or hours in ALWAYS_OPEN:
        return "open", None
    return ("closed", None) if hours.lower() in ("off", "closed") else ("hours", hours)


def barrier_line_kind(tags: Tags) -> str | None:
    """Return the kind of a line no access leg may cross.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of a way.

    Returns
    -------
    str or None
        Kind of the barrier, or None. Underground and elevated railways and covered waters are no barrier;
        small streams, ditches and trams neither.
    """
    if tags.get("barrier") in BARRIER_LINE_KINDS:
        return tags["barrier"]
    if _is_set(tags.get("tunnel")) or _is_set(tags.get("bridge")) or _is_set(tags.get("covered")):
        return None
    if tags.get("waterway") in WATER_LINE_KINDS:
        return tags["waterway"]
    if tags.get("railway") in RAIL_LINE_KINDS and _level(tags.get("layer"), False, False) == 0:
        return "railway"
    if tags.get("natural") == "water" or tags.get("waterway") == "riverbank":
        return "water"
    return "cliff" if tags.get("natural") == "cliff" else None


def metres(value: str | None) -> float:
    """Read a length in metres.

    Parameters
    ----------
    value : str or None
        Text such as ``3``, ``3.5 m`` or ``3,5``.

    Returns
    -------
    float
        Metres; NaN when absent, in another unit or not a number.
    """
    match = _NUMBER.match(value) if value else None
    return float(match.group(1).replace(",", ".")) if match else nan


def _is_set(value: str | None) -> bool:
    """Whether a tag such as bridge has any value but no."""
    return value is not None and value not in ("no", "none")


def _level(layer: str | None, bridge: bool, tunnel: bool) -> int:
    """Vertical order; an untagged bridge is above, an untagged tunnel below."""
    try:
        return int(float((layer or "").split(";")[0]))
    except ValueError:
        return 1 if bridge else -1 if tunnel else 0


def _oneway(tags: Tags) -> int:
    """One way for walkers; plain oneway=* is about vehicles and is not read."""
    value = tags.get("oneway:foot")
    if value in _YES or tags.get("foot:backward") == "no":
        return 1
    return -1 if value in ("-1", "reverse") or tags.get("foot:forward") == "no" else 0


def _conditional_hours(tags: Tags) -> str | None:
    """Opening hours in foot:conditional, access:conditional or a condition written into foot or access."""
    for key in ("foot:conditional", "access:conditional", "foot", "access"):
        match = _HOURS_IN_CONDITION.search(tags.get(key, ""))
        if match:
            return match.group(1).strip()
    return None


def _open_beside(tags: Tags) -> str | None:
    """Opening hours of a gate that is said to be closed at some: what is left of the day.

    Anything but plain times of day is handed on as it stands; hours that cannot be read are reported, not passed over.
    """
    for key in ("foot:conditional", "access:conditional", "foot", "access"):
        match = _CLOSED_IN_CONDITION.search(tags.get(key, ""))
        if match is None:
            continue
        spans = [_CLOCK.fullmatch(part) for part in match.group(1).split(",")]
        closed = [
            (60 * int(one[1]) + int(one[2]), 60 * int(one[3]) + int(one[4])) for one in spans if one is not None
        ]
        if len(closed) != len(spans) or any(first > 1440 or last > 1440 or first == last for first, last in closed):
            return match.group(0).strip()
        return _rest_of_day(closed)
    return None


def _rest_of_day(closed: list[tuple[int, int]]) -> str:
    """Write the times of day outside some spans of minutes, which may run over midnight."""
    is_closed = [False] * 1440
    for first, last in closed:
        for minute in range(first, last if last > first else last + 1440):
            is_closed[minute % 1440] = True
    if all(is_closed):
        return "off"
    minutes = range(1440)
    starts = [minute for minute in minutes if not is_closed[minute] and (minute == 0 or is_closed[minute - 1])]
    ends = [minute + 1 for minute in minutes if not is_closed[minute] and (minute == 1439 or is_closed[minute + 1])]
    return ",".join(
        f"{first // 60:02d}:{first % 60:02d}-{last // 60:02d}:{last % 60:02d}"
        for first, last in zip(starts, ends, strict=True)
    )
