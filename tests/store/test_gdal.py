"""The embedded store in the hands of GDAL: read, edit, append, delete, copy; and what Fangyu makes of it afterwards."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from sqlalchemy import text

from geo.errors import DataSourceError, Problem
from geo.store import Store, audit, imports, open_store
from geo.store.functions import register_functions
from geo.store.layer import LAYER_NAMES
from geo.store.tables import JournalEntry
from tests.store.frames import ON, bring_in, every_layer, facilities, read, revision, segments

REGISTERED = [
    *LAYER_NAMES, "imports", "analysis_runs", "audit_log", "audit_seals", "cases", "case_steps", "case_clocks",
]  # fmt: skip

needs_programs = pytest.mark.skipif(
    shutil.which("ogrinfo") is None, reason="GDAL's programs are not installed (Debian: gdal-bin)"
)


@pytest.fixture
def filled(gpkg_path: Path) -> Path:
    """Make a closed store with rows in every layer."""
    with open_store(str(gpkg_path)) as store:
        for name, rows in every_layer().items():
            bring_in(store, name, rows)
    return gpkg_path


def run(*command: str | Path) -> str:
    """Run a GDAL program."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr, done.stderr
    return done.stdout


def edit(path: Path, statement: str) -> None:
    """Run one statement through GDAL, as QGIS would."""
    run("ogrinfo", path, "-sql", statement)


def journal(store: Store) -> list[JournalEntry]:
    """Read the journal."""
    with store.session(write=False) as session:
        return list(session.query(JournalEntry).order_by(JournalEntry.fid))


def test_gdal_lists_what_a_user_may_read_and_nothing_else(filled: Path) -> None:
    listed = pyogrio.list_layers(filled)
    assert listed[:, 0].tolist() == REGISTERED
    assert listed[:, 1].tolist()[:4] == ["MultiPolygon", "Point", "MultiPolygon", "LineString"]


@pytest.mark.parametrize("name", LAYER_NAMES)
def test_gdal_reads_every_attribute_and_geometry(filled: Path, name: str) -> None:
    with open_store(str(filled)) as store, store.session(write=False) as session:
        columns = [row[1] for row in session.execute(text(f"PRAGMA table_info({name})"))]
        stored = session.execute(text(f"SELECT * FROM {name} ORDER BY fid")).mappings().all()
    found = pyogrio.read_dataframe(filled, layer=name, fid_as_index=True)
    assert sorted([*found.columns.drop("geometry"), "fid", "geom"]) == sorted(columns)
    assert len(found) == len(stored) == len(every_layer()[name])
    assert found.crs.to_epsg() == 4490
    assert shapely.is_valid(np.asarray(found.geometry)).all()
    for column in found.columns.drop("geometry"):
        ours = [row[column] for row in stored]
        theirs = [None if pd.isna(value) else value for value in found[column].tolist()]
        if pd.api.types.is_datetime64_any_dtype(found[column]):
            theirs = [None if value is None else value.date().isoformat() for value in theirs]
        assert theirs == ours, column
    assert found.index.tolist() == [row["fid"] for row in stored]


def test_gdal_filters_by_the_spatial_index(filled: Path) -> None:
    everything = pyogrio.read_dataframe(filled, layer="street_segments")
    box = (117.8, 36.7, 118.1, 36.9)
    found = pyogrio.read_dataframe(filled, layer="street_segments", bbox=box)
    assert sorted(found["id"]) == sorted(everything["id"][everything.intersects(shapely.box(*box))])
    assert 0 < len(found) < len(everything)


@needs_programs
def test_a_row_updated_through_gdal_is_tracked_and_absorbed(filled: Path) -> None:
    edit(filled, "UPDATE facilities SET name = '改名食堂', status = 'gone' WHERE id = '1'")
    with open_store(str(filled)) as store:
        assert revision(store, "facilities") >= 2
        [touched] = store.outside_edits
        assert (touched.layer, touched.id, touched.operation) == ("facilities", "1", "updated")
        assert [problem.code for problem in touched.problems] == ["unknown_value"]
        row = read(store, "facilities", columns=["id", "name", "row_version", "quality"]).iloc[0]
        assert row["name"] == "改名食堂"
        assert row["row_version"] >= 2
        [finding] = json.loads(row["quality"])
        assert finding["field"] == "status"
        assert "suspended" in finding["message_en"]
        first = journal(store)[0]
        assert (first.layer, first.operation, first.origin) == ("facilities", "update", "outside")
        before = json.loads(first.before or "")
        assert (before["name"], before["status"]) == ("示范街道第1长者食堂", "open")
        with store.session(write=False) as session:
            newest = audit.entries(session, limit=1)[0]
            assert (newest.action, newest.subject) == ("edited outside", "facilities/1")
            assert json.loads(newest.detail)["before"]["status"] == "open"
            assert audit.first_broken(session) is None
    with open_store(str(filled)) as store:
        assert store.outside_edits == ()


