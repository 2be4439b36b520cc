"""Isochrone files against general readers."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import geopandas as gpd

from geo.network.build import compile_network
from geo.services.isochrone import isochrone_features, write_geojson
from tests.builders import grid_streets, lonlats

AT = datetime(2024, 5, 14, 10, 0)


def test_a_file_holds_one_valid_feature_a_limit_the_largest_first(tmp_path: Path) -> None:
    lon, lat = lonlats([(510, 480)])
    town = compile_network(grid_streets(12, 12))
    found = isochrone_features(town, lon=lon[0], lat=lat[0], minutes=[4, 8, 4], speed_mps=1.0, at=AT)
    path = tmp_path / "areas.geojson"
    write_geojson(found, path)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["crs"]["properties"]["name"].endswith("CRS84")
    assert [feature["properties"]["minutes"] for feature in document["features"]] == [8, 4]
    frame = gpd.read_file(path)
    assert frame.is_valid.all()
    assert frame.geometry[0].area > frame.geometry[1].area > 0.0
    assert frame["note"][0].startswith("示意")
