"""Cases: what waits for somebody, everything about one, taking a step, assigning, commenting and attaching."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import PurePath
from typing import Annotated, Final, TypeVar
from urllib.parse import quote, urlencode

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from api.auth.policy import HiddenError
from api.auth.principal import Principal
from api.case_json import (
    attachment_json,
    case_json,
    comment_json,
    listed_json,
    view_json,
)
from api.conditional import IfMatch, needed_tag
from api.download import disposition
from api.errors import TooLargeError
from api.guard import Guard
from api.ogc.token import sign, unsign
from api.schemas.case import AssigneeNew, AttachmentAsk, CaseAsk, CommentNew, StepNew
from api.work import changing, reading, settings_of, store_of, writing
from geo.errors import BusyError, InputError, NotFoundError
from geo.services.attachment import attach, clean_name, find_attachment, keep_file, read_attachment
from geo.services.case_list import CaseQuery, CaseView, case_history, inbox
from geo.services.workflow import assign, comment, take_step
from geo.store import Session, cases
from geo.store.attachments import AttachmentShelf, Kept, check_size
from geo.store.case_records import AttachmentRecord, CaseKey
from geo.workflow.person import Person
from geo.workflow.registry import WorkflowKit

router = APIRouter(prefix="/api/cases", tags=["cases"])
Reader = Annotated[Principal, Depends(Guard("cases.read"))]
Worker = Annotated[Principal, Depends(Guard("cases.act"))]
_PRIVATE: Final = {"Cache-Control": "no-store"}
_Result = TypeVar("_Result")


@router.get("", summary="待办与办件清单 · Cases, what is due first at the top")
async def list_(request: Request, principal: Reader, asked: Annotated[CaseAsk, Query()]) -> Response:
    """List what waits for who asks, or every case they may see, page by page.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Somebody with a role.
    asked : CaseAsk
        Which.

    Returns
    -------
    Response
        ``cases`` and the address of the next page.
    """
    person, kit = person_of(principal), kit_of(request)
    query = CaseQuery(asked.waiting, asked.mine, asked.workflow, asked.state)
    secret, question = store_of(request).store_id, repr((query, asked.limit, principal.visibility, sorted(person.eyes)))
    after = None if asked.token is None else _key(unsign(asked.token, question, secret))
    listed, key = await reading(
        request, lambda session: inbox(session, person, query, after=after, limit=asked.limit, kit=kit)
    )
    following = None
    if key is not None:
        token = sign([key.due.isoformat(), key.fid], question, secret)
        given = [(name, word) for name, word in request.query_params.multi_items() if name != "token"]
        following = f"/api/cases?{urlencode([*given, ('token', token)], quote_via=quote)}"
    return JSONResponse({"cases": [listed_json(one) for one in listed], "next": following}, headers=_PRIVATE)


@router.get("/{case_id}", summary="一个办件 · One case")
async def one(request: Request, principal: Reader, case_id: str) -> Response:
    """Return everything about a case, and what who asks could do with it, with an ETag for doing it.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Somebody with a role.
    case_id : str
        Which.

    Returns
    -------
    Response
        The case; one of a foreign district, or that one has nothing to do with, is not there.
    """
    return _answer(await _looked(request, principal, case_id))


@router.post("/{case_id}/steps", summary="办理一步 · Take a step")
async def step(request: Request, principal: Worker, case_id: str, asked: StepNew, if_match: IfMatch = None) -> Response:
    """Take a step on a case.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Somebody with a role of the step.
    case_id : str
        Which case.
    asked : StepNew
        The step, with what belongs to it.
    if_match : str, optional
        ETag of the state the step is meant for; without it nothing is done (428).

    Returns
    -------
    Response
        The case as it stands now; 412 with what was done meanwhile if it is no longer in that state.
    """
    version = _version(if_match, case_id)
    person, kit = person_of(principal), kit_of(request)

    def work(session: Session) -> CaseView:
        take_step(
            session, case_id, asked.action, person=person, version=version, reason=asked.reason,
            documents=asked.documents, kit=kit,
        )  # fmt: skip
        return case_history(session, case_id, person, kit=kit)

    return await changing(request, _telling_hidden(case_id, work), _answer)


@router.put("/{case_id}/assignee", summary="指派办理人 · Say who is to take the next step")
async def assignee(
    request: Request, principal: Worker, case_id: str, asked: AssigneeNew, if_match: IfMatch = None
) -> Response:
    """Say who is to take the next step.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Somebody who can take a step now.
    case_id : str
        Which case.
    asked : AssigneeNew
        Who.
    if_match : str, optional
        ETag of the state it is meant for; without it nothing is done (428).

    Returns
    -------
    Response
        The case as it stands now; 412 with what was done meanwhile if it is no longer in that state.
    """
    version = _version(if_match, case_id)
    person, kit = person_of(principal), kit_of(request)

    def work(session: Session) -> CaseView:
        assign(session, case_id, asked.assignee, person=person, version=version, kit=kit)
        return case_history(session, case_id, person, kit=kit)

    return await changing(request, _telling_hidden(case_id, work), _answer)


@router.post("/{case_id}/comments", summary="发表意见 · Say something", status_code=201)
async def say(request: Request, principal: Worker, case_id: str, asked: CommentNew) -> Response:
    """Say something about a case; it stays as it was said.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Somebody who may see the case.
    case_id : str
        Which case.
    asked : CommentNew
        What.

    Returns
    -------
    Response
        201 with the comment.
    """
    person, kit = person_of(principal), kit_of(request)
    return await changing(
        request,
        _telling_hidden(case_id, lambda session: comment(session, case_id, asked.words, person=person, kit=kit)),
        lambda made: JSONResponse(comment_json(made), 201, headers=_PRIVATE),
    )


@router.post(
    "/{case_id}/attachments",
    summary="上传附件（请求体即文件内容） · Attach a file; the body is the file",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def add(request: Request, principal: Worker, case_id: str, asked: Annotated[AttachmentAsk, Query()]) -> Response:
    """Attach a file to a case; a step takes it as a document by its id.

    Parameters
    ----------
    request : Request
        The request; its body is the file.
    principal : Principal
        Somebody who may see the case.
    case_id : str
        Which case.
    asked : AttachmentAsk
        What the file is called, and what it is.

    Returns
    -------
    Response
        201 with the attachment.

    Raises
    ------
    InputError
        Its ending or content cannot be attached.
    TooLargeError
        It is larger than allowed.
    BusyError
        The client left before the file was whole.
    """
    person, kit, shelf = person_of(principal), kit_of(request), shelf_of(request)
    name = clean_name(asked.name, settings_of(request).attachments.endings)
    # Before a byte is taken: nobody fills the disk through a case that is not theirs to see.
    await _looked(request, principal, case_id)
    stated = request.headers.get("content-length", "")
    try:
        if stated.isdigit():
            check_size(int(stated), shelf.most_bytes)
        kept, media_type = await _received(request, shelf, name)
    except InputError as error:
        if "most_bytes" in error.detail:
            raise TooLargeError(error.message_zh, error.message_en, most_bytes=shelf.most_bytes) from error
        raise
    made = await writing(
        request,
        lambda session: attach(
            session, case_id, kept, name=name, media_type=media_type, person=person, document=asked.document, kit=kit
        ),
    )
    body = attachment_json(made, case_id)
    return JSONResponse(body, 201, headers={**_PRIVATE, "Location": str(body["href"])})


@router.get(
    "/{case_id}/attachments/{attachment_id}",
    summary="下载附件 · Read an attachment",
    responses={
        200: {
            "description": "文件内容 · the file",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        409: {"description": "文件已丢失或被改动 · the file is missing or was changed"},
    },
    response_class=Response,
)
async def file(request: Request, principal: Reader, case_id: str, attachment_id: str) -> Response:
    """Return the file of an attachment as it was attached.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Somebody who may see the case.
    case_id : str
        Which case.
    attachment_id : str
        Which attachment.

    Returns
    -------
    Response
        The file; 409 where it is missing or was changed since.
    """
    person, kit = person_of(principal), kit_of(request)

    def find(session: Session) -> AttachmentRecord:
        return find_attachment(session, case_id, attachment_id, person=person, kit=kit)

    record = await reading(request, _telling_hidden(case_id, find))
    content = await anyio.to_thread.run_sync(read_attachment, store_of(request), shelf_of(request), record)
    plain = f"{record.uid}{PurePath(record.name).suffix}"
    headers = {
        **_PRIVATE,
        "Content-Disposition": disposition(record.name, plain),
        # Whatever somebody attached, no browser runs it here.
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=record.media_type, headers=headers)


def person_of(principal: Principal) -> Person:
    """Return who acts, as workflows know them.

    Parameters
    ----------
    principal : Principal
        Who asks.

    Returns
    -------
    Person
        The same.
    """
    return Person(principal.name, principal.roles, principal.district, principal.on_behalf_of)


def kit_of(request: Request) -> WorkflowKit:
    """Return the workflows and holidays of the application.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    WorkflowKit
        Them.
    """
    kit: WorkflowKit = request.app.state.kit
    return kit


def shelf_of(request: Request) -> AttachmentShelf:
    """Return where the attachments of the application's store lie.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    AttachmentShelf
        The folder.
    """
    shelf: AttachmentShelf = request.app.state.attachments
    return shelf


async def _looked(request: Request, principal: Principal, case_id: str) -> CaseView:
    """Return a case for somebody who may see it."""
    person, kit = person_of(principal), kit_of(request)
    return await reading(
        request, _telling_hidden(case_id, lambda session: case_history(session, case_id, person, kit=kit))
    )


async def _received(request: Request, shelf: AttachmentShelf, name: str) -> tuple[Kept, str]:
    """Take a file in and keep it; both block, so both happen in threads."""
    try:
        with shelf.receive() as incoming:
            async for chunk in request.stream():
                await anyio.to_thread.run_sync(incoming.write, chunk)
            return await anyio.to_thread.run_sync(keep_file, incoming, name)
    except ClientDisconnect as error:
        raise BusyError("上传中断，未保存", "the upload was interrupted and not kept") from error


def _telling_hidden(case_id: str, work: Callable[[Session], _Result]) -> Callable[[Session], _Result]:
    """Let the refusal of a case that is there, but not for who asks, go to the audit; the answer is the same."""

    def told(session: Session) -> _Result:
        try:
            return work(session)
        except NotFoundError as error:
            if error.detail.get("case") == case_id and cases.is_there(session, case_id):
                raise HiddenError(error.message_zh, error.message_en, **error.detail) from error
            raise

    return told


def _version(if_match: str | None, case_id: str) -> int:
    """Read which version of a case a change is meant for; 0, which none has, for the tag of something else."""
    uid, _, version = needed_tag(if_match).rpartition(".")
    return int(version) if uid == case_id and version.isascii() and version.isdigit() and len(version) < 10 else 0


def _key(values: list[object]) -> CaseKey:
    """Read where a page begins from a token."""
    due, fid = values
    return CaseKey(date.fromisoformat(str(due)), int(str(fid)))


def _answer(view: CaseView) -> Response:
    """Write one case, with its ETag."""
    body = {**case_json(view.case, view.workflow), **view_json(view)}
    return JSONResponse(body, headers={**_PRIVATE, "ETag": f'"{view.case.tag}"'})
