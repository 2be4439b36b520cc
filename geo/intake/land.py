"""Polygons without counts: residential land and the footprints of facilities."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geo.intake.mapping import Field, Vocabulary, require, words
from geo.intake.position import place_shapes
from geo.intake.result import IntakeOptions, IntakeResult
from geo.intake.rows import column_text, finish, judge_ids, open_rows, place_seeds, repair_polygons

LAND_VOCABULARY = Vocabulary(
    (
        Field("id", words("编号 编码 地块编号 小区编号 小区代码 uid"), words("osm_id fid objectid")),
        Field("name", words("名称 小区 小区名称 地块名称 项目名称 楼盘名称")),
        Field("kind", words("类型 用地类型 用地性质 地类 landuse 类别 fclass")),
    )
)
FOOTPRINT_VOCABULARY = Vocabulary(
    (
        Field("id", words("编号 编码 设施编号 设施编码 机构编号 facility_id")),
        Field("kind", words("类型 设施类型 类别 type")),
    )
)


def read_residential_land(path: Path, options: IntakeOptions | None = None) -> IntakeResult:
    """Read residential land.

    Parameters
    ----------
    path : pathlib.Path
        GeoJSON, GeoPackage or Shapefile of polygons.
    options : IntakeOptions or None
        How to read it.

    Returns
    -------
    IntakeResult
        Layer ``residential_land``: id, name, kind (``residential`` where the file tells none).

    Raises
    ------
    InputError
        If the file as a whole is refused.
    DataSourceError
        If it cannot be read or is empty.
    """
    return _read("residential_land", path, LAND_VOCABULARY, options or IntakeOptions())


def read_footprints(path: Path, options: IntakeOptions | None = None) -> IntakeResult:
    """Read outlines of facilities.

    Parameters
    ----------
    path : pathlib.Path
        GeoJSON, GeoPackage or Shapefile of polygons with the facility's id.
    options : IntakeOptions or None
        How to read it.

    Returns
    -------
    IntakeResult
        Layer ``facility_footprints``: id (the facility's) and kind.

    Raises
    ------
    InputError
        If the file as a whole is refused.
    DataSourceError
        If it cannot be read or is empty.
    """
    return _read("facility_footprints", path, FOOTPRINT_VOCABULARY, options or IntakeOptions())


def _read(layer: str, path: Path, vocabulary: Vocabulary, options: IntakeOptions) -> IntakeResult:
    """Read polygons of either layer."""
    table, columns, found = open_rows(path, vocabulary, options)
    is_land = layer == "residential_land"
    if table.geometry is None:
        found.whole(
            "missing_geometry",
            "refused",
            "需要面图层（GeoJSON、GeoPackage、Shapefile）。",
            "Polygons are needed (GeoJSON, GeoPackage, Shapefile).",
        )
    if not is_land:
        require(table.columns, columns, ["id"], found)
    ids = column_text(table, columns, "id", found, is_code=True)
    names = column_text(table, columns, "name", found)
    kinds = column_text(table, columns, "kind", found)
    located = place_shapes(table, columns, options, found)
    shapes = repair_polygons(located.geometry, found, is_multi=False)
    blank = np.array([value is None for value in ids], np.bool_)
    if not is_land and columns.get("id") is not None:
        found.rows(
            blank,
            "missing_id",
            "refused",
            "没有设施编号；轮廓必须写明设施编号。",
            "No facility id; an outline must name its facility.",
            field=columns.get("id"),
        )
    ids = judge_ids(ids, columns.get("id"), found, prefix="r", seeds=place_seeds(names, located))
    data: dict[str, object] = {"id": ids}
    if is_land:
        data["name"] = names
        kinds = np.array([kind or "residential" for kind in kinds], object)
    data["kind"] = kinds
    return finish(layer, table, columns, found, located, data, shapes)
