"""Layers as files, for the command line and over HTTP alike: the same rows, columns and marks in every format."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import shapely

from geo.catalog.map_layer import PUBLIC, MapLayer, field_titles
from geo.datum.output import CRS84, STORAGE_CRS, OutputCrs, output_crs
from geo.errors import DataSourceError, InputError, Lang
from geo.export.delimited import write_csv
from geo.export.geojson import write_geojson
from geo.export.table import ExportField, ExportHead, ExportRows
from geo.services.demo import is_synthetic
from geo.services.served_layer import FeatureQuery, feature_pages, layer_fields
from geo.store import Session
from geo.store.layer import layer as store_layer
from geo.store.pages import RowPage, today

FormatName = Literal["geojson", "csv"]
_Stream = Callable[[ExportHead, Iterable[ExportRows]], Iterator[bytes]]
_PAGE_ROWS: Final = 4_000


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One format.

    Parameters
    ----------
    name : str
        As it stands in an address.
    suffix : str
        Of file names, with its dot.
    media : str
        Media type.
    title_zh, title_en : str
        Name for people.
    stream : callable or None
        Writes pieces of the file as the rows come.
    default_crs : str
        Coordinate system where none is asked for.
    """

    name: FormatName
    suffix: str
    media: str
    title_zh: str
    title_en: str
    stream: _Stream | None = None
    default_crs: str = STORAGE_CRS

    @property
    def is_streamed(self) -> bool:
        """Whether the file can be sent while it is written.

        Returns
        -------
        bool
            False for formats that need a whole file.
        """
        return self.stream is not None


FORMATS: Final[Mapping[str, ExportFormat]] = MappingProxyType(
    {
        found.name: found
        for found in (
            ExportFormat(
                "geojson", ".geojson", "application/geo+json", "GeoJSON", "GeoJSON", write_geojson, CRS84
            ),
            ExportFormat("csv", ".csv", "text/csv; charset=utf-8", "CSV 表格", "CSV table", write_csv),
        )
    }
)
"""Every format by name, in the order they are offered."""


def export_format(name: str) -> ExportFormat:
    """Find a format.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    ExportFormat
        The format.

    Raises
    ------
    InputError
        There is none of this name.
    """
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(FORMATS)
        raise InputError(
            f"没有导出格式“{name}”；可用：{known}", f"no export format '{name}'; allowed: {known}", parameters=["f"]
        ) from None


@dataclass(frozen=True, slots=True)
class ExportJob:
    """What is to be written.

    Parameters
    ----------
    layer : MapLayer
        The layer.
    form : ExportFormat
        The format.
    query : FeatureQuery
        Which rows, and for whose eyes.
    crs : OutputCrs or None
        Coordinate system; None for the format's own.
    lang : {"zh", "en"}
        Language of titles and marks.
    """

    layer: MapLayer
    form: ExportFormat
    query: FeatureQuery
    crs: OutputCrs | None = None
    lang: Lang = "zh"

    @property
    def output_crs(self) -> OutputCrs:
        """The coordinate system of the file.

        Returns
        -------
        OutputCrs
            What was asked for, otherwise the format's own.
        """
        return self.crs or output_crs(self.form.default_crs)


def is_internal(layer: MapLayer) -> bool:
    """Tell whether what is exported of a layer must not go to the public.

    Parameters
    ----------
    layer : MapLayer
        The layer.

    Returns
    -------
    bool
        True where the public may not read it.
    """
    return PUBLIC not in layer.read


def export_names(job: ExportJob, day: date) -> tuple[str, str]:
    """Return what an exported file is called.

    Parameters
    ----------
    job : ExportJob
        What is written.
    day : datetime.date
        When.

    Returns
    -------
    tuple of str
        The name for people, and one in ASCII for programs that know no other.
    """
    title = job.layer.title_zh if job.lang == "zh" else job.layer.title_en
    mark = ("内部资料_" if job.lang == "zh" else "internal_") if is_internal(job.layer) else ""
    plain = "internal_" if is_internal(job.layer) else ""
    tail = f"_{day.isoformat()}{job.form.suffix}"
    return f"{mark}{title.replace('/', '-')}{tail}", f"{plain}{job.layer.name}{tail}"


def export_head(session: Session, job: ExportJob) -> ExportHead:
    """Return what a file says of itself.

    Parameters
    ----------
    session : Session
        Any session.
    job : ExportJob
        What is written.

    Returns
    -------
    ExportHead
        Title, columns, coordinate system and marks.
    """
    layer, lang = job.layer, job.lang
    titles = field_titles()
    fields = tuple(
        ExportField(name, titles[name].title_zh if lang == "zh" else titles[name].title_en, kind)
        for name, kind in layer_fields(layer)
    )
    return ExportHead(
        name=layer.name,
        title=layer.title_zh if lang == "zh" else layer.title_en,
        lang=lang,
        fields=fields,
        geometry=store_layer(layer.table).geometry,
        crs=job.output_crs,
        made_on=today(),
        is_synthetic=is_synthetic(session),
        is_internal=is_internal(layer),
    )


def stream_export(session: Session, job: ExportJob) -> Iterator[bytes]:
    """Write a file piece by piece, as its rows come out of the store.

    Parameters
    ----------
    session : Session
        A session that only reads, kept open until the last piece: the file is one state of the store.
    job : ExportJob
        What is written; its format can be streamed.

    Yields
    ------
    bytes
        Pieces of the file.

    Raises
    ------
    InputError
        A value or filter does not fit.
    ValueError
        The format needs a whole file.
    """
    if job.form.stream is None:
        raise ValueError(f"{job.form.name} cannot be streamed")
    yield from job.form.stream(export_head(session, job), _rows(session, job))


def write_export(session: Session, job: ExportJob, path: Path) -> None:
    """Write a file; it appears under its name when it is whole.

    Parameters
    ----------
    session : Session
        A session that only reads.
    job : ExportJob
        What is written.
    path : pathlib.Path
        The file; one of this name is replaced.

    Raises
    ------
    InputError
        A value or filter does not fit.
    DataSourceError
        The file cannot be written.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{job.form.suffix}")
    try:
        _write(session, job, part)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataSourceError(f"无法写出 {path}：{reason}", f"cannot write {path}: {reason}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _write(session: Session, job: ExportJob, path: Path) -> None:
    """Write a file under a name of no consequence."""
    with path.open("wb") as file:
        for piece in stream_export(session, job):
            file.write(piece)


def _rows(session: Session, job: ExportJob) -> Iterator[ExportRows]:
    """Read the rows of a file in its coordinate system."""
    for page in feature_pages(session, job.layer, job.query, size=_PAGE_ROWS):
        yield _in_crs(page, job.output_crs)


def _in_crs(page: RowPage, crs: OutputCrs) -> ExportRows:
    """Bring a page into a coordinate system, east before north; what is no geometry is left out."""
    shapes = shapely.from_wkb(np.array(page.wkb, dtype=object), on_invalid="ignore")
    if not crs.is_degrees:
        places = crs.forward(shapely.get_coordinates(shapes))
        shapes = shapely.set_coordinates(shapes, places[:, ::-1] if crs.is_north_first else places)
    return ExportRows(page.fids, page.values, shapes)
