"""Linking against the twin that looks at every street, and the rules for barriers and corners."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo.errors import InputError
from geo.kernels.graph import PUBLIC
from geo.network.build import compile_network
from geo.network.geometry import index_lines
from geo.network.link import link_points, link_to_lines
from geo.network.model import StreetNetwork
from tests.builders import barrier_frame, grid_streets, lonlats, streets
from tests.oracles import link_by_looking_everywhere


def winding_streets(seed: int, n: int = 120) -> list[list[tuple[float, float]]]:
    """Return random winding lines within a square kilometre."""
    random = np.random.default_rng(seed)
    lines = []
    for _ in range(n):
        steps = random.normal(0, 40, (int(random.integers(2, 8)), 2))
        lines.append([tuple(point) for point in random.uniform(0, 1000, 2) + np.cumsum(steps, axis=0)])
    return lines


def plane_lines(network: StreetNetwork, frame: gpd.GeoDataFrame) -> list[np.ndarray]:
    """Return a frame's lines in the network's plane."""
    return [np.column_stack(network.plane.forward(*shapely.get_coordinates(line).T.copy())) for line in frame.geometry]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_links_agree_with_looking_at_every_street_and_wall(seed: int) -> None:
    frame = streets(winding_streets(seed))
    walls = barrier_frame(winding_streets(seed + 100, 25))
    network = compile_network(frame, None, walls)
    homes = np.random.default_rng(seed + 7).uniform(-150, 1150, (400, 2))
    lon, lat = lonlats([tuple(home) for home in homes])
    found = link_points(network, lon, lat, cap_m=100.0)
    x, y = network.plane.forward(lon, lat)
    lines = plane_lines(network, frame)
    wall_lines = [shapely.LineString(line) for line in plane_lines(network, walls)]
    n_walled = 0
    for i in range(len(homes)):
        row, share, distance = link_by_looking_everywhere(lines, wall_lines, x[i], y[i], 100.0)
        free = link_by_looking_everywhere(lines, [], x[i], y[i], 100.0)
        n_walled += free[0] != row
        edge = found.edge[i]
        assert (network.edge_segment[edge] if edge >= 0 else -1) == row
        if row >= 0:
            assert found.access_m[i] == pytest.approx(distance, abs=1e-4)
            assert found.fraction[i] == pytest.approx(share, abs=1e-9)
    assert n_walled > 10


def test_a_corner_shared_by_two_streets_links_to_the_same_one_always() -> None:
    network = compile_network(streets([[(0, 0), (100, 0)], [(0, 0), (0, 100)]]))
    lon, lat = lonlats([(-30, -30)] * 3)
    found = link_points(network, lon, lat)
    assert set(found.edge.tolist()) == {0}
    assert found.fraction[0] in (0.0, 1.0)

@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("east", [1, -1])
@pytest.mark.parametrize("north", [1, -1])
def test_a_corner_of_a_public_and_a_private_way_links_to_the_public_one(order: int, east: int, north: int) -> None:
    lines = [[(0, 0), (100 * east, 0)], [(0, 0), (0, 100 * north)]]
    rights = ["public", "private"]
    frame = streets(lines[::order])
    frame["foot"] = rights[::order]
    network = compile_network(frame)
    found = link_points(network, *lonlats([(-30 * east, -30 * north)]))
    assert network.edge_kind[found.edge[0]] == PUBLIC


def test_a_leg_through_the_joint_of_two_wall_pieces_crosses_the_wall() -> None:
    frame = streets([[(-100, 0), (100, 0)], [(-100, 60), (100, 60)]])
    network = compile_network(frame, None, barrier_frame([[(-50, 10), (0, 10), (50, 10)]]))
    lon, lat = lonlats([(0, 20)])
    found = link_points(network, lon, lat)
    assert network.edge_segment[found.edge[0]] == 1
    assert found.access_m[0] == pytest.approx(40.0, abs=1e-3)


def test_shares_are_of_the_geodesic_length() -> None:
    network = compile_network(streets([[(0, 0), (300, 0), (300, 100)]]))
    lon, lat = lonlats([(150, 10), (310, 50)])
    assert link_points(network, lon, lat).fraction == pytest.approx([0.375, 0.875], abs=1e-6)


def test_distances_are_metres_on_the_ellipsoid_far_from_the_centre() -> None:
    # 250 km east of the centre the plane is stretched by 0.8 per mille: 8 cm in 100 m.
    frame = streets([[(-250_000, 0), (-249_000, 0)], [(249_000, 0), (250_000, 0)]])
    network = compile_network(frame)
    x, y = network.plane.forward(*(np.array([value]) for value in frame.geometry[1].coords[0]))
    lon, lat = network.plane.inverse(x, y + 100.0 * network.plane.scale(x))
    assert link_points(network, lon, lat).access_m[0] == pytest.approx(100.0, abs=5e-4)


def test_the_cap_is_inclusive_and_positions_without_numbers_stay_unlinked() -> None:
    network = compile_network(grid_streets(2, 2))
    lon, lat = lonlats([(50, -20), (50, -80)])
    lon, lat = np.append(lon, np.nan), np.append(lat, np.nan)
    assert (link_points(network, lon, lat, cap_m=50.0).edge >= 0).tolist() == [True, False, False]
    with pytest.raises(InputError):
        link_points(network, lon, lat, cap_m=0.0)
    with pytest.raises(InputError):
        link_points(network, lon, lat[:1])


def test_no_points_give_no_links_and_no_lines_no_link() -> None:
    network = compile_network(grid_streets(2, 2))
    assert link_points(network, np.empty(0), np.empty(0)).edge.size == 0
    nothing = index_lines(np.empty(0), np.empty(0), np.empty(0, np.int64), np.empty(0, np.int32))
    lon, lat = lonlats([(50, 0)])
    assert link_to_lines(network, nothing, lon, lat).edge[0] == -1


def test_threads_do_not_change_links() -> None:
    network = compile_network(streets(winding_streets(5)))
    random = np.random.default_rng(5)
    lon, lat = lonlats([tuple(p) for p in random.uniform(0, 1000, (40_000, 2))])
    one, two = (link_points(network, lon, lat, threads=n) for n in (1, 2))
    assert np.array_equal(one.edge, two.edge)
    assert np.array_equal(one.access_m, two.access_m, equal_nan=True)
