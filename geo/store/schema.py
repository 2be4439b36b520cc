"""Creating the schema of a new store, and telling which schema a store has."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import cast

from sqlalchemy import Connection, Table, inspect, text

from geo.errors import DataSourceError
from geo.store import account_triggers, audit_triggers, case_triggers, gpkg, hold_triggers, triggers
from geo.store.columns import utc_now, utc_text
from geo.store.layer import LAYER_NAMES, LAYERS
from geo.store.migrations import HEAD
from geo.store.tables import Base


def create_schema(connection: Connection) -> None:
    """Create every table, index and trigger of a new store and stamp it with the present revision.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction on an empty file or database.
    """
    begin_schema(connection)
    Base.metadata.create_all(connection)
    for name in LAYER_NAMES:
        finish_feature_table(connection, LAYERS[name].table)
    for name in gpkg.REGISTERED_RECORDS:
        finish_record_table(connection, Base.metadata.tables[name])
    for name in ("audit_seals", "cases", "case_steps", "case_clocks"):
        finish_record_table(connection, Base.metadata.tables[name])
    keep_audit(connection)
    guard_accounts(connection)
    guard_cases(connection)
    keep_holds(connection)
    announce_revisions(connection)
    # As Alembic itself makes it.
    type_ = "TEXT" if connection.dialect.name == "sqlite" else "VARCHAR(32)"
    key = "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"
    connection.execute(text(f"CREATE TABLE alembic_version (version_num {type_} NOT NULL, {key})"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    fill_store_info(connection)


def begin_schema(connection: Connection) -> None:
    """Prepare an empty file or database for tables.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction.
    """
    if connection.dialect.name == "sqlite":
        gpkg.create_metadata(connection)
        return
    connection.execute(text("CREATE EXTENSION IF NOT EXISTS postgis"))
    for function in triggers.POSTGIS_FUNCTIONS:
        connection.exec_driver_sql(function.replace("%", "%%"))


def finish_feature_table(connection: Connection, table: Table) -> None:
    """Register a new feature table, index it, put its triggers on and start its revision.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction; the table exists.
    table : Table
        Tracked feature table.
    """
    if connection.dialect.name == "sqlite":
        gpkg.register_features(connection, table)
    else:
        for statement in triggers.postgis_tracking(table.name).values():
            connection.exec_driver_sql(statement)
    connection.execute(text("INSERT INTO layer_revisions (layer, revision) VALUES (:name, 0)"), {"name": table.name})


def finish_record_table(connection: Connection, table: Table) -> None:
    """Register a new table without geometry that a user may read.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction; the table exists.
    table : Table
        The table.
    """
    if connection.dialect.name == "sqlite":
        gpkg.register_record(connection, table)


def keep_append_only(connection: Connection, table: str) -> None:
    """Let rows of a table only be added.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction; the table exists.
    table : str
        Table name.
    """
    sqlite = connection.dialect.name == "sqlite"
    statements = triggers.sqlite_append_only(table) if sqlite else triggers.postgis_append_only(table)
    for statement in statements.values():
        connection.exec_driver_sql(statement)


def guard_accounts(connection: Connection) -> None:
    """Let nobody remove accounts, and announce what changes about them.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction; the tables of accounts and of revisions exist.
    """
    if connection.dialect.name == "sqlite":
        statements = list(account_triggers.sqlite_account_triggers().values())
    else:
        functions = [one.replace("%", "%%") for one in account_triggers.POSTGIS_ACCOUNT_FUNCTIONS]
        statements = [*functions, *account_triggers.postgis_account_triggers().values()]
    for statement in statements:
        connection.exec_driver_sql(statement)
    connection.execute(
        text("INSERT INTO layer_revisions (layer, revision) VALUES (:name, 0)"), {"name": account_triggers.ACCOUNTS}
    )


def guard_cases(connection: Connection) -> None:
    """Let cases move only with their steps, and nothing of them be removed.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction; the tables of cases exist.
    """
    if connection.dialect.name == "sqlite":
        statements = list(case_triggers.sqlite_case_triggers().values())
    else:
        functions = [one.replace("%", "%%") for one in case_triggers.postgis_case_functions()]
        statements = [*functions, *case_triggers.postgis_case_triggers().values()]
    for statement in statements:
        connection.exec_driver_sql(statement)


def keep_holds(connection: Connection) -> None:
    """Keep what is held of edits past Fangyu as it was found.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction; the table exists.
    """
    if connection.dialect.name == "sqlite":
        statements = list(hold_triggers.sqlite_hold_triggers().values())
    else:
        statements = [hold_triggers.POSTGIS_HOLD_FUNCTION, *hold_triggers.postgis_hold_triggers().values()]
    for statement in statements:
        connection.exec_driver_sql(statement)


def renew_tracking(connection: Connection, tables: Collection[str]) -> None:
    """Put the present tracking triggers in place of older ones.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction of a migration.
    tables : collection of str
        Tables there are.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite:
        for function in triggers.POSTGIS_FUNCTIONS:
            connection.exec_driver_sql(function.replace("%", "%%"))
    for name in (one for one in LAYER_NAMES if one in tables):
        table = LAYERS[name].table
        present = triggers.sqlite_tracking(table) if is_sqlite else triggers.postgis_tracking(name)
        for trigger, statement in present.items():
            where = "" if is_sqlite else f" ON {name}"
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}{where}")
            connection.exec_driver_sql(statement)


