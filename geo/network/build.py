"""Compile street frames into a StreetNetwork."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from geo.arrays import Bool, Float, Int, Int32, UInt8
from geo.errors import InputError
from geo.kernels.curve import hilbert_index
from geo.kernels.graph import ENCLOSED, GATE, PRIVATE, PUBLIC, component_labels, compress_arcs
from geo.network.enclosure import enclosed_edges
from geo.network.geometry import geodesic_lengths, index_lines, line_coordinates, node_keys
from geo.network.model import Arcs, Gates, Lines, Stops, StreetNetwork
from geo.network.plane import Plane

# Where two gates stand on one node the stricter one counts.
_STRICTNESS = {"open": 0, "residents": 1, "hours": 2, "closed": 3}
_HILBERT_BITS = 20
_Scalar = TypeVar("_Scalar", bound=np.generic)


def compile_network(
    segments: gpd.GeoDataFrame,
    gates: gpd.GeoDataFrame | None = None,
    barriers: gpd.GeoDataFrame | None = None,
) -> StreetNetwork:
    """Compile street segments, gates and barriers into a network for walking.

    Parameters
    ----------
    segments : GeoDataFrame
        Street segments (LineString, EPSG:4490) with ``foot``, ``is_steps``, ``crossing_share``,
        ``oneway_foot`` and ``length_m``; rows with ``foot = "no"`` are left out. Two segments join exactly
        where their end coordinates are equal to 1e-7 degrees.
    gates : GeoDataFrame, optional
        Gates (Point) on end coordinates of segments, with ``id``, ``name``, ``access`` and ``opening_hours``.
    barriers : GeoDataFrame, optional
        Lines that an access leg may not cross.

    Returns
    -------
    StreetNetwork
        The network.

    Raises
    ------
    InputError
        There is no walkable segment, or one is not a line with finite coordinates.
    """
    foot = segments["foot"].to_numpy(object)
    walkable = np.flatnonzero((foot != "no") & segments.geometry.notna().to_numpy())
    if walkable.size == 0:
        raise InputError("路网中没有可步行的路段", "the street network has no walkable segment")
    table = segments.iloc[walkable]
    lon, lat, offset = line_coordinates(np.asarray(table.geometry.array))
    first, last = offset[:-1], offset[1:] - 1
    plane = Plane(float((lon.min() + lon.max()) / 2.0), float((lat.min() + lat.max()) / 2.0))
    x, y = plane.forward(lon, lat)

    ends = np.concatenate([first, last])
    keys, where, inverse = np.unique(node_keys(lon[ends], lat[ends]), return_index=True, return_inverse=True)
    node_vertex = ends[where]
    n_streets = walkable.size
    gate_list, gate_node, n_unmatched = _match_gates(gates, keys)
    u, v, gate_u, gate_v, gate_of, node_vertex = _split_at_gates(
        inverse[:n_streets].astype(np.int32), inverse[n_streets:].astype(np.int32), gate_node, node_vertex
    )
    order = np.argsort(hilbert_index(x[node_vertex], y[node_vertex], _HILBERT_BITS), kind="stable")
    rank = np.empty(order.size, np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    u, v, gate_u, gate_v = rank[u], rank[v], rank[gate_u], rank[gate_v]
    edge_order = np.argsort(np.minimum(u, v), kind="stable")

    columns = edge_columns(table, lon, lat, offset)
    n_gate_edges = gate_u.size
    edge_u, edge_v = np.concatenate([u[edge_order], gate_u]), np.concatenate([v[edge_order], gate_v])
    edge_kind = np.concatenate([columns.kind[edge_order], np.full(n_gate_edges, GATE, np.uint8)])
    edge_gate = np.concatenate([np.full(n_streets, -1, np.int32), gate_of])
    edge_length_m = np.concatenate([columns.length_m[edge_order], np.zeros(n_gate_edges)])
    component = component_labels(order.size, edge_u, edge_v, np.ones(edge_u.size, np.bool_))
    enclosed = enclosed_edges(edge_u, edge_v, edge_kind, edge_gate, edge_length_m, component, gate_list.access)
    edge_kind[enclosed] = ENCLOSED
    public, private, private_node, private_index = assemble(order.size, edge_u, edge_v, edge_kind)
    vertices = _regroup(offset, edge_order)
    counts = np.diff(offset)[edge_order]
    node = node_vertex[order]
    return StreetNetwork(
        plane=plane,
        node_lon=np.round(lon[node], 7),
        node_lat=np.round(lat[node], 7),
        node_x=x[node],
        node_y=y[node],
        node_component=component,
        n_components=int(component.max()) + 1,
        edge_u=edge_u,
        edge_v=edge_v,
        edge_length_m=edge_length_m,
        edge_steps=_padded(columns.steps[edge_order], n_gate_edges, np.uint8(0)),
        edge_crossing_share=_padded(columns.crossing_share[edge_order], n_gate_edges, 0.0),
        edge_oneway=_padded(columns.oneway[edge_order], n_gate_edges, np.uint8(0)),
        edge_kind=edge_kind,
        edge_gate=edge_gate,
        edge_segment=_padded(_segment_ids(segments, walkable)[edge_order], n_gate_edges, np.int64(-1)),
        public=public,
        private=private,
        private_node=private_node,
        private_index=private_index,
        streets=index_lines(x[vertices], y[vertices], counts, np.arange(n_streets, dtype=np.int32)),
        barriers=_barrier_lines(barriers, plane),
        gates=_gates_with_nodes(gate_list, rank[gate_node]),
        stops=Stops(np.empty(0, np.int32), np.empty(0), np.empty(0, np.int32)),
        typical_edge_m=float(max(columns.length_m.mean(), 1.0)),
        n_unmatched_gates=n_unmatched,
    )


@dataclass(frozen=True, slots=True)
class EdgeColumns:
    """What the rows of a segments frame say about walking, one value a row.

    Parameters
    ----------
    length_m : Float
        Geodesic length.
    kind : UInt8
        Public or private.
    steps : UInt8
        1 for steps.
    crossing_share : Float
        Share of one crossing's waiting time.
    oneway : UInt8
        0 both directions, 1 with, 2 against the line.
    """

    length_m: Float
    kind: UInt8
    steps: UInt8
    crossing_share: Float
    oneway: UInt8


def edge_columns(table: gpd.GeoDataFrame, lon: Float, lat: Float, offset: Int) -> EdgeColumns:
    """Read the walking columns of segments; missing columns mean level, public, both directions.

    Parameters
    ----------
    table : GeoDataFrame
        Walkable segments.
    lon, lat : Float
        Their vertices, used where the frame gives no length.
    offset : Int
        Where each segment's vertices begin, shape (n + 1,).

    Returns
    -------
    EdgeColumns
        The values.
    """
    is_private = table["foot"].to_numpy(object) == "private"
    return EdgeColumns(
        length_m=_lengths(table, lon, lat, offset),
        kind=np.where(is_private, PRIVATE, PUBLIC).astype(np.uint8),
        steps=_flag(table, "is_steps"),
        crossing_share=_share(table),
        oneway=_oneway(table),
    )


def assemble(n_nodes: int, edge_u: Int32, edge_v: Int32, edge_kind: UInt8) -> tuple[Arcs, Arcs, Int32, Int32]:
    """Build the arcs of the public part and of the private parts of trips.

    Parameters
    ----------
    n_nodes : int
        Number of nodes.
    edge_u, edge_v : Int32
        End nodes.
    edge_kind : UInt8
        Kind of each edge.

    Returns
    -------
    tuple of Arcs, Arcs, Int32, Int32
        Public arcs, private arcs (rows numbered on their own), node of each private row, private row of each
        node (-1 for none; empty when there are no private rows).
    """
    in_public = np.flatnonzero(edge_kind != PRIVATE).astype(np.int32)
    public = Arcs(*compress_arcs(n_nodes, edge_u[in_public], edge_v[in_public], in_public))
    return public, *assemble_private(n_nodes, edge_u, edge_v, edge_kind)


def assemble_private(n_nodes: int, edge_u: Int32, edge_v: Int32, edge_kind: UInt8) -> tuple[Arcs, Int32, Int32]:
    """Build the arcs of the private parts of trips.

    Parameters
    ----------
    n_nodes : int
        Number of nodes.
    edge_u, edge_v : Int32
        End nodes.
    edge_kind : UInt8
        Kind of each edge.

    Returns
    -------
    tuple of Arcs, Int32, Int32
        Private arcs, node of each private row, private row of each node, as for `assemble`.
    """
    in_private = np.flatnonzero(edge_kind != PUBLIC).astype(np.int32)
    is_inside = np.zeros(n_nodes, np.bool_)
    is_inside[edge_u[in_private]] = True
    is_inside[edge_v[in_private]] = True
    private_node = np.flatnonzero(is_inside).astype(np.int32)
    index = np.empty(0, np.int32)
    if private_node.size:
        index = np.full(n_nodes, -1, np.int32)
        index[private_node] = np.arange(private_node.size, dtype=np.int32)
        row_u, row_v = index[edge_u[in_private]], index[edge_v[in_private]]
    else:
        row_u = row_v = in_private
    private = Arcs(*compress_arcs(private_node.size, row_u, row_v, in_private))
    return private, private_node, index


def _padded(values: npt.NDArray[_Scalar], n: int, filler: object) -> npt.NDArray[_Scalar]:
    """Append a value for each gate edge."""
    return np.concatenate([values, np.full(n, filler, values.dtype)])


def _flag(table: gpd.GeoDataFrame, column: str) -> UInt8:
    """Return a boolean column as 0 and 1; missing is 0."""
    if column not in table:
        return np.zeros(len(table), np.uint8)
    return np.asarray(table[column].fillna(False).to_numpy(np.bool_), np.uint8)


def _share(table: gpd.GeoDataFrame) -> Float:
    """Return the crossing shares; missing is 0."""
    if "crossing_share" not in table:
        return np.zeros(len(table))
    return np.asarray(np.nan_to_num(table["crossing_share"].to_numpy(np.float64), nan=0.0), np.float64)


def _oneway(table: gpd.GeoDataFrame) -> UInt8:
    """Return 0 for both directions, 1 for with and 2 for against the line."""
    if "oneway_foot" not in table:
        return np.zeros(len(table), np.uint8)
    values = np.nan_to_num(table["oneway_foot"].to_numpy(np.float64), nan=0.0)
    return np.where(values > 0, 1, np.where(values < 0, 2, 0)).astype(np.uint8)


def _lengths(table: gpd.GeoDataFrame, lon: Float, lat: Float, offset: Int) -> Float:
    """Return geodesic lengths: the frame's, or measured where it has none."""
    if "length_m" in table:
        given = table["length_m"].to_numpy(np.float64, copy=True)
        if np.isfinite(given).all() and (given >= 0.0).all():
            return np.asarray(given, np.float64)
    return geodesic_lengths(lon, lat, offset)


