"""Finding out who asks: somebody with an account, a role chosen in the labelled demo mode, or nobody.

The demo cookie carries a role signed with a key that lives as long as the server, all of its processes included; it is
accepted only where the server runs in demo mode, which is refused on any address but loopback.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from api.auth.keeper import session_cookie
from api.auth.principal import ANONYMOUS, Principal
from geo.catalog.map_layer import PUBLIC, ROLES
from geo.catalog.role import ROLE_TITLES
from geo.errors import DeniedError, InputError

COOKIE: Final = "fangyu_demo"
KEY_VARIABLE: Final = "FANGYU_SERVER_KEY"
"""How a server hands its key to its worker processes; nobody sets it by hand."""
_KEY: Final = bytes.fromhex(os.environ.get(KEY_VARIABLE, "")) or secrets.token_bytes(32)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def demo_cookie(role: str, district: str | None = None) -> str:
    """Return the cookie of a demo role.

    Parameters
    ----------
    role : str
        A role of `geo.catalog.map_layer.ROLES` but the public one.
    district : str, optional
        Division code, in digits, that the role is limited to.

    Returns
    -------
    str
        Role, district and signature.

    Raises
    ------
    InputError
        There is no such role.
    """
    if role not in ROLES or role == PUBLIC:
        allowed = [name for name in ROLES if name != PUBLIC]
        raise InputError(
            f"没有角色“{role}”；可选：{'、'.join(f'{name}（{ROLE_TITLES[name][0]}）' for name in (*allowed, PUBLIC))}",
            f"no role '{role}'; allowed: {', '.join((*allowed, PUBLIC))}",
            role=role,
        )
    who = role if district is None else f"{role}@{district}"
    return f"{who}.{_signature(who)}"


async def principal_of(connection: HTTPConnection, method: str) -> Principal:
    """Return who asks.

    Parameters
    ----------
    connection : HTTPConnection
        A request.
    method : str
        Its method.

    Returns
    -------
    Principal
        Somebody with an account, a role of the demo mode where that is on, or `ANONYMOUS`.

    Raises
    ------
    UnauthenticatedError
        A key was sent that is none, or for something that keys do not open.
    """
    if not connection.app.state.settings.access.demo:
        keeper = getattr(connection.app.state, "keeper", None)
        return ANONYMOUS if keeper is None else await keeper.principal_of(connection, method)
    who, _, signature = connection.cookies.get(COOKIE, "").partition(".")
    if not who or not hmac.compare_digest(signature.encode(), _signature(who).encode()):
        return ANONYMOUS
    role, _, district = who.partition("@")
    return Principal(f"demo:{who}", frozenset({role}), district or None)


def refuse_foreign_origin(connection: HTTPConnection, method: str) -> None:
    """Refuse to change anything for another site's page.

    Browsers say with ``Sec-Fetch-Site`` where a request comes from; the ones that do not send ``Origin`` instead.
    Programs that are no browsers send neither; what comes with the cookie of a person's session and with neither is no
    browser's doing, or somebody took the word away.

    Parameters
    ----------
    connection : HTTPConnection
        A request.
    method : str
        Its method; reading is let through.

    Raises
    ------
    DeniedError
        The request comes from another site, or does not say where from and has a session's cookie.
    """
    if method in _SAFE:
        return
    site, origin = connection.headers.get("sec-fetch-site"), connection.headers.get("origin")
    if site is not None:
        is_own = site in ("same-origin", "none")
    elif origin is not None:
        is_own = _is_own(connection, origin)
    else:
        is_own = session_cookie(connection) is None
    if not is_own:
        raise DeniedError(
            "拒绝来自其他网站的请求；用会话 Cookie 写入的程序须带 Origin 或 Sec-Fetch-Site",
            "requests from other sites are refused; a program that writes with a session's cookie sends Origin or "
            "Sec-Fetch-Site",
            origin=origin,
        )


def _is_own(connection: HTTPConnection, origin: str) -> bool:
    """Tell whether an origin is the server's own."""
    return bool(origin) and urlsplit(origin).netloc == connection.headers.get("host")


@lru_cache(maxsize=64)
def _signature(who: str) -> str:
    """Sign a role and its district."""
    return hmac.new(_KEY, who.encode(), hashlib.sha256).hexdigest()
