"""Isochrones: polygons around the street parts really reached, with holes; for display, people are counted by points.

The inside is all land within a display width of a reached street part and nearer to it than to any unreached
one. A place on a street is nearest to itself, so the polygon agrees with walking times on every street, up to the
raster it is contoured on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final, cast

import numpy as np
import shapely

from geo.access.coverage import Limit
from geo.access.reach import Reach, reach
from geo.arrays import Float, Int32, UInt8
from geo.errors import InputError
from geo.kernels.contour import contour_rings
from geo.kernels.field import TILE, Raster, cut_pieces, paint_parts
from geo.kernels.rings import coordinates_text, rings_to_wkb, spread_grid
from geo.network.cost import WalkCosts, walk_costs
from geo.network.gates import gate_state
from geo.network.link import PointLinks
from geo.network.model import StreetNetwork
from geo.network.plane import Plane
from geo.network.profile import WalkingProfile

DISPLAY_WIDTH_M: Final = 60.0
# At 10 m more than 99.9 % of the places on streets fall on the right side, at 15 m 99.87 %.
PIXEL_M: Final = 10.0
# A city-wide union is painted coarser: at most about 100 MB in two rasters, and only where its streets are.
_MAX_PIXELS = 12_000_000
_THREADED_PIXELS = 1_000_000
# Over windows up to this size parabolas between nine projected points are exact to a millimetre.
_PARABOLA_M = 8_000.0


@dataclass(frozen=True, slots=True)
class Isochrone:
    """The area within one limit.

    Parameters
    ----------
    limit : Limit
        The limit.
    polygon : shapely.MultiPolygon
        In degrees (EPSG:4490), with holes; empty when nothing is reached.
    area_m2 : float
        Its area, for orientation.
    """

    limit: Limit
    polygon: shapely.MultiPolygon
    area_m2: float


@dataclass(frozen=True, slots=True)
class Window:
    """A raster window in the plane.

    Parameters
    ----------
    x, y : float
        Position of the first pixel in metres.
    pixel_m : float
        Pixel size.
    n_x, n_y : int
        Columns and rows.
    """

    x: float
    y: float
    pixel_m: float
    n_x: int
    n_y: int


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """The area within a limit as a raster.

    Parameters
    ----------
    window : Window
        Where it lies.
    field : Raster
        Negative inside, in painted tiles, shape (n_y, n_x).
    tiles : UInt8
        Painted tiles, as `geo.kernels.field.paint_parts` leaves them.
    """

    window: Window
    field: Raster
    tiles: UInt8


def isochrones(
    network: StreetNetwork,
    sites: PointLinks,
    limits: Sequence[Limit],
    *,
    speed_mps: float,
    profile: WalkingProfile,
    at: datetime,
    width_m: float = DISPLAY_WIDTH_M,
    pixel_m: float = PIXEL_M,
    towards: bool = True,
    threads: int = 2,
    costs: WalkCosts | None = None,
) -> list[Isochrone]:
    """Return the areas from which any of some sites is within each limit; several sites give their union.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    sites : PointLinks
        Links of the sites; their access legs count, unlinked sites are left out.
    limits : sequence of Limit
        Limits of one measure.
    speed_mps : float
        Walking speed.
    profile : WalkingProfile
        Stairs factor and crossing delay.
    at : datetime
        The moment at which gates with hours are judged.
    width_m : float
        How far from a reached street the area goes.
    pixel_m : float
        Raster size; very large windows are painted coarser.
    towards : bool
        True for walks to the sites, False for walks from them.
    threads : int
        Worker threads for large windows; the answer does not depend on it.
    costs : WalkCosts, optional
        Costs prepared before for this speed, moment, measure and direction; preparing them takes longer than one small
        isochrone.

    Returns
    -------
    list of Isochrone
        One for each limit, in their order.

    Raises
    ------
    InputError
        There is no limit, or limits in seconds and metres are mixed.
    """
    if not limits or len({limit.measure for limit in limits}) > 1:
        raise InputError(
            "等时圈需要至少一个阈值，且单位相同（全部为时间或全部为距离）",
            "isochrones need at least one limit, and all in one measure (seconds or metres)",
        )
    costs = costs or _costs(network, limits[0], speed_mps, profile, at, towards)
    width_m, pixel_m = float(width_m), float(pixel_m)
    farthest = max(limit.value for limit in limits)
    with reach(network, costs, sites, cutoff=farthest, towards=towards) as reached:
        drawings = [
            _draw(network, costs, reached, limit, width_m, pixel_m, towards, threads) for limit in limits
        ]
    nothing = (shapely.MultiPolygon(), 0.0)
    return [
        Isochrone(limit, *(nothing if drawing is None else _contour(drawing, network.plane)))
        for limit, drawing in zip(limits, drawings, strict=True)
    ]


def draw_reached(
    network: StreetNetwork,
    sites: PointLinks,
    limit: Limit,
    *,
    speed_mps: float,
    profile: WalkingProfile,
    at: datetime,
    width_m: float,
    pixel_m: float,
    costs: WalkCosts | None = None,
) -> Drawing | None:
    """Draw the area within one limit as a raster, for those who measure it.

    Parameters
    ----------
    network : StreetNetwork
        The network.
    sites : PointLinks
        Links of the sites.
    limit : Limit
        The limit.
    speed_mps : float
        Walking speed.
    profile : WalkingProfile
        Stairs factor and crossing delay.
    at : datetime
        The moment at which gates with hours are judged.
    width_m : float
        How far from a reached street the area goes.
    pixel_m : float
        Raster size; very large windows are painted coarser.
    costs : WalkCosts, optional
        Costs prepared before for this speed, moment and measure.

    Returns
    -------
    Drawing or None
        None when nothing is reached.
    """
    costs = costs or _costs(network, limit, speed_mps, profile, at, True)
    with reach(network, costs, sites, cutoff=limit.value, towards=True) as reached:
        return _draw(network, costs, reached, limit, float(width_m), float(pixel_m), True, 1)


def _costs(
    network: StreetNetwork, limit: Limit, speed_mps: float, profile: WalkingProfile, at: datetime, towards: bool
) -> WalkCosts:
    """Prepare the costs of one question."""
    gates = gate_state(network.gates, at)
    return walk_costs(
        network, speed_mps=speed_mps, profile=profile, measure=limit.measure, gates=gates, reverse=towards
    )


def _draw(
    network: StreetNetwork,
    costs: WalkCosts,
    reached: Reach,
    limit: Limit,
    width_m: float,
    pixel_m: float,
    towards: bool,
    threads: int,
) -> Drawing | None:
    """Draw the area within one limit; None when nothing is reached."""
    box, lines = reached.box(network, costs, limit.value), network.streets
    if box is None:
        return None
    pieces = _pieces_in(network, box, 2.0 * width_m + 5.0 * pixel_m)
    near, far = cut_pieces(
        limit.value, pieces, lines.x, lines.y, lines.part, lines.piece_edge,
        network.edge_u, network.edge_v, costs.edge_primary, network.edge_oneway, network.edge_kind,
        reached.best, network.private_index, reached.private_best,
        reached.source_first, reached.source_edge, reached.source_fraction, reached.source_primary, towards,
    )  # fmt: skip
    if near.shape[0] == 0:
        return None
    window = _window(near, width_m, pixel_m)
    return Drawing(window, *_paint(near, far, window, width_m, threads))


def _window(parts: Float, width_m: float, pixel_m: float) -> Window:
    """Return a window around everything reached."""
    left, bottom, right, top = _extent(parts, width_m + 2.0 * pixel_m)
    pixel_m = max(pixel_m, math.sqrt((right - left) * (top - bottom) / _MAX_PIXELS))
    # The raster hangs on multiples of the pixel, so that neighbouring isochrones meet without seams.
    first_x, first_y = math.floor(left / pixel_m), math.floor(bottom / pixel_m)
    n_x = math.ceil(right / pixel_m) - first_x + 1
    n_y = math.ceil(top / pixel_m) - first_y + 1
    return Window(first_x * pixel_m, first_y * pixel_m, pixel_m, n_x, n_y)


def _extent(parts: Float, margin: float) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top of straight parts, a margin added."""
    low, high = parts.min(axis=0), parts.max(axis=0)
    left, bottom = min(low[0], low[2]) - margin, min(low[1], low[3]) - margin
    return float(left), float(bottom), float(max(high[0], high[2]) + margin), float(max(high[1], high[3]) + margin)


