"""Imports of files that were sent."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from api.schemas.common import Strict, TypeSlug

ImportLayer = Literal["facilities", "demand", "divisions", "streets", "land", "footprints"]
Mapping = Annotated[dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=60)]],
                    Field(max_length=500)]  # fmt: skip


class SketchAsk(Strict):
    """How a file is looked at."""

    layer: ImportLayer = Field(description="导入为哪个图层 · what it is imported as")
    type: TypeSlug | None = Field(None, description="全部行的设施类型 · facility type of all rows")
    mapping: Mapping = Field(default_factory=dict, description="列 → 字段，“-”忽略 · column to field, - leaves out")
    part: str | None = Field(None, max_length=200, description="图层、工作表或压缩包成员 · layer, sheet or member")
    encoding: str | None = Field(None, max_length=40, description="文字编码，默认自动识别 · text encoding")
    has_areas: StrictBool = Field(False, description="需求为社区人数表 · demand is a table per community")


class ImportAsk(Strict):
    """How a file is imported."""

    upload_id: str = Field(max_length=40, description="上传文件 · the upload")
    layer: ImportLayer = Field(description="导入为哪个图层 · what it is imported as")
    source: str | None = Field(
        None, min_length=1, max_length=200, description="来源名称，再次导入按来源比对；默认文件名 · source"
    )
    datum: str | None = Field(
        None, max_length=40, description="坐标基准：cgcs2000、wgs84、gcj02、bd09 或 EPSG:编号 · datum"
    )
    mapping: Mapping = Field(default_factory=dict, description="列 → 字段，“-”忽略 · column to field, - leaves out")
    part: str | None = Field(None, max_length=200, description="图层、工作表或压缩包成员 · layer, sheet or member")
    helmert: str | None = Field(None, max_length=200, description="七参数 · seven parameters for 1954 or 1980")
    encoding: str | None = Field(None, max_length=40, description="文字编码，默认自动识别 · text encoding")
    skip_bad: StrictBool = Field(False, description="写入合格行并列出其余各行 · store the good rows only")
    type: TypeSlug | None = Field(None, description="全部行的设施类型 · facility type of all rows")
    population: Literal["resident", "registered", "unstated"] = Field(
        "unstated", description="人口口径 · kind of population"
    )
    year: int | None = Field(None, ge=1900, le=2200, description="数据年份 · year of the data")
    level: Literal["province", "prefecture", "county", "township", "village"] | None = Field(
        None, description="全部行的区划级别 · division level of all rows"
    )
    areas: str | None = Field(
        None, max_length=40, description="社区面：上传编号，或 divisions 用库内村级区划 · upload of community polygons"
    )
    areas_datum: str | None = Field(None, max_length=40, description="社区面的坐标基准 · datum of the polygons")
