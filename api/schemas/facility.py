"""Facilities, one at a time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.common import LATITUDE, LONGITUDE, Day, Latitude, Longitude, Strict, TypeSlug

Name = Annotated[str, Field(max_length=200, json_schema_extra={"minLength": 1})]
"""A name; an empty one is refused together with whatever else does not fit, so not here."""
Value = Annotated[str, Field(max_length=2000)] | bool | int | float | None
Attributes = Annotated[dict[Annotated[str, Field(max_length=60)], Value], Field(max_length=200)]


class FacilityNew(Strict):
    """A facility to enter."""

    type: TypeSlug = Field(description="设施类型 · facility type")
    name: Name = Field(description="名称 · name")
    lon: Longitude = Field(description=LONGITUDE)
    lat: Latitude = Field(description=LATITUDE)
    id: str | None = Field(None, min_length=1, max_length=100, description="编号，默认自动生成 · id, made by default")
    attributes: Attributes = Field(
        default_factory=dict,
        description="地址、状态、容量等通用属性和该类型自己的属性 · common attributes and those of the type, by name",
    )


class FacilityChange(Strict):
    """What is to change about a facility; what is left out stays."""

    name: Name | None = Field(None, description="名称 · name")
    lon: Longitude | None = Field(None, description=LONGITUDE)
    lat: Latitude | None = Field(None, description=LATITUDE)
    attributes: Attributes = Field(
        default_factory=dict, description="要修改的属性；null 清除 · attributes to change; null removes one"
    )


class FacilityClosing(Strict):
    """When a facility closes."""

    on: Day | None = Field(None, description="停用日期，默认今天 · first day closed, today by default")


class FacilityAsk(Strict):
    """Which facilities are listed."""

    type: list[TypeSlug] = Field(default_factory=list, max_length=64, description="设施类型，可重复 · types")
    q: str | None = Field(None, min_length=1, max_length=100, description="名称包含 · a part of the name")
    district: str | None = Field(None, max_length=20, pattern=r"^\d+$", description="区划代码 · division code")
    open: bool = Field(False, description="只要营业中的 · only those open today")
    sort: Literal["name", "type", "open_date", "capacity", "floor_area_m2"] | None = Field(
        None, description="排序字段 · column to sort by"
    )
    descending: bool = Field(False, description="倒序 · largest first")
    limit: int = Field(100, ge=1, le=1000, description="一页条数 · facilities a page")
    token: str | None = Field(None, max_length=400, description="翻页标记 · page token of the next link")
