"""Layers as files, for the command line and over HTTP alike: the same rows, columns and marks in every format."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, cast

import numpy as np
import shapely

from geo.catalog.map_layer import PUBLIC, MapLayer, field_titles
from geo.datum.output import CRS84, STORAGE_CRS, OutputCrs, output_crs
from geo.errors import DataSourceError, InputError, Lang, reason_zh
from geo.export.delimited import write_csv
from geo.export.geojson import write_geojson
from geo.export.parquet import write_geoparquet
from geo.export.table import ExportField, ExportHead, ExportRows
from geo.export.vector import write_flatgeobuf, write_geopackage
from geo.report.table_xlsx import refuse_too_many, write_table_xlsx
from geo.services.demo import is_synthetic
from geo.services.served_layer import FeatureQuery, feature_count, feature_pages, layer_fields
from geo.services.tile_archive import ArchivePlan, write_archive
from geo.store import Session
from geo.store.layer import layer as store_layer
from geo.store.pages import RowPage, today

FormatName = Literal["geojson", "csv", "gpkg", "flatgeobuf", "geoparquet", "xlsx", "pmtiles"]
_Stream = Callable[[ExportHead, Iterable[ExportRows]], Iterator[bytes]]
_Whole = Callable[[ExportHead, Iterable[ExportRows], Path], None]
Check = Callable[[], None]
_PAGE_ROWS: Final = 4_000
_COUNT_S: Final = 60.0


def _no_check() -> None:
    """Go on."""


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
    write : callable or None
        Writes the file, piece by piece or as a whole; None for tiles, which are not made of pages of rows.
    is_streamed : bool
        Whether it is written piece by piece.
    default_crs : str
        Coordinate system where none is asked for.
    """

    name: FormatName
    suffix: str
    media: str
    title_zh: str
    title_en: str
    write: _Stream | _Whole | None
    is_streamed: bool
    default_crs: str = STORAGE_CRS


_GEOJSON: Final = "application/geo+json"
_FGB: Final = "application/flatgeobuf"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PMTILES: Final = "application/vnd.pmtiles"
_MERCATOR_EPSG: Final = 3857
_MERCATOR: Final = f"EPSG:{_MERCATOR_EPSG}"
_GPKG: Final = "application/geopackage+sqlite3"
FORMATS: Final[Mapping[str, ExportFormat]] = MappingProxyType(
    {
        found.name: found
        for found in (
            ExportFormat("geojson", ".geojson", _GEOJSON, "GeoJSON", "GeoJSON", write_geojson, True, CRS84),
            ExportFormat("csv", ".csv", "text/csv; charset=utf-8", "CSV 表格", "CSV table", write_csv, True),
            ExportFormat("xlsx", ".xlsx", _XLSX, "XLSX 工作簿", "XLSX workbook", write_table_xlsx, False),
            ExportFormat("gpkg", ".gpkg", _GPKG, "GeoPackage", "GeoPackage", write_geopackage, False),
            ExportFormat("flatgeobuf", ".fgb", _FGB, "FlatGeobuf", "FlatGeobuf", write_flatgeobuf, False),
            ExportFormat(
                "geoparquet", ".parquet", "application/vnd.apache.parquet", "GeoParquet", "GeoParquet",
                write_geoparquet, True,
            ),
            ExportFormat("pmtiles", ".pmtiles", _PMTILES, "PMTiles", "PMTiles", None, False, _MERCATOR),
        )
    }
)  # fmt: skip
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
    first_zoom, last_zoom : int or None
        Zooms of tiles; None for what suits the layer.

    Raises
    ------
    InputError
        Zooms are given for another format than tiles, or tiles are wanted in another system than web Mercator.
    """

    layer: MapLayer
    form: ExportFormat
    query: FeatureQuery
    crs: OutputCrs | None = None
    lang: Lang = "zh"
    first_zoom: int | None = None
    last_zoom: int | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        is_tiled = self.form.write is None
        if not is_tiled and (self.first_zoom is not None or self.last_zoom is not None):
            raise InputError(
                f"minzoom、maxzoom 只用于 pmtiles，不能用于 {self.form.name}",
                f"minzoom and maxzoom go with pmtiles only, not with {self.form.name}",
                parameters=["minzoom", "maxzoom"],
            )
        if is_tiled and self.crs is not None and self.crs.epsg != _MERCATOR_EPSG:
            raise InputError(
                "pmtiles 只有网络墨卡托坐标系（EPSG:3857）",
                "pmtiles come in web Mercator (EPSG:3857) only",
                parameters=["crs"],
            )

    @property
    def output_crs(self) -> OutputCrs:
        """The coordinate system of the file.

        Returns
        -------
        OutputCrs
            What was asked for, otherwise the format's own.
        """
        return self.crs or output_crs(self.form.default_crs)


def is_internal(job: ExportJob) -> bool:
    """Tell whether a file must not go to the public.

    Parameters
    ----------
    job : ExportJob
        What is written.

    Returns
    -------
    bool
        True where the public may not read the layer, or not all rows that are asked for: of facilities it sees the
        open ones.
    """
    return PUBLIC not in job.layer.read or (job.layer.is_facility and not job.query.is_public)


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
    mark = ("内部资料_" if job.lang == "zh" else "internal_") if is_internal(job) else ""
    plain = "internal_" if is_internal(job) else ""
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
        is_internal=is_internal(job),
    )


def stream_export(session: Session, job: ExportJob, *, check: Check = _no_check) -> Iterator[bytes]:
    """Write a file piece by piece, as its rows come out of the store.

    Parameters
    ----------
    session : Session
        A session that only reads, kept open until the last piece: the file is one state of the store.
    job : ExportJob
        What is written; its format can be streamed.
    check : callable, optional
        Called before every page of rows; raises to end the writing.

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
    if not job.form.is_streamed:
        raise ValueError(f"{job.form.name} cannot be streamed")
    write = cast("_Stream", job.form.write)
    yield from write(export_head(session, job), _rows(session, job, check))


