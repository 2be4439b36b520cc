"""A table of people per community, spread over the residential streets inside each community's polygon.

Points stand about every 50 m along the streets, at even spacing over all of a community's streets together,
so each stands for the same length of street. People are dealt to the points like cards, in an order that
jumps about the community: that is the largest-remainder rule for equal shares, it keeps every total by age
and by ability exactly, and at every point the bands add up to the persons.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from geo.arrays import Bool, Float, Int
from geo.datum import local_metric_crs
from geo.intake.demand import ABILITY_FIELDS, AGE_FIELDS, COUNT_FIELDS, PERSON_FIELDS, Population, read_counts
from geo.intake.findings import Findings
from geo.intake.mapping import ColumnMap, Field, Vocabulary, note_unused, require, words
from geo.intake.result import IntakeOptions, IntakeResult
from geo.intake.rows import CRS_CODE, column_text, open_rows
from geo.intake.table import Objects, RawTable
from geo.intake.values import narrow

SPACING_M = 50.0
LANE_KINDS = (
    *("residential", "living_street", "service", "pedestrian", "footway"),
    *words("居住区道路 小区道路 小区路 街坊路 内部道路 支路 街道 巷 巷道 胡同 步行街 步行道 人行道"),
)
RESIDENTIAL_KINDS = (*LANE_KINDS, "unclassified", *words("乡道 村道"))
METHOD = "spread over the streets of the community polygon"
MICRO = 1_000_000
_GOLDEN = 0.6180339887498949

VOCABULARY = Vocabulary(
    (
        Field(
            "code",
            words("代码 区划代码 行政区划代码 区划编码 社区代码 村居代码 村代码 division_code 社区编码"),
            words("id 编号 编码"),
        ),
        Field("name", words("名称 社区 社区名称 村居 村居名称 村社区 区划名称 单位")),
        *COUNT_FIELDS,
    )
)


@dataclass(frozen=True, slots=True)
class _Match:
    """Which polygon each table row belongs to (-1 = none)."""

    polygon: Int


def read_communities(
    path: Path,
    polygons: gpd.GeoDataFrame,
    streets: gpd.GeoDataFrame | None,
    options: IntakeOptions | None = None,
    *,
    population: Population = "unstated",
    year: int | None = None,
) -> IntakeResult:
    """Read a table per community and spread its people over the communities' streets.

    Parameters
    ----------
    path : pathlib.Path
        CSV or XLSX with a code or a name and counts.
    polygons : geopandas.GeoDataFrame
        Communities in EPSG:4490 with ``code`` and ``name``.
    streets : geopandas.GeoDataFrame or None
        Street segments in EPSG:4490 with ``kind`` and ``foot``.
    options : IntakeOptions or None
        How to read the table.
    population : {"resident", "registered", "unstated"}
        Kind of population counted.
    year : int or None
        Year of the count.

    Returns
    -------
    IntakeResult
        Layer ``demand_points``; every person of every good row stands at some point.

    Raises
    ------
    InputError
        If the file as a whole is refused.
    DataSourceError
        If it cannot be read or is empty.
    """
    options = options or IntakeOptions()
    table, columns, found = open_rows(path, VOCABULARY, options)
    require(table.columns, columns, ["code|name", "|".join(("persons", *AGE_FIELDS, *ABILITY_FIELDS))], found)
    counts = read_counts(table, columns, found)
    matched = _join(table, columns, polygons, found)
    found.stop_if_fatal()
    rows = np.flatnonzero(found.keep)
    spots = _Spots.build(polygons, streets)
    parts: list[pd.DataFrame] = []
    tally = [0, 0, 0]
    for i in rows.tolist():
        at = int(matched.polygon[i])
        row_counts = {name: float(counts[name][i]) for name in PERSON_FIELDS}
        lon, lat, source = spots.along(at, row_counts["persons"])
        tally[source] += 1
        frame = pd.DataFrame(deal(row_counts, len(lon)))
        code = str(polygons["code"].iloc[at])
        frame.insert(0, "id", [f"{code}-{k + 1:04d}" for k in range(len(lon))])
        frame.insert(1, "name", polygons["name"].iloc[at])
        frame["division_code"], frame["lon"], frame["lat"] = code, lon, lat
        frame["import_line"] = int(table.lines[i])
        parts.append(frame[frame["persons"] > 0])
    _note_sources(tally, found)
    note_unused(columns.unused, found)
    return _result(table, columns, found, parts, population, year)


def deal(counts: dict[str, float], points: int) -> dict[str, Float]:
    """Deal a community's people to equal points, keeping every total.

    Parameters
    ----------
    counts : dict of str to float
        Persons, age bands and ability classes, each adding up to the persons; NaN where unknown.
    points : int
        Number of points.

    Returns
    -------
    dict of str to numpy.ndarray
        Counts by point: whole where the community's are whole, otherwise to a millionth. Sums over points
        equal the input, and at every point bands and classes add up to the persons.
    """
    known = [value for value in counts.values() if not np.isnan(value)]
    unit = 1 if all(float(value).is_integer() for value in known) else MICRO
    turn = np.argsort(np.argsort(np.modf(np.arange(points) * _GOLDEN)[0], kind="stable"), kind="stable")
    out: dict[str, Float] = {}
    for group in (("persons",), AGE_FIELDS, ABILITY_FIELDS):
        start = 0
        for name in group:
            value = counts[name]
            if np.isnan(value):
                out[name] = np.full(points, np.nan)
                continue
            amount = round(value * unit)
            # Cards start .. start + amount - 1; turn t gets those equal to t modulo the points.
            upto = (start + amount - 1 - turn) // points
            before = (start - 1 - turn) // points
            out[name] = (upto - before).astype(np.float64) / unit
            start += amount
    return out


@dataclass(frozen=True, slots=True)
class _Spots:
    """Streets inside every polygon, in metres."""

    polygons: gpd.GeoDataFrame
    pieces: tuple[tuple[Int, Objects], ...]
    to_degrees: Transformer

    @classmethod
    def build(cls, polygons: gpd.GeoDataFrame, streets: gpd.GeoDataFrame | None) -> _Spots:
        """Cut the streets by the polygons: lanes first, other small ones and all walkable ones as reserves."""
        west, south, east, north = polygons.total_bounds
        plane = local_metric_crs((west + east) / 2, (south + north) / 2)
        to_degrees = Transformer.from_crs(plane, 4490, always_xy=True)
        if streets is None or streets.empty:
            return cls(polygons, (), to_degrees)
        walkable = streets["foot"].fillna("public").ne("no") if "foot" in streets else pd.Series(True, streets.index)
        # In the country an unclassified road joins villages and few live along it: lanes of the village come first.
        lanes = walkable & streets["kind"].isin(LANE_KINDS)
        homes = walkable & streets["kind"].isin(RESIDENTIAL_KINDS)
        shapes = polygons.geometry.to_crs(plane).to_numpy()
        tiers = (lanes, homes, walkable)
        pieces = tuple(_cut(shapes, streets.geometry[chosen].to_crs(plane).to_numpy()) for chosen in tiers)
        return cls(polygons, pieces, to_degrees)

    def along(self, at: int, persons: float) -> tuple[Float, Float, int]:
        """Places along a polygon's streets, and which streets: 0 residential, 1 any walkable, 2 none."""
        for tier, (owner, lines) in enumerate(self.pieces):
            first, last = np.searchsorted(owner, [at, at + 1])
            if first == last:
                continue
            lon, lat = self.to_degrees.transform(*_even_points(lines[first:last], persons))
            return np.asarray(lon), np.asarray(lat), max(tier - 1, 0)
        spot = self.polygons.geometry.iloc[at].representative_point()
        return np.array([spot.x]), np.array([spot.y]), 2


