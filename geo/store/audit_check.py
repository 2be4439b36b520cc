"""Checking the audit: what was changed, removed, added, moved or cut off behind its back, and where."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal

from sqlalchemy import Text, select, text, type_coerce
from sqlalchemy.orm import Session

from geo.store import audit
from geo.store.audit_chain import START, Link, old_chain
from geo.store.audit_seals import PURGED, SEALED
from geo.store.audit_triggers import POSTGIS_FUNCTIONS, POSTGIS_TRIGGERS, SQLITE_TRIGGERS
from geo.store.columns import utc_text
from geo.store.tables import AuditEntry, AuditHead, AuditSeal

Problem = Literal[
    "edited", "missing", "inserted", "reordered", "tail_cut", "head_forged", "seal_forged", "triggers_missing",
    "rewritten",
]  # fmt: skip
_MOVED: Final = 20
"""Up to so many entries that do not fit are tried at each other's places."""
_LOG = AuditEntry.__table__


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """Something that is wrong with the audit.

    Parameters
    ----------
    problem : str
        What, as a stable word.
    seq : int or None
        Number of the entry; None where it is not about one.
    message_zh, message_en : str
        What is wrong and where.
    """

    problem: Problem
    seq: int | None
    message_zh: str
    message_en: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check has found.

    Parameters
    ----------
    checked : int
        Entries that were looked at.
    first : int
        Number the chain begins at; more than 1 after a purge.
    head : Head
        What the row of the head says.
    findings : tuple of AuditFinding
        What is wrong; empty when all is well.
    not_checked : int
        Heads noted earlier that lie among entries that are gone by right.
    """

    checked: int
    first: int
    head: audit.Head
    findings: tuple[AuditFinding, ...]
    not_checked: int = 0


@dataclass(slots=True)
class _State:
    """What is known while going through the entries."""

    heads: dict[int, set[str]]
    findings: list[AuditFinding] = field(default_factory=list)
    broken: list[tuple[Link, str, str]] = field(default_factory=list)
    seals: dict[int, str] = field(default_factory=dict)
    told: list[tuple[int, str]] = field(default_factory=list)
    purged: tuple[int, str] | None = None
    begin: tuple[int, str] | None = None
    first: int = 1
    checked: int = 0
    last: int = 0
    chain: str = START

    def add(self, problem: Problem, seq: int | None, zh: str, en: str) -> None:
        """Note something that is wrong."""
        self.findings.append(AuditFinding(problem, seq, zh, en))


def verify(session: Session, *, against: Sequence[audit.Head] = ()) -> Verified:
    """Check every entry, the head, the seals and the triggers.

    Parameters
    ----------
    session : Session
        Any session.
    against : sequence of Head
        Heads noted earlier outside the store; each has to lie on the chain.

    Returns
    -------
    Verified
        With everything that is wrong.
    """
    state = _State({})
    for noted in against:
        state.heads.setdefault(noted.count, set()).add(noted.chain)
    for row in session.execute(select(AuditSeal.last_seq, AuditSeal.chain).order_by(AuditSeal.last_seq)):
        state.seals[int(row[0])] = str(row[1])
    standing = session.execute(select(AuditHead.seq, AuditHead.row_fid, AuditHead.chain)).all()
    before_old: str | None = START
    for link, chain, flaw in _read(session):
        before_old = _look(state, link, chain, flaw, before_old)
    _name_broken(state)
    _check_beginning(state)
    _check_head(state, [(int(row[0]), str(row[2])) for row in standing])
    _check_seals(state)
    not_checked = _check_noted(state)
    _check_triggers(session, state)
    found = audit.Head(0, START) if not standing else audit.Head(int(standing[0][0]), str(standing[0][2]))
    return Verified(state.checked, state.first, found, tuple(state.findings), not_checked)


def _read(session: Session) -> Iterator[tuple[Link, str, str]]:
    """Yield every entry with its hash, and what is wrong with its very spelling."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    # As it is stored: a moment may be spelled in several ways that mean the same.
    at = type_coerce(_LOG.c.at, Text) if is_sqlite else _LOG.c.at
    names = [name for name in Link.__slots__ if name != "at"]
    query = select(at, _LOG.c.chain, *(_LOG.c[name] for name in names)).order_by(_LOG.c.seq, _LOG.c.fid)
    for row in session.execute(query.execution_options(yield_per=2000)):
        raw, chain = row[0], str(row[1])
        values = dict(zip(names, row[2:], strict=True))
        moment, flaw = raw, ""
        if is_sqlite:
            try:
                moment = datetime.fromisoformat(raw).astimezone(UTC)
                flaw = "" if utc_text(moment) == raw else str(raw)
            except (TypeError, ValueError):
                moment, flaw = datetime(1, 1, 1, tzinfo=UTC), str(raw)
        for name, value in values.items():
            is_number = name in ("seq", "fid")
            if not isinstance(value, int if is_number else (str, type(None))):
                flaw = flaw or str(value)
                values[name] = 0 if is_number else str(value)
        yield Link(at=moment, **values), chain, flaw


