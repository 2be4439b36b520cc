"""What a layer is: its table, its geometry, its own columns and how their values look in a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sqlalchemy import Boolean, Column, Date, Integer, Table, Text

from geo.errors import NotFoundError
from geo.store.tables import Base, Versioned

ColumnKind = Literal["text", "int", "real", "bool", "date"]

LAYER_NAMES: tuple[str, ...] = (
    "admin_divisions",
    "facilities",
    "facility_footprints",
    "street_segments",
    "gates",
    "barriers",
    "residential_land",
    "demand_points",
    "coverage_gaps",
    "coverage_cells",
    "demand_cells",
)
"""Every tracked layer, in the order it is listed to people."""

DERIVED_LAYERS: tuple[str, ...] = ("coverage_gaps", "coverage_cells", "demand_cells")
"""Layers that runs write; imports know nothing of them."""

_BOOKKEEPING = frozenset(name for name in vars(Versioned) if not name.startswith("_")) | {"geom"}


@dataclass(frozen=True, slots=True)
class LayerColumn:
    """One column of a layer.

    Parameters
    ----------
    name : str
        Column name, the same in the table and in frames.
    kind : {"text", "int", "real", "bool", "date"}
        What a frame holds.
    missing : int or None
        For whole numbers: what a missing value means; None makes the frame's column float64 with NaN.
    """

    name: str
    kind: ColumnKind
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One tracked layer.

    Parameters
    ----------
    name : str
        Table and layer name.
    title_zh, title_en : str
        Titles for people.
    geometry : str
        GeoPackage geometry type name.
    own : tuple of LayerColumn
        The columns a feature has by its nature, without bookkeeping and geometry.
    columns : Mapping
        Every column but the geometry, by name, in the table's order.
    table : Table
        The SQLAlchemy table.
    """

    name: str
    title_zh: str
    title_en: str
    geometry: str
    own: tuple[LayerColumn, ...]
    columns: Mapping[str, LayerColumn]
    table: Table


def layer(name: str) -> Layer:
    """Find a layer by name.

    Parameters
    ----------
    name : str
        One of `LAYER_NAMES`.

    Returns
    -------
    Layer
        Its description.

    Raises
    ------
    NotFoundError
        No layer has this name.
    """
    try:
        return LAYERS[name]
    except KeyError:
        allowed = ", ".join(LAYER_NAMES)
        raise NotFoundError(
            f"没有名为“{name}”的图层；可用的图层有：{allowed}。",
            f"There is no layer '{name}'; the layers are {allowed}.",
            layer=name,
        ) from None


def _column(column: Column[object]) -> LayerColumn:
    """Describe one column of a table."""
    kinds: tuple[tuple[type, ColumnKind], ...] = (
        (Text, "text"),
        (Boolean, "bool"),
        (Date, "date"),
        (Integer, "int"),
    )
    kind: ColumnKind = next((kind for type_, kind in kinds if isinstance(column.type, type_)), "real")
    missing = column.info.get("missing")
    return LayerColumn(column.name, kind, missing if isinstance(missing, int) else None)


def _describe(name: str) -> Layer:
    """Describe one layer from its model."""
    table = Base.metadata.tables[name]
    columns = {column.name: _column(column) for column in table.columns if column.name != "geom"}
    return Layer(
        name=name,
        title_zh=str(table.info["title_zh"]),
        title_en=str(table.info["title_en"]),
        geometry=str(table.info["geometry"]),
        own=tuple(column for column in columns.values() if column.name not in _BOOKKEEPING),
        columns=MappingProxyType(columns),
        table=table,
    )


LAYERS: Mapping[str, Layer] = MappingProxyType({name: _describe(name) for name in LAYER_NAMES})
"""Every layer by name."""
