"""What the database itself sees to with cases, on both engines, whoever writes: through Fangyu, QGIS or SQL.

Steps are numbered without gaps and begin where the case stands; no step is taken on a case that is over, or by
somebody whom the four-eyes rule bars, in their own name or for a colleague. A case moves only with its steps. Nothing
is removed, and what was said stays as it was said.

What is refused begins with a word of `REFUSALS`, so that the store can say it in Chinese and English.
"""

from __future__ import annotations

from typing import Final

from geo.workflow.table import OPENING

REFUSALS: Final = ("case.missing", "case.closed", "case.stale", "case.state", "case.eyes", "case.actor", "case.fixed")
"""What is wrong: no such case; it is over; another step came first; a step that begins or a case that stands elsewhere;
the four-eyes rule; nobody named; something that does not change."""

_ONLY_ADDED: Final = ("case_steps", "case_comments", "case_attachments", "notifications", "notification_reads")
_TABLES: Final = ("cases", "case_clocks", *_ONLY_ADDED)
_FIXED: Final = {
    "cases": (
        "fid", "uid", "workflow", "table_hash", "subject_kind", "subject_id", "title", "district", "initial_state",
        "four_eyes", "opened_by", "opened_for", "opened_utc",
    ),
    "case_clocks": (
        "fid", "case_fid", "name", "started_seq", "title_zh", "title_en", "limit_days", "unit", "last_day", "source",
        "certainty", "started",
    ),
}  # fmt: skip
"""Columns that never change, of the tables in which others do."""
_SAME: Final = {
    "cases": (
        "uid = NEW.uid OR (outcome IS NULL AND workflow = NEW.workflow AND subject_kind = NEW.subject_kind "
        "AND subject_id = NEW.subject_id)"
    ),
    "case_clocks": "case_fid = NEW.case_fid AND name = NEW.name AND started_seq = NEW.started_seq",
    "case_comments": "uid = NEW.uid",
    "case_attachments": "uid = NEW.uid",
    "notifications": "uid = NEW.uid",
    "notification_reads": "notice_fid = NEW.notice_fid AND person = NEW.person",
}
"""Rows that a new one could replace, beside the one with its key; the number of a step is checked by itself."""
_LAST: Final = "(SELECT max(seq) FROM case_steps WHERE case_fid = {fid})"
_OUTCOMES: Final = "('completed', 'ended')"


def _key(column: str, *, is_sqlite: bool) -> str:
    """Write a login as `geo.workflow.person.login_key` does; SQLite's lower() knows only ASCII, as the C collation."""
    return f"lower(trim({column}))" if is_sqlite else f'lower(btrim({column}) COLLATE "C")'


def _one_of(columns: tuple[str, ...], *, is_sqlite: bool) -> str:
    """Write that one of some logins is that of who takes a step, or of the colleague they act for."""
    own = ", ".join(_key(f"NEW.{name}", is_sqlite=is_sqlite) for name in ("actor", "on_behalf_of"))
    return " OR ".join(f"{_key(column, is_sqlite=is_sqlite)} IN ({own})" for column in columns)


def _eyes(rule: str, where: str, *, is_sqlite: bool) -> str:
    """Write that somebody has seen before what another one is to look at; `rule` yields the actions as `named.value`.

    NULLs among the logins are no matter: they make a comparison unknown, which is as good as untrue here.
    """
    taken = _one_of(("s.actor", "s.on_behalf_of"), is_sqlite=is_sqlite)
    opened = _one_of(("c.opened_by", "c.opened_for"), is_sqlite=is_sqlite)
    return (
        f"EXISTS (SELECT 1 FROM {rule} WHERE {where}((named.value = '{OPENING}' AND ({opened})) OR EXISTS (SELECT 1 "
        f"FROM case_steps s WHERE s.case_fid = NEW.case_fid AND s.action = named.value AND ({taken}))))"
    )


