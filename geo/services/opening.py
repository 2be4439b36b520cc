"""Opening, migrating and saving stores."""

from __future__ import annotations

from geo.store import Store, open_store, state

read_fact = state.read_fact
write_fact = state.write_fact


def open_and_absorb(url: str, *, actor: str) -> tuple[Store, tuple[()]]:
    """Open a store (absorbing outside edits comes with geo.store.outside)."""
    return open_store(url, actor=actor), ()
