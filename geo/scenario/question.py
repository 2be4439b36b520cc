"""What a scenario is asked, and what it starts from: a coverage request's parameters, facilities, people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from geo.access.coverage import DEFAULT_CUTOFF_MIN, Limit
from geo.access.population import ALL_BANDS, UNSPECIFIED
from geo.arrays import Bool, Float
from geo.errors import InputError
from geo.network.profile import WalkingProfile

Text = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters of a coverage request that its answer depends on.

    Parameters
    ----------
    limit : Limit
        The threshold, in seconds or metres.
    at : datetime
        The moment at which gates and facilities with hours are judged.
    by_band : bool
        Each band walks at its own speed; otherwise everybody at one.
    speed_mps : float or None
        That one speed; None takes the profile's default.
    cutoff_min : float
        Searches end after this many minutes, but never before the threshold.
    """

    limit: Limit
    at: datetime
    by_band: bool = False
    speed_mps: float | None = None
    cutoff_min: float = DEFAULT_CUTOFF_MIN

    def __post_init__(self) -> None:
        """Refuse cutoffs and speeds that are no positive finite numbers."""
        for value, zh, en in (
            (self.cutoff_min, "搜索上限（分钟）", "cutoff in minutes"),
            (self.speed_mps, "步行速度（米/秒）", "walking speed in m/s"),
        ):
            if value is not None and not (np.isfinite(value) and value > 0.0):
                raise InputError(f"{zh}为 {value}，必须大于 0", f"{en} is {value}; it must be above 0")

    def bands(self, profile: WalkingProfile, present: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
        """Return the groups that are searched for, with their speeds.

        Parameters
        ----------
        profile : WalkingProfile
            Speeds.
        present : tuple of str
            Bands in which anybody lives.

        Returns
        -------
        tuple of (str, float)
            Band and speed.
        """
        if not self.by_band:
            return ((ALL_BANDS, self.speed_mps or profile.default_speed_mps),)
        return tuple((name, profile.speed_mps(name)) for name in present or (UNSPECIFIED,))

    def to_json(self, profile: WalkingProfile) -> dict[str, object]:
        """Return everything the answer depends on but data and edits.

        Parameters
        ----------
        profile : WalkingProfile
            Speeds, stairs and crossings.

        Returns
        -------
        dict
            JSON values.
        """
        return {
            "measure": self.limit.measure,
            "limit": self.limit.value,
            "at": self.at.isoformat(),
            "by_band": self.by_band,
            "speed_mps": None if self.by_band else self.speed_mps or profile.default_speed_mps,
            "band_speeds_mps": {band.name: band.speed_mps for band in profile.bands} if self.by_band else None,
            "cutoff_min": self.cutoff_min,
            "profile": profile.slug,
            "stairs_factor": profile.stairs_factor,
            "signal_delay_s": profile.signal_delay_s,
        }


@dataclass(frozen=True, slots=True, eq=False)
class BaseSupply:
    """The recorded facilities of one type, in the order of ties.

    Parameters
    ----------
    slug : str
        Catalogue slug.
    ids : array of object, shape (n_facilities,)
        Ids, each once.
    lon, lat : array of float64, shape (n_facilities,)
        Positions in EPSG:4490 degrees.
    is_open : array of bool, shape (n_facilities,)
        Open on the date of the question; the others can be reopened by an edit.
    capacity : Mapping of str to int
        Places by id, where they are known.
    """

    slug: str
    ids: Text
    lon: Float
    lat: Float
    is_open: Bool
    capacity: Mapping[str, int]

    def __post_init__(self) -> None:
        """Refuse columns that do not fit and ids given twice."""
        n = len(self.ids)
        if any(len(column) != n for column in (self.lon, self.lat, self.is_open)):
            raise InputError(
                f"设施类型 {self.slug} 的各列长度不同", f"the columns of facility type {self.slug} differ in length"
            )
        if len(set(map(str, self.ids))) != n:
            raise InputError(
                f"设施类型 {self.slug} 的编号重复，每个编号只能出现一次",
                f"facility type {self.slug} has ids given twice; allowed: once",
            )
