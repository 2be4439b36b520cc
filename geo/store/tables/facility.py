"""Facilities of every type in one table, and their footprints in another."""

from __future__ import annotations

from datetime import date

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Mapped

from geo.store.tables.base import Base, Versioned, geometry_column


class Facility(Versioned, Base):
    """A facility at its entrance or centre; ``type`` is a slug of the catalogue, ``attributes`` a JSON object."""

    __tablename__ = "facilities"
    __geometry__ = "POINT"
    __title_zh__ = "设施"
    __title_en__ = "Facilities"

    name: Mapped[str | None]
    type: Mapped[str | None]
    address: Mapped[str | None]
    status: Mapped[str | None]
    open_date: Mapped[date | None]
    close_date: Mapped[date | None]
    capacity: Mapped[float | None]
    capacity_unit: Mapped[str | None]
    opening_hours: Mapped[str | None]
    operator: Mapped[str | None]
    ownership: Mapped[str | None]
    tier: Mapped[str | None]
    floor_area_m2: Mapped[float | None]
    floor_level: Mapped[float | None]
    attributes: Mapped[str | None]
    raw_x: Mapped[float | None]
    raw_y: Mapped[float | None]
    raw_crs: Mapped[str | None]
    datum_method: Mapped[str | None]
    accuracy_m: Mapped[float | None]
    geom: Mapped[BaseGeometry | None] = geometry_column("POINT")


class FacilityFootprint(Versioned, Base):
    """The ground a facility covers; ``id`` is the facility's."""

    __tablename__ = "facility_footprints"
    __geometry__ = "MULTIPOLYGON"
    __title_zh__ = "设施用地"
    __title_en__ = "Facility footprints"

    kind: Mapped[str | None]
    geom: Mapped[BaseGeometry | None] = geometry_column("MULTIPOLYGON")
