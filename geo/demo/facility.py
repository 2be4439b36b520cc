"""Facilities: where each kind stands, more of them where the district is well served, and what it offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import cKDTree

from geo.arrays import Float, Int
from geo.demo.layout import Layout, is_sidepath
from geo.demo.names import words
from geo.demo.people import People, locate
from geo.demo.recipe import FacilityRecipe, Recipe

Column = list[object]


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
    columns.update(_common(recipe, kind, county, rng))
    service = np.array([row.service for row in recipe.districts])[county]
    columns.update(_DETAILS.get(kind.type, _nothing)(kind.count, service, rng))
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


def _common(recipe: Recipe, kind: FacilityRecipe, county: Int, rng: np.random.Generator) -> dict[str, Column]:
    """Return operator, ownership, status and dates."""
    count = kind.count
    operators = words()["operators"]["names"]
    status = rng.choice(["运营", "在建", "规划", "暂停", "关闭"], count, p=[0.945, 0.015, 0.015, 0.015, 0.01])
    year = rng.integers(2012, 2025, count)
    month, day = rng.integers(1, 13, count), rng.integers(1, 29, count)
    opened: Column = [
        f"{y}-{m:02d}-{d:02d}" if s in ("运营", "暂停", "关闭") else None
        for y, m, d, s in zip(year, month, day, status, strict=True)
    ]
    closed: Column = [
        f"2025-{m:02d}-{d:02d}" if s == "关闭" else None for m, d, s in zip(month, day, status, strict=True)
    ]
    return {
        "运营单位": list(rng.choice(operators, count)),
        "所有制": list(rng.choice(["公办", "公建民营", "民办"], count, p=[0.34, 0.38, 0.28])),
        "状态": list(status),
        "启用日期": opened,
        "停用日期": closed,
    }


def _ints(values: Float | Int) -> Column:
    """Return whole numbers as Python ints."""
    return [int(value) for value in np.round(values)]


def _canteen(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Seats, meals, delivery and opening hours of canteens."""
    seats = np.clip(rng.lognormal(np.log(34 + 16 * service.mean()), 0.5, count), 8, 220)
    meals = seats * rng.uniform(0.25, 1.6, count)
    return {
        "座位": _ints(seats),
        "日供餐量": _ints(meals),
        "送餐半径": _ints(rng.choice([0, 500, 1000, 1500], count)),
        "补贴类别": list(rng.choice(["一类", "二类", "三类"], count)),
        "建筑面积": _ints(seats * rng.uniform(1.6, 3.4, count)),
        "楼层": _ints(rng.choice([1, 1, 1, 2, 3, -1], count)),
        "开放时间": list(
            rng.choice(["Mo-Su 11:00-13:00", "Mo-Fr 11:00-13:00", "Mo-Su 11:00-13:00,17:00-18:30"], count)
        ),
    }


