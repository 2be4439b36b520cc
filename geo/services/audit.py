"""The audit for those who look after it: checking, writing out, listing, noting the head, letting old months go."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from geo.errors import DataSourceError, InputError
from geo.store import Session, Store, audit, audit_seals
from geo.store.audit_check import Verified, verify
from geo.store.case_check import CaseFinding, check_cases
from geo.store.columns import utc_now, utc_text
from geo.store.tables import AuditEntry

FORMS: Final = ("jsonl", "csv")
FIELDS: Final = (
    "seq", "fid", "at", "kind", "outcome", "actor", "on_behalf_of", "address", "action", "subject", "detail", "chain",
    "old_chain",
)  # fmt: skip
"""What an entry is written out with."""
NOTHING: Final = "-"


def as_json(entry: AuditEntry) -> dict[str, object]:
    """Return an entry as JSON values.

    Parameters
    ----------
    entry : AuditEntry
        The entry.

    Returns
    -------
    dict
        Values by the names of `FIELDS`.
    """
    return {name: utc_text(entry.at) if name == "at" else getattr(entry, name) for name in FIELDS}


def head_line(store: Store, session: Session) -> str:
    """Write where the chain ends, for keeping elsewhere.

    Parameters
    ----------
    store : Store
        The store.
    session : Session
        Any session of it.

    Returns
    -------
    str
        Date, count, hash and the store's id, with spaces between.
    """
    head = audit.head(session)
    return f"{utc_text(utc_now())} {head.count} {head.chain or NOTHING} {store.store_id}"


def read_heads(path: Path, store_id: str) -> list[audit.Head]:
    """Read heads that were noted earlier.

    Parameters
    ----------
    path : pathlib.Path
        File with lines as `head_line` writes them; an exported JSON Lines file will do as well.
    store_id : str
        Id of the store they should be of.

    Returns
    -------
    list of Head
        The heads.

    Raises
    ------
    DataSourceError
        The file cannot be read.
    InputError
        A line is no head, or one of another store.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataSourceError(f"无法读取“{path}”：{error}", f"'{path}' cannot be read: {error}") from error
    heads = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        found = _head_of(line)
        if found is None:
            raise InputError(
                f"“{path}”第 {number} 行不是链头：{line[:80]}；允许的是 fangyu audit head 或 export 写出的行",
                f"line {number} of '{path}' is no head: {line[:80]}; allowed are lines of fangyu audit head or export",
                line=number,
            )
        head, owner = found
        if owner not in ("", store_id):
            raise InputError(
                f"“{path}”第 {number} 行属于另一存储 {owner}；本存储为 {store_id}",
                f"line {number} of '{path}' is of another store, {owner}; this one is {store_id}",
                line=number,
            )
        heads.append(head)
    if not heads:
        raise InputError(f"“{path}”中没有链头", f"there is no head in '{path}'")
    return heads


def _head_of(line: str) -> tuple[audit.Head, str] | None:
    """Read one line: a head, or an exported entry or its last line."""
    with suppress(ValueError, KeyError, TypeError, IndexError):
        if line.startswith("{"):
            told = json.loads(line)
            seq = told["head_count"] if "head_count" in told else told["seq"]
            return _head(int(seq), str(told["chain"])), str(told.get("store_id", ""))
        words = line.split()
        datetime.fromisoformat(words[0])
        return _head(int(words[1]), words[2]), words[3] if len(words) > 3 else ""
    return None


def _head(count: int, chain: str) -> audit.Head:
    """Make a head, refusing what cannot be one."""
    if chain in (NOTHING, "") and count == 0:
        return audit.Head(0, "")
    if count < 1 or len(chain) != 64 or int(chain, 16) < 0:
        raise ValueError(chain)
    return audit.Head(count, chain)


def verify_audit(session: Session, against: Sequence[audit.Head] = ()) -> Verified:
    """Check the audit.

    Parameters
    ----------
    session : Session
        Any session.
    against : sequence of Head
        Heads noted earlier, from `read_heads`.

    Returns
    -------
    Verified
        With everything that is wrong.
    """
    return verify(session, against=against)


def verify_cases(session: Session) -> tuple[CaseFinding, ...]:
    """Hold the cases against the audit.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    tuple of CaseFinding
        Everything that is wrong: steps and cases that the audit does not know or knows otherwise.
    """
    return check_cases(session)


def list_audit(
    session: Session,
    *,
    limit: int | None,
    since: datetime | None = None,
    until: datetime | None = None,
    kind: str | None = None,
    actor: str | None = None,
) -> list[dict[str, object]]:
    """List entries, newest first.

    Parameters
    ----------
    session : Session
        Any session.
    limit : int or None
        At most so many.
    since, until : datetime, optional
        From the one moment on, before the other.
    kind, actor : str, optional
        Only of one kind, only of somebody.

    Returns
    -------
    list of dict
        As `as_json` says.

    Raises
    ------
    InputError
        There is no such kind.
    """
    if kind is not None and kind not in audit.KINDS:
        raise InputError(
            f"没有类别“{kind}”；可选：{'、'.join(audit.KINDS)}",
            f"no kind '{kind}'; allowed: {', '.join(audit.KINDS)}",
            kind=kind,
        )
    found = audit.entries(session, limit=limit, since=since, until=until, kind=kind, actor=actor)
    return [as_json(entry) for entry in found]


