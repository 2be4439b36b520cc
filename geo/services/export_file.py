"""``fangyu export``: from words on a command line to a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from geo.catalog.map_layer import PUBLIC, MapLayer, map_layer, map_layers
from geo.datum.output import CRS84, output_crs
from geo.errors import DeniedError, InputError, Lang, NotFoundError
from geo.services.demo import is_synthetic
from geo.services.export import FORMATS, ExportFormat, ExportJob, export_format, is_internal, write_export
from geo.services.served_layer import FeatureQuery, Filter
from geo.store import Session
from geo.store.pages import Box, today

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What was said on a command line.

    Parameters
    ----------
    form : str or None
        Format; None for that of the file's suffix.
    bbox : str or None
        West, south, east, north in degrees, with commas.
    crs : str or None
        Coordinate system; None for the format's own.
    filter : str or None
        CQL2 as text, coordinates as CRS84.
    on : datetime.date or None
        Features valid on this day; None for today.
    lang : {"zh", "en"}
        Language of titles and marks.
    is_public : bool
        Whether only what the public may see is written.
    first_zoom, last_zoom : int or None
        Zooms of tiles; None for what suits the layer.
    """

    form: str | None = None
    bbox: str | None = None
    crs: str | None = None
    filter: str | None = None
    on: date | None = None
    lang: Lang = "zh"
    is_public: bool = False
    first_zoom: int | None = None
    last_zoom: int | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Parameters
    ----------
    title : str
        Layer, as people read it.
    form : str
        Format.
    crs : str
        Coordinate system.
    count : int
        Features, or tiles.
    is_tiled : bool
        Whether tiles were counted.
    is_internal, is_synthetic : bool
        What the file is marked as.
    """

    title: str
    form: str
    crs: str
    count: int
    is_tiled: bool
    is_internal: bool
    is_synthetic: bool


def export_file(session: Session, name: str, path: Path, options: ExportOptions) -> Exported:
    """Write a layer to a file.

    Parameters
    ----------
    session : Session
        A session that only reads.
    name : str
        Layer.
    path : pathlib.Path
        The file; one of this name is replaced.
    options : ExportOptions
        What is wanted.

    Returns
    -------
    Exported
        What was written.

    Raises
    ------
    NotFoundError
        There is no such layer.
    InputError
        An option does not fit.
    DeniedError
        Only what the public may see is wanted of a layer that it may not read.
    DataSourceError
        The file cannot be written.
    """
    layer = _layer(name)
    if options.is_public and PUBLIC not in layer.read:
        raise DeniedError(
            f"图层“{name}”不对公众开放，不能与 --public 同用",
            f"layer '{name}' is not open to the public and does not go with --public",
            layer=name,
        )
    form = _format_of(path, options.form)
    on = options.on or today()
    asked = None if options.filter is None else Filter(options.filter, "cql2-text", output_crs(CRS84))
    query = FeatureQuery(options.is_public, on, on, _boxes(options.bbox), {}, asked)
    crs = None if options.crs is None else output_crs(options.crs)
    job = ExportJob(layer, form, query, crs, options.lang, options.first_zoom, options.last_zoom)
    count = write_export(session, job, path)
    title = layer.title_zh if options.lang == "zh" else layer.title_en
    return Exported(
        title, form.name, job.output_crs.uri, count, form.write is None, is_internal(job), is_synthetic(session)
    )


def _layer(name: str) -> MapLayer:
    """Find a layer, or list those there are."""
    try:
        return map_layer(name)
    except NotFoundError as error:
        known = map_layers()
        raise NotFoundError(
            f"没有图层“{name}”；可用：{'、'.join(known)}",
            f"there is no layer '{name}'; allowed: {', '.join(known)}",
            layer=name,
            allowed=list(known),
        ) from error


def file_is_internal(name: str, *, is_public: bool) -> bool:
    """Tell whether a file of a layer must not go to the public.

    Parameters
    ----------
    name : str
        Layer.
    is_public : bool
        Whether only what everybody may see is written.

    Returns
    -------
    bool
        True where it must not.

    Raises
    ------
    NotFoundError
        There is no such layer.
    """
    layer = _layer(name)
    return PUBLIC not in layer.read or (layer.is_facility and not is_public)


def _format_of(path: Path, name: str | None) -> ExportFormat:
    """Find the format by its name or the file's suffix."""
    if name is not None:
        return export_format(name)
    suffixes = {form.suffix: form for form in FORMATS.values()} | {".json": FORMATS["geojson"]}
    found = suffixes.get(path.suffix.lower())
    if found is None:
        known = ", ".join(suffixes)
        raise InputError(
            f"无法由“{path.name}”得知格式；可用扩展名：{known}，或用 --format 指定",
            f"'{path.name}' does not tell the format; allowed suffixes: {known}, or say --format",
        )
    return found


def _boxes(text: str | None) -> tuple[Box, ...]:
    """Read a box; west must not lie east of its east, which is more often a slip than the antimeridian."""
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 4 and all(_NUMBER.fullmatch(part) for part in parts):
        west, south, east, north = (float(part) for part in parts)
        if west <= east and south <= north and max(abs(west), abs(east)) <= 180 and max(abs(south), abs(north)) <= 90:
            return ((west, south, east, north),)
    raise InputError(
        f"范围“{text}”有误；应为以逗号分隔的西、南、东、北（度），西不大于东，南不大于北",
        f"box '{text}' does not fit; allowed: west,south,east,north in degrees, west ≤ east and south ≤ north",
        parameters=["bbox"],
    )
