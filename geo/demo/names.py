"""Names: divisions with codes, roads by district theme, estates; invented, formed as real ones are."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import shapely
from scipy.spatial import cKDTree

from geo.arrays import Int
from geo.demo.districts import Divisions
from geo.demo.lines import BANK_M, TRACK_M, Lines
from geo.demo.recipe import DEFAULT_RECIPE, Recipe
from geo.demo.terrain import Terrain
from geo.errors import InputError

WORDS = DEFAULT_RECIPE.with_name("names.toml")


@dataclass(frozen=True, slots=True)
class DivisionNames:
    """Codes and names of the three levels.

    Parameters
    ----------
    township : array of str
        Names of townships.
    township_code : array of str
        Nine digits.
    village : array of str
        Names of villages and communities.
    village_code : array of str
        Twelve digits.
    """

    township: np.ndarray
    township_code: np.ndarray
    village: np.ndarray
    village_code: np.ndarray


@dataclass(frozen=True, slots=True)
class RoadNames:
    """Names of lines; None where a road has none.

    Parameters
    ----------
    zh, en : array of str or None, shape (n_lines,)
        Chinese and romanised name.
    """

    zh: np.ndarray
    en: np.ndarray


@cache
def words(path: Path = WORDS) -> dict[str, dict[str, tuple[str, ...]]]:
    """Read the word lists.

    Parameters
    ----------
    path : pathlib.Path
        TOML file of tables of lists.

    Returns
    -------
    dict
        Table, then list, to words; single words come as a list of one.
    """
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        table: {key: tuple([value] if isinstance(value, str) else value) for key, value in lists.items()}
        for table, lists in data.items()
    }


def name_divisions(recipe: Recipe, divisions: Divisions, rng: np.random.Generator) -> DivisionNames:
    """Name and number townships and villages.

    Parameters
    ----------
    recipe : Recipe
        Codes of the counties.
    divisions : Divisions
        The divisions.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    DivisionNames
        Codes follow the usual ranges: 街道 from 001, 镇 from 100, 乡 from 200; communities from 001,
        villages from 200.

    Raises
    ------
    InputError
        If the word lists are too short.
    """
    lists = words()["divisions"]
    township, code = [], []
    used = dict.fromkeys(("subdistrict", "town", "township"), 0)
    suffix = {"subdistrict": "街道", "town": "镇", "township": "乡"}
    begin = {"subdistrict": 1, "town": 100, "township": 200}
    seen: dict[tuple[int, str], int] = {}
    for county, kind in zip(divisions.township_county, divisions.township_kind, strict=True):
        if used[kind] >= len(lists[kind]):
            raise InputError(
                f"名称表 {kind} 只有 {len(lists[kind])} 个词,不够用;请在 names.toml 中补充",
                f"The list {kind} has only {len(lists[kind])} words, too few; add some to names.toml",
            )
        township.append(lists[kind][used[kind]] + suffix[kind])
        used[kind] += 1
        number = seen.get((int(county), kind), 0)
        seen[int(county), kind] = number + 1
        code.append(f"{recipe.districts[county].code}{begin[kind] + number:03d}")
    village, village_code = _villages(divisions, township, code, rng)
    return DivisionNames(np.array(township), np.array(code), village, village_code)


def _villages(
    divisions: Divisions, township: list[str], code: list[str], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Name villages, unique within a county, and communities, unique within their township."""
    lists, roads = words()["divisions"], words()["roads"]
    theme = [
        word.split()[0]
        for key in ("virtue", "landscape", "tree", "culture", "industry", "harvest")
        for word in roads[key]
    ]
    taken: set[tuple[int, str]] = set()
    names, codes = [], []
    counter: dict[tuple[int, bool], int] = {}
    for i in range(len(divisions.xy)):
        home, county = int(divisions.township[i]), int(divisions.county[i])
        urban = bool(divisions.is_community[i])
        while True:
            if divisions.is_seat[i] and urban and not township[home].endswith("街道"):
                name = township[home][:-1] + "社区"
            elif urban:
                name = str(rng.choice(theme)) + str(rng.choice(("", *lists["community"]))) + "社区"
            else:
                side = rng.choice(lists["village_side"], p=[0.45] + [0.055] * 10)
                name = f"{side}{rng.choice(lists['village_first'])}{rng.choice(lists['village_last'])}村"
            if (county, name) not in taken:
                break
        taken.add((county, name))
        number = counter.get((home, urban), 0)
        counter[home, urban] = number + 1
        names.append(name)
        codes.append(f"{code[home]}{(1 if urban else 200) + number:03d}")
    return np.array(names), np.array(codes)


