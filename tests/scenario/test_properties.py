"""Laws of what-if: what is added never makes a walk longer, what is taken away never makes one shorter (P18)."""

from __future__ import annotations

import numpy as np
import pytest

from geo.access.status import COVERED
from geo.scenario import Edit, Scenario, SetGate
from geo.scenario.state import State
from tests.scenario.made import draw_edit, limits, make_inputs, open_inputs

GAINS = ("add", "reopen", "street", "open_gate")
LOSSES = ("close",)


def check_walks(old: State, new: State, edit: Edit, *, gains: bool) -> None:
    """Compare every walk, every status and the covered people."""
    for before, after in zip(old.sides, new.sides, strict=True):
        for was, run in zip(before.runs, after.runs, strict=True):
            worse, better = (run.best > was.best), (run.best < was.best)
            fewer = (was.status == COVERED) & (run.status != COVERED)
            more = (was.status != COVERED) & (run.status == COVERED)
            assert not (worse.any() or fewer.any()) if gains else not (better.any() or more.any()), edit
        for table, now in zip(before.totals, after.totals, strict=True):
            assert (table.sum(axis=1) == now.sum(axis=1)).all(), edit
            change = now[:, COVERED] - table[:, COVERED]
            assert (change >= 0).all() if gains else (change <= 0).all(), edit


def play(seed: int, n_edits: int) -> int:
    """Play random gains and losses on one town; return how many edits changed a walk."""
    random = np.random.default_rng(seed)
    limit = limits()[("minutes", "metres")[seed % 2]]
    scenario = Scenario(open_inputs(make_inputs(seed, by_band=bool(seed // 2 % 2), limit=limit)))
    changed = 0
    for _ in range(n_edits):
        gains = random.random() < 0.6
        old = scenario.state
        edit = draw_edit(random, scenario, GAINS if gains else LOSSES)
        if not gains and type(edit).__name__ == "AddFacility":
            # Nothing was left to take away.
            gains = True
        scenario = scenario.apply(edit)
        check_walks(old, scenario.state, edit, gains=gains)
        changed += any(delta.points.size for change in scenario.answer.comparison.changes for delta in change.deltas)
        if len(scenario.edits) >= 25:
            scenario = Scenario(scenario.base)
    return changed


@pytest.mark.parametrize("seed", range(10))
def test_what_is_added_never_makes_a_walk_longer_and_what_is_taken_away_never_shorter(seed: int) -> None:
    assert play(seed, 30) > 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1040))
def test_ten_thousand_edits_keep_the_laws(seed: int) -> None:
    assert play(seed, 250) > 30


@pytest.mark.parametrize("seed", range(50, 60))
def test_a_gate_that_shuts_never_makes_a_walk_shorter_where_no_streets_become_a_compound(seed: int) -> None:
    # Where streets become a compound, its residents may use gates that strangers never could: one walk may be shorter.
    random = np.random.default_rng(seed)
    base = open_inputs(make_inputs(seed))
    gates = base.state.town.network.gates.ids
    scenario = Scenario(base)
    compared = 0
    for _ in range(12):
        old = scenario.state
        edit = SetGate(str(random.choice(gates)), "hours", "06:00-09:00")
        shut = old.town.gates.residents[gates.index(edit.id)]
        after = scenario.apply(edit)
        same_streets = np.array_equal(old.town.network.edge_kind, after.state.town.network.edge_kind)
        if shut and same_streets:
            check_walks(old, after.state, edit, gains=False)
            compared += 1
        scenario = after.apply(draw_edit(random, after, ("open_gate", "add")))
    assert compared > 0
