"""StreetNetwork: a compiled street network as flat arrays, saved as memory-mapped files."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, cast, get_type_hints

import numpy as np

from geo.arrays import Float, Int, Int32, UInt8
from geo.errors import DataSourceError
from geo.network.plane import Plane

FORMAT_VERSION: Final = 2
GateAccess = Literal["open", "residents", "hours", "closed"]


@dataclass(frozen=True, slots=True)
class Arcs:
    """Compressed rows of arcs; every edge gives one arc in the row of each of its ends.

    Parameters
    ----------
    start : Int32
        Row starts, shape (n_rows + 1,).
    node : Int32
        Neighbour, shape (n_arcs,).
    edge : Int32
        Edge, shape (n_arcs,).
    along : UInt8
        1 when the row's node is the edge's ``u``, shape (n_arcs,).
    """

    start: Int32
    node: Int32
    edge: Int32
    along: UInt8


@dataclass(frozen=True, slots=True)
class Lines:
    """Line pieces with a grid over them.

    Parameters
    ----------
    x, y : Float
        Vertices in plane metres, shape (n_vertices,).
    part : Float
        Share of the line's length before each vertex.
    piece_edge : Int32
        Line of the piece that starts at each vertex, -1 at the last vertex of a line.
    cell_start, pieces : Int32
        Pieces per grid cell, row-major.
    origin_x, origin_y, cell_m : float
        Lower left corner and cell size in plane metres.
    n_x, n_y : int
        Cells per axis; 0 when there are no lines.
    """

    x: Float
    y: Float
    part: Float
    piece_edge: Int32
    cell_start: Int32
    pieces: Int32
    origin_x: float
    origin_y: float
    cell_m: float
    n_x: int
    n_y: int


@dataclass(frozen=True, slots=True)
class Gates:
    """Gates that stand on nodes of the network.

    Parameters
    ----------
    ids, names : tuple of str
        Identifier and name ("" when it has none).
    access : tuple of str
        ``open``, ``residents``, ``hours`` or ``closed``.
    opening_hours : tuple of str
        OSM opening hours, "" when none are given.
    node : Int32
        The node inside each gate, shape (n_gates,).
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    access: tuple[str, ...]
    opening_hours: tuple[str, ...]
    node: Int32


@dataclass(frozen=True, slots=True)
class Stops:
    """Positions inside edges where a street was added later, sorted by edge and position.

    Parameters
    ----------
    edge : Int32
        Edge, shape (n_stops,).
    fraction : Float
        Share of the edge's length before the stop.
    node : Int32
        The node there.
    """

    edge: Int32
    fraction: Float
    node: Int32


