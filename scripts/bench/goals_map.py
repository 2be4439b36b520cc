"""Goals of the map API: tiles, load, staleness, pages and clients, against TiPg and pygeoapi on the same data."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import load
import map_data
import numpy as np
from results import Row

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

GOALS = ("G1", "G2", "G3", "G4", "G5", "G6")
SECONDS, RUNS = 5.0, 3
LONG_S = 60.0
FEATURES = 50_000
TRIALS = 10_600
PAGES = 300
_ITEMS_MOST_S = 20.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What is measured, and on what.

    Parameters
    ----------
    stores : Mapping of str to str
        Our stores by kind.
    python : Path or None
        The peers' Python.
    folder : Path
        For files.
    notes : list of str
        What must be said.
    """

    stores: Mapping[str, str]
    python: Path | None
    folder: Path
    notes: list[str]

    @property
    def database(self) -> str | None:
        """The database the peers serve, too."""
        return self.stores.get("PostGIS")


@contextlib.contextmanager
def stage(folder: Path, python: Path | None, notes: list[str]) -> Iterator[Stage]:
    """Fill an embedded store and, where PostgreSQL is installed, a PostGIS one with the same data."""
    import pgcluster

    with contextlib.ExitStack() as stack:
        stores = {"embedded": str(folder / "map.gpkg")}
        map_data.fill(stores["embedded"])
        if pgcluster.find_binaries() is None:
            notes.append("SKIPPED PostGIS and the peers that need it: PostgreSQL is not installed.")
        else:
            cluster = stack.enter_context(pgcluster.private_cluster())
            stores["PostGIS"] = stack.enter_context(map_data.database(cluster, "fangyu_bench"))
            map_data.fill(stores["PostGIS"])
        yield Stage(stores, python, folder, notes)


def rows(only: set[str], folder: Path, python: Path | None, notes: list[str]) -> list[Row]:
    """Measure the goals asked for."""
    if not load.has_wrk():
        raise RuntimeError("wrk is not installed (Debian package wrk)")
    steps: dict[str, Callable[[Stage], list[Row]]] = {
        "G1": _uncached, "G2": _cached, "G3": _crowd, "G5": _pages, "G6": _gdal, "G4": _stale,
    }  # fmt: skip
    result: list[Row] = []
    with stage(folder, python, notes) as found:
        for goal, step in steps.items():
            if goal in only:
                print(f"  {goal} …", file=sys.stderr, flush=True)
                try:
                    result += step(found)
                except Exception as error:
                    notes.append(f"FAILED: {goal}: {type(error).__name__}: {str(error).splitlines()[0][:200]}")
                    result.append(Row(goal, "could not be measured", "failed", is_met=False))
    return result


def _our_tiles() -> list[str]:
    """Addresses of our tiles of zoom 14."""
    home = f"/ogc/collections/{map_data.LAYER}/tiles/WebMercatorQuad/14"
    return [f"{home}/{row}/{column}" for row, column in map_data.tiles(14)]


def _their_tiles() -> list[str]:
    """Addresses of TiPg's."""
    home = f"/collections/public.{map_data.PEER_TABLE}/tiles/WebMercatorQuad/14"
    return [f"{home}/{column}/{row}" for row, column in map_data.tiles(14)]


def _name(package: str, stage: Stage) -> str:
    """A peer with its version."""
    code = f"from importlib.metadata import version; print(version('{package}'))"
    done = subprocess.run([str(stage.python), "-c", code], capture_output=True, text=True, check=True)
    return f"{'TiPg' if package == 'tipg' else package} {done.stdout.strip()}"


