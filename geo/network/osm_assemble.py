"""From OSM objects to the frames of `StreetData`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from geo.arrays import Bool, Float, Int
from geo.network.area import area_links, ring_vertices
from geo.network.osm_layers import (
    barrier_frame,
    gate_frame,
    gates_on_streets,
    residential_frame,
    rings_to_polygon,
)
from geo.network.osm_rules import StreetTraits, has_signal, is_street, street_traits
from geo.network.osm_text import Node, Relation, WayTable
from geo.network.split import Pieces, Polylines, count_up, geodesic_length_m, number_nodes, split
from geo.network.streets import StreetCounts, StreetData, street_frame


@dataclass(frozen=True, slots=True)
class Streets:
    """Street features: ways, and outlines of areas that are multipolygons.

    Parameters
    ----------
    names : list of str
        Feature ids (``w1``, ``r1``), one per owner.
    traits : list of StreetTraits
        Traits by owner.
    owner : ndarray of int, shape (n_lines,)
        Owner of each line; an outline may have several lines, which follow each other.
    lines : Polylines
        The lines.
    node_ids : ndarray of int, shape (n_nodes,)
        OSM id by node number, ascending.
    """

    names: list[str]
    traits: list[StreetTraits]
    owner: Int
    lines: Polylines
    node_ids: Int

    def by_line(self, values: Iterable[object], dtype: type) -> np.ndarray:
        """Spread a value per owner over the lines.

        Parameters
        ----------
        values : iterable
            One value per owner.
        dtype : type
            Type of the result.

        Returns
        -------
        ndarray, shape (n_lines,)
            One value per line.
        """
        return np.array(list(values), dtype=dtype)[self.owner]


@dataclass(frozen=True, slots=True)
class Links:
    """Straight links across areas.

    Parameters
    ----------
    owner, start, end : ndarray of int, shape (n_links,)
        Owner of the area and end nodes.
    n_areas, n_broken : int
        Areas seen, and those whose outline is no polygon.
    """

    owner: Int
    start: Int
    end: Int
    n_areas: int
    n_broken: int


def assemble(ways: WayTable, relations: list[Relation], nodes: list[Node]) -> StreetData:
    """Build the frames and counts of one file.

    Parameters
    ----------
    ways : WayTable
        Streets, barriers, residential land, members of multipolygons.
    relations : list of Relation
        Multipolygons.
    nodes : list of Node
        Barriers and crossings.

    Returns
    -------
    StreetData
        The frames; `StreetCounts.ways_read` is 0 if there is no street.
    """
    street_set = np.array([is_street(tags) for tags in ways.tag_sets], dtype=bool)
    highway_set = np.array(["highway" in tags for tags in ways.tag_sets], dtype=bool)
    is_way_street = street_set[ways.tag_set]
    streets = _streets(ways, np.flatnonzero(is_way_street), relations)
    gates, n_loose = gates_on_streets(nodes, ways, streets.node_ids)
    is_gate = np.zeros(len(streets.node_ids), dtype=bool)
    is_gate[np.searchsorted(streets.node_ids, np.array(list(gates), dtype=np.int64))] = True
    links = _links(streets, ways, relations, is_gate)
    forced = is_gate.copy()
    forced[links.start] = forced[links.end] = True
    pieces = split(streets.lines, forced)
    waits = _waits(streets, {node.id for node in nodes if has_signal(node.tags)})
    segments = _segment_frame(streets, pieces, links, waits)
    walkable = streets.by_line((item.foot != "no" for item in streets.traits), bool)
    land, n_land_broken = residential_frame(ways, relations)
    walked = walkable[pieces.feature]
    counts = StreetCounts(
        ways_read=len(streets.names),
        ways_left_out=int(np.count_nonzero((highway_set & ~street_set)[ways.tag_set])),
        ways_walkable=sum(item.foot != "no" for item in streets.traits),
        walkable_nodes=int(np.count_nonzero((streets.lines.uses(walkable) > 0) & np.isfinite(streets.lines.lon))),
        junctions=len(np.union1d(pieces.start[walked], pieces.end[walked])),
        segments=len(segments),
        ways_cut=pieces.n_cut,
        nodes_missing=int(np.count_nonzero(np.isnan(streets.lines.lon))),
        zero_length=pieces.n_zero,
        areas=links.n_areas,
        areas_broken=links.n_broken + n_land_broken,
        area_links=len(links.owner),
        gates_loose=n_loose,
        unknown_kinds=Counter(item.kind for item in streets.traits if not item.is_known),
    )
    place = np.searchsorted(streets.node_ids, np.array(list(gates), dtype=np.int64))
    gate_points = [shapely.Point(place) for place in _coordinates(streets.lines, place).tolist()]
    return StreetData(segments, gate_frame(gates, gate_points), barrier_frame(ways, ~is_way_street), land, counts)


def _streets(ways: WayTable, rows: Int, relations: list[Relation]) -> Streets:
    """Collect ways and outlines into one polyline table."""
    traits_of_set: dict[int, StreetTraits] = {}
    traits = []
    for number in ways.tag_set[rows].tolist():
        if number not in traits_of_set:
            traits_of_set[number] = street_traits(ways.tag_sets[number])
        traits.append(traits_of_set[number])
    names = [f"w{way}" for way in ways.ids[rows].tolist()]
    all_rows, owner = [rows], [np.arange(len(rows))]
    row_of = dict(zip(ways.ids.tolist(), range(len(ways.ids)), strict=True))
    known = set(rows.tolist())
    for relation in _area_relations(relations):
        # Member ways that are streets themselves are there already; the relation's own outline is what is
        # left.
        members = [row_of[way] for way in relation.ways if way in row_of and row_of[way] not in known]
        if members:
            all_rows.append(np.array(members, dtype=np.int64))
            owner.append(np.full(len(members), len(names)))
        names.append(f"r{relation.id}")
        traits.append(street_traits(relation.tags))
    table = ways.take(np.concatenate(all_rows))
    lines, node_ids = number_nodes(table.offsets, table.refs, table.lon, table.lat)
    return Streets(names, traits, np.concatenate(owner), lines, node_ids)


def _area_relations(relations: list[Relation]) -> list[Relation]:
    """Multipolygons people may walk across."""
    return [
        item for item in relations
        if is_street(item.tags) and street_traits({**item.tags, "area": "yes"}).is_area
    ]  # fmt: skip


def _links(streets: Streets, ways: WayTable, relations: list[Relation], is_gate: Bool) -> Links:
    """Link the entries of every walkable area."""
    lines = streets.lines
    walkable = streets.by_line((item.foot != "no" for item in streets.traits), bool)
    uses = lines.uses(walkable) + is_gate
    found: list[tuple[int, Int]] = []
    n_areas = n_broken = 0
    closed = (
        lines.nodes[lines.offsets[:-1].clip(max=max(len(lines.nodes) - 1, 0))] == lines.nodes[lines.offsets[1:] - 1]
    )
    is_area = streets.by_line((item.is_area for item in streets.traits), bool)
    for number in np.flatnonzero(is_area & walkable & closed & (np.diff(lines.offsets) > 3)).tolist():
        nodes = lines.nodes[lines.offsets[number] : lines.offsets[number + 1]]
        polygon = rings_to_polygon([_coordinates(lines, nodes)])
        n_areas += 1
        n_broken += polygon is None
        if polygon is not None:
            found.extend((int(streets.owner[number]), pair) for pair in _pairs(lines, polygon, nodes, uses))
    row_of = dict(zip(ways.ids.tolist(), range(len(ways.ids)), strict=True))
    owner_of = {name: number for number, name in enumerate(streets.names) if name.startswith("r")}
    for relation in _area_relations(relations):
        owner = owner_of[f"r{relation.id}"]
        if streets.traits[owner].foot == "no":
            continue
        table = ways.take(np.array([row_of[way] for way in relation.ways if way in row_of], dtype=np.int64))
        nodes = np.searchsorted(streets.node_ids, table.refs)
        rings = [nodes[a:b] for a, b in zip(table.offsets[:-1], table.offsets[1:], strict=True)]
        polygon = rings_to_polygon([_coordinates(lines, ring) for ring in rings])
        n_areas += 1
        n_broken += polygon is None
        if polygon is not None:
            found.extend((owner, pair) for pair in _pairs(lines, polygon, nodes, uses))
    pairs = np.array([pair for _, pair in found], dtype=np.int64).reshape(-1, 2)
    return Links(np.array([item for item, _ in found], dtype=np.int64), pairs[:, 0], pairs[:, 1], n_areas, n_broken)


def _pairs(lines: Polylines, area: shapely.Geometry, nodes: Int, uses: Int) -> list[Int]:
    """Pairs of node numbers to link across one area."""
    own = dict(zip(*(item.tolist() for item in np.unique(nodes[:-1], return_counts=True)), strict=True))
    at = {(lines.lon[node], lines.lat[node]): node for node in nodes.tolist()}
    pairs: list[Int] = []
    for polygon in shapely.get_parts(area):
        vertices = [at.get((lon, lat), -1) for lon, lat in ring_vertices(polygon).tolist()]
        is_entry = np.array([node >= 0 and uses[node] > own.get(node, 1) for node in vertices])
        chosen = np.array(vertices, dtype=np.int64)[area_links(polygon, is_entry)]
        pairs.extend(chosen[(chosen >= 0).all(axis=1)])
    return pairs


def _coordinates(lines: Polylines, nodes: Int) -> Float:
    """Coordinates of nodes, as rows."""
    return np.column_stack([lines.lon[nodes], lines.lat[nodes]])


def _waits(streets: Streets, signals: set[int]) -> Bool:
    """Lines on which people wait: a signal on the crossing way, or on one of its nodes."""
    crossing = streets.by_line((item.is_crossing for item in streets.traits), bool)
    waits = streets.by_line((item.has_signal for item in streets.traits), bool)
    signal_node = np.isin(streets.node_ids, np.array(sorted(signals), dtype=np.int64))
    lines = streets.lines
    hits = np.bincount(lines.feature_of_position(), weights=signal_node[lines.nodes], minlength=lines.n_features)
    result: Bool = waits | (crossing & (hits > 0))
    return result


def _segment_frame(streets: Streets, pieces: Pieces, links: Links, waits: Bool) -> gpd.GeoDataFrame:
    """Put pieces and links into the segment table, in the order of their features."""
    lines = streets.lines
    owner = np.concatenate([streets.owner[pieces.feature], links.owner])
    derived = np.concatenate([np.zeros(len(pieces.feature), dtype=bool), np.ones(len(links.owner), dtype=bool)])
    ends = np.stack([_coordinates(lines, links.start), _coordinates(lines, links.end)], axis=1)
    geometry = np.concatenate([pieces.geometry, shapely.linestrings(ends)])
    length = np.concatenate(
        [pieces.length_m, geodesic_length_m(ends[:, 0, 0], ends[:, 0, 1], ends[:, 1, 0], ends[:, 1, 1])]
    )
    wait = np.concatenate([waits[pieces.feature], np.zeros(len(links.owner), dtype=bool)])
    order = np.argsort(owner, kind="stable")
    owner, derived, geometry, length, wait = (item[order] for item in (owner, derived, geometry, length, wait))
    part = count_up(owner)
    total = np.bincount(owner, weights=np.where(wait, length, 0.0), minlength=len(streets.names))
    traits = [streets.traits[item] for item in owner.tolist()]
    names = [streets.names[item] for item in owner.tolist()]
    return street_frame(
        {
            "id": [f"{name}-{number}" for name, number in zip(names, part.tolist(), strict=True)],
            "feature_id": names,
            "part": part,
            "name": [item.name for item in traits],
            "name_en": [item.name_en for item in traits],
            "kind": [item.kind for item in traits],
            "foot": [item.foot for item in traits],
            "is_steps": np.array([item.is_steps for item in traits], dtype=bool),
            "crossing_share": np.where(wait, length / np.where(wait, total[owner], 1.0), 0.0),
            "oneway_foot": np.where(derived, 0, np.array([item.oneway_foot for item in traits], dtype=np.int64)),
            "level": np.array([item.level for item in traits], dtype=np.int64),
            "is_bridge": np.array([item.is_bridge for item in traits], dtype=bool),
            "is_tunnel": np.array([item.is_tunnel for item in traits], dtype=bool),
            "is_derived": derived,
            "width_m": np.array([item.width_m for item in traits], dtype=np.float64),
            "length_m": length,
        },
        geometry,
    )
