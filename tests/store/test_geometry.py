"""GeoPackage blobs and the R*Tree, held against shapely, GDAL and SQLite's own check."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from geo.errors import DataSourceError
from geo.store import open_store
from geo.store.frames import decode_column
from geo.store.functions import register_functions
from geo.store.geometry import as_stored, decode_blobs, encode_blobs
from geo.store.insert import insert_columns
from geo.store.layer import LayerColumn
from geo.store.rtree import add_boxes, rtree_table_sql
from tests.store.frames import bring_in, facilities, read, revision, segments

MIXED = np.array(
    [
        shapely.Point(118.5, 36.25),
        shapely.LineString([(118, 36), (119, 37.5)]),
        None,
        shapely.Polygon(),
        shapely.MultiPolygon([shapely.box(1, 2, 3, 4), shapely.box(5, 6, 7, 8)]),
        shapely.Point(),
        shapely.MultiPoint([(1, 2), (3, 4)]),
    ],
    dtype=object,
)


def test_blobs_return_the_geometry_they_were_made_of() -> None:
    back = decode_blobs(encode_blobs(MIXED))
    assert back[2] is None
    kept = np.array([geometry is not None for geometry in MIXED])
    assert shapely.equals_identical(back[kept], MIXED[kept]).all()
    assert len(decode_blobs([])) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=2, max_size=5), max_size=5))
def test_any_lines_survive_their_blobs(lines: list[list[tuple[float, float]]]) -> None:
    shapes = np.array([None, *map(shapely.LineString, lines)], dtype=object)[1:]
    assert shapely.equals_identical(decode_blobs(encode_blobs(shapes)), shapes).all()


def test_blobs_of_other_writers_are_read(tmp_path: Path) -> None:
    kept = MIXED[[0, 1, 4, 6]]
    pyogrio.write_dataframe(gpd.GeoDataFrame(geometry=kept, crs=4490), tmp_path / "gdal.gpkg", layer="mixed")
    with sqlite3.connect(tmp_path / "gdal.gpkg") as raw:
        blobs = [row[0] for row in raw.execute("SELECT geom FROM mixed ORDER BY fid")]
    raw.close()
    assert shapely.equals_identical(decode_blobs(blobs), kept).all()
    assert encode_blobs(kept)[1] == blobs[1]
    big_endian = b"GP\x00\x02" + struct.pack(">i4d", 4490, 118, 119, 36, 37.5) + shapely.to_wkb(kept[1], byte_order=0)
    assert shapely.equals_identical(decode_blobs([big_endian]), kept[1:2]).all()


def test_what_is_no_blob_is_refused_in_words() -> None:
    with pytest.raises(DataSourceError, match="no GeoPackage geometry"):
        decode_blobs([b"not a geometry", None])


def test_the_st_functions_agree_with_shapely() -> None:
    connection = sqlite3.connect(":memory:")
    register_functions(connection)
    big_endian = b"GP\x00\x02" + struct.pack(">i4d", 4490, 118, 119, 36, 37.5) + shapely.to_wkb(MIXED[1], byte_order=0)
    for geometry, blob in [*zip(MIXED, encode_blobs(MIXED), strict=True), (MIXED[1], big_endian)]:
        query = "SELECT ST_IsEmpty(?1), ST_MinX(?1), ST_MinY(?1), ST_MaxX(?1), ST_MaxY(?1)"
        empty, *bounds = connection.execute(query, (blob,)).fetchone()
        if geometry is None:
            assert (empty, *bounds) == (None,) * 5
        elif geometry.is_empty:
            assert (empty, *bounds) == (1, None, None, None, None)
        else:
            assert (empty, tuple(bounds)) == (0, geometry.bounds)
    assert connection.execute("SELECT ST_MinX('text'), ST_IsEmpty(5)").fetchone() == (None, None)
    connection.close()


def test_polygons_are_promoted_and_heights_dropped_only_where_there_are_any() -> None:
    high = np.array([shapely.Polygon([(0, 0, 1), (1, 0, 1), (1, 1, 1)]), None], dtype=object)
    stored = as_stored(high, "MULTIPOLYGON")
    assert stored[0].geom_type == "MultiPolygon"
    assert not stored[0].has_z
    assert stored[1] is None
    assert high[0].geom_type == "Polygon"


@pytest.mark.parametrize("count", [0, 1, 51, 1_999, 2_000, 2_001, 2_300, 10_000])
def test_a_packed_index_is_sound_and_finds_what_it_holds(count: int) -> None:
    random = np.random.default_rng(count)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(rtree_table_sql("t"))
    connection.execute("BEGIN")
    expected = np.empty((0, 4))
    for part in (count, 700, count):  # packed, added to, packed again with what was there
        corner = np.column_stack([random.uniform(-180, 180, part), random.uniform(-90, 90, part)])
        boxes = np.hstack([corner, corner + random.uniform(0, 0.01, (part, 2))])
        boxes[::97] = np.nan
        fids = np.arange(len(expected) + 1, len(expected) + part + 1, dtype=np.int64)
        add_boxes(connection, "t", fids, boxes)
        expected = np.vstack([expected, boxes])
    assert connection.execute("SELECT rtreecheck('rtree_t_geom')").fetchone() == ("ok",)
    found = connection.execute(
        "SELECT id FROM rtree_t_geom WHERE maxx >= 10 AND minx <= 60 AND maxy >= -20 AND miny <= 20 ORDER BY id"
    ).fetchall()
    inside = (expected[:, 2] >= 10) & (expected[:, 0] <= 60) & (expected[:, 3] >= -20) & (expected[:, 1] <= 20)
    assert [row[0] for row in found] == (np.flatnonzero(inside) + 1).tolist()
    number, *box = connection.execute("SELECT * FROM rtree_t_geom ORDER BY id LIMIT 1").fetchone()
    low_x, low_y, high_x, high_y = expected[number - 1]
    assert box[0] <= low_x <= high_x <= box[1]
    assert box[2] <= low_y <= high_y <= box[3]
    connection.execute("DELETE FROM rtree_t_geom WHERE id % 3 = 0")
    connection.execute("INSERT INTO rtree_t_geom VALUES (900000, 1, 2, 1, 2)")
    assert connection.execute("SELECT rtreecheck('rtree_t_geom')").fetchone() == ("ok",)
    connection.close()


@pytest.mark.parametrize("count", [0, 1, 39, 40, 41, 123])
def test_many_rows_to_a_statement_insert_every_row_once_and_in_order(count: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c INTEGER)")
    numbers = list(range(count))
    insert_columns(connection, "t", [numbers, [f"n{number}" for number in numbers]], "?, ?, 7", "(a, b, c)")
    found = connection.execute("SELECT * FROM t ORDER BY rowid").fetchall()
    assert found == [(number, f"n{number}", 7) for number in numbers]
    connection.close()


def test_a_bulk_import_keeps_the_index_sound_through_versions(gpkg_path: Path) -> None:
    with open_store(str(gpkg_path)) as store:
        bring_in(store, "street_segments", segments(2500))
        changed = segments(2600)
        changed["level"] = 2
        bring_in(store, "street_segments", changed, sha256="01")
        with store.session(write=False) as session:
            assert session.scalar(text("SELECT rtreecheck('rtree_street_segments_geom')")) == "ok"
            assert session.scalar(text("SELECT count(*) FROM rtree_street_segments_geom")) == 5100
            names = session.scalars(
                text("SELECT name FROM sqlite_master WHERE name LIKE 'ix_street%' ORDER BY 1")
            ).all()
            assert names == ["ix_street_segments_open", "ix_street_segments_uid"]


def test_a_geometry_moved_outside_takes_its_raw_position_along(gpkg_path: Path) -> None:
    with open_store(str(gpkg_path)) as store:
        bring_in(store, "facilities", facilities())
    with sqlite3.connect(gpkg_path) as raw:
        register_functions(raw)
        [blob] = encode_blobs(np.array([shapely.Point(118.77, 36.66)], dtype=object))
        raw.execute("UPDATE facilities SET geom = ? WHERE id = '3'", (blob,))
        raw.execute("UPDATE facilities SET name = 'only renamed' WHERE id = '4'")
    raw.close()
    with open_store(str(gpkg_path)) as store:
        assert [edit.problems for edit in store.outside_edits] == [(), ()]
        found = read(store, "facilities", columns=["id", "raw_x", "raw_y", "datum_method"])
        assert found["raw_x"].tolist() == [118.0, 118.01, 118.77, 118.03]
        assert found["datum_method"].tolist() == [None, None, "edited outside", None]
        with store.session(write=False) as session:
            query = text("SELECT minx FROM rtree_facilities_geom WHERE id = 3")
            assert session.scalar(query) == pytest.approx(118.77, abs=1e-4)
        assert revision(store, "facilities") > 2


def test_values_an_outside_program_wrote_wrongly_read_as_missing() -> None:
    def decoded(kind: str, *values: object) -> list[object]:
        return decode_column(values, LayerColumn("c", kind)).tolist()  # type: ignore[arg-type]

    assert decoded("date", "2024-05-01", "soon", None) == [pd.Timestamp("2024-05-01").date(), None, None]
    assert decoded("bool", 1, 0, None, "yes") == [True, False, False, False]
    numbers = decoded("real", 1.5, "many", None)
    assert numbers[0] == 1.5
    assert np.isnan(numbers[1:]).all()  # type: ignore[arg-type]
    assert np.isnan(decoded("int", 1, "many")[1])  # type: ignore[arg-type]
    assert decode_column([1, None], LayerColumn("c", "int", 0)).tolist() == [1, 0]
