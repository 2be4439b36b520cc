"""Writing points as a zipped Shapefile with GB18030 field names, which GDAL would cut to three characters."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyproj

from geo.arrays import Float
from geo.demo.write_tables import write_zip

ENCODING = "gb18030"
POINT = 1
MAX_TEXT_BYTES = 254


def write_shapefile(path: Path, stem: str, xy: Float, columns: Mapping[str, Sequence[object]], on: date) -> None:
    """Write a zipped point Shapefile with .cpg and .prj (CGCS2000).

    Parameters
    ----------
    path : pathlib.Path
        Archive to write.
    stem : str
        Name of the files inside.
    xy : array, shape (n, 2)
        Longitude and latitude.
    columns : mapping of str to sequence
        Attributes; a header takes at most 10 bytes, that is five Chinese characters.
    on : datetime.date
        Time stamp.
    """
    body = b"".join(
        struct.pack(">ii", i + 1, 10) + struct.pack("<idd", POINT, x, y) for i, (x, y) in enumerate(xy.tolist())
    )
    index = b"".join(struct.pack(">ii", 50 + 14 * i, 10) for i in range(len(xy)))
    parts = {
        f"{stem}.shp": _header(xy, 100 + len(body)) + body,
        f"{stem}.shx": _header(xy, 100 + len(index)) + index,
        f"{stem}.dbf": _dbf(columns, on),
        f"{stem}.prj": pyproj.CRS.from_epsg(4490).to_wkt("WKT1_ESRI").encode("ascii"),
        f"{stem}.cpg": b"GB18030",
    }
    write_zip(path, parts, on)


def _header(xy: Float, size: int) -> bytes:
    """Return the 100-byte head of .shp and .shx."""
    box = (*xy.min(axis=0).tolist(), *xy.max(axis=0).tolist(), 0.0, 0.0, 0.0, 0.0)
    return struct.pack(">7i", 9994, 0, 0, 0, 0, 0, size // 2) + struct.pack("<2i8d", 1000, POINT, *box)


def _dbf(columns: Mapping[str, Sequence[object]], on: date) -> bytes:
    """Return the attribute table."""
    fields, cells = [], []
    for head, values in columns.items():
        is_number = all(value is None or isinstance(value, (int, float, np.number)) for value in values)
        whole = is_number and not any(isinstance(value, float) for value in values)
        raw = [_text(value, is_number, whole) for value in values]
        width = max(1, *(len(one) for one in raw))
        kind = b"N" if is_number else b"C"
        name = head.encode(ENCODING)[:10].ljust(11, b"\0")
        fields.append(name + kind + b"\0" * 4 + bytes([width, 2 if is_number and not whole else 0]) + b"\0" * 14)
        cells.append([one.rjust(width) if is_number else one.ljust(width) for one in raw])
    count = len(cells[0])
    width = 1 + sum(len(column[0]) for column in cells)
    stamp = bytes([3, on.year - 1900, on.month, on.day])
    head_size = 32 * (len(fields) + 1) + 1
    top = stamp + struct.pack("<IHH", count, head_size, width) + b"\0" * 20
    rows = b"".join(b" " + b"".join(column[i] for column in cells) for i in range(count))
    return top + b"".join(fields) + b"\r" + rows + b"\x1a"


def _text(value: object, is_number: bool, whole: bool) -> bytes:
    """Return one cell as bytes, cut at a character."""
    if value is None:
        return b""
    if is_number:
        return (f"{value}" if whole else f"{float(str(value)):.2f}").encode()
    text = str(value)
    while len(text.encode(ENCODING)) > MAX_TEXT_BYTES:
        text = text[:-1]
    return text.encode(ENCODING)
