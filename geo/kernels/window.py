"""Parts of a signed field: which boxes lie whole inside or outside, and the tiles around those that do neither."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from geo.arrays import Int32, UInt8
from geo.kernels.field import TILE

Raster = npt.NDArray[np.float32]
OUTSIDE, INSIDE, MIXED = 0, 1, 2
# A contour needs a ring of values around what it is drawn for, and that ring one more.
_MARGIN = 2


@njit(nogil=True, cache=True)
def judge_boxes(field: Raster, tiles: UInt8, boxes: Int32) -> UInt8:
    """Say of each box whether the inside of a field covers it.

    Parameters
    ----------
    field : Raster
        The field, negative inside, shape (n_y, n_x).
    tiles : UInt8
        Tiles that hold values, as `geo.kernels.field.paint_parts` leaves them.
    boxes : Int32
        First column, first row, last column and last row of each box, whole pixels around what it stands for; they may
        reach beyond the field, shape (n, 4).

    Returns
    -------
    UInt8
        `INSIDE` where every pixel is, `OUTSIDE` where none is, `MIXED` otherwise, shape (n,).
    """
    n_y, n_x = field.shape
    verdict = np.empty(boxes.shape[0], np.uint8)
    for i in range(boxes.shape[0]):
        first_col, first_row = max(boxes[i, 0], 0), max(boxes[i, 1], 0)
        last_col, last_row = min(boxes[i, 2], n_x - 1), min(boxes[i, 3], n_y - 1)
        # Beyond the field everything is outside.
        any_outside = (
            first_col != boxes[i, 0] or first_row != boxes[i, 1] or last_col != boxes[i, 2] or last_row != boxes[i, 3]
        )
        any_inside = False
        for row in range(first_row, last_row + 1):
            for col in range(first_col, last_col + 1):
                if tiles[row // TILE, col // TILE] != 0 and field[row, col] < 0.0:
                    any_inside = True
                else:
                    any_outside = True
            if any_inside and any_outside:
                break
        verdict[i] = MIXED if any_inside and any_outside else (INSIDE if any_inside else OUTSIDE)
    return verdict


@njit(nogil=True, cache=True)
def keep_around(field: Raster, tiles: UInt8, boxes: Int32) -> UInt8:
    """Close a field around some boxes, so that contouring what is left costs what the boxes cost.

    Parameters
    ----------
    field : Raster
        The field; changed in place outside the boxes and the pixels next to them, shape (n_y, n_x).
    tiles : UInt8
        Tiles that hold values.
    boxes : Int32
        Boxes as for `judge_boxes`, shape (n, 4).

    Returns
    -------
    UInt8
        Tiles that hold values now; the field is as it was in and next to the boxes, and its inside ends at the rim of
        these tiles.
    """
    n_y, n_x = field.shape
    kept = np.zeros_like(tiles)
    n_rows, n_cols = tiles.shape
    for i in range(boxes.shape[0]):
        for tile_row in range(
            max(boxes[i, 1] - _MARGIN, 0) // TILE, min(max(boxes[i, 3] + _MARGIN, 0) // TILE, n_rows - 1) + 1
        ):
            for tile_col in range(
                max(boxes[i, 0] - _MARGIN, 0) // TILE, min(max(boxes[i, 2] + _MARGIN, 0) // TILE, n_cols - 1) + 1
            ):
                kept[tile_row, tile_col] = tiles[tile_row, tile_col]
    for tile_row in range(n_rows):
        for tile_col in range(n_cols):
            if kept[tile_row, tile_col] == 0:
                continue
            row_a, row_b = tile_row * TILE, min((tile_row + 1) * TILE, n_y) - 1
            col_a, col_b = tile_col * TILE, min((tile_col + 1) * TILE, n_x) - 1
            for d_row in range(-1, 2):
                for d_col in range(-1, 2):
                    row, col = tile_row + d_row, tile_col + d_col
                    if 0 <= row < n_rows and 0 <= col < n_cols and kept[row, col] != 0:
                        continue
                    # The side, or the corner, that looks to a tile without values becomes outside.
                    first_row, last_row = (row_b, row_b) if d_row > 0 else (row_a, row_a if d_row < 0 else row_b)
                    first_col, last_col = (col_b, col_b) if d_col > 0 else (col_a, col_a if d_col < 0 else col_b)
                    for r in range(first_row, last_row + 1):
                        for c in range(first_col, last_col + 1):
                            field[r, c] = max(field[r, c], np.float32(1.0))
    return kept
