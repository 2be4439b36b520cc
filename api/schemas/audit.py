"""What is asked of the audit."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from api.schemas.common import Strict
from geo.services.audit_read import AuditQuery
from geo.store.audit import Kind


def _known_time(text: str) -> str:
    """Refuse what is neither a day nor a moment of the day of some place."""
    try:
        for is_end in (False, True):
            _moment(text, is_end=is_end)
    except (ValueError, OverflowError):
        raise ValueError(
            "应为 YYYY-MM-DD，或带时区的时刻如 2026-03-01T08:00:00+08:00 · "
            "must be YYYY-MM-DD, or a moment with its offset such as 2026-03-01T08:00:00+08:00"
        ) from None
    return text


def _moment(text: str, *, is_end: bool) -> datetime:
    """Return the first moment of a day here, or of the day after it; or the moment that is said."""
    if len(text) == len("2026-03-01"):
        day = date.fromisoformat(text) + timedelta(days=1 if is_end else 0)
        return datetime.combine(day, time()).astimezone(UTC)
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found.astimezone(UTC)


_EXAMPLES = {"anyOf": [{"format": "date"}, {"format": "date-time"}]}
Time = Annotated[str, Field(max_length=40, json_schema_extra={**_EXAMPLES}), AfterValidator(_known_time)]
"""A day of the server's place, or a moment with its offset."""


class AuditSpan(Strict):
    """Entries of which time."""

    since: Time | None = Field(None, alias="from", description="自此日或此刻起 · from this day or moment on")
    until: Time | None = Field(
        None, alias="to", description="至此日止（含当日），或早于此刻 · up to this day, itself included, or this moment"
    )

    @property
    def begin(self) -> datetime | None:
        """The first moment; None for no such limit."""
        return None if self.since is None else _moment(self.since, is_end=False)

    @property
    def end(self) -> datetime | None:
        """The first moment after them; None for no such limit."""
        return None if self.until is None else _moment(self.until, is_end=True)


class AuditAsk(AuditSpan):
    """Which entries, and how many."""

    kind: Kind | None = Field(None, description="类别 · kind")
    actor: str | None = Field(None, min_length=1, max_length=200, description="操作人 · who")
    action: str | None = Field(None, min_length=1, max_length=200, description="操作 · what, as it stands in the entry")
    limit: int = Field(100, ge=1, le=1000, description="一页条数 · entries a page")
    token: str | None = Field(None, max_length=400, description="翻页标记 · page token of the next link")

    def to_query(self) -> AuditQuery:
        """Return the question as the services take it.

        Returns
        -------
        AuditQuery
            The question.
        """
        return AuditQuery(self.begin, self.end, self.kind, self.actor, self.action)
