"""``fangyu isochrone``: what can be reached on foot from one place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import opened, print_json, state_of
from api.cli.usage import WrongUsageError, worded


def isochrone(
    context: typer.Context,
    lon: Annotated[float, typer.Option(help="经度 · longitude (CGCS2000).", min=-180, max=180)],
    lat: Annotated[float, typer.Option(help="纬度 · latitude (CGCS2000).", min=-90, max=90)],
    minutes: Annotated[
        list[float], typer.Option("--minutes", help="步行分钟数，可重复 · walking minutes, repeatable.")
    ],
    out: Annotated[Path, typer.Option("--out", help="输出 .geojson · output file.")],
    speed: Annotated[
        float | None, typer.Option(help="步速 米/秒，默认 0.9 · speed in m/s.", min=0.05, max=5.0)
    ] = None,
    at: Annotated[str | None, typer.Option("--at", help="判断门开放的时刻 · time of day.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象.")] = False,
) -> None:
    """绘制步行等时圈（仅供显示） · Draw the area reached on foot (for display)."""
    from geo.services.isochrone import isochrone_features, write_geojson
    from geo.services.moment import parse_moment
    from geo.services.network import open_network

    if out.suffix.lower() not in (".geojson", ".json"):
        raise WrongUsageError(
            f"--out {out.name}：等时圈只能写成 .geojson 或 .json",
            f"--out {out.name}: isochrones are written as .geojson or .json",
        )
    state = state_of(context)
    with worded():
        moment = parse_moment(at)
    with opened(state) as store, store.session(write=False) as session:
        network = open_network(session, state.cache_dir())
    collection = isochrone_features(
        network, lon=lon, lat=lat, minutes=tuple(minutes), speed_mps=speed, at=moment
    )
    write_geojson(collection, out)
    state.tell(f"已写出 {out}", f"wrote {out}")
    if as_json:
        print_json({"out": str(out), "features": len(collection.features), "access_m": collection.access_m})
