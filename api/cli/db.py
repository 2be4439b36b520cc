"""``fangyu db …``, ``fangyu backup`` and ``fangyu restore``: the care of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import print_json, size_text, state_of

app = typer.Typer(help="数据库结构 · The store's schema.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``upgrade`` a subcommand although it is the only one."""


@app.command()
def upgrade(context: typer.Context) -> None:
    """建立或升级数据存储的结构 · Create or migrate the store's schema."""
    from geo.services.opening import upgrade_store

    state = state_of(context)
    revision = upgrade_store(state.store_url())
    state.tell(f"数据结构已是最新：{revision}", f"schema is at {revision}")


def backup(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="备份文件 · backup file.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象.")] = False,
) -> None:
    """备份数据存储 · Back the store up."""
    from geo.services.opening import backup_store

    state = state_of(context)
    size = backup_store(state.store_url(), out)
    state.tell(f"已备份到 {out}（{size_text(size)}）", f"backed up to {out} ({size_text(size)})")
    if as_json:
        print_json({"out": str(out), "bytes": size})


def restore(
    context: typer.Context,
    backup_file: Annotated[Path, typer.Argument(help="备份文件 · backup file.", show_default=False)],
    force: Annotated[
        bool, typer.Option("--force", help="覆盖已有数据 · overwrite a store that holds data.")
    ] = False,
) -> None:
    """从备份恢复 · Restore a backup."""
    from geo.services.opening import restore_store

    state = state_of(context)
    restore_store(backup_file, state.store_url(), force=force)
    state.tell(f"已从 {backup_file} 恢复", f"restored from {backup_file}")
