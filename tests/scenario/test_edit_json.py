"""Edits as JSON: there and back without loss, and every problem named at once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.access.population import BANDS
from geo.errors import InputError
from geo.scenario import (
    AddFacility,
    AddPopulation,
    AddStreet,
    ChangeFacility,
    CloseFacility,
    MoveFacility,
    ReopenFacility,
    SetGate,
    edit_from_json,
    edit_to_json,
    edits_from_json,
)

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=20)
LON, LAT = st.floats(-180.0, 180.0), st.floats(-90.0, 90.0)
PLACES = st.integers(0, 1000)
FACILITY = {"type": TEXT, "id": TEXT}
EDITS = st.one_of(
    st.builds(AddFacility, **FACILITY, lon=LON, lat=LAT, capacity=st.none() | PLACES, hours=st.none() | TEXT),
    st.builds(MoveFacility, **FACILITY, lon=LON, lat=LAT),
    st.builds(CloseFacility, **FACILITY),
    st.builds(ReopenFacility, **FACILITY),
    st.builds(ChangeFacility, **FACILITY, capacity=PLACES, hours=st.none() | TEXT),
    st.builds(
        AddStreet,
        line=st.lists(st.tuples(LON, LAT), min_size=2, max_size=5, unique=True).map(tuple),
        is_bridge=st.booleans(),
        is_steps=st.booleans(),
        crossing_share=st.floats(0.0, 1.0),
        foot=st.sampled_from(["public", "private"]),
        oneway=st.sampled_from([-1, 0, 1]),
    ),
    st.builds(SetGate, id=TEXT, access=st.sampled_from(["open", "residents", "closed"])),
    st.builds(SetGate, id=TEXT, access=st.just("hours"), hours=TEXT),
    st.builds(
        AddPopulation,
        id=TEXT,
        lon=LON,
        lat=LAT,
        persons=st.dictionaries(st.sampled_from(BANDS), PLACES, min_size=1).map(lambda one: tuple(sorted(one.items()))),
    ),
)


@given(st.lists(EDITS, max_size=4))
def test_edits_come_back_from_json_as_they_were(edits: list[object]) -> None:
    text = json.dumps([edit_to_json(edit) for edit in edits], allow_nan=False)  # type: ignore[arg-type]
    assert list(edits_from_json(json.loads(text))) == edits


def test_whole_degrees_are_written_like_others() -> None:
    whole, broken = MoveFacility("a", "b", 118, 36), MoveFacility("a", "b", 118.0, 36.0)
    assert json.dumps(edit_to_json(whole)) == json.dumps(edit_to_json(broken))


def test_all_problems_of_all_edits_are_named_at_once() -> None:
    wrong = [
        {"kind": "add_facility", "type": "senior_canteen", "id": " ", "lon": 181.0, "lat": "36", "capacity": -1},
        {"kind": "close_facility", "type": "senior_canteen", "id": "a"},
        {"kind": "add_street", "line": [[118.0, 36.0]], "is_bridge": 1, "oneway": 2, "foot": "no", "width": 3},
        {"kind": "set_gate", "id": "g", "access": "hours"},
        {"kind": "set_gate", "id": "g", "access": "open", "hours": "08:00-18:00"},
        {"kind": "add_population", "id": "c", "lon": float("nan"), "lat": 36.0, "persons": {"young": 3}},
        {"kind": "fly"},
        {"kind": "change_facility", "type": "senior_canteen", "id": "a"},
        "nothing",
        {"kind": "move_facility", "type": "senior_canteen"},
        {"kind": "add_street", "line": [[118.0, 36.0], [118.0, 36.0]], "crossing_share": 1.5},
        {"kind": "add_population", "id": "c", "lon": 118.0, "lat": 36.0, "persons": {"60_69": 1.5}},
    ]
    with pytest.raises(InputError) as caught:
        edits_from_json(wrong)
    found = [(problem.row, problem.field) for problem in caught.value.problems]
    assert sorted(found) == sorted(
        [
            (1, "id"), (1, "lon"), (1, "lat"), (1, "capacity"),
            (3, "line"), (3, "is_bridge"), (3, "oneway"), (3, "foot"), (3, "width"),
            (4, "hours"), (5, "hours"), (6, "lon"), (6, "persons"), (7, "kind"), (8, "capacity"), (9, "kind"),
            (10, "id"), (10, "lon"), (10, "lat"), (11, "line"), (11, "crossing_share"), (12, "persons"),
        ]
    )  # fmt: skip
    assert "第 1 项修改的 lon：给出的是 181.0，应为 -180 到 180 的数" in caught.value.message_zh
    assert "edit 3, oneway: given: 2; allowed: -1, 0, 1" in str(caught.value)
    assert all(problem.message_zh and problem.message_en for problem in caught.value.problems)


@pytest.mark.parametrize("value", [None, {"kind": "fly"}, "edits", 3])
def test_what_is_no_list_of_edits_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"list|kind"):
        edits_from_json(value if not isinstance(value, dict) else [value])
    with pytest.raises(InputError, match="kind"):
        edit_from_json(value)
