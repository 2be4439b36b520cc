"""The report as one JSON text: what the page's script reads."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TypeAlias

import geopandas
import numpy as np

from geo.report.encode import ShapeWriter, pack, pack_walks, simplify_coverage
from geo.report.model import CoverageReport, GroupResult, TypeResult
from geo.report.privacy import hidden_villages
from geo.report.rows import LEVELS, CircleAudit, DivisionRow, FacilityMark, GapRow, IndicatorRow, PersonCounts
from geo.report.scale import coverage_scale

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
"""Whatever JSON can hold."""

_TOLERANCE_DEG = {"province": 2e-3, "prefecture": 8e-4, "county": 4e-4, "township": 2e-4, "village": 1.5e-4}
_CONTEXT_TOLERANCE_DEG = 1.5e-4


def report_json(report: CoverageReport) -> str:
    """Return the report as JSON that is safe inside a script element.

    Villages below the privacy minimum carry no numbers, bands have none below township level, and gaps below
    the minimum are left out.

    Parameters
    ----------
    report : CoverageReport
        A checked report.

    Returns
    -------
    str
        JSON in which no character can end the element.
    """
    shapes = ShapeWriter()
    codes = _division_codes(report)
    payload: dict[str, Json] = {
        "title": report.title,
        "bureau": report.bureau,
        "synthetic": report.is_synthetic,
        "dataDate": date_zh(report.data_date),
        "generatedOn": date_zh(report.generated_on),
        "population": report.population_zh + (f"（{report.population_year} 年）" if report.population_year else ""),
        "parameters": [list(pair) for pair in report.parameters],
        "minimum": report.minimum_persons,
        "grid": _grid(report),
        "divisions": _divisions(report, codes, shapes),
        "context": _context(report.context, shapes),
        "types": [_type(result, codes, report, shapes) for result in report.types],
        "imports": [
            [
                note.layer_zh,
                note.source,
                note.file_name,
                date_zh(note.imported_on),
                note.read,
                note.stored,
                note.repaired,
                note.refused,
            ]
            for note in report.imports
        ],
        "quality": [[note.title_zh, _number(note.count), note.unit_zh, note.note_zh] for note in report.quality],
        "sources": [[note.title_zh, note.date_zh, note.note_zh] for note in report.sources],
        "shapes": shapes.packed(),
    }
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def date_zh(day: date | None) -> str:
    """Return a date as Chinese readers write it.

    Parameters
    ----------
    day : date or None
        The date.

    Returns
    -------
    str
        Such as ``2026年11月22日``; a dash for None.
    """
    return "—" if day is None else f"{day.year}年{day.month}月{day.day}日"


def published_gaps(result: TypeResult, minimum_persons: int) -> list[GapRow]:
    """Return the gaps that may be printed, in order of rank.

    Parameters
    ----------
    result : TypeResult
        One type's result.
    minimum_persons : int
        Fewest people a gap may be printed with.

    Returns
    -------
    list of GapRow
        Gaps with enough people.
    """
    return sorted((gap for gap in result.gaps if gap.persons.total >= minimum_persons), key=lambda gap: gap.rank)


def _number(value: float | None) -> float | None:
    """Return a JSON number: whole ones as integers, missing ones as None."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if float(value).is_integer() else round(float(value), 6)


def _counts(persons: PersonCounts) -> list[Json]:
    """Return total and parts in the fixed order of the page."""
    reasons = (persons.too_far, persons.gate_closed, persons.disconnected, persons.not_linked)
    return [_number(part) for part in (persons.total, persons.covered, *reasons)]


def _circle(circle: CircleAudit | None) -> Json:
    """Return one straight-line comparison."""
    if circle is None:
        return None
    return {
        "radius": _number(circle.radius_m),
        "basis": circle.basis_zh,
        "persons": _number(circle.persons),
        "overstated": _number(circle.overstated_persons),
        "total": _number(circle.total_persons),
    }


def _grid(report: CoverageReport) -> Json:
    """Return the cells without any result."""
    cells = report.cells
    if cells is None:
        return None
    return {
        "west": round(cells.west_deg, 8),
        "south": round(cells.south_deg, 8),
        "dx": round(cells.step_lon_deg, 10),
        "dy": round(cells.step_lat_deg, 10),
        "unit": _number(cells.unit_m),
        "column": pack(cells.column, "i4"),
        "row": pack(cells.row, "i4"),
        "span": pack(cells.span, "u1"),
        "persons": pack(np.rint(cells.persons), "i4"),
        "moved": _number(round(cells.moved_persons)),
    }


def _division_codes(report: CoverageReport) -> list[str]:
    """Return every division code that has numbers or an outline, in a stable order."""
    codes: dict[str, None] = {}
    for result in report.types:
        for group in result.groups:
            codes.update(dict.fromkeys(row.key for row in group.divisions))
    if report.outlines is not None:
        codes.update(dict.fromkeys(str(code) for code in report.outlines["code"]))
    return list(codes)


def _divisions(report: CoverageReport, codes: list[str], shapes: ShapeWriter) -> Json:
    """Return names, levels, parents and outlines of all divisions."""
    facts: dict[str, tuple[str, str | None, str | None]] = {}
    outline: dict[str, int] = {}
    if report.outlines is not None:
        frame = report.outlines
        for level in LEVELS:
            rows = frame[frame["level"] == level]
            simple = simplify_coverage(list(rows.geometry), _TOLERANCE_DEG[level]) if len(rows) else []
            for code, name, parent, shape in zip(rows["code"], rows["name"], rows["parent_code"], simple, strict=True):
                facts[str(code)] = (str(name), level, str(parent) if isinstance(parent, str) else None)
                outline[str(code)] = shapes.add(shape)
    for result in report.types:
        for row in result.overall.divisions:
            facts.setdefault(row.key, (row.name, row.level, row.parent_code))
    empty = ("", "village", None)
    return [[code, *facts.get(code, empty), outline.get(code, -1)] for code in codes]


