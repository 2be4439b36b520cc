"""One facility at a time: entering, editing, closing and reopening it by hand, judged as an import judges a row."""

from __future__ import annotations

import hashlib
import json
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import shapely

from geo.catalog.load import common_attributes, facility_type, facility_types
from geo.catalog.schema import FacilityType
from geo.errors import ConflictError, DeniedError, InputError, Lang, Problem, StaleError
from geo.intake.facility import read_facilities
from geo.intake.result import IntakeOptions
from geo.services.demand import is_open_on
from geo.services.outside_check import check_facility_values
from geo.store import Session, audit, features, imports, layers, state
from geo.store.counts import SyncCounts
from geo.store.features import FeatureVersion
from geo.store.pages import today
from geo.store.three_way import stale

LAYER: Final = "facilities"
HAND_SOURCE: Final = "hand"
"""Source of facilities that were entered one by one."""
EDITS: Final = ("facility created", "facility edited", "facility closed", "facility reopened")
"""What stands in place of a file name where a person changed one facility; files to import have an ending."""

_SAME_PLACE_M: Final = 50.0
_METRES_A_DEGREE: Final = 111_320.0
_BY_POSITION: Final = ("raw_x", "raw_y", "raw_crs", "datum_method", "accuracy_m")
_NOT_GIVEN: Final = frozenset({"type", "capacity_unit", "attributes", *_BY_POSITION})
"""Columns that follow from others, or are no plain value."""

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Editor:
    """Who edits.

    Parameters
    ----------
    name : str
        Stands in the audit log.
    district : str or None
        Division code the right to edit is limited to; None for everywhere.
    on_behalf_of : str or None
        Whom they stand in for.
    """

    name: str
    district: str | None = None
    on_behalf_of: str | None = None


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit left behind.

    Parameters
    ----------
    version : FeatureVersion
        The facility as it stands now.
    problems : tuple of Problem
        Notes: thresholds of the type that it misses, words kept as they are.
    """

    version: FeatureVersion
    problems: tuple[Problem, ...]


def attributes_of(version: FeatureVersion) -> dict[str, object]:
    """Return the attributes of a facility's own type.

    Parameters
    ----------
    version : FeatureVersion
        The facility.

    Returns
    -------
    dict
        By name; empty where there are none, or what is stored is no object.
    """
    text = version.values.get("attributes")
    try:
        found = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def create_facility(
    session: Session, *, slug: str, values: Values, lon: float, lat: float, id: str | None, editor: Editor
) -> Edited:
    """Enter a facility.

    Parameters
    ----------
    session : Session
        A writing session.
    slug : str
        Catalogue type.
    values : Mapping
        ``name``, common attributes and attributes of the type by name; None leaves one out.
    lon, lat : float
        Position in EPSG:4490 degrees.
    id : str or None
        Its id among those entered by hand; None makes one.
    editor : Editor
        Who enters it.

    Returns
    -------
    Edited
        The facility and what is to be noted.

    Raises
    ------
    NotFoundError
        The catalogue has no such type.
    InputError
        A value does not fit; every problem is listed.
    ConflictError
        The id is taken.
    DeniedError
        The place lies outside the editor's district.
    """
    kind = facility_type(slug)
    _check_place(session, editor, lon, lat)
    if id is not None and features.id_is_taken(session, LAYER, HAND_SOURCE, id):
        raise ConflictError(f"编号“{id}”已被使用", f"the id '{id}' is taken", id=id)
    # Not made from name and place, as for files: two rooms of one name at one address are two facilities.
    frame, problems = _judge(session, kind, values, lon, lat, id=id or f"h-{secrets.token_hex(6)}")
    problems = (*problems, *_twins(session, kind, str(values.get("name")), lon, lat))
    return _store(session, frame, problems, HAND_SOURCE, "facility created", dict(values), editor)


def _twins(session: Session, kind: FacilityType, name: str, lon: float, lat: float) -> list[Problem]:
    """Note facilities of one name and type at one place: most likely the same one, entered before."""
    frame = layers.read_layer(
        session, LAYER, columns=("id", "source", "name"), on=today(), where={"type": kind.slug, "name": name.strip()}
    )
    frame = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
    spots = frame.geometry.representative_point()
    east = (spots.x.to_numpy() - lon) * _METRES_A_DEGREE * np.cos(np.radians(lat))
    north = (spots.y.to_numpy() - lat) * _METRES_A_DEGREE
    near = frame[np.hypot(east, north) <= _SAME_PLACE_M]
    return [
        Problem(
            "possible_duplicate", "note", "", None, "name", name,
            f"{_SAME_PLACE_M:.0f} 米内已有同名的{kind.title_zh}（来源 {source}，编号 {id}）；若是同一处，请停用一条",
            f"within {_SAME_PLACE_M:.0f} m there is a {kind.title_en} of this name (source {source}, id {id}); if it "
            "is the same one, close one of the two",
        )
        for id, source in zip(near["id"], near["source"], strict=True)
    ]  # fmt: skip


def edit_facility(
    session: Session,
    uid: str,
    *,
    tag: str,
    values: Values,
    lon: float | None,
    lat: float | None,
    editor: Editor,
    action: str = "facility edited",
) -> Edited:
    """Change a facility; what is not given stays as it is.

    Parameters
    ----------
    session : Session
        A writing session.
    uid : str
        Id of any of its versions.
    tag : str
        The state the editor has seen.
    values : Mapping
        New values by name; None removes one.
    lon, lat : float or None
        New position in EPSG:4490 degrees; None leaves it as it is.
    editor : Editor
        Who edits.
    action : str
        What the audit log calls it.

    Returns
    -------
    Edited
        The facility and what is to be noted.

    Raises
    ------
    NotFoundError
        There is no such facility.
    StaleError
        It was changed since; with what was changed.
    InputError
        A value does not fit; every problem is listed.
    ConflictError
        The facility is gone from its source.
    DeniedError
        It lies, or would lie, outside the editor's district.
    """
    now = features.present_version(session, LAYER, uid)
    if now.tag != tag:
        place = {name: value for name, value in (("lon", lon), ("lat", lat)) if value is not None}
        raise _stale(session, now, tag, {**values, **place})
    if not now.is_present:
        raise ConflictError(
            "该设施已不在其来源中，不能编辑；可先撤销移除它的导入",
            "the facility is gone from its source and cannot be edited; undo the import that removed it",
            uid=uid,
        )
    kind = facility_type(str(now.values["type"]))
    point = now.geometry if isinstance(now.geometry, shapely.Point) and not now.geometry.is_empty else None
    at = None if point is None else (point.x, point.y)
    if at is not None:
        _check_place(session, editor, at[0], at[1])
    lon, lat = (old if new is None else new for new, old in zip((lon, lat), at or (None, None), strict=True))
    is_moved = at is None or (lon, lat) != at
    if lon is None or lat is None:
        raise InputError("该设施没有位置，请给出 lon 和 lat", "the facility has no position; give lon and lat", uid=uid)
    if not values and not is_moved:
        return Edited(now, tuple(check_facility(now)))
    _check_place(session, editor, lon, lat)
    frame, problems = _judge(session, kind, _merged(kind, now, values), lon, lat, id=now.id)
    if not is_moved:
        for name in _BY_POSITION:
            frame[name] = [now.values[name]]
    changes = {**values, **({"lon": lon, "lat": lat} if is_moved else {})}
    return _store(session, frame, problems, now.source, action, changes, editor)


def close_facility(session: Session, uid: str, *, tag: str, on: date, editor: Editor) -> Edited:
    """Close a facility from a day on.

    Parameters
    ----------
    session : Session
        A writing session.
    uid : str
        Id of any of its versions.
    tag : str
        The state the editor has seen.
    on : datetime.date
        First day on which it is closed.
    editor : Editor
        Who closes it.

    Returns
    -------
    Edited
        The facility.

    Raises
    ------
    NotFoundError
        There is no such facility.
    StaleError
        It was changed since.
    ConflictError
        It is closed already, or gone from its source.
    DeniedError
        It lies outside the editor's district.
    """
    now = features.present_version(session, LAYER, uid)
    if now.tag == tag and now.values.get("status") == "closed":
        raise ConflictError("该设施已经停用", "the facility is closed already", uid=uid)
    values = {"status": "closed", "close_date": on.isoformat()}
    return edit_facility(
        session, uid, tag=tag, values=values, lon=None, lat=None, editor=editor, action="facility closed"
    )


def reopen_facility(session: Session, uid: str, *, tag: str, editor: Editor) -> Edited:
    """Open a closed or suspended facility again.

    Parameters
    ----------
    session : Session
        A writing session.
    uid : str
        Id of any of its versions.
    tag : str
        The state the editor has seen.
    editor : Editor
        Who opens it.

    Returns
    -------
    Edited
        The facility.

    Raises
    ------
    NotFoundError
        There is no such facility.
    StaleError
        It was changed since.
    ConflictError
        It is open, or gone from its source.
    DeniedError
        It lies outside the editor's district.
    """
    now = features.present_version(session, LAYER, uid)
    if now.tag == tag and now.values.get("status") in (None, "", "open") and now.values.get("close_date") is None:
        raise ConflictError("该设施正在营业", "the facility is open already", uid=uid)
    values = {"status": "open", "close_date": None}
    return edit_facility(
        session, uid, tag=tag, values=values, lon=None, lat=None, editor=editor, action="facility reopened"
    )


def _misnamed(kind: FacilityType, values: Values) -> list[Problem]:
    """Return the problems that no reading of the values can tell: attributes the type does not have, an empty name."""
    known = _known_names(kind)
    problems = [
        Problem(
            "unknown_attribute", "refused", kind.title_zh, None, name, None,
            f"没有这个属性；可用：{'、'.join(known)}", f"no such attribute; allowed: {', '.join(known)}",
        )
        for name in sorted(set(values) - set(known))
    ]  # fmt: skip
    if not str(values.get("name") or "").strip():
        zh, en = "不能为空；请填写名称", "must not be empty; give a name"
        problems.insert(0, Problem("missing_name", "refused", kind.title_zh, None, "name", "", zh, en))
    return problems


def _known_names(kind: FacilityType) -> list[str]:
    """Return what a facility of a type may be told of."""
    return ["name", *(item.name for item in (*common_attributes(), *kind.attributes))]


def _check_place(session: Session, editor: Editor, lon: float, lat: float) -> None:
    """Refuse places outside the district an editor's right is limited to."""
    if editor.district is None:
        return
    ground = features.division_shape(session, editor.district)
    if ground is None or not shapely.intersects_xy(ground, lon, lat):
        raise DeniedError(
            f"({lon}, {lat}) 不在您的辖区 {editor.district} 内",
            f"({lon}, {lat}) lies outside your district {editor.district}",
            district=editor.district,
        )


