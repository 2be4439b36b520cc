"""Reading streets from centrelines (Shapefile, GeoPackage, GeoJSON) that carry no topology.

Two lines are connected where they share a vertex, where one ends within `TOUCH_TOLERANCE_M` of the other, and
where they cross without a common vertex, unless bridge, tunnel or level say that one passes over the other. A
line that repeats another one, also in the opposite direction (directed edges), is one street. One-way columns
of centrelines are about vehicles and are not read; only ``oneway_foot`` (步行单行) is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.arrays import Bool, Int
from geo.errors import DatumError, InputError
from geo.network.centreline_topology import Connections, connect
from geo.network.osm_rules import foot_right, metres
from geo.network.osm_tags import KIND_FOOT, NEVER_KINDS, NOT_THERE, RIGHT, Foot
from geo.network.split import Polylines, split
from geo.network.streets import CRS, StreetCounts, StreetData, grid_deg, street_frame

TOUCH_TOLERANCE_M: Final = 0.5

# Field → column names that mean it, lower case. The first column present wins.
COLUMN_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "编号", "道路编号", "路段编号", "标识码", "eid", "osm_id", "objectid", "fid"),
    "name": ("name", "名称", "道路名称", "路名", "街道名称", "道路名", "rdname", "road_name", "street"),
    "name_en": ("name_en", "name:en", "英文名称", "英文名"),
    "kind": ("kind", "highway", "fclass", "道路等级", "道路类别", "道路类型", "等级", "类别", "类型", "class", "type"),
    "foot": ("foot", "步行", "行人", "可步行", "行人通行", "是否可步行", "walkable"),
    "access": ("access", "通行权限", "准入"),
    "oneway_foot": ("oneway_foot", "oneway:foot", "步行单行"),
    "bridge": ("bridge", "is_bridge", "桥梁", "桥", "是否桥梁"),
    "tunnel": ("tunnel", "is_tunnel", "隧道", "是否隧道"),
    "level": ("level", "layer", "层级", "层", "竖向层级"),
    "width": ("width", "width_m", "宽度", "路宽", "道路宽度", "路面宽度"),
}

# Chinese road classes → the class whose rule they follow. The text itself stays in the table.
CLASS_OF_NAME: Final[Mapping[str, str]] = {
    "高速公路": "motorway", "高速": "motorway", "高速匝道": "motorway_link",
    "快速路": "expressway", "城市快速路": "expressway", "快速路匝道": "expressway",
    "国道": "primary", "省道": "secondary", "县道": "tertiary", "乡道": "unclassified", "村道": "unclassified",
    "一级公路": "primary", "二级公路": "secondary", "三级公路": "tertiary", "四级公路": "unclassified",
    "主干路": "primary", "主干道": "primary", "次干路": "secondary", "次干道": "secondary",
    "支路": "residential", "街道": "residential", "巷": "residential", "巷道": "residential", "胡同": "residential",
    "居住区道路": "residential", "小区道路": "service", "内部道路": "service", "园路": "footway",
    "步行街": "pedestrian", "步行道": "footway", "人行道": "footway", "人行天桥": "footway",
    "人行地道": "footway", "地下通道": "footway", "步道": "footway", "健身步道": "footway",
    "台阶": "steps", "梯道": "steps", "非机动车道": "cycleway", "绿道": "path", "小路": "path",
    "机耕路": "track", "在建": "construction", "规划": "proposed", "规划道路": "proposed",
}  # fmt: skip

# Values of a yes/no column; RIGHT knows the words of OSM.
YES_VALUES: Final = frozenset({"1", "1.0", "t", "true", "yes", "y", "是", "有", "可", "可以", "允许"})
NO_VALUES: Final = frozenset({"0", "0.0", "f", "false", "no", "n", "否", "无", "不可", "不可以", "禁止", "不允许"})
FOOT_WORDS: Final[Mapping[str, Foot]] = {
    **dict.fromkeys(YES_VALUES, "public"),
    **dict.fromkeys(NO_VALUES, "no"),
    **dict.fromkeys(("公共", "公开", "开放"), "public"),
    **dict.fromkeys(("内部", "私有", "业主", "居民", "仅居民"), "private"),
    **RIGHT,
}


def split_centrelines(
    lines: gpd.GeoDataFrame,
    *,
    crossings: Literal["connect", "separate"] = "connect",
    tolerance_m: float = TOUCH_TOLERANCE_M,
) -> StreetData:
    """Build streets from centrelines.

    Parameters
    ----------
    lines : geopandas.GeoDataFrame
        LineStrings or MultiLineStrings in EPSG:4490 (or without a CRS, already in it). Columns named as in
        `COLUMN_NAMES` are read, all optional; without a class column the kind is ``road``.
    crossings : {"connect", "separate"}
        Whether lines that cross without a common vertex are connected (unless bridge, tunnel or level
        differ), or never.
    tolerance_m : float
        How far a line may end from another one to be connected to it, m; 0 demands common vertices.

    Returns
    -------
    StreetData
        Segments ``<id>-<part>``; the other frames are empty. Ids are those of the file (or the row number),
        with the number of the part or of the repetition after a ``#`` where they are not unique.

    Raises
    ------
    DatumError
        The frame has another CRS: datum steps belong before this one.
    InputError
        No line has a length, or none may be walked on.
    """
    if lines.crs is not None and not lines.crs.equals(CRS) and not lines.crs.equals("OGC:CRS84"):
        raise DatumError(
            f"中心线的坐标系为 {lines.crs.to_string()}；须先转换为 {CRS}",
            f"centrelines are in {lines.crs.to_string()}; convert them to {CRS} first",
            crs=lines.crs.to_string(),
        )
    table = _read_columns(lines)
    table, n_left_out = _existing(table)
    table, n_duplicates = _merge_repeats(table)
    if table.empty:
        raise InputError(
            f"{len(lines)} 个要素中没有可用的中心线；需要有长度的线要素",
            f"no usable centreline among {len(lines)} features; lines with a length are needed",
            rows=len(lines),
        )
    # A motorway or expressway is fenced off: it meets other streets only where they share a vertex.
    layer = table[["bridge", "tunnel", "level"]].assign(closed=table["foot"] == "no").to_numpy(dtype=np.int64)
    links = connect(
        np.asarray(table.geometry.array), layer,
        tolerance_m=tolerance_m, crossings=crossings == "connect",
    )  # fmt: skip
    return _assemble(table, links, StreetCounts(ways_left_out=n_left_out, duplicates=n_duplicates))


def _assemble(table: gpd.GeoDataFrame, links: Connections, counts: StreetCounts) -> StreetData:
    """Split the connected lines and build the frames."""
    pieces = split(links.lines, np.zeros(len(links.lines.lon), dtype=bool))
    foot = table["foot"].to_numpy(dtype=object)
    walkable: Bool = foot != "no"
    if not walkable.any():
        raise InputError(
            f"{len(table)} 条中心线均不可步行；至少需要一条行人可用的道路",
            f"none of the {len(table)} centrelines may be walked on; at least one is needed",
            rows=len(table),
        )
    row = pieces.feature
    names = table["id"].to_numpy(dtype=object)
    is_known = table["rule"].isin([*KIND_FOOT, *NEVER_KINDS, "expressway"]).to_numpy()
    segments = street_frame(
        {
            "id": [f"{name}-{part}" for name, part in zip(names[row], pieces.part.tolist(), strict=True)],
            "feature_id": names[row],
            "part": pieces.part,
            "name": table["name"].to_numpy(dtype=object)[row],
            "name_en": table["name_en"].to_numpy(dtype=object)[row],
            "kind": table["kind"].to_numpy(dtype=object)[row],
            "foot": foot[row],
            "is_steps": (table["rule"] == "steps").to_numpy(dtype=bool)[row],
            "crossing_share": np.zeros(len(row)),
            "oneway_foot": table["oneway_foot"].to_numpy(dtype=np.int64)[row],
            "level": table["level"].to_numpy(dtype=np.int64)[row],
            "is_bridge": table["bridge"].to_numpy(dtype=bool)[row],
            "is_tunnel": table["tunnel"].to_numpy(dtype=bool)[row],
            "is_derived": np.zeros(len(row), dtype=bool),
            "width_m": table["width"].to_numpy(dtype=np.float64)[row],
            "length_m": pieces.length_m,
        },
        pieces.geometry,
    )
    walked = walkable[row]
    return StreetData(
        segments,
        street_frame({"id": [], "name": [], "kind": [], "access": [], "opening_hours": []}, []),
        street_frame({"id": [], "kind": [], "name": []}, []),
        street_frame({"id": [], "name": [], "kind": []}, []),
        StreetCounts(
            ways_read=len(table),
            ways_left_out=counts.ways_left_out,
            ways_walkable=int(np.count_nonzero(walkable)),
            walkable_nodes=_used(links.lines, walkable),
            junctions=len(np.union1d(pieces.start[walked], pieces.end[walked])),
            segments=len(segments),
            zero_length=pieces.n_zero,
            duplicates=counts.duplicates,
            touches=links.n_touches,
            crossings=links.n_crossings,
            unknown_kinds=table.loc[~is_known, "kind"].value_counts().to_dict(),
        ),
    )


def _used(lines: Polylines, features: Bool) -> int:
    """Number of distinct vertices of some features."""
    return int(np.count_nonzero(lines.uses(features)))


def _read_columns(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One row per simple line, with every field of `COLUMN_NAMES` and the class whose rule it follows."""
    present = {str(column).strip().lower(): column for column in lines.columns}
    found = {
        field: next((present[name] for name in names if name in present), None) for field, names in COLUMN_NAMES.items()
    }
    text = {
        field: _text(lines[column]) if column is not None else np.full(len(lines), None, dtype=object)
        for field, column in found.items()
    }
    if found["id"] is None:
        text["id"] = np.array([str(number) for number in range(1, len(lines) + 1)], dtype=object)
    kind = np.array([value or "road" for value in text["kind"]], dtype=object)
    rule = np.array([CLASS_OF_NAME.get(value, value.lower()) for value in kind], dtype=object)
    bridge, tunnel = _flags(text["bridge"]), _flags(text["tunnel"])
    data = {
        "id": text["id"], "name": text["name"], "name_en": text["name_en"], "kind": kind, "rule": rule,
        "foot": _foot(text, rule), "bridge": bridge, "tunnel": tunnel,
        "oneway_foot": np.array([_oneway(value) for value in text["oneway_foot"]], dtype=np.int64),
        "level": np.array(
            [_level(value, over, under) for value, over, under in zip(text["level"], bridge, tunnel,
            strict=True)], dtype=np.int64,
        ),
        "width": np.array([metres(value) for value in text["width"]], dtype=np.float64),
    }  # fmt: skip
    return _simple_lines(data, lines.geometry)


