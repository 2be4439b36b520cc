"""Exports on both stores: what the items hold, as files that other programs read; nothing held, nothing left behind."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from geo.catalog.map_layer import PUBLIC, field_titles, map_layers
from geo.services.export import FORMATS
from geo.store import open_store
from tests.api.conftest import Served
from tests.store.frames import bring_in, facilities, segments

LAYERS = [name for name, layer in map_layers().items() if layer.read & {PUBLIC, "planner"}]


def home(layer: str) -> str:
    return f"/ogc/collections/{layer}"


def items(client: TestClient, layer: str, **query: str) -> list[Any]:
    answer = client.get(f"{home(layer)}/items", params={"limit": "10000", **query})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["features"])


def exported(client: TestClient, layer: str, form: str, **query: str) -> bytes:
    answer = client.get(f"{home(layer)}/export", params={"f": form, **query})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == FORMATS[form].media
    return answer.content


def rows_of(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


@pytest.mark.parametrize("layer", LAYERS)
def test_geojson_holds_what_the_items_hold(served: Served, layer: str) -> None:
    client = served("planner")
    document = json.loads(exported(client, layer, "geojson"))
    assert document["features"] == items(client, layer)
    assert document["title"] == map_layers()[layer].title_zh
    assert "crs" not in document


def test_coordinates_stand_east_before_north_in_every_system(served: Served) -> None:
    client = served(PUBLIC)
    for crs, turned in (("EPSG:4490", True), ("EPSG:4548", True), ("EPSG:3857", False)):
        document = json.loads(exported(client, "facilities_eldercare", "geojson", crs=crs))
        assert document["crs"]["properties"]["name"] == f"urn:ogc:def:crs:EPSG::{crs[5:]}"
        found = [one["geometry"]["coordinates"] for one in document["features"]]
        same = [one["geometry"]["coordinates"] for one in items(client, "facilities_eldercare", crs=crs)]
        assert found == [one[::-1] if turned else one for one in same]


def test_csv_has_chinese_titles_and_places(served: Served) -> None:
    client = served(PUBLIC)
    rows = rows_of(exported(client, "facilities_eldercare", "csv"))
    expected = items(client, "facilities_eldercare")
    assert [row["名称"] for row in rows] == [one["properties"]["name"] for one in expected]
    assert [[float(row["经度"]), float(row["纬度"])] for row in rows] == [
        one["geometry"]["coordinates"] for one in expected
    ]
    assert "标注" not in rows[0]
    english = rows_of(exported(client, "streets", "csv", lang="en", crs="EPSG:4548"))
    assert list(english[0]) == [*(field_titles()[n].title_en for n in map_layers()["streets"].fields), "Geometry (WKT)"]
    assert english[0]["Geometry (WKT)"].startswith("LINESTRING (")


def same(cell: str, value: object) -> bool:
    """Tell whether a cell of a table says what a property does."""
    if value is None:
        return cell == ""
    if isinstance(value, bool):
        return cell == str(value).lower()
    return float(cell) == value if isinstance(value, int | float) else cell == str(value)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_column_of_a_table_holds_what_the_items_hold(served: Served, layer: str) -> None:
    client, fields = served("planner"), map_layers()[layer].fields
    rows = rows_of(exported(client, layer, "csv"))
    features = items(client, layer)
    assert len(rows) == len(features)
    for row, feature in zip(rows, features, strict=True):
        for name in fields:
            cell, value = row[field_titles()[name].title_zh], feature["properties"][name]
            assert same(cell, value), (layer, name, cell, value)


def test_rows_are_chosen_as_the_items_are(served: Served, store_url: str) -> None:
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments(700, 3), source="more.csv")
    client = served(PUBLIC)
    for query in (
        {"bbox": "117.9,36.6,118.2,36.9"},
        {"bbox": "36.6,117.9,36.9,118.2", "bbox-crs": "EPSG:4490"},
        {"kind": "footway"},
        {"filter": "length_m > 150 AND name IS NOT NULL"},
        {"filter": '{"op":"=","args":[{"property":"name"},"人民路"]}', "filter-lang": "cql2-json"},
        {"datetime": "1990-01-01"},
        {"datetime": "2020-01-01/.."},
    ):
        found = json.loads(exported(client, "streets", "geojson", **query))["features"]
        assert found == items(client, "streets", **query)
        assert len(rows_of(exported(client, "streets", "csv", **query))) == len(found)


def test_who_may_not_read_a_layer_gets_no_file_of_it(served: Served) -> None:
    public, planner = served(PUBLIC), served("planner")
    for name, layer in map_layers().items():
        for form in FORMATS:
            assert (public.get(f"{home(name)}/export?f={form}").status_code == 404) is (PUBLIC not in layer.read)
    answer = planner.get(f"{home('demand')}/export?f=csv")
    assert "filename*=UTF-8''" in answer.headers["content-disposition"]
    assert "内部资料" in unquote(answer.headers["content-disposition"])
    assert 'filename="internal_demand_' in answer.headers["content-disposition"]
    assert {row["标注"] for row in rows_of(answer.content)} == {"内部资料"}
    assert json.loads(exported(planner, "demand", "geojson"))["classification"] == "internal"


def test_the_public_gets_open_facilities_only(served: Served, store_url: str) -> None:
    rows = facilities()
    rows.loc[0, "status"] = "suspended"
    with open_store(store_url) as store:
        bring_in(store, "facilities", rows)
    for role, expected in ((PUBLIC, {"2", "3", "4"}), ("planner", {"1", "2", "3", "4"})):
        content = exported(served(role), "facilities_eldercare", "csv", filter="id = '1' OR id <> '1'")
        assert {row["编号"] for row in rows_of(content)} == expected


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "5"}, {"token": "x"}, {"f": "shp"}, {"crs": "EPSG:2433"}, {"filter": "source = 'a.csv'"},
        {"lang": "fr"}, {"bbox": "1,2,3"}, {"filter": "name ="}, {"oneway_foot": "many"}, {"colour": "red"},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_anything_is_sent(served: Served, query: dict[str, str]) -> None:
    answer = served(PUBLIC).get(f"{home('streets')}/export", params=query)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_no_cell_of_a_table_is_a_formula(served: Served, store_url: str) -> None:
    wicked = ["=HYPERLINK(\"http://x\")", "+1", "-2+3", "@SUM(A1)", "\t=1", " =1", "＝1", "好=1"]
    rows = facilities(len(wicked))
    rows["name"] = pd.Series(wicked, dtype=object)
    with open_store(store_url) as store:
        bring_in(store, "facilities", rows)
    table = rows_of(exported(served("planner"), "facilities_eldercare", "csv"))
    assert {row["名称"] for row in table} == {"好=1", *(f"'{name}" for name in wicked[:-1])}


def test_an_empty_layer_is_an_empty_file(store_url: str, tmp_path: Path, served: Served) -> None:
    client = served(PUBLIC)
    assert json.loads(exported(client, "streets", "geojson", name="没有"))["features"] == []
    content = exported(client, "streets", "csv", name="没有")
    assert content.decode("utf-8-sig").count("\n") == 1


def test_the_collection_lists_its_files(served: Served) -> None:
    client = served(PUBLIC)
    document = client.get(home("streets")).json()
    found = [link for link in document["links"] if link["rel"] == "enclosure"]
    assert [link["type"] for link in found] == [form.media for form in FORMATS.values()]
    for link in found:
        assert client.get(link["href"]).status_code == 200
    page = client.get(f"{home('streets')}?f=html").text
    paths = client.get("/ogc/api").json()["paths"]
    for form in FORMATS:
        assert f"/export?f={form}" in page
    described = paths["/collections/streets/export"]["get"]
    assert set(described["responses"]["200"]["content"]) == {form.media for form in FORMATS.values()}


def test_deep_pages_are_whole(served: Served, store_url: str) -> None:
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments(9_000, 5), source="more.csv")
    client = served(PUBLIC)
    for query in ({}, {"bbox": "117,36,118.4,38"}):
        features = json.loads(exported(client, "streets", "geojson", **query))["features"]
        keys = np.array([one["id"] for one in features])
        assert (np.diff(keys) > 0).all()
        matched = client.get(f"{home('streets')}/items", params={"limit": "1", **query}).json()
        assert (len(keys), "exact") == (matched["numberMatched"], matched["numberMatchedAccuracy"])