def export_audit(
    store: Store, out: Path, *, form: str, since: datetime | None = None, until: datetime | None = None
) -> int:
    """Write entries out, oldest first; the file appears whole or not at all. The export is recorded first.

    Parameters
    ----------
    store : Store
        The store.
    out : pathlib.Path
        File to write.
    form : str
        One of `FORMS`.
    since, until : datetime, optional
        From the one moment on, before the other.

    Returns
    -------
    int
        How many entries were written.

    Raises
    ------
    InputError
        There is no such form.
    DataSourceError
        The file cannot be written.
    """
    if form not in FORMS:
        raise InputError(
            f"没有格式“{form}”；可选：{'、'.join(FORMS)}", f"no format '{form}'; allowed: {', '.join(FORMS)}", form=form
        )
    told = {"form": form, "since": since and utc_text(since), "until": until and utc_text(until)}
    with store.session() as session:
        audit.append(session, store.actor, "audit exported", "audit_log", json.dumps(told), kind="export")
    with store.session(write=False) as session:
        counted = _Counted(audit.each(session, since=since, until=until))
        head = audit.head(session)
        lines = _csv(counted) if form == "csv" else json_lines(counted, head, store.store_id)
        _write_whole(out, lines)
    return counted.number


class _Counted:
    """Entries that are counted as they are read."""

    def __init__(self, found: Iterator[AuditEntry]) -> None:
        self.number = 0
        self._found = found

    def __iter__(self) -> Iterator[AuditEntry]:
        for entry in self._found:
            self.number += 1
            yield entry


def json_lines(found: Iterable[AuditEntry], head: audit.Head, store_id: str) -> Iterator[str]:
    """Write entries as JSON lines, and a last line that says where the chain ends.

    Parameters
    ----------
    found : iterable of AuditEntry
        The entries, oldest first.
    head : Head
        Where the chain ends.
    store_id : str
        Id of the store.

    Yields
    ------
    str
        A line with its end.
    """
    number = 0
    for entry in found:
        number += 1
        yield json.dumps(as_json(entry), ensure_ascii=False) + "\n"
    end = {"entries": number, "head_count": head.count, "chain": head.chain, "store_id": store_id}
    yield json.dumps({"exported_at": utc_text(utc_now()), **end}) + "\n"


def _csv(found: Iterable[AuditEntry]) -> Iterator[str]:
    """Yield a table that spreadsheet programs read, without letting a cell become a formula."""
    from geo.export.formula import is_formula  # pyarrow takes a while to import

    yield "\ufeff"
    rows = ([as_json(entry)[name] for name in FIELDS] for entry in found)
    for row in chain([list[object](FIELDS)], rows):
        line = io.StringIO()
        csv.writer(line).writerow([f"'{cell}" if isinstance(cell, str) and is_formula(cell) else cell for cell in row])
        yield line.getvalue()


def _write_whole(out: Path, lines: Iterator[str]) -> None:
    """Write a file beside its place and put it there when it is whole."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", encoding="utf-8", newline="", dir=out.parent, delete=False) as file:
            try:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                file.close()
                Path(file.name).unlink(missing_ok=True)
                raise
        Path(file.name).replace(out)
    except OSError as error:
        reason = error.strerror
        raise DataSourceError(f"无法写入“{out}”：{reason}", f"'{out}' cannot be written: {reason}") from error


def purge_audit(store: Store, *, older_than_days: int = audit_seals.DEFAULT_DAYS) -> int:
    """Seal months that are over and let entries of old ones go.

    Parameters
    ----------
    store : Store
        The store.
    older_than_days : int
        Months go that ended so many days ago.

    Returns
    -------
    int
        How many entries went.
    """
    with store.session() as session:
        return audit_seals.purge(session, actor=store.actor, older_than_days=older_than_days)


def seal_audit(store: Store) -> int:
    """Seal months that are over.

    Parameters
    ----------
    store : Store
        The store.

    Returns
    -------
    int
        How many were sealed.
    """
    with store.session() as session:
        return audit_seals.seal(session)


def record_export(
    store: Store,
    actor: str,
    subject: str,
    detail: Mapping[str, object],
    address: str | None = None,
    on_behalf_of: str | None = None,
) -> None:
    """Record that internal data leave, before the first byte does.

    Parameters
    ----------
    store : Store
        The store.
    actor : str
        Who takes them.
    subject : str
        What, such as ``layers/demand_points``.
    detail : Mapping
        How, as JSON values.
    address : str, optional
        Network address they go to.
    on_behalf_of : str, optional
        Whom the actor stands in for.
    """
    words = json.dumps(detail, ensure_ascii=False, sort_keys=True, default=str)
    with store.aside() as session:
        audit.append(
            session, actor, "exported", subject, words, kind="export", address=address, on_behalf_of=on_behalf_of
        )
