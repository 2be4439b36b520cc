"""The recipe: what the fictional city is made of, read from TOML."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from geo.errors import DataSourceError, InputError

DEFAULT_RECIPE = Path(__file__).resolve().parents[2] / "data" / "demo" / "city.toml"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SizeRecipe:
    """How large the city is.

    Parameters
    ----------
    nodes : int
        Distinct nodes of walkable ways to aim at (within about a tenth).
    demand_points : int
        Places where older people live, before empty ones are dropped.
    persons_60_plus : int
        People aged 60 and over in the whole city, points and table together.
    villages : int
        Villages and communities together.
    outline_radius_km : tuple of float
        Half-axes of the whole territory, east-west and north-south.
    city_radius_km, county_town_radius_km : float
        Radius of the built-up area of the city and of a county town.
    town_radius_km : tuple of float
        Smallest and largest radius of a township's built-up area.
    """

    nodes: int
    demand_points: int
    persons_60_plus: int
    villages: int
    outline_radius_km: Point
    city_radius_km: float
    county_town_radius_km: float
    town_radius_km: Point


@dataclass(frozen=True, slots=True)
class TerrainRecipe:
    """Control points of river, railway and motorway, hills and lakes, in kilometres from the city centre.

    Parameters
    ----------
    river_width_m, tributary_width_m : float
        Widths of the water.
    river_km, tributary_km, railway_km, motorway_km : tuple of point
        Control points of smooth curves.
    hills_km, lakes_km : tuple of (x, y, radius)
        Round shapes, roughened later.
    island_lake : int
        Index of the lake that has an inhabited island without a bridge.
    """

    river_width_m: float
    tributary_width_m: float
    river_km: tuple[Point, ...]
    tributary_km: tuple[Point, ...]
    railway_km: tuple[Point, ...]
    motorway_km: tuple[Point, ...]
    hills_km: tuple[tuple[float, float, float], ...]
    lakes_km: tuple[tuple[float, float, float], ...]
    island_lake: int


@dataclass(frozen=True, slots=True)
class DistrictRecipe:
    """One county-level division.

    Parameters
    ----------
    code : str
        Six digits starting with 99.
    name : str
        Invented name.
    kind : {"district", "county"}
        District of the city, or county with a town of its own.
    anchors_km : tuple of point
        The land nearest to one of these points belongs to the division.
    subdistricts, towns, townships : int
        Number of 街道, 镇 and 乡.
    communities_per_subdistrict : int
        Communities in each subdistrict.
    village_weight : float
        Relative density of villages.
    persons_share : float
        Share of the older people of the city.
    service : float
        How well served, 0 to 1.
    rotation_deg : float
        Turn of the street grid against the meridian.
    themes : tuple of str
        Word lists its road names are taken from.
    seat_km : point or None
        Centre of the county town; None for a district of the city.
    seat_name : str
        Name of the county town's main subdistrict, without its generic term.
    is_table : bool
        True if the division delivers a table per community instead of points.
    """

    code: str
    name: str
    kind: Literal["district", "county"]
    anchors_km: tuple[Point, ...]
    subdistricts: int
    towns: int
    townships: int
    communities_per_subdistrict: int
    village_weight: float
    persons_share: float
    service: float
    rotation_deg: float
    themes: tuple[str, ...]
    seat_km: Point | None
    seat_name: str
    is_table: bool


@dataclass(frozen=True, slots=True)
class FacilityRecipe:
    """One facility file.

    Parameters
    ----------
    type : str
        Catalogue slug.
    file : str
        File name; the suffix decides the format.
    name_zh : str
        Generic part of each facility's name.
    prefix : str
        Letters in front of each id.
    count : int
        Rows that are good.
    site : str
        Rule of placing: seat, unit, village, people, hill or county.
    bias : float
        How strongly well-served districts are preferred; 0 is even.
    datum : str
        Datum of the coordinates in the file.
    encoding : str
        Encoding of a CSV file.
    defects : tuple of str
        Bad rows put in on purpose, by kind.
    mix : tuple of (str, int)
        Types by their Chinese titles and how many of each, for a file with a column 类型; empty for one type.
    """

    type: str
    file: str
    name_zh: str
    prefix: str
    count: int
    site: str
    bias: float
    datum: str
    encoding: str
    defects: tuple[str, ...]
    mix: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the files contain.

    Parameters
    ----------
    seed : int
        Seed of every random choice.
    name, label : str
        Name of the city and the mark that all of it is synthetic.
    code, province_code : str
        Six-digit codes.
    lon0_deg, lat0_deg : float
        Position of the city centre.
    date : datetime.date
        Data date.
    year : int
        Year of the population figures.
    population : str
        Kind of population.
    size : SizeRecipe
        Size.
    terrain : TerrainRecipe
        River, railway and the like.
    districts : tuple of DistrictRecipe
        County-level divisions.
    facilities : tuple of FacilityRecipe
        Facility files in import order.
    """

    seed: int
    name: str
    label: str
    code: str
    province_code: str
    lon0_deg: float
    lat0_deg: float
    date: date
    year: int
    population: str
    size: SizeRecipe
    terrain: TerrainRecipe
    districts: tuple[DistrictRecipe, ...]
    facilities: tuple[FacilityRecipe, ...]


