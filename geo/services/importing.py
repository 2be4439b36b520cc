"""Importing files: one use case a layer, one transaction an import.

Whatever the file, the order is the same: read and judge all rows, refuse the whole file when a row is refused (or
leave those rows out when asked to), compare with what the same source held before, write the difference, and note the
file, its SHA-256, the counts and who did it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import geopandas as gpd

from geo.catalog.load import facility_type as catalog_type
from geo.datum import HelmertParameters
from geo.errors import DatumError, InputError, Problem
from geo.intake.community import read_communities
from geo.intake.demand import Population, read_demand
from geo.intake.division import read_divisions
from geo.intake.facility import read_facilities
from geo.intake.land import read_footprints, read_residential_land
from geo.intake.result import IntakeOptions, IntakeResult
from geo.intake.street import read_street_lines
from geo.network.centreline import split_centrelines
from geo.network.osm import is_osm_name, read_osm
from geo.network.streets import StreetData
from geo.services.facility import EDITS, describe_changes
from geo.services.facility import LAYER as FACILITIES
from geo.services.import_report import ImportOptions, ImportReport, LayerChange, file_digest
from geo.store import Session, features, imports, layers, state

STORED_DIVISIONS = "divisions"
"""Stands for the divisions in the store where a file of polygons could be named."""

FIRST_YEAR, LAST_YEAR = 1900, 2200


@dataclass(frozen=True, slots=True)
class _Read:
    """What one use case read: frames by layer with counts, problems, remarks and the ids of refused rows."""

    frames: Mapping[str, gpd.GeoDataFrame]
    rows_read: int
    rows_refused: int
    rows_repaired: int
    problems: Sequence[Problem]
    facts: Sequence[tuple[str, str]]
    refused_ids: frozenset[str] = frozenset()


def import_streets(session: Session, options: ImportOptions) -> ImportReport:
    """Import streets, gates, barriers and residential land of an OSM extract, or centrelines.

    Parameters
    ----------
    session : Session
        A writing session.
    options : ImportOptions
        What the person importing decided.

    Returns
    -------
    ImportReport
        What was done.

    Raises
    ------
    InputError
        The file has refused rows, or no walkable street.
    DataSourceError
        The file cannot be read.
    """

    def read(near: IntakeOptions) -> _Read:
        if is_osm_name(options.path.name):
            _refuse_foreign_datum(options)
            data = read_osm(options.path)
            facts = [
                (
                    "坐标基准：WGS 84（OSM 定义）→ CGCS2000，恒等，精度 ≤ 1 米",
                    "datum: WGS 84 (by definition of OSM) → CGCS2000, identity, accuracy ≤ 1 m",
                )
            ]
            return _streets(options.path.name, data, (), 0, facts, data.counts.ways_read)
        lines = read_street_lines(options.path, near)
        if lines.has_refusals and not options.skip_bad:
            return _of(lines)
        data = split_centrelines(lines.frame)
        facts = [(lines.datum_zh, lines.datum_en)]
        return _streets(options.path.name, data, lines.problems, lines.rows_refused, facts, lines.rows_read)

    return _import(session, options, layer="street_segments", parameters={}, read=read)


def _streets(
    file: str,
    data: StreetData,
    problems: Sequence[Problem],
    refused: int,
    facts: list[tuple[str, str]],
    rows_read: int,
) -> _Read:
    """Collect the four frames of a street file."""
    frames = {
        "street_segments": data.segments,
        "gates": data.gates,
        "barriers": data.barriers,
        "residential_land": data.residential_land,
    }
    counts = data.counts
    facts.append(
        (
            f"街道 {counts.ways_read:,} 条，其中可步行 {counts.ways_walkable:,} 条、节点 {counts.walkable_nodes:,} 个；"
            f"切分为 {counts.segments:,} 段",
            f"{counts.ways_read:,} streets, {counts.ways_walkable:,} walkable with {counts.walkable_nodes:,} nodes; "
            f"{counts.segments:,} segments",
        )
    )
    return _Read(frames, rows_read, refused, 0, (*problems, *counts.notes(file)), facts)


def _refuse_foreign_datum(options: ImportOptions) -> None:
    """An OSM file is WGS 84 by definition: any other declaration is a misunderstanding."""
    if options.datum is not None and options.datum.lower() not in ("wgs84", "cgcs2000", "epsg:4326"):
        raise DatumError(
            f"{options.path.name} 是 OSM 文件，坐标按定义为 WGS 84；--datum {options.datum} 不适用",
            f"{options.path.name} is an OSM file, WGS 84 by definition; --datum {options.datum} does not apply",
        )


def import_facilities(
    session: Session, options: ImportOptions, *, facility_type: str | None = None
) -> ImportReport:
    """Import facilities; polygons among them become footprints.

    Parameters
    ----------
    session : Session
        A writing session.
    options : ImportOptions
        What the person importing decided.
    facility_type : str or None
        Catalogue slug of all rows; None reads the type column.

    Returns
    -------
    ImportReport
        What was done.

    Raises
    ------
    NotFoundError
        The catalogue has no such type.
    InputError
        The file has refused rows.
    DataSourceError
        The file cannot be read.
    """
    kind = None if facility_type is None else catalog_type(facility_type)

    def read(near: IntakeOptions) -> _Read:
        return _of(read_facilities(options.path, near, facility_type=kind))

    return _import(session, options, layer="facilities", parameters={"type": facility_type}, read=read)


def import_demand(
    session: Session,
    options: ImportOptions,
    *,
    population: str = "unstated",
    year: int | None = None,
    areas: str | None = None,
    areas_datum: str | None = None,
) -> ImportReport:
    """Import demand points or cells, or a table per community spread over its residential streets.

    Parameters
    ----------
    session : Session
        A writing session.
    options : ImportOptions
        What the person importing decided.
    population : str
        ``resident``, ``registered`` or ``unstated``.
    year : int or None
        Year of the data.
    areas : str or None
        For a table without positions: a file of community polygons, or ``divisions`` for those in the store.
    areas_datum : str or None
        Their datum, unless the file declares it.

    Returns
    -------
    ImportReport
        What was done.

    Raises
    ------
    InputError
        The file has refused rows.
    DataSourceError
        A file cannot be read.
    """
    kind = cast(Population, population)
    if year is not None and not FIRST_YEAR <= year <= LAST_YEAR:
        raise InputError(
            f"数据年份 {year} 无效；允许的是 {FIRST_YEAR} 至 {LAST_YEAR}。",
            f"The year {year} cannot be; allowed are {FIRST_YEAR} to {LAST_YEAR}.",
            year=year,
        )

    def read(near: IntakeOptions) -> _Read:
        if areas is None:
            return _of(read_demand(options.path, near, population=kind, year=year))
        polygons, problems = _areas(session, areas, replace(near, datum=areas_datum, mapping={}, layer=None))
        if any(problem.severity == "refused" for problem in problems) and not options.skip_bad:
            refused = sum(problem.severity == "refused" for problem in problems)
            return _Read({"demand_points": polygons.iloc[:0]}, len(polygons), refused, 0, problems, ())
        streets = layers.read_layer(session, "street_segments", columns=("kind", "foot", "is_derived"))
        found = _of(
            read_communities(options.path, polygons, streets, near, population=kind, year=year)
        )
        return replace(found, problems=(*problems, *found.problems))

    parameters: dict[str, object] = {"population": population, "year": year, "areas": None}
    if areas is not None:
        # Where the people stand depends on the streets and polygons of the store: with others it is another import.
        parameters |= {"areas": Path(areas).name, "areas_datum": areas_datum}
        used = ("street_segments", "admin_divisions") if areas == STORED_DIVISIONS else ("street_segments",)
        parameters["spread_over"] = {name: layers.revision(session, name) for name in used}
    beside = [] if areas is None or areas == STORED_DIVISIONS else [Path(areas)]
    return _import(
        session, options, layer="demand_points", parameters=parameters, read=read, beside=beside
    )


def _areas(
    session: Session, areas: str, options: IntakeOptions
) -> tuple[gpd.GeoDataFrame, Sequence[Problem]]:
    """Return community polygons, from a file or from the divisions of the store."""
    if areas != STORED_DIVISIONS:
        found = read_divisions(Path(areas), options, level="village")
        return found.frame, found.problems
    where = {"level": "village"}
    return layers.read_layer(session, "admin_divisions", columns=("code", "name"), where=where), ()


def import_divisions(session: Session, options: ImportOptions, *, level: str | None = None) -> ImportReport:
    """Import administrative divisions of one or several levels.

    Parameters
    ----------
    session : Session
        A writing session.
    options : ImportOptions
        What the person importing decided.
    level : str or None
        Level of all rows; None reads the level column or judges by the code.

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

    def read(near: IntakeOptions) -> _Read:
        known = layers.read_layer(session, "admin_divisions", columns=("code",))
        return _of(read_divisions(options.path, near, level=level, known_codes=set(known["code"])))

    return _import(session, options, layer="admin_divisions", parameters={"level": level}, read=read)


