"""Facilities: where each kind stands, more of them where the district is well served, and what it offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import cKDTree

from geo.arrays import Float, Int
from geo.demo.layout import Layout, is_sidepath
from geo.demo.offer import Column, describe_facilities
from geo.demo.people import People, locate
from geo.demo.recipe import FacilityRecipe, Recipe


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as a file holds them.

    Parameters
    ----------
    columns : dict of str to list
        Header to values, in file order; None is an empty cell.
    lonlat : array, shape (n, 2)
        Positions in degrees (CGCS2000), rounded to 1e-7.
    """

    columns: dict[str, Column]
    lonlat: Float


@dataclass(frozen=True, slots=True)
class Ground:
    """Where facilities can stand.

    Parameters
    ----------
    start, end : array, shape (n, 2)
        Ends of street pieces that anybody may walk.
    is_road : array of bool, shape (n,)
        Road between settlements.
    name : array of str or None, shape (n,)
        Name of the street.
    """

    start: Float
    end: Float
    is_road: np.ndarray
    name: np.ndarray

    @property
    def middle(self) -> Float:
        """Middle of each piece.

        Returns
        -------
        array, shape (n, 2)
            Metres.
        """
        return np.asarray((self.start + self.end) / 2)


def make_ground(layout: Layout) -> Ground:
    """Collect the street pieces beside which facilities may stand.

    Parameters
    ----------
    layout : Layout
        The city.

    Returns
    -------
    Ground
        Pieces of streets, roads and open inner paths.
    """
    ways = layout.ways
    shut = np.zeros(len(ways), dtype=bool)
    inner = ways.role == "inner"
    shut[inner] = layout.plots.access[ways.line[inner]] != "open"
    good = ~shut & (ways.mark == "") & ~is_sidepath(ways)
    good &= np.isin(ways.role, ["city", "town", "road", "inner", "sidewalk"])
    chosen = ways.take(good)
    # Nothing on the island: its people are cut off.
    first = chosen.xy[chosen.start[:-1]]
    dry = np.asarray(~shapely.contains_xy(layout.terrain.island.buffer(60), first[:, 0], first[:, 1]))
    chosen = chosen.take(dry)
    size = np.diff(chosen.start)
    last = np.zeros(len(chosen.xy), dtype=bool)
    last[chosen.start[1:] - 1] = True
    head = np.flatnonzero(~last)
    way = np.repeat(np.arange(len(chosen)), size)[head]
    named = chosen.role != "inner"
    name = np.full(len(chosen), None, dtype=object)
    name[named] = layout.road_names.zh[chosen.line[named]]
    return Ground(chosen.xy[head], chosen.xy[head + 1], chosen.role[way] == "road", name[way])


def make_table(
    recipe: Recipe,
    kind: FacilityRecipe,
    layout: Layout,
    people: People,
    ground: Ground,
    rng: np.random.Generator,
) -> Table:
    """Place and describe the facilities of one file.

    Parameters
    ----------
    recipe : Recipe
        Service level of each district.
    kind : FacilityRecipe
        The file.
    layout : Layout
        The city.
    people : People
        Where older people live.
    ground : Ground
        Street pieces.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Table
        As many good rows as the recipe says.
    """
    target = _SITES[kind.site](recipe, kind, layout, people, ground, rng)
    xy, street = _beside_street(target, ground, kind.site == "hill", rng)
    lonlat = layout.plane.lonlat(xy)
    unit = locate(layout, lonlat)
    near = np.asarray(cKDTree(layout.divisions.xy).query(xy)[1])
    unit = np.where(unit < 0, near, unit)
    names = layout.division_names
    county = layout.divisions.county[unit]
    columns: dict[str, Column] = {
        "编号": [f"{kind.prefix}{number + 1:05d}" for number in range(kind.count)],
        "名称": _facility_names(recipe, kind, layout, unit),
        "地址": [
            f"{recipe.name}{recipe.districts[c].name}{names.township[layout.divisions.township[u]]}"
            + (f"{road}{int(door)}号" if road is not None else f"{names.village[u]}")
            for c, u, road, door in zip(county, unit, street, rng.integers(1, 320, kind.count), strict=True)
        ],
        "区划代码": [str(code) for code in names.village_code[unit]],
    }
    if kind.mix:
        columns["类型"] = [title for title, count in kind.mix for _ in range(count)]
    service = np.array([row.service for row in recipe.districts])[county]
    columns.update(describe_facilities(kind, service, rng))
    return Table(columns, lonlat)


def _draw_homes(people: People, weight: Float, count: int, rng: np.random.Generator) -> Float:
    """Draw homes by weight, no two in one place."""
    chance = weight / weight.sum()
    return people.xy[rng.choice(len(chance), count, replace=False, p=chance)]


def _at_people(
    recipe: Recipe,
    kind: FacilityRecipe,
    layout: Layout,
    people: People,
    ground: Ground,
    rng: np.random.Generator,
) -> Float:
    """Where older people live, in well-served districts first."""
    service = np.array([row.service for row in recipe.districts])[layout.divisions.county[people.unit]]
    radius = np.hypot(*people.xy.T)
    centre = 0.35 + np.exp(-radius / 7000)
    return _draw_homes(people, people.persons * service**kind.bias * centre ** (0.45 * kind.bias), kind.count, rng)


