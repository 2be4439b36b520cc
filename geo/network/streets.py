"""What a street file becomes before it is stored: four frames and honest counts.

Every frame is in EPSG:4490 (longitude, latitude) with a plain ``RangeIndex``; missing text is ``None``, a
missing number ``NaN``. Coordinates are whole multiples of 1e-7 degree, so that two segments meet exactly
where their end coordinates are equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.arrays import Float
from geo.errors import Problem

CRS: Final = "EPSG:4490"
"""Storage datum. OSM is WGS 84, which the datum layer equals with CGCS2000 (accuracy ≤ 1 m)."""

COORDINATE_UNITS_PER_DEG: Final = 1e7
"""Resolution of OSM coordinates, and of ours (about 1 cm)."""

SEGMENT_COLUMNS: Final = (
    "id", "feature_id", "part", "name", "name_en", "kind", "foot", "is_steps", "crossing_share",
    "oneway_foot", "level", "is_bridge", "is_tunnel", "is_derived", "width_m", "length_m",
)  # fmt: skip
GATE_COLUMNS: Final = ("id", "name", "kind", "access", "opening_hours")
BARRIER_COLUMNS: Final = ("id", "kind", "name")
RESIDENTIAL_COLUMNS: Final = ("id", "name", "kind")

FOOT_VALUES: Final = ("public", "private", "no")
GATE_ACCESS_VALUES: Final = ("open", "residents", "hours", "closed")


@dataclass(frozen=True, slots=True)
class StreetCounts:
    """What was read, kept, cut and left out; every loss has its own number.

    Parameters
    ----------
    ways_read : int
        Street features in the file, walkable or not.
    ways_left_out : int
        Streets that do not exist yet or any more (construction, proposed, razed) and ferries.
    ways_walkable : int
        Features a pedestrian may use, public or private.
    walkable_nodes : int
        Distinct file nodes (for centrelines: vertices) on walkable features.
    junctions : int
        Distinct end coordinates of walkable segments: the nodes of the routing graph.
    segments : int
        Rows of the segment table, links across areas included.
    ways_cut : int
        Features cut where the file lacks a node (the edge of an extract).
    nodes_missing : int
        References to nodes the file lacks.
    zero_length : int
        Pieces without length that were dropped.
    areas : int
        Walkable areas that people cross.
    areas_broken : int
        Walkable or residential areas whose outline is not closed or not a polygon; only lines are kept.
    area_links : int
        Straight links added across walkable areas.
    gates_loose : int
        Gates that lie on no street and were left out.
    duplicates : int
        Centrelines that repeat another one, in the same or the opposite direction.
    touches : int
        Street ends connected to another street within the tolerance.
    crossings : int
        Crossings without a common vertex that were connected.
    unknown_kinds : mapping of str to int
        Street classes no rule knows, with the number of features; they are kept but not walked on.
    """

    ways_read: int = 0
    ways_left_out: int = 0
    ways_walkable: int = 0
    walkable_nodes: int = 0
    junctions: int = 0
    segments: int = 0
    ways_cut: int = 0
    nodes_missing: int = 0
    zero_length: int = 0
    areas: int = 0
    areas_broken: int = 0
    area_links: int = 0
    gates_loose: int = 0
    duplicates: int = 0
    touches: int = 0
    crossings: int = 0
    unknown_kinds: Mapping[str, int] = field(default_factory=dict)

    def notes(self, file: str) -> tuple[Problem, ...]:
        """Return what a planner should know about the file, as notes.

        Parameters
        ----------
        file : str
            File name, without its folder.

        Returns
        -------
        tuple of Problem
            One note per count that is not zero and means a loss or a guess.
        """
        notes = []
        for name, zh, en in _NOTES:
            number = getattr(self, name)
            if number:
                notes.append(Problem(name, "note", file, None, None, None, zh.format(n=number), en.format(n=number)))
        for kind, number in self.unknown_kinds.items():
            notes.append(
                Problem(
                    "unknown_street_class", "note", file, None, "highway", kind,
                    f"{number} 条道路的类别不在规则表内，已保留但不作步行通道",
                    f"{number} features of a class no rule knows: kept, but not walked on",
                )
            )  # fmt: skip
        return tuple(notes)


_NOTES: Final = (
    (
        "ways_left_out",
        "{n} 条在建、规划、废弃道路或轮渡未采用",
        "{n} ways under construction, proposed, razed or ferries left out",
    ),
    (
        "ways_cut",
        "{n} 条道路在数据边缘被截断（缺少节点）",
        "{n} ways cut where the file lacks their nodes (edge of the extract)",
    ),
    ("zero_length", "{n} 个零长度路段已舍弃", "{n} pieces without length dropped"),
    (
        "areas_broken",
        "{n} 个面要素的轮廓不闭合或无效，只保留其边线",
        "{n} areas with a broken outline: only their lines are kept",
    ),
    ("gates_loose", "{n} 个出入口不在任何道路上，未采用", "{n} gates lie on no street and were left out"),
    (
        "duplicates",
        "{n} 条中心线重复（含反方向），已合并",
        "{n} centrelines repeat another one (also reversed): merged",
    ),
    (
        "touches",
        "{n} 处端点在容差内接到另一条道路",
        "{n} street ends connected to another street within the tolerance",
    ),
    ("crossings", "{n} 处无公共顶点的交叉已连通", "{n} crossings without a common vertex connected"),
)


@dataclass(frozen=True, slots=True)
class StreetData:
    """Streets, gates, barriers and residential land of one file.

    Parameters
    ----------
    segments : geopandas.GeoDataFrame
        LineStrings, split at every junction and gate, never merged; columns `SEGMENT_COLUMNS` and
        ``geometry``.
    gates : geopandas.GeoDataFrame
        Points on end coordinates of segments; columns `GATE_COLUMNS` and ``geometry``.
    barriers : geopandas.GeoDataFrame
        LineStrings an access leg may not cross; columns `BARRIER_COLUMNS` and ``geometry``.
    residential_land : geopandas.GeoDataFrame
        Polygons and MultiPolygons; columns `RESIDENTIAL_COLUMNS` and ``geometry``.
    counts : StreetCounts
        What was read and what was lost.
    """

    segments: gpd.GeoDataFrame
    gates: gpd.GeoDataFrame
    barriers: gpd.GeoDataFrame
    residential_land: gpd.GeoDataFrame
    counts: StreetCounts


def street_frame(columns: Mapping[str, object], geometry: Sequence[object] | np.ndarray) -> gpd.GeoDataFrame:
    """Build one frame of `StreetData`; text columns keep ``None`` for missing.

    Parameters
    ----------
    columns : mapping of str to array or list
        Column values, all as long as `geometry`.
    geometry : sequence of shapely geometry
        Geometries in EPSG:4490.

    Returns
    -------
    geopandas.GeoDataFrame
        The frame, with a plain RangeIndex.
    """
    # pandas would turn text into its string type, whose missing value is NaN; the seam promises None.
    data = {
        name: values if isinstance(values, np.ndarray) and values.dtype != object else pd.Series(values, dtype=object)
        for name, values in columns.items()
    }
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(list(geometry), crs=CRS), crs=CRS)


def grid_deg(degrees: Float) -> Float:
    """Round coordinates to the 1e-7 degree grid, so that equal places compare equal.

    Parameters
    ----------
    degrees : ndarray of float
        Longitudes or latitudes, deg; NaN stays NaN.

    Returns
    -------
    ndarray of float
        Rounded copies; two inputs on the same grid point give the identical float.
    """
    rounded: Float = np.rint(np.asarray(degrees, dtype=np.float64) * COORDINATE_UNITS_PER_DEG)
    return rounded / COORDINATE_UNITS_PER_DEG


def count_fields() -> tuple[str, ...]:
    """Return the names of the counts, in the order reports show them.

    Returns
    -------
    tuple of str
        Field names of `StreetCounts`.
    """
    return tuple(item.name for item in fields(StreetCounts))
