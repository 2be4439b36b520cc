"""What a coverage run leaves on the map: its gaps, and people in cells with how many of them are covered.

Only what anybody who may read these layers may know is written, so that no filter, tile, zoom or export can show more:

- one partition of the people into cells of ten or more, the same for every run and for the report (planners who want
  points have the layer of demand points); where the people or the townships have changed, the cells of older runs go;
- covered people in steps of ten or more, and nothing at all in townships whose exact totals would give cells away
  (`geo.access.privacy`);
- gaps of ten people or more, their people in tens, and by reason only where every reason has ten or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.access.cells import CellGrid
from geo.access.gaps import Gap
from geo.access.privacy import MINIMUM_PERSONS, told_gap
from geo.access.status import COVERED, STATUS_NAMES
from geo.access.told import ToldCells, tell_cells
from geo.arrays import Float, Int
from geo.services.coverage_model import CoverageOutcome, TypeOutcome
from geo.services.people_cells import PeopleCells
from geo.store import Session, derived, state
from geo.store.frames import EncodedRows, Values
from geo.store.geometry import as_stored, encode_wkb
from geo.store.hilbert import hilbert_order
from geo.store.rows import no_garbage_collection

PARTITION: Final = "cells"
"""Name of the note that says which partition the store's cells belong to."""

_REASONS: Final = tuple((code, name) for code, name in enumerate(STATUS_NAMES) if code != COVERED)


def write_layers(session: Session, outcome: CoverageOutcome, people: PeopleCells) -> None:
    """Write gaps and cells of a run, in the run's own transaction.

    Parameters
    ----------
    session : Session
        Writing session.
    outcome : CoverageOutcome
        The run.
    people : PeopleCells
        The cells of its people.
    """
    with no_garbage_collection():
        _write(session, outcome, people)


def _write(session: Session, outcome: CoverageOutcome, people: PeopleCells) -> None:
    """Write gaps and cells."""
    slugs = [one.supply.slug for one in outcome.types]
    derived.add_run(session, "coverage_gaps", outcome.run_id, slugs, _gap_rows(outcome))
    digest, shapes = people.digest(), _Shapes.of(people.grid)
    is_other = digest != state.read_fact(session, PARTITION)
    if is_other:
        derived.replace_rows(session, "demand_cells", shapes.rows(_cell_facts(people), 1))
        state.write_fact(session, PARTITION, digest)
    rows = shapes.rows(_coverage_facts(outcome, people), len(slugs))
    derived.add_run(session, "coverage_cells", outcome.run_id, slugs, rows, is_alone=is_other)


