"""Coverage runs on the map: gaps, and people in cells. Older runs get no rows; the next run fills the tables."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import Boolean, Column, Date, Index, MetaData, Table, Text, text
from sqlalchemy.types import TypeEngine

from geo.store import schema
from geo.store.columns import BigInt, Real
from geo.store.geometry import GeometryColumn

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TYPES: dict[str, TypeEngine[Any]] = {"t": Text(), "i": BigInt, "r": Real, "b": Boolean(), "d": Date()}
_OF_RUN = "run_id:t type:t is_current:b minutes:r metres:r"
_LAYERS = {
    "coverage_gaps": (
        "服务盲区",
        "Service gaps",
        f"{_OF_RUN} rank:i persons:r too_far:r gate_closed:r disconnected:r not_linked:r reason:t "
        "nearest_facility_id:t nearest_facility_name:t nearest_m:r division_code:t division_name:t",
    ),
    "coverage_cells": (
        "覆盖网格",
        "Coverage cells",
        f"{_OF_RUN} cell_m:r persons:r covered_persons:r uncovered_persons:r covered_share:r reason:t "
        "mean_walk_s:r division_code:t division_name:t",
    ),
    "demand_cells": ("老年人分布网格", "Demand cells", "cell_m:r persons:r division_code:t division_name:t"),
}
_BOOKKEEPING = (
    "source:t import_id:i import_line:i closed_import_id:i valid_from:d valid_to:d stated_valid_to:d row_version:i "
    "uid:t quality:t"
)


def upgrade() -> None:
    """Create the tables, empty."""
    connection = op.get_bind()
    metadata = MetaData()
    tables = [_layer(metadata, name, *described) for name, described in _LAYERS.items()]
    metadata.create_all(connection)
    for table in tables:
        schema.finish_feature_table(connection, table)


def _columns(words: str) -> list[Column[object]]:
    """Build columns from ``name:type`` words."""
    built = []
    for word in words.split():
        name, letter = word.split(":")
        default = text("1") if name == "row_version" else None
        built.append(Column(name, _TYPES[letter], server_default=default))
    return built


def _layer(metadata: MetaData, name: str, title_zh: str, title_en: str, own: str) -> Table:
    """Build one feature table."""
    return Table(
        name,
        metadata,
        Column("fid", BigInt, primary_key=True, autoincrement=True),
        Column("id", Text),
        *_columns(own),
        *_columns(_BOOKKEEPING),
        Column("geom", GeometryColumn("MULTIPOLYGON")),
        Index(f"ix_{name}_geom", "geom", postgresql_using="gist").ddl_if(dialect="postgresql"),
        sqlite_autoincrement=True,
        info={"geometry": "MULTIPOLYGON", "title_zh": title_zh, "title_en": title_en},
    )
