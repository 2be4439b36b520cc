"""What the database refuses of cases by itself, to anybody who speaks SQL to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from geo.errors import ConflictError, DeniedError, StaleError
from geo.store import Store, case_clocks, cases, open_store
from geo.store.case_records import CaseRecord
from geo.store.case_triggers import sqlite_case_triggers
from geo.store.cases import refusals
from geo.store.engine import open_engine, writing
from geo.store.tables import (
    Case,
    CaseAttachment,
    CaseClock,
    CaseComment,
    CaseStep,
    Notice,
    NoticeRead,
)
from geo.workflow.clock import ClockRule
from tests.cases_kit import CLERK, HERE, MONDAY, give, open_sample, submit

TABLES = (Case, CaseStep, CaseClock, CaseComment, CaseAttachment, Notice, NoticeRead)


def step(case: CaseRecord, action: str, to_state: str, actor: str, **more: object) -> dict[str, object]:
    """Return the row of a step, as somebody who writes SQL would fill it in."""
    return {
        "case_fid": case.fid, "seq": 1, "row_version": case.row_version + 1, "from_state": case.state,
        "action": action, "to_state": to_state, "outcome": None, "actor": actor, "on_behalf_of": None, "role": "x",
        "reason": "", "documents": "[]", "table_hash": "", "happened_utc": MONDAY, **more,
    }  # fmt: skip


@contextmanager
def refused(word: str) -> Iterator[None]:
    """Expect that the database itself refuses, for a reason."""
    with pytest.raises(DBAPIError, match=word) as caught:
        yield
    assert type(caught.value).__name__ == "IntegrityError"


@pytest.fixture
def case(store: Store) -> CaseRecord:
    """Return a case that was submitted by wang."""
    with store.session() as session:
        return submit(session, open_sample(session))


def attempt(store: Store, word: str, do: Callable[[Session], object]) -> None:
    """Do something that is refused, in a transaction of its own."""
    with refused(word), store.session() as session:
        do(session)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"seq": 1}, "case.stale"),
        ({"seq": 3}, "case.stale"),
        ({"row_version": 2}, "case.stale"),
        ({"row_version": 9}, "case.stale"),
        ({"from_state": "draft"}, "case.state"),
        ({"outcome": "won"}, "case.state"),
        ({"actor": "  "}, "case.actor"),
        ({"on_behalf_of": " "}, "case.actor"),
        ({"case_fid": 999}, "case.missing"),
    ],
)
def test_a_step_that_does_not_follow_is_refused(
    store: Store, case: CaseRecord, more: dict[str, object], word: str
) -> None:
    row = {**step(case, "accept", "accepted", "li", seq=2), **more}
    attempt(store, word, lambda session: session.execute(insert(CaseStep).values(**row)))


@pytest.mark.parametrize(
    "who",
    [
        {"actor": "wang"},
        {"actor": "WANG "},
        {"actor": "li", "on_behalf_of": "wang"},
        {"actor": "li", "on_behalf_of": " Wang"},
    ],
)
def test_four_eyes_hold_against_plain_sql(store: Store, case: CaseRecord, who: dict[str, object]) -> None:
    row = {**step(case, "accept", "accepted", "li", seq=2), **who}
    attempt(store, "case.eyes", lambda session: session.execute(insert(CaseStep).values(**row)))
    with store.session() as session, pytest.raises(DeniedError, match="somebody else"), refusals():
        session.execute(insert(CaseStep).values(**row))


def test_four_eyes_hold_for_the_one_somebody_stood_in_for(store: Store) -> None:
    from tests.cases_kit import person

    stand_in = person("qian", "place_name_clerk", district=HERE, on_behalf_of="li")
    with store.session() as session:
        case = submit(session, open_sample(session, opener=stand_in), stand_in)
    for name in ("li", "qian"):
        row = step(case, "accept", "accepted", name, seq=2)
        attempt(store, "case.eyes", lambda session, row=row: session.execute(insert(CaseStep).values(**row)))
    with store.session() as session:
        session.execute(insert(CaseStep).values(**step(case, "accept", "accepted", "wu", seq=2)))


def test_who_opened_a_case_may_be_barred_too(store: Store) -> None:
    with store.session() as session:
        case = cases.add(
            session, uid="cs-1", workflow="w", table_hash="", subject=("a", "b"), title="t", district=None, state="s",
            four_eyes={"approve": ["opening"]}, opened_by="wang", opened_for="li", opened_utc=MONDAY,
        )  # fmt: skip
    for name in ("wang", "li"):
        row = step(case, "approve", "e", name)
        attempt(store, "case.eyes", lambda session, row=row: session.execute(insert(CaseStep).values(**row)))
    with store.session() as session:
        session.execute(insert(CaseStep).values(**step(case, "approve", "e", "wu", outcome="completed")))
        assert cases.get(session, "cs-1").outcome == "completed"


def test_a_step_moves_its_case_and_nothing_else_does(store: Store, case: CaseRecord) -> None:
    assert (case.state, case.row_version, case.outcome) == ("applied", 2, None)
    own = Case.fid == case.fid
    for values, word in (
        ({"state": "approved"}, "case.state"),
        ({"state": "approved", "row_version": 3}, "case.state"),
        ({"outcome": "completed", "row_version": 3, "closed_utc": MONDAY}, "case.state"),
        ({"closed_utc": MONDAY, "row_version": 3}, "case.state"),
        ({"assignee": "li"}, "case.state"),
        ({"four_eyes": "{}", "row_version": 3}, "case.fixed"),
        ({"district": "320000", "row_version": 3}, "case.fixed"),
        ({"opened_by": "zhao", "row_version": 3}, "case.fixed"),
        ({"uid": "cs-other", "row_version": 3}, "case.fixed"),
    ):
        attempt(store, word, lambda session, values=values: session.execute(update(Case).where(own).values(**values)))
    with store.session() as session:
        session.execute(update(Case).where(own).values(assignee="li", row_version=3))
        moved = cases.get(session, case.uid)
        assert moved.assignee == "li"
        row = step(moved, "refuse", "refused", "li", seq=2, outcome="ended")
        session.execute(insert(CaseStep).values(**row))
        over = cases.get(session, case.uid)
        assert (over.state, over.row_version, over.assignee, over.outcome) == ("refused", 4, None, "ended")
        assert over.closed_utc == MONDAY
    row = step(over, "accept", "accepted", "li", seq=3)
    attempt(store, "case.closed", lambda session: session.execute(insert(CaseStep).values(**row)))
    attempt(
        store,
        "case.state",
        lambda session: session.execute(update(Case).where(own).values(assignee="a", row_version=5)),
    )


def test_a_case_opens_where_it_begins(store: Store, case: CaseRecord) -> None:
    with store.session() as session:
        row = dict(session.execute(select(*Case.__table__.c).where(Case.fid == case.fid)).one()._mapping)
    del row["fid"]
    fresh = {**row, "uid": "cs-9", "subject_id": "r9", "state": "draft", "row_version": 1}
    for more in (
        {"state": "applied"},
        {"outcome": "ended"},
        {"row_version": 2},
        {"closed_utc": MONDAY},
        {"opened_by": ""},
    ):
        attempt(
            store, "case.state", lambda session, more=more: session.execute(insert(Case).values(**{**fresh, **more}))
        )
    with store.session() as session:
        session.execute(insert(Case).values(**fresh))


def fill(store: Store, case: CaseRecord) -> None:
    """Put a row into every table."""
    rule = ClockRule("c", "钟", "clock", 3, "calendar_day", "as_counted", "x", "D")
    with store.session() as session:
        case_clocks.start(session, case, rule, seq=1, day=MONDAY.date(), due=None)
        give(session, case)
        session.execute(
            insert(CaseComment).values(uid="cc-1", case_fid=case.fid, author="a", words="好", created_utc=MONDAY)
        )
        number = session.scalar(select(Notice.fid).limit(1))
        session.execute(insert(NoticeRead).values(notice_fid=number, person="li", read_utc=MONDAY))


def test_nothing_of_a_case_is_removed(store: Store, case: CaseRecord) -> None:
    fill(store, case)
    for table in TABLES:
        name = table.__tablename__
        attempt(store, "case.fixed", lambda session, name=name: session.execute(text(f"DELETE FROM {name}")))
        if store.kind == "postgis":
            attempt(store, "case.fixed", lambda session, name=name: session.execute(text(f"TRUNCATE {name} CASCADE")))


def test_what_was_said_stays_as_it_was_said(store: Store, case: CaseRecord) -> None:
    fill(store, case)
    for name, change in (
        ("case_steps", "reason = 'x'"),
        ("case_steps", "actor = 'zhao'"),
        ("case_comments", "words = 'x'"),
        ("case_attachments", "sha256 = 'x'"),
        ("notifications", "person = 'x'"),
        ("notification_reads", "person = 'x'"),
        ("case_clocks", "limit_days = 99"),
        ("case_clocks", "started = '2020-01-01'"),
    ):
        attempt(
            store, "case.fixed",
            lambda session, name=name, change=change: session.execute(text(f"UPDATE {name} SET {change}")),
        )  # fmt: skip
    with store.session() as session:
        session.execute(text("UPDATE case_clocks SET stopped = '2026-03-04', outcome = 'in_time'"))
    attempt(store, "case.fixed", lambda session: session.execute(text("UPDATE case_clocks SET outcome = 'late'")))


def test_no_row_is_replaced(gpkg_path: object) -> None:
    with open_store(str(gpkg_path)) as store:
        with store.session() as session:
            case = submit(session, open_sample(session))
        fill(store, case)
        for table in TABLES:
            columns = [column.name for column in table.__table__.columns]
            unique = {
                "cases": ("fid", "uid", "workflow"), "case_steps": ("fid", "case_fid"),
                "case_clocks": ("fid", "case_fid"), "notification_reads": ("fid", "notice_fid"),
            }.get(table.__tablename__, ("fid", "uid"))  # fmt: skip
            for key in unique:
                # All but one of the unique keys are other ones.
                others = {"fid": "fid + 1000", "uid": "uid || 'x'"}
                if key == "case_fid" or key == "notice_fid" or key == "workflow":
                    others = {"fid": "fid + 1000", "uid": "uid || 'y'"}
                others.pop(key, None)
                if table is Case and key != "workflow":
                    others["subject_id"] = "'elsewhere'"
                values = ", ".join(others.get(name, name) for name in columns)
                query = (
                    f"INSERT OR REPLACE INTO {table.__tablename__} SELECT {values} FROM {table.__tablename__} LIMIT 1"
                )
                attempt(store, "case", lambda session, query=query: session.execute(text(query)))


def test_a_trigger_that_was_taken_off_or_changed_is_put_back(gpkg_path: object) -> None:
    with open_store(str(gpkg_path)) as store, store.session() as session:
        session.execute(text("DROP TRIGGER check_case_steps"))
        session.execute(text("DROP TRIGGER keep_cases_delete"))
        session.execute(text("CREATE TRIGGER keep_cases_delete BEFORE DELETE ON cases BEGIN SELECT 1; END"))
    with open_store(str(gpkg_path)) as store, store.session(write=False) as session:
        found = dict(session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all())
    assert {name: found[name] for name in sqlite_case_triggers()} == sqlite_case_triggers()


def test_what_the_database_refuses_is_said_in_chinese(store: Store, case: CaseRecord) -> None:
    for more, kind in (({"seq": 7}, StaleError), ({"from_state": "draft"}, ConflictError)):
        row = {**step(case, "accept", "accepted", "li", seq=2), **more}
        with pytest.raises(kind) as caught, store.session() as session, refusals():
            session.execute(insert(CaseStep).values(**row))
        assert "办件" in caught.value.message_zh


def test_of_eight_who_write_sql_at_once_exactly_one_takes_the_step(
    store: Store, store_url: str, case: CaseRecord
) -> None:
    ready, results = threading.Barrier(8), []

    def decide(number: int) -> None:
        engine = open_engine(store_url)
        ready.wait()
        try:
            # None of our locks: what holds is the database's own.
            with writing(engine) as connection:
                row = step(case, "accept", "accepted", f"reviewer{number}", seq=2)
                connection.execute(insert(CaseStep).values(**row))
            results.append("done")
        except DBAPIError as error:
            results.append(str(error.orig).partition(":")[0].splitlines()[0])
        finally:
            engine.dispose()

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(results) == ["case.stale"] * 7 + ["done"]
    with store.session(write=False) as session:
        assert (cases.get(session, case.uid).state, cases.last_seq(session, case)) == ("accepted", 2)


def test_the_rule_of_a_case_is_kept_as_it_was_opened_with(store: Store, case: CaseRecord) -> None:
    with store.session(write=False) as session:
        kept = session.scalar(select(Case.four_eyes).where(Case.fid == case.fid))
        assert json.loads(kept or "") == {"accept": ["submit"], "approve": ["accept", "submit"]}
        assert cases.get(session, case.uid).opened_by == CLERK.login