@dataclass(frozen=True, slots=True, eq=False)
class _Shapes:
    """Squares of the cells as they are stored, the widest first so that none hides a narrower one."""

    order: Int
    n_cells: int
    geometries: NDArray[np.object_]
    wkb: NDArray[np.object_]
    bounds: Float

    @classmethod
    def of(cls, grid: CellGrid) -> _Shapes:
        """Make the squares, neighbours next to each other."""
        bounds = grid.bounds()
        place = hilbert_order((bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2)
        order = place[np.argsort(-grid.span[place].astype(np.int64), kind="stable")]
        # Where the whole population is smaller than the minimum it is one cell, of which nothing may be told.
        order = order[grid.persons[order] >= MINIMUM_PERSONS * grid.unit]
        bounds = np.ascontiguousarray(bounds[order])
        squares = as_stored(np.asarray(shapely.box(*bounds.T), dtype=object), "MULTIPOLYGON")
        return cls(order, grid.n_cells, squares, encode_wkb(squares), bounds)

    def rows(self, values: dict[str, Values], times: int) -> EncodedRows:
        """Put values, one block of cells after the other, to the squares."""
        order = (np.arange(times)[:, None] * self.n_cells + self.order[None, :]).ravel()
        return EncodedRows(
            {name: column[order] for name, column in values.items()},
            np.tile(self.geometries, times),
            np.tile(self.wkb, times),
            np.tile(self.bounds, (times, 1)),
        )


def _cell_facts(people: PeopleCells) -> dict[str, Values]:
    """Return what does not depend on a facility type."""
    grid = people.grid
    codes, names = (_objects(values) for values in (people.zones.codes, people.zones.names))
    return {
        "cell_m": _numbers(grid.span.astype(np.float64) * grid.unit_m),
        "persons": _numbers(grid.persons / grid.unit),
        "division_code": codes[grid.zone],
        "division_name": names[grid.zone],
    }


def _coverage_facts(outcome: CoverageOutcome, people: PeopleCells) -> dict[str, Values]:
    """Return the cells of every type, one type after the other."""
    population, grid = outcome.demand.population, people.grid
    told = [
        tell_cells(grid, [(run.certificates, population.of_band(run.band)) for run in one.runs])
        for one in outcome.types
    ]
    columns = {name: np.tile(column, len(told)) for name, column in _cell_facts(people).items()}
    columns |= _of_run(outcome, [one.supply.slug for one in outcome.types], [grid.n_cells] * len(told))
    reasons = _objects([*STATUS_NAMES, None])
    return columns | {
        "covered_persons": _joined(told, grid, "covered"),
        "uncovered_persons": _joined(told, grid, "uncovered"),
        "covered_share": _numbers(np.concatenate([one.covered_share for one in told])),
        "reason": reasons[np.concatenate([one.reason for one in told])],
        "mean_walk_s": _numbers(np.concatenate([one.mean_walk_s for one in told])),
    }


def _joined(told: Sequence[ToldCells], grid: CellGrid, kind: str) -> Values:
    """Return told people of every type, whole persons where the people are whole."""
    persons = grid.persons / grid.unit
    covered = [np.rint(one.covered_share * persons) for one in told]
    return _numbers(np.concatenate(covered if kind == "covered" else [persons - one for one in covered]))


def _gap_rows(outcome: CoverageOutcome) -> EncodedRows:
    """Return the gaps that may be told of, those with the most people first."""
    found = [
        (one, gap) for one in outcome.types for gap in one.gaps.gaps if gap.count >= MINIMUM_PERSONS * gap.unit
    ]
    gaps = [gap for _, gap in found]
    told = [
        told_gap(gap.count / gap.unit, {name: gap.by_status[code] / gap.unit for code, name in _REASONS})
        for gap in gaps
    ]
    values = _of_run(outcome, [one.supply.slug for one, _ in found], [1] * len(found))
    values |= {
        "rank": _objects([gap.rank for gap in gaps]),
        "persons": _objects([persons for persons, _ in told]),
        "reason": _objects(
            [None if None in reasons.values() else gap.reason for gap, (_, reasons) in zip(gaps, told, strict=True)]
        ),
        "nearest_facility_id": _objects([_facility(*pair, "ids") for pair in found]),
        "nearest_facility_name": _objects([_facility(*pair, "names") for pair in found]),
        "nearest_m": _objects([None if gap.nearest_p50_m is None else float(round(gap.nearest_p50_m)) for gap in gaps]),
        "division_code": _objects([gap.division_code for gap in gaps]),
        "division_name": _objects([gap.division_name for gap in gaps]),
    }
    values |= {name: _objects([reasons[name] for _, reasons in told]) for _, name in _REASONS}
    shapes = as_stored(np.array([gap.polygon for gap in gaps], dtype=object), "MULTIPOLYGON")
    return EncodedRows(values, shapes, encode_wkb(shapes), np.asarray(shapely.bounds(shapes)).reshape(-1, 4))


def _facility(outcome: TypeOutcome, gap: Gap, column: str) -> str | None:
    """Return id or name of the facility that most people of a gap would walk to."""
    if gap.facility < 0:
        return None
    value = getattr(outcome.supply, column)[gap.facility]
    return None if value is None else str(value)


def _of_run(outcome: CoverageOutcome, slugs: Sequence[str], counts: Sequence[int]) -> dict[str, Values]:
    """Return the columns that say which run and type rows come from."""
    types = np.repeat(_objects(slugs), counts)
    asked = outcome.request
    facts = {"run_id": outcome.run_id, "is_current": True, "minutes": asked.minutes, "metres": asked.metres}
    return {"type": types} | {name: np.full(types.size, value, dtype=object) for name, value in facts.items()}


def _objects(values: Sequence[object]) -> Values:
    """Hold database values in an object array."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _numbers(values: Float) -> Values:
    """Return floats as database values, None for NaN."""
    result = np.asarray(values, dtype=np.float64).astype(object)
    result[np.isnan(values)] = None
    return result
