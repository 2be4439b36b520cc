"""The list of imports, and taking one back: kept apart from importing, which loads every reader of files."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

from geo.store import Session, imports


def list_imports(session: Session, *, actor: str | None = None) -> list[dict[str, object]]:
    """List the imports of a store, newest first.

    Parameters
    ----------
    session : Session
        Any session.
    actor : str, optional
        Only those of somebody.

    Returns
    -------
    list of dict
        Number, layer, source, file, who, when and counts of each import.
    """
    return [
        {
            "import_id": record.import_id,
            "layer": record.layer,
            "source": record.source,
            "file": record.file_name,
            "sha256": record.sha256,
            "actor": record.actor,
            "started_at": record.started_at.isoformat(timespec="seconds"),
            "undone_at": None if record.undone_at is None else record.undone_at.isoformat(timespec="seconds"),
            "rows_read": record.rows_read,
            "rows_refused": record.rows_refused,
            "rows_repaired": record.rows_repaired,
            **asdict(record.counts),
        }
        for record in imports.list_imports(session)
        if actor is None or record.actor == actor
    ]


def undo_import(session: Session, import_id: int, *, actor: str, on: date | None = None) -> dict[str, object]:
    """Take back the newest import of a source; its rows stay on record, valid at no date.

    Parameters
    ----------
    session : Session
        A writing session.
    import_id : int
        Number of the import.
    actor : str
        Who takes it back.
    on : datetime.date or None
        Date, today by default.

    Returns
    -------
    dict
        ``import_id``, rows ``withdrawn`` and rows ``reopened``.

    Raises
    ------
    NotFoundError
        There is no such import.
    ConflictError
        It is undone already, or a newer import of the same source stands on it.
    """
    counts = imports.undo(session, import_id, actor=actor, on=on or date.today())
    return {"import_id": import_id, "withdrawn": counts.closed, "reopened": counts.added}
