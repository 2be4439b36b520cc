"""Goal of the audit: what it adds to a write, on each engine."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from clock import span
from results import Row
from sqlalchemy import text

from geo.store import Store, audit, maintenance, open_store
from geo.store.audit_check import verify

LIMIT_S = 1e-3
N_WRITES = 400
N_BEFORE = 2_000
_NOTE = '{"action": "facility edited", "changes": {"name": "示范长者食堂", "capacity": 40}}'


def rows(folder: Path, notes: list[str], *, postgis: str | None = None, n: int = N_WRITES) -> list[Row]:
    """Measure the embedded store and, where there is one, PostGIS."""
    made = []
    for kind, url in (("embedded", str(folder / "audit.gpkg")), ("PostGIS", postgis)):
        if url is not None:
            if "://" in url:
                maintenance.upgrade(url)
            made.append(_of_store(kind, url, notes, n))
    return made


def _of_store(kind: str, url: str, notes: list[str], n: int) -> Row:
    """Measure one store: each write without its entry and then with it, in turn, so that the machine's moods cancel."""
    with open_store(url) as store:
        with store.session() as session:
            session.execute(text("INSERT INTO store_info VALUES ('bench', '0')"))
            many = [audit.Note("bench", "did", f"thing/{one}", _NOTE, "edit") for one in range(N_BEFORE)]
            audit.append_many(session, many)
        for is_recorded in (False, True):
            _write(store, is_recorded=is_recorded)
        taken = np.array([[_write(store, is_recorded=flag) for flag in (False, True)] for _ in range(n)])
        with store.session(write=False) as session:
            begun = time.perf_counter()
            found = verify(session)
            notes.append(
                f"G16: {found.checked:,} entries of the {kind} store verified in {span(time.perf_counter() - begun)}, "
                f"{len(found.findings)} findings."
            )
    plain, recorded = np.median(taken, axis=0)
    added = float(np.median(taken[:, 1] - taken[:, 0]))
    ours = f"+{span(added)} ({span(float(plain))} without, {span(float(recorded))} with)"
    what = f"added by an audit entry to a write of one row, {kind} store, median of {n} pairs"
    return Row("G16", what, ours, target="≤ 1 ms", is_met=added <= LIMIT_S)


def _write(store: Store, *, is_recorded: bool) -> float:
    """Change one row in one transaction; return the seconds it took."""
    begun = time.perf_counter()
    with store.session() as session:
        session.execute(text("UPDATE store_info SET value = value || '' WHERE key = 'bench'"))
        if is_recorded:
            audit.append(session, "bench", "did", "thing/1", _NOTE, kind="edit")
    return time.perf_counter() - begun
