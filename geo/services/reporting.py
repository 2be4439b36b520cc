"""Reports of stored runs: the single-file map and the workbook."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import geo.report as report_package
from geo.access.cells import CellGrid, cell_values
from geo.access.membership import assign_divisions
from geo.access.population import ALL_BANDS
from geo.access.privacy import MINIMUM_PERSONS
from geo.access.status import Certificates
from geo.arrays import Float
from geo.catalog.load import facility_type
from geo.errors import DataSourceError, InputError, NotFoundError, reason_zh
from geo.report import model
from geo.report.cells import CellSet, CellValues
from geo.report.html import legend_style, write_html
from geo.report.xlsx import write_xlsx
from geo.services import payload, report_rows
from geo.services.coverage import KIND
from geo.services.demo import BUREAU, is_synthetic
from geo.services.people_cells import people_cells, revealing_villages
from geo.services.publishing import is_trial, published_run
from geo.store import Session, imports, layers, runs, state
from geo.store.layer import DERIVED_LAYERS, LAYER_NAMES

MAIN_ROADS = ("motorway", "trunk", "primary", "secondary")
WATER = ("river", "canal", "water", "stream")
WATERCOURSE_DEG = 2e-4
"""Half width at which a watercourse without banks is drawn, about 20 m."""


def latest_run(session: Session) -> str | None:
    """Return the id of the newest coverage run.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    str or None
        None when there is none.
    """
    found = runs.latest(session, KIND)
    return None if found is None else found.run_id


def list_runs(session: Session) -> list[dict[str, object]]:
    """List the coverage runs of a store, newest first.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    list of dict
        Id, moment, hash and parameters of each run, and whether it is the one that the public sees.
    """
    published = published_run(session)
    return [
        {
            "run_id": record.run_id,
            "created_at": None if record.created_at is None else record.created_at.isoformat(timespec="seconds"),
            "content_hash": record.content_hash,
            "actor": record.actor,
            "is_published": record.run_id == published,
            "parameters": json.loads(record.parameters),
        }
        for record in runs.list_runs(session, kind=KIND)
    ]


def run_results(session: Session, run_id: str | None) -> dict[str, object]:
    """Return a run's results as the command line printed them.

    Parameters
    ----------
    session : Session
        Any session.
    run_id : str or None
        Its id; None for the newest.

    Returns
    -------
    dict
        JSON values.

    Raises
    ------
    NotFoundError
        There is no such run.
    """
    results: dict[str, object] = json.loads(_record(session, run_id).summary)
    return results


def _record(session: Session, run_id: str | None) -> runs.RunRecord:
    """Find a run, the newest by default."""
    if run_id is not None:
        return runs.get_run(session, run_id)
    found = runs.latest(session, KIND)
    if found is None:
        raise NotFoundError(
            "还没有覆盖分析；请先运行 fangyu coverage run", "there is no coverage run yet; use fangyu coverage run"
        )
    return found


def write_report(report: model.CoverageReport, path: Path) -> None:
    """Write a report in the form its file name asks for, overwriting the file.

    Parameters
    ----------
    report : CoverageReport
        The report.
    path : pathlib.Path
        A ``.html`` or ``.xlsx`` file.

    Raises
    ------
    InputError
        The ending is another one, or the report breaks the privacy rule.
    DataSourceError
        The file cannot be written.
    """
    writers = {".html": write_html, ".xlsx": write_xlsx}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise InputError(
            f"{path.name}：报告只能写成 .html 或 .xlsx", f"{path.name}: a report is written as .html or .xlsx"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer(report, path)
    except OSError as error:
        raise DataSourceError(
            f"无法写出 {path}：{reason_zh(error)}", f"cannot write {path}: {error.strerror or error}"
        ) from error


def report_file(session: Session, run_id: str | None, *, folder: Path, suffix: str) -> Path:
    """Return a report as a file that everybody may read, made when it is asked for the first time.

    Parameters
    ----------
    session : Session
        Any session.
    run_id : str or None
        The run; None for the newest.
    folder : pathlib.Path
        Where reports are kept.
    suffix : str
        ``.html`` or ``.xlsx``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    NotFoundError
        There is no such run.
    """
    record = _record(session, run_id)
    # Names and outlines come from the store's present layers, so their state belongs to the key.
    names = [name for name in LAYER_NAMES if name not in DERIVED_LAYERS]
    mark = "trial, open" if is_trial(session, record.run_id) else "published, open"
    shown = f"{_template_digest()}|{record.content_hash}|{state.token(session, names)}|{mark}"
    key = hashlib.sha256(shown.encode()).hexdigest()[:12]
    path = folder / f"{state.store_id(session)}-{record.run_id}-{key}{suffix}"
    if not path.exists():
        building = path.with_name(f".{path.stem}.building{suffix}")
        write_report(_for_everybody(coverage_report(session, record.run_id)), building)
        building.replace(path)
    return path


def _for_everybody(report: model.CoverageReport) -> model.CoverageReport:
    """Leave out the facilities that are not open: planned and closed ones are the bureau's own matter."""
    types = tuple(
        replace(one, facilities=tuple(mark for mark in one.facilities if mark.status == "open")) for one in report.types
    )
    return replace(report, types=types)


