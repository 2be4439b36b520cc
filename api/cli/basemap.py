"""``fangyu basemap …``: a base map made of the store's own public layers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import opened, print_json, size_text, state_of

app = typer.Typer(help="自有底图 · A base map of one's own.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``build`` a subcommand although it is the only one."""


@app.command()
def build(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", help="输出 .pmtiles，缺省放入缓存供网页服务使用 · output file.")
    ] = None,
    minzoom: Annotated[int | None, typer.Option("--minzoom", help="起始级别 · first zoom.", min=0, max=22)] = None,
    maxzoom: Annotated[int | None, typer.Option("--maxzoom", help="终止级别 · last zoom, 14.", min=0, max=22)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象.")] = False,
) -> None:
    """用区划、道路和路名生成底图 · Build a base map of divisions, streets and their names."""
    from geo.services.basemap import basemap_path, build_basemap

    state = state_of(context)
    with opened(state) as store, store.session(write=False) as session:
        path = out or basemap_path(state.cache_dir(), store.store_id)
        made = build_basemap(session, path, first_zoom=minzoom, last_zoom=maxzoom)
    size = made.path.stat().st_size
    state.tell(
        f"已生成底图 {made.path}：{made.tiles:,} 个瓦片，{size_text(size)}",
        f"built the base map {made.path}: {made.tiles:,} tiles, {size_text(size)}",
    )
    if as_json:
        print_json({"out": str(made.path), "layers": made.layers, "tiles": made.tiles, "bytes": size})
