"""Time by stage, as every analysis reports it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Adds up wall time by stage; stages that run side by side on several threads each count in full."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage.

        Parameters
        ----------
        name : str
            Name of the stage.

        Yields
        ------
        None
            Nothing.
        """
        begun = time.perf_counter()
        yield
        spent = time.perf_counter() - begun
        with self._lock:
            self.seconds[name] = self.seconds.get(name, 0.0) + spent
