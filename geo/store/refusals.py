"""Refusals on their way into the audit: a queue, so that no refusal waits for somebody's long import.

What strangers are refused is counted by action, subject, address and minute, so that nobody fills the disk by knocking.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from geo.store import audit
from geo.store.engine import Store

PERIOD_S: Final = 0.5
"""How long a refusal waits for others at most."""
MOST: Final = 5_000
"""Refusals that wait for a store which is busy; more are only counted."""
ANONYMOUS: Final = "anonymous"
_MINUTE_S: Final = 60
_log = logging.getLogger("fangyu.audit")


@dataclass(slots=True)
class _Count:
    """A minute of one stranger's refusals."""

    detail: str
    number: int = 0
    written: int = 0


_Key = tuple[str, str, str, int]


class RefusalLog:
    """Appends refusals to a store's audit, a batch at a time.

    Parameters
    ----------
    store : Store
        The store; stays open until `close` has returned.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._notes: list[audit.Note] = []
        self._counts: dict[_Key, _Count] = {}
        self._dropped = 0
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._over = threading.Event()
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fangyu-refusals", daemon=True)
        self._thread.start()

    def note(self, actor: str, action: str, subject: str, detail: Mapping[str, object], address: str | None) -> None:
        """Record a refusal soon; returns at once.

        Parameters
        ----------
        actor : str
            Who was refused; ``anonymous`` for a stranger, whose refusals are counted a minute at a time.
        action : str
            What was refused, such as ``GET refused``.
        subject : str
            On what, such as the route's template; nothing a stranger could choose.
        detail : Mapping
            Anything more, as JSON values.
        address : str or None
            Network address of who was refused.
        """
        words = json.dumps(detail, ensure_ascii=False, sort_keys=True, default=str)
        with self._lock:
            if len(self._notes) + len(self._counts) >= MOST:
                self._dropped += 1
            elif actor == ANONYMOUS:
                key = (action, subject, address or "", int(time.time() // _MINUTE_S))
                self._counts.setdefault(key, _Count(words)).number += 1
            else:
                self._notes.append(_refusal(actor, action, subject, words, address))
        self._news.set()

    def flush(self) -> None:
        """Write what waits, as far as it may be written."""
        self._write(is_last=False)

    def close(self) -> None:
        """Write everything that waits, and end."""
        self._over.set()
        self._news.set()
        self._thread.join()
        self._write(is_last=True)

    def _run(self) -> None:
        """Write a batch whenever there is one."""
        while not self._over.is_set():
            # A minute's count is completed when the minute is over, though nobody knocks any more.
            self._news.wait(_MINUTE_S / 4)
            self._news.clear()
            if not self._over.wait(PERIOD_S):
                self._write(is_last=False)

    def _write(self, *, is_last: bool) -> None:
        """Append everything that waits in one transaction; what fails waits for the next time."""
        with self._writing:
            with self._lock:
                batch, self._notes = self._notes, []
                dropped, self._dropped = self._dropped, 0
                batch += self._strangers(is_last=is_last)
            if dropped:
                told = json.dumps({"count": dropped})
                batch.append(audit.Note("fangyu", "refusals not kept", "audit_log", told, kind="refusal"))
            if not batch:
                return
            try:
                with self._store.aside() as session:
                    audit.append_many(session, batch)
            except Exception as error:
                # Whatever it was: the thread goes on, and nothing that was refused is forgotten.
                _log.error("refusals wait: %s", error)
                with self._lock:
                    self._notes = [*batch, *self._notes]

    def _strangers(self, *, is_last: bool) -> list[audit.Note]:
        """Return the notes of strangers: the first of a minute at once, the number when the minute is over."""
        minute, notes = int(time.time() // _MINUTE_S), []
        for key, count in list(self._counts.items()):
            action, subject, address, when = key
            is_over = is_last or when < minute
            if is_over:
                del self._counts[key]
            if count.written == count.number or (count.written and not is_over):
                continue
            told = {**json.loads(count.detail), "count": count.number - count.written}
            count.written = count.number
            words = json.dumps(told, ensure_ascii=False, sort_keys=True)
            notes.append(_refusal(ANONYMOUS, action, subject, words, address or None))
        return notes


def _refusal(actor: str, action: str, subject: str, words: str, address: str | None) -> audit.Note:
    """Return the note of a refusal."""
    clean = None if address is None else _plain(address)
    return audit.Note(
        _plain(actor), _plain(action), _plain(subject), _plain(words), "refusal", "refused", address=clean
    )


def _plain(word: str) -> str:
    """Return a text without what PostgreSQL cannot store."""
    return word.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
