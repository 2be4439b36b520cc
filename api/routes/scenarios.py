"""What-if scenarios: edits over an untouched base, answered in the time of a click."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api.auth.principal import Principal
from api.conditional import IfMatch, needed_tag
from api.guard import Guard
from api.schemas.run import RunAsk
from api.schemas.scenario import AnswerAsk, ScenarioBranch, ScenarioChange, ScenarioEdits, ScenarioNew
from api.work import changing, reading
from geo.errors import ConflictError
from geo.scenario import Scenario, compare
from geo.services.scenario import (
    Opened,
    ScenarioDesk,
    apply_edits,
    branch_scenario,
    create_scenario,
    keep_steps,
    open_scenario,
    step_back,
    step_forward,
)
from geo.services.scenario_answer import answer_json, comparison_json, scenario_notes, scenario_totals
from geo.services.scenario_district import refuse_outside
from geo.store import Session, scenarios
from geo.store.columns import utc_now
from geo.store.scenarios import ScenarioRecord

router = APIRouter(prefix="/api/scenarios", tags=["scenarios"])
Planner = Annotated[Principal, Depends(Guard("scenarios.use"))]

_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Accept-Language, Cookie"}


def desk_of(request: Request) -> ScenarioDesk:
    """Return the bases the application has open.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    ScenarioDesk
        The bases.
    """
    desk: ScenarioDesk = request.app.state.scenarios
    return desk


@router.get("", summary="情景方案清单 · Scenarios")
async def list_(request: Request, principal: Planner) -> Response:
    """List one's own scenarios and the shared ones, the last one changed first.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A planner.

    Returns
    -------
    Response
        ``{"scenarios": [...]}``.
    """
    found = await reading(request, lambda session: scenarios.list_scenarios(session, actor=principal.name))
    return _json({"scenarios": [_record(one, principal) for one in found]})


@router.post("", summary="新建情景方案 · Begin a scenario", status_code=201)
async def create(request: Request, principal: Planner, body: ScenarioNew) -> Response:
    """Begin a scenario; its base is opened, and its totals are those without any edit.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A planner.
    body : ScenarioNew
        Its question, and a name.

    Returns
    -------
    Response
        201 with the scenario and its totals.

    Raises
    ------
    ConflictError
        The store has no streets or no demand points.
    """
    # The day is part of the question: tomorrow it would be another one.
    asked = RunAsk(**{**body.model_dump(exclude={"name"}), "date": body.date or date.today()})
    parameters = asked.model_dump(mode="json", exclude_defaults=True)
    ground = await reading(request, lambda session: desk_of(request).ground(session, asked.to_request()))
    return await changing(
        request,
        lambda session: create_scenario(
            session, ground, name=body.name, actor=principal.name, parameters=parameters
        ),
        lambda opened: _begun(opened, principal),
    )


@router.get("/{scenario_id}", summary="一个情景方案 · One scenario")
async def one(request: Request, principal: Planner, scenario_id: str) -> Response:
    """Return a scenario with its edits and totals, and what stands in its way where the base has changed.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A planner.
    scenario_id : str
        Its id.

    Returns
    -------
    Response
        The scenario.
    """

    def work(session: Session) -> tuple[str, dict[str, object]]:
        opened = _open(session, request, principal, scenario_id)
        return opened.record.tag, _whole(opened, principal)

    tag, body = await reading(request, work)
    return _json(body, tag=tag)


@router.patch("/{scenario_id}", summary="改名或共享 · Rename or share a scenario")
async def change(
    request: Request, principal: Planner, scenario_id: str, body: ScenarioChange, if_match: IfMatch = None
) -> Response:
    """Rename one's own scenario, or share it within the bureau.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Whose it is.
    scenario_id : str
        Its id.
    body : ScenarioChange
        Name, or whether it is shared.
    if_match : str, optional
        ETag of the state the change is meant for; without it nothing is changed (428).

    Returns
    -------
    Response
        The scenario without its totals.
    """
    values = body.model_dump(exclude_none=True)
    tag = needed_tag(if_match)
    return await changing(
        request,
        lambda session: scenarios.change(session, scenario_id, actor=principal.name, tag=tag, **values),
        lambda found: _json(_record(found, principal), tag=found.tag),
    )


@router.delete("/{scenario_id}", summary="移除情景方案 · Remove a scenario", status_code=204)
async def remove(request: Request, principal: Planner, scenario_id: str, if_match: IfMatch = None) -> Response:
    """Remove one's own scenario from the lists; its record stays.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Whose it is.
    scenario_id : str
        Its id.
    if_match : str, optional
        ETag of the state the change is meant for; without it nothing is changed (428).

    Returns
    -------
    Response
        204.
    """
    tag = needed_tag(if_match)
    return await changing(
        request,
        lambda session: scenarios.change(
            session, scenario_id, actor=principal.name, tag=tag, removed_at=utc_now()
        ),
        lambda _: Response(status_code=204),
    )


@router.post("/{scenario_id}/edits", summary="试一试：应用修改 · Apply edits")
async def edit(
    request: Request,
    principal: Planner,
    scenario_id: str,
    body: ScenarioEdits,
    asked: Annotated[AnswerAsk, Query()],
    if_match: IfMatch = None,
) -> Response:
    """Apply edits, all or none, and answer with new totals, who gained and who lost, and the points that changed.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Whose scenario it is.
    scenario_id : str
        Its id.
    body : ScenarioEdits
        The edits.
    asked : AnswerAsk
        How much of the answer is wanted.
    if_match : str, optional
        ETag of the state the edits are meant for; without it nothing is changed (428).

    Returns
    -------
    Response
        The answer; 409 where the base has changed, or an edit does not fit the state before it; 403 where an edit lies
        outside the district one is limited to.
    """
    step = _Step(request, principal, scenario_id, if_match, asked.full)
    return await step.take(lambda opened: apply_edits(opened, body.edits), body.model_dump(mode="json")["edits"])


@router.post("/{scenario_id}/undo", summary="撤销 · Take the last edit back")
async def undo(
    request: Request,
    principal: Planner,
    scenario_id: str,
    asked: Annotated[AnswerAsk, Query()],
    if_match: IfMatch = None,
) -> Response:
    """Take the last edit back.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Whose scenario it is.
    scenario_id : str
        Its id.
    asked : AnswerAsk
        How much of the answer is wanted.
    if_match : str, optional
        ETag of the state the step is meant for; without it nothing is changed (428).

    Returns
    -------
    Response
        The answer.
    """
    return await _Step(request, principal, scenario_id, if_match, asked.full).take(step_back, {"step": "undo"})


@router.post("/{scenario_id}/redo", summary="重做 · Do the edit again that was taken back")
async def redo(
    request: Request,
    principal: Planner,
    scenario_id: str,
    asked: Annotated[AnswerAsk, Query()],
    if_match: IfMatch = None,
) -> Response:
    """Do the edit again that was taken back last.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Whose scenario it is.
    scenario_id : str
        Its id.
    asked : AnswerAsk
        How much of the answer is wanted.
    if_match : str, optional
        ETag of the state the step is meant for; without it nothing is changed (428).

    Returns
    -------
    Response
        The answer.
    """
    return await _Step(request, principal, scenario_id, if_match, asked.full).take(step_forward, {"step": "redo"})


@router.post("/{scenario_id}/branch", summary="另存分支 · Branch a scenario", status_code=201)
async def branch(request: Request, principal: Planner, scenario_id: str, body: ScenarioBranch) -> Response:
    """Keep a copy under another name; a shared scenario of somebody else's becomes one's own that way.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A planner.
    scenario_id : str
        The scenario.
    body : ScenarioBranch
        The copy's name.

    Returns
    -------
    Response
        201 with the copy.
    """
    opened = await reading(request, lambda session: _open(session, request, principal, scenario_id))
    return await changing(
        request,
        lambda session: branch_scenario(session, opened, name=body.name, actor=principal.name),
        lambda copy: _begun(copy, principal),
    )


@router.post("/{scenario_id}/replay", summary="在更新后的数据上重放 · Replay a scenario on the changed base")
async def replayed(
    request: Request, principal: Planner, scenario_id: str, if_match: IfMatch = None
) -> Response:
    """Carry a scenario over to the present data: what still fits is kept, every conflict is listed.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Whose scenario it is.
    scenario_id : str
        Its id.
    if_match : str, optional
        ETag of the state the replay is meant for; without it nothing is changed (428).

    Returns
    -------
    Response
        The scenario on the present base, and the conflicts of the replay.
    """
    tag = needed_tag(if_match)
    opened = await reading(request, lambda session: _open(session, request, principal, scenario_id))
    scenarios.refuse_stale(_own(opened, principal).record, tag, {"edits": {"step": "replay"}})
    return await changing(
        request,
        lambda session: keep_steps(session, opened, opened.scenario),
        lambda kept: _json({**_whole(kept, principal), "conflicts": _conflicts(opened)}, tag=kept.record.tag),
    )


@router.get("/{scenario_id}/changes", summary="与现状比较 · What a scenario changes in all")
async def changes(request: Request, principal: Planner, scenario_id: str) -> Response:
    """Compare a scenario with its base: all its edits together.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A planner.
    scenario_id : str
        The scenario.

    Returns
    -------
    Response
        Differences, who gained and who lost, and the points that changed.
    """

    def work(session: Session) -> dict[str, object]:
        opened = _open(session, request, principal, scenario_id)
        points = desk_of(request).points_in(session, opened.ground, principal.district)
        found = compare(Scenario(opened.ground.base), opened.scenario)
        return {
            "scenario": _record(opened.record, principal),
            "is_base_current": opened.is_current,
            "change": comparison_json(opened.ground, found, points=points, district=principal.district),
        }

    return _json(await reading(request, work))


@router.get("/{scenario_id}/compare/{other_id}", summary="比较两个情景方案 · Compare two scenarios")
async def compared(request: Request, principal: Planner, scenario_id: str, other_id: str) -> Response:
    """Compare two scenarios of one question: from the first to the other.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A planner.
    scenario_id, other_id : str
        The scenarios.

    Returns
    -------
    Response
        Totals of both, differences, who gains and who loses, and the points that differ.

    Raises
    ------
    ConflictError
        They ask different questions.
    """

    def work(session: Session) -> dict[str, object]:
        first, other = (_open(session, request, principal, one) for one in (scenario_id, other_id))
        if first.ground is not other.ground:
            raise ConflictError(
                "两个情景方案的设施类型、标准、步速或日期不同，不能比较",
                "the scenarios ask different questions (types, limit, speeds or date) and cannot be compared",
            )
        points = desk_of(request).points_in(session, first.ground, principal.district)
        found = compare(first.scenario, other.scenario)
        return {
            "first": {**_record(first.record, principal), "types": _totals(first, principal)},
            "other": {**_record(other.record, principal), "types": _totals(other, principal)},
            "change": comparison_json(first.ground, found, points=points, district=principal.district),
        }

    return _json(await reading(request, work))


class _Step:
    """One step of a scenario: opened, taken, kept, answered."""

    def __init__(
        self, request: Request, principal: Principal, scenario_id: str, if_match: str | None, full: bool
    ) -> None:
        self._request, self._principal, self._id = request, principal, scenario_id
        self._tag, self._full = needed_tag(if_match), full

    async def take(self, do: Callable[[Opened], Scenario], yours: object) -> Response:
        """Take it."""

        def work(session: Session) -> tuple[Opened, Scenario, dict[str, object]]:
            opened = _own(_open(session, self._request, self._principal, self._id), self._principal)
            scenarios.refuse_stale(opened.record, self._tag, {"edits": yours})
            after, district = do(opened), self._principal.district
            refuse_outside(session, opened.scenario, after, district)
            points = desk_of(self._request).points_in(session, opened.ground, district)
            body = answer_json(opened.ground, after.answer, full=self._full, points=points, district=district)
            return opened, after, {**body, "notes": scenario_notes(after)}

        opened, after, body = await reading(self._request, work)
        return await changing(
            self._request,
            lambda session: keep_steps(session, opened, after),
            lambda kept: _json({"scenario": _record(kept.record, self._principal), **body}, tag=kept.record.tag),
        )


def _open(session: Session, request: Request, principal: Principal, scenario_id: str) -> Opened:
    """Find a scenario, and put it on the present base of its question."""
    record = scenarios.get(session, scenario_id, actor=principal.name)
    asked = RunAsk.model_validate(record.parameters)
    return open_scenario(record, desk_of(request).ground(session, asked.to_request()))


def _own(opened: Opened, principal: Principal) -> Opened:
    """Refuse to change somebody else's scenario before anything is computed."""
    scenarios.refuse_foreign(opened.record, principal.name)
    return opened


