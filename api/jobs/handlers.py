"""What each kind of job does."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from api.jobs.context import JobContext
from api.jobs.importing import import_job, preview_job
from api.jobs.runner import Handler
from api.schemas.run import RunAsk
from geo.services.clock import Clock
from geo.services.coverage import compute_coverage, save_coverage
from geo.services.network import open_network

_SHARES: Final = MappingProxyType(
    {
        "network": 0.02, "load": 0.1, "link": 0.2, "divisions": 0.3, "search": 0.4, "choices": 0.45, "land": 0.5,
        "summary": 0.7, "gaps": 0.8,
    }
)  # fmt: skip
"""How much of a run lies before each stage, as measured on a city of 250,000 points."""


def run_coverage_job(context: JobContext) -> None:
    """Answer a coverage question and store the run.

    Parameters
    ----------
    context : JobContext
        The job; its parameters are those of `RunAsk`.

    Raises
    ------
    ConflictError
        The store has no demand points or no streets.
    JobStoppedError
        The job is to end.
    """
    request = RunAsk.model_validate(context.parameters).to_request()
    context.at("network", _SHARES["network"])
    clock = Clock(lambda stage: context.at(stage, _SHARES.get(stage, 0.0)))
    with context.store.session(write=False) as session:
        network = open_network(session, context.cache)
        outcome = compute_coverage(session, request, network=network, clock=clock)
    context.at("store", 0.95)
    with context.finishing() as session:
        save_coverage(session, outcome, context.job.actor)
        context.done(
            session,
            {
                "run_id": outcome.run_id,
                "content_hash": outcome.content_hash,
                "seconds": outcome.seconds,
                "summary": [{"zh": zh, "en": en} for zh, en in outcome.summary()],
            },
        )


HANDLERS: Final[MappingProxyType[str, Handler]] = MappingProxyType(
    {"coverage": run_coverage_job, "import_preview": preview_job, "import": import_job}
)
"""Every kind of job."""