def keep_audit(connection: Connection) -> None:
    """Put the audit's triggers on and begin its chain.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction; the audit's tables exist, without triggers.
    """
    if connection.dialect.name == "sqlite":
        statements = list(audit_triggers.SQLITE_TRIGGERS.values())
    else:
        statements = [*audit_triggers.postgis_functions(), *audit_triggers.POSTGIS_TRIGGERS.values()]
    connection.execute(text("INSERT INTO audit_head (fid, seq, row_fid, chain) VALUES (1, 0, 0, '')"))
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%") if connection.dialect.name != "sqlite" else statement)


def announce_revisions(connection: Connection) -> None:
    """Let a PostGIS store announce that revisions have changed; an embedded one needs no such thing.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction; the table of revisions exists.
    """
    if connection.dialect.name != "sqlite":
        for statement in triggers.POSTGIS_ANNOUNCING:
            connection.exec_driver_sql(statement)


def fill_store_info(connection: Connection) -> None:
    """Give a new store its id.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction.
    """
    for key, value in (("store_id", uuid.uuid4().hex), ("created_at", utc_text(utc_now()))):
        connection.execute(text("INSERT INTO store_info (key, value) VALUES (:k, :v)"), {"k": key, "v": value})


def needs_mending(connection: Connection) -> bool:
    """Tell whether an outside program has taken a trigger off an embedded store.

    Parameters
    ----------
    connection : Connection
        Any connection on SQLite.

    Returns
    -------
    bool
        True when a trigger is missing.

    Raises
    ------
    DataSourceError
        A layer was replaced by another table.
    """
    for name in LAYER_NAMES:
        columns = {row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({name})")}
        if missing := [column.name for column in LAYERS[name].table.columns if column.name not in columns]:
            raise DataSourceError(
                f"图层“{name}”被外部程序替换，缺少字段 {', '.join(missing)}；请从备份恢复，或只在原有图层上编辑。",
                f"Layer '{name}' was replaced by another program and lacks {', '.join(missing)}; restore a backup, and "
                "edit the layer in place.",
            )
    return bool(_missing_triggers(connection))


def mend(connection: Connection) -> list[str]:
    """Put missing triggers back on, index the layers concerned afresh and raise their revisions.

    Parameters
    ----------
    connection : Connection
        Inside a writing transaction on SQLite.

    Returns
    -------
    list of str
        Names of the triggers that were missing or were not ours any more, in order.
    """
    missing = _missing_triggers(connection)
    for name in LAYER_NAMES:
        if missing.keys() & gpkg.feature_triggers(LAYERS[name].table).keys():
            gpkg.rebuild_index(connection, name)
            connection.exec_driver_sql(
                "UPDATE layer_revisions SET revision = revision + 1, stamp = hex(randomblob(8)) WHERE layer = ?",
                (name,),
            )
    for name, statement in missing.items():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        connection.exec_driver_sql(statement)
    return sorted(missing)


def _missing_triggers(connection: Connection) -> dict[str, str]:
    """List the triggers that should be there and are not, and those of audit and cases that somebody has changed."""
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    found = {row[0]: row[1] for row in rows}
    wanted = gpkg.expected_triggers([LAYERS[name].table for name in LAYER_NAMES])
    kept = audit_triggers.SQLITE_TRIGGERS.keys() | case_triggers.sqlite_case_triggers().keys()
    return {
        name: statement
        for name, statement in wanted.items()
        if name not in found or (name in kept and found[name] != statement)
    }


def schema_revision(connection: Connection) -> str | None:
    """Tell which revision a store has.

    Parameters
    ----------
    connection : Connection
        Any connection.

    Returns
    -------
    str or None
        The revision, or None where there is no store.
    """
    if not inspect(connection).has_table("alembic_version"):
        return None
    return cast("str | None", connection.scalar(text("SELECT version_num FROM alembic_version")))


def is_empty(connection: Connection) -> bool:
    """Tell whether a file or database holds nothing yet.

    Parameters
    ----------
    connection : Connection
        Any connection.

    Returns
    -------
    bool
        True when there is no table at all (PostGIS's own aside).
    """
    return not set(inspect(connection).get_table_names()) - {"spatial_ref_sys"}
