"""Answers kept under the key of a request, so that sending it again does nothing twice.

The record is written in the transaction of the command it answers: a command that is rolled back leaves none. Writers
come one after the other on both engines, so of two requests with one key the second finds the answer of the first.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from geo.store.columns import utc_now
from geo.store.tables import IdempotencyKey


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a request was answered.

    Parameters
    ----------
    fingerprint : str
        SHA-256 of the request's method, path, query and body.
    status : int
        HTTP status.
    headers : Mapping of str to str
        Headers that matter to who asked.
    body : bytes
        The body.
    """

    fingerprint: str
    status: int
    headers: Mapping[str, str]
    body: bytes


def find(session: Session, *, actor: str, key: str, kept: timedelta) -> KeptAnswer | None:
    """Look for the answer that a key was given before.

    Parameters
    ----------
    session : Session
        Any session.
    actor : str
        Who asks; keys of others mean nothing.
    key : str
        The key they chose.
    kept : timedelta
        How long answers are kept; older ones count as forgotten.

    Returns
    -------
    KeptAnswer or None
        None where the key is new.
    """
    table = IdempotencyKey
    row = session.execute(
        select(table.fingerprint, table.status, table.headers, table.body).where(
            table.actor == actor, table.key == key, table.created_utc > utc_now() - kept
        )
    ).first()
    if row is None:
        return None
    return KeptAnswer(row.fingerprint, row.status, json.loads(row.headers), zlib.decompress(row.body))


def keep(session: Session, answer: KeptAnswer, *, actor: str, key: str, kept: timedelta) -> None:
    """Keep the answer of a command in the command's own transaction, and forget those that are too old.

    Parameters
    ----------
    session : Session
        The writing session of the command.
    answer : KeptAnswer
        What it is answered.
    actor : str
        Who asked.
    key : str
        The key they chose, which `find` has not found.
    kept : timedelta
        How long answers are kept.
    """
    now = utc_now()
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_utc <= now - kept))
    session.execute(
        insert(IdempotencyKey).values(
            actor=actor,
            key=key,
            fingerprint=answer.fingerprint,
            status=answer.status,
            headers=json.dumps(dict(answer.headers), sort_keys=True),
            body=zlib.compress(answer.body, 1),
            created_utc=now,
        )
    )