def import_land(session: Session, options: ImportOptions) -> ImportReport:
    """Import residential land.

    Parameters
    ----------
    session : Session
        A writing session.
    options : ImportOptions
        What the person importing decided.

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

    def read(near: IntakeOptions) -> _Read:
        return _of(read_residential_land(options.path, near))

    return _import(session, options, layer="residential_land", parameters={}, read=read)


def import_footprints(session: Session, options: ImportOptions) -> ImportReport:
    """Import outlines of facilities, joined to them by id.

    Parameters
    ----------
    session : Session
        A writing session.
    options : ImportOptions
        What the person importing decided.

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

    def read(near: IntakeOptions) -> _Read:
        return _of(read_footprints(options.path, near))

    return _import(session, options, layer="facility_footprints", parameters={}, read=read)


def _of(result: IntakeResult) -> _Read:
    """Take over what an intake found."""
    frames = {result.layer: result.frame}
    if result.footprints is not None and len(result.footprints):
        frames["facility_footprints"] = result.footprints
    facts = [(result.datum_zh, result.datum_en)]
    if result.mapping:
        pairs = ", ".join(f"{column} → {name}" for column, name in result.mapping.items())
        facts.append((f"列对应：{pairs}", f"columns: {pairs}"))
    counts = (result.rows_read, result.rows_refused, result.rows_repaired)
    return _Read(frames, *counts, result.problems, facts, result.refused_ids)


