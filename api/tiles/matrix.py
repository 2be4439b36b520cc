"""Tile matrix sets: web Mercator, plate carrée, and the one of Tianditu in CGCS2000 degrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from geo.arrays import Float
from geo.datum.output import CRS84, OutputCrs, output_crs
from geo.errors import InputError

DEEPEST: Final = 22
_HALF_MERCATOR_M: Final = 20_037_508.342789244
# OGC's pixel of 0.28 mm, and the metres of a degree at the equator, which its scale denominators are made with.
_PIXEL_M: Final = 0.00028
_DEGREE_M: Final = 111_319.49079327358


@dataclass(frozen=True, slots=True)
class TileBox:
    """Where one tile lies.

    Parameters
    ----------
    crs : OutputCrs
        System of its matrix.
    left, bottom, right, top : float
        Edges, east before north, in the system's unit.
    """

    crs: OutputCrs
    left: float
    bottom: float
    right: float
    top: float

    def to_units(self, points: Float, extent: int) -> Float:
        """Bring positions in degrees into the tile's own units.

        Parameters
        ----------
        points : array of float64, shape (n, 2)
            Longitude and latitude.
        extent : int
            Units along an edge.

        Returns
        -------
        array of float64, shape (n, 2)
            From the upper left corner, y downwards.
        """
        flat = self.crs.forward(points) if self.crs.epsg == 3857 else points
        result = np.empty_like(flat)
        result[:, 0] = (flat[:, 0] - self.left) * (extent / (self.right - self.left))
        result[:, 1] = (self.top - flat[:, 1]) * (extent / (self.top - self.bottom))
        return result

    def degrees(self, margin: float = 0.0) -> tuple[float, float, float, float]:
        """Return the box in degrees.

        Parameters
        ----------
        margin : float
            What to add on every side, as a share of the tile.

        Returns
        -------
        tuple of float
            West, south, east, north.
        """
        x, y = (self.right - self.left) * margin, (self.top - self.bottom) * margin
        corners = np.array([[self.left - x, self.bottom - y], [self.right + x, self.top + y]])
        if self.crs.epsg == 3857:
            corners = self.crs.inverse(corners)
        (west, south), (east, north) = corners.tolist()
        return west, max(south, -90.0), east, min(north, 90.0)


@dataclass(frozen=True, slots=True)
class MatrixSet:
    """A tile matrix set.

    Parameters
    ----------
    name : str
        Identifier.
    uri : str or None
        Identifier in the OGC register, where it stands there.
    title_zh : str
        Title.
    crs : OutputCrs
        Coordinate system.
    first : int
        First zoom; below there is no matrix.
    columns, rows : int
        Tiles of the first zoom.
    left, top, tile : float
        Upper left corner and side of a tile of the first zoom, in the system's unit, east before north.
    """

    name: str
    uri: str | None
    title_zh: str
    crs: OutputCrs
    first: int
    columns: int
    rows: int
    left: float
    top: float
    tile: float

    def box(self, zoom: int, row: int, column: int) -> TileBox:
        """Return where a tile lies.

        Parameters
        ----------
        zoom, row, column : int
            Its address; rows go down.

        Returns
        -------
        TileBox
            Its edges.

        Raises
        ------
        InputError
            There is no such tile.
        """
        if not self.first <= zoom <= DEEPEST:
            raise InputError(
                f"没有第 {zoom} 级；可用 {self.first} 到 {DEEPEST} 级",
                f"no zoom {zoom}; allowed: {self.first} to {DEEPEST}",
                parameters=["tileMatrix"],
            )
        times = 1 << (zoom - self.first)
        if not (0 <= row < self.rows * times and 0 <= column < self.columns * times):
            raise InputError(
                f"第 {zoom} 级没有第 {row} 行第 {column} 列；可用 0–{self.rows * times - 1} 行、"
                f"0–{self.columns * times - 1} 列",
                f"zoom {zoom} has no row {row}, column {column}; allowed: rows 0-{self.rows * times - 1}, "
                f"columns 0-{self.columns * times - 1}",
                parameters=["tileRow", "tileCol"],
            )
        side = self.tile / times
        left, top = self.left + column * side, self.top - row * side
        return TileBox(self.crs, left, top - side, left + side, top)

    def to_json(self) -> dict[str, object]:
        """Return the set as OGC's standard for tile matrix sets writes it.

        Returns
        -------
        dict
            Plain JSON values.
        """
        metre = 1.0 if self.crs.epsg == 3857 else _DEGREE_M
        corner = [self.top, self.left] if self.crs.is_north_first else [self.left, self.top]
        matrices = []
        for zoom in range(self.first, DEEPEST + 1):
            times = 1 << (zoom - self.first)
            cell = self.tile / times / 256
            matrices.append(
                {
                    "id": str(zoom),
                    "scaleDenominator": cell * metre / _PIXEL_M,
                    "cellSize": cell,
                    "pointOfOrigin": corner,
                    "tileWidth": 256,
                    "tileHeight": 256,
                    "matrixWidth": self.columns * times,
                    "matrixHeight": self.rows * times,
                }
            )
        found: dict[str, object] = {"id": self.name, "title": self.title_zh, "crs": self.crs.uri}
        if self.uri is not None:
            found["uri"] = self.uri
        return {**found, "tileMatrices": matrices}


_REGISTER: Final = "http://www.opengis.net/def/tilematrixset/OGC/1.0"
MATRIX_SETS: Final[Mapping[str, MatrixSet]] = MappingProxyType(
    {
        found.name: found
        for found in (
            MatrixSet(
                "WebMercatorQuad", f"{_REGISTER}/WebMercatorQuad", "网络墨卡托", output_crs("EPSG:3857"),
                0, 1, 1, -_HALF_MERCATOR_M, _HALF_MERCATOR_M, 2 * _HALF_MERCATOR_M,
            ),
            MatrixSet(
                "WorldCRS84Quad", f"{_REGISTER}/WorldCRS84Quad", "经纬度（CRS84）", output_crs(CRS84),
                0, 2, 1, -180.0, 90.0, 180.0,
            ),
            # Tianditu's "c": the same squares of degrees, counted from 1.
            MatrixSet(
                "TiandituC", None, "天地图经纬度（CGCS2000）", output_crs("EPSG:4490"),
                1, 2, 1, -180.0, 90.0, 180.0,
            ),
        )
    }
)  # fmt: skip
"""Every set by name."""
