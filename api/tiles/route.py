"""The tile address: a bare ASGI application under the same policy as the items.

A tile that is kept, or that the client has, needs no database: the store's watch knows the layer's present state.
"""

from __future__ import annotations

import gzip
import os
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

import anyio
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.auth.policy import readable_layer, tables_behind
from api.auth.principal import Principal
from api.ogc.answer import PRIVATE, is_tag_known
from api.ogc.feature_query import seen_query
from api.tiles.cache import TileCache, TileKey
from api.work import present_state, reading
from geo.catalog.map_layer import MapLayer, map_layer
from geo.errors import InputError
from geo.services.tile import Tile, make_tile
from geo.store import Session, state
from geo.store.pages import today
from geo.tiles.matrix import MatrixSet, TileBox, matrix_set

TILE_PATH: Final = "/ogc/collections/{name}/tiles/{matrix}/{zoom}/{row}/{column}"
MEDIA: Final = "application/vnd.mapbox-vector-tile"
_KEPT_ADDRESSES: Final = 8_192
_MAKERS: Final = max(2, os.cpu_count() or 2)
"""Threads that make tiles of PostGIS: as many as can compute, so that other questions find a connection free. On SQLite
one: two that take rows in turn, each row in the interpreter's lock, take longer than one after the other."""
_PRIVATE: Final = [(name.lower().encode(), value.encode()) for name, value in PRIVATE.items()]


class TileRoute:
    """Answers tiles.

    Parameters
    ----------
    cache : TileCache
        Where made ones are kept.
    """

    def __init__(self, cache: TileCache) -> None:
        self._cache = cache
        self._makers: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one tile."""
        principal: Principal = scope["state"]["principal"]
        given = scope["path_params"]
        readable_layer(given["name"], principal)
        layer, matrix, box, place = _address(
            given["name"], given["matrix"], given["zoom"], given["row"], given["column"]
        )
        tables = tables_behind(layer, principal)
        if scope["query_string"]:
            _check_query(scope["query_string"].decode("latin-1"))
        known, takes_gzip = _wishes(scope)

        def key_at(token: str) -> TileKey:
            return TileKey(layer.name, matrix.name, *place, principal.visibility, f"{today().isoformat()}/{token}")

        def kept(key: TileKey) -> tuple[str, Tile | None] | None:
            tile = self._cache.get(key)
            tag = key.tag if tile is None else tile.tag
            if known is not None and is_tag_known(known, tag):
                return tag, None
            return None if tile is None else (tag, tile)

        def work(session: Session) -> tuple[str, Tile | None]:
            key = key_at(state.token(session, tables))
            found = kept(key)
            if found is not None:
                return found
            # Squares of degrees are twice as many along the equator: zoom 0 there is zoom 1 here.
            depth = place[0] if matrix.crs.epsg == 3857 else place[0] - matrix.first + 1
            tile = make_tile(session, layer, box, depth, seen_query(layer, principal), tag=key.tag)
            self._cache.put(key, tile)
            return key.tag, tile

        present = present_state(scope)
        found = None if present is None else kept(key_at(present.token(tables)))
        if found is None:
            if self._makers is None:
                self._makers = anyio.CapacityLimiter(1 if scope["app"].state.store.kind == "gpkg" else _MAKERS)
            found = await reading(Request(scope, receive), work, limiter=self._makers)
        tag, tile = found
        await _send(send, tag, tile, takes_gzip=takes_gzip)


@lru_cache(maxsize=_KEPT_ADDRESSES)
def _address(
    name: str, matrix_name: str, zoom: str, row: str, column: str
) -> tuple[MapLayer, MatrixSet, TileBox, tuple[int, int, int]]:
    """Layer, matrix set and place of an address."""
    layer, matrix = map_layer(name), matrix_set(matrix_name)
    return layer, matrix, matrix.box(zoom, row, column), (int(zoom), int(row), int(column))


def _check_query(query: str) -> None:
    """Refuse parameters that tiles do not take."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(given) - {"f"})
    if unknown or given.get("f", "mvt") != "mvt":
        raise InputError("瓦片只接受参数 f=mvt", "tiles take the parameter f=mvt only", parameters=unknown or ["f"])


def _wishes(scope: Scope) -> tuple[str | None, bool]:
    """What the client has, and whether it takes compressed tiles."""
    known, takes_gzip = None, False
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            known = value.decode("latin-1")
        elif name == b"accept-encoding":
            takes_gzip = b"gzip" in value
    return known, takes_gzip


async def _send(send: Send, tag: str, tile: Tile | None, *, takes_gzip: bool) -> None:
    """Send a tile, or that the client has it."""
    headers, status, body = [*_PRIVATE, (b"etag", tag.encode())], 304, b""
    if tile is not None:
        status, body = 200, tile.body
        headers.append((b"content-type", MEDIA.encode()))
        if takes_gzip:
            headers.append((b"content-encoding", b"gzip"))
        else:
            body = gzip.decompress(body)
        headers.append((b"content-length", str(len(body)).encode()))
        if tile.whole > tile.shown:
            headers.append((b"tile-truncated", f"{tile.shown}/{tile.whole}".encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
