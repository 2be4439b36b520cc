"""Gates, barrier lines and residential land from OSM objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import shapely

from geo.arrays import Float, Int
from geo.network.osm_rules import barrier_line_kind, gate_access
from geo.network.osm_tags import GATE_KINDS, GateAccess
from geo.network.osm_text import Node, Relation, WayTable
from geo.network.streets import street_frame

# Objects that are also drawn as a line across the street; a mere entrance or checkpoint is not.
_GATE_LINE_KINDS: Final = frozenset(kind for kind in GATE_KINDS if "gate" in kind or "turnstile" in kind)


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate on a street.

    Parameters
    ----------
    kind : str
        Value of barrier.
    name : str or None
        Name.
    access : {"open", "residents", "hours", "closed"}
        Who may pass.
    opening_hours : str or None
        OSM syntax, for "hours".
    """

    kind: str
    name: str | None
    access: GateAccess
    opening_hours: str | None


def gates_on_streets(nodes: list[Node], ways: WayTable, street_nodes: Int) -> tuple[dict[int, Gate], int]:
    """Find the gates that lie on a street.

    Parameters
    ----------
    nodes : list of Node
        Barrier nodes, among others.
    ways : WayTable
        Ways, among them gates drawn as lines; where such a line shares a node with a street, the gate is
        there.
    street_nodes : ndarray of int
        Ids of the nodes of streets, ascending.

    Returns
    -------
    gates : dict of int to Gate
        By node id, ascending; a node's own tags count before those of a line.
    n_loose : int
        Gates on no street.
    """
    gates: dict[int, Gate] = {}
    n_loose = 0
    on_street = set(street_nodes.tolist()) if nodes else set()
    for node in nodes:
        gate = _gate(node.tags)
        if gate is not None:
            if node.id in on_street:
                gates[node.id] = gate
            else:
                n_loose += 1
    line_set = np.array([tags.get("barrier") in _GATE_LINE_KINDS and "highway" not in tags for tags in ways.tag_sets])
    for row in np.flatnonzero(line_set[ways.tag_set] if len(ways.ids) else []).tolist():
        gate = _gate(ways.tag_sets[ways.tag_set[row]])
        refs = np.unique(ways.refs[ways.offsets[row] : ways.offsets[row + 1]])
        shared = refs[np.isin(refs, street_nodes)].tolist()
        n_loose += gate is not None and not shared
        for node_id in shared:
            if gate is not None:
                gates.setdefault(node_id, gate)
    return dict(sorted(gates.items())), n_loose


def gate_frame(gates: dict[int, Gate], points: list[shapely.Point]) -> gpd.GeoDataFrame:
    """Build the gate table.

    Parameters
    ----------
    gates : dict of int to Gate
        Gates by node id.
    points : list of shapely.Point
        Their places, in the same order.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns `geo.network.streets.GATE_COLUMNS` and geometry; gates whose node the file lacks are left out.
    """
    rows = [
        (f"n{node_id}", gate, point)
        for (node_id, gate), point in zip(gates.items(), points, strict=True)
        if not point.is_empty
    ]
    return street_frame(
        {
            "id": [name for name, _, _ in rows],
            "name": [gate.name for _, gate, _ in rows],
            "kind": [gate.kind for _, gate, _ in rows],
            "access": [gate.access for _, gate, _ in rows],
            "opening_hours": [gate.opening_hours for _, gate, _ in rows],
        },
        [point for _, _, point in rows],
    )


def barrier_frame(ways: WayTable, allowed: np.ndarray) -> gpd.GeoDataFrame:
    """Build the table of lines that stop access legs.

    Parameters
    ----------
    ways : WayTable
        All ways.
    allowed : ndarray of bool, shape (n_ways,)
        False for ways that are streets: a street on a dam or along a wall is a street.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns `geo.network.streets.BARRIER_COLUMNS` and geometry; a line is cut where nodes are missing.
    """
    kind_of_set = [barrier_line_kind(tags) for tags in ways.tag_sets]
    has_kind = np.array([kind is not None for kind in kind_of_set], dtype=bool)
    rows = np.flatnonzero(has_kind[ways.tag_set] & allowed) if len(ways.ids) else np.empty(0, dtype=np.int64)
    ids, kinds, names, geometry = [], [], [], []
    for row in rows.tolist():
        number = int(ways.tag_set[row])
        for count, run in enumerate(_runs(_way_coordinates(ways, row))):
            ids.append(f"w{ways.ids[row]}" + (f"-{count}" if count else ""))
            kinds.append(kind_of_set[number])
            names.append(ways.tag_sets[number].get("name"))
            geometry.append(shapely.linestrings(run))
    return street_frame({"id": ids, "kind": kinds, "name": names}, geometry)