def _look(state: _State, link: Link, chain: str, flaw: str, before_old: str | None) -> str | None:
    """Check one entry; return its hash by the first formula, or None where that is not known."""
    seq = link.seq
    state.checked += 1
    if state.checked == 1:
        state.first = state.last = seq
        # Nothing stands before it: entries from 1 on are bound to START, after a purge to what the purge quotes.
        state.begin = (seq, link.chain(START) if seq == 1 else "")
        before = START if seq == 1 else state.seals.get(seq - 1)
        before_old = START if seq == 1 else None
    elif seq == state.last:
        zh = f"编号 {seq} 出现了不止一次：有记录被插入"
        state.add("inserted", seq, zh, f"number {seq} stands twice: one was inserted")
        before = state.chain
    elif seq > state.last + 1:
        _tell_missing(state, state.last + 1, seq - 1)
        before, before_old = None, None
    else:
        before = state.chain
    if flaw or (before is not None and link.chain(before) != chain):
        state.broken.append((link, chain, before or START))
    elif link.old_chain is not None and before_old is not None:
        words = (link.actor, link.action, link.subject, link.detail)
        if old_chain(before_old, link.at, words) != link.old_chain:
            state.add(
                "edited", seq, f"第 {seq} 条记录在升级前已被改动", f"entry {seq} had been changed before the upgrade"
            )
    if before is not None or seq - 1 not in state.seals:
        _remember(state, link)
    state.last, state.chain = seq, chain
    if seq in state.heads:
        wrong = state.heads.pop(seq) - {chain}
        for noted in sorted(wrong):
            state.add(
                "rewritten", seq,
                f"第 {seq} 条记录处的链值与先前导出的 {noted[:12]}… 不符：审计链被重写",
                f"the chain at entry {seq} is not the {noted[:12]}… exported earlier: it was rewritten",
            )  # fmt: skip
    if seq in state.seals and state.seals[seq] != chain:
        state.add(
            "seal_forged", seq, f"月封（至第 {seq} 条）与审计链不符", f"the seal up to entry {seq} is not on the chain"
        )
    return link.old_chain


def _remember(state: _State, link: Link) -> None:
    """Keep what an entry tells about seals and purges."""
    if link.action not in (SEALED, PURGED):
        return
    try:
        told = json.loads(link.detail)
        if link.action == SEALED:
            state.told.append((int(told["last_seq"]), str(told["chain"])))
        else:
            state.purged = int(told["to"]), str(told["chain"])
    except (ValueError, KeyError, TypeError):
        return  # an entry that was changed is found by its hash


def _tell_missing(state: _State, first: int, last: int) -> None:
    """Say that entries are missing."""
    which = str(first) if first == last else f"{first}–{last}"
    state.add("missing", first, f"缺少第 {which} 条记录", f"entry {which} is missing")


def _name_broken(state: _State) -> None:
    """Tell entries that were moved from those that were edited."""
    broken = state.broken
    moved: dict[int, int] = {}
    if 1 < len(broken) <= _MOVED:
        befores = {before for _, _, before in broken} | {chain for _, chain, _ in broken}
        places = [(link.seq, link.fid) for link, _, _ in broken]
        for index, (link, chain, _) in enumerate(broken):
            candidates = (
                (seq, before)
                for seq, _ in places
                for _, fid in places
                for before in befores
                if replace(link, seq=seq, fid=fid).chain(before) == chain
            )
            found = next(candidates, None)
            if found is not None:
                moved[index] = found[0]
    for index, (link, _, _) in enumerate(broken):
        seq = link.seq
        if index in moved and moved[index] != seq:
            zh = f"第 {seq} 条记录原在第 {moved[index]} 位：次序被调换"
            state.add("reordered", seq, zh, f"entry {seq} stood at {moved[index]}: it was moved")
        elif index in moved:
            zh = f"第 {seq} 条记录的行号 {link.fid} 被调换"
            state.add("reordered", seq, zh, f"the row number {link.fid} of entry {seq} was exchanged")
        else:
            zh = f"第 {seq} 条记录（行 {link.fid}，{link.actor}，{link.action}）的内容被改动，或是插入的"
            en = f"entry {seq} (row {link.fid}, {link.actor}, {link.action}) was edited, or inserted"
            state.add("edited", seq, zh, en)