def write_export(session: Session, job: ExportJob, path: Path, *, check: Check = _no_check) -> int:
    """Write a file; it appears under its name when it is whole.

    Parameters
    ----------
    session : Session
        A session that only reads.
    job : ExportJob
        What is written.
    path : pathlib.Path
        The file; one of this name is replaced.
    check : callable, optional
        Called before every page of rows; raises to end the writing.

    Returns
    -------
    int
        Features written; tiles where the format is one of tiles.

    Raises
    ------
    InputError
        A value or filter does not fit.
    DataSourceError
        The file cannot be written.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{job.form.suffix}")
    counted = _Counted(_rows(session, job, check))
    try:
        head = export_head(session, job)
        if job.form.name == "xlsx":
            refuse_too_many(_count(session, job))
        if job.form.write is None:
            counted.rows = write_archive(session, _archive(job, head), part, check=check)
        elif job.form.is_streamed:
            with part.open("wb") as file:
                for piece in cast("_Stream", job.form.write)(head, counted):
                    file.write(piece)
        else:
            cast("_Whole", job.form.write)(head, counted, part)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataSourceError(f"无法写出 {path}：{reason_zh(error)}", f"cannot write {path}: {reason}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return counted.rows


def _archive(job: ExportJob, head: ExportHead) -> ArchivePlan:
    """Plan an archive of tiles."""
    return ArchivePlan(
        (job.layer,), job.query, head.title, head.description, job.lang, head.is_synthetic, head.is_internal,
        first=job.first_zoom, last=job.last_zoom,
    )  # fmt: skip


class _Counted:
    """Pages that count what passes."""

    def __init__(self, pages: Iterable[ExportRows]) -> None:
        self._pages = pages
        self.rows = 0

    def __iter__(self) -> Iterator[ExportRows]:
        """Pass pages on."""
        for page in self._pages:
            self.rows += len(page)
            yield page


def _count(session: Session, job: ExportJob) -> int:
    """How many rows there will be, to the last one where it is near the limit."""
    return feature_count(session, job.layer, job.query, budget_s=_COUNT_S)[0]


def _rows(session: Session, job: ExportJob, check: Check) -> Iterator[ExportRows]:
    """Read the rows of a file in its coordinate system."""
    for page in feature_pages(session, job.layer, job.query, size=_PAGE_ROWS):
        check()
        yield _in_crs(page, job.output_crs)


def _in_crs(page: RowPage, crs: OutputCrs) -> ExportRows:
    """Bring a page into a coordinate system, east before north; what is no geometry is left out."""
    shapes = shapely.from_wkb(np.array(page.wkb, dtype=object), on_invalid="ignore")
    if not crs.is_degrees:
        places = crs.forward(shapely.get_coordinates(shapes))
        shapes = shapely.set_coordinates(shapes, places[:, ::-1] if crs.is_north_first else places)
    return ExportRows(page.fids, page.values, shapes)
