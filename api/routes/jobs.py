"""Long pieces of work: looking at them, watching them, ending them early."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Final

import anyio
import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from api.auth.principal import Principal
from api.guard import Guard
from api.jobs.runner import JobRunner
from api.schemas.common import Strict
from api.wording import reworded
from api.work import changing, reading, store_of
from geo.errors import BusyError
from geo.store import Session, jobs
from geo.store.jobs import JobRecord

router = APIRouter(prefix="/api/jobs", tags=["jobs"])
User = Annotated[Principal, Depends(Guard("jobs.use"))]

STREAM_S: Final = 20.0
"""A stream ends after this long, and the browser opens it anew: a server going down waits for none."""
MOST_STREAMS: Final = 64
_LOOK_S: Final = 0.25
_ASK_S: Final = 1.0


class JobQuery(Strict):
    """Which jobs are wanted."""

    limit: Annotated[int, Query(ge=1, le=1000, description="最多条数 · at most so many")] = 100


def runner_of(request: Request) -> JobRunner:
    """Return what does the jobs.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    JobRunner
        The runner of the application.
    """
    runner: JobRunner = request.app.state.runner
    return runner


def seen_by(principal: Principal) -> str | None:
    """Return whose jobs somebody may see.

    Parameters
    ----------
    principal : Principal
        Who asks.

    Returns
    -------
    str or None
        Their own name; None for everybody's.
    """
    return None if "system_administrator" in principal.roles else principal.name


def job_json(request: Request, job: JobRecord) -> dict[str, object]:
    """Write a job as it is answered.

    Parameters
    ----------
    request : Request
        The request.
    job : JobRecord
        The job.

    Returns
    -------
    dict
        JSON values, with its address.
    """
    live = runner_of(request).progress(job.job_id) if job.state == "running" else None
    return {
        "job_id": job.job_id,
        "kind": job.kind,
        "state": job.state,
        "stage": live.stage if live is not None else job.stage,
        "share": live.share if live is not None else job.share,
        "is_cancel_asked": job.is_cancel_asked,
        "actor": job.actor,
        "parameters": job.parameters,
        "result": reworded(job.result),
        "error": reworded(job.error),
        "created_at": job.created_at.isoformat(),
        "started_at": None if job.started_at is None else job.started_at.isoformat(),
        "finished_at": None if job.finished_at is None else job.finished_at.isoformat(),
        "href": f"/api/jobs/{job.job_id}",
    }


async def queue_job(request: Request, principal: Principal, kind: str, parameters: dict[str, object]) -> Response:
    """Queue a job and say where to look for it.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who asks.
    kind : str
        Kind of work.
    parameters : dict
        What is asked, as JSON values.

    Returns
    -------
    Response
        202 with the job.
    """
    answer = await changing(
        request,
        lambda session: jobs.add(session, kind=kind, parameters=parameters, actor=principal.name),
        lambda job: JSONResponse(job_json(request, job), 202, headers={"Location": f"/api/jobs/{job.job_id}"}),
    )
    runner_of(request).wake()
    return answer


@router.get("", summary="任务清单 · Jobs, newest first")
async def list_(request: Request, principal: User, asked: Annotated[JobQuery, Query()]) -> dict[str, object]:
    """List the jobs that somebody may see, newest first.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        An analyst; administrators see everybody's.
    asked : JobQuery
        How many.

    Returns
    -------
    dict
        ``{"jobs": [...]}``.
    """
    found = await reading(
        request, lambda session: jobs.list_jobs(session, actor=seen_by(principal), limit=asked.limit)
    )
    return {"jobs": [job_json(request, job) for job in found]}


@router.get("/{job_id}", summary="任务状态 · One job")
async def one(request: Request, principal: User, job_id: str) -> dict[str, object]:
    """Say where a job stands.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who asked for it, or an administrator.
    job_id : str
        Its id.

    Returns
    -------
    dict
        The job.
    """
    return job_json(request, await reading(request, _finder(job_id, principal)))


@router.post(
    "/{job_id}/cancel",
    summary="取消任务 · End a job early",
    status_code=202,
    responses={200: {"description": "已取消 · it is cancelled"}},
)
async def cancel(request: Request, principal: User, job_id: str) -> Response:
    """End a job early; what it had not stored yet is not stored.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who asked for it, or an administrator.
    job_id : str
        Its id.

    Returns
    -------
    Response
        The job, with 200 where it is cancelled and 202 where it will be at its next step.
    """
    # While the job stores its result the file takes no other writer, so the one at work here hears of it first.
    await reading(request, _finder(job_id, principal))
    runner_of(request).cancel(job_id)
    return await changing(
        request,
        lambda session: jobs.ask_cancel(session, job_id, actor=seen_by(principal)),
        lambda job: JSONResponse(job_json(request, job), 200 if job.state == "cancelled" else 202),
    )


@router.get(
    "/{job_id}/events",
    summary="任务进度（SSE） · A job's progress as server-sent events",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(request: Request, principal: User, job_id: str) -> Response:
    """Send a job's state whenever it changes, until it is over.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who asked for it, or an administrator.
    job_id : str
        Its id.

    Returns
    -------
    Response
        A stream of ``progress`` events, the last one called ``end``.

    Raises
    ------
    BusyError
        Too many streams are open.
    """
    find = _finder(job_id, principal)
    first = await reading(request, find)
    state = request.app.state
    if state.streams >= MOST_STREAMS:
        raise BusyError("进度订阅过多，请稍后重试", "too many progress streams are open; ask again later", retry_s=5)

    def look() -> JobRecord:
        with store_of(request).session(write=False) as session:
            return find(session)

    async def stream() -> AsyncIterator[bytes]:
        state.streams += 1
        try:
            job, sent, asked = first, b"", time.monotonic()
            until = asked + STREAM_S
            yield b"retry: 500\n\n"
            while True:
                body = orjson.dumps(job_json(request, job))
                if job.is_over:
                    yield b"event: end\ndata: " + body + b"\n\n"
                    return
                if body != sent:
                    sent = body
                    yield b"event: progress\ndata: " + body + b"\n\n"
                if time.monotonic() > until:
                    return
                await asyncio.sleep(_LOOK_S)
                is_here = runner_of(request).progress(job_id) is not None
                # What works here is asked for its progress; the store is asked when it may have ended.
                if not is_here or time.monotonic() - asked > _ASK_S:
                    asked = time.monotonic()
                    job = await anyio.to_thread.run_sync(look)
        finally:
            state.streams -= 1

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


class _Finder:
    """Finds one job for one person."""

    def __init__(self, job_id: str, actor: str | None) -> None:
        self._job_id, self._actor = job_id, actor

    def __call__(self, session: Session) -> JobRecord:
        return jobs.get(session, self._job_id, actor=self._actor)


def _finder(job_id: str, principal: Principal) -> _Finder:
    """Return what finds a job for somebody."""
    return _Finder(job_id, seen_by(principal))