def _segment_ids(segments: gpd.GeoDataFrame, rows: Int) -> Int:
    """Return the stored ``fid`` of the rows, or the rows themselves."""
    return np.asarray(segments["fid"].to_numpy()[rows] if "fid" in segments else rows, np.int64)


def _regroup(offset: Int, order: Int) -> Int:
    """Return the vertices of lines in a new order of the lines."""
    counts = np.diff(offset)[order]
    new_offset = np.concatenate([[0], np.cumsum(counts)[:-1]])
    moved: Int = np.arange(counts.sum()) + np.repeat(offset[:-1][order] - new_offset, counts)
    return moved


def _text(frame: gpd.GeoDataFrame, column: str) -> list[str]:
    """Return a text column with "" for missing."""
    if column not in frame:
        return [""] * len(frame)
    return [value if isinstance(value, str) else "" for value in frame[column]]


def _match_gates(gates: gpd.GeoDataFrame | None, keys: Int) -> tuple[Gates, Int32, int]:
    """Find the node of each gate; one gate a node, the strictest; also count gates that stand on no node."""
    none = np.empty(0, np.int32)
    if gates is None or len(gates) == 0:
        return Gates((), (), (), (), none), none, 0
    points = np.asarray(gates.geometry.array)
    gate_keys = node_keys(shapely.get_x(points), shapely.get_y(points))
    position = np.minimum(np.searchsorted(keys, gate_keys), keys.size - 1)
    found: Bool = keys[position] == gate_keys
    ids, names = _text(gates, "id"), _text(gates, "name")
    access, hours = _text(gates, "access"), _text(gates, "opening_hours")
    chosen: dict[int, int] = {}
    for i in np.flatnonzero(found).tolist():
        node = int(position[i])
        held = chosen.get(node)
        if held is None or _STRICTNESS.get(access[i], 0) > _STRICTNESS.get(access[held], 0):
            chosen[node] = i
    rows = list(chosen.values())
    table = Gates(
        tuple(ids[i] for i in rows),
        tuple(names[i] for i in rows),
        tuple(access[i] if access[i] in _STRICTNESS else "open" for i in rows),
        tuple(hours[i] for i in rows),
        none,
    )
    return table, np.array(list(chosen), np.int32), int((~found).sum())