@cache
def _template_digest() -> str:
    """Return a digest of everything a page is made with, so that a newer version of Fangyu renders anew."""
    digest = hashlib.sha256(legend_style().encode())
    for path in sorted(Path(report_package.__file__).parent.rglob("*")):
        if path.suffix in (".py", ".js", ".css", ".html"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def coverage_report(session: Session, run_id: str | None) -> model.CoverageReport:
    """Collect everything a coverage report shows.

    Parameters
    ----------
    session : Session
        Any session.
    run_id : str or None
        The run; None for the newest.

    Returns
    -------
    CoverageReport
        Ready to be written; people only in cells and divisions.

    Raises
    ------
    NotFoundError
        There is no such run.
    """
    record = _record(session, run_id)
    parameters: dict[str, Any] = json.loads(record.parameters)
    summary: dict[str, Any] = json.loads(record.summary)
    results = summary.get("results", [summary])
    on = date.fromisoformat(parameters["date"])
    people = payload.read_demand_block(
        runs.load_result(session, record.run_id, payload.ANY_TYPE, payload.DEMAND)
    )
    divisions = layers.read_layer(
        session, "admin_divisions", columns=("code", "name", "level", "parent_code"), on=on
    )
    membership = assign_divisions(people.lon, people.lat, divisions)
    cells = people_cells(people.lon, people.lat, people.population, membership)
    grid = cells.grid
    synthetic = is_synthetic(session)
    bureau = state.read_fact(session, BUREAU) or "民政局"
    years = parameters["population_years"]
    return model.CoverageReport(
        title=report_rows.title_text(parameters),
        bureau=bureau,
        is_synthetic=synthetic,
        data_date=on,
        generated_on=date.today(),
        parameters=report_rows.parameter_lines(parameters),
        population_zh=report_rows.population_text(parameters["population_kinds"]),
        population_year=years[-1] if years else None,
        cells=_cell_set(grid),
        types=tuple(_type(session, record, result, parameters, people, grid, divisions, on) for result in results),
        outlines=divisions,
        context=_context(session),
        imports=report_rows.import_notes(imports.list_imports(session)),
        quality=report_rows.quality_notes(results, summary.get("network", {}), divisions, is_synthetic=synthetic),
        sources=report_rows.source_notes(parameters),
        minimum_persons=MINIMUM_PERSONS,
        untold_villages=revealing_villages(cells, people.population, membership, divisions),
        is_trial=is_trial(session, record.run_id),
    )


def _cell_set(grid: CellGrid) -> CellSet:
    """Hand the cells to the report."""
    return CellSet(
        west_deg=grid.west_deg,
        south_deg=grid.south_deg,
        step_lon_deg=grid.step_lon_deg,
        step_lat_deg=grid.step_lat_deg,
        unit_m=grid.unit_m,
        column=grid.column,
        row=grid.row,
        span=grid.span,
        persons=grid.persons / grid.unit,
        moved_persons=grid.moved / grid.unit,
    )


def _type(
    session: Session,
    record: runs.RunRecord,
    result: Mapping[str, Any],
    parameters: Mapping[str, Any],
    people: payload.StoredDemand,
    grid: CellGrid,
    divisions: gpd.GeoDataFrame,
    on: date,
) -> model.TypeResult:
    """Collect one type's result."""
    slug = result["type"]
    kind = facility_type(slug)
    by_band = parameters["band_speeds_mps"] is not None
    names = [band["band"] for band in result["bands"]] if by_band else [ALL_BANDS]
    found = {name: _certificates(runs.load_result(session, record.run_id, slug, name)) for name in names}
    parts = [(found[name], people.population.of_band(name)) for name in names]
    is_metres = parameters["metres"] is not None
    bands: list[model.GroupResult] = []
    if by_band:
        stored = payload.read_bands_block(runs.load_result(session, record.run_id, slug, payload.BANDS_JSON))
        for part, sums in zip(parts, stored, strict=True):
            bands.append(report_rows.group(sums, _values(grid, [part], is_metres=is_metres)))
    gaps = payload.read_gap_polygons(runs.load_result(session, record.run_id, slug, payload.GAPS))
    return model.TypeResult(
        slug=slug,
        title_zh=kind.title_zh,
        family=kind.code[:2],
        standard_zh=report_rows.standard_text(parameters),
        minutes=parameters["minutes"],
        metres=parameters["metres"],
        overall=report_rows.group(
            {**result, "band": model.ALL_PEOPLE}, _values(grid, parts, is_metres=is_metres)
        ),
        bands=tuple(bands),
        circles=report_rows.circles(result),
        gaps=report_rows.gaps(result["gaps"], gaps, divisions),
        facilities=report_rows.facility_marks(session, slug, on),
        indicators=report_rows.indicators(result, parameters),
        run_id=record.run_id,
        scattered_persons=result["gaps_remainder"]["persons"],
    )


def _certificates(content: bytes) -> Certificates:
    """Read one band's certificates back."""
    table = payload.read_table(content)
    walk_m = table["walk_m"].to_numpy().astype(np.float64)
    return Certificates(
        status=table["status"].to_numpy(),
        facility=table["facility"].to_numpy(),
        walk_m=walk_m,
        walk_s=table["walk_s"].to_numpy().astype(np.float64),
        access_m=np.full(walk_m.size, np.nan),
    )


def _values(
    grid: CellGrid, parts: Sequence[tuple[Certificates, Any]], *, is_metres: bool
) -> CellValues:
    """Sum certificates by cell, in the unit of the limit."""
    values = cell_values(grid, parts, minimum_persons=MINIMUM_PERSONS)
    median: Float = values.median_m if is_metres else values.median_s
    return CellValues(values.status, values.covered_share, median)


def _context(session: Session) -> gpd.GeoDataFrame | None:
    """Collect main roads, railways and water, by which a reader finds the way."""
    roads = layers.read_layer(session, "street_segments", columns=("kind",), where={"kind": MAIN_ROADS})
    lines = layers.read_layer(session, "barriers", columns=("kind",))
    parts = [
        roads[["geometry"]].assign(kind="main_road"),
        lines.loc[lines["kind"] == "railway", ["geometry"]].assign(kind="railway"),
        _as_areas(lines.loc[lines["kind"].isin(WATER), ["geometry"]]).assign(kind="water"),
    ]
    parts = [part for part in parts if len(part)]
    if not parts:
        return None
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=roads.crs)



def _as_areas(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Turn water lines into areas: outlines are filled, courses get a width that shows on a city map."""
    shapes = np.asarray(lines.geometry.array, dtype=object)
    rings = shapely.is_closed(shapes) & (shapely.get_num_points(shapes) > 3)
    areas = shapely.buffer(shapes, WATERCOURSE_DEG)
    if rings.any():
        areas[rings] = [shapely.Polygon(shape.coords) for shape in shapes[rings]]
    return lines.set_geometry(areas, crs=lines.crs)