def _simple_lines(data: dict[str, np.ndarray], geometry: gpd.GeoSeries) -> gpd.GeoDataFrame:
    """Explode MultiLineStrings, drop what is no line, put coordinates on the grid, and make ids unique."""
    parts, row = shapely.get_parts(shapely.force_2d(np.asarray(geometry.array)), return_index=True)
    kept = (shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING) & ~shapely.is_empty(parts)
    parts, row = shapely.transform(parts[kept], grid_deg), row[kept]
    table = gpd.GeoDataFrame(
        {name: pd.Series(values[row], dtype=values.dtype) for name, values in data.items()},
        geometry=gpd.GeoSeries(list(parts), crs=CRS), crs=CRS,
    )  # fmt: skip
    own = zip(row + 1, table["id"], strict=True)
    row_id = np.array([value if value else str(number) for number, value in own], dtype=object)
    nth = pd.Series(row_id).groupby(row_id).cumcount().to_numpy()
    table["id"] = pd.Series(
        [f"{name}#{number + 1}" if number else str(name) for name, number in zip(row_id, nth, strict=True)],
        dtype=object,
    )
    return table


def _existing(table: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, int]:
    """The streets that are there today, and how many are not."""
    gone = table["rule"].isin(NOT_THERE).to_numpy()
    return table[~gone].reset_index(drop=True), int(np.count_nonzero(gone))


