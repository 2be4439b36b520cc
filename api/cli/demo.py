"""``fangyu demo make``: the input files of a fictional city."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import print_json, state_of

app = typer.Typer(help="示例城市（虚构数据）· A fictional city.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``make`` a subcommand although it is the only one."""


@app.command()
def make(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="输出文件夹 · output folder.", show_default=False)],
    nodes: Annotated[
        int | None, typer.Option("--nodes", help="步行路网节点数（约）· walkable nodes, about.", min=1000)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象.")] = False,
) -> None:
    """生成一座虚构城市的全部输入文件 · Write the input files a bureau would have."""
    from geo.services.demo import make_demo

    state = state_of(context)
    files = make_demo(folder, nodes=nodes, progress=state.tell)
    state.tell(f"示例城市已生成：{folder}", f"demo city written to {folder}")
    if as_json:
        print_json(files)
