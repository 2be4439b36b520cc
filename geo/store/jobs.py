"""Long pieces of work: queued, taken by one worker at a time, settled once, and taken up again after a crash."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from geo.errors import ConflictError, NotFoundError
from geo.store.columns import utc_now
from geo.store.tables import Job

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
OVER: Final = ("done", "failed", "cancelled")
"""States that nothing follows."""

MOST_ATTEMPTS: Final = 3
"""A job whose worker died so often is not tried again: it may be what kills them."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job.

    Parameters
    ----------
    job_id : str
        Id that people quote.
    kind : str
        Kind of work.
    parameters : Mapping
        What is asked, as JSON values.
    actor : str
        Who asked.
    state : {"queued", "running", "done", "failed", "cancelled"}
        Where it stands.
    stage : str or None
        What it is at.
    share : float or None
        How much of it is done, from 0 to 1.
    worker : str or None
        Who works or worked on it.
    attempts : int
        How often it was begun.
    is_cancel_asked : bool
        Whether it is to end early.
    result, error : Mapping or None
        What came of it, as JSON values.
    created_at : datetime
        When it was asked for.
    started_at, finished_at : datetime or None
        When it was last begun, and settled.
    on_behalf_of : str or None
        Whom who asked stood in for.
    """

    job_id: str
    kind: str
    parameters: Mapping[str, Any]
    actor: str
    state: JobState
    stage: str | None
    share: float | None
    worker: str | None
    attempts: int
    is_cancel_asked: bool
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    on_behalf_of: str | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it.

        Returns
        -------
        bool
            True once it is done, failed or cancelled.
        """
        return self.state in OVER


def add(session: Session, *, kind: str, parameters: Mapping[str, Any], actor: str) -> JobRecord:
    """Queue a job.

    Parameters
    ----------
    session : Session
        Writing session.
    kind : str
        Kind of work.
    parameters : Mapping
        What is asked, as JSON values.
    actor : str
        Who asks.

    Returns
    -------
    JobRecord
        The job.
    """
    job_id = f"job-{secrets.token_hex(8)}"
    session.execute(
        insert(Job).values(
            job_id=job_id,
            kind=kind,
            parameters=json.dumps(parameters, ensure_ascii=False),
            actor=actor,
            on_behalf_of=session.info.get("on_behalf_of"),
            state="queued",
            attempts=0,
            is_cancel_asked=False,
            created_at=utc_now(),
        )
    )
    return _record(_find(session, job_id))


def get(session: Session, job_id: str, *, actor: str | None = None) -> JobRecord:
    """Find a job.

    Parameters
    ----------
    session : Session
        Any session.
    job_id : str
        Its id.
    actor : str, optional
        Only if this person asked for it.

    Returns
    -------
    JobRecord
        The job.

    Raises
    ------
    NotFoundError
        There is none for who asks.
    """
    return _record(_find(session, job_id, actor))


def list_jobs(session: Session, *, actor: str | None = None, limit: int = 100) -> list[JobRecord]:
    """List jobs, newest first.

    Parameters
    ----------
    session : Session
        Any session.
    actor : str, optional
        Only those that this person asked for.
    limit : int
        At most so many.

    Returns
    -------
    list of JobRecord
        The jobs.
    """
    query = select(Job).order_by(Job.fid.desc()).limit(limit)
    if actor is not None:
        query = query.where(Job.actor == actor)
    return [_record(found) for found in session.scalars(query)]


def count_in(session: Session, state: JobState) -> int:
    """Count the jobs in a state.

    Parameters
    ----------
    session : Session
        Any session.
    state : {"queued", "running", "done", "failed", "cancelled"}
        The state.

    Returns
    -------
    int
        How many there are.
    """
    return session.scalar(select(func.count()).select_from(Job).where(Job.state == state)) or 0


def claim(session: Session, worker: str) -> JobRecord | None:
    """Take the job that has waited longest.

    Parameters
    ----------
    session : Session
        Writing session.
    worker : str
        Who takes it.

    Returns
    -------
    JobRecord or None
        None when none waits.
    """
    waiting = select(Job).where(Job.state == "queued").order_by(Job.fid).limit(1)
    job = session.scalar(waiting.with_for_update(skip_locked=True))
    if job is None:
        return None
    now = utc_now()
    job.state, job.worker, job.attempts = "running", worker, job.attempts + 1
    job.started_at, job.beat_at, job.stage, job.share = now, now, None, None
    session.flush()
    return _record(job)


def note(session: Session, job_id: str, worker: str, *, stage: str | None, share: float | None) -> bool:
    """Note how far a job is, and that its worker is alive.

    Parameters
    ----------
    session : Session
        Writing session.
    job_id : str
        The job.
    worker : str
        Who works on it.
    stage : str or None
        What it is at.
    share : float or None
        How much of it is done, from 0 to 1.

    Returns
    -------
    bool
        Whether it is to end early: somebody asked for that, or another worker has it now.
    """
    mine = (Job.job_id == job_id, Job.worker == worker, Job.state == "running")
    session.execute(update(Job).where(*mine).values(stage=stage, share=share, beat_at=utc_now()))
    asked = session.scalar(select(Job.is_cancel_asked).where(*mine))
    return asked is None or asked


