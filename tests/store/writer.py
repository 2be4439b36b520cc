"""Children that write at random until they are killed: ``python -m tests.store.writer URL``, a seed a line."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable

from geo.services.facility import Editor, create_facility, edit_facility
from geo.store import Store, features, open_store
from tests.store.frames import bring_in, facilities, segments

EDITOR = Editor("writer")
Write = Callable[[Store, random.Random, int], None]


def write(store: Store, chance: random.Random, step: int) -> None:
    """Write once: enter a facility, edit one, or import a file."""
    what = chance.choice(["create", "edit", "edit", "import", "streets"])
    if what == "import":
        count = chance.randint(1, 40)
        bring_in(store, "facilities", facilities(count), source=chance.choice("ab"), sha256=f"{step}-{count}")
    elif what == "streets":
        bring_in(store, "street_segments", segments(chance.randint(20, 300), seed=step), sha256=str(step))
    else:
        with store.session() as session:
            made = create_facility(
                session, slug="senior_canteen", values={"name": f"第{step}食堂"}, lon=118.2, lat=36.8, id=None,
                editor=EDITOR,
            )  # fmt: skip
            if what == "edit":
                now = features.present_version(session, "facilities", made.version.uid)
                edit_facility(
                    session, now.uid, tag=now.tag, values={"name": f"第{step}长者食堂"}, lon=None, lat=None,
                    editor=EDITOR,
                )  # fmt: skip


def killed(url: str, seed: int, work: Write) -> None:
    """Let a child process write, and kill it at a random moment."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            chance = random.Random(seed)
            store = open_store(url)
            for step in range(10_000):
                work(store, chance, seed * 10_000 + step)
                if step == 0:
                    # However busy the machine is, each child has written before it is killed at its next writing.
                    os.write(writing, b"!")
        finally:
            os._exit(1)  # only where writing failed: it never ends by itself
    os.close(writing)  # so that a child that fails is heard of
    assert os.read(reading, 1) == b"!"
    time.sleep(random.Random(seed).uniform(0.0, 0.5))
    os.kill(child, signal.SIGKILL)  # nothing is cleaned up
    _, status = os.waitpid(child, 0)
    os.close(reading)
    print("killed" if os.WIFSIGNALED(status) else "failed", flush=True)  # noqa: T201


def main(work: Write = write) -> None:
    """Kill a writer for each seed that comes in; everything is imported once, before the first."""
    with tempfile.TemporaryDirectory() as folder, open_store(f"{folder}/warm.gpkg") as store:
        for step in range(12):
            work(store, random.Random(step), step)
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        killed(sys.argv[1], int(line), work)


if __name__ == "__main__":
    main()
