"""The compact forms read back to what went in."""

from __future__ import annotations

import base64

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.report.encode import PRECISION_DEG, ShapeWriter, pack, pack_varints, pack_walks, simplify_coverage


def read_varints(text: str) -> list[int]:
    """The page's reader, in slow Python."""
    out, value, shift = [], 0, 0
    for byte in base64.b64decode(text):
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            out.append(-(value + 1) // 2 if value % 2 else value // 2)
            value = shift = 0
    return out


@given(st.lists(st.integers(-(2**31) + 1, 2**31 - 1)))
def test_integers_survive_as_varints(values: list[int]) -> None:
    assert read_varints(pack_varints(np.array(values, dtype=np.int64))) == values


def test_missing_walks_have_a_value_of_their_own() -> None:
    packed = base64.b64decode(pack_walks([None, float("nan"), float("inf"), 0.4, 899.6, 1e9]))
    assert list(np.frombuffer(packed, "<u2")) == [65535, 65535, 65535, 0, 900, 65534]


def test_arrays_are_little_endian() -> None:
    assert base64.b64decode(pack([1, -1], "i4")) == b"\x01\x00\x00\x00\xff\xff\xff\xff"


def test_shapes_come_back_to_drawing_precision() -> None:
    hole = shapely.Polygon([(118, 36), (119, 36), (119, 37)], [[(118.5, 36.2), (118.6, 36.2), (118.6, 36.3)]])
    line = shapely.LineString([(118.1, 36.1), (118.1, 36.1), (118.2, 36.25)])
    writer = ShapeWriter()
    assert [writer.add(hole), writer.add(line), writer.add(None), writer.add(shapely.Point(1, 1))] == [0, 1, -1, -1]
    packed = writer.packed()
    assert read_varints(packed["counts"]) == [2, 1]
    assert read_varints(packed["sizes"]) == [4, 4, 2]
    points = np.cumsum(np.array(read_varints(packed["deltas"])).reshape(-1, 2), axis=0) * PRECISION_DEG
    expected = np.concatenate([shapely.get_coordinates(hole), [(118.1, 36.1), (118.2, 36.25)]])
    np.testing.assert_allclose(points, expected, atol=PRECISION_DEG)


def test_neighbours_share_their_border_after_simplification() -> None:
    t = np.linspace(0, 1, 200)
    wave = np.column_stack((1 + 0.01 * np.sin(40 * t), t))
    left = shapely.Polygon([(0, 0), *wave, (0, 1)])
    right = shapely.Polygon([(2, 0), *wave, (2, 1)])
    simple = simplify_coverage([left, right], 0.05)
    assert shapely.get_num_coordinates(simple[0]) < shapely.get_num_coordinates(left)
    assert shapely.union_all(simple).area == simple[0].area + simple[1].area
