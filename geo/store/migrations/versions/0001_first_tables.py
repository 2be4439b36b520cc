"""First tables: eight layers, imports, runs, revisions, journal, audit log."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from geo.store import gpkg, schema
from geo.store.columns import BigInt, Real, UtcDateTime
from geo.store.geometry import GeometryColumn

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_OPEN = text("closed_import_id IS NULL")
_UNCLAIMED = text("origin IS NULL")
_TYPES: dict[str, TypeEngine[Any]] = {"t": Text(), "i": BigInt, "r": Real, "b": Boolean(), "d": Date()}
_POSITION = "raw_x:r raw_y:r raw_crs:t datum_method:t accuracy_m:r"

_LAYERS = {
    "admin_divisions": (
        "MULTIPOLYGON",
        "行政区划",
        "Administrative divisions",
        "code:t name:t level:t parent_code:t",
    ),
    "facilities": (
        "POINT",
        "设施",
        "Facilities",
        "name:t type:t address:t status:t open_date:d close_date:d capacity:r capacity_unit:t opening_hours:t "
        f"operator:t ownership:t tier:t floor_area_m2:r floor_level:r attributes:t {_POSITION}",
    ),
    "facility_footprints": ("MULTIPOLYGON", "设施用地", "Facility footprints", "kind:t"),
    "street_segments": (
        "LINESTRING",
        "道路路段",
        "Street segments",
        "feature_id:t part:i name:t name_en:t kind:t foot:t is_steps:b crossing_share:r oneway_foot:i level:i "
        "is_bridge:b is_tunnel:b is_derived:b width_m:r length_m:r",
    ),
    "gates": ("POINT", "小区门", "Gates", "name:t kind:t access:t opening_hours:t"),
    "barriers": ("LINESTRING", "阻隔线", "Barriers", "kind:t name:t"),
    "residential_land": ("MULTIPOLYGON", "居住用地", "Residential land", "name:t kind:t"),
    "demand_points": (
        "POINT",
        "需求点",
        "Demand points",
        "name:t kind:t persons:r persons_60_69:r persons_70_79:r persons_80_plus:r persons_able:r persons_partly:r "
        f"persons_unable:r division_code:t population:t year:i {_POSITION}",
    ),
}
_BOOKKEEPING = (
    "source:t import_id:i import_line:i closed_import_id:i valid_from:d valid_to:d stated_valid_to:d row_version:i "
    "uid:t quality:t"
)


def upgrade() -> None:
    """Create everything on an empty file or database."""
    connection = op.get_bind()
    schema.begin_schema(connection)
    metadata = MetaData()
    layers = [_layer(metadata, name, *described) for name, described in _LAYERS.items()]
    records = _records(metadata)
    metadata.create_all(connection)
    for table in layers:
        schema.finish_feature_table(connection, table)
    for name in gpkg.REGISTERED_RECORDS:
        schema.finish_record_table(connection, records[name])
    schema.keep_append_only(connection, "audit_log")
    schema.fill_store_info(connection)


def _columns(words: str) -> list[Column[object]]:
    """Build columns from ``name:type`` words."""
    built = []
    for word in words.split():
        name, letter = word.split(":")
        default = text("1") if name == "row_version" else None
        built.append(Column(name, _TYPES[letter], server_default=default))
    return built


def _layer(metadata: MetaData, name: str, geometry: str, title_zh: str, title_en: str, own: str) -> Table:
    """Build one feature table."""
    return Table(
        name,
        metadata,
        Column("fid", BigInt, primary_key=True, autoincrement=True),
        Column("id", Text),
        *_columns(own),
        *_columns(_BOOKKEEPING),
        Column("geom", GeometryColumn(geometry)),
        Index(f"ix_{name}_uid", "uid", unique=True),
        Index(f"ix_{name}_open", "id", "source", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index(f"ix_{name}_geom", "geom", postgresql_using="gist").ddl_if(dialect="postgresql"),
        sqlite_autoincrement=True,
        info={"geometry": geometry, "title_zh": title_zh, "title_en": title_en},
    )


def _records(metadata: MetaData) -> dict[str, Table]:
    """Build the tables without geometry."""

    def fid() -> Column[int]:
        return Column("fid", BigInt, primary_key=True, autoincrement=True)

    def words(names: str, *, nullable: bool = False) -> list[Column[str]]:
        return [Column(name, Text, nullable=nullable) for name in names.split()]

    counts = "read refused repaired added changed closed unchanged"
    Table(
        "imports",
        metadata,
        fid(),
        *words("layer source file_name sha256 parameters actor"),
        Column("started_at", UtcDateTime(), nullable=False),
        Column("finished_at", UtcDateTime()),
        Column("undone_at", UtcDateTime()),
        *words("undone_by", nullable=True),
        *[Column(f"rows_{count}", BigInt) for count in counts.split()],
        Index("ix_imports_source", "layer", "source"),
        sqlite_autoincrement=True,
        info={"title_zh": "导入记录", "title_en": "Imports"},
    )
    Table(
        "analysis_runs",
        metadata,
        fid(),
        *words("run_id kind parameters revisions summary content_hash software_version actor"),
        Column("created_at", UtcDateTime(), nullable=False),
        Index("ix_analysis_runs_run_id", "run_id", unique=True),
        sqlite_autoincrement=True,
        info={"title_zh": "分析记录", "title_en": "Analysis runs"},
    )
    Table(
        "analysis_results",
        metadata,
        fid(),
        Column("run_fid", BigInt, ForeignKey("analysis_runs.fid", ondelete="CASCADE"), nullable=False),
        *words("type band"),
        Column("payload", LargeBinary, nullable=False),
        UniqueConstraint("run_fid", "type", "band"),
    )
    Table(
        "audit_log",
        metadata,
        fid(),
        Column("at", UtcDateTime(), nullable=False),
        *words("actor action subject detail chain"),
        sqlite_autoincrement=True,
        info={"title_zh": "审计日志", "title_en": "Audit log"},
    )
    Table(
        "layer_revisions",
        metadata,
        Column("layer", Text, primary_key=True),
        Column("revision", BigInt, server_default=text("0"), nullable=False),
        Column("stamp", Text, server_default=text("''"), nullable=False),
    )
    Table(
        "change_journal",
        metadata,
        fid(),
        *words("layer"),
        Column("row_fid", BigInt, nullable=False),
        *words("operation"),
        Column("revision", BigInt, nullable=False),
        *words("origin", nullable=True),
        Column("at", UtcDateTime(), nullable=False),
        *words("before", nullable=True),
        Index("ix_change_journal_unclaimed", "fid", sqlite_where=_UNCLAIMED, postgresql_where=_UNCLAIMED),
        sqlite_autoincrement=True,
    )
    Table(
        "store_info",
        metadata,
        Column("key", Text, primary_key=True),
        Column("value", Text, nullable=False),
    )
    return dict(metadata.tables)