def _cut(shapes: Objects, lines: Objects) -> tuple[Int, Objects]:
    """Parts of lines inside polygons with their polygon, along a space-filling order within each."""
    tree = shapely.STRtree(lines)
    polygon, line = tree.query(shapes, predicate="intersects")
    inside, origin = shapely.get_parts(shapely.intersection(lines[line], shapes[polygon]), return_index=True)
    owner = polygon[origin]
    keep = (shapely.get_type_id(inside) == 1) & (shapely.length(inside) > 0)
    inside, owner = inside[keep], owner[keep]
    middle = shapely.get_coordinates(shapely.line_interpolate_point(inside, 0.5, normalized=True))
    curve = gpd.GeoSeries(gpd.points_from_xy(middle[:, 0], middle[:, 1])).hilbert_distance() if len(inside) else []
    order = np.lexsort((middle[:, 1], middle[:, 0], np.asarray(curve), owner))
    return owner[order].astype(np.int64), inside[order]


def _even_points(lines: Objects, persons: float) -> tuple[Float, Float]:
    """Points about every 50 m over all lines together, no more than whole persons."""
    ends = np.cumsum(shapely.length(lines))
    count = max(1, round(ends[-1] / SPACING_M))
    if float(persons).is_integer():
        count = max(1, min(count, int(persons)))
    reach = (np.arange(count) + 0.5) * ends[-1] / count
    which = np.minimum(np.searchsorted(ends, reach), len(lines) - 1)
    starts = np.concatenate([[0.0], ends[:-1]])
    places = shapely.line_interpolate_point(lines[which], reach - starts[which])
    return shapely.get_x(places), shapely.get_y(places)


