"""``fangyu export``: the file the server would send, with a summary that is true."""

from __future__ import annotations

import json
from pathlib import Path

import pyogrio
import pytest
import shapely

from geo.store import open_store
from tests.cli.conftest import Run
from tests.store.frames import bring_in, facilities, segments


@pytest.fixture
def filled(fangyu: Run, store_url: str) -> Run:
    rows = facilities()
    rows.loc[1, "status"] = "suspended"
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments())
        bring_in(store, "facilities", rows)
    return fangyu


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.gpkg", "gpkg"), ("a.fgb", "flatgeobuf"), ("a.geojson", "geojson"), ("a.json", "geojson"), ("a.csv", "csv"),
     ("a.parquet", "geoparquet"), ("a.xlsx", "xlsx")],
)  # fmt: skip
def test_the_suffix_tells_the_format(filled: Run, tmp_path: Path, name: str, form: str) -> None:
    out = tmp_path / name
    out.write_text("old")
    done = filled("export", "streets", "--out", out, "--json")
    assert done.code == 0, done.err
    said = done.json()
    assert (said["format"], said["features"], said["bytes"]) == (form, 50, out.stat().st_size)
    assert (said["is_internal"], said["is_synthetic"]) == (False, False)
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []
    if form in ("gpkg", "flatgeobuf"):
        assert pyogrio.read_info(out)["features"] == 50


def test_box_filter_system_and_day_are_heeded(filled: Run, tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.gpkg", tmp_path / "part.gpkg"
    assert filled("export", "streets", "--out", whole).code == 0
    frame = pyogrio.read_dataframe(whole)
    box = (117.9, 36.6, 118.3, 37.1)
    words = ("--bbox", ",".join(map(str, box)), "--filter", "length_m > 100", "--crs", "EPSG:4548")
    done = filled("export", "streets", "--out", part, *words, "--json")
    expected = frame[frame.intersects(shapely.box(*box)) & (frame["length_m"] > 100)]
    found = pyogrio.read_dataframe(part)
    assert done.json()["features"] == len(found) == len(expected) > 0
    assert set(found["id"]) == set(expected["id"])
    assert found.crs.to_epsg() == 4548
    assert done.json()["crs"].endswith("/4548")
    assert filled("export", "streets", "--out", part, "--format", "csv", "--date", "1990-01-01").code == 0
    assert part.read_bytes().startswith(b"\xef\xbb\xbf")


def test_only_what_the_public_may_see_is_written_when_asked(filled: Run, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    everything = filled("export", "facilities_eldercare", "--out", out, "--json").json()["features"]
    assert filled("export", "facilities_eldercare", "--out", out, "--public", "--json").json()["features"] == 3
    assert everything == 4
    refused = filled("export", "demand", "--out", out, "--public", "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (3, "denied")
    internal = filled("export", "demand", "--out", out, "--json")
    assert internal.json()["is_internal"] is True
    assert "内部资料" in internal.err


@pytest.mark.parametrize(
    "words",
    [
        ("streets", "--out", "a.txt"), ("streets", "--out", "a.csv", "--format", "shp"), ("nowhere", "--out", "a.csv"),
        ("streets", "--out", "a.csv", "--bbox", "1,2,3"), ("streets", "--out", "a.csv", "--crs", "EPSG:2433"),
        ("streets", "--out", "a.csv", "--filter", "nothing = 1"), ("streets", "--out", "none/there/a.csv"),
    ],
)  # fmt: skip
def test_what_does_not_fit_leaves_no_file(
    filled: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    done = filled("export", *words, "--json")
    assert done.code == 3
    assert done.json()["error"]["message_zh"]
    assert {path for path in tmp_path.iterdir() if path.suffix in (".csv", ".txt")} <= before


def test_facilities_with_rows_the_public_may_not_read_are_marked_internal(small_town: Run, tmp_path: Path) -> None:
    for words, mark in (((), "internal"), (("--public",), "public")):
        out = tmp_path / f"{mark}.geojson"
        found = small_town("export", "facilities_eldercare", "--out", out, *words, "--json")
        assert found.code == 0, found.err
        assert found.json()["is_internal"] is (mark == "internal")
        assert ("内部资料" in found.err) is (mark == "internal")
        assert json.loads(out.read_text(encoding="utf-8"))["classification"] == mark


def test_a_box_the_wrong_way_round_and_an_unknown_layer_are_refused_with_what_is_allowed(
    small_town: Run, tmp_path: Path
) -> None:
    out = tmp_path / "a.csv"
    found = small_town("export", "streets", "--out", out, "--bbox", "104,41,103,42")
    assert found.code == 3
    assert "西不大于东" in found.err
    assert not out.exists()
    found = small_town("export", "nope", "--out", out)
    assert found.code == 3
    assert "“nope”" in found.err
    assert "facilities_eldercare" in found.err
    assert "streets" in found.err
