"""Signed tokens for the next page: what a client hands back was written by us, for the very same question."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

import orjson

from geo.errors import InputError

_DIGEST: Final = 16


def sign(values: list[object], question: str, secret: str) -> str:
    """Write a token.

    Parameters
    ----------
    values : list
        Where the next page begins; JSON values.
    question : str
        What the page answers, so that a token fits no other question.
    secret : str
        The store's key.

    Returns
    -------
    str
        Safe in a URL.
    """
    body = orjson.dumps(values)
    return base64.urlsafe_b64encode(_digest(body, question, secret) + body).decode().rstrip("=")


def unsign(token: str, question: str, secret: str) -> list[object]:
    """Read a token.

    Parameters
    ----------
    token : str
        What a client handed back.
    question : str
        What it asks now.
    secret : str
        The store's key.

    Returns
    -------
    list
        The values.

    Raises
    ------
    InputError
        It was not written by us, or for another question.
    """
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raw = b""
    body = raw[_DIGEST:]
    if len(raw) > _DIGEST and hmac.compare_digest(raw[:_DIGEST], _digest(body, question, secret)):
        values: list[object] = orjson.loads(body)
        return values
    raise InputError(
        "翻页标记无效：请从第一页的 next 链接依次翻页，不要改动其他参数",
        "the page token does not fit: follow the next links from the first page without changing other parameters",
        parameters=["token"],
    )


def _digest(body: bytes, question: str, secret: str) -> bytes:
    """Sign a body for one question."""
    return hmac.new(secret.encode(), body + b"\x00" + question.encode(), hashlib.sha256).digest()[:_DIGEST]
