"""The demo city's files: same bytes every time, the promised numbers, and defects just where the manifest says."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import tomllib
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pytest
import shapely
from python_calamine import CalamineWorkbook
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from geo.catalog.load import facility_types
from geo.demo.city import MANIFEST, POINTS, TABLE, VILLAGES, DemoFiles, make_demo_city
from geo.demo.recipe import Recipe, load_recipe
from geo.intake.community import read_communities
from geo.intake.demand import read_demand
from geo.intake.division import read_divisions
from geo.intake.facility import read_facilities
from geo.intake.result import IntakeOptions, IntakeResult
from geo.network.osm import read_osm

NODES = 30000


def small_recipe() -> Recipe:
    """Return the default city with fewer villages and thinner nets."""
    recipe = load_recipe()
    size = replace(recipe.size, nodes=NODES, demand_points=9000, villages=520, town_radius_km=(0.2, 0.3))
    return replace(recipe, size=size)


@dataclass(frozen=True)
class Made:
    """A written city with its manifest."""

    recipe: Recipe
    files: DemoFiles
    manifest: dict[str, object]

    @property
    def imports(self) -> list[dict[str, object]]:
        """Rows of the import list."""
        rows = self.manifest["import"]
        assert isinstance(rows, list)
        return rows


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Write the small city once."""
    recipe = small_recipe()
    files = make_demo_city(tmp_path_factory.mktemp("city"), recipe=recipe)
    return Made(recipe, files, tomllib.loads(files.manifest.read_text(encoding="utf-8")))


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_two_runs_write_the_same_bytes(made: Made, tmp_path: Path) -> None:
    phrases: list[float] = []
    make_demo_city(tmp_path, recipe=made.recipe, progress=lambda _, share: phrases.append(share))
    assert digest(tmp_path) == digest(made.files.folder)
    assert phrases == sorted(phrases)
    assert phrases[-1] == 1.0


def test_every_file_is_plainly_an_example(made: Made) -> None:
    names = {path.name for path in made.files.folder.iterdir()} - {MANIFEST}
    assert all("示例" in name for name in names)
    assert made.manifest["label"] == "示例数据"
    assert names == {str(row[key]) for row in made.imports for key in ("path", "areas") if key in row}


def test_the_manifest_lists_divisions_before_streets_before_people_before_facilities(made: Made) -> None:
    order = [str(row["kind"]) for row in made.imports]
    rank = {"divisions": 0, "streets": 1, "demand": 2, "facilities": 3}
    assert [rank[kind] for kind in order] == sorted(rank[kind] for kind in order)


def test_progress_need_not_be_watched_and_default_counts_are_the_reports() -> None:
    recipe = load_recipe()
    counts = {row.type: row.count for row in recipe.facilities}
    assert counts["senior_canteen"] == 917
    assert counts["care_home"] == 161
    assert counts["township_eldercare_center"] == 139
    assert counts["community_care_station"] == 1032
    assert counts["social_work_station"] == 88
    assert sum(row.subdistricts + row.towns + row.townships for row in recipe.districts) == 88
    assert len(recipe.districts) == 5
    assert abs(sum(row.persons_share for row in recipe.districts) - 1) < 1e-9
    assert sum(sum(count for _, count in row.mix) for row in recipe.facilities if row.mix) == next(
        row.count for row in recipe.facilities if row.mix
    )


def levels(made: Made) -> list[gpd.GeoDataFrame]:
    return [gpd.read_file(path) for path in made.files.divisions]


def test_division_codes_are_well_formed_and_name_their_parents(made: Made) -> None:
    county, township, village = levels(made)
    assert [len(frame) for frame in (county, township, village)] == [5, 88, 520]
    for frame, digits in ((county, 6), (township, 9), (village, 12)):
        codes = frame["区划代码"]
        assert codes.is_unique
        assert (codes.str.len() == digits).all()
        assert codes.str.isdigit().all()
        assert codes.str.startswith("99").all()
    assert (township["区划代码"].str[:6] == township["上级代码"]).all()
    assert (village["区划代码"].str[:9] == village["上级代码"]).all()
    assert set(township["上级代码"]) == set(county["区划代码"])
    assert set(village["上级代码"]) == set(township["区划代码"])
    assert township["名称"].is_unique