def _context(frame: geopandas.GeoDataFrame | None, shapes: ShapeWriter) -> Json:
    """Return roads, water and the like that help to find one's way."""
    if frame is None:
        return []
    simple = frame.geometry.simplify(_CONTEXT_TOLERANCE_DEG)
    numbered = [(str(kind), shapes.add(shape)) for kind, shape in zip(frame["kind"], simple, strict=True)]
    return [[kind, number] for kind, number in numbered if number >= 0]


def _type(result: TypeResult, codes: list[str], report: CoverageReport, shapes: ShapeWriter) -> Json:
    """Return one facility type."""
    scale = coverage_scale(result.minutes, result.metres)
    hidden = hidden_villages(result.overall.divisions, report.minimum_persons, report.untold_villages)
    gaps = published_gaps(result, report.minimum_persons)
    return {
        "slug": result.slug,
        "title": result.title_zh,
        "family": result.family,
        "standard": result.standard_zh,
        "minutes": _number(result.minutes),
        "metres": _number(result.metres),
        "breaks": list(scale.breaks),
        "labels": list(scale.labels),
        "unit": scale.unit_zh,
        "run": result.run_id,
        "groups": [_group(group, codes, hidden) for group in result.groups],
        "circles": [_circle(circle) for circle in result.circles],
        "gaps": [_gap(gap, shapes) for gap in gaps],
        "hiddenGaps": len(result.gaps) - len(gaps),
        "scattered": _number(result.scattered_persons),
        "facilities": _facilities(result.facilities),
        "indicators": [_indicator(row) for row in result.indicators],
    }


def _group(group: GroupResult, codes: list[str], hidden: frozenset[str]) -> Json:
    """Return one group's figures, divisions and cells."""
    is_band = group.slug != "all"
    rows = {
        row.key: row
        for row in group.divisions
        if row.key not in hidden and not (is_band and row.level == "village")
    }  # fmt: skip
    nearest = group.nearest
    return {
        "slug": group.slug,
        "title": group.title_zh,
        "speed": _number(group.speed_mps),
        "persons": _counts(group.persons),
        "nearest": [
            _number(value)
            for value in (
                nearest.p50_s,
                nearest.p90_s,
                nearest.max_s,
                nearest.p50_m,
                nearest.p90_m,
                nearest.max_m,
            )
        ],
        "circle": _circle(group.straight_line),
        "divisions": _division_columns([rows.get(code) for code in codes]),
        "cells": None
        if group.cells is None
        else {
            "status": pack(group.cells.status, "u1"),
            "share": pack(
                np.where(np.isnan(group.cells.covered_share), 255, np.rint(group.cells.covered_share * 100)),
                "u1",
            ),
            "median": pack_walks(group.cells.median),
        },
    }


def _division_columns(rows: list[DivisionRow | None]) -> Json:
    """Return one packed column per figure, aligned to the division list; people missing are -1."""

    def people(value: Callable[[DivisionRow], float | None]) -> str:
        found = [None if row is None else value(row) for row in rows]
        return pack([-1 if number is None else round(number) for number in found], "i4")

    def walks(value: Callable[[DivisionRow], float | None]) -> str:
        return pack_walks(None if row is None else value(row) for row in rows)

    return {
        "total": people(lambda row: row.persons.total),
        "covered": people(lambda row: row.persons.covered),
        "tooFar": people(lambda row: row.persons.too_far),
        "gateClosed": people(lambda row: row.persons.gate_closed),
        "disconnected": people(lambda row: row.persons.disconnected),
        "notLinked": people(lambda row: row.persons.not_linked),
        "circle": people(lambda row: row.straight_line_persons),
        "overstated": people(lambda row: row.overstated_persons),
        "p50": walks(lambda row: row.nearest.p50_s),
        "p90": walks(lambda row: row.nearest.p90_s),
        "p50m": walks(lambda row: row.nearest.p50_m),
    }


def _gap(gap: GapRow, shapes: ShapeWriter) -> Json:
    """Return one gap."""
    return {
        "rank": gap.rank,
        "place": gap.place_zh,
        "division": gap.division_code,
        "persons": _counts(gap.persons),
        "facility": gap.nearest_facility,
        "metres": _number(None if gap.nearest_m is None else round(gap.nearest_m)),
        "shape": shapes.add(gap.polygon),
    }


def _facilities(marks: Iterable[FacilityMark]) -> Json:
    """Return facilities by column."""
    listed = list(marks)
    points = np.array([(mark.lon, mark.lat) for mark in listed], dtype=np.float64).reshape(-1, 2)
    return {
        "name": [mark.name for mark in listed],
        "status": [mark.status for mark in listed],
        "capacity": [mark.capacity_zh for mark in listed],
        "lonlat": pack(np.rint(points * 1e5), "i4"),
    }


def _indicator(row: IndicatorRow) -> Json:
    """Return one indicator."""
    return {
        "id": row.id,
        "title": row.title_zh,
        "value": _number(row.value),
        "unit": row.unit_zh,
        "numerator": _number(row.numerator),
        "denominator": _number(row.denominator),
        "numeratorTitle": row.numerator_zh,
        "denominatorTitle": row.denominator_zh,
        "method": row.method_zh,
        "unitSet": row.unit_set_zh,
        "source": row.source_zh,
        "quality": row.quality_zh,
        "note": row.note_zh,
    }
