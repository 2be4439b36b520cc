"""The console command ``fangyu``: global options, the groups, and one place where errors become exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from api.cli import basemap, coverage, data, db, demo, download, export, isochrone, report, serve
from api.cli.output import EXIT_USAGE, Lang, State, fail, usage_json
from geo.errors import FangyuError

app = typer.Typer(
    name="fangyu",
    help="方舆：民政设施规划与地名系统 · facility planning and place names for civil-affairs bureaus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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
) -> None:
    """Remember the options that every command shares."""
    context.obj = State(store=store, lang=lang.value, cache=cache)


@app.command()
def version() -> None:
    """显示版本 · Show the version."""
    from importlib.metadata import version as installed

    typer.echo(installed("fangyu"))


app.add_typer(data.app, name="import")
app.command("download")(download.download)
app.add_typer(coverage.app, name="coverage")
app.command("isochrone")(isochrone.isochrone)
app.command("export")(export.export)
app.add_typer(basemap.app, name="basemap")
app.add_typer(report.app, name="report")
app.add_typer(demo.app, name="demo")
app.add_typer(db.app, name="db")
app.command("backup")(db.backup)
app.command("restore")(db.restore)
app.command("serve")(serve.serve)


def run() -> None:
    """Run the command line; a refused input or failed operation exits with 3, wrong usage with 2."""
    try:
        app(standalone_mode=True)
    except FangyuError as error:
        sys.exit(fail(error, sys.argv))
    except SystemExit as stop:
        if stop.code == EXIT_USAGE:
            usage_json(sys.argv)
        raise
    except BrokenPipeError:
        # The reader (head, less) went away: nothing is wrong, and nobody is left to tell.
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    run()
