"""The console command ``fangyu``: global options, the groups, and one place where errors become exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer._click.exceptions import ClickException

from api.cli import (
    attachment,
    audit,
    basemap,
    coverage,
    data,
    db,
    demo,
    download,
    export,
    isochrone,
    outside,
    report,
    serve,
    user,
)
from api.cli.output import EXIT_USAGE, Lang, State, fail, language, usage_json
from api.cli.usage import shared_first, speak_chinese, tell_usage
from geo.errors import FangyuError

app = typer.Typer(
    name="fangyu",
    help="方舆：民政设施规划与地名系统 · facility planning and place names for civil-affairs bureaus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _installed() -> str:
    """The version of this software."""
    from importlib.metadata import version as installed

    return installed("fangyu")


def _show_version(asked: bool) -> None:
    """Show the version and end."""
    if asked:
        typer.echo(_installed())
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    store: Annotated[
        str | None,
        typer.Option(
            envvar="FANGYU_STORE",
            help="数据存储：.gpkg 文件或 postgresql+psycopg:// 地址 · a .gpkg path or a PostgreSQL URL.",
        ),
    ] = None,
    lang: Annotated[
        Lang, typer.Option(envvar="FANGYU_LANG", help="提示语言 · language of messages.")
    ] = Lang.zh,
    cache: Annotated[
        str | None,
        typer.Option(envvar="FANGYU_CACHE", help="缓存文件夹 · folder of compiled networks."),
    ] = None,
    shown: Annotated[
        bool, typer.Option("--version", help="显示版本 · show the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Remember the options that every command shares."""
    context.obj = State(store=store, lang=lang.value, cache=cache)


@app.command()
def version() -> None:
    """显示版本 · Show the version."""
    typer.echo(_installed())


app.add_typer(data.app, name="import")
app.command("download")(download.download)
app.add_typer(coverage.app, name="coverage")
app.command("isochrone")(isochrone.isochrone)
app.command("export")(export.export)
app.add_typer(basemap.app, name="basemap")
app.add_typer(report.app, name="report")
app.add_typer(demo.app, name="demo")
app.add_typer(db.app, name="db")
app.add_typer(audit.app, name="audit")
app.add_typer(attachment.app, name="attachments")
app.add_typer(outside.app, name="outside")
app.command("backup")(db.backup)
app.command("restore")(db.restore)
app.add_typer(user.app, name="user")
app.command("serve")(serve.serve)


def run() -> None:
    """Run the command line; a refused input or failed operation exits with 3, wrong usage with 2."""
    lang = language(sys.argv)
    command = typer.main.get_command(app)
    if lang == "zh":
        speak_chinese(command)
    try:
        code = command.main(shared_first(sys.argv[1:]), prog_name="fangyu", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except FangyuError as error:
        sys.exit(fail(error, sys.argv))
    except ClickException as error:
        tell_usage(error, lang)
        usage_json(error, sys.argv)
        sys.exit(EXIT_USAGE)
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("已中断" if lang == "zh" else "interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, less) went away: nothing is wrong, and nobody is left to tell.
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    run()
