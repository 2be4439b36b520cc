"""Geometry files: GeoJSON, GeoPackage and Shapefile, with the parts that are usually missing."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError
from pyogrio.errors import DataSourceError as OgrError
from pyproj import CRS
from pyproj.exceptions import CRSError

from geo.errors import Problem, reason_zh
from geo.intake.dbf import sniff_encoding
from geo.intake.delimited import decode
from geo.intake.sniff import check_kind
from geo.intake.table import MOST_CELLS, Objects, RawTable, empty, too_large, unreadable

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def read_geojson(path: Path) -> RawTable:
    """Read a GeoJSON file; without a ``crs`` member its datum counts as undeclared.

    Parameters
    ----------
    path : pathlib.Path
        The file, in UTF-8 or GB18030.

    Returns
    -------
    RawTable
        Features; lines are ordinals.

    Raises
    ------
    DataSourceError
        If it is no GeoJSON or holds no feature.
    """
    text, used = decode(path.read_bytes(), path.name)
    if not text.strip():
        raise empty(path.name)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable(
            path.name,
            f"不是有效的 JSON({error})。",
            f"it is not valid JSON ({error}).",
        ) from error
    if not isinstance(document, dict) or "type" not in document:
        raise unreadable(path.name, "不是 GeoJSON 对象。", "it is not a GeoJSON object.")
    remarks: tuple[Problem, ...] = ()
    if used != "utf-8":
        remarks = (_note(path.name, "text_encoding", used, f"文字编码 {used}。", f"Text encoding {used}."),)
    has_crs = isinstance(document.get("crs"), dict)
    source: Path | bytes = path if used == "utf-8" and text[:1] != "\ufeff" else text.encode()
    return _read(path.name, source, None, declared=has_crs, remarks=remarks)


def read_geopackage(path: Path, *, layer: str | None = None) -> RawTable:
    """Read one layer of a GeoPackage.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    layer : str or None
        Layer; None = the only one.

    Returns
    -------
    RawTable
        Features; lines are ordinals.

    Raises
    ------
    DataSourceError
        If the file is unreadable, or holds several layers and none was named.
    """
    chosen, others = _choose_layer(path, path.name, layer)
    remarks: tuple[Problem, ...] = ()
    if others:
        remarks = (_layer_note(path.name, chosen, others),)
    return _read(path.name, path, chosen, declared=True, remarks=remarks)


def read_shapefile(path: Path, *, layer: str | None = None, encoding: str | None = None) -> RawTable:
    """Read a Shapefile, plain or zipped; .prj, .cpg and .shx may be missing.

    Parameters
    ----------
    path : pathlib.Path
        A ``.shp`` file or a ``.zip`` that holds one.
    layer : str or None
        Which Shapefile of an archive that holds several.
    encoding : str or None
        Attribute encoding; None = by .cpg if it fits, otherwise detected.

    Returns
    -------
    RawTable
        Features; lines are ordinals.

    Raises
    ------
    DataSourceError
        If it is damaged, holds no Shapefile, or several and none was named.
    """
    with tempfile.TemporaryDirectory(prefix="fangyu-intake-") as folder:
        base = Path(folder) / "layer.shp"
        remarks: list[Problem] = []
        if path.suffix.lower() == ".zip":
            _unpack(path, base, layer, remarks)
        else:
            _copy(path, base)
        check_kind(base)
        if not base.with_suffix(".shx").exists():
            note = ("缺少 .shx，已重建索引。", "No .shx; the index was rebuilt.")
            remarks.append(_note(path.name, "shx_rebuilt", None, *note))
        used = encoding
        if used is None and base.with_suffix(".dbf").exists():
            stated = _stated_encoding(base.with_suffix(".cpg"))
            used = sniff_encoding(base.with_suffix(".dbf"), stated)
            if stated is None:
                note = (f"没有 .cpg，属性按 {used} 读取。", f"No .cpg; attributes read as {used}.")
                remarks.append(_note(path.name, "text_encoding", used, *note))
            elif used != stated:
                note = (f".cpg 写 {stated}，但内容是 {used}。", f".cpg says {stated} but it is {used}.")
                remarks.append(_note(path.name, "text_encoding", used, *note))
        with _gdal_options(SHAPE_RESTORE_SHX="YES"):
            return _read(path.name, base, None, declared=True, remarks=tuple(remarks), encoding=used)


def _check_size(file: str, source: Path, layer: str | None, encoding: str | None) -> None:
    """Refuse what would not fit into memory before it is read."""
    facts = pyogrio.read_info(source, layer=layer, encoding=encoding)
    if facts["features"] * (len(facts["fields"]) + 1) > MOST_CELLS:
        raise too_large(file)


class _gdal_options:  # noqa: N801  (reads as a with-statement verb)
    """Set GDAL options for the length of a with-block."""

    def __init__(self, **options: str) -> None:
        self.options: dict[str, str | None] = dict(options)

    def __enter__(self) -> None:
        self.before = {name: pyogrio.get_gdal_config_option(name) for name in self.options}
        pyogrio.set_gdal_config_options(self.options)

    def __exit__(self, *_: object) -> None:
        pyogrio.set_gdal_config_options(self.before)


def _read(
    file: str,
    source: Path | bytes,
    layer: str | None,
    *,
    declared: bool,
    remarks: tuple[Problem, ...] = (),
    encoding: str | None = None,
) -> RawTable:
    """Read with GDAL; unclosed rings are closed and remembered."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(source, Path):
                _check_size(file, source, layer, encoding)
            meta, _, wkb, data = pyogrio.raw.read(
                source, layer=layer, encoding=encoding, force_2d=True, datetime_as_string=True
            )
    except (OgrError, DataLayerError, ValueError, RuntimeError) as error:
        raise unreadable(
            file,
            "文件损坏或不是所标格式（支持 GeoJSON、GeoPackage、Shapefile）。",
            "it is damaged or not of the format its name says (GeoJSON, GeoPackage, Shapefile).",
        ) from error
    columns = {str(name): pd.Series(values) for name, values in zip(meta["fields"], data, strict=True)}
    count = len(wkb) if wkb is not None else len(next(iter(columns.values()), ()))
    if count == 0:
        raise empty(file)
    frame = pd.DataFrame(columns, index=pd.RangeIndex(count))
    lines = np.arange(1, count + 1, dtype=np.int64)
    if wkb is None:
        return RawTable(file, frame, lines, remarks=remarks)
    raw = np.asarray(wkb, object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strict: Objects = shapely.from_wkb(raw, on_invalid="ignore")
        given = np.array([cell is not None for cell in raw], np.bool_)
        failed = given & shapely.is_missing(strict)
        fixed: Objects = np.full(count, None, object)
        if failed.any():
            fixed[failed] = shapely.from_wkb(raw[failed], on_invalid="fix")
    closed = np.asarray(failed & ~shapely.is_missing(fixed) & ~shapely.is_empty(fixed), np.bool_)
    geometry = strict.copy()
    geometry[closed] = fixed[closed]
    geometry[np.asarray(shapely.is_empty(geometry), np.bool_)] = None
    return RawTable(
        file,
        frame,
        lines,
        geometry=geometry,
        crs=_declared_crs(meta["crs"]) if declared else None,
        is_ring_closed=closed,
        is_unreadable=failed & ~closed,
        remarks=remarks,
    )


def _declared_crs(text: str | None) -> CRS | None:
    """The declared system; GeoPackage's "undefined" systems declare nothing."""
    if not text:
        return None
    try:
        crs = CRS.from_user_input(text)
    except CRSError:
        return None
    return None if crs.name.lower().startswith(("undefined", "unknown")) else crs


def _choose_layer(source: Path, file: str, layer: str | None) -> tuple[str, list[str]]:
    """The named layer, or the only one that holds geometry, or the only one."""
    try:
        listed = pyogrio.list_layers(source)
    except (OgrError, DataLayerError, ValueError, RuntimeError) as error:
        raise unreadable(file, "不是可读的 GeoPackage。", "it is no readable GeoPackage.") from error
    names = [str(name) for name, _ in listed]
    spatial = [str(name) for name, kind in listed if kind is not None]
    if not names:
        raise empty(file)
    if layer is not None:
        if layer in names:
            return layer, []
        raise unreadable(
            file,
            f"没有图层“{layer}”，可选：{'、'.join(names)}。",
            f'no layer "{layer}"; there are: {", ".join(names)}.',
        )
    candidates = spatial or names
    if len(candidates) > 1:
        raise unreadable(
            file,
            f"有多个图层：{'、'.join(names)}。请用 --layer 指定一个。",
            f"it holds several layers: {', '.join(names)}. Choose one with --layer.",
        )
    return candidates[0], [name for name in names if name != candidates[0]]


def _unpack(path: Path, base: Path, layer: str | None, remarks: list[Problem]) -> None:
    """Write one Shapefile of an archive under a plain name, whatever its names are encoded in."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if not item.is_dir() and "__MACOSX" not in item.filename]
            shapes = [item for item in members if item.filename.lower().endswith(".shp")]
            chosen = _choose_member([item.filename for item in shapes], path.name, layer)
            stem = chosen[:-4].lower()
            for item in members:
                suffix = Path(item.filename).suffix.lower()
                if suffix in SHAPEFILE_PARTS and item.filename[: -len(suffix)].lower() == stem:
                    with archive.open(item) as source, base.with_suffix(suffix).open("wb") as target:
                        shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, RuntimeError, OSError) as error:
        raise unreadable(path.name, "压缩包损坏或加密。", "the archive is damaged or encrypted.") from error
    if len(shapes) > 1:
        remarks.append(_layer_note(path.name, chosen, [item.filename for item in shapes if item.filename != chosen]))


def _choose_member(names: Sequence[str], file: str, layer: str | None) -> str:
    """The Shapefile that is meant."""
    if not names:
        raise unreadable(file, "压缩包里没有 .shp 文件。", "the archive holds no .shp file.")
    if layer is not None:
        names = [name for name in names if layer in (name, Path(name).name, Path(name).stem)]
    if len(names) == 1:
        return names[0]
    listed = [Path(name).stem for name in names]
    raise unreadable(
        file,
        f"压缩包里有多个 Shapefile：{'、'.join(listed)}。请用 --layer 指定一个。" if names else f"没有“{layer}”。",
        f"the archive holds several Shapefiles: {', '.join(listed)}. Choose one with --layer."
        if names
        else f'there is no "{layer}" in it.',
    )


def _copy(path: Path, base: Path) -> None:
    """Copy a Shapefile's parts, so that nothing is ever written beside the user's file."""
    try:
        siblings = {item.name.lower(): item for item in path.parent.iterdir()}
        for suffix in SHAPEFILE_PARTS:
            part = siblings.get(path.stem.lower() + suffix)
            if part is not None:
                shutil.copyfile(part, base.with_suffix(suffix))
    except OSError as error:
        raise unreadable(path.name, f"{reason_zh(error)}。", f"{error.strerror}.") from error


def _stated_encoding(path: Path) -> str | None:
    """The encoding a .cpg names."""
    if not path.exists():
        return None
    return path.read_bytes().decode("ascii", "ignore").strip() or None


def _note(file: str, code: str, value: str | None, zh: str, en: str) -> Problem:
    """A remark about the whole file."""
    return Problem(code, "note", file, None, None, value, zh, en)


def _layer_note(file: str, chosen: str, others: Sequence[str]) -> Problem:
    """A remark about the layers left alone."""
    zh = f"读取图层“{chosen}”；未读取：{'、'.join(others)}。"
    return _note(file, "layer_chosen", chosen, zh, f'Layer "{chosen}" was read; not read: {", ".join(others)}.')
