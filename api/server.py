"""Serving one store with uvicorn."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path

from geo.errors import DataSourceError


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
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        busy = error.errno == errno.EADDRINUSE
        raise DataSourceError(
            f"端口 {port} 已被占用，请用 --port 另选一个（--port 0 自动选择）"
            if busy
            else f"无法在 {host}:{port} 上监听：{error.strerror}",
            f"port {port} is in use; choose another with --port (0 picks a free one)"
            if busy
            else f"cannot listen on {host}:{port}: {error.strerror}",
            host=host,
            port=port,
        ) from error
    return taken


def serve_store(
    store_url: str, *, cache_dir: Path, host: str, port: int, say: Callable[[str, str], None]
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

    Raises
    ------
    DataSourceError
        If the port is not to be had or the store cannot be opened.
    """
    taken = bind(host, port)
    import uvicorn

    from api.app import Settings, create_app

    try:
        app = create_app(Settings(store_url=store_url, cache_dir=cache_dir, is_loopback=is_loopback(host)))
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{taken.getsockname()[1]}/"
        say(f"方舆已启动：{address}（按 Ctrl+C 结束）", f"Fangyu is serving {address} (Ctrl+C to stop)")
        if not is_loopback(host):
            say(
                "注意：尚无账户，非本机地址只提供脱敏报告页。",
                "note: there are no accounts yet; beyond this machine only the report page is served.",
            )
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        server.run(sockets=[taken])
    finally:
        taken.close()
