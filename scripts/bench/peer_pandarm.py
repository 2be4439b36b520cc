"""pandarm on a graph in an .npz file; runs in the peers' environment and prints one JSON object."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from pandarm import Network


def best(work, runs=5):
    """Return the shortest of several runs after one to warm up, and the last result."""
    work()
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds), result


def main(source: Path, target: Path) -> None:
    """Build, then ask for nearest facilities and for sums."""
    data = np.load(source)
    begun = time.perf_counter()
    network = Network(
        pd.Series(data["x"]), pd.Series(data["y"]), pd.Series(data["u"]), pd.Series(data["v"]),
        pd.DataFrame({"metres": data["metres"]}),
    )
    build = time.perf_counter() - begun
    limit, sites = float(data["limit"]), data["sites"]
    begun = time.perf_counter()
    network.set_pois("sites", limit, 1, pd.Series(data["x"][sites]), pd.Series(data["y"][sites]))
    set_pois = time.perf_counter() - begun
    begun = time.perf_counter()
    first = network.nearest_pois(limit, "sites", num_pois=1, include_poi_ids=True)
    first_answer = build + set_pois + time.perf_counter() - begun
    nearest, found = best(lambda: network.nearest_pois(limit, "sites", num_pois=1, include_poi_ids=True))
    network.set(pd.Series(np.arange(data["x"].size)), variable=pd.Series(data["people"]), name="people")
    aggregate, sums = best(lambda: network.aggregate(limit, "sum", "flat", name="people"), runs=3)
    np.savez(target, nearest=found[1].to_numpy(), sums=sums.to_numpy())
    assert len(first) == data["x"].size
    print(json.dumps({"build": build, "set_pois": set_pois, "nearest": nearest, "aggregate": aggregate,
                      "first_answer": first_answer}))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
