"""How many features a question matches, kept as long as the layer's state lasts: pages 2 … 300 need not count again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

MOST: Final = 1_024
"""Questions of which the count is kept."""


class CountCache:
    """The counts asked for last; threads may share it."""

    def __init__(self) -> None:
        self._counts: OrderedDict[Hashable, tuple[int, bool]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, count: Callable[[], tuple[int, bool]]) -> tuple[int, bool]:
        """Return a count, counting where it is not kept.

        Parameters
        ----------
        key : Hashable
            Everything the count depends on, the layer's state included.
        count : callable
            Counts: how many, and whether that is exact.

        Returns
        -------
        tuple of int, bool
            What `count` returns, now or the last time.
        """
        with self._lock:
            found = self._counts.get(key)
            if found is not None:
                self._counts.move_to_end(key)
                return found
        found = count()
        with self._lock:
            self._counts[key] = found
            while len(self._counts) > MOST:
                self._counts.popitem(last=False)
        return found
