"""Goal of the exports: 360,000 polygons as files over HTTP, against ogr2ogr from the same store."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from clock import span
from results import Row

from geo.services.export import FORMATS
from geo.store import imports, layers, maintenance, open_store

N_POLYGONS = 360_000
LIMIT_S = {"flatgeobuf": 4.0, "gpkg": 8.0, "geoparquet": 4.0, "csv": 4.0}
FORMS = ("flatgeobuf", "gpkg", "geoparquet", "csv", "geojson")
FIRST_BYTE_S = 0.5
MOST_MB = 300.0
RUNS = 3
LAYER, TABLE = "divisions", "admin_divisions"
_FIELDS = "name,code,level,parent_code,valid_from,valid_to"
_PEER = {
    "flatgeobuf": ("FlatGeobuf", ()),
    "gpkg": ("GPKG", ()),
    "csv": ("CSV", ("-lco", "GEOMETRY=AS_WKT")),
    "geojson": ("GeoJSON", ()),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """One download.

    Parameters
    ----------
    first_s, whole_s : float
        Seconds to the first byte of the file and to the last.
    cpu_s : float
        Seconds of processor that the server used.
    bytes : int
        Size.
    """

    first_s: float
    whole_s: float
    cpu_s: float
    bytes: int


def fill(url: str, n: int) -> None:
    """Store a grid of squares with four attributes each."""
    if "://" in url:
        maintenance.upgrade(url)
    side = int(np.ceil(np.sqrt(n)))
    number = np.arange(n)
    x, y, width = 117 + number % side / side * 2, 36 + number // side / side * 2, 1.6 / side
    frame = gpd.GeoDataFrame(
        {
            "id": number.astype(str),
            "code": [f"{value:012d}" for value in number],
            "name": pd.Series([f"示范{value % 997}格" for value in number], dtype=object),
            "level": np.where(number % 3 == 0, "village", "township"),
            "parent_code": pd.Series([f"{value // 100:09d}" for value in number], dtype=object),
            "import_line": number + 2,
        },
        geometry=shapely.box(x, y, x + width, y + width),
        crs=4490,
    )
    with open_store(url) as store, store.session() as session:
        one = imports.register(
            session, layer=TABLE, source="bench", file_name="bench", sha256="0", actor="bench", parameters="{}"
        )
        counts = layers.sync_layer(session, TABLE, frame, source="bench", import_id=one, on=date(2025, 1, 1))
        imports.finish(session, one, counts, rows_read=n)


@contextmanager
def server(url: str, cache: Path) -> Iterator[tuple[str, int]]:
    """Serve a store in a process of its own; yield its address and process number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "api.cli.main", "--store", url, "--cache", str(cache)]
    command = [*program, "serve", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        home = f"http://127.0.0.1:{port}"
        try:
            until = time.monotonic() + 120
            while True:
                try:
                    with urllib.request.urlopen(f"{home}/health", timeout=5):
                        break
                except OSError:
                    if time.monotonic() > until or process.poll() is not None:
                        raise
                    time.sleep(0.1)
            yield home, process.pid
        finally:
            process.terminate()
            process.wait(30)


def fetch(home: str, pid: int, form: str, query: str = "") -> Sent:
    """Download one file and count."""
    cpu, begun, size, first = _cpu_s(pid), time.perf_counter(), 0, 0.0
    with urllib.request.urlopen(f"{home}/ogc/collections/{LAYER}/export?f={form}{query}", timeout=300) as answer:
        while piece := answer.read1(1 << 18):
            first = first or time.perf_counter() - begun
            size += len(piece)
    return Sent(first, time.perf_counter() - begun, _cpu_s(pid) - cpu, size)


def rows(
    folder: Path, notes: list[str], *, postgis: str | None = None, n: int = N_POLYGONS, runs: int = RUNS
) -> list[Row]:
    """Measure every format on the embedded store and, where there is one, on PostGIS."""
    made: list[Row] = []
    embedded = str(folder / "export.gpkg")
    for kind, url in (("embedded", embedded), ("PostGIS", postgis)):
        if url is not None:
            fill(url, n)
            made += _of_store(kind, url, folder, notes, n, runs)
    return made


def _of_store(kind: str, url: str, folder: Path, notes: list[str], n: int, runs: int) -> list[Row]:
    """Measure one store."""
    made = []
    with server(url, folder / "cache") as (home, pid):
        for form in FORMS:
            # What is imported and read once for all is not measured; it belongs to the base.
            fetch(home, pid, form, "&bbox=117,36,117.1,36.1")
        base = _memory_mb(pid, "VmRSS")
        for form in FORMS:
            _forget_peak(pid)
            sent = min((fetch(home, pid, form) for _ in range(runs)), key=lambda one: one.whole_s)
            grown = _memory_mb(pid, "VmHWM") - base
            made.append(_row(kind, url, folder, form, sent, grown, n, runs))
        notes.append(f"G7: the server on the {kind} store held {base:.0f} MB before the exports.")
    return made


def _row(kind: str, url: str, folder: Path, form: str, sent: Sent, grown: float, n: int, runs: int) -> Row:
    """One format with the peer's time."""
    limit, streamed = LIMIT_S.get(form), FORMATS[form].is_streamed
    first = f"first byte {span(sent.first_s)}, " if streamed else ""
    ours = f"{span(sent.whole_s)} ({first}server CPU {span(sent.cpu_s)}, +{grown:.0f} MB)"
    peer_s = _ogr2ogr(url, folder, form, runs)
    peer = "–" if peer_s is None else f"ogr2ogr {_gdal()} {span(peer_s)}"
    ratio = "–" if peer_s is None else f"{peer_s / sent.whole_s:.3g}×"
    size = f"{sent.bytes / 1e6:.0f} MB"
    what = f"{n:,} polygons × 4 attributes as {FORMATS[form].title_en} over HTTP, {kind} store, {size}"
    wanted = [f"≤ {limit:g} s"] if limit is not None else []
    wanted += [f"first byte ≤ {FIRST_BYTE_S:g} s"] if streamed else []
    is_met = (limit is None or sent.whole_s <= limit) and grown <= MOST_MB
    is_met = is_met and (not streamed or sent.first_s <= FIRST_BYTE_S)
    return Row("G7", what, ours, peer, ratio, ", ".join([*wanted, f"≤ {MOST_MB:.0f} MB"]), is_met)


def _ogr2ogr(url: str, folder: Path, form: str, runs: int) -> float | None:
    """Return the peer's shortest time, or None where it is not installed or does not write the format."""
    if shutil.which("ogr2ogr") is None or form not in _PEER:
        return None
    driver, options = _PEER[form]
    source = url
    if "://" in url:
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        source = f"PG:host={parts.hostname} port={parts.port} user={parts.username} dbname={parts.path[1:]}"
    seconds = []
    for _ in range(runs):
        out = folder / f"peer{FORMATS[form].suffix}"
        out.unlink(missing_ok=True)
        begun = time.perf_counter()
        subprocess.run(
            ["ogr2ogr", "-f", driver, str(out), source, TABLE, "-select", _FIELDS, *options],
            check=True, capture_output=True,
        )  # fmt: skip
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def _gdal() -> str:
    """Return the version of the peer."""
    said = subprocess.run(["ogr2ogr", "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[1].rstrip(",")


def _cpu_s(pid: int) -> float:
    """Return the processor time of a process; 0 where the system does not tell."""
    path = Path(f"/proc/{pid}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int, name: str) -> float:
    """Return a figure of the kernel about a process, in megabytes; 0 where there is none."""
    path = Path(f"/proc/{pid}/status")
    if not path.exists():
        return 0.0
    return int(path.read_text(encoding="utf-8").split(f"{name}:")[1].split()[0]) * 1024 / 1e6


def _forget_peak(pid: int) -> None:
    """Begin the peak of a process anew."""
    path = Path(f"/proc/{pid}/clear_refs")
    if path.exists():
        path.write_text("5", encoding="utf-8")
