"""What the database itself sees to with accounts: nothing is removed, and every change is announced.

Whoever closes an account or ends a session, in Fangyu or by SQL, raises the revision of ``accounts``, so that what
servers remember of people is never older than what the store says.
"""

from __future__ import annotations

from typing import Final

ACCOUNTS: Final = "accounts"
"""Name under which the state of accounts, sessions and keys stands among the revisions of the layers."""

_WATCHED: Final = {
    "accounts": "login, name, roles, district, password_hash, must_change, totp_secret, is_active",
    "login_sessions": "token_hash, account_fid, acting_for_fid, created_at, ended_at",
    "api_keys": "secret_hash, account_fid, scopes, expires_at, revoked_at",
    "delegations": "from_fid, to_fid, roles, valid_from, valid_to, ended_at",
}
"""Columns that decide who may do what; when somebody was last seen is none of them."""


_UNIQUE: Final = {"accounts": "login", "login_sessions": "token_hash", "api_keys": "key_id"}
"""Columns beside the key by which a row could replace another."""


def sqlite_account_triggers() -> dict[str, str]:
    """Write the triggers for SQLite.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    found = {}
    bump = (
        "UPDATE layer_revisions SET revision = revision + 1, stamp = hex(randomblob(8)) "
        f"WHERE layer = '{ACCOUNTS}';"
    )
    for table, columns in _WATCHED.items():
        for suffix, event in (("insert", "INSERT"), ("update", f"UPDATE OF {columns}")):
            name = f"announce_{table}_{suffix}"
            found[name] = f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {bump} END"
        name = f"keep_{table}"
        refuse = f"SELECT RAISE(ABORT, 'rows of {table} are not removed');"
        found[name] = f"CREATE TRIGGER {name} BEFORE DELETE ON {table} BEGIN {refuse} END"
        # INSERT OR REPLACE deletes without firing delete triggers.
        name = f"keep_{table}_replace"
        own = _UNIQUE.get(table)
        same = "fid = NEW.fid" if own is None else f"fid = NEW.fid OR {own} = NEW.{own}"
        taken = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"
        found[name] = f"CREATE TRIGGER {name} BEFORE INSERT ON {table} {taken} BEGIN {refuse} END"
    return found


POSTGIS_ACCOUNT_FUNCTIONS: Final = (
    f"""
CREATE OR REPLACE FUNCTION fangyu_accounts_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE layer_revisions
    SET revision = revision + 1, stamp = upper(substr(md5(random()::text || clock_timestamp()), 1, 16))
    WHERE layer = '{ACCOUNTS}';
  RETURN NULL;
END $$
""",
    """
CREATE OR REPLACE FUNCTION fangyu_not_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are not removed', TG_TABLE_NAME;
END $$
""",
)
"""Functions of the triggers on PostgreSQL."""


def postgis_account_triggers() -> dict[str, str]:
    """Write the triggers for PostgreSQL.

    Returns
    -------
    dict of str to str
        CREATE TRIGGER statements by trigger name.
    """
    found = {}
    for table, columns in _WATCHED.items():
        name = f"announce_{table}"
        found[name] = (
            f"CREATE TRIGGER {name} AFTER INSERT OR UPDATE OF {columns} ON {table} FOR EACH STATEMENT "
            "EXECUTE FUNCTION fangyu_accounts_changed()"
        )
        for suffix, event, each in (("row", "DELETE", "ROW"), ("all", "TRUNCATE", "STATEMENT")):
            name = f"keep_{table}_{suffix}"
            found[name] = (
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH {each} "
                "EXECUTE FUNCTION fangyu_not_removed()"
            )
    return found
