"""``fangyu report …``: files a planner mails."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import opened, print_json, size_text, state_of
from api.cli.usage import WrongUsageError

app = typer.Typer(help="生成报告 · Reports.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``coverage`` a subcommand although it is the only one."""


@app.command()
def coverage(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="输出 .html 或 .xlsx · output file.")],
    run: Annotated[
        str | None, typer.Option("--run", help="分析编号，默认已发布的一次 · run id, the published one by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象.")] = False,
) -> None:
    """把一次覆盖分析写成单文件网页或表格 · Write a coverage run as one HTML file or a workbook."""
    if out.suffix.lower() not in (".html", ".xlsx"):
        raise WrongUsageError("--out 只能是 .html 或 .xlsx", "--out must end in .html or .xlsx")
    from geo.services.audit import record_export
    from geo.services.publishing import published_run
    from geo.services.reporting import coverage_report, write_report

    state = state_of(context)
    with opened(state) as store:
        with store.session(write=False) as session:
            wanted = run or published_run(session)
            document = coverage_report(session, wanted)
        record_export(store, store.actor, f"reports/{wanted}", {"format": out.suffix[1:].lower(), "file": out.name})
    write_report(document, out)
    state.tell(f"已写出 {out}（{size_text(out.stat().st_size)}）", f"wrote {out}")
    if as_json:
        print_json({"out": str(out), "bytes": out.stat().st_size})
