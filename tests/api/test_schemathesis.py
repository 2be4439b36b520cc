"""Schemathesis over both documents, role by role: every answer is one that the document promises."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from geo.catalog.map_layer import ROLES
from tests.cli.conftest import Run

OFTEN = ("public", "planner", "data_steward", "system_administrator")
CONFIG = Path(__file__).parent / "schemathesis.toml"
CASES = [
    pytest.param(document, role, id=f"{document}-{role}", marks=[] if role in OFTEN else [pytest.mark.slow])
    for document in ("api/openapi.json", "ogc/api")
    for role in ROLES
    if role in ("public", "planner") or document.startswith("api")
]


@pytest.fixture
def address(small_town: Run, store_url: str, tmp_path: Path) -> Iterator[str]:
    """Serve the town from a process of its own."""
    small_town("coverage", "run", "--type", "senior_canteen", "--minutes", 15)
    words = ["--store", store_url, "--cache", str(tmp_path / "cache"), "--lang", "en", "serve", "--demo", "--port", "0"]
    command = [sys.executable, "-c", "from api.cli.main import run; run()", *words]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert server.stderr is not None
    found = None
    for line in server.stderr:
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found:
            break
    assert found is not None, "the server did not start"
    listener = threading.Thread(target=server.stderr.read)
    listener.start()
    wait_until_it_answers(found[0])
    yield found[0]
    server.terminate()
    server.wait(20)
    listener.join(20)
    server.stderr.close()


def wait_until_it_answers(address: str) -> None:
    until = time.monotonic() + 30.0
    while True:
        try:
            urllib.request.urlopen(f"{address}/health").close()
        except OSError:
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)
        else:
            return


def cookie(address: str, role: str) -> str:
    body = json.dumps({"role": role}).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{address}/api/session/demo", body, headers)) as answer:
        return str(answer.headers.get("set-cookie", "")).partition(";")[0]


@pytest.mark.parametrize("store_url", ["gpkg"], indirect=True)
@pytest.mark.parametrize(("document", "role"), CASES)
def test_every_answer_is_one_the_document_promises(address: str, document: str, role: str, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{address}/{document}",
        "-H", f"Cookie: {cookie(address, role)}", "--max-examples", "4", "--seed", "20261126",
        "--exclude-path-regex", "/events$", "--phases", "examples,coverage,fuzzing", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested is not None, done.stdout[-2000:]
    assert int(tested[1]) > 20
