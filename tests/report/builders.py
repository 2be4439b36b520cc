"""A made-up city for the report's tests: 88 townships, 1,200 villages, 27,000 cells, three services."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import geopandas
import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from geo.access.cells import CellGrid, build_cells, cell_values
from geo.access.gaps import GapDemand, GapRules, find_gaps, persons_by_status
from geo.access.status import Certificates
from geo.network.plane import Plane
from geo.report.model import (
    ALL_PEOPLE,
    LEVELS,
    CellSet,
    CellValues,
    CircleAudit,
    CoverageReport,
    DivisionRow,
    FacilityMark,
    GapRow,
    GroupResult,
    ImportNote,
    IndicatorRow,
    NearestFigures,
    PersonCounts,
    QualityNote,
    SourceNote,
    TypeResult,
)

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
CODE_LENGTHS = {"prefecture": 4, "county": 6, "township": 9, "village": 13}
CENTRE = (118.05, 36.80)
M_LON, M_LAT = 89_300.0, 110_990.0
DISTRICTS = ("东城区", "西城区", "南湖区", "北山区", "云溪县")
BANDS = (
    ("60_69", "60–69 岁", 1.2, 0.55),
    ("70_79", "70–79 岁", 1.0, 0.30),
    ("80_plus", "80 岁及以上", 0.8, 0.12),
    ("unable", "失能", 0.6, 0.03),
)
TYPES = (
    ("senior_canteen", "长者食堂", 917, 15.0, None),
    ("township_eldercare_center", "综合养老服务中心", 139, 15.0, None),
    ("care_home", "养老机构", 161, None, 1000.0),
)
_CHARS_A = "青云明安福长永和清华德文景瑞丰泰石柳松杏"
_CHARS_B = "禾溪河山泉湖阳林桥岭庄园川屏台塘"


@dataclass(frozen=True)
class City:
    """Points and shapes that results are computed from."""

    xy: Floats
    persons: Floats
    village: npt.NDArray[np.int64]
    outlines: geopandas.GeoDataFrame
    context: geopandas.GeoDataFrame
    centres: Floats


def _lonlat(xy: Floats) -> Floats:
    return np.column_stack((CENTRE[0] + xy[:, 0] / M_LON, CENTRE[1] + xy[:, 1] / M_LAT))


def _name(index: int) -> str:
    return _CHARS_A[index % len(_CHARS_A)] + _CHARS_B[(index // len(_CHARS_A) + index) % len(_CHARS_B)]


def _partition(points: Floats, within: BaseGeometry) -> list[BaseGeometry]:
    """Voronoi cells of the points, clipped, in the order of the points."""
    diagram = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=within, ordered=True))
    return [shapely.intersection(cell, within) for cell in diagram]


@lru_cache(maxsize=2)
def city(n_points: int = 40_000, n_villages: int = 1_200, n_townships: int = 88) -> City:
    """Lay out the city; the seed is fixed."""
    rng = np.random.default_rng(7)
    angle = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    radius = 30_000 * (1 + 0.10 * np.sin(3 * angle + 1) + 0.06 * np.sin(7 * angle) + 0.03 * np.sin(17 * angle))
    city_shape = shapely.Polygon(np.column_stack((radius * np.cos(angle) * 1.15, radius * np.sin(angle) * 0.9)))
    centres = np.array([[0, 0], [-12_000, 4_000], [11_000, -7_000], [3_000, 15_000], [-9_000, -15_000.0]])
    spread = rng.normal(size=(n_villages * 3, 2)) * 13_000
    near = centres[rng.integers(0, 5, n_villages * 3)] + rng.normal(size=(n_villages * 3, 2)) * 5_000
    seeds = np.where(rng.random((n_villages * 3, 1)) < 0.55, near, spread)
    seeds = seeds[shapely.contains_xy(city_shape, seeds[:, 0], seeds[:, 1])][:n_villages]
    villages = _partition(seeds, city_shape)
    towns = seeds[rng.choice(seeds.shape[0], n_townships, replace=False)]
    town_of = np.argmin(((seeds[:, None] - towns[None]) ** 2).sum(2), axis=1)
    district_of = np.argmin(((towns[:, None] - centres[None]) ** 2).sum(2), axis=1)
    outlines = _outlines(villages, town_of, district_of, city_shape)
    where = rng.integers(0, seeds.shape[0], n_points)
    away = np.sqrt(((seeds[where][:, None] - centres[None]) ** 2).sum(2).min(1))
    xy = seeds[where] + rng.normal(size=(n_points, 2)) * np.clip(away / 16, 140, 450)[:, None]
    inside = shapely.contains_xy(city_shape, xy[:, 0], xy[:, 1])
    xy, away, where = xy[inside], away[inside], where[inside]
    persons = np.maximum(1, rng.poisson(6 + 46 * np.exp(-away / 5_000))).astype(np.float64)
    return City(xy, persons, where, outlines, _context(city_shape, centres), centres)


def _outlines(
    villages: list[BaseGeometry],
    town_of: npt.NDArray[np.int64],
    district_of: npt.NDArray[np.int64],
    shape: BaseGeometry,
) -> geopandas.GeoDataFrame:
    """Divisions at four levels, in degrees."""
    rows: list[tuple[str, str, str, str | None, BaseGeometry]] = [("370000", "示范市", "prefecture", None, shape)]
    for number, name in enumerate(DISTRICTS):
        mine = [villages[i] for i in np.flatnonzero(district_of[town_of] == number)]
        rows.append((f"37000{number + 1}", name, "county", "370000", shapely.union_all(mine)))
    for town in range(int(town_of.max()) + 1):
        mine = [villages[i] for i in np.flatnonzero(town_of == town)]
        suffix = "街道" if town % 3 else "镇"
        code = f"37000{district_of[town] + 1}{town + 1:03d}"
        rows.append((code, _name(town) + suffix, "township", code[:6], shapely.union_all(mine)))
    for number, polygon in enumerate(villages):
        town = int(town_of[number])
        parent = f"37000{district_of[town] + 1}{town + 1:03d}"
        suffix = "社区" if number % 2 else "村"
        rows.append((f"{parent}{number + 1:04d}", _name(number * 7) + suffix, "village", parent, polygon))
    shapes = shapely.transform(np.array([row[4] for row in rows], dtype=object), _lonlat)
    frame = geopandas.GeoDataFrame(
        [row[:4] for row in rows],
        columns=["code", "name", "level", "parent_code"],
        geometry=list(shapes),
        crs=4490,
    )
    return frame.reset_index(drop=True)


def _context(shape: BaseGeometry, centres: Floats) -> geopandas.GeoDataFrame:
    """A river, a railway and main roads."""
    t = np.linspace(-40_000, 40_000, 200)
    river = shapely.LineString(np.column_stack((t, 2_500 * np.sin(t / 7_000) - 4_000 + t * 0.1))).buffer(220)
    lines = [
        ("water", river),
        ("railway", shapely.LineString([(-35_000, -9_000), (2_000, 3_000), (36_000, 21_000)])),
    ]
    for i, a in enumerate(centres):
        lines += [("main_road", shapely.LineString([a, b])) for b in centres[i + 1 :]]
        lines += [("main_road", shapely.Point(a).buffer(r).exterior) for r in (1_500, 3_500)]
    shapes = [shapely.transform(shapely.intersection(line, shape), _lonlat) for _, line in lines]
    return geopandas.GeoDataFrame({"kind": [kind for kind, _ in lines]}, geometry=shapes, crs=4490)


@dataclass(frozen=True)
class Walked:
    """One band's walk: its people at every point, and how they fare."""

    people: Floats
    status: npt.NDArray[np.uint8]
    walk_s: Floats
    walk_m: Floats
    inside: npt.NDArray[np.bool_]

    def certificates(self) -> Certificates:
        """The same as the engine would return it."""
        none = np.full(self.status.size, -1, dtype=np.int32)
        return Certificates(self.status, none, self.walk_m, self.walk_s, np.zeros(self.status.size))


