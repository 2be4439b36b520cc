"""PMTiles 3: tiles in one file that is read by ranges, each different tile once, in the order of Hilbert's curve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from geo.errors import InputError

Address = tuple[int, int, int]
"""Zoom, column and row of web Mercator."""


@dataclass(frozen=True, slots=True)
class ArchiveHead:
    """What an archive says of itself.

    Parameters
    ----------
    box : tuple of float
        West, south, east, north in degrees.
    centre_zoom : int
        Zoom that a viewer begins with.
    metadata : Mapping
        Name, description, layers, and whatever else JSON holds.
    """

    box: tuple[float, float, float, float]
    centre_zoom: int
    metadata: Mapping[str, object]


def tile_order(address: Address) -> int:
    """Return the place of a tile in an archive.

    Parameters
    ----------
    address : tuple of int
        Zoom, column, row.

    Returns
    -------
    int
        Its number: zoom by zoom, along Hilbert's curve.
    """
    return int(zxy_to_tileid(*address))


def write_pmtiles(path: Path, tiles: Iterable[tuple[Address, bytes]], head: ArchiveHead) -> int:
    """Write an archive of compressed vector tiles.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    tiles : iterable of (tuple of int, bytes)
        Tiles in `tile_order`, compressed with gzip; empty ones do not belong in an archive.
    head : ArchiveHead
        What it says of itself; asked for when every tile is written.

    Returns
    -------
    int
        Tiles written, repeated ones included.

    Raises
    ------
    InputError
        There is not a single tile.
    ValueError
        A tile is out of order.
    """
    before, count = -1, 0
    with path.open("wb") as file:
        writer: Any = Writer(file)  # type: ignore[no-untyped-call]
        try:
            for address, body in tiles:
                number = tile_order(address)
                if number <= before:
                    raise ValueError(f"tile {address} is out of order")
                writer.write_tile(number, body)
                before, count = number, count + 1
            if count == 0:
                raise InputError(
                    "所选范围内没有要素，无法写成瓦片文件",
                    "there is no feature in what was asked for, so there are no tiles to write",
                )
            west, south, east, north = (round(degrees * 10_000_000) for degrees in head.box)
            writer.finalize(
                {
                    "tile_type": TileType.MVT,
                    "tile_compression": Compression.GZIP,
                    "min_lon_e7": west,
                    "min_lat_e7": south,
                    "max_lon_e7": east,
                    "max_lat_e7": north,
                    "center_zoom": head.centre_zoom,
                    "center_lon_e7": (west + east) // 2,
                    "center_lat_e7": (south + north) // 2,
                },
                dict(head.metadata),
            )
        finally:
            writer.tile_f.close()
    return count
