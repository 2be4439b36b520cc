"""Who acts on a case."""

from __future__ import annotations

from dataclasses import dataclass

from geo.catalog.map_layer import PUBLIC, ROLES
from geo.errors import InputError
from geo.workflow.district import significant_code

ACTING_ROLES = tuple(role for role in ROLES if role != PUBLIC)
"""Roles that may take a step; everybody is nobody whom a decision could be laid to."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts, for themselves or for a colleague on leave.

    Parameters
    ----------
    login : str
        The person's own login.
    roles : frozenset of str
        Roles they act in, out of `ACTING_ROLES`; those of the colleague when they act for one.
    district : str or None
        Division code they answer for; None for everywhere.
    on_behalf_of : str or None
        Login of the colleague they act for.

    Raises
    ------
    InputError
        A login is empty or has blanks around it, a role or the district is unknown, or somebody acts for themselves.
    """

    login: str
    roles: frozenset[str]
    district: str | None = None
    on_behalf_of: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could pass for somebody else."""
        for login in (self.login, self.on_behalf_of):
            if login is not None and (not login or login != login.strip()):
                raise InputError(
                    f"登录名“{login}”不可用：不能为空，首尾不能有空格",
                    f"the login '{login}' cannot be used: it must not be empty or have blanks around it",
                    login=login,
                )
        if self.on_behalf_of is not None and login_key(self.on_behalf_of) == login_key(self.login):
            raise InputError(
                f"“{self.login}”不能代理本人", f"'{self.login}' cannot act on their own behalf", login=self.login
            )
        if unknown := sorted(self.roles - set(ACTING_ROLES)):
            raise InputError(
                f"未知角色“{'、'.join(unknown)}”；可用：{'、'.join(ACTING_ROLES)}",
                f"unknown role(s) {', '.join(unknown)}; allowed: {', '.join(ACTING_ROLES)}",
                roles=unknown,
            )
        if self.district is not None:
            significant_code(self.district)

    @property
    def eyes(self) -> frozenset[str]:
        """Whose eyes count as having looked: the person's own and the colleague's.

        Returns
        -------
        frozenset of str
            Logins as `login_key` writes them.
        """
        return frozenset(login_key(login) for login in (self.login, self.on_behalf_of) if login is not None)


def login_key(login: str) -> str:
    """Write a login so that two spellings of one are equal, as the store's triggers do.

    Parameters
    ----------
    login : str
        A login.

    Returns
    -------
    str
        Without blanks around it and with ASCII letters in lower case.
    """
    # Only ASCII: SQLite's lower() knows no other letters, and both must agree.
    return "".join(letter.lower() if letter.isascii() else letter for letter in login.strip(" "))
