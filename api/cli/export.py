"""``fangyu export``: a layer as a file, the same one that the server sends."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import Lang, opened, print_json, size_text, state_of


def export(
    context: typer.Context,
    layer: Annotated[str, typer.Argument(help="图层，如 streets、facilities_eldercare · layer.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="输出文件 · output file.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="geojson、csv、xlsx、gpkg、flatgeobuf、geoparquet、pmtiles；缺省按扩展名 · by the suffix.",
        ),
    ] = None,
    bbox: Annotated[
        str | None, typer.Option("--bbox", help="西、南、东、北，逗号分隔（度） · west,south,east,north in degrees.")
    ] = None,
    crs: Annotated[
        str | None, typer.Option("--crs", help="坐标系，如 EPSG:4490、EPSG:4548 · coordinate system.")
    ] = None,
    filter_text: Annotated[
        str | None, typer.Option("--filter", help="CQL2 过滤条件 · CQL2 text.")
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="当日有效的要素，缺省今天 · features valid on a day."),
    ] = None,
    titles: Annotated[Lang, typer.Option("--titles", help="标题语言 · language of titles.")] = Lang.zh,
    public: Annotated[
        bool, typer.Option("--public", help="只写公众可见的要素 · only what the public may see.")
    ] = False,
    minzoom: Annotated[int | None, typer.Option("--minzoom", help="瓦片起始级别 · first zoom.", min=0, max=22)] = None,
    maxzoom: Annotated[int | None, typer.Option("--maxzoom", help="瓦片终止级别 · last zoom.", min=0, max=22)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出只有一个 JSON 对象.")] = False,
) -> None:
    """把图层导出为文件 · Export a layer as a file."""
    from geo.services.audit import record_export
    from geo.services.export_file import ExportOptions, export_file, file_is_internal

    state = state_of(context)
    options = ExportOptions(
        form=form, bbox=bbox, crs=crs, filter=filter_text, on=on.date() if on else None, lang=titles.value,
        is_public=public, first_zoom=minzoom, last_zoom=maxzoom,
    )  # fmt: skip
    with opened(state) as store:
        if file_is_internal(layer, is_public=public):
            told = {"format": form, "bbox": bbox, "filter": filter_text, "file": out.name}
            record_export(store, store.actor, f"layers/{layer}", told)
        with store.session(write=False) as session:
            done = export_file(session, layer, out, options)
    size = out.stat().st_size
    zh, en = ("瓦片", "tiles") if done.is_tiled else ("要素", "features")
    state.tell(
        f"已写出 {out}：{done.title}，{done.count:,} 个{zh}，{size_text(size)}",
        f"wrote {out}: {done.title}, {done.count:,} {en}, {size_text(size)}",
    )
    if done.is_internal:
        state.tell(
            "内部资料：含公众无权读取的内容，请勿外传；公众版请加 --public。",
            "internal: it holds what the public may not read; --public writes what everybody may see.",
        )
    if as_json:
        print_json(
            {
                "out": str(out), "layer": layer, "format": done.form, "crs": done.crs, en: done.count,
                "bytes": size, "is_internal": done.is_internal, "is_synthetic": done.is_synthetic,
            }
        )  # fmt: skip
