"""Edits of legal records made outside, and decisions about them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from api.schemas.common import Strict
from geo.services.outside_edit import LONGEST_REASON


class OutsideAsk(Strict):
    """Which edits are wanted."""

    state: Annotated[
        Literal["held", "accepted", "restored", "any"],
        Query(description="待审、已采纳、已恢复或全部 · waiting, accepted, restored, or any"),
    ] = "held"
    limit: Annotated[int, Query(ge=1, le=1000, description="最多条数 · at most so many")] = 100


class OutsideDecision(Strict):
    """Why an edit is accepted or let go."""

    reason: str = Field(min_length=1, max_length=LONGEST_REASON, description="处理理由，记入审计 · why, for the audit")