def _merged(kind: FacilityType, now: FeatureVersion, values: Values) -> dict[str, object]:
    """Lay new values over what is stored."""
    stored = {name: value for name, value in now.values.items() if name not in _NOT_GIVEN}
    own = attributes_of(now)
    hours = own.pop("opening_hours_text", None)
    if hours is not None and stored.get("opening_hours") is None:
        stored["opening_hours"] = hours
    merged = {**stored, **own, **values}
    main = kind.capacity_attribute
    if "capacity" in values and main is not None and main not in values and main in own:
        # The attribute stands behind the column, and would bring the old number back.
        merged[main] = values["capacity"]
    return merged


def _judge(
    session: Session, kind: FacilityType, values: Values, lon: float, lat: float, *, id: str
) -> tuple[gpd.GeoDataFrame, tuple[Problem, ...]]:
    """Judge values as a row of an import is judged: the same words, numbers, dates, hours and limits."""
    misnamed = _misnamed(kind, values)
    known = set(_known_names(kind))
    given = {name: value for name, value in values.items() if name in known and value is not None and value != ""}
    # Without a name the other values would not be judged.
    given |= {"id": id, "name": given.get("name") or "—"}
    feature = {
        "type": "Feature",
        "properties": {name: str(value) if isinstance(value, date) else value for name, value in given.items()},
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
    }
    with tempfile.TemporaryDirectory(prefix="fangyu-") as folder:
        path = Path(folder) / "facility.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}, ensure_ascii=False), "utf-8")
        near = state.bounds(session, without=LAYER)
        found = read_facilities(path, IntakeOptions(datum="cgcs2000", near=near), facility_type=kind)
    problems = tuple(
        replace(problem, file=kind.title_zh, row=None)
        for problem in found.problems
        if problem.code not in ("missing_optional", "unused_columns")
    )
    if misnamed or found.has_refusals:
        refused = misnamed + [problem for problem in problems if problem.severity == "refused"]
        raise InputError(
            "；".join(problem.line("zh") for problem in refused),
            "; ".join(problem.line("en") for problem in refused),
            refused,
        )
    return found.frame, problems


