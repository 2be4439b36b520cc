"""What runs leave on the map: gaps, and people in cells. Written by coverage runs alone, never by an import.

Every row may be seen by whoever may read the layer it is in: nothing finer than the privacy rule allows is written
here (see `geo.access.privacy`), so no filter, tile or export of these tables can show it.
"""

from __future__ import annotations

from shapely.geometry.base import BaseGeometry
from sqlalchemy import Index
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from geo.store.tables.base import Base, Versioned, geometry_column


class Derived(Versioned):
    """Columns of a feature table whose rows come from a run: many at a time, read by place, hence no other index."""

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[SchemaItem | dict[str, object], ...]:
        """Name the table's index and titles."""
        name = f"ix_{cls.__tablename__}_geom"  # type: ignore[attr-defined]
        *indexes, facts = super().__table_args__
        return (*(one for one in indexes if isinstance(one, Index) and one.name == name), facts)


class OfRun(Derived):
    """Columns that say which run a row comes from; ``is_current`` marks the newest run of its facility type."""

    run_id: Mapped[str | None] = mapped_column(sort_order=-8)
    type: Mapped[str | None] = mapped_column(sort_order=-7)
    is_current: Mapped[bool | None] = mapped_column(sort_order=-6)
    minutes: Mapped[float | None] = mapped_column(sort_order=-5)
    metres: Mapped[float | None] = mapped_column(sort_order=-4)


class CoverageGap(OfRun, Base):
    """One gap of a run, with at least as many uncovered people as the privacy rule asks for."""

    __tablename__ = "coverage_gaps"
    __geometry__ = "MULTIPOLYGON"
    __title_zh__ = "服务盲区"
    __title_en__ = "Service gaps"

    rank: Mapped[int | None]
    persons: Mapped[float | None]
    too_far: Mapped[float | None]
    gate_closed: Mapped[float | None]
    disconnected: Mapped[float | None]
    not_linked: Mapped[float | None]
    reason: Mapped[str | None]
    nearest_facility_id: Mapped[str | None]
    nearest_facility_name: Mapped[str | None]
    nearest_m: Mapped[float | None]
    division_code: Mapped[str | None]
    division_name: Mapped[str | None]
    geom: Mapped[BaseGeometry | None] = geometry_column("MULTIPOLYGON")


class CoverageCell(OfRun, Base):
    """One cell of people with how many of them a facility type covers, in steps of ten people or more."""

    __tablename__ = "coverage_cells"
    __geometry__ = "MULTIPOLYGON"
    __title_zh__ = "覆盖网格"
    __title_en__ = "Coverage cells"

    cell_m: Mapped[float | None]
    persons: Mapped[float | None]
    covered_persons: Mapped[float | None]
    uncovered_persons: Mapped[float | None]
    covered_share: Mapped[float | None]
    reason: Mapped[str | None]
    mean_walk_s: Mapped[float | None]
    division_code: Mapped[str | None]
    division_name: Mapped[str | None]
    geom: Mapped[BaseGeometry | None] = geometry_column("MULTIPOLYGON")


class DemandCell(Derived, Base):
    """One cell of people, as the newest run found them."""

    __tablename__ = "demand_cells"
    __geometry__ = "MULTIPOLYGON"
    __title_zh__ = "老年人分布网格"
    __title_en__ = "Demand cells"

    cell_m: Mapped[float | None]
    persons: Mapped[float | None]
    division_code: Mapped[str | None]
    division_name: Mapped[str | None]
    geom: Mapped[BaseGeometry | None] = geometry_column("MULTIPOLYGON")
