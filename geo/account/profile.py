"""Password profiles: what a bureau's assessor asks of a password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import geo.catalog
from geo.catalog.reader import ProblemLog, read_toml
from geo.errors import NotFoundError

_FILE: Final = Path(geo.catalog.__file__).parent / "password_profiles.toml"


@dataclass(frozen=True, slots=True)
class PasswordProfile:
    """What is asked of a password.

    Parameters
    ----------
    name : str
        Identifier.
    title_zh, title_en : str
        What it is called.
    min_length, max_length : int
        Characters.
    min_classes : int
        Of capital letters, small letters, digits and other signs, how many it must hold; 0 for any.
    change_days : int
        Days after which it must be changed; 0 for never.
    remembered : int
        Earlier passwords that may not be taken again.
    source : str
        Where this stands.
    """

    name: str
    title_zh: str
    title_en: str
    min_length: int
    max_length: int
    min_classes: int
    change_days: int
    remembered: int
    source: str


@cache
def password_profiles() -> Mapping[str, PasswordProfile]:
    """Return every profile.

    Returns
    -------
    Mapping of str to PasswordProfile
        By name.

    Raises
    ------
    InputError
        The file is wrong; every problem is listed.
    """
    log = ProblemLog()
    file = read_toml(_FILE, log)
    found: dict[str, PasswordProfile] = {}
    section = file.table("profiles")
    for name, entry in () if section is None else section.subtables():
        numbers = {key: int(entry.number(key) or 0) for key in _NUMBERS}
        found[name] = PasswordProfile(
            name=name,
            title_zh=entry.text("title_zh"),
            title_en=entry.text("title_en"),
            source=entry.text("source"),
            **numbers,
        )
        entry.one_of("certainty", ("V", "S", "U"))
        if not 8 <= found[name].min_length <= found[name].max_length:
            entry.report("min_length", found[name].min_length, "应为 8 到 max_length", "must be from 8 to max_length")
        entry.finish()
    log.raise_if_any()
    return MappingProxyType(found)


_NUMBERS: Final = ("min_length", "max_length", "min_classes", "change_days", "remembered")


def password_profile(name: str) -> PasswordProfile:
    """Find a profile.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    PasswordProfile
        The profile.

    Raises
    ------
    NotFoundError
        There is none of this name.
    """
    known = password_profiles()
    if name not in known:
        raise NotFoundError(
            f"没有口令策略“{name}”；可选：{'、'.join(known)}",
            f"no password profile '{name}'; allowed: {', '.join(known)}",
        )
    return known[name]
