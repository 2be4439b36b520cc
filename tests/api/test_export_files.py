"""Export formats read back by other programs: the same rows, values, geometries and coordinate systems."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from pyproj import CRS, Transformer
from python_calamine import CalamineWorkbook
from starlette.testclient import TestClient

from geo.catalog.map_layer import PUBLIC, map_layers
from geo.report import table_xlsx
from geo.services.demo import IS_SYNTHETIC
from geo.services.export import FORMATS
from geo.store import open_store, state
from tests.api.conftest import Served
from tests.api.test_export import LAYERS, exported, home, items
from tests.store.frames import bring_in, facilities, segments

Read = Callable[[bytes, Path], gpd.GeoDataFrame]


def _by_gdal(suffix: str) -> Read:
    def read(content: bytes, folder: Path) -> gpd.GeoDataFrame:
        path = folder / f"read{suffix}"
        path.write_bytes(content)
        return pyogrio.read_dataframe(path, fid_as_index=suffix == ".gpkg")

    return read


def _by_arrow(content: bytes, folder: Path) -> gpd.GeoDataFrame:
    path = folder / "read.parquet"
    path.write_bytes(content)
    return gpd.read_parquet(path)


READERS: dict[str, Read] = {
    "geojson": _by_gdal(".geojson"),
    "gpkg": _by_gdal(".gpkg"),
    "flatgeobuf": _by_gdal(".fgb"),
    "geoparquet": _by_arrow,
}


def plain(value: Any) -> Any:
    """A value as items have it."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, date):
        return value.isoformat()[:10]
    return value.item() if isinstance(value, np.generic) else value


def compared(frame: gpd.GeoDataFrame, features: list[Any], fields: tuple[str, ...]) -> None:
    """Check that a file holds the features, in any order: FlatGeobuf has an order of its own."""
    assert len(frame) == len(features)
    key = next((field for field in ("id", "code") if field in fields), None)

    def key_of(values: Sequence[Any], shape: Any) -> object:
        # Cells have no id; no two of one type have the same middle.
        middle = (round(shape.centroid.x, 5), round(shape.centroid.y, 5), *values[:2])
        return middle if key is None else values[fields.index(key)]

    rows: dict[object, tuple[Any, list[Any]]] = {}
    for shape, *given in zip(frame.geometry, *(frame[field] for field in fields), strict=True):
        values = [plain(value) for value in given]
        rows[key_of(values, shape)] = (shape, values)
    assert len(rows) == len(features)
    for feature in features:
        expected = shapely.from_geojson(json.dumps(feature["geometry"]))
        shape, values = rows[key_of([feature["properties"][field] for field in fields], expected)]
        assert shapely.equals_exact(shape, expected, 2e-8, normalize=True)
        assert values == [feature["properties"][field] for field in fields]


@pytest.mark.parametrize("form", READERS)
def test_every_layer_is_read_back_whole(served: Served, form: str, tmp_path: Path) -> None:
    client = served("planner")
    for name in LAYERS:
        features = items(client, name)
        if not features:
            continue
        frame = READERS[form](exported(client, name, form), tmp_path)
        compared(frame, features, map_layers()[name].fields)
        assert frame.crs == CRS.from_user_input("EPSG:4326" if form == "geojson" else "EPSG:4490")
        if form == "gpkg":
            assert sorted(frame.index) == [feature["id"] for feature in features]


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("crs", ["EPSG:4548", "EPSG:3857", "EPSG:4326"])
def test_every_system_is_the_one_the_file_says(served: Served, form: str, crs: str, tmp_path: Path) -> None:
    client = served(PUBLIC)
    frame = READERS[form](exported(client, "streets", form, crs=crs), tmp_path)
    assert frame.crs == CRS.from_user_input(crs)
    turn = Transformer.from_crs("EPSG:4490" if crs == "EPSG:4548" else "EPSG:4326", crs, always_xy=True)
    by_id = {one["properties"]["id"]: one["geometry"]["coordinates"] for one in items(client, "streets")}
    for key, shape in zip(frame["id"], frame.geometry, strict=True):
        expected = np.column_stack(turn.transform(*np.array(by_id[key]).T))
        np.testing.assert_allclose(shapely.get_coordinates(shape), expected, atol=0.002 if crs != "EPSG:4326" else 1e-7)


