"""Reviewing what other programs made of published legal records: each held edit is accepted or let go, once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.errors import ConflictError, DeniedError, InputError, Problem, StaleError
from geo.services.facility import Editor
from geo.store import Session, audit, features, imports, journal, layers, outside_holds
from geo.store.columns import utc_text
from geo.store.counts import SyncCounts
from geo.store.features import FeatureVersion
from geo.store.frames import decode_column
from geo.store.geometry import SRID
from geo.store.layer import Layer, layer
from geo.store.outside import OUTSIDE_SOURCE
from geo.store.outside_holds import HoldRecord
from geo.store.pages import today
from geo.store.row_checks import check_rows
from geo.store.three_way import stale
from geo.workflow.district import contains_district

describe_edits = outside_holds.describe
has_pending = outside_holds.has_pending
count_held = outside_holds.count_held

Decision = Literal["accepted", "restored"]
STATES: Final = ("held", "accepted", "restored")
ACCEPTED: Final = "outside edit accepted"
"""Stands in place of a file name where a version came from an accepted edit."""
LONGEST_REASON: Final = 500

_KEPT_BY_US: Final = frozenset(
    {"fid", "uid", "row_version", "import_id", "import_line", "closed_import_id", "stated_valid_to", "quality"}
)
"""Columns in which Fangyu keeps its own books; what another program writes there is not applied."""


@dataclass(frozen=True, slots=True)
class HeldEdit:
    """A held edit, read for people.

    Parameters
    ----------
    hold : HoldRecord
        The hold.
    changed : Mapping
        By field that differs: what was published and what was made of it, as JSON values.
    before, after : shapely geometry or None
        Geometries in EPSG:4490.
    is_moved : bool
        Whether they differ.
    """

    hold: HoldRecord
    changed: Mapping[str, Mapping[str, object]]
    before: BaseGeometry | None
    after: BaseGeometry | None
    is_moved: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision left behind.

    Parameters
    ----------
    edit : HeldEdit
        The edit, decided.
    version : FeatureVersion or None
        The new version; None where nothing new was published.
    """

    edit: HeldEdit
    version: FeatureVersion | None


def list_edits(
    session: Session, *, state: str | None = "held", district: str | None = None, limit: int = 1000
) -> list[HeldEdit]:
    """List held edits, the newest first.

    Parameters
    ----------
    session : Session
        Any session.
    state : str or None
        One of `STATES`; None for all.
    district : str, optional
        Division code: only edits of what lies in it.
    limit : int
        At most so many.

    Returns
    -------
    list of HeldEdit
        The edits.
    """
    found = [_read(session, one) for one in outside_holds.list_holds(session, state=state)]
    mine = [one for one in found if district is None or _is_inside(session, one, district)]
    return mine[:limit]


def get_edit(session: Session, hold_id: str, *, district: str | None = None) -> HeldEdit:
    """Find a held edit.

    Parameters
    ----------
    session : Session
        Any session.
    hold_id : str
        Its id.
    district : str, optional
        Division code the right to look at it is limited to.

    Returns
    -------
    HeldEdit
        The edit.

    Raises
    ------
    NotFoundError
        There is none.
    DeniedError
        It lies outside the district.
    """
    edit = _read(session, outside_holds.get(session, hold_id))
    if district is not None and not _is_inside(session, edit, district):
        raise DeniedError(
            f"外部修改“{hold_id}”不在您的辖区 {district} 内",
            f"the outside edit '{hold_id}' lies outside your district {district}",
            district=district,
        )
    return edit