def _store(
    session: Session,
    frame: gpd.GeoDataFrame,
    problems: tuple[Problem, ...],
    source: str,
    action: str,
    changes: Mapping[str, object],
    editor: Editor,
) -> Edited:
    """Store a new version, as an import of one row that can be undone, and say so in the audit log."""
    said = json.dumps({"action": action, "changes": changes}, ensure_ascii=False, sort_keys=True, default=str)
    import_id = imports.register(
        session,
        layer=LAYER,
        source=source,
        file_name=action,
        sha256=hashlib.sha256(said.encode()).hexdigest(),
        actor=editor.name,
        parameters=said,
    )
    counts: SyncCounts = layers.sync_layer(
        session, LAYER, frame, source=source, import_id=import_id, on=date.today(), is_whole=False
    )
    imports.finish(session, import_id, counts, rows_read=1)
    version = features.standing(session, LAYER, source, str(frame["id"].iloc[0]))
    subject = f"{LAYER}/{version.uid}"
    audit.append(session, editor.name, action, subject, said, kind="edit", on_behalf_of=editor.on_behalf_of)
    return Edited(version, problems)


def _stale(session: Session, now: FeatureVersion, tag: str, yours: Values) -> StaleError:
    """Hold what was changed since the editor looked against what they want to change."""
    base = features.as_it_was(session, LAYER, tag, features.versions(session, LAYER, now.uid))
    changed_by, changed_at = features.last_change(session, LAYER, now)
    return stale(
        "该设施在您查看之后已被修改；请核对后重试",
        "the facility was changed since you looked at it; look again and retry",
        tag=now.tag,
        base=None if base is None else _plain(base),
        yours={name: value.isoformat() if isinstance(value, date) else value for name, value in yours.items()},
        theirs=_plain(now),
        changed_by=changed_by,
        changed_at=changed_at,
    )


