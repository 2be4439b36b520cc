"""Load on HTTP servers with wrk, and the servers themselves: on 127.0.0.1 only, one worker each, ended afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
_START_S = 90.0
# Goes through the paths of a file in turn, and counts what is neither an answer nor a refusal with a time to come back.
_SCRIPT = """
local paths, place, threads = {}, 0, {}
for line in io.lines("%(paths)s") do paths[#paths + 1] = line end
refused, failed = 0, 0
function setup(thread) threads[#threads + 1] = thread end
request = function()
  place = place %% #paths + 1
  return wrk.format("GET", paths[place])
end
%(response)s
done = function(summary, latency, requests)
  local e = summary.errors
  local refused, failed = 0, 0
  for _, thread in ipairs(threads) do
    refused, failed = refused + thread:get("refused"), failed + thread:get("failed")
  end
  io.write(string.format('\\n{"requests": %%d, "seconds": %%f, "p50": %%f, "p95": %%f, "p99": %%f, '
    .. '"errors": %%d, "statuses": %%d, "refused": %%d, "failed": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.timeout, e.status, refused, failed))
end
"""
_RESPONSE = """
response = function(status, headers, body)
  if status == 503 and (headers["retry-after"] or headers["Retry-After"]) then refused = refused + 1
  elseif status ~= 200 and status ~= 304 then failed = failed + 1 end
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of one run.

    Parameters
    ----------
    per_s : float
        Answers a second.
    p50, p95, p99 : float
        Milliseconds.
    requests, errors, refused : int
        Answers; those that failed, broken connections included; those refused with a time to come back.
    """

    per_s: float
    p50: float
    p95: float
    p99: float
    requests: int
    errors: int
    refused: int

    def __str__(self) -> str:
        return f"{self.per_s:,.0f} req/s, p50 {self.p50:.3g} ms, p95 {self.p95:.3g} ms"


def has_wrk() -> bool:
    """Tell whether wrk is installed."""
    return shutil.which("wrk") is not None


def press(
    base: str, paths: Sequence[str], *, clients: int, seconds: float, headers: Mapping[str, str] | None = None,
    is_counting: bool = False,
) -> Load:  # fmt: skip
    """Ask for some paths in turn, over and over, from several connections."""
    with tempfile.TemporaryDirectory(prefix="fangyu-wrk-") as name:
        listed, script = Path(name) / "paths", Path(name) / "script.lua"
        listed.write_text("\n".join(paths) + "\n", encoding="utf-8")
        script.write_text(_SCRIPT % {"paths": listed, "response": _RESPONSE if is_counting else ""}, encoding="utf-8")
        words = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:g}s", "--timeout", "30s", "-s", str(script)]
        for key, value in (headers or {}).items():
            words += ["-H", f"{key}: {value}"]
        done = subprocess.run([*words, base], capture_output=True, text=True, check=True, timeout=seconds + 60)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    failed = found["failed"] if is_counting else found["statuses"]
    return Load(
        found["requests"] / found["seconds"], found["p50"], found["p95"], found["p99"], found["requests"],
        found["errors"] + failed, found["refused"],
    )  # fmt: skip


def middle(loads: Sequence[Load]) -> Load:
    """Return the run in the middle by answers a second."""
    return sorted(loads, key=lambda one: one.per_s)[len(loads) // 2]


def spread(loads: Sequence[Load]) -> str:
    """Say how far runs lie apart."""
    rates = sorted(one.per_s for one in loads)
    return f"{rates[0]:,.0f} to {rates[-1]:,.0f} req/s in {len(rates)} runs, median {statistics.median(rates):,.0f}"


def get(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    """Ask once."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()


def times(urls: Callable[[int], str], *, runs: int, most_s: float, headers: Mapping[str, str]) -> list[float]:
    """Ask one after the other over one connection; return milliseconds, after one question to warm up."""
    parts = urlsplit(urls(0))
    found: list[float] = []
    until = time.monotonic() + most_s
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=60)) as connection:
        for number in range(-1, runs):
            asked = urlsplit(urls(max(number, 0)))
            begun = time.perf_counter()
            connection.request("GET", f"{asked.path}?{asked.query}", headers=dict(headers))
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{asked.path}: {answer.status} {body[:200]!r}")
            if number >= 0:
                found.append((time.perf_counter() - begun) * 1000)
            if time.monotonic() > until:
                break
    return found


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(command: Sequence[str | Path], port: int, ready: str, env: Mapping[str, str]) -> Iterator[str]:
    """Run a server until it has been measured; yield its address."""
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(
            [str(word) for word in command], stdout=said, stderr=subprocess.STDOUT, cwd=ROOT, env={**os.environ, **env}
        )
        try:
            until = time.monotonic() + _START_S
            while True:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    if get(base + ready)[0] == 200:
                        break
                if server.poll() is not None or time.monotonic() > until:
                    said.seek(0)
                    raise RuntimeError(f"{command[0]} did not start: {said.read()[-600:].decode(errors='replace')}")
                time.sleep(0.2)
            yield base
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@contextlib.contextmanager
def fangyu(store: str, folder: Path, *, cache_mb: int = 96) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a store with one worker in demo mode; yield the address and a planner's session."""
    port = free_port()
    command = [sys.executable, "-m", "api.cli.main", "--store", store, "--cache", str(folder / "cache")]
    env = {"PYTHONPATH": str(ROOT), "FANGYU_TILE_CACHE_MB": str(cache_mb)}
    with serving([*command, "serve", "--port", str(port), "--demo"], port, "/health", env) as base:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request(
            "POST", "/api/session/demo", json.dumps({"role": "planner"}), {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        answer.read()
        cookie = (answer.getheader("set-cookie") or "").split(";")[0]
        connection.close()
        yield base, {"Cookie": cookie, "Accept-Encoding": "gzip"}


@contextlib.contextmanager
def plain_fastapi(n_bytes: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve bytes behind an ordinary FastAPI route with one worker; yield the address and a session."""
    port, role = free_port(), "planner"
    signature = hmac.new(b"bench", role.encode(), hashlib.sha256).hexdigest()
    env = {"BENCH_PORT": str(port), "BENCH_BYTES": str(n_bytes)}
    with serving([sys.executable, HERE / "peer_fastapi.py"], port, "/tiles/1/1/1", env) as base:
        yield base, {"Cookie": f"session={role}.{signature}"}


@contextlib.contextmanager
def tipg(python: Path, url: str) -> Iterator[str]:
    """Serve a database with TiPg and one worker of uvicorn."""
    port = free_port()
    env = {"DATABASE_URL": url.replace("+psycopg", ""), "TIPG_MAX_FEATURES_PER_QUERY": "10000", "TIPG_DEBUG": "false"}
    command = [python, "-m", "uvicorn", "tipg.main:app", "--port", str(port), "--no-access-log", "--log-level", "error"]
    with serving(command, port, "/healthz", env) as base:
        yield base


@contextlib.contextmanager
def pygeoapi(python: Path, url: str, table: str, folder: Path) -> Iterator[str]:
    """Serve a table with pygeoapi and one worker of gunicorn."""
    port, parts = free_port(), urlsplit(url.replace("+psycopg", ""))
    config, openapi = folder / "pygeoapi.yml", folder / "pygeoapi-openapi.yml"
    written = {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port}, "url": f"http://127.0.0.1:{port}",
            "mimetype": "application/json; charset=UTF-8", "encoding": "utf-8", "gzip": False, "languages": ["en-US"],
            "limits": {"default_items": 10, "max_items": 10000}, "pretty_print": False,
            "map": {"url": "http://127.0.0.1/{z}/{x}/{y}", "attribution": "-"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": {"en": "bench"}, "description": {"en": "bench"}, "keywords": {"en": ["bench"]},
                "keywords_type": "theme", "terms_of_service": "-", "url": "http://127.0.0.1/",
            },
            "license": {"name": "-", "url": "http://127.0.0.1/"},
            "provider": {"name": "-", "url": "http://127.0.0.1/"},
            "contact": {"name": "-", "position": "-", "email": "a@example.org", "url": "http://127.0.0.1/"},
        },
        "resources": {
            table: {
                "type": "collection", "title": table, "description": table, "keywords": [table], "links": [],
                "extents": {
                    "spatial": {
                        "bbox": [-180, -90, 180, 90], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
                    }
                },
                "providers": [
                    {
                        "type": "feature", "name": "PostgreSQL", "id_field": "fid", "table": table,
                        "geom_field": "geom", "count": True,
                        "data": {
                            "host": parts.hostname, "port": parts.port, "dbname": parts.path.lstrip("/"),
                            "user": parts.username, "password": parts.password or "-", "search_path": ["public"],
                        },
                    }
                ],
            }
        },
    }  # fmt: skip
    # JSON is YAML.
    config.write_text(json.dumps(written), encoding="utf-8")
    env = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(openapi)}
    made = subprocess.run(
        [python.parent / "pygeoapi", "openapi", "generate", config, "--output-file", openapi],
        env={**os.environ, **env}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        raise RuntimeError(f"pygeoapi: {made.stderr.strip()[-400:]}")
    command = [python, "-m", "gunicorn", "-w", "1", "--threads", "4", "-b", f"127.0.0.1:{port}"]
    command.append("pygeoapi.flask_app:APP")
    with serving(command, port, "/?f=json", env) as base:
        yield base
