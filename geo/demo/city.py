"""The demo city: every input file a bureau would have, and a manifest that tells how to import them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from geo.datum.offset import wgs84_to_gcj02
from geo.demo.defects import Refusal, Spoiled, spoil
from geo.demo.extract import make_extract
from geo.demo.facility import Table, make_ground, make_table
from geo.demo.layout import Layout, Progress, draw_layout
from geo.demo.people import People, settle
from geo.demo.recipe import FacilityRecipe, Recipe
from geo.demo.write_osm import write_extract
from geo.demo.write_shapefile import write_shapefile
from geo.demo.write_tables import write_csv, write_geojson, write_gpkg, write_toml, write_xlsx

STREETS = "街道路网_示例.osm.pbf"
COUNTIES = "县级区划_示例.geojson"
TOWNSHIPS = "乡级区划_示例.gpkg"
VILLAGES = "村级区划_示例.geojson"
POINTS = "老年人口_示例.csv"
TABLE = "{county}老年人口_示例.xlsx"
CELLS = "{county}村居边界_示例.geojson"
MANIFEST = "manifest.toml"


@dataclass(frozen=True, slots=True)
class DemoFiles:
    """What was written.

    Parameters
    ----------
    folder : pathlib.Path
        Where.
    manifest : pathlib.Path
        Import order, expected counts and refusals.
    streets : pathlib.Path
        Street extract.
    divisions : tuple of pathlib.Path
        County, township and village level.
    demand : tuple of pathlib.Path
        Points, then the table of one county.
    demand_areas : pathlib.Path
        Polygons the table belongs to.
    facilities : tuple of pathlib.Path
        One file each.
    """

    folder: Path
    manifest: Path
    streets: Path
    divisions: tuple[Path, ...]
    demand: tuple[Path, ...]
    demand_areas: Path
    facilities: tuple[Path, ...]


def make_demo_city(
    folder: Path, *, recipe: Recipe, nodes: int | None = None, progress: Progress | None = None
) -> DemoFiles:
    """Write the input files of the fictional city.

    Parameters
    ----------
    folder : pathlib.Path
        Where to write; made if missing, files of the same name are replaced.
    recipe : Recipe
        The recipe.
    nodes : int, optional
        Walkable street nodes to aim at, the recipe's number if left out. The streets alone have about 60,000;
        demand points grow with the number.
    progress : callable, optional
        Called with a Chinese phrase and the share done, 0 to 1.

    Returns
    -------
    DemoFiles
        Paths of the files.
    """
    tell: Progress = progress or (lambda phrase, share: None)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = recipe.size.nodes if nodes is None else nodes
    layout = draw_layout(recipe, wanted, tell)
    rngs = [np.random.default_rng([recipe.seed, 100 + part]) for part in range(4)]
    tell("写出街道", 0.55)
    write_extract(folder / STREETS, make_extract(layout, rngs[0]), layout.plane)
    tell("写出区划", 0.72)
    divisions, rows = _write_divisions(folder, recipe, layout)
    tell("人口", 0.76)
    points = round(recipe.size.demand_points * max(1.0, wanted / recipe.size.nodes))
    people = settle(recipe, layout, points, rngs[1])
    demand_rows, demand, areas = _write_demand(folder, recipe, layout, people, rngs[2])
    tell("设施", 0.88)
    ground = make_ground(layout)
    facilities, facility_rows = [], []
    for number, kind in enumerate(recipe.facilities):
        rng = np.random.default_rng([recipe.seed, 200 + number])
        table = make_table(recipe, kind, layout, people, ground, rng)
        facilities.append(folder / kind.file)
        facility_rows.append(_write_facilities(folder / kind.file, recipe, kind, table, rng))
    manifest = folder / MANIFEST
    streets_row = {"kind": "streets", "path": STREETS, "datum": "wgs84", "source": STREETS, "skip_bad": False}
    imports = [*rows, streets_row, *demand_rows, *facility_rows]
    write_toml(manifest, _facts(recipe, layout, people), {"import": imports})
    tell("完成", 1.0)
    return DemoFiles(folder, manifest, folder / STREETS, divisions, demand, areas, tuple(facilities))


def _facts(recipe: Recipe, layout: Layout, people: People) -> dict[str, object]:
    """Return what the manifest says about the whole city."""
    divisions = layout.divisions
    return {
        "name": recipe.name,
        "label": recipe.label,
        "note": "全部为虚构的示例数据,位置、名称和数字均不对应任何真实地方",
        "date": recipe.date.isoformat(),
        "year": recipe.year,
        "population": recipe.population,
        "seed": recipe.seed,
        "lon0_deg": recipe.lon0_deg,
        "lat0_deg": recipe.lat0_deg,
        "walkable_nodes": layout.walkable_nodes(),
        "counties": len(recipe.districts),
        "townships": len(divisions.township_kind),
        "villages": len(divisions.xy),
        "persons_60_69": int(people.ages[:, 0].sum()),
        "persons_70_79": int(people.ages[:, 1].sum()),
        "persons_80_plus": int(people.ages[:, 2].sum()),
        "persons_able": int(people.ability[:, 0].sum()),
        "persons_partly": int(people.ability[:, 1].sum()),
        "persons_unable": int(people.ability[:, 2].sum()),
        "persons_60_plus": int(people.ages.sum()),
    }


def _write_divisions(folder: Path, recipe: Recipe, layout: Layout) -> tuple[tuple[Path, ...], list[dict[str, object]]]:
    """Write the three levels, coarsest first."""
    divisions, names = layout.divisions, layout.division_names
    county_code = np.array([row.code for row in recipe.districts])
    counties = {
        "区划代码": county_code.tolist(),
        "名称": [row.name for row in recipe.districts],
        "级别": ["县级"] * len(recipe.districts),
        "上级代码": [recipe.code] * len(recipe.districts),
    }
    townships = {
        "区划代码": names.township_code.tolist(),
        "名称": names.township.tolist(),
        "级别": ["乡级"] * len(names.township),
        "上级代码": county_code[divisions.township_county].tolist(),
    }
    villages = {
        "区划代码": names.village_code.tolist(),
        "名称": names.village.tolist(),
        "级别": ["村级"] * len(names.village),
        "上级代码": names.township_code[divisions.township].tolist(),
    }
    paths = tuple(folder / name for name in (COUNTIES, TOWNSHIPS, VILLAGES))
    write_geojson(paths[0], "县级区划_示例", divisions.dissolve(divisions.county, len(county_code)), counties)
    shapes = divisions.dissolve(divisions.township, len(names.township))
    write_gpkg(paths[1], "乡级区划_示例", shapes, townships, recipe.date)
    write_geojson(paths[2], "村级区划_示例", divisions.cells, villages)
    rows: list[dict[str, object]] = [
        {
            "kind": "divisions",
            "path": path.name,
            "level": level,
            "source": path.name,
            "skip_bad": False,
            "rows": count,
        }
        for path, level, count in zip(
            paths,
            ("county", "township", "village"),
            (len(county_code), len(names.township), len(names.village)),
            strict=True,
        )
    ]
    return paths, rows


def _write_demand(
    folder: Path, recipe: Recipe, layout: Layout, people: People, rng: np.random.Generator
) -> tuple[list[dict[str, object]], tuple[Path, ...], Path]:
    """Write the points of all counties but one, and that one's table and polygons."""
    table_county = next(i for i, row in enumerate(recipe.districts) if row.is_table)
    county = layout.divisions.county[people.unit]
    mine = county != table_county
    counts = {head: values[mine] for head, values in _counts(people.ages, people.ability).items()}
    columns: dict[str, list[object]] = {"编号": [f"P{number + 1:06d}" for number in range(int(mine.sum()))]}
    columns["区划代码"] = layout.division_names.village_code[people.unit[mine]].tolist()
    columns.update({head: values.tolist() for head, values in counts.items()})
    defects = (
        "duplicate_id",
        "swapped",
        "zero",
        "not_a_number",
        "far_away",
        "negative_persons",
        "text_persons",
    )
    spoiled = spoil(Table(columns, people.lonlat[mine]), defects, has_header=True, rng=rng)
    write_csv(folder / POINTS, _with_position(spoiled), "utf-8-sig")
    common: dict[str, object] = {"kind": "demand", "population": recipe.population, "year": recipe.year}
    points_row = {
        **common,
        "path": POINTS,
        "datum": "cgcs2000",
        "source": POINTS,
        "skip_bad": True,
        "rows": int(mine.sum()),
        "persons": int(people.persons[mine].sum()),
        "refused": _refusals(spoiled.refusals),
    }
    name = recipe.districts[table_county].name
    table, cells = folder / TABLE.format(county=name), folder / CELLS.format(county=name)
    units = np.flatnonzero(layout.divisions.county == table_county)
    size = len(layout.divisions.xy)
    every = np.column_stack([people.ages, people.ability])
    sums = np.column_stack([np.bincount(people.unit, weights=every[:, k], minlength=size) for k in range(6)])
    sums = sums[units].astype(np.int64)
    codes, labels = layout.division_names.village_code[units], layout.division_names.village[units]
    head = {"区划代码": codes.tolist(), "名称": labels.tolist()}
    values = {key: column.tolist() for key, column in _counts(sums[:, :3], sums[:, 3:]).items()}
    write_xlsx(table, "村居老年人口", {**head, **values}, recipe.date)
    write_geojson(cells, cells.stem, layout.divisions.cells[units], head)
    table_row = {
        **common,
        "path": table.name,
        "areas": cells.name,
        "source": table.name,
        "skip_bad": False,
        "rows": len(units),
        "persons": int(sums[:, :3].sum()),
    }
    return [points_row, table_row], (folder / POINTS, table), cells


