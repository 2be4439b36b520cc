"""Notices about cases: one's own, and what one has read of them."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from api.auth.principal import Principal
from api.guard import Guard
from api.ogc.token import sign, unsign
from api.routes.cases import kit_of, person_of
from api.schemas.case import NoticeAsk, NoticesRead
from api.work import changing, reading, store_of
from geo.services.notification import mark_read, notice_text, notifications
from geo.store.notices import NoticeRecord

router = APIRouter(prefix="/api/notifications", tags=["notifications"])
Own = Annotated[Principal, Depends(Guard("notifications.own"))]
_PRIVATE: Final = {"Cache-Control": "no-store"}


@router.get("", summary="本人的通知，新的在前 · One's own notices, newest first")
async def list_(request: Request, principal: Own, asked: Annotated[NoticeAsk, Query()]) -> Response:
    """List the notices to who asks, and to their roles in their district.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Somebody with a role.
    asked : NoticeAsk
        Which.

    Returns
    -------
    Response
        ``notifications``, how many are ``unread`` in all, and the address of the next page.
    """
    person, kit = person_of(principal), kit_of(request)
    secret = store_of(request).store_id
    question = repr(("notifications", asked.unread, asked.limit, principal.visibility, sorted(person.eyes)))
    before = None if asked.token is None else int(str(unsign(asked.token, question, secret)[0]))
    page = await reading(
        request,
        lambda session: notifications(session, person, unread=asked.unread, before=before, limit=asked.limit, kit=kit),
    )
    following = None
    if page.following is not None:
        token = sign([page.following], question, secret)
        given = [(name, word) for name, word in request.query_params.multi_items() if name != "token"]
        following = f"/api/notifications?{urlencode([*given, ('token', token)], quote_via=quote)}"
    body = {"notifications": [_notice(one) for one in page.notices], "unread": page.unread, "next": following}
    return JSONResponse(body, headers=_PRIVATE)


@router.post("/read", summary="标为已读 · Mark notices as read")
async def read(request: Request, principal: Own, asked: NoticesRead) -> Response:
    """Take note that who asks has read notices; nobody else has by that.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Somebody with a role.
    asked : NoticesRead
        Which; those of others are left alone.

    Returns
    -------
    Response
        How many had not been read.
    """
    person, kit = person_of(principal), kit_of(request)
    return await changing(
        request,
        lambda session: mark_read(session, person, asked.ids, kit=kit),
        lambda found: JSONResponse({"marked": found}, headers=_PRIVATE),
    )


def _notice(one: NoticeRecord) -> dict[str, object]:
    """Write a notice."""
    zh, en = notice_text(one)
    return {
        "notification_id": one.uid,
        "kind": one.kind,
        "case_id": one.case,
        "message_zh": zh,
        "message_en": en,
        "parameters": dict(one.parameters),
        "created_utc": one.created_utc.isoformat(timespec="milliseconds"),
        "is_read": one.is_read,
        "href": f"/api/cases/{one.case}",
    }
