"""The audit: whatever is done to it behind its back is found, and what is done by right is not held against it."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from geo.errors import InputError
from geo.store import Store, audit, audit_seals, maintenance, open_store
from geo.store.audit_chain import START, Link, old_chain
from geo.store.audit_check import Verified, verify
from geo.store.audit_triggers import POSTGIS_TRIGGERS, SQLITE_TRIGGERS
from geo.store.engine import open_engine, writing
from geo.store.tables import AuditEntry, AuditHead, AuditSeal

COLUMNS = [column.name for column in AuditEntry.__table__.columns]


def fill(store: Store, number: int, chance: random.Random) -> None:
    """Add entries that differ, some in one transaction."""
    done = 0
    while done < number:
        many = min(chance.randint(1, 3), number - done)
        notes = [
            audit.Note(
                chance.choice(["甲", "乙", "a"]), f"did {done + k}", f"thing/{chance.randint(1, 3)}", "{}",
                chance.choice(audit.KINDS), chance.choice(audit.OUTCOMES),  # type: ignore[arg-type]
                chance.choice([None, "10.0.0.7"]), chance.choice([None, "丙"]),
            )
            for k in range(many)
        ]  # fmt: skip
        with store.session() as session:
            audit.append_many(session, notes)
        done += many


def take_triggers_off(session: Session, kind: str) -> None:
    """Do what somebody with the file or the database in hand can do."""
    for name in SQLITE_TRIGGERS if kind == "gpkg" else POSTGIS_TRIGGERS:
        table = "_".join(name.split("_")[1:3])
        session.execute(text(f"DROP TRIGGER {name}" + ("" if kind == "gpkg" else f" ON {table}")))


def put_triggers_on(session: Session, kind: str) -> None:
    """Hide the traces."""
    for statement in (SQLITE_TRIGGERS if kind == "gpkg" else POSTGIS_TRIGGERS).values():
        session.connection().exec_driver_sql(statement)


def check(store: Store, against: tuple[audit.Head, ...] = ()) -> Verified:
    """Verify in a session of its own."""
    with store.session(write=False) as session:
        return verify(session, against=against)


def problems(found: Verified) -> set[str]:
    """Return what kinds of things are wrong."""
    return {finding.problem for finding in found.findings}


class Undo(Exception):  # noqa: N818
    """Rolls an attack back."""


def attacked(store: Store, attack: object) -> Verified:
    """Return what is found after an attack, which is rolled back afterwards."""
    found: list[Verified] = []
    with pytest.raises(Undo), store.session() as session:  # noqa: PT012
        take_triggers_off(session, store.kind)
        attack(session)  # type: ignore[operator]
        put_triggers_on(session, store.kind)
        found.append(verify(session))
        raise Undo
    return found[0]


def other(value: object, chance: random.Random) -> object:
    """Return another value of the same type."""
    if isinstance(value, datetime):
        return value + timedelta(milliseconds=chance.choice([-1, 1, 86_400_000]))
    if isinstance(value, int):
        return value + 1000
    return "x" if value is None else chance.choice([f"{value}x", "", f" {value}"]) if value else "y"


@pytest.mark.parametrize("seed", range(3))
def test_any_single_edit_deletion_insertion_and_swap_is_found(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    number = chance.randint(4, 9)
    fill(store, number, chance)
    assert check(store).findings == ()
    assert check(store).checked == number
    log = AuditEntry.__table__

    for seq in range(1, number + 1):
        for name in COLUMNS:

            def edit(session: Session, seq: int = seq, name: str = name) -> None:
                value = session.execute(select(log.c[name]).where(log.c.seq == seq)).scalar_one()
                session.execute(update(log).where(log.c.seq == seq).values({name: other(value, chance)}))

            found = attacked(store, edit)
            assert found.findings, (seq, name)
            if name not in ("seq", "chain"):
                assert [(one.problem, one.seq) for one in found.findings] == [("edited", seq)], name

        def remove(session: Session, seq: int = seq) -> None:
            session.execute(log.delete().where(log.c.seq == seq))

        assert problems(attacked(store, remove)) == {"tail_cut" if seq == number else "missing"}, seq

        def swap(session: Session, seq: int = seq) -> None:
            place = chance.choice([one for one in range(1, number + 1) if one != seq])
            for old, new in ((seq, -1), (place, seq), (-1, place)):
                session.execute(update(log).where(log.c.seq == old).values(seq=new))

        assert "reordered" in problems(attacked(store, swap)), seq

        def add(session: Session, seq: int = seq) -> None:
            for one in range(number, seq - 1, -1):
                session.execute(update(log).where(log.c.seq == one).values(seq=one + 1))
            row = dict(session.execute(select(log).where(log.c.seq == seq + 1)).mappings().one())
            session.execute(insert(log).values({**row, "fid": 900, "seq": seq}))

        assert attacked(store, add).findings, seq

    def add_at_the_end(session: Session) -> None:
        newest = session.execute(select(log).where(log.c.seq == number)).mappings().one()
        values = {name: newest[name] for name in Link.__slots__} | {"seq": number + 1, "fid": newest["fid"] + 1}
        link = Link(**values)
        session.execute(insert(log).values(audit.row_of(link, link.chain(newest["chain"]))))

    assert problems(attacked(store, add_at_the_end)) == {"inserted"}
    assert check(store).findings == ()


@pytest.mark.parametrize("change", [{"chain": "0" * 64}, {"seq": 2}, {"seq": 99}, {"fid": 7}, None])
def test_a_forged_head_is_found(store: Store, change: dict[str, object] | None) -> None:
    fill(store, 4, random.Random(1))

    def forge(session: Session) -> None:
        head = AuditHead.__table__
        session.execute(head.delete() if change is None else update(head).values(**change))

    found = problems(attacked(store, forge))
    if change == {"fid": 7}:
        assert found == set()  # its row number says nothing
    else:
        assert found & {"head_forged", "tail_cut", "inserted"}


def test_cutting_the_newest_entries_off_with_the_head_is_found_only_by_a_head_kept_elsewhere(store: Store) -> None:
    fill(store, 5, random.Random(2))
    with store.session(write=False) as session:
        noted = audit.head(session)
    with store.session() as session:
        take_triggers_off(session, store.kind)
        session.execute(text("DELETE FROM audit_log WHERE seq > 3"))
        session.execute(
            text("UPDATE audit_head SET (seq, row_fid, chain) = (SELECT seq, fid, chain FROM audit_log WHERE seq = 3)")
        )
        put_triggers_on(session, store.kind)
    assert check(store).findings == ()
    assert problems(check(store, (noted,))) == {"rewritten"}
    fill(store, 4, random.Random(3))
    assert check(store).findings == ()
    assert problems(check(store, (noted,))) == {"rewritten"}


def test_heads_noted_earlier_lie_on_a_sound_chain(store: Store) -> None:
    heads = []
    for seed in range(4):
        with store.session(write=False) as session:
            heads.append(audit.head(session))
        fill(store, 3, random.Random(seed))
    assert heads[0] == audit.Head(0, START)
    assert check(store, tuple(heads)).findings == ()


def test_missing_triggers_are_told(store: Store) -> None:
    with store.session() as session:
        take_triggers_off(session, store.kind)
    assert problems(check(store)) == {"triggers_missing"}


def test_an_embedded_store_puts_triggers_back_and_says_so(gpkg_path: Path) -> None:
    with open_store(str(gpkg_path)) as store:
        fill(store, 3, random.Random(4))
    with sqlite3.connect(gpkg_path) as raw:
        raw.execute("DROP TRIGGER keep_audit_log_update")
        raw.execute("DROP TRIGGER keep_audit_log_delete")
        raw.execute("CREATE TRIGGER keep_audit_log_delete AFTER DELETE ON audit_log BEGIN SELECT 1; END")
    raw.close()
    with open_store(str(gpkg_path)) as store:
        with store.session(write=False) as session:
            newest = audit.entries(session, limit=1)[0]
        assert (newest.kind, newest.action) == ("system", "triggers were missing")
        assert newest.detail == '{"triggers": ["keep_audit_log_delete", "keep_audit_log_update"]}'
        assert check(store).findings == ()


def test_what_is_rolled_back_leaves_no_gap(store: Store) -> None:
    fill(store, 2, random.Random(5))
    with pytest.raises(Undo), store.session() as session:  # noqa: PT012
        audit.append(session, "x", "did", "y", "{}")
        raise Undo
    fill(store, 2, random.Random(6))
    assert check(store).findings == ()
    with store.session(write=False) as session:
        assert [entry.seq for entry in audit.entries(session)] == [4, 3, 2, 1]
        assert [entry.fid for entry in audit.entries(session)] == [4, 3, 2, 1]


def test_writers_beside_one_another_grow_one_chain(store_url: str) -> None:
    with open_store(store_url) as store:
        errors: list[BaseException] = []

        def write(name: str) -> None:
            try:
                for step in range(10):
                    with store.session() if step % 2 else store.aside() as session:
                        audit.append(session, name, "did", str(step), "{}")
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert errors == []
        found = check(store)
        assert (found.checked, found.findings) == (30, ())


def test_a_removed_head_is_made_again_and_recorded(store: Store) -> None:
    fill(store, 2, random.Random(7))
    with store.session() as session:
        take_triggers_off(session, store.kind)
        session.execute(text("DELETE FROM audit_head"))
        put_triggers_on(session, store.kind)
    fill(store, 1, random.Random(8))
    with store.session(write=False) as session:
        assert [entry.action for entry in audit.entries(session)][1] == "audit head missing"
    assert check(store).findings == ()


def aged(store: Store, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Fill a store over fifteen months; return the present."""
    now = datetime.now(UTC).replace(microsecond=0)
    for days in range(450, -1, -30):
        with monkeypatch.context() as clock, store.session() as session:
            clock.setattr(audit, "utc_now", lambda days=days: now - timedelta(days=days))
            audit.append(session, "tester", "did", str(days), "{}", kind="edit")
    return now


