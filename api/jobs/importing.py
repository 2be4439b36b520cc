"""Importing a file that was sent, for good or to see what would happen."""

from __future__ import annotations

from pathlib import Path

from api.jobs.context import JobContext
from api.schemas.imports import ImportAsk
from api.uploads import UploadShelf
from geo.services import import_plan
from geo.services.import_plan import STORED_DIVISIONS
from geo.services.import_report import ImportOptions, ImportReport
from geo.services.importing import ImportPlan, carry_out, read_plan, rehearse
from geo.services.network import open_network

SHOWN_PROBLEMS = 1_000
"""Problems a report lists; their number is whole."""


def uploads_in(cache: Path, most_bytes: int = 0) -> UploadShelf:
    """Return the sent files of a server's cache folder.

    Parameters
    ----------
    cache : pathlib.Path
        The cache folder.
    most_bytes : int
        Bytes a file may have, where files are taken in.

    Returns
    -------
    UploadShelf
        The files.
    """
    return UploadShelf(cache / "uploads", most_bytes)


def preview_job(context: JobContext) -> None:
    """Do everything an import does and store nothing but the report of what it would do.

    Parameters
    ----------
    context : JobContext
        The job; its parameters are those of `ImportAsk`.

    Raises
    ------
    InputError
        Rows are refused.
    DataSourceError
        The file cannot be read.
    JobStoppedError
        The job is to end.
    """
    plan = _plan(context)
    context.at("read", 0.1)
    with context.store.session(write=False) as session:
        report = rehearse(session, plan)
    with context.finishing() as session:
        context.done(session, report_json(report, dry_run=True))


def import_job(context: JobContext) -> None:
    """Import a file.

    Parameters
    ----------
    context : JobContext
        The job; its parameters are those of `ImportAsk`.

    Raises
    ------
    InputError
        Rows are refused, and nothing is stored.
    DataSourceError
        The file cannot be read.
    JobStoppedError
        The job is to end.
    """
    plan = _plan(context)
    context.at("read", 0.1)
    with context.store.session(write=False) as session:
        read = read_plan(session, plan)
    context.at("store", 0.6)
    with context.finishing() as session:
        report = carry_out(session, plan, read)
        context.done(session, report_json(report, dry_run=False))
    if report.layer == "street_segments" and report.changed_anything:
        with context.store.session(write=False) as session:
            open_network(session, context.cache)


def report_json(report: ImportReport, *, dry_run: bool) -> dict[str, object]:
    """Write an import's report as a job keeps it.

    Parameters
    ----------
    report : ImportReport
        The report.
    dry_run : bool
        Whether nothing was stored.

    Returns
    -------
    dict
        JSON values, with the lines a person reads.
    """
    found = report.to_json(dry_run=dry_run)
    problems = found["problems"]
    assert isinstance(problems, list)
    return {
        **found,
        "n_problems": len(problems),
        "problems": problems[:SHOWN_PROBLEMS],
        "summary": [{"zh": zh, "en": en} for zh, en in report.summary(dry_run=dry_run)],
    }


def _plan(context: JobContext) -> ImportPlan:
    """Make the plan that fits the layer."""
    asked = ImportAsk.model_validate(context.parameters)
    shelf = uploads_in(context.cache)
    upload, path = shelf.find(asked.upload_id, context.job.actor)
    options = ImportOptions(
        path=path,
        source=asked.source or upload.name,
        datum=asked.datum,
        mapping=asked.mapping,
        layer=asked.part,
        helmert=asked.helmert,
        encoding=asked.encoding,
        skip_bad=asked.skip_bad,
        actor=context.job.actor,
    )
    match asked.layer:
        case "facilities":
            return import_plan.plan_facilities(options, facility_type=asked.type)
        case "demand":
            areas = asked.areas
            if areas is not None and areas != STORED_DIVISIONS:
                areas = str(shelf.find(areas, context.job.actor)[1])
            return import_plan.plan_demand(
                options, population=asked.population, year=asked.year, areas=areas,
                areas_datum=asked.areas_datum,
            )  # fmt: skip
        case "divisions":
            return import_plan.plan_divisions(options, level=asked.level)
        case "streets":
            return import_plan.plan_streets(options)
        case "land":
            return import_plan.plan_land(options)
        case "footprints":
            return import_plan.plan_footprints(options)
