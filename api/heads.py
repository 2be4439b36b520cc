"""Once a day: the head of the audit into the log and beside the cache, and months that are over sealed."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from geo.services.audit import head_line, seal_audit
from geo.store import Store

FILE_NAME: Final = "audit-heads.txt"
DAY_S: Final = 86_400.0
_TOGETHER_S: Final = 60.0
"""The processes of one server wake up together: the first notes the head for all of them."""
_log = logging.getLogger("fangyu.audit")


class HeadKeeper:
    """Notes where the audit's chain ends, at the start and then every day.

    Parameters
    ----------
    store : Store
        The store; stays open until `stop` has returned.
    folder : pathlib.Path
        Where the file of heads is.
    period_s : float
        Seconds from one note to the next.
    """

    def __init__(self, store: Store, folder: Path, *, period_s: float = DAY_S) -> None:
        self._store = store
        self._path = folder / FILE_NAME
        self._period_s = period_s
        self._together = timedelta(seconds=min(_TOGETHER_S, period_s / 2))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fangyu-heads", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        """Note the head, and sleep."""
        while True:
            self.note()
            if self._over.wait(self._period_s):
                return

    def note(self) -> None:
        """Note the head; what fails is told in the log and tried again the next day."""
        try:
            seal_audit(self._store)
            with self._store.session(write=False) as session:
                line = head_line(self._store, session)
            at, count, chain, _ = line.split()
            facts = {"audit_head": chain, "count": int(count), "noted_at": at}
            if self._was_just_noted(at):
                return
            _log.info("audit head %s %s", count, chain, extra={"facts": facts})
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except Exception as error:
            # Serving goes on whatever happens to a note.
            _log.error("the head of the audit was not noted: %s", error)

    def _was_just_noted(self, at: str) -> bool:
        """Tell whether another process has noted the head a moment ago."""
        if not self._path.exists():
            return False
        lines = self._path.read_text(encoding="utf-8").splitlines()
        now = datetime.fromisoformat(at)
        return bool(lines) and now - datetime.fromisoformat(lines[-1].split()[0]) < self._together
