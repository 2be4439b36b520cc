"""Streets on top of a compiled network: what is there stays, and nobody walks longer."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access.coverage import certify, metres, minutes
from geo.access.pairs import site_pairs
from geo.kernels.graph import component_labels
from geo.kernels.grid import index_pieces
from geo.network.build import assemble, compile_network
from geo.network.extend import ExtendedNetwork, with_added_streets
from geo.network.link import PointLinks, link_points
from geo.network.model import StreetNetwork
from geo.network.profile import walking_profile
from tests.access.test_nearest_properties import SIDE, City, cities, compiled, links, places, position, run
from tests.builders import gate_frame, lonlats, streets
from tests.oracles import Place

AT = datetime(2024, 5, 14, 10, 0)
PROFILE = walking_profile()


def walks(network: StreetNetwork, homes: PointLinks, sites: PointLinks) -> np.ndarray:
    """Return walking seconds, inf where nothing is reached."""
    found = certify(
        network,
        homes,
        sites,
        facility_rank=np.arange(sites.edge.size, dtype=np.int32),
        limit=minutes(15),
        speed_mps=0.8,
        profile=PROFILE,
        at=AT,
    )
    return np.nan_to_num(found.walk_s, nan=np.inf)


def extend(network: StreetNetwork, line: list[tuple[float, float]], **columns: list[object]) -> ExtendedNetwork:
    """Add one street."""
    return with_added_streets(network, streets([line], **columns))  # type: ignore[arg-type]


def lane() -> StreetNetwork:
    """Return a horseshoe: two parallel streets of 400 m joined at their west end."""
    return compile_network(streets([[(0, 0), (400, 0)], [(0, 0), (0, 100)], [(0, 100), (400, 100)]]))


def test_a_link_between_two_street_middles_shortens_the_walk_of_old_links() -> None:
    network = lane()
    homes, sites = (link_points(network, *lonlats([p])) for p in ((300, 5), (300, 95)))
    assert walks(network, homes, sites)[0] * 0.8 == pytest.approx(300 + 100 + 300 + 10, abs=0.01)
    extended = extend(network, [(200, 0), (200, 100)])
    assert walks(extended.network, homes, sites)[0] * 0.8 == pytest.approx(100 + 100 + 100 + 10, abs=0.01)
    # Old edges are as they were.
    n = network.n_edges
    assert np.array_equal(extended.network.edge_length_m[:n], network.edge_length_m)
    assert np.array_equal(extended.network.edge_u[:n], network.edge_u)
    assert np.array_equal(extended.network.streets.x[: network.streets.x.size], network.streets.x)


def test_a_home_beside_the_new_street_gets_a_further_link_and_keeps_the_old_one() -> None:
    network = lane()
    lon, lat = lonlats([(205, 50)])
    homes, sites = link_points(network, lon, lat), link_points(network, *lonlats([(200, 95)]))
    extended = extend(network, [(200, 0), (200, 100)])
    both = extended.extend_links(homes, lon, lat)
    assert both.edge[0] == homes.edge[0]
    assert both.also[0].edge[0] == network.n_edges
    assert walks(extended.network, both, sites)[0] * 0.8 == pytest.approx(5 + 50 + 5, abs=0.01)
    pairs = site_pairs(extended.network, both, sites, limit=metres(100), speed_mps=0.8, profile=PROFILE, at=AT)
    assert pairs.walk_m == pytest.approx([60.0], abs=0.01)


def test_streets_added_twice_meet_on_the_same_old_street() -> None:
    network = lane()
    once = extend(network, [(200, 0), (200, 100)]).network
    twice = extend(once, [(300, 0), (300, 100)]).network
    assert twice.stops.edge.size == 4
    homes, sites = (link_points(network, *lonlats([p])) for p in ((290, 0), (290, 100)))
    assert walks(twice, homes, sites)[0] * 0.8 == pytest.approx(120, abs=0.01)


def test_a_street_added_at_a_gate_does_not_lead_round_it() -> None:
    gates = gate_frame([{"at": (100, 0), "access": "closed"}])
    network = compile_network(streets([[(0, 0), (100, 0)], [(100, 0), (200, 0)]]), gates)
    extended = extend(network, [(100, 0), (100, 50)])
    homes, sites = (link_points(network, *lonlats([p])) for p in ((50, 0), (150, 0)))
    assert np.isinf(walks(extended.network, homes, sites)[0])


def test_nothing_added_is_the_same_network() -> None:
    network = lane()
    assert with_added_streets(network, streets([[(0, 0), (1, 1)]], foot=["no"])).network is network


def added_line(data: st.DataObject) -> list[tuple[float, float]]:
    """Draw a straight new street that may meet nodes, middles or nothing."""
    spots = [position(node) for node in range(SIDE * SIDE)]
    spots += [(x + 50.0, y) for x, y in spots] + [(x, y + 30.0) for x, y in spots] + [(35.0, 45.0)]
    ends = data.draw(st.lists(st.sampled_from(spots), min_size=2, max_size=2, unique=True))
    return list(ends)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_adding_a_street_never_lengthens_a_walk(data: st.DataObject) -> None:
    city = data.draw(cities())
    homes, sites = data.draw(places(city, 4)), data.draw(places(city, 3))
    network = compiled(city)
    before = walks(network, links(network, homes), links(network, sites))
    for _ in range(data.draw(st.integers(1, 3))):
        foot = data.draw(st.sampled_from(["public", "private"]))
        extended = extend(network, added_line(data), foot=[foot])
        lon, lat = lonlats([(data.draw(st.sampled_from([10.0, 140.0])), 30.0)] * len(homes))
        demand = extended.extend_links(links(network, homes), lon, lat)
        after = walks(extended.network, demand, links(network, sites))
        assert (after <= before + 1e-9).all()
        network, before = extended.network, walks(extended.network, links(network, homes), links(network, sites))


def random_city(random: np.random.Generator) -> City:
    """Return a random city."""
    sides = [(a, a + 1) for a in range(SIDE * SIDE) if a % SIDE < SIDE - 1]
    sides += [(a, a + SIDE) for a in range(SIDE * (SIDE - 1))]
    ends = [side for side in sides if random.random() < 0.75] or sides[:1]
    n = len(ends)
    gates = {
        int(node): str(random.choice(["residents", "closed"]))
        for node in random.choice(SIDE * SIDE, 2)
        if any(node in side for side in ends)
    }
    return City(
        ends=ends,
        foot=random.choice(["public", "public", "public", "private"], n).tolist(),
        steps=(random.random(n) < 0.2).tolist(),
        oneway=random.choice([0, 0, 0, 1, -1], n).tolist(),
        length_m=random.choice([100.0, 110.0, 180.0], n).tolist(),
        gates=gates,
    )


def random_places(random: np.random.Generator, city: City, n: int) -> list[Place]:
    """Return random places."""
    return [
        Place(int(random.integers(len(city.ends))), float(random.random()), float(random.random() * 30))
        for _ in range(n)
    ]


def monotone_edits(n_edits: int) -> None:
    """Make random edits and check that each moves walking times only the way it may."""
    random = np.random.default_rng(18)
    done = 0
    while done < n_edits:
        city = random_city(random)
        network = compiled(city)
        homes = random_places(random, city, 6)
        sites = random_places(random, city, 4)
        whole = np.nan_to_num(run(network, homes, sites).walk_s, nan=np.inf)
        for k in range(4):
            fewer = np.nan_to_num(run(network, homes, sites[:k] + sites[k + 1 :]).walk_s, nan=np.inf)
            assert (fewer >= whole).all()
            done += 1
        current, before = network, whole
        for _ in range(6):
            extended = extend(current, [tuple(p) for p in random.uniform(-20, 320, (2, 2))])
            after = walks(extended.network, links(network, homes), links(network, sites))
            assert (after <= before + 1e-9).all()
            current, before = extended.network, after
            done += 1


def test_a_hundred_random_edits_are_monotone() -> None:
    monotone_edits(100)


@pytest.mark.slow
def test_ten_thousand_random_edits_are_monotone() -> None:
    monotone_edits(10_000)


def test_a_network_with_added_streets_is_the_same_as_if_it_were_assembled_anew() -> None:
    frame = streets(
        [[(0, 0), (100, 0)], [(100, 0), (200, 0)], [(200, 0), (200, 99)], [(0, 300), (100, 300)], [(400, 0), (400, 9)]],
        foot=["public", "public", "private", "public", "public"],
    )
    network = compile_network(frame, gate_frame([{"at": (100, 0), "access": "residents"}]))
    lines = {
        "between corners": ([(0, 0), (200, 100)], "public"),
        "from side to side": ([(50, 0), (50, 300)], "public"),
        "joining three parts": ([(0, 300), (400, 0)], "public"),
        "private": ([(0, 0), (0, 300)], "private"),
        "of its own": ([(600, 600), (700, 600)], "public"),
        "through a corner with a gate": ([(100, 0), (100, 90)], "public"),
    }
    for name, (line, foot) in lines.items():
        network = extend(network, line, foot=[foot]).network
        ones = np.ones(network.n_edges, np.bool_)
        component = component_labels(network.n_nodes, network.edge_u, network.edge_v, ones)
        assert np.array_equal(network.node_component, component), name
        assert network.n_components == component.max() + 1, name
        whole = assemble(network.n_nodes, network.edge_u, network.edge_v, network.edge_kind)
        for kept, anew in zip((network.public, network.private), whole[:2], strict=True):
            for column in ("start", "node", "edge", "along"):
                assert np.array_equal(getattr(kept, column), getattr(anew, column)), (name, column)
        assert np.array_equal(network.private_node, whole[2]), name
        assert np.array_equal(network.private_index, whole[3]), name
        grid = network.streets
        start, pieces = index_pieces(
            grid.x, grid.y, grid.piece_edge, grid.origin_x, grid.origin_y, grid.cell_m, grid.n_x, grid.n_y
        )
        assert np.array_equal(grid.cell_start, start), name
        cells = np.repeat(np.arange(start.size - 1), np.diff(start))
        assert set(zip(cells.tolist(), grid.pieces.tolist(), strict=True)) == set(
            zip(cells.tolist(), pieces.tolist(), strict=True)
        ), name