def residential_frame(ways: WayTable, relations: list[Relation]) -> tuple[gpd.GeoDataFrame, int]:
    """Build the table of residential land.

    Parameters
    ----------
    ways : WayTable
        All ways, members of multipolygons included.
    relations : list of Relation
        Multipolygons.

    Returns
    -------
    frame : geopandas.GeoDataFrame
        Columns `geo.network.streets.RESIDENTIAL_COLUMNS` and geometry.
    n_broken : int
        Areas whose outline is not closed or no polygon; left out.
    """
    found: list[tuple[str, dict[str, str], list[Float]]] = []
    is_land = np.array([tags.get("landuse") == "residential" for tags in ways.tag_sets], dtype=bool)
    for row in np.flatnonzero(is_land[ways.tag_set]).tolist() if len(ways.ids) else []:
        coordinates = _way_coordinates(ways, row)
        found.append((f"w{ways.ids[row]}", ways.tag_sets[ways.tag_set[row]], [coordinates]))
    row_of = dict(zip(ways.ids.tolist(), range(len(ways.ids)), strict=True))
    for relation in relations:
        if relation.tags.get("landuse") == "residential":
            lines = [_way_coordinates(ways, row_of[way]) for way in relation.ways if way in row_of]
            found.append((f"r{relation.id}", relation.tags, lines))
    built = [(name, tags, rings_to_polygon(lines)) for name, tags, lines in found]
    good = [(name, tags, polygon) for name, tags, polygon in built if polygon is not None]
    frame = street_frame(
        {
            "id": [name for name, _, _ in good],
            "name": [tags.get("name") for _, tags, _ in good],
            "kind": [tags.get("residential", "residential") for _, tags, _ in good],
        },
        [polygon for _, _, polygon in good],
    )
    return frame, len(built) - len(good)


def rings_to_polygon(lines: list[Float]) -> shapely.Polygon | shapely.MultiPolygon | None:
    """Build the area that lines enclose, rings inside rings being holes.

    Parameters
    ----------
    lines : list of ndarray, each shape (n, 2)
        Outlines or parts of outlines in degrees.

    Returns
    -------
    shapely.Polygon or shapely.MultiPolygon or None
        None if the lines lack nodes or enclose nothing.
    """
    if not lines or any(len(line) < 2 or not np.isfinite(line).all() for line in lines):
        return None
    if len(lines) == 1 and len(lines[0]) > 3 and (lines[0][0] == lines[0][-1]).all():
        area: shapely.Polygon | shapely.MultiPolygon = shapely.Polygon(lines[0])
        area = area if area.is_valid else _polygonal(shapely.make_valid(area))
    else:
        area = _polygonal(shapely.build_area(shapely.MultiLineString([shapely.LineString(line) for line in lines])))
    return None if area.is_empty else area


def _polygonal(geometry: shapely.Geometry) -> shapely.Polygon | shapely.MultiPolygon:
    """The polygons of a geometry, without the lines and points a repair leaves."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    polygons = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return shapely.MultiPolygon(list(polygons)) if len(polygons) != 1 else shapely.Polygon(polygons[0])


def _way_coordinates(ways: WayTable, row: int) -> Float:
    """Coordinates of one way, as rows."""
    begin, end = ways.offsets[row], ways.offsets[row + 1]
    return np.column_stack([ways.lon[begin:end], ways.lat[begin:end]])


def _runs(coordinates: Float) -> list[Float]:
    """Runs of at least two known places."""
    known = np.isfinite(coordinates[:, 0])
    runs = np.split(coordinates, np.flatnonzero(np.diff(known.astype(np.int8))) + 1)
    return [run for run in runs if len(run) > 1 and np.isfinite(run[0, 0])]


def _gate(tags: dict[str, str]) -> Gate | None:
    """The gate that tags describe, or None if they stop nobody."""
    found = gate_access(tags)
    return None if found is None else Gate(tags["barrier"], tags.get("name"), *found)
