"""Coverage runs: asking for one, and reading what they found."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from api.auth.principal import Principal
from api.guard import Guard
from api.leaving import record_leaving
from api.routes.jobs import queue_job
from api.schemas.run import RunAsk
from api.work import changing, reading
from geo.catalog.map_layer import map_layer
from geo.services.publishing import publish_run
from geo.services.reporting import list_runs
from geo.services.told_results import told_results

router = APIRouter(prefix="/api/runs", tags=["runs"])
Reader = Annotated[Principal, Depends(Guard("runs.read"))]
Starter = Annotated[Principal, Depends(Guard("runs.start"))]
Publisher = Annotated[Principal, Depends(Guard("runs.publish"))]


@router.get("", summary="分析记录 · The store's runs, newest first")
async def runs(request: Request, principal: Reader) -> dict[str, object]:
    """List the runs of the store, newest first.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        An analyst.

    Returns
    -------
    dict
        ``{"runs": [...]}``.
    """
    return {"runs": await reading(request, list_runs)}


@router.post("", summary="发起覆盖分析 · Ask for a coverage run", status_code=202)
async def start(request: Request, principal: Starter, asked: RunAsk) -> Response:
    """Queue a coverage run.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A planner.
    asked : RunAsk
        The question.

    Returns
    -------
    Response
        202 with the job, whose result names the run.
    """
    return await queue_job(request, principal, "coverage", asked.model_dump(mode="json", exclude_defaults=True))


@router.get("/{run_id}", summary="分析结果 · One run's results")
async def run(request: Request, principal: Reader, run_id: str) -> Response:
    """Return one run as the command line printed it.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        An analyst.
    run_id : str
        Identifier, or ``latest``.

    Returns
    -------
    Response
        The run's results as JSON; of a few people only to those who may see where they live, and of other districts
        than one's own no more than their totals.
    """
    wanted = None if run_id == "latest" else run_id
    sees_few = principal.holds(map_layer("demand").read)
    results = await reading(
        request, lambda session: told_results(session, wanted, sees_few=sees_few, district=principal.district)
    )
    await record_leaving(request, principal, f"runs/{results['run_id']}", {"format": "json"})
    headers = {"Cache-Control": "private, no-cache"}
    return Response(orjson.dumps(results), media_type="application/json", headers=headers)


@router.post("/{run_id}/publish", summary="发布分析 · Show a run to the public")
async def publish(request: Request, principal: Publisher, run_id: str) -> Response:
    """Show a run to the public from now on, at ``/``, in place of the one before.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A planner.
    run_id : str
        Identifier of the run.

    Returns
    -------
    Response
        The run, and the one that was published before.
    """
    told = {"run_id": run_id, "is_published": True, "href": f"/reports/{run_id}.html"}
    return await changing(
        request,
        lambda session: publish_run(session, run_id, actor=principal.name),
        lambda before: JSONResponse({**told, "published_before": before}),
    )