def test_divisions_are_in_cgcs2000(made: Made) -> None:
    assert all(frame.crs.to_epsg() == 4490 for frame in levels(made))
    text = json.loads((made.files.folder / VILLAGES).read_text(encoding="utf-8"))
    assert text["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::4490"


def test_divisions_have_no_gaps_and_no_overlaps_and_children_make_up_their_parents(made: Made) -> None:
    county, township, village = levels(made)
    for frame in (county, township, village):
        assert shapely.coverage_is_valid(frame.geometry.values)
        assert frame.geometry.is_valid.all()
    for parents, children in ((county, township), (township, village)):
        by_code = dict(zip(parents["区划代码"], parents.geometry, strict=True))
        for code, rows in children.groupby("上级代码"):
            joined = shapely.coverage_union_all(rows.geometry.values)
            assert shapely.equals(joined, by_code[code])
            assert joined.symmetric_difference(by_code[code]).area < 1e-12


class Reader(osmium.SimpleHandler):
    """Collects what the tests ask about."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[tuple[str, int]] = []
        self.highway: Counter[str] = Counter()
        self.gates: Counter[str] = Counter()
        self.tags: Counter[tuple[str, str]] = Counter()
        self.walkable: set[int] = set()
        self.names: Counter[str] = Counter()
        self.bridges = 0

    def node(self, one: osmium.osm.Node) -> None:
        self.order.append(("n", one.id))
        if "barrier" in one.tags:
            kind = "hours" if "opening_hours" in one.tags else one.tags.get("access", "")
            self.gates[kind] += 1

    def way(self, one: osmium.osm.Way) -> None:
        self.order.append(("w", one.id))
        for key in ("barrier", "waterway", "railway", "landuse", "natural", "leisure"):
            if key in one.tags:
                self.tags[key, one.tags[key]] += 1
        kind = one.tags.get("highway")
        if kind is None:
            return
        self.highway[kind] += 1
        self.names[one.tags.get("name", "")] += 1
        self.bridges += one.tags.get("bridge") == "yes"
        if kind != "motorway" and one.tags.get("foot") != "use_sidepath":
            self.walkable.update(ref.ref for ref in one.nodes)

    def relation(self, one: osmium.osm.Relation) -> None:
        self.order.append(("z", one.id))
        assert one.tags["type"] == "multipolygon"


@pytest.fixture(scope="module")
def extract(made: Made) -> Reader:
    """Read the street file once."""
    reader = Reader()
    reader.apply_file(str(made.files.streets))
    return reader


def test_the_street_file_is_sorted_by_kind_and_id(extract: Reader) -> None:
    assert extract.order == sorted(extract.order, key=lambda item: ("nwz".index(item[0]), item[1]))
    assert len(set(extract.order)) == len(extract.order)


def test_the_street_file_holds_what_a_city_has(extract: Reader) -> None:
    for kind in ("trunk", "primary", "secondary", "tertiary", "residential", "living_street", "service"):
        assert extract.highway[kind] > 0, kind
    for kind in ("footway", "path", "steps", "unclassified", "pedestrian", "motorway"):
        assert extract.highway[kind] > 0, kind
    for gate in ("yes", "private", "hours", "no"):
        assert extract.gates[gate] > 0, gate
    assert extract.tags["barrier", "wall"] > 500
    assert extract.tags["landuse", "residential"] > 2000
    assert extract.tags["waterway", "river"] >= 1
    assert extract.tags["railway", "rail"] == 1
    assert extract.tags["leisure", "park"] > 50
    assert ("z", 1) in extract.order
    assert 5 < extract.bridges < 60
    assert extract.names[""] > 1000
    assert len(extract.names) > 300


def test_walkable_nodes_are_counted_as_the_manifest_says(made: Made, extract: Reader) -> None:
    assert len(extract.walkable) == made.manifest["walkable_nodes"]


def test_the_network_is_one_piece_but_for_an_island_and_scraps(made: Made) -> None:
    streets = read_osm(made.files.streets)
    assert streets.counts.walkable_nodes == made.manifest["walkable_nodes"]
    walked = streets.segments[streets.segments["foot"] != "no"]
    ends = shapely.get_coordinates(
        np.column_stack([shapely.get_point(walked.geometry.values, i) for i in (0, -1)]).ravel()
    )
    _, number = np.unique(np.round(ends * 1e7).astype(np.int64), axis=0, return_inverse=True)
    u, v = number.ravel().reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(u)), (u, v)), shape=(number.max() + 1,) * 2)
    size = np.bincount(connected_components(graph, directed=False)[1])
    assert size.max() > 0.985 * size.sum()
    assert len(size) > 1


def test_people_add_up_by_age_and_by_ability(made: Made) -> None:
    totals = np.zeros(6, dtype=np.int64)
    refused = next(row["refused"] for row in made.imports if row["path"] == POINTS)
    assert isinstance(refused, list)
    bad = {item["row"] for item in refused}
    with (made.files.folder / POINTS).open(encoding="utf-8-sig", newline="") as handle:
        for line, row in enumerate(csv.reader(handle), 1):
            if line > 1 and line not in bad:
                values = [int(value) for value in row[-6:]]
                assert sum(values[:3]) == sum(values[3:]) > 0
                totals += values
    county = next(row.name for row in made.recipe.districts if row.is_table)
    book = CalamineWorkbook.from_path(str(made.files.folder / TABLE.format(county=county)))
    for row in book.get_sheet_by_index(0).to_python()[1:]:
        totals += [int(float(str(value))) for value in row[-6:]]
    keys = ("persons_60_69", "persons_70_79", "persons_80_plus", "persons_able", "persons_partly", "persons_unable")
    assert totals.tolist() == [made.manifest[key] for key in keys]
    assert totals[:3].sum() == totals[3:].sum() == made.recipe.size.persons_60_plus


def read_row(made: Made, row: dict[str, object], near: tuple[float, ...]) -> IntakeResult:
    path = made.files.folder / str(row["path"])
    datum = str(row["datum"]) if "datum" in row else None
    options = IntakeOptions(datum=datum, near=(near[0], near[1], near[2], near[3]))
    if row["kind"] == "demand" and "areas" in row:
        areas = read_divisions(made.files.folder / str(row["areas"]), IntakeOptions(), level="village")
        return read_communities(path, areas.frame, None, IntakeOptions())
    if row["kind"] == "demand":
        return read_demand(path, options)
    kind = facility_types()[str(row["type"])] if "type" in row else None
    return read_facilities(path, options, facility_type=kind)


def test_the_ordinary_intake_refuses_exactly_the_rows_the_manifest_lists(made: Made) -> None:
    near = tuple(levels(made)[0].total_bounds)
    for row in made.imports:
        if row["kind"] in ("streets", "divisions"):
            continue
        result = read_row(made, row, near)
        got = sorted({p.row for p in result.problems if p.severity == "refused" and p.row is not None})
        listed = row.get("refused", [])
        assert isinstance(listed, list)
        assert got == sorted(item["row"] for item in listed), row["path"]
        assert result.rows_good == row["rows"], row["path"]
        assert bool(listed) == row["skip_bad"], row["path"]
        if row["kind"] == "demand":
            assert result.frame["persons"].sum() == row["persons"]


def test_good_facilities_stand_inside_the_city_and_near_a_street(made: Made) -> None:
    county = levels(made)[0]
    land = shapely.coverage_union_all(county.geometry.values).buffer(0.003)
    near = tuple(county.total_bounds)
    for row in made.imports:
        if row["kind"] == "facilities":
            frame = read_row(made, row, near).frame
            assert shapely.contains(land, frame.geometry.values).all(), row["path"]


def test_gcj02_rows_come_back_to_where_they_were_placed(made: Made) -> None:
    row = next(row for row in made.imports if row.get("datum") == "gcj02")
    frame = read_row(made, row, tuple(levels(made)[0].total_bounds)).frame
    moved = np.hypot(frame["raw_x"] - frame.geometry.x, (frame["raw_y"] - frame.geometry.y))
    assert (moved > 1e-4).all()
    assert (moved < 1e-2).all()


def test_richer_districts_have_more_canteens_for_their_people(made: Made) -> None:
    row = next(row for row in made.imports if row.get("type") == "senior_canteen")
    frame = read_row(made, row, tuple(levels(made)[0].total_bounds)).frame
    county = levels(made)[0]
    inside = gpd.sjoin(frame[["geometry"]], county[["区划代码", "geometry"]], predicate="within")
    count = inside["区划代码"].value_counts()
    per_person = {row.code: count.get(row.code, 0) / row.persons_share for row in made.recipe.districts}
    rich = max(made.recipe.districts, key=lambda one: one.service).code
    poor = min(made.recipe.districts, key=lambda one: one.service).code
    assert per_person[rich] > 2 * per_person[poor]


def test_the_shapefile_keeps_chinese_headers_and_text(made: Made) -> None:
    path = next(path for path in made.files.facilities if path.suffix == ".zip")
    with zipfile.ZipFile(path) as archive:
        assert {Path(name).suffix for name in archive.namelist()} == {".shp", ".shx", ".dbf", ".prj", ".cpg"}
    frame = gpd.read_file(path)
    assert {"编号", "名称", "建筑面积", "照料位"} <= set(frame.columns)
    assert frame["名称"].str.contains("日间照料中心").all()
    assert frame.crs.to_epsg() == 4490 or "2000" in frame.crs.name


def test_ages_and_places_are_plausible(made: Made) -> None:
    total = made.recipe.size.persons_60_plus
    assert 0.5 < int(str(made.manifest["persons_60_69"])) / total < 0.62
    assert 0.1 < int(str(made.manifest["persons_80_plus"])) / total < 0.18
    assert math.isclose(float(str(made.manifest["lon0_deg"])), made.recipe.lon0_deg)