def _gates_with_nodes(gates: Gates, node: Int32) -> Gates:
    """Return the gates with their nodes."""
    return Gates(gates.ids, gates.names, gates.access, gates.opening_hours, node)


def _split_at_gates(
    u: Int32, v: Int32, gate_node: Int32, node_vertex: Int
) -> tuple[Int32, Int32, Int32, Int32, Int32, Int]:
    """Give street ends at gates their own nodes; return ends, gate edges (copy, inside, gate), vertices."""
    n = node_vertex.size
    gate_at = np.full(n, -1, np.int32)
    gate_at[gate_node] = np.arange(gate_node.size, dtype=np.int32)
    ends = np.concatenate([u, v])
    touching = np.flatnonzero(gate_at[ends] >= 0)
    inside = ends[touching]
    copies = np.arange(n, n + touching.size, dtype=np.int32)
    ends[touching] = copies
    return (
        ends[: u.size],
        ends[u.size :],
        copies,
        inside,
        gate_at[inside],
        np.concatenate([node_vertex, node_vertex[inside]]),
    )


def _barrier_lines(barriers: gpd.GeoDataFrame | None, plane: Plane) -> Lines:
    """Index barrier lines; polygons count by their outline."""
    none = np.empty(0)
    if barriers is None or len(barriers) == 0:
        return index_lines(none, none, np.empty(0, np.int64), np.empty(0, np.int32))
    shapes = np.asarray(barriers.geometry.array)
    shapes = shapes[~shapely.is_missing(shapes)]
    areal = shapely.get_dimensions(shapes) == 2
    shapes[areal] = shapely.boundary(shapes[areal])
    parts = shapely.get_parts(shapes)
    parts = parts[(shapely.get_dimensions(parts) == 1) & ~shapely.is_empty(parts)]
    lon, lat, offset = line_coordinates(parts)
    x, y = plane.forward(lon, lat)
    return index_lines(x, y, np.diff(offset), np.arange(parts.size, dtype=np.int32))