def sqlite_case_triggers() -> dict[str, str]:
    """Write the triggers for SQLite.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    found: dict[str, str] = {}

    def add(name: str, event: str, table: str, when: str, body: str) -> None:
        found[name] = f"CREATE TRIGGER {name} {event} ON {table} {when}BEGIN {body} END"

    def refuse(word: str, told: str) -> str:
        return f"SELECT RAISE(ABORT, '{word}: {told}');"

    for table in _TABLES:
        kept = refuse("case.fixed", f"rows of {table} are not removed")
        add(f"keep_{table}_delete", "BEFORE DELETE", table, "", kept)
        # INSERT OR REPLACE deletes without firing delete triggers.
        taken = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE fid = NEW.fid OR ({_SAME.get(table, 'FALSE')})) "
        add(f"keep_{table}_replace", "BEFORE INSERT", table, taken, kept)
    for table in _ONLY_ADDED:
        add(f"keep_{table}_update", "BEFORE UPDATE", table, "", refuse("case.fixed", f"{table} is append-only"))
    for table, columns in _FIXED.items():
        changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in columns)
        add(
            f"keep_{table}_fixed", "BEFORE UPDATE", table, f"WHEN {changed} ",
            refuse("case.fixed", f"what {table} begin with does not change"),
        )  # fmt: skip
    add(
        "keep_case_clocks_stopped", "BEFORE UPDATE", "case_clocks", "WHEN OLD.stopped IS NOT NULL ",
        refuse("case.fixed", "a clock that has stopped does not change"),
    )  # fmt: skip
    add(
        "open_cases", "BEFORE INSERT", "cases",
        "WHEN NEW.state IS NOT NEW.initial_state OR NEW.row_version <> 1 OR NEW.outcome IS NOT NULL "
        "OR NEW.closed_utc IS NOT NULL OR NOT json_valid(NEW.four_eyes) OR json_type(NEW.four_eyes) <> 'object' "
        "OR trim(NEW.opened_by) = '' ",
        refuse("case.state", "a case opens in its initial state"),
    )  # fmt: skip
    last = _LAST.format(fid="NEW.fid")
    add(
        "move_cases", "BEFORE UPDATE", "cases",
        "WHEN NEW.row_version <> OLD.row_version + 1 OR (OLD.outcome IS NOT NULL) "
        f"OR NEW.state IS NOT COALESCE((SELECT to_state FROM case_steps WHERE case_fid = NEW.fid AND seq = {last}), "
        "NEW.initial_state) "
        f"OR NEW.outcome IS NOT (SELECT outcome FROM case_steps WHERE case_fid = NEW.fid AND seq = {last}) "
        "OR (NEW.outcome IS NULL) <> (NEW.closed_utc IS NULL) ",
        refuse("case.state", "a case moves only with its steps"),
    )  # fmt: skip
    rule = "json_each(c.four_eyes) AS rule, json_each(rule.value) AS named"
    eyes = _eyes(rule, "rule.key = NEW.action AND ", is_sqlite=True)
    add(
        "check_case_steps", "BEFORE INSERT", "case_steps", "",
        "SELECT CASE "
        "WHEN c.fid IS NULL THEN RAISE(ABORT, 'case.missing: there is no such case') "
        "WHEN trim(NEW.actor) = '' OR trim(NEW.on_behalf_of) = '' "
        "THEN RAISE(ABORT, 'case.actor: a step needs somebody who takes it') "
        "WHEN c.outcome IS NOT NULL THEN RAISE(ABORT, 'case.closed: the case is over') "
        f"WHEN NEW.seq <> COALESCE({_LAST.format(fid='NEW.case_fid')}, 0) + 1 "
        "OR NEW.row_version <> c.row_version + 1 "
        "THEN RAISE(ABORT, 'case.stale: another step was taken before') "
        "WHEN NEW.from_state <> c.state THEN RAISE(ABORT, 'case.state: the case stands elsewhere') "
        f"WHEN NEW.outcome NOT IN {_OUTCOMES} THEN RAISE(ABORT, 'case.state: no such outcome') "
        f"WHEN {eyes} THEN RAISE(ABORT, 'case.eyes: somebody else has to take this step') "
        "END FROM (SELECT NEW.case_fid AS asked) LEFT JOIN cases c ON c.fid = asked;",
    )  # fmt: skip
    add(
        "move_case_steps", "AFTER INSERT", "case_steps", "",
        "UPDATE cases SET state = NEW.to_state, row_version = NEW.row_version, assignee = NULL, outcome = NEW.outcome, "
        "closed_utc = CASE WHEN NEW.outcome IS NOT NULL THEN NEW.happened_utc END WHERE fid = NEW.case_fid;",
    )  # fmt: skip
    return found


POSTGIS_CASE_FUNCTIONS: Final[dict[str, str]] = {
    "fangyu_case_fixed": """
BEGIN
  RAISE EXCEPTION 'case.fixed: rows of % stay as they are', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END """,
    "fangyu_case_opened": """
BEGIN
  IF NEW.state IS DISTINCT FROM NEW.initial_state OR NEW.row_version <> 1 OR NEW.outcome IS NOT NULL
     OR NEW.closed_utc IS NOT NULL OR btrim(NEW.opened_by) = '' OR jsonb_typeof(NEW.four_eyes::jsonb) <> 'object' THEN
    RAISE EXCEPTION 'case.state: a case opens in its initial state' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END """,
    "fangyu_case_moved": f"""
