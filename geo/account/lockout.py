"""How long failed attempts keep somebody out.

Failures are counted for each login and address together, so that a stranger who guesses locks out their own address and
not the person. Somebody who guesses from many addresses is stopped by a count for the login as a whole, which keeps out
only addresses the person has not worked from lately.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

WINDOW: Final = timedelta(hours=1)
"""Time over which the failures of a whole login, or of a whole address, are counted."""
KNOWN_FOR: Final = timedelta(days=90)
"""How long an address counts as one's own after a login from it."""


@dataclass(frozen=True, slots=True)
class LockRule:
    """When somebody is kept out.

    Parameters
    ----------
    failures : int
        Failures in a row, on one login from one address, that lock it.
    minutes : float
        How long the first time; doubles with every further failure.
    most_minutes : float
        At most so long.
    login_failures : int
        Failures on one login from all addresses within `WINDOW` that lock it for unknown addresses.
    address_failures : int
        Failures from one address on all logins within `WINDOW` that lock the address.
    """

    failures: int = 5
    minutes: float = 15.0
    most_minutes: float = 24 * 60.0
    login_failures: int = 50
    address_failures: int = 50

    def lock(self, failures: int) -> timedelta | None:
        """Tell how long a pair of login and address is locked after a failure.

        Parameters
        ----------
        failures : int
            Failures in a row, this one included.

        Returns
        -------
        timedelta or None
            None while there are too few.
        """
        over = failures - self.failures
        if over < 0:
            return None
        # 2**over grows beyond any float; long before that the longest lock is reached.
        return timedelta(minutes=min(self.minutes * 2.0 ** min(over, 32), self.most_minutes))
