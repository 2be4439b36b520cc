"""Downloading a place, without a connection: osmnx's two requests are replaced."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import osmnx
import pytest
import shapely

from geo.errors import DataSourceError
from geo.network.download import download_place
from geo.network.osm import read_osm


def test_what_is_downloaded_can_be_read(tmp_path, monkeypatch):
    asked = {}
    area = gpd.GeoDataFrame(geometry=[shapely.box(118.0, 36.7, 118.1, 36.8)], crs="EPSG:4326")
    monkeypatch.setattr(osmnx, "geocode_to_gdf", lambda place: area)

    def graph(polygon, **options):
        asked.update(options, bounds=polygon.bounds, one_way=osmnx.settings.all_oneway)
        streets = nx.MultiDiGraph(crs="EPSG:4326")
        streets.add_node(1, x=118.01, y=36.71)
        streets.add_node(2, x=118.02, y=36.71, barrier="gate", access="private")
        streets.add_node(3, x=118.03, y=36.71)
        tags = {"highway": "service", "foot": "yes", "access": "private", "name": "人民路", "osmid": 7}
        streets.add_edge(1, 2, oneway=False, reversed=False, length=1.0, **tags)
        streets.add_edge(2, 3, oneway=False, reversed=False, length=1.0, **tags)
        return streets

    monkeypatch.setattr(osmnx, "graph_from_polygon", graph)
    streets = read_osm(download_place("示范市", tmp_path / "place.osm", buffer_m=1000.0))
    assert streets.segments[["id", "foot", "name"]].values.tolist() == [
        ["w7-0", "public", "人民路"],
        ["w7-1", "public", "人民路"],
    ]
    assert streets.gates["access"].tolist() == ["residents"]
    assert asked["bounds"][0] == pytest.approx(118.0 - 0.0112, abs=2e-4)
    assert asked["one_way"]
    assert not osmnx.settings.all_oneway


def test_a_place_that_cannot_be_reached_is_explained(tmp_path, monkeypatch):
    def fail(place):
        raise ConnectionError("no route")

    monkeypatch.setattr(osmnx, "geocode_to_gdf", fail)
    with pytest.raises(DataSourceError, match="no route") as caught:
        download_place("示范市", tmp_path / "place.osm")
    assert "示范市" in caught.value.message_zh
