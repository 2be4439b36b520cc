"""Edits made past Fangyu, in QGIS or with ogr2ogr or psql: taken note of at the next opening.

The triggers have already raised the layer's revision and kept the row as it was; what needs Python catches up here.
Rows drawn outside get an id, a source and a uid; lengths and raw coordinates follow a moved geometry; every touched row
is checked and its findings are written into its ``quality``; the audit log tells what was edited. Nothing is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from geo.arrays import Bool, Float
from geo.errors import Problem
from geo.store import audit
from geo.store.frames import decode_column, encode_column
from geo.store.geometry import SRID, decode_blobs
from geo.store.layer import LAYERS, Layer
from geo.store.row_checks import check_rows
from geo.store.rows import fetch_columns, is_sqlite, new_uids
from geo.store.tables import JournalEntry

RowCheck = Callable[[str, gpd.GeoDataFrame], Sequence[Problem]]
"""A further check of edited rows: takes the layer's name and the rows; a problem's ``row`` is the ``fid``."""

Operation = Literal["inserted", "updated", "deleted"]

OUTSIDE_SOURCE = "outside"
"""The source of rows that were drawn outside and name none."""

_EACH = 1_000
"""Up to so many rows of a layer get an audit entry each; more share one, the journal keeps them apart."""

_CGCS2000 = Geod(a=6378137.0, rf=298.257222101)


@dataclass(frozen=True, slots=True)
class OutsideEdit:
    """One row that was edited outside.

    Parameters
    ----------
    layer : str
        Layer name.
    fid : int
        Row id.
    id : str or None
        The feature's id, None for a deleted row that had none.
    operation : {"inserted", "updated", "deleted"}
        What became of the row since the last opening.
    problems : tuple of Problem
        What is wrong with it now; ``row`` is the ``fid``.
    """

    layer: str
    fid: int
    id: str | None
    operation: Operation
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Touched:
    """What the journal says about one row: the row before the first edit, and the operations since."""

    before: str | None
    operations: list[str] = field(default_factory=list)


def has_unclaimed(session: Session) -> bool:
    """Tell whether there are edits that nobody has taken note of.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    bool
        True when `absorb` has work to do.
    """
    return session.scalar(select(JournalEntry.fid).where(JournalEntry.origin.is_(None)).limit(1)) is not None


def absorb(session: Session, check: RowCheck | None = None) -> list[OutsideEdit]:
    """Take note of every edit made outside since the last time.

    Parameters
    ----------
    session : Session
        Writing session.
    check : callable, optional
        A further check of the rows, such as the catalogue's schema of a facility type.

    Returns
    -------
    list of OutsideEdit
        One per row, by layer and row id.
    """
    touched: dict[str, dict[int, _Touched]] = {}
    unclaimed = select(
        JournalEntry.fid, JournalEntry.layer, JournalEntry.row_fid, JournalEntry.operation, JournalEntry.before
    ).where(JournalEntry.origin.is_(None))
    entries = session.execute(unclaimed.order_by(JournalEntry.fid)).all()
    for _, layer_name, fid, operation, before in entries:
        row = touched.setdefault(layer_name, {}).setdefault(fid, _Touched(before))
        row.operations.append(operation)
    edits: list[OutsideEdit] = []
    for name, spec in LAYERS.items():
        if name in touched:
            edits += _absorb_layer(session, spec, touched[name], check)
    # Only now, because the rows are found through the journal.
    if entries:
        seen = JournalEntry.origin.is_(None) & (JournalEntry.fid <= entries[-1].fid)
        session.execute(update(JournalEntry).where(seen).values(origin="outside"))
    return edits


def _absorb_layer(
    session: Session, spec: Layer, touched: Mapping[int, _Touched], check: RowCheck | None
) -> list[OutsideEdit]:
    """Take note of the edits of one layer."""
    rows = _read_touched(session, spec)
    changes = _complete(session, spec, rows, touched)
    findings: dict[int, list[Problem]] = {}
    further = check(spec.name, rows) if check is not None else ()
    for problem in (*check_rows(spec, rows, _repeated(session, spec, rows)), *further):
        findings.setdefault(problem.row or 0, []).append(problem)
    quality = pd.Series([_quality(findings.get(fid, ())) for fid in rows["fid"]], index=rows.index, dtype=object)
    changes["quality"] = quality.ne(rows["quality"]).to_numpy() & ~(quality.isna() & rows["quality"].isna()).to_numpy()
    rows["quality"] = quality
    _write_back(session, spec, rows, changes)
    ids = dict(zip(rows["fid"].tolist(), rows["id"].tolist(), strict=True))
    edits = [
        OutsideEdit(
            spec.name,
            fid,
            ids.get(fid, _said_before(row, "id")),
            _outcome(row, exists=fid in ids),
            tuple(findings.get(fid, ())),
        )
        for fid, row in sorted(touched.items())
    ]
    _write_audit(session, spec, edits, touched)
    return edits


def _read_touched(session: Session, spec: Layer) -> gpd.GeoDataFrame:
    """Read the rows of a layer that unclaimed journal rows speak of and that still exist."""
    names = list(spec.columns)
    *found, wkb = fetch_columns(
        session,
        spec,
        [*names, "geom"],
        "fid IN (SELECT row_fid FROM change_journal WHERE origin IS NULL AND layer = ?)",
        [spec.name],
    )
    data = {name: decode_column(values, spec.columns[name]) for name, values in zip(names, found, strict=True)}
    geometry = shapely.from_wkb(np.asarray(wkb, dtype=object), on_invalid="ignore")
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(geometry, crs=SRID, index=range(len(geometry))), crs=SRID)


def _complete(
    session: Session, spec: Layer, rows: gpd.GeoDataFrame, touched: Mapping[int, _Touched]
) -> dict[str, Bool]:
    """Fill in what the editor could not know; return which rows changed in which column."""
    changes: dict[str, Bool] = {}
    fids = rows["fid"]
    for name, values in (
        ("id", fids.map("new-{}".format)),
        ("source", pd.Series(OUTSIDE_SOURCE, index=rows.index)),
        ("uid", pd.Series(new_uids(len(rows)), index=rows.index, dtype=object)),
        ("row_version", pd.Series(1, index=rows.index)),
    ):
        missing = rows[name].isna() | (rows[name] == "")
        if missing.any():
            rows[name] = rows[name].where(~missing, values)
            changes[name] = missing.to_numpy()
    moved = _moved(session, rows, touched)
    if not moved.any():
        return changes
    geometry = rows.geometry.array
    if "length_m" in spec.columns:
        rows["length_m"] = rows["length_m"].where(~moved, _geodesic_lengths(np.asarray(geometry)))
        changes["length_m"] = moved
    if "raw_x" in spec.columns:
        filled = {
            "raw_x": shapely.get_x(geometry),
            "raw_y": shapely.get_y(geometry),
            "raw_crs": f"EPSG:{SRID}",
            "datum_method": "edited outside",
            "accuracy_m": np.nan,
        }
        # A drawn row that brings a raw position of its own keeps it.
        drawn = rows["fid"].map(lambda fid: touched[fid].operations[0] == "insert").to_numpy(dtype=bool)
        moved = moved & ~(drawn & rows["raw_x"].notna().to_numpy())
        for name, value in filled.items():
            rows[name] = rows[name].where(~moved, value)
            changes[name] = moved
    return changes


def _moved(session: Session, rows: gpd.GeoDataFrame, touched: Mapping[int, _Touched]) -> Bool:
    """Tell which rows have another geometry than before the first edit."""
    before = [_said_before(touched[fid], "geom") for fid in rows["fid"]]
    blobs = [None if word is None else bytes.fromhex(word) for word in before]
    if is_sqlite(session):
        old = decode_blobs(blobs, is_lenient=True)
    else:
        old = shapely.from_wkb(np.array([*blobs, None], dtype=object)[:-1])
    moved = ~shapely.equals_identical(shapely.set_srid(old, 0), shapely.set_srid(rows.geometry.array, 0))
    return np.asarray(moved & ~shapely.is_missing(rows.geometry.array), dtype=bool)


def _geodesic_lengths(lines: NDArray[np.object_]) -> Float:
    """Measure lines on the CGCS2000 ellipsoid, in metres."""
    points, owner = shapely.get_coordinates(lines, return_index=True)
    same = owner[1:] == owner[:-1]
    _, _, lengths = _CGCS2000.inv(points[:-1, 0], points[:-1, 1], points[1:, 0], points[1:, 1])
    return np.bincount(owner[1:][same], np.asarray(lengths, dtype=np.float64)[same], len(lines)).astype(np.float64)


def _repeated(session: Session, spec: Layer, rows: gpd.GeoDataFrame) -> Bool:
    """Tell which open rows share source and id with another open row."""
    table = spec.table.c
    counted = (
        select(table.source, table.id)
        .where(table.closed_import_id.is_(None), table.source.is_not(None), table.id.is_not(None))
        .group_by(table.source, table.id)
        .having(func.count() > 1)
    )
    repeated = {(source, feature) for source, feature in session.execute(counted)}
    # Rows that were only now given an id or a source count among themselves.
    own = pd.Series(list(zip(rows["source"], rows["id"], strict=True)), index=rows.index, dtype=object)
    is_open = rows["closed_import_id"].isna().to_numpy()
    shared = own.isin(list(repeated)).to_numpy() | own.where(is_open).duplicated(keep=False).to_numpy()
    return np.asarray(shared & is_open, dtype=bool)


def _quality(problems: Iterable[Problem]) -> str | None:
    """Write a row's findings as JSON, or None where there is none."""
    findings = [
        {
            "code": problem.code,
            "field": problem.field,
            "value": problem.value,
            "message_zh": problem.message_zh,
            "message_en": problem.message_en,
        }
        for problem in problems
    ]
    return json.dumps(findings, ensure_ascii=False, sort_keys=True) if findings else None


