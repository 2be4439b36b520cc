"""Whatever the edits are, a scenario says what the ordinary coverage code says about the edited inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geo.network.build import compile_network
from geo.scenario import AddStreet, BaseSupply, Scenario
from tests.builders import lonlat, lonlats, streets
from tests.scenario.made import SIDE, assert_equals_twin, draw_edit, limits, make_inputs, open_inputs

FACILITIES = ("add", "add", "move", "close", "reopen", "change")
EVERYTHING = (*FACILITIES, "street", "street", "street", "gate", "gate", "gate", "population")


def walk_through(
    seed: int, kinds: tuple[str, ...], n_edits: int, *, by_band: bool, limit: str, side: int = SIDE
) -> None:
    """Apply random edits and compare after each."""
    inputs = make_inputs(seed, by_band=by_band, limit=limits()[limit], side=side)
    random = np.random.default_rng(seed + 1)
    scenario = Scenario(open_inputs(inputs))
    assert_equals_twin(scenario, inputs)
    for _ in range(n_edits):
        scenario = scenario.apply(draw_edit(random, scenario, kinds, side))
        assert_equals_twin(scenario, inputs)


@pytest.mark.parametrize("by_band", [False, True])
@pytest.mark.parametrize("limit", ["minutes", "metres"])
@pytest.mark.parametrize("seed", range(4))
def test_edited_facilities_equal_a_computation_from_nothing(seed: int, limit: str, by_band: bool) -> None:
    walk_through(seed, FACILITIES, 8, by_band=by_band, limit=limit)


@pytest.mark.parametrize("by_band", [False, True])
@pytest.mark.parametrize("limit", ["minutes", "metres"])
@pytest.mark.parametrize("seed", range(100, 106))
def test_edits_of_every_kind_equal_a_computation_from_nothing(seed: int, limit: str, by_band: bool) -> None:
    walk_through(seed, EVERYTHING, 10, by_band=by_band, limit=limit)


@pytest.mark.parametrize("by_band", [False, True])
@pytest.mark.parametrize("limit", ["minutes", "metres"])
def test_edits_of_a_larger_town_equal_a_computation_from_nothing(limit: str, by_band: bool) -> None:
    # Here an edit reaches a corner of the town only, and most labels stay as they are.
    walk_through(7, EVERYTHING, 12, by_band=by_band, limit=limit, side=24)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 300))
def test_many_edits_of_every_kind_equal_a_computation_from_nothing(seed: int) -> None:
    walk_through(seed, EVERYTHING, 40, by_band=bool(seed % 2), limit=("minutes", "metres")[seed // 2 % 2])


def test_homes_on_a_private_lane_notice_a_private_path_to_its_middle() -> None:
    # Both ends of the lane stay as near to their facilities as they were; only its middle gains.
    lines = [[(0, 0), (400, 0)], [(0, 0), (0, 60)], [(0, 60), (400, 60)], [(400, 0), (400, 60)], [(200, 60), (200, 90)],
             [(0, 60), (0, 90)], [(0, 90), (200, 90)]]  # fmt: skip
    lon, lat = lonlats([(180.0, 5.0), (210.0, 5.0), (20.0, 5.0), (390.0, 5.0)])
    ids = np.array(["west", "east", "north"], object)
    supply = BaseSupply("senior_canteen", ids, *lonlats([(0, 10), (400, 10), (200, 85)]), np.ones(3, np.bool_), {})
    base = make_inputs(1)
    inputs = replace(
        base,
        network=compile_network(streets(lines, foot=["private", *["public"] * 6])),
        lon=lon,
        lat=lat,
        population=replace(base.population, counts=np.ones((4, 5), np.int64)),
        supplies=(supply, base.supplies[1]),
    )
    path = AddStreet((lonlat(200, 0), lonlat(200, 90)), foot="private", is_bridge=True)
    scenario = Scenario(open_inputs(inputs)).apply(path)
    assert_equals_twin(scenario, inputs)
    delta = scenario.answer.comparison.changes[0].deltas[0]
    assert delta.points.tolist() == [0, 1]
    assert (delta.new_cost < delta.old_cost).all()
