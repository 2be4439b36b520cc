"""The small town of the command line's tests, served."""

from __future__ import annotations

from tests.cli.conftest import fangyu, small_town

__all__ = ["fangyu", "small_town"]