def load_recipe(path: Path | None = None) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path : pathlib.Path, optional
        TOML file; the default city if left out.

    Returns
    -------
    Recipe
        The recipe.

    Raises
    ------
    DataSourceError
        If the file cannot be read.
    InputError
        If a value is missing or of the wrong kind.
    """
    source = DEFAULT_RECIPE if path is None else path
    try:
        data = tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataSourceError(
            f"无法读取配方文件“{source.name}”:{error};需要 UTF-8 编码的 TOML 文件",
            f'Cannot read the recipe "{source.name}": {error}; a UTF-8 TOML file is needed',
        ) from error
    try:
        return _recipe(data)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"配方文件“{source.name}”的内容有误:{error!r};各字段见默认配方 data/demo/city.toml",
            f'The recipe "{source.name}" is wrong: {error!r}; see data/demo/city.toml for the fields',
        ) from error


def _recipe(data: dict[str, object]) -> Recipe:
    """Turn parsed TOML into a recipe."""
    return Recipe(
        seed=int(str(data["seed"])),
        name=str(data["name"]),
        label=str(data["label"]),
        code=str(data["code"]),
        province_code=str(data["province_code"]),
        lon0_deg=_number(data["lon0_deg"]),
        lat0_deg=_number(data["lat0_deg"]),
        date=date.fromisoformat(str(data["date"])),
        year=int(str(data["year"])),
        population=str(data["population"]),
        size=_size(_table(data["size"])),
        terrain=_terrain(_table(data["terrain"])),
        districts=tuple(_district(_table(row)) for row in _rows(data["district"])),
        facilities=tuple(_facility(_table(row)) for row in _rows(data["facility"])),
    )


def _size(row: dict[str, object]) -> SizeRecipe:
    """Read the size block."""
    return SizeRecipe(
        nodes=int(_number(row["nodes"])),
        demand_points=int(_number(row["demand_points"])),
        persons_60_plus=int(_number(row["persons_60_plus"])),
        villages=int(_number(row["villages"])),
        outline_radius_km=_point(row["outline_radius_km"]),
        city_radius_km=_number(row["city_radius_km"]),
        county_town_radius_km=_number(row["county_town_radius_km"]),
        town_radius_km=_point(row["town_radius_km"]),
    )


def _terrain(row: dict[str, object]) -> TerrainRecipe:
    """Read the terrain block."""
    return TerrainRecipe(
        river_width_m=_number(row["river_width_m"]),
        tributary_width_m=_number(row["tributary_width_m"]),
        river_km=_points(row["river_km"]),
        tributary_km=_points(row["tributary_km"]),
        railway_km=_points(row["railway_km"]),
        motorway_km=_points(row["motorway_km"]),
        hills_km=tuple(_circle(one) for one in _rows(row["hills_km"])),
        lakes_km=tuple(_circle(one) for one in _rows(row["lakes_km"])),
        island_lake=int(_number(row["island_lake"])),
    )


def _district(row: dict[str, object]) -> DistrictRecipe:
    """Read one county-level division."""
    counts = _table(row["counts"])
    kind = str(row["kind"])
    if kind not in ("district", "county"):
        raise ValueError(f"district kind {kind!r}, allowed: district, county")
    return DistrictRecipe(
        code=str(row["code"]),
        name=str(row["name"]),
        kind="district" if kind == "district" else "county",
        anchors_km=_points(row["anchors_km"]),
        subdistricts=int(_number(counts["subdistrict"])),
        towns=int(_number(counts["town"])),
        townships=int(_number(counts["township"])),
        communities_per_subdistrict=int(_number(row["communities_per_subdistrict"])),
        village_weight=_number(row["village_weight"]),
        persons_share=_number(row["persons_share"]),
        service=_number(row["service"]),
        rotation_deg=_number(row["rotation_deg"]),
        themes=tuple(str(word) for word in _rows(row["themes"])),
        seat_km=_point(row["seat_km"]) if "seat_km" in row else None,
        seat_name=str(row.get("seat_name", "")),
        is_table=bool(row.get("table", False)),
    )


def _facility(row: dict[str, object]) -> FacilityRecipe:
    """Read one facility file."""
    return FacilityRecipe(
        type=str(row["type"]),
        file=str(row["file"]),
        name_zh=str(row["name_zh"]),
        prefix=str(row["prefix"]),
        count=int(_number(row["count"])),
        site=str(row["site"]),
        bias=_number(row["bias"]),
        datum=str(row.get("datum", "cgcs2000")),
        encoding=str(row.get("encoding", "utf-8")),
        defects=tuple(str(word) for word in _rows(row["defects"])),
        mix=tuple((title, int(_number(count))) for title, count in _table(row.get("mix", {})).items()),
    )


def _table(value: object) -> dict[str, object]:
    """Return a TOML table, or complain."""
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not a table")
    return value


def _rows(value: object) -> list[object]:
    """Return a TOML array, or complain."""
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not an array")
    return value


def _number(value: object) -> float:
    """Return a TOML number, or complain."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _point(value: object) -> Point:
    """Return a pair of numbers."""
    x, y = _rows(value)
    return _number(x), _number(y)


def _points(value: object) -> tuple[Point, ...]:
    """Return a list of pairs."""
    return tuple(_point(one) for one in _rows(value))


def _circle(value: object) -> tuple[float, float, float]:
    """Return centre and radius."""
    x, y, radius = _rows(value)
    return _number(x), _number(y), _number(radius)
