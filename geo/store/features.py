"""Single features with their versions: found by the id of any version, whichever of them holds now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from geo.errors import NotFoundError
from geo.store import journal
from geo.store.layer import layer
from geo.store.tables import NEVER, Import


@dataclass(frozen=True, slots=True)
class FeatureVersion:
    """One version of one feature.

    Parameters
    ----------
    fid : int
        Key of its row.
    uid : str
        Id of this version, unique in the store for ever.
    id, source : str
        The feature's id within its source, and the source.
    values : Mapping
        The layer's own columns.
    geometry : shapely geometry or None
        In EPSG:4490.
    row_version : int
        How often the row was changed in place.
    valid_from, valid_to : date or None
        Dates the version holds between; None is open.
    is_present : bool
        Whether the newest import or edit left it standing.
    import_id : int or None
        What brought it.
    quality : str or None
        What was found wrong with it, as JSON.
    """

    fid: int
    uid: str
    id: str
    source: str
    values: Mapping[str, object]
    geometry: BaseGeometry | None
    row_version: int
    valid_from: date | None
    valid_to: date | None
    is_present: bool
    import_id: int | None
    quality: str | None

    @property
    def tag(self) -> str:
        """What changes whenever the feature does, by whichever program.

        Returns
        -------
        str
            Id and row version.
        """
        return f"{self.uid}.{self.row_version}"


def find_version(session: Session, layer_name: str, uid: str) -> FeatureVersion:
    """Find one version by its id.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        Layer.
    uid : str
        Id of the version.

    Returns
    -------
    FeatureVersion
        The version.

    Raises
    ------
    NotFoundError
        There is no such layer or version.
    """
    found = _read(session, layer_name, layer(layer_name).table.c.uid == uid)
    if not found:
        raise NotFoundError(f"没有编号为“{uid}”的记录", f"there is no record '{uid}'", uid=uid)
    return found[0]


def present_version(session: Session, layer_name: str, uid: str) -> FeatureVersion:
    """Find the version of a feature that stands now, given the id of any of its versions.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        Layer.
    uid : str
        Id of any version.

    Returns
    -------
    FeatureVersion
        The standing version, or the last one of a feature that is gone.

    Raises
    ------
    NotFoundError
        There is no such layer or version.
    """
    return versions(session, layer_name, uid)[0]


def versions(session: Session, layer_name: str, uid: str) -> list[FeatureVersion]:
    """List the versions of a feature, the standing one first, then from new to old.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        Layer.
    uid : str
        Id of any version.

    Returns
    -------
    list of FeatureVersion
        Versions that were taken back are left out, unless there is no other.

    Raises
    ------
    NotFoundError
        There is no such layer or version.
    """
    one = find_version(session, layer_name, uid)
    rows = layer(layer_name).table.c
    found = _read(session, layer_name, and_(rows.source == one.source, rows.id == one.id))
    stood = [version for version in found if version.valid_to != NEVER] or found
    return sorted(stood, key=lambda version: (version.is_present, version.fid), reverse=True)


def version_at(session: Session, layer_name: str, fid: int) -> FeatureVersion:
    """Read one version by the key of its row.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        Layer.
    fid : int
        The key, of a row there is.

    Returns
    -------
    FeatureVersion
        The version.
    """
    return _read(session, layer_name, layer(layer_name).table.c.fid == fid)[0]


def as_it_was(session: Session, layer_name: str, tag: str, known: Sequence[FeatureVersion]) -> FeatureVersion | None:
    """Return a feature in the state that a tag names, through its versions and the journal of edits in place.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        Layer.
    tag : str
        What `FeatureVersion.tag` was then.
    known : sequence of FeatureVersion
        The feature's versions.

    Returns
    -------
    FeatureVersion or None
        None where the store does not know that state.
    """
    uid, _, number = tag.rpartition(".")
    version = next((one for one in known if one.uid == uid), None)
    if version is None or not number.isdecimal() or len(number) > 18 or int(number) > version.row_version:
        return None
    spec = layer(layer_name)
    said = journal.content_before(session, spec, version.fid, int(number))
    if said is None:
        return replace(version, row_version=int(number))
    values, shape = journal.decode_row(session, spec, said)
    own = {column.name: values[column.name] for column in spec.own}
    return replace(version, values=own, geometry=shape, row_version=int(number))


def last_change(session: Session, layer_name: str, version: FeatureVersion) -> tuple[str | None, datetime | None]:
    """Tell who changed a feature last, and when.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        Layer.
    version : FeatureVersion
        As it stands now.

    Returns
    -------
    str or None
        Who imported or edited it; ``outside`` for another program, None where nothing is known.
    datetime or None
        When.
    """
    spec = layer(layer_name)
    in_place = journal.last_change(session, spec, version.fid)
    if in_place is not None and in_place[0] != "fangyu":
        return "outside", in_place[1]
    rows = spec.table.c
    found = session.execute(
        select(Import.actor, Import.started_at)
        .join(spec.table, Import.fid == func.coalesce(rows.closed_import_id, rows.import_id))
        .where(rows.fid == version.fid)
    ).first()
    return (None, None) if found is None else (found.actor, found.started_at)


def _read(session: Session, layer_name: str, condition: ColumnElement[bool]) -> list[FeatureVersion]:
    """Read versions in the order of their rows."""
    spec = layer(layer_name)
    rows = spec.table.c
    own = [column.name for column in spec.own]
    kept = ("fid", "uid", "id", "source", "row_version", "valid_from", "valid_to", "closed_import_id", "import_id")
    query = select(*(rows[name] for name in (*kept, "quality", *own)), rows.geom).where(condition).order_by(rows.fid)
    made = []
    for row in session.execute(query).mappings():
        made.append(
            FeatureVersion(
                fid=row["fid"],
                uid=row["uid"] or "",
                id=row["id"] or "",
                source=row["source"] or "",
                values={name: row[name] for name in own},
                geometry=row["geom"],
                row_version=row["row_version"] or 1,
                valid_from=row["valid_from"],
                valid_to=row["valid_to"],
                is_present=row["closed_import_id"] is None,
                import_id=row["import_id"],
                quality=row["quality"],
            )
        )
    return made


def standing(session: Session, layer_name: str, source: str, id: str) -> FeatureVersion:
    """Find the standing version of a source's feature.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        Layer.
    source : str
        The source.
    id : str
        The feature's id within it.

    Returns
    -------
    FeatureVersion
        The version.

    Raises
    ------
    NotFoundError
        There is none.
    """
    rows = layer(layer_name).table.c
    found = _read(session, layer_name, and_(rows.source == source, rows.id == id, rows.closed_import_id.is_(None)))
    if not found:
        raise NotFoundError(
            f"来源“{source}”中没有编号为“{id}”的记录", f"source '{source}' has no record '{id}'", source=source, id=id
        )
    return found[-1]


def id_is_taken(session: Session, layer_name: str, source: str, id: str) -> bool:
    """Tell whether a source has a standing feature with an id.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        Layer.
    source : str
        The source.
    id : str
        The id.

    Returns
    -------
    bool
        Whether it has.

    Raises
    ------
    NotFoundError
        There is no such layer.
    """
    rows = layer(layer_name).table.c
    taken = (rows.source == source, rows.id == id, rows.closed_import_id.is_(None))
    return bool(session.scalar(select(func.count()).select_from(layer(layer_name).table).where(*taken)))


def division_shape(session: Session, code: str) -> BaseGeometry | None:
    """Return the ground of an administrative division as it is today.

    Parameters
    ----------
    session : Session
        Any session.
    code : str
        Division code.

    Returns
    -------
    shapely geometry or None
        In EPSG:4490; None where there is no such division.
    """
    rows = layer("admin_divisions").table.c
    today = date.today()
    query = select(rows.geom).where(
        rows.code == code,
        rows.closed_import_id.is_(None),
        rows.valid_to.is_(None) | (rows.valid_to > today),
    )
    shapes = [shape for shape in session.scalars(query) if shape is not None]
    return shapely.union_all(shapes) if shapes else None
