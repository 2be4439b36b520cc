"""360,000 grid polygons with four attributes, in a store of either kind and as a plain table for the peers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Final

import geopandas as gpd
import numpy as np
import psycopg
import shapely

from geo.store import imports, layers, maintenance, open_store
from geo.tiles.matrix import MATRIX_SETS

N_POLYGONS: Final = 360_000
LAYER: Final = "divisions"
"""The served layer; its table has exactly four attributes besides its dates, and anybody may read it."""
TABLE: Final = "admin_divisions"
PEER_TABLE: Final = "parcels"
ATTRIBUTES: Final = ("name", "code", "level", "parent_code")
TILE_POLYGONS: Final = 462
"""About so many polygons lie in a tile of zoom 14."""
_LEVELS: Final = ("county", "township", "village")
_WEST, _SOUTH = 117.5, 36.0


def grid(rows: int) -> gpd.GeoDataFrame:
    """Return a grid of polygons with five corners, with the density of `TILE_POLYGONS`."""
    side = int(np.ceil(np.sqrt(rows)))
    # A tile of zoom 14 spans 360 / 2^14 degrees of longitude; squares on the map, so latitude is scaled.
    step = 360.0 / 2**14 / np.sqrt(TILE_POLYGONS)
    x, y = (axis.ravel()[:rows] for axis in np.meshgrid(np.arange(side), np.arange(side)))
    x, y = _WEST + x * step, _SOUTH + y * step * np.cos(np.radians(_SOUTH + side * step / 2))
    outline = ((0, 0), (0.8, 0), (0.8, 0.7), (0.4, 0.8), (0, 0.7), (0, 0))
    corners = np.stack([np.stack([x + dx * step, y + dy * step * 0.8], 1) for dx, dy in outline], axis=1)
    number = np.arange(rows)
    codes = np.char.add("3799", np.char.zfill(number.astype(str), 8)).astype(object)
    return gpd.GeoDataFrame(
        {
            "id": codes,
            "code": codes,
            "name": [f"示范{value % 997}村" for value in number],
            "level": np.array(_LEVELS, dtype=object)[number % 3],
            "parent_code": [f"3799{value % 89:02d}" for value in number],
            "import_line": number + 2,
        },
        geometry=shapely.polygons(np.round(corners, 7)),
        crs=4490,
    )


def fill(url: str, rows: int = N_POLYGONS) -> None:
    """Make a store and put the grid into it; on PostGIS also into a table for the peers."""
    if "://" in url:
        maintenance.upgrade(url)
    frame = grid(rows)
    with open_store(url) as store, store.session() as session:
        one = imports.register(
            session, layer=TABLE, source="bench", file_name="bench", sha256="0", actor="bench", parameters="{}"
        )
        counts = layers.sync_layer(session, TABLE, frame, source="bench", import_id=one, on=date(2025, 1, 1))
        imports.finish(session, one, counts, rows_read=rows)
    if "://" in url:
        columns = ", ".join(ATTRIBUTES)
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(
                f"CREATE TABLE {PEER_TABLE} AS SELECT fid::int AS fid, {columns}, geom FROM {TABLE}".encode()
            )
            connection.execute(f"ALTER TABLE {PEER_TABLE} ADD PRIMARY KEY (fid)".encode())
            connection.execute(f"CREATE INDEX ON {PEER_TABLE} USING gist (geom)".encode())
            connection.execute(b"VACUUM ANALYZE")


@contextmanager
def database(cluster: str, name: str) -> Iterator[str]:
    """Make a database, yield its URL, and drop it."""
    plain = cluster.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    try:
        yield cluster.rsplit("/", 1)[0] + "/" + name
    finally:
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def tiles(zoom: int, rows: int = N_POLYGONS) -> list[tuple[int, int]]:
    """Return row and column of the tiles of a zoom that the grid fills, edges left out."""
    side = int(np.ceil(np.sqrt(rows)))
    step = 360.0 / 2**14 / np.sqrt(TILE_POLYGONS)
    height = side * step * np.cos(np.radians(_SOUTH + side * step / 2))
    chosen = MATRIX_SETS["WebMercatorQuad"]
    flat = chosen.crs.forward(np.array([[_WEST, _SOUTH], [_WEST + side * step, _SOUTH + height]]))
    edge = chosen.tile / (1 << zoom)
    left, right = np.ceil((flat[0, 0] - chosen.left) / edge), np.floor((flat[1, 0] - chosen.left) / edge)
    top, bottom = np.ceil((chosen.top - flat[1, 1]) / edge), np.floor((chosen.top - flat[0, 1]) / edge)
    return [(row, column) for row in range(int(top), int(bottom)) for column in range(int(left), int(right))]
