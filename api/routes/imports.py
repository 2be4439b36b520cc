"""Importing files: send one, say which column is what, see what would happen, do it, or take it back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from api.auth.principal import Principal
from api.guard import Guard
from api.jobs.importing import uploads_in
from api.routes.jobs import queue_job
from api.schemas.common import Strict
from api.schemas.imports import ImportAsk, SketchAsk
from api.uploads import ALLOWED, KEPT_S, Upload, UploadShelf, check_size
from api.wording import reworded
from api.work import changing, reading, settings_of
from geo.errors import BusyError, DataSourceError, DeniedError, InputError
from geo.intake.result import IntakeOptions
from geo.intake.sketch import sketch_file
from geo.network.osm import is_osm_name
from geo.services.import_log import list_imports, undo_import
from geo.services.import_plan import STORED_DIVISIONS

router = APIRouter(prefix="/api/imports", tags=["imports"])
Worker = Annotated[Principal, Depends(Guard("imports.do"))]

ImportId = Annotated[int, Path(ge=1, le=2**53)]


class UploadName(Strict):
    """What a sent file is called."""

    name: str = Field(
        min_length=1,
        max_length=300,
        json_schema_extra={"pattern": rf"^[^./\\ -][^/\\]*({'|'.join(ALLOWED).replace('.', '[.]')})$"},
        description=f"文件名（{' '.join(ALLOWED)}） · file name",
    )


@router.get("", summary="导入记录 · Imports, newest first")
async def list_(request: Request, principal: Worker) -> dict[str, object]:
    """List the imports of the store, newest first; to whom is limited to a district, their own.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A data steward.

    Returns
    -------
    dict
        ``{"imports": [...]}``.
    """
    actor = None if principal.district is None else principal.name
    return {"imports": await reading(request, lambda session: list_imports(session, actor=actor))}


@router.post(
    "/uploads",
    summary="上传文件（请求体即文件内容） · Send a file; the body is the file",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload(request: Request, principal: Worker, asked: Annotated[UploadName, Query()]) -> Response:
    """Take a file in; it waits a day to be imported.

    Parameters
    ----------
    request : Request
        The request; its body is the file.
    principal : Principal
        A data steward.
    asked : UploadName
        What the file is called.

    Returns
    -------
    Response
        201 with the upload's id and what it holds.

    Raises
    ------
    InputError
        Its ending or content cannot be imported.
    TooLargeError
        It is larger than allowed.
    BusyError
        The client left before the file was whole.
    """
    shelf = _shelf(request)
    stated = request.headers.get("content-length", "")
    if stated.isdigit():
        check_size(int(stated), shelf.most_bytes)
    try:
        # Taking in and looking at the file block: both happen in threads.
        with shelf.receive(asked.name, principal.name) as receiver:
            async for chunk in request.stream():
                await anyio.to_thread.run_sync(receiver.write, chunk)
            found = await anyio.to_thread.run_sync(receiver.end)
    except ClientDisconnect as error:
        raise BusyError("上传中断，未保存", "the upload was interrupted and not kept") from error
    body = _upload_json(found)
    return JSONResponse(body, 201, headers={"Location": str(body["href"])})


@router.get("/uploads/{upload_id}", summary="上传文件信息 · What was sent")
def sent(request: Request, principal: Worker, upload_id: str) -> dict[str, object]:
    """Say what was sent.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who sent it.
    upload_id : str
        The upload.

    Returns
    -------
    dict
        The upload.
    """
    return _upload_json(_shelf(request).find(upload_id, principal.name)[0])


@router.delete("/uploads/{upload_id}", summary="删除上传文件 · Let go of a file", status_code=204)
def forget(request: Request, principal: Worker, upload_id: str) -> Response:
    """Let go of a file.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who sent it.
    upload_id : str
        The upload.

    Returns
    -------
    Response
        204.
    """
    _shelf(request).remove(upload_id, principal.name)
    return Response(status_code=204)


@router.post("/uploads/{upload_id}/columns", summary="列与字段对应 · Which column is what")
def columns(request: Request, principal: Worker, upload_id: str, asked: SketchAsk) -> dict[str, object]:
    """Look at a file's columns: what each is taken for, and what it could be.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who sent it.
    upload_id : str
        The upload.
    asked : SketchAsk
        What it is to be imported as.

    Returns
    -------
    dict
        ``rows``, ``columns`` with samples, ``fields`` that can be assigned, and problems.

    Raises
    ------
    InputError
        The file cannot be read as such a layer.
    """
    found, path = _shelf(request).find(upload_id, principal.name)
    if is_osm_name(found.name):
        return {"rows": None, "columns": [], "fields": [], "crs": "WGS 84", "has_geometry": True, "problems": []}
    options = IntakeOptions(mapping=asked.mapping, layer=asked.part, encoding=asked.encoding)
    try:
        sketch = sketch_file(path, asked.layer, options, facility_type_slug=asked.type, has_areas=asked.has_areas)
    except DataSourceError as error:
        # It is the sender's file that cannot be read, not our store.
        raise InputError(error.message_zh, error.message_en, file=found.name) from error
    return {name: reworded(part) for name, part in asdict(sketch).items()}


@router.post("/preview", summary="预览导入（不写入） · See what an import would do", status_code=202)
async def preview(request: Request, principal: Worker, asked: ImportAsk) -> Response:
    """Queue a rehearsal: everything an import does, and nothing stored.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who sent the file.
    asked : ImportAsk
        How it is imported.

    Returns
    -------
    Response
        202 with the job, whose result is the report.
    """
    return await _queue(request, principal, "import_preview", asked)


@router.post("", summary="导入 · Import a file", status_code=202)
async def commit(request: Request, principal: Worker, asked: ImportAsk) -> Response:
    """Queue an import.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who sent the file.
    asked : ImportAsk
        How it is imported.

    Returns
    -------
    Response
        202 with the job, whose result is the report.
    """
    return await _queue(request, principal, "import", asked)


@router.post("/{import_id}/undo", summary="撤销导入 · Take an import back")
async def undo(request: Request, principal: Worker, import_id: ImportId) -> Response:
    """Take the newest import of a source back; nothing is deleted.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A data steward.
    import_id : int
        Number of the import.

    Returns
    -------
    Response
        How many rows were withdrawn and reopened.
    """
    _refuse_district(principal)
    return await changing(
        request, lambda session: undo_import(session, import_id, actor=principal.name), JSONResponse
    )


async def _queue(request: Request, principal: Principal, kind: str, asked: ImportAsk) -> Response:
    """Queue an import or its rehearsal, once the files it names are known to be there."""
    _refuse_district(principal)
    shelf = _shelf(request)
    shelf.find(asked.upload_id, principal.name)
    if asked.areas is not None and asked.areas != STORED_DIVISIONS:
        shelf.find(asked.areas, principal.name)
    return await queue_job(request, principal, kind, asked.model_dump(mode="json", exclude_defaults=True))


def _refuse_district(principal: Principal) -> None:
    """Refuse those whose right ends at a district: an import replaces all that a source holds."""
    if principal.district is not None:
        raise DeniedError(
            "导入会替换整个来源的数据，须由不限辖区的数据管理员进行；单处设施可在设施表单中登记和修改",
            "an import replaces all that its source holds and is not for roles limited to a district; enter and change "
            "single facilities instead",
            district=principal.district,
        )


def _shelf(request: Request) -> UploadShelf:
    """Return the sent files."""
    settings = settings_of(request)
    return uploads_in(settings.store.cache, settings.limits.upload_mb * 2**20)


def _upload_json(found: Upload) -> dict[str, object]:
    """Write an upload."""
    return {
        "upload_id": found.upload_id,
        "name": found.name,
        "size": found.size,
        "sha256": found.sha256,
        "parts": list(found.parts),
        "is_osm": is_osm_name(found.name),
        "expires_at": datetime.fromtimestamp(found.sent_at + KEPT_S, UTC).isoformat(timespec="seconds"),
        "href": f"/api/imports/uploads/{found.upload_id}",
    }