def _check_beginning(state: _State) -> None:
    """Check that the chain begins where the newest purge says, or at 1."""
    to, chain = state.purged or (0, START)
    if state.checked == 0:
        return
    if state.first > to + 1:
        _tell_missing(state, to + 1, state.first - 1)
    elif state.first <= to:
        zh = f"第 {state.first} 条记录在已清除的范围（至第 {to} 条）内：是插入的"
        en = f"entry {state.first} lies among those purged up to {to}: it was inserted"
        state.add("inserted", state.first, zh, en)
    elif to and state.seals.get(to) != chain:
        zh = f"已清除部分的月封（至第 {to} 条）缺失或与清除记录不符"
        state.add("seal_forged", to, zh, f"the seal up to {to} is missing or is not the one the purge quotes")


def _check_head(state: _State, standing: Sequence[tuple[int, str]]) -> None:
    """Compare the row of the head with the newest entry."""
    if len(standing) != 1:
        zh = f"审计链头应有一行，现有 {len(standing)} 行"
        state.add("head_forged", None, zh, f"the head should be one row, there are {len(standing)}")
        return
    seq, chain = standing[0]
    if seq > state.last:
        which = str(seq) if state.last + 1 == seq else f"{state.last + 1}–{seq}"
        zh = f"末尾的第 {which} 条记录被删除（链头记有 {seq} 条）"
        state.add("tail_cut", state.last + 1, zh, f"entry {which} at the end was cut off; the head counts {seq}")
    elif seq < state.last:
        zh = f"链头只到第 {seq} 条，其后的记录（至第 {state.last} 条）是插入的，或链头被改"
        en = f"the head ends at {seq}: entries up to {state.last} were inserted, or the head was forged"
        state.add("inserted", seq + 1, zh, en)
    elif chain != state.chain and not any(link.seq == seq for link, _, _ in state.broken):
        state.add("head_forged", seq, f"链头的链值与第 {seq} 条记录不符", f"the head's hash is not that of entry {seq}")


def _check_seals(state: _State) -> None:
    """Compare the seals with what the chain tells of them."""
    for seq, chain in state.told:
        if state.seals.get(seq) != chain:
            zh = f"月封（至第 {seq} 条）缺失或被改动"
            state.add("seal_forged", seq, zh, f"the seal up to {seq} is missing or was changed")
    told, border = {seq for seq, _ in state.told}, (state.purged or (0, START))[0]
    for seq in state.seals:
        if seq > border and seq not in told:
            zh = f"月封（至第 {seq} 条）在审计链中没有记录：是插入的"
            state.add("seal_forged", seq, zh, f"the chain tells of no seal up to {seq}: it was inserted")


def _check_noted(state: _State) -> int:
    """Check the heads noted earlier that no entry has answered for; return how many are gone by right."""
    gone = 0
    for seq, chains in sorted(state.heads.items()):
        if seq == 0 and chains == {START}:
            continue
        if seq < state.first and state.seals.get(seq) is None and state.purged is not None:
            gone += 1
            continue
        for noted in sorted(chains - {state.seals.get(seq, START)}):
            zh = f"先前导出的链头（第 {seq} 条，{noted[:12]}…）不在审计链上：审计链被重写或截断"
            en = f"the head exported earlier (entry {seq}, {noted[:12]}…) is not on the chain: it was rewritten or cut"
            state.add("rewritten", seq, zh, en)
    return gone


def _check_triggers(session: Session, state: _State) -> None:
    """Compare the triggers with what they should be."""
    wrong: list[str] = []
    if session.get_bind().dialect.name == "sqlite":
        found = {row[0]: row[1] for row in session.execute(text("SELECT name, sql FROM sqlite_master"))}
        wrong = [name for name, statement in SQLITE_TRIGGERS.items() if found.get(name) != statement]
    else:
        query = (
            "SELECT t.tgname, t.tgenabled::text, pg_get_triggerdef(t.oid), p.proname, p.prosrc FROM pg_trigger t "
            "JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND c.relname IN ('audit_log', 'audit_head', 'audit_seals')"
        )
        rows = {row[0]: tuple(row)[1:] for row in session.execute(text(query))}
        for name, statement in POSTGIS_TRIGGERS.items():
            enabled, definition, function, body = rows.get(name, ("D", "", "", ""))
            is_whole = all(word in definition for word in _events(statement))
            if enabled not in ("O", "A") or not is_whole or POSTGIS_FUNCTIONS.get(function) != body:
                wrong.append(name)
    if wrong:
        names = ", ".join(sorted(wrong))
        zh = f"防改触发器缺失、停用或被改：{names}"
        state.add("triggers_missing", None, zh, f"triggers are missing, off or changed: {names}")


def _events(statement: str) -> list[str]:
    """List what a trigger fires on."""
    return [word for word in ("UPDATE", "DELETE", "TRUNCATE") if word in statement] + [statement.split("FUNCTION ")[1]]
