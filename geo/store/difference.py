"""How a frame that comes in differs from what its source holds; found by reading alone, for preview and import."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import repeat
from typing import cast

import geopandas as gpd
import numpy as np
import shapely
from sqlalchemy.orm import Session

from geo.arrays import Bool, Int
from geo.store import imports
from geo.store.counts import SyncCounts
from geo.store.features import FeatureVersion, version_at
from geo.store.frames import EncodedRows, Values, encode_frame, is_none
from geo.store.layer import Layer, layer
from geo.store.rows import fetch_columns


@dataclass(frozen=True, slots=True)
class OpenVersions:
    """The open versions of a source, as the database gives them.

    Parameters
    ----------
    fids : array of int64
        Keys.
    ids, valid_to : array of object
        Ids within the source, and stated ends as ISO text.
    columns : Mapping of str to sequence
        What an import may change.
    wkb : sequence
        Geometries.
    """

    fids: Int
    ids: Values
    valid_to: Values
    columns: Mapping[str, Sequence[object]]
    wkb: Sequence[object]

    @classmethod
    def read(cls, session: Session, spec: Layer, source: str, incoming: EncodedRows) -> OpenVersions:
        """Read the open versions of one source.

        Parameters
        ----------
        session : Session
            Any session.
        spec : Layer
            The layer.
        source : str
            The source.
        incoming : EncodedRows
            What is to be compared with them.

        Returns
        -------
        OpenVersions
            Those there are.
        """
        compared = [column.name for column in spec.own]
        if "valid_from" in incoming.values:
            compared.append("valid_from")
        names = ["fid", "id", "valid_to", *compared, "geom"]
        found = fetch_columns(session, spec, names, "source = ? AND closed_import_id IS NULL", [source])
        return cls(
            np.array(found[0], dtype=np.int64),
            _objects(found[1]),
            _dates_as_text(found[2]),
            dict(zip(compared, found[3:-1], strict=True)),
            found[-1],
        )

    def compare(self, spec: Layer, incoming: EncodedRows) -> tuple[Int, Bool]:
        """Match incoming rows by id.

        Parameters
        ----------
        spec : Layer
            The layer.
        incoming : EncodedRows
            Rows coming in.

        Returns
        -------
        tuple of array of int64, array of bool
            By incoming row: its place among the open versions or -1, and whether they differ.
        """
        count = len(incoming)
        if len(self.fids) == 0:
            return np.full(count, -1, np.int64), np.zeros(count, dtype=bool)
        # Of several open versions with one id (copied in QGIS) the first is the feature's.
        place = dict(zip(self.ids.tolist()[::-1], range(len(self.fids) - 1, -1, -1), strict=True))
        match = np.fromiter(map(place.get, incoming.values["id"].tolist(), _minus_one()), np.int64, count)
        known = np.flatnonzero(match >= 0)
        at = match[known]
        differs = np.zeros(len(known), dtype=bool)
        for name, stored in self.columns.items():
            column = _dates_as_text(stored) if spec.columns[name].kind == "date" else _objects(stored)
            if name not in incoming.values:
                differs |= ~is_none(column[at])
                continue
            new = incoming.values[name][known]
            unequal = new != column[at]
            if name == "valid_from":  # a file that states no beginning says nothing against the stored one
                unequal &= ~is_none(new)
            differs |= unequal.astype(bool)
        stated = incoming.values.get("valid_to")
        differs |= (self.valid_to[at] != (None if stated is None else stated[known])).astype(bool)
        differs |= _other_shape(_objects(self.wkb)[at], incoming.wkb[known])
        result = np.zeros(count, dtype=bool)
        result[known] = differs
        return match, result


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """How a source's rows differ from those that come in.

    Parameters
    ----------
    spec : Layer
        The layer.
    source : str
        The source.
    incoming : EncodedRows
        Rows coming in.
    stored : OpenVersions
        Rows there are.
    match : array of int64
        By incoming row: its place among those there are, or -1.
    differs : array of bool
        By incoming row: whether it differs from its match.
    gone : array of bool
        By row there is: whether it is to be closed without a successor.
    """

    spec: Layer
    source: str
    incoming: EncodedRows
    stored: OpenVersions
    match: Int
    differs: Bool
    gone: Bool

    @property
    def changed(self) -> Int:
        """Places of the rows there are that get a new version, in the order of the incoming rows."""
        found: Int = self.match[self.differs & (self.match >= 0)]
        return found

    @property
    def counts(self) -> SyncCounts:
        """How many features are added, changed, closed and left alone."""
        return SyncCounts(
            added=int((self.match < 0).sum()),
            changed=len(self.changed),
            closed=int(self.gone.sum()),
            unchanged=int(((self.match >= 0) & ~self.differs).sum()),
        )

    @property
    def is_any(self) -> bool:
        """Whether there is anything to write."""
        counts = self.counts
        return counts.unchanged < len(self.incoming) or counts.closed > 0

    def replaced(
        self, session: Session, file_names: Sequence[str]
    ) -> list[tuple[FeatureVersion, FeatureVersion | None]]:
        """List versions from certain imports that end, each with what takes its place.

        Parameters
        ----------
        session : Session
            Any session of the state that was compared.
        file_names : sequence of str
            File names of those imports.

        Returns
        -------
        list of tuple
            The version and the one coming in, of which only id and values are known; None where the source has it no
            more. In the order of the ids.
        """
        rows = np.flatnonzero(self.differs & (self.match >= 0))
        ending = dict(zip(self.stored.fids[self.match[rows]].tolist(), rows.tolist(), strict=True))
        ending |= dict.fromkeys(self.stored.fids[self.gone].tolist(), -1)
        found = []
        for fid in imports.keys_brought_by(session, self.spec.name, file_names):
            if fid in ending:
                row = ending[fid]
                before = version_at(session, self.spec.name, fid)
                found.append((before, None if row < 0 else self._as_version(row)))
        return sorted(found, key=lambda pair: pair[0].id)

    def _as_version(self, row: int) -> FeatureVersion:
        """Show an incoming row as the version it would become."""
        values = {column.name: None for column in self.spec.own}
        values |= {name: column[row] for name, column in self.incoming.values.items() if name in values}
        return FeatureVersion(
            fid=0,
            uid="",
            id=str(self.incoming.values["id"][row]),
            source=self.source,
            values=values,
            geometry=self.incoming.geometries[row],
            row_version=1,
            valid_from=None,
            valid_to=None,
            is_present=True,
            import_id=None,
            quality=None,
        )


def compare_layer(
    session: Session,
    layer_name: str,
    frame: gpd.GeoDataFrame,
    *,
    source: str,
    kept_ids: Collection[str] = (),
    is_whole: bool = True,
) -> LayerDifference:
    """Compare a frame with a source's open versions.

    Parameters
    ----------
    session : Session
        Any session.
    layer_name : str
        One of `LAYER_NAMES`.
    frame : GeoDataFrame
        Everything the source holds now, as for `geo.store.layers.sync_layer`.
    source : str
        The unit of re-import.
    kept_ids : collection of str
        Features that stay as they are though the frame lacks them: the source has them, but their rows were refused.
    is_whole : bool
        Whether the frame is all the source holds; False leaves every feature alone that the frame lacks.

    Returns
    -------
    LayerDifference
        What is to be written.

    Raises
    ------
    InputError
        Missing or repeated ids, missing geometries or geometries of another type.
    NotFoundError
        There is no such layer.
    ValueError
        The frame has columns the layer does not know.
    """
    spec = layer(layer_name)
    incoming = encode_frame(spec, frame)
    stored = OpenVersions.read(session, spec, source, incoming)
    match, differs = stored.compare(spec, incoming)
    gone = np.full(len(stored.fids), is_whole)
    gone[match[match >= 0]] = False
    if kept_ids:
        gone &= ~np.fromiter((one in kept_ids for one in stored.ids.tolist()), np.bool_, len(stored.ids))
    return LayerDifference(spec, source, incoming, stored, match, differs, gone)


def _minus_one() -> Sequence[int]:
    """Repeat -1 for ever."""
    return cast("Sequence[int]", repeat(-1))


def _other_shape(old: Values, new: Values) -> Bool:
    """Tell which geometries differ; equal bytes need no parsing."""
    differs: Bool = (old != new).astype(bool)
    rows = np.flatnonzero(differs)
    if len(rows):
        before = shapely.from_wkb(old[rows], on_invalid="ignore")
        differs[rows] = ~shapely.equals_identical(before, shapely.from_wkb(new[rows]))
    return differs


def _objects(values: Sequence[object]) -> Values:
    """Hold database values in an object array."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _dates_as_text(values: Sequence[object]) -> Values:
    """Bring dates of either driver to ISO text."""
    return _objects([value.isoformat() if isinstance(value, date) else value for value in values])
