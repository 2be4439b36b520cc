"""Served layers as one archive of vector tiles, made by the encoder of the tile route."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from geo.catalog.map_layer import MapLayer
from geo.errors import InputError, Lang
from geo.export.pmtiles import Address, ArchiveHead, tile_order, write_pmtiles
from geo.services.served_layer import FeatureQuery, layer_extent, layer_fields
from geo.services.tile import COUNTS, MOST_FEATURES, TRUNCATED, TilePart, compressed, tile_part
from geo.store import Session
from geo.store.pages import Box, today
from geo.tiles.encode import TileLayer, encode_tile
from geo.tiles.matrix import MATRIX_SETS

MOST_TILES: Final = 60_000
"""Tiles an archive may be made of."""
DEEPEST_USUAL: Final = 14
"""Last zoom where none is asked for; viewers enlarge its tiles."""
_SET: Final = MATRIX_SETS["WebMercatorQuad"]
_KINDS: Final = {"text": "String", "int": "Number", "real": "Number", "bool": "Boolean", "date": "String"}


@dataclass(frozen=True, slots=True)
class ArchivePlan:
    """What goes into an archive.

    Parameters
    ----------
    layers : tuple of MapLayer
        Layers.
    query : FeatureQuery
        Which rows, and for whose eyes; a box chooses tiles, whose features are whole.
    title, description : str
        For people.
    lang : {"zh", "en"}
        Language of the layers' descriptions.
    is_synthetic, is_internal : bool
        What the archive is marked as.
    is_counted : bool
        Whether layers stand as counts below their zoom; otherwise they are left out there.
    first, last : int or None
        Zooms; None for what suits the layers.
    """

    layers: tuple[MapLayer, ...]
    query: FeatureQuery
    title: str
    description: str
    lang: Lang
    is_synthetic: bool
    is_internal: bool
    is_counted: bool = True
    first: int | None = None
    last: int | None = None

    @property
    def zooms(self) -> range:
        """The zooms of the archive.

        Returns
        -------
        range
            From the first to the last.

        Raises
        ------
        InputError
            The last comes before the first.
        """
        usual = max(DEEPEST_USUAL, *(layer.zoom for layer in self.layers))
        least = 0 if self.is_counted else min(layer.zoom for layer in self.layers)
        last = usual if self.last is None else self.last
        first = min(least, last) if self.first is None else self.first
        if not 0 <= first <= last <= 22:
            raise InputError(
                f"级别 {first} 到 {last} 有误；应为 0 到 22，且起始级别不大于终止级别",
                f"zooms {first} to {last} do not fit; allowed: 0 to 22, the first not above the last",
                parameters=["minzoom", "maxzoom"],
            )
        return range(first, last + 1)


def write_archive(session: Session, plan: ArchivePlan, path: Path, *, check: Callable[[], None]) -> int:
    """Write an archive.

    Parameters
    ----------
    session : Session
        A session that only reads: the archive is one state of the store.
    plan : ArchivePlan
        What goes into it.
    path : pathlib.Path
        The file.
    check : callable
        Called before every tile; raises to end the writing.

    Returns
    -------
    int
        Tiles written.

    Raises
    ------
    InputError
        There is nothing to draw, or there would be too many tiles.
    """
    zooms, boxes = plan.zooms, _boxes(session, plan)
    made = _Tiles(session, plan, boxes, check)
    whole = (
        min(box[0] for box in boxes), min(box[1] for box in boxes),
        max(box[2] for box in boxes), max(box[3] for box in boxes),
    ) if boxes else (0.0, 0.0, 0.0, 0.0)  # fmt: skip
    head = ArchiveHead(whole, min(max(zooms.start, 10), zooms[-1]), _metadata(plan, zooms))
    return write_pmtiles(path, made, head)


class _Tiles:
    """The tiles of an archive in its order."""

    def __init__(self, session: Session, plan: ArchivePlan, boxes: Sequence[Box], check: Callable[[], None]) -> None:
        self._session = session
        self._plan = plan
        self._boxes = boxes
        self._check = check
        self._full: set[tuple[int, int]] | None = None
        self._asked = 0

    def __iter__(self) -> Iterator[tuple[Address, bytes]]:
        """Make tile after tile."""
        layers = self._plan.layers
        for zoom in self._plan.zooms:
            full: set[tuple[int, int]] = set()
            for _, column, row in self._wanted(zoom):
                self._check()
                box = _SET.box(zoom, row, column)
                parts = [
                    tile_part(self._session, layer, box, zoom, self._plan.query)
                    for layer in layers
                    if self._plan.is_counted or zoom >= layer.zoom
                ]
                # Features beyond the edge are in the tile's buffer, so a child is never fuller than its parent.
                if any(part.whole for part in parts):
                    full.add((column, row))
                if body := encode_tile(_joined(parts), box):
                    yield (zoom, column, row), compressed(body)
            # Counts stand where a feature's middle is, which may be outside a tile that it reaches into.
            self._full = full if all(zoom >= layer.zoom for layer in layers) else None

    def _wanted(self, zoom: int) -> list[Address]:
        """Find the tiles of a zoom that may hold something."""
        found: set[Address] = set()
        for box in self._boxes:
            cover = _SET.cover(box, zoom)
            if self._full is None:
                self._refuse(len(cover) + self._asked, zoom)
                found |= {(zoom, column, row) for _, row, column in cover}
                continue
            for column, row in self._full:
                for x in (2 * column, 2 * column + 1):
                    for y in (2 * row, 2 * row + 1):
                        if cover.first_column <= x <= cover.last_column and cover.first_row <= y <= cover.last_row:
                            found.add((zoom, x, y))
        self._asked += len(found)
        self._refuse(self._asked, zoom)
        return sorted(found, key=tile_order)

    def _refuse(self, tiles: int, zoom: int) -> None:
        """Refuse an archive that would be too large."""
        if tiles > MOST_TILES:
            raise InputError(
                f"到第 {zoom} 级已有 {tiles:,} 个瓦片，超过上限 {MOST_TILES:,}；请降低 maxzoom 或缩小范围",
                f"{tiles:,} tiles down to zoom {zoom} are more than {MOST_TILES:,}; lower maxzoom or ask for less",
                parameters=["maxzoom"],
            )


def _joined(parts: Sequence[TilePart]) -> list[TileLayer]:
    """Put the layers of all parts together; of notes of truncation, a tile holds the first."""
    found: dict[str, TileLayer] = {}
    for part in parts:
        for layer in part.layers:
            found.setdefault(layer.name, layer)
    return list(found.values())


def _boxes(session: Session, plan: ArchivePlan) -> list[Box]:
    """Where the layers lie, within the boxes that are asked for."""
    found_in = (layer_extent(session, layer, district=plan.query.district) for layer in plan.layers)
    extents = [extent.box for extent in found_in if extent.box]
    if not extents:
        return []
    whole = (
        min(box[0] for box in extents), min(box[1] for box in extents),
        max(box[2] for box in extents), max(box[3] for box in extents),
    )  # fmt: skip
    found = []
    for box in plan.query.boxes or (whole,):
        cut = (max(box[0], whole[0]), max(box[1], whole[1]), min(box[2], whole[2]), min(box[3], whole[3]))
        if cut[0] <= cut[2] and cut[1] <= cut[3]:
            found.append(cut)
    return found


def _metadata(plan: ArchivePlan, zooms: range) -> dict[str, object]:
    """Say what the tiles hold."""
    described: list[dict[str, object]] = []
    for layer in plan.layers:
        title = layer.title_zh if plan.lang == "zh" else layer.title_en
        fields = {name: _KINDS[kind] for name, kind in layer_fields(layer)}
        first = max(layer.zoom, zooms.start)
        if first <= zooms[-1]:
            described.append(
                {"id": layer.name, "description": title, "fields": fields, "minzoom": first, "maxzoom": zooms[-1]}
            )
        if plan.is_counted and zooms.start < layer.zoom:
            last = min(layer.zoom - 1, zooms[-1])
            counts = {"id": f"{layer.name}{COUNTS}", "description": title, "fields": {"count": "Number"}}
            described.append({**counts, "minzoom": zooms.start, "maxzoom": last})
    return {
        "name": plan.title,
        "description": plan.description,
        "attribution": "方舆 Fangyu",
        "type": "overlay" if plan.is_counted else "baselayer",
        "version": "1",
        "made_on": today().isoformat(),
        "is_synthetic": plan.is_synthetic,
        "classification": "internal" if plan.is_internal else "public",
        "truncation": f"{MOST_FEATURES} features a tile; a layer {TRUNCATED} where there are more",
        "vector_layers": described,
    }
