"""Made-up certificates, divisions and people for the tests of the aggregates."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from geo.access.population import AGE_BANDS, Population, build_population
from geo.access.status import COVERED, GATE_CLOSED, TOO_FAR, Certificates

WEST, SOUTH = 118.0, 36.0
"""Corner of the made city, half a degree wide."""

WIDTH = 0.5


def divisions(townships: int = 2, villages: int = 2, *, hole: bool = False) -> gpd.GeoDataFrame:
    """Return a county of square townships of square villages; with a hole, the last village is missing."""
    rows: list[tuple[str, str, str | None, object]] = [
        ("370300", "county", None, shapely.box(WEST, SOUTH, WEST + WIDTH, SOUTH + WIDTH))
    ]
    step = WIDTH / townships
    for i in range(townships):
        for j in range(townships):
            code = f"3703{i}{j}"
            west, south = WEST + i * step, SOUTH + j * step
            rows.append((code, "township", "370300", shapely.box(west, south, west + step, south + step)))
            part = step / villages
            for k in range(villages):
                for m in range(villages):
                    x, y = west + k * part, south + m * part
                    rows.append((f"{code}{k}{m}", "village", code, shapely.box(x, y, x + part, y + part)))
    if hole:
        rows.pop()
    return gpd.GeoDataFrame(
        {
            "code": [row[0] for row in rows],
            "name": [f"区划{row[0]}" for row in rows],
            "level": [row[1] for row in rows],
            "parent_code": [row[2] for row in rows],
        },
        geometry=[row[3] for row in rows],
        crs="EPSG:4490",
    )


@dataclass(frozen=True)
class Case:
    """A whole made-up run."""

    lon: np.ndarray
    lat: np.ndarray
    population: Population
    certificates: dict[str, Certificates]
    choices: dict[str, np.ndarray]
    straight_m: np.ndarray


def certificates(rng: np.random.Generator, straight_m: np.ndarray, speed_mps: float) -> Certificates:
    """Return certificates whose walks are longer than the straight lines; any status by chance."""
    n = straight_m.size
    walk_m = straight_m * rng.uniform(1.0, 1.6, n)
    status = np.where(walk_m / speed_mps <= 900, COVERED, TOO_FAR).astype(np.uint8)
    other = rng.random(n)
    status[(other < 0.1) & (status == TOO_FAR)] = GATE_CLOSED
    unreached = other > 0.8
    status[unreached] = rng.integers(3, 5, int(unreached.sum()))
    walk_m = np.where(unreached, np.nan, walk_m)
    facility = np.where(unreached, -1, rng.integers(0, 5, n)).astype(np.int32)
    return Certificates(status, facility, walk_m, walk_m / speed_mps, np.where(status == 4, np.nan, 5.0))


def case(seed: int, n: int, *, whole: bool = True) -> Case:
    """Return a made-up run of n points, some of them outside every division."""
    rng = np.random.default_rng(seed)
    lon = WEST + rng.uniform(-0.05, WIDTH + 0.05, n)
    lat = SOUTH + rng.uniform(-0.05, WIDTH + 0.05, n)
    ages = {f"persons_{age}": rng.integers(0, 30, n).astype(float) for age in AGE_BANDS}
    if not whole:
        ages = {name: values / 7 for name, values in ages.items()}
    population = build_population({**ages, "persons_unable": rng.integers(0, 12, n).astype(float)}, n)
    straight_m = rng.uniform(0, 3000, n)
    bands = population.present_bands
    speeds = {"60_69": 1.2, "70_79": 1.0, "80_plus": 0.8, "unable": 0.6, "unspecified": 0.9}
    found = {band: certificates(rng, straight_m, speeds[band]) for band in bands}
    choices = {
        band: np.where(one.status == COVERED, rng.integers(1, 4, n), 0).astype(np.int32)
        for band, one in found.items()
    }
    return Case(lon, lat, population, found, choices, straight_m)
