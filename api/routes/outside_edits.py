"""Edits of published legal records made outside: listing, looking at, accepting and letting go."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api.auth.principal import Principal
from api.conditional import IfMatch, needed_tag
from api.guard import Guard
from api.schemas.outside_edit import OutsideAsk, OutsideDecision
from api.work import changing, reading
from geo.services.facility import Editor
from geo.services.outside_edit import Decided, Decision, HeldEdit, decide_edit, edit_json, get_edit, list_edits

router = APIRouter(prefix="/api/outside-edits", tags=["outside-edits"])
Steward = Annotated[Principal, Depends(Guard("outside.review"))]
_PRIVATE = {"Cache-Control": "no-store"}


@router.get("", summary="系统之外的修改 · Edits made outside")
async def list_(request: Request, principal: Steward, asked: Annotated[OutsideAsk, Query()]) -> Response:
    """List edits of published legal records that other programs made, the newest first.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A data steward; of a district, what lies in it.
    asked : OutsideAsk
        Which.

    Returns
    -------
    Response
        ``{"outside_edits": [...]}``.
    """
    state = None if asked.state == "any" else asked.state
    found = await reading(
        request,
        lambda session: list_edits(session, state=state, district=principal.district, limit=asked.limit),
    )
    return _json({"outside_edits": [_told(one) for one in found]})


@router.get("/{hold_id}", summary="一项系统之外的修改 · One edit made outside")
async def one(request: Request, principal: Steward, hold_id: str) -> Response:
    """Return an edit with the published row and what was made of it, geometries included.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A data steward.
    hold_id : str
        Its id.

    Returns
    -------
    Response
        The edit with an ETag for deciding it.
    """
    found = await reading(request, lambda session: get_edit(session, hold_id, district=principal.district))
    return _json(_told(found, is_whole=True), tag=found.hold.tag)


@router.post("/{hold_id}/accept", summary="采纳 · Accept an edit made outside")
async def accept(
    request: Request, principal: Steward, hold_id: str, body: OutsideDecision, if_match: IfMatch = None
) -> Response:
    """Publish what was edited as a new version of the record.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A data steward.
    hold_id : str
        Its id.
    body : OutsideDecision
        Why.
    if_match : str, optional
        ETag of the state the decision is meant for; without it nothing is decided (428).

    Returns
    -------
    Response
        The edit and the uid of the new version; 409 where the record has changed since.
    """
    return await _decided(request, principal, hold_id, "accepted", body.reason, if_match)


@router.post("/{hold_id}/restore", summary="恢复 · Let an edit made outside go")
async def restore(
    request: Request, principal: Steward, hold_id: str, body: OutsideDecision, if_match: IfMatch = None
) -> Response:
    """Keep what was published, and close the edit.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A data steward.
    hold_id : str
        Its id.
    body : OutsideDecision
        Why.
    if_match : str, optional
        ETag of the state the decision is meant for; without it nothing is decided (428).

    Returns
    -------
    Response
        The edit.
    """
    return await _decided(request, principal, hold_id, "restored", body.reason, if_match)


async def _decided(
    request: Request, principal: Principal, hold_id: str, decision: Decision, reason: str, if_match: str | None
) -> Response:
    """Decide an edit in the state a decision is meant for."""
    tag = needed_tag(if_match)
    reviewer = Editor(principal.name, principal.district, principal.on_behalf_of)
    return await changing(
        request,
        lambda session: decide_edit(session, hold_id, decision, tag=tag, reason=reason, reviewer=reviewer),
        _answer,
    )


def _answer(decided: Decided) -> Response:
    """Write a decided edit."""
    uid = None if decided.version is None else decided.version.uid
    return _json({**_told(decided.edit), "uid": uid}, tag=decided.edit.hold.tag)


def _told(edit: HeldEdit, *, is_whole: bool = False) -> dict[str, object]:
    """Write an edit with its address."""
    return {**edit_json(edit, is_whole=is_whole), "href": f"/api/outside-edits/{edit.hold.hold_id}"}


def _json(body: object, *, tag: str | None = None) -> Response:
    """Write JSON, with an ETag where there is one."""
    headers = _PRIVATE if tag is None else {**_PRIVATE, "ETag": f'"{tag}"'}
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)
