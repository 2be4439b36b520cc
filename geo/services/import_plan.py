"""What importing a file of each kind means: how it is read, and what of the store that depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import geopandas as gpd

from geo.catalog.load import facility_type as catalog_type
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
from geo.services.import_report import ImportOptions
from geo.services.importing import ImportPlan, RowsRead
from geo.store import Session, layers

STORED_DIVISIONS = "divisions"
"""Stands for the divisions in the store where a file of polygons could be named."""

FIRST_YEAR, LAST_YEAR = 1900, 2200


def plan_streets(options: ImportOptions) -> ImportPlan:
    """Import streets, gates, barriers and residential land of an OSM extract, or centrelines.

    Parameters
    ----------
    options : ImportOptions
        What the person importing decided.

    Returns
    -------
    ImportPlan
        To be rehearsed or carried out.
    """

    def read(session: Session, near: IntakeOptions) -> RowsRead:
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

    return ImportPlan(options, "street_segments", {}, read)


def _streets(
    file: str,
    data: StreetData,
    problems: Sequence[Problem],
    refused: int,
    facts: list[tuple[str, str]],
    rows_read: int,
) -> RowsRead:
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
    return RowsRead(frames, rows_read, refused, 0, (*problems, *counts.notes(file)), facts)


def _refuse_foreign_datum(options: ImportOptions) -> None:
    """An OSM file is WGS 84 by definition: any other declaration is a misunderstanding."""
    if options.datum is not None and options.datum.lower() not in ("wgs84", "cgcs2000", "epsg:4326"):
        raise DatumError(
            f"{options.path.name} 是 OSM 文件，坐标按定义为 WGS 84；--datum {options.datum} 不适用",
            f"{options.path.name} is an OSM file, WGS 84 by definition; --datum {options.datum} does not apply",
        )


def plan_facilities(options: ImportOptions, *, facility_type: str | None = None) -> ImportPlan:
    """Import facilities; polygons among them become footprints.

    Parameters
    ----------
    options : ImportOptions
        What the person importing decided.
    facility_type : str or None
        Catalogue slug of all rows; None reads the type column.

    Returns
    -------
    ImportPlan
        To be rehearsed or carried out.

    Raises
    ------
    NotFoundError
        The catalogue has no such type.
    """
    kind = None if facility_type is None else catalog_type(facility_type)

    def read(session: Session, near: IntakeOptions) -> RowsRead:
        return _of(read_facilities(options.path, near, facility_type=kind))

    return ImportPlan(options, "facilities", {"type": facility_type}, read)


def plan_demand(
    options: ImportOptions,
    *,
    population: str = "unstated",
    year: int | None = None,
    areas: str | None = None,
    areas_datum: str | None = None,
) -> ImportPlan:
    """Import demand points or cells, or a table per community spread over its residential streets.

    Parameters
    ----------
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
    ImportPlan
        To be rehearsed or carried out.
    """
    kind = cast(Population, population)
    if year is not None and not FIRST_YEAR <= year <= LAST_YEAR:
        raise InputError(
            f"数据年份 {year} 无效；允许的是 {FIRST_YEAR} 至 {LAST_YEAR}。",
            f"The year {year} cannot be; allowed are {FIRST_YEAR} to {LAST_YEAR}.",
            year=year,
        )

    def read(session: Session, near: IntakeOptions) -> RowsRead:
        if areas is None:
            return _of(read_demand(options.path, near, population=kind, year=year))
        polygons, problems = _areas(session, areas, replace(near, datum=areas_datum, mapping={}, layer=None))
        if any(problem.severity == "refused" for problem in problems) and not options.skip_bad:
            refused = sum(problem.severity == "refused" for problem in problems)
            return RowsRead({"demand_points": polygons.iloc[:0]}, len(polygons), refused, 0, problems, ())
        streets = layers.read_layer(session, "street_segments", columns=("kind", "foot", "is_derived"))
        found = _of(read_communities(options.path, polygons, streets, near, population=kind, year=year))
        return replace(found, problems=(*problems, *found.problems))

    parameters: dict[str, object] = {"population": population, "year": year, "areas": None}
    if areas is None:
        return ImportPlan(options, "demand_points", parameters, read)
    parameters |= {"areas": Path(areas).name, "areas_datum": areas_datum}
    # Where the people stand depends on the streets and polygons of the store.
    if areas == STORED_DIVISIONS:
        return ImportPlan(options, "demand_points", parameters, read, uses=("street_segments", "admin_divisions"))
    return ImportPlan(options, "demand_points", parameters, read, uses=("street_segments",), beside=(Path(areas),))


def _areas(session: Session, areas: str, options: IntakeOptions) -> tuple[gpd.GeoDataFrame, Sequence[Problem]]:
    """Return community polygons, from a file or from the divisions of the store."""
    if areas != STORED_DIVISIONS:
        found = read_divisions(Path(areas), options, level="village")
        return found.frame, found.problems
    where = {"level": "village"}
    return layers.read_layer(session, "admin_divisions", columns=("code", "name"), where=where), ()


def plan_divisions(options: ImportOptions, *, level: str | None = None) -> ImportPlan:
    """Import administrative divisions of one or several levels.

    Parameters
    ----------
    options : ImportOptions
        What the person importing decided.
    level : str or None
        Level of all rows; None reads the level column or judges by the code.

    Returns
    -------
    ImportPlan
        To be rehearsed or carried out.
    """

    def read(session: Session, near: IntakeOptions) -> RowsRead:
        known = layers.read_layer(session, "admin_divisions", columns=("code",))
        return _of(read_divisions(options.path, near, level=level, known_codes=set(known["code"])))

    return ImportPlan(options, "admin_divisions", {"level": level}, read)


def plan_land(options: ImportOptions) -> ImportPlan:
    """Import residential land.

    Parameters
    ----------
    options : ImportOptions
        What the person importing decided.

    Returns
    -------
    ImportPlan
        To be rehearsed or carried out.
    """

    def read(session: Session, near: IntakeOptions) -> RowsRead:
        return _of(read_residential_land(options.path, near))

    return ImportPlan(options, "residential_land", {}, read)


def plan_footprints(options: ImportOptions) -> ImportPlan:
    """Import outlines of facilities, joined to them by id.

    Parameters
    ----------
    options : ImportOptions
        What the person importing decided.

    Returns
    -------
    ImportPlan
        To be rehearsed or carried out.
    """

    def read(session: Session, near: IntakeOptions) -> RowsRead:
        return _of(read_footprints(options.path, near))

    return ImportPlan(options, "facility_footprints", {}, read)


def _of(result: IntakeResult) -> RowsRead:
    """Take over what an intake found."""
    frames = {result.layer: result.frame}
    if result.footprints is not None and len(result.footprints):
        frames["facility_footprints"] = result.footprints
    facts = [(result.datum_zh, result.datum_en)]
    if result.mapping:
        pairs = ", ".join(f"{column} → {name}" for column, name in result.mapping.items())
        facts.append((f"列对应：{pairs}", f"columns: {pairs}"))
    counts = (result.rows_read, result.rows_refused, result.rows_repaired)
    return RowsRead(frames, *counts, result.problems, facts, result.refused_ids)
