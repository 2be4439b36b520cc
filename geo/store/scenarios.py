"""Scenarios as they are kept: a name, a question, edits in order and how many of them count."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, insert, or_, select, update
from sqlalchemy.orm import Session

from geo.errors import ConflictError, DeniedError, NotFoundError
from geo.store.columns import utc_now
from geo.store.tables import Scenario
from geo.store.three_way import stale


@dataclass(frozen=True, slots=True)
class ScenarioRecord:
    """One kept scenario.

    Parameters
    ----------
    scenario_id : str
        Id that people quote.
    name : str
        Its name.
    actor : str
        Whose it is; nobody else changes it.
    is_shared : bool
        Whether others of the bureau see it.
    parent_id : str or None
        The scenario it branched from.
    parameters : Mapping
        The question, as JSON values.
    revisions : Mapping
        State of the layers its answers were counted on.
    edits : tuple of Mapping
        Every edit, those taken back included, as JSON values.
    position : int
        How many of them count.
    content_hash : str
        SHA-256 of revisions, question and the edits that count.
    row_version : int
        How often it was changed.
    created_at, updated_at : datetime
        When.
    """

    scenario_id: str
    name: str
    actor: str
    is_shared: bool
    parent_id: str | None
    parameters: Mapping[str, Any]
    revisions: Mapping[str, Any]
    edits: tuple[Mapping[str, Any], ...]
    position: int
    content_hash: str
    row_version: int
    created_at: datetime
    updated_at: datetime

    @property
    def tag(self) -> str:
        """What changes whenever the scenario does.

        Returns
        -------
        str
            Id and version.
        """
        return f"{self.scenario_id}.{self.row_version}"


def add(
    session: Session,
    *,
    name: str,
    actor: str,
    parameters: Mapping[str, Any],
    revisions: Mapping[str, Any],
    content_hash: str,
    edits: Sequence[Mapping[str, Any]] = (),
    position: int = 0,
    parent_id: str | None = None,
) -> ScenarioRecord:
    """Keep a new scenario.

    Parameters
    ----------
    session : Session
        Writing session.
    name : str
        Its name.
    actor : str
        Whose it is.
    parameters : Mapping
        The question, as JSON values.
    revisions : Mapping
        State of the layers.
    content_hash : str
        Hash of its content.
    edits : sequence of Mapping
        Edits, as JSON values.
    position : int
        How many of them count.
    parent_id : str, optional
        The scenario it branches from.

    Returns
    -------
    ScenarioRecord
        The scenario.
    """
    scenario_id = f"sc-{secrets.token_hex(6)}"
    now = utc_now()
    session.execute(
        insert(Scenario).values(
            scenario_id=scenario_id,
            name=name,
            actor=actor,
            is_shared=False,
            parent_id=parent_id,
            parameters=_text(parameters),
            revisions=_text(revisions),
            edits=_text(list(edits)),
            position=position,
            content_hash=content_hash,
            row_version=1,
            created_at=now,
            updated_at=now,
        )
    )
    return get(session, scenario_id, actor=actor)


def get(session: Session, scenario_id: str, *, actor: str) -> ScenarioRecord:
    """Find a scenario that somebody may see: their own, or a shared one.

    Parameters
    ----------
    session : Session
        Any session.
    scenario_id : str
        Its id.
    actor : str
        Who asks.

    Returns
    -------
    ScenarioRecord
        The scenario.

    Raises
    ------
    NotFoundError
        There is none for who asks.
    """
    found = session.scalar(
        select(Scenario)
        .where(Scenario.scenario_id == scenario_id, _seen_by(actor))
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFoundError(
            f"没有情景方案“{scenario_id}”", f"there is no scenario '{scenario_id}'", scenario_id=scenario_id
        )
    return _record(found)


def list_scenarios(session: Session, *, actor: str, limit: int = 500) -> list[ScenarioRecord]:
    """List the scenarios that somebody may see, the last one changed first.

    Parameters
    ----------
    session : Session
        Any session.
    actor : str
        Who asks.
    limit : int
        At most so many.

    Returns
    -------
    list of ScenarioRecord
        Their own and the shared ones.
    """
    query = select(Scenario).where(_seen_by(actor)).order_by(Scenario.updated_at.desc(), Scenario.fid.desc())
    return [_record(found) for found in session.scalars(query.limit(limit))]


def change(session: Session, scenario_id: str, *, actor: str, tag: str, **values: Any) -> ScenarioRecord:
    """Change one's own scenario.

    Parameters
    ----------
    session : Session
        Writing session.
    scenario_id : str
        Its id.
    actor : str
        Who changes it.
    tag : str
        Tag of the state the change is meant for.
    **values : object
        ``name``, ``is_shared``, ``parameters``, ``revisions``, ``edits``, ``position``, ``content_hash`` or
        ``removed_at``; JSON values where those are kept.

    Returns
    -------
    ScenarioRecord
        The scenario, also when it was removed.

    Raises
    ------
    NotFoundError
        There is none for who asks.
    DeniedError
        It is somebody else's.
    StaleError
        It was changed since.
    """
    now = get(session, scenario_id, actor=actor)
    refuse_foreign(now, actor)
    told = {name: value for name, value in values.items() if name in _TOLD}
    if "edits" in told:
        told["edits"] = [entry["edit"] for entry in told["edits"]]
    refuse_stale(now, tag, told)
    kept = {
        name: _text(value) if name in ("parameters", "revisions", "edits") else value for name, value in values.items()
    }
    changed = session.execute(
        update(Scenario)
        .where(Scenario.scenario_id == scenario_id, Scenario.row_version == now.row_version)
        .values(**kept, row_version=now.row_version + 1, updated_at=utc_now())
        .returning(Scenario.fid)
        .execution_options(synchronize_session=False)
    )
    if changed.first() is None:
        raise ConflictError("该情景方案正被修改，请重试", "the scenario is being changed; try again")
    found = session.scalar(
        select(Scenario).where(Scenario.scenario_id == scenario_id).execution_options(populate_existing=True)
    )
    assert found is not None
    return _record(found)


_TOLD: Final = ("name", "is_shared", "edits", "removed_at")
"""What of a scenario a change that came too late is told."""


def refuse_stale(record: ScenarioRecord, tag: str, yours: Mapping[str, object]) -> None:
    """Refuse a change that is meant for another state; earlier states of a scenario are not kept.

    Parameters
    ----------
    record : ScenarioRecord
        The scenario as it stands.
    tag : str
        Tag of the state the change is meant for.
    yours : Mapping
        What the change is.

    Raises
    ------
    StaleError
        It is another one.
    """
    if tag == record.tag:
        return
    counting = [entry["edit"] for entry in record.edits[: record.position]]
    raise stale(
        "该情景方案在您查看之后已被修改；请重新打开",
        "the scenario was changed since you looked at it; open it again",
        tag=record.tag,
        base=None,
        yours=yours,
        theirs={"name": record.name, "is_shared": record.is_shared, "edits": counting, "removed_at": None},
        changed_by=record.actor,
        changed_at=record.updated_at,
    )


def refuse_foreign(record: ScenarioRecord, actor: str) -> None:
    """Refuse to change somebody else's scenario.

    Parameters
    ----------
    record : ScenarioRecord
        The scenario.
    actor : str
        Who wants to change it.

    Raises
    ------
    DeniedError
        It is not theirs.
    """
    if record.actor != actor:
        raise DeniedError(
            f"情景方案“{record.name}”属于 {record.actor}；可另存分支后修改",
            f"the scenario belongs to {record.actor}; branch it to change it",
            scenario_id=record.scenario_id,
        )


def _seen_by(actor: str) -> ColumnElement[bool]:
    """Say that somebody may see a scenario."""
    return and_(Scenario.removed_at.is_(None), or_(Scenario.actor == actor, Scenario.is_shared.is_(True)))


def _text(value: object) -> str:
    """Write JSON."""
    return json.dumps(value, ensure_ascii=False)


def _record(found: Scenario) -> ScenarioRecord:
    """Copy a row into the record others see."""
    return ScenarioRecord(
        scenario_id=found.scenario_id,
        name=found.name,
        actor=found.actor,
        is_shared=found.is_shared,
        parent_id=found.parent_id,
        parameters=json.loads(found.parameters),
        revisions=json.loads(found.revisions),
        edits=tuple(json.loads(found.edits)),
        position=found.position,
        content_hash=found.content_hash,
        row_version=found.row_version,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )
