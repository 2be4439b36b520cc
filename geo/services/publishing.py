"""Which coverage run the public sees."""

from __future__ import annotations

import json
from typing import Final

from geo.errors import NotFoundError
from geo.services.coverage import KIND
from geo.store import Session, audit, runs, state

PUBLISHED_RUN: Final = "published_run"
"""The store's note that holds the id of the published run."""


def chosen_run(session: Session) -> str | None:
    """Return the id of the run that somebody published.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    str or None
        None in a store in which nothing was ever published.
    """
    return state.read_fact(session, PUBLISHED_RUN)


def published_run(session: Session) -> str | None:
    """Return the id of the run that the public sees.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    str or None
        The published one; the newest in a store in which nothing was ever published; None when there is no run.
    """
    chosen = chosen_run(session)
    if chosen is not None:
        return chosen
    newest = runs.latest(session, KIND)
    return None if newest is None else newest.run_id


def is_trial(session: Session, run_id: str) -> bool:
    """Tell whether a run is not the one that was published.

    Parameters
    ----------
    session : Session
        Any session.
    run_id : str
        The run.

    Returns
    -------
    bool
        False for every run of a store in which nothing was ever published.
    """
    return chosen_run(session) not in (None, run_id)


def publish_run(session: Session, run_id: str, *, actor: str) -> str | None:
    """Show a run to the public from now on, in place of the one before.

    Parameters
    ----------
    session : Session
        A writing session.
    run_id : str
        The run.
    actor : str
        Who publishes it.

    Returns
    -------
    str or None
        The run that was published before.

    Raises
    ------
    NotFoundError
        There is no such coverage run.
    """
    record = runs.get_run(session, run_id)
    if record.kind != KIND:
        raise NotFoundError(
            f"“{run_id}”不是覆盖分析，只能发布覆盖分析",
            f"'{run_id}' is no coverage run; only those are published",
            run_id=run_id,
        )
    before = chosen_run(session)
    if before != run_id:
        state.write_fact(session, PUBLISHED_RUN, run_id)
        detail = {"content_hash": record.content_hash, "before": before}
        audit.append(session, actor, "run published", run_id, json.dumps(detail))
    return before