def _merge_repeats(table: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, int]:
    """Keep one of the lines that run through the same vertices in either direction, and say how many went."""
    geometry = np.asarray(table.geometry.array)
    keys = np.minimum(shapely.to_wkb(geometry), shapely.to_wkb(shapely.reverse(geometry)))
    lines = pd.Series(keys, dtype=object)
    repeated = lines.duplicated().to_numpy()
    # The way back of a one-way walk is the same street, open in both directions.
    both: Int = table["oneway_foot"].to_numpy(dtype=np.int64).copy()
    both[lines.duplicated(keep=False).to_numpy()] = 0
    merged = table.assign(oneway_foot=both)[~repeated].reset_index(drop=True)
    return merged, int(np.count_nonzero(repeated))


def _text(column: pd.Series) -> np.ndarray:
    """Values as text, None where missing; whole numbers without a decimal point."""
    values = [None if pd.isna(value) else str(value).strip() for value in column.tolist()]
    whole = [value[:-2] if value and value.endswith(".0") else value for value in values]
    return np.array([value or None for value in whole], dtype=object)


def _foot(text: Mapping[str, np.ndarray], rule: np.ndarray) -> np.ndarray:
    """Who may walk: the foot column, then the rules of OSM for class and access."""
    values = []
    for said, access, kind in zip(text["foot"], text["access"], rule, strict=True):
        explicit = FOOT_WORDS.get(said.lower()) if said else None
        tags = {"highway": "trunk", "expressway": "yes"} if kind == "expressway" else {"highway": kind}
        general = FOOT_WORDS.get(access.lower()) if access else None
        if explicit:
            tags["foot"] = {"public": "yes"}.get(explicit, explicit)
        if general:
            tags["access"] = {"public": "yes"}.get(general, general)
        values.append(foot_right(tags))
    return np.array(values, dtype=object)


def _flags(values: np.ndarray) -> Bool:
    """Yes/no columns; any other text (as in bridge=viaduct) means yes."""
    return np.array([bool(value) and value.lower() not in NO_VALUES for value in values], dtype=bool)


def _oneway(value: str | None) -> int:
    """One way for walkers."""
    if value is None:
        return 0
    return 1 if value.lower() in YES_VALUES else -1 if value in ("-1", "reverse") else 0


def _level(value: str | None, bridge: bool, tunnel: bool) -> int:
    """Vertical order; an unmarked bridge is above, an unmarked tunnel below."""
    try:
        return int(float(value or ""))
    except ValueError:
        return 1 if bridge else -1 if tunnel else 0
