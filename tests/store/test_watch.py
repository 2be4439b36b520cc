"""The watch over revisions: what it tells is what the database would, and it is silent when it cannot be sure."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from geo.store import Store, audit, layers, open_store, state
from geo.store.functions import register_functions
from geo.store.layer import LAYER_NAMES
from geo.store.watch import LEASE_S, PostgresWatch, RevisionWatch, SqliteWatch
from tests.store.frames import bring_in, facilities, segments

TABLES = ("facilities", "gates")


def asked(store: Store) -> str:
    with store.session(write=False) as session:
        return state.token(session, TABLES)


def told(watch: RevisionWatch, within_s: float = 5.0) -> str:
    """Return what the watch tells as soon as it tells anything."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        present = watch.present()
        if present is not None:
            return present.token(TABLES)
        time.sleep(0.002)
    raise AssertionError(f"the watch was silent for {within_s} s")


def outside(url: str, statement: str) -> None:
    """Do what a program without Fangyu does."""
    if "://" in url:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement.encode())
        return
    with contextlib.closing(sqlite3.connect(url)) as connection, connection:
        register_functions(connection)  # GDAL brings its own
        connection.execute(statement)


def holds_within(seconds: float, condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_it_tells_what_the_database_would(store: Store) -> None:
    watch = store.watch()
    assert store.watch() is watch
    assert told(watch) == asked(store)
    with store.session(write=False) as session:
        for name in LAYER_NAMES:
            present = watch.present()
            assert present is not None
            assert present.token([name]) == state.token(session, [name])


def test_what_this_process_commits_is_told_at_once(store: Store) -> None:
    watch = store.watch()
    before = told(watch)
    for number in range(40):
        if number % 2:
            bring_in(store, "facilities", facilities(4 + number), sha256=str(number))
        else:
            with store.session() as session:
                layers.bump(session, "gates")
        present = watch.present()
        now = asked(store)
        assert now != before
        # Either it does not know, or it knows better than before.
        assert present is None or present.token(TABLES) == now
        assert told(watch) == now
        before = now


def test_what_another_open_store_of_this_process_commits_is_told_at_once(store: Store, store_url: str) -> None:
    watch = store.watch()
    told(watch)
    for number in range(10):
        with open_store(store_url) as other:
            bring_in(other, "facilities", facilities(4 + number), sha256=str(number))
        present, now = watch.present(), asked(store)
        assert present is None or present.token(TABLES) == now


def test_what_is_rolled_back_changes_nothing(store: Store) -> None:
    watch = store.watch()
    before = told(watch)
    with pytest.raises(RuntimeError, match="the power fails"):
        bring_in(store, "facilities", facilities(), fail=True)
    assert told(watch) == before == asked(store)


def test_other_layers_keep_their_state(store: Store) -> None:
    watch = store.watch()
    before = told(watch)
    bring_in(store, "street_segments", segments(5))
    assert told(watch) == before


def test_a_write_that_changes_no_layer_silences_it_for_a_moment_only(store: Store) -> None:
    watch = store.watch()
    before = told(watch)
    for _ in range(20):
        with store.session() as session:
            audit.append(session, actor="tester", action="test", subject="watch", detail="")
        begun = time.monotonic()
        assert told(watch) == before
        assert time.monotonic() - begun < 0.3


def test_what_other_programs_commit_is_told_within_a_second(store: Store, store_url: str) -> None:
    bring_in(store, "facilities", facilities())
    watch = store.watch()
    told(watch)
    for number in range(10):
        outside(store_url, f"UPDATE facilities SET name = '外部 {number}' WHERE fid = 1")
        now = asked(store)
        if store.kind == "gpkg":
            assert told(watch) == now
        assert holds_within(1.0, lambda now=now: told(watch) == now)  # type: ignore[misc]
    with open_store(store_url) as other:
        bring_in(other, "facilities", facilities(9), sha256="9")
    now = asked(store)
    assert holds_within(1.0, lambda: told(watch) == now)


def test_a_closed_watch_tells_nothing(store_url: str) -> None:
    with open_store(store_url) as store:
        watch = store.watch()
        told(watch)
    assert watch.present() is None
    watch.doubt()


def test_a_locked_file_is_not_guessed_about(gpkg_path: Path) -> None:
    # A store is in WAL mode, where readers wait for nobody; another program may have switched that off.
    with contextlib.closing(sqlite3.connect(gpkg_path, isolation_level=None)) as other:
        other.execute("CREATE TABLE layer_revisions (layer TEXT, revision INTEGER, stamp TEXT)")
        watch = SqliteWatch(str(gpkg_path))
        before = told(watch)
        other.execute("BEGIN EXCLUSIVE")
        assert watch.present() is None
        other.execute("INSERT INTO layer_revisions VALUES ('gates', 1, 'x')")
        assert watch.present() is None
        other.execute("COMMIT")
        assert told(watch) != before
        watch.close()


def listeners(url: str) -> list[int]:
    """Return the server processes that listen for this database's announcements."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return [row[0] for row in connection.execute(query.encode())]


@pytest.mark.postgis
def test_a_lost_connection_makes_it_silent_until_it_is_back(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgis_url")
    with open_store(url) as store:
        bring_in(store, "facilities", facilities())
        watch = store.watch()
        before = told(watch)
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            for pid in listeners(url):
                if pid != connection.info.backend_pid:
                    connection.execute(b"SELECT pg_terminate_backend(%s)", (pid,))
        assert holds_within(LEASE_S, lambda: watch.present() is None)
        outside(url, "UPDATE facilities SET name = '无人听见' WHERE fid = 1")
        assert told(watch) == asked(store) != before
        outside(url, "UPDATE facilities SET name = '又听见了' WHERE fid = 1")
        now = asked(store)
        assert holds_within(1.0, lambda: told(watch) == now)


@pytest.mark.postgis
def test_a_database_that_does_not_answer_is_not_guessed_about(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgis_url")
    with open_store(url) as store:
        watch = store.watch()
        before = told(watch)
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute(b"LOCK TABLE layer_revisions IN ACCESS EXCLUSIVE MODE")
            assert holds_within(LEASE_S + 0.2, lambda: watch.present() is None)
            time.sleep(0.2)
            assert watch.present() is None
        assert told(watch) == before


@pytest.mark.postgis
def test_announcements_alone_are_quicker_than_looking(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = request.getfixturevalue("postgis_url")
    monkeypatch.setattr("geo.store.watch._LOOK_S", 60.0)
    with open_store(url) as store:
        bring_in(store, "facilities", facilities())
        watch = store.watch()
        assert isinstance(watch, PostgresWatch)
        told(watch)
        for number in range(5):
            with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
                connection.execute(f"UPDATE facilities SET name = 'n{number}'".encode())
            now = asked(store)
            assert holds_within(0.5, lambda now=now: watch._known.revisions.token(TABLES) == now)  # type: ignore[misc,union-attr]


@pytest.mark.postgis
def test_many_changes_in_one_transaction_are_one_announcement(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgis_url")
    with open_store(url) as store:
        bring_in(store, "street_segments", segments(200))
    plain = url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as ear, psycopg.connect(plain) as writer:
        ear.execute(b"LISTEN fangyu_revisions")
        writer.execute(b"UPDATE street_segments SET name = 'x'")
        assert list(ear.notifies(timeout=0.2)) == []
        writer.commit()
        assert [one.payload for one in ear.notifies(timeout=0.5)] == [""]
        writer.execute(b"UPDATE street_segments SET name = 'y'")
        writer.rollback()
        assert list(ear.notifies(timeout=0.2)) == []


@pytest.mark.postgis
def test_every_way_to_change_the_revisions_is_announced(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgis_url")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(b"LISTEN fangyu_revisions")
        for statement in (
            "UPDATE layer_revisions SET stamp = 'x' WHERE layer = 'gates'",
            "DELETE FROM layer_revisions WHERE layer = 'gates'",
            "INSERT INTO layer_revisions VALUES ('gates', 1, 'y')",
            "TRUNCATE layer_revisions",
        ):
            connection.execute(statement.encode())
            assert len(list(connection.notifies(timeout=0.3))) == 1, statement
