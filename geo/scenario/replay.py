"""The same edits on another base: what can still be applied is, and every edit that cannot says why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from geo.arrays import Float
from geo.errors import FangyuError
from geo.network.geometry import node_keys
from geo.network.link import link_to_lines
from geo.scenario.base import Base
from geo.scenario.edit import (
    AddFacility,
    AddPopulation,
    AddStreet,
    ChangeFacility,
    CloseFacility,
    Edit,
    MoveFacility,
    ReopenFacility,
    SetGate,
)
from geo.scenario.scenario import Scenario
from geo.scenario.state import State

Code = Literal[
    "type_gone",
    "facility_gone",
    "facility_exists",
    "facility_closed",
    "facility_open",
    "facility_moved",
    "gate_gone",
    "gate_changed",
    "street_exists",
    "street_apart",
    "refused",
]
_SAME_PLACE_M = 1.0
_SAME_STREET_M = 5.0
_SAMPLE_M = 20.0


@dataclass(frozen=True, slots=True)
class Conflict:
    """What stands between one edit and another base.

    Parameters
    ----------
    index : int
        Place of the edit in the replayed scenario, from 0.
    code : str
        ``type_gone``, ``facility_gone``, ``facility_exists``, ``facility_closed``, ``facility_open``,
        ``facility_moved``, ``gate_gone``, ``gate_changed``, ``street_exists``, ``street_apart`` or ``refused``.
    is_applied : bool
        The edit was applied all the same; otherwise it was left out.
    message_zh, message_en : str
        What was found.
    """

    index: int
    code: Code
    is_applied: bool
    message_zh: str
    message_en: str


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """A scenario on another base.

    Parameters
    ----------
    scenario : Scenario
        The edits that could be applied.
    conflicts : tuple of Conflict
        In the order of the edits; empty where the base did not get in the way.
    """

    scenario: Scenario
    conflicts: tuple[Conflict, ...]


def replay(scenario: Scenario, base: Base) -> Replay:
    """Apply a scenario's edits to another base, such as the same city a year later.

    An edit is left out where what it speaks of is gone, or where the base holds already what it adds. It is applied,
    with a note, where the base moved a facility or changed a gate that it speaks of, and where a street that met the
    old streets meets none of the new ones.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    base : Base
        The other base.

    Returns
    -------
    Replay
        The scenario on that base, and what stood in the way.
    """
    result = Scenario(base, scenario.name)
    conflicts: list[Conflict] = []
    for index, edit in enumerate(scenario.edits):
        found = _look(edit, scenario.base.state, result)
        if found is None or found[1]:
            try:
                result = replace(result.apply(edit), previous=())
            except FangyuError as error:
                # Whatever the looks above do not foresee is still told, never raised in the middle.
                found = ("refused", False, error.message_zh, str(error))
        if found is not None:
            conflicts.append(Conflict(index, *found))
    return Replay(result, tuple(conflicts))


_Found = tuple[Code, bool, str, str] | None


def _look(edit: Edit, old: State, now: Scenario) -> _Found:
    """Say what stands in the way of one edit: code, whether it can be applied all the same, messages."""
    state = now.state
    match edit:
        case AddStreet():
            # Base against base: streets that edits drew are no reason to leave others out.
            return _look_at_street(edit, old, now.base.state)
        case SetGate():
            return _look_at_gate(edit, old, now)
        case AddPopulation():
            return None
    stocks = {side.stock.slug: side.stock for side in state.sides}
    if edit.type not in stocks:
        known = "、".join(stocks)
        return (
            "type_gone",
            False,
            f"新的基础中没有设施类型“{edit.type}”，只有：{known}",
            f'the new base has no facility type "{edit.type}"; it has: {", ".join(stocks)}',
        )
    return _look_at_facility(edit, old, now)


def _look_at_facility(
    edit: AddFacility | MoveFacility | CloseFacility | ReopenFacility | ChangeFacility, old: State, now: Scenario
) -> _Found:
    """Say what stands in the way of a facility's edit."""
    stock = next(side.stock for side in now.state.sides if side.stock.slug == edit.type)
    name = edit.id
    exists = name in stock.ids
    if isinstance(edit, AddFacility):
        if not exists:
            return None
        zh, en = f"新的基础中已有编号为“{name}”的设施", f'the new base has a facility "{name}" already'
        return "facility_exists", False, zh, en
    if not exists:
        return "facility_gone", False, f"新的基础中没有设施“{name}”", f'the new base has no facility "{name}"'
    row = stock.ids.index(name)
    if isinstance(edit, CloseFacility) and not stock.is_kept[row]:
        return "facility_closed", False, f"设施“{name}”在新的基础中已停业", f'facility "{name}" is closed already'
    if isinstance(edit, ReopenFacility) and stock.is_kept[row]:
        return "facility_open", False, f"设施“{name}”在新的基础中已营业", f'facility "{name}" is open already'
    before = next((side.stock for side in old.sides if side.stock.slug == edit.type), None)
    earlier = (one for one in now.edits if not isinstance(one, AddStreet | SetGate | AddPopulation))
    is_first = not any((one.type, one.id) == (edit.type, name) for one in earlier)
    if before is None or name not in before.ids or not is_first:
        return None
    was = before.ids.index(name)
    moved_m = _distance_m(old, before.lon[was], before.lat[was], stock.lon[row], stock.lat[row])
    if moved_m > _SAME_PLACE_M:
        return (
            "facility_moved",
            True,
            f"设施“{name}”在新的基础中移动了 {moved_m:.0f} 米，修改仍已执行",
            f'facility "{name}" stands {moved_m:.0f} m away in the new base; the edit was applied',
        )
    return None


