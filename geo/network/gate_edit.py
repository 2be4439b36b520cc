"""Other access at the gates of a compiled network.

Opening a compound's gate lets everybody walk through the compound, and its residents keep the private ways and gates
they had: nobody's walk becomes longer. Where a gate that shuts cuts streets off, they become a compound as they would
when the network is compiled, so that their residents can still go in and out; they may then use every residents' gate
of the compound, which is the one way in which a gate that shuts can make a walk shorter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from geo.arrays import Bool, Int32
from geo.errors import InputError
from geo.kernels.graph import ENCLOSED, OPENED, PUBLIC
from geo.network.build import assemble_private
from geo.network.enclosure import enclosed_edges
from geo.network.model import GateAccess, Gates, StreetNetwork

_SHUT: Final = ("residents", "closed")


@dataclass(frozen=True, slots=True)
class GateChange:
    """The new access of one gate.

    Parameters
    ----------
    gate_id : str
        Id of a gate on the network.
    access : str
        ``open``, ``residents``, ``hours`` or ``closed``.
    opening_hours : str
        OSM opening hours for ``hours``, otherwise "".
    """

    gate_id: str
    access: GateAccess
    opening_hours: str = ""


@dataclass(frozen=True, slots=True)
class GatedNetwork:
    """A network with other access at its gates.

    Parameters
    ----------
    network : StreetNetwork
        The network; nodes and edges keep their numbers.
    edges : Int32
        Edges that may be passed by others now: those through the gates, and streets behind them.
    compound : Int32
        Public streets among them that a compound took in; they have private arcs now.
    enclosed : Bool or None
        What `find_enclosed` says about the network now, where it was looked at.
    """

    network: StreetNetwork
    edges: Int32
    compound: Int32
    enclosed: Bool | None


def with_gate_changes(
    network: StreetNetwork, changes: Sequence[GateChange], *, enclosed: Bool | None = None
) -> GatedNetwork:
    """Change who may pass gates.

    Parameters
    ----------
    network : StreetNetwork
        The network; it is not changed.
    changes : sequence of GateChange
        New access, each gate at most once.
    enclosed : Bool, optional
        What `find_enclosed` says about the network, where it is known.

    Returns
    -------
    GatedNetwork
        The network with the gates.

    Raises
    ------
    InputError
        The network has no such gate.
    """
    gates = network.gates
    access, hours = list(gates.access), list(gates.opening_hours)
    changed: list[int] = []
    for change in changes:
        if change.gate_id not in gates.ids:
            raise InputError(
                f"路网上没有编号为“{change.gate_id}”的小区门（共 {len(gates.ids)} 个）",
                f'no gate "{change.gate_id}" stands on the network, which has {len(gates.ids)} gates',
                gate_id=change.gate_id,
            )
        at = gates.ids.index(change.gate_id)
        changed.append(at)
        access[at], hours[at] = change.access, change.opening_hours
    edited = Gates(gates.ids, gates.names, tuple(access), tuple(hours), gates.node)
    through = np.flatnonzero(np.isin(network.edge_gate, changed)).astype(np.int32)
    result = replace(network, gates=edited)
    # Hours shut nobody in: only residents' and closed gates decide which streets form a compound.
    if all(
        (gates.access[at] in _SHUT, gates.access[at] == "residents") == (access[at] in _SHUT, access[at] == "residents")
        for at in changed
    ):
        return GatedNetwork(result, through, np.empty(0, np.int32), enclosed)
    kind = network.edge_kind
    # Before against after on the same streets: what streets added later opened or closed is left as it is.
    before, after = find_enclosed(network) if enclosed is None else enclosed, find_enclosed(result)
    fresh = kind.copy()
    fresh[before & ~after] = OPENED
    fresh[after & ~before] = ENCLOSED
    moved = np.flatnonzero(fresh != kind).astype(np.int32)
    edges = np.concatenate([through, moved])
    compound = moved[kind[moved] == PUBLIC]
    result = replace(result, edge_kind=fresh)
    if compound.size:
        private, node, index = assemble_private(network.n_nodes, network.edge_u, network.edge_v, fresh)
        result = replace(result, private=private, private_node=node, private_index=index)
    return GatedNetwork(result, edges, compound, after)


def find_enclosed(network: StreetNetwork) -> Bool:
    """Tell which streets form compounds behind the gates as they are.

    Parameters
    ----------
    network : StreetNetwork
        The network.

    Returns
    -------
    Bool
        One flag an edge.
    """
    kind = network.edge_kind
    street = np.where((kind == ENCLOSED) | (kind == OPENED), PUBLIC, kind).astype(np.uint8)
    return enclosed_edges(
        network.edge_u, network.edge_v, street, network.edge_gate, network.edge_length_m, network.node_component,
        network.gates.access,
    )  # fmt: skip