@dataclass(frozen=True, slots=True)
class StreetNetwork:
    """A compiled street network.

    Nodes stand in the order of a Hilbert curve. Edges are the walkable segments as they were read, and after
    them the zero-length edges through gates: a gate's node is split into one node per street end, each joined
    to the node inside the gate, so that a shut gate can be reached from both sides and passed from neither.

    Parameters
    ----------
    plane : Plane
        The plane of all ``x`` and ``y``.
    node_lon, node_lat : Float
        Nodes in degrees, shape (n_nodes,).
    node_x, node_y : Float
        Nodes in plane metres.
    node_component : Int32
        Connected component with all gates open and private ways included.
    n_components : int
        Number of components.
    edge_u, edge_v : Int32
        End nodes in the direction of the geometry, shape (n_edges,).
    edge_length_m : Float
        Geodesic length; 0 for gate edges.
    edge_steps : UInt8
        1 for steps.
    edge_crossing_share : Float
        Share of one crossing's waiting time.
    edge_oneway : UInt8
        On foot: 0 both directions, 1 only u to v, 2 only v to u.
    edge_kind : UInt8
        0 public, 1 private, 2 enclosed (public streets behind residents' gates or private ways), 3 through a
        gate.
    edge_gate : Int32
        Gate of a gate edge, else -1.
    edge_segment : Int
        The segment's ``fid`` (its row where the frame has none); -1 for gate edges and streets added later.
    public, private : Arcs
        Arcs that may be walked in the public part (public, enclosed, gates) and in the private parts of a
        trip (private, enclosed, gates); private rows are numbered on their own.
    private_node : Int32
        Node of each private row.
    private_index : Int32
        Private row of each node or -1, shape (n_nodes,); empty when there are no private rows.
    streets, barriers : Lines
        Geometry for linking.
    gates : Gates
        Gates on nodes.
    stops : Stops
        Where streets were added later.
    typical_edge_m : float
        Mean edge length, which sets the bucket width of searches.
    n_unmatched_gates : int
        Gates of the input that stand on no node of a walkable street.
    """

    plane: Plane
    node_lon: Float
    node_lat: Float
    node_x: Float
    node_y: Float
    node_component: Int32
    n_components: int
    edge_u: Int32
    edge_v: Int32
    edge_length_m: Float
    edge_steps: UInt8
    edge_crossing_share: Float
    edge_oneway: UInt8
    edge_kind: UInt8
    edge_gate: Int32
    edge_segment: Int
    public: Arcs
    private: Arcs
    private_node: Int32
    private_index: Int32
    streets: Lines
    barriers: Lines
    gates: Gates
    stops: Stops
    typical_edge_m: float
    n_unmatched_gates: int

    @property
    def n_nodes(self) -> int:
        """Return the number of nodes.

        Returns
        -------
        int
            Nodes, gate copies included.
        """
        return int(self.node_lon.size)

    @property
    def n_edges(self) -> int:
        """Return the number of edges.

        Returns
        -------
        int
            Edges, gate edges included.
        """
        return int(self.edge_u.size)

    def save(self, folder: Path) -> None:
        """Write the network into a folder as ``.npy`` files and one JSON file; the JSON file is written last.

        Parameters
        ----------
        folder : Path
            Made when missing; existing files of a network are replaced.
        """
        folder.mkdir(parents=True, exist_ok=True)
        header = folder / _HEADER
        header.unlink(missing_ok=True)
        facts: dict[str, object] = {"format_version": FORMAT_VERSION}
        _write(self, folder, "", facts)
        header.write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


_HEADER = "network.json"
_T = TypeVar("_T")


def _write(part: Any, folder: Path, prefix: str, facts: dict[str, object]) -> None:
    """Save the arrays of a dataclass as files and note everything else."""
    for field in fields(part):
        value, name = getattr(part, field.name), prefix + field.name
        if is_dataclass(value):
            _write(value, folder, name + ".", facts)
        elif isinstance(value, np.ndarray):
            np.save(folder / f"{name}.npy", value, allow_pickle=False)
        else:
            facts[name] = value


def _read(kind: type[_T], folder: Path, prefix: str, facts: dict[str, Any]) -> _T:
    """Build a dataclass from its files and facts."""
    values: dict[str, Any] = {}
    hints = get_type_hints(kind)
    for field in fields(kind):  # type: ignore[arg-type]
        name = prefix + field.name
        hint = hints[field.name]
        if is_dataclass(hint):
            values[field.name] = _read(cast(type[object], hint), folder, name + ".", facts)
        elif name in facts:
            value = facts[name]
            values[field.name] = tuple(value) if isinstance(value, list) else value
        else:
            # Copy-on-write pages: kernels are compiled for writable arrays, and nothing is ever written back.
            values[field.name] = np.asarray(np.load(folder / f"{name}.npy", mmap_mode="c", allow_pickle=False))
    return kind(**values)


def load(folder: Path) -> StreetNetwork:
    """Open a saved network; its arrays are memory-mapped, so opening costs next to nothing.

    Parameters
    ----------
    folder : Path
        Folder written by `StreetNetwork.save`.

    Returns
    -------
    StreetNetwork
        The network.

    Raises
    ------
    DataSourceError
        There is no network, it is incomplete, or it was written in another format version: compile it again.
    """
    try:
        facts = json.loads((folder / _HEADER).read_text(encoding="utf-8"))
        version = facts.pop("format_version", None)
        if version == FORMAT_VERSION:
            return _read(StreetNetwork, folder, "", facts)
    except (OSError, ValueError) as error:
        raise DataSourceError(
            f"无法读取编译后的路网：{folder}；请重新编译",
            f"cannot read a compiled network in {folder}; compile it again",
            folder=str(folder),
        ) from error
    raise DataSourceError(
        f"路网文件格式版本为 {version}，本程序需要 {FORMAT_VERSION}；请重新编译",
        f"the network's format version is {version}, this program needs {FORMAT_VERSION}; compile it again",
        folder=str(folder),
    )
