"""Triggers that keep the audit log: entries are added, never changed, and go only with a sealed month that is old.

The limit of `LEAST_DAYS` stands here and in `geo.store.audit_seals`: what the service would refuse, the store refuses.
"""

from __future__ import annotations

from typing import Final

from geo.store.triggers import postgis_append_only, sqlite_append_only

LEAST_DAYS: Final = 180
"""Days an entry is kept at least (six months, as the Cybersecurity Law asks)."""

_SQLITE_LIMIT = f"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{LEAST_DAYS} days')"


def _sqlite_trigger(name: str, event: str, table: str, when: str, message: str) -> str:
    """Write a trigger that refuses."""
    return f"CREATE TRIGGER {name} BEFORE {event} ON {table} {when}BEGIN SELECT RAISE(ABORT, '{message}'); END"


SQLITE_TRIGGERS: Final[dict[str, str]] = {
    **{
        name: _sqlite_trigger(name, event, table, when, message)
        for name, event, table, when, message in (
            ("keep_audit_log_update", "UPDATE", "audit_log", "", "audit_log is append-only"),
            (
                "keep_audit_log_delete",
                "DELETE",
                "audit_log",
                f"WHEN OLD.at >= {_SQLITE_LIMIT} OR NOT EXISTS (SELECT 1 FROM audit_seals "
                f"WHERE last_seq >= OLD.seq AND ends_at <= {_SQLITE_LIMIT}) ",
                f"audit_log is append-only: only sealed months go, after {LEAST_DAYS} days",
            ),
            # INSERT OR REPLACE deletes without firing delete triggers, hence the check on insert.
            (
                "keep_audit_log_replace",
                "INSERT",
                "audit_log",
                "WHEN EXISTS (SELECT 1 FROM audit_log WHERE fid = NEW.fid OR seq = NEW.seq) ",
                "audit_log is append-only",
            ),
            (
                "keep_audit_head_update",
                "UPDATE",
                "audit_head",
                "WHEN NEW.fid <> OLD.fid OR NEW.seq <= OLD.seq ",
                "audit_head only moves on",
            ),
            ("keep_audit_head_delete", "DELETE", "audit_head", "", "audit_head only moves on"),
            (
                "keep_audit_head_replace",
                "INSERT",
                "audit_head",
                "WHEN EXISTS (SELECT 1 FROM audit_head) ",
                "audit_head only moves on",
            ),
            # Two unique numbers: sqlite_append_only looks at one of them.
            (
                "keep_audit_seals_again",
                "INSERT",
                "audit_seals",
                "WHEN EXISTS (SELECT 1 FROM audit_seals WHERE last_seq = NEW.last_seq) ",
                "audit_seals is append-only",
            ),
        )
    },
    **sqlite_append_only("audit_seals"),
}
"""CREATE TRIGGER statements of the embedded store by trigger name."""

POSTGIS_FUNCTIONS: Final[dict[str, str]] = {
    "fangyu_keep_audit": f"""
BEGIN
  IF TG_OP = 'DELETE' AND TG_LEVEL = 'ROW' THEN
    IF OLD.at < now() - interval '{LEAST_DAYS} days' AND EXISTS (
      SELECT 1 FROM audit_seals WHERE last_seq >= OLD.seq AND ends_at <= now() - interval '{LEAST_DAYS} days'
    ) THEN
      RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_log is append-only: only sealed months go, after {LEAST_DAYS} days';
  END IF;
  RAISE EXCEPTION 'audit_log is append-only';
END """,
    "fangyu_keep_head": """
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.fid = OLD.fid AND NEW.seq > OLD.seq THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'audit_head only moves on';
END """,
    "fangyu_append_only": """
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END """,
}
"""Bodies of the trigger functions of the PostGIS store by name."""


def _postgis_pair(table: str, function: str) -> dict[str, str]:
    """Write the triggers of one table: one a row, one for TRUNCATE."""
    return {
        f"keep_{table}_row": f"CREATE TRIGGER keep_{table}_row BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW "
        f"EXECUTE FUNCTION {function}()",
        f"keep_{table}_all": f"CREATE TRIGGER keep_{table}_all BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
        f"EXECUTE FUNCTION {function}()",
    }


POSTGIS_TRIGGERS: Final[dict[str, str]] = {
    **_postgis_pair("audit_log", "fangyu_keep_audit"),
    **_postgis_pair("audit_head", "fangyu_keep_head"),
    **postgis_append_only("audit_seals"),
}
"""CREATE TRIGGER statements of the PostGIS store by trigger name."""


def postgis_functions() -> list[str]:
    """Write the trigger functions of the PostGIS store.

    Returns
    -------
    list of str
        CREATE FUNCTION statements.
    """
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
        for name, body in POSTGIS_FUNCTIONS.items()
    ]
