"""Several workers on one store: no answer is older than promised, whoever writes, and whatever is cached."""

from __future__ import annotations

import contextlib
import random
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import mapbox_vector_tile
import psycopg
import pytest

from geo.store import open_store
from geo.store.functions import register_functions
from tests.api.test_tiles import tiles_over
from tests.store.frames import bring_in, facilities

WORKERS = 3
# On an embedded store the file itself is asked each time, so nothing may be old at all.
PROMISED_S = {"gpkg": 0.0, "postgis": 1.0}
(TILE,) = tiles_over((118.0, 36.8, 118.0, 36.8), "WebMercatorQuad", 12)
LAYER = "/ogc/collections/facilities_eldercare"


@dataclass
class Written:
    """What has been committed when: the number that stands in the facility's name, and the time after the commit."""

    times: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def least_at(self, moment: float) -> int:
        """The number that everybody has to see who asks then or later."""
        place = bisect_right(self.times, moment)
        return self.numbers[place - 1] if place else -1


@contextlib.contextmanager
def workers(store_url: str, folder: Path) -> Iterator[list[str]]:
    """Run several servers on one store, each a process of its own."""
    ports = []
    for _ in range(WORKERS):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    command = [sys.executable, "-m", "api.cli.main", "--store", store_url, "--cache", str(folder / "cache"), "serve"]
    with contextlib.ExitStack() as stack:
        for port in ports:
            server = stack.enter_context(subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL))
            stack.callback(server.wait, 20)
            stack.callback(server.terminate)
        homes = [f"http://127.0.0.1:{port}" for port in ports]
        until = time.monotonic() + 90
        for home in homes:
            while True:
                with contextlib.suppress(httpx2.TransportError):
                    if httpx2.get(f"{home}/health", timeout=2).status_code == 200:
                        break
                assert time.monotonic() < until, "a worker did not start"
                time.sleep(0.1)
        yield homes


def write(store_url: str, written: Written, is_over: threading.Event, seed: int) -> None:
    """Change one name again and again as a program without Fangyu does, and note when each change was committed."""
    chance = random.Random(seed)
    with contextlib.ExitStack() as stack:
        if "://" in store_url:
            server = stack.enter_context(psycopg.connect(store_url.replace("+psycopg", ""), autocommit=True))
        else:
            file = stack.enter_context(contextlib.closing(sqlite3.connect(store_url, isolation_level=None, timeout=30)))
            register_functions(file)
        number = 0
        while not is_over.is_set():
            number += 1
            if "://" in store_url:
                server.execute(b"UPDATE facilities SET name = %s WHERE fid = 1", (f"n{number}",))
                if chance.random() < 0.02:
                    # Every connection of every worker, the listening one included, is lost.
                    server.execute(
                        b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                        b"AND pid <> pg_backend_pid()"
                    )
            else:
                file.execute("UPDATE facilities SET name = ? WHERE fid = 1", (f"n{number}",))
            written.times.append(time.monotonic())
            written.numbers.append(number)
            is_over.wait(chance.choice((0.0, 0.002, 0.02, 0.2)))


def read(home: str, what: str, client: httpx2.Client, seen: dict[str, tuple[str, int]]) -> int | None:
    """Ask a worker and return the number it shows; None where it says that it cannot answer."""
    path = f"{LAYER}/tiles/{TILE}" if what == "tile" else f"{LAYER}/items{'/1' if what == 'item' else '?limit=3'}"
    tag, number = seen.get(what, ("", -1))
    answer = client.get(home + path, headers={"if-none-match": tag} if tag else {})
    if answer.status_code == 503:
        return None
    if answer.status_code == 304:
        return number
    assert answer.status_code == 200, answer.text
    if what == "tile":
        features = mapbox_vector_tile.decode(answer.content)["facilities_eldercare"]["features"]
        names = [one["properties"]["name"] for one in features if one["id"] == 1]
    elif what == "item":
        names = [answer.json()["properties"]["name"]]
    else:
        names = [one["properties"]["name"] for one in answer.json()["features"] if one["id"] == 1]
    (name,) = names
    seen[what] = (answer.headers["etag"], int(name[1:]))
    return seen[what][1]


def trials(store_url: str, folder: Path, number: int, seed: int) -> tuple[list[str], int, float]:
    """Ask random workers for random things while somebody writes; return what was stale, and the oldest answer."""
    engine = "postgis" if "://" in store_url else "gpkg"
    with open_store(store_url) as store:
        rows = facilities()
        rows.loc[0, "name"] = "n0"
        bring_in(store, "facilities", rows)
    written, is_over = Written(), threading.Event()
    stale: list[str] = []
    answered = [0] * WORKERS
    oldest = [0.0] * WORKERS

    def ask(worker: int, home: str) -> None:
        chance, seen = random.Random(seed + worker), dict[str, tuple[str, int]]()
        with httpx2.Client(timeout=60) as client:
            for _ in range(number // WORKERS + 1):
                what, begun = chance.choice(("tile", "tile", "tile", "item", "items")), time.monotonic()
                found = read(home, what, client, seen)
                if found is None:
                    continue
                answered[worker] += 1
                if found < (least := written.least_at(begun - PROMISED_S[engine])):
                    stale.append(f"{what} of worker {worker} shows {found}, {least} was committed in time")
                later = bisect_right(written.numbers, found)
                if later < len(written.numbers):
                    oldest[worker] = max(oldest[worker], begun - written.times[later])
                if chance.random() < 0.2:
                    time.sleep(chance.random() * 0.02)

    with workers(store_url, folder) as homes:
        writer = threading.Thread(target=write, args=(store_url, written, is_over, seed))
        readers = [threading.Thread(target=ask, args=one) for one in enumerate(homes)]
        writer.start()
        for one in readers:
            one.start()
        for one in readers:
            one.join()
        is_over.set()
        writer.join()
    assert len(written.numbers) > number / 200
    return stale, sum(answered), max(oldest)


def test_no_answer_is_older_than_promised(store_url: str, tmp_path: Path) -> None:
    stale, answered, oldest = trials(store_url, tmp_path, 600, 1)
    assert stale == []
    assert answered > 500
    assert oldest <= PROMISED_S["postgis" if "://" in store_url else "gpkg"]


@pytest.mark.slow
def test_no_answer_of_ten_thousand_is_older_than_promised(store_url: str, tmp_path: Path) -> None:
    stale, answered, _ = trials(store_url, tmp_path, 10_600, 2)
    assert stale == []
    assert answered >= 10_000