def _counts(ages: np.ndarray, ability: np.ndarray) -> dict[str, np.ndarray]:
    """Name the columns of a demand file."""
    heads = ("60-69岁", "70-79岁", "80岁以上", "自理", "半失能", "失能")
    return dict(zip(heads, [*ages.T, *ability.T], strict=True))


def _with_position(spoiled: Spoiled) -> dict[str, list[object]]:
    """Put longitude and latitude behind the id."""
    heads = list(spoiled.columns)
    columns = {heads[0]: spoiled.columns[heads[0]], "经度": spoiled.x, "纬度": spoiled.y}
    columns.update({head: spoiled.columns[head] for head in heads[1:]})
    return columns


def _refusals(refusals: tuple[Refusal, ...]) -> list[dict[str, object]]:
    """Return the expected refusals for the manifest."""
    return [{"row": one.row, "defect": one.defect} for one in refusals]


def _write_facilities(
    path: Path, recipe: Recipe, kind: FacilityRecipe, table: Table, rng: np.random.Generator
) -> dict[str, object]:
    """Write one facility file in the format its name asks for."""
    suffix = path.suffix
    is_table = suffix in (".csv", ".xlsx")
    spoiled = spoil(table, kind.defects, has_header=is_table, rng=rng)
    stem = path.stem
    if is_table:
        columns = _with_position(_shifted(spoiled) if kind.datum == "gcj02" else spoiled)
        if suffix == ".csv":
            write_csv(path, columns, kind.encoding)
        else:
            write_xlsx(path, kind.name_zh, columns, recipe.date)
    else:
        points = np.asarray(shapely.points(np.array(spoiled.x, float), np.array(spoiled.y, float)), dtype=object)
        if suffix == ".geojson":
            write_geojson(path, stem, points, spoiled.columns)
        elif suffix == ".gpkg":
            write_gpkg(path, stem, points, spoiled.columns, recipe.date)
        else:
            write_shapefile(path, stem, shapely.get_coordinates(points), spoiled.columns, recipe.date)
    row: dict[str, object] = {"kind": "facilities", "path": path.name}
    if not kind.mix:
        row["type"] = kind.type
    if is_table:
        row["datum"] = kind.datum
    row.update(source=path.name, skip_bad=bool(kind.defects), rows=kind.count, refused=_refusals(spoiled.refusals))
    return row


def _shifted(spoiled: Spoiled) -> Spoiled:
    """Move good positions to GCJ-02."""
    x, y = list(spoiled.x), list(spoiled.y)
    good = [i for i, one in enumerate(x) if isinstance(one, float) and one > 60]
    lon, lat = wgs84_to_gcj02(np.array([x[i] for i in good], float), np.array([y[i] for i in good], float))
    for i, a, b in zip(good, np.round(lon, 7).tolist(), np.round(lat, 7).tolist(), strict=True):
        x[i], y[i] = a, b
    return Spoiled(spoiled.columns, x, y, spoiled.refusals)


def describe(files: DemoFiles) -> Mapping[str, int]:
    """Return the size of each file.

    Parameters
    ----------
    files : DemoFiles
        What was written.

    Returns
    -------
    mapping of str to int
        File name to bytes.
    """
    return {path.name: path.stat().st_size for path in sorted(files.folder.iterdir()) if path.is_file()}
