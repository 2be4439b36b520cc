"""``fangyu serve``: the store's report and runs over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import state_of


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="监听地址 · address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="端口 · port.", min=0, max=65535)] = 8300,
    demo: Annotated[bool, typer.Option("--demo", help="演示模式，仅限本机 · one-click demo roles.")] = False,
    workers: Annotated[
        int, typer.Option("--workers", help="进程数，仅 PostGIS · processes, on PostGIS only.", min=1, max=64)
    ] = 1,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="证书文件（PEM） · certificate, with accounts on a network.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="私钥文件（PEM） · its key.")] = None,
    tls_proxy: Annotated[
        str | None, typer.Option("--tls-proxy", help="由这台代理加密 · address of a proxy that speaks TLS.")
    ] = None,
    log: Annotated[
        str | None, typer.Option("--log", help="访问日志文件，- 为标准错误 · JSON lines of requests; - is stderr.")
    ] = None,
) -> None:
    """启动网页服务 · Serve the map."""
    from api.server import read_tls, serve_store
    from geo.services.opening import require_store

    state = state_of(context)
    require_store(state.store_url())
    serve_store(
        state.store_url(),
        cache_dir=state.cache_dir(),
        host=host,
        port=port,
        say=state.tell,
        demo=demo,
        log=log,
        workers=workers,
        tls=read_tls(tls_cert, tls_key, tls_proxy),
    )