def decide_edit(
    session: Session, hold_id: str, decision: Decision, *, tag: str | None, reason: str, reviewer: Editor
) -> Decided:
    """Accept a held edit, which makes it a new version, or let it go.

    Parameters
    ----------
    session : Session
        A writing session.
    hold_id : str
        The edit.
    decision : {"accepted", "restored"}
        What is decided.
    tag : str or None
        The state of the hold the reviewer has seen; None for whichever it is in.
    reason : str
        Why; stands in the audit.
    reviewer : Editor
        Who decides.

    Returns
    -------
    Decided
        The edit, and the new version where there is one.

    Raises
    ------
    NotFoundError
        There is no such edit.
    DeniedError
        It lies outside the reviewer's district.
    StaleError
        It was decided since the reviewer looked.
    ConflictError
        It has been decided, the record has changed since, or the published content cannot be put back.
    InputError
        There is no reason, or the edited row is none that a layer may hold.
    """
    edit = get_edit(session, hold_id, district=reviewer.district)
    hold = edit.hold
    if tag is not None and tag != hold.tag:
        raise _stale(hold, decision)
    if hold.state != "held":
        raise ConflictError(
            f"外部修改“{hold_id}”已由 {hold.reviewer} 处理",
            f"the outside edit '{hold_id}' has been decided by {hold.reviewer}",
            state=hold.state,
        )
    said = _check_reason(reason)
    version = apply_edit(session, edit, actor=reviewer.name) if decision == "accepted" else None
    if decision == "restored":
        _ensure_published(session, hold)
    settled = outside_holds.settle(session, hold, state=decision, reviewer=reviewer.name, reason=said)
    detail = {
        "hold_id": hold_id,
        "operation": hold.operation,
        "reason": said,
        "uid": None if version is None else version.uid,
        "changed": {name: dict(one) for name, one in edit.changed.items()},
        "is_moved": edit.is_moved,
    }
    audit.append(
        session, reviewer.name, ACCEPTED if decision == "accepted" else "outside edit restored",
        f"{hold.layer}/{hold.feature_id}", json.dumps(detail, ensure_ascii=False, sort_keys=True, default=str),
        kind="decision", on_behalf_of=reviewer.on_behalf_of,
    )  # fmt: skip
    return Decided(_read(session, settled), version)


def apply_edit(session: Session, edit: HeldEdit, *, actor: str) -> FeatureVersion | None:
    """Publish what another program made of a record, as a version like any other.

    Says nothing about who may: whoever calls it has decided that, be it one reviewer or the steps of a case.

    Parameters
    ----------
    session : Session
        A writing session.
    edit : HeldEdit
        The edit.
    actor : str
        Who publishes it.

    Returns
    -------
    FeatureVersion or None
        The new version; None where a feature ended.

    Raises
    ------
    ConflictError
        The record has changed since, or nothing is left to publish.
    InputError
        The edited row is none that the layer may hold.
    """
    hold, spec = edit.hold, layer(edit.hold.layer)
    _refuse_changed(session, hold)
    _ensure_published(session, hold)
    before = None if hold.before is None else journal.decode_row(session, spec, hold.before)[0]
    if before is not None and before["closed_import_id"] is not None:
        raise ConflictError(
            "被修改的是历史版本，历史不能改写，只能恢复",
            "what was edited is a version of the past, which is not rewritten: it can only be restored",
        )
    frame, source = (None, str((before or {})["source"])) if hold.after is None else _frame(session, spec, hold, before)
    if before is not None and frame is not None and not edit.is_moved and not edit.changed:
        raise ConflictError(
            "该修改只涉及系统自用的字段，没有可发布的内容，只能恢复",
            "the edit concerns only columns that Fangyu keeps for itself: there is nothing to publish, only to restore",
        )
    said = hold.after or hold.before or ""
    import_id = imports.register(
        session, layer=spec.name, source=source, file_name=ACCEPTED, sha256=hashlib.sha256(said.encode()).hexdigest(),
        actor=actor, parameters=json.dumps({"hold_id": hold.hold_id}),
    )  # fmt: skip
    counts = SyncCounts()
    is_other = before is not None and frame is not None and (before["id"], before["source"]) != (frame["id"][0], source)
    if frame is not None and (before is None or is_other):
        _refuse_taken(session, spec, source, str(frame["id"][0]))
    if frame is None or is_other:
        ending = features.version_at(session, spec.name, hold.row_fid)
        counts += layers.end_version(session, spec.name, ending, import_id=import_id, on=today())
    if frame is not None:
        counts += layers.sync_layer(
            session, spec.name, frame, source=source, import_id=import_id, on=today(), is_whole=False
        )
    imports.finish(session, import_id, counts, rows_read=1)
    return None if frame is None else features.standing(session, spec.name, source, str(frame["id"][0]))


