"""``fangyu download``: the streets of a place from OpenStreetMap, where there is a connection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import print_json, state_of
from api.cli.usage import WrongUsageError


def download(
    context: typer.Context,
    place: Annotated[str, typer.Argument(help="地名，如“张店区, 淄博市” · name of a place.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="输出 .osm 文件 · output file.", show_default=False)],
    buffer_m: Annotated[
        float, typer.Option("--buffer-m", help="范围以外多取的米数 · margin in metres.", min=0.0)
    ] = 1500.0,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象.")] = False,
) -> None:
    """按地名下载 OpenStreetMap 道路（需要联网） · Download the streets of a place (needs a connection)."""
    if out.suffix.lower() != ".osm":
        raise WrongUsageError("输出文件应以 .osm 结尾", "the output file must end in .osm")
    from geo.services.streets import download_streets

    state = state_of(context)
    download_streets(place, out, buffer_m=buffer_m)
    state.tell(
        f"已写出 {out}（© OpenStreetMap 贡献者，ODbL）", f"wrote {out} (© OpenStreetMap contributors, ODbL)"
    )
    if as_json:
        print_json({"out": str(out), "bytes": out.stat().st_size})
