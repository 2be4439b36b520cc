"""Migrating a feature table of the embedded store.

SQLite can hardly alter a table, and Alembic's batch mode rebuilds one without its triggers, its geometry type and its
AUTOINCREMENT. This builds the new table from its definition, copies what both have, and registers, indexes and triggers
it as at its birth.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Table, inspect

from geo.store import gpkg
from geo.store.rtree import rtree_name


def rebuild_feature_table(connection: Connection, table: Table, *, fill: Mapping[str, str] | None = None) -> None:
    """Give a feature table a new definition on SQLite, keeping its rows.

    Parameters
    ----------
    connection : Connection
        Inside the migration's transaction, on SQLite.
    table : Table
        The definition the table shall have, with its titles and geometry type in ``info``.
    fill : Mapping of str to str, optional
        SQL expressions over the old row for columns that are new or change meaning; other new columns stay NULL.
    """
    name = table.name
    old_name = f"{name}_before_rebuild"
    filled = dict(fill or {})
    known = {column["name"] for column in inspect(connection).get_columns(name)}
    registration = connection.exec_driver_sql(
        "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = ?", (name,)
    ).one()
    sequence = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,)).scalar()
    _take_off(connection, name)
    # With the legacy meaning a rename does not rewrite what other objects say about the table.
    connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {old_name}")
    connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")
    table.create(connection)
    sources = {
        column.name: filled.get(column.name, f'"{column.name}"')
        for column in table.columns
        if column.name in known or column.name in filled
    }
    targets = ", ".join(f'"{column}"' for column in sources)
    connection.exec_driver_sql(f"INSERT INTO {name} ({targets}) SELECT {', '.join(sources.values())} FROM {old_name}")
    connection.exec_driver_sql(f"DROP TABLE {old_name}")
    gpkg.register_features(connection, table)
    extent = "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ? WHERE table_name = ?"
    connection.exec_driver_sql(extent, (*registration, name))
    gpkg.rebuild_index(connection, name)
    if sequence is not None:
        connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = MAX(seq, ?) WHERE name = ?", (sequence, name))
    connection.exec_driver_sql("UPDATE layer_revisions SET revision = revision + 1 WHERE layer = ?", (name,))


def _take_off(connection: Connection, name: str) -> None:
    """Remove a table's triggers, indexes, R*Tree and GeoPackage rows."""
    objects = connection.exec_driver_sql(
        "SELECT type, name FROM sqlite_master WHERE tbl_name = ? AND type IN ('trigger', 'index') AND sql IS NOT NULL",
        (name,),
    ).all()
    for kind, found in objects:
        connection.exec_driver_sql(f"DROP {kind} {found}")
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {rtree_name(name)}")
    for metadata in ("gpkg_extensions", "gpkg_geometry_columns", "gpkg_contents"):
        connection.exec_driver_sql(f"DELETE FROM {metadata} WHERE table_name = ?", (name,))
