"""The audit for audit administrators: page by page, checked, and whole; each look is itself on record."""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated
from urllib.parse import quote, urlencode

import anyio
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from api.auth.principal import Principal
from api.download import Exports, Making, download
from api.guard import Guard
from api.ogc.token import sign, unsign
from api.schemas.audit import AuditAsk, AuditSpan
from api.work import address_of, reading, store_of
from geo.services.audit import verify_audit, verify_cases
from geo.services.audit_read import audit_lines, audit_page, record_audit_use, verified_json
from geo.store.pages import today

router = APIRouter(prefix="/api/audit", tags=["audit"])
Auditor = Annotated[Principal, Depends(Guard("audit.read"))]
_PRIVATE = {"Cache-Control": "no-store"}
_LINES = "application/jsonl"
_PIECE = 64 * 1024


@router.get("", summary="审计记录 · Entries of the audit, newest first")
async def list_(request: Request, principal: Auditor, asked: Annotated[AuditAsk, Query()]) -> Response:
    """List entries page by page, newest first.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        An audit administrator.
    asked : AuditAsk
        Which.

    Returns
    -------
    Response
        ``entries``, and the address of the next page.

    Raises
    ------
    InputError
        The token does not fit.
    """
    query = asked.to_query()
    secret, question = store_of(request).store_id, repr((query, asked.limit))
    below = None if asked.token is None else int(str(unsign(asked.token, question, secret)[0]))
    told = {**asked.model_dump(by_alias=True, exclude={"token"}), "below": below}
    await _record(request, principal, "audit read", told)
    page = await reading(request, lambda session: audit_page(session, query, below=below, limit=asked.limit))
    following = None
    if page.below is not None:
        token = sign([page.below], question, secret)
        given = [(name, word) for name, word in request.query_params.multi_items() if name != "token"]
        following = f"/api/audit?{urlencode([*given, ('token', token)], quote_via=quote)}"
    return JSONResponse({"entries": list(page.entries), "next": following}, headers=_PRIVATE)


@router.get("/verify", summary="校验审计链 · Check the audit")
async def check(request: Request, principal: Auditor) -> Response:
    """Check every entry, the head, the seals and the triggers.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        An audit administrator.

    Returns
    -------
    Response
        Whether all is well, where the chain ends, and everything that is wrong.
    """
    await _record(request, principal, "audit verified", {})
    found, wrong_cases = await reading(request, lambda session: (verify_audit(session), verify_cases(session)))
    return JSONResponse(verified_json(found, wrong_cases), headers=_PRIVATE)


@router.get(
    "/export",
    summary="导出审计记录（JSON Lines） · The audit as JSON lines",
    response_class=Response,
    responses={200: {"content": {_LINES: {"schema": {"type": "string"}}}}},
)
async def export(request: Request, principal: Auditor, asked: Annotated[AuditSpan, Query()]) -> Response:
    """Send entries as ``fangyu audit export`` writes them, oldest first, with a last line that says where it ends.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        An audit administrator.
    asked : AuditSpan
        Of which time.

    Returns
    -------
    Response
        JSON lines, sent as they are read.

    Raises
    ------
    BusyError
        Too many exports are at work, or this one takes too long.
    """
    await _record(request, principal, "audit exported", {"form": "jsonl", **asked.model_dump(by_alias=True)})
    store_id, exports = store_of(request).store_id, request.app.state.exports
    assert isinstance(exports, Exports)

    def make(making: Making) -> Generator[bytes]:
        with making.reading() as session:
            piece: list[str] = []
            size = 0
            for line in audit_lines(session, store_id, since=asked.begin, until=asked.end):
                piece.append(line)
                size += len(line)
                if size >= _PIECE:
                    yield "".join(piece).encode()
                    piece, size = [], 0
            yield "".join(piece).encode()

    day = today().isoformat()
    names = (f"审计-{day}.jsonl", f"audit-{day}.jsonl")
    return await download(request, make, media=_LINES, names=names, exports=exports)


async def _record(request: Request, principal: Principal, action: str, detail: dict[str, object]) -> None:
    """Put it on record that somebody looks."""
    await anyio.to_thread.run_sync(
        record_audit_use, store_of(request), principal.name, action, detail, address_of(request)
    )
