"""While a server runs: edits of legal records past Fangyu are put back within seconds, and told in the log."""

from __future__ import annotations

import logging
import threading
from typing import Final

from geo.catalog.map_layer import legal_tables
from geo.services.outside_edit import count_held, describe_edits, has_pending
from geo.store import Store
from geo.store.watch import RevisionWatch

LOOK_S: Final = 1.0
_log = logging.getLogger("fangyu.outside")


class OutsideKeeper:
    """Looks every second whether a legal layer was changed, and by whom.

    Parameters
    ----------
    store : Store
        The open store; stays open until `stop` has returned.
    watch : RevisionWatch
        Its watch: while nothing has changed, the store is not asked.
    period_s : float
        Seconds from one look to the next.
    """

    def __init__(self, store: Store, watch: RevisionWatch, *, period_s: float = LOOK_S) -> None:
        self._store, self._watch, self._period_s = store, watch, period_s
        self._seen: str | None = None
        self._told = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fangyu-outside", daemon=True)

    def start(self) -> None:
        """Tell what waits, and begin."""
        with self._store.session(write=False) as session:
            waiting = count_held(session)
        if waiting:
            _log.warning("%d edits of legal records made outside wait for review: fangyu outside list", waiting)
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        """Look, and sleep."""
        while True:
            self.look()
            if self._over.wait(self._period_s):
                return

    def look(self) -> None:
        """Put back what was edited since the last look; what fails is told in the log and tried again."""
        try:
            present = self._watch.present()
            token = None if present is None else present.token(legal_tables())
            if token is None or token != self._seen:
                with self._store.session(write=False) as session:
                    is_pending = has_pending(session)
                if is_pending:
                    # Writing puts everything back before it does anything else.
                    with self._store.session():
                        pass
                self._seen = token if not is_pending else None
            found = self._store.outside_holds[self._told :]
            self._told += len(found)
            if found:
                _log.warning(
                    "legal records edited outside were put back and held for review: %s", describe_edits(found)
                )
        except Exception as error:
            # Serving goes on; the next write puts it back in any case.
            _log.error("edits made outside could not be looked through: %s", error)
