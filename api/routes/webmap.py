"""The web map: its page, and the scripts and styles it is made of."""

from __future__ import annotations

from typing import Annotated, Final

import anyio
from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from api.auth.principal import Principal
from api.guard import Guard
from api.middleware import POLICY_HEADER
from api.ogc.answer import is_tag_known
from api.webmap import HASHED, MAP_HOME, WebMap

router = APIRouter()
Anybody = Annotated[Principal, Depends(Guard("public"))]
_FOREVER: Final = "public, max-age=31536000, immutable"


@router.get("/map", include_in_schema=False)
async def home(request: Request, principal: Anybody) -> Response:
    """Send whoever leaves out the last stroke to the map.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        The way to the map, with the view that was asked for.
    """
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{MAP_HOME}{query}", 303, headers={"Cache-Control": "no-cache"})


@router.get("/map/{path:path}", include_in_schema=False)
async def file(request: Request, principal: Anybody, path: str) -> Response:
    """Serve one file of the map, or for an address that is a view of it, its page.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.
    path : str
        Path in the build, or a view's.

    Returns
    -------
    Response
        A file. What has a hash in its name may be kept for good, the page is asked for again every time.

    Raises
    ------
    NotFoundError
        The map is not built, or has no such file.
    """
    build: WebMap = request.app.state.web_map
    name, found = await anyio.to_thread.run_sync(build.find, path)
    headers = {
        "ETag": found.tag,
        "Cache-Control": _FOREVER if name.startswith(HASHED) else "no-cache",
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": POLICY_HEADER,
    }
    if is_tag_known(request.headers.get("if-none-match", ""), found.tag):
        return Response(status_code=304, headers=headers)
    if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, media_type=found.media, headers={**headers, "Content-Encoding": "gzip"})
    return Response(found.body, media_type=found.media, headers=headers)
