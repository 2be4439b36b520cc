"""What each arc costs for one speed, one moment and one measure (seconds or metres)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from geo.arrays import Bool, Float
from geo.errors import InputError
from geo.kernels.graph import arc_costs
from geo.network.gates import GateState, all_open, gate_state
from geo.network.model import Arcs, StreetNetwork
from geo.network.profile import WalkingProfile

Measure = Literal["seconds", "metres"]
# Buckets of half a mean edge: measured flat between a tenth and twice of it.
_BUCKET_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class WalkCosts:
    """Costs of a network for one speed, moment and measure.

    The primary cost is what a search minimises, the carried one is added up along the way: seconds and
    metres, or metres and seconds.

    Parameters
    ----------
    measure : {"seconds", "metres"}
        The primary cost.
    speed_mps : float
        Walking speed.
    edge_primary, edge_carried : Float
        Costs of whole edges, shape (n_edges,).
    public_primary, public_carried : Float
        Costs of the public arcs.
    private_primary, private_carried : Float
        Costs of the private arcs.
    leg_primary, leg_carried : float
        Costs of one metre of access leg.
    bucket : float
        Bucket width of searches, in the primary's unit.
    """

    measure: Measure
    speed_mps: float
    edge_primary: Float
    edge_carried: Float
    public_primary: Float
    public_carried: Float
    private_primary: Float
    private_carried: Float
    leg_primary: float
    leg_carried: float
    bucket: float


def edge_seconds(network: StreetNetwork, *, speed_mps: float, profile: WalkingProfile) -> Float:
    """Return the seconds each whole edge takes.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    speed_mps : float
        Walking speed on level ground.
    profile : WalkingProfile
        Stairs factor and crossing delay.

    Returns
    -------
    Float
        length / speed, times the stairs factor on steps, plus the crossing's share of the delay; shape
        (n_edges,).
    """
    factor = np.where(network.edge_steps == 1, profile.stairs_factor / speed_mps, 1.0 / speed_mps)
    return np.asarray(network.edge_length_m * factor + network.edge_crossing_share * profile.signal_delay_s, np.float64)


def walk_costs(
    network: StreetNetwork,
    *,
    speed_mps: float,
    profile: WalkingProfile,
    measure: Measure,
    gates: GateState,
    enclosed_open: bool = False,
    reverse: bool = True,
) -> WalkCosts:
    """Prepare a network's costs.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    speed_mps : float
        Walking speed on level ground and on access legs.
    profile : WalkingProfile
        Stairs factor and crossing delay.
    measure : {"seconds", "metres"}
        What to minimise.
    gates : GateState
        Who may pass the gates.
    enclosed_open : bool
        Let everybody walk through enclosed streets (the question "and if all gates were open?").
    reverse : bool
        Costs for a search that starts at the trips' ends.

    Returns
    -------
    WalkCosts
        The costs.

    Raises
    ------
    InputError
        The speed is not positive.
    """
    if not (np.isfinite(speed_mps) and speed_mps > 0.0):
        raise InputError(
            f"步行速度 {speed_mps} 无效，必须大于 0（米/秒）",
            f"walking speed {speed_mps} is not allowed; it must be above 0 m/s",
        )
    seconds = edge_seconds(network, speed_mps=speed_mps, profile=profile)
    metres = np.ascontiguousarray(network.edge_length_m)
    by_time = measure == "seconds"
    primary, carried = (seconds, metres) if by_time else (metres, seconds)
    per_metre = 1.0 / speed_mps

    def of(arcs: Arcs, passable: Bool, enclosed: bool) -> tuple[Float, Float]:
        return arc_costs(
            arcs.edge, arcs.along, primary, carried, network.edge_oneway, network.edge_kind,
            network.edge_gate, passable, enclosed, reverse,
        )  # fmt: skip

    public = of(network.public, gates.everyone, enclosed_open)
    private = of(network.private, gates.residents, True)
    return WalkCosts(
        measure=measure,
        speed_mps=speed_mps,
        edge_primary=primary,
        edge_carried=carried,
        public_primary=public[0],
        public_carried=public[1],
        private_primary=private[0],
        private_carried=private[1],
        leg_primary=per_metre if by_time else 1.0,
        leg_carried=1.0 if by_time else per_metre,
        bucket=_BUCKET_SHARE * network.typical_edge_m * (per_metre if by_time else 1.0),
    )


class CostBook:
    """Costs of one network at one moment, each prepared when first asked for; threads may share it.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    profile : WalkingProfile
        Stairs factor and crossing delay.
    at : datetime
        The moment at which gates with hours are judged.
    """

    def __init__(self, network: StreetNetwork, profile: WalkingProfile, at: datetime) -> None:
        self.gates = gate_state(network.gates, at)
        self._network, self._profile = network, profile
        self._kept: dict[tuple[float, Measure, bool], WalkCosts] = {}
        self._lock = threading.Lock()

    def walk(self, speed_mps: float, measure: Measure) -> WalkCosts:
        """Return the costs of walks to facilities.

        Parameters
        ----------
        speed_mps : float
            Walking speed on level ground and on access legs.
        measure : {"seconds", "metres"}
            What to minimise.

        Returns
        -------
        WalkCosts
            Reverse costs, for searches that start at the facilities.

        Raises
        ------
        InputError
            The speed is not positive.
        """
        return self._costs(speed_mps, measure, is_open=False)

    def walk_if_open(self, speed_mps: float, measure: Measure) -> WalkCosts:
        """Return the same if every gate were open to everybody.

        Parameters
        ----------
        speed_mps : float
            Walking speed on level ground and on access legs.
        measure : {"seconds", "metres"}
            What to minimise.

        Returns
        -------
        WalkCosts
            Reverse costs; private ways stay private.

        Raises
        ------
        InputError
            The speed is not positive.
        """
        return self._costs(speed_mps, measure, is_open=True)

    def _costs(self, speed_mps: float, measure: Measure, *, is_open: bool) -> WalkCosts:
        """Return kept costs, or prepare and keep them."""
        key = (speed_mps, measure, is_open)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = walk_costs(
                    self._network,
                    speed_mps=speed_mps,
                    profile=self._profile,
                    measure=measure,
                    gates=all_open(self._network.gates) if is_open else self.gates,
                    enclosed_open=is_open,
                )
            return self._kept[key]