def _read(session: Session, hold: HoldRecord) -> HeldEdit:
    """Read a hold for people."""
    spec = layer(hold.layer)
    old, before = ({}, None) if hold.before is None else journal.decode_row(session, spec, hold.before)
    new, after = ({}, None) if hold.after is None else journal.decode_row(session, spec, hold.after)
    changed = {
        name: {"before": _plain(old.get(name)), "after": _plain(new.get(name))}
        for name in spec.columns
        if name not in _KEPT_BY_US and old.get(name) != new.get(name)
    }
    is_same = before is after or (before is not None and after is not None and before.equals_exact(after, 0.0))
    return HeldEdit(hold, changed, before, after, not is_same)


def _is_inside(session: Session, edit: HeldEdit, district: str) -> bool:
    """Tell whether all an edit is about lies in a district: by the code of the row, or where it has none by place."""
    rows = [
        (json.loads(said), shape)
        for said, shape in ((edit.hold.before, edit.before), (edit.hold.after, edit.after))
        if said is not None
    ]
    ground = features.division_shape(session, district)
    for row, shape in rows:
        code = row.get("code") or row.get("division_code")
        if code is not None:
            inside = _says_inside(district, str(code))
        else:
            spot = None if shape is None or shape.is_empty else shape.representative_point()
            inside = ground is not None and spot is not None and bool(shapely.intersects(ground, spot))
        if not inside:
            return False
    return True


def _says_inside(district: str, code: str) -> bool:
    """Tell whether a code lies in a district; what is no code lies nowhere."""
    try:
        return contains_district(district, code)
    except InputError:
        return False


def _refuse_changed(session: Session, hold: HoldRecord) -> None:
    """Refuse where the record was changed since the edit was found."""
    stands = outside_holds.row_now(session, layer(hold.layer), hold.row_fid)
    expected = hold.before if hold.problem is None else hold.after
    if not outside_holds.is_same(stands, expected) and not outside_holds.is_same(stands, hold.before):
        raise ConflictError(
            f"记录“{hold.feature_id}”在此之后已被修改，不能再采纳该外部修改；请按现状另行修改，并恢复（关闭）此项",
            f"the record '{hold.feature_id}' has changed since: the outside edit cannot be accepted any more; change "
            "the record as it stands, and restore this edit to close it",
            feature_id=hold.feature_id,
        )


def _ensure_published(session: Session, hold: HoldRecord) -> None:
    """See to it that the published content stands, where it could not be put back before."""
    stands = outside_holds.row_now(session, layer(hold.layer), hold.row_fid)
    # What was changed by right since is not undone.
    if hold.problem is None or not outside_holds.is_same(stands, hold.after):
        return
    problem = outside_holds.put_back(session, hold)
    if problem is not None:
        raise ConflictError(
            f"记录“{hold.feature_id}”的公布内容仍无法恢复：{problem}；请先排除该障碍",
            f"the published content of '{hold.feature_id}' still cannot be put back: {problem}; remove what is in the "
            "way first",
            feature_id=hold.feature_id,
        )


def _refuse_taken(session: Session, spec: Layer, source: str, id: str) -> None:
    """Refuse an id that a standing feature of the source has."""
    if features.id_is_taken(session, spec.name, source, id):
        raise ConflictError(
            f"来源“{source}”中已有编号“{id}”",
            f"the source '{source}' has a record '{id}' already",
            id=id,
            source=source,
        )


