"""Undo, redo, branches, hashes, sums, comparison: what a scenario promises beside its numbers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from geo.access.coverage import minutes
from geo.access.status import COVERED
from geo.errors import ConflictError, InputError, NotFoundError
from geo.scenario import (
    AddFacility,
    AddPopulation,
    AddStreet,
    ChangeFacility,
    CloseFacility,
    MoveFacility,
    Question,
    ReopenFacility,
    Scenario,
    SetGate,
    compare,
    open_base,
)
from geo.scenario.recent import Recent, own_bytes
from geo.scenario.state import State
from tests.builders import lonlat
from tests.scenario.made import AT, PROFILE, TYPES, draw_edit, make_inputs, open_inputs
from tests.scenario.test_against_twin import EVERYTHING

CANTEEN = TYPES[0]


def fingerprint(state: State) -> list[bytes]:
    """Return every number of a state as bytes."""
    numbers = [state.people.population.counts.tobytes()]
    for side in state.sides:
        numbers += [table.tobytes() for table in side.totals]
        for run in side.runs:
            numbers += [values.tobytes() for values in (run.best, run.second, run.label, run.status)]
            # Old and new nodes have the same numbers in every state, so nodes are compared as they stand.
            numbers += [values.tobytes() for values in (run.values.best, run.values.second, run.values.label)]
    return numbers


def random_scenario(seed: int, n_edits: int, **asked: bool) -> Scenario:
    """Return a scenario of random edits."""
    random = np.random.default_rng(seed)
    scenario = Scenario(open_inputs(make_inputs(seed, **asked)))
    for _ in range(n_edits):
        scenario = scenario.apply(draw_edit(random, scenario, EVERYTHING))
    return scenario


@pytest.mark.parametrize("kept_states", [1, 12])
def test_undo_restores_every_number_and_redo_brings_it_back(kept_states: int) -> None:
    random = np.random.default_rng(5)
    scenario = Scenario(open_inputs(make_inputs(5, by_band=True), kept_states))
    steps = [(scenario.content_hash, fingerprint(scenario.state))]
    for _ in range(10):
        scenario = scenario.apply(draw_edit(random, scenario, EVERYTHING))
        steps.append((scenario.content_hash, fingerprint(scenario.state)))
    for step in reversed(steps[:-1]):
        scenario = scenario.undo()
        assert (scenario.content_hash, fingerprint(scenario.state)) == step
    for step in steps[1:]:
        scenario = scenario.redo()
        assert (scenario.content_hash, fingerprint(scenario.state)) == step


def test_the_content_hash_depends_on_content_and_not_on_the_way_to_it() -> None:
    inputs = make_inputs(7)
    base = open_inputs(inputs)
    first, second = AddFacility(CANTEEN, "a", *lonlat(50, 50)), CloseFacility(CANTEEN, f"{CANTEEN}-0")
    there = Scenario(base, "x").apply(first).apply(second)
    back_and_forth = Scenario(base, "y").apply(first).undo().redo().apply(second).undo().redo().branch("z")
    assert there.content_hash == back_and_forth.content_hash
    assert there.content_hash == Scenario(open_inputs(inputs)).apply(first).apply(second).content_hash
    others = {
        Scenario(base).content_hash,
        Scenario(base).apply(first).content_hash,
        Scenario(base).apply(second).apply(first).content_hash,
        there.content_hash,
    }
    assert len(others) == 4
    assert len(there.content_hash) == 64
    other_question = Scenario(open_inputs(make_inputs(7, limit=minutes(7))))
    assert other_question.apply(first).apply(second).content_hash != there.content_hash


def test_a_new_edit_after_undo_forgets_what_was_undone() -> None:
    scenario = Scenario(open_inputs(make_inputs(8))).apply(AddFacility(CANTEEN, "a", *lonlat(0, 0))).undo()
    scenario = scenario.apply(AddFacility(CANTEEN, "b", *lonlat(0, 0)))
    with pytest.raises(ConflictError, match="do again"):
        scenario.redo()
    with pytest.raises(ConflictError, match="take back"):
        scenario.undo().undo()


@pytest.mark.parametrize("seed", range(20, 26))
def test_sums_of_divisions_are_the_population_and_shifts_fit_the_totals(seed: int) -> None:
    random = np.random.default_rng(seed)
    scenario = Scenario(open_inputs(make_inputs(seed, by_band=bool(seed % 2))))
    for _ in range(8):
        before = scenario.state
        scenario = scenario.apply(draw_edit(random, scenario, EVERYTHING))
        answer = scenario.answer
        assert answer.content_hash == scenario.content_hash
        for one, change, old in zip(answer.types, answer.comparison.changes, before.sides, strict=True):
            everybody = scenario.state.people.population.total
            assert sum(one.totals.whole().values()) == everybody
            for level in ("county", "township"):
                rows = one.totals.divisions(level)
                assert list(rows)[-2:] == ["unassigned", "outside"]
                assert sum(sum(row.values()) for row in rows.values()) == everybody
                for name in ("gained", "lost", "nearer", "farther"):
                    parts = [row[name] for row in change.shifts.divisions(level).values()]
                    assert sum(parts) == change.shifts.whole()[name]
            covered = int(old.totals[0][0, COVERED])
            assert change.difference.whole()["covered"] == one.totals.whole()["covered"] - covered
            if not isinstance(scenario.edits[-1], AddPopulation):
                shifts = change.shifts.whole()
                assert shifts["gained"] - shifts["lost"] == change.difference.whole()["covered"]
                assert sum(change.difference.whole().values()) == 0


@pytest.mark.parametrize("seed", range(30, 34))
def test_an_answer_counts_the_people_of_exactly_the_points_that_differ(seed: int) -> None:
    random = np.random.default_rng(seed)
    scenario = Scenario(open_inputs(make_inputs(seed, by_band=True)))
    for _ in range(6):
        old = scenario.state
        scenario = scenario.apply(draw_edit(random, scenario, EVERYTHING))
        new = scenario.state
        n = old.people.n_points
        for before, after, change in zip(old.sides, new.sides, scenario.answer.comparison.changes, strict=True):
            gained = lost = nearer = farther = 0
            runs = {run.band: run for run in before.runs}
            for run, weights in zip(after.runs, new.weights, strict=True):
                if run.band not in runs:
                    assert not weights[:n].any()
                    continue
                was = runs[run.band]
                differs = (was.best != run.best[:n]) | (was.status != run.status[:n])
                delta = next(one for one in change.deltas if one.band == run.band)
                assert delta.points.tolist() == np.flatnonzero(differs).tolist()
                assert np.array_equal(delta.new_cost, run.best[:n][differs])
                assert np.array_equal(delta.old_status, was.status[differs])
                for i in range(n):
                    gained += int(weights[i]) * bool(was.status[i] != COVERED and run.status[i] == COVERED)
                    lost += int(weights[i]) * bool(was.status[i] == COVERED and run.status[i] != COVERED)
                    nearer += int(weights[i]) * bool(run.best[i] < was.best[i])
                    farther += int(weights[i]) * bool(run.best[i] > was.best[i])
            assert change.shifts.whole() == {"gained": gained, "lost": lost, "nearer": nearer, "farther": farther}


def test_comparing_the_other_way_round_is_the_exact_opposite() -> None:
    inputs = make_inputs(40, by_band=True)
    base = open_inputs(inputs)
    scenarios = [Scenario(base)]
    for seed in range(5):
        random = np.random.default_rng(seed)
        scenario = scenarios[seed // 2]
        for _ in range(4):
            scenario = scenario.apply(draw_edit(random, scenario, EVERYTHING))
        scenarios.append(scenario)
    seen = 0
    for a in scenarios:
        for b in scenarios:
            there, back = compare(a, b), compare(b, a)
            assert (-back).is_equal(there)
            changed = sum(delta.points.size for change in there.changes for delta in change.deltas)
            assert not (a is b and changed)
            seen += bool(changed) and not there.is_equal(back)
    assert seen > 10
    with pytest.raises(ConflictError, match="different bases"):
        compare(scenarios[0], Scenario(open_inputs(inputs)))


def test_hours_of_a_facility_are_judged_at_the_moment_of_the_question() -> None:
    base = open_inputs(make_inputs(41))
    name = f"{CANTEEN}-0"
    shut = Scenario(base).apply(ChangeFacility(CANTEEN, name, hours="06:00-09:00"))
    closed = Scenario(base).apply(CloseFacility(CANTEEN, name))
    assert fingerprint(shut.state) == fingerprint(closed.state)
    again = shut.apply(ChangeFacility(CANTEEN, name, hours="08:00-18:00"))
    assert fingerprint(again.state) == fingerprint(base.state)
    more = Scenario(base).apply(ChangeFacility(CANTEEN, name, capacity=80)).answer.types[0]
    assert (more.capacity, more.n_without_capacity, more.n_open) == (80, 2, 3)


def test_an_edit_that_cannot_be_applied_is_refused_and_changes_nothing() -> None:
    inputs = make_inputs(42)
    scenario = Scenario(open_inputs(inputs))
    before = fingerprint(scenario.state)
    place = lonlat(10, 10)
    refused = [
        (AddFacility("cinema", "a", *place), NotFoundError, "no facility type"),
        (AddFacility(CANTEEN, f"{CANTEEN}-0", *place), ConflictError, "exists already"),
        (MoveFacility(CANTEEN, "a", *place), NotFoundError, "no facility"),
        (CloseFacility(CANTEEN, f"{CANTEEN}-1"), ConflictError, "closed already"),
        (ReopenFacility(CANTEEN, f"{CANTEEN}-0"), ConflictError, "open already"),
        (SetGate("nowhere", "open"), InputError, "no gate"),
        (AddStreet((place, (0.0, 0.0))), InputError, "far from the network"),
        (AddFacility(CANTEEN, "far", 13.5, 52.5), InputError, "far from the network"),
        (MoveFacility(CANTEEN, f"{CANTEEN}-0", 13.5, 52.5), InputError, "far from the network"),
        (AddPopulation("far", 13.5, 52.5, (("70_79", 10),)), InputError, "far from the network"),
    ]
    for edit, error, words in refused:
        with pytest.raises(error, match=words):
            scenario.apply(edit)
    assert fingerprint(scenario.state) == before


def test_a_base_is_opened_for_types_given_once() -> None:
    inputs = make_inputs(43)
    for supplies in ((), (inputs.supplies[0], inputs.supplies[0])):
        with pytest.raises(InputError, match="facility types"):
            open_base(
                inputs.network, lon=inputs.lon, lat=inputs.lat, population=inputs.population,
                divisions=inputs.divisions, supplies=supplies, question=Question(minutes(5), AT), profile=PROFILE,
                revisions={},
            )  # fmt: skip


def test_threads_share_a_base_and_leave_it_as_it_is() -> None:
    inputs = make_inputs(44)
    base = open_inputs(inputs, kept_states=3)
    before = fingerprint(base.state)

    def play(seed: int) -> list[list[bytes]]:
        random = np.random.default_rng(seed)
        scenario, seen = Scenario(base), []
        for _ in range(6):
            scenario = scenario.apply(draw_edit(random, scenario, EVERYTHING))
            seen.append(fingerprint(scenario.state))
        return seen

    alone = [play(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(play, range(4)))
    assert together == alone
    assert fingerprint(base.state) == before


def test_nobody_steps_onto_a_bridge() -> None:
    base = open_inputs(make_inputs(45, plain=True))
    line = (lonlat(-60.0, 0.0), lonlat(-60.0, 500.0))
    street, bridge = (Scenario(base).apply(AddStreet(line, is_bridge=flag)).state for flag in (False, True))
    assert street.people.further.point.size > 0
    assert bridge.people.further.point.size == 0
    assert bridge.town.network.n_edges == street.town.network.n_edges


def test_states_are_kept_within_a_bound_and_the_last_one_always() -> None:
    scenario = random_scenario(46, 5)
    edits = scenario.edits
    states = [scenario.base.state_of(edits[:i]) for i in range(6)]
    sizes = [own_bytes(states[i + 1], states[i]) for i in range(5)]
    recent = Recent(10, sizes[2] + sizes[3] + sizes[4])
    for i in range(5):
        recent.put(edits[: i + 1], states[i + 1], states[i])
    kept = [recent.get(edits[: i + 1]) is not None for i in range(5)]
    assert sum(kept) >= 2
    assert kept[4]
    assert sum(size for size, is_kept in zip(sizes, kept, strict=True) if is_kept) <= sizes[2] + sizes[3] + sizes[4]
    tight = Recent(10, 1)
    tight.put(edits[:1], states[1], states[0])
    assert tight.get(edits[:1]) is states[1]
    assert own_bytes(states[1], states[1]) == 0
    run = scenario.state.sides[0].runs[0]
    assert own_bytes(run, None) >= run.values.best.nbytes + run.best.nbytes


def test_kept_states_thin_out_the_further_back_they_lie() -> None:
    scenario = random_scenario(47, 1)
    state = scenario.state
    recent = Recent(8, 2**40)
    edits = tuple(AddFacility(CANTEEN, f"f{i}", 118.0, 36.0) for i in range(60))
    for i in range(60):
        recent.put(edits[: i + 1], state, state)
    kept = [i + 1 for i in range(60) if recent.get(edits[: i + 1]) is not None]
    assert len(kept) == 8
    assert kept[-2:] == [59, 60]
    assert kept[0] < 40
    # Taking back some edits costs no more steps than were taken back, give or take as many again.
    for back in range(1, 29):
        nearest = max([0, *(at for at in kept if at <= 60 - back)])
        assert (60 - back) - nearest <= 2 * back


def test_what_is_read_is_what_the_schemas_say() -> None:
    from geo.scenario.edit_json import _KINDS, _READERS, edit_schemas

    schemas = {str(one["properties"]["kind"]["const"]): one for one in edit_schemas()}  # type: ignore[index]
    assert list(schemas) == list(_KINDS)
    for one in schemas.values():
        assert set(one["required"]) <= set(one["properties"])  # type: ignore[call-overload]
        assert set(one["properties"]) - {"kind"} <= set(_READERS)  # type: ignore[call-overload]
