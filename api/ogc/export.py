"""Whole layers as files, under the policy, rows and parameters of the items."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.auth.policy import readable_layer
from api.auth.principal import Principal
from api.download import Exports, Make, Making, download
from api.guard import Guard
from api.leaving import record_leaving
from api.ogc.answer import Link
from api.ogc.feature_query import take_crs, take_feature_query
from api.ogc.query import QueryReader
from api.work import settings_of
from geo.catalog.map_layer import MapLayer
from geo.services.export import (
    FORMATS,
    ExportJob,
    export_format,
    export_names,
    is_internal,
    stream_export,
    write_export,
)
from geo.store.pages import today
from geo.tiles.matrix import DEEPEST

router = APIRouter()
Reader = Annotated[Principal, Depends(Guard("layers.read"))]
_PIECE: Final = 256 * 1024
LANGUAGES: Final = ("zh", "en")


def export_links(home: str, layer: MapLayer) -> list[Link]:
    """Return the links to a layer's files.

    Parameters
    ----------
    home : str
        Address of the collection.
    layer : MapLayer
        The layer.

    Returns
    -------
    list of Link
        One a format.
    """
    return [
        Link(f"{home}/export?f={form.name}", "enclosure", form.media, f"下载 {layer.title_zh}（{form.title_zh}）")
        for form in FORMATS.values()
    ]


@router.get("/ogc/collections/{name}/export", include_in_schema=False)
async def export(request: Request, principal: Reader, name: str) -> Response:
    """Send a layer as a file.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who asks.
    name : str
        Layer.

    Returns
    -------
    Response
        The file, GeoJSON unless ``f`` says otherwise.

    Raises
    ------
    NotFoundError
        There is no such layer for them.
    InputError
        Something is wrong with the query.
    BusyError
        Too many exports are at work, or this one takes too long.
    """
    layer = readable_layer(name, principal)
    job = _read(QueryReader(request), layer, principal)
    folder = settings_of(request).store.exports
    exports: Exports = request.app.state.exports
    if is_internal(job):
        told = {"format": job.form.name, "query": request.url.query[:500]}
        await record_leaving(request, principal, f"layers/{layer.name}", told)
    return await download(
        request, _maker(job, folder), media=job.form.media, names=export_names(job, today()), exports=exports
    )


def _read(query: QueryReader, layer: MapLayer, principal: Principal) -> ExportJob:
    """Read the question."""
    form = export_format(query.one_of("f", FORMATS) or "geojson")
    lang = query.one_of("lang", LANGUAGES)
    crs = None if query.text("crs") is None else take_crs(query, "crs")
    asked = take_feature_query(query, layer, principal)
    zooms = [_zoom(query, "minzoom"), _zoom(query, "maxzoom")]
    if len(asked.boxes) > 1:
        zh, en = "导出的范围应西不大于东", "of a file's box, west must not exceed east"
        query.problem("not_allowed", "bbox", query.text("bbox"), zh, en)
    query.finish()
    return ExportJob(layer, form, asked, crs, "en" if lang == "en" else "zh", *zooms)


def _zoom(query: QueryReader, name: str) -> int | None:
    """Take a zoom."""
    return None if query.text(name) is None else query.whole_number(name, 0, 0, DEEPEST)


def _maker(job: ExportJob, folder: Path) -> Make:
    """Return what makes the file: as it is sent, or first in a folder of its own that is gone afterwards."""

    def stream(making: Making) -> Generator[bytes]:
        with making.reading() as session:
            yield from stream_export(session, job, check=making.check)

    def whole(making: Making) -> Generator[bytes]:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="export-", dir=folder, ignore_cleanup_errors=True) as name:
            path = Path(name) / f"{job.layer.name}{job.form.suffix}"
            with making.reading() as session:
                write_export(session, job, path, check=making.check)
            # The store is let go of before a slow client begins to read.
            making.size = path.stat().st_size
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece

    return stream if job.form.is_streamed else whole