def _at_units(
    recipe: Recipe,
    kind: FacilityRecipe,
    layout: Layout,
    people: People,
    ground: Ground,
    rng: np.random.Generator,
) -> Float:
    """One in each village or community as far as the number goes, then second ones."""
    divisions = layout.divisions
    service = np.array([row.service for row in recipe.districts])[divisions.county]
    persons = np.bincount(people.unit, weights=people.persons, minlength=len(divisions.xy))
    weight = (persons + 30) ** 0.5 * service**kind.bias
    allowed = np.ones(len(weight), dtype=bool) if kind.site == "unit" else ~divisions.is_community
    weight = np.where(allowed, weight, 0.0)
    free = int(allowed.sum())
    first = rng.choice(len(weight), min(kind.count, free * 8 // 10), replace=False, p=weight / weight.sum())
    more = rng.choice(len(weight), kind.count - len(first), p=weight / weight.sum())
    chosen = np.concatenate([first, more])
    return np.asarray(divisions.xy[chosen] + rng.normal(0, 110, (kind.count, 2)))


def _at_seats(
    recipe: Recipe,
    kind: FacilityRecipe,
    layout: Layout,
    people: People,
    ground: Ground,
    rng: np.random.Generator,
) -> Float:
    """One in each township, further ones in the townships with most people."""
    divisions = layout.divisions
    seats = divisions.xy[divisions.is_seat]
    owner = divisions.township[divisions.is_seat]
    persons = np.bincount(divisions.township[people.unit], weights=people.persons, minlength=len(seats))
    service = np.array([row.service for row in recipe.districts])[divisions.township_county]
    order = np.argsort(-(persons * service**kind.bias)[owner], kind="stable")
    chosen = np.resize(np.concatenate([np.arange(len(seats)), order]), kind.count)
    spread = np.where(np.arange(kind.count) < len(seats), 90.0, 700.0)
    return np.asarray(seats[chosen] + rng.normal(0, 1, (kind.count, 2)) * spread[:, None])


def _at_counties(
    recipe: Recipe,
    kind: FacilityRecipe,
    layout: Layout,
    people: People,
    ground: Ground,
    rng: np.random.Generator,
) -> Float:
    """One for each county-level division at its densest spot, further ones at random homes."""
    count = len(recipe.districts)
    county = layout.divisions.county[people.unit]
    spots = []
    for i in range(kind.count):
        mine = np.flatnonzero(county == i % count)
        spots.append(people.xy[mine[rng.choice(len(mine), p=people.persons[mine] / people.persons[mine].sum())]])
    return np.array(spots)


def _at_hills(
    recipe: Recipe,
    kind: FacilityRecipe,
    layout: Layout,
    people: People,
    ground: Ground,
    rng: np.random.Generator,
) -> Float:
    """Beside country roads, away from homes, in the hills first."""
    middle = ground.middle
    away = cKDTree(layout.divisions.xy).query(middle)[0]
    outside = ~shapely.contains_xy(layout.terrain.city.buffer(800), *middle.T)
    good = np.flatnonzero(ground.is_road & outside & (away > 420))
    weight = 0.35 + layout.terrain.hilliness(middle[good])
    return np.asarray(middle[good[rng.choice(len(good), kind.count, replace=False, p=weight / weight.sum())]])


_Site = Callable[[Recipe, FacilityRecipe, Layout, People, Ground, np.random.Generator], Float]
_SITES: dict[str, _Site] = {
    "people": _at_people,
    "unit": _at_units,
    "village": _at_units,
    "seat": _at_seats,
    "county": _at_counties,
    "hill": _at_hills,
}


def _beside_street(target: Float, ground: Ground, is_far: bool, rng: np.random.Generator) -> tuple[Float, np.ndarray]:
    """Move targets beside the nearest street piece, 6 to 25 m off (cemeteries 40 to 120 m)."""
    piece = np.asarray(cKDTree(ground.middle).query(target)[1])
    along = ground.end[piece] - ground.start[piece]
    length = np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    normal = np.column_stack([-along[:, 1], along[:, 0]]) / length
    at = ground.start[piece] + along * rng.uniform(0.15, 0.85, (len(target), 1))
    side = np.where(((target - at) * normal).sum(axis=1) >= 0, 1.0, -1.0)[:, None]
    away = rng.uniform(40, 120, (len(target), 1)) if is_far else rng.uniform(6, 24, (len(target), 1))
    return np.asarray(at + normal * side * away), ground.name[piece]


def _facility_names(recipe: Recipe, kind: FacilityRecipe, layout: Layout, unit: Int) -> Column:
    """Name facilities after their village, township or county; repeats are numbered."""
    names, divisions = layout.division_names, layout.divisions
    out: Column = []
    seen: dict[str, int] = {}
    for one in unit:
        township = str(names.township[divisions.township[one]])
        county = recipe.districts[int(divisions.county[one])].name
        if kind.site in ("seat",):
            base = f"{township}{kind.name_zh}"
        elif kind.site == "county":
            base = f"{county}{kind.name_zh}"
        else:
            base = f"{township}{names.village[one]}{kind.name_zh}"
        seen[base] = seen.get(base, 0) + 1
        out.append(base if seen[base] == 1 else f"{base}({seen[base]}号点)")
    if kind.mix:
        titles = [title for title, count in kind.mix for _ in range(count)]
        out = [f"{base}{title}" for base, title in zip(out, titles, strict=True)]
    return out
