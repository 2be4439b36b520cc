"""The benchmark harness on toy networks: it runs, compares like with like and shows what is missed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.scripts import ROOT

sys.path.append(str(ROOT / "scripts" / "bench"))

import goals_exact
import goals_export
import goals_search
import goals_shape
import goals_tiles
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
    assert named == ["pandarm", "pyvalhalla"]
    sources = [path.read_text(encoding="utf-8") for folder in ("geo", "api") for path in (ROOT / folder).rglob("*.py")]
    assert not [text for text in sources if "import pandarm" in text or "import valhalla" in text]
