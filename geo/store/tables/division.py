"""Administrative divisions, versioned, at any level."""

from __future__ import annotations

from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Mapped

from geo.store.tables.base import Base, Versioned, geometry_column


class AdminDivision(Versioned, Base):
    """A province, prefecture, county, township or village unit; ``id`` is its code."""

    __tablename__ = "admin_divisions"
    __geometry__ = "MULTIPOLYGON"
    __title_zh__ = "行政区划"
    __title_en__ = "Administrative divisions"

    code: Mapped[str | None]
    name: Mapped[str | None]
    level: Mapped[str | None]
    parent_code: Mapped[str | None]
    geom: Mapped[BaseGeometry | None] = geometry_column("MULTIPOLYGON")
