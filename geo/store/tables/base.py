"""What every table shares: the declarative base and the columns of a versioned feature."""

from __future__ import annotations

from datetime import date

from shapely.geometry.base import BaseGeometry
from sqlalchemy import Boolean, Date, Index, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from geo.store.columns import BigInt, Real
from geo.store.geometry import GeometryColumn

NEVER = date(1, 1, 1)
"""The ``valid_to`` of a version that was undone: it is valid at no date."""

_OPEN = text("closed_import_id IS NULL")


class Base(DeclarativeBase):
    """All tables of the store."""

    type_annotation_map = {str: Text(), int: BigInt, float: Real, bool: Boolean(), date: Date()}  # noqa: RUF012


class Versioned:
    """Columns of a tracked feature table: one row is one version of one feature of one source.

    Everything but ``fid`` may be NULL, because a row drawn in QGIS brings only what its editor typed and the edit must
    not be stopped; the next opening fills and checks it.
    """

    fid: Mapped[int] = mapped_column(primary_key=True, autoincrement=True, sort_order=-10)
    id: Mapped[str | None] = mapped_column(sort_order=-9)
    source: Mapped[str | None] = mapped_column(sort_order=900)
    import_id: Mapped[int | None] = mapped_column(sort_order=901)
    import_line: Mapped[int | None] = mapped_column(sort_order=902)
    closed_import_id: Mapped[int | None] = mapped_column(sort_order=903)
    valid_from: Mapped[date | None] = mapped_column(sort_order=904)
    valid_to: Mapped[date | None] = mapped_column(sort_order=905)
    stated_valid_to: Mapped[date | None] = mapped_column(sort_order=906)
    row_version: Mapped[int | None] = mapped_column(sort_order=907, server_default=text("1"))
    uid: Mapped[str | None] = mapped_column(sort_order=908)
    quality: Mapped[str | None] = mapped_column(sort_order=909)

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[SchemaItem | dict[str, object], ...]:
        """Name the table's indexes and titles."""
        name = cls.__tablename__  # type: ignore[attr-defined]
        return (
            Index(f"ix_{name}_uid", "uid", unique=True),
            Index(f"ix_{name}_open", "id", "source", sqlite_where=_OPEN, postgresql_where=_OPEN),
            Index(f"ix_{name}_geom", "geom", postgresql_using="gist").ddl_if(dialect="postgresql"),
            {
                "sqlite_autoincrement": True,
                "info": {
                    "geometry": cls.__geometry__,  # type: ignore[attr-defined]
                    "title_zh": cls.__title_zh__,  # type: ignore[attr-defined]
                    "title_en": cls.__title_en__,  # type: ignore[attr-defined]
                },
            },
        )


def geometry_column(kind: str) -> Mapped[BaseGeometry | None]:
    """Declare the one geometry of a feature table.

    Parameters
    ----------
    kind : str
        GeoPackage geometry type name.

    Returns
    -------
    Mapped
        The column, last of its table.
    """
    return mapped_column(GeometryColumn(kind), sort_order=1000, nullable=True)
