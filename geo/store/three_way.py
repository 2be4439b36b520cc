"""What a change that came too late is told: what its author had read, what they want, and what stands now, by field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from geo.errors import StaleError


def stale(
    message_zh: str,
    message_en: str,
    *,
    tag: str,
    base: Mapping[str, object] | None,
    yours: Mapping[str, object],
    theirs: Mapping[str, object],
    changed_by: str | None,
    changed_at: datetime | None,
) -> StaleError:
    """Make the error of a change that is meant for a state that has passed.

    Parameters
    ----------
    message_zh, message_en : str
        What was changed meanwhile, and what to do.
    tag : str
        Tag of the present state.
    base : Mapping or None
        The record as its author had read it, as JSON values; None where the store does not know it any more.
    yours : Mapping
        The fields they want to change, with the values they want.
    theirs : Mapping
        The record as it stands.
    changed_by : str or None
        Who changed it last, where that is known.
    changed_at : datetime or None
        When.

    Returns
    -------
    StaleError
        With the facts ``tag``, ``base``, ``yours``, ``theirs``, ``conflicts``, ``changed_by`` and ``changed_at``.
        ``base`` and ``theirs`` hold the fields that either side has changed, all of them where the base is not known;
        ``conflicts`` names those that both have changed, and not to the same value.
    """
    if base is None:
        fields = sorted({*yours, *theirs})
        conflicts = [name for name in sorted(yours) if yours[name] != theirs.get(name)]
    else:
        moved = {name for name in {*base, *theirs} if base.get(name) != theirs.get(name)}
        fields = sorted({*yours, *moved})
        conflicts = [name for name in sorted(yours) if name in moved and yours[name] != theirs.get(name)]
    return StaleError(
        message_zh,
        message_en,
        tag=tag,
        base=None if base is None else {name: base.get(name) for name in fields},
        yours=dict(yours),
        theirs={name: theirs.get(name) for name in fields},
        conflicts=conflicts,
        changed_by=changed_by,
        changed_at=None if changed_at is None else changed_at.isoformat(),
    )
