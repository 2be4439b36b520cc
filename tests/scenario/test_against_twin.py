"""Whatever the edits are, a scenario says what the ordinary coverage code says about the edited inputs."""

from __future__ import annotations

import numpy as np
import pytest

from geo.scenario import Scenario
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
