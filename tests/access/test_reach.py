"""What sites reach, against the search that also knows which site is nearest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import numpy as np
import pytest

from geo.access import reach as reach_module
from geo.access.nearest import search_nearest, sites_of
from geo.access.reach import reach
from geo.network.build import compile_network
from geo.network.cost import walk_costs
from geo.network.extend import with_added_streets
from geo.network.gates import gate_state
from geo.network.link import link_points
from geo.network.model import StreetNetwork
from geo.network.profile import walking_profile
from tests.builders import grid_lines, lonlats, streets

AT = datetime(2024, 5, 14, 10, 0)


def mixed_town(seed: int) -> StreetNetwork:
    """Return a grid with private and one-way sides and an added street across it."""
    random = np.random.default_rng(seed)
    lines = [line for line in grid_lines(14, 14, 60.0) if random.random() < 0.8]
    foot = random.choice(["public", "public", "private"], len(lines)).tolist()
    town = compile_network(streets(lines, foot=foot, oneway_foot=random.choice([0, 0, 0, 1], len(lines)).tolist()))
    return with_added_streets(town, streets([[(-5.0, 31.0), (800.0, 395.0)]])).network


@pytest.mark.parametrize("towards", [True, False])
@pytest.mark.parametrize("n_sites", [1, 7])
def test_costs_are_those_of_the_nearest_search_also_over_a_used_workspace(towards: bool, n_sites: int) -> None:
    for seed in range(6):
        town = mixed_town(seed)
        places = np.random.default_rng(seed).uniform(0, 780, (n_sites, 2))
        links = link_points(town, *lonlats([tuple(place) for place in places]))
        costs = walk_costs(
            town, speed_mps=1.0, profile=walking_profile(), measure="seconds",
            gates=gate_state(town.gates, AT), reverse=towards,
        )  # fmt: skip
        sites = sites_of(town, links, np.arange(n_sites, dtype=np.int32))
        for cutoff in (500.0, 150.0):
            field = search_nearest(town, costs, sites, cutoff=cutoff, towards=towards)
            with reach(town, costs, links, cutoff=cutoff, towards=towards) as found:
                np.testing.assert_array_equal(found.best, field.public.best)
                np.testing.assert_array_equal(found.private_best, field.private.best)
                assert sorted(found.touched) == np.flatnonzero(np.isfinite(found.best)).tolist()
                for row, edge in enumerate(found.source_edge):
                    assert found.source_edge[found.source_first[edge]] == edge
                    assert found.source_first[edge] <= row


def test_threads_do_not_disturb_each_other_and_few_workspaces_are_kept() -> None:
    town = mixed_town(1)
    links = link_points(town, *lonlats([(30.0 * i, 400.0) for i in range(24)]))
    gates = gate_state(town.gates, AT)
    costs = walk_costs(town, speed_mps=1.0, profile=walking_profile(), measure="seconds", gates=gates)

    def costs_of(site: int) -> np.ndarray:
        with reach(town, costs, links.take(np.array([site], np.int32)), cutoff=300.0, towards=True) as found:
            return found.best.copy()

    alone = [costs_of(site) for site in range(24)]
    with ThreadPoolExecutor(6) as pool:
        for one, other in zip(alone * 5, pool.map(costs_of, list(range(24)) * 5), strict=True):
            np.testing.assert_array_equal(one, other)
    assert len(reach_module._kept) <= reach_module._KEPT
