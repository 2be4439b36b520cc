"""Change tracking in pure SQL, so that edits which bypass Python (QGIS, ogr2ogr, psql) are tracked alike.

Each change of a tracked row raises the layer's revision, raises the row's version and writes the journal with the row
before the change, geometry and all, so that a row of a legal layer can be put back. Journal rows are born with
``origin`` NULL on SQLite; our own session marks its rows before it commits, so what stays NULL came from outside. On
PostgreSQL the session says so in the setting ``fangyu.origin``. Bulk loads drop the triggers (SQLite) or silence them
with the setting ``fangyu.bulk`` (PostgreSQL).
"""

from __future__ import annotations

from sqlalchemy import Double, Integer, Table

_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def sqlite_tracking(table: Table) -> dict[str, str]:
    """Write the tracking triggers of one table for SQLite.

    Parameters
    ----------
    table : Table
        Tracked feature table.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    name = table.name
    columns = [column.name for column in table.columns]
    # row_version is left out, so that raising it does not fire the trigger again.
    watched = ", ".join(f'"{column}"' for column in columns if column not in ("fid", "row_version"))
    bump = f"UPDATE layer_revisions SET revision = revision + 1, stamp = hex(randomblob(8)) WHERE layer = '{name}'; "

    def note(operation: str, fid: str, before: str, rows: str = "") -> str:
        return (
            "INSERT INTO change_journal (layer, row_fid, operation, revision, at, before) "
            f"SELECT '{name}', {fid}, '{operation}', r.revision, {_NOW}, {before} "
            f"FROM layer_revisions AS r{rows and ', ' + rows} WHERE r.layer = '{name}'"
        )

    before = sqlite_row(table, "OLD")
    raise_version = f"UPDATE {name} SET row_version = COALESCE(OLD.row_version, 0) + 1 WHERE fid = NEW.fid; "
    # INSERT OR REPLACE and UPDATE OR REPLACE delete rows without firing delete triggers.
    lost = note("delete", "o.fid", sqlite_row(table, "o"), f"{name} AS o")
    taken = "o.fid = NEW.fid OR o.uid = NEW.uid"
    others = f"o.fid <> OLD.fid AND ({taken})"
    parts = {
        "insert": ("AFTER INSERT", bump + note("insert", "NEW.fid", "NULL")),
        "update": (f"AFTER UPDATE OF {watched}", raise_version + bump + note("update", "NEW.fid", before)),
        "delete": ("AFTER DELETE", bump + note("delete", "OLD.fid", before)),
        "renumber": (
            "AFTER UPDATE OF fid",
            bump + note("delete", "OLD.fid", before) + "; " + note("insert", "NEW.fid", "NULL"),
        ),
        "replace": ("BEFORE INSERT", f"{bump}{lost} AND ({taken})"),
        "displace": ("BEFORE UPDATE OF fid, uid", f"{bump}{lost} AND {others}"),
    }
    when = {
        "renumber": "WHEN NEW.fid <> OLD.fid ",
        "replace": f"WHEN EXISTS (SELECT 1 FROM {name} AS o WHERE {taken}) ",
        "displace": f"WHEN EXISTS (SELECT 1 FROM {name} AS o WHERE {others}) ",
    }
    return {
        f"track_{name}_{suffix}": f"CREATE TRIGGER track_{name}_{suffix} {event} ON {name} {when.get(suffix, '')}"
        f"BEGIN {sql}; END"
        for suffix, (event, sql) in parts.items()
    }


def sqlite_row(table: Table, row: str) -> str:
    """Write a row of a table as JSON, for the journal of an embedded store.

    Parameters
    ----------
    table : Table
        Tracked feature table.
    row : str
        Name of the row: ``OLD``, or an alias.

    Returns
    -------
    str
        An SQL expression: every column by name, the geometry as hexadecimal, numbers to their last digit.
    """
    parts = []
    for column in table.columns:
        value = f'{row}."{column.name}"'
        if column.name == "geom":
            value = f"hex({row}.geom)"
        elif isinstance(column.type, Double | Integer):
            # Left to itself JSON writes fifteen digits, and the row could not be put back as it was; of infinity it
            # writes what nobody can read.
            exact, odd = f"json(printf('%!.17g', {value}))", f"printf('%g', {value})"
            finite = f"CASE WHEN abs({value}) < 1e308 THEN {exact} ELSE {odd} END"
            value = f"CASE typeof({value}) WHEN 'real' THEN {finite} ELSE {value} END"
        parts.append(f"'{column.name}', {value}")
    return f"json_object({', '.join(parts)})"


def sqlite_append_only(table: str) -> dict[str, str]:
    """Write the triggers that let rows of a table only be added, for SQLite.

    Parameters
    ----------
    table : str
        Table name.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    refuse = f"SELECT RAISE(ABORT, '{table} is append-only');"
    # INSERT OR REPLACE deletes without firing delete triggers, hence the check on insert.
    taken = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE fid = NEW.fid) "
    parts = {"update": ("UPDATE", ""), "delete": ("DELETE", ""), "replace": ("INSERT", taken)}
    return {
        f"keep_{table}_{suffix}": f"CREATE TRIGGER keep_{table}_{suffix} BEFORE {event} ON {table} {when}"
        f"BEGIN {refuse} END"
        for suffix, (event, when) in parts.items()
    }


