"""Times what-if steps over HTTP on a store: the whole round trip, from the request to the last byte of the answer.

Usage: python scripts/bench/served_scenario.py STORE CACHE [STEPS]
"""

from __future__ import annotations

import http.client
import json
import random
import re
import statistics
import subprocess
import sys
import time
from typing import Any


class Client:
    """One connection that is kept, in a planner's role."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"Content-Type": "application/json"}
        answer, _ = self.ask("POST", "/api/session/demo", {"role": "planner"}, keep=True)
        assert answer["roles"] == ["planner"], answer

    def ask(
        self, method: str, path: str, body: object = None, *, keep: bool = False, tag: str | None = None
    ) -> tuple[Any, float]:
        """Ask, and return the answer and the seconds it took.

        Raises
        ------
        RuntimeError
            The answer is a failure.
        """
        text = None if body is None else json.dumps(body)
        begun = time.perf_counter()
        headers = self._headers if tag is None else {**self._headers, "If-Match": tag}
        self._connection.request(method, path, text, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        spent = time.perf_counter() - begun
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:300]!r}")
        if keep:
            self._headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
        return json.loads(data) if data else None, spent


def main(store: str, cache: str, steps: int) -> None:
    """Serve the store, take steps, and print what they took."""
    command = [sys.executable, "-c", "from api.cli.main import run; run()", "--store", store, "--cache", cache]
    server = subprocess.Popen(
        [*command, "--lang", "en", "serve", "--demo", "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr is not None
        port = next(int(found[1]) for line in server.stderr if (found := re.search(r"127\.0\.0\.1:(\d+)", line)))
        time.sleep(4.0)
        _run(Client(port), steps)
    finally:
        server.terminate()
        server.wait(20)


def _run(client: Client, steps: int) -> None:
    """Take steps of each kind."""
    chance = random.Random(7)
    asked = {"name": "bench", "types": ["senior_canteen"], "minutes": 15}
    scenario, opened = client.ask("POST", "/api/scenarios", asked)
    print(f"opening the base: {opened:.2f} s, {scenario['types'][0]['persons']['total']:,} people")
    places = client.ask("GET", "/ogc/collections/demand/items?limit=2000")[0]["features"]
    homes = [one["geometry"]["coordinates"] for one in places]
    found = client.ask("GET", "/ogc/collections/gates/items?limit=500")[0]["features"]
    gates = [one["properties"]["id"] for one in found]
    canteens = client.ask("GET", "/api/facilities?type=senior_canteen&open=true&limit=1000")[0]["facilities"]
    edits_at = f"{scenario['href']}/edits"
    taken: dict[str, list[float]] = {}
    sizes: dict[str, list[int]] = {}

    tag = scenario["etag"]

    def step(kind: str, edit: dict[str, object]) -> None:
        nonlocal tag
        answer, spent = client.ask("POST", edits_at, {"edits": [edit]}, tag=tag)
        taken.setdefault(kind, []).append(spent)
        bands = answer["change"]["types"][0]["bands"]
        sizes.setdefault(kind, []).append(sum(len(band["fids"]) for band in bands))
        undone, back = client.ask("POST", f"{scenario['href']}/undo", tag=answer["scenario"]["etag"])
        tag = undone["scenario"]["etag"]
        taken.setdefault(f"undo {kind}", []).append(back)

    for number in range(steps):
        lon, lat = chance.choice(homes)
        one = chance.choice(canteens)
        known = {"type": "senior_canteen", "id": one["id"]}
        step("add", {"kind": "add_facility", "type": "senior_canteen", "id": f"n{number}", "lon": lon, "lat": lat})
        step("move", {"kind": "move_facility", **known, "lon": lon, "lat": lat})
        step("close", {"kind": "close_facility", **known})
        if gates:
            step("gate", {"kind": "set_gate", "id": chance.choice(gates), "access": "open"})
        far = [lon + chance.uniform(-0.003, 0.003), lat + chance.uniform(-0.003, 0.003)]
        step("link", {"kind": "add_street", "line": [[lon, lat], far]})
    for kind, values in taken.items():
        ranked = sorted(values)
        points = f", {statistics.mean(sizes[kind]):,.0f} points changed" if kind in sizes else ""
        print(
            f"{kind:12s} p50 {statistics.median(ranked) * 1e3:6.1f} ms, "
            f"p95 {ranked[int(len(ranked) * 0.95)] * 1e3:6.1f} ms, max {ranked[-1] * 1e3:6.1f} ms{points}"
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 100)
