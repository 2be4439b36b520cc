"""The words for what a demand point's certificate says: one table for reports, scenarios and definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from geo.catalog.reader import ProblemLog, read_toml

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class StatusTitle:
    """What one outcome of a certificate is called, and what it means.

    Parameters
    ----------
    name : str
        Identifier.
    title_zh, title_en : str
        Title.
    meaning_zh, meaning_en : str
        What it says of a person.
    """

    name: str
    title_zh: str
    title_en: str
    meaning_zh: str
    meaning_en: str


@cache
def status_titles() -> Mapping[str, StatusTitle]:
    """Return the words for every outcome.

    Returns
    -------
    Mapping of str to StatusTitle
        By name, a good outcome first.

    Raises
    ------
    InputError
        The file is wrong; every problem is listed.
    """
    log = ProblemLog()
    found = {}
    for name, entry in read_toml(_HERE / "statuses.toml", log).subtables():
        texts = (entry.text(part) for part in ("title_zh", "title_en", "meaning_zh", "meaning_en"))
        found[name] = StatusTitle(name, *texts)
        entry.finish()
    log.raise_if_any()
    return MappingProxyType(found)