def _home(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Beds, staff and area of care homes; a few below what the standards ask."""
    beds = np.clip(np.round(rng.lognormal(np.log(110), 0.75, count)), 12, 620)
    nursing = np.round(beds * rng.uniform(0.3, 0.85, count))
    residents = np.round(beds * rng.uniform(0.35, 0.95, count))
    return {
        "床位": _ints(beds),
        "护理型床位": _ints(nursing),
        "认知障碍床位": _ints(nursing * rng.choice([0, 0, 0.1, 0.2], count)),
        "入住人数": _ints(residents),
        "护理员人数": _ints(np.maximum(residents / rng.uniform(4, 9, count), 2)),
        "建筑面积": _ints(beds * rng.uniform(27, 52, count)),
        "占地面积": _ints(beds * rng.uniform(15, 46, count)),
        "等级": list(rng.choice(["一级", "二级", "三级", "四级", "未评定"], count, p=[0.2, 0.3, 0.2, 0.08, 0.22])),
        "医疗服务": list(rng.choice(["内设", "签约", "无"], count, p=[0.24, 0.57, 0.19])),
    }


def _center(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Area and beds of township centres; about one in eight below 1,000 m²."""
    area = np.clip(rng.lognormal(np.log(1550), 0.36, count), 520, 5200)
    return {
        "建筑面积": _ints(area),
        "床位": _ints(area / rng.uniform(38, 75, count)),
        "服务内容": _services(count, rng),
    }


def _station(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Area of stations; about one in ten below 300 m²."""
    area = np.clip(rng.lognormal(np.log(430), 0.3, count), 120, 1600)
    return {
        "建筑面积": _ints(area),
        "楼层": _ints(rng.choice([1, 1, 1, 2, 4], count)),
        "服务内容": _services(count, rng),
    }


def _day_care(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Area and places of day-care centres."""
    area = np.clip(rng.lognormal(np.log(520), 0.35, count), 150, 1700)
    return {
        "建筑面积": _ints(area),
        "照料位": _ints(area / rng.uniform(16, 30, count)),
        "服务内容": _services(count, rng),
    }


def _services(count: int, rng: np.random.Generator) -> Column:
    """Draw lists of services."""
    kinds = np.array(["助餐", "助浴", "助洁", "康复", "日间照料", "短期托养", "文娱", "精神慰藉"])
    return ["、".join(kinds[np.sort(rng.choice(8, size, replace=False))]) for size in rng.integers(2, 6, count)]


def _social_work(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Staff and the five haves."""
    haves = ("有场所", "有设备", "有人员", "有服务功能", "有工作流程")
    five: dict[str, Column] = {head: ["是" if ok else "否" for ok in rng.random(count) < 0.93] for head in haves}
    return {
        "社工人数": _ints(rng.integers(1, 8, count)),
        "建筑面积": _ints(rng.uniform(24, 140, count)),
        **five,
    }


def _cemetery(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Plots, burials and area."""
    plots = np.round(rng.lognormal(np.log(2400), 0.8, count))
    buried = np.round(plots * rng.uniform(0.1, 0.93, count))
    return {
        "占地面积": _ints(plots * rng.uniform(2.4, 4.2, count)),
        "墓穴数": _ints(plots),
        "已安葬墓穴": _ints(buried),
        "剩余墓穴": _ints(plots - buried),
        "单穴面积": [float(x) for x in rng.choice([0.4, 0.5, 0.5, 0.6, 0.9], count)],
        "双穴面积": [float(x) for x in rng.choice([0.7, 0.8, 0.8, 1.0, 1.4], count)],
    }


def _commercial(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """A cemetery's figures with sales and the licence."""
    columns = _cemetery(count, service, rng)
    plots, buried = (
        np.array(columns["墓穴数"], dtype=np.float64),
        np.array(columns["已安葬墓穴"], dtype=np.float64),
    )
    sold = buried + (plots - buried) * rng.uniform(0.05, 0.6, count)
    dates: Column = [f"{year}-12-31" for year in rng.integers(2024, 2046, count)]
    return {**columns, "已售墓穴": _ints(sold), "许可期限": dates}


def _columbarium(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Niches."""
    niches = np.round(rng.lognormal(np.log(4200), 0.7, count))
    return {"格位数": _ints(niches), "已用格位": _ints(niches * rng.uniform(0.05, 0.8, count))}


def _eco(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Form and yearly burials."""
    return {
        "安葬形式": list(rng.choice(["树葬", "草坪葬", "花葬", "壁葬"], count)),
        "安葬位": _ints(rng.lognormal(np.log(900), 0.6, count)),
        "年安葬量": _ints(rng.uniform(3, 120, count)),
    }


def _traditional(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Graves and the measure taken."""
    return {
        "坟墓数": _ints(rng.lognormal(np.log(38), 1.0, count) + 1),
        "整治措施": list(rng.choice(["绿化遮挡", "迁入公墓", "登记保留", "待定"], count)),
    }


def _funeral(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Furnaces, halls, cremations."""
    furnaces = rng.integers(3, 11, count)
    return {
        "火化炉": _ints(furnaces),
        "告别厅": _ints(rng.integers(2, 9, count)),
        "年火化量": _ints(furnaces * rng.uniform(700, 1500, count)),
        "等级": list(rng.choice(["二级", "三级"], count)),
    }


def _one(head: str, low: int, high: int) -> Callable[[int, Float, np.random.Generator], dict[str, Column]]:
    """Make a builder of one whole-number column."""

    def build(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
        return {head: _ints(rng.integers(low, high, count))}

    return build


def _marriage(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Windows, staff, cases and the people served."""
    cases = rng.integers(1800, 5200, count)
    return {
        "登记窗口数": _ints(rng.integers(2, 7, count)),
        "等级": list(rng.choice(["3A", "4A", "5A"], count)),
        "登记员人数": _ints(rng.integers(3, 11, count)),
        "年办理量": _ints(cases),
        "辖区户籍人口": _ints(rng.integers(380000, 1050000, count)),
        "开放时间": ["Mo-Fr 09:00-17:00"] * count,
    }


def _nothing(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """No columns of its own."""
    return {}


_Builder = Callable[[int, Float, np.random.Generator], dict[str, Column]]
_DETAILS: dict[str, _Builder] = {
    "senior_canteen": _canteen,
    "care_home": _home,
    "township_eldercare_center": _center,
    "community_care_station": _station,
    "day_care_center": _day_care,
    "social_work_station": _social_work,
    "public_cemetery": _cemetery,
    "commercial_cemetery": _commercial,
    "columbarium": _columbarium,
    "eco_burial_site": _eco,
    "traditional_burial_site": _traditional,
    "funeral_home": _funeral,
    "marriage_registry": _marriage,
    "rural_mutual_aid_home": _one("照料位", 4, 40),
    "charity_point": _one("志愿者人数", 2, 40),
    "child_protection_station": _one("工作人员数", 1, 5),
    "relief_window": _one("窗口数", 1, 4),
    "relief_station": _one("床位", 20, 120),
}
