"""Secrets that are handed out once and kept as hashes: sessions and keys."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

KEY_MARK: Final = "fy"
"""What every key for programs begins with, so that it is recognised where it should not be."""


def new_token() -> str:
    """Return a secret of 256 random bits.

    Returns
    -------
    str
        43 characters that fit a cookie and an address.
    """
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what is kept of a secret; random ones need no salt and no slow hash.

    Parameters
    ----------
    token : str
        The secret.

    Returns
    -------
    str
        SHA-256 in hexadecimal digits.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def new_key() -> tuple[str, str]:
    """Return a fresh key for a program.

    Returns
    -------
    key_id : str
        What it is known by.
    key : str
        The key itself, which holds its id: ``fy_ID_SECRET``.
    """
    key_id = secrets.token_hex(6)
    return key_id, f"{KEY_MARK}_{key_id}_{new_token()}"


def key_id_of(key: str) -> str | None:
    """Return the id of a key.

    Parameters
    ----------
    key : str
        What somebody sent.

    Returns
    -------
    str or None
        None where it has not the form of a key.
    """
    mark, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    return key_id if mark == KEY_MARK and len(key_id) == 12 and secret else None
