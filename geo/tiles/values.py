"""Attributes of a vector tile: every different value once, and each feature's by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import NoneType
from typing import Any, Final, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.arrays import Int, Int32
from geo.errors import InputError
from geo.kernels.mvt import write_values

Column = Sequence[object] | NDArray[Any]
"""One attribute of all features."""

_Kind = Literal["text", "whole", "double", "single", "flag"]
# In the order in which the values of a layer are written.
_KINDS: Final[tuple[_Kind, ...]] = ("text", "whole", "double", "single", "flag")
_LARGEST: Final = np.iinfo(np.int64).max
# Kinds that values of other types than the exact ones below belong to; a flag is a whole number to Python.
_FAMILIES: Final[tuple[tuple[type | tuple[type, ...], _Kind], ...]] = (
    ((bool, np.bool_), "flag"),
    ((int, np.integer), "whole"),
    (np.float32, "single"),
    ((float, np.floating), "double"),
    ((str, bytes, date), "text"),
)


# Types of which no value is missing, asked for exactly; everything else is looked at value by value.
_PRESENT: Final = frozenset((str, bytes, int, bool))
Rows = Int | slice
"""Features, or all of them: a tenth of the time where values are put into an array."""
_ALL: Final = slice(None)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """The values of one kind in one column."""

    key: int
    rows: Rows
    values: Sequence[object] | NDArray[Any]


@dataclass(slots=True)
class _Sorted:
    """Values by kind."""

    pieces: dict[_Kind, list[_Piece]] = field(default_factory=lambda: {kind: [] for kind in _KINDS})

    def add(self, kind: _Kind, key: int, rows: Rows, values: Sequence[object] | NDArray[Any]) -> None:
        """Take values of a kind."""
        if len(values):
            self.pieces[kind].append(_Piece(key, rows, values))


def write_attributes(
    columns: Mapping[str, Column], n: int, rows: Int, layer: str
) -> tuple[list[str], Int32, bytes]:
    """Write the different values of a layer and number them.

    Parameters
    ----------
    columns : mapping of str to sequence or array
        Attributes of all features; bytes are text in UTF-8.
    n : int
        How many features the layer has.
    rows : Int
        Features that are written.
    layer : str
        Name of the layer, for messages.

    Returns
    -------
    keys : list of str
        Names of the attributes of which there is a value.
    codes : Int32
        Number of each feature's value, -1 for none, shape (rows.size, len(keys)).
    values : bytes
        The values as messages of a layer.

    Raises
    ------
    InputError
        A column's length is not `n`, or a value is of a kind that tiles do not have.
    """
    found = _Sorted()
    keys: list[str] = []
    for name, column in columns.items():
        if len(column) != n:
            raise InputError(
                f"图层“{layer}”的属性“{name}”有 {len(column)} 个值；须为 {n} 个，与要素一一对应",
                f"attribute '{name}' of layer '{layer}' has {len(column)} values; allowed: {n}, one for each feature",
                layer=layer,
                attribute=name,
            )
        before = sum(map(len, found.pieces.values()))
        _sort_out(found, len(keys), _chosen(column, rows, n), name, layer)
        if sum(map(len, found.pieces.values())) > before:
            keys.append(name)
    codes = np.full((rows.size, len(keys)), -1, np.int32)
    encoded = _number_texts(found.pieces["text"], codes)
    offset = len(encoded)
    numbers = {}
    for kind in _KINDS[1:]:
        numbers[kind] = _number_numbers(found.pieces[kind], kind, codes, offset)
        offset += numbers[kind].size
    start = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=start[1:])
    message = write_values(
        np.frombuffer(b"".join(encoded), np.uint8),
        start,
        numbers["whole"],
        numbers["double"].astype("<f8").view(np.uint8),
        numbers["single"].astype("<f4").view(np.uint8),
        numbers["flag"],
    )
    return keys, codes, message.tobytes()


def _chosen(column: Column, rows: Int, n: int) -> Column:
    """The values of the features that are written."""
    if rows.size == n:
        return column
    return column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows.tolist()]


def _sort_out(found: _Sorted, key: int, column: Column, name: str, layer: str) -> None:
    """Sort the values of a column by kind."""
    if not isinstance(column, np.ndarray):
        _sort_objects(found, key, column, name, layer)
        return
    sort = column.dtype.kind
    if sort == "b":
        found.add("flag", key, _ALL, column)
    elif sort in "iu" and (column.size == 0 or int(column.max()) <= _LARGEST):
        found.add("whole", key, _ALL, column)
    elif sort == "f":
        rows = np.flatnonzero(~np.isnan(column))
        found.add("single" if column.dtype.itemsize <= 4 else "double", key, rows, column[rows])
    elif sort in "UT":
        found.add("text", key, _ALL, column.tolist())
    elif sort == "M":
        rows = np.flatnonzero(~np.isnat(column))
        found.add("text", key, rows, np.datetime_as_string(column[rows], unit="auto").tolist())
    elif sort == "O":
        _sort_objects(found, key, column.tolist(), name, layer)
    else:
        raise _refusal(column.dtype.name, name, layer)


def _sort_objects(found: _Sorted, key: int, column: Sequence[object], name: str, layer: str) -> None:
    """Sort values that may be anything by kind."""
    rows, values, sorts = _present(column)
    kinds: dict[type, _Kind] = {}
    for sort in sorts:
        kind = next((kind for family, kind in _FAMILIES if issubclass(sort, family)), None)
        if kind is None:
            raise _refusal(sort.__name__, name, layer)
        kinds[sort] = kind
    for kind in set(kinds.values()):
        place, chosen = rows, values
        if len(set(kinds.values())) > 1:
            picked = [i for i, value in enumerate(values) if kinds[type(value)] == kind]
            place, chosen = np.arange(len(column))[rows][picked], [values[i] for i in picked]
        if kind == "text" and any(issubclass(sort, date) for sort in kinds):
            chosen = [value.isoformat() if isinstance(value, date) else value for value in chosen]
        if kind == "whole" and _is_beyond(cast("Sequence[int]", chosen)):
            raise _refusal("int > 64 bit", name, layer)
        found.add(kind, key, place, chosen)


def _present(column: Sequence[object]) -> tuple[Rows, Sequence[object], set[type]]:
    """Values that are not missing: of which features, the values, and their types."""
    sorts = set(map(type, column))
    if sorts <= _PRESENT:
        return _ALL, column, sorts
    if sorts == {NoneType}:
        return _ALL, (), set()
    values = np.empty(len(column), dtype=object)
    values[:] = column
    rows = np.flatnonzero(~pd.isna(values))
    left = values[rows].tolist()
    return rows, left, set(map(type, left))


def _is_beyond(values: Sequence[int]) -> bool:
    """Whether some of at least one whole number need more than 64 bits."""
    return min(values) < -_LARGEST or max(values) > _LARGEST


def _refusal(sort: str, name: str, layer: str) -> InputError:
    """What to say about a kind of value that tiles do not have."""
    return InputError(
        f"图层“{layer}”的属性“{name}”含有类型“{sort}”；可用文本、64 位整数、数值、真假、日期",
        f"attribute '{name}' of layer '{layer}' holds '{sort}'; allowed: text, whole numbers of 64 bits, numbers, "
        "true and false, dates",
        layer=layer,
        attribute=name,
    )


def _number_texts(pieces: Sequence[_Piece], codes: Int32) -> list[bytes]:
    """Number texts in the order in which they come; return the different ones in UTF-8."""
    seen: dict[object, int] = {}
    for piece in pieces:
        # A tenth of the time of asking for one value after the other.
        new = [text for text in dict.fromkeys(piece.values) if text not in seen]
        seen.update(zip(new, range(len(seen), len(seen) + len(new)), strict=True))
        codes[piece.rows, piece.key] = np.fromiter(map(seen.__getitem__, piece.values), np.int32, len(piece.values))
    return [text if isinstance(text, bytes) else str(text).encode() for text in seen]


def _number_numbers(pieces: Sequence[_Piece], kind: _Kind, codes: Int32, offset: int) -> NDArray[Any]:
    """Number numbers of one kind, beginning with `offset`; return the different ones."""
    sort = {"whole": np.int64, "double": np.float64, "single": np.float32, "flag": np.uint8}[kind]
    if not pieces:
        return np.empty(0, sort)
    arrays = [np.asarray(piece.values).astype(sort) for piece in pieces]
    together = np.concatenate(arrays)
    # By their bits, so that zero and minus zero stay apart.
    bits = together.view(np.int64 if together.itemsize == 8 else np.int32 if together.itemsize == 4 else np.uint8)
    different, place = np.unique(bits, return_inverse=True)
    begin = 0
    for piece, array in zip(pieces, arrays, strict=True):
        codes[piece.rows, piece.key] = offset + place[begin : begin + array.size]
        begin += array.size
    return np.ascontiguousarray(different.view(sort))
