"""Published legal records edited past Fangyu, in QGIS or by SQL: put back as they were, the edit held for review.

The triggers keep every row as it was before a change, whoever makes it (`geo.store.triggers`). Before anything else is
written, what the journal says of the legal layers since the last time is looked through: the published content comes
back, complete with attributes and geometry, and what was edited is kept whole as a hold until somebody accepts it or
lets it go. What cannot be put back is held all the same, with the reason.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from geo.catalog.map_layer import legal_tables
from geo.errors import ConflictError, NotFoundError
from geo.store import audit, gpkg
from geo.store.columns import utc_now
from geo.store.layer import Layer, layer
from geo.store.rows import is_sqlite
from geo.store.rtree import rtree_name
from geo.store.tables import JournalEntry, OutsideHold
from geo.store.triggers import sqlite_row

Operation = Literal["insert", "update", "delete"]
HoldState = Literal["held", "accepted", "restored"]
OUTSIDE: Final = "outside"
"""Who stands in the audit for another program."""

_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """One edit past Fangyu.

    Parameters
    ----------
    hold_id : str
        Id that people quote.
    layer : str
        The legal layer.
    row_fid : int
        Key of the row.
    feature_id : str
        The feature's id; the key of a row without one.
    operation : {"insert", "update", "delete"}
        What the other program did to the row.
    before : str or None
        The published row, as the journal keeps it; None where there was none.
    after : str or None
        The row as it was edited; None where it was deleted.
    found_at : datetime
        When it was found and put back.
    problem : str or None
        Why it could not be put back; None where it was.
    state : {"held", "accepted", "restored"}
        Whether it waits, and how it was decided.
    reviewer, reason : str or None
        Who decided, and why.
    decided_at : datetime or None
        When.
    row_version : int
        Raised by the decision.
    """

    hold_id: str
    layer: str
    row_fid: int
    feature_id: str
    operation: Operation
    before: str | None
    after: str | None
    found_at: datetime
    problem: str | None
    state: HoldState
    reviewer: str | None
    reason: str | None
    decided_at: datetime | None
    row_version: int

    @property
    def tag(self) -> str:
        """What changes with the decision.

        Returns
        -------
        str
            Id and version.
        """
        return f"{self.hold_id}.{self.row_version}"


def has_pending(session: Session) -> bool:
    """Tell whether a legal layer was edited past Fangyu since the last time.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    bool
        True when `hold_edits` has work to do.
    """
    query = select(JournalEntry.fid).where(JournalEntry.origin.is_(None), JournalEntry.layer.in_(legal_tables()))
    return session.scalar(query.limit(1)) is not None


def hold_edits(session: Session) -> list[HoldRecord]:
    """Put every legal row back that was edited past Fangyu, and hold the edits.

    Parameters
    ----------
    session : Session
        Writing session, before it has written anything.

    Returns
    -------
    list of HoldRecord
        One per row that was changed in the end.
    """
    rows = {(one.layer, one.key) for one in _pending(session)}
    if not rows:
        return []
    _lock(session, rows)
    # Once more, now that nobody changes these rows: what is not seen here is not called seen.
    entries = [one for one in _pending(session) if (one.layer, one.key) in rows]
    first: dict[str, dict[int, str | None]] = {}
    for entry in entries:
        first.setdefault(entry.layer, {}).setdefault(entry.key, entry.before)
    holds: list[HoldRecord] = []
    for name, befores in first.items():
        holds += _hold_layer(session, layer(name), befores)
    claimed = [{"origin": OUTSIDE, "fid": entry.fid} for entry in entries]
    session.execute(text("UPDATE change_journal SET origin = :origin WHERE fid = :fid"), claimed)
    if is_sqlite(session):
        # What was put back is ours, also to whoever looks through the journal in this transaction.
        ours = (JournalEntry.origin.is_(None), JournalEntry.layer.in_(first), JournalEntry.fid > entries[-1].fid)
        session.execute(update(JournalEntry).where(*ours).values(origin="fangyu"))
    return holds


@dataclass(frozen=True, slots=True)
class _Entry:
    """One row of the journal that nobody has taken note of; ``key`` is that of the row before it was changed."""

    fid: int
    layer: str
    key: int
    before: str | None


def _pending(session: Session) -> list[_Entry]:
    """Read what the journal says of the legal layers since the last time, in order."""
    found = session.execute(
        select(JournalEntry.fid, JournalEntry.layer, JournalEntry.row_fid, JournalEntry.before)
        .where(JournalEntry.origin.is_(None), JournalEntry.layer.in_(legal_tables()))
        .order_by(JournalEntry.fid)
    )
    return [
        # A row whose key was changed stands under its old one.
        _Entry(fid, name, key if before is None else int(json.loads(before).get("fid") or key), before)
        for fid, name, key, before in found
    ]


def _lock(session: Session, rows: Collection[tuple[str, int]]) -> None:
    """Let nobody else change rows until the end of the transaction; an embedded store has one writer anyway."""
    if is_sqlite(session):
        return
    for name in sorted({name for name, _ in rows}):
        keys = sorted(key for one, key in rows if one == name)
        locking = text(f"SELECT fid FROM {layer(name).name} WHERE fid = ANY(:keys) ORDER BY fid FOR UPDATE")
        session.execute(locking, {"keys": keys})


def list_holds(session: Session, *, state: str | None = None, limit: int | None = None) -> list[HoldRecord]:
    """List holds, the newest first.

    Parameters
    ----------
    session : Session
        Any session.
    state : str, optional
        Only those in one state.
    limit : int, optional
        At most so many.

    Returns
    -------
    list of HoldRecord
        The holds.
    """
    query = select(OutsideHold).order_by(OutsideHold.fid.desc()).limit(limit)
    if state is not None:
        query = query.where(OutsideHold.state == state)
    return [_record(one) for one in session.scalars(query)]


def count_held(session: Session) -> int:
    """Count the holds that wait for review.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    int
        Their number.
    """
    return session.scalar(select(func.count()).select_from(OutsideHold).where(OutsideHold.state == "held")) or 0


def get(session: Session, hold_id: str) -> HoldRecord:
    """Find a hold.

    Parameters
    ----------
    session : Session
        Any session.
    hold_id : str
        Its id.

    Returns
    -------
    HoldRecord
        The hold.

    Raises
    ------
    NotFoundError
        There is none.
    """
    query = select(OutsideHold).where(OutsideHold.hold_id == hold_id).execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        raise NotFoundError(
            f"没有待审的外部修改“{hold_id}”", f"there is no held outside edit '{hold_id}'", hold_id=hold_id
        )
    return _record(found)


def settle(session: Session, hold: HoldRecord, *, state: HoldState, reviewer: str, reason: str) -> HoldRecord:
    """Write down how a hold was decided.

    Parameters
    ----------
    session : Session
        Writing session.
    hold : HoldRecord
        The hold, as it was read.
    state : {"accepted", "restored"}
        How.
    reviewer : str
        Who decided.
    reason : str
        Why.

    Returns
    -------
    HoldRecord
        As it stands now.

    Raises
    ------
    ConflictError
        It has been decided before.
    """
    settled = session.execute(
        update(OutsideHold)
        .where(OutsideHold.hold_id == hold.hold_id, OutsideHold.state == "held")
        .values(
            state=state, reviewer=reviewer, reason=reason, decided_utc=utc_now(),
            row_version=OutsideHold.row_version + 1,
        )
        .returning(OutsideHold.fid)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    if settled.first() is None:
        raise ConflictError(
            f"外部修改“{hold.hold_id}”已处理过", f"the outside edit '{hold.hold_id}' has been decided already"
        )
    return get(session, hold.hold_id)


def row_now(session: Session, spec: Layer, fid: int) -> str | None:
    """Return a row as it stands, in the words of the journal.

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
    str or None
        None where there is none.
    """
    if is_sqlite(session):
        said = sqlite_row(spec.table, "t")
    else:
        said = "((to_jsonb(t) - 'geom') || jsonb_build_object('geom', upper(encode(ST_AsEWKB(t.geom), 'hex'))))::text"
    # Plain text: the format of numbers that the journal is written in looks like parameters to SQLAlchemy.
    query = f"SELECT {said} FROM {spec.name} AS t WHERE t.fid = {fid:d}"
    return cast("str | None", session.connection().exec_driver_sql(query).scalar())


def is_same(one: str | None, other: str | None) -> bool:
    """Tell whether two rows say the same, whatever their versions.

    Parameters
    ----------
    one, other : str or None
        Rows in the words of the journal; None for no row.

    Returns
    -------
    bool
        Whether they do.
    """
    if one is None or other is None:
        return one is other
    return _content(one) == _content(other)


def put_back(session: Session, hold: HoldRecord) -> str | None:
    """Bring the published content of a hold back, where it does not stand already.

    Parameters
    ----------
    session : Session
        Writing session.
    hold : HoldRecord
        The hold.

    Returns
    -------
    str or None
        Why it cannot be; None where it stands.
    """
    spec = layer(hold.layer)
    if is_same(row_now(session, spec, hold.row_fid), hold.before):
        return None
    return _put_row_back(session, spec, hold.row_fid, hold.before)


def _hold_layer(session: Session, spec: Layer, rows: Mapping[int, str | None]) -> list[HoldRecord]:
    """Put the rows of one layer back, and hold the edits."""
    present = {fid: row_now(session, spec, fid) for fid in rows}
    changed = [fid for fid in rows if not is_same(rows[fid], present[fid])]
    problems: dict[int, str | None] = {}
    # What was drawn goes first, and ids that were handed around are let go, so that nothing stands in the way.
    for fid in changed:
        if rows[fid] is None:
            problems[fid] = _put_row_back(session, spec, fid, None)
    for fid in changed:
        before, after = rows[fid], present[fid]
        if before is not None and after is not None and json.loads(before)["uid"] != json.loads(after)["uid"]:
            session.execute(text(f"UPDATE {spec.name} SET uid = NULL WHERE fid = :fid"), {"fid": fid})
    for fid in changed:
        if rows[fid] is not None:
            problems[fid] = _put_row_back(session, spec, fid, rows[fid])
    holds = [_keep(session, spec, fid, rows[fid], present[fid], problems[fid]) for fid in changed]
    notes = [_note(hold) for hold in holds]
    notes += [
        audit.Note(OUTSIDE, "edited outside", f"{spec.name}/{fid}", json.dumps({"operation": "none"}), kind="edit")
        for fid in rows
        if fid not in problems
    ]
    audit.append_many(session, notes)
    if is_sqlite(session):
        gpkg.touch(session.connection(), spec.name)
    return holds


def _put_row_back(session: Session, spec: Layer, fid: int, before: str | None) -> str | None:
    """Make one row what it was; return why that is impossible."""
    try:
        with session.begin_nested():
            if before is None:
                session.execute(text(f"DELETE FROM {spec.name} WHERE fid = :fid"), {"fid": fid})
            elif is_sqlite(session):
                _write_sqlite(session, spec, fid, json.loads(before))
            else:
                _write_postgres(session, spec, fid, before)
    except SQLAlchemyError as error:
        return str(getattr(error, "orig", None) or error).strip()
    return None if is_same(row_now(session, spec, fid), before) else "the row does not stand as it was"


def _write_sqlite(session: Session, spec: Layer, fid: int, before: _Row) -> None:
    """Write a row of the journal into an embedded store."""
    values: dict[str, object] = {}
    for name in [*spec.columns, "geom"]:
        value = before.get(name)
        if name == "geom":
            value = bytes.fromhex(value) if value else None
        elif isinstance(value, str) and spec.columns[name].kind in ("real", "int"):
            value = _number(value)
        values[name] = value
    # A row that replaced another without a geometry of its own has left that one's box in the index.
    box = f"DELETE FROM {rtree_name(spec.name)} WHERE id = :fid"
    told = f"SELECT 1 FROM {spec.name} WHERE fid = :fid AND geom NOTNULL"
    session.execute(text(f"{box} AND NOT EXISTS ({told})"), {"fid": fid})
    _write(session, spec, fid, values)


def _write_postgres(session: Session, spec: Layer, fid: int, before: str) -> None:
    """Write a row of the journal into a database."""
    row = f"jsonb_populate_record(NULL::{spec.name}, CAST(:before AS jsonb))"
    columns = [name for name in (*spec.columns, "geom") if name not in ("fid", "row_version")]
    names = ", ".join(f'"{name}"' for name in columns)
    told = {"before": before, "fid": fid}
    written = session.execute(
        text(f"UPDATE {spec.name} SET ({names}) = (SELECT {names} FROM {row}) WHERE fid = :fid RETURNING fid"), told
    )
    if written.first() is None:
        session.execute(text(f"INSERT INTO {spec.name} SELECT * FROM {row}"), {"before": before})


def _write(session: Session, spec: Layer, fid: int, values: Mapping[str, object]) -> None:
    """Write values into a row, or the row anew where it is gone."""
    columns = [name for name in values if name not in ("fid", "row_version")]
    sets = ", ".join(f'"{name}" = :{name}' for name in columns)
    changed = session.execute(
        text(f"UPDATE {spec.name} SET {sets} WHERE fid = :fid RETURNING fid"), {**values, "fid": fid}
    )
    if changed.first() is None:
        names, marks = ", ".join(f'"{name}"' for name in values), ", ".join(f":{name}" for name in values)
        session.execute(text(f"INSERT INTO {spec.name} ({names}) VALUES ({marks})"), dict(values))


def _number(value: str) -> object:
    """Read what the journal could not write as a number; other words another program wrote stay words."""
    try:
        return float(value)
    except ValueError:
        return value


def _content(said: str) -> dict[str, object]:
    """Return what a row says, without how often it was changed."""
    found: dict[str, object] = json.loads(said)
    found.pop("row_version", None)
    return found


def _keep(
    session: Session, spec: Layer, fid: int, before: str | None, after: str | None, problem: str | None
) -> HoldRecord:
    """Keep one edit whole."""
    hold_id = f"oe-{secrets.token_hex(6)}"
    said = before or after
    feature_id = str((json.loads(said) if said else {}).get("id") or fid)
    operation: Operation = "insert" if before is None else "delete" if after is None else "update"
    session.execute(
        insert(OutsideHold).values(
            hold_id=hold_id, layer=spec.name, row_fid=fid, feature_id=feature_id, operation=operation, before=before,
            after=after, found_utc=utc_now(), problem=problem, state="held", row_version=1,
        )
    )  # fmt: skip
    return get(session, hold_id)


def _note(hold: HoldRecord) -> audit.Note:
    """Tell the audit of a hold, with what makes another content of it noticed."""
    detail = {
        "hold_id": hold.hold_id,
        "operation": hold.operation,
        "is_put_back": hold.problem is None,
        "problem": hold.problem,
        "before_sha256": _digest(hold.before),
        "after_sha256": _digest(hold.after),
    }
    words = json.dumps(detail, ensure_ascii=False, sort_keys=True)
    return audit.Note(OUTSIDE, "outside edit held", f"{hold.layer}/{hold.feature_id}", words, kind="edit")


def _digest(said: str | None) -> str | None:
    """Return the SHA-256 of a row's words."""
    return None if said is None else hashlib.sha256(said.encode()).hexdigest()


def _record(found: OutsideHold) -> HoldRecord:
    """Copy a row into the record others see."""
    return HoldRecord(
        hold_id=found.hold_id,
        layer=found.layer,
        row_fid=found.row_fid,
        feature_id=found.feature_id,
        operation=cast("Operation", found.operation),
        before=found.before,
        after=found.after,
        found_at=found.found_utc,
        problem=found.problem,
        state=cast("HoldState", found.state),
        reviewer=found.reviewer,
        reason=found.reason,
        decided_at=found.decided_utc,
        row_version=found.row_version,
    )


def describe(holds: Sequence[HoldRecord]) -> str:
    """Name holds for a log.

    Parameters
    ----------
    holds : sequence of HoldRecord
        The holds.

    Returns
    -------
    str
        Ids with what was edited, and what could not be put back.
    """
    return "; ".join(
        f"{one.hold_id} {one.operation} {one.layer}/{one.feature_id}"
        + ("" if one.problem is None else f" (not put back: {one.problem})")
        for one in holds
    )
