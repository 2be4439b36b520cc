"""The benchmark harness on toy networks: it runs, compares like with like and shows what is missed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from geo.tiles.matrix import MATRIX_SETS
from tests.scripts import ROOT

sys.path.append(str(ROOT / "scripts" / "bench"))

import goals_exact
import goals_export
import goals_map
import goals_search
import goals_shape
import goals_tiles
import load
import map_data
import peers
import results
import run
import suite
import towns
from clock import Timing, each, span


def test_the_reference_grid_is_one_component_and_always_the_same() -> None:
    one, two = towns.grid(20), towns.grid(20)
    assert one.n_components == 1
    np.testing.assert_array_equal(one.edge_length_m, two.edge_length_m)


def test_positions_lie_at_their_share_of_a_street() -> None:
    network = towns.grid(12)
    links = towns.random_links(network, 50, 1)
    x, y = network.plane.forward(*towns.positions_of(network, links))
    u, v = network.edge_u[links.edge], network.edge_v[links.edge]
    share = links.fraction
    np.testing.assert_allclose(x, (1 - share) * network.node_x[u] + share * network.node_x[v], atol=1e-3)
    np.testing.assert_allclose(y, (1 - share) * network.node_y[u] + share * network.node_y[v], atol=1e-3)


def test_searches_agree_with_their_peers_on_a_toy_grid(tmp_path: Path) -> None:
    notes: list[str] = []
    rows = goals_search.nearest_and_sums(tmp_path, None, side=25, n_sites=5, only={"P1", "P4"}, notes=notes)
    rows += goals_search.pairs(notes, side=20, n_sites=20, n_homes=50)
    assert {row.goal for row in rows} == {"P1", "P3", "P4"}
    assert not [note for note in notes if "DIFFER" in note]


def test_walking_times_agree_with_brute_force_on_a_toy_grid() -> None:
    rows = goals_exact.grid_rows(side=15, n_homes=60, n_sites=4)
    assert [row.is_met for row in rows] == [True, True]


def test_isochrones_are_timed_and_checked_on_a_toy_grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goals_shape, "N_SINGLE", 2)
    town = goals_shape.Town("toy", towns.grid(25), None)
    rows = goals_shape.speed(town, tmp_path, None, [], n_union=3) + goals_shape.fidelity(town, n_single=1, n_union=3)
    assert [row.goal for row in rows] == ["P9"] * 4 + ["P10"] * 2
    assert all(row.is_met for row in rows if row.goal == "P10")


def test_vector_tiles_are_timed_beside_their_peer_and_from_bytes() -> None:
    rows = goals_tiles.rows(((30, 1e6),), n_points=20, runs=1)
    assert [row.goal for row in rows] == ["G8"] * 3
    assert rows[0].is_met
    assert "mapbox-vector-tile" in rows[0].peer


def test_exports_are_timed_beside_their_peer(tmp_path: Path) -> None:
    notes: list[str] = []
    rows = goals_export.rows(tmp_path, notes, n=300, runs=1)
    assert [row.goal for row in rows] == ["G7"] * len(goals_export.FORMS)
    assert all("first byte" in row.ours for row in rows if "CSV" in row.what or "GeoParquet" in row.what)
    assert notes


def test_a_missed_target_is_shown_as_missed_and_earlier_sections_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    rows = [results.Row("P1", "a | b", "1 s", target="≤ 12 ms", is_met=False), results.Row("P2", "c", "1 ms")]
    for title in ("first", "second"):
        results.write(file, results.section(title, [("Command", "`x`")], rows, ["note"]), append=True)
    text = file.read_text(encoding="utf-8")
    assert text.index("## second") < text.index("## first")
    assert text.count("# Measurements\n") == 1
    assert "| P1 | a \\| b | 1 s | – | – | ≤ 12 ms | **no** |" in text
    assert "0 of 1 targets met." in text


def test_a_measurement_that_fails_is_a_missed_target_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(notes: list[str]) -> list[results.Row]:
        raise RuntimeError("no luck")

    monkeypatch.setattr(peers, "prepare", lambda: (None, ["SKIPPED everything"]))
    monkeypatch.setattr(suite, "_WITH_PEERS", frozenset({"P3"}))
    monkeypatch.setattr(suite, "warm", lambda: None)
    monkeypatch.setattr(goals_search, "pairs", fail)
    monkeypatch.setattr(goals_search, "memory", lambda folder: [results.Row("P17", "m", "1 MB")])
    file = tmp_path / "RESULTS.md"
    assert run.main(["--only", "P3,P17", "--out", str(file), "--label", "toy"]) == 0
    text = file.read_text(encoding="utf-8")
    assert "pairs: could not be measured | failed" in text
    assert "no luck" in text
    assert "SKIPPED everything" in text
    assert "| P17 | m |" in text
    assert str(tmp_path) not in text


def test_unknown_goals_are_refused() -> None:
    with pytest.raises(SystemExit):
        run.main(["--only", "P99"])


def test_durations_are_short_and_a_timing_takes_the_best_of_each() -> None:
    assert [span(0.00123), span(0.5), span(12.34)] == ["1.23 ms", "0.50 s", "12.3 s"]
    assert each(lambda i: None, 3).seconds.__len__() == 3
    assert Timing((3.0, 1.0)).best == 1.0


def test_the_product_never_imports_a_peer() -> None:
    lines = peers.REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    named = [line.split("==")[0] for line in lines if line and not line.startswith("#")]
    served = ["psycopg2-binary", "geoalchemy2", "gunicorn", "uvicorn[standard]"]
    assert named == ["pandarm", "pyvalhalla", "tipg", "pygeoapi", *served]
    sources = [path.read_text(encoding="utf-8") for folder in ("geo", "api") for path in (ROOT / folder).rglob("*.py")]
    names = ("pandarm", "valhalla", "tipg", "pygeoapi")
    assert not [text for text in sources if any(f"import {name}" in text or f"from {name}" in text for name in names)]


def test_the_polygons_of_the_map_goals_are_as_dense_as_they_say() -> None:
    rows = 40_000
    frame = map_data.grid(rows)
    assert len(frame) == rows
    assert frame.geometry.is_valid.all()
    assert frame["code"].is_unique
    boxes = [MATRIX_SETS["WebMercatorQuad"].box("14", str(row), str(col)) for row, col in map_data.tiles(14, rows)]
    assert len(boxes) > 40
    bounds = frame.geometry.bounds.to_numpy()
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2
    for box in boxes:
        units = box.to_units(middles, 4096)
        inside = ((units >= 0) & (units < 4096)).all(axis=1).sum()
        assert inside == pytest.approx(map_data.TILE_POLYGONS, rel=0.08)


@pytest.mark.skipif(not load.has_wrk(), reason="wrk is not installed")
def test_load_tells_answers_refusals_and_failures_apart() -> None:
    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response({"/busy": 503, "/broken": 500}.get(self.path, 200))
            if self.path == "/busy":
                self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        good = load.press(base, ["/a", "/b"], clients=2, seconds=1, is_counting=True)
        mixed = load.press(base, ["/busy", "/broken", "/a", "/b"], clients=1, seconds=1, is_counting=True)
        status, headers, body = load.get(f"{base}/busy")
        server.shutdown()
    assert (good.errors, good.refused) == (0, 0)
    assert good.requests > 10
    assert 0 < good.p50 <= good.p95 <= good.p99
    assert mixed.refused == pytest.approx(mixed.requests / 4, abs=2)
    assert mixed.errors == pytest.approx(mixed.requests / 4, abs=2)
    assert (status, headers["retry-after"], body) == (503, "1", b"ok")
    middle = load.middle([good, mixed, replace(good, per_s=0.0)])
    assert middle.per_s == min(good.per_s, mixed.per_s)


def test_a_goal_of_the_map_that_cannot_be_measured_is_shown_as_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def bare(folder: Path, python: Path | None, notes: list[str]) -> Iterator[goals_map.Stage]:
        yield goals_map.Stage({"embedded": str(tmp_path / "missing")}, None, tmp_path, notes)

    monkeypatch.setattr(goals_map, "stage", bare)
    monkeypatch.setattr(load, "has_wrk", lambda: True)
    monkeypatch.setattr(goals_map, "_gdal", lambda _: 1 / 0)
    notes: list[str] = []
    (row,) = goals_map.rows({"G6"}, tmp_path, None, notes)
    assert (row.goal, row.is_met) == ("G6", False)
    assert notes == ["FAILED: G6: ZeroDivisionError: division by zero"]