def _frame(
    session: Session, spec: Layer, hold: HoldRecord, before: Mapping[str, object] | None
) -> tuple[gpd.GeoDataFrame, str]:
    """Write an edited row as a frame that the layer takes, and say of which source it is."""
    assert hold.after is not None
    values, shape = journal.decode_row(session, spec, hold.after)
    kept = before or {}
    # Whoever draws a row names neither; who empties them does not mean another feature.
    identity = values["id"] or kept.get("id") or f"new-{hold.row_fid}"
    source = values["source"] or kept.get("source") or OUTSIDE_SOURCE
    values |= {"id": str(identity), "fid": hold.row_fid}
    data = {name: decode_column([values[name]], column) for name, column in spec.columns.items()}
    rows = gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([shape], crs=SRID), crs=SRID)
    problems = check_rows(spec, rows, np.zeros(1, dtype=bool))
    if "code" in spec.columns and not values["code"]:
        zh, en = "缺少代码；每条记录都要有", "the code is missing; each record has one"
        problems.append(Problem("missing_code", "refused", spec.name, None, "code", None, zh, en))
    _refuse_unfit(problems, spec)
    names = ["id", *(column.name for column in spec.own), "valid_from", "valid_to"]
    said = [name for name in names if rows[name].notna().all()]
    return rows[[*said, rows.geometry.name]], str(source)


def _refuse_unfit(problems: Sequence[Problem], spec: Layer) -> None:
    """Refuse a row that no import would have brought."""
    if problems:
        raise InputError(
            f"修改后的{spec.title_zh}不合要求，不能采纳：" + "；".join(one.message_zh for one in problems),
            "the edited row cannot be accepted: " + "; ".join(one.message_en for one in problems),
            problems,
        )


def _check_reason(reason: str) -> str:
    """Return the reason of a decision; there must be one."""
    said = reason.strip()
    if not said or len(said) > LONGEST_REASON:
        raise InputError(
            f"reason 应为 1 到 {LONGEST_REASON} 个字的处理理由",
            f"reason must say in 1 to {LONGEST_REASON} characters why",
            field="reason",
        )
    return said


def _stale(hold: HoldRecord, decision: Decision) -> StaleError:
    """Say who has decided meanwhile."""
    return stale(
        "该外部修改在您查看之后已被处理",
        "the outside edit was decided since you looked at it",
        tag=hold.tag,
        base={"state": "held", "reviewer": None, "reason": None},
        yours={"state": decision},
        theirs={"state": hold.state, "reviewer": hold.reviewer, "reason": hold.reason},
        changed_by=hold.reviewer,
        changed_at=hold.decided_at,
    )


def _plain(value: object) -> object:
    """Return a value as JSON knows it."""
    return value.isoformat() if isinstance(value, date) else value


def edit_json(edit: HeldEdit, *, is_whole: bool = False) -> dict[str, object]:
    """Write a held edit.

    Parameters
    ----------
    edit : HeldEdit
        The edit.
    is_whole : bool
        With both geometries as GeoJSON.

    Returns
    -------
    dict
        JSON values.
    """
    hold = edit.hold
    told: dict[str, object] = {
        "hold_id": hold.hold_id,
        "layer": hold.layer,
        "feature_id": hold.feature_id,
        "operation": hold.operation,
        "changed": edit.changed,
        "is_moved": edit.is_moved,
        "found_utc": utc_text(hold.found_at),
        "is_put_back": hold.problem is None,
        "problem": hold.problem,
        "state": hold.state,
        "reviewer": hold.reviewer,
        "reason": hold.reason,
        "decided_utc": None if hold.decided_at is None else utc_text(hold.decided_at),
        "etag": f'"{hold.tag}"',
    }
    if is_whole:
        for name, shape in (("geometry_before", edit.before), ("geometry_after", edit.after)):
            told[name] = None if shape is None else json.loads(shapely.to_geojson(shape))
    return told
