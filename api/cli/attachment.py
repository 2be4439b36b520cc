"""``fangyu attachments …``: the care of the files that belong to cases."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.output import EXIT_REFUSED, opened, print_json, size_text, state_of

app = typer.Typer(help="办件附件 · Attachments of cases.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``sweep`` a subcommand although it is the only one."""


@app.command()
def sweep(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象.")] = False,
) -> None:
    """清除无主文件，核对其余；有问题时退出码为 3 · Let go of files of no case, check the others; exits with 3."""
    from api.settings import AttachmentSettings, StoreSettings
    from geo.services.attachment import sweep_attachments

    state = state_of(context)
    with opened(state) as store:
        where = StoreSettings(store=state.store_url(), cache=state.cache_dir())
        shelf = AttachmentSettings().shelf(where, store.store_id)
        found = sweep_attachments(store, shelf, actor=store.actor)
    state.tell(
        f"附件文件夹 {shelf.folder}：清除无主文件 {found.removed} 个（{size_text(found.removed_bytes)}）",
        f"attachments in {shelf.folder}: {found.removed} files of no case removed ({size_text(found.removed_bytes)})",
    )
    for sha256 in found.missing:
        state.tell(f"✗ 附件文件 {sha256} 已丢失或无法读取", f"✗ the file {sha256} is missing or cannot be read")
    for sha256 in found.changed:
        state.tell(f"✗ 附件文件 {sha256} 的内容已被改动", f"✗ the file {sha256} was changed")
    if as_json:
        print_json(
            {
                "folder": str(shelf.folder), "removed": found.removed, "removed_bytes": found.removed_bytes,
                "missing": list(found.missing), "changed": list(found.changed),
            }
        )  # fmt: skip
    if found.missing or found.changed:
        raise typer.Exit(EXIT_REFUSED)
