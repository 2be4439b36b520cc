"""Tile matrix sets: web Mercator, plate carrée, and Tianditu's in CGCS2000 degrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from geo.arrays import Float
from geo.datum.output import CRS84, OutputCrs, output_crs
from geo.errors import InputError, NotFoundError

DEEPEST: Final = 22
"""Last zoom of every set."""
_MERCATOR_EPSG: Final = 3857
_HALF_MERCATOR_M: Final = 20_037_508.342789244
# OGC's pixel of 0.28 mm, and the metres of a degree at the equator, which scale denominators are made with.
_PIXEL_M: Final = 0.00028
_DEGREE_M: Final = 111_319.49079327358
_PIXELS: Final = 256

Box = tuple[float, float, float, float]
"""West, south, east and north in degrees, as EPSG:4490 is stored: longitude before latitude."""


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

    @property
    def is_mercator(self) -> bool:
        """Whether the tile's system is web Mercator, not degrees.

        Returns
        -------
        bool
            True for EPSG:3857.
        """
        return self.crs.epsg == _MERCATOR_EPSG

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
        flat = self.crs.forward(points) if self.is_mercator else points
        result = np.empty_like(flat)
        result[:, 0] = (flat[:, 0] - self.left) * (extent / (self.right - self.left))
        result[:, 1] = (self.top - flat[:, 1]) * (extent / (self.top - self.bottom))
        return result

    def degrees(self, margin: float = 0.0) -> Box:
        """Return the box in degrees.

        Parameters
        ----------
        margin : float
            What to add on every side, as a share of the tile.

        Returns
        -------
        tuple of float
            West, south, east, north; never beyond the poles or the 180th meridian.
        """
        x, y = (self.right - self.left) * margin, (self.top - self.bottom) * margin
        corners = np.array([[self.left - x, self.bottom - y], [self.right + x, self.top + y]])
        if self.is_mercator:
            corners = self.crs.inverse(corners)
        (west, south), (east, north) = corners.tolist()
        return max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)


@dataclass(frozen=True, slots=True)
class TileRange:
    """The tiles of one zoom that cover a box.

    Parameters
    ----------
    zoom : int
        Zoom.
    first_row, last_row, first_column, last_column : int
        Addresses, both ends included; rows go down.
    """

    zoom: int
    first_row: int
    last_row: int
    first_column: int
    last_column: int

    def __len__(self) -> int:
        return (self.last_row - self.first_row + 1) * (self.last_column - self.first_column + 1)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        for row in range(self.first_row, self.last_row + 1):
            for column in range(self.first_column, self.last_column + 1):
                yield self.zoom, row, column

    def to_json(self) -> dict[str, object]:
        """Return the range as OGC's limits of a tile matrix.

        Returns
        -------
        dict
            Plain JSON values.
        """
        return {
            "tileMatrix": str(self.zoom),
            "minTileRow": self.first_row,
            "maxTileRow": self.last_row,
            "minTileCol": self.first_column,
            "maxTileCol": self.last_column,
        }


@dataclass(frozen=True, slots=True)
class MatrixSet:
    """A tile matrix set.

    Parameters
    ----------
    name : str
        Identifier.
    title_zh, title_en : str
        Titles.
    crs : OutputCrs
        Coordinate system.
    first : int
        First zoom; below there is no matrix.
    columns, rows : int
        Tiles of the first zoom.
    left, top, tile : float
        Upper left corner and side of a tile of the first zoom, in the system's unit, east before north.
    uri, scale_set : str or None
        Identifiers of the set and of its scales in the OGC register, where they stand there.
    """

    name: str
    title_zh: str
    title_en: str
    crs: OutputCrs
    first: int
    columns: int
    rows: int
    left: float
    top: float
    tile: float
    uri: str | None = None
    scale_set: str | None = None

    def box(self, zoom: int | str, row: int | str, column: int | str) -> TileBox:
        """Return where a tile lies.

        Parameters
        ----------
        zoom, row, column : int or str
            Its address, as numbers or as an address is written; rows go down.

        Returns
        -------
        TileBox
            Its edges.

        Raises
        ------
        InputError
            There is no such tile.
        """
        z = _number(zoom, self.first, DEEPEST, "级别", "zoom", "tileMatrix", self)
        times = 1 << (z - self.first)
        y = _number(row, 0, self.rows * times - 1, f"第 {z} 级的行号", f"row of zoom {z}", "tileRow", self)
        x = _number(column, 0, self.columns * times - 1, f"第 {z} 级的列号", f"column of zoom {z}", "tileCol", self)
        side = self.tile / times
        left, top = self.left + x * side, self.top - y * side
        return TileBox(self.crs, left, top - side, left + side, top)

    def cover(self, box: Box, zoom: int) -> TileRange:
        """Find the tiles that have something in common with a box.

        Parameters
        ----------
        box : tuple of float
            West, south, east, north in degrees; what lies outside the set is cut off. A tile that only touches the
            box from the east or south is left out.
        zoom : int
            Zoom.

        Returns
        -------
        TileRange
            At least one tile.

        Raises
        ------
        InputError
            The set has no such zoom, or the box is none.
        """
        z = _number(zoom, self.first, DEEPEST, "级别", "zoom", "tileMatrix", self)
        west, south, east, north = box
        if not (west <= east and south <= north):
            raise InputError(
                f"范围 {box} 无效；应依次为西、南、东、北（度），西不大于东，南不大于北",
                f"{box} is no box; allowed: west, south, east, north in degrees, west ≤ east and south ≤ north",
                parameters=["bbox"],
            )
        times = 1 << (z - self.first)
        corners = np.array([[west, north], [east, south]], dtype=np.float64)
        flat = self.crs.forward(corners) if self.crs.epsg == _MERCATOR_EPSG else corners
        side = self.tile / times
        columns, rows = (flat[:, 0] - self.left) / side, (self.top - flat[:, 1]) / side
        first_column, last_column = _span(columns[0], columns[1], self.columns * times)
        first_row, last_row = _span(rows[0], rows[1], self.rows * times)
        return TileRange(z, first_row, last_row, first_column, last_column)

    def to_json(self) -> dict[str, object]:
        """Return the set as OGC's standard for tile matrix sets writes it.

        Returns
        -------
        dict
            Plain JSON values.
        """
        metre = _DEGREE_M if self.crs.is_degrees else 1.0
        corner = [self.top, self.left] if self.crs.is_north_first else [self.left, self.top]
        matrices = []
        for zoom in range(self.first, DEEPEST + 1):
            times = 1 << (zoom - self.first)
            cell = self.tile / times / _PIXELS
            matrices.append(
                {
                    "id": str(zoom),
                    "scaleDenominator": cell * metre / _PIXEL_M,
                    "cellSize": cell,
                    "cornerOfOrigin": "topLeft",
                    "pointOfOrigin": corner,
                    "tileWidth": _PIXELS,
                    "tileHeight": _PIXELS,
                    "matrixWidth": self.columns * times,
                    "matrixHeight": self.rows * times,
                }
            )
        axes = ["Lat", "Lon"] if self.crs.is_north_first else ["Lon", "Lat"] if self.crs.is_degrees else ["E", "N"]
        head: dict[str, object] = {"id": self.name, "title": self.title_zh, "crs": self.crs.uri, "orderedAxes": axes}
        if self.uri is not None:
            head["uri"] = self.uri
        if self.scale_set is not None:
            head["wellKnownScaleSet"] = self.scale_set
        return {**head, "tileMatrices": matrices}


def _number(value: int | str, low: int, high: int, zh: str, en: str, parameter: str, matrix: MatrixSet) -> int:
    """A part of an address, if it is a number within its bounds."""
    # Signs, spaces, underscores and the digits of other scripts are not how an address is written.
    is_written = not isinstance(value, str) or (value.isascii() and value.isdigit() and len(value) < 19)
    if is_written and low <= int(value) <= high:
        return int(value)
    shown = str(value)[:40]
    raise InputError(
        f"{matrix.title_zh}没有{zh}“{shown}”；可用 {low} 到 {high}",
        f"{matrix.name} has no {en} '{shown}'; allowed: {low} to {high}",
        parameters=[parameter],
        allowed=[low, high],
    )


def _span(begin: float, end: float, count: int) -> tuple[int, int]:
    """First and last tile between two places counted in tiles."""
    first = min(max(int(np.floor(begin)), 0), count - 1)
    return first, min(max(int(np.ceil(end)) - 1, first), count - 1)


_REGISTER: Final = "http://www.opengis.net/def/tilematrixset/OGC/1.0"
_SCALES: Final = "http://www.opengis.net/def/wkss/OGC/1.0"
MATRIX_SETS: Final[Mapping[str, MatrixSet]] = MappingProxyType(
    {
        found.name: found
        for found in (
            MatrixSet(
                "WebMercatorQuad", "网络墨卡托", "Web Mercator", output_crs("EPSG:3857"),
                0, 1, 1, -_HALF_MERCATOR_M, _HALF_MERCATOR_M, 2 * _HALF_MERCATOR_M,
                f"{_REGISTER}/WebMercatorQuad", f"{_SCALES}/GoogleMapsCompatible",
            ),
            MatrixSet(
                "WorldCRS84Quad", "经纬度（CRS84）", "Longitude and latitude (CRS84)", output_crs(CRS84),
                0, 2, 1, -180.0, 90.0, 180.0,
                f"{_REGISTER}/WorldCRS84Quad", f"{_SCALES}/GoogleCRS84Quad",
            ),
            # Tianditu's "c": the same squares of degrees, counted from 1.
            MatrixSet(
                "TiandituC", "天地图经纬度（CGCS2000）", "Tianditu, longitude and latitude (CGCS2000)",
                output_crs("EPSG:4490"), 1, 2, 1, -180.0, 90.0, 180.0,
            ),
        )
    }
)  # fmt: skip
"""Every set by name."""


def matrix_set(name: str) -> MatrixSet:
    """Find a tile matrix set.

    Parameters
    ----------
    name : str
        Its identifier.

    Returns
    -------
    MatrixSet
        The set.

    Raises
    ------
    NotFoundError
        There is none of this name.
    """
    found = MATRIX_SETS.get(name)
    if found is None:
        known = ", ".join(MATRIX_SETS)
        raise NotFoundError(
            f"没有瓦片矩阵集“{name[:40]}”；可用：{known}",
            f"no tile matrix set '{name[:40]}'; allowed: {known}",
            matrix=name[:40],
        )
    return found
