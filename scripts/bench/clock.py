"""Timing: best of several runs in a warm process, with the spread."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

_T = TypeVar("_T")
RUNS = 5


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of several runs.

    Parameters
    ----------
    seconds : tuple of float
        One a run, in order.
    """

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """Return the shortest run."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """Return the middle run."""
        return float(np.median(self.seconds))

    @property
    def p95(self) -> float:
        """Return the time that 95 % of the runs keep."""
        return float(np.percentile(self.seconds, 95))


def timed(work: Callable[[], _T], *, runs: int = RUNS, is_warm: bool = False) -> tuple[Timing, _T]:
    """Run something once to warm up, then several times; return the times and the last result."""
    if not is_warm:
        work()
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begun)
    return Timing(tuple(seconds)), result


def each(work: Callable[[int], object], n: int) -> Timing:
    """Time several questions, the best of several rounds for each, after a warm-up with the first."""
    work(0)
    seconds = [float("inf")] * n
    for _ in range(RUNS):
        for i in range(n):
            begun = time.perf_counter()
            work(i)
            seconds[i] = min(seconds[i], time.perf_counter() - begun)
    return Timing(tuple(seconds))


def span(seconds: float) -> str:
    """Return a duration as people read it."""
    if seconds < 0.0995:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
