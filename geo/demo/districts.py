"""Divisions: settlements sown from the county down to the village, cells grown around them, dissolved upward.

Cells never cross the river or the railway, so the boundaries of larger divisions follow them where both sides
belong to different parents. Children partition their parent exactly because parents are made of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import cKDTree

from geo.arrays import Bool, Float, Int
from geo.demo.plane import Geometries, Plane
from geo.demo.recipe import DistrictRecipe, Recipe
from geo.demo.terrain import Terrain

SIDE_PENALTY_M = 5000.0


@dataclass(frozen=True, slots=True)
class Divisions:
    """Settlements and the three levels of divisions; a row of the village arrays is one village or community.

    Parameters
    ----------
    xy : array, shape (n_villages, 2)
        Settlement centres in the even plane.
    county, township : array of int, shape (n_villages,)
        Indices of the parents.
    is_community, is_seat : array of bool, shape (n_villages,)
        Community (urban) or village; seat of its township.
    township_county : array of int, shape (n_townships,)
        Parent of each township.
    township_kind : array of str, shape (n_townships,)
        ``subdistrict``, ``town`` or ``township``.
    cells : array of Polygon or MultiPolygon, shape (n_villages,)
        In longitude and latitude.
    """

    xy: Float
    county: Int
    township: Int
    is_community: Bool
    is_seat: Bool
    township_county: Int
    township_kind: tuple[str, ...]
    cells: Geometries

    def dissolve(self, parent: Int, count: int) -> Geometries:
        """Join cells by parent.

        Parameters
        ----------
        parent : array of int, shape (n_villages,)
            Index of each cell's parent.
        count : int
            Number of parents.

        Returns
        -------
        array of Polygon or MultiPolygon, shape (count,)
            In longitude and latitude, vertices taken from the cells unchanged.
        """
        return np.array([shapely.coverage_union_all(self.cells[parent == i]) for i in range(count)], dtype=object)


@dataclass(frozen=True, slots=True)
class _Sown:
    """Settlements of one county-level division."""

    xy: Float
    township: Int
    is_community: Bool
    is_seat: Bool
    kinds: tuple[str, ...]


def make_divisions(recipe: Recipe, terrain: Terrain, plane: Plane, rng: np.random.Generator) -> Divisions:
    """Sow settlements and grow the divisions.

    Parameters
    ----------
    recipe : Recipe
        Counts and anchors.
    terrain : Terrain
        Outline, river and railway.
    plane : Plane
        Projection of the drawing plane.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Divisions
        All levels.
    """
    ground, side = _ground(terrain, rng)
    county = _county_of(recipe, terrain, ground, side)
    targets = _village_targets(recipe, county, ground)
    parts: list[_Sown] = []
    for i, row in enumerate(recipe.districts):
        mine = county == i
        parts.append(_sow(row, terrain, ground[mine], side[mine], targets[i], rng))
    offsets = np.concatenate([[0], np.cumsum([len(part.kinds) for part in parts])])
    xy = np.concatenate([part.xy for part in parts])
    township = np.concatenate([part.township + offsets[i] for i, part in enumerate(parts)])
    township_county = np.repeat(np.arange(len(parts)), [len(part.kinds) for part in parts])
    return Divisions(
        xy=xy,
        county=township_county[township],
        township=township,
        is_community=np.concatenate([part.is_community for part in parts]),
        is_seat=np.concatenate([part.is_seat for part in parts]),
        township_county=township_county,
        township_kind=tuple(kind for part in parts for kind in part.kinds),
        cells=_cells(xy, terrain, plane, rng),
    )


def _ground(terrain: Terrain, rng: np.random.Generator) -> tuple[Float, Int]:
    """Scatter candidate positions, dense in the city; tell the side of river and railway of each."""
    fields = _scatter(terrain.outline, 420.0, rng)
    fields = fields[~shapely.contains_xy(terrain.city.buffer(1200), *fields.T)]
    city = _scatter(terrain.city.buffer(1200), 150.0, rng)
    xy = np.concatenate([fields, city])
    shy = shapely.union_all([terrain.water(230), terrain.railway.buffer(160)])
    shapely.prepare(shy)
    xy = xy[~shapely.contains_xy(shy, *xy.T)]
    return xy, _side(terrain, xy)


def _scatter(area: shapely.Polygon, spacing_m: float, rng: np.random.Generator) -> Float:
    """Return a jittered grid of positions inside an area."""
    x0, y0, x1, y1 = area.bounds
    gx, gy = np.meshgrid(np.arange(x0, x1, spacing_m), np.arange(y0, y1, spacing_m))
    xy = np.column_stack([gx.ravel(), gy.ravel()])
    xy += rng.uniform(-0.45, 0.45, xy.shape) * spacing_m
    shapely.prepare(area)
    return np.asarray(xy[shapely.contains_xy(area, *xy.T)])


def _side(terrain: Terrain, xy: Float) -> Int:
    """Number the side of the river (1 south) and of the railway (2 east)."""
    river, rail = np.array(terrain.river.coords), np.array(terrain.railway.coords)
    south = xy[:, 1] < np.interp(xy[:, 0], river[:, 0], river[:, 1])
    east = xy[:, 0] > np.interp(xy[:, 1], rail[:, 1], rail[:, 0])
    return np.asarray(south.astype(np.int64) + 2 * east.astype(np.int64), dtype=np.int64)


def _county_of(recipe: Recipe, terrain: Terrain, xy: Float, side: Int) -> Int:
    """Give each position to a county: in the city by river and railway, outside by the nearest anchor."""
    anchors = np.concatenate([np.array(row.anchors_km) * 1000 for row in recipe.districts])
    owner = np.repeat(np.arange(len(recipe.districts)), [len(row.anchors_km) for row in recipe.districts])
    county = owner[cKDTree(anchors).query(xy)[1]]
    urban = shapely.contains_xy(terrain.city.buffer(1200), *xy.T)
    return np.asarray(np.where(urban, np.choose(side, [0, 1, 2, 1]), county), dtype=np.int64)


def _village_targets(recipe: Recipe, county: Int, xy: Float) -> list[int]:
    """Share the number of villages among the counties, after communities are set aside."""
    urban = np.array([row.subdistricts * row.communities_per_subdistrict for row in recipe.districts])
    weight = np.array([row.village_weight for row in recipe.districts])
    land = np.bincount(county, minlength=len(weight)) * weight
    # The dense scatter of the city would count twice.
    land[:3] *= 0.62
    free = recipe.size.villages - int(urban.sum())
    share = land / land.sum() * free
    count = np.floor(share).astype(np.int64)
    count[np.argsort(count - share)[: free - int(count.sum())]] += 1
    return [int(a) + int(b) for a, b in zip(urban, count, strict=True)]


def _sow(row: DistrictRecipe, terrain: Terrain, xy: Float, side: Int, total: int, rng: np.random.Generator) -> _Sown:
    """Sow the townships of one county, then the villages of each township."""
    if row.seat_km is None:
        urban = shapely.contains_xy(terrain.city.buffer(250), *xy.T)
    else:
        urban = np.hypot(*(xy - np.array(row.seat_km) * 1000).T) < 3300
    rural_weight = 1.0 - 0.8 * terrain.hilliness(xy)
    near = _with_side(xy, side)
    township = np.full(len(xy), -1, dtype=np.int64)
    township[urban] = lloyd(near[urban], np.ones(int(urban.sum())), row.subdistricts, rng)
    count = row.towns + row.townships
    township[~urban] = row.subdistricts + lloyd(near[~urban], rural_weight[~urban], count, rng)
    kinds = _kinds(row, terrain, xy, township)
    rural = total - row.subdistricts * row.communities_per_subdistrict
    mass = np.bincount(township, weights=rural_weight, minlength=len(kinds))[row.subdistricts :]
    shares = _largest_remainder(mass, rural - count) + 1
    wanted = np.concatenate([np.full(row.subdistricts, row.communities_per_subdistrict), shares])
    return _sow_villages(xy, near, rural_weight, township, wanted, kinds, rng)


def _with_side(xy: Float, side: Int) -> Float:
    """Add two dimensions that keep clusters from straddling river and railway."""
    return np.column_stack([xy, (side & 1) * SIDE_PENALTY_M, (side >> 1) * SIDE_PENALTY_M])


def _kinds(row: DistrictRecipe, terrain: Terrain, xy: Float, township: Int) -> tuple[str, ...]:
    """Call the hilliest rural townships 乡 and the others 镇."""
    rural = range(row.subdistricts, row.subdistricts + row.towns + row.townships)
    height = {i: float(terrain.hilliness(xy[township == i]).mean()) for i in rural}
    highest = sorted(height, key=lambda i: -height[i])[: row.townships]
    return ("subdistrict",) * row.subdistricts + tuple("township" if i in highest else "town" for i in rural)


def _sow_villages(
    xy: Float,
    near: Float,
    weight: Float,
    township: Int,
    wanted: Int,
    kinds: tuple[str, ...],
    rng: np.random.Generator,
) -> _Sown:
    """Sow the villages of each township; the one nearest to its middle is the seat."""
    places, owner, community, seat = [], [], [], []
    for i, kind in enumerate(kinds):
        mine = np.flatnonzero(township == i)
        cluster = lloyd(near[mine], weight[mine], int(wanted[i]), rng)
        count = int(cluster.max()) + 1
        middle = (
            np.column_stack([np.bincount(cluster, weights=xy[mine, axis], minlength=count) for axis in (0, 1)])
            / np.bincount(cluster, minlength=count)[:, None]
        )
        if kind != "subdistrict":
            spread = np.hypot(*(xy[mine].max(0) - xy[mine].min(0))) / np.sqrt(count) * 0.13
            middle += rng.normal(0, spread, middle.shape)
        spot = _distinct_nearest(xy[mine], middle)
        places.append(xy[mine][spot])
        owner.append(np.full(count, i))
        is_seat = np.zeros(count, dtype=bool)
        is_seat[np.argmin(np.hypot(*(places[-1] - xy[mine].mean(0)).T))] = True
        seat.append(is_seat)
        community.append(np.ones(count, dtype=bool) if kind == "subdistrict" else is_seat & (kind == "town"))
    return _Sown(np.concatenate(places), np.concatenate(owner), np.concatenate(community), np.concatenate(seat), kinds)


def _distinct_nearest(ground: Float, middle: Float) -> Int:
    """Return for each centre its nearest position, no position twice."""
    _, order = cKDTree(ground).query(middle, k=min(6, len(ground)))
    taken: set[int] = set()
    chosen = []
    for row in order.reshape(len(middle), -1):
        spot = next((int(one) for one in row if int(one) not in taken), None)
        if spot is None:
            spot = next(one for one in range(len(ground)) if one not in taken)
        taken.add(spot)
        chosen.append(spot)
    return np.array(chosen, dtype=np.int64)


def _largest_remainder(weight: Float | Int, total: int) -> Int:
    """Split a whole number in proportion to weights."""
    share = weight / weight.sum() * total
    count: Int = np.floor(share).astype(np.int64)
    count[np.argsort(count - share, kind="stable")[: total - int(count.sum())]] += 1
    return count


def lloyd(xy: Float, weight: Float, k: int, rng: np.random.Generator, rounds: int = 14) -> Int:
    """Split weighted positions into compact clusters of like weight.

    Parameters
    ----------
    xy : array, shape (n, n_dimensions)
        Positions.
    weight : array, shape (n,)
        Weights above zero.
    k : int
        Number of clusters, at most n.
    rng : numpy.random.Generator
        Source of chance.
    rounds : int
        Rounds of improvement.

    Returns
    -------
    array of int, shape (n,)
        Cluster of each position; every cluster has at least one.
    """
    weight = np.maximum(weight, 1e-6)
    centre = xy[rng.choice(len(xy), k, replace=False, p=weight / weight.sum())]
    for _ in range(rounds):
        label = np.asarray(cKDTree(centre).query(xy)[1])
        mass = np.bincount(label, weights=weight, minlength=k)
        for axis in range(xy.shape[1]):
            moved = np.bincount(label, weights=weight * xy[:, axis], minlength=k)
            centre[:, axis] = np.where(mass > 0, moved / np.maximum(mass, 1e-9), centre[:, axis])
    label = np.asarray(cKDTree(centre).query(xy)[1], dtype=np.int64)
    for empty in np.flatnonzero(np.bincount(label, minlength=k) == 0):
        label[np.flatnonzero(label == np.bincount(label, minlength=k).argmax())[0]] = empty
    return label


def _cells(xy: Float, terrain: Terrain, plane: Plane, rng: np.random.Generator) -> Geometries:
    """Grow one cell around each settlement, on its own side of river and railway."""
    walls = shapely.union_all([terrain.outline.boundary, terrain.river, terrain.railway])
    regions = [
        part
        for part in shapely.get_parts(shapely.polygonize([walls]))
        if terrain.outline.contains(part.representative_point())
    ]
    home = np.full(len(xy), -1)
    lines = [walls]
    for number, region in enumerate(regions):
        home[shapely.contains_xy(region, *xy.T)] = number
        mine = xy[home == number]
        if len(mine) > 1:
            cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(mine), extend_to=terrain.outline))
            lines.extend(shapely.intersection(shapely.boundary(cells), region))
    net = shapely.segmentize(shapely.union_all(lines, grid_size=1.0), 260.0)
    rough = shapely.transform(net, lambda pts: _roughen(pts, walls, rng.bit_generator.random_raw() % 7 + 1))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(rough)))
    inside = shapely.point_on_surface(faces)
    faces = faces[shapely.contains(shapely.buffer(terrain.outline, 30), inside)]
    owner = _owner(faces, xy, home, regions)
    flat = np.asarray(plane.project(faces), dtype=object)
    return np.array([shapely.coverage_union_all(flat[owner == i]) for i in range(len(xy))], dtype=object)


def _roughen(xy: Float, fixed: shapely.Geometry, phase: int) -> Float:
    """Wriggle boundary vertices, except along river, railway and outline."""
    gap = shapely.distance(shapely.points(xy), fixed)
    size = np.clip(gap / 500, 0, 1)[:, None]
    out = xy.copy()
    for length_m, shift_m in ((2300.0, 75.0), (900.0, 38.0), (420.0, 14.0)):
        k = 2 * np.pi / length_m
        a = np.sin(k * (xy[:, 0] * 0.8 + xy[:, 1] * 0.6) + phase) * np.cos(k * xy[:, 1] - phase)
        b = np.sin(k * (xy[:, 0] * 0.6 - xy[:, 1] * 0.8) - 2 * phase) * np.cos(k * xy[:, 0] + phase)
        out += np.column_stack([a, b]) * shift_m * size
    return np.asarray(out)


def _owner(faces: Geometries, xy: Float, home: Int, regions: list[shapely.Polygon]) -> Int:
    """Give each face to the settlement inside it, and faces without one to a neighbour."""
    tree = shapely.STRtree(faces)
    face_of = np.full(len(faces), -1, dtype=np.int64)
    point, face = tree.query(shapely.points(xy), predicate="within")
    face_of[face] = point
    for lone in np.flatnonzero(face_of < 0):
        near = tree.query(faces[lone], predicate="intersects")
        shared = shapely.length(shapely.intersection(shapely.boundary(faces[near]), shapely.boundary(faces[lone])))
        shared[face_of[near] < 0] = -1
        face_of[lone] = face_of[near[int(np.argmax(shared))]]
    return face_of