def _uncached(stage: Stage) -> list[Row]:
    """Tiles that are made for each request; ours and the peer's in turns."""
    result, theirs = [], None
    for kind, store in reversed(list(stage.stores.items())):
        with contextlib.ExitStack() as stack:
            base, headers = stack.enter_context(load.fangyu(store, stage.folder, cache_mb=0))
            peer = None
            if kind == "PostGIS" and stage.python is not None:
                peer = stack.enter_context(load.tipg(stage.python, store))
                load.press(peer, _their_tiles(), clients=2, seconds=2)
            load.press(base, _our_tiles(), clients=2, seconds=3, headers=headers)
            mine, other = [], []
            for _ in range(RUNS):
                mine.append(load.press(base, _our_tiles(), clients=2, seconds=SECONDS, headers=headers))
                if peer is not None:
                    other.append(load.press(peer, _their_tiles(), clients=2, seconds=SECONDS))
        ours = load.middle(mine)
        theirs = load.middle(other) if other else theirs
        stage.notes.append(f"G1: {kind}: {load.spread(mine)}.")
        if other:
            stage.notes.append(f"G1: TiPg: {load.spread(other)}.")
        peer_name = "–" if theirs is None else f"{_name('tipg', stage)} on PostGIS: {theirs}"
        ratio = "–" if theirs is None else f"{ours.per_s / theirs.per_s:.3g}×"
        what = (
            f"tile of zoom 14 made anew for each request, {map_data.TILE_POLYGONS} polygons × 4 attributes, 2 clients, "
            f"with session, {kind}"
        )
        is_met = ours.per_s >= 450 and ours.p95 <= 15 and not ours.errors
        result.append(Row("G1", what, str(ours), peer_name, ratio, "≥ 450 req/s, p95 ≤ 15 ms", is_met))
    return result


def _cached(stage: Stage) -> list[Row]:
    """One kept tile, and one that the client has."""
    result = []
    path = _our_tiles()[:1]
    for kind, store in stage.stores.items():
        with contextlib.ExitStack() as stack:
            base, headers = stack.enter_context(load.fangyu(store, stage.folder))
            _, answer, body = load.get(base + path[0], headers)
            peer, session = stack.enter_context(load.plain_fastapi(len(body)))
            known = {**headers, "If-None-Match": answer["etag"]}
            kept, unchanged, other = [], [], []
            for _ in range(RUNS):
                kept.append(load.press(base, path, clients=16, seconds=SECONDS, headers=headers))
                unchanged.append(load.press(base, path, clients=16, seconds=SECONDS, headers=known))
                other.append(load.press(peer, ["/tiles/14/1/1"], clients=16, seconds=SECONDS, headers=session))
        theirs = load.middle(other)
        name = f"the bytes behind a FastAPI {version('fastapi')} route with its session as a dependency: {theirs}"
        stage.notes.append(f"G2: FastAPI route: {load.spread(other)}.")
        for what, runs, wanted in (
            (f"kept tile of {len(body) / 1000:.0f} kB", kept, 8_000),
            ("304", unchanged, 10_000),
        ):
            one = load.middle(runs)
            stage.notes.append(f"G2: {what}, {kind}: {load.spread(runs)}.")
            is_met = one.per_s >= wanted and one.p95 <= 5 and not one.errors
            ratio, target = f"{one.per_s / theirs.per_s:.3g}×", f"≥ {wanted:,} req/s, p95 ≤ 5 ms"
            result.append(
                Row("G2", f"{what}, 16 clients, with session, {kind}", str(one), name, ratio, target, is_met)
            )
    return result


