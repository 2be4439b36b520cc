"""Walking profiles: who walks how fast, and what steps and crossings cost."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from geo.errors import InputError, NotFoundError


@dataclass(frozen=True, slots=True)
class SpeedBand:
    """One group of people and its speed.

    Parameters
    ----------
    name : str
        ``60_69``, ``70_79``, ``80_plus``, ``unable`` or ``unspecified``.
    speed_mps : float
        Walking speed in metres a second.
    source : str
        Where the value comes from.
    """

    name: str
    speed_mps: float
    source: str


@dataclass(frozen=True, slots=True)
class WalkingProfile:
    """Walking speeds and what slows a walk down.

    Parameters
    ----------
    slug : str
        Identifier of the profile.
    bands : tuple of SpeedBand
        Groups in the order of reports.
    default_speed_mps : float
        Speed where nothing is known about the people.
    unable_speed_mps : float
        Speed of people unable to look after themselves who still walk, with aids.
    stairs_factor : float
        How many times longer steps take than level ground of the same length; at least 1.
    signal_delay_s : float
        Mean wait at a signalled crossing.
    """

    slug: str
    bands: tuple[SpeedBand, ...]
    default_speed_mps: float
    unable_speed_mps: float
    stairs_factor: float
    signal_delay_s: float

    def speed_mps(self, band: str) -> float:
        """Return the speed of a band.

        Parameters
        ----------
        band : str
            Name of the band.

        Returns
        -------
        float
            Metres a second.

        Raises
        ------
        NotFoundError
            No such band.
        """
        for candidate in self.bands:
            if candidate.name == band:
                return candidate.speed_mps
        names = ", ".join(candidate.name for candidate in self.bands)
        raise NotFoundError(f"没有速度分组“{band}”，可用：{names}", f'no speed band "{band}"; known: {names}')


def _number(table: dict[str, Any], key: str, low: float, high: float) -> float:
    """Return a number of the table within a range."""
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(
            f"步行参数 {key} 的值为 {value}，应在 {low} 到 {high} 之间",
            f"walking parameter {key} is {value}; allowed: {low} to {high}",
            key=key,
        )
    return float(value)


def _parse_profile(slug: str, table: dict[str, Any]) -> WalkingProfile:
    """Check one profile table and return it."""
    bands = tuple(
        SpeedBand(str(band["name"]), _number(band, "speed_mps", 0.1, 3.0), str(band.get("source", "")))
        for band in table.get("bands", ())
    )
    return WalkingProfile(
        slug=slug,
        bands=bands,
        default_speed_mps=_number(table, "default_speed_mps", 0.1, 3.0),
        unable_speed_mps=_number(table, "unable_speed_mps", 0.1, 3.0),
        stairs_factor=_number(table, "stairs_factor", 1.0, 10.0),
        signal_delay_s=_number(table, "signal_delay_s", 0.0, 600.0),
    )


@cache
def walking_profile(slug: str = "older_people") -> WalkingProfile:
    """Return a profile of the catalogue.

    Parameters
    ----------
    slug : str
        Identifier in ``geo/catalog/walking.toml``.

    Returns
    -------
    WalkingProfile
        The profile.

    Raises
    ------
    NotFoundError
        No such profile.
    """
    text = resources.files("geo.catalog").joinpath("walking.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)["profiles"]
    if slug not in tables:
        known = ", ".join(tables)
        raise NotFoundError(f"没有步行方案“{slug}”，可用：{known}", f'no walking profile "{slug}"; known: {known}')
    return _parse_profile(slug, tables[slug])
