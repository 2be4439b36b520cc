"""Knowing the present state of every layer without a query for each request.

On SQLite a kept connection is asked for ``PRAGMA data_version``, which another number answers after every commit of
any program: a look into shared memory that takes microseconds, so what is told is never old. On PostgreSQL one
connection listens for what the triggers on ``layer_revisions`` announce, and reads the revisions again at each
announcement and several times a second without one; what it has read counts for less than a second. Whenever it is not
certain what the present state is, nothing is told, and whoever asks has to ask the database.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import psycopg
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from geo.store.state import REVISIONS, token_of
from geo.store.triggers import REVISIONS_CHANNEL

LEASE_S: Final = 0.9
"""How long what was read on PostgreSQL counts without being read again: less than the second that is promised."""
_LOOK_S: Final = 0.35
_RETRY_S: Final = 1.0


class Revisions:
    """The state of every layer at one moment.

    Parameters
    ----------
    rows : iterable of (str, int, str)
        Layer, revision and stamp.
    """

    def __init__(self, rows: Iterable[tuple[str, int, str]]) -> None:
        self._found = {layer: f"{revision}-{stamp}" for layer, revision, stamp in rows}
        self._tokens: dict[tuple[str, ...], str] = {}

    def token(self, layer_names: Sequence[str]) -> str:
        """Return what `geo.store.state.token` returns in this state.

        Parameters
        ----------
        layer_names : sequence of str
            Layers.

        Returns
        -------
        str
            Sixteen hexadecimal digits.
        """
        names = tuple(layer_names)
        known = self._tokens.get(names)
        if known is None:
            known = self._tokens[names] = token_of(self._found, names)
        return known


class RevisionWatch(Protocol):
    """Something that knows the present state of every layer, or knows that it does not."""

    def present(self) -> Revisions | None:
        """Return the present state.

        Returns
        -------
        Revisions or None
            The state the store has now: commits of this process included at once, those of others within a second;
            None where that is not certain, and the database has to be asked.
        """

    def doubt(self) -> None:
        """Take note that this process may have committed something."""

    def close(self) -> None:
        """End the watch; from then on nothing is certain."""


class SqliteWatch:
    """Watches an embedded store; never behind, whoever writes.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str) -> None:
        # Autocommit, and never a write: data_version does not count what its own connection commits.
        self._connection: sqlite3.Connection | None = sqlite3.connect(
            path, timeout=0.0, isolation_level=None, check_same_thread=False
        )
        self._lock = threading.Lock()
        self._version = -1
        self._known: Revisions | None = None

    def present(self) -> Revisions | None:
        """Return the present state.

        Returns
        -------
        Revisions or None
            None while the file is locked, or after `close`.
        """
        with self._lock:
            if self._connection is None:
                return None
            try:
                version = self._connection.execute("PRAGMA data_version").fetchone()[0]
                if version != self._version:
                    # In this order: rows may be newer than the number, and are then read once more; never older.
                    self._known = Revisions(self._connection.execute(REVISIONS).fetchall())
                    self._version = version
            except sqlite3.Error:
                self._version, self._known = -1, None
            return self._known

    def doubt(self) -> None:
        """Do nothing: the file itself tells."""

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = self._known = None


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read, until when it counts, and how many doubts there had been before."""

    revisions: Revisions
    until: float
    doubts: int


class PostgresWatch:
    """Watches a PostGIS store from a thread with a connection of its own.

    Parameters
    ----------
    engine : Engine
        The store's engine; only its address is used.
    """

    def __init__(self, engine: Engine) -> None:
        self._words, self._settings = engine.dialect.create_connect_args(engine.url)
        # A connection that died without a word is noticed and replaced within seconds.
        self._settings = {"connect_timeout": 5, "tcp_user_timeout": 5000, **self._settings}
        self._known: _Known | None = None
        self._doubts = 0
        self._lock = threading.Lock()
        self._is_closed = threading.Event()
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="fangyu-revisions", daemon=True)
        self._thread.start()

    def present(self) -> Revisions | None:
        """Return the present state.

        Returns
        -------
        Revisions or None
            None when this process has committed since it was last read, or the database has not been heard of for
            `LEASE_S`.
        """
        known = self._known
        if known is None or known.doubts != self._doubts or time.monotonic() > known.until:
            return None
        return known.revisions

    def doubt(self) -> None:
        """Forget the state until it has been read once more."""
        with self._lock:
            self._doubts += 1
        self._ring()

    def close(self) -> None:
        """End the thread and its connection."""
        self._is_closed.set()
        self._ring()
        self._thread.join(10)
        self._known = None
        self._bell.close()
        self._ear.close()

    def _ring(self) -> None:
        """Wake the thread; where it has been rung for often enough already, it will wake anyway."""
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    def _run(self) -> None:
        """Follow the database, from one connection to the next."""
        while not self._is_closed.is_set():
            try:
                with psycopg.connect(*self._words, **self._settings, autocommit=True) as connection:
                    self._follow(connection)
            except psycopg.Error:
                self._known = None
                self._is_closed.wait(_RETRY_S)

    def _follow(self, connection: psycopg.Connection[tuple[str, int, str]]) -> None:
        """Read the revisions whenever they may have changed."""
        is_told = False

        def hear(_: psycopg.Notify) -> None:
            nonlocal is_told
            is_told = True

        connection.add_notify_handler(hear)
        connection.execute(f"LISTEN {REVISIONS_CHANNEL}".encode())
        with selectors.DefaultSelector() as waiting:
            waiting.register(connection.fileno(), selectors.EVENT_READ)
            waiting.register(self._ear, selectors.EVENT_READ)
            while not self._is_closed.is_set():
                is_told = False
                doubts, begun = self._doubts, time.monotonic()
                rows = connection.execute(REVISIONS.encode()).fetchall()
                self._known = _Known(Revisions(rows), begun + LEASE_S, doubts)
                # What is announced while the rows are read may have come too late for them.
                if is_told:
                    continue
                waiting.select(_LOOK_S)
                with contextlib.suppress(BlockingIOError):
                    while self._ear.recv(1024):
                        pass


def watch_revisions(engine: Engine) -> RevisionWatch:
    """Begin to watch a store.

    Parameters
    ----------
    engine : Engine
        Engine of an open store.

    Returns
    -------
    RevisionWatch
        To be closed before the store is.
    """
    if engine.dialect.name == "sqlite":
        path = make_url(engine.url).database
        assert path is not None
        return SqliteWatch(path)
    return PostgresWatch(engine)
