"""Carries out commands with keys until it is killed: ``python -m tests.store.once_writer URL``."""

from __future__ import annotations

import sys
from datetime import timedelta

from geo.services.facility import Editor, create_facility
from geo.store import idempotency, open_store
from geo.store.idempotency import KeptAnswer

KEPT = timedelta(days=1)


def main(url: str) -> None:
    """Enter facilities, each with the answer under its key in the same transaction."""
    with open_store(url) as store:
        print("ready", flush=True)  # noqa: T201
        for number in range(100_000):
            with store.session() as session:
                made = create_facility(
                    session, slug="senior_canteen", values={"name": f"第{number}食堂"}, lon=118.2, lat=36.8, id=None,
                    editor=Editor("writer"),
                )  # fmt: skip
                answer = KeptAnswer("0" * 64, 201, {}, b"{}")
                idempotency.keep(session, answer, actor="writer", key=made.version.id, kept=KEPT)


if __name__ == "__main__":
    main(sys.argv[1])
