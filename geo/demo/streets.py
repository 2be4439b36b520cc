"""Streets: rings, turned grids and riverside roads, cut down to blocks; and roads between settlements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import Delaunay
from shapely import LineString, Polygon

from geo.arrays import Bool, Float, Int
from geo.demo.districts import Divisions
from geo.demo.plane import Geometries, blobs
from geo.demo.recipe import Recipe
from geo.demo.terrain import Terrain

# Widths kept free on each side of a street's centre line, metres.
HALF_WIDTH_M = {"trunk": 24.0, "primary": 24.0, "secondary": 15.0, "tertiary": 11.0, "residential": 8.0}
SIDEWALK_M = 16.0
# Distance of the streets along the water and the tracks from bank and line.
BANK_M = 95.0
TRACK_M = 70.0


@dataclass(frozen=True, slots=True)
class Lines:
    """Street centre lines before they are noded; one row a line.

    Parameters
    ----------
    geometry : array of LineString, shape (n_lines,)
        In the even plane.
    kind : array of str, shape (n_lines,)
        OSM highway value.
    role : array of str, shape (n_lines,)
        ``city``, ``town``, ``road`` (between settlements), ``sidewalk``, ``zebra`` or ``link``.
    crossing : array of str, shape (n_lines,)
        ``""``, ``bridge`` or ``underpass``.
    """

    geometry: Geometries
    kind: np.ndarray
    role: np.ndarray
    crossing: np.ndarray

    def __add__(self, other: Lines) -> Lines:
        """Append the lines of another set."""
        return Lines(
            np.concatenate([self.geometry, other.geometry]),
            np.concatenate([self.kind, other.kind]),
            np.concatenate([self.role, other.role]),
            np.concatenate([self.crossing, other.crossing]),
        )

    def take(self, mask: Bool | Int) -> Lines:
        """Return some of the lines.

        Parameters
        ----------
        mask : array
            Mask or indices.

        Returns
        -------
        Lines
            The chosen lines.
        """
        return Lines(self.geometry[mask], self.kind[mask], self.role[mask], self.crossing[mask])


def lines_of(geometry: Geometries | list[LineString], kind: object, role: str) -> Lines:
    """Make a set of lines of one role.

    Parameters
    ----------
    geometry : array of LineString
        The lines.
    kind : str or array of str
        OSM highway value, one for all or one each.
    role : str
        Role of all of them.

    Returns
    -------
    Lines
        The set.
    """
    array = np.asarray(geometry, dtype=object)
    kinds = np.broadcast_to(np.asarray(kind, dtype=object), array.shape).copy()
    blank = np.full(array.shape, "", dtype=object)
    return Lines(array, kinds, np.full(array.shape, role, dtype=object), blank)


@dataclass(frozen=True, slots=True)
class Towns:
    """Built-up areas of city, county towns and townships.

    Parameters
    ----------
    area : array of Polygon, shape (n_towns,)
        In the even plane; the city is first, then the county towns.
    unit : array of int, shape (n_towns,)
        Settlement at its centre (index of the village arrays).
    rotation : array, shape (n_towns,)
        Turn of the street grid in radians.
    """

    area: Geometries
    unit: Int
    rotation: Float


@dataclass(frozen=True, slots=True)
class Blocks:
    """Pieces of town between streets.

    Parameters
    ----------
    area : array of Polygon, shape (n_blocks,)
        Up to the street centre lines.
    town : array of int, shape (n_blocks,)
        Town it lies in; 0 is the city.
    """

    area: Geometries
    town: Int


def make_towns(recipe: Recipe, terrain: Terrain, divisions: Divisions, rng: np.random.Generator) -> Towns:
    """Draw the built-up areas.

    Parameters
    ----------
    recipe : Recipe
        Sizes.
    terrain : Terrain
        City and county towns.
    divisions : Divisions
        Settlements.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Towns
        City, county towns, then one for each 镇 and 乡.
    """
    kind = np.array(divisions.township_kind)[divisions.township]
    seats = np.flatnonzero(divisions.is_seat & (kind != "subdistrict"))
    small, large = recipe.size.town_radius_km
    radius = rng.uniform(small, large, len(seats)) * 1000 * np.where(kind[seats] == "town", 1.0, 0.72)
    stretch = rng.uniform(0.8, 1.25, len(seats))
    areas = blobs(divisions.xy[seats], np.column_stack([radius * stretch, radius / stretch]), rng, rough=0.2)
    county_seats = [
        int(np.argmin(np.hypot(*(divisions.xy - np.array(row.seat_km) * 1000).T)))
        for row in recipe.districts
        if row.seat_km is not None
    ]
    middle = int(np.argmin(np.hypot(*divisions.xy.T)))
    unit = np.array([middle, *county_seats, *seats], dtype=np.int64)
    turn = np.radians([row.rotation_deg for row in recipe.districts])[divisions.county[unit]]
    turn[len(county_seats) + 1 :] += rng.normal(0, 0.25, len(seats))
    return Towns(np.array([terrain.city, *terrain.county_towns, *areas], dtype=object), unit, turn)


def city_arterials(recipe: Recipe, terrain: Terrain, rng: np.random.Generator) -> Lines:
    """Draw the main streets of the city: two rings, a turned grid in each district, three avenues.

    Parameters
    ----------
    recipe : Recipe
        Rotation of each district's grid.
    terrain : Terrain
        City outline, river and railway.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Lines
        Main streets; those that cross river or railway are not yet chosen.
    """
    city = terrain.city
    rings = lines_of([_ring(2150, 1900, 0.35), _ring(4500, 4150, 0.3)], ["primary", "trunk"], "city")
    cuts = shapely.union_all([terrain.river, terrain.railway])
    parts = shapely.get_parts(shapely.polygonize([shapely.union_all([cuts, city.boundary])]))
    found = rings
    for part in parts:
        spot = part.point_on_surface()
        south = spot.y < np.interp(spot.x, *np.array(terrain.river.coords).T)
        east = spot.x > np.interp(spot.y, *np.array(terrain.railway.coords)[:, ::-1].T)
        row = recipe.districts[1 if south else 2 if east else 0]
        reach = part.buffer(60)
        found = found + _grid(reach, np.radians(row.rotation_deg), 1020.0, rng, "secondary")
    spine = lines_of(
        [
            _wave([[-7600, -250], [-3000, -150], [0, 60], [3400, 300], [8200, 900]]),
            _wave([[-350, 7500], [-250, 3000], [0, 0], [-180, -3200], [-700, -7600]]),
            _wave([[-5200, 6100], [-2400, 2300], [2900, -4300], [4300, -7200]]),
        ],
        "primary",
        "city",
    )
    return clip(found + spine, city)


def waterfront(terrain: Terrain) -> Lines:
    """Draw the streets along river and railway in the city.

    Parameters
    ----------
    terrain : Terrain
        City outline, river and railway.

    Returns
    -------
    Lines
        Streets at the edge of the strips that only few streets cross.
    """
    bank = shapely.get_parts(terrain.river_area.buffer(BANK_M).boundary)
    track = shapely.get_parts(terrain.railway.buffer(TRACK_M).boundary)
    kinds = ["secondary"] * len(bank) + ["tertiary"] * len(track)
    lines = clip(lines_of(np.concatenate([bank, track]), kinds, "city"), terrain.city)
    strips = shapely.union_all([terrain.river_area.buffer(BANK_M - 1), terrain.railway.buffer(TRACK_M - 1)])
    return clip(lines, strips, outside=True)


def _ring(rx: float, ry: float, squareness: float) -> LineString:
    """Draw a rounded-square ring road."""
    angle = np.linspace(0, 2 * np.pi, 181)
    power = 1 - squareness
    x = rx * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    y = ry * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    return LineString(np.column_stack([x + 120.0, y + 80.0]))


def _wave(points: list[list[float]]) -> LineString:
    """Draw a smooth street through control points."""
    from scipy.interpolate import CubicSpline

    control = np.array(points, dtype=np.float64)
    chord = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(control, axis=0).T))])
    return LineString(CubicSpline(chord, control)(np.linspace(0, chord[-1], int(chord[-1] / 120))))


def _grid(area: Polygon, turn: float, spacing_m: float, rng: np.random.Generator, kind: str) -> Lines:
    """Draw two families of nearly parallel streets across an area."""
    centre = np.array(area.envelope.centroid.coords[0])
    reach = np.hypot(*(np.array(area.bounds[2:]) - area.bounds[:2])) / 2 + spacing_m
    found = []
    for family in (0, 1):
        along = np.array([np.cos(turn), np.sin(turn)]) if family == 0 else np.array([-np.sin(turn), np.cos(turn)])
        across = np.array([-along[1], along[0]])
        at = np.arange(-reach, reach, spacing_m)
        at = at + rng.uniform(-0.16, 0.16, len(at)) * spacing_m
        s = np.linspace(-reach, reach, max(int(2 * reach / 300), 2))
        for offset in at:
            bend = rng.normal(0, 24) * np.sin(s / 1700 + rng.uniform(0, 6))
            found.append(LineString(centre + s[:, None] * along + (offset + bend)[:, None] * across))
    return clip(lines_of(found, kind, "city"), area)


def clip(lines: Lines, area: shapely.Geometry, *, outside: bool = False, shortest_m: float = 60.0) -> Lines:
    """Keep the parts of lines inside (or outside) an area.

    Parameters
    ----------
    lines : Lines
        Lines to cut.
    area : geometry
        Polygon to cut by.
    outside : bool
        Keep what lies outside instead.
    shortest_m : float
        Shorter remains are dropped.

    Returns
    -------
    Lines
        One row for each remaining part.
    """
    shapely.prepare(area)
    cut = shapely.difference(lines.geometry, area) if outside else shapely.intersection(lines.geometry, area)
    merged = shapely.line_merge(cut)
    parts, row = shapely.get_parts(merged, return_index=True)
    good = (shapely.get_type_id(parts) == 1) & (shapely.length(parts) > shortest_m)
    kept = lines.take(row[good])
    return Lines(parts[good], kept.kind, kept.role, kept.crossing)


def town_arterials(towns: Towns, rng: np.random.Generator) -> Lines:
    """Draw the main streets of the county towns.

    Parameters
    ----------
    towns : Towns
        Built-up areas; those above 3 km² get a grid of main streets.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Lines
        Main streets.
    """
    found = lines_of([], "secondary", "town")
    for area, turn in zip(towns.area[1:], towns.rotation[1:], strict=True):
        if area.area > 3e6:
            grid = _grid(area, float(turn), 640.0, rng, "secondary")
            found = found + Lines(
                grid.geometry, grid.kind, np.full(len(grid.kind), "town", dtype=object), grid.crossing
            )
    return found


def roads(terrain: Terrain, divisions: Divisions, towns: Towns, rng: np.random.Generator) -> Lines:
    """Draw the roads between towns and between villages.

    Parameters
    ----------
    terrain : Terrain
        City outline.
    divisions : Divisions
        Settlements.
    towns : Towns
        Built-up areas.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Lines
        Relative-neighbour roads with gentle bends.
    """
    ring = shapely.get_coordinates(_ring(4500, 4150, 0.3))[::15]
    ring_count = len(ring)
    seats = divisions.xy[towns.unit[1:]]
    main = np.concatenate([ring, seats])
    u, v = relative_neighbours(main)
    keep = ~((u < ring_count) & (v < ring_count))
    u, v = u[keep], v[keep]
    big = (u >= ring_count) & (u < ring_count + len(terrain.county_towns))
    kind = np.where(big | ((v >= ring_count) & (v < ring_count + len(terrain.county_towns))), "primary", "secondary")
    found = lines_of(_bend(main[u], main[v], rng, 0.07), kind, "road")
    capitals = seats[: len(terrain.county_towns)]
    hubs = np.array([ring[np.argmin(np.hypot(*(ring - seat).T))] for seat in capitals]).reshape(-1, 2)
    found = found + lines_of(_bend(hubs, capitals, rng, 0.05), "trunk", "road")
    outside = ~shapely.contains_xy(terrain.city, *divisions.xy.T)
    rural = np.flatnonzero(outside)
    rural = rural[~shapely.contains_xy(shapely.union_all(list(terrain.county_towns)), *divisions.xy[rural].T)]
    spots = np.concatenate([ring, divisions.xy[rural], seats[: len(terrain.county_towns)]])
    a, b = relative_neighbours(spots)
    keep = ~((a < ring_count) & (b < ring_count))
    length = np.hypot(*(spots[a] - spots[b]).T)
    kind = np.where(length < 900, "unclassified", rng.choice(["tertiary", "unclassified"], len(a), p=[0.35, 0.65]))
    return found + lines_of(_bend(spots[a[keep]], spots[b[keep]], rng, 0.09), kind[keep], "road")


def relative_neighbours(xy: Float) -> tuple[Int, Int]:
    """Join positions that have no third one nearer to both.

    Parameters
    ----------
    xy : array, shape (n, 2)
        Positions.

    Returns
    -------
    u, v : array of int
        Ends of each edge.
    """
    mesh = Delaunay(xy).simplices
    edges = np.unique(np.sort(np.concatenate([mesh[:, [0, 1]], mesh[:, [1, 2]], mesh[:, [0, 2]]]), axis=1), axis=0)
    u, v = edges[:, 0].astype(np.int64), edges[:, 1].astype(np.int64)
    length = np.hypot(*(xy[u] - xy[v]).T)
    good = np.ones(len(u), dtype=bool)
    for start in range(0, len(u), 400):
        part = slice(start, start + 400)
        to_u = np.hypot(xy[:, 0] - xy[u[part], None, 0], xy[:, 1] - xy[u[part], None, 1])
        to_v = np.hypot(xy[:, 0] - xy[v[part], None, 0], xy[:, 1] - xy[v[part], None, 1])
        nearer = np.maximum(to_u, to_v) < length[part, None] * 0.985
        good[part] = nearer.sum(axis=1) == 0
    return u[good], v[good]


def _bend(start: Float, end: Float, rng: np.random.Generator, size: float) -> Geometries:
    """Join pairs of positions by gently winding lines with a vertex about every 220 m."""
    out = []
    for a, b in zip(start, end, strict=True):
        length = float(np.hypot(*(b - a)))
        t = np.linspace(0, 1, max(int(length / 220), 2) + 1)
        one, two = rng.normal(0, size * length, 2)
        sway = np.sin(np.pi * t) * one + np.sin(2 * np.pi * t) * two * 0.5
        along = (b - a) / max(length, 1.0)
        out.append(LineString(a + np.outer(t, b - a) + np.outer(sway, [-along[1], along[0]])))
    return np.array(out, dtype=object)


def cross(
    lines: Lines,
    corridor: shapely.Geometry,
    label: str,
    gap_m: tuple[float, float],
    city: Polygon,
    *,
    none: bool = False,
) -> Lines:
    """Let only few lines cross a corridor; the others end at its edge.

    Parameters
    ----------
    lines : Lines
        All lines.
    corridor : geometry
        Polygon that is hard to cross.
    label : str
        What a crossing is marked as.
    gap_m : tuple of float
        Least distance between two crossings in the city and outside.
    city : Polygon
        Where the first gap counts.
    none : bool
        Let no line cross.

    Returns
    -------
    Lines
        Lines cut at the corridor's edge, with the crossings chosen by class.
    """
    shapely.prepare(corridor)
    hit = shapely.intersects(lines.geometry, corridor)
    rest = lines.take(~hit)
    outer = clip(lines.take(hit), corridor, outside=True, shortest_m=15.0)
    if none:
        return rest + outer
    inner = clip(lines.take(hit), corridor, shortest_m=1.0)
    # A crossing goes through: both ends lie on the corridor's edge, far enough apart.
    ends = shapely.get_coordinates(shapely.boundary(inner.geometry)).reshape(-1, 2, 2)
    rank = {"trunk": 0, "primary": 1, "secondary": 2, "tertiary": 3}
    middle = ends.mean(axis=1)
    order = sorted(range(len(middle)), key=lambda i: (rank.get(str(inner.kind[i]), 4), i))
    chosen: list[int] = []
    # Width of the corridor, near enough for a long strip: twice its area by its perimeter.
    width_m = float(2 * shapely.area(corridor) / shapely.length(corridor))
    for i in order:
        gap = gap_m[0] if city.contains(shapely.Point(middle[i])) else gap_m[1]
        span = float(np.hypot(*(ends[i, 0] - ends[i, 1])))
        limit = 7.0 if rank.get(str(inner.kind[i]), 4) < 2 else 3.2
        length = float(shapely.length(inner.geometry[i]))
        straight = span > 20 and length < min(1.35 * span, limit * width_m)
        if straight and all(np.hypot(*(middle[i] - middle[j])) > gap for j in chosen):
            chosen.append(i)
    kept = inner.take(np.array(sorted(chosen), dtype=np.int64))
    kept.crossing[:] = label
    return rest + outer + kept


def cut_blocks(towns: Towns, arterials: Lines, terrain: Terrain, rng: np.random.Generator) -> tuple[Lines, Blocks]:
    """Cut each town along its main streets, then again and again until blocks have their size.

    Parameters
    ----------
    towns : Towns
        Built-up areas.
    arterials : Lines
        Main streets and roads through towns.
    terrain : Terrain
        River and railway keep a strip free.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    lines : Lines
        The streets that cut.
    blocks : Blocks
        What is left between them.
    """
    free = shapely.union_all([terrain.water(60), terrain.river_area.buffer(BANK_M), terrain.railway.buffer(45)])
    tree = shapely.STRtree(arterials.geometry)
    faces, owner = [], []
    for i, area in enumerate(towns.area):
        near = arterials.geometry[tree.query(area, predicate="intersects")]
        net = shapely.union_all([area.boundary, *shapely.intersection(near, area)], grid_size=0.05)
        parts = shapely.get_parts(shapely.polygonize([net]))
        inside = shapely.contains(area.buffer(5), shapely.point_on_surface(parts))
        dry = shapely.get_parts(shapely.difference(parts[inside], free))
        dry = dry[(shapely.get_type_id(dry) == 3) & (shapely.area(dry) > 3500)]
        faces.append(dry)
        owner.append(np.full(len(dry), i))
    return _subdivide(np.concatenate(faces), np.concatenate(owner), rng)


def _target_area(blocks: Geometries, town: Int, spread: Float) -> Float:
    """Return the block size aimed at: small in the old centre, large at the fringe."""
    middle = shapely.get_coordinates(shapely.centroid(blocks))
    radius = np.hypot(*middle.T)
    city = np.asarray(np.interp(radius, [0, 900, 2300, 4400, 6500], [1.5e4, 2.2e4, 4.6e4, 7.5e4, 9.5e4]))
    # The industrial side beyond the railway has larger plots.
    city = np.where(middle[:, 0] > 4200, city * 1.35, city)
    return np.asarray(np.where(town == 0, city, np.where(town <= 2, 3.6e4, 2.6e4)) * spread)


def _subdivide(blocks: Geometries, town: Int, rng: np.random.Generator) -> tuple[Lines, Blocks]:
    """Halve all oversized blocks at once, level by level, across their long side."""
    lines, kinds = [], []
    done, done_town = [], []
    for _ in range(16):
        area = shapely.area(blocks)
        big = area > _target_area(blocks, town, rng.uniform(0.75, 1.7, len(blocks)))
        done.append(blocks[~big])
        done_town.append(town[~big])
        blocks, town, area = blocks[big], town[big], area[big]
        if not len(blocks):
            break
        cut, left, right = _halve(blocks, rng)
        wide = np.where(area > 3.2e5, "tertiary", "residential")
        parts, row = shapely.get_parts(cut, return_index=True)
        good = (shapely.get_type_id(parts) == 1) & (shapely.length(parts) > 20)
        lines.append(parts[good])
        kinds.append(wide[row[good]])
        halves, row = shapely.get_parts(np.concatenate([left, right]), return_index=True)
        owner = np.concatenate([town, town])[row]
        good = (shapely.get_type_id(halves) == 3) & (shapely.area(halves) > 1500)
        blocks, town = halves[good], owner[good]
    every = Blocks(np.concatenate([*done, blocks]), np.concatenate([*done_town, town]))
    role = np.concatenate(kinds)
    return lines_of(np.concatenate(lines), role, "city"), every


def _halve(blocks: Geometries, rng: np.random.Generator) -> tuple[Geometries, Geometries, Geometries]:
    """Cut each block by one line across its longer side."""
    box = shapely.get_coordinates(shapely.oriented_envelope(blocks)).reshape(-1, 5, 2)
    side_a, side_b = box[:, 1] - box[:, 0], box[:, 2] - box[:, 1]
    long_a = np.hypot(*side_a.T) >= np.hypot(*side_b.T)
    along = np.where(long_a[:, None], side_a, side_b)
    length = np.hypot(*along.T)
    along = along / length[:, None]
    turn = rng.normal(0, 0.035, len(blocks))
    across = np.column_stack([-along[:, 1], along[:, 0]])
    across = across * np.cos(turn)[:, None] + along * np.sin(turn)[:, None]
    along = np.column_stack([across[:, 1], -across[:, 0]])
    at = box[:, :4].mean(axis=1) + along * (length * rng.uniform(-0.12, 0.12, len(blocks)))[:, None]
    reach = across * (length * 3)[:, None]
    line = shapely.linestrings(np.stack([at - reach, at + reach], axis=1))
    deep = along * (length * 3)[:, None]
    one = shapely.polygons(np.stack([at - reach, at + reach, at + reach + deep, at - reach + deep], axis=1))
    two = shapely.polygons(np.stack([at - reach, at + reach, at + reach - deep, at - reach - deep], axis=1))
    return (
        np.asarray(shapely.intersection(line, blocks)),
        np.asarray(shapely.intersection(blocks, one)),
        np.asarray(shapely.intersection(blocks, two)),
    )