@needs_programs
def test_a_mended_row_loses_its_finding(filled: Path) -> None:
    edit(filled, "UPDATE facilities SET status = 'gone' WHERE id = '1'")
    open_store(str(filled)).close()
    edit(filled, "UPDATE facilities SET status = 'closed' WHERE id = '1'")
    with open_store(str(filled)) as store:
        assert store.outside_edits[0].problems == ()
        assert read(store, "facilities", columns=["id", "quality"])["quality"].isna().all()


@needs_programs
def test_a_row_deleted_through_gdal_is_kept_in_journal_and_audit(filled: Path) -> None:
    edit(filled, "DELETE FROM facilities WHERE id = '2'")
    with open_store(str(filled)) as store:
        [touched] = store.outside_edits
        assert (touched.id, touched.operation) == ("2", "deleted")
        assert read(store, "facilities")["id"].tolist() == ["1", "3", "4"]
        with store.session(write=False) as session:
            detail = json.loads(audit.entries(session, limit=1)[0].detail)
            assert detail["before"]["name"] == "示范街道第2长者食堂"
            assert session.scalar(text("SELECT rtreecheck('rtree_facilities_geom')")) == "ok"
    assert len(pyogrio.read_dataframe(filled, layer="facilities", bbox=(118.005, 36.7, 118.015, 36.9))) == 0


def test_rows_appended_through_gdal_are_completed_checked_and_audited(filled: Path) -> None:
    drawn = gpd.GeoDataFrame(
        {"name": ["新画食堂", "远方", None], "type": ["senior_canteen", "senior_canteen", "nonsense"]},
        geometry=[shapely.Point(118.2, 36.9), shapely.Point(500000, 4000000), None],
        crs=4490,
    )
    pyogrio.write_dataframe(drawn, filled, layer="facilities", append=True)

    def know_types(layer: str, rows: gpd.GeoDataFrame) -> Sequence[Problem]:
        unknown = rows[rows["type"] == "nonsense"]
        return [Problem("unknown_type", "note", layer, int(fid), "type", "nonsense", "", "") for fid in unknown["fid"]]

    with open_store(str(filled), check=know_types) as store:
        assert [touched.operation for touched in store.outside_edits] == ["inserted"] * 3
        codes = [[problem.code for problem in touched.problems] for touched in store.outside_edits]
        assert codes == [[], ["out_of_range"], ["missing_geometry", "unknown_type"]]
        found = read(store, "facilities", columns=["id", "source", "name", "raw_x", "raw_crs", "row_version"])
        new = found[found["source"] == "outside"]
        assert new["uid"].notna().all()
        assert new["id"].is_unique
        assert (new["row_version"] >= 1).all()
        row = new[new["name"] == "新画食堂"].iloc[0]
        assert (row["raw_x"], row["raw_crs"]) == (118.2, "EPSG:4490")
        _, counts = bring_in(store, "facilities", facilities(), sha256="01")
        assert counts.unchanged == 4  # what was drawn outside belongs to no file and stays
    near = pyogrio.read_dataframe(filled, layer="facilities", bbox=(118.19, 36.89, 118.21, 36.91))
    assert near["name"].tolist() == ["新画食堂"]


def test_a_line_drawn_outside_is_measured(filled: Path) -> None:
    with open_store(str(filled)) as store:
        streets = read(store, "street_segments")
    line = shapely.LineString([(118.0, 36.8), (118.01, 36.8)])
    added = streets.iloc[[0]].drop(columns=["fid", "uid", "valid_from", "valid_to"]).assign(id="w900-0", length_m=1.0)
    pyogrio.write_dataframe(added.set_geometry([line]), filled, layer="street_segments", append=True)
    with open_store(str(filled)) as store:
        found = read(store, "street_segments", where={"id": "w900-0"})
        assert found["length_m"].tolist() == pytest.approx([892.4], abs=0.5)


