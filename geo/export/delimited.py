"""CSV for spreadsheets and programs: UTF-8 with a mark, titles for people, geometry as columns, no formulas."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import shapely

from geo.export.formula import defused
from geo.export.table import ExportHead, ExportRows, arrow_columns

_BOM: Final = b"\xef\xbb\xbf"


def place_titles(head: ExportHead) -> tuple[str, ...]:
    """Return the titles of the columns that hold geometry in a table.

    Parameters
    ----------
    head : ExportHead
        The file.

    Returns
    -------
    tuple of str
        Two for points, east first; one of well-known text for everything else.
    """
    if not head.is_points:
        return (head.say("几何（WKT）", "Geometry (WKT)"),)
    if head.crs.is_degrees:
        return (head.say("经度", "Longitude"), head.say("纬度", "Latitude"))
    return (head.say("东坐标（米）", "Easting (m)"), head.say("北坐标（米）", "Northing (m)"))


def place_columns(head: ExportHead, rows: ExportRows) -> list[pa.Array]:
    """Return the columns that hold geometry in a table.

    Parameters
    ----------
    head : ExportHead
        The file.
    rows : ExportRows
        Its rows.

    Returns
    -------
    list of pyarrow.Array
        As `place_titles` names them; null where there is no geometry.
    """
    decimals = head.crs.decimals
    if head.is_points:
        # What is no point has neither.
        axes = (shapely.get_x(rows.shapes), shapely.get_y(rows.shapes))
        return [pa.array(np.round(axis, decimals), pa.float64(), from_pandas=True) for axis in axes]
    return [pa.array(shapely.to_wkt(rows.shapes, rounding_precision=decimals), pa.string())]


def mark_titles(head: ExportHead) -> tuple[str, ...]:
    """Return the title of the column that carries the marks, if there are any.

    Parameters
    ----------
    head : ExportHead
        The file.

    Returns
    -------
    tuple of str
        One title, or none.
    """
    return (head.say("标注", "Mark"),) if head.marks else ()


def mark_text(head: ExportHead) -> str:
    """Return the marks as they stand in every row.

    Parameters
    ----------
    head : ExportHead
        The file.

    Returns
    -------
    str
        Empty where there are none.
    """
    return head.say("；", "; ").join(head.marks)


def write_csv(head: ExportHead, pages: Iterable[ExportRows]) -> Iterator[bytes]:
    """Write a CSV file.

    Parameters
    ----------
    head : ExportHead
        What the file says of itself; its marks stand in every row, because a table has no other place for them.
    pages : iterable of ExportRows
        Rows.

    Yields
    ------
    bytes
        Pieces of the file.
    """
    titles = [*(one.title for one in head.fields), *place_titles(head), *mark_titles(head)]
    sink = io.BytesIO()
    quoted = ",".join(f'"{title}"' for title in titles)
    before = _BOM + quoted.encode() + b"\n"
    plain = pyarrow.csv.WriteOptions(include_header=False)
    for rows in pages:
        columns = [
            defused(column) if one.kind == "text" else column
            for one, column in zip(head.fields, arrow_columns(head, rows), strict=True)
        ]
        columns += place_columns(head, rows)
        if head.marks:
            columns.append(pa.repeat(mark_text(head), len(rows)))
        sink.seek(0)
        sink.truncate()
        # Columns of Arrow may share a name, so these have none.
        pyarrow.csv.write_csv(
            pa.record_batch(columns, names=[str(place) for place in range(len(columns))]), sink, plain
        )
        yield before + sink.getvalue()
        before = b""
    if before:
        yield before