def test_filters_reach_every_format(served: Served, tmp_path: Path) -> None:
    client = served(PUBLIC)
    query = {"filter": "length_m > 100", "bbox": "117.7,36.5,118.4,37.2"}
    features = items(client, "streets", **query)
    assert 0 < len(features) < len(items(client, "streets"))
    for form, read in READERS.items():
        compared(read(exported(client, "streets", form, **query), tmp_path), features, map_layers()["streets"].fields)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(exported(client, "streets", "xlsx", **query)))
    assert len(rows.get_sheet_by_name("数据").to_python()) == len(features) + 1


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="GDAL's programs (gdal-bin) are not installed")
@pytest.mark.parametrize("form", ["geojson", "csv", "gpkg", "flatgeobuf"])
def test_the_gdal_of_the_system_reads_them_too(served: Served, form: str, tmp_path: Path) -> None:
    client = served("planner")
    for name in ("facilities_eldercare", "divisions", "demand"):
        path = tmp_path / f"{name}{FORMATS[form].suffix}"
        path.write_bytes(exported(client, name, form))
        command = ["ogrinfo", "-ro", "-so", "-al", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert f"Feature Count: {len(items(client, name))}" in done.stdout
        if form in ("gpkg", "flatgeobuf"):
            assert map_layers()[name].title_zh in done.stdout
            assert 'ID["EPSG",4490]' in done.stdout


def test_geopackages_and_flatgeobufs_have_their_index(served: Served, store_url: str, tmp_path: Path) -> None:
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments(300, 3), source="more.csv")
    client = served(PUBLIC)
    for form, suffix in (("gpkg", ".gpkg"), ("flatgeobuf", ".fgb")):
        path = tmp_path / f"x{suffix}"
        path.write_bytes(exported(client, "streets", form))
        info = pyogrio.read_info(path)
        assert info["capabilities"]["fast_spatial_filter"]
        box = (117.9, 36.6, 118.2, 36.9)
        found = pyogrio.read_dataframe(path, bbox=box)
        assert len(found) == len(items(client, "streets", bbox=",".join(map(str, box))))


def test_geoparquet_says_what_its_standard_asks(served: Served, tmp_path: Path) -> None:
    client = served(PUBLIC)
    content = exported(client, "divisions", "geoparquet", crs="EPSG:4548")
    metadata = pq.read_metadata(io.BytesIO(content)).metadata
    geo = json.loads(metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    column = geo["columns"]["geometry"]
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["MultiPolygon"])
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 4548}
    frame = _by_arrow(content, tmp_path)
    np.testing.assert_allclose(column["bbox"], frame.total_bounds)
    assert metadata[b"classification"] == b"public"
    nothing = exported(client, "divisions", "geoparquet", name="无")
    empty = json.loads(pq.read_metadata(io.BytesIO(nothing)).metadata[b"geo"])
    assert (empty["columns"]["geometry"]["geometry_types"], "bbox" in empty["columns"]["geometry"]) == ([], False)


def test_made_up_and_internal_data_say_so_in_every_file(served: Served, store_url: str, tmp_path: Path) -> None:
    with open_store(store_url) as store, store.session() as session:
        state.write_fact(session, IS_SYNTHETIC, "true")
    client = served("planner")
    document = json.loads(exported(client, "demand", "geojson"))
    assert (document["is_synthetic"], document["classification"]) == (True, "internal")
    assert "内部资料；示例数据（虚构）" in exported(client, "demand", "csv").decode()
    metadata = pq.read_metadata(io.BytesIO(exported(client, "demand", "geoparquet"))).metadata
    assert (metadata[b"is_synthetic"], metadata[b"classification"]) == (b"true", b"internal")
    for form, suffix in (("gpkg", ".gpkg"), ("flatgeobuf", ".fgb")):
        path = tmp_path / f"x{suffix}"
        path.write_bytes(exported(client, "demand", form))
        facts = pyogrio.read_info(path)["layer_metadata"]
        assert (facts["is_synthetic"], facts["classification"]) == ("true", "internal"), form
        assert "示例数据" in str(facts) if form == "flatgeobuf" else "示例数据" in facts["DESCRIPTION"]
    book = openpyxl.load_workbook(io.BytesIO(exported(client, "demand", "xlsx")))
    assert "内部资料；示例数据（虚构）" in str(book.properties.description)
    assert ["标注", "内部资料；示例数据（虚构）"] in [[cell.value for cell in row] for row in book["说明"].rows]
    assert {row[-1].value for row in list(book["数据"].rows)[1:]} == {"内部资料；示例数据（虚构）"}


