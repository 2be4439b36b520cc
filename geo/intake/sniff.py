"""Whether a file is what its name says, told from its first bytes before any reader is let at it.

A reader that opens whatever it recognises would follow a file's word to other files and addresses (a GDAL virtual
format named ``.gpkg`` does); one that meets document type definitions would expand them.
"""

from __future__ import annotations

import bz2
import gzip
import re
import zipfile
from pathlib import Path
from typing import Final

from geo.intake.table import empty, unreadable

OSM_SUFFIXES: Final = (".osm.pbf", ".osm.gz", ".osm.bz2", ".osm")
MOST_UNPACKED_BYTES: Final = 4 << 30
"""As much as GDAL reads of a Shapefile's parts; what a workbook may take is limited where it is read."""
_HEAD: Final = 64 * 1024
_ZIP: Final = b"PK\x03\x04"
_STARTS: Final = {
    ".gpkg": (b"SQLite format 3\x00",),
    ".shp": (b"\x00\x00\x27\x0a",),
    ".zip": (_ZIP,),
    ".xlsx": (_ZIP,),
    ".xlsm": (_ZIP,),
    ".ods": (_ZIP,),
    ".xls": (b"\xd0\xcf\x11\xe0", _ZIP),
    ".osm.gz": (b"\x1f\x8b",),
    ".osm.bz2": (b"BZh",),
}
_DOCTYPE: Final = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def suffix_of(name: str) -> str:
    """Return the ending that tells what a file is.

    Parameters
    ----------
    name : str
        File name.

    Returns
    -------
    str
        In lower case with its dot, such as ``.csv`` or ``.osm.pbf``; empty if there is none.
    """
    lower = name.lower()
    return next((ending for ending in OSM_SUFFIXES if lower.endswith(ending)), Path(lower).suffix)


def check_kind(path: Path) -> None:
    """Refuse a file whose content is not what its name says.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Raises
    ------
    DataSourceError
        It is empty, something else, unpacks to more than 4 GB, or brings document type definitions.
    """
    suffix = suffix_of(path.name)
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if not head:
        raise empty(path.name)
    starts = _STARTS.get(suffix)
    if starts is not None and not head.startswith(starts):
        data = "OSM data" if suffix in OSM_SUFFIXES else "such a file"
        raise unreadable(path.name, f"内容不是 {suffix} 文件。", f"it ends in {suffix} but is not {data}.")
    if suffix == ".osm.pbf" and b"OSMHeader" not in head[:64]:
        raise unreadable(path.name, "内容不是 OSM PBF 数据。", "it is not OSM data in PBF.")
    if suffix in (".osm", ".osm.gz", ".osm.bz2"):
        _check_osm(path, suffix)
    if head.startswith(_ZIP):
        _check_archive(path)


def _check_osm(path: Path, suffix: str) -> None:
    """Refuse XML that is no OSM, or declares entities."""
    openers = {".osm": Path.open, ".osm.gz": gzip.open, ".osm.bz2": bz2.open}
    try:
        with openers[suffix](path, "rb") as stream:  # type: ignore[operator]
            head: bytes = stream.read(_HEAD)
    except (OSError, EOFError) as error:
        raise unreadable(path.name, "压缩文件不完整或损坏。", "the compressed file is truncated or damaged.") from error
    if _DOCTYPE.search(head) or b"<osm" not in head:
        raise unreadable(
            path.name, "不是 OSM 数据，或含有文档类型定义。", "it is not OSM data, or it defines entities."
        )


def _check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to far more than a file of ours is large."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(item.file_size for item in archive.infolist())
    except (zipfile.BadZipFile, RuntimeError, OSError) as error:
        raise unreadable(path.name, "压缩内容损坏。", "the archive is damaged.") from error
    if size > MOST_UNPACKED_BYTES:
        raise unreadable(path.name, "解开后超过 4 GB。", "it unpacks to more than 4 GB.")
