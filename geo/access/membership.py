"""Which division each demand point lies in, at every level, so that nobody counts twice and nobody is lost.

At each level a point belongs to one division at most; a point on a shared border goes to the lowest code. A
point inside some division but in none of a given level is ``unassigned`` at that level; a point inside no
division at all is ``outside``. Each level's divisions, its unassigned row and the outside row therefore
partition the population.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.arrays import Bool, Float, Int, Int32
from geo.errors import InputError

LEVELS: Final = ("province", "prefecture", "county", "township", "village")
UNASSIGNED_CODE: Final = "unassigned"
OUTSIDE_CODE: Final = "outside"
UNASSIGNED_NAME_ZH: Final = "本级未划入"
OUTSIDE_NAME_ZH: Final = "区划范围以外"


@dataclass(frozen=True, slots=True)
class LevelMembership:
    """Membership at one level.

    Parameters
    ----------
    level : str
        A name of `LEVELS`.
    codes, names : tuple of str
        The level's divisions in code order.
    parent_codes : tuple of str or None
        Code of each division's parent, None where the file states none.
    index : array of int32, shape (n_demand,)
        Position in `codes`; ``n_divisions`` = unassigned at this level, ``n_divisions + 1`` = outside
        everything.
    """

    level: str
    codes: tuple[str, ...]
    names: tuple[str, ...]
    parent_codes: tuple[str | None, ...]
    index: Int32

    @property
    def n_divisions(self) -> int:
        """Return the number of divisions of this level.

        Returns
        -------
        int
            Length of `codes`.
        """
        return len(self.codes)

    def code_of(self, row: int) -> str:
        """Return the code that stands for one value of `index`.

        Parameters
        ----------
        row : int
            From 0 to ``n_divisions + 1``.

        Returns
        -------
        str
            A division code, ``"unassigned"`` or ``"outside"``.
        """
        if row < self.n_divisions:
            return self.codes[row]
        return (UNASSIGNED_CODE, OUTSIDE_CODE)[row - self.n_divisions]

    def name_of(self, row: int) -> str:
        """Return the name that stands for one value of `index`.

        Parameters
        ----------
        row : int
            From 0 to ``n_divisions + 1``.

        Returns
        -------
        str
            A division's name, or the Chinese name of the unassigned or the outside row.
        """
        if row < self.n_divisions:
            return self.names[row]
        return (UNASSIGNED_NAME_ZH, OUTSIDE_NAME_ZH)[row - self.n_divisions]


@dataclass(frozen=True, slots=True)
class Membership:
    """Membership at every level that the divisions have.

    Parameters
    ----------
    levels : tuple of LevelMembership
        From the widest level to the narrowest; empty when there are no divisions.
    outside : array of bool, shape (n_demand,)
        True where the point lies in no division of any level.
    group : array of int32, shape (n_demand,)
        Group of points that share their row at every level; aggregates are made once per group and added up
        by level.
    group_rows : tuple of array of int64, shape (n_groups,)
        For each level, the row (as in `LevelMembership.index`) of each group.
    group_outside : array of bool, shape (n_groups,)
        Whether the group lies outside every division.
    """

    levels: tuple[LevelMembership, ...]
    outside: Bool
    group: Int32
    group_rows: tuple[Int, ...]
    group_outside: Bool

    @property
    def n_groups(self) -> int:
        """Return the number of groups.

        Returns
        -------
        int
            At least 1 when there is any point.
        """
        return int(self.group_outside.size)

    def level(self, name: str) -> LevelMembership | None:
        """Return one level.

        Parameters
        ----------
        name : str
            A name of `LEVELS`.

        Returns
        -------
        LevelMembership or None
            None when no division of that level exists.
        """
        return next((level for level in self.levels if level.level == name), None)


def assign_divisions(lon: Float, lat: Float, divisions: gpd.GeoDataFrame) -> Membership:
    """Find every point's division at every level by point in polygon.

    Parameters
    ----------
    lon, lat : array of float64, shape (n_demand,)
        Positions in EPSG:4490 degrees.
    divisions : GeoDataFrame
        Divisions valid on the date of the analysis, with ``code``, ``name``, ``level``, ``parent_code`` and
        polygons in EPSG:4490; may be empty.

    Returns
    -------
    Membership
        Rows in the order of the points.

    Raises
    ------
    InputError
        A level is unknown, or two divisions of one level share a code.
    """
    points = cast("NDArray[np.object_]", shapely.points(np.column_stack([lon, lat])))
    n_demand = len(points)
    _check(divisions)
    tree = shapely.STRtree(points)
    found: list[LevelMembership] = []
    for name in LEVELS:
        rows = divisions[divisions["level"] == name]
        if rows.empty:
            continue
        found.append(_assign_level(tree, n_demand, name, rows))
    if found:
        outside = np.logical_and.reduce([level.index == level.n_divisions for level in found])
    else:
        outside = np.ones(n_demand, dtype=np.bool_)
    levels = tuple(_mark_outside(level, outside) for level in found)
    group, group_rows, group_outside = _group(levels, outside)
    return Membership(levels, outside, group, group_rows, group_outside)


def _check(divisions: gpd.GeoDataFrame) -> None:
    """Refuse unknown levels and codes given twice at one level."""
    if divisions.empty:
        return
    unknown = sorted({str(level) for level in divisions["level"]} - set(LEVELS))
    if unknown:
        raise InputError(
            f"未知的区划层级 {'、'.join(unknown)}，可用：{'、'.join(LEVELS)}",
            f"unknown division levels {', '.join(unknown)}; allowed: {', '.join(LEVELS)}",
            levels=unknown,
        )
    twice = divisions[divisions.duplicated(["level", "code"])]
    if not twice.empty:
        codes = sorted({str(code) for code in twice["code"]})
        raise InputError(
            f"同一层级的区划代码重复：{'、'.join(codes[:10])}；每个层级的代码只能出现一次",
            f"division codes given twice at one level: {', '.join(codes[:10])}; allowed: once a level",
            codes=codes,
        )


def _assign_level(tree: shapely.STRtree, n_demand: int, name: str, rows: gpd.GeoDataFrame) -> LevelMembership:
    """Query one level; the tree holds the points so that each polygon is prepared once for all of them."""
    rows = rows.assign(code=rows["code"].astype(str)).sort_values("code", kind="stable")
    count = len(rows)
    index = np.full(n_demand, count, dtype=np.int32)
    if n_demand:
        polygon, point = tree.query(np.asarray(rows.geometry.values), predicate="intersects")
        # Written from the highest code down, so that the lowest code is what stays on a shared border.
        order = np.argsort(-polygon, kind="stable")
        index[point[order]] = polygon[order]
    parents = [None if pd.isna(code) else str(code) for code in rows["parent_code"]]
    names = tuple("" if pd.isna(text) else str(text) for text in rows["name"])
    return LevelMembership(name, tuple(rows["code"]), names, tuple(parents), index)


def _mark_outside(level: LevelMembership, outside: Bool) -> LevelMembership:
    """Tell points outside everything from points that only this level leaves out."""
    index = np.where(outside, np.int32(level.n_divisions + 1), level.index).astype(np.int32)
    return LevelMembership(level.level, level.codes, level.names, level.parent_codes, index)


def _group(levels: tuple[LevelMembership, ...], outside: Bool) -> tuple[Int32, tuple[Int, ...], Bool]:
    """Number the distinct combinations of rows over all levels."""
    group = outside.astype(np.int64)
    for level in levels:
        group = group * (level.n_divisions + 2) + level.index
        # Renumbered at every level: products of many large levels would leave int64.
        group = np.unique(group, return_inverse=True)[1].astype(np.int64)
    if not levels:
        group = np.unique(group, return_inverse=True)[1].astype(np.int64)
    n_groups = int(group.max()) + 1 if group.size else 0
    first = np.zeros(n_groups, dtype=np.int64)
    first[group] = np.arange(group.size)
    rows = tuple(level.index[first].astype(np.int64) for level in levels)
    return group.astype(np.int32), rows, outside[first]
