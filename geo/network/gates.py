"""Gates at a stated moment: which let everybody through, which only residents, which nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from geo.arrays import Bool
from geo.network.hours import is_open
from geo.network.model import Gates


@dataclass(frozen=True, slots=True)
class GateState:
    """Who may pass each gate.

    Parameters
    ----------
    everyone : Bool
        Everybody may pass, shape (n_gates,).
    residents : Bool
        It may be passed inside the private parts of a trip; includes ``everyone``.
    unparsable_ids : tuple of str
        Gates whose opening hours are missing or not understood; they are taken as open.
    """

    everyone: Bool
    residents: Bool
    unparsable_ids: tuple[str, ...]

    @property
    def is_any_shut(self) -> bool:
        """Tell whether some gate does not let everybody through.

        Returns
        -------
        bool
            True when opening all gates could change an answer.
        """
        return not bool(self.everyone.all())


def gate_state(gates: Gates, at: datetime) -> GateState:
    """Judge all gates at a moment.

    Parameters
    ----------
    gates : Gates
        The network's gates.
    at : datetime
        The moment in local time.

    Returns
    -------
    GateState
        Who may pass.
    """
    n = len(gates.ids)
    everyone, residents = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    unparsable: list[str] = []
    for i, (access, hours) in enumerate(zip(gates.access, gates.opening_hours, strict=True)):
        if access == "hours":
            verdict = is_open(hours, at)
            if verdict is None:
                unparsable.append(gates.ids[i])
            everyone[i] = verdict is not False
        else:
            everyone[i] = access == "open"
        residents[i] = everyone[i] or access == "residents"
    return GateState(everyone, residents, tuple(unparsable))


def all_open(gates: Gates) -> GateState:
    """Return the state with every gate open to everybody.

    Parameters
    ----------
    gates : Gates
        The network's gates.

    Returns
    -------
    GateState
        All open.
    """
    return GateState(np.ones(len(gates.ids), np.bool_), np.ones(len(gates.ids), np.bool_), ())
