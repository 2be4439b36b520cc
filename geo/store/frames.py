"""Between frames and rows: columns of a frame as the values a database keeps, and back.

Everything here works on whole columns. A database value is a str, int, float, bool or None; dates travel as ISO text.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.arrays import Bool, Float
from geo.errors import InputError, Problem
from geo.store.geometry import SRID, as_stored, encode_wkb
from geo.store.hilbert import hilbert_order
from geo.store.layer import ColumnKind, Layer, LayerColumn

Values = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Rows of a layer as the database keeps them, in Hilbert order.

    Parameters
    ----------
    values : Mapping of str to ndarray of object
        Database values by column name.
    geometries : ndarray of object
        Shapely geometries in the column's own type.
    wkb : ndarray of object
        Their little-endian WKB.
    bounds : ndarray of float64, shape (n, 4)
        Min x, min y, max x, max y.
    """

    values: Mapping[str, Values]
    geometries: NDArray[np.object_]
    wkb: NDArray[np.object_]
    bounds: Float

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.geometries)


def encode_frame(spec: Layer, frame: gpd.GeoDataFrame) -> EncodedRows:
    """Turn a frame into database values.

    Parameters
    ----------
    spec : Layer
        The layer the frame belongs to.
    frame : GeoDataFrame
        Has ``id`` and, as far as the source knows them, the layer's own columns, ``valid_from``, ``valid_to`` and
        ``import_line``. EPSG:4490, or no CRS.

    Returns
    -------
    EncodedRows
        In Hilbert order of the geometries' centres.

    Raises
    ------
    ValueError
        The frame has a column the layer does not know, or no ``id``, or another CRS (a mistake of the caller).
    InputError
        Missing or repeated ids, missing geometries or geometries of another type.
    """
    allowed = ["id", *(column.name for column in spec.own), "valid_from", "valid_to", "import_line"]
    columns = [str(name) for name in frame.columns if name != frame.geometry.name]
    if unknown := sorted(set(columns) - set(allowed)):
        raise ValueError(f"layer {spec.name} has no columns {unknown}; it has {allowed}")
    if "id" not in columns:
        raise ValueError(f"a frame for layer {spec.name} needs a column id")
    if frame.crs is not None and frame.crs.to_epsg() != SRID:
        raise ValueError(f"a frame for layer {spec.name} must be EPSG:{SRID}, not {frame.crs.to_string()}")
    geometries = as_stored(np.asarray(frame.geometry.array, dtype=object), spec.geometry)
    _check(spec, frame, geometries)
    bounds = shapely.bounds(geometries)
    order = hilbert_order((bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2)
    values = {name: encode_column(frame[name], spec.columns[name].kind)[order] for name in allowed if name in columns}
    geometries = geometries[order]
    return EncodedRows(values, geometries, encode_wkb(geometries), bounds[order])


def encode_column(column: pd.Series, kind: ColumnKind) -> Values:
    """Turn one column into database values.

    Parameters
    ----------
    column : Series
        As a frame holds it.
    kind : {"text", "int", "real", "bool", "date"}
        What it holds.

    Returns
    -------
    ndarray of object
        None where a value is missing.
    """
    missing = column.isna().to_numpy(dtype=bool)
    if kind == "date":
        codes, uniques = pd.factorize(column)
        words = np.array([*(_iso(value) for value in uniques), None], dtype=object)
        return words[codes]
    if kind == "text":
        values = column.to_numpy(dtype=object, copy=True)
        foreign = pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty")
        if foreign:
            values[~missing] = column[~missing].astype(str).to_numpy(dtype=object)
    else:
        dtype = {"int": np.int64, "real": np.float64, "bool": np.bool_}[kind]
        filled = column.where(~missing, 0) if missing.any() else column
        values = filled.to_numpy(dtype=dtype).astype(object)
    if missing.any():
        values[missing] = None
    return values


def decode_column(values: Sequence[object], column: LayerColumn) -> pd.Series:
    """Turn database values into a column of a frame.

    Parameters
    ----------
    values : sequence
        Database values; dates may be ISO text or dates.
    column : LayerColumn
        What they are.

    Returns
    -------
    Series
        Text and dates as object with None, numbers as float64 with NaN, whole numbers as int64 where none is missing or
        a missing one has a meaning, truth values as bool (missing is False).
    """
    array = np.empty(len(values), dtype=object)
    array[:] = values
    if column.kind == "text":
        return pd.Series(array, dtype=object)
    if column.kind == "date":
        codes, uniques = pd.factorize(array)
        dates = np.array([*map(_date, uniques), None], dtype=object)
        return pd.Series(dates[codes], dtype=object)
    if column.kind == "bool":
        return pd.Series(array == 1, dtype=bool)
    if column.kind == "int":
        missing = is_none(array)
        if not missing.any() or column.missing is not None:
            with contextlib.suppress(ValueError):
                array[missing] = column.missing
                return pd.Series(array.astype(np.int64))
    try:
        return pd.Series(array.astype(np.float64))
    except ValueError:  # SQLite lets an outside program put text where a number belongs
        return pd.Series(pd.to_numeric(pd.Series(array), errors="coerce"), dtype=np.float64)


def is_none(values: Values) -> Bool:
    """Tell which database values are missing.

    Parameters
    ----------
    values : ndarray of object
        Database values.

    Returns
    -------
    ndarray of bool
        True where there is none.
    """
    return np.asarray(pd.isna(values), dtype=bool)


def _date(value: object) -> date | None:
    """Read one date; what an outside program wrote wrongly is missing."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _iso(value: object) -> str:
    """Write one date as ISO text."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(pd.Timestamp(str(value)).date())


def _check(spec: Layer, frame: gpd.GeoDataFrame, geometries: NDArray[np.object_]) -> None:
    """Refuse rows that no layer can keep; intake has said so in better words before."""
    ids = frame["id"]
    kinds = np.char.upper(np.array([kind.name for kind in shapely.GeometryType]))
    types = shapely.get_type_id(geometries)
    wrong = (types < 0) | (kinds[types + 1] != spec.geometry) | shapely.is_empty(geometries)
    lines = frame["import_line"] if "import_line" in frame else pd.Series(range(1, len(frame) + 1), index=frame.index)
    findings = (
        (ids.isna().to_numpy(), "missing_id", "id", "缺少编号；每行都要有。", "the id is missing; each row has one."),
        (
            ids.duplicated(keep="first").to_numpy() & ids.notna().to_numpy(),
            "duplicate_id",
            "id",
            "编号重复；同一来源中每个编号只能出现一次。",
            "the id is repeated; an id occurs once per source.",
        ),
        (
            wrong,
            "wrong_geometry",
            None,
            f"几何缺失或类型不符；图层“{spec.title_zh}”只接受 {spec.geometry}。",
            f"the geometry is missing or of another type; layer {spec.name} takes {spec.geometry} only.",
        ),
    )
    problems = [
        Problem(code, "refused", spec.name, int(lines.iloc[row]), field, str(ids.iloc[row]), zh, en)
        for mask, code, field, zh, en in findings
        for row in np.flatnonzero(mask).tolist()
    ]
    if problems:
        raise InputError(
            f"图层“{spec.title_zh}”有 {len(problems)} 处数据无法保存：{problems[0].line('zh')}",
            f"{len(problems)} values of layer {spec.name} cannot be stored: {problems[0].line('en')}",
            problems,
        )