def test_old_months_go_and_the_rest_is_still_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = aged(store, monkeypatch)
    with store.session() as session:
        assert audit_seals.seal(session, now=now) >= 12
        assert audit_seals.seal(session, now=now) == 0
    with store.session(write=False) as session:
        heads = (audit.head(session),)
    assert check(store).findings == ()
    with store.session() as session:
        first = audit_seals.purge(session, actor="keeper", older_than_days=400, now=now)
    assert first in (1, 2)
    with store.session() as session:
        second = audit_seals.purge(session, actor="keeper", older_than_days=180, now=now)
        assert second > 5
        assert audit_seals.purge(session, actor="keeper", older_than_days=180, now=now) == 0
    found = check(store, (*heads, audit.Head(2, "f" * 64)))
    assert found.first == first + second + 1
    assert found.not_checked + len(found.findings) == 1
    with store.session(write=False) as session:
        newest = audit.entries(session, limit=1)[0]
    assert (newest.kind, newest.action, newest.actor) == ("administration", "audit purged", "keeper")

    def remove_first(session: Session) -> None:
        session.execute(text("DELETE FROM audit_log WHERE seq = (SELECT MIN(seq) FROM audit_log)"))

    def edit_first(session: Session) -> None:
        session.execute(text("UPDATE audit_log SET actor = 'x' WHERE seq = (SELECT MIN(seq) FROM audit_log)"))

    def forge_seal(session: Session) -> None:
        session.execute(update(AuditSeal).where(AuditSeal.last_seq == found.first - 1).values(chain="0" * 64))

    def remove_seal(session: Session) -> None:
        session.execute(text("DELETE FROM audit_seals WHERE fid = (SELECT MAX(fid) FROM audit_seals)"))

    assert problems(attacked(store, remove_first)) == {"missing"}
    assert problems(attacked(store, edit_first)) == {"edited"}
    assert "seal_forged" in problems(attacked(store, forge_seal))
    assert problems(attacked(store, remove_seal)) == {"seal_forged"}


