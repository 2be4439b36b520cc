"""The base map over HTTP: one archive, read by ranges, as PMTiles' readers do."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.errors import language_of, problem
from api.work import settings_of, store_of
from geo.errors import InputError
from geo.services.basemap import find_basemap

BASEMAP_PATH: Final = "/basemap.pmtiles"
_MEDIA: Final = "application/vnd.pmtiles"
_PIECE: Final = 256 * 1024
_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*")


class UnsatisfiableError(Exception):
    """No byte of the file is asked for, or more ranges than one."""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Read which bytes are asked for.

    Parameters
    ----------
    header : str or None
        Value of ``Range``.
    size : int
        Bytes of the file.

    Returns
    -------
    tuple of int or None
        First byte and the one after the last; None for the whole file, also where the header is no range of bytes,
        which is to be ignored.

    Raises
    ------
    UnsatisfiableError
        The file has no such byte, or several ranges are asked for at once, which readers of PMTiles never do.
    """
    if header is None or not header.strip().lower().startswith("bytes="):
        return None
    asked = header.strip()
    if "," in asked:
        raise UnsatisfiableError
    found = _RANGE.fullmatch("bytes=" + asked[6:])
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        length = min(int(last), size)
        begin, end = size - length, size
    else:
        begin, end = int(first), size if last == "" else min(int(last) + 1, size)
        if last != "" and int(last) < int(first):
            return None
    if begin >= end:
        raise UnsatisfiableError
    return begin, end


class BasemapRoute:
    """Answers with the base map or a range of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        request = Request(scope, receive)
        if request.query_params:
            names = sorted(request.query_params)
            raise InputError(
                f"底图不接受参数：{'、'.join(names)}", f"the base map takes no parameters: {', '.join(names)}",
                parameters=names,
            )  # fmt: skip
        path = find_basemap(settings_of(request).store.cache, store_of(request).store_id)
        file = await anyio.to_thread.run_sync(_opened, path)
        try:
            await _answer(request, file)(scope, receive, send)
        finally:
            file.close()


def _opened(path: Path) -> BinaryIO:
    """Open a file."""
    return path.open("rb")


def _answer(request: Request, file: BinaryIO) -> Response:
    """Choose the answer; an archive that is replaced meanwhile stays what it was for whoever has it open."""
    facts = os.fstat(file.fileno())
    size, tag = facts.st_size, f'"{facts.st_mtime_ns:x}-{facts.st_size:x}-{facts.st_ino:x}"'
    headers = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "no-cache"}
    known = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    wanted = [part.strip() for part in request.headers.get("if-match", "*").split(",")]
    if tag not in wanted and "*" not in wanted:
        return problem(
            412, "precondition", "底图已更新", "the base map is a newer one", lang=language_of(request), headers=headers
        )
    # HEAD asks about the whole; a range of a file that has changed would be a piece of another.
    asked = request.headers.get("range") if request.method == "GET" else None
    if request.headers.get("if-range", tag) != tag:
        asked = None
    try:
        part = byte_range(asked, size)
    except UnsatisfiableError:
        return problem(
            416, "range", f"只能请求一个范围，且须在 {size} 字节以内", f"allowed: one range within {size} bytes",
            lang=language_of(request), headers={**headers, "Content-Range": f"bytes */{size}"},
        )  # fmt: skip
    begin, end = part or (0, size)
    headers["Content-Length"] = str(end - begin)
    if part is not None:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    if request.method == "HEAD":
        return Response(status_code=200, headers=headers, media_type=_MEDIA)
    return StreamingResponse(
        _pieces(file, begin, end), 206 if part is not None else 200, headers=headers, media_type=_MEDIA
    )


async def _pieces(file: BinaryIO, begin: int, end: int) -> AsyncIterator[bytes]:
    """Read a range piece by piece."""
    await anyio.to_thread.run_sync(file.seek, begin)
    left = end - begin
    while left > 0:
        piece = await anyio.to_thread.run_sync(file.read, min(left, _PIECE))
        if not piece:
            return
        left -= len(piece)
        yield piece
