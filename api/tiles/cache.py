"""Tiles kept in memory, keyed by everything they depend on, so that none can be stale."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from geo.services.tile import Tile

KEPT_BYTES: Final = 96 * 1024 * 1024
"""Bytes of tiles that one process keeps."""


@dataclass(frozen=True, slots=True)
class TileKey:
    """What a tile depends on.

    Parameters
    ----------
    layer, matrix : str
        Layer and matrix set.
    zoom, row, column : int
        Address.
    visibility : str
        Who sees the same.
    state : str
        State of the layer's table and the day: another after every change, in the same transaction.
    """

    layer: str
    matrix: str
    zoom: int
    row: int
    column: int
    visibility: str
    state: str

    @property
    def tag(self) -> str:
        """Return the strong entity tag of the tile.

        Returns
        -------
        str
            With its quotes.
        """
        return '"' + hashlib.sha256(repr(self).encode()).hexdigest()[:32] + '"'


class TileCache:
    """The tiles asked for last; threads may share it.

    Parameters
    ----------
    most_bytes : int
        Bytes kept; 0 for none.
    """

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most = most_bytes
        self._size = 0
        self._tiles: OrderedDict[TileKey, Tile] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: TileKey) -> Tile | None:
        """Return a kept tile.

        Parameters
        ----------
        key : TileKey
            What it depends on.

        Returns
        -------
        Tile or None
            None when it is not kept.
        """
        with self._lock:
            tile = self._tiles.get(key)
            if tile is not None:
                self._tiles.move_to_end(key)
            return tile

    def put(self, key: TileKey, tile: Tile) -> None:
        """Keep a tile, and let go of those asked for longest ago.

        Parameters
        ----------
        key : TileKey
            What it depends on.
        tile : Tile
            The tile.
        """
        if self._most <= 0:
            return
        with self._lock:
            before = self._tiles.pop(key, None)
            self._size += len(tile.body) - (len(before.body) if before else 0)
            self._tiles[key] = tile
            while self._size > self._most and len(self._tiles) > 1:
                _, gone = self._tiles.popitem(last=False)
                self._size -= len(gone.body)