def _pieces_in(network: StreetNetwork, box: Float, margin: float) -> Int32:
    """Return the street pieces whose grid cells meet a box with a margin around it."""
    lines = network.streets
    col_a = max(int((box[0] - margin - lines.origin_x) / lines.cell_m), 0)
    col_b = min(int((box[2] + margin - lines.origin_x) / lines.cell_m), lines.n_x - 1)
    row_a = max(int((box[1] - margin - lines.origin_y) / lines.cell_m), 0)
    row_b = min(int((box[3] + margin - lines.origin_y) / lines.cell_m), lines.n_y - 1)
    if (col_b - col_a) * (row_b - row_a) * 4 > lines.n_x * lines.n_y:
        return np.flatnonzero(lines.piece_edge >= 0).astype(np.int32)
    starts = lines.cell_start
    rows = [
        lines.pieces[starts[row * lines.n_x + col_a] : starts[row * lines.n_x + col_b + 1]]
        for row in range(row_a, row_b + 1)
    ]
    pieces = np.sort(np.concatenate(rows))
    # For some thousand numbers several times faster than np.unique, which hashes.
    is_first = np.ones(pieces.size, np.bool_)
    is_first[1:] = pieces[1:] != pieces[:-1]
    return pieces[is_first].astype(np.int32, copy=False)