def _look_at_gate(edit: SetGate, old: State, now: Scenario) -> _Found:
    """Say what stands in the way of a gate's edit."""
    gates, before = now.state.town.network.gates, old.town.network.gates
    if edit.id not in gates.ids:
        return "gate_gone", False, f"新的基础中没有小区门“{edit.id}”", f'the new base has no gate "{edit.id}"'
    is_first = not any(isinstance(one, SetGate) and one.id == edit.id for one in now.edits)
    if edit.id not in before.ids or not is_first:
        return None
    here, there = gates.ids.index(edit.id), before.ids.index(edit.id)
    is_same = (gates.access[here], gates.opening_hours[here]) == (before.access[there], before.opening_hours[there])
    if is_same:
        return None
    return (
        "gate_changed",
        True,
        f"小区门“{edit.id}”在新的基础中由 {before.access[there]} 改为 {gates.access[here]}，修改仍已执行",
        f'gate "{edit.id}" went from {before.access[there]} to {gates.access[here]} in the new base; '
        "the edit was applied",
    )


def _look_at_street(edit: AddStreet, old: State, state: State) -> _Found:
    """Say whether a street is there already, or meets nothing."""
    lon, lat = _samples(edit, state)
    if _share_along(state, lon, lat) == 1.0 and _share_along(old, lon, lat) < 1.0:
        return (
            "street_exists",
            False,
            f"新的基础中已有这条道路（沿线 {_SAME_STREET_M:g} 米以内处处有路）",
            f"the new base has this street already (there are streets within {_SAME_STREET_M:g} m all along it)",
        )
    ends = np.array([edit.line[0], edit.line[-1]])
    met_before, met_now = (_meets(one, ends[:, 0].copy(), ends[:, 1].copy()) for one in (old, state))
    if met_before and not met_now:
        return (
            "street_apart",
            True,
            "这条道路在新的基础中不再与任何道路相接，修改仍已执行",
            "this street meets no street of the new base; the edit was applied",
        )
    return None


def _distance_m(state: State, lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Return the distance of two positions in metres."""
    x, y = state.town.network.plane.forward(np.array([lon_a, lon_b]), np.array([lat_a, lat_b]))
    return float(np.hypot(x[1] - x[0], y[1] - y[0]))


def _samples(edit: AddStreet, state: State) -> tuple[Float, Float]:
    """Return places along a street, at most 20 m apart."""
    plane = state.town.network.plane
    line = np.array(edit.line, np.float64)
    x, y = plane.forward(line[:, 0].copy(), line[:, 1].copy())
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    at = np.linspace(0.0, along[-1], max(int(along[-1] / _SAMPLE_M) + 2, 3))
    return plane.inverse(np.interp(at, along, x), np.interp(at, along, y))


def _share_along(state: State, lon: Float, lat: Float) -> float:
    """Return the share of places that lie beside a street."""
    network = state.town.network
    near = link_to_lines(network, network.streets, lon, lat, cap_m=_SAME_STREET_M, threads=1)
    return float((near.edge >= 0).mean())


def _meets(state: State, lon: Float, lat: Float) -> bool:
    """Tell whether an end lies on a node or beside a street where a new street would join."""
    network = state.town.network
    near = link_to_lines(network, network.streets, lon, lat, cap_m=_SAME_PLACE_M, threads=1)
    on_node = np.isin(node_keys(lon, lat), node_keys(network.node_lon, network.node_lat))
    return bool((near.edge >= 0).any() or on_node.any())
