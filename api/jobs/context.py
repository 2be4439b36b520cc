"""What a piece of work gets to work with: the store, its parameters, and a way to say how far it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from geo.store import Session, Store, jobs
from geo.store.jobs import JobRecord

Reason = Literal["cancelled", "interrupted"]


class JobStoppedError(Exception):
    """A job ends before it is done.

    Parameters
    ----------
    reason : {"cancelled", "interrupted"}
        Whether somebody asked for that, or the server goes down and the job is to be taken up again.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Final = reason


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Parameters
    ----------
    stage : str or None
        What it is at.
    share : float or None
        How much of it is done, from 0 to 1; it never falls.
    """

    stage: str | None = None
    share: float | None = None


class JobContext:
    """One job at work; threads may share it.

    Parameters
    ----------
    store : Store
        The open store.
    job : JobRecord
        The job.
    worker : str
        Who works on it.
    cache : pathlib.Path
        Folder for compiled networks, uploads and rendered reports.
    """

    def __init__(self, store: Store, job: JobRecord, worker: str, cache: Path) -> None:
        self.store, self.job, self.worker, self.cache = store, job, worker, cache
        self.progress = Progress()
        self.is_settled = False
        self._lock = threading.Lock()
        self._stop: Reason | None = None

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What is asked.

        Returns
        -------
        Mapping
            JSON values.
        """
        return self.job.parameters

    def stop(self, reason: Reason) -> None:
        """Ask the job to end at its next step.

        Parameters
        ----------
        reason : {"cancelled", "interrupted"}
            Why; the first reason counts.
        """
        with self._lock:
            self._stop = self._stop or reason

    def check(self) -> None:
        """End here if the job is to end.

        Raises
        ------
        JobStoppedError
            It is.
        """
        if self._stop is not None:
            raise JobStoppedError(self._stop)

    def at(self, stage: str, share: float) -> None:
        """Say what the job is at; it ends here if it is to end.

        Parameters
        ----------
        stage : str
            Name of the stage.
        share : float
            How much is done by now, from 0 to 1.

        Raises
        ------
        JobStoppedError
            The job is to end.
        """
        self.check()
        with self._lock:
            self.progress = Progress(stage, max(share, self.progress.share or 0.0))

    @contextmanager
    def finishing(self) -> Iterator[Session]:
        """Store what came of the job, in one transaction with the word that it is done.

        Yields
        ------
        Session
            A writing session; call `done` before the block ends.

        Raises
        ------
        JobStoppedError
            The job is to end: nothing is stored.
        """
        self.check()
        with self.store.session(on_behalf_of=self.job.on_behalf_of) as session:
            yield session
            # The last moment at which nothing is stored yet.
            self.check()
        self.is_settled = True

    def done(self, session: Session, result: Mapping[str, Any]) -> None:
        """Say what came of the job.

        Parameters
        ----------
        session : Session
            The session of `finishing`.
        result : Mapping
            JSON values.
        """
        jobs.settle(session, self.job.job_id, self.worker, "done", result=result)