def test_nothing_young_or_unsealed_can_be_removed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = aged(store, monkeypatch)
    with pytest.raises(InputError, match="at least 180 days"), store.session() as session:
        audit_seals.purge(session, actor="keeper", older_than_days=179, now=now)
    statements = ["DELETE FROM audit_log WHERE seq = 1"]
    with pytest.raises(DBAPIError, match="append-only"), store.session() as session:
        session.execute(text(statements[0]))  # old, but in no sealed month
    with store.session() as session:
        audit_seals.seal(session, now=now)
    young = "SELECT MIN(seq) FROM audit_log WHERE detail = '{}' AND subject = '150'"
    refused = [
        f"DELETE FROM audit_log WHERE seq = ({young})",
        "DELETE FROM audit_log",
        "DELETE FROM audit_seals",
        "UPDATE audit_seals SET chain = ''",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET seq = seq - 1",
        "UPDATE audit_head SET chain = ''",
    ]
    if store.kind == "postgis":
        refused += ["TRUNCATE audit_log", "TRUNCATE audit_head", "TRUNCATE audit_seals"]
    else:
        refused += ["INSERT OR REPLACE INTO audit_head VALUES (2, 1, 1, '')"]
        refused += ["INSERT OR REPLACE INTO audit_seals SELECT fid + 99, month, ends_at, last_seq, entries, chain, "]
        refused[-1] += "sealed_at FROM audit_seals LIMIT 1"
    for statement in refused:
        with pytest.raises(DBAPIError, match=r"append-only|only moves on"), store.session() as session:
            session.execute(text(statement))
    with store.session() as session:
        session.execute(text("DELETE FROM audit_log WHERE seq = 1"))  # what the triggers let go, the check finds
    assert problems(check(store)) == {"missing"}


