"""Writing the street extract: nodes, ways and relations in ascending id order, the same bytes every time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
import shapely
from osmium.osm import mutable

from geo.arrays import Float, Int
from geo.demo.plane import Geometries, Plane, keys

Tags = dict[str, str]


@dataclass(frozen=True, slots=True)
class Area:
    """A land-use or water polygon with its tags.

    Parameters
    ----------
    polygon : Polygon
        In the even plane; with holes it becomes a multipolygon relation.
    tags : dict of str to str
        Tags.
    """

    polygon: shapely.Polygon
    tags: Tags


@dataclass(frozen=True, slots=True)
class Extract:
    """Everything that goes into the file.

    Parameters
    ----------
    start : array of int, shape (n_ways + 1,)
        First vertex of each way.
    xy : array, shape (n_vertices, 2)
        Vertices; equal positions become one node.
    tags : list of dict, length n_ways
        Tags of each way.
    point_xy : array, shape (n_points, 2)
        Positions of tagged nodes.
    point_tags : list of dict, length n_points
        Their tags.
    areas : list of Area
        Polygons.
    """

    start: Int
    xy: Float
    tags: list[Tags]
    point_xy: Float
    point_tags: list[Tags]
    areas: list[Area]


def write_extract(path: Path, extract: Extract, plane: Plane) -> int:
    """Write an ``.osm.pbf`` file.

    Parameters
    ----------
    path : pathlib.Path
        File to write; replaced if it exists.
    extract : Extract
        Content in the even plane.
    plane : Plane
        Projection to longitude and latitude.

    Returns
    -------
    int
        Number of nodes written.
    """
    rings = _rings(extract.areas)
    xy = np.concatenate([extract.xy, *[ring for ring, _, _ in rings], extract.point_xy])
    _, first, node = np.unique(keys(xy), return_index=True, return_inverse=True)
    lonlat = plane.lonlat(xy[first])
    point_tags: dict[int, Tags] = {}
    for number, tags in zip(node[len(xy) - len(extract.point_xy) :].tolist(), extract.point_tags, strict=True):
        point_tags.setdefault(number, {}).update(tags)
    header = osmium.io.Header()
    header.set("generator", "fangyu demo")
    header.add_box(
        osmium.osm.Box(
            osmium.osm.Location(*lonlat.min(axis=0).tolist()),
            osmium.osm.Location(*lonlat.max(axis=0).tolist()),
        )
    )
    target = osmium.io.File(str(path), "pbf,add_metadata=false")
    with osmium.SimpleWriter(target, header=header, overwrite=True) as writer:
        _write_nodes(writer, lonlat, point_tags)
        refs = (node + 1).tolist()
        _write_ways(writer, extract, rings, refs)
        _write_relations(writer, extract, rings)
    return len(lonlat)


def _write_nodes(writer: osmium.SimpleWriter, lonlat: Float, tags: dict[int, Tags]) -> None:
    """Write all nodes; one mutable object is used again for speed."""
    plain = mutable.Node()
    add = writer.add_node
    for number, place in enumerate(lonlat.tolist()):
        if number in tags:
            add(mutable.Node(id=number + 1, location=tuple(place), tags=tags[number]))
        else:
            plain.id = number + 1
            plain.location = tuple(place)
            add(plain)


def _write_ways(
    writer: osmium.SimpleWriter, extract: Extract, rings: list[tuple[Float, int, bool]], refs: list[int]
) -> None:
    """Write streets and walls, then one way for each ring of an area."""
    way = mutable.Way()
    start = extract.start.tolist()
    for number, tags in enumerate(extract.tags):
        way.id, way.nodes, way.tags = number + 1, refs[start[number] : start[number + 1]], tags
        writer.add_way(way)
    at = start[-1]
    for number, (ring, area, simple) in enumerate(rings):
        way.id = len(extract.tags) + number + 1
        way.nodes = refs[at : at + len(ring)]
        way.tags = extract.areas[area].tags if simple else {}
        writer.add_way(way)
        at += len(ring)


def _write_relations(writer: osmium.SimpleWriter, extract: Extract, rings: list[tuple[Float, int, bool]]) -> None:
    """Write a multipolygon for each area with holes."""
    members: dict[int, list[tuple[str, int, str]]] = {}
    for number, (_, area, simple) in enumerate(rings):
        if not simple:
            role = "outer" if area not in members else "inner"
            members.setdefault(area, []).append(("w", len(extract.tags) + number + 1, role))
    for number, (area, rows) in enumerate(members.items()):
        tags = {"type": "multipolygon", **extract.areas[area].tags}
        writer.add_relation(mutable.Relation(id=number + 1, members=rows, tags=tags))


def _rings(areas: list[Area]) -> list[tuple[Float, int, bool]]:
    """Return each ring with its area, and whether the ring is the whole area."""
    found = []
    for number, area in enumerate(areas):
        holes = list(area.polygon.interiors)
        for ring in (area.polygon.exterior, *holes):
            found.append((_without_repeats(np.array(ring.coords)), number, not holes))
    return found


def _without_repeats(xy: Float) -> Float:
    """Drop vertices that fall on the grid position of the one before."""
    same = np.concatenate([[False], np.diff(keys(xy)) == 0])
    return np.asarray(xy[~same])


def area_rows(polygons: Geometries, tags: Tags) -> list[Area]:
    """Make areas of polygons that share their tags.

    Parameters
    ----------
    polygons : array of Polygon or MultiPolygon
        In the even plane.
    tags : dict of str to str
        Tags of all of them.

    Returns
    -------
    list of Area
        One row for each single polygon.
    """
    return [
        Area(part, tags) for part in shapely.get_parts(polygons) if part.geom_type == "Polygon" and not part.is_empty
    ]
