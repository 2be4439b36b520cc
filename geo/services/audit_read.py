"""Reading the audit: page by page, whole, and checked; whoever reads it over HTTP is on record before they do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from geo.services.audit import as_json, json_lines
from geo.store import Session, Store, audit
from geo.store.audit_check import Verified
from geo.store.case_check import CaseFinding


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries are wanted.

    Parameters
    ----------
    since, until : datetime or None
        From the one moment on, before the other.
    kind, actor, action : str or None
        Only of one kind, of somebody, or with one action.
    """

    since: datetime | None = None
    until: datetime | None = None
    kind: str | None = None
    actor: str | None = None
    action: str | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of entries.

    Parameters
    ----------
    entries : tuple of Mapping
        As `geo.services.audit.as_json` says, newest first.
    below : int or None
        Number below which the next page goes on; None on the last one.
    """

    entries: tuple[Mapping[str, object], ...]
    below: int | None


def audit_page(session: Session, query: AuditQuery, *, below: int | None, limit: int) -> AuditPage:
    """Read a page of entries, newest first.

    Parameters
    ----------
    session : Session
        Any session.
    query : AuditQuery
        Which.
    below : int or None
        Only entries with smaller numbers; None for the first page.
    limit : int
        At most so many.

    Returns
    -------
    AuditPage
        The page.
    """
    found = audit.entries(
        session, limit=limit + 1, since=query.since, until=query.until, kind=query.kind, actor=query.actor,
        action=query.action, below=below,
    )  # fmt: skip
    page = found[:limit]
    return AuditPage(tuple(as_json(entry) for entry in page), page[-1].seq if len(found) > limit else None)


def audit_lines(
    session: Session, store_id: str, *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[str]:
    """Write entries as JSON lines, oldest first, and a last line that says where the chain ends.

    Parameters
    ----------
    session : Session
        A session that only reads, kept open until the last line.
    store_id : str
        Id of the store.
    since, until : datetime, optional
        From the one moment on, before the other.

    Yields
    ------
    str
        A line with its end.
    """
    yield from json_lines(audit.each(session, since=since, until=until), audit.head(session), store_id)


def verified_json(
    found: Verified, wrong_cases: Sequence[CaseFinding] = (), *, heads: int = 0
) -> dict[str, object]:
    """Write what a check has found.

    Parameters
    ----------
    found : Verified
        What it has found.
    wrong_cases : sequence of CaseFinding
        What is wrong with cases.
    heads : int
        Heads noted earlier that it was held against.

    Returns
    -------
    dict
        JSON values.
    """
    return {
        "is_whole": not found.findings,
        "entries": found.checked,
        "first": found.first,
        "count": found.head.count,
        "chain": found.head.chain,
        "heads": heads,
        "heads_not_checked": found.not_checked,
        "findings": [
            {"problem": one.problem, "seq": one.seq, "message_zh": one.message_zh, "message_en": one.message_en}
            for one in found.findings
        ],
        "case_findings": [
            {"problem": one.problem, "case": one.case, "message_zh": one.message_zh, "message_en": one.message_en}
            for one in wrong_cases
        ],
    }


def record_audit_use(
    store: Store, actor: str, action: str, detail: Mapping[str, object], address: str | None = None
) -> None:
    """Record that somebody reads the audit, before they do.

    Parameters
    ----------
    store : Store
        The store.
    actor : str
        Who.
    action : str
        ``audit read``, ``audit verified`` or ``audit exported``.
    detail : Mapping
        Of which entries, as JSON values.
    address : str, optional
        Network address it is read from.
    """
    told = json.dumps({name: value for name, value in detail.items() if value is not None}, ensure_ascii=False)
    with store.aside() as session:
        audit.append(session, actor, action, "audit_log", told, kind="export", address=address)