POSTGIS_FUNCTIONS: tuple[str, ...] = (
    """
CREATE OR REPLACE FUNCTION fangyu_raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.row_version := COALESCE(OLD.row_version, 0) + 1;
  RETURN NEW;
END $$
""",
    """
CREATE OR REPLACE FUNCTION fangyu_track() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  new_revision bigint;
  old_row jsonb;
BEGIN
  UPDATE layer_revisions
    SET revision = revision + 1, stamp = upper(substr(md5(random()::text || clock_timestamp()), 1, 16))
    WHERE layer = TG_TABLE_NAME RETURNING revision INTO new_revision;
  IF TG_OP <> 'INSERT' THEN
    old_row := (to_jsonb(OLD) - 'geom') || jsonb_build_object('geom', upper(encode(ST_AsEWKB(OLD.geom), 'hex')));
  END IF;
  INSERT INTO change_journal (layer, row_fid, operation, revision, origin, at, before)
  VALUES (TG_TABLE_NAME, CASE WHEN TG_OP = 'DELETE' THEN OLD.fid ELSE NEW.fid END, lower(TG_OP), new_revision,
          NULLIF(current_setting('fangyu.origin', true), ''), clock_timestamp(), old_row::text);
  IF TG_OP = 'UPDATE' THEN
    IF NEW.fid <> OLD.fid THEN
      INSERT INTO change_journal (layer, row_fid, operation, revision, origin, at)
      VALUES (TG_TABLE_NAME, NEW.fid, 'insert', new_revision,
              NULLIF(current_setting('fangyu.origin', true), ''), clock_timestamp());
    END IF;
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE OR REPLACE FUNCTION fangyu_track_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  new_revision bigint;
BEGIN
  UPDATE layer_revisions
    SET revision = revision + 1, stamp = upper(substr(md5(random()::text || clock_timestamp()), 1, 16))
    WHERE layer = TG_TABLE_NAME RETURNING revision INTO new_revision;
  EXECUTE format(
    'INSERT INTO change_journal (layer, row_fid, operation, revision, origin, at, before) '
    'SELECT %L, t.fid, ''delete'', %s, %L, clock_timestamp(), ((to_jsonb(t) - ''geom'') || '
    'jsonb_build_object(''geom'', upper(encode(ST_AsEWKB(t.geom), ''hex''))))::text FROM %I AS t ORDER BY t.fid',
    TG_TABLE_NAME, new_revision, NULLIF(current_setting('fangyu.origin', true), ''), TG_TABLE_NAME);
  RETURN NULL;
END $$
""",
    """
CREATE OR REPLACE FUNCTION fangyu_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$
""",
)
"""Trigger functions of the PostGIS store."""

REVISIONS_CHANNEL = "fangyu_revisions"
"""Where a PostGIS store announces, at each commit, that revisions have changed."""

POSTGIS_ANNOUNCING: tuple[str, ...] = (
    f"""
CREATE OR REPLACE FUNCTION fangyu_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('{REVISIONS_CHANNEL}', '');
  RETURN NULL;
END $$
""",
    "CREATE TRIGGER announce_layer_revisions AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON layer_revisions "
    "FOR EACH STATEMENT EXECUTE FUNCTION fangyu_announce()",
)
"""Statements that make a PostGIS store announce it; a thousand changes in one transaction are one announcement."""

_LOUD = "COALESCE(current_setting('fangyu.bulk', true), '') <> 'on'"


def postgis_tracking(table: str) -> dict[str, str]:
    """Write the tracking triggers of one table for PostgreSQL.

    Parameters
    ----------
    table : str
        Tracked feature table.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    return {
        f"track_{table}_version": f"CREATE TRIGGER track_{table}_version BEFORE UPDATE ON {table} FOR EACH ROW "
        f"WHEN ({_LOUD}) EXECUTE FUNCTION fangyu_raise_version()",
        f"track_{table}_change": f"CREATE TRIGGER track_{table}_change AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW WHEN ({_LOUD}) EXECUTE FUNCTION fangyu_track()",
        f"track_{table}_truncate": f"CREATE TRIGGER track_{table}_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT WHEN ({_LOUD}) EXECUTE FUNCTION fangyu_track_truncate()",
    }


def postgis_append_only(table: str) -> dict[str, str]:
    """Write the triggers that let rows of a table only be added, for PostgreSQL.

    Parameters
    ----------
    table : str
        Table name.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    run = "EXECUTE FUNCTION fangyu_append_only()"
    return {
        f"keep_{table}_row": f"CREATE TRIGGER keep_{table}_row BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {run}",
        f"keep_{table}_all": f"CREATE TRIGGER keep_{table}_all BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {run}",
    }