def _write_back(session: Session, spec: Layer, rows: gpd.GeoDataFrame, changes: Mapping[str, Bool]) -> None:
    """Write the columns that changed, row by row where they did."""
    columns = [name for name, mask in changes.items() if mask.any()]
    if not columns:
        return
    changed = np.logical_or.reduce([changes[name] for name in columns])
    values = {name: encode_column(rows[name][changed], spec.columns[name].kind).tolist() for name in [*columns, "fid"]}
    sets = ", ".join(f'"{name}" = :{name}' for name in columns)
    parameters = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    session.execute(text(f"UPDATE {spec.name} SET {sets} WHERE fid = :fid"), parameters)


def _outcome(row: _Touched, *, exists: bool) -> Operation:
    """Sum up what became of a row."""
    if not exists:
        return "deleted"
    return "inserted" if row.operations[0] == "insert" else "updated"


def _said_before(row: _Touched, name: str) -> str | None:
    """Read one value of the row before the first edit."""
    value = json.loads(row.before).get(name) if row.before else None
    return None if value is None or value == "" else str(value)


def _write_audit(session: Session, spec: Layer, edits: Sequence[OutsideEdit], touched: Mapping[int, _Touched]) -> None:
    """Write the audit entries of one layer's edits."""
    if len(edits) > _EACH:
        counts: dict[str, int] = {"flagged": sum(bool(edit.problems) for edit in edits)}
        for edit in edits:
            counts[edit.operation] = counts.get(edit.operation, 0) + 1
        said = json.dumps(counts, sort_keys=True)
        audit.append(session, OUTSIDE_SOURCE, "edited outside", spec.name, said, kind="edit")
        return
    notes = []
    for edit in edits:
        before = touched[edit.fid].before
        detail = {
            "operation": edit.operation,
            "fid": edit.fid,
            "before": json.loads(before) if before else None,
            "problems": [problem.code for problem in edit.problems],
        }
        words = json.dumps(detail, ensure_ascii=False, sort_keys=True)
        subject = f"{spec.name}/{edit.id or edit.fid}"
        notes.append(audit.Note(OUTSIDE_SOURCE, "edited outside", subject, words, kind="edit"))
    audit.append_many(session, notes)
