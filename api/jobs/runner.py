"""Doing the store's jobs beside answering requests: one at a time, in a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from api.jobs.context import JobContext, JobStoppedError, Progress
from geo.errors import FangyuError, InputError
from geo.store import Store, jobs
from geo.store.jobs import JobState

Handler = Callable[[JobContext], None]

IDLE_S: Final = 3.0
"""How long a worker sleeps when nothing waits, unless it is woken."""
BEAT_S: Final = 5.0
LOST_AFTER: Final = timedelta(seconds=90)
"""A worker on another machine that gave no sign of life for so long is gone."""
LOST_HERE_AFTER: Final = timedelta(minutes=30)
"""A process of this machine that lives but gave no sign for so long is another one with the same number."""
_SHOWN_PROBLEMS: Final = 1_000
_log = logging.getLogger("fangyu.jobs")


class JobRunner:
    """Takes jobs from the store and does them.

    Parameters
    ----------
    store : Store
        The open store.
    cache : pathlib.Path
        Folder for compiled networks, uploads and rendered reports.
    handlers : Mapping of str to callable
        What does each kind of job.
    """

    def __init__(self, store: Store, cache: Path, handlers: Mapping[str, Handler]) -> None:
        self._store, self._cache, self._handlers = store, cache, handlers
        self._host = socket.gethostname()
        self.worker: Final = f"{self._host}:{os.getpid()}:{secrets.token_hex(4)}"
        self._wake, self._over = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._current: JobContext | None = None
        self._threads = [
            threading.Thread(target=self._work, name="fangyu-jobs", daemon=True),
            threading.Thread(target=self._beat, name="fangyu-jobs-beat", daemon=True),
        ]

    def start(self) -> None:
        """Begin to take jobs."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 8.0) -> None:
        """End; a job at work ends at its next step and waits in the store for the next server.

        Parameters
        ----------
        timeout_s : float
            How long to wait for it.
        """
        self._over.set()
        self._wake.set()
        with self._lock:
            if self._current is not None:
                self._current.stop("interrupted")
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def wake(self) -> None:
        """Look for jobs at once."""
        self._wake.set()

    def cancel(self, job_id: str) -> None:
        """End a job early if it is at work here.

        Parameters
        ----------
        job_id : str
            The job.
        """
        with self._lock:
            if self._current is not None and self._current.job.job_id == job_id:
                self._current.stop("cancelled")

    def progress(self, job_id: str) -> Progress | None:
        """Tell how far a job is.

        Parameters
        ----------
        job_id : str
            The job.

        Returns
        -------
        Progress or None
            None when it is not at work here.
        """
        current = self._current
        return current.progress if current is not None and current.job.job_id == job_id else None

    def _work(self) -> None:
        """Take one job after another until the server goes down."""
        looked = -1e9
        while not self._over.is_set():
            self._wake.clear()
            try:
                if time.monotonic() - looked > LOST_AFTER.total_seconds() / 3:
                    looked = time.monotonic()
                    self._take_up_lost()
                if self._do_next():
                    continue
            except Exception:
                # A store that does not answer just now: try again later, whatever the reason.
                _log.exception("the job queue cannot be read")
            self._wake.wait(IDLE_S)

    def _take_up_lost(self) -> None:
        """Queue jobs of workers that are gone."""
        with self._store.session(write=False) as session:
            running = jobs.count_in(session, "running")
        if running:
            with self._store.session() as session:
                jobs.take_up_lost(session, self._is_alive)

    def _is_alive(self, worker: str, beat_at: datetime | None) -> bool:
        """Tell whether a worker still works."""
        host, _, rest = worker.partition(":")
        number, _, _ = rest.partition(":")
        age = datetime.now(UTC) - beat_at if beat_at is not None else timedelta.max
        if worker == self.worker:
            return True
        if host != self._host:
            return age < LOST_AFTER
        return number != str(os.getpid()) and _process_lives(number) and age < LOST_HERE_AFTER

    def _do_next(self) -> bool:
        """Do the job that has waited longest; tell whether there was one."""
        with self._store.session(write=False) as session:
            if not jobs.count_in(session, "queued"):
                return False
        with self._store.session() as session:
            job = jobs.claim(session, self.worker)
        if job is None:
            return False
        context = JobContext(self._store, job, self.worker, self._cache)
        with self._lock:
            self._current = context
            if self._over.is_set():
                context.stop("interrupted")
        try:
            self._do(context)
        finally:
            with self._lock:
                self._current = None
        return True

    def _do(self, context: JobContext) -> None:
        """Do one job, and see that its end is on record whatever happens."""
        job = context.job
        begun = time.perf_counter()
        state: JobState = "failed"
        error: dict[str, object] | None = None
        try:
            if job.kind not in self._handlers:
                raise InputError(f"没有“{job.kind}”这种任务", f"there is no job of the kind '{job.kind}'")
            self._handlers[job.kind](context)
            if context.is_settled:
                _log.info("job %s done in %.1f s", job.job_id, time.perf_counter() - begun)
                return
            error = _internal()
            _log.error("job %s ended without saying what came of it", job.job_id)
        except JobStoppedError as stopped:
            state = "cancelled" if stopped.reason == "cancelled" else "queued"
        except FangyuError as failure:
            error = error_json(failure)
        except Exception:
            _log.exception("job %s failed", job.job_id)
            error = _internal()
        if context.is_settled:
            return
        with self._store.session() as session:
            jobs.settle(session, job.job_id, self.worker, state, error=error)

    def _beat(self) -> None:
        """Say that the job at work is alive, and hear whether it is to end."""
        while not self._over.wait(BEAT_S):
            context = self._current
            if context is None:
                continue
            # A store that does not answer now may answer at the next beat.
            with contextlib.suppress(FangyuError):
                self._beat_once(context)

    def _beat_once(self, context: JobContext) -> None:
        """One sign of life; a file has room for one writer only, which may be the job itself."""
        progress, job_id = context.progress, context.job.job_id
        if self._store.kind == "gpkg":
            with self._store.session(write=False) as session:
                is_to_end = jobs.get(session, job_id).is_cancel_asked
        else:
            with self._store.aside() as session:
                is_to_end = jobs.note(session, job_id, self.worker, stage=progress.stage, share=progress.share)
        if is_to_end and not context.is_settled:
            context.stop("cancelled")


def error_json(error: FangyuError) -> dict[str, object]:
    """Write an error as a job keeps it.

    Parameters
    ----------
    error : FangyuError
        The error.

    Returns
    -------
    dict
        Code, both messages, and for refused data every problem.
    """
    found: dict[str, object] = {
        "code": error.code,
        "message_zh": error.message_zh,
        "message_en": error.message_en,
        "facts": error.detail,
    }
    if isinstance(error, InputError) and error.problems:
        found["n_problems"] = len(error.problems)
        found["problems"] = [
            {
                "code": one.code,
                "severity": one.severity,
                "row": one.row,
                "field": one.field,
                "value": one.value,
                "message_zh": one.message_zh,
                "message_en": one.message_en,
            }
            for one in error.problems[:_SHOWN_PROBLEMS]
        ]
    return found


def _internal() -> dict[str, object]:
    """Say that the mistake is ours without saying anything about its inside."""
    zh, en = "服务器内部错误，已记录", "internal error; it has been logged"
    return {"code": "internal", "message_zh": zh, "message_en": en}


def _process_lives(number: str) -> bool:
    """Tell whether a process of this machine is there."""
    if os.name == "nt":
        # There the same call would end it; its signs of life decide.
        return True
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
