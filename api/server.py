"""Serving one store with uvicorn."""

from __future__ import annotations

import errno
import gc
import ipaddress
import json
import logging
import os
import secrets
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from geo.errors import ConflictError, DataSourceError, reason_zh

if TYPE_CHECKING:
    from fastapi import FastAPI


def is_loopback(host: str) -> bool:
    """Tell whether an address can be reached from this machine only.

    Parameters
    ----------
    host : str
        Host name or address.

    Returns
    -------
    bool
        True for ``localhost`` and loopback addresses.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int) -> socket.socket:
    """Take the port before anything slow is done.

    Parameters
    ----------
    host : str
        Address to listen on.
    port : int
        Port; 0 takes a free one.

    Returns
    -------
    socket.socket
        A bound socket.

    Raises
    ------
    DataSourceError
        If the address or port is not to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once; without, each waits 40 ms for an acknowledgement.
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        busy = error.errno == errno.EADDRINUSE
        raise DataSourceError(
            f"端口 {port} 已被占用，请用 --port 另选一个（--port 0 自动选择）"
            if busy
            else f"无法在 {host}:{port} 上监听：{reason_zh(error)}",
            f"port {port} is in use; choose another with --port (0 picks a free one)"
            if busy
            else f"cannot listen on {host}:{port}: {error.strerror}",
            host=host,
            port=port,
        ) from error
    return taken


class _JsonLines(logging.Formatter):
    """One JSON object a line, whatever the message holds."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {"at": at, "level": record.levelname, "log": record.name}
        facts = getattr(record, "facts", None)
        line |= facts if isinstance(facts, dict) else {"message": record.getMessage()}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def start_log(target: str) -> None:
    """Write what the server does as lines of JSON.

    Parameters
    ----------
    target : str
        A file to append to, or ``-`` for standard error.

    Raises
    ------
    DataSourceError
        If the file cannot be written.
    """
    try:
        handler = logging.StreamHandler() if target == "-" else logging.FileHandler(target, encoding="utf-8")
    except OSError as error:
        raise DataSourceError(
            f"无法写入日志文件 {target}：{reason_zh(error)}", f"the log {target} cannot be written: {error.strerror}"
        ) from error
    handler.setFormatter(_JsonLines())
    logger = logging.getLogger("fangyu")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def refuse_open_demo(*, demo: bool, is_loopback: bool) -> None:
    """Refuse the demo mode where others can reach it.

    Parameters
    ----------
    demo : bool
        Whether the demo mode is asked for.
    is_loopback : bool
        Whether only this machine can reach the server.

    Raises
    ------
    ConflictError
        Both are the wrong way round.
    """
    if demo and not is_loopback:
        raise ConflictError(
            "演示模式只允许在本机地址（127.0.0.1）上运行",
            "demo mode is allowed on a loopback address (127.0.0.1) only",
        )


APP_VARIABLE = "FANGYU_SERVER_APP"
"""How a server tells its worker processes what to serve; nobody sets it by hand."""


def worker_app() -> FastAPI:
    """Build the application in a worker process, as the server's first process asks for it.

    Returns
    -------
    FastAPI
        The application.
    """
    from api.app import create_app
    from api.settings import settings_for

    asked = json.loads(os.environ[APP_VARIABLE])
    if asked["log"] is not None:
        start_log(asked["log"])
    app = create_app(
        settings_for(asked["store"], Path(asked["cache"]), is_loopback=asked["is_loopback"], demo=asked["demo"])
    )
    # What is loaded by now stays: looking through it for garbage would hold every request up for 30 ms, now and then.
    gc.collect()
    gc.freeze()
    return app


def serve_store(
    store_url: str,
    *,
    cache_dir: Path,
    host: str,
    port: int,
    say: Callable[[str, str], None],
    demo: bool = False,
    log: str | None = None,
    workers: int = 1,
) -> None:
    """Serve a store until interrupted.

    Parameters
    ----------
    store_url : str
        A ``.gpkg`` path or a PostgreSQL URL.
    cache_dir : pathlib.Path
        Folder for compiled networks and rendered reports.
    host : str
        Address to listen on.
    port : int
        Port; 0 takes a free one.
    say : callable
        Takes a Chinese and an English line and shows one of them.
    demo : bool
        Whether roles can be chosen with one click.
    log : str, optional
        Where requests are logged, for `start_log`.
    workers : int
        Processes that answer; more than one on PostGIS only.

    Raises
    ------
    ConflictError
        Demo mode is asked for on an address other machines can reach, or several processes on an embedded store.
    DataSourceError
        If the port is not to be had or the store cannot be opened.
    """
    if workers > 1 and "://" not in store_url:
        raise ConflictError(
            f"--workers {workers}：.gpkg 数据文件只能由一个进程提供服务；多进程请使用 PostGIS",
            f"--workers {workers}: a .gpkg is served by one process; use PostGIS for several",
        )
    taken = bind(host, port)
    try:
        is_local = is_loopback(host)
        refuse_open_demo(demo=demo, is_loopback=is_local)
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{taken.getsockname()[1]}/"
        say(f"方舆已启动：{address}（按 Ctrl+C 结束）", f"Fangyu is serving {address} (Ctrl+C to stop)")
        if demo:
            say(
                "演示模式：任何能打开本机页面的人都可以选择角色。",
                "demo mode: whoever opens a page on this machine can take any role.",
            )
        else:
            say(
                "尚无账户：只提供公开内容。本机试用请加 --demo。",
                "there are no accounts yet: only what is public is served. Add --demo to try the rest on this machine.",
            )
        if log is not None and workers == 1:
            start_log(log)
        asked = {
            "store": store_url, "cache": str(cache_dir), "is_loopback": is_local, "demo": demo,
            "log": log if workers > 1 else None,
        }  # fmt: skip
        _run(asked, taken, workers)
    finally:
        taken.close()


def _run(asked: dict[str, object], taken: socket.socket, workers: int) -> None:
    """Answer on a bound socket, in this process or in several others."""
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from api.auth.identity import KEY_VARIABLE

    handed = {APP_VARIABLE: json.dumps(asked), KEY_VARIABLE: secrets.token_hex(32)}
    # Worker processes begin with this environment; afterwards it is as it was.
    before = {name: os.environ.get(name) for name in handed}
    os.environ.update(handed)
    try:
        config = uvicorn.Config(
            "api.server:worker_app", factory=True, log_config=None, access_log=False, timeout_graceful_shutdown=10,
            workers=workers,
        )  # fmt: skip
        if workers == 1:
            uvicorn.Server(config).run(sockets=[taken])
        else:
            Multiprocess(config, [taken]).run()
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
