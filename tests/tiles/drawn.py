"""Shapes drawn in tile units, and tiles taken apart: what the tests of vector tiles share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mapbox_vector_tile
import numpy as np
import shapely
from hypothesis import strategies as st
from mapbox_vector_tile.Mapbox import vector_tile_pb2

from geo.tiles.encode import BUFFER, EXTENT, TileLayer, encode_tile
from geo.tiles.matrix import MATRIX_SETS, TileBox

ZOOM, ROW, COLUMN = 14, 6275, 13564
BOX = MATRIX_SETS["WebMercatorQuad"].box(ZOOM, ROW, COLUMN)
KEPT = shapely.box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
# A vertex may move by a unit along each axis.
NEAR = 1.5


def in_degrees(shape: Any, box: TileBox = BOX, extent: int = EXTENT) -> Any:
    """Return a shape drawn in tile units, in degrees."""

    def degrees(points: np.ndarray) -> np.ndarray:
        x = box.left + points[:, 0] / extent * (box.right - box.left)
        y = box.top - points[:, 1] / extent * (box.top - box.bottom)
        flat = np.column_stack([x, y])
        return box.crs.inverse(flat) if box.is_mercator else flat

    return None if shape is None else shapely.transform(shape, degrees)


def layer(
    shapes: Sequence[Any], columns: Mapping[str, Any] | None = None, box: TileBox = BOX, *, is_kept: bool = False
) -> TileLayer:
    """Return a layer of shapes drawn in tile units, with identifiers from 1."""
    array = np.empty(len(shapes), dtype=object)
    array[:] = [in_degrees(shape, box) for shape in shapes]
    return TileLayer("a", np.arange(len(shapes)) + 1, array, columns or {}, is_collapsed_kept=is_kept)


def encoded(
    shapes: Sequence[Any], columns: Mapping[str, Any] | None = None, box: TileBox = BOX, *, is_kept: bool = False
) -> bytes:
    """Return the tile of shapes drawn in its units."""
    return encode_tile([layer(shapes, columns, box, is_kept=is_kept)], box)


def decoded(tile: bytes, name: str = "a") -> dict[int, Any]:
    """Return a layer's geometries in tile units by identifier, as another decoder understands them."""
    found = mapbox_vector_tile.decode(tile, default_options={"y_coord_down": True})
    features = found[name]["features"] if name in found else []
    return {one["id"]: shapely.geometry.shape(one["geometry"]) for one in features}


def properties(tile: bytes, name: str = "a") -> list[dict[str, Any]]:
    """Return a layer's attributes by feature."""
    found = mapbox_vector_tile.decode(tile)
    return [one["properties"] for one in found[name]["features"]]


@dataclass(frozen=True, slots=True)
class Raw:
    """A feature as it stands in the tile.

    Parameters
    ----------
    kind : int
        1 points, 2 lines, 3 polygons.
    parts : list of list of (int, int)
        Vertices of each part.
    closed : int
        How many parts are closed.
    """

    kind: int
    parts: list[list[tuple[int, int]]]
    closed: int


def message(tile: bytes) -> Any:
    """Return the tile as a protocol buffer message."""
    found = vector_tile_pb2.tile()
    found.ParseFromString(tile)
    return found


def raw(tile: bytes, layer_number: int = 0) -> list[Raw]:
    """Return a layer's features command by command."""
    return [_raw(feature) for feature in message(tile).layers[layer_number].features]


def _raw(feature: Any) -> Raw:
    """One feature command by command."""
    words = list(feature.geometry)
    parts: list[list[tuple[int, int]]] = []
    at, x, y, closed = 0, 0, 0, 0
    while at < len(words):
        command, count = words[at] & 7, words[at] >> 3
        at += 1
        if command == 7:
            assert count == 1
            closed += 1
            continue
        assert count > 0
        if command == 1:
            assert feature.type == 1 or count == 1
            parts.append([])
        for _ in range(count):
            x += (words[at] >> 1) ^ -(words[at] & 1)
            y += (words[at + 1] >> 1) ^ -(words[at + 1] & 1)
            parts[-1].append((x, y))
            at += 2
    return Raw(feature.type, parts, closed)


def hourglass() -> Any:
    """Return a polygon that rounding cuts in two."""
    return shapely.Polygon([(0, 0), (50, 40.2), (100, 0), (100, 80), (50, 40.4), (0, 80)])


def twice_area(ring: Sequence[tuple[int, int]]) -> int:
    """Return twice a ring's area by the surveyor's formula."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))


def is_near(found: Any, expected: Any, *, sliver: float = 0.01) -> bool:
    """Whether two areas differ by no more than rounding.

    Nothing wider than twice the sliver may stick out of the expected area's surroundings; what is narrower than a
    unit may collapse.
    """
    one = shapely.difference(found, shapely.buffer(expected, NEAR))
    other = shapely.difference(expected, shapely.buffer(found, NEAR)) if not shapely.is_empty(found) else expected
    return shapely.is_empty(shapely.buffer(one, -sliver)) and shapely.is_empty(shapely.buffer(other, -0.5))


def places(low: float = -40, high: float = EXTENT + 40) -> st.SearchStrategy[tuple[int, int]]:
    """Return whole places in tile units."""
    return st.tuples(st.integers(int(low), int(high)), st.integers(int(low), int(high)))


@st.composite
def polygons(draw: st.DrawFn, reach: float = 3500.0) -> Any:
    """Return a valid polygon or multipolygon, often spiky, often with holes, often across the tile's edge."""
    x, y = draw(places(-2000, 6000))
    spokes = draw(st.lists(st.tuples(st.floats(0, 6.28), st.floats(0.2, reach)), min_size=3, max_size=14))
    ring = [(x + r * np.cos(a), y + r * np.sin(a)) for a, r in sorted(spokes)]
    shape = shapely.make_valid(shapely.Polygon(ring))
    holes = st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(1e-4, 0.7)), max_size=3)
    for hole_x, hole_y, size in draw(holes):
        middle = (x + hole_x * 0.5 * reach, y + hole_y * 0.5 * reach)
        shape = shapely.difference(shape, shapely.buffer(shapely.Point(middle), size * reach, quad_segs=2))
    parts = [part for part in shapely.get_parts(shapely.make_valid(shape)) if part.geom_type == "Polygon"]
    return shapely.MultiPolygon(parts)
