"""The journal of changed rows, read back: what a row said before a change, in values and geometry.

The triggers write it in the words of the engine (`geo.store.triggers`): JSON of every column, the geometry as
hexadecimal of what the column held.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.store.geometry import SRID, decode_blobs
from geo.store.layer import Layer
from geo.store.rows import is_sqlite
from geo.store.tables import JournalEntry


def content_before(session: Session, spec: Layer, fid: int, row_version: int) -> str | None:
    """Return what a row said when it had a version, where it was changed in place since.

    Parameters
    ----------
    session : Session
        Any session.
    spec : Layer
        The layer.
    fid : int
        Key of the row.
    row_version : int
        The version.

    Returns
    -------
    str or None
        The row as the journal keeps it; None where its content has not been changed since.
    """
    query = (
        select(JournalEntry.before)
        .where(JournalEntry.layer == spec.name, JournalEntry.row_fid == fid, JournalEntry.before.is_not(None))
        .order_by(JournalEntry.fid)
    )
    for before in session.scalars(query):
        # Ending a version raises its number without the journal and without changing what it says.
        if before is not None and (json.loads(before).get("row_version") or 1) >= row_version:
            return before
    return None


def last_change(session: Session, spec: Layer, fid: int) -> tuple[str | None, datetime] | None:
    """Tell when a row was changed in place last, and by which side.

    Parameters
    ----------
    session : Session
        Any session.
    spec : Layer
        The layer.
    fid : int
        Key of the row.

    Returns
    -------
    tuple of (str or None, datetime) or None
        ``fangyu``, ``outside`` or None for an edit nobody has taken note of yet, and when; None where it never was.
    """
    found = session.execute(
        select(JournalEntry.origin, JournalEntry.at)
        .where(JournalEntry.layer == spec.name, JournalEntry.row_fid == fid)
        .order_by(JournalEntry.fid.desc())
        .limit(1)
    ).first()
    return None if found is None else (found.origin, found.at)


def decode_row(session: Session, spec: Layer, said: str) -> tuple[dict[str, object], BaseGeometry | None]:
    """Read a row out of the journal.

    Parameters
    ----------
    session : Session
        Any session of the store whose journal it is.
    spec : Layer
        The layer.
    said : str
        The row as the journal keeps it.

    Returns
    -------
    dict of str to object
        Values by column, as the layer's frames hold them.
    shapely geometry or None
        In EPSG:4490; None where there is none, or what was there is no geometry.
    """
    raw: Mapping[str, object] = json.loads(said)
    values: dict[str, object] = {}
    for name, column in spec.columns.items():
        value = raw.get(name)
        if isinstance(value, str) and column.kind == "date":
            values[name] = _day(value)
        elif value is not None and column.kind == "bool":
            values[name] = bool(value)
        else:
            values[name] = value
    return values, _geometry(session, raw.get("geom"))


def _day(value: str) -> date | None:
    """Read a date; what another program wrote may be none."""
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def _geometry(session: Session, word: object) -> BaseGeometry | None:
    """Read a geometry; SQLite's journal holds GeoPackage blobs, PostgreSQL's extended WKB."""
    if not isinstance(word, str) or not word:
        return None
    blob = bytes.fromhex(word)
    if is_sqlite(session):
        found = decode_blobs([blob], is_lenient=True)[0]
    else:
        found = shapely.from_wkb(np.array([blob], dtype=object), on_invalid="ignore")[0]
    return None if found is None else shapely.set_srid(found, SRID)
