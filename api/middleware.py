"""Around every request: a line in the log, a limit on how many are at work, and headers that keep browsers strict."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Container, Iterable
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import answer_error, language_of, problem
from geo.errors import BusyError

_log = logging.getLogger("fangyu.access")

POLICY_HEADER: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; img-src 'self' data:; "
    "style-src 'self'; script-src 'self'; connect-src 'self'; worker-src 'self'"
)
"""Content security policy of what the server writes itself; the report page brings its own, stricter about scripts."""
_POLICY: Final = (b"content-security-policy", POLICY_HEADER.encode())
_ALWAYS_TLS: Final = (b"strict-transport-security", b"max-age=31536000")
_STRICT: Final = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


class AccessLog:
    """Write one line of JSON for each request.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer and write the line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, sent = time.perf_counter(), 499, 0

        async def noting(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _strict(message.get("headers", ()), scope["path"])
                if scope["scheme"] == "https":
                    message["headers"].append(_ALWAYS_TLS)
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if _log.isEnabledFor(logging.INFO):
                principal = scope.get("state", {}).get("principal")
                line = {
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "ms": round((time.perf_counter() - begun) * 1000.0, 1),
                    "bytes": sent,
                    "who": getattr(principal, "name", "anonymous"),
                }
                _log.info("%s %s %s", scope["method"], scope["path"], status, extra={"facts": line})


def _strict(given: Iterable[tuple[bytes, bytes]], path: str) -> list[tuple[bytes, bytes]]:
    """Add the headers that keep browsers strict, where an answer does not bring its own."""
    headers = list(given)
    found = dict(headers)
    headers += [header for header in _STRICT if header[0] not in found]
    is_page = found.get(b"content-type", b"").startswith(b"text/html") and not path.startswith("/ogc")
    if not is_page and _POLICY[0] not in found:
        headers.append(_POLICY)
    return headers


class ProxyOnly:
    """Refuse what did not come over TLS through the declared proxy: a password would have crossed the network openly.

    Parameters
    ----------
    app : ASGIApp
        What answers. The server believes the scheme of the declared proxy only.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http" or scope["scheme"] == "https" or scope["path"] == "/health":
            await self._app(scope, receive, send)
            return
        refusal = problem(
            403,
            "denied",
            "只接受经所声明的 TLS 代理转发的请求（--tls-proxy；代理须设置 X-Forwarded-Proto: https）",
            "only what the declared TLS proxy passes on is answered (--tls-proxy; it sets X-Forwarded-Proto: https)",
            lang=language_of(Request(scope)),
        )
        await refusal(scope, receive, send)


class HeadAsGet:
    """Answer HEAD as GET is answered, without the body.

    Parameters
    ----------
    app : ASGIApp
        What answers GET.
    knows_head : Container of str
        Paths that answer HEAD themselves.
    """

    def __init__(self, app: ASGIApp, *, knows_head: Container[str] = ()) -> None:
        self._app = app
        self._knows_head = knows_head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"] in self._knows_head:
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def without_body(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                await send(message)
            elif not has_begun:
                has_begun = True
                await send({"type": "http.response.body", "body": b""})

        async def leaving() -> Message:
            # Once the head is out nobody waits for the rest: whoever writes it is told that the client has left.
            return {"type": "http.disconnect"} if has_begun else await receive()

        await self._app({**scope, "method": "GET"}, leaving, without_body)


class Gate:
    """Let only so many requests work at once; a few more wait, the rest are asked to come again.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    concurrent : int
        Requests at work at the same time.
    waiting : int
        Requests that may wait for their turn.
    """

    def __init__(self, app: ASGIApp, *, concurrent: int, waiting: int) -> None:
        self._app = app
        self._free = asyncio.Semaphore(concurrent)
        self._room = waiting
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, wait, or refuse."""
        # A stream of progress sleeps most of the time; its own route limits how many there are.
        if scope["type"] != "http" or scope["path"] == "/health" or scope["path"].endswith("/events"):
            await self._app(scope, receive, send)
            return
        if self._free.locked() and self._waiting >= self._room:
            error = BusyError("服务器繁忙，请稍后重试", "the server is busy; ask again in a moment")
            await answer_error(Request(scope), error)(scope, receive, send)
            return
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._free.release()