def _paint(near: Float, far: Float, window: Window, width_m: float, threads: int) -> tuple[Raster, UInt8]:
    """Return the signed field of a window around reached and unreached parts, and its painted tiles."""
    reached = np.empty((window.n_y, window.n_x), np.float32)
    unreached = np.empty((window.n_y, window.n_x), np.float32)
    tiles = np.zeros((-(-window.n_y // TILE), -(-window.n_x // TILE)), np.uint8)

    def work(rows: tuple[int, int]) -> None:
        paint_parts(
            reached, unreached, tiles, rows[0], rows[1], window.x, window.y, window.pixel_m, width_m, near, far
        )  # fmt: skip

    if threads > 1 and window.n_x * window.n_y > _THREADED_PIXELS:
        cuts = np.linspace(0, tiles.shape[0], threads + 1).astype(int) * TILE
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, list(pairwise(np.minimum(cuts, window.n_y).tolist()))))
    else:
        work((0, window.n_y))
    return reached, tiles


def contour_metres(field: Raster, tiles: UInt8, window: Window) -> shapely.MultiPolygon:
    """Contour a field in metres of the network's plane.

    Parameters
    ----------
    field : Raster
        Negative inside.
    tiles : UInt8
        Tiles that hold values.
    window : Window
        Where the raster lies.

    Returns
    -------
    shapely.MultiPolygon
        The inside.
    """
    column, row, start, area = contour_rings(field, tiles)
    if area.size == 0:
        return shapely.MultiPolygon()
    x, y = window.x + column * window.pixel_m, window.y + row * window.pixel_m
    data, _ = rings_to_wkb(column, row, start, area, x, y)
    return cast(shapely.MultiPolygon, shapely.from_wkb(data.tobytes()))


def _contour(drawing: Drawing, plane: Plane) -> tuple[shapely.MultiPolygon, float]:
    """Contour a drawing in degrees, and measure it."""
    window = drawing.window
    column, row, start, area = contour_rings(drawing.field, drawing.tiles)
    if area.size == 0:
        return shapely.MultiPolygon(), 0.0
    last_column, last_row = float(window.n_x - 1), float(window.n_y - 1)
    if max(last_column, last_row) * window.pixel_m <= _PARABOLA_M:
        side = np.array([0.0, 0.5, 1.0])
        grid_x = np.tile(window.x + side * last_column * window.pixel_m, 3)
        grid_y = np.repeat(window.y + side * last_row * window.pixel_m, 3)
        grid_lon, grid_lat = plane.inverse(grid_x, grid_y)
        lon = spread_grid(column, row, last_column, last_row, grid_lon)
        lat = spread_grid(column, row, last_column, last_row, grid_lat)
    else:
        lon, lat = plane.inverse(window.x + column * window.pixel_m, window.y + row * window.pixel_m)
    # A centimetre is far below the raster, and long decimals would be half of every file.
    data, pixels = rings_to_wkb(column, row, start, area, lon, lat)
    return cast(shapely.MultiPolygon, shapely.from_wkb(data.tobytes())), pixels * window.pixel_m**2


def geometry_text(polygon: shapely.MultiPolygon) -> str:
    """Write an isochrone's polygon as a GeoJSON geometry, faster than a general writer.

    Parameters
    ----------
    polygon : shapely.MultiPolygon
        In degrees, two-dimensional.

    Returns
    -------
    str
        A GeoJSON object; degrees have at most seven decimals.
    """
    data = np.frombuffer(shapely.to_wkb(polygon, byte_order=1), np.uint8).copy()
    return '{"type":"MultiPolygon","coordinates":' + coordinates_text(data).tobytes().decode("ascii") + "}"