def _import(
    session: Session,
    options: ImportOptions,
    *,
    layer: str,
    parameters: Mapping[str, object],
    read: Callable[[IntakeOptions], _Read],
    beside: Sequence[Path] = (),
) -> ImportReport:
    """Run the steps that every import shares."""
    sha256 = file_digest([options.path, *beside])
    stated = json.dumps(
        {
            **parameters,
            "datum": options.datum,
            "helmert": options.helmert,
            "mapping": dict(options.mapping),
            "layer": options.layer,
            "encoding": options.encoding,
        },
        ensure_ascii=False,
        sort_keys=True,
    )
    report = ImportReport(
        import_id=None, layer=layer, source=options.source, file=options.path.name, sha256=sha256
    )
    if imports.find_same(session, layer, options.source, sha256, stated) is not None:
        return replace(report, is_repeat=True)
    found = read(
        IntakeOptions(
            datum=options.datum,
            mapping=options.mapping,
            layer=options.layer,
            encoding=options.encoding,
            helmert=None if options.helmert is None else HelmertParameters.parse(options.helmert),
            near=state.bounds(session, without=layer),
        )
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
    import_id = imports.register(
        session,
        layer=layer,
        source=options.source,
        file_name=options.path.name,
        sha256=sha256,
        actor=options.actor,
        parameters=stated,
    )
    changes = {
        name: _sync(session, name, frame, options, import_id, found.refused_ids)
        for name, frame in found.frames.items()
    }
    main = changes[layer]
    problems = [*found.problems, *_replaced_edits(session, layer, import_id, options.path.name)]
    imports.finish(
        session,
        import_id,
        layers.SyncCounts(main.added, main.changed, main.closed, main.unchanged),
        rows_read=found.rows_read,
        rows_refused=found.rows_refused,
        rows_repaired=found.rows_repaired,
    )
    return replace(
        report,
        import_id=import_id,
        rows_read=found.rows_read,
        rows_stored=len(found.frames[layer]),
        rows_repaired=found.rows_repaired,
        rows_refused=found.rows_refused,
        changes=changes,
        problems=problems,
        facts=found.facts,
    )


def _replaced_edits(session: Session, layer: str, import_id: int, file: str) -> list[Problem]:
    """Say which facilities had been edited by hand and now stand as the file has them."""
    if layer != FACILITIES:
        return []
    found = []
    for feature_id, uid in imports.replaced_versions(session, layer, import_id, EDITS):
        versions = features.versions(session, layer, uid)
        edited = next(version for version in versions if version.uid == uid)
        told = [describe_changes(edited, versions[0], lang) for lang in ("zh", "en")]
        found.append(
            Problem(
                code="hand_edit_replaced",
                severity="note",
                file=file,
                row=None,
                field="id",
                value=feature_id,
                message_zh=f"这条设施曾在系统中人工修改，本次导入以文件为准（{told[0]}）；修改过的版本仍可在历史中查到，"
                "可在系统中再次修改，或撤销本次导入",
                message_en=f"this facility had been edited by hand and now stands as in the file ({told[1]}); the "
                "edited version is in its history: edit it once more, or undo this import",
            )
        )
    return found


def _sync(
    session: Session,
    layer: str,
    frame: gpd.GeoDataFrame,
    options: ImportOptions,
    import_id: int,
    kept_ids: frozenset[str],
) -> LayerChange:
    """Write the difference of one layer."""
    counts = layers.sync_layer(
        session, layer, frame, source=options.source, import_id=import_id, on=options.on, kept_ids=kept_ids
    )
    return LayerChange(counts.added, counts.changed, counts.closed, counts.unchanged)