def _record(record: ScenarioRecord, principal: Principal) -> dict[str, object]:
    """Write a scenario as it is listed."""
    return {
        "scenario_id": record.scenario_id,
        "name": record.name,
        "actor": record.actor,
        "is_own": record.actor == principal.name,
        "is_shared": record.is_shared,
        "parent_id": record.parent_id,
        "parameters": record.parameters,
        "n_edits": record.position,
        "n_undone": len(record.edits) - record.position,
        "content_hash": record.content_hash,
        "etag": f'"{record.tag}"',
        "created_at": record.created_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
        "href": f"/api/scenarios/{record.scenario_id}",
    }


def _begun(opened: Opened, principal: Principal) -> Response:
    """Write a scenario that is new."""
    return _json(_whole(opened, principal), status=201, tag=opened.record.tag, location=opened.record.scenario_id)


def _whole(opened: Opened, principal: Principal) -> dict[str, object]:
    """Write a scenario with edits and totals."""
    record = opened.record
    return {
        **_record(record, principal),
        "edits": [row["edit"] for row in record.edits[: record.position]],
        "undone": [row["edit"] for row in record.edits[record.position :]],
        "is_base_current": opened.is_current,
        "conflicts": _conflicts(opened),
        "types": _totals(opened, principal),
    }


def _totals(opened: Opened, principal: Principal) -> list[dict[str, object]]:
    """Write the totals of a scenario that somebody may be told."""
    return scenario_totals(opened.ground, opened.scenario, district=principal.district)


def _conflicts(opened: Opened) -> list[dict[str, object]]:
    """Write what stands between edits and base."""
    return [
        {
            "index": one.index,
            "code": one.code,
            "is_applied": one.is_applied,
            "message_zh": one.message_zh,
            "message_en": one.message_en,
        }
        for one in opened.conflicts
    ]


def _json(body: object, *, status: int = 200, tag: str | None = None, location: str | None = None) -> Response:
    """Write JSON, arrays as they are."""
    headers = dict(_PRIVATE)
    if tag is not None:
        headers["ETag"] = f'"{tag}"'
    if location is not None:
        headers["Location"] = f"/api/scenarios/{location}"
    return Response(
        orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), status, media_type="application/json", headers=headers
    )
