"""Valhalla on an extract; runs in the peers' environment and prints one JSON object."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import shapely


def build(extract: Path, folder: Path) -> float:
    """Build routing tiles and return the seconds it took."""
    from valhalla import get_config

    (folder / "tiles").mkdir()
    config = get_config(tile_extract="", tile_dir=str(folder / "tiles"))
    config["mjolnir"].pop("tile_extract", None)
    config["mjolnir"]["concurrency"] = 2
    # Walks of two hours would be refused by the stock limits, contours of more than a few places too.
    config["service_limits"]["isochrone"]["max_time_contour"] = 180
    (folder / "valhalla.json").write_text(json.dumps(config))
    scripts = Path(sys.executable).parent
    # Its script looks for itself on the PATH.
    around = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [scripts / "valhalla_build_tiles", "-c", folder / "valhalla.json", extract]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=around)
    if done.returncode != 0:
        raise SystemExit(done.stderr[-500:])
    return time.perf_counter() - begun


def main(extract: Path, places: Path) -> None:
    """Build the tiles, then draw an isochrone for every place, and for the first few of them again."""
    import valhalla

    data = np.load(places)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiles = build(extract, folder)
        actor = valhalla.Actor(str(folder / "valhalla.json"))

        def draw(i: int) -> str:
            question = {
                "locations": [{"lon": float(data["lon"][i]), "lat": float(data["lat"][i])}],
                "costing": "pedestrian",
                "costing_options": {"pedestrian": {"walking_speed": float(data["speed_mps"]) * 3.6}},
                "contours": [{"time": float(data["minutes"])}],
                "polygons": True,
                # Stock settings drop holes and islands and straighten the outline.
                "denoise": 0.0,
                "generalize": 0.0,
            }
            return actor.isochrone(json.dumps(question))

        n_single, n = int(data["n_single"]), data["lon"].size
        draw(0)
        best, failed = {}, set()
        for _ in range(5):
            for i in range(n_single):
                try:
                    begun = time.perf_counter()
                    draw(i)
                    best[i] = min(best.get(i, 1e9), time.perf_counter() - begun)
                except Exception:
                    failed.add(i)
        drawn = [shapely.get_parts(shapely.from_geojson(draw(i))) for i in best]
        vertices = np.mean([shapely.get_num_coordinates(parts).sum() for parts in drawn])
        holes = np.mean([shapely.get_num_interior_rings(parts).sum() for parts in drawn])
        union = None
        if n > n_single:
            begun = time.perf_counter()
            shapes = []
            for i in range(n):
                try:
                    shapes.append(shapely.from_geojson(draw(i)))
                except Exception:
                    failed.add(i)
            shapely.union_all(shapes)
            union = time.perf_counter() - begun
    print(
        json.dumps({
            "tiles": tiles, "singles": list(best.values()), "union": union, "failed": len(failed),
            "vertices": vertices, "holes": holes,
        })
    )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