def _join(table: RawTable, columns: ColumnMap, polygons: gpd.GeoDataFrame, found: Findings) -> _Match:
    """Match rows with polygons by code, otherwise by name; what stays alone on either side is refused."""
    size = len(table.lines)
    at = np.full(size, -1, np.int64)
    field = "code" if columns.get("code") is not None else "name"
    column = columns.get(field)
    if column is None:
        return _Match(at)
    given = column_text(table, columns, field, found, is_code=True)
    keys = [_key(value) for value in polygons[field]]
    index = pd.Series(range(len(keys)), index=keys)
    twice = set(index.index[index.index.duplicated(keep=False)])
    index = index[~index.index.duplicated(keep="first")]
    wanted = [_key(value) for value in given]
    at = np.asarray(index.reindex(wanted).fillna(-1).to_numpy(), np.int64)
    what_zh, what_en = ("代码", "code") if field == "code" else ("名称", "name")
    vague = np.array([key in twice for key in wanted], np.bool_)
    found.rows(
        vague,
        "ambiguous_name",
        "refused",
        f"有多个社区面使用这个{what_zh}；请改用唯一的代码。",
        f"Several polygons have this {what_en}; use unique codes.",
        field=column,
        values=given,
    )
    alone = (at < 0) & ~vague
    found.rows(
        alone,
        "unmatched_row",
        "refused",
        f"没有这个{what_zh}的社区面；两边的{what_zh}应一致。",
        f"No polygon has this {what_en}; both sides must agree.",
        field=column,
        values=given,
    )
    again = pd.Series(at).duplicated().to_numpy(np.bool_) & (at >= 0) & ~vague
    found.rows(
        again,
        "duplicate_id",
        "refused",
        f"{what_zh}重复；每个社区只应有一行。",
        f"Repeated {what_en}; one row per community.",
        field=column,
        values=given,
    )
    left = np.setdiff1d(np.arange(len(keys)), at[at >= 0])
    for position in left.tolist():
        label = f"{polygons['code'].iloc[position]} {polygons['name'].iloc[position] or ''}".strip()
        found.part(
            "unmatched_polygon",
            "社区面在表中没有对应的行；人数未知，不会按 0 计。",
            "A community polygon without a row in the table; its people are unknown, not 0.",
            field=field,
            value=label,
        )
    return _Match(at)


def _key(value: object) -> str:
    """Code or name as it is compared."""
    return "" if value is None else narrow(str(value)).replace(" ", "")


def _note_sources(tally: list[int], found: Findings) -> None:
    """Note where people could not be put on residential streets."""
    if tally[1]:
        found.whole(
            "spread_fallback",
            "note",
            f"{tally[1]:,} 个社区内没有居住类道路，人口分布到全部可步行道路。",
            f"{tally[1]:,} communities have no residential street; people stand along all walkable ones.",
        )
    if tally[2]:
        found.whole(
            "spread_fallback",
            "note",
            f"{tally[2]:,} 个社区内没有可步行道路，人口放在面内一点。",
            f"{tally[2]:,} communities have no walkable street; people stand at one inner point.",
        )


def _result(
    table: RawTable,
    columns: ColumnMap,
    found: Findings,
    parts: list[pd.DataFrame],
    population: Population,
    year: int | None,
) -> IntakeResult:
    """Demand points of all communities."""
    names = ["id", "name", *PERSON_FIELDS, "division_code", "lon", "lat", "import_line"]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({name: [] for name in names})
    size = len(frame)
    lon, lat = frame["lon"].to_numpy(np.float64), frame["lat"].to_numpy(np.float64)
    data = frame[["id", "name"]].astype(object).where(frame[["id", "name"]].notna(), None)
    data["kind"] = np.full(size, "community_spread", object)
    for name in PERSON_FIELDS:
        data[name] = frame[name].astype(np.float64)
    data["division_code"] = frame["division_code"].astype(object)
    data["population"] = np.full(size, population, object)
    data["year"] = np.full(size, np.nan if year is None else float(year))
    data["raw_x"], data["raw_y"] = lon, lat
    data["raw_crs"] = np.full(size, "cgcs2000", object)
    data["datum_method"] = np.full(size, METHOD, object)
    data["accuracy_m"] = np.full(size, np.nan)
    data["import_line"] = frame["import_line"].astype(np.int64)
    keep: Bool = found.keep
    return IntakeResult(
        layer="demand_points",
        file=table.file,
        frame=gpd.GeoDataFrame(data, geometry=gpd.points_from_xy(lon, lat), crs=CRS_CODE),
        problems=found.problems(),
        rows_read=int((~found.set_aside).sum()),
        rows_refused=int((found.refused & ~found.set_aside).sum()),
        rows_repaired=int((found.repaired & keep).sum()),
        datum="cgcs2000",
        datum_zh="人口分布在社区面内的道路上（示意位置）",
        datum_en="people spread over the streets inside each community polygon (not their homes)",
        mapping=columns.by_column,
    )
