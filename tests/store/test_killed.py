"""A writer that is killed leaves no half-written decision and a whole chain: of imports and edits, and of cases."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from geo.store import Store, audit, case_clocks, case_papers, cases, open_store
from geo.store.audit_check import verify
from tests.store.case_writer import shelf_of

ROOT = Path(__file__).parents[2]


def check(store: Store) -> int:
    """Hold what is written against the audit, both ways; return how many imports there are."""
    with store.session(write=False) as session:
        assert verify(session).findings == ()
        rows = session.execute(
            text("SELECT fid, finished_at, rows_added, rows_changed, file_name, layer FROM imports ORDER BY fid")
        ).all()
        told = {}
        named: dict[str, str] = {}
        for entry in audit.entries(session):
            if entry.action == "imported":
                facts = json.loads(entry.detail)
                told[facts["import_id"]] = (facts["added"], facts["changed"])
            elif entry.action.startswith("facility"):
                named[entry.subject.partition("/")[2]] = entry.action
        # Every import is complete and stands in the audit with the same numbers, and the other way round.
        assert all(row[1] is not None for row in rows)
        assert {row[0]: (row[2], row[3]) for row in rows} == told
        # Every version entered by hand has its entry, of its own kind, and the other way round.
        by_hand = {row[0]: row[4] for row in rows if row[4].startswith("facility ")}
        versions = session.execute(text("SELECT uid, import_id FROM facilities")).all()
        assert {uid: by_hand[number] for uid, number in versions if number in by_hand} == named
        # What an import is said to have added is there, row by row.
        for table in ("facilities", "street_segments"):
            counted = dict(session.execute(text(f"SELECT import_id, count(*) FROM {table} GROUP BY import_id")).all())
            said = {row[0]: row[2] + row[3] for row in rows if row[5] == table and row[2] + row[3]}
            assert counted == said
        return len(rows)


def check_cases(store: Store) -> int:
    """Hold every case against its steps, clocks, notices, files and the audit; return how many decisions there are."""
    with store.session(write=False) as session:
        assert verify(session).findings == ()
        told: dict[str, list[dict[str, object]]] = {}
        kinds: Counter[tuple[str, str]] = Counter()
        for entry in reversed(audit.entries(session, kind="decision")):
            kinds[entry.subject.partition("/")[2], entry.action] += 1
            if entry.action == "case step taken":
                told.setdefault(entry.subject.partition("/")[2], []).append(json.loads(entry.detail))
        uids = list(session.scalars(text("SELECT uid FROM cases ORDER BY fid")))
        assert {uid for uid, _ in kinds} == set(uids)
        for uid in uids:
            case = cases.get(session, uid)
            taken = cases.steps(session, case)
            said = told.get(uid, [])
            assert [(one.seq, one.action, one.to_state) for one in taken] == [
                (one["seq"], one["step"], one["to_state"]) for one in said
            ]
            assert [one.seq for one in taken] == list(range(1, len(taken) + 1))
            assert case.state == (taken[-1].to_state if taken else "draft")
            assert (case.outcome is not None) is (case.state in ("approved", "refused"))
            assert case.row_version == 1 + len(taken) + kinds[uid, "case assigned"]
            assert kinds[uid, "case opened"] == 1
            hands = [one.is_paused for one in case_clocks.of_case(session, case) if one.stopped is None]
            assert hands == {"applied": [False], "correcting": [True]}.get(case.state, [])
            papers = case_papers.attachments(session, case)
            assert len(papers) == kinds[uid, "case attachment added"]
            assert all(len(shelf_of(store.url).read(one.sha256)) == one.size_bytes for one in papers)
            notices = session.scalar(
                text("SELECT count(*) FROM notifications WHERE case_fid = :fid AND role IS NOT NULL"), {"fid": case.fid}
            )
            # One to each role that can act next: in no state are there two.
            assert notices == 1 + sum(one.outcome is None for one in taken)
        return sum(kinds.values())


def trial(url: str, times: int, writer: str = "tests.store.writer", look: Callable[[Store], int] = check) -> None:
    """Kill a writer several times; check after each."""
    command = [sys.executable, "-m", writer, url]
    written = [0]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        for seed in range(times):
            process.stdin.write(f"{seed}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "killed\n"
            with open_store(url) as store:
                written.append(look(store))
        process.stdin.close()
        assert process.wait(60) == 0
    assert written == sorted(written)
    assert written[-1] >= times  # each writer did get to write
    with open_store(url) as store:
        with store.session() as session:
            audit.append(session, "tester", "did", "x", "{}")
        look(store)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system whose processes fork")
def test_a_killed_writer_leaves_whole_decisions_and_a_whole_chain(store_url: str) -> None:
    trial(store_url, 15)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system whose processes fork")
def test_two_hundred_killed_writers_leave_whole_decisions_and_a_whole_chain(store_url: str) -> None:
    trial(store_url, 200)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system whose processes fork")
def test_a_killed_writer_of_cases_leaves_whole_decisions_and_a_whole_chain(store_url: str) -> None:
    try:
        trial(store_url, 15, "tests.store.case_writer", check_cases)
    finally:
        shutil.rmtree(shelf_of(store_url).folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system whose processes fork")
def test_two_hundred_killed_writers_of_cases_leave_whole_decisions_and_a_whole_chain(store_url: str) -> None:
    try:
        trial(store_url, 200, "tests.store.case_writer", check_cases)
    finally:
        shutil.rmtree(shelf_of(store_url).folder, ignore_errors=True)