def settle(
    session: Session,
    job_id: str,
    worker: str,
    state: JobState,
    *,
    result: Mapping[str, Any] | None = None,
    error: Mapping[str, Any] | None = None,
) -> None:
    """Say what came of a job; in the transaction of its work, so that both or neither are stored.

    Parameters
    ----------
    session : Session
        Writing session.
    job_id : str
        The job.
    worker : str
        Who worked on it.
    state : {"queued", "done", "failed", "cancelled"}
        Where it stands now; queued gives it back unfinished.
    result, error : Mapping, optional
        What came of it, as JSON values.

    Raises
    ------
    ConflictError
        Another worker has it, or it is settled already.
    """
    changed = session.execute(
        update(Job)
        .where(Job.job_id == job_id, Job.worker == worker, Job.state == "running")
        .values(
            state=state,
            result=None if result is None else json.dumps(result, ensure_ascii=False, default=str),
            error=None if error is None else json.dumps(error, ensure_ascii=False, default=str),
            finished_at=utc_now() if state in OVER else None,
            # A worker may hear of it before it is written down.
            is_cancel_asked=Job.is_cancel_asked if state != "cancelled" else True,
            stage=None,
            share=1.0 if state == "done" else None,
        )
        .returning(Job.fid)
    )
    if changed.first() is None:
        raise ConflictError(
            f"任务 {job_id} 已由其他进程接手或已结束",
            f"job {job_id} is settled, or another worker has it",
            job_id=job_id,
        )


def ask_cancel(session: Session, job_id: str, *, actor: str | None = None) -> JobRecord:
    """End a job early: at once while it waits, at its next step while it runs.

    Parameters
    ----------
    session : Session
        Writing session.
    job_id : str
        The job.
    actor : str, optional
        Only if this person asked for it.

    Returns
    -------
    JobRecord
        The job; one that is cancelled already stays as it is.

    Raises
    ------
    NotFoundError
        There is none for who asks.
    ConflictError
        It is done or has failed.
    """
    job = _find(session, job_id, actor)
    if job.state == "cancelled":
        # The worker here hears of it first, and may be through before this transaction gets its turn.
        return _record(job)
    if job.state in OVER:
        raise ConflictError(
            f"任务 {job_id} 已结束（{job.state}），不能取消", f"job {job_id} is over ({job.state})", job_id=job_id
        )
    job.is_cancel_asked = True
    if job.state == "queued":
        job.state, job.finished_at = "cancelled", utc_now()
    session.flush()
    return _record(job)


def take_up_lost(session: Session, is_alive: Callable[[str, datetime | None], bool]) -> int:
    """Queue the jobs whose worker is gone once more.

    Parameters
    ----------
    session : Session
        Writing session.
    is_alive : callable
        Takes a worker and the moment of its last sign of life, and tells whether it still works.

    Returns
    -------
    int
        How many were queued.
    """
    queued = 0
    for job in session.scalars(select(Job).where(Job.state == "running")):
        if is_alive(job.worker or "", job.beat_at):
            continue
        job.stage, job.share = None, None
        if job.is_cancel_asked:
            job.state, job.finished_at = "cancelled", utc_now()
        elif job.attempts >= MOST_ATTEMPTS:
            job.state, job.finished_at = "failed", utc_now()
            job.error = json.dumps(
                {
                    "code": "interrupted",
                    "message_zh": f"服务中断 {job.attempts} 次，任务不再重试",
                    "message_en": f"the server went down {job.attempts} times while at it; it is not tried again",
                },
                ensure_ascii=False,
            )
        else:
            job.state, job.worker = "queued", None
            queued += 1
    session.flush()
    return queued


def _find(session: Session, job_id: str, actor: str | None = None) -> Job:
    """Find a job that somebody may see."""
    query = select(Job).where(Job.job_id == job_id).execution_options(populate_existing=True)
    if actor is not None:
        query = query.where(Job.actor == actor)
    job = session.scalar(query)
    if job is None:
        raise NotFoundError(f"没有任务“{job_id}”", f"there is no job '{job_id}'", job_id=job_id)
    return job


def _record(job: Job) -> JobRecord:
    """Copy a row into the record others see."""
    return JobRecord(
        job_id=job.job_id,
        kind=job.kind,
        parameters=json.loads(job.parameters),
        actor=job.actor,
        state=job.state,  # type: ignore[arg-type]
        stage=job.stage,
        share=job.share,
        worker=job.worker,
        attempts=job.attempts,
        is_cancel_asked=job.is_cancel_asked,
        result=None if job.result is None else json.loads(job.result),
        error=None if job.error is None else json.loads(job.error),
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        on_behalf_of=job.on_behalf_of,
    )
