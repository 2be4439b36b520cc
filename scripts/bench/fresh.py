"""What only a fresh process can tell: the first answer, resident memory, reopening. Prints one JSON object."""

import json
import sys
import time
from datetime import datetime
from pathlib import Path

BEGUN = time.perf_counter()
AT = datetime(2024, 1, 2, 10, 0)


def _status_mb(name: str) -> float | None:
    """Return a figure of the kernel about this process, in megabytes (10^6 bytes); None where there is none."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return int(status.read_text(encoding="utf-8").split(f"{name}:")[1].split()[0]) * 1024 / 1e6


def resident_mb() -> float:
    """Return the memory resident now, in megabytes; the peak so far where the system does not tell."""
    now = _status_mb("VmRSS")
    return peak_mb() if now is None else now


def peak_mb() -> float:
    """Return the largest resident memory so far, in megabytes."""
    highest = _status_mb("VmHWM")
    if highest is not None:
        # Resource usage would count what the parent held when it started this process.
        return highest
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def first(folder: Path, places: Path) -> dict[str, float]:
    """Open a saved network and find every node's nearest facility."""
    import numpy as np

    from geo.access.nearest import search_nearest, sites_of
    from geo.network.cost import walk_costs
    from geo.network.gates import gate_state
    from geo.network.link import PointLinks
    from geo.network.model import load
    from geo.network.profile import walking_profile

    imported = time.perf_counter()
    network = load(folder)
    data = np.load(places)
    links = PointLinks(data["edge"], data["fraction"], data["access_m"])
    gates = gate_state(network.gates, AT)
    costs = walk_costs(network, speed_mps=0.9, profile=walking_profile(), measure="metres", gates=gates)
    rank = np.arange(links.edge.size, dtype=np.int32)
    field = search_nearest(network, costs, sites_of(network, links, rank), cutoff=float(data["limit"]))
    assert np.isfinite(field.public.best).any()
    return {"answer": time.perf_counter() - imported, "imports": imported - BEGUN}


def memory(folder: Path, places: Path) -> dict[str, float]:
    """Open a saved network and hold all pairs of sites and demand points within a limit."""
    import numpy as np

    from geo.access.coverage import Limit, certify
    from geo.access.pairs import site_pairs
    from geo.network.link import PointLinks
    from geo.network.model import load
    from geo.network.profile import walking_profile

    imported = resident_mb()
    network = load(folder)
    data = np.load(places)
    homes = PointLinks(data["home_edge"], data["home_fraction"], data["home_access_m"])
    sites = PointLinks(data["edge"], data["fraction"], data["access_m"])
    profile, limit = walking_profile(), Limit("metres", float(data["limit"]))
    pairs = site_pairs(network, homes, sites, limit=limit, speed_mps=0.9, profile=profile, at=AT)
    rank = np.arange(sites.edge.size, dtype=np.int32)
    found = certify(
        network, homes, sites, facility_rank=rank, limit=limit, speed_mps=0.9, profile=profile, at=AT
    )
    return {
        "imports": imported, "resident": resident_mb(), "peak": peak_mb(),
        "pairs": pairs.point.size, "nodes": network.n_nodes, "points": found.status.size,
    }  # fmt: skip


def reopen(store_path: Path, cache: Path) -> dict[str, float]:
    """Open a store and its compiled network."""
    from geo.services.network import open_network
    from geo.store import open_store

    imported = time.perf_counter()
    store = open_store(str(store_path))
    with store.session(write=False) as session:
        network = open_network(session, cache)
    seconds = time.perf_counter() - imported
    store.close()
    return {"open": seconds, "imports": imported - BEGUN, "nodes": network.n_nodes, "edges": network.n_edges}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))
