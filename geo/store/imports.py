"""Imports: one record per file that came in, and taking the newest one back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from geo.errors import ConflictError, NotFoundError
from geo.store import audit
from geo.store.columns import utc_now
from geo.store.counts import SyncCounts
from geo.store.layer import LAYERS, Layer
from geo.store.tables import NEVER, Import


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One import.

    Parameters
    ----------
    import_id : int
        Its number.
    layer, source : str
        What was imported; together the unit of re-import.
    file_name, sha256 : str
        The file, without its folder.
    parameters : str
        JSON object of how it was read.
    actor : str
        Who imported it.
    started_at : datetime
        When.
    finished_at, undone_at : datetime or None
        When it was completed, and taken back.
    rows_read, rows_refused, rows_repaired : int or None
        Of the file.
    counts : SyncCounts
        What it did to the layer.
    """

    import_id: int
    layer: str
    source: str
    file_name: str
    sha256: str
    parameters: str
    actor: str
    started_at: datetime
    finished_at: datetime | None
    undone_at: datetime | None
    rows_read: int | None
    rows_refused: int | None
    rows_repaired: int | None
    counts: SyncCounts


def register(
    session: Session, *, layer: str, source: str, file_name: str, sha256: str, actor: str, parameters: str
) -> int:
    """Record that a file is coming in.

    Parameters
    ----------
    session : Session
        Writing session.
    layer : str
        What is imported: a layer name, or the name of a group of layers that come in one file, such as ``streets``.
    source : str
        The unit of re-import.
    file_name : str
        Without its folder.
    sha256 : str
        Hex digest of the file.
    actor : str
        Who imports.
    parameters : str
        JSON object of how the file is read.

    Returns
    -------
    int
        Number of the import, for `geo.store.layers.sync_layer`.
    """
    statement = insert(Import).values(
        layer=layer,
        source=source,
        file_name=file_name,
        sha256=sha256,
        parameters=parameters,
        actor=actor,
        started_at=utc_now(),
    )
    return session.scalars(statement.returning(Import.fid)).one()


def finish(
    session: Session,
    import_id: int,
    counts: SyncCounts,
    *,
    rows_read: int = 0,
    rows_refused: int = 0,
    rows_repaired: int = 0,
) -> None:
    """Complete an import's record and write the audit entry.

    Parameters
    ----------
    session : Session
        Writing session.
    import_id : int
        From `register`.
    counts : SyncCounts
        What it did, summed over its layers.
    rows_read, rows_refused, rows_repaired : int
        Rows of the file.
    """
    record = _find(session, import_id)
    session.execute(
        update(Import)
        .where(Import.fid == import_id)
        .values(
            finished_at=utc_now(),
            rows_read=rows_read,
            rows_refused=rows_refused,
            rows_repaired=rows_repaired,
            rows_added=counts.added,
            rows_changed=counts.changed,
            rows_closed=counts.closed,
            rows_unchanged=counts.unchanged,
        )
    )
    facts = {
        "import_id": import_id,
        "file": record.file_name,
        "sha256": record.sha256,
        "added": counts.added,
        "changed": counts.changed,
        "closed": counts.closed,
        "unchanged": counts.unchanged,
        "refused": rows_refused,
    }
    detail = json.dumps(facts, ensure_ascii=False)
    audit.append(session, record.actor, "imported", f"{record.layer}/{record.source}", detail, kind="import")


def find_same(session: Session, layer: str, source: str, sha256: str, parameters: str) -> ImportRecord | None:
    """Tell whether the newest import of a source is this very file, read in this very way.

    Parameters
    ----------
    session : Session
        Any session.
    layer, source, sha256, parameters : str
        As for `register`.

    Returns
    -------
    ImportRecord or None
        The import, or None when importing would be something new.
    """
    newest = _newest(session, layer, source)
    same = newest is not None and (newest.sha256, newest.parameters) == (sha256, parameters)
    return _record(newest) if newest is not None and same else None


def get_import(session: Session, import_id: int) -> ImportRecord:
    """Find an import by its number.

    Parameters
    ----------
    session : Session
        Any session.
    import_id : int
        Its number.

    Returns
    -------
    ImportRecord
        The import.

    Raises
    ------
    NotFoundError
        There is none.
    """
    return _record(_find(session, import_id))


def list_imports(session: Session, *, layer: str | None = None) -> list[ImportRecord]:
    """List imports, newest first.

    Parameters
    ----------
    session : Session
        Any session.
    layer : str, optional
        Only of this layer or group.

    Returns
    -------
    list of ImportRecord
        Undone ones included.
    """
    query = select(Import).order_by(Import.fid.desc())
    if layer is not None:
        query = query.where(Import.layer == layer)
    return [_record(found) for found in session.scalars(query)]


