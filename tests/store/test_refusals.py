"""Refusals reach the audit without waiting for anybody, and strangers cannot fill it."""

from __future__ import annotations

import json
import threading
import time

import pytest

from geo.store import Store, audit
from geo.store.audit_check import verify
from geo.store.refusals import RefusalLog


def recorded(store: Store) -> list[tuple[str, str, str, str | None, dict[str, object]]]:
    """Return the refusals in the audit, oldest first."""
    with store.session(write=False) as session:
        assert verify(session).findings == ()
        found = audit.entries(session, kind="refusal")[::-1]
        return [(one.actor, one.action, one.subject, one.address, json.loads(one.detail)) for one in found]


def test_a_refusal_is_in_the_audit_within_a_second(store: Store) -> None:
    log = RefusalLog(store)
    try:
        log.note("kate\x00", "POST refused", "/api/x", {"status": 403}, "10.0.0.7")
        until = time.monotonic() + 5
        while not recorded(store) and time.monotonic() < until:
            time.sleep(0.05)
        assert recorded(store) == [("kate", "POST refused", "/api/x", "10.0.0.7", {"status": 403})]
    finally:
        log.close()


def test_strangers_are_counted_and_named_people_are_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geo.store.refusals.time.time", lambda: 6000.0)
    log = RefusalLog(store)
    for _ in range(1000):
        log.note("anonymous", "GET refused", "/a/{b}", {"status": 401}, "10.0.0.8")
    for _ in range(3):
        log.note("kate", "GET refused", "/a/{b}", {"status": 403}, None)
    log.close()
    found = recorded(store)
    assert [one[0] for one in found].count("kate") == 3
    strangers = [one for one in found if one[0] == "anonymous"]
    assert 1 <= len(strangers) <= 2
    assert sum(int(str(one[4]["count"])) for one in strangers) == 1000


def test_a_refusal_does_not_wait_for_a_writer(store: Store) -> None:
    log = RefusalLog(store)
    begun, over = threading.Event(), threading.Event()

    def write() -> None:
        with store.session() as session:
            audit.append(session, "importer", "imported", "x", "{}", kind="import")
            begun.set()
            over.wait(20)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert begun.wait(20)
        before = time.perf_counter()
        log.note("kate", "GET refused", "/x", {}, None)
        assert time.perf_counter() - before < 0.2
    finally:
        over.set()
        thread.join()
        log.close()
    assert len(recorded(store)) == 1