@pytest.mark.parametrize("is_forged", [False, True])
def test_entries_of_the_first_formula_still_verify_after_an_upgrade(
    request: pytest.FixtureRequest, tmp_path: Path, is_forged: bool
) -> None:
    urls = [str(tmp_path / "old.gpkg")]
    if os.environ.get("FANGYU_TEST_PG_URL"):
        urls.append(request.getfixturevalue("empty_database")())
    for url in urls:
        engine = open_engine(url)
        maintenance.migrate(engine, to="0004")
        chain = START
        with writing(engine) as connection:
            for fid in (1, 2, 5, 6):
                at = datetime(2025, 1, fid, 8, tzinfo=UTC)
                words = ("tester", "imported", f"facilities/{fid}", '{"a": "示范"}')
                chain = old_chain(chain, at, words)
                stored = at.strftime("%Y-%m-%dT%H:%M:%S.000Z") if "://" not in url else at
                values = dict(zip(("actor", "action", "subject", "detail"), words, strict=True))
                if is_forged and fid == 5:
                    values["actor"] = "somebody else"
                connection.execute(
                    text("INSERT INTO audit_log VALUES (:fid, :at, :actor, :action, :subject, :detail, :chain)"),
                    {"fid": fid, "at": stored, "chain": chain, **values},
                )
        engine.dispose()
        maintenance.upgrade(url)
        with open_store(url) as store:
            fill(store, 2, random.Random(9))
            found = check(store)
            assert found.checked == 6
            assert [(one.problem, one.seq) for one in found.findings] == ([("edited", 3)] if is_forged else [])
            with store.session(write=False) as session:
                kept = audit.entries(session)
            assert [(entry.seq, entry.fid) for entry in kept] == [(6, 8), (5, 7), (4, 6), (3, 5), (2, 2), (1, 1)]
            assert kept[-1].kind == "import"
