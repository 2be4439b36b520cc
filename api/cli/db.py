"""``fangyu db …``, ``fangyu backup`` and ``fangyu restore``: the care of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import State, print_json, size_text, state_of

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
    # After the store: a file is there before its row is, so that none is missing from the copy.
    copied, changed = _carry_attachments(state, _beside(out), is_back=False)
    if as_json:
        print_json({"out": str(out), "bytes": size, "attachments": copied, "attachments_changed": changed})


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
    _carry_attachments(state, _beside(backup_file), is_back=True)


def _beside(backup_file: Path) -> Path:
    """Return the folder with the attachments of a backup."""
    return backup_file.with_suffix(".attachments")


def _carry_attachments(state: State, folder: Path, *, is_back: bool) -> tuple[int, int]:
    """Copy the files of attachments to a backup or back, and say so where there are any; needs no present schema."""
    from api.settings import AttachmentSettings, StoreSettings
    from geo.services.opening import store_id_of
    from geo.store.attachments import AttachmentShelf

    where = StoreSettings(store=state.store_url(), cache=state.cache_dir())
    own, other = AttachmentSettings().shelf(where, store_id_of(where.store)), AttachmentShelf(folder)
    source, target = (other, own) if is_back else (own, other)
    copied, changed = source.copy_to(target)
    if copied:
        state.tell(f"附件 {copied} 个已复制到 {target.folder}", f"{copied} attachments copied to {target.folder}")
    if changed:
        state.tell(
            f"✗ 附件 {changed} 个内容已被改动，未复制；请用 fangyu attachments sweep 查看",
            f"✗ {changed} attachments were changed and not copied; see fangyu attachments sweep",
        )
    return copied, changed
