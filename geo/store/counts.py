"""What an import did, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SyncCounts:
    """What an import did to a layer, in features.

    Parameters
    ----------
    added : int
        New to the source.
    changed : int
        Got a new version.
    closed : int
        Gone from the source; their last version was ended.
    unchanged : int
        Left alone.
    """

    added: int = 0
    changed: int = 0
    closed: int = 0
    unchanged: int = 0

    def __add__(self, other: SyncCounts) -> SyncCounts:
        """Add up the counts of several layers."""
        return SyncCounts(
            self.added + other.added,
            self.changed + other.changed,
            self.closed + other.closed,
            self.unchanged + other.unchanged,
        )
