"""Routes that say who may use them; the application refuses to start with one that does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth.identity import principal_of, refuse_foreign_origin
from api.auth.policy import POLICIES, require, within_scope
from api.auth.principal import Principal
from api.errors import answer_error
from api.once import AnsweredBeforeError, read_ticket
from api.work import reading, settings_of
from geo.errors import FangyuError, InputError

_STRICT: Final = ("/api/", "/health", "/docs", "/reports/")


class Guard:
    """A FastAPI dependency that lets in only whom a policy allows, and returns who it is.

    Parameters
    ----------
    policy : str
        A name of `api.auth.policy.POLICIES`.

    Raises
    ------
    KeyError
        There is no such policy.
    """

    def __init__(self, policy: str) -> None:
        self.policy = POLICIES[policy].name

    async def __call__(self, request: Request) -> Principal:
        """Let somebody in.

        Parameters
        ----------
        request : Request
            The request.

        Returns
        -------
        Principal
            Who asks.

        Raises
        ------
        DeniedError
            They may not, or their browser asks for another site's page.
        AnsweredBeforeError
            The request was sent before, and is answered as it was then.
        """
        state = request.scope.setdefault("state", {})
        state["policy"] = self.policy
        principal = await principal_of(request, request.method)
        state["principal"] = principal
        refuse_foreign_origin(request, request.method)
        _refuse_no_text(request)
        _refuse_unknown(request)
        require(self.policy, principal)
        state["principal"] = principal = within_scope(self.policy, principal)
        ticket = await read_ticket(request, principal, settings_of(request).limits.idempotency)
        if ticket is not None:
            state["ticket"] = ticket
            # Here already, because a route may look at what the first request has changed before it writes.
            before = await reading(request, ticket.find)
            if before is not None:
                raise AnsweredBeforeError(before)
        return principal


def _refuse_no_text(request: Request) -> None:
    """Refuse NUL in an address or its parameters: PostgreSQL has no text with it."""
    held = [name for name, value in request.query_params.multi_items() if "\x00" in name or "\x00" in value]
    if held or "\x00" in request.url.path or "\x00" in request.scope["path"]:
        names = sorted({name.replace("\x00", "") for name in held})
        zh, en = ("参数 " + "、".join(names), "parameters " + ", ".join(names)) if held else ("地址", "the address")
        raise InputError(f"{zh}含有 NUL 字符，请删去", f"{en} must not hold NUL; leave it out", parameters=names)


def _refuse_unknown(request: Request) -> None:
    """Refuse parameters that a route of the interface for programs does not know: what is misspelt has no effect.

    Routes that read their own parameters (those of OGC, and models of them) refuse what they do not know themselves.
    """
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute) or not route.path.startswith(_STRICT):
        return
    if route.unique_id not in _known:
        _known[route.unique_id] = _parameters(route)
    allowed = _known[route.unique_id]
    unknown = sorted(set(request.query_params) - allowed) if allowed is not None else []
    if unknown:
        zh, en = "、".join(sorted(allowed or ())), ", ".join(sorted(allowed or ()))
        raise InputError(
            f"未知的参数 {'、'.join(unknown)}；可用：{zh or '无'}",
            f"unknown parameters {', '.join(unknown)}; allowed: {en or 'none'}",
            parameters=unknown,
        )


_known: dict[str, frozenset[str] | None] = {}
"""Query parameters by route."""


def _parameters(route: APIRoute) -> frozenset[str] | None:
    """Return the query parameters of a route; None where a model of them judges for itself."""
    found: set[str] = set()
    waiting = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        waiting.extend(dependant.dependencies)
        for one in dependant.query_params:
            kind = one.field_info.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                return None
            found.add(one.alias)
    return frozenset(found)


class GuardedRoute(Route):
    """A bare route, without FastAPI's machinery, that lets in only whom a policy allows.

    Parameters
    ----------
    path : str
        Path with parameters.
    application : ASGIApp
        Called with the principal in ``scope["state"]``.
    policy : str
        A name of `api.auth.policy.POLICIES`.
    methods : sequence of str
        Methods.
    """

    def __init__(self, path: str, application: ASGIApp, *, policy: str, methods: Sequence[str] = ("GET",)) -> None:
        self.policy = POLICIES[policy].name
        guard = Guard(policy)

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            scope.setdefault("state", {})["template"] = path
            try:
                await guard(request)
                await application(scope, receive, send)
            except FangyuError as error:
                await answer_error(request, error)(scope, receive, send)

        # A class instance is taken by Starlette as an ASGI application, a function as an endpoint.
        super().__init__(path, _Application(guarded), methods=list(methods))


class _Application:
    """An ASGI application as an object."""

    def __init__(self, call: ASGIApp) -> None:
        self._call = call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._call(scope, receive, send)


def policies_of(route: BaseRoute) -> tuple[str, ...]:
    """Return the policies a route is under.

    Parameters
    ----------
    route : BaseRoute
        A route.

    Returns
    -------
    tuple of str
        Names; empty for a route anybody could use without anybody having said so.
    """
    if isinstance(route, GuardedRoute):
        return (route.policy,)
    return tuple(_guards(route.dependant)) if isinstance(route, APIRoute) else ()


def _guards(dependant: Dependant) -> Iterator[str]:
    """Yield the policies among a route's dependencies."""
    if isinstance(dependant.call, Guard):
        yield dependant.call.policy
    for inner in dependant.dependencies:
        yield from _guards(inner)


def all_routes(routes: Sequence[BaseRoute]) -> Iterator[BaseRoute]:
    """Return every route, those of mounted applications included.

    Parameters
    ----------
    routes : sequence of BaseRoute
        Routes.

    Yields
    ------
    BaseRoute
        Routes that answer themselves.
    """
    for route in routes:
        if isinstance(route, Mount):
            yield from all_routes(route.routes)
        else:
            yield route


def check_guarded(app: FastAPI) -> None:
    """Refuse an application with a route that nobody has put under a policy.

    Parameters
    ----------
    app : FastAPI
        The application.

    Raises
    ------
    RuntimeError
        Some routes have no policy.
    """
    bare = [str(getattr(route, "path", route)) for route in all_routes(app.routes) if not policies_of(route)]
    if bare:
        raise RuntimeError(f"routes without a policy: {', '.join(bare)}")
