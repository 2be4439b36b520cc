"""The same edits on another base: unchanged ground gives the same scenario, changed ground says what is in the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geo.network.build import compile_network
from geo.scenario import (
    AddFacility,
    AddPopulation,
    AddStreet,
    BaseSupply,
    ChangeFacility,
    CloseFacility,
    MoveFacility,
    ReopenFacility,
    Scenario,
    SetGate,
    replay,
)
from tests.builders import gate_frame, lonlat, lonlats, streets
from tests.scenario.made import TYPES, Inputs, draw_edit, make_inputs, open_inputs
from tests.scenario.test_against_twin import EVERYTHING
from tests.scenario.test_scenario import fingerprint

CANTEEN = TYPES[0]
LINES = [[(0, 0), (200, 0)], [(0, 0), (0, 200)], [(0, 200), (200, 200)]]


def town(
    lines: list, access: dict[str, str], canteens: dict[str, tuple[float, float]], shut: tuple[str, ...] = ()
) -> Inputs:
    """Return the inputs of a little town."""
    at = {"g": (0, 0), "h": (0, 200)}
    gates = gate_frame([{"id": name, "at": at[name], "access": kind} for name, kind in access.items()])
    inputs = make_inputs(1)
    supply = BaseSupply(
        CANTEEN,
        np.array(list(canteens), object),
        *lonlats(list(canteens.values())),
        np.array([name not in shut for name in canteens]),
        {},
    )
    return replace(inputs, network=compile_network(streets(lines), gates), supplies=(supply, inputs.supplies[1]))


BEFORE = town(LINES, {"g": "residents", "h": "closed"}, {"a": (50, 0), "b": (150, 0), "c": (0, 150)}, ("c",))


@pytest.mark.parametrize("seed", range(60, 66))
def test_on_an_unchanged_base_everything_is_the_same(seed: int) -> None:
    inputs = make_inputs(seed)
    random = np.random.default_rng(seed)
    scenario = Scenario(open_inputs(inputs), "plan")
    for _ in range(10):
        scenario = scenario.apply(draw_edit(random, scenario, EVERYTHING))
    again = replay(scenario, open_inputs(inputs))
    assert again.conflicts == ()
    assert again.scenario.content_hash == scenario.content_hash
    assert again.scenario.name == "plan"
    assert fingerprint(again.scenario.state) == fingerprint(scenario.state)


def test_every_edit_that_the_new_base_stands_in_the_way_of_is_told() -> None:
    line = AddStreet((lonlat(200, 0), lonlat(200, 200)))
    edits = (
        MoveFacility(CANTEEN, "a", *lonlat(60, 0)),
        CloseFacility(CANTEEN, "b"),
        ReopenFacility(CANTEEN, "c"),
        AddFacility(CANTEEN, "d", *lonlat(100, 200)),
        ChangeFacility(CANTEEN, "d", capacity=3),
        SetGate("g", "open"),
        SetGate("h", "open"),
        line,
        AddPopulation("p", *lonlat(100, 10), (("60_69", 9),)),
    )
    scenario = Scenario(open_inputs(BEFORE))
    for edit in edits:
        scenario = scenario.apply(edit)
    after = town(
        [*LINES, [(200, 0), (200, 200)]],
        {"g": "closed"},
        {"a": (90, 0), "b": (150, 0), "c": (0, 150), "d": (0, 10)},
        ("b",),
    )
    found = replay(scenario, open_inputs(replace(after, question=BEFORE.question)))
    assert [(one.index, one.code, one.is_applied) for one in found.conflicts] == [
        (0, "facility_moved", True),
        (1, "facility_closed", False),
        (2, "facility_open", False),
        (3, "facility_exists", False),
        (5, "gate_changed", True),
        (6, "gate_gone", False),
        (7, "street_exists", False),
    ]
    assert found.scenario.edits == (edits[0], edits[4], edits[5], edits[8])
    assert "40 米" in found.conflicts[0].message_zh
    assert "40 m" in found.conflicts[0].message_en
    assert all("新的基础" in one.message_zh for one in found.conflicts)


def test_a_facility_or_a_type_that_is_gone_leaves_its_edits_out() -> None:
    scenario = Scenario(open_inputs(BEFORE)).apply(CloseFacility(CANTEEN, "a"))
    scenario = scenario.apply(AddFacility("care_home", "new", *lonlat(0, 0)))
    fewer = town(LINES, {"g": "residents"}, {"b": (150, 0)}, ())
    found = replay(scenario, open_inputs(replace(fewer, supplies=fewer.supplies[:1])))
    assert [(one.index, one.code, one.is_applied) for one in found.conflicts] == [
        (0, "facility_gone", False),
        (1, "type_gone", False),
    ]
    assert found.scenario.edits == ()


def test_a_street_whose_neighbours_are_gone_is_told_and_kept() -> None:
    scenario = Scenario(open_inputs(BEFORE)).apply(AddStreet((lonlat(200, 200), lonlat(300, 200))))
    fewer = town(LINES[:2], {"g": "residents"}, {"b": (150, 0)}, ())
    found = replay(scenario, open_inputs(fewer))
    assert [(one.index, one.code, one.is_applied) for one in found.conflicts] == [(0, "street_apart", True)]
    assert len(found.scenario.edits) == 1
