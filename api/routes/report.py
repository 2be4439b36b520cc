"""The report of a run, as a page and as a workbook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import anyio
from fastapi import APIRouter, Depends, Request
from starlette.responses import FileResponse, HTMLResponse, Response

from api.auth.policy import POLICIES
from api.auth.principal import Principal
from api.first_run import FIRST_RUN
from api.guard import Guard
from api.leaving import record_leaving
from api.served_report import served_file, served_text
from api.work import present_state, reading, settings_of
from geo.errors import NotFoundError
from geo.services.publishing import published_run
from geo.services.reporting import latest_run, list_runs, report_file
from geo.store import Session

router = APIRouter()
PageReader = Annotated[Principal, Depends(Guard("reports.page"))]
WorkbookReader = Annotated[Principal, Depends(Guard("reports.workbook"))]
Anybody = Annotated[Principal, Depends(Guard("public"))]
_LOOKERS: Final = anyio.CapacityLimiter(2)
"""Threads kept for asking whether the store answers."""
PUBLISHED: Final = "coverage"
"""In place of an id: the run that the public sees."""


@router.get("/health", tags=["service"], summary="服务状态 · Whether the store answers")
async def health(request: Request, principal: Anybody) -> dict[str, str]:
    """Say that the store answers.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    dict
        Status and kind of store.
    """
    # What watches the store has heard from it less than a second ago, or it is asked; in both cases without queueing
    # behind those who read whole layers.
    if present_state(request.scope) is None:
        await reading(request, latest_run, limiter=_LOOKERS)
    return {"status": "ok", "store": request.app.state.store.kind}


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
async def page(request: Request, principal: PageReader) -> Response:
    """Serve the report of the published run, or what to do next where there is none yet.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        One HTML page.
    """
    try:
        return await _report(request, principal, PUBLISHED, ".html")
    except NotFoundError:
        has_map: bool = request.app.state.web_map.is_built
        return HTMLResponse(served_text(FIRST_RUN, is_demo=settings_of(request).access.demo, has_map=has_map))


@router.get("/api/reports", tags=["reports"], summary="报告清单 · The reports there are")
async def reports(request: Request, principal: PageReader) -> dict[str, object]:
    """List the reports of the store, newest first.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody, for the published one; an analyst for the others and for workbooks.

    Returns
    -------
    dict
        ``{"reports": [...]}`` with the addresses of page and workbook.
    """
    may_all = principal.holds(POLICIES["reports.workbook"].roles)

    def find(session: Session) -> list[dict[str, object]]:
        published = published_run(session)
        return [
            {
                "run_id": run["run_id"],
                "created_at": run["created_at"],
                "is_published": run["run_id"] == published,
                "page": f"/api/reports/{run['run_id']}.html",
                "workbook": f"/api/reports/{run['run_id']}.xlsx" if may_all else None,
            }
            for run in list_runs(session)
            if may_all or run["run_id"] == published
        ]

    return {"reports": await reading(request, find)}


@router.get("/reports/{run_id}.html", response_class=HTMLResponse, include_in_schema=False)
@router.get(
    "/api/reports/{run_id}.html",
    response_class=HTMLResponse,
    tags=["reports"],
    summary="覆盖分析报告 · A run's report page",
)
async def report_page(request: Request, principal: PageReader, run_id: str) -> Response:
    """Serve the report of one run.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody for the published run, which holds no individual; an analyst for the others.
    run_id : str
        Identifier of the run, or ``coverage`` for the published one.

    Returns
    -------
    Response
        One HTML page.
    """
    return await _report(request, principal, run_id, ".html")


@router.get("/reports/{run_id}.xlsx", response_class=FileResponse, include_in_schema=False)
@router.get(
    "/api/reports/{run_id}.xlsx",
    response_class=FileResponse,
    tags=["reports"],
    summary="覆盖分析工作簿 · A run's workbook",
)
async def report_workbook(request: Request, principal: WorkbookReader, run_id: str) -> Response:
    """Serve the workbook of one run.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        An analyst.
    run_id : str
        Identifier of the run, or ``coverage`` for the published one.

    Returns
    -------
    Response
        An XLSX file.
    """
    return await _report(request, principal, run_id, ".xlsx")


async def _report(request: Request, principal: Principal, run_id: str, suffix: str) -> Response:
    """Render, or take from the cache, one form of a report."""
    folder = settings_of(request).store.cache / "reports"
    is_demo, has_map = settings_of(request).access.demo, request.app.state.web_map.is_built
    may_all = principal.holds(POLICIES["reports.workbook"].roles)

    def find(session: Session) -> tuple[Path, str | None, bool]:
        published = published_run(session)
        wanted = published if run_id == PUBLISHED else run_id
        if not may_all and (wanted is None or wanted != published):
            # As if it were not there: which other runs there are is nothing for the public.
            raise NotFoundError(f"没有报告“{run_id}”", f"there is no report '{run_id}'")
        found = report_file(session, wanted, folder=folder, suffix=suffix)
        shown = served_file(found, is_demo=is_demo, has_map=has_map) if suffix == ".html" else found
        return shown, wanted, suffix == ".html" and wanted == published

    path, wanted, is_public = await reading(request, find)
    if not is_public:
        await record_leaving(request, principal, f"reports/{wanted}", {"format": suffix.removeprefix(".")})
    if suffix == ".html":
        return FileResponse(path, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})
    return FileResponse(path, filename=path.name, headers={"Cache-Control": "private, no-cache"})
