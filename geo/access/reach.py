"""What some sites reach, over workspaces that are kept between questions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from geo.arrays import Float, Int32
from geo.kernels.reach import reach_nodes, reached_box
from geo.network.cost import WalkCosts
from geo.network.link import PointLinks
from geo.network.model import StreetNetwork

# Enough for the threads that draw at the same time; 40 bytes a node each.
_KEPT = 4


@dataclass(frozen=True, slots=True)
class _Workspace:
    """Arrays of the size of a network, clean between questions."""

    best: Float
    private_best: Float
    after: Int32
    before: Int32
    bucket: Int32
    touched: Int32
    private_touched: Int32
    source_first: Int32

    def fits(self, network: StreetNetwork) -> bool:
        """Tell whether the arrays have the sizes of a network."""
        sizes = (network.n_nodes, network.private_node.size, network.n_edges)
        return (self.best.size, self.private_best.size, self.source_first.size) == sizes


_kept: list[_Workspace] = []


@dataclass(frozen=True, slots=True)
class Reach:
    """What some sites reach; valid inside the `with` block that made it.

    Parameters
    ----------
    best, private_best : Float
        Cost of each node and of each private row, inf where unreached.
    touched, private_touched : Int32
        The nodes and private rows that are reached.
    source_edge, source_fraction, source_primary : Int32, Float, Float
        Sites, and stops of added streets inside edges, sorted by edge, with their costs.
    source_first : Int32
        First source of each edge, -1 for none.
    """

    best: Float
    private_best: Float
    touched: Int32
    private_touched: Int32
    source_edge: Int32
    source_fraction: Float
    source_primary: Float
    source_first: Int32

    def box(self, network: StreetNetwork, costs: WalkCosts, limit: float) -> Float | None:
        """Return a box around all streets reached within a limit, roughly and on the safe side.

        Parameters
        ----------
        network : StreetNetwork
            The network.
        costs : WalkCosts
            The costs of the search.
        limit : float
            Greatest cost.

        Returns
        -------
        Float or None
            Left, bottom, right and top in plane metres; None when nothing is reached.
        """
        box = np.array([np.inf, np.inf, -np.inf, -np.inf])
        for touched, best, arcs, nodes in (
            (self.touched, self.best, network.public, network.private_node[:0]),
            (self.private_touched, self.private_best, network.private, network.private_node),
        ):
            if touched.size:
                reached_box(
                    limit, costs.leg_primary, touched, best, arcs.start, arcs.edge, nodes,
                    network.node_x, network.node_y, network.edge_length_m, box,
                )  # fmt: skip
        own = np.flatnonzero(self.source_primary <= limit)
        if own.size:
            edge = self.source_edge[own]
            rest = (limit - self.source_primary[own]) / costs.leg_primary
            far = network.edge_length_m[edge] + np.minimum(rest, network.edge_length_m[edge])
            x, y = network.node_x[network.edge_u[edge]], network.node_y[network.edge_u[edge]]
            box[:2] = np.minimum(box[:2], ((x - far).min(), (y - far).min()))
            box[2:] = np.maximum(box[2:], ((x + far).max(), (y + far).max()))
        return box if box[0] <= box[2] else None


def _workspace(network: StreetNetwork) -> _Workspace:
    """Return a clean workspace for a network, one kept before when there is one."""
    for _ in range(len(_kept)):
        try:
            # Taking and putting back are single steps, so threads need no lock.
            space = _kept.pop()
        except IndexError:
            break
        if space.fits(network):
            return space
        _kept.insert(0, space)
    n, n_private = network.n_nodes, network.private_node.size
    return _Workspace(
        best=np.full(n, np.inf),
        private_best=np.full(n_private, np.inf),
        after=np.empty(n, np.int32),
        before=np.empty(n, np.int32),
        bucket=np.full(n, np.int32(-1)),
        touched=np.empty(n, np.int32),
        private_touched=np.empty(n_private, np.int32),
        source_first=np.full(network.n_edges, np.int32(-1)),
    )


@contextmanager
def reach(
    network: StreetNetwork, costs: WalkCosts, sites: PointLinks, *, cutoff: float, towards: bool
) -> Iterator[Reach]:
    """Search from all sites at once; costs only.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    costs : WalkCosts
        Reverse costs for trips to the sites, forward ones for trips from them.
    sites : PointLinks
        Links of the sites; unlinked ones are left out.
    cutoff : float
        Nothing beyond this cost is reached.
    towards : bool
        Trips to the sites, or from them.

    Yields
    ------
    Reach
        Views of a workspace that other questions use after the block.
    """
    edge, fraction, leg_m = sites.edge, sites.fraction, sites.access_m
    if sites.also:
        every = (sites, *sites.also)
        edge = np.concatenate([links.edge for links in every])
        fraction = np.concatenate([links.fraction for links in every])
        leg_m = np.concatenate([links.access_m for links in every])
    if edge.size and edge.min() < 0:
        linked = edge >= 0
        edge, fraction, leg_m = edge[linked], fraction[linked], leg_m[linked]
    edge, primary = np.ascontiguousarray(edge, np.int32), leg_m * costs.leg_primary
    space, stops = _workspace(network), network.stops
    public, private = network.public, network.private
    n, n_private = reach_nodes(
        cutoff, costs.bucket, towards, edge, np.ascontiguousarray(fraction), primary,
        network.edge_u, network.edge_v, costs.edge_primary, network.edge_oneway, network.edge_kind,
        stops.edge, stops.fraction, stops.node,
        public.start, public.node, costs.public_primary, private.start, private.node, costs.private_primary,
        network.private_node, network.private_index,
        space.best, space.private_best, space.after, space.before, space.bucket, space.touched, space.private_touched,
    )  # fmt: skip
    if stops.edge.size:
        edge = np.concatenate([edge, stops.edge])
        fraction = np.concatenate([fraction, stops.fraction])
        primary = np.concatenate([primary, space.best[stops.node]])
    if edge.size > 1:
        order = np.argsort(edge, kind="stable")
        edge, fraction, primary = edge[order], fraction[order], primary[order]
        # Written from the last to the first, so that the first stays.
        space.source_first[edge[::-1]] = np.arange(edge.size - 1, -1, -1, dtype=np.int32)
    elif edge.size:
        space.source_first[edge[0]] = 0
    touched, private_touched = space.touched[:n], space.private_touched[:n_private]
    try:
        yield Reach(
            space.best, space.private_best, touched, private_touched, edge, fraction, primary, space.source_first
        )
    finally:
        space.best[touched] = np.inf
        space.private_best[private_touched] = np.inf
        space.source_first[edge] = -1
        _kept.append(space)
        del _kept[:-_KEPT]
