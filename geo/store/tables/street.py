"""Streets as the file has them, split at junctions, with the gates and barriers that rule walking."""

from __future__ import annotations

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Mapped, mapped_column

from geo.store.tables.base import Base, Versioned, geometry_column


class StreetSegment(Versioned, Base):
    """A feature's part between two junctions; never merged with its neighbour."""

    __tablename__ = "street_segments"
    __geometry__ = "LINESTRING"
    __title_zh__ = "道路路段"
    __title_en__ = "Street segments"

    feature_id: Mapped[str | None]
    part: Mapped[int | None] = mapped_column(info={"missing": 0})
    name: Mapped[str | None]
    name_en: Mapped[str | None]
    kind: Mapped[str | None]
    foot: Mapped[str | None]
    is_steps: Mapped[bool | None]
    crossing_share: Mapped[float | None]
    oneway_foot: Mapped[int | None] = mapped_column(info={"missing": 0})
    level: Mapped[int | None] = mapped_column(info={"missing": 0})
    is_bridge: Mapped[bool | None]
    is_tunnel: Mapped[bool | None]
    is_derived: Mapped[bool | None]
    width_m: Mapped[float | None]
    length_m: Mapped[float | None]
    geom: Mapped[BaseGeometry | None] = geometry_column("LINESTRING")


class Gate(Versioned, Base):
    """A gate on the end of a street segment."""

    __tablename__ = "gates"
    __geometry__ = "POINT"
    __title_zh__ = "小区门"
    __title_en__ = "Gates"

    name: Mapped[str | None]
    kind: Mapped[str | None]
    access: Mapped[str | None]
    opening_hours: Mapped[str | None]
    geom: Mapped[BaseGeometry | None] = geometry_column("POINT")


class Barrier(Versioned, Base):
    """A wall, fence, river or railway that no one walks across."""

    __tablename__ = "barriers"
    __geometry__ = "LINESTRING"
    __title_zh__ = "阻隔线"
    __title_en__ = "Barriers"

    kind: Mapped[str | None]
    name: Mapped[str | None]
    geom: Mapped[BaseGeometry | None] = geometry_column("LINESTRING")
