"""Recognising people and programs by what they send, without a query for each request.

What the store says of a session or key is remembered until anything about accounts changes, which raises the revision
of ``accounts``: a session that is ended anywhere is refused everywhere within a second. When a session was last used
is kept in memory and written down now and then.
"""

from __future__ import annotations

import base64
import binascii
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import anyio.to_thread
from starlette.requests import HTTPConnection

from api.auth.principal import ANONYMOUS, Principal
from geo.account.secret import key_id_of, token_hash
from geo.errors import FangyuError, UnauthenticatedError
from geo.services.login import Identity, LoginRules, identify, identify_key, take_note
from geo.store import Store, state
from geo.store.account_triggers import ACCOUNTS
from geo.store.columns import utc_now
from geo.store.pages import today
from geo.store.watch import RevisionWatch

SECURE_COOKIE: Final = "__Host-fangyu"
"""Cookie of a session over TLS."""
PLAIN_COOKIE: Final = "fangyu_session"
"""Cookie of a session on this machine without TLS, where browsers would refuse the other one."""
_MOST: Final = 4096
_FLUSH_S: Final = 30.0
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_log = logging.getLogger("fangyu.accounts")


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What the store said of a secret, and in which state of the accounts and on which day it did."""

    identity: Identity | None
    token: str
    day: date


class AccountKeeper:
    """Knows who is who on one store; threads may share it.

    Parameters
    ----------
    store : Store
        The open store.
    watch : RevisionWatch
        Its watch.
    rules : LoginRules
        What the bureau decides about sessions.
    """

    def __init__(self, store: Store, watch: RevisionWatch, rules: LoginRules) -> None:
        self.rules = rules
        self._store, self._watch = store, watch
        self._known: OrderedDict[str, _Remembered] = OrderedDict()
        self._seen: dict[str, datetime] = {}
        self._used: dict[str, datetime] = {}
        self._unwritten: tuple[set[str], set[str]] = (set(), set())
        self._lock = threading.Lock()
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fangyu-accounts", daemon=True)
        self._thread.start()

    async def principal_of(self, connection: HTTPConnection, method: str) -> Principal:
        """Return who asks.

        Parameters
        ----------
        connection : HTTPConnection
            A request.
        method : str
            Its method.

        Returns
        -------
        Principal
            Anybody, where no session and no key was sent, or the session has ended.

        Raises
        ------
        UnauthenticatedError
            A key was sent that is none, or for something that keys do not open.
        """
        key = _sent_key(connection)
        cookie = session_cookie(connection)
        if key is not None and cookie is None:
            return await self._of_key(key, method)
        if cookie is None:
            return ANONYMOUS
        identity = await self._look(token_hash(cookie), None)
        if identity is None or not self._is_alive(identity):
            return ANONYMOUS
        assert identity.session_id is not None
        self._touch(identity.session_id)
        return principal_from(identity)

    def close(self) -> None:
        """Write down what has not been written, and end the thread."""
        self._is_closed.set()
        self._thread.join(10)
        self._flush()

    async def _of_key(self, key: str, method: str) -> Principal:
        """Return whose key was sent."""
        key_id = key_id_of(key)
        identity = None if key_id is None else await self._look(token_hash(key), key_id)
        if identity is None or key_id is None or utc_now() >= identity.ends_at:
            raise UnauthenticatedError(
                "密钥无效、已过期或已吊销", "the key is none, has expired or was revoked"
            )
        if method not in _SAFE:
            raise UnauthenticatedError("密钥只能读取", "keys are for reading only")
        with self._lock:
            self._used[key_id] = utc_now()
            self._unwritten[1].add(key_id)
        return principal_from(identity)

    async def _look(self, hashed: str, key_id: str | None) -> Identity | None:
        """Return what the store says, or said in the present state of its accounts."""
        present = self._watch.present()
        if present is not None:
            with self._lock:
                found = self._known.get(hashed)
                if found is not None and found.token == present.token((ACCOUNTS,)) and found.day == today():
                    self._known.move_to_end(hashed)
                    return found.identity
        return await anyio.to_thread.run_sync(self._ask, hashed, key_id)

    def _ask(self, hashed: str, key_id: str | None) -> Identity | None:
        """Ask the store, and remember what it says."""
        with self._store.session(write=False) as session:
            token = state.token(session, (ACCOUNTS,))
            if key_id is None:
                identity = identify(session, hashed, self.rules, seen=self._seen_at)
            else:
                identity = identify_key(session, key_id, hashed)
        # What is nothing is not remembered: guesses would push out what people use.
        if identity is not None:
            with self._lock:
                self._known[hashed] = _Remembered(identity, token, today())
                while len(self._known) > _MOST:
                    self._known.popitem(last=False)
        return identity

    def _seen_at(self, session_id: str) -> datetime | None:
        """Return when a session was last used here."""
        with self._lock:
            return self._seen.get(session_id)

    def _is_alive(self, identity: Identity) -> bool:
        """Tell whether a session is neither idle for too long nor too old."""
        assert identity.session_id is not None
        seen = max(self._seen_at(identity.session_id) or identity.seen_at, identity.seen_at)
        return utc_now() < min(identity.ends_at, seen + self.rules.idle)

    def _touch(self, session_id: str) -> None:
        """Take note that a session is in use."""
        with self._lock:
            self._seen[session_id] = utc_now()
            self._unwritten[0].add(session_id)

    def _run(self) -> None:
        """Write down now and then who was seen."""
        while not self._is_closed.wait(_FLUSH_S):
            self._flush()

    def _flush(self) -> None:
        """Write down who was seen since the last time."""
        with self._lock:
            sessions = {one: self._seen[one] for one in self._unwritten[0]}
            keys = {one: self._used[one] for one in self._unwritten[1]}
            self._unwritten = (set(), set())
            horizon = utc_now() - 2 * self.rules.idle
            for one in [one for one, at in self._seen.items() if at < horizon]:
                del self._seen[one]
        if not sessions and not keys:
            return
        try:
            with self._store.aside() as session:
                take_note(session, sessions, keys)
        except FangyuError as error:
            # Somebody imports: the next time will do.
            _log.warning("who was seen could not be written down: %s", error.message_en)
            with self._lock:
                self._unwritten[0].update(sessions.keys() & self._seen.keys())
                self._unwritten[1].update(keys)


def principal_from(identity: Identity) -> Principal:
    """Return somebody whom the store knows as routes see them.

    Parameters
    ----------
    identity : Identity
        What the store says.

    Returns
    -------
    Principal
        Who asks.
    """
    return Principal(
        identity.login,
        identity.roles,
        identity.district,
        on_behalf_of=identity.on_behalf_of,
        is_signed_in=identity.session_id is not None,
        scopes=None if identity.scopes is None else frozenset(identity.scopes),
        identity=identity,
    )


def session_cookie(connection: HTTPConnection) -> str | None:
    """Return the secret of a session that was sent.

    Parameters
    ----------
    connection : HTTPConnection
        A request.

    Returns
    -------
    str or None
        None where there is none.
    """
    name = SECURE_COOKIE if connection.url.scheme == "https" else PLAIN_COOKIE
    return connection.cookies.get(name) or None


def _sent_key(connection: HTTPConnection) -> str | None:
    """Return the key that was sent, as a bearer or as the password of somebody, which is what QGIS and GDAL can do."""
    kind, _, value = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
