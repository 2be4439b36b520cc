"""A writer that is killed leaves no half-written decision and a whole chain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from geo.store import Store, audit, open_store
from geo.store.audit_check import verify

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


def trial(url: str, times: int) -> None:
    """Kill a writer several times; check after each."""
    command = [sys.executable, "-m", "tests.store.writer", url]
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
                written.append(check(store))
        process.stdin.close()
        assert process.wait(60) == 0
    assert written == sorted(written)
    assert written[-1] > times  # writers did get to write
    with open_store(url) as store:
        with store.session() as session:
            audit.append(session, "tester", "did", "x", "{}")
        check(store)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system whose processes fork")
def test_a_killed_writer_leaves_whole_decisions_and_a_whole_chain(store_url: str) -> None:
    trial(store_url, 15)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system whose processes fork")
def test_two_hundred_killed_writers_leave_whole_decisions_and_a_whole_chain(store_url: str) -> None:
    trial(store_url, 200)