def _together(bands: list[Walked]) -> Walked:
    """Several bands, one after another."""
    return Walked(*(np.concatenate([getattr(band, name) for band in bands]) for name in Walked.__annotations__))


def _counts(walked: Walked, rows: Rows) -> PersonCounts:
    parts = np.bincount(walked.status[rows], weights=walked.people[rows], minlength=5)
    return PersonCounts(float(parts.sum()), *(float(part) for part in parts))


def _nearest(walked: Walked, rows: Rows) -> NearestFigures:
    """Person-weighted percentiles over those who reach a facility."""
    rows = rows[(walked.status[rows] < 3) & (walked.people[rows] > 0)]
    out: list[float] = []
    for values in (walked.walk_s[rows], walked.walk_m[rows]):
        order = np.argsort(values)
        share = np.cumsum(walked.people[rows][order])
        cuts = np.searchsorted(share, share[-1] * np.array([0.5, 0.9, 1.0])) if rows.size else []
        out += [float(values[order][min(cut, rows.size - 1)]) for cut in cuts]
    return NearestFigures(*out)


def _divisions(town: City, walked: Walked, levels: tuple[str, ...]) -> tuple[DivisionRow, ...]:
    """Rows of the levels; the bands lie one after another."""
    frame = town.outlines
    codes = frame[frame["level"] == "village"]["code"].to_numpy().astype("U13")
    member = np.tile(codes[town.village], walked.people.size // town.persons.size)
    rows = []
    for level in levels:
        names, inverse = np.unique(member.astype(f"U{CODE_LENGTHS[level]}"), return_inverse=True)
        parts = np.split(np.argsort(inverse, kind="stable"), np.cumsum(np.bincount(inverse))[:-1])
        by_code = dict(zip(names, parts, strict=True))
        of_level = frame[frame["level"] == level]
        for code, name, parent in zip(of_level["code"], of_level["name"], of_level["parent_code"], strict=True):
            mine = by_code.get(code[: CODE_LENGTHS[level]], np.empty(0, dtype=np.int64))
            circle = mine[walked.inside[mine]]
            wrong = circle[walked.status[circle] != 0]
            rows.append(
                DivisionRow(
                    code=code,
                    name=name,
                    level=level,
                    parent_code=parent if isinstance(parent, str) else None,
                    persons=_counts(walked, mine),
                    nearest=_nearest(walked, mine),
                    straight_line_persons=float(walked.people[circle].sum()),
                    overstated_persons=float(walked.people[wrong].sum()),
                )
            )
    return tuple(rows)


def _facilities(
    town: City, title: str, count: int, rng: np.random.Generator
) -> tuple[Floats, tuple[FacilityMark, ...]]:
    """Facilities near people, denser in the middle."""
    weight = town.persons**1.6
    chosen = town.xy[rng.choice(town.xy.shape[0], count, replace=False, p=weight / weight.sum())]
    chosen = chosen + rng.normal(size=chosen.shape) * 150
    status = rng.choice(["open", "planned", "closed", "suspended"], count, p=[0.93, 0.03, 0.03, 0.01])
    unit = "床" if title == "养老机构" else "座"
    marks = tuple(
        FacilityMark(f"{_name(i)}{title}", float(x), float(y), str(state), f"{20 + i % 9 * 10} {unit}")
        for i, ((x, y), state) in enumerate(zip(_lonlat(chosen), status, strict=True))
    )
    return chosen[status == "open"], marks


def _gaps(town: City, bands: list[Walked], wanted: int) -> tuple[tuple[GapRow, ...], float]:
    """The gaps as the analysis gathers them, and the people outside them."""
    weights = [band.people.astype(np.int64) for band in bands]
    demand = GapDemand(
        x=town.xy[:, 0],
        y=town.xy[:, 1],
        persons=persons_by_status([band.status for band in bands], weights),
        unit=1,
        facility=np.zeros(town.persons.size, dtype=np.int32),
        walk_m=bands[0].walk_m,
    )
    found = find_gaps(demand, Plane(*CENTRE), rules=GapRules(least_uncovered_share=0.5)).gaps
    frame = town.outlines
    villages = frame[frame["level"] == "village"].reset_index(drop=True)
    names = frame.set_index("code")["name"]
    homes = villages.sindex.nearest(shapely.points([(gap.lon, gap.lat) for gap in found]), return_all=False)[1]
    rows = []
    for gap, home in zip(found[:wanted], homes[:wanted], strict=True):
        parent = str(villages["parent_code"][home])
        rows.append(
            GapRow(
                rank=gap.rank,
                place_zh=f"{names[parent]} · {villages['name'][home]}",
                division_code=parent,
                persons=PersonCounts(gap.count, *gap.by_status),
                polygon=gap.polygon,
                nearest_facility=f"{_name(gap.rank * 3)}设施" if gap.rank % 9 else None,
                nearest_m=gap.nearest_p50_m if gap.rank % 9 else None,
            )
        )
    uncovered = sum(float(band.people[band.status != 0].sum()) for band in bands)
    return tuple(rows), uncovered - sum(row.persons.total for row in rows)


def _walk(town: City, sites: Floats, minutes: float | None, metres: float | None) -> list[Walked]:
    """Walk of every band; the detour changes from place to place, some places have no way out."""
    points = shapely.points(town.xy)
    line_m = shapely.STRtree(shapely.points(sites)).query_nearest(points, return_distance=True, all_matches=False)[1]
    wave = np.sin(town.xy[:, 0] / 1_300 + np.sin(town.xy[:, 1] / 900)) * np.sin(town.xy[:, 1] / 1_500)
    walk_m = line_m * (1.35 + 0.25 * wave) + 30
    odd = np.sin(town.xy[:, 0] / 2_100) * np.sin(town.xy[:, 1] / 1_700)
    shut = (odd > 0.95) & (line_m < 900)
    special = np.where(odd > 0.985, 3, np.where(odd < -0.992, 4, np.where(shut, 2, 0)))
    rest = town.persons - sum(np.rint(town.persons * share) for _, _, _, share in BANDS[1:])
    bands = []
    for band, _, speed, share in BANDS:
        walk_s = walk_m / speed
        reach_m = speed * minutes * 60 if minutes else metres or 0.0
        bands.append(
            Walked(
                people=rest if band == "60_69" else np.rint(town.persons * share),
                status=np.where(special > 0, special, np.where(walk_m <= reach_m, 0, 1)).astype(np.uint8),
                walk_s=np.where(special >= 3, np.nan, walk_s),
                walk_m=np.where(special >= 3, np.nan, walk_m),
                inside=line_m <= reach_m,
            )
        )
    return bands


def _group(
    town: City,
    grid: CellGrid,
    slug: str,
    title: str,
    speed: float | None,
    bands: list[Walked],
    minutes: float | None,
) -> GroupResult:
    walked = _together(bands)
    everyone = np.arange(walked.people.size)
    persons = _counts(walked, everyone)
    circle = np.flatnonzero(walked.inside)
    wrong = circle[walked.status[circle] != 0]
    values = cell_values(grid, [(band.certificates(), band.people.astype(np.int64)) for band in bands])
    return GroupResult(
        slug=slug,
        title_zh=title,
        speed_mps=speed,
        persons=persons,
        nearest=_nearest(walked, everyone),
        straight_line=CircleAudit(
            radius_m=(speed or 1.0) * (minutes or 15) * 60,
            basis_zh="步速 × 时限" if speed else "各年龄段步速 × 时限",
            persons=float(walked.people[circle].sum()),
            overstated_persons=float(walked.people[wrong].sum()),
            total_persons=persons.total,
        ),
        divisions=_divisions(town, walked, LEVELS[1:] if slug == ALL_PEOPLE else LEVELS[1:4]),
        cells=CellValues(values.status, values.covered_share, values.median_s if minutes else values.median_m),
    )


def _type_result(
    town: City,
    grid: CellGrid,
    number: int,
    spec: tuple[str, str, int, float | None, float | None],
    n_gaps: int,
) -> TypeResult:
    slug, title, count, minutes, metres = spec
    sites, marks = _facilities(town, title, min(count, town.persons.size // 4), np.random.default_rng(100 + number))
    bands = _walk(town, sites, minutes, metres)
    overall = _group(town, grid, ALL_PEOPLE, "全部 60 岁及以上", None, bands, minutes)
    persons = overall.persons
    everyone = _together(bands)
    gaps, scattered = _gaps(town, bands, n_gaps)
    return TypeResult(
        slug=slug,
        title_zh=title,
        family="EL",
        standard_zh=f"{minutes:g} 分钟 · 按年龄步速" if minutes else f"{metres:,.0f} 米 · 步行路径",
        minutes=minutes,
        metres=metres,
        overall=overall,
        bands=tuple(
            _group(town, grid, band, words, speed, [walked], minutes)
            for (band, words, speed, _), walked in zip(BANDS, bands, strict=True)
        ),
        circles=(
            CircleAudit(
                1000.0,
                "GB 50180-2018 十五分钟生活圈 1,000 米",
                float(everyone.people[everyone.walk_m < 1_300].sum()),
                float(everyone.people[(everyone.walk_m < 1_300) & (everyone.status != 0)].sum()),
                persons.total,
            ),
        ),
        gaps=gaps,
        scattered_persons=scattered,
        facilities=marks,
        indicators=_indicators(persons),
        run_id=f"20261122-{number + 1:02d}",
    )


def _indicators(persons: PersonCounts) -> tuple[IndicatorRow, ...]:
    """A row of each kind: a ratio, no data, a difference, a count, a length."""

    def row(code: str, title: str, value: float | None, unit: str, **more: object) -> IndicatorRow:
        common = {
            "method_zh": "路网步行，按年龄步速，星期二 10:00",
            "unit_set_zh": "2026 年区划，88 个乡镇",
            "source_zh": "示例数据",
            "quality_zh": "完整" if value is not None else "无数据",
        }
        return IndicatorRow(code, title, value, unit, **(common | more))

    total, covered = persons.total, persons.covered
    people = ("走得到的人（人）", "总人数（人）")

    def share(part: float, whole: float, words: tuple[str, str]) -> dict[str, object]:
        return dict(
            zip(
                ("numerator", "denominator", "numerator_zh", "denominator_zh"),
                (part, whole, *words),
                strict=True,
            )
        )

    return (
        row("M01", "人口覆盖率（按距离）", persons.ratio, "%", **share(covered, total, people)),
        row("M02", "居住用地覆盖率", None, "%", note_zh="没有居住用地数据"),
        row("M03", "行政单元覆盖率", 71 / 88, "%", **share(71, 88, ("有设施的乡镇（个）", "乡镇（个）"))),
        row("M04", "人口覆盖率（按步行时间）", persons.ratio, "%", **share(covered, total, people)),
        row("M05", "直线等效半径", 706.9, "米"),
        row("M06", "直线缓冲区高估", 0.1263, "百分点"),
        row("M07", "服务盲区人数", persons.uncovered, "人"),
        row(
            "M08",
            "最近设施步行距离",
            731.4,
            "米",
            **share(total * 731.4, total, ("人数 × 距离（人·米）", people[1])),
        ),
        row(
            "M09",
            "两处可选的人口比例",
            0.25,
            "%",
            **share(total / 4, total, ("有两处可选的人（人）", people[1])),
        ),
        row(
            "M10",
            "重叠度",
            1.5,
            "处/人",
            **share(covered * 1.5, covered, ("可达设施数之和（处）", people[0])),
        ),
    )


@lru_cache(maxsize=2)
def coverage_report(n_points: int = 40_000, n_villages: int = 1_200, n_gaps: int = 60) -> CoverageReport:
    """The whole report at the size of the demo city, or smaller."""
    town = city(n_points, n_villages, min(88, n_villages // 4))
    lonlat = _lonlat(town.xy)
    grid = build_cells(lonlat[:, 0], lonlat[:, 1], town.persons.astype(np.int64), 1)
    types = tuple(_type_result(town, grid, number, spec, n_gaps) for number, spec in enumerate(TYPES))
    total = types[0].overall.persons.total
    return CoverageReport(
        title="示范市养老服务设施步行可达性评估",
        bureau="示范市民政局",
        is_synthetic=True,
        data_date=date(2026, 11, 22),
        generated_on=date(2026, 11, 23),
        parameters=(
            ("时限或距离", "长者食堂 15 分钟；综合养老服务中心 15 分钟；养老机构 1,000 米"),
            ("步行速度", "60–69 岁 1.2 m/s；70–79 岁 1.0 m/s；80 岁及以上 0.8 m/s；失能 0.6 m/s"),
            ("出行时刻", "星期二 10:00"),
            ("连接距离上限", "150 米"),
            ("台阶系数", "1.4"),
            ("最近设施搜索上限", "120 分钟"),
        ),
        population_zh="常住人口（60 岁及以上）",
        population_year=2025,
        cells=CellSet(
            grid.west_deg,
            grid.south_deg,
            grid.step_lon_deg,
            grid.step_lat_deg,
            grid.unit_m,
            grid.column,
            grid.row,
            grid.span,
            grid.persons.astype(np.float64),
            float(grid.moved),
        ),
        types=types,
        outlines=town.outlines,
        context=town.context,
        imports=(
            ImportNote("街道", "osm", "streets.osm.pbf", date(2026, 11, 20), 84_211, 84_211, 0, 0),
            ImportNote("设施", "长者食堂台账", "长者食堂.xlsx", date(2026, 11, 20), 925, 917, 6, 8),
            ImportNote("需求点", "老年人口", "older_people.csv", date(2026, 11, 21), n_points, n_points, 0, 0),
        ),
        quality=(
            QualityNote("未连接的需求点", 214, "个", "150 米内没有可步行的街道，计为“未接入路网”"),
            QualityNote("不连通的街道片段", 37, "处", "片段内没有开放的设施，居民计为“不连通”"),
            QualityNote("未说明开放时间的设施", 61, "个", "按全天开放处理"),
        ),
        sources=(
            SourceNote("GB 50180-2018 城市居住区规划设计标准", "2018", "15 分钟生活圈对应 800–1,000 米"),
            SourceNote("示范市街道与人口（虚构）", "2026", f"示例数据，合计 {total:,.0f} 人"),
        ),
    )


def with_names(report: CoverageReport, name: str) -> CoverageReport:
    """The same report with every text replaced."""
    outlines = report.outlines.assign(name=name) if report.outlines is not None else None

    def group(result: GroupResult) -> GroupResult:
        rows = tuple(replace(row, name=name) for row in result.divisions)
        return replace(result, title_zh=name, divisions=rows)

    types = tuple(
        replace(
            result,
            title_zh=f"{name}{number}",
            standard_zh=name,
            overall=group(result.overall),
            bands=tuple(group(band) for band in result.bands),
            gaps=tuple(replace(gap, place_zh=name, nearest_facility=name) for gap in result.gaps),
            facilities=tuple(replace(mark, name=name, capacity_zh=name) for mark in result.facilities),
            indicators=tuple(replace(row, title_zh=name, note_zh=name, method_zh=name) for row in result.indicators),
            run_id=name,
        )
        for number, result in enumerate(report.types)
    )
    return replace(
        report,
        title=name,
        bureau=name,
        parameters=((name, name),),
        population_zh=name,
        types=types,
        outlines=outlines,
        quality=(QualityNote(name, 1, name, name),),
        sources=(SourceNote(name, name, name),),
        imports=(ImportNote(name, name, name, None, 1, 1, 0, 0),),
    )
