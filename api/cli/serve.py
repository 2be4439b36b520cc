"""``fangyu serve``: the store's report and runs over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.output import state_of


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="监听地址 · address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="端口 · port.", min=0, max=65535)] = 8300,
) -> None:
    """启动网页服务 · Serve the map."""
    from api.server import serve_store

    state = state_of(context)
    serve_store(state.store_url(), cache_dir=state.cache_dir(), host=host, port=port, say=state.tell)
