"""States that were asked for lately, so that undo and branches find them; others are computed from the nearest one.

The further back, the thinner they stand: going back far costs a few steps from the state before, never the whole way.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import fields, is_dataclass
from typing import Final

import numpy as np

from geo.scenario.edit import Edit
from geo.scenario.state import State

KEPT_STATES: Final = 64
KEPT_BYTES: Final = 1024 * 2**20


class Recent:
    """States by their edits; the ones asked for last are kept, threads may share it.

    Parameters
    ----------
    states : int
        At most so many states are kept.
    size_bytes : int
        Beyond about so much memory states go; the last one always stays.
    """

    def __init__(self, states: int, size_bytes: int) -> None:
        self._states, self._size_bytes = states, size_bytes
        self._kept: OrderedDict[tuple[Edit, ...], tuple[State, int]] = OrderedDict()
        self._used = 0
        self._lock = threading.Lock()

    def get(self, edits: tuple[Edit, ...]) -> State | None:
        """Return a kept state.

        Parameters
        ----------
        edits : tuple of Edit
            Its edits.

        Returns
        -------
        State or None
            None where it is not kept.
        """
        with self._lock:
            if edits not in self._kept:
                return None
            self._kept.move_to_end(edits)
            return self._kept[edits][0]

    def put(self, edits: tuple[Edit, ...], state: State, before: State) -> None:
        """Keep a state.

        Parameters
        ----------
        edits : tuple of Edit
            Its edits.
        state : State
            The state.
        before : State
            The state it was made from, with which it shares what the edit left alone.
        """
        size = own_bytes(state, before)
        with self._lock:
            if edits in self._kept:
                return
            self._kept[edits] = state, size
            self._used += size
            while len(self._kept) > 1 and (len(self._kept) > self._states or self._used > self._size_bytes):
                self._used -= self._kept.pop(self._least_missed())[1]

    def _least_missed(self) -> tuple[Edit, ...]:
        """Return the edits of the state whose absence costs least: the gap it leaves is small for its distance."""
        known = list(self._kept)
        newest = len(known[-1])
        before, after = [(), *known[:-1]], known[1:]

        def gap(i: int) -> float:
            return (len(after[i]) - len(before[i])) / max(newest - len(known[i]), 1)

        return known[min(range(len(after)), key=gap)]


def own_bytes(new: object, old: object) -> int:
    """Return the size of the arrays of one object that another does not share.

    Parameters
    ----------
    new, old : object
        Arrays, and dataclasses, tuples and dicts that hold arrays.

    Returns
    -------
    int
        Bytes.
    """
    if new is old:
        return 0
    if isinstance(new, np.ndarray):
        return new.nbytes
    if is_dataclass(new) and not isinstance(new, type):
        return sum(own_bytes(getattr(new, one.name), getattr(old, one.name, None)) for one in fields(new))
    if isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        return sum(own_bytes(value, before.get(name)) for name, value in new.items())
    if isinstance(new, tuple) and new and not isinstance(new[0], str | int | None):
        others = old if isinstance(old, tuple) else ()
        return sum(own_bytes(one, others[i] if i < len(others) else None) for i, one in enumerate(new))
    return 0