def test_a_copied_row_is_stored_and_flagged_as_a_duplicate(filled: Path) -> None:
    copied = pyogrio.read_dataframe(filled, layer="facilities").iloc[[0]].drop(columns="uid")
    pyogrio.write_dataframe(copied, filled, layer="facilities", append=True)
    with open_store(str(filled)) as store:
        assert [[p.code for p in touched.problems] for touched in store.outside_edits] == [["duplicate_id"]]
        assert len(read(store, "facilities")) == 5
        _, counts = bring_in(store, "facilities", facilities(), sha256="01")
        assert (counts.unchanged, counts.closed) == (4, 1)
        assert len(read(store, "facilities")) == 4


def test_edits_of_more_than_a_thousand_rows_share_one_audit_entry(gpkg_path: Path) -> None:
    open_store(str(gpkg_path)).close()
    many = segments(1200).drop(columns="import_line")
    pyogrio.write_dataframe(many, gpkg_path, layer="street_segments", append=True)
    with open_store(str(gpkg_path)) as store:
        assert len(store.outside_edits) == 1200
        assert len(read(store, "street_segments", where={"source": "outside"})) == 1200
        with store.session(write=False) as session:
            [entry] = audit.entries(session)
            assert json.loads(entry.detail) == {"flagged": 0, "inserted": 1200}


def test_our_own_edits_are_not_taken_for_outside_ones(gpkg_path: Path) -> None:
    with open_store(str(gpkg_path)) as store:
        bring_in(store, "facilities", facilities())
        with store.session() as session:
            session.execute(text("UPDATE facilities SET name = 'ours' WHERE id = '1'"))
        assert [(entry.origin, entry.operation) for entry in journal(store)] == [("fangyu", "update")]
    with open_store(str(gpkg_path)) as store:
        assert store.outside_edits == ()


def test_gdal_reads_withdrawn_and_closed_versions_too(gpkg_path: Path) -> None:
    with open_store(str(gpkg_path)) as store:
        bring_in(store, "facilities", facilities())
        number, _ = bring_in(store, "facilities", facilities(2).assign(name="x"), sha256="01")
        with store.session() as session:
            imports.undo(session, number, actor="tester", on=ON)
    found = pyogrio.read_dataframe(gpkg_path, layer="facilities")
    assert found["valid_to"].dropna().dt.strftime("%Y-%m-%d").str.zfill(10).tolist() == ["0001-01-01"] * 2
    assert len(found) == 6


def _through_ogr2ogr(source: Path, target: Path) -> None:
    """Copy all layers with GDAL's own program."""
    run("ogr2ogr", "-f", "GPKG", target, source)


def _through_pyogrio(source: Path, target: Path) -> None:
    """Copy all layers with GDAL as pyogrio's wheel carries it."""
    for name in REGISTERED:
        meta, table = pyogrio.read_arrow(source, layer=name)
        if meta["geometry_type"] is None:
            pyogrio.write_dataframe(pyogrio.read_dataframe(source, layer=name), target, layer=name)
            continue
        pyogrio.write_arrow(
            table,
            target,
            layer=name,
            driver="GPKG",
            crs=meta["crs"],
            geometry_type=meta["geometry_type"],
            geometry_name=meta["geometry_name"] or "wkb_geometry",
        )


@pytest.mark.parametrize(
    "copy", [pytest.param(_through_ogr2ogr, marks=needs_programs), _through_pyogrio], ids=["ogr2ogr", "pyogrio"]
)
def test_a_round_trip_through_gdal_loses_nothing(
    filled: Path, tmp_path: Path, copy: Callable[[Path, Path], None]
) -> None:
    target = tmp_path / "copy.gpkg"
    copy(filled, target)
    assert sorted(pyogrio.list_layers(target)[:, 0]) == sorted(REGISTERED)
    for name in REGISTERED:
        before = pyogrio.read_dataframe(filled, layer=name)
        after = pyogrio.read_dataframe(target, layer=name)
        assert len(before) == len(after)
        pd.testing.assert_frame_equal(
            pd.DataFrame(before.drop(columns="geometry", errors="ignore")),
            pd.DataFrame(after.drop(columns="geometry", errors="ignore")),
        )
        if "geometry" in before:
            assert shapely.equals_identical(np.asarray(before.geometry), np.asarray(after.geometry)).all()
            assert after.crs.to_epsg() == 4490


