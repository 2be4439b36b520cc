"""Facts about a store as a whole: its id, what state its layers are in, where they lie, and notes kept with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from geo.store.layer import DERIVED_LAYERS, LAYERS, layer
from geo.store.tables import StoreInfo

Bounds = tuple[float, float, float, float]


def store_id(session: Session) -> str:
    """Return the id a store got when it was made.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    str
        The id.
    """
    return read_fact(session, "store_id") or ""


def read_fact(session: Session, key: str) -> str | None:
    """Read a note kept with the store.

    Parameters
    ----------
    session : Session
        Any session.
    key : str
        Its name.

    Returns
    -------
    str or None
        None when there is none.
    """
    return session.scalar(select(StoreInfo.value).where(StoreInfo.key == key))


def write_fact(session: Session, key: str, value: str) -> None:
    """Keep a note with the store, replacing an earlier one.

    Parameters
    ----------
    session : Session
        A writing session.
    key : str
        Its name.
    value : str
        The note.
    """
    session.merge(StoreInfo(key=key, value=value))
    session.flush()


REVISIONS: Final = "SELECT layer, revision, stamp FROM layer_revisions"
"""Asked with every tile and page, so as plain text: putting the query together takes longer than carrying it out."""


def token(session: Session, layer_names: Sequence[str]) -> str:
    """Return a short text that changes whenever one of the layers does; caches are keyed by it.

    Parameters
    ----------
    session : Session
        Any session.
    layer_names : sequence of str
        Layers.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    rows = session.connection().exec_driver_sql(REVISIONS).all()
    return token_of({layer: f"{revision}-{stamp}" for layer, revision, stamp in rows}, layer_names)


def token_of(found: Mapping[str, str], layer_names: Sequence[str]) -> str:
    """Return the token of layers whose revisions are known.

    Parameters
    ----------
    found : Mapping of str to str
        Revision and stamp by layer.
    layer_names : sequence of str
        Layers.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    state = ";".join(f"{name}={found.get(name, 0)}" for name in layer_names)
    return hashlib.sha256(state.encode()).hexdigest()[:16]


def bounds(session: Session, *, without: str | None = None) -> Bounds | None:
    """Return where the layers of a store lie, rows that an import closed left out.

    Parameters
    ----------
    session : Session
        Any session.
    without : str or None
        A layer to leave out.

    Returns
    -------
    tuple of float or None
        West, south, east, north in degrees; None when there is nothing.
    """
    # Cells reach beyond the people they hold, and say nothing that the people do not.
    names = [name for name in LAYERS if name != without and name not in DERIVED_LAYERS]
    found = [box for name in names if (box := layer_bounds(session, name)) is not None]
    if not found:
        return None
    wests, souths, easts, norths = zip(*found, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def layer_bounds(session: Session, layer_name: str, *, types: Sequence[str] | None = None) -> Bounds | None:
    """Return where one layer lies, rows that an import closed left out.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        Layer.
    types : sequence of str, optional
        Of facilities: only those of these types.

    Returns
    -------
    tuple of float or None
        West, south, east, north in degrees; None when it is empty.

    Raises
    ------
    NotFoundError
        There is no such layer.
    """
    name = layer(layer_name).name
    only = "" if types is None else " AND type IN :types"
    if session.get_bind().dialect.name == "sqlite":
        query = (
            f"SELECT MIN(minx), MIN(miny), MAX(maxx), MAX(maxy) FROM rtree_{name}_geom AS r "
            f"JOIN {name} AS t ON t.fid = r.id WHERE t.closed_import_id IS NULL{only}"
        )
    else:
        query = (
            "SELECT ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box) "
            f"FROM (SELECT ST_Extent(geom) AS box FROM {name} WHERE closed_import_id IS NULL{only}) AS extent"
        )
    statement = text(query)
    if types is not None:
        statement = statement.bindparams(bindparam("types", value=list(types), expanding=True))
    west, south, east, north = session.execute(statement).one()
    return None if west is None else (float(west), float(south), float(east), float(north))


def layer_period(session: Session, layer_name: str) -> tuple[str | None, str | None]:
    """Return from when to when a layer has versions.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        Layer.

    Returns
    -------
    tuple of str or None
        First beginning and last end, ISO dates; None where one row states none, or there is no row.

    Raises
    ------
    NotFoundError
        There is no such layer.
    """
    name = layer(layer_name).name
    query = (
        "SELECT MIN(valid_from), COUNT(*) - COUNT(valid_from), MAX(valid_to), COUNT(*) - COUNT(valid_to) "
        f"FROM {name} WHERE closed_import_id IS NULL"
    )
    start, without_start, end, without_end = session.execute(text(query)).one()
    return None if without_start else _iso(start), None if without_end else _iso(end)


def _iso(day: object) -> str | None:
    """Write a date of either driver."""
    return None if day is None else str(day)