def _crowd(stage: Stage) -> list[Row]:
    """A hundred clients for a minute."""
    result, store = [], stage.stores.get("PostGIS", stage.stores["embedded"])
    with load.fangyu(store, stage.folder) as (base, headers):
        load.press(base, _our_tiles(), clients=4, seconds=15, headers=headers)
        warm = load.press(base, _our_tiles(), clients=100, seconds=LONG_S, headers=headers, is_counting=True)
    with load.fangyu(store, stage.folder, cache_mb=0) as (base, headers):
        cold = load.press(base, _our_tiles(), clients=100, seconds=LONG_S / 2, headers=headers, is_counting=True)
    peer, ratios = "–", ("–", "–")
    if stage.python is not None and stage.database is not None:
        with load.tipg(stage.python, stage.database) as other:
            load.press(other, _their_tiles(), clients=2, seconds=2)
            theirs = load.press(other, _their_tiles(), clients=100, seconds=LONG_S / 2, is_counting=True)
        peer = f"{_name('tipg', stage)}: {theirs}, {theirs.errors} errors"
        ratios = (f"{warm.per_s / theirs.per_s:.3g}×", f"{cold.per_s / theirs.per_s:.3g}×")
    what = f"100 clients, {len(_our_tiles())} tiles of zoom 14"
    for one, how, ratio, most_ms in (
        (warm, f"kept, {LONG_S:g} s", ratios[0], 1_000.0),
        (cold, f"made anew each time, {LONG_S / 2:g} s", ratios[1], float("inf")),
    ):
        said = f"{one}, {one.errors} errors, {one.refused} of {one.requests:,} refused with Retry-After"
        target = "0 errors, p95 ≤ 1 s" if most_ms < float("inf") else "0 errors"
        result.append(Row("G3", f"{what}, {how}", said, peer, ratio, target, not one.errors and one.p95 <= most_ms))
    return result


def _stale(stage: Stage) -> list[Row]:
    """Random questions to three workers while another program writes."""
    from geo.store import maintenance
    from tests.api.test_never_stale import trials

    result = []
    for kind in stage.stores:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fangyu-stale-")))
            url = str(folder / "stale.gpkg")
            if kind == "PostGIS":
                url = stack.enter_context(map_data.database(stage.stores[kind], "fangyu_stale"))
                maintenance.upgrade(url)
            stale, answered, oldest = trials(url, folder, TRIALS, 3)
        what = f"random questions (tiles, items, conditional or not) to 3 workers while another program writes, {kind}"
        said = f"{len(stale)} stale of {answered:,}, the oldest answer {oldest * 1000:.0f} ms behind"
        promised = 1.0 if kind == "PostGIS" else 0.0
        is_met = not stale and answered >= 10_000 and oldest <= promised
        result.append(Row("G4", what, said, target="0 stale of 10,000, ≤ 1 s", is_met=is_met))
    return result


def _pages(stage: Stage) -> list[Row]:
    """Pages of a thousand features: the first, the 300th, and all of them one after the other."""
    result: list[Row] = []
    deep = (PAGES - 1) * 1000
    peers: list[str] = []
    rates: list[float] = []
    if stage.python is not None and stage.database is not None:
        table = map_data.PEER_TABLE
        for name in ("tipg", "pygeoapi"):
            with contextlib.ExitStack() as stack:
                if name == "tipg":
                    base = stack.enter_context(load.tipg(stage.python, stage.database))
                    home = f"{base}/collections/public.{table}/items?limit=1000&offset="
                else:
                    base = stack.enter_context(load.pygeoapi(stage.python, stage.database, table, stage.folder))
                    home = f"{base}/collections/{table}/items?f=json&limit=1000&offset="
                found = [
                    load.times(lambda _, at=at, home=home: f"{home}{at}", runs=30, most_s=_ITEMS_MOST_S, headers={})  # type: ignore[misc]
                    for at in (0, deep)
                ]
            first, last = (float(np.percentile(one, 50)) for one in found)
            peers.append(f"{_name(name, stage)}: first {first:.0f} ms, page {PAGES} {last:.0f} ms")
            rates.append(last)
    for kind, store in stage.stores.items():
        with load.fangyu(store, stage.folder) as (base, headers):
            first = f"{base}/ogc/collections/{map_data.LAYER}/items?limit=1000"
            addresses = [first]
            begun = time.perf_counter()
            numbers = 0
            for _ in range(PAGES - 1):
                page = json.loads(load.get(addresses[-1], {"Cookie": headers["Cookie"]})[2])
                numbers += page["numberReturned"]
                addresses.append(next(link["href"] for link in page["links"] if link["rel"] == "next"))
            walked = (PAGES - 1) / (time.perf_counter() - begun)
            assert numbers == deep
            found = [
                load.times(lambda _, at=at: at, runs=60, most_s=_ITEMS_MOST_S, headers={"Cookie": headers["Cookie"]})  # type: ignore[misc]
                for at in (addresses[0], addresses[-1])
            ]
            paths = [address.removeprefix(base) for address in addresses]
            crowd = load.press(base, paths, clients=2, seconds=2 * SECONDS, headers={"Cookie": headers["Cookie"]})
        medians = [float(np.percentile(one, 50)) for one in found]
        tails = [float(np.percentile(one, 95)) for one in found]
        ratio = ", ".join(f"{rate / medians[1]:.3g}×" for rate in rates) or "–"
        what = f"items of 1,000 features, page 1 and page {PAGES}, one client, {kind}"
        said = f"p50 {medians[0]:.3g} and {medians[1]:.3g} ms, p95 {tails[0]:.3g} and {tails[1]:.3g} ms"
        is_met = max(tails) <= 25 and 0.8 <= medians[1] / medians[0] <= 1.2
        result.append(Row("G5", what, said, "; ".join(peers) or "–", ratio, "p95 ≤ 25 ms, ± 20 %", is_met))
        result.append(
            Row("G5", f"the same, {PAGES} pages in turn, 2 clients, {kind}", str(crowd), target="≥ 100 pages/s",
                is_met=crowd.per_s >= 100 and not crowd.errors)
        )  # fmt: skip
        stage.notes.append(f"G5: {kind}: {walked:.0f} pages/s following next links over {PAGES} pages, reading each.")
    return result


