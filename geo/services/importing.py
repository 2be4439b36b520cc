"""Importing files: one plan an import, rehearsed by reading alone or carried out in one transaction.

Whatever the file, the order is the same: read and judge all rows, refuse the whole file when a row is refused (or
leave those rows out when asked to), compare with what the same source held before, write the difference, and note the
file, its SHA-256, the counts and who did it. Only the writing needs the store's one writer; everything before it goes
on beside the work of others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd

from geo.datum import HelmertParameters
from geo.errors import InputError, Problem
from geo.intake.result import IntakeOptions
from geo.services.facility import EDITS, describe_changes
from geo.services.facility import LAYER as FACILITIES
from geo.services.import_report import ImportOptions, ImportReport, LayerChange, file_digest
from geo.store import Session, imports, layers, state
from geo.store.difference import LayerDifference, compare_layer


@dataclass(frozen=True, slots=True)
class RowsRead:
    """What a file holds, judged.

    Parameters
    ----------
    frames : Mapping of str to GeoDataFrame
        Good rows by layer.
    rows_read, rows_refused, rows_repaired : int
        Counts of the file's rows.
    problems : sequence of Problem
        Refusals, repairs and notes.
    facts : sequence of (str, str)
        Datum, mapping and other remarks as Chinese and English lines.
    refused_ids : frozenset of str
        Ids of rows that are refused.
    """

    frames: Mapping[str, gpd.GeoDataFrame]
    rows_read: int
    rows_refused: int
    rows_repaired: int
    problems: Sequence[Problem]
    facts: Sequence[tuple[str, str]]
    refused_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """An import about to be done; made by `geo.services.import_plan`.

    Parameters
    ----------
    options : ImportOptions
        What the person importing decided.
    layer : str
        Main layer.
    parameters : Mapping
        What else was decided, as JSON values.
    read : callable
        Takes a session, which it only reads, and intake options; returns the judged rows.
    uses : tuple of str
        Layers of the store that the rows depend on: with others it is another import.
    beside : tuple of pathlib.Path
        Further files that are read.
    """

    options: ImportOptions
    layer: str
    parameters: Mapping[str, object]
    read: Callable[[Session, IntakeOptions], RowsRead]
    uses: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanRead:
    """A plan whose file has been read.

    Parameters
    ----------
    sha256 : str
        Hex digest of the file and those beside it.
    stated : str
        How it was read, as JSON.
    rows : RowsRead or None
        What it holds; None if the newest import of its source was the same.
    """

    sha256: str
    stated: str
    rows: RowsRead | None


def read_plan(session: Session, plan: ImportPlan) -> PlanRead:
    """Read and judge the file of a plan.

    Parameters
    ----------
    session : Session
        Any session.
    plan : ImportPlan
        The plan.

    Returns
    -------
    PlanRead
        For `carry_out`.

    Raises
    ------
    InputError
        The file has refused rows and they are not to be left out.
    DataSourceError
        The file cannot be read.
    """
    options = plan.options
    sha256, stated = file_digest([options.path, *plan.beside]), _stated(session, plan)
    if imports.find_same(session, plan.layer, options.source, sha256, stated) is not None:
        return PlanRead(sha256, stated, None)
    found = plan.read(
        session,
        IntakeOptions(
            datum=options.datum,
            mapping=options.mapping,
            layer=options.layer,
            encoding=options.encoding,
            helmert=None if options.helmert is None else HelmertParameters.parse(options.helmert),
            near=state.bounds(session, without=plan.layer),
        ),
    )
    refused = [problem for problem in found.problems if problem.severity == "refused"]
    if refused and not options.skip_bad:
        raise InputError(
            f"{options.path.name}：{found.rows_refused:,} 行被拒绝（共 {found.rows_read:,} 行），未写入任何数据；"
            "修正后重试，或用 --skip-bad 写入其余各行",
            f"{options.path.name}: {found.rows_refused:,} of {found.rows_read:,} rows are refused and nothing was "
            "stored; mend them, or store the others with --skip-bad",
            problems=found.problems,
            rows_read=found.rows_read,
            rows_refused=found.rows_refused,
        )
    return PlanRead(sha256, stated, found)


def rehearse(session: Session, plan: ImportPlan) -> ImportReport:
    """Say what an import would do.

    Parameters
    ----------
    session : Session
        Any session; nothing is written.
    plan : ImportPlan
        The plan.

    Returns
    -------
    ImportReport
        As of `carry_out`, without a number.

    Raises
    ------
    InputError
        The file has refused rows.
    DataSourceError
        The file cannot be read.
    """
    read = read_plan(session, plan)
    if read.rows is None:
        return _report(plan, read)
    differences = _compare(session, plan, read.rows)
    return _report(plan, read, None, differences, _replaced_edits(session, plan, differences))


def carry_out(session: Session, plan: ImportPlan, read: PlanRead | None = None) -> ImportReport:
    """Import a file.

    Parameters
    ----------
    session : Session
        A writing session.
    plan : ImportPlan
        The plan.
    read : PlanRead, optional
        What `read_plan` found a moment ago, so that the writer need not wait for it; it is read again if what it
        depends on has changed since.

    Returns
    -------
    ImportReport
        What was done.

    Raises
    ------
    InputError
        The file has refused rows.
    DataSourceError
        The file cannot be read.
    """
    options = plan.options
    if read is None or read.stated != _stated(session, plan):
        read = read_plan(session, plan)
    elif imports.find_same(session, plan.layer, options.source, read.sha256, read.stated) is not None:
        read = replace(read, rows=None)
    elif read.rows is None:
        # The same import stood then and was taken back since.
        read = read_plan(session, plan)
    if read.rows is None:
        return _report(plan, read)
    differences = _compare(session, plan, read.rows)
    replaced = _replaced_edits(session, plan, differences)
    import_id = imports.register(
        session,
        layer=plan.layer,
        source=options.source,
        file_name=options.path.name,
        sha256=read.sha256,
        actor=options.actor,
        parameters=read.stated,
    )
    for difference in differences.values():
        layers.write_difference(session, difference, import_id=import_id, on=options.on)
    imports.finish(
        session,
        import_id,
        differences[plan.layer].counts,
        rows_read=read.rows.rows_read,
        rows_refused=read.rows.rows_refused,
        rows_repaired=read.rows.rows_repaired,
    )
    return _report(plan, read, import_id, differences, replaced)


def _stated(session: Session, plan: ImportPlan) -> str:
    """Write down everything besides the file that decides what an import stores."""
    options = plan.options
    used = {"spread_over": {name: layers.revision(session, name) for name in plan.uses}} if plan.uses else {}
    return json.dumps(
        {
            **plan.parameters,
            **used,
            "datum": options.datum,
            "helmert": options.helmert,
            "mapping": dict(options.mapping),
            "layer": options.layer,
            "encoding": options.encoding,
        },
        ensure_ascii=False,
        sort_keys=True,
    )


def _compare(session: Session, plan: ImportPlan, rows: RowsRead) -> dict[str, LayerDifference]:
    """Compare each layer with what its source held."""
    return {
        name: compare_layer(session, name, frame, source=plan.options.source, kept_ids=rows.refused_ids)
        for name, frame in rows.frames.items()
    }


def _report(
    plan: ImportPlan,
    read: PlanRead,
    import_id: int | None = None,
    differences: Mapping[str, LayerDifference] | None = None,
    replaced: Sequence[Problem] = (),
) -> ImportReport:
    """Put together what was, or would be, done."""
    options = plan.options
    report = ImportReport(
        import_id=import_id, layer=plan.layer, source=options.source, file=options.path.name, sha256=read.sha256
    )
    if read.rows is None or differences is None:
        return replace(report, is_repeat=True)
    counts = {name: difference.counts for name, difference in differences.items()}
    return replace(
        report,
        rows_read=read.rows.rows_read,
        rows_stored=len(read.rows.frames[plan.layer]),
        rows_repaired=read.rows.rows_repaired,
        rows_refused=read.rows.rows_refused,
        changes={name: LayerChange(one.added, one.changed, one.closed, one.unchanged) for name, one in counts.items()},
        problems=[*read.rows.problems, *replaced],
        facts=read.rows.facts,
    )


def _replaced_edits(session: Session, plan: ImportPlan, differences: Mapping[str, LayerDifference]) -> list[Problem]:
    """Say which facilities have been edited by hand and will stand as the file has them."""
    if plan.layer != FACILITIES:
        return []
    found = []
    for edited, after in differences[FACILITIES].replaced(session, EDITS):
        told = [describe_changes(edited, after, lang) for lang in ("zh", "en")]
        found.append(
            Problem(
                code="hand_edit_replaced",
                severity="note",
                file=plan.options.path.name,
                row=None,
                field="id",
                value=edited.id,
                message_zh=f"这条设施曾在系统中人工修改，本次导入以文件为准（{told[0]}）；修改过的版本仍可在历史中查到，"
                "可在系统中再次修改，或撤销本次导入",
                message_en=f"this facility had been edited by hand and now stands as in the file ({told[1]}); the "
                "edited version is in its history: edit it once more, or undo this import",
            )
        )
    return found
