"""What-if scenarios."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictBool

from api.schemas.common import Strict
from api.schemas.run import RunAsk
from geo.scenario import edit_schemas

Name = Annotated[str, Field(min_length=1, max_length=100)]


def _list_kinds(schema: dict[str, Any]) -> None:
    """Describe each kind of edit."""
    schema["items"] = {"oneOf": edit_schemas()}


class ScenarioNew(RunAsk):
    """A scenario to begin: its question, and a name."""

    name: Name = Field(description="名称 · name")


class ScenarioChange(Strict):
    """Another name, or whether others of the bureau see it."""

    name: Name | None = Field(None, description="名称 · name")
    is_shared: StrictBool | None = Field(None, description="在本单位内共享 · shared within the bureau")


class ScenarioBranch(Strict):
    """A copy that goes on independently."""

    name: Name = Field(description="分支的名称 · name of the copy")


class ScenarioEdits(Strict):
    """Edits to apply, all or none."""

    edits: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=50,
        json_schema_extra=_list_kinds,
        description="修改列表；kind 为 add_facility、move_facility、close_facility、reopen_facility、change_facility、"
        "add_street、set_gate、add_population · edits by kind, in order",
    )


class AnswerAsk(Strict):
    """How much of an answer is wanted."""

    full: bool = Field(False, description="返回全部区划的合计，否则只返回变化的 · totals of every division")
