"""Analysis runs and their results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from geo.errors import NotFoundError
from geo.store.columns import utc_now
from geo.store.tables import AnalysisResult, AnalysisRun


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One analysis.

    Parameters
    ----------
    run_id : str
        Id that people quote; unique in the store.
    kind : str
        Kind of analysis, such as ``coverage``.
    parameters : str
        JSON object of everything the answer depends on but the data.
    revisions : str
        JSON object: the revision of every layer that was read.
    summary : str
        JSON object of the answer without its arrays.
    content_hash : str
        Hex SHA-256 of the results.
    software_version : str
        Version of Fangyu that computed it.
    actor : str
        Who ran it.
    created_at : datetime or None
        Aware moment; None means now.
    """

    run_id: str
    kind: str
    parameters: str
    revisions: str
    summary: str
    content_hash: str
    software_version: str
    actor: str = "fangyu"
    created_at: datetime | None = None


def save_run(session: Session, run: RunRecord) -> None:
    """Store a run; one with the same id is replaced with its results.

    Parameters
    ----------
    session : Session
        Writing session.
    run : RunRecord
        The run.
    """
    old = session.scalar(select(AnalysisRun.fid).where(AnalysisRun.run_id == run.run_id))
    if old is not None:
        session.execute(delete(AnalysisResult).where(AnalysisResult.run_fid == old))
        session.execute(delete(AnalysisRun).where(AnalysisRun.fid == old))
    session.execute(
        insert(AnalysisRun).values(
            run_id=run.run_id,
            kind=run.kind,
            parameters=run.parameters,
            revisions=run.revisions,
            summary=run.summary,
            content_hash=run.content_hash,
            software_version=run.software_version,
            actor=run.actor,
            created_at=run.created_at or utc_now(),
        )
    )


def get_run(session: Session, run_id: str) -> RunRecord:
    """Find a run by its id.

    Parameters
    ----------
    session : Session
        Any session.
    run_id : str
        Its id.

    Returns
    -------
    RunRecord
        The run.

    Raises
    ------
    NotFoundError
        There is none.
    """
    return _record(_find(session, run_id))


def latest(session: Session, kind: str) -> RunRecord | None:
    """Find the newest run of a kind.

    Parameters
    ----------
    session : Session
        Any session.
    kind : str
        Kind of analysis.

    Returns
    -------
    RunRecord or None
        None when there is none.
    """
    run = session.scalar(select(AnalysisRun).where(AnalysisRun.kind == kind).order_by(AnalysisRun.fid.desc()).limit(1))
    return None if run is None else _record(run)


def list_runs(session: Session, *, kind: str | None = None) -> list[RunRecord]:
    """List runs, newest first.

    Parameters
    ----------
    session : Session
        Any session.
    kind : str, optional
        Only runs of this kind.

    Returns
    -------
    list of RunRecord
        The runs.
    """
    query = select(AnalysisRun).order_by(AnalysisRun.fid.desc())
    if kind is not None:
        query = query.where(AnalysisRun.kind == kind)
    return [_record(run) for run in session.scalars(query)]


def save_result(session: Session, run_id: str, type: str, band: str, payload: bytes) -> None:
    """Store the arrays of a run for one facility type and band, replacing earlier ones.

    Parameters
    ----------
    session : Session
        Writing session.
    run_id : str
        The run.
    type : str
        Facility type slug.
    band : str
        Band name.
    payload : bytes
        The arrays as the caller packs them.

    Raises
    ------
    NotFoundError
        There is no such run.
    """
    run = _find(session, run_id)
    found = (AnalysisResult.run_fid == run.fid, AnalysisResult.type == type, AnalysisResult.band == band)
    session.execute(delete(AnalysisResult).where(*found))
    session.execute(insert(AnalysisResult).values(run_fid=run.fid, type=type, band=band, payload=payload))


def load_result(session: Session, run_id: str, type: str, band: str) -> bytes:
    """Read the arrays of a run for one facility type and band.

    Parameters
    ----------
    session : Session
        Any session.
    run_id : str
        The run.
    type : str
        Facility type slug.
    band : str
        Band name.

    Returns
    -------
    bytes
        The arrays as they were packed.

    Raises
    ------
    NotFoundError
        There is no such run or result.
    """
    run = _find(session, run_id)
    payload = session.scalar(
        select(AnalysisResult.payload).where(
            AnalysisResult.run_fid == run.fid, AnalysisResult.type == type, AnalysisResult.band == band
        )
    )
    if payload is None:
        have = ", ".join(f"{kind}/{name}" for kind, name in list_results(session, run_id)) or "—"
        raise NotFoundError(
            f"分析“{run_id}”没有“{type}/{band}”的结果；已有的结果：{have}。",
            f"Run '{run_id}' has no result '{type}/{band}'; it has {have}.",
        )
    return payload


def list_results(session: Session, run_id: str) -> list[tuple[str, str]]:
    """List which results a run has.

    Parameters
    ----------
    session : Session
        Any session.
    run_id : str
        The run.

    Returns
    -------
    list of tuple
        Facility type and band, in the order they were stored.

    Raises
    ------
    NotFoundError
        There is no such run.
    """
    run = _find(session, run_id)
    query = select(AnalysisResult.type, AnalysisResult.band).where(AnalysisResult.run_fid == run.fid)
    return [(kind, band) for kind, band in session.execute(query.order_by(AnalysisResult.fid))]


def _find(session: Session, run_id: str) -> AnalysisRun:
    """Find a run or say which there are."""
    run = session.scalar(select(AnalysisRun).where(AnalysisRun.run_id == run_id))
    if run is None:
        recent = session.scalars(select(AnalysisRun.run_id).order_by(AnalysisRun.fid.desc()).limit(5))
        have = ", ".join(recent) or "—"
        raise NotFoundError(
            f"没有编号为“{run_id}”的分析；最近的分析有：{have}。",
            f"There is no run '{run_id}'; the latest are {have}.",
            run_id=run_id,
        )
    return run


def _record(run: AnalysisRun) -> RunRecord:
    """Copy a row into the record services see."""
    return RunRecord(
        run_id=run.run_id,
        kind=run.kind,
        parameters=run.parameters,
        revisions=run.revisions,
        summary=run.summary,
        content_hash=run.content_hash,
        software_version=run.software_version,
        actor=run.actor,
        created_at=run.created_at,
    )