def name_roads(
    recipe: Recipe,
    terrain: Terrain,
    divisions: Divisions,
    township: np.ndarray,
    lines: Lines,
    rng: np.random.Generator,
) -> RoadNames:
    """Name streets by the word lists of their district; minor ones often stay nameless.

    Parameters
    ----------
    recipe : Recipe
        Themes of each district.
    terrain : Terrain
        Outline of the city.
    divisions : Divisions
        Settlements, to tell the district.
    township : array of str
        Names of the townships, for roads between them.
    lines : Lines
        Lines to name.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    RoadNames
        Names; a few are used twice or sound alike, as in real life.
    """
    count = len(lines.kind)
    zh, en = np.full(count, None, dtype=object), np.full(count, None, dtype=object)
    middle = shapely.get_coordinates(shapely.line_interpolate_point(lines.geometry, 0.5, normalized=True))
    nearest = _nearest(divisions, middle)
    length = shapely.length(lines.geometry)
    chance = {
        "trunk": 1.0,
        "primary": 1.0,
        "secondary": 0.97,
        "tertiary": 0.9,
        "residential": 0.62,
        "unclassified": 0.3,
    }
    draw = rng.random(count)
    used: dict[str, int] = {}
    heading = _heading(lines)
    landmark = _landmarks(terrain, lines, heading, length)
    for i in range(count):
        kind, role = str(lines.kind[i]), str(lines.role[i])
        if role in ("sidewalk", "zebra", "link") or draw[i] > chance.get(kind, 0.0):
            continue
        unit = int(nearest[i])
        if role == "road":
            first = str(township[divisions.township[unit]])[0]
            far = int(rng.integers(len(township)))
            other = next(str(name)[0] for name in np.roll(township, -far) if str(name)[0] != first)
            zh[i] = f"{first}{other}{'公路' if kind in ('trunk', 'primary') else '线'}"
            continue
        if landmark[i] is not None:
            zh[i], en[i] = str(landmark[i]).split(" ", 1)
            continue
        row = recipe.districts[int(divisions.county[unit])]
        pool = words()["roads"][row.themes[int(rng.integers(len(row.themes)))]]
        word = pool[int(rng.integers(len(pool)))].split()
        zh[i], en[i] = _street(word[0], word[1], kind, bool(heading[i] < 45), float(length[i]), used, rng)
    _sound_alike(lines, zh, en)
    return RoadNames(zh, en)