def test_a_layer_whose_triggers_were_taken_off_is_mended(filled: Path) -> None:
    with sqlite3.connect(filled) as raw:
        register_functions(raw)
        raw.execute("DROP TRIGGER track_gates_update")
        raw.execute("DROP TRIGGER rtree_gates_geom_update6")
        raw.execute("UPDATE gates SET name = 'unseen' WHERE id = 'n1'")
    raw.close()
    with open_store(str(filled)) as store:
        assert revision(store, "gates") == 2
        with store.session() as session:
            session.execute(text("UPDATE gates SET name = 'seen' WHERE id = 'n1'"))
        assert revision(store, "gates") == 3
        with store.session(write=False) as session:
            assert session.scalar(text("SELECT rtreecheck('rtree_gates_geom')")) == "ok"
            assert session.scalar(text("SELECT count(*) FROM rtree_gates_geom")) == 2


def test_a_layer_replaced_by_another_program_is_refused_in_words(filled: Path) -> None:
    plain = gpd.GeoDataFrame({"id": ["1"]}, geometry=[shapely.Point(118, 36)], crs=4490)
    pyogrio.write_dataframe(plain, filled, layer="gates")
    with pytest.raises(DataSourceError, match="was replaced by another program"):
        open_store(str(filled))


def test_an_edited_period_that_ends_before_it_begins_is_flagged(filled: Path) -> None:
    rows = facilities(2).assign(id=["x", "y"]).drop(columns=["import_line", "open_date"])
    rows["valid_from"] = pd.to_datetime(pd.Series(["2020-01-01", "2020-01-01"])).dt.date
    rows["valid_to"] = pd.to_datetime(pd.Series(["2019-01-01", "2021-01-01"])).dt.date
    pyogrio.write_dataframe(rows, filled, layer="facilities", append=True)
    with open_store(str(filled)) as store:
        assert [[p.code for p in touched.problems] for touched in store.outside_edits] == [["ends_before_start"], []]


@needs_programs
def test_a_value_that_is_no_geometry_is_flagged_and_does_not_lock_the_store(filled: Path) -> None:
    # What a program with SpatiaLite writes is no GeoPackage geometry, and a short or broken blob is none either.
    for fid, value in ((1, "X'0001EDCB'"), (2, "X'4750'"), (3, "X'4750000100000000FFFF'"), (4, "'POINT (1 2)'")):
        with contextlib.closing(sqlite3.connect(filled)) as connection:
            register_functions(connection)
            connection.execute(f"UPDATE facilities SET geom = {value} WHERE fid = {fid}")
            connection.commit()
    with open_store(str(filled)) as store:
        codes = {edit.fid: [problem.code for problem in edit.problems] for edit in store.outside_edits}
        assert codes == {fid: ["missing_geometry"] for fid in (1, 2, 3, 4)}
        assert read(store, "facilities").geometry.isna().all()
    with open_store(str(filled)) as store:
        assert store.outside_edits == ()
        _, counts = bring_in(store, "facilities", facilities())
        assert counts.changed == 4


@needs_programs
def test_people_who_do_not_add_up_any_more_are_flagged(filled: Path) -> None:
    with open_store(str(filled)) as store:
        people = read(store, "demand_points")
    banded = int(people["fid"][people["persons_60_69"].notna()].iloc[0])
    other = int(people["fid"][people["fid"] != banded].iloc[0])
    edit(filled, f"UPDATE demand_points SET persons = 1000 WHERE fid = {banded}")
    edit(filled, f"UPDATE demand_points SET persons = NULL WHERE fid = {other}")
    with open_store(str(filled)) as store:
        codes = {edit.fid: [problem.code for problem in edit.problems] for edit in store.outside_edits}
    assert "sum_mismatch" in codes[banded]
    assert codes[other] == ["missing_persons"]
