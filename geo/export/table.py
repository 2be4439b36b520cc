"""What a file says of a layer, and its rows by the thousand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from geo.datum.output import OutputCrs
from geo.errors import Lang

FieldKind = Literal["text", "int", "real", "bool", "date"]
_ARROW: Final[dict[FieldKind, pa.DataType]] = {
    "text": pa.string(),
    "int": pa.int64(),
    "real": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
}


@dataclass(frozen=True, slots=True)
class ExportField:
    """One column of a file.

    Parameters
    ----------
    name : str
        Column, as programs know it.
    title : str
        Column, as people read it, in the file's language.
    kind : {"text", "int", "real", "bool", "date"}
        What it holds.
    """

    name: str
    title: str
    kind: FieldKind


@dataclass(frozen=True, slots=True)
class ExportHead:
    """What a file says of itself.

    Parameters
    ----------
    name : str
        Layer, as programs know it.
    title : str
        Layer, as people read it, in the file's language.
    lang : {"zh", "en"}
        Language of titles and marks.
    fields : tuple of ExportField
        Columns, the label first.
    geometry : str
        Type of the geometries, as GeoPackage names it, such as ``MULTIPOLYGON``.
    crs : OutputCrs
        Coordinate system; in files east always stands before north, whatever the system's own order.
    made_on : datetime.date
        Day.
    is_synthetic : bool
        Whether the data are made up.
    is_internal : bool
        Whether the public may not read the layer.
    """

    name: str
    title: str
    lang: Lang
    fields: tuple[ExportField, ...]
    geometry: str
    crs: OutputCrs
    made_on: date
    is_synthetic: bool
    is_internal: bool

    def say(self, zh: str, en: str) -> str:
        """Return the wording of the file's language.

        Parameters
        ----------
        zh, en : str
            The two wordings.

        Returns
        -------
        str
            One of them.
        """
        return zh if self.lang == "zh" else en

    @property
    def marks(self) -> tuple[str, ...]:
        """What must be known of the data before they are used.

        Returns
        -------
        tuple of str
            That they are internal, that they are made up; empty where neither holds.
        """
        found = [(self.is_internal, "内部资料", "internal"), (self.is_synthetic, "示例数据（虚构）", "synthetic data")]
        return tuple(self.say(zh, en) for holds, zh, en in found if holds)

    @property
    def description(self) -> str:
        """One line for people: layer, day, coordinate system and marks.

        Returns
        -------
        str
            In the file's language.
        """
        crs = "CRS84" if self.crs.epsg is None else f"EPSG:{self.crs.epsg}"
        day = self.made_on.isoformat()
        parts = [self.title, self.say(f"{day} 导出", f"exported {day}"), crs, *self.marks]
        return self.say("；", "; ").join(parts)

    def facts(self) -> dict[str, str]:
        """Return what is written where a format keeps facts by name.

        Returns
        -------
        dict of str to str
            Title, description, day, and the marks as programs read them.
        """
        return {
            "title": self.title,
            "description": self.description,
            "made_on": self.made_on.isoformat(),
            "is_synthetic": "true" if self.is_synthetic else "false",
            "classification": "internal" if self.is_internal else "public",
        }

    @property
    def is_points(self) -> bool:
        """Whether every feature is a single point.

        Returns
        -------
        bool
            True for layers of points.
        """
        return self.geometry == "POINT"


@dataclass(frozen=True, slots=True, eq=False)
class ExportRows:
    """Some rows of a file.

    Parameters
    ----------
    fids : sequence of int
        Keys.
    values : tuple of sequence
        One sequence a column: text, whole numbers, numbers, flags, dates as ISO text, None.
    shapes : ndarray of object
        Geometries in the file's system, east before north; None for none.
    """

    fids: Sequence[int]
    values: tuple[Sequence[object], ...]
    shapes: NDArray[np.object_] = field(repr=False)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.fids)


def wkb_of(rows: ExportRows) -> pa.Array:
    """Write geometries as well-known binary.

    Parameters
    ----------
    rows : ExportRows
        Rows.

    Returns
    -------
    pyarrow.Array
        Little-endian ISO WKB, null for none.
    """
    return pa.array(shapely.to_wkb(rows.shapes, byte_order=1, flavor="iso"), pa.binary())


def column_of(kind: FieldKind, values: Sequence[object]) -> pa.Array:
    """Make an Arrow column; a value that another program has left and that does not fit is left out.

    Parameters
    ----------
    kind : {"text", "int", "real", "bool", "date"}
        What it should hold.
    values : sequence
        Values.

    Returns
    -------
    pyarrow.Array
        As long as `values`.
    """
    source = pa.string() if kind == "date" else _ARROW[kind]
    try:
        made = pa.array(values, source)
        return made.cast(pa.date32()) if kind == "date" else made
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([_fitting(kind, value) for value in values], _ARROW[kind])


def _fitting(kind: FieldKind, value: object) -> Any:
    """One value as its column holds it, or None."""
    if value is None:
        return None
    try:
        if kind == "text":
            return str(value).encode("utf-8", "replace").decode()
        if kind == "date":
            return date.fromisoformat(str(value))
        if kind == "bool":
            return value if isinstance(value, bool) else None
        number = float(str(value))
        if kind == "real":
            return number
        return int(number) if number.is_integer() and abs(number) < 2**63 else None
    except ValueError:
        return None


def arrow_schema(head: ExportHead) -> list[pa.Field]:
    """Return the columns of a file as Arrow knows them, without the geometry.

    Parameters
    ----------
    head : ExportHead
        The file.

    Returns
    -------
    list of pyarrow.Field
        In order.
    """
    return [pa.field(one.name, _ARROW[one.kind]) for one in head.fields]


def arrow_columns(head: ExportHead, rows: ExportRows) -> list[pa.Array]:
    """Return rows as Arrow columns, without the geometry.

    Parameters
    ----------
    head : ExportHead
        The file.
    rows : ExportRows
        Its rows.

    Returns
    -------
    list of pyarrow.Array
        One a field.
    """
    return [column_of(one.kind, values) for one, values in zip(head.fields, rows.values, strict=True)]