def _sound_alike(lines: Lines, zh: np.ndarray, en: np.ndarray) -> None:
    """Give some nameless streets of the city a name that sounds like an existing one."""
    taken = {str(name) for name in zh if name is not None}
    pairs = [row.split() for row in words()["roads"]["homophones"]]
    pairs = [row for row in pairs if row[0] in taken]
    nameless = np.array([name is None for name in zh], np.bool_)
    free = np.flatnonzero((lines.role == "city") & (lines.kind == "residential") & nameless)
    for spot, (_, other, *roman) in zip(free[:: max(len(free) // 12, 1)], pairs, strict=False):
        zh[spot], en[spot] = other, " ".join(roman)


def _landmarks(terrain: Terrain, lines: Lines, heading: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Name the rings, the avenues and the streets along river and railway."""
    lists = words()["roads"]
    ends = shapely.get_coordinates(
        np.column_stack([shapely.get_point(lines.geometry, 0), shapely.get_point(lines.geometry, -1)]).ravel()
    ).reshape(-1, 2, 2)
    span = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    middle = shapely.line_interpolate_point(lines.geometry, 0.5, normalized=True)
    city = lines.role == "city"
    round_about = span < 0.8 * length
    out = np.full(len(lines.kind), None, dtype=object)
    primary = city & (lines.kind == "primary")
    out[primary] = lists["spine"][2]
    out[primary & (heading < 22)] = lists["spine"][0]
    out[primary & (heading > 68)] = lists["spine"][1]
    out[primary & round_about] = lists["ring"][0]
    out[city & (lines.kind == "trunk")] = lists["ring"][1]
    by_water = city & (lines.kind == "secondary")
    by_water &= np.abs(shapely.distance(middle, terrain.river_area) - BANK_M) < 3
    south = shapely.get_y(middle) < np.interp(shapely.get_x(middle), *np.array(terrain.river.coords).T)
    out[by_water] = lists["river"][0]
    out[by_water & south] = lists["river"][1]
    by_track = city & (lines.kind == "tertiary")
    by_track &= np.abs(shapely.distance(middle, terrain.railway) - TRACK_M) < 3
    out[by_track] = lists["railway"][0]
    return out


def _nearest(divisions: Divisions, xy: np.ndarray) -> Int:
    """Return the settlement nearest to each position."""
    return np.asarray(cKDTree(divisions.xy).query(xy)[1], dtype=np.int64)


def _heading(lines: Lines) -> np.ndarray:
    """Return the angle between each line and the east-west direction, in degrees."""
    a = shapely.get_coordinates(shapely.line_interpolate_point(lines.geometry, 0.2, normalized=True))
    b = shapely.get_coordinates(shapely.line_interpolate_point(lines.geometry, 0.8, normalized=True))
    step = np.abs(b - a)
    return np.degrees(np.arctan2(step[:, 1], np.maximum(step[:, 0], 1e-9)))


def _street(
    zh: str,
    en: str,
    kind: str,
    eastwest: bool,
    length_m: float,
    used: dict[str, int],
    rng: np.random.Generator,
) -> tuple[str, str]:
    """Form one street name: 路 runs east-west, 街 north-south, lanes are 巷; repeats get a number."""
    term, roman = ("路", "Lu") if eastwest else ("街", "Jie")
    if kind in ("trunk", "primary") or (kind == "secondary" and length_m > 4000):
        term, roman = ("大道", "Dadao") if eastwest else ("大街", "Dajie")
    elif kind == "residential" and length_m < 260:
        term, roman = "巷", "Xiang"
    sides = (("东", "Dong"), ("西", "Xi")) if eastwest else (("南", "Nan"), ("北", "Bei"))
    number = used.get(zh + term, 0)
    used[zh + term] = number + 1
    if number == 0 or rng.random() < 0.012:
        return zh + term, f"{en} {roman}"
    if number <= 9:
        digit = words()["roads"]["ordinal"][number - 1].split()
        return f"{zh}{digit[0]}{term}", f"{en} {digit[1]} {roman}"
    side = sides[number % 2]
    digit = words()["roads"]["ordinal"][number % 9].split()
    return f"{zh}{side[0]}{digit[0]}{term}", f"{en} {side[1]} {digit[1]} {roman}"


def name_estates(count: int, rng: np.random.Generator) -> np.ndarray:
    """Name housing estates.

    Parameters
    ----------
    count : int
        How many.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    array of str
        Names such as 锦庭花园; repeats occur.
    """
    lists = words()["estates"]
    parts = [np.array(lists[key])[rng.integers(len(lists[key]), size=count)] for key in ("first", "second", "last")]
    return np.array(["".join(row) for row in zip(*parts, strict=True)], dtype=object)
