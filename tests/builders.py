"""Builders of small street frames, shared by the tests of network, access and services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Geod

from geo.network.plane import Plane

CENTRE = Plane(118.05, 36.80)
_GEOD = Geod(ellps="GRS80")


def lonlat(x_m: float, y_m: float) -> tuple[float, float]:
    """Return degrees of a position east and north of the builders' centre."""
    lon, lat = CENTRE.inverse(np.array([x_m], float), np.array([y_m], float))
    return float(lon[0]), float(lat[0])


def lonlats(points: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return degrees of several positions in metres."""
    xy = np.array(points, float).reshape(-1, 2)
    return CENTRE.inverse(xy[:, 0], xy[:, 1])


def streets(lines: Sequence[Sequence[tuple[float, float]]], **columns: Sequence[object]) -> gpd.GeoDataFrame:
    """Return a segments frame of lines in metres around the centre; columns may be given by name."""
    lon, lat = lonlats([point for line in lines for point in line])
    owner = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    shapes = list(shapely.linestrings(np.round(np.column_stack([lon, lat]), 9), indices=owner))
    n = len(shapes)
    table: dict[str, object] = {
        "id": [f"w{i}-0" for i in range(n)],
        "feature_id": [f"w{i}" for i in range(n)],
        "part": [0] * n,
        "name": [None] * n,
        "kind": ["residential"] * n,
        "foot": ["public"] * n,
        "is_steps": [False] * n,
        "crossing_share": [0.0] * n,
        "oneway_foot": [0] * n,
        "length_m": [_GEOD.geometry_length(shape) for shape in shapes],
    }
    table.update({name: list(values) for name, values in columns.items()})
    return gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4490")


def grid_lines(n_x: int, n_y: int, step_m: float = 100.0) -> list[list[tuple[float, float]]]:
    """Return the block sides of a grid of n_x by n_y crossings, its lower left corner at the centre."""
    across = [[(i * step_m, j * step_m), ((i + 1) * step_m, j * step_m)] for j in range(n_y) for i in range(n_x - 1)]
    up = [[(i * step_m, j * step_m), (i * step_m, (j + 1) * step_m)] for j in range(n_y - 1) for i in range(n_x)]
    return across + up


def grid_streets(n_x: int, n_y: int, step_m: float = 100.0) -> gpd.GeoDataFrame:
    """Return an orthogonal street grid as a segments frame."""
    return streets(grid_lines(n_x, n_y, step_m))


def gate_frame(gates: Sequence[Mapping[str, object]]) -> gpd.GeoDataFrame:
    """Return a gates frame; a gate has ``at`` (metres), ``access``, and maybe ``id``, ``opening_hours``."""
    shapes = [shapely.Point(np.round(lonlat(*gate["at"]), 9)) for gate in gates]  # type: ignore[misc]
    return gpd.GeoDataFrame(
        {
            "id": [gate.get("id", f"n{i}") for i, gate in enumerate(gates)],
            "name": [None] * len(gates),
            "kind": ["gate"] * len(gates),
            "access": [gate["access"] for gate in gates],
            "opening_hours": [gate.get("opening_hours") for gate in gates],
        },
        geometry=shapes,
        crs="EPSG:4490",
    )


def barrier_frame(lines: Sequence[Sequence[tuple[float, float]]]) -> gpd.GeoDataFrame:
    """Return a barriers frame of walls."""
    shapes = [shapely.LineString(np.column_stack(lonlats(list(line)))) for line in lines]
    return gpd.GeoDataFrame(
        {"id": [f"b{i}" for i in range(len(shapes))], "kind": ["wall"] * len(shapes)},
        geometry=shapes,
        crs="EPSG:4490",
    )
