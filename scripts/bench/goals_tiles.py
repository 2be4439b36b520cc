"""Goal of the tile encoder: a tile of a town's quarter and of a whole town, against the encoder on PyPI."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import shapely
from clock import Timing, span, timed
from results import Row

from geo.tiles.encode import BUFFER, EXTENT, TileLayer, encode_tile
from geo.tiles.matrix import MATRIX_SETS, TileBox

# Polygons, and the most milliseconds a tile of them may take.
SIZES = ((462, 5.0), (7_055, 80.0))
N_POINTS = 10_000
RUNS = 15
ZOOM, ROW, COLUMN = 14, 6275, 13564


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A made-up layer and where it lies.

    Parameters
    ----------
    layer : TileLayer
        The layer; the outermost of its polygons reach beyond the tile's buffer.
    box : TileBox
        The tile.
    """

    layer: TileLayer
    box: TileBox

    def ours(self) -> bytes:
        """Return our tile."""
        return encode_tile([self.layer], self.box)

    def blobs(self) -> Tile:
        """Return the same with geometries as bytes, as a store holds them."""
        layer = self.layer
        shapes = np.asarray(shapely.to_wkb(layer.shapes), dtype=object)
        return Tile(TileLayer(layer.name, layer.fids, shapes, layer.columns), self.box)


def _layer(shapes: Any, box: TileBox) -> Tile:
    """A layer with four attributes: a name of its own, a number, a class and a flag."""
    n = len(shapes)
    number = np.arange(n)
    columns = {
        "name": np.array([f"地块{i}" for i in range(n)], dtype=object),
        "area_m2": number * 1.7,
        "level": number % 5,
        "is_open": number % 2 == 0,
    }
    return Tile(TileLayer("parcels", number, np.asarray(shapes, dtype=object), columns), box)


def parcels(n: int) -> Tile:
    """Return a grid of polygons that fills a tile and its buffer."""
    box = MATRIX_SETS["WebMercatorQuad"].box(ZOOM, ROW, COLUMN)
    west, south, east, north = box.degrees(BUFFER / EXTENT)
    side = int(np.ceil(np.sqrt(n)))
    step_x, step_y = (east - west) / (side - 0.1), (north - south) / (side - 0.1)
    x, y = west + np.arange(n) % side * step_x, south + np.arange(n) // side * step_y
    return _layer(shapely.box(x - 0.1 * step_x, y - 0.1 * step_y, x + 0.8 * step_x, y + 0.8 * step_y), box)


def points(n: int) -> Tile:
    """Return seeded points all over a tile."""
    box = MATRIX_SETS["WebMercatorQuad"].box(ZOOM, ROW, COLUMN)
    west, south, east, north = box.degrees()
    random = np.random.default_rng(8)
    return _layer(shapely.points(random.uniform(west, east, n), random.uniform(south, north, n)), box)


def peer(tile: Tile) -> Callable[[], bytes] | None:
    """Return the peer's way to the same tile, or None where it is not installed."""
    if importlib.util.find_spec("mapbox_vector_tile") is None:
        return None
    import mapbox_vector_tile

    low, high = -float(BUFFER), float(EXTENT + BUFFER)
    columns = {name: np.asarray(column).tolist() for name, column in tile.layer.columns.items()}

    def work() -> bytes:
        # It cuts nothing and knows no projection; both cost it little.
        flat = shapely.transform(tile.layer.shapes, lambda places: tile.box.to_units(places, EXTENT))
        cut = shapely.clip_by_rect(flat, low, low, high, high)
        features = [
            {"geometry": shape, "properties": dict(zip(columns, values, strict=True)), "id": i}
            for i, (shape, values) in enumerate(zip(cut, zip(*columns.values(), strict=True), strict=True))
        ]
        options = {"y_coord_down": True, "extents": EXTENT}
        made = mapbox_vector_tile.encode({"name": "parcels", "features": features}, default_options=options)
        return bytes(made)

    return work


def rows(sizes: tuple[tuple[int, float], ...] = SIZES, *, n_points: int = N_POINTS, runs: int = RUNS) -> list[Row]:
    """Time tiles of each size."""
    result = []
    for n, limit in sizes:
        tile = parcels(n)
        ours, made = timed(tile.ours, runs=runs)
        what = f"vector tile of {n:,} polygons × 4 attributes, projected and cut, {len(made) / 1000:.0f} kB"
        result.append(_row(what, ours, f"≤ {limit:g} ms", ours.best * 1000 <= limit, peer(tile)))
        stored, same = timed(tile.blobs().ours, runs=runs)
        assert same == made
        result.append(Row("G8", "the same from bytes, as a store holds them", _shown(stored)))
    tile = points(n_points)
    ours, made = timed(tile.ours, runs=runs)
    what = f"vector tile of {n_points:,} points × 4 attributes, {len(made) / 1000:.0f} kB"
    result.append(_row(what, ours, "–", None, peer(tile)))
    return result


def _row(what: str, ours: Timing, target: str, is_met: bool | None, other: Callable[[], bytes] | None) -> Row:
    """A row with the peer's time, if there is a peer."""
    if other is None:
        return Row("G8", what, _shown(ours), target=target, is_met=is_met)
    theirs, _ = timed(other, runs=5)
    name = f"mapbox-vector-tile {version('mapbox-vector-tile')} {span(theirs.best)}"
    return Row("G8", what, _shown(ours), name, f"{theirs.best / ours.best:.3g}×", target, is_met)


def _shown(timing: Timing) -> str:
    """A time with what most runs keep."""
    return f"{span(timing.best)}, p95 {span(timing.p95)}"
