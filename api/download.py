"""Sending a file while it is made: a thread makes pieces, the client takes them at its own pace; either may end it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.work import settings_of, store_of
from geo.errors import BusyError
from geo.store import Session, canceller

_LOOK_S: Final = 0.25
_ROOM: Final = 4 * 1024 * 1024
"""Bytes made ahead of a slow client."""


def late() -> BusyError:
    """Return the error of a file that takes too long.

    Returns
    -------
    BusyError
        To be raised.
    """
    return BusyError("导出超时，已停止；请缩小范围后重试", "the export took too long and was stopped; ask for less")


class LeftError(Exception):
    """Nobody waits for the file any more; ends the thread that makes it."""


class Making:
    """A file that is being made; handed to what makes it.

    Parameters
    ----------
    request : Request
        Whose file it is.
    deadline_s : float
        Seconds that making and sending may take.
    """

    def __init__(self, request: Request, deadline_s: float) -> None:
        self.size: int | None = None
        """Bytes of the file, where they are known before the first piece."""
        self._store = store_of(request)
        self._until = time.monotonic() + deadline_s
        self._cancel: Callable[[], None] | None = None
        self._is_left = False
        self._lock = threading.Lock()

    @property
    def left_s(self) -> float:
        """How long making and sending may still take.

        Returns
        -------
        float
            Seconds, 0 once the deadline has passed.
        """
        return max(self._until - time.monotonic(), 0.0)

    def check(self) -> None:
        """End the making where nobody waits for it or the deadline has passed.

        Raises
        ------
        LeftError
            The client has left.
        BusyError
            The deadline has passed.
        """
        if self._is_left:
            raise LeftError
        if self.left_s == 0.0:
            raise late()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """Read one state of the store; the running query is stopped when the client leaves.

        Yields
        ------
        Session
            A session that only reads.

        Raises
        ------
        LeftError
            The client has left.
        """
        self.check()
        with self._store.session(write=False) as session:
            stop = canceller(session)
            with self._lock:
                self._cancel = stop
            try:
                self.check()
                yield session
            finally:
                with self._lock:
                    self._cancel = None

    def leave(self) -> None:
        """Say that nobody waits any more, and stop the running query."""
        self._is_left = True
        with self._lock:
            if self._cancel is not None:
                self._cancel()


class _Pipe:
    """Pieces on their way from a thread to the event loop; holds only so many bytes."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self._loop = asyncio.get_running_loop()
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._room = threading.Condition()
        self._news = asyncio.Event()
        self._is_done = False
        self._error: BaseException | None = None

    def put(self, piece: bytes) -> None:
        """Hand a piece over, waiting for room; called by the thread."""
        with self._room:
            while self._held >= _ROOM:
                self._making.check()
                self._room.wait(_LOOK_S)
            self._pieces.append(piece)
            self._held += len(piece)
        self._tell()

    def finish(self, error: BaseException | None) -> None:
        """Say that no piece follows; called by the thread."""
        self._error, self._is_done = error, True
        self._tell()

    def _tell(self) -> None:
        """Wake the event loop; it may have ended with the server."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._news.set)

    async def get(self) -> bytes | None:
        """Take everything there is; None at the end."""
        while True:
            with self._room:
                if self._pieces:
                    taken = b"".join(self._pieces)
                    self._pieces.clear()
                    self._held = 0
                    self._room.notify()
                    return taken
            if self._is_done:
                if self._error is not None:
                    raise self._error
                return None
            await self._news.wait()
            self._news.clear()


def sweep(folder: Path, older_than_s: float) -> None:
    """Remove what a server that was killed left of its exports.

    Parameters
    ----------
    folder : pathlib.Path
        Where exports are made.
    older_than_s : float
        Seconds an export may take at most; younger ones may belong to another worker.
    """
    if not folder.is_dir():
        return
    for home in folder.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - home.stat().st_mtime > older_than_s:
                shutil.rmtree(home, ignore_errors=True)


Make = Callable[[Making], Generator[bytes]]
"""Makes a file piece by piece, in a thread of its own."""


class Exports:
    """The files being made; only so many at once.

    Parameters
    ----------
    most : int
        Files.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._running = 0

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for one file.

        Yields
        ------
        None
            Nothing.

        Raises
        ------
        BusyError
            Every place is taken.
        """
        if self._running >= self._most:
            raise BusyError(
                f"已有 {self._most} 个导出正在进行，请稍后重试",
                f"{self._most} exports are at work already; ask again in a moment",
            )
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


async def download(request: Request, make: Make, *, media: str, names: tuple[str, str], exports: Exports) -> Response:
    """Begin to make a file, and answer as soon as its first piece is there.

    What goes wrong before that is a problem with a status; what goes wrong later breaks the connection off, so that no
    client takes half a file for a whole one.

    Parameters
    ----------
    request : Request
        The request; its connection is watched.
    make : callable
        Makes the file.
    media : str
        Media type.
    names : tuple of str
        The file's name for people, and one in ASCII.
    exports : Exports
        Where it takes its place.

    Returns
    -------
    Response
        To be sent.

    Raises
    ------
    BusyError
        Too many files are being made, or the deadline has passed.
    """
    stack = contextlib.ExitStack()
    stack.enter_context(exports.place())
    making = Making(request, settings_of(request).limits.export_s)
    pipe = _Pipe(making)

    def work() -> None:
        error: BaseException | None = None
        try:
            with contextlib.closing(make(making)) as pieces:
                for piece in pieces:
                    making.check()
                    pipe.put(piece)
        except BaseException as found:
            error = found
        finally:
            pipe.finish(error)

    thread = threading.Thread(target=work, name="fangyu-export", daemon=True)
    sending = _Sending(making, pipe, thread, stack)
    thread.start()
    try:
        first = asyncio.ensure_future(pipe.get())
        while not first.done():
            await asyncio.wait({first}, timeout=_LOOK_S)
            if not first.done() and (making.left_s == 0.0 or await request.is_disconnected()):
                first.cancel()
                making.check()
                raise BusyError("请求已取消", "the request was cancelled")
        sending.first = first.result()
    except BaseException:
        await sending.end()
        raise
    headers = {
        "Content-Disposition": disposition(*names),
        "Cache-Control": "private, no-store",
        "Vary": "Accept-Language, Cookie",
    }
    if making.size is not None:
        headers["Content-Length"] = str(making.size)
    return _FileAnswer(sending, media, headers)


def disposition(name: str, plain: str) -> str:
    """Write the header that gives a file its name (RFC 6266, RFC 5987).

    Parameters
    ----------
    name : str
        Name for people, in any script.
    plain : str
        The same in ASCII, for clients that know no other.

    Returns
    -------
    str
        Value of ``Content-Disposition``.
    """
    kept = (letter.isascii() and letter.isprintable() and letter not in '"\\' for letter in plain)
    safe = "".join(letter if is_kept else "_" for letter, is_kept in zip(plain, kept, strict=True))
    return f"attachment; filename=\"{safe}\"; filename*=UTF-8''{quote(name, safe='')}"


class _Sending:
    """A file on its way: the thread that makes it, and everything to let go of at the end."""

    def __init__(
        self, making: Making, pipe: _Pipe, thread: threading.Thread, stack: contextlib.ExitStack
    ) -> None:
        self.first: bytes | None = None
        self.pipe = pipe
        self.making = making
        self._thread = thread
        self._stack = stack

    async def end(self) -> None:
        """Stop the thread, wait until it has cleaned up, and give the place free."""
        self.making.leave()
        while self._thread.is_alive():
            # A query that begins just now is not stopped by the first word.
            await asyncio.to_thread(self._thread.join, _LOOK_S)
            self.making.leave()
        self._stack.close()


class _FileAnswer(Response):
    """Sends a file as it is made; a client that leaves, and the deadline, end the making."""

    def __init__(self, sending: _Sending, media: str, headers: Mapping[str, str]) -> None:
        self._sending = sending
        # Without a body, as Starlette's own streams, so that no length is made up.
        self.status_code = 200
        self.media_type = media
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and every piece."""
        sender = asyncio.ensure_future(self._send(send))
        watcher = asyncio.ensure_future(_until_left(receive))
        try:
            left_s = self._sending.making.left_s
            await asyncio.wait({sender, watcher}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if sender.done():
                sender.result()
            elif not watcher.done():
                raise late()
        finally:
            for task in (sender, watcher):
                task.cancel()
            await asyncio.gather(sender, watcher, return_exceptions=True)
            await asyncio.shield(self._sending.end())

    async def _send(self, send: Send) -> None:
        """Send everything."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        piece = self._sending.first
        self._sending.first = None
        while piece is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await self._sending.pipe.get()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_left(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
