"""What makes the SQLite file a GeoPackage: its header, its metadata tables and the rows that register layers.

Registered is what a user may read. Because at least one table is registered as ``attributes``, GDAL lists only
registered tables, and the internal ones stay out of sight.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, text

from geo.store.account_triggers import sqlite_account_triggers
from geo.store.audit_triggers import SQLITE_TRIGGERS
from geo.store.case_triggers import sqlite_case_triggers
from geo.store.columns import utc_now, utc_text
from geo.store.geometry import SRID
from geo.store.hold_triggers import sqlite_hold_triggers
from geo.store.rtree import rtree_name, rtree_table_sql, rtree_triggers
from geo.store.triggers import sqlite_tracking

APPLICATION_ID = 0x47504B47
"""``GPKG`` in the SQLite header."""

VERSION = 10300
"""GeoPackage 1.3."""

REGISTERED_RECORDS = ("imports", "analysis_runs", "audit_log")
"""Tables without geometry that a user may read, from the first revision on."""

_CGCS2000 = (
    'GEOGCS["China Geodetic Coordinate System 2000",DATUM["China_2000",SPHEROID["CGCS2000",6378137,298.257222101,'
    'AUTHORITY["EPSG","1024"]],AUTHORITY["EPSG","1043"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4490"]]'
)
_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]'
)
_SYSTEMS = (
    ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", "undefined Cartesian coordinate reference system"),
    ("Undefined geographic SRS", 0, "NONE", 0, "undefined", "undefined geographic coordinate reference system"),
    ("WGS 84 geodetic", 4326, "EPSG", 4326, _WGS84, "longitude/latitude on the WGS 84 spheroid"),
    ("CGCS2000", SRID, "EPSG", SRID, _CGCS2000, "longitude/latitude on the CGCS2000 spheroid"),
)

_TABLES = (
    """CREATE TABLE gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT)""",
    """CREATE TABLE gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE, description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id))""",
    """CREATE TABLE gpkg_geometry_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL,
  z TINYINT NOT NULL, m TINYINT NOT NULL, CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id))""",
    """CREATE TABLE gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
  CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))""",
)


def create_metadata(connection: Connection) -> None:
    """Write the metadata tables and the coordinate systems.

    Parameters
    ----------
    connection : Connection
        Inside the creating transaction.
    """
    connection.execute(text(f"PRAGMA application_id = {APPLICATION_ID}"))
    connection.execute(text(f"PRAGMA user_version = {VERSION}"))
    for statement in _TABLES:
        connection.execute(text(statement.replace(":", r"\:")))
    for system in _SYSTEMS:
        connection.exec_driver_sql("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", system)


def register_features(connection: Connection, table: Table) -> None:
    """Register a feature table and give it its index and triggers.

    Parameters
    ----------
    connection : Connection
        Inside the creating transaction; the table exists.
    table : Table
        Tracked feature table with ``geometry`` and titles in its ``info``.
    """
    name = table.name
    _register(connection, table, "features", SRID)
    connection.exec_driver_sql(
        "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, ?, 0, 0)", (name, table.info["geometry"], SRID)
    )
    connection.exec_driver_sql(
        "INSERT INTO gpkg_extensions VALUES (?, 'geom', 'gpkg_rtree_index', "
        "'http://www.geopackage.org/spec120/#extension_rtree', 'write-only')",
        (name,),
    )
    connection.exec_driver_sql(rtree_table_sql(name))
    for statement in feature_triggers(table).values():
        connection.exec_driver_sql(statement)


def register_record(connection: Connection, table: Table) -> None:
    """Register a table without geometry that a user may read.

    Parameters
    ----------
    connection : Connection
        Inside the creating transaction; the table exists.
    table : Table
        One of `REGISTERED_RECORDS`, with titles in its ``info``.
    """
    _register(connection, table, "attributes", 0)


def feature_triggers(table: Table) -> dict[str, str]:
    """Write every trigger of a feature table.

    Parameters
    ----------
    table : Table
        Tracked feature table.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    return {**rtree_triggers(table.name), **sqlite_tracking(table)}


def expected_triggers(tables: list[Table]) -> dict[str, str]:
    """Write every trigger of the store.

    Parameters
    ----------
    tables : list of Table
        The tracked feature tables.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    triggers = SQLITE_TRIGGERS | sqlite_account_triggers() | sqlite_case_triggers() | sqlite_hold_triggers()
    for table in tables:
        triggers |= feature_triggers(table)
    return triggers


def rebuild_index(connection: Connection, table: str) -> None:
    """Make a layer's R*Tree afresh from its geometries.

    Parameters
    ----------
    connection : Connection
        Inside the writing transaction.
    table : str
        Feature table.
    """
    index = rtree_name(table)
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {index}")
    connection.exec_driver_sql(rtree_table_sql(table))
    connection.exec_driver_sql(
        f"INSERT INTO {index} SELECT fid, ST_MinX(geom), ST_MaxX(geom), ST_MinY(geom), ST_MaxY(geom) FROM {table} "
        "WHERE geom NOTNULL AND NOT ST_IsEmpty(geom)"
    )


def touch(connection: Connection, table: str, bounds: tuple[float, float, float, float] | None = None) -> None:
    """Bring a layer's registration up to date after a change.

    Parameters
    ----------
    connection : Connection
        Inside the writing transaction.
    table : str
        Registered table.
    bounds : tuple of float, optional
        Min x, min y, max x, max y of what was added; the registered extent grows to hold it.
    """
    now = utc_text(utc_now())
    connection.exec_driver_sql("UPDATE gpkg_contents SET last_change = ? WHERE table_name = ?", (now, table))
    if bounds is not None:
        connection.exec_driver_sql(
            "UPDATE gpkg_contents SET min_x = MIN(COALESCE(min_x, ?1), ?1), min_y = MIN(COALESCE(min_y, ?2), ?2), "
            "max_x = MAX(COALESCE(max_x, ?3), ?3), max_y = MAX(COALESCE(max_y, ?4), ?4) WHERE table_name = ?5",
            (*bounds, table),
        )


def _register(connection: Connection, table: Table, data_type: str, srs_id: int) -> None:
    """Write a table's row in gpkg_contents; the identifier is what QGIS shows."""
    connection.exec_driver_sql(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (table.name, data_type, table.info["title_zh"], table.info["title_en"], utc_text(utc_now()), srs_id),
    )