def undo(session: Session, import_id: int, *, actor: str, on: date) -> SyncCounts:
    """Take the newest import of a source back: its versions are valid at no date, those it closed are open again.

    Parameters
    ----------
    session : Session
        Writing session.
    import_id : int
        The import.
    actor : str
        Who takes it back.
    on : date
        Date of the undoing, for the audit log.

    Returns
    -------
    SyncCounts
        ``added`` versions opened again, ``closed`` versions withdrawn.

    Raises
    ------
    NotFoundError
        There is no such import.
    ConflictError
        It is undone already, or a newer import of the same source stands on it.
    """
    record = _find(session, import_id)
    if record.undone_at is not None:
        raise ConflictError(
            f"第 {import_id} 次导入已于 {record.undone_at:%Y-%m-%d} 撤销；只能撤销尚未撤销的导入。",
            f"Import {import_id} was undone on {record.undone_at:%Y-%m-%d}; only one not yet undone can be.",
        )
    newest = _newest(session, record.layer, record.source)
    if newest is not None and newest.fid != import_id:
        raise ConflictError(
            f"第 {import_id} 次导入之后，来源“{record.source}”又有第 {newest.fid} 次导入；请先撤销第 {newest.fid} 次。",
            f"Import {newest.fid} of source '{record.source}' stands on import {import_id}; undo {newest.fid} first.",
        )
    total = SyncCounts()
    for spec in LAYERS.values():
        total += _undo_layer(session, spec, import_id)
    session.execute(update(Import).where(Import.fid == import_id).values(undone_at=utc_now(), undone_by=actor))
    session.expire_all()
    facts = {"import_id": import_id, "on": on.isoformat(), "reopened": total.added, "withdrawn": total.closed}
    detail = json.dumps(facts, ensure_ascii=False)
    audit.append(session, actor, "import undone", f"{record.layer}/{record.source}", detail, kind="import")
    return total


def _undo_layer(session: Session, spec: Layer, import_id: int) -> SyncCounts:
    """Take an import back in one layer."""
    from geo.store import layers  # geopandas takes half a second to import, and listing imports needs none of it
    from geo.store.rows import silent_bulk

    table = spec.table.c
    mine = (table.import_id == import_id) & table.closed_import_id.is_(None)
    ended = (table.closed_import_id == import_id) & table.import_id.is_distinct_from(import_id)
    withdrawn = session.scalar(select(func.count()).select_from(spec.table).where(mine)) or 0
    reopened = session.scalar(select(func.count()).select_from(spec.table).where(ended)) or 0
    if not withdrawn and not reopened:
        return SyncCounts()
    up = {"row_version": func.coalesce(table.row_version, 0) + 1}
    with silent_bulk(session, spec):
        session.execute(
            update(spec.table)
            .where(ended)
            .values(closed_import_id=None, valid_to=table.stated_valid_to, **up)
            .execution_options(synchronize_session=False)
        )
        session.execute(
            update(spec.table)
            .where(mine)
            .values(closed_import_id=import_id, valid_to=NEVER, **up)
            .execution_options(synchronize_session=False)
        )
    layers.bump(session, spec.name)
    return SyncCounts(added=reopened, closed=withdrawn)


def keys_brought_by(session: Session, layer: str, file_names: Sequence[str]) -> list[int]:
    """List the standing versions that certain imports brought.

    Parameters
    ----------
    session : Session
        Any session.
    layer : str
        Layer.
    file_names : sequence of str
        File names of those imports.

    Returns
    -------
    list of int
        Keys of their rows, in order.
    """
    table = LAYERS[layer].table.c
    query = (
        select(table.fid)
        .join(Import, Import.fid == table.import_id)
        .where(table.closed_import_id.is_(None), Import.file_name.in_(file_names))
    )
    return sorted(int(fid) for fid in session.scalars(query))


def _newest(session: Session, layer: str, source: str) -> Import | None:
    """Find the newest import of a source that stands."""
    query = select(Import).where(Import.layer == layer, Import.source == source, Import.undone_at.is_(None))
    return session.scalar(query.order_by(Import.fid.desc()).limit(1))


def _find(session: Session, import_id: int) -> Import:
    """Find an import or say which there are."""
    found = session.get(Import, import_id)
    if found is None:
        last = session.scalar(select(func.max(Import.fid))) or 0
        raise NotFoundError(
            f"没有第 {import_id} 次导入；最近一次为第 {last} 次，全部编号见 fangyu import list。",
            f"There is no import {import_id}; the newest is {last}, 'fangyu import list' shows all.",
        )
    return found


def _record(found: Import) -> ImportRecord:
    """Copy a row into the record services see."""
    counts = (found.rows_added, found.rows_changed, found.rows_closed, found.rows_unchanged)
    return ImportRecord(
        import_id=found.fid,
        layer=found.layer,
        source=found.source,
        file_name=found.file_name,
        sha256=found.sha256,
        parameters=found.parameters,
        actor=found.actor,
        started_at=found.started_at,
        finished_at=found.finished_at,
        undone_at=found.undone_at,
        rows_read=found.rows_read,
        rows_refused=found.rows_refused,
        rows_repaired=found.rows_repaired,
        counts=SyncCounts(*(number or 0 for number in counts)),
    )
