"""``fangyu coverage run``: the main job."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import opened, print_json, state_of, transaction
from api.cli.usage import WrongUsageError, worded

app = typer.Typer(help="步行可达覆盖分析 · Walking coverage.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``run`` a subcommand although it is the only one."""


@app.command()
def run(
    context: typer.Context,
    types: Annotated[
        list[str],
        typer.Option("--type", help="设施类型，可重复 · facility type, repeatable.", show_default=False),
    ],
    minutes: Annotated[float | None, typer.Option(help="步行分钟数 · walking minutes.", min=0.0)] = None,
    metres: Annotated[float | None, typer.Option(help="步行米数 · walking metres.", min=0.0)] = None,
    speed: Annotated[
        float | None, typer.Option(help="单一步速 米/秒，默认 0.9 · one speed in m/s.", min=0.05, max=5.0)
    ] = None,
    bands: Annotated[
        bool, typer.Option("--bands", help="按年龄段各用各的步速 · each age band at its own speed.")
    ] = False,
    on: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="设施状态日期，默认今天 · date of facility status."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", help="判断门开放的时刻，如 'Tue 10:00' 或 2026-03-03T10:00；默认周二 10:00 · time of day."
        ),
    ] = None,
    cutoff: Annotated[
        float, typer.Option("--cutoff", help="最远搜索分钟数 · search cut-off in minutes.", min=1.0)
    ] = 120.0,
    points: Annotated[
        Path | None,
        typer.Option("--points", help="逐点结果 .csv 或 .parquet（内部资料）· per-point results (internal)."),
    ] = None,
    trial: Annotated[
        bool, typer.Option("--trial", help="试算：不改变对外发布的结果 · leave the published run alone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象.")] = False,
) -> None:
    """计算老年人步行可达覆盖 · Compute which older people can walk to a facility."""
    if (minutes is None) == (metres is None):
        raise WrongUsageError(
            "--minutes 与 --metres 必须且只能给一个", "give exactly one of --minutes and --metres"
        )
    if bands and speed is not None:
        raise WrongUsageError("--bands 与 --speed 不能同时使用", "use one of --bands and --speed")
    if points is not None and points.suffix.lower() not in (".csv", ".parquet"):
        raise WrongUsageError("--points 只能是 .csv 或 .parquet", "--points must end in .csv or .parquet")

    from geo.services.audit import record_export
    from geo.services.coverage import run_coverage
    from geo.services.coverage_model import CoverageRequest
    from geo.services.moment import parse_moment
    from geo.services.network import open_network
    from geo.services.points import write_points
    from geo.services.publishing import publish_run

    state = state_of(context)
    with worded():
        moment = parse_moment(at)
    request = CoverageRequest(
        types=tuple(dict.fromkeys(types)),
        minutes=minutes,
        metres=metres,
        speed_mps=speed,
        by_band=bands,
        on=on.date() if on is not None else date.today(),
        at=moment,
        cutoff_min=cutoff,
    )
    with opened(state) as store:
        with store.session(write=False) as session:
            network = open_network(session, state.cache_dir())
        with transaction(store) as session:
            outcome = run_coverage(session, request, network=network, actor="cli")
            if not trial:
                publish_run(session, outcome.run_id, actor="cli")
        if points is not None:
            told = {"format": points.suffix[1:].lower(), "file": points.name}
            record_export(store, store.actor, f"runs/{outcome.run_id}/points", told)
            write_points(outcome, points)
    for zh, en in outcome.summary():
        state.tell(zh, en)
    if as_json:
        print_json(outcome.to_json())
