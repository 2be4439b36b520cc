"""The server as a process: one on a file, several on PostGIS that know the same roles, jobs and states."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

Served = tuple[str, subprocess.Popen[str]]


@contextmanager
def server(store_url: str, cache: Path, *words: str) -> Iterator[Served]:
    """Serve a store from a process of its own."""
    command = [
        sys.executable, "-c", "from api.cli.main import run; run()", "--store", store_url, "--cache", str(cache),
        "--lang", "en", "serve", "--demo", "--port", "0", *words,
    ]  # fmt: skip
    started = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert started.stderr is not None
    found = None
    for line in started.stderr:
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found:
            break
    assert found is not None, "the server did not start"
    listener = threading.Thread(target=started.stderr.read)
    listener.start()
    wait_until_it_answers(found[0])
    try:
        yield found[0], started
    finally:
        started.terminate()
        started.wait(30)
        listener.join(30)
        started.stderr.close()


def wait_until_it_answers(address: str) -> None:
    until = time.monotonic() + 60.0
    while True:
        try:
            urllib.request.urlopen(f"{address}/health").close()
        except OSError:
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)
        else:
            return


def ask(address: str, path: str, body: object = None, *, cookie: str = "", meant: str = "") -> tuple[Any, str]:
    """Ask over a connection of its own, so that any worker may answer; return the answer and the cookie set."""
    given = {"Cookie": cookie, "If-Match": meant}
    headers = {"Content-Type": "application/json", **{name: value for name, value in given.items() if value}}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address + path, data, headers), timeout=60) as answer:
        return json.loads(answer.read()), str(answer.headers.get("set-cookie", "")).partition(";")[0]


def tag_of(address: str, path: str, cookie: str) -> str:
    """Return the tag of the state something is in."""
    request = urllib.request.Request(address + path, headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.headers["ETag"])


@pytest.mark.parametrize("store_url", ["gpkg"], indirect=True)
def test_an_embedded_store_is_served_by_one_process(fangyu: Run) -> None:
    assert fangyu("db", "upgrade").code == 0
    refused = fangyu("serve", "--workers", "2", "--port", "0")
    assert refused.code != 0
    assert "PostGIS" in refused.err


@pytest.mark.parametrize("store_url", ["gpkg"], indirect=True)
def test_ctrl_c_ends_the_server_and_leaves_the_file_whole(small_town: Run, gpkg_path: Path, tmp_path: Path) -> None:
    with server(str(gpkg_path), tmp_path / "cache") as (address, process):
        assert ask(address, "/health")[0]["status"] == "ok"
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert not gpkg_path.with_name(gpkg_path.name + "-wal").exists()


@pytest.mark.postgis
def test_several_workers_know_the_same_roles_jobs_and_scenarios(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    url = str(request.getfixturevalue("postgis_url"))
    from tests.cli import conftest

    run = conftest.fangyu.__wrapped__(monkeypatch, capsys, url, tmp_path)  # type: ignore[attr-defined]
    conftest.small_town.__wrapped__(run, tmp_path)  # type: ignore[attr-defined]
    with server(url, tmp_path / "cache", "--workers", "3") as (address, process):
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True
        ).stdout.split()
        assert len(children) >= 3
        _, cookie = ask(address, "/api/session/demo", {"role": "planner"})
        for _ in range(20):
            assert ask(address, "/api/session", cookie=cookie)[0]["roles"] == ["planner"]
        job, _ = ask(address, "/api/runs", {"types": ["senior_canteen"], "minutes": 15}, cookie=cookie)
        until = time.monotonic() + 60.0
        while job["state"] not in ("done", "failed") and time.monotonic() < until:
            time.sleep(0.1)
            job, _ = ask(address, job["href"], cookie=cookie)
        assert job["state"] == "done", job
        for _ in range(10):
            assert ask(address, "/api/runs", cookie=cookie)[0]["runs"][0]["run_id"] == job["result"]["run_id"]
        asked = {"name": "w", "types": ["senior_canteen"], "minutes": 15}
        scenario, _ = ask(address, "/api/scenarios", asked, cookie=cookie)
        hashes = set()
        for number in range(6):
            edit = {"kind": "add_facility", "type": "senior_canteen", "id": f"n{number}", "lon": 103.01, "lat": 41.0}
            meant = tag_of(address, scenario["href"], cookie)
            answer, _ = ask(address, f"{scenario['href']}/edits", {"edits": [edit]}, cookie=cookie, meant=meant)
            assert answer["scenario"]["n_edits"] == number + 1
            hashes.add(answer["content_hash"])
        assert len(hashes) == 6
        assert ask(address, scenario["href"], cookie=cookie)[0]["content_hash"] in hashes