def changed_fields(before: FeatureVersion, after: FeatureVersion) -> dict[str, dict[str, object]]:
    """Compare two versions.

    Parameters
    ----------
    before, after : FeatureVersion
        The versions.

    Returns
    -------
    dict
        By field: what it was and what it is, as JSON values.
    """
    old, new = _plain(before), _plain(after)
    return {
        name: {"before": old.get(name), "after": new.get(name)}
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }


_TOLD: Final = 6
"""Changes that are told one by one."""


def describe_changes(before: FeatureVersion, after: FeatureVersion | None, lang: Lang) -> str:
    """Say in words how two versions differ.

    Parameters
    ----------
    before : FeatureVersion
        The earlier version.
    after : FeatureVersion or None
        The later one; None where there is none.
    lang : {"zh", "en"}
        Language.

    Returns
    -------
    str
        Such as ``座位：44 → 30``; a missing value is a dash.
    """
    if after is None:
        return "文件中已没有" if lang == "zh" else "the file no longer holds it"
    slug = str(after.values.get("type"))
    own = facility_type(slug).attributes if slug in facility_types() else ()
    titles = {item.name: (item.title_zh, item.title_en) for item in (*common_attributes(), *own)}
    titles |= {"name": ("名称", "name"), "lon": ("经度", "longitude"), "lat": ("纬度", "latitude")}
    changed = changed_fields(before, after)
    told = [
        f"{titles.get(name, (name, name))[lang == 'en']}{'：' if lang == 'zh' else ': '}"
        f"{_shown(one['before'])} → {_shown(one['after'])}"
        for name, one in list(changed.items())[:_TOLD]
    ]
    if len(changed) > _TOLD:
        more = len(changed) - _TOLD
        told.append(f"另有 {more} 项" if lang == "zh" else f"and {more} more")
    return ("；" if lang == "zh" else "; ").join(told)


def _shown(value: object) -> str:
    """Write a value into a sentence."""
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return "–" if value is None or value == "" else str(value)


def _plain(version: FeatureVersion) -> dict[str, object]:
    """Return everything a person may change, as JSON values."""
    found: dict[str, object] = {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in version.values.items()
        if name not in _NOT_GIVEN
    }
    found |= attributes_of(version)
    if isinstance(version.geometry, shapely.Point) and not version.geometry.is_empty:
        found["lon"], found["lat"] = version.geometry.x, version.geometry.y
    return found


def is_open_today(version: FeatureVersion) -> bool:
    """Tell whether a facility stands and is open today: what everybody may see.

    Parameters
    ----------
    version : FeatureVersion
        The facility.

    Returns
    -------
    bool
        True when it is.
    """
    dates = (version.values["open_date"], version.values["close_date"])
    is_valid = version.valid_to is None or version.valid_to > today()
    return version.is_present and is_valid and is_open_on(version.values["status"], *dates, today())


def check_facility(version: FeatureVersion) -> Sequence[Problem]:
    """Hold a facility against the limits of its type.

    Parameters
    ----------
    version : FeatureVersion
        The facility.

    Returns
    -------
    sequence of Problem
        Notes about limits it misses, and about what does not fit the catalogue.
    """
    return check_facility_values({"fid": version.fid, **version.values})
