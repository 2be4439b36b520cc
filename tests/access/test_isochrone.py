"""Isochrone polygons against the walking times of places on streets."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
import shapely

from geo.access.coverage import Limit, certify, metres, minutes
from geo.access.isochrone import Isochrone, isochrones
from geo.access.status import COVERED
from geo.errors import InputError
from geo.network.build import compile_network
from geo.network.extend import with_added_streets
from geo.network.link import PointLinks, link_points
from geo.network.model import StreetNetwork
from geo.network.profile import walking_profile
from tests.builders import gate_frame, grid_lines, grid_streets, lonlats, streets

AT = datetime(2024, 5, 14, 10, 0)
PROFILE = walking_profile()
Point = tuple[float, float]


def areas(network: StreetNetwork, sites: list[Point], *limits: Limit, **options: object) -> list[Isochrone]:
    """Return isochrones of sites in metres at 1 m/s."""
    links = link_points(network, *lonlats(sites))
    return isochrones(network, links, limits, speed_mps=1.0, profile=PROFILE, at=AT, **options)  # type: ignore[arg-type]


def holds(area: Isochrone, *points: Point) -> list[bool]:
    """Tell which points lie inside."""
    return list(shapely.contains_xy(area.polygon, *lonlats(list(points))))


def street_samples(network: StreetNetwork, step_m: float = 5.0) -> tuple[PointLinks, np.ndarray, np.ndarray]:
    """Return places on streets of straight edges, as links and in degrees."""
    n = np.maximum((network.edge_length_m / step_m).astype(int), 1)
    edge = np.repeat(np.arange(network.n_edges), n)
    fraction = (np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + 0.5) / n[edge]
    u, v = network.edge_u[edge], network.edge_v[edge]
    x = network.node_x[u] + fraction * (network.node_x[v] - network.node_x[u])
    y = network.node_y[u] + fraction * (network.node_y[v] - network.node_y[u])
    lon, lat = network.plane.inverse(x, y)
    return PointLinks(edge.astype(np.int32), fraction, np.zeros(edge.size)), lon, lat


def broken_town(seed: int) -> StreetNetwork:
    """Return a jittered grid of 55 m blocks with 62 % of its sides, some private, some one-way."""
    random = np.random.default_rng(seed)
    shift = random.normal(0, 11, (40, 40, 2))
    lines = [
        [(x + shift[round(y / 55), round(x / 55)][0], y + shift[round(y / 55), round(x / 55)][1]) for x, y in line]
        for line in grid_lines(40, 40, 55.0)
        if random.random() < 0.62
    ]
    foot = random.choice(["public"] * 19 + ["private"], len(lines)).tolist()
    return compile_network(streets(lines, foot=foot, oneway_foot=random.choice([0] * 9 + [1], len(lines)).tolist()))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("n_sites", [1, 12])
def test_polygons_agree_with_walking_times_of_places_on_streets(seed: int, n_sites: int) -> None:
    network = broken_town(seed)
    random = np.random.default_rng(seed + 50)
    sites = [tuple(p) for p in random.uniform(300, 1800, (n_sites, 2))]
    links = link_points(network, *lonlats(sites))
    limit = minutes(10) if n_sites == 1 else minutes(4)
    area = isochrones(network, links, [limit], speed_mps=1.0, profile=PROFILE, at=AT)[0]
    places, lon, lat = street_samples(network)
    found = certify(
        network, places, links,
        facility_rank=np.arange(n_sites, dtype=np.int32), limit=limit, speed_mps=1.0, profile=PROFILE, at=AT,
    )  # fmt: skip
    reached = found.status == COVERED
    inside = shapely.contains_xy(area.polygon, lon, lat)
    assert area.polygon.is_valid
    assert reached.sum() > 500
    # P10 asks for 99.5 % both ways.
    assert inside[reached].mean() >= 0.995
    assert (~inside[~reached]).mean() >= 0.995


def test_partial_streets_are_reached_partly_and_blocks_can_be_holes() -> None:
    network = compile_network(grid_streets(3, 3, 400.0))
    area = areas(network, [(400, 400)], metres(590))[0]
    assert holds(area, (400, 795), (400 + 185, 800), (400 + 195, 800)) == [True, True, False]
    assert holds(area, (200, 200)) == [False]
    ring = areas(network, [(400, 400)], metres(900))[0]
    assert holds(ring, (200, 200), (0, 0)) == [False, True]
    assert sum(len(part.interiors) for part in ring.polygon.geoms) == 4


def test_several_limits_nest_and_keep_their_order() -> None:
    network = compile_network(grid_streets(12, 12))
    wide, narrow = areas(network, [(550, 550)], minutes(8), minutes(4))
    assert wide.area_m2 > narrow.area_m2 > 0
    assert wide.polygon.buffer(1e-7).contains(narrow.polygon)


def test_the_street_across_the_river_is_not_inside_however_near() -> None:
    banks = [[(0, 0), (900, 0)], [(0, 40), (900, 40)], [(0, 0), (0, 40)]]
    area = areas(compile_network(streets(banks)), [(600, 0)], minutes(8))[0]
    assert holds(area, (600, 5), (600, 35), (600, -50)) == [True, False, True]


def test_a_compound_belongs_to_the_area_and_its_far_gate_does_not_let_through() -> None:
    lines = [[(0, 0), (0, 100)], [(0, 100), (0, 200)], [(0, 200), (0, 300)], [(0, 300), (900, 300), (900, 0), (0, 0)]]
    gates = gate_frame([{"at": (0, 100), "access": "residents"}, {"at": (0, 200), "access": "residents"}])
    area = areas(compile_network(streets(lines), gates), [(0, 0)], minutes(10))[0]
    assert holds(area, (0, 150), (0, 250), (100, 300)) == [True, False, False]


def test_walks_to_and_from_a_site_differ_on_a_oneway_footway() -> None:
    network = compile_network(streets([[(0, 0), (400, 0)]], oneway_foot=[1]))
    to_site = areas(network, [(200, 0)], metres(100))[0]
    from_site = areas(network, [(200, 0)], metres(100), towards=False)[0]
    assert holds(to_site, (150, 0), (250, 0)) == [True, False]
    assert holds(from_site, (150, 0), (250, 0)) == [False, True]


def test_added_streets_are_part_of_the_area() -> None:
    network = compile_network(streets([[(0, 0), (400, 0)], [(0, 0), (0, 300)], [(0, 300), (400, 300)]]))
    added = with_added_streets(network, streets([[(200, 0), (200, 300)]])).network
    links = link_points(network, *lonlats([(210, 0)]))
    area = isochrones(added, links, [metres(360)], speed_mps=1.0, profile=PROFILE, at=AT)[0]
    assert holds(area, (200, 150), (230, 300), (270, 300)) == [True, True, False]


def test_nothing_reached_is_an_empty_polygon() -> None:
    area = areas(compile_network(grid_streets(2, 2)), [(50, -500)], minutes(5))[0]
    assert area.polygon.is_empty
    assert area.area_m2 == 0.0


def test_threads_do_not_change_a_polygon() -> None:
    network = compile_network(grid_streets(40, 40))
    sites = [(500.0, 500.0), (3000.0, 3000.0)]
    one, two = (areas(network, sites, minutes(30), pixel_m=2.0, threads=n)[0] for n in (1, 2))
    assert one.polygon.equals_exact(two.polygon)


def test_mixed_and_missing_limits_are_refused() -> None:
    network = compile_network(grid_streets(2, 2))
    with pytest.raises(InputError):
        areas(network, [(50, 0)])
    with pytest.raises(InputError):
        areas(network, [(50, 0)], minutes(5), metres(300))
