"""Where whoever is limited to a district may edit: elsewhere an edit would tell who lives beside it."""

from __future__ import annotations

from collections.abc import Iterator

import shapely

from geo.errors import DeniedError
from geo.scenario import AddFacility, AddPopulation, AddStreet, Edit, MoveFacility, Scenario, SetGate
from geo.store import Session, features


def refuse_outside(session: Session, before: Scenario, after: Scenario, district: str | None) -> None:
    """Refuse a step with edits outside the district somebody is limited to.

    How many people a canteen gains at one place and at the next tells where they live, to the household.

    Parameters
    ----------
    session : Session
        Any session.
    before, after : Scenario
        Before and after the step.
    district : str or None
        Division code; None for everywhere.

    Raises
    ------
    DeniedError
        An edit that the step adds, or the facility or gate it speaks of, lies outside.
    """
    if district is None:
        return
    kept = 0
    while kept < min(len(before.edits), len(after.edits)) and before.edits[kept] == after.edits[kept]:
        kept += 1
    ground = None
    for edit in after.edits[kept:]:
        ground = ground or features.division_shape(session, district)
        for lon, lat in _places(edit, before, after):
            if ground is None or not shapely.intersects_xy(ground, lon, lat):
                raise DeniedError(
                    f"情景方案中的修改须在您的辖区 {district} 内；({lon:.6f}, {lat:.6f}) 不在其中",
                    f"a scenario's edits must lie in your district {district}; ({lon:.6f}, {lat:.6f}) does not",
                    district=district,
                )


def _places(edit: Edit, before: Scenario, after: Scenario) -> Iterator[tuple[float, float]]:
    """Yield every place an edit speaks of."""
    if isinstance(edit, AddStreet):
        yield from edit.line
        return
    if isinstance(edit, SetGate):
        network = after.state.town.network
        for gate_id, node in zip(network.gates.ids, network.gates.node.tolist(), strict=True):
            if gate_id == edit.id:
                yield float(network.node_lon[node]), float(network.node_lat[node])
        return
    if isinstance(edit, AddFacility | MoveFacility | AddPopulation):
        yield edit.lon, edit.lat
    if isinstance(edit, AddFacility | AddPopulation):
        return
    for scenario in (before, after):
        for side in scenario.state.sides:
            if side.stock.slug == edit.type and edit.id in side.stock.ids:
                row = side.stock.row(edit.id)
                yield float(side.stock.lon[row]), float(side.stock.lat[row])
