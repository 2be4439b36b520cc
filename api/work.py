"""Work on the store for a request: in a thread, within a deadline, ended when the client leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from api.once import Ticket
from api.settings import Settings
from geo.errors import BusyError
from geo.services.network import NetworkShelf
from geo.store import Session, Store, canceller
from geo.store.watch import Revisions, RevisionWatch

_Result = TypeVar("_Result")
_LOOK_S = 0.25


def store_of(request: Request) -> Store:
    """Return the open store of the application.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    Store
        The store.
    """
    store: Store = request.app.state.store
    return store


def settings_of(request: Request) -> Settings:
    """Return the settings of the application.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    Settings
        The settings.
    """
    settings: Settings = request.app.state.settings
    return settings


def address_of(request: Request) -> str | None:
    """Return the network address a request comes from.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    str or None
        None where it is not known.
    """
    return request.client.host if request.client else None


def networks_of(request: Request) -> NetworkShelf:
    """Return the networks the application has open.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    NetworkShelf
        The networks.
    """
    shelf: NetworkShelf = request.app.state.networks
    return shelf


def present_state(scope: Scope) -> Revisions | None:
    """Return the present state of the layers, where it is known without asking the database.

    Parameters
    ----------
    scope : Scope
        A request's scope.

    Returns
    -------
    Revisions or None
        None where the database has to be asked.
    """
    watch: RevisionWatch = scope["app"].state.watch
    return watch.present()


async def reading(
    request: Request, ask: Callable[[Session], _Result], *, limiter: anyio.CapacityLimiter | None = None
) -> _Result:
    """Ask the store something in a transaction that only reads.

    The query is cancelled in the database when the client leaves or the deadline passes, so that nobody's forgotten
    question keeps a connection.

    Parameters
    ----------
    request : Request
        The request; its connection is watched.
    ask : callable
        Takes a session and returns the answer; runs in a worker thread.
    limiter : CapacityLimiter, optional
        How many threads work on questions of this kind; by default anyio's own limit for all kinds.

    Returns
    -------
    object
        What `ask` returns.

    Raises
    ------
    BusyError
        The deadline has passed.
    """
    return await _working(request, ask, write=False, limiter=limiter)


async def writing(request: Request, do: Callable[[Session], _Result]) -> _Result:
    """Change the store in one transaction, for routes that take no ``Idempotency-Key``; others use `changing`.

    When the client leaves or the deadline passes before the end, nothing is stored.

    Parameters
    ----------
    request : Request
        The request; its connection is watched.
    do : callable
        Takes a writing session and returns the answer; runs in a worker thread.

    Returns
    -------
    object
        What `do` returns, once it is stored.

    Raises
    ------
    BusyError
        The deadline has passed.
    RuntimeError
        The request carries a key, under which its answer would have to be kept: a mistake of the route.
    """
    if _ticket_of(request) is not None:
        raise RuntimeError(f"{request.url.path} takes a key and does not keep its answer")
    return await _working(request, do, write=True)


async def changing(
    request: Request, do: Callable[[Session], _Result], answer: Callable[[_Result], Response]
) -> Response:
    """Change the store in one transaction and answer; a request that carries a key is answered once and for all.

    The answer is kept in the same transaction. When the client leaves or the deadline passes before the end, neither
    the change nor the answer is stored. Of two requests with one key at the same time the second waits for the first,
    and is answered as that one was.

    Parameters
    ----------
    request : Request
        The request; its connection is watched.
    do : callable
        Takes a writing session and changes the store; runs in a worker thread.
    answer : callable
        Makes the answer out of what `do` returns; runs in the same thread.

    Returns
    -------
    Response
        The answer, once everything is stored.

    Raises
    ------
    BusyError
        The deadline has passed.
    KeyReusedError
        The key belongs to another request.
    """
    ticket = _ticket_of(request)

    def work(session: Session) -> Response:
        before = None if ticket is None else ticket.find(session)
        if before is not None:
            return before
        made = answer(do(session))
        if ticket is not None:
            ticket.keep(session, made)
        return made

    return await _working(request, work, write=True)


def _stood_in_for(request: Request) -> str | None:
    """Return whom the person who asks stands in for."""
    principal = request.scope.get("state", {}).get("principal")
    return None if principal is None else principal.on_behalf_of


def _ticket_of(request: Request) -> Ticket | None:
    """Return the key of a request, as its guard has read it."""
    ticket: Ticket | None = request.scope.get("state", {}).get("ticket")
    return ticket


async def _working(
    request: Request, ask: Callable[[Session], _Result], *, write: bool, limiter: anyio.CapacityLimiter | None = None
) -> _Result:
    """Work in a thread, watching the client and the clock."""
    cancel: list[Callable[[], None]] = []
    over = threading.Event()

    def work() -> _Result:
        with store_of(request).session(write=write, on_behalf_of=_stood_in_for(request)) as session:
            cancel.append(canceller(session))
            if over.is_set():
                raise BusyError("请求已取消", "the request was cancelled")
            found = ask(session)
            if write and over.is_set():
                raise BusyError("请求已取消，未写入", "the request was cancelled and nothing was stored")
            return found

    task = asyncio.ensure_future(anyio.to_thread.run_sync(work, limiter=limiter))
    deadline = asyncio.get_running_loop().time() + settings_of(request).limits.deadline_s
    try:
        while True:
            left = deadline - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait({task}, timeout=min(_LOOK_S, max(left, 0.0)))
            if done:
                return task.result()
            is_late = asyncio.get_running_loop().time() >= deadline
            if is_late or await request.is_disconnected():
                raise _too_late(write)
    finally:
        if not task.done():
            over.set()
            for stop in cancel:
                stop()
            # Its failure is ours: nobody is there to hear it.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


def _too_late(write: bool) -> BusyError:
    """Say that the deadline has passed, and what helps."""
    if write:
        return BusyError(
            "系统正在写入其他内容（可能是一次导入），等待超时；本次修改未保存，请稍后重试",
            "the store is taken by other writing, perhaps an import, and waiting took too long; nothing of this change "
            "was saved, try again in a while",
        )
    return BusyError(
        "请求超时，已停止计算；请缩小范围后重试", "the request took too long and was stopped; ask for less"
    )
