"""Time by stage, as every analysis reports it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Clock:
    """Adds up wall time by stage; stages that run side by side on several threads each count in full.

    Parameters
    ----------
    on_stage : callable, optional
        Told the name of each stage as it begins, on the stage's own thread; what it raises ends the analysis.
    """

    def __init__(self, on_stage: Callable[[str], None] | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._on_stage = on_stage
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
        if self._on_stage is not None:
            self._on_stage(name)
        begun = time.perf_counter()
        yield
        spent = time.perf_counter() - begun
        with self._lock:
            self.seconds[name] = self.seconds.get(name, 0.0) + spent