DECLARE
  last case_steps%ROWTYPE;
BEGIN
  SELECT * INTO last FROM case_steps WHERE case_fid = NEW.fid AND seq = {_LAST.format(fid="NEW.fid")};
  IF NEW.row_version <> OLD.row_version + 1 OR OLD.outcome IS NOT NULL
     OR NEW.state IS DISTINCT FROM COALESCE(last.to_state, NEW.initial_state)
     OR NEW.outcome IS DISTINCT FROM last.outcome
     OR (NEW.outcome IS NULL) <> (NEW.closed_utc IS NULL) THEN
    RAISE EXCEPTION 'case.state: a case moves only with its steps' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END """,
    "fangyu_check_step": f"""
DECLARE
  c cases%ROWTYPE;
BEGIN
  SELECT * INTO c FROM cases WHERE fid = NEW.case_fid FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'case.missing: there is no such case' USING ERRCODE = 'check_violation';
  ELSIF btrim(NEW.actor) = '' OR btrim(NEW.on_behalf_of) = '' THEN
    RAISE EXCEPTION 'case.actor: a step needs somebody who takes it' USING ERRCODE = 'check_violation';
  ELSIF c.outcome IS NOT NULL THEN
    RAISE EXCEPTION 'case.closed: the case is over' USING ERRCODE = 'check_violation';
  ELSIF NEW.seq <> COALESCE({_LAST.format(fid="NEW.case_fid")}, 0) + 1 OR NEW.row_version <> c.row_version + 1 THEN
    RAISE EXCEPTION 'case.stale: another step was taken before' USING ERRCODE = 'check_violation';
  ELSIF NEW.from_state <> c.state THEN
    RAISE EXCEPTION 'case.state: the case stands elsewhere' USING ERRCODE = 'check_violation';
  ELSIF NEW.outcome NOT IN {_OUTCOMES} THEN
    RAISE EXCEPTION 'case.state: no such outcome' USING ERRCODE = 'check_violation';
  ELSIF {
        _eyes(
            "jsonb_array_elements_text(COALESCE(c.four_eyes::jsonb -> NEW.action, '[]'::jsonb)) AS named(value)",
            "",
            is_sqlite=False,
        )
    } THEN
    RAISE EXCEPTION 'case.eyes: somebody else has to take this step' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END """,
    "fangyu_step_taken": """
BEGIN
  UPDATE cases SET state = NEW.to_state, row_version = NEW.row_version, assignee = NULL, outcome = NEW.outcome,
    closed_utc = CASE WHEN NEW.outcome IS NOT NULL THEN NEW.happened_utc END WHERE fid = NEW.case_fid;
  RETURN NULL;
END """,
}
"""Bodies of the trigger functions of the PostGIS store by name."""


def postgis_case_functions() -> list[str]:
    """Write the trigger functions of the PostGIS store.

    Returns
    -------
    list of str
        CREATE FUNCTION statements.
    """
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
        for name, body in POSTGIS_CASE_FUNCTIONS.items()
    ]


def postgis_case_triggers() -> dict[str, str]:
    """Write the triggers for PostgreSQL.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    found: dict[str, str] = {}

    def add(name: str, event: str, table: str, function: str, *, each: str = "ROW", when: str = "") -> None:
        found[name] = (
            f"CREATE TRIGGER {name} {event} ON {table} FOR EACH {each} {when}EXECUTE FUNCTION fangyu_{function}()"
        )

    for table in _TABLES:
        add(f"keep_{table}_row", "BEFORE DELETE", table, "case_fixed")
        add(f"keep_{table}_all", "BEFORE TRUNCATE", table, "case_fixed", each="STATEMENT")
    for table in _ONLY_ADDED:
        add(f"keep_{table}_update", "BEFORE UPDATE", table, "case_fixed")
    for table, columns in _FIXED.items():
        changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in columns)
        add(f"keep_{table}_fixed", "BEFORE UPDATE", table, "case_fixed", when=f"WHEN ({changed}) ")
    add(
        "keep_case_clocks_stopped", "BEFORE UPDATE", "case_clocks", "case_fixed", when="WHEN (OLD.stopped IS NOT NULL) "
    )
    add("open_cases", "BEFORE INSERT", "cases", "case_opened")
    add("move_cases", "BEFORE UPDATE", "cases", "case_moved")
    add("check_case_steps", "BEFORE INSERT", "case_steps", "check_step")
    add("move_case_steps", "AFTER INSERT", "case_steps", "step_taken")
    return found
