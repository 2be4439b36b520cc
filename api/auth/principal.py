"""Who asks: a name, the roles it holds, and the district they hold for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from geo.catalog.map_layer import PUBLIC, ROLES
from geo.services.login import Identity

SIGNED_IN: Final = "signed_in"
"""Stands in policies for every person in a session, whatever their roles."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks.

    Parameters
    ----------
    name : str
        Stands in imports, runs and the audit log.
    roles : frozenset of str
        Roles of `geo.catalog.map_layer.ROLES`, without the public one, which everybody has.
    district : str or None
        Division code the roles are limited to; None for the whole bureau.
    on_behalf_of : str or None
        Login of the person whose roles these are, where somebody stands in for them.
    is_signed_in : bool
        Whether it is a person in a session.
    scopes : frozenset of str or None
        Policies that a key opens; None for a person, who may what their roles may.
    identity : Identity or None
        What the store says of them; None for anybody and for demo roles.
    """

    name: str
    roles: frozenset[str] = field(default_factory=frozenset)
    district: str | None = None
    on_behalf_of: str | None = None
    is_signed_in: bool = False
    scopes: frozenset[str] | None = None
    identity: Identity | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse roles nobody has defined."""
        if unknown := self.roles - set(ROLES):
            raise ValueError(f"unknown roles {sorted(unknown)}")

    def holds(self, roles: frozenset[str]) -> bool:
        """Tell whether one of some roles is held.

        Parameters
        ----------
        roles : frozenset of str
            Roles; the public one is everybody's, `SIGNED_IN` that of every person in a session.

        Returns
        -------
        bool
            True when at least one is.
        """
        return PUBLIC in roles or bool(self.roles & roles) or (self.is_signed_in and SIGNED_IN in roles)

    @property
    def visibility(self) -> str:
        """What sets of people see the same: the key of caches.

        Returns
        -------
        str
            Roles in order, and the district.
        """
        return f"{'+'.join(sorted(self.roles)) or PUBLIC}@{self.district or '*'}"


ANONYMOUS: Final = Principal("anonymous")
"""Anybody at all."""
