"""What-if scenarios: ordered edits over an untouched base, answered at once."""

from geo.scenario.answer import Answer, Comparison, PointDelta, Supplied, Table, TypeChange
from geo.scenario.base import Base, gather_people, open_base
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
from geo.scenario.edit_json import edit_from_json, edit_schemas, edit_to_json, edits_from_json
from geo.scenario.question import BaseSupply, Question
from geo.scenario.replay import Conflict, Replay, replay
from geo.scenario.scenario import Scenario, compare

__all__ = [
    "AddFacility",
    "AddPopulation",
    "AddStreet",
    "Answer",
    "Base",
    "BaseSupply",
    "ChangeFacility",
    "CloseFacility",
    "Comparison",
    "Conflict",
    "Edit",
    "MoveFacility",
    "PointDelta",
    "Question",
    "ReopenFacility",
    "Replay",
    "Scenario",
    "SetGate",
    "Supplied",
    "Table",
    "TypeChange",
    "compare",
    "edit_from_json",
    "edit_schemas",
    "edit_to_json",
    "edits_from_json",
    "gather_people",
    "open_base",
    "replay",
]