def _gdal(stage: Stage) -> list[Row]:
    """GDAL reads fifty thousand features from each server into a GeoPackage."""
    if shutil.which("ogr2ogr") is None:
        raise RuntimeError("ogr2ogr is not installed (Debian package gdal-bin)")
    result, theirs, name = [], None, "–"
    if stage.python is not None and stage.database is not None:
        with load.tipg(stage.python, stage.database) as base:
            theirs = _read_all(stage, base, f"public.{map_data.PEER_TABLE}", {})
        name = f"{_name('tipg', stage)} {theirs[0]:.2f} s, {theirs[1]:,} features"
    said = subprocess.run(["ogr2ogr", "--version"], capture_output=True, text=True, check=True).stdout.split(",")[0]
    for kind, store in stage.stores.items():
        with load.fangyu(store, stage.folder) as (base, headers):
            seconds, number = _read_all(stage, f"{base}/ogc", map_data.LAYER, headers)
        ratio = "–" if theirs is None else f"{theirs[0] / seconds:.3g}×"
        what = f"{said} reads {FEATURES:,} features over OAPIF into a GeoPackage, best of 3, {kind}"
        shown = f"{seconds:.2f} s, {number:,} features"
        result.append(Row("G6", what, shown, name, ratio, "≤ 3 s, counts equal", seconds <= 3 and number == FEATURES))
    return result


def _read_all(stage: Stage, home: str, collection: str, headers: Mapping[str, str]) -> tuple[float, int]:
    """Read features with ogr2ogr; return the best time of three and how many came."""
    best, number = float("inf"), 0
    for _ in range(3):
        target = stage.folder / "read.gpkg"
        target.unlink(missing_ok=True)
        words = ["ogr2ogr", "-f", "GPKG", target, f"OAPIF:{home}", collection, "-limit", FEATURES]
        words += ["-oo", "PAGE_SIZE=10000"]
        if cookie := headers.get("Cookie"):
            words += ["--config", "GDAL_HTTP_COOKIE", cookie]
        begun = time.perf_counter()
        subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=120)
        best = min(best, time.perf_counter() - begun)
        with contextlib.closing(sqlite3.connect(target)) as made:
            (table,) = made.execute("SELECT table_name FROM gpkg_contents").fetchone()
            (number,) = made.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()
    return best, number
