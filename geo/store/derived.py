"""Rows that runs leave on the map: written many at a time, the newest run of each facility type marked as current."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import shapely
from sqlalchemy import ColumnElement, and_, delete, false, func, not_, or_, select, true, update
from sqlalchemy.orm import Session

from geo.store import gpkg
from geo.store.frames import EncodedRows
from geo.store.layer import Layer, layer
from geo.store.layers import bump
from geo.store.rows import insert_rows, is_sqlite, silent_bulk

MOST_ROWS: Final = 20_000
"""Rows of older runs make room when a layer would hold more than this; those of the newest runs always stay."""


def replace_rows(session: Session, layer_name: str, rows: EncodedRows) -> None:
    """Put rows in the place of everything a layer holds.

    Parameters
    ----------
    session : Session
        Writing session.
    layer_name : str
        One of `geo.store.layer.DERIVED_LAYERS`.
    rows : EncodedRows
        The rows, those to be drawn first first.
    """
    _write(session, layer(layer_name), rows, true())


def add_run(
    session: Session, layer_name: str, run_id: str, types: Collection[str], rows: EncodedRows, *, is_alone: bool = False
) -> None:
    """Add the rows of a run; they are current from now on, and those of older runs of the same types no longer.

    Parameters
    ----------
    session : Session
        Writing session.
    layer_name : str
        A layer whose rows have ``run_id``, ``type`` and ``is_current``.
    run_id : str
        The run; rows it has already are replaced.
    types : collection of str
        Every facility type of the run, with rows or without.
    rows : EncodedRows
        The rows, those to be drawn first first.
    is_alone : bool
        Take away the rows of every other run.
    """
    spec = layer(layer_name)
    gone = true() if is_alone else _makes_room(session, spec, run_id, types, len(rows))
    _write(session, spec, rows, gone, superseded=types)


def _makes_room(session: Session, spec: Layer, run_id: str, types: Collection[str], n_new: int) -> ColumnElement[bool]:
    """Say which rows go: those of the same run, and those of the oldest runs where there are too many."""
    rows = spec.table.c
    if n_new >= MOST_ROWS:
        # Nothing old may stay, so that nothing need be counted.
        leaves = or_(rows.is_current.is_not(True), rows.type.in_(list(types)), rows.run_id == run_id)
        return leaves if session.scalar(select(rows.fid).where(not_(leaves)).limit(1)) else true()
    parts = select(rows.run_id, rows.type, rows.is_current, func.count(), func.max(rows.fid))
    found = session.execute(parts.group_by(rows.run_id, rows.type, rows.is_current)).all()
    stays = {part for part in found if part.is_current and part.type not in types and part.run_id != run_id}
    total = n_new + sum(part[3] for part in stays)
    for part in sorted((part for part in found if part not in stays), key=lambda part: -part[4]):
        if part.run_id != run_id and total + part[3] <= MOST_ROWS:
            stays.add(part)
            total += part[3]
    going = [part for part in found if part not in stays]
    if found and len(going) == len(found):
        return true()
    same = [
        and_(rows.run_id.is_not_distinct_from(part.run_id), rows.type.is_not_distinct_from(part.type))
        for part in going
    ]
    return or_(*same) if same else false()


def _write(
    session: Session,
    spec: Layer,
    rows: EncodedRows,
    gone: ColumnElement[bool],
    *,
    superseded: Collection[str] = (),
) -> None:
    """Delete, supersede and insert without triggers, then raise the revision once."""
    table = spec.table
    with silent_bulk(session, spec):
        fids, is_emptied = None, gone is true()
        if is_emptied:
            # Without a condition SQLite empties the table at once instead of row by row.
            session.execute(delete(table))
        elif gone is not false():
            fids = np.array(session.scalars(select(table.c.fid).where(gone)).all(), np.int64)
            session.execute(delete(table).where(gone))
        if superseded:
            older = and_(table.c.is_current.is_(True), table.c.type.in_(list(superseded)))
            session.execute(update(table).where(older).values(is_current=False))
        insert_rows(session, spec, rows, {"row_version": 1}, has_uids=False, gone=fids, is_emptied=is_emptied)
    bump(session, spec.name)
    if is_sqlite(session) and len(rows):
        low_x, low_y, high_x, high_y = (float(value) for value in shapely.total_bounds(rows.geometries))
        gpkg.touch(session.connection(), spec.name, (low_x, low_y, high_x, high_y))
