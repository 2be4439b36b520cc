"""Compile every kernel ahead of the first question, by asking a toy town everything once."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import geopandas as gpd
import numpy as np
import shapely

from geo.access.coverage import certify, metres, minutes
from geo.access.gaps import persons_by_status
from geo.access.isochrone import geometry_text, isochrones
from geo.access.land import ground_of, reached_area
from geo.access.pairs import site_pairs, sum_within
from geo.access.quantile import group_quantiles, merge_sorted, sort_weights
from geo.access.status import Certificates
from geo.access.straight_line import measure_straight
from geo.access.tally import tabulate
from geo.kernels.mvt import write_features, write_values
from geo.kernels.shapes import read_shapes
from geo.kernels.tile_fit import find_tangled, fit_shapes
from geo.network.build import compile_network
from geo.network.extend import with_added_streets
from geo.network.link import link_points
from geo.network.profile import walking_profile

_STEP_DEG = 1e-3


def warm() -> None:
    """Compile all kernels, or load them from the cache on disk; takes about a minute the first time."""
    profile, at = walking_profile(), datetime(2024, 1, 2, 10, 0)
    corners = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
    lines = [shapely.LineString(np.array([a, b]) * _STEP_DEG + (118.0, 36.0)) for a, b in pairwise(corners)]
    segments = gpd.GeoDataFrame({"foot": ["public", "public", "private", "public"]}, geometry=lines, crs="EPSG:4490")
    gates = gpd.GeoDataFrame(
        {"id": ["g"], "access": ["closed"]}, geometry=[shapely.Point(lines[0].coords[-1])], crs="EPSG:4490"
    )
    barriers = gpd.GeoDataFrame(geometry=[shapely.LineString([(118.0002, 36.0002), (118.0008, 36.0002)])])
    _warm_tiles()
    network = compile_network(segments, gates, barriers)
    lon, lat = np.array([118.0005, 118.0001]), np.array([36.0003, 36.0005])
    across = gpd.GeoDataFrame(
        {"foot": ["public"]}, geometry=[shapely.LineString([(118.0, 36.0005), (118.001, 36.0005)])], crs="EPSG:4490"
    )
    for town in (network, with_added_streets(network, across).network):
        homes = link_points(town, lon, lat, threads=1)
        rank = np.arange(2, dtype=np.int32)
        found = certify(town, homes, homes, facility_rank=rank, limit=minutes(1), speed_mps=1.0, profile=profile, at=at)
        _warm_sums(found)
        site_pairs(town, homes, homes, limit=metres(300), speed_mps=1.0, profile=profile, at=at, threads=1)
        weight = np.ones(town.n_nodes)
        sum_within(town, weight, limit=metres(300), speed_mps=1.0, profile=profile, at=at, threads=1)
        areas = isochrones(town, homes, [minutes(1)], speed_mps=1.0, profile=profile, at=at)
        geometry_text(areas[0].polygon)
        ground = ground_of(shapely.box(-40.0, -40.0, 40.0, 40.0))
        reached_area(town, homes, ground, minutes(1), speed_mps=1.0, profile=profile, at=at)


def _warm_sums(found: Certificates) -> None:
    """Compile what sums certificates up."""
    weights, group = np.ones(found.status.size, np.int64), np.zeros(found.status.size, np.int32)
    table = tabulate(found, weights, group, 1, inside=None, statutory=None, choices=None)
    table.rolled_up(np.zeros(1, np.int64), 1)
    measure_straight(found.access_m, found.access_m, found.access_m, found.access_m)
    persons_by_status([found.status], [weights])
    walks = sort_weights(found.walk_s, weights)
    group_quantiles(merge_sorted([walks, walks]), group, 1)


def _warm_tiles() -> None:
    """Compile what writes vector tiles."""
    # Bytes that nobody may write to are a type of their own to the compiler, and the only one there is here.
    blob = shapely.to_wkb(shapely.box(0.0, 0.0, 1.0, 1.0), byte_order=1)
    shape = read_shapes(np.frombuffer(blob, np.uint8), np.array([0, len(blob)]))[:5]
    frame = np.array([0.0, 1.0, 4096.0, 4096.0, -64.0, 4160.0])
    x, y, start, kind, owner = fit_shapes(*shape, 1, False, frame, True)
    first = np.searchsorted(owner, np.arange(2)).astype(np.int64)
    find_tangled(x, y, start, kind, first)
    write_features(x, y, start, kind, first[:1], first[1:], np.zeros(1, np.int64), np.zeros((1, 1), np.int32))
    octets = np.zeros(8, np.uint8)
    write_values(np.frombuffer(b"a", np.uint8), np.array([0, 1]), np.zeros(1, np.int64), octets, octets, octets)
