"""Every tag rule against its table of cases in ``tests/cases/osm``."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import pytest

from geo.network.osm_rules import barrier_line_kind, foot_right, gate_access, is_street, metres, street_traits
from geo.network.osm_tags import GATE_KINDS, KIND_FOOT, NEVER_KINDS, NOT_THERE, RIGHT, WALL_KINDS
from geo.network.streets import FOOT_VALUES

CASES = Path(__file__).parents[1] / "cases" / "osm"


def cases(name: str) -> list:
    """Return the cases of one table, named by what they are about."""
    found = tomllib.loads((CASES / f"{name}.toml").read_text("utf-8"))["case"]
    return [pytest.param(case, id=case["why"]) for case in found]


@pytest.mark.parametrize("case", cases("foot"))
def test_foot_right_follows_the_table(case):
    assert foot_right(case["tags"]) == case["foot"]


@pytest.mark.parametrize("case", cases("gates"))
def test_gate_access_follows_the_table(case):
    access, hours = gate_access(case["tags"]) or ("none", None)
    assert (access, hours) == (case["access"], case.get("opening_hours"))


@pytest.mark.parametrize("case", cases("barrier_lines"))
def test_barrier_lines_follow_the_table(case):
    assert (barrier_line_kind(case["tags"]) or "none") == case["kind"]


@pytest.mark.parametrize("case", cases("traits"))
def test_street_traits_follow_the_table(case):
    traits = street_traits(case["tags"])
    assert {key: getattr(traits, key) for key in case["expect"]} == case["expect"]


@pytest.mark.parametrize("kind", sorted(NOT_THERE))
def test_a_street_that_is_not_there_is_no_street(kind):
    assert not is_street({"highway": kind, "foot": "yes"})


def test_a_ferry_is_no_street_even_when_it_is_called_one():
    assert not is_street({"highway": "footway", "route": "ferry", "foot": "yes"})


def test_the_tables_do_not_contradict_each_other():
    assert not set(KIND_FOOT) & (NEVER_KINDS | NOT_THERE)
    assert not GATE_KINDS & WALL_KINDS
    assert {*KIND_FOOT.values(), *RIGHT.values()} <= set(FOOT_VALUES)


@pytest.mark.parametrize("kind", [*sorted(KIND_FOOT), *sorted(NEVER_KINDS)])
def test_access_no_closes_every_class(kind):
    assert foot_right({"highway": kind, "access": "no"}) == "no"


@pytest.mark.parametrize(("text", "number"), [("3", 3.0), ("3.5m", 3.5), ("3米", 3.0), ("2,5 m", 2.5)])
def test_widths_are_read_in_metres(text, number):
    assert metres(text) == number


@pytest.mark.parametrize("text", [None, "", "narrow", "10'", "6 ft"])
def test_other_widths_are_missing(text):
    assert math.isnan(metres(text))
