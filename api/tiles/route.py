"""The tile address: a bare ASGI application under the same policy as the items."""

from __future__ import annotations

import gzip
import hashlib
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.auth.policy import readable_layer
from api.auth.principal import Principal
from api.ogc.answer import PRIVATE, is_known, not_modified
from api.tiles.cache import TileCache, TileKey
from api.work import reading
from geo.catalog.map_layer import map_layer
from geo.errors import InputError
from geo.services.tile import Tile, make_tile
from geo.store import Session, state
from geo.store.pages import today
from geo.tiles.matrix import matrix_set

TILE_PATH: Final = "/ogc/collections/{name}/tiles/{matrix}/{zoom}/{row}/{column}"
MEDIA: Final = "application/vnd.mapbox-vector-tile"


class TileRoute:
    """Answers tiles.

    Parameters
    ----------
    cache : TileCache
        Where made ones are kept.
    """

    def __init__(self, cache: TileCache) -> None:
        self._cache = cache

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one tile."""
        request = Request(scope, receive)
        answer = await self._answer(request)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """Find or make the tile."""
        principal: Principal = request.scope["state"]["principal"]
        given = request.path_params
        layer = readable_layer(map_layer(given["name"]), principal)
        matrix = matrix_set(given["matrix"])
        box = matrix.box(given["zoom"], given["row"], given["column"])
        zoom, row, column = (int(given[name]) for name in ("zoom", "row", "column"))
        unknown = sorted(set(request.query_params) - {"f"})
        if unknown or request.query_params.get("f", "mvt") != "mvt":
            raise InputError("瓦片只接受参数 f=mvt", "tiles take the parameter f=mvt only", parameters=unknown or ["f"])

        def work(session: Session) -> tuple[str, Tile | None]:
            now = f"{today().isoformat()}/{state.token(session, [layer.table])}"
            key = TileKey(layer.name, matrix.name, zoom, row, column, principal.visibility, now)
            tag = '"' + hashlib.sha256(repr(key).encode()).hexdigest()[:32] + '"'
            if is_known(request, tag):
                return tag, None
            tile = self._cache.get(key)
            if tile is None:
                # Squares of degrees are twice as many along the equator: zoom 0 there is zoom 1 here.
                depth = zoom if matrix.crs.epsg == 3857 else zoom - matrix.first + 1
                tile = make_tile(session, layer, box, depth, is_public=not principal.roles)
                self._cache.put(key, tile)
            return tag, tile

        tag, tile = await reading(request, work)
        if tile is None:
            return not_modified(tag)
        headers = {**PRIVATE, "ETag": tag}
        body = tile.body
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            body = gzip.decompress(body)
        if tile.whole > tile.shown:
            headers["Tile-Truncated"] = f"{tile.shown}/{tile.whole}"
        return Response(body, media_type=MEDIA, headers=headers)
