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
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from geo.errors import ConflictError, DataSourceError, InputError, reason_zh

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


@dataclass(frozen=True, slots=True)
class Tls:
    """How what is said between browsers and the server is kept from others.

    Parameters
    ----------
    cert, key : pathlib.Path or None
        Certificate and key in PEM, where the server speaks TLS itself.
    proxy : str or None
        Address of a proxy that speaks TLS for it; only what that one says of addresses is believed.
    """

    cert: Path | None = None
    key: Path | None = None
    proxy: str | None = None

    @property
    def is_used(self) -> bool:
        """Whether there is any.

        Returns
        -------
        bool
            True with a certificate or a proxy.
        """
        return self.cert is not None or self.proxy is not None


def read_tls(cert: Path | None, key: Path | None, proxy: str | None) -> Tls:
    """Check how TLS is asked for.

    Parameters
    ----------
    cert, key : pathlib.Path or None
        Files in PEM.
    proxy : str or None
        Address of a proxy.

    Returns
    -------
    Tls
        The same.

    Raises
    ------
    InputError
        One of both files is missing or does not fit the other, or the proxy's address is none.
    """
    if (cert is None) != (key is None):
        raise InputError("--tls-cert 与 --tls-key 必须同时给出", "--tls-cert and --tls-key go together")
    if cert is not None and key is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"无法使用证书 {cert} 与私钥 {key}：{reason_zh(error)}；应为相互对应的 PEM 文件",
                f"certificate {cert} and key {key} cannot be used: {error}; allowed are PEM files that belong together",
            ) from error
    if proxy is not None:
        try:
            ipaddress.ip_address(proxy)
        except ValueError as error:
            raise InputError(
                f"--tls-proxy {proxy}：应为代理服务器的 IP 地址", f"--tls-proxy {proxy}: must be the proxy's IP address"
            ) from error
    return Tls(cert, key, proxy)


def holds_accounts(store_url: str) -> bool:
    """Tell whether somebody has an account in a store.

    Parameters
    ----------
    store_url : str
        A ``.gpkg`` path or a PostgreSQL URL.

    Returns
    -------
    bool
        True from the first account on.

    Raises
    ------
    DataSourceError
        The store cannot be opened.
    """
    from geo.services.account import has_accounts
    from geo.services.opening import open_checked

    with open_checked(store_url, actor="serve") as store, store.session(write=False) as session:
        return has_accounts(session)


def held_edits(store_url: str) -> int:
    """Count the edits of legal records made outside that wait for review.

    Parameters
    ----------
    store_url : str
        A ``.gpkg`` path or a PostgreSQL URL.

    Returns
    -------
    int
        Their number.

    Raises
    ------
    DataSourceError
        The store cannot be opened.
    """
    from geo.services.opening import open_checked
    from geo.services.outside_edit import count_held

    with open_checked(store_url, actor="serve") as store, store.session(write=False) as session:
        return count_held(session)


def refuse_accounts(*, has_accounts: bool, demo: bool, is_private: bool) -> None:
    """Refuse to serve accounts where passwords could be read on the way, or with roles for everybody.

    Parameters
    ----------
    has_accounts : bool
        Whether there are accounts.
    demo : bool
        Whether the demo mode is asked for.
    is_private : bool
        Whether only this machine can reach the server, or TLS is spoken.

    Raises
    ------
    ConflictError
        One of both.
    """
    if has_accounts and demo:
        raise ConflictError(
            "数据存储中已有账户，不能以演示模式运行；请去掉 --demo 并登录",
            "there are accounts in the store, so that there is no demo mode: leave --demo out and log in",
        )
    if has_accounts and not is_private:
        raise ConflictError(
            "已有账户而没有加密：口令会在网络上明文传送，因此只能在本机地址上运行。请给出 --tls-cert 与 --tls-key，"
            "或用 --tls-proxy 说明由哪台代理加密",
            "there are accounts and no TLS: passwords would be readable on the network, so only a loopback address is "
            "served. Give --tls-cert and --tls-key, or say with --tls-proxy which proxy speaks TLS",
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
        settings_for(
            asked["store"], Path(asked["cache"]), is_loopback=asked["is_loopback"], demo=asked["demo"],
            is_proxied=asked["is_proxied"],
        )
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
    tls: Tls | None = None,
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
    tls : Tls, optional
        How what is said is kept from others on the way; nothing is by default.

    Raises
    ------
    ConflictError
        Demo mode is asked for on an address other machines can reach or where there are accounts, accounts on such an
        address without TLS, or several processes on an embedded store.
    DataSourceError
        If the port is not to be had or the store cannot be opened.
    """
    if workers > 1 and "://" not in store_url:
        raise ConflictError(
            f"--workers {workers}：.gpkg 数据文件只能由一个进程提供服务；多进程请使用 PostGIS",
            f"--workers {workers}: a .gpkg is served by one process; use PostGIS for several",
        )
    tls = tls or Tls()
    is_local = is_loopback(host)
    refuse_open_demo(demo=demo, is_loopback=is_local)
    has_accounts = holds_accounts(store_url)
    refuse_accounts(has_accounts=has_accounts, demo=demo, is_private=is_local or tls.is_used)
    taken = bind(host, port)
    try:
        shown = f"[{host}]" if ":" in host else host
        address = f"http{'s' if tls.cert else ''}://{shown}:{taken.getsockname()[1]}/"
        say(f"方舆已启动：{address}（按 Ctrl+C 结束）", f"Fangyu is serving {address} (Ctrl+C to stop)")
        if demo:
            say(
                "演示模式：任何能打开本机页面的人都可以选择角色。",
                "demo mode: whoever opens a page on this machine can take any role.",
            )
        elif not has_accounts:
            say(
                "尚无账户：只提供公开内容。本机试用请加 --demo；正式使用请先建立账户：fangyu user init。",
                "there are no accounts yet: only what is public is served. Add --demo to try the rest on this machine; "
                "for work, make the first account: fangyu user init.",
            )
        if waiting := held_edits(store_url):
            say(
                f"有 {waiting:,} 项系统之外对法定记录的修改待审：fangyu outside list",
                f"{waiting:,} edits of legal records made outside wait for review: fangyu outside list",
            )
        if log is not None and workers == 1:
            start_log(log)
        asked = {
            "store": store_url, "cache": str(cache_dir), "is_loopback": is_local, "demo": demo,
            "log": log if workers > 1 else None, "is_proxied": tls.proxy is not None,
        }  # fmt: skip
        _run(asked, taken, workers, tls)
    finally:
        taken.close()


def _run(asked: dict[str, object], taken: socket.socket, workers: int, tls: Tls) -> None:
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
            workers=workers, ssl_certfile=tls.cert, ssl_keyfile=tls.key, proxy_headers=tls.proxy is not None,
            forwarded_allow_ips=tls.proxy or "", server_header=False,
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
