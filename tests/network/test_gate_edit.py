"""Other access at compiled gates: streets fall to compounds as if compiled anew, and nobody loses a right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest

from geo.access.coverage import certify, metres
from geo.errors import InputError
from geo.kernels.graph import ENCLOSED, OPENED, PUBLIC
from geo.network.build import assemble, compile_network
from geo.network.gate_edit import GateChange, with_gate_changes
from geo.network.link import link_points
from geo.network.model import StreetNetwork
from geo.network.profile import walking_profile
from tests.builders import gate_frame, grid_lines, lonlats, streets

AT = datetime(2024, 5, 14, 10, 0)
SIDE = 6


def town(seed: int) -> tuple[Callable[[dict[str, str]], StreetNetwork], dict[str, str]]:
    """Return how a random town compiles with given gates, and the gates it begins with."""
    random = np.random.default_rng(seed)
    lines = [line for line in grid_lines(SIDE, SIDE) if random.random() < 0.8]
    foot = list(random.choice(["public", "public", "public", "private"], len(lines)))
    ends = sorted({line[0] for line in lines})
    at = {f"g{i}": ends[k] for i, k in enumerate(random.choice(len(ends), 8, replace=False))}

    def compiled(access: dict[str, str]) -> StreetNetwork:
        gates = gate_frame([{"id": name, "at": at[name], "access": access[name]} for name in at])
        return compile_network(streets(lines, foot=foot), gates)

    return compiled, {name: str(random.choice(["open", "residents", "closed"])) for name in at}


@pytest.mark.parametrize("seed", range(20))
def test_compounds_are_those_of_a_network_compiled_with_the_new_gates(seed: int) -> None:
    compiled, access = town(seed)
    random = np.random.default_rng(seed)
    network, enclosed = compiled(access), None
    for _ in range(8):
        name = str(random.choice(list(access)))
        access[name] = str(random.choice(["open", "residents", "closed", "hours"]))
        edited = with_gate_changes(network, [GateChange(name, access[name])], enclosed=enclosed)  # type: ignore[arg-type]
        network, enclosed = edited.network, edited.enclosed
        anew = compiled(access)
        assert np.array_equal(np.where(network.edge_kind == OPENED, PUBLIC, network.edge_kind), anew.edge_kind)
        whole = assemble(network.n_nodes, network.edge_u, network.edge_v, network.edge_kind)
        for kept, fresh in zip((network.public, network.private), whole[:2], strict=True):
            assert all(np.array_equal(getattr(kept, n), getattr(fresh, n)) for n in ("start", "node", "edge", "along"))
        assert np.array_equal(network.private_node, whole[2])
        assert np.array_equal(network.private_index, whole[3])
        assert dict(zip(network.gates.ids, network.gates.access, strict=True)) == access


def compound(**access: str) -> StreetNetwork:
    """Return a lane with a gate at either end, and a long way round outside."""
    lines = [[(-100, 0), (0, 0)], [(0, 0), (200, 0)], [(200, 0), (300, 0)], [(-100, 0), (-100, 900)],
             [(-100, 900), (300, 900)], [(300, 900), (300, 0)]]  # fmt: skip
    places = {"west": (0, 0), "east": (200, 0)}
    gates = [{"id": name, "at": at, "access": access[name]} for name, at in places.items()]
    return compile_network(streets(lines), gate_frame(gates))


def walk_m(network: StreetNetwork, home: tuple[float, float], site: tuple[float, float]) -> float:
    """Return the length of the shortest walk."""
    homes, sites = (link_points(network, *lonlats([at])) for at in (home, site))
    found = certify(
        network, homes, sites, facility_rank=np.zeros(1, np.int32), limit=metres(5000), speed_mps=0.8,
        profile=walking_profile(), at=AT,
    )  # fmt: skip
    return float(found.walk_m[0])


def test_an_opened_compound_lets_strangers_through_and_its_residents_keep_their_other_gate() -> None:
    network = compound(west="residents", east="residents")
    home, west, east = (150.0, 0.0), (-50.0, 0.0), (250.0, 0.0)
    assert (network.edge_kind == ENCLOSED).sum() == 1
    assert walk_m(network, home, east) == pytest.approx(100, abs=0.1)
    one = with_gate_changes(network, [GateChange("west", "open")]).network
    assert (one.edge_kind == OPENED).sum() == 1
    assert walk_m(one, home, east) == pytest.approx(100, abs=0.1)
    assert walk_m(one, west, east) == pytest.approx(walk_m(network, west, east))
    # Compiled with the open gate the lane is the city's, and who lives there loses the other gate.
    assert walk_m(compound(west="open", east="residents"), home, east) > 1000
    both = with_gate_changes(one, [GateChange("east", "open")]).network
    assert walk_m(both, west, east) == pytest.approx(300, abs=0.1)


def test_a_compound_that_shuts_keeps_its_residents_way_out() -> None:
    network = compound(west="open", east="closed")
    shut = with_gate_changes(network, [GateChange("west", "residents")]).network
    home, west = (150.0, 0.0), (-50.0, 0.0)
    assert walk_m(shut, home, west) == pytest.approx(walk_m(network, home, west))
    assert np.array_equal(shut.edge_kind, compound(west="residents", east="closed").edge_kind)


def test_a_gate_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match='no gate "north"') as caught:
        with_gate_changes(compound(west="open", east="open"), [GateChange("north", "open")])
    assert "没有编号为“north”的小区门（共 2 个）" in caught.value.message_zh
