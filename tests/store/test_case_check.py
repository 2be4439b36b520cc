"""What was done to cases behind the back of Fangyu is found by the audit."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from geo.services.audit import verify_cases
from geo.store import Store, audit, open_store
from geo.store.case_records import CaseRecord
from geo.store.case_triggers import postgis_case_triggers, sqlite_case_triggers
from geo.store.tables import CaseStep
from tests.cases_kit import REVIEWER, open_sample, submit, take
from tests.cli.conftest import Run, fangyu
from tests.store.test_case_triggers import step

__all__ = ["fangyu"]


@pytest.fixture
def case(store: Store) -> CaseRecord:
    """Return a case with two steps, beside another one."""
    with store.session() as session:
        open_sample(session, 2)
        return take(session, submit(session, open_sample(session)), "request_correction", REVIEWER)


def problems(session: Session) -> set[str]:
    """Return what kinds of things are wrong."""
    return {one.problem for one in verify_cases(session)}


def test_cases_that_went_through_fangyu_are_whole(store: Store, case: CaseRecord) -> None:
    with store.session(write=False) as session:
        assert verify_cases(session) == ()


def test_a_step_that_was_written_by_sql_is_found_whatever_its_date(store: Store, case: CaseRecord, fangyu: Run) -> None:
    with store.session() as session:
        row = step(case, "correct", "applied", "wang", seq=3)
        session.execute(insert(CaseStep).values(**row))
        (found,) = verify_cases(session)
        assert (found.problem, found.case) == ("step_unrecorded", case.uid)
        assert "第 3 步" in found.message_zh
    told = fangyu("audit", "verify", "--json")
    assert (told.code, told.json()["is_whole"]) == (3, True)
    assert [one["problem"] for one in told.json()["case_findings"]] == ["step_unrecorded"]


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        ("UPDATE case_steps SET reason = 'x' WHERE seq = 2", {"step_changed"}),
        ("UPDATE case_steps SET actor = 'zhao' WHERE seq = 1", {"step_changed"}),
        ("UPDATE case_steps SET documents = '[]' WHERE seq = 1", {"step_changed"}),
        ("UPDATE case_steps SET documents = 'x' WHERE seq = 1", {"step_changed"}),
        ("UPDATE case_steps SET documents = '3' WHERE seq = 1", {"step_changed"}),
        ("UPDATE case_steps SET documents = '[{}]' WHERE seq = 1", {"step_changed"}),
        ("UPDATE case_steps SET role = 'approver' WHERE seq = 2", {"step_changed"}),
        ("UPDATE case_steps SET on_behalf_of = 'zhao' WHERE seq = 2", {"step_changed"}),
        ("DELETE FROM case_steps WHERE seq = 2", {"step_missing", "case_moved"}),
        ("UPDATE cases SET state = 'approved' WHERE subject_id = 'r1'", {"case_moved"}),
        ("UPDATE cases SET outcome = 'completed' WHERE subject_id = 'r1'", {"case_moved"}),
        ("UPDATE cases SET uid = 'cs-x' WHERE subject_id = 'r2'", {"case_missing", "case_unrecorded"}),
    ],
)
def test_what_somebody_did_who_took_the_triggers_off_is_found(
    store: Store, case: CaseRecord, attack: str, expected: set[str]
) -> None:
    with store.session() as session:
        take_off(session, store.kind)
        session.execute(text(attack))
        put_on(session, store.kind)
        assert problems(session) == expected


def take_off(session: Session, kind: str) -> None:
    """Take every trigger of cases off."""
    statements = sqlite_case_triggers() if kind == "gpkg" else postgis_case_triggers()
    for name, statement in statements.items():
        table = statement.partition(" ON ")[2].split()[0]
        session.execute(text(f"DROP TRIGGER {name}" + ("" if kind == "gpkg" else f" ON {table}")))


def put_on(session: Session, kind: str) -> None:
    """Hide the traces."""
    for statement in (sqlite_case_triggers() if kind == "gpkg" else postgis_case_triggers()).values():
        session.connection().exec_driver_sql(statement)


def _off(session: Session, kind: str) -> None:
    table = "" if kind == "gpkg" else " ON case_steps"
    session.execute(text(f"DROP TRIGGER check_case_steps{table}"))


def _other(session: Session, kind: str) -> None:
    _off(session, kind)
    if kind == "gpkg":
        session.execute(text("CREATE TRIGGER check_case_steps BEFORE INSERT ON case_steps BEGIN SELECT 1; END"))
        return
    run = "EXECUTE FUNCTION fangyu_step_taken()"
    session.execute(text(f"CREATE TRIGGER check_case_steps AFTER INSERT ON case_steps FOR EACH ROW {run}"))


@pytest.mark.parametrize("attack", [_off, _other])
def test_triggers_that_are_off_or_changed_are_told(store: Store, attack: Callable[[Session, str], None]) -> None:
    with store.session() as session:
        attack(session, store.kind)
        assert problems(session) == {"case_triggers_missing"}


@pytest.mark.postgis
@pytest.mark.parametrize(
    "attack",
    [
        "ALTER TABLE case_steps DISABLE TRIGGER check_case_steps",
        "CREATE OR REPLACE FUNCTION fangyu_check_step() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ],
)
def test_a_disabled_trigger_and_a_changed_function_are_told(postgis_url: str, attack: str) -> None:
    with open_store(postgis_url) as store, store.session() as session:
        session.execute(text(attack))
        assert problems(session) == {"case_triggers_missing"}


def test_an_audit_that_tells_of_a_step_that_is_not_there_is_told(store: Store, case: CaseRecord) -> None:
    with store.session() as session:
        entry = next(one for one in audit.entries(session) if one.action == "case step taken")
        detail = json.dumps({**json.loads(entry.detail), "seq": 3})
        audit.append(session, "li", entry.action, entry.subject, detail, kind="decision")
        assert problems(session) == {"step_missing"}


@pytest.mark.parametrize("detail", ["x", "[]", "{}", '{"seq": "1"}'])
def test_an_audit_that_somebody_wrote_nonsense_into_is_read_to_its_end(
    store: Store, case: CaseRecord, detail: str
) -> None:
    with store.session() as session:
        audit.append(session, "li", "case step taken", f"cases/{case.uid}", detail, kind="decision")
        assert problems(session) == set()
