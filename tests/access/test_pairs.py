"""Pairs, counts and sums against the nearest search, the plain twin and scipy."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import dijkstra

from geo.access.coverage import metres, minutes
from geo.access.pairs import SitePairs, count_sites, hang_points, site_pairs, sum_within
from geo.errors import InputError
from geo.network.build import compile_network
from geo.network.cost import CostBook
from geo.network.link import link_points
from geo.network.profile import walking_profile
from tests.access.test_nearest_properties import cities, compiled, links, places, run, twin_streets
from tests.builders import grid_streets, lonlats
from tests.oracles import nearest_by_walking

AT = datetime(2024, 5, 14, 10, 0)
PROFILE = walking_profile()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_pairs_agree_with_the_plain_twin(data: st.DataObject) -> None:
    city = data.draw(cities())
    homes, sites = data.draw(places(city, 4)), data.draw(places(city, 4))
    by_time = data.draw(st.booleans())
    network = compiled(city)
    limit = minutes(8) if by_time else metres(400)
    pairs = site_pairs(
        network,
        links(network, homes),
        links(network, sites),
        limit=limit,
        speed_mps=0.8,
        profile=PROFILE,
        at=AT,
        threads=1,
    )
    expected = nearest_by_walking(twin_streets(city, network), homes, sites, city.gates, by_time=by_time, speed_mps=0.8)
    found = {}
    for j in range(len(sites)):
        for k in range(pairs.site_start[j], pairs.site_start[j + 1]):
            found[(int(pairs.point[k]), j)] = pairs.walk_s[k] if by_time else pairs.walk_m[k]
    for i, answer in enumerate(expected):
        for j in range(len(sites)):
            cost = answer.get(j, (np.inf, 0.0))[0]
            if abs(cost - limit.value) < 1e-6:
                continue
            assert ((i, j) in found) == (cost <= limit.value)
            if cost <= limit.value:
                assert found[(i, j)] == pytest.approx(cost, abs=1e-6)


def town_pairs(threads: int = 1) -> tuple[SitePairs, np.ndarray]:
    """Return pairs of a little town and the nearest walks of the same points."""
    network = compile_network(grid_streets(12, 12))
    random = np.random.default_rng(4)
    homes = link_points(network, *lonlats([tuple(p) for p in random.uniform(0, 1100, (300, 2))]))
    sites = link_points(network, *lonlats([tuple(p) for p in random.uniform(0, 1100, (260, 2))]))
    pairs = site_pairs(network, homes, sites, limit=minutes(7), speed_mps=0.9, profile=PROFILE, at=AT, threads=threads)
    return pairs, homes.access_m


def test_both_orders_hold_the_same_pairs_and_counts() -> None:
    pairs, _ = town_pairs()
    sites = np.repeat(np.arange(260), pairs.points_per_site)
    points = np.repeat(np.arange(300), pairs.sites_per_point)
    one = sorted(zip(sites.tolist(), pairs.point.tolist(), pairs.walk_s.tolist(), strict=True))
    other = sorted(zip(pairs.site.tolist(), points.tolist(), pairs.site_walk_s.tolist(), strict=True))
    assert one == other
    assert pairs.walk_s == pytest.approx(pairs.walk_m / 0.9)
    for j in range(260):
        assert (np.diff(pairs.point[pairs.site_start[j] : pairs.site_start[j + 1]]) > 0).all()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_counts_of_several_sets_are_those_of_their_pairs(data: st.DataObject) -> None:
    city = data.draw(cities())
    homes = data.draw(places(city, 4))
    network = compiled(city)
    sets = [links(network, data.draw(places(city, 4))) for _ in range(2)]
    limit = data.draw(st.sampled_from([minutes(8), metres(400)]))
    rules = {"limit": limit, "speed_mps": 0.8, "profile": PROFILE, "at": AT, "threads": 1}
    people = links(network, homes)
    counts = count_sites(network, people, sets, **rules)  # type: ignore[arg-type]
    again = count_sites(
        network, people, sets, limit=limit, speed_mps=0.8, profile=PROFILE, at=AT, threads=1,
        hung=hang_points(network, people), costs=CostBook(network, PROFILE, AT).walk(0.8, limit.measure),
    )  # fmt: skip
    for found, same, sites in zip(counts, again, sets, strict=True):
        assert np.array_equal(found, same)
        expected = site_pairs(network, people, sites, **rules).sites_per_point  # type: ignore[arg-type]
        assert np.array_equal(found, expected)


def test_threads_do_not_change_pairs() -> None:
    one, two = town_pairs(1)[0], town_pairs(2)[0]
    assert np.array_equal(one.walk_s, two.walk_s)
    assert np.array_equal(one.site, two.site)


def test_no_sites_or_no_points_give_no_pairs() -> None:
    network = compile_network(grid_streets(3, 3))
    nobody = link_points(network, np.empty(0), np.empty(0))
    somebody = link_points(network, *lonlats([(50, 0)]))
    for homes, sites in ((somebody, nobody), (nobody, somebody), (nobody, nobody)):
        pairs = site_pairs(network, homes, sites, limit=minutes(5), speed_mps=1.0, profile=PROFILE, at=AT)
        assert pairs.point.size == 0
        assert pairs.sites_per_point.sum() == 0


def test_sums_around_all_nodes_agree_with_scipy() -> None:
    network = compile_network(grid_streets(15, 9, 97.0))
    n = network.n_nodes
    weight = np.random.default_rng(8).integers(0, 50, n).astype(float)
    u, v, length = network.edge_u, network.edge_v, network.edge_length_m
    graph = sp.csr_matrix((np.tile(length, 2), (np.r_[u, v], np.r_[v, u])), (n, n))
    within = dijkstra(graph, limit=400.0) <= 400.0
    sums = sum_within(network, weight, limit=metres(400), speed_mps=1.0, profile=PROFILE, at=AT, threads=2)
    assert np.array_equal(sums, within @ weight)
    with pytest.raises(InputError):
        sum_within(network, weight[:-1], limit=metres(400), speed_mps=1.0, profile=PROFILE, at=AT)


def test_the_nearest_of_the_pairs_is_the_nearest() -> None:
    from tests.oracles import Place

    network = compile_network(grid_streets(5, 5))
    homes = [Place(3, 0.2, 5.0), Place(9, 0.7, 0.0), Place(20, 0.5, 12.0)]
    sites = [Place(4, 0.9, 3.0), Place(9, 0.1, 8.0)]
    nearest = run(network, homes, sites).walk_s
    pairs = site_pairs(
        network, links(network, homes), links(network, sites),
        limit=minutes(60), speed_mps=0.8, profile=PROFILE, at=AT,
    )  # fmt: skip
    assert np.minimum.reduceat(pairs.site_walk_s, pairs.point_start[:-1]) == pytest.approx(nearest, abs=1e-9)
