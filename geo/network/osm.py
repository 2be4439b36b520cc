"""Reading streets from OpenStreetMap files: ``.osm.pbf``, ``.osm``, ``.osm.gz``, ``.osm.bz2``.

The file is streamed through osmium, never loaded whole: one pass over the nodes keeps their places and writes
barriers and crossings, one pass over ways and relations writes streets, barriers and residential land with
places, as text (see `geo.network.osm_text`); order in the file does not matter. Rules live in
`geo.network.osm_tags`.

Left out on purpose: ferries (an older walker's circle does not wait for a boat), ways inside buildings and
moving stairs (kept as rows, not walked on).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import osmium

from geo.errors import DataSourceError, InputError
from geo.intake.sniff import OSM_SUFFIXES as SUFFIXES
from geo.intake.sniff import check_kind
from geo.network.osm_assemble import assemble
from geo.network.osm_text import (
    Node,
    Relation,
    WayTable,
    concatenate_ways,
    parse_nodes,
    parse_places,
    parse_ways,
)
from geo.network.streets import StreetData

_WAY_KEYS: Final = ("highway", "barrier", "waterway", "railway", "landuse", "natural")
_NODE_KEYS: Final = ("barrier", "crossing", "crossing:signals")
_OPL: Final = "opl,add_metadata=false,locations_on_ways=true"


@dataclass(frozen=True, slots=True)
class OsmObjects:
    """The objects of one file that matter for walking.

    Parameters
    ----------
    ways : WayTable
        Streets, barriers, residential land and members of multipolygons.
    relations : list of Relation
        Multipolygons.
    nodes : list of Node
        Barriers and crossings.
    """

    ways: WayTable
    relations: list[Relation]
    nodes: list[Node]


def read_osm(path: str | Path) -> StreetData:
    """Read streets, gates, barriers and residential land from an OpenStreetMap file.

    Parameters
    ----------
    path : str or Path
        File with one of the endings in `SUFFIXES`; WGS 84 by definition.

    Returns
    -------
    StreetData
        Frames in EPSG:4490 and counts.

    Raises
    ------
    DataSourceError
        The file is missing, truncated or not an OSM file.
    InputError
        The ending is unknown, the file is empty or holds no street that people may walk on.
    """
    path = Path(path)
    _check(path)
    with _osmium_errors(path):
        objects = _read_objects(path)
    streets = assemble(objects.ways, objects.relations, objects.nodes)
    if not streets.counts.ways_read:
        raise InputError(
            f"“{path.name}”中没有道路（highway 要素 0 个）；需要含道路的 OSM 数据",
            f'"{path.name}" holds no street (0 highway features); an OSM file with streets is needed',
            file=path.name,
        )
    if not streets.counts.ways_walkable:
        raise InputError(
            f"“{path.name}”中 {streets.counts.ways_read} 条道路均不可步行；至少需要一条行人可用的道路",
            f'"{path.name}" holds {streets.counts.ways_read} streets, none of which people may walk on; '
            "at least one is needed",
            file=path.name,
        )
    return streets


def is_osm_name(name: str) -> bool:
    """Return whether a file name has the ending of an OSM file.

    Parameters
    ----------
    name : str
        File name.

    Returns
    -------
    bool
        True for the endings in `SUFFIXES`, in any case.
    """
    return name.lower().endswith(SUFFIXES)


def _check(path: Path) -> None:
    """Refuse what is plainly not a readable OSM file."""
    allowed = "、".join(SUFFIXES)
    if not path.is_file():
        raise DataSourceError(
            f"找不到文件“{path}”；请给出现有的 {allowed} 文件",
            f'no such file "{path}"; give an existing {", ".join(SUFFIXES)} file',
            file=path.name,
        )
    if not is_osm_name(path.name):
        raise InputError(
            f"“{path.name}”的扩展名不是 OSM 格式；可用：{allowed}",
            f'"{path.name}" does not end like an OSM file; allowed: {", ".join(SUFFIXES)}',
            file=path.name,
        )
    if path.stat().st_size == 0:
        raise InputError(
            f"“{path.name}”是空文件（0 字节）；需要含道路的 OSM 数据",
            f'"{path.name}" is empty (0 bytes); an OSM file with streets is needed',
            file=path.name,
        )
    check_kind(path)


@contextmanager
def _osmium_errors(path: Path) -> Iterator[None]:
    """Turn what osmium raises into one clear error."""
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:
        reason = str(error).strip() or type(error).__name__
        raise DataSourceError(
            f"无法读取“{path.name}”：文件不完整或不是 OSM 数据（{reason}）；请重新下载或导出完整文件",
            f'"{path.name}" cannot be read: truncated or not OSM data ({reason}); fetch it again',
            file=path.name,
            reason=reason,
        ) from error


def _read_objects(path: Path) -> OsmObjects:
    """Stream the file into tables."""
    places = osmium.NodeLocationsForWays(osmium.index.create_map("flex_mem"))
    places.ignore_errors()
    with tempfile.TemporaryDirectory(prefix="fangyu-osm-") as folder:
        text = Path(folder, "nodes.opl")
        _write_text(path, osmium.osm.NODE, text, places, osmium.filter.KeyFilter(*_NODE_KEYS))
        with text.open("rb") as lines:
            nodes = parse_nodes(lines)
        text = Path(folder, "ways.opl")
        _write_text(path, osmium.osm.WAY | osmium.osm.RELATION, text, places, osmium.filter.KeyFilter(*_WAY_KEYS))
        with text.open("rb") as lines:
            ways, relations = parse_ways(lines)
        # By id: extracts pasted together repeat their relations.
        areas = {item.id: item for item in relations if item.tags.get("type") == "multipolygon"}
        relations = list(areas.values())
        members = {way for relation in relations for way in relation.ways} - set(ways.ids.tolist())
        if members:
            text = Path(folder, "members.opl")
            _write_text(path, osmium.osm.WAY, text, places, osmium.filter.IdFilter(members))
            with text.open("rb") as lines:
                ways = concatenate_ways(ways, parse_ways(lines)[0])
        if (ways.refs < 0).any():
            # Files saved from an editor before upload number new nodes downwards; osmium's index knows only
            # ids above 0.
            text = Path(folder, "places.opl")
            _write_text(path, osmium.osm.NODE, text)
            with text.open("rb") as lines:
                ways = ways.placed(parse_places(lines))
    return OsmObjects(ways.without_repeats(), relations, nodes)


def _write_text(path: Path, entities: osmium.osm.osm_entity_bits, text: Path, *handlers: object) -> None:
    """Write the objects that pass the handlers as OPL text; all of it happens in osmium."""
    with (
        osmium.SimpleWriter(osmium.io.File(str(text), _OPL)) as writer,
        osmium.io.Reader(path, entities) as reader,
    ):
        osmium.apply(reader, *handlers, writer)
