"""Where people live: demand points with age bands and ability, and residential land."""

from __future__ import annotations

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Mapped

from geo.store.tables.base import Base, Versioned, geometry_column


class DemandPoint(Versioned, Base):
    """People at one place; ability is a second partition of the same people. Internal: never leaves as points."""

    __tablename__ = "demand_points"
    __geometry__ = "POINT"
    __title_zh__ = "需求点"
    __title_en__ = "Demand points"

    name: Mapped[str | None]
    kind: Mapped[str | None]
    persons: Mapped[float | None]
    persons_60_69: Mapped[float | None]
    persons_70_79: Mapped[float | None]
    persons_80_plus: Mapped[float | None]
    persons_able: Mapped[float | None]
    persons_partly: Mapped[float | None]
    persons_unable: Mapped[float | None]
    division_code: Mapped[str | None]
    population: Mapped[str | None]
    year: Mapped[int | None]
    raw_x: Mapped[float | None]
    raw_y: Mapped[float | None]
    raw_crs: Mapped[str | None]
    datum_method: Mapped[str | None]
    accuracy_m: Mapped[float | None]
    geom: Mapped[BaseGeometry | None] = geometry_column("POINT")


class ResidentialLand(Versioned, Base):
    """Land people live on."""

    __tablename__ = "residential_land"
    __geometry__ = "MULTIPOLYGON"
    __title_zh__ = "居住用地"
    __title_en__ = "Residential land"

    name: Mapped[str | None]
    kind: Mapped[str | None]
    geom: Mapped[BaseGeometry | None] = geometry_column("MULTIPOLYGON")
