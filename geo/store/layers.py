"""The layers: bringing a frame in as versions, and reading the versions valid at a date."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from geo.arrays import Bool, Int
from geo.store import gpkg
from geo.store.counts import SyncCounts as SyncCounts
from geo.store.difference import LayerDifference, compare_layer
from geo.store.features import FeatureVersion
from geo.store.frames import EncodedRows, Values, decode_column, is_none
from geo.store.geometry import SRID
from geo.store.layer import LAYER_NAMES, Layer, layer
from geo.store.rows import close_rows, fetch_columns, insert_rows, is_sqlite, silent_bulk
from geo.store.tables import LayerRevision
from geo.store.tables.base import NEVER

_MANY: Final = 1_000
"""From so many new or closed rows on, PostgreSQL looks at a table afresh."""


def sync_layer(
    session: Session,
    layer_name: str,
    frame: gpd.GeoDataFrame,
    *,
    source: str,
    import_id: int,
    on: date,
    kept_ids: Collection[str] = (),
    is_whole: bool = True,
) -> SyncCounts:
    """Make a source's open versions equal to a frame.

    Unchanged features stay as they are, changed ones get a new version from `on` (or from the date the frame states)
    and the old one is closed, features no longer there are closed. Nothing is deleted.

    Parameters
    ----------
    session : Session
        Writing session.
    layer_name : str
        One of `LAYER_NAMES`.
    frame : GeoDataFrame
        Everything the source holds now: ``id``, the layer's own columns, ``import_line``, geometry in EPSG:4490;
        columns left out are stored as missing. Not changed.
    source : str
        The unit of re-import.
    import_id : int
        From `geo.store.imports.register`.
    on : date
        Date of the import.
    kept_ids : collection of str
        Features that stay as they are though the frame lacks them: the source has them, but their rows were refused.
    is_whole : bool
        Whether the frame is all the source holds; False leaves every feature alone that the frame lacks.

    Returns
    -------
    SyncCounts
        How many features were added, changed, closed and left alone.

    Raises
    ------
    InputError
        Missing or repeated ids, missing geometries or geometries of another type.
    NotFoundError
        There is no such layer.
    ValueError
        The frame has columns the layer does not know.
    """
    difference = compare_layer(session, layer_name, frame, source=source, kept_ids=kept_ids, is_whole=is_whole)
    write_difference(session, difference, import_id=import_id, on=on)
    return difference.counts


def write_difference(session: Session, difference: LayerDifference, *, import_id: int, on: date) -> None:
    """Write what `geo.store.difference.compare_layer` found, in the transaction that found it.

    Parameters
    ----------
    session : Session
        Writing session.
    difference : LayerDifference
        What it found.
    import_id : int
        From `geo.store.imports.register`.
    on : date
        Date of the import.
    """
    if not difference.is_any:
        return
    spec, incoming, stored, match = difference.spec, difference.incoming, difference.stored, difference.match
    new = (match < 0) | difference.differs
    follows = (match >= 0) | _was_here_before(session, spec, difference.source, incoming, match)
    fresh, starts = _new_versions(incoming, new, follows, on)
    with silent_bulk(session, spec):
        ends = np.full(len(stored.fids), on.isoformat(), dtype=object)
        ends[difference.changed] = starts[match[new] >= 0]
        closing = np.concatenate([difference.changed, np.flatnonzero(difference.gone)])
        close_rows(session, spec, stored.fids[closing], _earlier(stored.valid_to, ends)[closing], import_id)
        insert_rows(session, spec, fresh, {"source": difference.source, "import_id": import_id, "row_version": 1})
    bump(session, spec.name)
    if not is_sqlite(session) and len(fresh) + len(closing) >= _MANY:
        # Until the table is looked through, which may take a minute, PostgreSQL plans as if it were empty: reading it
        # page by page took three times as long.
        session.execute(text(f"ANALYZE {spec.name}"))
    if is_sqlite(session) and len(fresh):
        low_x, low_y, high_x, high_y = (float(value) for value in shapely.total_bounds(fresh.geometries))
        gpkg.touch(session.connection(), spec.name, (low_x, low_y, high_x, high_y))


def end_version(
    session: Session, layer_name: str, version: FeatureVersion, *, import_id: int, on: date
) -> SyncCounts:
    """End a feature without a successor.

    Parameters
    ----------
    session : Session
        Writing session.
    layer_name : str
        One of `LAYER_NAMES`.
    version : FeatureVersion
        The version that stands.
    import_id : int
        From `geo.store.imports.register`.
    on : date
        First day on which it holds no more.

    Returns
    -------
    SyncCounts
        One feature closed.
    """
    spec = layer(layer_name)
    stated = None if version.valid_to is None else version.valid_to.isoformat()
    ends = _earlier(np.array([stated], dtype=object), np.array([on.isoformat()], dtype=object))
    with silent_bulk(session, spec):
        close_rows(session, spec, np.array([version.fid], dtype=np.int64), ends, import_id)
    bump(session, spec.name)
    return SyncCounts(closed=1)


def read_layer(
    session: Session,
    layer_name: str,
    *,
    columns: Sequence[str] | None = None,
    on: date | None = None,
    where: Mapping[str, object] | None = None,
) -> gpd.GeoDataFrame:
    """Read the versions of a layer that hold at a date.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        One of `LAYER_NAMES`.
    columns : sequence of str, optional
        Columns wanted besides ``fid``, ``uid`` and the geometry; by default ``id``, ``source``, ``valid_from``,
        ``valid_to`` and the layer's own. Bookkeeping columns may be asked for by name.
    on : date, optional
        The date; by default what the newest imports say, without versions that ended before today.
    where : Mapping, optional
        Column values that rows must have: one value, None for missing, or a list of values.

    Returns
    -------
    GeoDataFrame
        EPSG:4490, plain index, in the order the rows were stored (nearly Hilbert order).

    Raises
    ------
    NotFoundError
        There is no such layer.
    ValueError
        A column is asked for that the layer does not have.
    """
    spec = layer(layer_name)
    default = ["id", "source", "valid_from", "valid_to", *(column.name for column in spec.own)]
    wanted = list(dict.fromkeys(["fid", "uid", *(default if columns is None else columns)]))
    wanted = [name for name in wanted if name not in ("geom", "geometry")]
    if unknown := sorted({*wanted, *(where or ())} - set(spec.columns)):
        raise ValueError(f"layer {layer_name} has no columns {unknown}; it has {sorted(spec.columns)}")
    clause, parameters = _valid(on)
    for name, value in (where or {}).items():
        part, values = _condition(name, value)
        clause, parameters = f"{clause} AND {part}", [*parameters, *values]
    *found, wkb = fetch_columns(session, spec, [*wanted, "geom"], clause, parameters)
    data = {name: decode_column(values, spec.columns[name]) for name, values in zip(wanted, found, strict=True)}
    geometry = shapely.from_wkb(np.asarray(wkb, dtype=object), on_invalid="ignore")
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(geometry, crs=SRID), crs=SRID)


def revision(session: Session, layer_name: str) -> int:
    """Return how often a layer has changed; it grows with every change.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        One of `LAYER_NAMES`.

    Returns
    -------
    int
        The revision.

    Raises
    ------
    NotFoundError
        There is no such layer.
    """
    return revisions(session)[layer(layer_name).name]


def revisions(session: Session) -> dict[str, int]:
    """Return the revision of every layer.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    dict of str to int
        By layer name, in the order of `LAYER_NAMES`.
    """
    found = {row.layer: row.revision for row in session.scalars(select(LayerRevision))}
    return {name: found.get(name, 0) for name in LAYER_NAMES}


def bump(session: Session, layer_name: str) -> None:
    """Raise a layer's revision by one.

    Parameters
    ----------
    session : Session
        Writing session.
    layer_name : str
        One of `LAYER_NAMES`.

    Raises
    ------
    NotFoundError
        There is no such layer.
    """
    name = layer(layer_name).name
    session.execute(
        update(LayerRevision)
        .where(LayerRevision.layer == name)
        .values(revision=LayerRevision.revision + 1, stamp=secrets.token_hex(8).upper())
    )
    if is_sqlite(session):
        gpkg.touch(session.connection(), name)


def _was_here_before(session: Session, spec: Layer, source: str, incoming: EncodedRows, match: Int) -> Bool:
    """Tell which features come back: their source had them once, so they did not always hold."""
    if not (match < 0).any():
        return np.zeros(len(incoming), dtype=bool)
    # A version that was undone is as good as never there.
    gone = "source = ? AND closed_import_id IS NOT NULL AND (valid_to IS NULL OR valid_to > ?)"
    (ids,) = fetch_columns(session, spec, ["id"], gone, [source, NEVER])
    known = set(ids)
    return np.fromiter((one in known for one in incoming.values["id"].tolist()), np.bool_, len(incoming))


def _new_versions(incoming: EncodedRows, new: Bool, follows: Bool, on: date) -> tuple[EncodedRows, Values]:
    """Cut out the rows to insert and date them, those that follow a version from now; return the beginning of each."""
    values = {name: column[new] for name, column in incoming.values.items()}
    count = int(new.sum())
    none = np.full(count, None, dtype=object)
    stated = values.get("valid_from", none)
    values["valid_from"] = np.where(follows[new] & is_none(stated), on.isoformat(), stated)
    values["valid_to"] = values.get("valid_to", none)
    values["stated_valid_to"] = values["valid_to"]
    rows = EncodedRows(values, incoming.geometries[new], incoming.wkb[new], incoming.bounds[new])
    return rows, values["valid_from"]


def _earlier(first: Values, second: Values) -> Values:
    """Return the earlier of two ISO dates, where None means never."""
    stays = ~is_none(first)
    result = second.copy()
    result[stays] = np.minimum(first[stays], second[stays])
    return result


def _valid(on: date | None) -> tuple[str, list[object]]:
    """Write the condition that a version holds at a date."""
    if on is None:
        today = datetime.now(UTC).astimezone().date()
        return "closed_import_id IS NULL AND (valid_to IS NULL OR valid_to > ?)", [today]
    return "(valid_from IS NULL OR valid_from <= ?) AND (valid_to IS NULL OR valid_to > ?)", [on, on]


def _condition(name: str, value: object) -> tuple[str, list[object]]:
    """Write the condition that a column has a value."""
    if value is None:
        return f'"{name}" IS NULL', []
    if isinstance(value, (list, tuple, set, frozenset)):
        values = list(value)
        return (f'"{name}" IN ({", ".join("?" * len(values))})', values) if values else ("1 = 0", [])
    return f'"{name}" = ?', [value]
