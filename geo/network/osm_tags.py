"""Who may walk where: every tag rule of the OSM reader, as tables; `geo.network.osm_rules` applies them.

The order in which tags decide, first match wins:

1. a way that does not exist yet or any more, or a ferry, is left out;
2. ``motorway`` and whatever carries people (``conveying``) or lies inside a building (``indoor``) is never
   walked on;
3. ``foot`` says who may walk (`RIGHT`), over everything below;
4. ``motorroad=yes`` bans walkers;
5. ``access`` says who may walk, for everyone;
6. the class of the street (`KIND_FOOT`), and for trunk roads whether they are expressways.

``vehicle``, ``motor_vehicle``, ``bicycle``, ``oneway`` and the like say nothing about walkers and are not
read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Foot = Literal["public", "private", "no"]
GateAccess = Literal["open", "residents", "hours", "closed"]

# Class of a street → whether walkers may use it when no tag speaks. China: the law lets people walk at the
# edge of any road without pavement except motorways and closed expressways, and its extracts have few
# footways.
KIND_FOOT: Final[Mapping[str, Foot]] = {
    **dict.fromkeys(("primary", "secondary", "tertiary"), "public"),
    **dict.fromkeys(("primary_link", "secondary_link", "tertiary_link"), "public"),
    **dict.fromkeys(("unclassified", "residential", "living_street", "service", "road", "track"), "public"),
    **dict.fromkeys(("pedestrian", "footway", "path", "steps", "bridleway"), "public"),
    **dict.fromkeys(("crossing", "platform"), "public"),
    # 非机动车道: people walk along it where the pavement is missing or not mapped.
    "cycleway": "public",
    # National roads (国道) through towns and urban expressways (快速路) share this class: see
    # `is_expressway`.
    "trunk": "public", "trunk_link": "public",
    # Old or local spellings of a path that are still found.
    "trail": "public", "footpath": "public", "emergency_access": "public",
    # Closed to walkers unless foot=* says otherwise.
    **dict.fromkeys(("raceway", "bus_guideway", "busway", "escape", "emergency_bay"), "no"),
    **dict.fromkeys(("via_ferrata", "ladder", "rest_area", "services"), "no"),
    # Inside buildings: the time a lift or a mall needs is unknown, and the mall closes.
    **dict.fromkeys(("corridor", "elevator"), "no"),
}  # fmt: skip

NEVER_KINDS: Final = frozenset({"motorway", "motorway_link"})
"""Not even foot=yes opens these: it is a mapping error, and a dangerous one."""

NOT_THERE: Final = frozenset(
    {
        "construction", "proposed", "planned", "razed", "abandoned", "disused",
        "demolished", "dismantled", "removed", "no",
    }
)  # fmt: skip
"""Values of highway for ways that cannot be used today: left out altogether."""

EXPRESSWAY_NAME_WORDS: Final = (
    "快速路",
    "快速通道",
    "快速干道",
    "高架",
    "高速",
    "Expressway",
    "Elevated Road",
)
"""A trunk road with such a word in its name is closed to walkers although no tag says so."""

SIDEWALK_YES: Final = frozenset({"yes", "both", "left", "right"})
"""A pavement along a trunk road proves that people walk there."""

# Who a value of foot=* or access=* admits. "private" means only at the two ends of a trip, which is just what
# private, residents, permit, customers, destination and delivery say: whoever lives or has business there may
# walk in, nobody may walk through. Agricultural and forestry bans are signs for vehicles.
RIGHT: Final[Mapping[str, Foot]] = {
    **dict.fromkeys(("yes", "designated", "permissive", "official", "public", "allowed"), "public"),
    **dict.fromkeys(("agricultural", "forestry"), "public"),
    **dict.fromkeys(("private", "residents", "resident", "permit", "customers", "customer"), "private"),
    **dict.fromkeys(("destination", "delivery", "employees", "employee", "staff"), "private"),
    **dict.fromkeys(("members", "visitors", "school"), "private"),
    **dict.fromkeys(("no", "restricted", "military", "emergency", "prohibited"), "no"),
    **dict.fromkeys(("psv", "bus", "use_sidepath"), "no"),
}  # fmt: skip

# Objects on a street that stop a walker, or show who may pass.
GATE_KINDS: Final = frozenset(
    {
        "gate", "lift_gate", "swing_gate", "sliding_gate", "sliding_beam", "wicket_gate", "kissing_gate",
        "hampshire_gate", "bump_gate", "turnstile", "full-height_turnstile", "door", "sally_port",
        "entrance", "security_control", "checkpoint", "border_control", "yes",
    }
)  # fmt: skip

WALL_KINDS: Final = frozenset({"wall", "city_wall", "fence", "retaining_wall"})
"""As a node on a street: a closed gate. As a line: no access leg crosses it."""

# Everything else on a street (bollard, block, kerb, chain, stile, cycle_barrier, cattle_grid, toll_booth,
# height_restrictor …) lets a walker pass, unless it carries foot=* itself.

BARRIER_LINE_KINDS: Final = WALL_KINDS
"""Barrier lines. Not hedges, guard rails or ditches: they have gaps the map does not show."""

WATER_LINE_KINDS: Final = frozenset({"river", "canal"})
RAIL_LINE_KINDS: Final = frozenset({"rail", "light_rail", "subway", "narrow_gauge"})

CROSSING_SIGNAL_VALUES: Final = frozenset({"traffic_signals", "pelican", "toucan", "puffin", "pegasus"})
"""Values of crossing=* where people wait for green. At a zebra (marked) walkers go first: no wait."""

AREA_KINDS: Final = frozenset({"pedestrian", "footway", "path", "living_street", "platform", "service"})
"""Classes that, drawn as an area, people cross in any direction."""


ALWAYS_OPEN: Final = frozenset({"24/7", "00:00-24:00", "Mo-Su 00:00-24:00"})
"""Opening hours that never close."""

TRUNK_KINDS: Final = frozenset({"trunk", "trunk_link"})
INSIDE_KINDS: Final = frozenset({"corridor", "elevator"})
"""Not even foot=yes opens these: the time they take, and their hours, are unknown."""
