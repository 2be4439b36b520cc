"""Sessions and keys as they are answered: what they are known by, and nothing of their secrets."""

from __future__ import annotations

from geo.store import grants, logins


def session_json(one: logins.SessionRecord) -> dict[str, object]:
    """Write a session.

    Parameters
    ----------
    one : SessionRecord
        The session.

    Returns
    -------
    dict
        JSON values.
    """
    return {
        "session_id": one.session_id,
        "login": one.login,
        "acting_for": one.acting_for,
        "address": one.address,
        "agent": one.agent,
        "created_at": one.created_at.isoformat(timespec="seconds"),
        "seen_at": one.seen_at.isoformat(timespec="seconds"),
    }


def key_json(one: grants.KeyRecord) -> dict[str, object]:
    """Write a key, without its secret.

    Parameters
    ----------
    one : KeyRecord
        The key.

    Returns
    -------
    dict
        JSON values.
    """
    return {
        "key_id": one.key_id,
        "login": one.login,
        "title": one.title,
        "scopes": list(one.scopes),
        "created_at": one.created_at.isoformat(timespec="seconds"),
        "expires_at": one.expires_at.isoformat(timespec="seconds"),
        "used_at": None if one.used_at is None else one.used_at.isoformat(timespec="seconds"),
        "revoked_at": None if one.revoked_at is None else one.revoked_at.isoformat(timespec="seconds"),
    }
