"""Triggers that keep what was held of edits past Fangyu: a hold says for good what was edited, and is decided once."""

from __future__ import annotations

from typing import Final

_FIXED: Final = (
    "fid", "hold_id", "layer", "row_fid", "feature_id", "operation", "before", "after", "found_utc", "problem",
)  # fmt: skip
"""Columns that say what was edited."""
_TABLE: Final = "outside_holds"
_DECIDED: Final = "an outside edit is kept as it was found, and decided once"


def sqlite_hold_triggers() -> dict[str, str]:
    """Write the triggers for SQLite.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in _FIXED)
    # INSERT OR REPLACE deletes without firing delete triggers, hence the check on insert.
    taken = f"EXISTS (SELECT 1 FROM {_TABLE} WHERE fid = NEW.fid OR hold_id = NEW.hold_id)"
    parts = {
        "delete": ("DELETE", ""),
        "replace": ("INSERT", f"WHEN {taken} "),
        "update": ("UPDATE", f"WHEN OLD.state <> 'held' OR NEW.state NOT IN ('accepted', 'restored') OR {changed} "),
    }
    return {
        f"keep_{_TABLE}_{suffix}": f"CREATE TRIGGER keep_{_TABLE}_{suffix} BEFORE {event} ON {_TABLE} {when}"
        f"BEGIN SELECT RAISE(ABORT, '{_DECIDED}'); END"
        for suffix, (event, when) in parts.items()
    }


POSTGIS_HOLD_FUNCTION: Final = f"""
CREATE OR REPLACE FUNCTION fangyu_keep_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.state = 'held' AND NEW.state IN ('accepted', 'restored')
      AND ({", ".join(f"NEW.{name}" for name in _FIXED)})
        IS NOT DISTINCT FROM ({", ".join(f"OLD.{name}" for name in _FIXED)}) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION '{_DECIDED}';
END $$
"""
"""Function of the triggers on PostgreSQL."""


def postgis_hold_triggers() -> dict[str, str]:
    """Write the triggers for PostgreSQL.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    run = "EXECUTE FUNCTION fangyu_keep_hold()"
    return {
        f"keep_{_TABLE}_row": f"CREATE TRIGGER keep_{_TABLE}_row BEFORE UPDATE OR DELETE ON {_TABLE} "
        f"FOR EACH ROW {run}",
        f"keep_{_TABLE}_all": f"CREATE TRIGGER keep_{_TABLE}_all BEFORE TRUNCATE ON {_TABLE} FOR EACH STATEMENT {run}",
    }
