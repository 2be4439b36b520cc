"""Enclosure: public streets behind residents' gates or private ways belong to a compound, not to the city."""

from __future__ import annotations

from typing import Final

import numpy as np

from geo.arrays import Bool, Float, Int32, UInt8
from geo.kernels.graph import GATE, PRIVATE, PUBLIC, component_labels, compound_edges

# The largest walled compounds hold some 15 km of ways; a town quarter cut off by a wrong tag is longer and
# stays public.
ENCLOSED_STREET_MAX_M: Final = 20_000.0


def enclosed_edges(
    edge_u: Int32,
    edge_v: Int32,
    edge_kind: UInt8,
    edge_gate: Int32,
    edge_length_m: Float,
    component: Int32,
    gate_access: tuple[str, ...],
) -> Bool:
    """Mark public edges that hang on the rest of the network only through residents' gates or private ways.

    Public streets are joined without residents' and closed gates. In each connected component of the whole
    network the longest such part is the city; any other part of at most `ENCLOSED_STREET_MAX_M` that touches
    a residents' gate or a private way is enclosed.

    Parameters
    ----------
    edge_u, edge_v : Int32
        End nodes, shape (n_edges,).
    edge_kind, edge_gate : UInt8, Int32
        Kind of each edge and its gate, -1 for none.
    edge_length_m : Float
        Lengths.
    component : Int32
        Component of each node in the whole network, shape (n_nodes,).
    gate_access : tuple of str
        Access of each gate.

    Returns
    -------
    Bool
        One flag per edge.
    """
    n_nodes = component.size
    by_residents = np.array([access == "residents" for access in gate_access], np.bool_)
    is_shut = np.array([access in ("residents", "closed") for access in gate_access], np.bool_)
    is_gate, is_public, is_private = edge_kind == GATE, edge_kind == PUBLIC, edge_kind == PRIVATE
    if not (is_private.any() or by_residents.any()):
        return np.zeros(edge_u.size, np.bool_)
    joins = is_public.copy()
    joins[is_gate] = ~is_shut[edge_gate[is_gate]]
    part = component_labels(n_nodes, edge_u, edge_v, joins)
    attaches = is_private.copy()
    attaches[is_gate] = by_residents[edge_gate[is_gate]]
    return compound_edges(
        part, component, int(part.max()) + 1, edge_u, edge_v, edge_length_m, is_public, attaches, ENCLOSED_STREET_MAX_M
    )
