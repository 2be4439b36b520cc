"""The workflow kit: who may take which step from which state, with which documents, against which clock."""

from __future__ import annotations

from geo.workflow.clock import Clock, ClockRule, ClockState, Pause, due_date, read_clock
from geo.workflow.district import contains_district
from geo.workflow.holiday import Calendar, DayKind, load_calendar
from geo.workflow.parse import load_workflow, parse_workflow
from geo.workflow.person import Person
from geo.workflow.registry import WorkflowKit, load_workflows, standard_kit
from geo.workflow.table import State, Transition, Workflow

__all__ = [
    "Calendar",
    "Clock",
    "ClockRule",
    "ClockState",
    "DayKind",
    "Pause",
    "Person",
    "State",
    "Transition",
    "Workflow",
    "WorkflowKit",
    "contains_district",
    "due_date",
    "load_calendar",
    "load_workflow",
    "load_workflows",
    "parse_workflow",
    "read_clock",
    "standard_kit",
]
