"""The HTTP application: the report of the newest run as a page, and runs as JSON.

Who may read what: the report holds only cells of at least 100 m with enough people and exact totals from township
up, so it is served wherever the server listens. Run results hold village totals; until there are accounts they are
answered only by a server bound to a loopback address.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api.first_run import FIRST_RUN
from geo.errors import ConflictError, DataSourceError, FangyuError, InfeasibleError, InputError, NotFoundError
from geo.services.opening import open_checked
from geo.services.reporting import latest_run, list_runs, report_file, run_results
from geo.store import Store

STATUS: dict[type[FangyuError], int] = {
    InputError: 422,
    NotFoundError: 404,
    ConflictError: 409,
    InfeasibleError: 422,
    DataSourceError: 503,
}
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1", "[::1]")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the application needs to know.

    Parameters
    ----------
    store_url : str
        A ``.gpkg`` path or a PostgreSQL URL.
    cache_dir : pathlib.Path
        Folder for compiled networks and rendered reports.
    is_loopback : bool
        Whether the server listens on a loopback address only.
    """

    store_url: str
    cache_dir: Path
    is_loopback: bool = True


def create_app(settings: Settings) -> FastAPI:
    """Build the application for one store.

    Parameters
    ----------
    settings : Settings
        Store, cache and where the server listens.

    Returns
    -------
    fastapi.FastAPI
        The application; it opens the store when it starts and closes it when it ends.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = open_checked(settings.store_url, actor="serve")
        app.state.store = store
        try:
            yield
        finally:
            store.close()

    app = FastAPI(title="Fangyu 方舆", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.settings = settings
    if settings.is_loopback:
        # A page on another site must not read a local server by pointing its own name at 127.0.0.1.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK_NAMES, "testserver"])
    app.add_exception_handler(FangyuError, _answer_error)
    app.get("/", response_class=FileResponse)(page)
    app.get("/health")(health)
    internal = [Depends(_internal_only)]
    app.get("/api/runs", dependencies=internal)(runs)
    app.get("/api/runs/{run_id}", dependencies=internal)(run)
    app.get("/reports/{run_id}.html", response_class=FileResponse)(report_page)
    app.get("/reports/{run_id}.xlsx", response_class=FileResponse, dependencies=internal)(report_workbook)
    return app


def _answer_error(request: Request, error: Exception) -> JSONResponse:
    """Answer an error of ours as problem+json."""
    assert isinstance(error, FangyuError)
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    lang = "en" if request.headers.get("accept-language", "").lower().startswith("en") else "zh"
    return JSONResponse(
        {
            "type": "about:blank",
            "status": status,
            "code": error.code,
            "title": error.message("en" if lang == "en" else "zh"),
            "message_zh": error.message_zh,
            "message_en": error.message_en,
        },
        status_code=status,
        media_type="application/problem+json",
    )


def _internal_only(request: Request) -> None:
    """Refuse internal results unless the server listens on loopback only."""
    settings: Settings = request.app.state.settings
    if not settings.is_loopback:
        raise HTTPException(
            status_code=403,
            detail="内部结果只在本机地址上提供 · internal results are served on a loopback address only",
        )


def _store(request: Request) -> Store:
    """Return the open store of the application."""
    store: Store = request.app.state.store
    return store


def health(request: Request) -> dict[str, str]:
    """Say that the store answers.

    Parameters
    ----------
    request : fastapi.Request
        The request.

    Returns
    -------
    dict
        Status and kind of store.
    """
    store = _store(request)
    with store.session(write=False) as session:
        latest_run(session)
    return {"status": "ok", "store": store.kind}


def page(request: Request) -> Response:
    """Serve the report of the newest run, or what to do next where there is none yet.

    Parameters
    ----------
    request : fastapi.Request
        The request.

    Returns
    -------
    Response
        One HTML page.
    """
    try:
        return _report(request, None, ".html")
    except NotFoundError:
        return HTMLResponse(FIRST_RUN)


def report_page(request: Request, run_id: str) -> Response:
    """Serve the report of one run.

    Parameters
    ----------
    request : fastapi.Request
        The request.
    run_id : str
        Identifier of the run.

    Returns
    -------
    Response
        One HTML page.
    """
    return _report(request, run_id, ".html")


def report_workbook(request: Request, run_id: str) -> Response:
    """Serve the workbook of one run.

    Parameters
    ----------
    request : fastapi.Request
        The request.
    run_id : str
        Identifier of the run.

    Returns
    -------
    Response
        An XLSX file.
    """
    return _report(request, run_id, ".xlsx")


def _report(request: Request, run_id: str | None, suffix: str) -> Response:
    """Render, or take from the cache, one form of a report."""
    settings: Settings = request.app.state.settings
    with _store(request).session(write=False) as session:
        path = report_file(session, run_id, folder=settings.cache_dir / "reports", suffix=suffix)
    if suffix == ".html":
        return FileResponse(path, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})
    return FileResponse(path, filename=path.name)


def runs(request: Request) -> dict[str, object]:
    """List the runs of the store, newest first.

    Parameters
    ----------
    request : fastapi.Request
        The request.

    Returns
    -------
    dict
        ``{"runs": [...]}``.
    """
    with _store(request).session(write=False) as session:
        return {"runs": list_runs(session)}


def run(request: Request, run_id: str) -> Response:
    """Return one run as the command line printed it.

    Parameters
    ----------
    request : fastapi.Request
        The request.
    run_id : str
        Identifier, or ``latest``.

    Returns
    -------
    Response
        The run's results as JSON.
    """
    with _store(request).session(write=False) as session:
        results = run_results(session, None if run_id == "latest" else run_id)
    return Response(json.dumps(results, ensure_ascii=False), media_type="application/json")