def test_workbooks_hold_values_as_they_are_and_no_formula(served: Served, store_url: str) -> None:
    wicked = ['=HYPERLINK("http://x")', "+1", "-2+3", "@SUM(A1)", "#N/A", "a\x01b", "好=1"]
    rows = facilities(len(wicked))
    rows["name"] = pd.Series(wicked, dtype=object)
    with open_store(store_url) as store:
        bring_in(store, "facilities", rows)
    client = served("planner")
    content = exported(client, "facilities_eldercare", "xlsx")
    book = openpyxl.load_workbook(io.BytesIO(content))
    first, *others = book["数据"].rows
    titles = [cell.value for cell in first]
    place = titles.index("名称")
    assert [row[place].value for row in others] == [name.replace("\x01", "") for name in wicked]
    assert {row[place].data_type for row in others} == {"s"}
    assert [bool(row[place].quotePrefix) for row in others] == [True] * 4 + [False] * 3
    table = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name("数据").to_python()
    features = items(client, "facilities_eldercare")
    for row, feature in zip(table[1:], features, strict=True):
        found = dict(zip(titles, row, strict=True))
        assert [found["经度"], found["纬度"]] == feature["geometry"]["coordinates"]
        assert (found["容量"] or None) == feature["properties"]["capacity"]
        opened = feature["properties"]["open_date"]
        assert (found["启用日期"] or None) == (None if opened is None else date.fromisoformat(opened))


def test_a_workbook_refuses_more_rows_than_a_sheet_has(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client = served(PUBLIC)
    monkeypatch.setattr(table_xlsx, "MOST_ROWS", 40)
    answer = client.get(f"{home('streets')}/export?f=xlsx")
    assert answer.status_code == 400
    assert "50" in answer.json()["message_zh"]
    assert "40" in answer.json()["message_en"]
    assert client.get(f"{home('streets')}/export?f=xlsx&kind=footway").status_code == 200


def test_what_no_cell_can_hold_is_said_not_cut(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_xlsx, "_LONGEST", 60)
    book = openpyxl.load_workbook(io.BytesIO(exported(served(PUBLIC), "divisions", "xlsx")))
    last = [row[-1].value for row in list(book["数据"].rows)[1:]]
    assert all(value.startswith("（过长：") for value in last)
    notes = {row[0].value: row[1].value for row in book["说明"].rows}
    assert notes["注意"].startswith(f"{len(last)} 个单元格")


def test_files_with_nothing_in_them_can_be_read(served: Served, tmp_path: Path) -> None:
    client: TestClient = served(PUBLIC)
    for form, read in READERS.items():
        if form != "geojson":
            frame = read(exported(client, "streets", form, name="没有"), tmp_path)
            assert len(frame) == 0
            assert set(map_layers()["streets"].fields) <= set(frame.columns)
    book = CalamineWorkbook.from_filelike(io.BytesIO(exported(client, "streets", "xlsx", name="没有")))
    assert len(book.get_sheet_by_name("数据").to_python()) == 1


def test_a_box_across_the_antimeridian_is_for_items_and_no_file(served: Served) -> None:
    client = served(PUBLIC)
    answer = client.get(f"{home('streets')}/export", params={"bbox": "104,41,103,42"})
    assert answer.status_code == 400
    assert "bbox" in answer.text
    assert client.get(f"{home('streets')}/items", params={"bbox": "104,41,103,42"}).status_code == 200
